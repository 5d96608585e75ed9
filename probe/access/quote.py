"""Recorded paths in shell commands."""

from __future__ import annotations

import shlex

from probe.evidence.base import path_bytes


def quote_path(text: str) -> str:
    r"""A recorded path as one word for sh(1): bytes that are no printable text go through printf, as `\ooo`."""
    raw = path_bytes(text)
    if not raw.startswith(b"/"):
        raw = b"./" + raw
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = ""
    if plain.isprintable() and plain:
        return shlex.quote(plain)
    # The shell drops newlines at the end of a command substitution: they follow it, quoted.
    body = raw.rstrip(b"\n")
    escaped = "".join(chr(byte) if _is_plain(byte) else f"\\{byte:03o}" for byte in body)
    return f"\"$(printf '{escaped}')\"" + "'\n'" * (len(raw) - len(body))


def _is_plain(byte: int) -> bool:
    return chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "/._-+,=@ ")
