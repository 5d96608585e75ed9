"""ENOSPC or EDQUOT, usually skopeo's temp directory."""

from __future__ import annotations

import posixpath
import re

from probe.access.quote import quote_path
from probe.classify.case import WRITES, Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.command import FailureKind
from probe.evidence.mount import Space
from probe.evidence.observation import Seen
from probe.evidence.path import Want


class NoSpace(ReadingHypothesis):
    """Reading `oci-archive:` unpacks the whole archive into the temp directory first."""

    cause = Cause.NO_SPACE
    rank = 12

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """The command's message decides; a wanted write on a full file system makes it likely."""
        for number, failure in reading.messages.failures:
            if not (failure.kind is FailureKind.NO_SPACE or failure.errno in ("ENOSPC", "EDQUOT")):
                continue
            if _NOT_DISK.search(failure.text):
                continue
            scale.support(reading.messages.place_of(number), failure.text)
            self._sizes(reading, scale)
            remedy = _for_temp(reading) if failure.about == "temp" else _for_volume(failure.path)
            if failure.path is None or not failure.path.startswith("/"):
                scale.miss(reading.messages.place_of(number), "the path that was being written: the message names none")
                return scale.likely("no space left at a place that the message does not name", remedy=remedy)
            return scale.confirmed(f"no space left while writing {failure.path}", component=failure.path, remedy=remedy)
        space = reading.report.mounts.space
        wants_room = reading.report.want in WRITES
        if wants_room and isinstance(space, Seen):
            full, where = _exhausted(space.value, reading.report.want), space.value.path
            if full is not None:
                scale.support(reading.at("mounts", "space"), f"no {full} available at {where}")
                return scale.likely(f"no {full} left at {where}", component=where, remedy=_for_volume(where))
        if reading.report.command is None and not wants_room:
            if self._sizes(reading, scale):
                return scale.possible(
                    "skopeo would not find the room to unpack this archive", remedy=_for_temp(reading)
                )
            scale.miss(reading.at("command"), "the failing command's standard error (--stderr FILE)")
            return scale.not_assessable("the command's messages are not known")
        scale.contradict(reading.at("mounts", "space"), "no call answered ENOSPC or EDQUOT, and there is room")
        return scale.refuted("nothing ran out of space")

    def _sizes(self, reading: Reading, scale: Scale) -> bool:
        """Note when the archive is larger than the room in the temp directory."""
        temp, image = reading.report.mounts.temp_space, reading.image
        if not isinstance(temp, Seen) or image is None or image.archive is None:
            return False
        if reading.report.reference.transport != "oci-archive" or temp.value.available_bytes >= image.archive.size:
            return False
        scale.support(
            reading.at("mounts", "temp_space"),
            f"{temp.value.path} has {temp.value.available_bytes} bytes left, the archive has {image.archive.size}",
        )
        return True


def _exhausted(space: Space, want: Want) -> str | None:
    """What there is none of: bytes, or, for a new name, inodes."""
    if space.available_bytes == 0:
        return "bytes"
    return "inodes" if want is Want.CREATE and space.total_inodes > 0 and space.available_inodes == 0 else None


def _for_temp(reading: Reading) -> Remedy:
    temp = quote_path(posixpath.dirname(reading.report.reference.path) + "/.tmp")
    return Remedy(
        smallest=Fix(
            sentence="Let skopeo unpack where there is room: beside the archive, or in a larger emptyDir at /var/tmp.",
            command=f"mkdir -p {temp} && skopeo --tmpdir {temp} copy ...",
            yaml="volumes:\n- name: vartmp\n  emptyDir:\n    sizeLimit: 20Gi",
        ),
        structural=Fix(sentence="Hand over an oci: directory in place of an archive: it is read without unpacking."),
    )


def _for_volume(path: str | None) -> Remedy:
    where = quote_path(path) if path is not None else "DIR"
    return Remedy(
        smallest=Fix(
            sentence="Make room there: remove what earlier runs left, or ask for a larger claim.",
            command=f"df -h {where}",
        )
    )


_NOT_DISK = re.compile(r"(?i)fsnotify|inotify|\bwatch")
"""The kernel says ENOSPC, too, when a user has no inotify watches left (inotify(7))."""
