"""Commands that a log shows to be run: `===== ls -la /w =====`, `+ skopeo copy ...`, `$ id`, `Running: ...`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MAX_COMMAND = 8192
"""Characters of one command line that are looked at."""

_RULE = re.compile(r"(={2,}|-{3,}(?= {1,4}[^\s\d])|#{2,}|\*{3,}|~{3,}|>{2,}|:{2,}) {0,4}(?=\S)")
_TRACE = re.compile(r"\++ (?=\S)")
_ANNOUNCED = re.compile(
    r"(?:\[?(?:info|INFO)\]?:? )?(?:[Rr]unning|[Ee]xecuting|[Cc]alling|[Cc]ommand|CMD|[Cc]md|RUN)(?: command)?: {0,4}"
    r"(?=\S)"
)
_PROMPT = re.compile(
    r"(?:\[[^\]\n]{1,120}\]|(?:[\w.@-]{1,64}:)?(?P<directory>[~/][\w./+@-]{0,200})?|[\w.-]{1,64}) ?"
    r"[$#] (?=\S)"
)
_REMARK = re.compile(r" {1,8}\([^()\n]{0,200}\)$")
_WORD = re.compile(r"'(?:[^'\n]*)'|\"(?:[^\"\\\n]|\\.)*\"|\\.|(?P<end>[;&|\n]+)|(?P<space>\s+)|[^\s'\"\\;&|]+|.")
_TO_STREAM = re.compile(r"\d?>&\d|&(?=>)")
_REDIRECT = re.compile(r"\d?(?:>{1,2}|<{1,3})(.*)", re.DOTALL)
_WRAPPERS = frozenset({"sudo", "exec", "time", "command", "env", "nice", "stdbuf", "timeout", "busybox", "!", "("})
_TOOLS = frozenset(
    re.findall(
        r"\S+",
        """
    ls ll dir stat id whoami groups pwd cd mount findmnt df du namei getfacl setfacl find cat head tail grep egrep umask
    capsh getpcaps lsattr file sha256sum md5sum test echo printf date env printenv wc od hexdump xxd jq sync touch
    cp mv rm mkdir chmod chown chgrp ln dd install rsync readlink realpath tree less more
    skopeo buildah podman docker nerdctl kaniko executor crane oras regctl umoci tar bsdtar gzip gunzip zstd sh bash
        """,
    )
)


class Call(NamedTuple):
    """One program of a command line. `flags`: the letters of its short options; `piped`: its output goes on."""

    program: str
    flags: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    piped: bool = False

    @property
    def named(self) -> str:
        """The program with its verb, for one that has verbs."""
        return f"{self.program} {self.operands[0]}" if self.operands else self.program


@dataclass(frozen=True)
class Shown:
    """A command line as a log shows it."""

    text: str
    traced: bool = False
    """By `set -x`: the shell's own word that it runs."""
    prompted: bool = False
    """Behind a prompt: all that is run can be seen."""
    directory: str = ""
    """Where it runs, if the prompt says so."""

    @property
    def literal(self) -> bool:
        """Whether it is what was run; a heading may be an abridged name of it."""
        return self.traced or self.prompted

    @property
    def goes_on(self) -> bool:
        """Whether the next line belongs to it."""
        return self.text.endswith("\\")


def command_of(line: str) -> Shown | None:
    """The command that a line shows, or None when it shows none. A heading of something else has an empty text."""
    first = line[:1]
    if first == "+":
        match = _TRACE.match(line)
        return Shown(line[match.end() : MAX_COMMAND], traced=True) if match is not None else None
    if first in "=-#*~>:" and (match := _RULE.match(line)) is not None:
        sign = match[1][0]
        inner = line[match.end() : MAX_COMMAND].rstrip().rstrip("<" if sign == ">" else sign).rstrip()
        inner = _REMARK.sub("", inner).strip("`")
        return Shown(inner if is_tool(inner) else "")
    if first in "RrEeCc[Ii" and (match := _ANNOUNCED.match(line)) is not None:
        inner = line[match.end() : MAX_COMMAND].strip().strip("`'\"")
        return Shown(inner) if is_tool(inner) else None
    if ("$ " in line[:256] or "# " in line[:256]) and (match := _PROMPT.match(line)) is not None:
        inner = line[match.end() : MAX_COMMAND].rstrip()
        directory = match["directory"] or ""
        return (
            Shown(inner, prompted=True, directory=directory if directory[:1] == "/" else "") if is_tool(inner) else None
        )
    return None


def is_tool(text: str) -> bool:
    """Whether a text begins with the name of a program that people run to look at files and images."""
    for word in text[:512].split()[:4]:
        name = word.rpartition("/")[2]
        if name in _TOOLS:
            return True
        if name not in _WRAPPERS and "=" not in word and not word.isdigit():
            return False
    return False


def calls_of(text: str) -> tuple[Call, ...]:
    """The programs of a command line, in order. Never raises."""
    return tuple(call for call in _calls(text) if call.program)


def _calls(text: str) -> Iterator[Call]:
    words: list[str] = []
    word: str | None = None
    for match in _WORD.finditer(_TO_STREAM.sub("", text[:MAX_COMMAND])):
        if match["end"] is None and match["space"] is None:
            word = (word or "") + _plain(match[0])
            continue
        if word is not None:
            words.append(word)
            word = None
        if match["end"] is not None:
            yield _call(words, piped=match[0] == "|")
            words = []
    if word is not None:
        words.append(word)
    yield _call(words, piped=False)


def _plain(token: str) -> str:
    if token[:1] == "'" and len(token) > 1:
        return token[1:-1]
    if token[:1] == '"' and len(token) > 1:
        return re.sub(r"\\([\\\"$`])", r"\1", token[1:-1])
    return token[1:] if token[:1] == "\\" else token


def _call(words: list[str], *, piped: bool) -> Call:
    while words and (words[0] in _WRAPPERS or "=" in words[0] or words[0].isdigit()):
        words = words[1:]
    if not words:
        return Call("")
    flags: set[str] = set()
    options, operands = [], []
    rest = iter(words[1:])
    for word in rest:
        if (redirect := _REDIRECT.fullmatch(word)) is not None:
            if not redirect[1]:
                next(rest, None)
        elif word.startswith("--"):
            options.append(word)
        elif word.startswith("-") and len(word) > 1:
            flags |= set(word[1:])
        else:
            operands.append(word)
    name = words[0].rpartition("/")[2]
    return Call(name, frozenset(flags), tuple(options), tuple(operands), piped)
