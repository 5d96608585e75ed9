"""The image references in a command's own arguments: what it reads, and what it makes.

Best effort on what people write, and never a guess: what cannot be told for sure is left out, and `--ref` names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from probe.evidence.base import path_bytes
from probe.evidence.report import Reference
from probe.image.reference import TRANSPORTS, BadReference, parse_reference
from probe.skopeo.invocation.options import sorted_out
from probe.skopeo.invocation.reference import reference_of
from probe.skopeo.invocation.shell import commands_of
from probe.skopeo.invocation.tools import IMAGE_TOOLS, Form, Named, Role, named_by
from probe.skopeo.invocation.variables import Argument, plain, resolved
from probe.skopeo.invocation.wrappers import program_of

__all__ = ["MAX_REFERENCES", "Role", "find_references"]

MAX_REFERENCES = 8
_MAX_WORDS = 2_000
_MAX_SCRIPT = 64 << 10
_MAX_DEPTH = 3

Found = tuple[Reference, Role]


def find_references(command: Sequence[str]) -> tuple[Found, ...]:
    """The references of a command in order, without repeats, what is read before what is made. Never raises.

    What it makes is given as a plain path: it need not be there, and is no name for what is read.
    """
    found: dict[Found, None] = {}
    for one in _of_command(plain(command[:_MAX_WORDS]), 0):
        found.setdefault(one)
        if len(found) >= 4 * MAX_REFERENCES:
            break
    read = [pair for pair in found if pair[1] is Role.READ]
    taken = {reference.path for reference, _ in read}
    made = [
        pair
        for reference, role in found
        if role is Role.MADE
        for pair in _as_path(reference)
        if pair[0].path not in taken
    ]
    return tuple(dict.fromkeys((*read, *made)))[:MAX_REFERENCES]


def _as_path(reference: Reference) -> Iterator[Found]:
    path = os.fsdecode(path_bytes(reference.path))
    try:
        yield parse_reference(path if path.startswith("/") else f"./{path}"), Role.MADE
    except BadReference:
        return


def _of_command(words: Sequence[Argument], depth: int) -> Iterator[Found]:
    """Behind wrappers and assignments, the first program that is known decides."""
    program = program_of(words, IMAGE_TOOLS)
    if program is None:
        yield from _local(_anywhere(words))
    elif program.script is not None:
        yield from _of_script(program.script, depth + 1)
    elif program.name and (found := named_by(program.name, sorted_out(program.arguments))):
        yield from _local(found[1])


def _of_script(script: Argument, depth: int) -> Iterator[Found]:
    if depth > _MAX_DEPTH or len(script.text) > _MAX_SCRIPT or not script.known:
        return
    for command in resolved(commands_of(script.text), {}, ""):
        for reference, role in _of_command(command.arguments, depth):
            if reference.path.startswith("/") or command.directory == "":
                yield reference, role


def _local(found: Iterable[Named]) -> Iterator[Found]:
    """What lies at a path here."""
    for named in found:
        reference = reference_of(named, None)
        if reference is not None and reference.transport != "docker":
            yield reference, named.role


def _anywhere(words: Iterable[Argument]) -> Iterator[Named]:
    """A program that is not known: whatever names a local image with a path that has a directory in it."""
    volume = False
    for word in words:
        option, equals, value = word.text.partition("=")
        text = value if equals and ":" not in option else word.text
        transport, colon, path = text.partition(":")
        if colon and transport in TRANSPORTS and "/" in path and not volume:
            yield Named(Argument(text, word.known, text), Role.READ, Form.REFERENCE)
        volume = word.text in ("-v", "--volume", "--mount", "-o", "--output", "-t", "--tag")
