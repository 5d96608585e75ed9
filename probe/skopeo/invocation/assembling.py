"""One command line, put together as evidence."""

from __future__ import annotations

from collections.abc import Iterator

from probe.evidence.base import clip, path_text
from probe.evidence.invocation import MAX_PATHS, Invocation, NamedPath
from probe.evidence.report import Reference
from probe.skopeo.invocation.options import Line, files_named
from probe.skopeo.invocation.reference import reference_of
from probe.skopeo.invocation.tools import IMAGE_TOOLS, Named, Role, program_name
from probe.skopeo.invocation.variables import Resolved
from probe.skopeo.masking import mask

IMAGE_PROGRAMS = frozenset(program_name(tool) for tool in IMAGE_TOOLS)
"""What knows images, by the names that evidence has for them."""
_MAX_TEXT = 1_024
_NO_IMAGE_NEEDED = frozenset({"build", "bud", "commit", "push", "pull", "from", "load", "save"})
"""Verbs that concern images even where the line names none that has a path."""


def assembled(
    program: str, verb: str, named: list[Named], line: Line, command: Resolved, text: str
) -> Iterator[Invocation]:
    """One command line with the images and files that it names; nothing where it says nothing of images."""
    reads, makes = (_references(named, role, command.directory) for role in (Role.READ, Role.MADE))
    options = list(files_named(line))
    files = [NamedPath(option=short(one.name), path=shown_path(one.value.text)) for one in options if one.value.known]
    if program in IMAGE_PROGRAMS:
        files += [NamedPath(option=name, path=shown_path(value)) for name, value in command.settings.items() if value]
    hidden = [one.argument for one in named if not one.argument.known]
    hidden += [one.value for one in options if not one.value.known]
    if program in IMAGE_PROGRAMS:
        worth = reads or makes or hidden or verb in _NO_IMAGE_NEEDED or (files and options)
    else:
        worth = makes or reads
    if worth:
        yield Invocation(
            program=short(program),
            verb=short(verb),
            reads=reads[:8],
            makes=makes[:8],
            files=tuple(files[:MAX_PATHS]),
            line=command.line,
            text=shown_text(text),
            unknown=tuple(dict.fromkeys(short(mask(one.shown)) for one in hidden))[:MAX_PATHS],
        )


def _references(named: list[Named], role: Role, directory: str | None) -> tuple[Reference, ...]:
    found = [reference_of(one, directory) for one in named if one.role is role]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def shown_text(text: str) -> str:
    """A command line in one line, without secrets."""
    return clip(_clean(mask(" ".join(text[: 4 * _MAX_TEXT].split()))), _MAX_TEXT)


def shown_path(text: str) -> str:
    """A path that an option names; what may be a secret in it is masked."""
    return clip(_clean(mask(text)))


def short(text: str) -> str:
    """A name."""
    return clip(_clean(text), 256)


def _clean(text: str) -> str:
    """As JSON can carry it."""
    return path_text(text) if any(0xD800 <= ord(character) <= 0xDFFF for character in text) else text
