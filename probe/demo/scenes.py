"""The scenes, as scripts: who builds what, what the shells show, and which cause the check must name.

In commands `$P` is the workspace, `$T` a temp directory, `$TASK` the name of the task; the shell expands them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from probe.classify.verdict import Cause
from probe.demo.cast import (
    BUILDER,
    PUSH_AS_BARE_ROOT,
    PUSH_TO_INTERNAL,
    PUSH_TO_QUAY,
    PUSH_WITHOUT_GROUP,
    STRANGER,
)
from probe.demo.play import Play
from probe.demo.stage import Need

Script = Callable[[Play], None]

ARCHIVE = "oci-archive:$P/oci/image.tar"
DIRECTORY = "dir:$P/oci"

_ID = "id"
_LIST = "cd $P; ls -ldn . oci oci/image.tar"
_STAT = "stat -c '%A %u:%g %s bytes %n' $P/oci/image.tar"
_LOOP = (
    "for n in 1 2 3; do [ -f $P/oci/image.tar ] && [ -r $P/oci/image.tar ] &&\n"
    '  exec echo "accessible (attempt $n)"; sleep 0.1; done;\n'
    'echo "not accessible after $n attempts"; exit 1'
)
"""The gate of the incident, which there ran 30 times with 2 s between."""
_AT_THE_GATE = 0.5
"""Seconds during which the push is seen to wait."""
_INSPECT = f"skopeo --tmpdir $T inspect -f '{{{{.Digest}}}}' {ARCHIVE}"
_COPY = f"skopeo --tmpdir $T copy -q {ARCHIVE} dir:$T/$TASK"
_RETRY = (
    "for n in 1 2 3; do stat -c '%s bytes' $P/oci/image.tar; sleep 0.2;\n"
    f"  skopeo --tmpdir $T inspect {ARCHIVE} 2>&1 |\n"
    "  grep -o 'unexpected EOF'; done; exit 1"
)


@dataclass(frozen=True)
class Scene:
    """One scene: a line of story, the cause that its leading check must name, and the script."""

    name: str
    story: str
    expected: Cause
    script: Script
    needs: frozenset[Need] = frozenset()


def _healthy(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_INTERNAL, PUSH_TO_QUAY)
    play.build(BUILDER)
    play.shell(PUSH_TO_INTERNAL, _LOOP, _COPY)
    play.shell(PUSH_TO_QUAY, _ID, _LIST, _STAT, _LOOP, _INSPECT, _COPY)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.HEALTHY, deep=True)


def _traversal(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_INTERNAL, PUSH_TO_QUAY)
    play.build(BUILDER, directory_mode=_closed(play))
    play.shell(PUSH_TO_INTERNAL, _LOOP)
    failed = play.shell(PUSH_TO_QUAY, _ID, _LIST, _LOOP, _INSPECT)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.DIR_SEARCH_DENIED, failed=failed)


def _missing_group(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_INTERNAL, PUSH_WITHOUT_GROUP)
    play.build(BUILDER, directory_mode=0o750, file_mode=0o640)
    play.shell(PUSH_TO_INTERNAL, _ID, _LOOP, _COPY)
    play.check(PUSH_TO_INTERNAL, ARCHIVE, expects=Cause.HEALTHY, leading=False)
    failed = play.shell(PUSH_WITHOUT_GROUP, _ID, _LIST, _LOOP, _COPY)
    play.check(PUSH_WITHOUT_GROUP, ARCHIVE, expects=Cause.GROUP_NOT_HELD, failed=failed)


def _mismatch(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_INTERNAL, PUSH_TO_QUAY)
    play.build(BUILDER)
    play.shell(PUSH_TO_INTERNAL, _INSPECT)
    play.check(PUSH_TO_INTERNAL, ARCHIVE, expects=Cause.HEALTHY, leading=False)
    play.shell(PUSH_TO_QUAY, _LIST, f"skopeo inspect -f '{{{{.Digest}}}}' {DIRECTORY}")
    play.check(PUSH_TO_QUAY, DIRECTORY, expects=Cause.WRONG_TRANSPORT, leading=False)
    play.aside("One reference alone shows half of it; both names of the hand-over, checked together, show the rest.")
    play.check(PUSH_TO_QUAY, ARCHIVE, DIRECTORY, expects=Cause.DIFFERENT_REFERENCE)


def _race(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_INTERNAL, PUSH_TO_QUAY)
    writer = play.begin_writing(BUILDER)
    failed = play.shell(PUSH_TO_QUAY, _STAT, _LOOP, _INSPECT)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.ARCHIVE_IN_PROGRESS, failed=failed)
    play.end_writing(writer)
    play.aside("The builder has finished. push-to-internal starts only now: lucky timing, nothing else.")
    play.shell(PUSH_TO_INTERNAL, _STAT, _LOOP, _COPY)
    play.check(PUSH_TO_INTERNAL, ARCHIVE, expects=Cause.HEALTHY, leading=False)


def _gate(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_QUAY)
    writer = play.begin_writing(BUILDER)
    waiting = play.begin_waiting(PUSH_TO_QUAY, ARCHIVE)
    play.shell(PUSH_TO_QUAY, _STAT, _LOOP)
    play.aside("The loop is open. So is the file: the builder finishes it now.")
    time.sleep(_AT_THE_GATE)
    play.end_writing(writer)
    play.end_waiting(waiting, PUSH_TO_QUAY, ARCHIVE)
    play.shell(PUSH_TO_QUAY, _STAT, _COPY)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.HEALTHY)


def _truncated(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_QUAY)
    play.kill(play.begin_writing(BUILDER))
    failed = play.shell(PUSH_TO_QUAY, _LOOP, _INSPECT)
    play.shell(PUSH_TO_QUAY, _RETRY)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.TRUNCATED, failed=failed)
    play.aside("Only the file's owner may ask the kernel for a lease: the build step itself can exclude every writer.")
    play.check(BUILDER, ARCHIVE, expects=Cause.TRUNCATED, lease=True, leading=False)


def _root_without_capability(play: Play) -> None:
    play.enter(STRANGER, PUSH_AS_BARE_ROOT)
    play.build(STRANGER, directory_mode=_closed(play))
    failed = play.shell(PUSH_AS_BARE_ROOT, _ID, "grep CapEff /proc/self/status", _LIST, _LOOP, _INSPECT)
    play.check(PUSH_AS_BARE_ROOT, ARCHIVE, expects=Cause.ROOT_WITHOUT_CAPABILITY, failed=failed)


def _authfile(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_QUAY)
    play.build(BUILDER)
    play.hide("auth.json")
    failed = play.shell(
        PUSH_TO_QUAY,
        _LOOP,
        f"skopeo --tmpdir $T copy -q --authfile $T/auth.json \\\n  {ARCHIVE} docker://127.0.0.1:9/demo",
    )
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.OTHER_PATH_FAILED, failed=failed)


def _no_space(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_QUAY)
    play.build(BUILDER)
    play.small_temp("1m")
    failed = play.shell(PUSH_TO_QUAY, _LOOP, "df -h $T | cut -c 1-72", _INSPECT)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.NO_SPACE, failed=failed)


def _corrupt(play: Play) -> None:
    play.enter(BUILDER, PUSH_TO_QUAY)
    play.build(BUILDER, archive=play.image.damaged())
    play.shell(PUSH_TO_QUAY, _LOOP, _INSPECT)
    failed = play.shell(PUSH_TO_QUAY, _COPY)
    play.check(PUSH_TO_QUAY, ARCHIVE, expects=Cause.CORRUPT, failed=failed, deep=True)
    play.aside("A writer in the middle of its work would leave the same picture. The owner can exclude it by a lease.")
    play.check(BUILDER, ARCHIVE, expects=Cause.CORRUPT, deep=True, lease=True, leading=False)


def _closed(play: Play) -> int:
    """A mode that shuts the reader out: where all actors are one user, only the owner's own bits can do it."""
    if play.stage.real_identities:
        return 0o700
    play.aside("All actors are one kernel user here, who owns oci/: it gets mode 0000 in place of 0700.")
    return 0


SCENES = (
    Scene("healthy", "Everybody can read the archive, and every digest agrees.", Cause.HEALTHY, _healthy),
    Scene(
        "traversal",
        "Hypothesis A: the builder made oci/ with umask 077. The file's mode is 0644, the directory's 0700.",
        Cause.DIR_SEARCH_DENIED,
        _traversal,
        frozenset({Need.ORDINARY_ID}),
    ),
    Scene(
        "missing-group",
        "Modes and owners are right, but push-to-quay's pod has no fsGroup: it lacks group 1000970000.",
        Cause.GROUP_NOT_HELD,
        _missing_group,
        frozenset({Need.OTHER_IDS}),
    ),
    Scene(
        "mismatch",
        "Hypothesis B: push-to-internal reads oci-archive:.../image.tar, push-to-quay reads dir:.../oci.",
        Cause.DIFFERENT_REFERENCE,
        _mismatch,
    ),
    Scene(
        "race",
        "The builder is still writing. The gate, which looks for a readable file, is open already.",
        Cause.ARCHIVE_IN_PROGRESS,
        _race,
    ),
    Scene(
        "gate",
        "The builder is still writing, as before; but the push waits at a gate that opens when the archive is whole.",
        Cause.HEALTHY,
        _gate,
    ),
    Scene(
        "truncated",
        "The builder was killed in the middle. It looks like the race, but no retry will ever help.",
        Cause.TRUNCATED,
        _truncated,
    ),
    Scene(
        "root-without-capability",
        "push-to-internal runs as uid 0 with all capabilities dropped; oci/ belongs to uid 1001 and is 0700.",
        Cause.ROOT_WITHOUT_CAPABILITY,
        _root_without_capability,
        frozenset({Need.ROOT_ID}),
    ),
    Scene(
        "authfile",
        "'permission denied', and the archive is fine: the file that cannot be read is the registry's auth file.",
        Cause.OTHER_PATH_FAILED,
        _authfile,
    ),
    Scene(
        "no-space",
        "skopeo unpacks an archive before it reads it, here into a temp directory of 1 MB.",
        Cause.NO_SPACE,
        _no_space,
        frozenset({Need.MOUNTS}),
    ),
    Scene(
        "corrupt",
        "One bit of a layer has turned. skopeo inspect reports success: it does not read layers.",
        Cause.CORRUPT,
        _corrupt,
    ),
)
BY_NAME = {scene.name: scene for scene in SCENES}
