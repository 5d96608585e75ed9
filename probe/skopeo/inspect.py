"""skopeo's own word on an image, beside the native one: manifest digest, config digest, diff_ids, or its refusal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from typing import Literal

from probe.evidence.base import clip, path_bytes
from probe.evidence.image import MAX_LAYERS, Container, Ending, ImageFacts, SkopeoFacts
from probe.evidence.observation import NotSeen, Observation, Reason, Seen, not_seen_from
from probe.evidence.report import Reference
from probe.skopeo.program import NoAnswer, Program, message_of, status_of
from probe.skopeo.run import in_child
from probe.skopeo.workspace import MARGIN, NoRoom, workspace

SMALL_ARCHIVE = 64 << 20
"""Bytes of an archive, unpacked, up to which `auto` lets skopeo unpack it."""

_ARCHIVES = ("oci-archive", "docker-archive")
_DIRECTORIES = ("oci", "dir")
_ENDS_AT_COLON = ("oci-archive", "oci", "docker-archive")
_STAT_SECONDS = 5.0
_DIGEST = re.compile(r"[a-z0-9+._-]{1,32}:[0-9a-f]{32,128}")

Mode = Literal["auto", "always", "never"]


def inspect_with_skopeo(
    reference: Reference,
    facts: ImageFacts | None,
    *,
    mode: Mode,
    temp_directory: str = "/var/tmp",
    deadline: float = 60.0,
    binary: str | None = None,
) -> Observation[SkopeoFacts]:
    """Ask `skopeo inspect` about a reference, and compare with what was read natively (`facts`, where there is any).

    `auto` asks where that is cheap: directories, and archives up to `SMALL_ARCHIVE`; `always` also where skopeo
    unpacks gigabytes, as long as there is room in `temp_directory`; `never` does not. `deadline` is in seconds and
    holds for everything together; at most two seconds later this returns, with nothing of skopeo left running (but
    for a process that the kernel does not let die) and nothing of it left in the temp directory. `binary` is the
    program to run, otherwise `skopeo` from PATH. The child gets an environment of its own, without credentials.

    A refusal by skopeo is seen: `exit_status` and the first message. Never raises for anything that skopeo, the file
    or the system does.
    """
    began, start = time.time_ns(), time.monotonic()
    asked = _Question(reference, facts, mode, temp_directory, start + deadline, binary)
    try:
        answer: SkopeoFacts | NotSeen = asked.answer()
    except NoAnswer as none:
        answer = NotSeen(reason=none.reason, message=clip(str(none)), at=began)
    except TimeoutError as error:
        answer = NotSeen(reason=Reason.TIMEOUT, message=clip(f"{asked.step}: {error}"), at=began)
    except OSError as error:
        answer = not_seen_from(error, asked.step, began)
    took = round((time.monotonic() - start) * 1000, 3)
    if isinstance(answer, NotSeen):
        return answer.model_copy(update={"took_ms": took})
    return Seen[SkopeoFacts](value=answer, at=began, took_ms=took)


class _Question:
    """One question to skopeo."""

    def __init__(
        self,
        reference: Reference,
        facts: ImageFacts | None,
        mode: Mode,
        parent: str,
        until: float,
        binary: str | None,
    ) -> None:
        self._reference = reference
        self._facts = facts
        self._mode = mode
        self._parent = parent
        self._until = until
        self._binary = binary
        self.step = "run skopeo"

    def answer(self) -> SkopeoFacts:
        """What skopeo says, or why it was not asked, in the order of what costs least to find out."""
        if self._mode == "never":
            raise NoAnswer(Reason.SKIPPED, "skopeo was not wanted")
        argument = self._argument()
        needed = self._needed()
        binary = self._binary or _find()
        if binary is None:
            raise NoAnswer(Reason.ABSENT, "skopeo is not installed: nothing of that name on PATH")
        if self._reference.transport in _DIRECTORIES:
            return self._ask(Program(binary, "/", (), None, self._until), argument)
        self.step = f"make a directory in {self._parent}"
        try:
            with workspace(self._parent, needed, self._left()) as directory:
                self.step = "run skopeo"
                largest = needed + MARGIN if needed else None
                return self._ask(Program(binary, directory, ("--tmpdir", directory), largest, self._until), argument)
        except NoRoom as room:
            raise NoAnswer(
                Reason.SKIPPED,
                f"skopeo would unpack the archive into {self._parent}, which takes {room.needed} bytes; "
                f"{room.available} bytes are free there",
            ) from None

    def _argument(self) -> bytes:
        """The reference as skopeo takes it, byte for byte."""
        reference = self._reference
        path = path_bytes(reference.path)
        if reference.transport not in _ARCHIVES + _DIRECTORIES:
            raise NoAnswer(Reason.SKIPPED, "a plain path names no transport, so skopeo cannot be asked about it")
        if reference.transport in _ENDS_AT_COLON and b":" in path:
            raise NoAnswer(
                Reason.SKIPPED,
                f"skopeo cannot name this path: a path of {reference.transport}: ends at its first colon",
            )
        tag = b":" + os.fsencode(reference.tag) if reference.tag else b""
        return reference.transport.encode() + b":" + path + tag

    def _needed(self) -> int:
        """Bytes that skopeo will unpack, 0 for none or not known; raises when that forbids asking."""
        transport = self._reference.transport
        archive = self._facts.archive if self._facts is not None else None
        if transport in _DIRECTORIES:
            return 0
        if archive is None:
            if self._mode == "auto":
                raise NoAnswer(
                    Reason.SKIPPED, "what lies there was not read, so how much skopeo would unpack is not known"
                )
            return self._size()
        size = max(archive.size, archive.end_offset, archive.unpacked)
        if archive.compression != "none" and archive.ending is Ending.CAPPED:
            raise NoAnswer(
                Reason.SKIPPED,
                f"the archive is compressed ({archive.compression}), and how much skopeo would unpack is not known: "
                f"more than {archive.end_offset} bytes",
            )
        if self._mode == "auto" and size >= SMALL_ARCHIVE:
            raise NoAnswer(
                Reason.SKIPPED,
                f"skopeo unpacks an archive to look at it: {size} bytes, and unasked it may have {SMALL_ARCHIVE}",
            )
        in_place = transport == Container.DOCKER_ARCHIVE and archive.compression == "none"
        return 0 if in_place else size

    def _size(self) -> int:
        """Bytes of the file, 0 when that cannot be seen: then skopeo's own message is what is wanted."""
        path = path_bytes(self._reference.path)

        def look() -> bytes:
            try:
                status = os.stat(path)
            except OSError:
                return b"0"
            return b"%d" % (status.st_size if stat.S_ISREG(status.st_mode) else 0)

        self.step = f"stat {self._reference.path}"
        return int(in_child(look, min(_STAT_SECONDS, self._left())))

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _ask(self, program: Program, argument: bytes) -> SkopeoFacts:
        version = program.version()
        raw = program.run("inspect", "--raw", argument)
        if raw.status != 0:
            return SkopeoFacts(version=version, exit_status=status_of(raw), message=message_of(raw))
        manifest_digest = _sha256(raw.stdout)
        config = program.run("inspect", "--config", "--raw", argument)
        if config.status != 0:
            return SkopeoFacts(
                version=version,
                manifest_digest=manifest_digest,
                exit_status=status_of(config),
                message=message_of(config),
            )
        told = SkopeoFacts(
            version=version,
            manifest_digest=manifest_digest,
            config_digest=_sha256(config.stdout),
            diff_ids=_diff_ids(config.stdout),
            exit_status=0,
        )
        return told.model_copy(update={"agrees": _agrees(self._facts, told)})


def _find() -> str | None:
    import shutil

    return shutil.which("skopeo")


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _object(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _diff_ids(config: bytes) -> tuple[str, ...]:
    rootfs = _object(config).get("rootfs")
    listed = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(one for one in listed[:MAX_LAYERS] if isinstance(one, str) and _DIGEST.fullmatch(one))


def _agrees(facts: ImageFacts | None, told: SkopeoFacts) -> bool | None:
    """Whether every digest that both sides have is equal; None when there is none.

    For an index of many platforms both sides name the index by its own bytes, and the config of the platform that
    was chosen.
    """
    image = facts.selected if facts is not None else None
    if image is None:
        return None
    pairs = (
        (image.manifest_digest, told.manifest_digest),
        (image.config.digest if image.config is not None else None, told.config_digest),
        (image.diff_ids, told.diff_ids),
    )
    known = [native == other for native, other in pairs if native and other]
    return all(known) if known else None
