"""Entry point: `probe VERB ...` and `python -m probe VERB ...`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; unexpected failures are one sentence on standard error and exit status 4."""
    from probe.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
