"""`probe explain`: who could read this? Component by component, for another identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.exits import ExitStatus, fail, warn
from probe.cli.output import page, print_document
from probe.evidence.path import Want

if TYPE_CHECKING:
    from probe.classify.explanation import Explanation

_EPILOG = """\b
Examples:
  probe explain report.json --as 1000970000:0:1000970000
  probe explain report.json --as 0:0 --caps CAP_DAC_OVERRIDE --want write
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `explain`."""
    application.command(verb, epilog=_EPILOG, short_help="Show who could read what was recorded, and why.")(explain)


def explain(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A report, bundle or verdict document; - reads here.")],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="UID:GID[:GROUPS]", help="The identity; default: the one that looked.")
    ] = None,
    caps: Annotated[
        str | None, typer.Option("--caps", metavar="LIST", help="Its capabilities: names, all or none (default).")
    ] = None,
    want: Annotated[Want | None, typer.Option("--want", help="What it wants to do; default: as recorded.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Show the kernel's decision on every recorded component, and which single change would turn it."""
    from probe.access.credentials import parse_identity
    from probe.classify.explanation import explain as explain_reports
    from probe.cli.documents import read_documents

    if as_ is None and caps is not None:
        fail("--caps belongs to --as")
    found = read_documents([file])
    reports = found.reports
    for problem in found.problems:
        warn(problem)
    if not reports:
        fail(f"{file}: no evidence in it: name a document that probe collect or probe check wrote")
    try:
        identity = parse_identity(as_, caps, like=reports[0].identity) if as_ is not None else None
    except ValueError as error:
        fail(str(error))
    explanation = explain_reports(reports, identity, want)
    if json:
        print_document(explanation.model_dump_json(by_alias=True, indent=2))
    else:
        from probe.report.explanation import print_explanation

        with page() as stream:
            print_explanation(explanation, stream)
    raise typer.Exit(int(_status(explanation)))


def _status(explanation: Explanation) -> ExitStatus:
    answers = {explained.granted for explained in explanation.explanations}
    if False in answers:
        return ExitStatus.FAULT
    return ExitStatus.INCONCLUSIVE if None in answers else ExitStatus.HEALTHY
