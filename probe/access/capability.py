"""Capability names and their bits, as /proc/PID/status shows the sets (capabilities(7), linux/capability.h)."""

from __future__ import annotations

from collections.abc import Iterable

CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
"""The name of each bit: the position is the bit's number."""

DAC_OVERRIDE = "CAP_DAC_OVERRIDE"
DAC_READ_SEARCH = "CAP_DAC_READ_SEARCH"

_BITS = {name: bit for bit, name in enumerate(CAPABILITIES)}
_WIDTH = 64


def capability_names(bits: int) -> tuple[str, ...]:
    """The names in a capability set given as a number (`int(status["CapEff"], 16)`); `CAP_63` for a bit without a name.

    Raises ValueError for a number that is no set of 64 bits.
    """
    if not 0 <= bits < 1 << _WIDTH:
        raise ValueError(f"not a set of {_WIDTH} capability bits: {bits:#x}")
    return tuple(
        CAPABILITIES[bit] if bit < len(CAPABILITIES) else f"CAP_{bit}" for bit in range(_WIDTH) if bits >> bit & 1
    )


def capability_bits(names: Iterable[str]) -> int:
    """The number whose bits are the named capabilities. Raises ValueError for a name that is none."""
    bits = 0
    for name in names:
        number = name.removeprefix("CAP_")
        if name in _BITS:
            bits |= 1 << _BITS[name]
        elif number.isascii() and number.isdigit() and len(CAPABILITIES) <= int(number) < _WIDTH:
            bits |= 1 << int(number)
        else:
            raise ValueError(f"no capability is called {name[:40]!r}")
    return bits


def parse_capabilities(text: str) -> tuple[str, ...]:
    """Names from a list as a person types it: `all`, `none`, or `dac_override,CAP_CHOWN`, in any case.

    Returns them in the order of their bits. Raises ValueError that names the word which is no capability.
    """
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    if words == ["ALL"]:
        return CAPABILITIES
    if words == ["NONE"]:
        return ()
    names = [word if word.startswith("CAP_") else f"CAP_{word}" for word in words]
    for name in names:
        if name not in _BITS:
            raise ValueError(
                f"no capability is called {name[:40]!r}: give names as in capabilities(7), for example "
                "dac_override,dac_read_search, or all, or none"
            )
    return capability_names(capability_bits(names))
