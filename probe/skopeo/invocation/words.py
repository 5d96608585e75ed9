"""The words of a shell script: what is quoted, what is replaced, and what thereby stays hidden."""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple


class Hidden(NamedTuple):
    """A part of a word that the shell replaces by something not known here; `shown` stands for it in texts."""

    shown: str


class Variable(NamedTuple):
    """A part of a word that is the value of a variable, if it has one."""

    name: str
    shown: str


Part = str | Hidden | Variable
Word = tuple[Part, ...]

_ARITHMETIC = re.compile(r"\(\(")
_PLAIN = re.compile(r"[^\s\\'\"`$;&|()<>*?\[{~]+")
_IN_QUOTES = re.compile(r"[^\"\\$`]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:\}|:?[-?][^{}$`'\"\\\n]{0,256}\})")
_ALTERNATIVES = re.compile(r"\{[^{}\s'\"]{0,128}(?:,|\.\.)[^{}\s'\"]{0,128}\}")
_PARAMETER = re.compile(r"[A-Za-z][\w.-]{0,128}(?:\[[\"']?[\w.*-]{1,128}[\"']?\])?(?:\.path|\.bound)?")
"""What Tekton or Kubernetes would have replaced, had it known it: `$(params.image)`, `$(IMAGE)`."""
_SPECIAL = re.compile(r"[0-9@*#?$!-]")


def encodable(text: str) -> str:
    """`text` as a file name may be: UTF-8, or other bytes as `surrogateescape` has them; JSON may hold worse."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


class WordReader(ABC):
    """Reads the words of a text, each character once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._depth = 0
        """Of command substitutions in each other."""

    @abstractmethod
    def commands(self, closer: str) -> None:
        """Read the commands of a substitution up to its closer, which is taken, or to the end of the text."""

    def word(self, closer: str) -> Word:
        """The word that begins here, up to what ends it or to the closer."""
        parts: list[Part] = []
        start = self.position
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == closer or character in " \t\r\n;&|()<>":
                break
            parts += self._part(character, first=self.position == start)
        if self.position == start:  # a character that begins nothing here
            self.position += 1
        return _joined(parts)

    def _part(self, character: str, *, first: bool) -> Iterator[Part]:
        if plain := self.match(_PLAIN):
            yield plain
        elif character == "\\":
            following = self.text[self.position + 1 : self.position + 2]
            self.position += 2
            yield "" if following == "\n" else following
        elif character == "'":
            yield self._single()
        elif character == '"':
            yield from self._double()
        elif character == "$":
            yield from self._dollar()
        elif character == "`":
            yield self._substitution("`")
        elif character == "{":
            yield Hidden(found) if (found := self.match(_ALTERNATIVES)) else self._one()
        elif character == "~" and not first:
            yield self._one()
        else:
            yield Hidden(self._one())

    def _one(self) -> str:
        self.position += 1
        return self.text[self.position - 1]

    def _single(self) -> Part:
        end = self.text.find("'", self.position + 1)
        begin, self.position = self.position + 1, len(self.text) if end < 0 else end + 1
        return Hidden("'...") if end < 0 else self.text[begin:end]

    def _double(self) -> Iterator[Part]:
        yield ""  # an empty word is one
        self.position += 1
        while self.position < len(self.text):
            if plain := self.match(_IN_QUOTES):
                yield plain
                continue
            character = self.text[self.position]
            if character == '"':
                self.position += 1
                return
            if character == "\\":
                following = self.text[self.position + 1 : self.position + 2]
                self.position += 2
                yield {"\n": "", "$": "$", "`": "`", '"': '"', "\\": "\\"}.get(following, f"\\{following}")
            elif character == "$":
                yield from self._dollar(quoted=True)
            else:
                yield self._substitution("`")
        yield Hidden('"...')

    def _dollar(self, *, quoted: bool = False) -> Iterator[Part]:
        self.position += 1
        if self.match(_ARITHMETIC):
            yield self._arithmetic()
        elif self.text.startswith("(", self.position):
            yield self._substitution(")")
        elif braced := self.groups(_BRACED):
            yield Variable(braced[1], f"${braced[0]}")
        elif self.text.startswith("{", self.position):
            yield self._expansion()
        elif name := self.match(_NAME):
            yield Variable(name, f"${name}")
        elif special := self.match(_SPECIAL):
            yield Hidden(f"${special}")
        elif self.text.startswith("'", self.position) and not quoted:
            part = self._single()
            yield Hidden("$'...'") if not isinstance(part, str) or "\\" in part else part
        elif self.text.startswith('"', self.position) and not quoted:
            yield from self._double()
        else:
            yield "$"

    def _substitution(self, closer: str) -> Hidden:
        self.position += 1
        begin, depth = self.position, self._depth
        self.commands(closer)
        self._depth = depth
        inner = self.text[begin : self.position - 1]
        shown = inner if len(inner) < 300 and _PARAMETER.fullmatch(inner) else "..."
        return Hidden(f"$({shown})" if closer == ")" else "`...`")

    def _arithmetic(self) -> Hidden:
        end = self.text.find("))", self.position)
        self.position = len(self.text) if end < 0 else end + 2
        return Hidden("$((...))")

    def _expansion(self) -> Hidden:
        """`${...}` of another form than a plain value; braces and quotations in it are counted, not read."""
        name = _NAME.match(self.text, self.position + 1)
        level = 0
        while self.position < len(self.text):
            character = self._one()
            if character == "\\":
                self.position += 1
            elif character == "'":
                self.position -= 1
                self._single()
            level += {"{": 1, "}": -1}.get(character, 0)
            if level == 0:
                break
        return Hidden(f"${{{name[0] if name else ''}...}}")

    # -- the text

    def at(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern matches here."""
        return pattern.match(self.text, self.position) is not None

    def match(self, pattern: re.Pattern[str]) -> str:
        """Take what the pattern matches here; empty if it does not."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def groups(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The same, with what its groups hold."""
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match


def _joined(parts: list[Part]) -> Word:
    """Neighbouring text in one."""
    joined: list[Part] = []
    for texts, group in itertools.groupby(parts, lambda part: isinstance(part, str)):
        run = list(group)
        joined += ["".join(map(str, run))] if texts else run
    return tuple(joined) or ("",)
