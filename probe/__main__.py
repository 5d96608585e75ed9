"""Entry point: `probe VERB ...` and `python -m probe VERB ...`."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_INTERRUPTED = 130
"""As a shell says it: 128 and the number of SIGINT."""
_ENDED_EARLY = {"watch": 0, "wait": 143, "monitor": 143}
"""Exit status of the verbs that stay, when SIGTERM comes before they have begun. As process 1 of a container they would
not hear of it without a handler. A sidecar that was ended so has done nothing wrong."""


def main() -> None:
    """Run the command line; unexpected failures are one sentence on standard error and exit status 4."""
    # A run is short and starts often: a tenth of its start went into collecting garbage that loading modules does
    # not make, and into a search of all installed packages for pydantic plugins.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    early = _ENDED_EARLY.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if early is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(early))
    try:
        from probe.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before the application was there to say so
        os._exit(_INTERRUPTED)
    with contextlib.suppress(OSError, ValueError):  # the reader of our output may be gone
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)  # nothing is left to do: taking every module apart again would cost another tenth


if __name__ == "__main__":
    main()
