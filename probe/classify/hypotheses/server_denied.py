"""Mode bits allow, open refused, on a file system whose server or daemon decides for itself."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.refusal import decided_elsewhere, needs_unexplained
from probe.classify.verdict import Assessment, Cause, Fix, Remedy


class ServerDenied(ReadingHypothesis):
    """NFS squashes root and other ids, FUSE without allow_other admits only its mounter, CIFS maps users."""

    cause = Cause.SERVER_DENIED
    rank = 54
    refines = (Cause.DENIED_UNEXPLAINED,)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """An unexplained refusal on such a file system; decisive for FUSE, where the mount options say it."""
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
        options = {*mount.options, *mount.super_options}
        owner = next((option[8:] for option in options if option.startswith("user_id=")), None)
        if mount.filesystem.startswith("fuse") and owner is not None and "allow_other" not in options:
            uid = reading.credentials.uid
            if str(uid) != owner:
                scale.support(
                    pointer + "/super_options", f"mounted by uid {owner} without allow_other: uid {uid} is shut out"
                )
                return scale.confirmed(statement, component=mount.mount_point, remedy=_ALLOW_OTHER)
        scale.miss(pointer, "the server's own rules and log: export options, squash, id mapping")
        return scale.likely(statement, component=mount.mount_point, remedy=_SERVER)


_ALLOW_OTHER = Remedy(
    smallest=Fix(sentence="Mount with allow_other and default_permissions, so that the mode bits decide for every uid.")
)
_SERVER = Remedy(
    smallest=Fix(
        sentence="Look at the export (root_squash, all_squash, sec=) and let the server know the reader's uid or group."
    )
)
