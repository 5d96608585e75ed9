"""Random trees, paths and identities: the same seed makes the same cases."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access_test_kernel import Actor, Question, acl, make, record, set_acl

from probe.access.capability import CAPABILITIES
from probe.evidence.observation import Seen
from probe.evidence.path import Chain, FileType, Want

UIDS = (0, 1000, 1001, 1000970000, 65534)
GIDS = (0, 100, 200, 1000970000, 65534)
_DAC = ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")
_REST = tuple(name for name in CAPABILITIES if name not in (*_DAC, "CAP_SYS_RESOURCE"))
_KNOWN_DIRECTORY_MODES = (0o700, 0o711, 0o710, 0o750, 0o755, 0o770, 0o2770, 0o2775, 0o777, 0o1777, 0o1773, 0o3777)
_KNOWN_FILE_MODES = (0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o750, 0o755, 0o4755, 0o000)
_TEXT = b"a text, not a program\n"
PATHS = 12
ACTORS = 6


@dataclass(frozen=True)
class Batch:
    """One tree, and what is asked about it."""

    working_directory: str
    chains: tuple[tuple[Chain, Question], ...]
    actors: tuple[Actor, ...]


class Tree:
    """A random tree below `root`, made as root."""

    def __init__(self, chance: random.Random, root: Path, *, acls: bool) -> None:
        self.chance = chance
        self.root = root
        self.acls = acls
        self.directories = [root]
        self.files: list[Path] = []
        self._grow()
        for path in self.directories[1:]:
            self._permit(path, self._directory_mode())
        for path in self.files:
            self._permit(path, self._file_mode())

    def _grow(self) -> None:
        chance = self.chance
        for number in range(chance.randint(6, 14)):
            parent = chance.choice(self.directories[-5:])
            if len(parent.relative_to(self.root).parts) < 4:
                path = parent / f"d{number}"
                path.mkdir()
                self.directories.append(path)
        for number in range(chance.randint(10, 20)):
            path = chance.choice(self.directories) / f"f{number}"
            path.write_bytes(_TEXT)
            self.files.append(path)
        for number in range(chance.randint(4, 10)):
            self._link(chance.choice(self.directories) / f"l{number}")

    def _link(self, path: Path) -> None:
        chance = self.chance
        target: str = str(chance.choice(self.directories + self.files))
        kind = chance.random()
        if kind < 0.5:
            target = os.path.relpath(target, path.parent)
        if kind < 0.1:
            target = "./" + target
        elif kind < 0.15:
            target += "/"
        elif kind > 0.9:
            target += "-absent"
        path.symlink_to(target)
        os.lchown(path, chance.choice(UIDS), chance.choice(GIDS))

    def _permit(self, path: Path, mode: int) -> None:
        chance = self.chance
        os.chown(path, chance.choice(UIDS), chance.choice(GIDS))
        path.chmod(mode)
        if self.acls and chance.random() < 0.35:
            users = {uid: self._bits() for uid in chance.sample(UIDS, chance.randint(0, 2))}
            groups = {gid: self._bits() for gid in chance.sample(GIDS, chance.randint(0, 3))}
            mask = chance.choice((7, 7, 5, 4, 1, 0, chance.randint(0, 7)))
            set_acl(
                str(path),
                *acl(self._bits(), self._bits(), mask, chance.choice((0, 5, 7, 1)), users=users, groups=groups),
            )

    def _bits(self) -> int:
        return self.chance.choice((7, 7, 5, 5, 1, 3, 4, 0, self.chance.randint(0, 7)))

    def _directory_mode(self) -> int:
        kind = self.chance.random()
        if kind < 0.45:  # searchable by most, so that the walk gets deep
            return self.chance.choice((0, 0, 0o1000, 0o2000)) | self.chance.choice((0o111, 0o511, 0o711, 0o777, 0o733))
        if kind < 0.75:
            return self.chance.choice(_KNOWN_DIRECTORY_MODES)
        return self.chance.randrange(0o10000)

    def _file_mode(self) -> int:
        if self.chance.random() < 0.6:
            return self.chance.choice(_KNOWN_FILE_MODES)
        return self.chance.randrange(0o10000)


def random_path(chance: random.Random, tree: Tree, start: Path) -> str:
    """A path below `start`: names that exist, `.`, `..`, links, and now and then one that is not there."""
    names: list[str] = []
    here = os.path.realpath(start)
    for _ in range(chance.randint(1, 6)):
        if not os.path.isdir(here):
            if chance.random() < 0.05:
                names.append("below-a-file")
            break
        kind = chance.random()
        inside = sorted(os.listdir(here))
        if kind < 0.06 and here != str(tree.root):
            name = ".."
        elif kind < 0.10:
            name = "."
        elif not inside and names and kind < 0.9:
            break
        elif kind < 0.15 or not inside:
            names.append("absent")
            if chance.random() < 0.3:
                names.append("deeper")
            break
        else:
            links = [entry for entry in inside if entry.startswith("l")]
            name = chance.choice(links) if links and kind > 0.75 else chance.choice(inside)
        names.append(name)
        here = os.path.realpath(os.path.join(here, name))
        if not here.startswith(str(tree.root)):
            break
    return chance.choice(("/", "/", "/", "//")).join(names)


def random_actor(chance: random.Random) -> Actor:
    held: tuple[str, ...] = ()
    kind = chance.random()
    if kind < 0.12:
        held = _DAC[:1]
    elif kind < 0.24:
        held = _DAC[1:]
    elif kind < 0.28:
        held = _DAC
    elif kind < 0.40:
        held = _REST
    groups = tuple(chance.sample(GIDS, chance.choice((0, 0, 1, 1, 2, 3))))
    return Actor(chance.choice(UIDS), chance.choice(GIDS), groups, held)


def question(chain: Chain, want: Want) -> Question | None:
    """How to try `want` on this path for real; None where a try would not ask the same."""
    path, target = chain.requested, chain.target
    if target is None:
        last_but_one = chain.components[-2] if len(chain.components) > 1 else None
        link = last_but_one is not None and last_but_one.link_target is not None
        dangling = any(component.link_target is not None for component in chain.components)
        if want is Want.CREATE and dangling and (link or path.rsplit("/", 1)[-1].startswith("l")):
            # A link whose target ends in a slash is EISDIR for O_CREAT, whoever asks.
            ends = [component.link_target or "" for component in chain.components]
            return None if any(end.endswith("/") for end in ends) else Question(path, want, follows=True)
        return Question(path, want)
    inode = target.inode
    directory = isinstance(inode, Seen) and inode.value.type is FileType.DIRECTORY
    if want is Want.CREATE:
        through_link = any(component.link_target is not None for component in chain.components)
        name = path.rsplit("/", 1)[-1]
        if name in (".", "..") or (through_link and name.startswith("l")) or "/" not in path:
            return None  # the name beside it would lie elsewhere
        return Question(path, want, directory, beside=True)
    return Question(path, want, directory)


def batches(seed: int, parents: list[Path], acls: dict[Path, bool]) -> Iterator[Batch]:
    """Batch after batch, for ever. Every tree is removed before the next one is made."""
    chance = random.Random(seed)
    number = 0
    while True:
        parent = parents[number % len(parents)]
        root = Path(make(parent / f"tree{number}", 0o711))
        tree = Tree(chance, root, acls=acls[parent])
        start = chance.choice(tree.directories)
        chains: list[tuple[Chain, Question]] = []
        for _ in range(PATHS):
            relative = chance.random() < 0.25
            path = random_path(chance, tree, start if relative else root)
            chain = record(path, str(start)) if relative else record(f"{root}/{path}")
            asked = (question(chain, want) for want in Want)
            chains.extend((chain, one) for one in asked if one is not None)
        # What leaves a file behind is asked late, what leaves the working directory last.
        chains.sort(key=lambda pair: 2 * (pair[1].enters and pair[1].path.startswith("/")) + pair[1].follows)
        yield Batch(str(start), tuple(chains), tuple(random_actor(chance) for _ in range(ACTORS)))
        number += 1


def leftovers(batch: Batch) -> Iterator[str]:
    """The files that granted creations through dangling links left behind."""
    for chain, asked in batch.chains:
        if asked.follows:
            path = os.path.realpath(os.path.join(batch.working_directory, chain.requested))
            if os.path.isfile(path):
                yield path


def describe(actor: Any, chain: Chain, want: Want) -> str:
    """A failing case, for a person."""
    lines = [f"{actor} wants to {want} {chain.requested!r}"]
    for component in chain.components:
        if isinstance(component.inode, Seen):
            inode = component.inode.value
            entries = component.acl.value.entries if isinstance(component.acl, Seen) else ()
            acl_text = ",".join(f"{entry.tag}:{entry.id}:{entry.permissions}" for entry in entries)
            text = f"{inode.type} {inode.mode:04o} {inode.uid}:{inode.gid} {acl_text} {component.link_target or ''}"
        else:
            text = component.inode.message
        lines.append(f"  {component.path} [{component.name}] {text}")
    return "\n".join(lines)
