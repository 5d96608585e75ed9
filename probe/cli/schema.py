"""`probe schema`: the JSON Schema of the documents."""

from __future__ import annotations

from typing import Annotated

import typer

from probe.cli.exits import fail
from probe.cli.output import print_document

_EPILOG = """\b
Examples:
  probe schema               of what check and classify print
  probe schema report        of what collect prints
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `schema`."""
    application.command(verb, epilog=_EPILOG)(schema)


def schema(
    document: Annotated[
        str,
        typer.Argument(
            metavar="[DOCUMENT]",
            help="verdict, report, bundle, explanation, watch, moment, timeline, timelines, seal, gate, "
            "transcript or cluster.",
        ),
    ] = "verdict",
    json: Annotated[bool, typer.Option("--json", help="Print JSON (schema always does).")] = False,  # noqa: ARG001
) -> None:
    """Print the JSON Schema (2020-12) of a document."""
    from probe.cli.schemas import SCHEMAS, schema_text

    if document not in SCHEMAS:
        fail(f"{document!r} is no document: write {', '.join(SCHEMAS)}")
    print_document(schema_text(document))
