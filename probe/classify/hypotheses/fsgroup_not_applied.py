"""The pod asks for an fsGroup, but the volume root shows no sweep."""

from __future__ import annotations

from probe.access.quote import quote_path
from probe.classify.case import Reading
from probe.classify.denial import GENERAL, Denial, DenialHypothesis
from probe.classify.hypothesis import Scale
from probe.classify.sweep import is_subpath, volume_root
from probe.classify.verdict import Assessment, Cause, Fix, Remedy, Status


class FsgroupNotApplied(DenialHypothesis):
    """The driver or volume type does not support the sweep: hostPath, in-tree NFS, fsGroupPolicy None."""

    cause = Cause.FSGROUP_NOT_APPLIED
    rank = 45
    refines = (*GENERAL, Cause.GROUP_NOT_HELD)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """As any refusal, but never more than likely unless the pod's fsGroup was told."""
        assessment = super().weigh(reading, scale)
        if assessment.status is not Status.CONFIRMED:
            return assessment
        if reading.fs_group is None:
            return scale.possible(assessment.statement, component=assessment.component, remedy=assessment.remedy)
        if is_subpath(reading):
            scale.miss(reading.at("mounts"), "whether what is mounted here is the volume's root, or a subPath of it")
            return scale.likely(assessment.statement, component=assessment.component, remedy=assessment.remedy)
        return assessment

    def fit(self, denial: Denial, scale: Scale) -> str | None:
        """The root lacks the fingerprint, and a sweep would have let the reader pass."""
        reading = denial.reading
        root = volume_root(reading)
        if root is None or denial.index < root.index:
            scale.contradict(denial.mode_at(), f"{denial.path} does not lie on a mounted volume whose root was seen")
            return None
        told = reading.fs_group
        if told is None:
            scale.miss(reading.fs_group_at, "the fsGroup that the pod asks for (--context fs-group=GID)")
            if not any(gid >= _FIRST_ASSIGNED for gid in reading.credentials.groups):
                scale.contradict(reading.identity_at, "no supplementary group of the reader looks like an fsGroup")
                return None
        if root.swept or root.ours:
            scale.contradict(
                reading.component_at(root.index, "mode"),
                f"the volume root has mode {root.inode.mode:04o} and group {root.inode.gid}: a sweep was here",
            )
            return None
        scale.support(
            reading.component_at(root.index, "mode"),
            f"volume root {reading.path_of(root.index)} has mode {root.inode.mode:04o} and group {root.inode.gid}: "
            f"no setgid and group rwx for {told if told is not None else 'an fsGroup of the reader'}",
        )
        return (
            f"the fsGroup was not applied to the volume at {reading.path_of(root.index)}: "
            f"its root is still {root.inode.mode:04o} group {root.inode.gid}"
        )

    def remedy(self, denial: Denial) -> Remedy | None:
        """The volume has to carry the group itself."""
        reading = denial.reading
        root = volume_root(reading)
        gid = reading.fs_group
        if root is None or gid is None:
            return None
        path = quote_path(reading.path_of(root.index))
        return Remedy(
            smallest=Fix(
                sentence="The driver does not apply fsGroup: set group and bits once, on the server or in a task.",
                command=f"chgrp -R {gid} {path} && chmod -R g+rwX {path}",
            ),
            structural=Fix(sentence="Use a CSI driver whose CSIDriver object says fsGroupPolicy: File."),
        )


_FIRST_ASSIGNED = 1_000_000_000
"""OpenShift assigns namespaces their ids from here."""
