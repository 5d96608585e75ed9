"""Real commands that are meant to fail, run by a member of the cast."""

from __future__ import annotations

import os
import subprocess

from support.stage import PUSHER, Person, Stage


def skopeo(stage: Stage, *arguments: str, by: Person = PUSHER) -> str:
    """Standard error of a real skopeo, run as `by`."""

    def act() -> str:
        ran = subprocess.run(
            ["skopeo", "--insecure-policy", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/", "XDG_RUNTIME_DIR": str(stage.root)},
            cwd="/",
        )
        assert ran.returncode != 0, "the command was meant to fail"
        return ran.stderr

    return stage.run(act, by=by)


def copy(source: str, destination: str) -> None:
    """A copy by the real skopeo, that must succeed."""
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", source, destination], check=True, capture_output=True)
