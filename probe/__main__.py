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


def main() -> None:
    """Run the command line; unexpected failures are one sentence on standard error and exit status 4."""
    # A run is short and starts often: a tenth of its start went into collecting garbage that loading modules does
    # not make, and into a search of all installed packages for pydantic plugins.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if sys.argv[1:2] == ["watch"] and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # A sidecar that is ended before it has begun has done nothing wrong; as process 1 it would not hear of it.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
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
