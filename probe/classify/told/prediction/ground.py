"""What a report recorded of a path, from the root of its volume on: the part that every pod sees the same."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from probe.classify.case import Reading
from probe.classify.told.specs.places import Place
from probe.classify.told.specs.scene import Scene
from probe.evidence.image import Container
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, Inode

_HOLDS = frozenset({Container.OCI_ARCHIVE, Container.OCI, Container.DIR, Container.DOCKER_ARCHIVE})
_DIRECTORIES = frozenset({Container.OCI, Container.DIR})


@dataclass(frozen=True)
class Ground:
    """A recorded path below the root of its volume."""

    reading: Reading
    chain: Chain
    """Begins with the volume's root, which is its `/`."""
    first: int
    """The place of the volume's root among the reading's components."""
    path: str
    """Inside the volume as far as that is known, from its root."""
    place: Place | None
    """By the specs of the pod that looked; None where that pod is not known."""

    @property
    def mount_point(self) -> str:
        """Where who looked had the volume."""
        assert self.reading.mount is not None
        return self.reading.mount.mount_point

    @property
    def shows_root(self) -> bool:
        """Whether the first component is the root of the volume, and not a subPath of it."""
        inside = self.place.path if self.place is not None else self.path
        return inside == self.path

    @property
    def found(self) -> Container | None:
        """What kind of image lies there."""
        image = self.reading.image
        return image.found if image is not None and image.found in _HOLDS else None

    @property
    def is_directory(self) -> bool:
        """Whether the image is a directory, of whose files only the first was looked at."""
        return self.found in _DIRECTORIES

    @cached_property
    def inodes(self) -> tuple[Inode, ...]:
        """The inodes that were seen."""
        return tuple(one.inode.value for one in self.chain.components if isinstance(one.inode, Seen))

    @property
    def labels(self) -> frozenset[str]:
        """SELinux labels of the inodes, as far as they were seen."""
        return frozenset(one.label.value for one in self.chain.components if isinstance(one.label, Seen))

    def at(self, index: int, *parts: str) -> str:
        """The pointer of a component of the chain."""
        return self.reading.component_at(self.first + index, *parts)


def grounds(scene: Scene) -> tuple[Ground, ...]:
    """One for each report whose walk entered a volume and stayed in it; the latest first."""
    found = [ground for reading in scene.story.case if (ground := _ground(scene, reading)) is not None]
    return tuple(sorted(found, key=lambda one: -one.reading.report.started))


def _ground(scene: Scene, reading: Reading) -> Ground | None:
    chain, first, mount = reading.judged_chain, reading.volume_root, reading.mount
    if chain is None or first is None or mount is None or reading.target is None:
        return None
    point = mount.mount_point.rstrip("/")
    components = chain.components[first:]
    if any(one.path != point and not one.path.startswith(point + "/") for one in components):
        return None  # a link leads out of the volume
    asked, resolved = posixpath.normpath(reading.report.reference.path), reading.chain_end
    named = asked if asked.startswith(point + "/") else resolved
    inside = "/" + named[len(point) :].strip("/")
    root = components[0].model_copy(update={"name": "/"})
    cut = Chain(requested=inside, components=(root, *components[1:]), resolved=inside, stopped=chain.stopped)
    return Ground(reading, cut, first, inside, _place(scene, reading))


def _place(scene: Scene, reading: Reading) -> Place | None:
    """The path by the specs of the pod that looked."""
    context = reading.report.context
    names = {context.pod, context.hostname} - {None, ""}
    for account in scene.story.accounts:
        if account.pod is None or account.pod.key.name not in names or account.container is None:
            continue
        if context.namespace and account.pod.key.namespace not in ("", context.namespace):
            continue
        place = scene.atlas.place(account, reading.report.reference.path)
        if place is not None and place.shared:
            return place
    return None
