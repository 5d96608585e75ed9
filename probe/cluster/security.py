"""Security contexts of pods and containers, and what OpenShift gives a namespace."""

from __future__ import annotations

import re
from typing import Any

from probe.cluster.raw import Raw, flag, mapping, number, sequence, text, texts, within
from probe.evidence.cluster import SecurityContext

_RANGE = re.compile(r"\s*(\d{1,18})\s*([/-])\s*(\d{1,18})\s*", re.ASCII)


def security_context(raw: Any) -> SecurityContext:
    """A `securityContext`, of a pod or of a container."""
    raw = mapping(raw)
    groups = [number(group) for group in sequence(raw.get("supplementalGroups"), 1024)]
    escalation = flag(raw.get("allowPrivilegeEscalation"))
    return SecurityContext(
        run_as_user=number(raw.get("runAsUser")),
        run_as_group=number(raw.get("runAsGroup")),
        run_as_non_root=flag(raw.get("runAsNonRoot")),
        fs_group=number(raw.get("fsGroup")),
        fs_group_policy=text(raw.get("fsGroupChangePolicy")) or None,
        supplemental_groups=tuple(group for group in groups if group is not None) if groups else None,
        added=texts(within(raw, "capabilities").get("add")),
        dropped=texts(within(raw, "capabilities").get("drop")),
        privileged=flag(raw.get("privileged")),
        read_only_root=flag(raw.get("readOnlyRootFilesystem")),
        no_privilege_escalation=None if escalation is None else not escalation,
        se_linux=_se_linux(mapping(raw.get("seLinuxOptions"))),
        seccomp=text(within(raw, "seccompProfile").get("type")) or None,
    )


def overlaid(base: Raw, over: Raw) -> Raw:
    """A security context with the fields of another put over it."""
    return {**base, **{key: value for key, value in over.items() if value is not None}}


def id_range(value: Any) -> tuple[int, int] | None:
    """First id and how many, of `1000970000/10000` or `1000970000-1000979999`; of several ranges the first."""
    match = _RANGE.fullmatch(text(value).split(",")[0])
    if match is None:
        return None
    first, second = int(match[1]), int(match[3])
    size = second if match[2] == "/" else second - first + 1
    return (first, size) if size > 0 else None


def _se_linux(raw: Raw) -> str | None:
    parts = [text(raw.get(name), 60) for name in ("user", "role", "type", "level")]
    return ":".join(parts) if any(parts) else None
