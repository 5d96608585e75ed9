"""`probe cluster`: a PipelineRun's objects and logs from the API, joined and judged."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from probe.cli.exits import ExitStatus, fail, status_of, warn
from probe.cli.output import page, print_document
from probe.evidence.base import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probe.cli.documents import Documents
    from probe.cluster.client import Api
    from probe.cluster.fetch import Fetched

_EPILOG = """\b
Examples:
  probe cluster build-and-push-x7k2p -n user1-tenant
  probe cluster build-and-push-x7k2p --save case.json
  probe cluster build-and-push-x7k2p --context prod --no-logs --json
"""

NamespaceOption = Annotated[
    str | None, typer.Option("-n", "--namespace", metavar="NS", help="Without it that of the kubeconfig's context.")
]
ContextOption = Annotated[str | None, typer.Option("--context", metavar="NAME", help="A context of the kubeconfig.")]
KubeconfigOption = Annotated[
    str | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Else $KUBECONFIG, ~/.kube/config, or this pod's account."),
]


def register(application: typer.Typer, verb: str) -> None:
    """Add `cluster`."""
    application.command(verb, epilog=_EPILOG, short_help="A PipelineRun's objects and logs from the API, judged.")(
        cluster
    )


def cluster(
    pipeline_run: Annotated[str, typer.Argument(metavar="PIPELINERUN", help="Its name.")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Keep what was read as one bundle, for probe classify."),
    ] = None,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="Read what the containers printed, too.")] = True,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="For all questions to the API together.")
    ] = "60s",
    json: Annotated[bool, typer.Option("--json", help="Print the verdict document as JSON.")] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Report without failing: exit 0 on any fault.")
    ] = False,
) -> None:
    """Fetch a PipelineRun, its TaskRuns, pods, claims, volumes, events and logs, and judge them.

    Reads only (container/rbac/role.yaml is all that it needs); what is forbidden is said, and the rest used. What
    steps wrote with probe check or probe exec is found in their logs.
    """
    api, _ = reach_api([pipeline_run], namespace, context, kubeconfig, timeout)
    fetched = _fetch(api, pipeline_run, logs=logs)
    found = _read(fetched)
    from probe.classify.judge import judge_case

    document = judge_case(found.reports, found.timelines, found.seals, found.transcripts, found.clusters)
    on_the_page = () if json else document.notes
    for problem in found.problems:
        if problem not in on_the_page:
            warn(problem)
    if json:
        print_document(document.model_dump_json(by_alias=True, indent=2))
    else:
        from probe.report.terminal import print_verdict

        with page() as stream:
            print_verdict(document, stream)
    if save is not None:
        _save(save, found)
    raise typer.Exit(0 if exit_zero else int(status_of(document.verdict)))


def reach_api(
    names: Sequence[str], namespace: str | None, context: str | None, kubeconfig: str | None, timeout: str
) -> tuple[Api, Callable[[], Api]]:
    """The API as told, and the way to it again; whatever is wrong with what was told ends the run with a sentence.

    The way raises NoAccessError: the kubeconfig is read anew, and may be about to be written.
    """
    from probe.cli.values import parse_duration
    from probe.cluster.fetch import is_name
    from probe.cluster.kubeconfig import NoAccessError

    for name in names:
        if not is_name(name):
            fail(f"{name!r} is not a name of a PipelineRun: small letters, digits, - and .")
    if namespace is not None and not is_name(namespace):
        fail(f"{namespace!r} is not a name of a namespace: small letters, digits, - and .")
    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        fail(f"--timeout: {error}")
    if not 0 < seconds <= 3600:
        fail(f"--timeout {timeout}: more than 0, at most 1h")

    def reach() -> Api:
        from probe.cluster.client import Api
        from probe.cluster.kubeconfig import find_reach

        found = find_reach(kubeconfig, context)
        return Api(found, namespace or found.namespace, seconds)

    try:
        return reach(), reach
    except NoAccessError as error:
        fail(str(error))
    except ImportError as error:
        _no_client(error)


def _no_client(error: ImportError) -> NoReturn:
    if (error.name or "").partition(".")[0] in ("lightkube", "httpx2", "msgspec", "yaml"):
        why = "the Kubernetes client is not installed"
    else:
        why = f"the Kubernetes client cannot be loaded: {error}"
    fail(f"{why}: pip install 'pod-probe[cluster]'", ExitStatus.PROBE_FAILED)


def _fetch(api: Api, name: str, *, logs: bool) -> Fetched:
    from probe.cluster.failures import ApiError
    from probe.cluster.fetch import NoRunError, fetch_run

    try:
        return fetch_run(api, name, logs=logs)
    except NoRunError as error:
        fail(str(error))
    except ApiError as error:
        fail(str(error), ExitStatus.PROBE_FAILED)


def _read(fetched: Fetched) -> Documents:
    """What was fetched as evidence: the objects as one cluster, each log as a transcript with the documents in it."""
    from probe.cli.documents import Finder

    found = Finder()
    found.collector.problems += [clip(problem) for problem in fetched.problems]
    for document in fetched.objects:
        found.collector.take(document, "")
    for name, text in fetched.logs:
        found.search(name, text, explicit=False)
    documents = found.documents()
    if not found.collector.empty:
        documents.clusters[-1] = documents.clusters[-1].model_copy(update={"taken": fetched.taken})
    return documents


def _save(path: str, found: Documents) -> None:
    from probe import __version__
    from probe.evidence.casefile import CaseFile
    from probe.evidence.report import Tool

    case = CaseFile(
        tool=Tool(version=__version__),
        evidence=tuple(found.reports),
        timelines=tuple(found.timelines),
        seals=tuple(found.seals),
        transcripts=tuple(found.transcripts),
        clusters=tuple(found.clusters),
    )
    try:
        _write_whole(path, case.model_dump_json(by_alias=True) + "\n")
    except OSError as error:
        fail(f"--save {path}: cannot write it: {error.strerror}", ExitStatus.PROBE_FAILED)
    warn(f"saved: {path}; judge it again with: probe classify {path}")


def _write_whole(path: str, text: str) -> None:
    """Through a temporary file and a rename, on any system (`cli.files` wants descriptors of directories)."""
    data = text.encode("utf-8")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    target = os.path.realpath(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".probe-", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
