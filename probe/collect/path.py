"""The walk: every directory and symbolic link from the root to the target, as the kernel looks them up.

Rules of path_resolution(7) and fs/namei.c. Each hop is opened with O_PATH relative to the hop before it, so a refusal
is the kernel's own, and what is recorded is the inode that was reached, not whatever has the name a moment later.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from probe.collect.clock import missing, observe
from probe.collect.hop import Hop, Questions, unobserved
from probe.collect.mountinfo import MountTable
from probe.evidence.base import clip, path_text
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import MAX_COMPONENTS, Chain, Component, FileType

MAX_LINKS = 40
"""MAXSYMLINKS of the kernel: the 41st link of one resolution is ELOOP."""
PATH_MAX = 4096
_ROOT, _START = b"/", b"."
_HOP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_REST_SHOWN = 64

Trace = Callable[[str, str, str, tuple[str, ...]], None]
"""Called before each call with its name, the path, the name looked up, and the names that come after."""
Emit = Callable[[int, Component], None]
"""Called with a component and its place in the chain, and again when more of it is known."""


@dataclass
class Walked:
    """The chain, and O_PATH descriptors of where the walk got to; `close` them."""

    chain: Chain
    target: int | None
    directory: int | None
    """The deepest directory that was reached: the target itself, or the one that holds (or would hold) it."""
    directory_path: bytes

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in {self.target, self.directory}:
            _close(descriptor)
        self.target = self.directory = None


class Walk:
    """One walk, for one call of `run`."""

    def __init__(self, table: MountTable, questions: Questions, trace: Trace, emit: Emit) -> None:
        self._table, self._questions, self._trace, self._emit = table, questions, trace, emit
        self._components: list[Component] = []
        self._beyond: Component | None = None
        """The last component, when there are more than a chain holds."""
        self._pending: deque[bytes] = deque()
        self._place = b""
        self._here: int | None = None
        self._directory: int | None = None
        self._directory_path = b""
        self._links = 0
        self._must_be_directory = False

    def run(self, path: bytes) -> Walked:
        """Walk to `path`; never raises for what lies there."""
        cwd: Observation[str] | None = None
        stopped = _unusable(path)
        if not path.startswith(b"/"):
            cwd = observe(Seen[str], "getcwd", lambda: path_text(os.getcwdb()))
        if stopped is None:
            self._pending.extend(_parts(path))
            self._must_be_directory = path.endswith(b"/")
            stopped = self._begin(absolute=cwd is None) or self._follow()
        if self._beyond is not None:
            self._components.append(self._beyond)
        if stopped is not None and self._here != self._directory:
            _close(self._here)
        chain = Chain(
            requested=path_text(path),
            working_directory=cwd,
            components=tuple(self._components),
            resolved=path_text(self._place) if stopped is None else None,
            stopped=stopped,
            truncated=self._beyond is not None,
        )
        target = self._here if stopped is None else None
        return Walked(chain, target, self._directory, self._directory_path)

    # -- the order of lookups

    def _begin(self, *, absolute: bool) -> NotSeen | None:
        if absolute:
            return self._look_up(_ROOT)
        try:
            self._place = os.getcwdb()
        except OSError:
            self._place = b"."
        self._crumb("open", self._place, _START)
        # A magic link leads to the directory without asking it for search, as the kernel does where a walk begins.
        opened = observe(
            Seen[int],
            "open the working directory",
            lambda: os.open("/proc/self/cwd" if self._questions.has_proc else ".", os.O_PATH | os.O_CLOEXEC),
        )
        if isinstance(opened, NotSeen):
            return self._stop(unobserved(self._place, _START, opened), opened)
        return self._arrive(Hop(opened.value, self._place, _START))

    def _follow(self) -> NotSeen | None:
        while self._pending:
            stopped = self._look_up(self._pending.popleft())
            if stopped is not None:
                return stopped
        return None

    def _look_up(self, name: bytes) -> NotSeen | None:
        """One lookup in the present directory; what ends the walk there, or None."""
        place = self._after(name)
        self._crumb("openat", place, name)
        opened = observe(Seen[int], f"openat {path_text(place)}", lambda: os.open(name, _HOP, dir_fd=self._here))
        if isinstance(opened, NotSeen):
            return self._stop(unobserved(place, name, opened), opened)
        return self._arrive(Hop(opened.value, place, name))

    def _arrive(self, hop: Hop) -> NotSeen | None:
        """Ask about what was reached, and step onto it, or follow it where it is a link."""
        component = self._ask(hop)
        if isinstance(component.inode, NotSeen):
            _close(hop.descriptor)
            return self._stop(component, component.inode)
        kind = component.inode.value.type
        if kind is FileType.SYMLINK:
            try:
                return self._follow_link(hop, component)
            finally:
                _close(hop.descriptor)
        if kind is FileType.DIRECTORY and self._lies_on(component, "autofs"):
            mounted = self._automount(hop)
            _close(hop.descriptor)
            if isinstance(mounted, NotSeen):
                return self._stop(unobserved(hop.path, hop.name, mounted), mounted)
            hop = Hop(mounted.value, hop.path, hop.name)
            component = self._ask(hop)
        self._keep(component)
        self._here, self._place = hop.descriptor, hop.path
        if kind is FileType.DIRECTORY:
            _close(self._directory)
            self._directory, self._directory_path = hop.descriptor, hop.path
        elif self._must_be_directory and not self._pending:
            return missing(Reason.ABSENT, f"{component.path} is not a directory: ENOTDIR", "ENOTDIR")
        return None

    def _follow_link(self, hop: Hop, link: Component) -> NotSeen | None:
        self._crumb("readlink", hop.path, hop.name)
        read = observe(Seen[bytes], f"readlink {hop.text}", lambda: os.readlink(b"", dir_fd=hop.descriptor))
        if isinstance(read, NotSeen):
            return self._stop(link, read)
        target = read.value
        link = link.model_copy(update={"link_target": path_text(target)})
        self._links += 1
        if self._links > MAX_LINKS:
            why = f"openat {hop.text}: ELOOP ({os.strerror(errno.ELOOP)}), more than {MAX_LINKS} symbolic links"
            return self._stop(link, missing(Reason.FAILED, why, "ELOOP"))
        if self._lies_on(link, "proc") and path_text(self._place) not in self._table.points:
            return self._jump(hop, link, target)
        unusable = _unusable(target)
        if unusable is not None:
            return self._stop(link, unusable)
        self._keep(link)
        if not self._pending and target.endswith(b"/"):
            self._must_be_directory = True
        self._pending.extendleft(reversed(_parts(target)))
        return self._look_up(_ROOT) if target.startswith(b"/") else None

    def _jump(self, hop: Hop, link: Component, label: bytes) -> NotSeen | None:
        """Through a link below /proc/PID (root, cwd, fd/N): the kernel goes to the object, its text is only a label."""
        self._keep(link)
        self._crumb("openat", hop.path, hop.name)
        opened = observe(
            Seen[int], f"openat {hop.text}", lambda: os.open(hop.name, os.O_PATH | os.O_CLOEXEC, dir_fd=self._here)
        )
        if isinstance(opened, NotSeen):
            return self._stop(unobserved(hop.path, label, opened), opened)
        return self._arrive(Hop(opened.value, hop.path, label))

    def _automount(self, hop: Hop) -> Observation[int]:
        """Cause the mount: O_PATH alone does not (open(2)), a lookup that wants a directory does."""
        self._crumb("automount", hop.path, hop.name)
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        return observe(Seen[int], f"automount {hop.text}", lambda: os.open(hop.name + b"/", flags, dir_fd=self._here))

    # -- keeping the account

    def _ask(self, hop: Hop) -> Component:
        return self._questions.ask(
            hop, lambda call: self._crumb(call, hop.path, hop.name), lambda known: self._emit(self._index, known)
        )

    @property
    def _index(self) -> int:
        return len(self._components)

    def _keep(self, component: Component) -> None:
        """A component is final. Beyond the bound only the last one is kept."""
        self._emit(self._index, component)
        if self._index < MAX_COMPONENTS - 1:
            self._components.append(component)
        else:
            self._beyond = component

    def _stop(self, last: Component, why: NotSeen) -> NotSeen:
        """The walk ends at `last`: the names after it are not observable."""
        self._keep(last)
        for component in below(last, why, tuple(self._pending), MAX_COMPONENTS - 1 - self._index):
            self._keep(component)
        return why

    def _after(self, name: bytes) -> bytes:
        """The path after looking up `name`. No link is left in the path so far, so `..` is its parent by text."""
        if name == _ROOT:
            return b"/"
        if name == b".":
            return self._place
        if name == b".." and self._place.startswith(b"/"):
            return os.path.dirname(self._place)
        return os.path.join(self._place, name)

    def _lies_on(self, component: Component, filesystem: str) -> bool:
        if isinstance(component.mount_id, NotSeen):
            return False
        mount = self._table.by_id(component.mount_id.value)
        return mount is not None and mount.filesystem == filesystem

    def _crumb(self, call: str, place: bytes, name: bytes) -> None:
        rest = tuple(path_text(part) for part in tuple(self._pending)[:_REST_SHOWN])
        self._trace(call, path_text(place), path_text(name), rest)


def below(last: Component, why: NotSeen, names: tuple[bytes, ...], limit: int) -> list[Component]:
    """The components for the names that were not looked up because the walk ended at `last`."""
    unseen = missing(Reason.SKIPPED, clip(f"unobservable below {last.path}: {why.message}", 1024))
    place, components = last.path, []
    for name in names[: max(0, limit)]:
        place = clip(f"{place.rstrip('/')}/{path_text(name)}")
        components.append(
            Component(path=place, name=path_text(name), inode=unseen, acl=unseen, label=unseen, mount_id=unseen)
        )
    return components


def _unusable(path: bytes) -> NotSeen | None:
    """Why the kernel would not even start on such a path."""
    if not path:
        return missing(Reason.ABSENT, f"an empty path: ENOENT ({os.strerror(errno.ENOENT)})", "ENOENT")
    if b"\0" in path:
        return missing(Reason.FAILED, "a path cannot hold a NUL byte")
    if len(path) >= PATH_MAX:
        text = f"a path of {len(path)} bytes: ENAMETOOLONG ({os.strerror(errno.ENAMETOOLONG)})"
        return missing(Reason.FAILED, text, "ENAMETOOLONG")
    return None


def _parts(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part]


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)
