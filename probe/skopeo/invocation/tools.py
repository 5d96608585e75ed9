"""What the arguments of each tool say of images: which it reads, and which it makes."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from probe.skopeo.invocation.options import LOCAL, Line, is_typed
from probe.skopeo.invocation.variables import Argument


class Role(StrEnum):
    """What a command does with an image."""

    READ = "read"
    MADE = "made"


class Form(StrEnum):
    """How an argument names an image."""

    REFERENCE = "reference"
    """With its transport: `oci-archive:/w/image.tar`."""
    REGISTRY = "registry"
    """A name in a registry, without a transport."""
    PATH = "path"
    """A file or a directory."""
    ARCHIVE = "docker-archive"
    """A file that is written as docker-archive."""
    LAYOUT = "oci"
    """A directory that is an OCI layout, with or without a tag."""


class Named(NamedTuple):
    """One image that a command names."""

    argument: Argument
    role: Role
    form: Form = Form.REFERENCE


_Reading = Callable[[str, list[Argument], Line], Iterator[Named]]
_AT_A_PATH = LOCAL | {"docker"}
"""Transports that evidence has references for."""
_NO_TAGS = ("-h", "--help", "--version")


def named_by(tool: str, line: Line) -> tuple[str, list[Named]] | None:
    """The verb of a tool, and the images that it names; None for a line that this tool would not run."""
    name = _ALIASES.get(tool, tool)
    if name in _WITHOUT_VERB:
        return "", list(_WITHOUT_VERB[name]("", line.places, line))
    reading, verbs = _WITH_VERB[name]
    places = list(line.places)
    while places and (not places[0].known or places[0].text in ("image", "manifest")):
        del places[0]  # podman image push, buildah manifest push, and $OPTIONS
    if not places or places[0].text not in verbs or any(line.is_set(option) for option in _NO_TAGS):
        return None
    return places[0].text, list(reading(places[0].text, places[1:], line))


def program_name(tool: str) -> str:
    """As evidence calls it."""
    return _ALIASES.get(tool, tool)


# -- tools with verbs


def _of_skopeo(verb: str, arguments: list[Argument], line: Line) -> Iterator[Named]:
    if verb == "copy":
        source, destination = _two(arguments)
        yield from _typed(source, Role.READ)
        yield from _typed(destination, Role.MADE)
    elif verb == "sync":
        source, destination = _two(arguments)
        yield from _synced(source, line.values("--src", "-s"), Role.READ)
        yield from _synced(destination, line.values("--dest", "-d"), Role.MADE)
    elif verb in ("inspect", "layers", "list-tags"):
        yield from _typed(_one(arguments), Role.READ)
    elif verb == "delete":
        yield from _typed(_one(arguments), Role.MADE)


def _two(arguments: list[Argument]) -> tuple[list[Argument], list[Argument]]:
    """Source and destination. A word of which nothing is known may be any number of words."""
    if len(arguments) > 2 and not all(one.known for one in arguments):
        arguments = [one for one in arguments if one.known or is_typed(one.text)]
        if len(arguments) != 2:
            return [], []
    return (arguments[-2:-1], arguments[-1:]) if len(arguments) >= 2 else ([], [])


def _one(arguments: list[Argument]) -> list[Argument]:
    """The only one, or the only one that is certain to be an image."""
    certain = [one for one in arguments if one.known and is_typed(one.text)]
    return arguments if len(arguments) == 1 else certain if len(certain) == 1 else []


def _synced(places: list[Argument], kinds: list[Argument], role: Role) -> Iterator[Named]:
    kind = kinds[-1].text if kinds else ""
    if kind in ("dir", "docker"):
        yield from (Named(place, role, Form.PATH if kind == "dir" else Form.REGISTRY) for place in places)


def _of_storage(verb: str, arguments: list[Argument], line: Line) -> Iterator[Named]:
    """buildah and podman: what has no transport lies in their own storage, or in a registry."""
    if verb == "push":
        if len(arguments) == 1:
            yield from _of_registry(arguments, Role.MADE)
        yield from _typed(arguments[1:], Role.MADE)
    elif verb == "commit":
        yield from _typed(arguments[1:], Role.MADE)
    elif verb == "pull":
        yield from _of_registry(arguments, Role.READ)
        yield from _typed(arguments, Role.READ)
    elif verb == "from":
        yield from _typed(arguments, Role.READ)
    elif verb in ("build", "bud"):
        yield from _typed(line.values("-t", "--tag"), Role.MADE)
    elif verb == "load":
        yield from (Named(value, Role.READ, Form.PATH) for value in line.values("-i", "--input"))
    elif verb == "import":
        yield from (Named(value, Role.READ, Form.PATH) for value in arguments[:1])
    elif verb == "save":
        yield from (Named(value, Role.MADE, Form.PATH) for value in line.values("-o", "--output"))


def _of_crane(verb: str, arguments: list[Argument], line: Line) -> Iterator[Named]:
    if verb in ("copy", "cp") and len(arguments) == 2:
        yield Named(arguments[0], Role.READ, Form.REGISTRY)
        yield Named(arguments[1], Role.MADE, Form.REGISTRY)
    elif verb == "push" and len(arguments) == 2:
        yield Named(arguments[0], Role.READ, Form.PATH)
        yield Named(arguments[1], Role.MADE, Form.REGISTRY)
    elif verb == "pull" and len(arguments) >= 2:
        formats = [value.text for value in line.values("--format")]
        yield from (Named(one, Role.READ, Form.REGISTRY) for one in arguments[:-1])
        yield Named(arguments[-1], Role.MADE, Form.LAYOUT if formats[-1:] == ["oci"] else Form.ARCHIVE)
    elif verb in ("manifest", "digest", "config", "validate"):
        yield from (Named(value, Role.READ, Form.PATH) for value in line.values("--tarball"))
        yield from (Named(one, Role.READ, Form.REGISTRY) for one in arguments[:1])


def _of_oras(verb: str, arguments: list[Argument], line: Line) -> Iterator[Named]:
    layout = Form.LAYOUT if line.is_set("--oci-layout") else Form.REGISTRY
    if verb in ("copy", "cp") and len(arguments) >= 2:
        origin = Form.LAYOUT if line.is_set("--from-oci-layout") else Form.REGISTRY
        target = Form.LAYOUT if line.is_set("--to-oci-layout") else Form.REGISTRY
        yield Named(arguments[0], Role.READ, origin)
        yield Named(arguments[1], Role.MADE, target)
    elif verb == "push" and arguments:
        yield Named(arguments[0], Role.MADE, layout)
    elif verb == "pull" and arguments:
        yield Named(arguments[0], Role.READ, layout)


# -- tools without


def _of_kaniko(_verb: str, _arguments: list[Argument], line: Line) -> Iterator[Named]:
    yield from (Named(value, Role.MADE, Form.ARCHIVE) for value in line.values("--tar-path", "--tarPath"))
    yield from (Named(value, Role.MADE, Form.LAYOUT) for value in line.values("--oci-layout-path"))
    if not line.is_set("--no-push"):
        yield from (Named(value, Role.MADE, Form.REGISTRY) for value in line.values("--destination", "-d"))


def _of_copying(_verb: str, arguments: list[Argument], line: Line) -> Iterator[Named]:
    """cp, mv, install: the last is made from the others."""
    if len(arguments) < 2 or line.options:
        return
    *sources, target = arguments
    yield from (Named(source, Role.READ, Form.PATH) for source in sources)
    if target.text.endswith("/") and len(sources) == 1:
        inside = posixpath.join(target.text, posixpath.basename(sources[0].text))
        target = Argument(inside, target.known and sources[0].known, target.shown)
    yield Named(target, Role.MADE, Form.PATH)


def _of_dd(_verb: str, arguments: list[Argument], _line: Line) -> Iterator[Named]:
    for argument in arguments:
        name, _, value = argument.text.partition("=")
        if name in ("if", "of") and value:
            yield Named(argument._replace(text=value), Role.READ if name == "if" else Role.MADE, Form.PATH)


def tar_archive(words: list[Argument]) -> Iterator[Named]:
    """The archive of a tar command: its options are joined, with or without a dash, in its own way."""
    mode = ""
    file: Argument | None = None
    pending = iter(enumerate(words))
    for index, word in pending:
        name, equals, value = word.text.partition("=")
        if name in ("--create", "--extract", "--get", "--list", "--append", "--update"):
            mode = {"--create": "c", "--append": "c", "--update": "c"}.get(name, "x")
        elif name == "--file":
            following = words[index + 1] if index + 1 < len(words) else None
            file = word._replace(text=value) if equals else following
        elif (word.text.startswith("-") and not word.text.startswith("--")) or index == 0:
            letters = word.text.lstrip("-")
            mode = next(({"r": "c", "u": "c", "t": "x"}.get(one, one) for one in letters if one in "cxtru"), mode)
            if "f" in letters:
                joined = letters.partition("f")[2] if word.text.startswith("-") else ""
                following = words[index + 1] if index + 1 < len(words) else None
                file = word._replace(text=joined) if joined else following
    if file is not None and mode and file.text != "-":
        yield Named(file, Role.MADE if mode == "c" else Role.READ, Form.PATH)


# -- arguments


def _typed(arguments: Iterable[Argument], role: Role) -> Iterator[Named]:
    """What has a transport; and what is hidden, to be told as such."""
    for argument in arguments:
        if not argument.known or (is_typed(argument.text) and argument.text.partition(":")[0] in _AT_A_PATH):
            yield Named(argument, role)


def _of_registry(arguments: Iterable[Argument], role: Role) -> Iterator[Named]:
    """A name whose first part is a host."""
    for argument in arguments:
        host, slash, _ = argument.text.partition("/")
        if slash and argument.known and not is_typed(argument.text) and ("." in host or ":" in host):
            yield Named(argument, role, Form.REGISTRY)


_WITH_VERB: dict[str, tuple[_Reading, frozenset[str]]] = {
    "skopeo": (_of_skopeo, frozenset({"copy", "sync", "inspect", "layers", "list-tags", "delete", "login"})),
    "buildah": (_of_storage, frozenset({"push", "commit", "pull", "from", "build", "bud", "login"})),
    "podman": (
        _of_storage,
        frozenset({"push", "commit", "pull", "build", "load", "import", "save", "login"}),
    ),
    "crane": (
        _of_crane,
        frozenset({"copy", "cp", "push", "pull", "manifest", "digest", "config", "validate"}),
    ),
    "oras": (_of_oras, frozenset({"copy", "cp", "push", "pull"})),
}
_WITHOUT_VERB: dict[str, _Reading] = {
    "kaniko": _of_kaniko,
    "cp": _of_copying,
    "mv": _of_copying,
    "install": _of_copying,
    "dd": _of_dd,
}
_ALIASES = {"executor": "kaniko"}

IMAGE_TOOLS = frozenset(_WITH_VERB) | {"kaniko", "executor"}
"""What knows images; the names that they run by."""
FILE_TOOLS = frozenset({"cp", "mv", "install", "dd", "tar"})
"""What makes files of any kind, an image's archive among them."""
