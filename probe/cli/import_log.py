"""`probe import-log`: evidence from what people pasted, and from container logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.exits import ExitStatus, fail, warn
from probe.cli.output import page, print_document

if TYPE_CHECKING:
    from probe.evidence.transcript import Transcript

_CONTEXT = {
    "pod": "pod",
    "container": "container",
    "task": "task",
    "namespace": "namespace",
    "pipelinerun": "pipeline_run",
    "pipeline-run": "pipeline_run",
}
_MOST = 512
"""Transcripts of one document."""
_EPILOG = """\b
Examples:
  probe import-log push.log
  oc logs POD -c step-push --timestamps | probe import-log -
  probe import-log paste.txt --context task=push-to-quay --json > push.json
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `import-log`."""
    application.command(verb, epilog=_EPILOG, short_help="Read evidence from logs and pasted output.")(import_log)


def import_log(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Logs, or pasted output; - reads here.")],
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="NAME=VALUE,...", help="Whose it is: pod, container, task, namespace."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the transcript, or a bundle of several, as JSON.")
    ] = False,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the document there too.")
    ] = None,
) -> None:
    """Take logs apart: `id`, `ls -l`, `stat`, `mount`, `df`, errors, exit statuses, digests; each with its line."""
    told = _context(context or [])
    transcripts = [
        one.model_copy(update={"source": one.source.model_copy(update=told)}) for file in files for one in _read(file)
    ]
    if len(transcripts) > _MOST:
        warn(f"more than {_MOST} transcripts; the rest is left out")
    document = _document(transcripts[:_MOST]) if json or output is not None else ""
    if output is not None:
        _write(output, document)
    if json:
        print_document(document)
    else:
        from probe.report.transcript import print_transcripts

        with page() as stream:
            print_transcripts(transcripts[:_MOST], stream)
    understood = any(one.statements for one in transcripts)
    raise typer.Exit(int(ExitStatus.HEALTHY if understood else ExitStatus.INCONCLUSIVE))


def _read(file: str) -> tuple[Transcript, ...]:
    from probe.cli.documents import read_text
    from probe.transcript.importing import import_text

    problems: list[str] = []
    text = read_text(file, problems)
    if text is None:
        fail(problems[0])
    return import_text(text, file)


def _context(given: list[str]) -> dict[str, str]:
    """What was told of the source. Ends the program for a name that is none."""
    told = {}
    for part in (part.strip() for one in given for part in one.split(",")):
        name, equals, value = part.partition("=")
        if name.lower() not in _CONTEXT or not equals or not value or len(value) > 256:
            fail(f"--context {part}: give NAME=VALUE with one of {', '.join(sorted(_CONTEXT))}")
        told[_CONTEXT[name.lower()]] = value
    return told


def _document(transcripts: list[Transcript]) -> str:
    """One transcript, or a bundle of several."""
    if len(transcripts) == 1:
        return transcripts[0].model_dump_json(by_alias=True, indent=2)
    from probe import __version__
    from probe.evidence.casefile import CaseFile
    from probe.evidence.report import Tool

    bundle = CaseFile(tool=Tool(version=__version__), evidence=(), transcripts=tuple(transcripts))
    return bundle.model_dump_json(by_alias=True, indent=2)


def _write(path: str, text: str) -> None:
    from probe.cli.files import write_whole

    try:
        write_whole(path, text + "\n")
    except OSError as error:
        fail(f"{path}: cannot write the document: {error.strerror}", ExitStatus.PROBE_FAILED)
