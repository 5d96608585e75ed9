"""The path lies on the container's own root file system although a workspace was expected."""

from __future__ import annotations

import posixpath

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.verdict import Assessment, Cause, Fix, Remedy

_TEKTON = "/workspace"
"""Tekton mounts an emptyDir here in every step; each bound workspace is a mount of its own below it."""


class NotMounted(ReadingHypothesis):
    """A workspace that the task did not bind is an ordinary empty directory, and its files are lost with the pod."""

    cause = Cause.NOT_MOUNTED
    rank = 40
    refines = (Cause.WRONG_PATH, Cause.DIFFERENT_VOLUME)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Decided by the mount that carries the path and the place where a volume was expected."""
        mount, pointer = reading.mount, reading.at("mounts", "carrying", "value", "mount_point")
        path = posixpath.normpath(reading.report.reference.path)
        if mount is None:
            scale.miss(reading.at("mounts", "carrying"), "the mount that carries the path")
            return scale.not_assessable("mountinfo did not say which mount carries the path")
        told = reading.report.context.workspace
        expected = posixpath.normpath(told) if told else None
        if expected is None and path.startswith(_TEKTON + "/") and path.count("/") > 2:
            expected = "/".join(path.split("/")[:3])
        if expected is None:
            scale.miss(reading.at("context", "workspace"), "where a volume is expected (--context workspace=DIR)")
            return scale.refuted("no volume was expected at this path")
        inside = mount.mount_point == expected or mount.mount_point.startswith(expected + "/")
        outside = path != expected and not path.startswith(expected + "/")
        if inside or outside:
            scale.contradict(pointer, f"the path is carried by the mount at {mount.mount_point}")
            return scale.refuted(f"a volume is mounted at {mount.mount_point}")
        kind = "the container's own root file system" if mount.mount_point == "/" else f"the mount {mount.mount_point}"
        scale.support(pointer, f"{path} is carried by {kind} ({mount.filesystem}); nothing is mounted at {expected}")
        statement = f"no volume is mounted at {expected}: {path} lies on {kind}"
        remedy = Remedy(
            smallest=Fix(
                sentence=f"Bind the workspace in this task, so that the volume is mounted at {expected}.",
                yaml=f"workspaces:\n- name: {posixpath.basename(expected)}\n  workspace: shared-data",
            )
        )
        if reading.granted:
            scale.contradict(reading.truth_at, "what is there can be accessed as asked")
            return scale.possible(statement, component=expected, remedy=remedy)
        if not reading.absent:
            scale.contradict(reading.truth_at, "something exists at the path")
            return scale.possible(statement, component=expected, remedy=remedy)
        if any(component.link_target is not None for component in reading.components):
            scale.miss(pointer, "where the volume is expected: the path leads through a symlink")
            return scale.possible(statement, component=expected, remedy=remedy)
        stopped = reading.stopped
        if stopped is not None:
            scale.support(reading.stopped_at, stopped.message)
        if told is not None or (mount.mount_point == "/" and reading.report.context.in_container):
            return scale.confirmed(statement, component=expected, remedy=remedy)
        scale.miss(reading.at("context", "workspace"), "where the volume is expected (--context workspace=DIR)")
        if mount.mount_point == "/" or reading.report.context.step is not None:
            return scale.likely(statement, component=expected, remedy=remedy)
        return scale.possible(statement, component=expected, remedy=remedy)
