"""`probe check` and `probe collect`: look at references, with or without a verdict."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from probe.cli.exits import ExitStatus, fail, status_of, warn
from probe.cli.output import page, print_document
from probe.cli.values import parse_duration, parse_facts
from probe.evidence.path import Want

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.classify.verdict import VerdictDocument
    from probe.cli.documents import Documents
    from probe.collect.gather import Plan
    from probe.evidence.command import CommandOutcome
    from probe.evidence.identity import Identity
    from probe.evidence.report import Reference, Report

_MOST_REFERENCES = 64
"""Each may cost its deadline, and every two of them are compared."""
_CHECK_EPILOG = """\b
Examples:
  probe check oci-archive:/workspace/source/oci/image.tar
  probe check oci-archive:/w/oci/image.tar dir:/w/oci   two names for one
  probe check oci-archive:/w/oci/image.tar docker://quay.io/org/app:1
  probe check oci-archive:/w/oci/image.tar --with build.json
  probe check --want create /workspace/source/oci/new.tar
  probe check --as 1000970000:0:1000970000 oci-archive:/w/oci/image.tar
  skopeo copy ... 2>&1 | probe check --stderr - oci-archive:/w/oci/image.tar
"""
_COLLECT_EPILOG = """\b
Examples:
  probe collect oci-archive:/workspace/source/oci/image.tar -o report.json
  probe collect --context task=push oci-archive:/w/oci/image.tar > push.json
"""

References = Annotated[
    list[str],
    typer.Argument(
        metavar="REF...",
        help="oci-archive:PATH[:TAG], oci:, dir:, docker-archive:, or a plain path. Several are taken as the names "
        "that one hand-over goes by; docker://HOST/REPOSITORY:TAG as what was pushed, to be compared.",
    ),
]
WantOption = Annotated[Want, typer.Option("--want", help="What the task wants to do with it.")]
DeepOption = Annotated[
    bool, typer.Option("--deep", help="Hash every blob, check every diff_id (done unasked up to 16 MiB).")
]
SkopeoOption = Annotated[
    Literal["auto", "always", "never"], typer.Option("--skopeo", help="Ask skopeo too: where it is cheap, or always.")
]
GapOption = Annotated[str, typer.Option("--gap", metavar="DURATION", help="Time between two samples of the file.")]
DeadlineOption = Annotated[
    str, typer.Option("--deadline", metavar="DURATION", help="Longest wait for a mount that does not answer.")
]
LeaseOption = Annotated[
    bool,
    typer.Option("--lease", help="Ask the kernel for a read lease: tells whether a process here has it open to write."),
]
TmpdirOption = Annotated[str, typer.Option("--tmpdir", metavar="DIR", help="skopeo's temp directory.")]
ContextOption = Annotated[
    list[str] | None,
    typer.Option("--context", metavar="KEY=VALUE", help="A fact of the place: task=push, fs-group=1000970000, ..."),
]
TlsOption = Annotated[
    bool,
    typer.Option("--no-tls-verify", help="docker://: take a registry without a good certificate, or with none."),
]
PidOption = Annotated[
    int | None, typer.Option("--pid", metavar="PID", help="Judge by the identity of this process (predicts).")
]


def register(application: typer.Typer, verb: str) -> None:
    """Add `check` or `collect`."""
    if verb == "check":
        application.command("check", epilog=_CHECK_EPILOG, short_help="Look at REF, and say what is wrong and why.")(
            check
        )
    else:
        application.command("collect", epilog=_COLLECT_EPILOG)(collect)


def check(
    references: References,
    json: Annotated[bool, typer.Option("--json", help="Print the verdict document as JSON.")] = False,
    want: WantOption = Want.READ,
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="UID:GID[:GROUPS]", help="Predict for this identity (at most likely)."),
    ] = None,
    caps: Annotated[
        str | None, typer.Option("--caps", metavar="LIST", help="Capabilities of --as: names, all or none (default).")
    ] = None,
    stderr: Annotated[
        str | None,
        typer.Option("--stderr", metavar="FILE", help="Standard error of the command that failed; - reads it here."),
    ] = None,
    deep: DeepOption = False,
    skopeo: SkopeoOption = "auto",
    gap: GapOption = "500ms",
    deadline: DeadlineOption = "20s",
    lease: LeaseOption = False,
    tmpdir: TmpdirOption = "/var/tmp",
    no_tls_verify: TlsOption = False,
    context: ContextOption = None,
    pid: PidOption = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="FILE|DIR", help="Other tasks' evidence to judge this look with, as classify takes it."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the verdict document there too.")
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Report without failing: exit 0 on any fault.")
    ] = False,
) -> None:
    """Look at REF as this identity, here and now, and say what is wrong and why."""
    from probe.cli.given import command_of, predicted
    from probe.collect.gather import gather

    parsed = _parse(references)
    if stderr == "-" and "-" in (with_ or ()):
        fail("--stderr - and --with - both read standard input: give one a file")
    plan = _plan(
        want=want,
        deep=deep,
        skopeo=skopeo,
        gap=gap,
        deadline=deadline,
        lease=lease,
        tmpdir=tmpdir,
        tls_verify=not no_tls_verify,
        context=context,
        predict_for=predicted(as_, caps, pid),
        command=command_of(stderr),
    )
    others = _others(with_)
    document = _judged([gather(reference, plan) for reference in parsed], others)
    text = document.model_dump_json(by_alias=True, indent=2)
    if json:
        print_document(text)
    else:
        from probe.report.terminal import print_verdict

        with page() as stream:
            print_verdict(document, stream)
    if output is not None:
        _write(output, text)
    status = status_of(document.verdict)
    raise typer.Exit(0 if exit_zero else int(status))


def collect(
    references: References,
    json: Annotated[bool, typer.Option("--json", help="Print JSON (collect always does).")] = False,  # noqa: ARG001
    want: WantOption = Want.READ,
    deep: DeepOption = False,
    skopeo: SkopeoOption = "auto",
    gap: GapOption = "500ms",
    deadline: DeadlineOption = "20s",
    lease: LeaseOption = False,
    tmpdir: TmpdirOption = "/var/tmp",
    no_tls_verify: TlsOption = False,
    context: ContextOption = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write there and not to standard output.")
    ] = None,
) -> None:
    """Record the evidence about REF as JSON, without judging it."""
    from probe import __version__
    from probe.collect.gather import gather
    from probe.evidence.report import Bundle, Tool

    parsed = _parse(references)
    plan = _plan(
        want=want,
        deep=deep,
        skopeo=skopeo,
        gap=gap,
        deadline=deadline,
        lease=lease,
        tmpdir=tmpdir,
        tls_verify=not no_tls_verify,
        context=context,
    )
    reports = [gather(reference, plan) for reference in parsed]
    document = reports[0] if len(reports) == 1 else Bundle(tool=Tool(version=__version__), evidence=tuple(reports))
    text = document.model_dump_json(by_alias=True, indent=2)
    if output is None:
        print_document(text)
    else:
        _write(output, text)


def _plan(
    *,
    want: Want,
    deep: bool,
    skopeo: Literal["auto", "always", "never"],
    gap: str,
    deadline: str,
    lease: bool,
    tmpdir: str,
    tls_verify: bool,
    context: Sequence[str] | None,
    predict_for: Identity | None = None,
    command: CommandOutcome | None = None,
) -> Plan:
    from probe.collect.gather import Plan

    try:
        return Plan(
            want=want,
            deadline=parse_duration(deadline),
            gap=parse_duration(gap),
            deep=deep,
            lease=lease,
            skopeo=skopeo,
            temp_directory=tmpdir,
            tls_verify=tls_verify,
            facts=parse_facts(list(context or ())),
            predict_for=predict_for,
            command=command,
            progress=_progress() if deep and sys.stderr.isatty() else None,
        )
    except ValueError as error:
        fail(str(error))


def _parse(texts: Sequence[str]) -> list[Reference]:
    """The references, before anything else is read or waited for."""
    from probe.image.reference import BadReference, parse_reference

    if len(texts) > _MOST_REFERENCES:
        fail(f"{len(texts)} references: at most {_MOST_REFERENCES} are looked at in one run")
    try:
        return [parse_reference(text, registries=True) for text in texts]
    except BadReference as error:
        fail(str(error))


def _others(names: Sequence[str] | None) -> Documents | None:
    """What other tasks told, read before the look: a name that is wrong is known at once."""
    if not names:
        return None
    from probe.cli.documents import read_documents

    found = read_documents(names)
    for problem in found.problems:
        warn(problem)
    if found.empty:
        fail("--with: no evidence in what was given: name documents of pod-probe, objects (oc get -o json) or logs")
    return found


def _judged(reports: Sequence[Report], others: Documents | None) -> VerdictDocument:
    from probe.classify.judge import judge_case

    if others is None:
        return judge_case(reports)
    together = list(dict.fromkeys((*reports, *others.reports)))
    return judge_case(together, others.timelines, others.seals, others.transcripts, others.clusters)


def _write(path: str, text: str) -> None:
    """Write a whole document or nothing: a reader of the file never meets half of one."""
    from probe.cli.files import write_whole

    try:
        write_whole(path, text + "\n")
    except OSError as error:
        fail(f"{path}: cannot write the document: {error.strerror}", ExitStatus.PROBE_FAILED)


def _progress() -> Callable[[int, int], None]:
    """A line on standard error that shows how far the hashing is."""
    from probe.cli.progress import Progress

    return Progress(sys.stderr).show
