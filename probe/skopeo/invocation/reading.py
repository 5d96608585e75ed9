"""Command lines and scripts, read for the images and files that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.evidence.invocation import Invocation
from probe.skopeo.invocation.assembling import IMAGE_PROGRAMS, assembled
from probe.skopeo.invocation.mentions import UMASK, concerns, is_archive, mentioned
from probe.skopeo.invocation.options import Line, copying, sorted_out
from probe.skopeo.invocation.shell import commands_of
from probe.skopeo.invocation.tools import (
    FILE_TOOLS,
    IMAGE_TOOLS,
    Form,
    Named,
    Role,
    named_by,
    program_name,
    tar_archive,
)
from probe.skopeo.invocation.variables import Resolved, plain, resolved
from probe.skopeo.invocation.wrappers import program_of

MAX_INVOCATIONS = 64
"""Of one text; what repeats counts once."""
_MAX_WORDS = 2_000
_MAX_DEPTH = 3
"""Of shells in each other."""
_MAX_OUTPUTS = 8
_TO_FILE = "> "
_PROGRAMS = IMAGE_TOOLS | FILE_TOOLS


@dataclass(frozen=True)
class _Asked:
    """What is known around, and whether files that any command names count."""

    known: Mapping[str, str]
    mentions: bool = False


def invocations_of(
    text: str,
    *,
    line: int = 0,
    known: Mapping[str, str] | None = None,
    directory: str = "",
    mentions: bool = False,
) -> tuple[Invocation, ...]:
    """The command lines in a script, or the one in a line of a log, that concern images. Never raises.

    `line` is the number of the first line (0 counts from 1); `known` are variables that the environment sets;
    `directory` is where it runs, if that is known. Functions count as if they were called. `mentions`: also what
    other programs do to a file of an image (`probe.skopeo.invocation.mentions`); for scripts only, since prose looks
    like that. At most `MAX_INVOCATIONS`, in the order of their lines; what repeats counts once.
    """
    commands = resolved(commands_of(text, line or 1), known or {}, directory)
    return _bounded(_of_commands(commands, 0, _Asked(known or {}, mentions)))


def invocations_of_words(
    words: Sequence[str],
    *,
    known: Mapping[str, str] | None = None,
    directory: str = "",
    mentions: bool = False,
) -> tuple[Invocation, ...]:
    """The same for an argument list as a container or a process has it; the lines of a script in it count from 1.

    `known` counts in such a script only: nothing replaces a variable in an argument list.
    """
    command = Resolved(plain(words[:_MAX_WORDS]), [], 0, directory)
    return _bounded(_of_commands([command], 0, _Asked(known or {}, mentions)))


def _bounded(found: Iterable[Invocation]) -> tuple[Invocation, ...]:
    """Each once; of what other programs do only what concerns the files of an image."""
    images: dict[Invocation, Invocation] = {}
    others: dict[Invocation, Invocation] = {}
    for one in found:
        kind = images if one.program in IMAGE_PROGRAMS else others
        if len(kind) < MAX_INVOCATIONS:
            kind.setdefault(one.model_copy(update={"line": 0}), one)
    used = {path for one in images.values() for path in _paths(one)}
    used |= {path for one in others.values() for path in _paths(one) if is_archive(path)}
    kept = [*images.values(), *(one for one in others.values() if concerns(_paths(one), used) or _always(one))]
    return tuple(sorted(kept[:MAX_INVOCATIONS], key=lambda one: one.line))


def _paths(one: Invocation) -> list[str]:
    """The files and directories that it concerns."""
    references = [reference.path for reference in (*one.reads, *one.makes) if not reference.path.startswith("//")]
    return references + [named.path for named in one.files if not named.option]


def _always(one: Invocation) -> bool:
    return one.program == UMASK


def _of_commands(commands: Iterable[Resolved], depth: int, asked: _Asked) -> Iterator[Invocation]:
    for command in commands:
        yield from _of_command(command, depth, asked)


def _of_command(command: Resolved, depth: int, asked: _Asked) -> Iterator[Invocation]:
    words = command.arguments[:_MAX_WORDS]
    for target in command.outputs[:_MAX_OUTPUTS]:
        named = Named(target, Role.MADE, Form.PATH)
        text = f"{words[0].shown if words else ''} {_TO_FILE}{target.shown}"
        if target.known and not target.text.startswith("/dev/"):
            program = words[0].text.rpartition("/")[2] if words and words[0].known else "shell"
            yield from assembled(program or "shell", "", [named], Line(), command, text)
    program_line = program_of(words, _PROGRAMS)
    if program_line is None:
        if asked.mentions:
            yield from mentioned(command)
        return
    if not program_line.name:
        return
    if program_line.script is not None:
        if depth < _MAX_DEPTH and program_line.script.known:
            inner = commands_of(program_line.script.text, command.line or 1)
            around = replace(asked, known={**asked.known, **command.settings})
            yield from _of_commands(resolved(inner, around.known, command.directory or ""), depth + 1, around)
        return
    files = program_line.name in FILE_TOOLS
    line = copying(program_line.arguments) if files else sorted_out(program_line.arguments)
    found = (
        ("", list(tar_archive(list(program_line.arguments))))
        if program_line.name == "tar"
        else named_by(program_line.name, line)
    )
    if found is None:
        return
    name = program_name(program_line.name)
    yield from assembled(name, *found, line, command, " ".join([name, *line.shown]))
