"""An observation: a value that was seen, or the reason why it was not. Never a bare None."""

import errno as errno_names
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeAlias, TypeVar

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp, clip

T = TypeVar("T")


class Reason(StrEnum):
    """Why something was not seen."""

    DENIED = "denied"
    ABSENT = "absent"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    FAILED = "failed"


class Seen(Frozen, Generic[T]):
    """A value, the moment it was seen, and how many milliseconds seeing it took."""

    status: Literal["seen"] = "seen"
    value: T
    at: Timestamp
    took_ms: float = 0.0


class NotSeen(Frozen):
    """No value: the reason, the errno by name where the kernel gave one, and a sentence for a person."""

    status: Literal["not-seen"] = "not-seen"
    reason: Reason
    errno: ShortText | None = None
    message: Text
    at: Timestamp
    took_ms: float = 0.0


if TYPE_CHECKING:
    Observation: TypeAlias = Seen[T] | NotSeen
else:

    class Observation:
        """`Observation[T]`: either `Seen[T]` or `NotSeen`, told apart by `status`."""

        def __class_getitem__(cls, item):  # pydantic's generic models leave no parameter for an alias to fill
            return Annotated[Seen[item] | NotSeen, Field(discriminator="status")]


_DENIED = {"EACCES", "EPERM"}
_ABSENT = {"ENOENT", "ENOTDIR", "ENODATA", "ESRCH", "ENXIO"}
_UNSUPPORTED = {"ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOTTY", "EINVAL"}


def errno_name(number: int | None) -> str:
    """The symbolic name of an errno (`EACCES`), or `errno 1234` for one this libc does not know."""
    if number is None:
        return "no errno"
    return errno_names.errorcode.get(number, f"errno {number}").replace("EOPNOTSUPP", "ENOTSUP")


def reason_for(name: str) -> Reason:
    """The reason that an errno name stands for."""
    if name in _DENIED:
        return Reason.DENIED
    if name in _ABSENT:
        return Reason.ABSENT
    if name in _UNSUPPORTED:
        return Reason.UNSUPPORTED
    return Reason.TIMEOUT if name == "ETIMEDOUT" else Reason.FAILED


def not_seen_from(error: OSError, operation: str, at: int, took_ms: float = 0.0) -> NotSeen:
    """The `NotSeen` of a failed system call. `operation` says what was tried on what: `open /a/b`."""
    name = errno_name(error.errno)
    text = os.strerror(error.errno) if error.errno else str(error)
    return NotSeen(
        reason=reason_for(name), errno=name, message=clip(f"{operation}: {name} ({text})"), at=at, took_ms=took_ms
    )
