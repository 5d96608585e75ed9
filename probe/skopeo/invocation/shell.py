"""A shell script taken apart into simple commands: which words, which redirections, on which line.

POSIX shell grammar as far as it decides where a command begins and ends, with the common additions of bash: quoting,
continuation lines, comments, here-documents (skipped), command substitution (its commands are found too), functions,
loops and conditions. What only running it would tell stays hidden in its word. Nothing is run or expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.skopeo.invocation.words import Word, WordReader, encodable

MAX_SCRIPT = 1 << 20
"""Characters that are looked at."""
MAX_COMMANDS = 20_000
_MAX_DEPTH = 24
"""Of command substitutions in each other."""
_MAX_NESTING = 200
"""Of conditions, loops, functions and subshells in each other."""


class Redirection(NamedTuple):
    """`operator` as written, with its number: `>`, `>>`, `2>`, `<`, `&>`."""

    operator: str
    target: Word


@dataclass(frozen=True)
class Command:
    """One simple command, its keywords left out."""

    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]
    line: int
    """On which it begins, from 1."""
    chain: str
    """The operator that joins it to the command before: `&&`, `||`, `|`, or nothing."""
    straight: bool
    """Stands in no condition, loop, subshell or substitution; a function counts as run."""
    function: bool
    """Stands in the body of a function: runs later than where it stands."""


@dataclass
class _Draft:
    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    line: int = 0


class _EndOfPatience(Exception):  # noqa: N818 - no error: the rest is left out
    """Too deep or too much."""


_OPENERS = frozenset({"if", "while", "until", "for", "select", "case", "{"})
_BETWEEN = frozenset({"then", "else", "elif", "do", "!", "time", "+", "++", "+++"})
"""The last three: `set -x` writes them before a command."""
_CLOSERS = frozenset({"fi", "done", "esac", "}"})

_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|]")
_REDIRECTION = re.compile(r"(?:\d{0,4}|&)(?:<<<|<<-?|<>|<&|>>|>&|>\||<|>)")
_EMPTY_PARENTHESES = re.compile(r"\([ \t]*\)")


def commands_of(script: str, line: int = 1) -> list[Command]:
    """The simple commands in the order in which they end; those of a substitution before the command it stands in.

    `line` is the number of the first line. Never raises; what is too long or too deep is left out.
    """
    parser = _Parser(encodable(script[:MAX_SCRIPT]), line)
    try:
        while parser.position < len(parser.text):
            parser.commands("")
    except (_EndOfPatience, RecursionError):
        pass
    return parser.found


class _Parser(WordReader):
    """Reads each character once."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.found: list[Command] = []
        self._counted = 0, line
        self._documents: list[tuple[str, bool]] = []
        """Here-documents that begin after this line: delimiter, and whether tabs may stand before it."""

    def commands(self, closer: str) -> None:
        """Up to the closer of a substitution, which is taken, or to the end of the text."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _EndOfPatience
        draft, stack, chain, function = _Draft(), list[str](), "", False
        while self.position < len(self.text):
            if len(stack) > _MAX_NESTING:
                raise _EndOfPatience
            if self.match(_BLANK):
                continue
            character = self.text[self.position]
            if character == closer and not (closer == ")" and stack and stack[-1] in ("(", "case")):
                self.position += 1
                break
            if character == "\n":
                self._end(draft, stack, chain=chain)
                draft, chain = _Draft(), ""
                self.position += 1
                self._skip_documents()
            elif character == "#":
                self.match(_COMMENT)
            elif character in "<>" or self.at(_REDIRECTION):
                self._redirection(draft, closer)
            elif operator := self.match(_OPERATOR):
                self._end(draft, stack, chain=chain)
                draft, chain = _Draft(), operator if operator in ("&&", "||", "|") else ""
            elif character == "(":
                function = len(draft.words) == 1 and self.match(_EMPTY_PARENTHESES) != ""
                if not function:
                    self._end(draft, stack, chain=chain)
                    stack.append("(")
                    self.position += 1
                draft, chain = _Draft(), ""
            elif character == ")":
                self.position += 1
                in_case = bool(stack) and stack[-1] == "case"
                if not in_case:
                    self._end(draft, stack, chain=chain)
                    if stack and stack[-1] == "(":
                        stack.pop()
                draft, chain = _Draft(), ""
            else:
                draft.line = draft.line or self._line()
                word = self.word(closer)
                function = self._take(word, draft, stack, function=function)
        self._end(draft, stack, chain=chain)
        self._depth -= 1

    def _take(self, word: Word, draft: _Draft, stack: list[str], *, function: bool) -> bool:
        """A word of a command, or a keyword. Whether a function's name was read and its body is yet to come."""
        keyword = word[0] if len(word) == 1 and isinstance(word[0], str) else ""
        if draft.words[:1] == [("function",)] and keyword == "{":
            draft.words.clear()
            stack.append("function")
            return False
        if draft.words or keyword not in _OPENERS | _BETWEEN | _CLOSERS:
            draft.words.append(word)
        elif keyword in _OPENERS:
            stack.append("function" if function and keyword == "{" else keyword)
            if keyword in ("for", "select", "case"):
                draft.words.append(word)
        elif keyword in _CLOSERS and stack:
            stack.pop()
        return False

    def _end(self, draft: _Draft, stack: list[str], *, chain: str) -> None:
        if not (draft.words or draft.redirections):
            return
        if len(self.found) >= MAX_COMMANDS:
            raise _EndOfPatience
        words, line = tuple(draft.words), draft.line or self._line()
        straight = self._depth == 1 and all(one in ("{", "function") for one in stack)
        self.found.append(Command(words, tuple(draft.redirections), line, chain, straight, "function" in stack))

    # -- redirections and here-documents

    def _redirection(self, draft: _Draft, closer: str) -> None:
        draft.line = draft.line or self._line()
        arrow = self.text[max(0, self.position - 2) : self.position] == " -"  # `image.tar -> /w/image.tar`: no shell
        operator = self.match(_REDIRECTION)
        self.match(_BLANK)
        if operator in ("<", ">") and self.text.startswith("(", self.position):  # process substitution
            draft.words.append((self._substitution(")"),))
            return
        target = self.word(closer) if self.position < len(self.text) and self._begins_word() else ()
        if operator.endswith(("<<", "<<-")):
            delimiter = "".join(part if isinstance(part, str) else part.shown for part in target)
            self._documents.append((delimiter, operator.endswith("-")))
        elif target and not arrow:
            draft.redirections.append(Redirection(operator, target))

    def _begins_word(self) -> bool:
        return self.text[self.position] not in " \t\r\n;&|()<>"

    def _skip_documents(self) -> None:
        for delimiter, tabs in self._documents:
            while self.position < len(self.text):
                end = self.text.find("\n", self.position)
                end = len(self.text) if end < 0 else end
                line = self.text[self.position : end].rstrip("\r")
                self.position = end + 1
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    break
        self._documents.clear()

    def _line(self) -> int:
        position, line = self._counted
        line += self.text.count("\n", position, self.position)
        self._counted = self.position, line
        return line
