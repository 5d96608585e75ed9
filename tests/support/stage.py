"""The stage for the causes: real identities, namespaces and archives; each check runs in a process of its own."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from probe.access.capability import capability_bits
from probe.classify.judge import judge_case
from probe.classify.verdict import Assessment, Cause, Status, VerdictDocument
from probe.collect.gather import Plan, gather
from probe.evidence.path import Want
from probe.evidence.report import Report
from probe.image.reference import parse_reference
from probe.skopeo.messages import parse_messages

FS_GROUP = 1000970000
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWPID = 0x00020000, 0x20000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_LAST_CAPABILITY = int(Path("/proc/sys/kernel/cap_last_cap").read_text())


@dataclass(frozen=True)
class Person:
    """Ids, groups and capabilities of one process."""

    uid: int = FS_GROUP
    gid: int = 0
    groups: tuple[int, ...] = (0, FS_GROUP)
    capabilities: tuple[str, ...] = ()

    def become(self) -> None:
        """Take this identity for good, as a container runtime does: bounding set, groups, gid, uid, capabilities."""
        bits = capability_bits(self.capabilities)
        for number in range(_LAST_CAPABILITY + 1):
            if not bits >> number & 1:
                _LIBC.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
        os.setgroups(list(self.groups))
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        if self.uid == 0:
            _set_capabilities(bits)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


PUSHER = Person()
"""As OpenShift's restricted-v2 runs a step."""
STRANGER = Person(groups=(0,))
"""The same without the shared group."""
BARE_ROOT = Person(uid=0, gid=0, groups=(0,))
"""uid 0, all capabilities dropped."""
ROOT = Person(uid=0, gid=0, groups=(0,), capabilities=("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_LEASE"))


@dataclass
class Stage:
    """A directory that everybody can reach, and checks made in it by other processes."""

    root: Path
    archive: Path
    """A whole, small OCI archive to copy from."""

    def workspace(self, mode: int = 0o2775, gid: int = FS_GROUP) -> Path:
        """A volume root as kubelet leaves it, with an archive in `oci/`."""
        path = self.root / "source"
        (path / "oci").mkdir(parents=True)
        shutil.copy(self.archive, path / "oci" / "image.tar")
        for each, bits in ((path, mode), (path / "oci", 0o2775), (path / "oci/image.tar", 0o664)):
            os.chown(each, 0, gid)
            os.chmod(each, bits)
        return path

    def check(
        self,
        *references: str | Path,
        by: Person = PUSHER,
        want: str = "read",
        stderr: str | None = None,
        prepare: Callable[[], None] | None = None,
        before: Callable[[], None] | None = None,
        container: bool = False,
        **plan: Any,
    ) -> VerdictDocument:
        """Run the main job as `by`, in a process of its own, and give its verdict document.

        `prepare` runs as root in that process first, in a mount namespace of its own when it is given;
        `before` runs as `by`, just before. `container`: in a PID namespace of its own, so that there is a container
        start.
        """
        facts = plan.pop("facts", {})

        def act() -> str:
            if before is not None:
                before()
            made = Plan(
                want=Want(want),
                gap=plan.pop("gap", 0.05),
                skopeo=plan.pop("skopeo", "never"),
                facts=facts,
                command=parse_messages(stderr) if stderr is not None else None,
                **plan,
            )
            document = judge_case(
                [gather(parse_reference(str(reference), registries=True), made) for reference in references]
            )
            return document.model_dump_json(by_alias=True)

        document = VerdictDocument.model_validate_json(self.run(act, by=by, prepare=prepare, container=container))
        assert_sound(document)
        return document

    def visit(
        self,
        *acts: Callable[[], BaseModel | None],
        between: Sequence[Callable[[], None]] = (),
        by: Person = PUSHER,
        prepare: Callable[[], None] | None = None,
        container: bool = False,
    ) -> list[str]:
        """The documents of several acts of one process run as `by`. After each but the last, root does what is due."""
        asking, asked = os.pipe()
        doing, done = os.pipe()
        root = os.fork()
        if root == 0:
            os.close(asked)
            for act in between:
                if not os.read(asking, 1):
                    break
                act()
                os.write(done, b".")
            os._exit(0)

        def all_of_them() -> str:
            texts = []
            for number, act in enumerate(acts):
                document = act()
                texts.append(document.model_dump_json(by_alias=True) if document is not None else "")
                if number < len(between):
                    os.write(asked, b".")
                    os.read(doing, 1)
            return "\n".join(texts)

        try:
            return [
                text for text in self.run(all_of_them, by=by, prepare=prepare, container=container).split("\n") if text
            ]
        finally:
            for descriptor in (asking, asked, doing, done):
                os.close(descriptor)
            os.waitpid(root, 0)

    def looks(self, reference: str | Path, *between: Callable[[], None], **options: Any) -> list[Report]:
        """Reports of one process, one more than there are things that happen between them."""
        where = {name: options.pop(name) for name in ("by", "prepare", "container") if name in options}
        act = look_at(reference, **options)
        texts = self.visit(*[act] * (len(between) + 1), between=between, **where)
        return [Report.model_validate_json(text) for text in texts]

    def run(
        self,
        act: Callable[[], str],
        *,
        by: Person = PUSHER,
        prepare: Callable[[], None] | None = None,
        container: bool = False,
    ) -> str:
        """What `act` returns, run as `by` in a forked process; fails the test with its traceback otherwise."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _child(writer, act, by, prepare, container)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            said = stream.read().decode()
        os.waitpid(pid, 0)
        kind, _, text = said.partition("\n")
        if kind != "ok":
            pytest.fail(f"in the forked process:\n{text or said or 'it died without a word'}")
        return text


def look_at(reference: str | Path, **plan: Any) -> Callable[[], Report]:
    """A look with nothing unneeded in it."""
    plan = {"gap": 0.02, "skopeo": "never", **plan}
    return lambda: gather(parse_reference(str(reference), registries=True), Plan(**plan))


def _child(
    writer: int, act: Callable[[], str], by: Person, prepare: Callable[[], None] | None, container: bool
) -> None:
    try:
        if prepare is not None or container:
            _unshare(_CLONE_NEWNS | (_CLONE_NEWPID if container else 0))
            if _LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
                raise OSError(ctypes.get_errno(), "make / private")
        if container and (pid := os.fork()):
            os.close(writer)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        if container and _LIBC.mount(b"proc", b"/proc", b"proc", 0, None) != 0:
            raise OSError(ctypes.get_errno(), "mount /proc")
        if prepare is not None:
            prepare()
        by.become()
        said = "ok\n" + act()
    except BaseException:
        said = "failed\n" + traceback.format_exc()
    with os.fdopen(writer, "wb") as stream:
        stream.write(said.encode())
    os._exit(0)


def _unshare(flags: int) -> None:
    if _LIBC.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _set_capabilities(bits: int) -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    if _LIBC.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def bind(workspace: Path) -> None:
    """Make a directory a mount of its own, as a claim is."""
    if os.system(f"mount --bind {workspace} {workspace}") != 0:
        raise OSError("mount --bind failed")


def volume(workspace: Path, then: Callable[[], None] | None = None) -> dict[str, Any]:
    """The arguments of a check in a container that has `workspace` mounted; `then` happens while it already runs."""

    def prepare() -> None:
        bind(workspace)
        if then is not None:
            then()

    return {"prepare": prepare, "container": True}


def confirmed(document: VerdictDocument) -> set[str]:
    """Every cause that the document calls confirmed, beside what follows from another one."""
    return {
        found.cause.value
        for found in document.assessments
        if found.status is Status.CONFIRMED and found.implied_by is None
    }


def assert_verdict(
    document: VerdictDocument, cause: str, status: str = "confirmed", *, also: set[str] = frozenset()
) -> None:
    """The leading cause is this one, with this status, and nothing else is confirmed that was not expected."""
    led = (document.verdict.cause.value, document.verdict.status.value)
    assert led == (cause, status), f"{led}: {document.verdict.statement}"
    assert confirmed(document) <= {cause, *also}
    assert_sound(document)


def assert_sound(document: VerdictDocument) -> None:
    """Every pointer leads somewhere, every cause that holds says why, and what is not healthy says how to mend it."""
    tree = json.loads(document.model_dump_json(by_alias=True))
    for found in document.assessments:
        for claim in (*found.supports, *found.contradicts, *found.missing):
            _follow(tree, claim.pointer)
        if found.status.holds:
            assert found.supports, f"{found.cause} holds without support"
    if document.verdict.cause is not Cause.HEALTHY:
        assert not assessment(document, "healthy").status.holds, "nothing is healthy beside a fault"
    if document.verdict.cause not in (Cause.HEALTHY, Cause.INCONCLUSIVE):
        assert document.assessments[0].cause is document.verdict.cause


def assessment(document: VerdictDocument, cause: str) -> Assessment:
    """The assessment of one cause."""
    return next(found for found in document.assessments if found.cause.value == cause)


def _follow(tree: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        try:
            tree = tree[int(part)] if isinstance(tree, list) else tree[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise AssertionError(f"pointer {pointer} stops at {part!r}") from error
    return tree
