"""`probe classify`: the verdict from documents that were collected before, on any machine."""

from __future__ import annotations

from typing import Annotated

import typer

from probe.cli.exits import fail, status_of, warn
from probe.cli.output import page, print_document

_EPILOG = """\b
Examples:
  probe classify report.json
  probe classify push-internal.json push-quay.json watch.jsonl
  kubectl logs POD | probe classify -
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `classify`."""
    application.command(verb, epilog=_EPILOG)(classify)


def classify(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR...", help="Reports, verdicts, watches, seals; directories are walked; - reads here."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the verdict document as JSON.")] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Report without failing: exit 0 on any fault.")
    ] = False,
) -> None:
    """Judge evidence that was collected before. Needs no cluster, no volume and no Linux."""
    from probe.classify.judge import judge_case
    from probe.cli.documents import read_documents

    found = read_documents(files)
    for problem in found.problems:
        warn(problem)
    if found.empty:
        fail("no evidence in what was given: name documents of pod-probe, objects (oc get -o json) or logs")
    document = judge_case(found.reports, found.timelines, found.seals, found.transcripts, found.clusters)
    if json:
        print_document(document.model_dump_json(by_alias=True, indent=2))
    else:
        from probe.report.terminal import print_verdict

        with page() as stream:
            print_verdict(document, stream)
    raise typer.Exit(0 if exit_zero else int(status_of(document.verdict)))
