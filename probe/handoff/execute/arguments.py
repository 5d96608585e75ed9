"""The image references in a command's own arguments: what it reads, and what it makes.

Best effort on what people write, and never a guess: what cannot be told for sure is left out, and `--ref` names it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from probe.evidence.base import path_bytes
from probe.evidence.report import Reference
from probe.image.reference import TRANSPORTS, BadReference, parse_reference

MAX_REFERENCES = 8
_MAX_WORDS = 2_000
_MAX_SCRIPT = 64 << 10
_MAX_DEPTH = 3


class Role(StrEnum):
    """What the command does with it."""

    READ = "read"
    MADE = "made"


Found = tuple[str, Role]
"""A text as `parse_reference` takes it, and its role."""

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})
_AWAY = frozenset(
    {"docker", "nerdctl", "kubectl", "oc", "crictl", "ssh", "nsenter", "chroot", "bwrap", "unshare", "vagrant"}
)
"""What follows these runs with other mounts, or on another machine: its paths are not ours."""
_WRAPPERS = frozenset(
    {
        "env", "timeout", "nice", "ionice", "setpriv", "stdbuf", "nohup", "setsid", "time", "chrt", "taskset", "exec",
        "command", "sudo", "doas", "runuser", "strace", "ltrace", "flock", "tini", "dumb-init", "catatonit", "probe",
        "python", "python3", "prlimit", "unbuffer", "xargs", "if", "then", "elif", "else", "while", "until", "do", "!",
        "{", "(", "eval", "builtin",
    }
)  # fmt: skip
"""What runs the command that follows, and the words that stand before one in a shell."""

_SWITCHES = frozenset(
    {
        # skopeo
        "-a", "--all", "--dest-compress", "--dest-decompress", "--dest-no-creds", "--dest-precompute-digests",
        "--dest-oci-accept-uncompressed-layers", "--dest-tls-verify", "--preserve-digests", "-q", "--quiet",
        "--remove-signatures", "--src-no-creds", "--src-tls-verify", "--config", "--no-creds", "-n", "--no-tags",
        "--raw", "--tls-verify", "--debug", "--insecure-policy", "--keep-going", "--scoped", "--dry-run", "-h",
        "--help", "-v", "--version", "--dest-force-compress-format", "--append-suffix",
        # buildah, podman
        "-D", "--disable-compression", "--rm", "--all-tags", "--http-proxy", "--identity-label", "--omit-history",
        "--squash", "--compress", "--force-compression", "--disable-content-trust", "-m", "--multi-image-archive",
        "--uncompressed", "--syslog", "--remote", "-r", "--trace", "--noout", "--pull", "--pull-always", "--pull-never",
        "--add-compression", "--registries-conf-dir",
    }
)  # fmt: skip
"""Options without a value. Any other option takes the next word, unless that is a reference ..."""
_NAMES = frozenset({"-t", "--tag"})
"""... but for these."""

_WORD_BREAKS = "();<>|&\n"
_UNKNOWN = re.compile(r"[$`*?\[]")
"""In a shell word: what the shell puts in its place is not known here."""
_MOVES = frozenset({"cd", "pushd", "popd", "chroot"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def find_references(command: Sequence[str]) -> tuple[tuple[Reference, Role], ...]:
    """The references of a command in order, without repeats, what is read before what is made. Never raises.

    What it makes is given as a plain path: it need not be there, and is no name for what is read.
    """
    found: dict[Found, None] = {}
    try:
        for one in _of_command(list(command[:_MAX_WORDS]), 0):
            found.setdefault(one)
            if len(found) >= 4 * MAX_REFERENCES:
                break
    except (ValueError, RecursionError):  # what no shell could read either
        pass
    read = [pair for text, role in found if role is Role.READ for pair in _parsed(text, role)]
    taken = {reference.path for reference, _ in read}
    made = [
        pair for text, role in found if role is Role.MADE for pair in _parsed(text, role) if pair[0].path not in taken
    ]
    return tuple(dict.fromkeys((*read, *made)))[:MAX_REFERENCES]


def _parsed(text: str, role: Role) -> Iterator[tuple[Reference, Role]]:
    try:
        reference = parse_reference(text)
        if role is Role.MADE:
            path = os.fsdecode(path_bytes(reference.path))
            reference = parse_reference(path if path.startswith("/") else f"./{path}")
    except BadReference:
        return
    yield reference, role


# -- one command


def _of_command(words: list[str], depth: int) -> Iterator[Found]:
    """Behind wrappers and assignments, the first word that is known decides."""
    wrapped = False
    for index, word in enumerate(words):
        name = os.path.basename(word)
        rest = words[index + 1 :]
        if name in _AWAY:
            return
        if name in _TOOLS:
            yield from _of_tool(name, rest)
            return
        if name in _SHELLS and (script := _script(rest)) is not None:
            yield from _of_script(script, depth + 1)
            return
        if name in _WRAPPERS:
            wrapped = True
        elif not wrapped and not _ASSIGNMENT.match(word):
            break
    yield from _anywhere(words)


def _anywhere(words: Iterable[str]) -> Iterator[Found]:
    """A program that is not known: whatever names a local image with a path that has a directory in it."""
    volume = False
    for word in words:
        option, equals, value = word.partition("=")
        text = value if equals and ":" not in option else word
        if _is_local(text) and not volume and "/" in text:
            yield text, Role.READ
        volume = word in ("-v", "--volume", "--mount", "-o", "--output", "-t", "--tag")


def _is_local(word: str) -> bool:
    transport, colon, path = word.partition(":")
    return bool(colon and path) and transport in TRANSPORTS


def _is_reference(word: str) -> bool:
    """Of any transport."""
    return bool(re.match(r"[a-z][a-z-]{2,20}:", word))


def _positional(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words that are no options, and the values of the options."""
    places: list[str] = []
    values: dict[str, str] = {}
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--":
            places += words[index:]
            break
        if len(word) < 2 or not word.startswith("-"):
            places.append(word)
            continue
        name, equals, value = word.partition("=")
        if equals:
            values[name] = value
        elif name not in _SWITCHES and index < len(words) and (name in _NAMES or not _is_reference(words[index])):
            values[name] = words[index]
            index += 1
    return places, values


def _of_tool(tool: str, words: Sequence[str]) -> Iterator[Found]:
    places, values = _positional(words)
    while places and places[0] in ("image", "manifest"):  # podman image push, buildah manifest push
        del places[0]
    if not places:
        return
    verb, arguments = places[0], places[1:]
    if tool == "skopeo":
        yield from _of_skopeo(verb, arguments, values)
    else:
        yield from _of_storage(verb, arguments, values)


def _of_skopeo(verb: str, arguments: list[str], values: dict[str, str]) -> Iterator[Found]:
    if verb == "copy" and len(arguments) >= 2:
        yield from _local(arguments[-2:-1], Role.READ)
        yield from _local(arguments[-1:], Role.MADE)
    elif verb == "sync" and len(arguments) >= 2:
        source, destination = arguments[-2:]
        if "dir" in (values.get("--src"), values.get("-s")):
            yield _plain(source), Role.READ
        if "dir" in (values.get("--dest"), values.get("-d")):
            yield _plain(destination), Role.MADE
    elif verb in ("inspect", "layers", "list-tags"):
        yield from _local(arguments[-1:], Role.READ)
    elif verb == "delete":
        yield from _local(arguments[-1:], Role.MADE)


def _of_storage(verb: str, arguments: list[str], values: dict[str, str]) -> Iterator[Found]:
    """buildah and podman: what has no transport lies in their own storage."""
    if verb in ("push", "commit"):
        yield from _local(arguments[1:], Role.MADE)
    elif verb in ("pull", "from"):
        yield from _local(arguments, Role.READ)
    elif verb in ("build", "bud"):
        yield from _local([values[name] for name in ("-t", "--tag") if name in values], Role.MADE)
    elif verb in ("load", "import"):
        given = [values[name] for name in ("-i", "--input") if name in values]
        yield from ((_plain(path), Role.READ) for path in (given if verb == "load" else arguments[:1]))
    elif verb == "save":
        yield from ((_plain(values[name]), Role.MADE) for name in ("-o", "--output") if name in values)


_TOOLS = frozenset({"skopeo", "buildah", "podman"})


def _local(words: Iterable[str], role: Role) -> Iterator[Found]:
    for word in words:
        if _is_local(word):
            yield word, role


def _plain(path: str) -> str:
    """A file name, as a reference without a transport."""
    return path if path.startswith("/") else f"./{path}"


# -- scripts


def _script(words: Sequence[str]) -> str | None:
    """The text after `-c`, alone or last among joined options (`-ec`)."""
    index = 0
    while index < len(words) and words[index][:1] in ("-", "+") and words[index] != "--":
        option = words[index]
        index += 1
        if option.startswith("--"):
            continue
        if "c" in option:
            return words[index] if index < len(words) else None
        if option[-1:] in ("o", "O"):
            index += 1
    if words[:1] and os.path.basename(words[0]) in _SHELLS:  # busybox sh -c ...
        return _script(words[1:])
    return None


def _of_script(script: str, depth: int) -> Iterator[Found]:
    if depth > _MAX_DEPTH or len(script) > _MAX_SCRIPT:
        return
    commands = list(_commands(script))
    moved = any(word in _MOVES for command in commands for word in command[:1])
    for command in commands:
        for text, role in _of_command(command, depth):
            relative = not text.removeprefix(text.split(":", 1)[0] + ":" if _is_local(text) else "").startswith("/")
            if not (_UNKNOWN.search(text) or (moved and relative)):
                yield text, role


def _commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, without redirections."""
    lexer = shlex.shlex(script.replace("\\\n", " "), posix=True, punctuation_chars=_WORD_BREAKS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    to_file = comment = False
    for word in _until_damaged(lexer):
        if all(character in _WORD_BREAKS for character in word):
            comment = comment and "\n" not in word
            to_file = "<" in word or ">" in word
            if to_file:
                if words and words[-1].isdigit():
                    words.pop()
            elif words and not comment:
                yield words
                words = []
            continue
        comment = comment or word.startswith("#")
        if not to_file and not comment:
            words.append(word)
        to_file = False
    if words:
        yield words


def _until_damaged(lexer: shlex.shlex) -> Iterator[str]:
    """The words up to where a quotation is left open."""
    while True:
        try:
            word = lexer.get_token()
        except ValueError:
            return
        if word is None:
            return
        yield word
