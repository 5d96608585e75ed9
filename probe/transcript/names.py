"""File names as tools print them: quoted, escaped, relative to a directory."""

from __future__ import annotations

import re

from probe.evidence.base import clip, path_text

_SIMPLE = {"n": b"\n", "t": b"\t", "r": b"\r", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v", "e": b"\x1b"}
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_WORD = re.compile(r"\$'((?:[^'\\]|\\.)*)'|'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)|([^'\"\\$]+|\$)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r"[\s'\"\\$`!&|;<>()*?\[\]{}#~=^]|[\x00-\x1f\x7f]")


def shown(path: str) -> str:
    """A path as evidence carries it."""
    try:
        return path_text(path)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        return path_text(path.encode("utf-8", "surrogatepass"))


def short(text: str) -> str:
    """A name as evidence carries it, at most 256 characters."""
    return clip(text if text.isascii() else text.encode("utf-8", "backslashreplace").decode(), 256)


def unescape(text: str) -> str:
    r"""What `find -ls`, `ls -b` or `getfacl` escapes: `\ `, `\n`, `\303\274`."""
    if "\\" not in text:
        return text
    parts, position = [], 0
    for match in _ESCAPE.finditer(text):
        parts += [_bytes(text[position : match.start()]), _one(match)]
        position = match.end()
    parts.append(_bytes(text[position:]))
    return b"".join(parts).decode("utf-8", "surrogateescape")


def unquote(text: str) -> str:
    r"""A name that GNU tools quoted for a terminal (`'a b'`, `"it's"`, `'a'$'\n''b'`), as it is; any other unchanged.

    They quote only what needs it, so `'x'` is a name with quotation marks.
    """
    plain = _unquoted(text)
    return plain if plain is not None and _NEEDS_QUOTES.search(plain) else text


def is_quoted(text: str) -> bool:
    """Whether `unquote` takes quotation marks away."""
    return text[:1] in ("'", '"') and unquote(text) != text


def _unquoted(text: str) -> str | None:
    if text[:1] not in ("'", '"', "$"):
        return None
    if text[0] == '"' and "'" not in text and _WORD.fullmatch(text):
        return unescape(text[1:-1])
    parts, position = [], 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            return None
        escaped, single, double, one, plain = match.groups()
        if escaped is not None:
            parts.append(unescape(escaped))
        elif double is not None:
            parts.append(re.sub(r"\\([\\\"$`])", r"\1", double))
        else:
            parts.append(single if single is not None else one or plain)
        position = match.end()
    return "".join(parts)


def join(directory: str, name: str) -> str:
    """The path of an entry; `.` and `..` are the directory itself and the one above, as the text of the path has it."""
    if name.startswith("/") or not directory:
        return name
    if name == ".":
        return directory
    if name == "..":
        return parent(directory)
    if directory == ".":
        return name
    return f"{directory.rstrip('/')}/{name}"


def parent(path: str) -> str:
    """The directory above, by the text of the path."""
    if path == ".":
        return ".."
    head, _, tail = path.rstrip("/").rpartition("/")
    if tail in ("..", "."):
        return f"{path}/.."
    return head or ("/" if path.startswith("/") else ".")


def _one(match: re.Match[str]) -> bytes:
    octal, hexadecimal, other = match.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    return _SIMPLE.get(other) or _bytes(other)


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
