"""What a reader's own log says of its failure, where there is one: objects alone never say why."""

from __future__ import annotations

from enum import StrEnum

from probe.classify.told.account import Account
from probe.evidence.command import Failure, FailureKind


class Symptom(StrEnum):
    """How a failure looks."""

    DENIED = "denied"
    ABSENT = "absent"
    BROKEN = "broken"
    """An archive or an image that ends early or is none."""
    SPACE = "space"
    REGISTRY = "registry"
    ELSEWHERE = "elsewhere"
    """Another file than the image."""
    OTHER = "other"


_KINDS = {
    FailureKind.NO_SPACE: Symptom.SPACE,
    FailureKind.ARCHIVE_ENDED: Symptom.BROKEN,
    FailureKind.BAD_ARCHIVE: Symptom.BROKEN,
    FailureKind.BAD_JSON: Symptom.BROKEN,
    FailureKind.DIGEST_MISMATCH: Symptom.BROKEN,
    FailureKind.UNKNOWN_REFERENCE: Symptom.BROKEN,
    FailureKind.REGISTRY_DENIED: Symptom.REGISTRY,
    FailureKind.REGISTRY_UNREACHABLE: Symptom.REGISTRY,
    FailureKind.REGISTRY_OTHER: Symptom.REGISTRY,
}
_OTHER_FILES = frozenset({"auth-file", "policy", "config", "destination"})


def symptoms(account: Account) -> frozenset[Symptom]:
    """Of its commands that failed; empty where no log tells."""
    found = {_symptom(told.value) for tried in account.tries for told in tried.failures}
    return frozenset(found or {_symptom(told.value) for told in account.failures})


def fits(account: Account, *expected: Symptom) -> bool:
    """Whether nothing that it said speaks against a failure of this kind."""
    said = symptoms(account)
    return not said or bool(said & set(expected))


def _symptom(failure: Failure) -> Symptom:
    if failure.about in _OTHER_FILES:
        return Symptom.ELSEWHERE
    if failure.errno in ("EACCES", "EPERM"):
        return Symptom.DENIED
    if failure.errno in ("ENOSPC", "EDQUOT"):
        return Symptom.SPACE
    if failure.errno == "ENOENT":
        return Symptom.ABSENT
    return _KINDS.get(failure.kind, Symptom.OTHER)
