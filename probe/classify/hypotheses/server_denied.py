"""Mode bits allow, open refused, on a file system whose server or daemon decides for itself."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.mounts import decided_elsewhere, shut_out_of_fuse
from probe.classify.refusal import needs_unexplained
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class ServerDenied(ReadingHypothesis):
    """NFS squashes root and other ids, FUSE without allow_other admits only its mounter, CIFS maps users."""

    cause = Cause.SERVER_DENIED
    rank = 54
    refines = (Cause.DENIED_UNEXPLAINED,)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """An unexplained refusal on such a file system; decisive for FUSE, where the mount options say it."""
        owner = shut_out_of_fuse(reading)
        if reading.predicted and owner is not None:
            return self._shut_out(reading, scale, owner)
        unfit = needs_unexplained(reading, scale)
        if unfit is not None:
            return unfit
        mount, pointer = reading.mount, reading.at("mounts", "carrying", "value")
        if mount is None:
            scale.miss(reading.at("mounts", "carrying"), "the mount that carries the path")
            return scale.not_assessable("the file system is not known")
        if not decided_elsewhere(reading):
            scale.contradict(pointer + "/filesystem", f"{mount.mount_point} is {mount.filesystem}: no server behind it")
            return scale.refuted(f"{mount.filesystem} is a local file system")
        scale.support(pointer + "/filesystem", f"{mount.mount_point} is {mount.filesystem}, from {mount.source}")
        statement = f"the server behind {mount.mount_point} ({mount.filesystem}) refuses what the mode bits allow"
        if owner is not None:
            return self._shut_out(reading, scale, owner)
        scale.miss(pointer, "the server's own rules and log: export options, squash, id mapping")
        return scale.likely(statement, component=mount.mount_point, remedy=_SERVER)

    def _shut_out(self, reading: Reading, scale: Scale, owner: str) -> Assessment:
        """FUSE without allow_other admits its mounter alone (fuse(4)): decisive, whatever the mode bits say."""
        where = reading.mount.mount_point if reading.mount is not None else reading.report.reference.path
        scale.support(
            reading.at("mounts", "carrying", "value", "super_options"),
            f"mounted by uid {owner} without allow_other: uid {reading.credentials.uid} is shut out",
        )
        return scale.confirmed(
            f"the FUSE file system at {where} admits only uid {owner}, who mounted it",
            component=where,
            remedy=_ALLOW_OTHER,
        )


_ALLOW_OTHER = Remedy(
    smallest=Fix(sentence="Mount with allow_other and default_permissions, so that the mode bits decide for every uid.")
)
_SERVER = Remedy(
    smallest=Fix(
        sentence="Look at the export (root_squash, all_squash, sec=) and let the server know the reader's uid or group."
    )
)
