"""What the words of a script stand for, where that is certain: variables that have one value, and the directory."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.skopeo.invocation.shell import Command
from probe.skopeo.invocation.words import Part, Variable, Word, encodable

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_DECLARES = frozenset({"export", "readonly", "local", "declare", "typeset"})
_SPOILS = frozenset({"read", "unset", "for", "select", "getopts", "mapfile", "readarray", "printf", "local"})
"""They give a variable a value that is not known here."""
_MOVES = frozenset({"cd", "pushd", "popd", "chroot"})
_STEADY = frozenset({"mkdir", "cd", "set", "umask", "export", "echo", "rm", "touch"})
"""What asks nothing: behind it and `&&` a script goes on, or has failed."""
_MAX_VALUE = 8_192
_MAX_PLACES = 100


class Argument(NamedTuple):
    """One word of a command line."""

    text: str
    """What it stands for, as far as that is known."""
    known: bool
    shown: str
    """As it is written, without its quotation marks."""


@dataclass
class Resolved:
    """One command with the values of its words put in."""

    arguments: list[Argument]
    outputs: list[Argument]
    """Files that its standard output is written to."""
    line: int
    directory: str | None
    """Where it runs: as the script was started, or where a `cd` led; None where that is not known."""
    settings: dict[str, str] = field(default_factory=dict)
    """Values that the script itself gives to variables for it."""


def plain(words: Sequence[str]) -> list[Argument]:
    """Words that are what they say."""
    return [Argument(word, True, word) for word in map(encodable, words)]


def resolved(commands: Sequence[Command], known: Mapping[str, str], directory: str) -> list[Resolved]:
    """All commands with what is certain put in.

    A variable counts when all that is ever assigned to it is one and the same known text, outside of any condition,
    before it is used; or when it is in `known` and never assigned.
    """
    values = _Values(commands, known)
    moves = any(_first(command) in _MOVES for command in commands)
    where: str | None = encodable(directory)
    steady = True
    found = []
    for index, command in enumerate(commands):
        steady = not command.chain or (command.chain == "&&" and steady)
        arguments = [values.argument(word, index, command) for word in command.words]
        settings = dict(values.settings(index, command))
        while arguments and (match := _ASSIGNMENT.match(arguments[0].text)):
            if arguments[0].known:
                settings[match[1]] = arguments[0].text[match.end() :]
            del arguments[0]
        outputs = [
            values.argument(one.target, index, command)
            for one in command.redirections[:_MAX_PLACES]
            if one.operator in (">", ">>", "1>", "1>>", ">|", "&>", "&>>")
        ]
        here = None if command.function and moves else where
        found.append(Resolved(arguments, outputs, command.line, here, settings))
        if arguments and arguments[0].text in _MOVES:
            where = _moved(where, arguments) if command.straight and not command.function and steady else None
        steady = steady and _first(command) in _STEADY
    return found


def _moved(where: str | None, arguments: list[Argument]) -> str | None:
    """Where the script is after a `cd`."""
    targets = [one for one in arguments[1:] if not one.text.startswith("-")]
    if arguments[0].text != "cd" or len(targets) != 1 or not targets[0].known:
        return None
    target = targets[0].text
    return target if target.startswith("/") else posixpath.join(where, target) if where else None


class _Values:
    """Which variable has which value from which command on."""

    def __init__(self, commands: Sequence[Command], known: Mapping[str, str]) -> None:
        self._values: dict[str, tuple[int, str]] = {name: (-1, encodable(value)) for name, value in known.items()}
        self._doubtful: set[str] = set()
        assigned: dict[str, list[tuple[int, Command, Word]]] = {}
        for index, command in enumerate(commands):
            for name, value in self._assignments(command):
                assigned.setdefault(name, []).append((index, command, value))
        for name in self._doubtful:
            self._values.pop(name, None)
        self._own = {name for name in assigned if name not in self._doubtful}
        ordered = sorted((places[0][0], name) for name, places in assigned.items())
        for _, name in ordered:
            self._settle(name, assigned[name])

    def argument(self, word: Word, index: int, command: Command) -> Argument:
        """What a word of this command stands for."""
        text, known = "", True
        for part in word:
            value = self._value(part, index, command)
            known = known and value is not None
            text += _shown(part) if value is None else value
            if len(text) > _MAX_VALUE:
                return Argument(text[:_MAX_VALUE], False, _whole(word)[:_MAX_VALUE])
        return Argument(text, known, _whole(word)[:_MAX_VALUE])

    def settings(self, index: int, command: Command) -> list[tuple[str, str]]:
        """What the script assigned before."""
        names = _SETTINGS & self._own
        pairs = [(name, self._value(Variable(name, ""), index, command)) for name in sorted(names)]
        return [(name, value) for name, value in pairs if value is not None]

    def _assignments(self, command: Command) -> list[tuple[str, Word]]:
        """A command that only assigns; one that changes variables in another way makes them doubtful."""
        words = list(command.words)
        first = _first(command)
        if first in _DECLARES:
            words = [word for word in words[1:] if not _whole(word).startswith("-")]
        elif first in _SPOILS:
            self._doubtful.update(_whole(word) for word in words[1:])
            return []
        matches = [_ASSIGNMENT.match(word[0]) if isinstance(word[0], str) else None for word in words]
        if first in _DECLARES:
            if first == "local":
                self._doubtful.update(_whole(word) for word, match in zip(words, matches, strict=True) if not match)
        elif not all(matches):
            return []
        found = []
        for word, match in zip(words, matches, strict=True):
            if match is None:
                continue
            if match[2]:
                self._doubtful.add(match[1])
            found.append((match[1], (str(word[0])[match.end() :], *word[1:])))
        return found

    def _settle(self, name: str, places: list[tuple[int, Command, Word]]) -> None:
        before = self._values.pop(name, None)
        if name in self._doubtful or not all(command.straight and not command.chain for _, command, _ in places):
            return
        arguments = [self.argument(word, index, command) for index, command, word in places[:_MAX_PLACES]]
        values = {argument.text if argument.known else None for argument in arguments}
        value = values.pop() if len(values) == 1 and len(places) <= _MAX_PLACES else None
        if value is not None and (before is None or before[1] == value):
            self._values[name] = (-1 if before else places[0][0], value)

    def _value(self, part: Part, index: int, command: Command) -> str | None:
        if isinstance(part, str):
            return part
        if not isinstance(part, Variable) or part.name not in self._values:
            return None
        since, value = self._values[part.name]
        certain = index > since or command.function
        return value if certain and (value or not part.shown.startswith("${")) else None


_SETTINGS = frozenset({"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "TMPDIR"})
"""Variables by which a file is named to the tools."""


def _first(command: Command) -> str:
    return _whole(command.words[0]) if command.words else ""


def _shown(part: Part) -> str:
    return part if isinstance(part, str) else part.shown


def _whole(word: Word) -> str:
    return "".join(_shown(part) for part in word)
