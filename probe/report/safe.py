"""Text from a volume or a log made safe for a terminal: nothing in it can move the cursor or turn the reading order."""

from __future__ import annotations

import unicodedata

_ESCAPED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str) -> str:
    """`text` with control, format (bidirectional marks) and unassigned characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_ESCAPED.get(char) or (_escape(char) if _hidden(char) else char) for char in text)


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"
