"""The application: which module holds which verb, and what happens to errors that nobody expected.

Only the module of the verb that is called is imported: a probe in a pod starts often and briefly.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence

import typer

from probe import __version__
from probe.cli.exits import ExitStatus, warn
from probe.cli.output import open_streams, page

VERBS = {
    "check": "probe.cli.check",
    "collect": "probe.cli.check",
    "classify": "probe.cli.judge",
    "explain": "probe.cli.explain",
    "exec": "probe.cli.execute",
    "wait": "probe.cli.wait",
    "seal": "probe.cli.seal",
    "watch": "probe.cli.watch",
    "import-log": "probe.cli.import_log",
    "cluster": "probe.cli.cluster",
    "monitor": "probe.cli.monitor",
    "schema": "probe.cli.schema",
    "demo": "probe.cli.demo",
}
"""Verb, and the module whose `register` adds it; in the order of the help."""

_HELP = """Why could this task not read the image archive on the shared volume, and what fixes it?

Exit status: 0 healthy, 1 fault found, 2 usage, 3 inconclusive, 4 the probe itself failed.
"""
_EPILOG = """\b
Examples:
  probe check oci-archive:/workspace/source/oci/image.tar
  skopeo copy ... 2>err || probe check --stderr err oci-archive:/w/image.tar
  probe check oci-archive:/w/oci/image.tar --json > verdict.json
  probe explain verdict.json --as 1000970000:0:1000970000
"""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    open_streams()
    status = _run(arguments)
    try:
        with page():  # what help and completion left in the buffer
            return status
    except SystemExit as ended:
        return _status(ended.code)


def _run(arguments: Sequence[str]) -> int:
    try:
        result = build(arguments)(args=list(arguments), prog_name="probe", standalone_mode=True)
    except SystemExit as ended:
        return _status(ended.code)
    except KeyboardInterrupt:
        warn("interrupted")
        return 130
    except Exception as error:
        if os.environ.get("PROBE_TRACEBACK"):
            raise
        said = " ".join(str(error).split())[:300]
        warn(f"internal error: {type(error).__name__}: {said} (set PROBE_TRACEBACK=1 for the traceback and report it)")
        return int(ExitStatus.PROBE_FAILED)
    return result if isinstance(result, int) else 0


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application with the verb that `arguments` calls, or with all verbs for help and completion."""
    called = arguments[0] if arguments else ""
    everything = called not in VERBS or "_PROBE_COMPLETE" in os.environ
    application = typer.Typer(
        name="probe",
        help=_HELP,
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=everything,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    )
    application.callback()(_root)
    for verb, module in VERBS.items():
        if everything or verb == called:
            importlib.import_module(module).register(application, verb)
    return application


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pod-probe {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options that belong to no verb."""


def _status(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else int(ExitStatus.PROBE_FAILED)
