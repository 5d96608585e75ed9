"""What other programs do to the files of an image: `chmod`, `umask`, or a program that only names the archive.

An `Invocation` of such a program neither reads nor makes: which of the two it does is not known. The files stand in
`files`, without an option; the verb is the mode or the owner that is set.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from probe.evidence.invocation import MAX_PATHS, Invocation, NamedPath
from probe.skopeo.invocation.assembling import short, shown_path, shown_text
from probe.skopeo.invocation.variables import Argument, Resolved

UMASK = "umask"
_CHANGES = frozenset({"chmod", "chown", "chgrp", "setfacl"})
_LOOKS = frozenset(
    {
        "ls", "stat", "test", "[", "[[", "echo", "printf", "file", "du", "df", "for", "case", "select", "cat", "head",
        "tail", "sha256sum", "md5sum", "id", "mount", "findmnt", "namei", "getfacl", "find", "wc", "cd", "export",
        "set", "read", "h", "log", "info", "debug", "source", ".", "trap", "wait", "true", "false", ":", "return",
        "exit",
    }
)  # fmt: skip
"""What only looks, or only says."""
_SHOWS = frozenset({UMASK, *_CHANGES})
"""Programs whose arguments hold nothing but modes, names and paths."""
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".oci", ".tar.zst")
_WRAPS = frozenset({"exec", "sudo", "nice", "time", "timeout", "nohup", "setsid", "env", "stdbuf"})


def is_archive(path: str) -> bool:
    """Whether a path looks like an archive."""
    return path.endswith(_ARCHIVES)


def concerns(paths: Iterable[str], used: Iterable[str]) -> bool:
    """Whether one of the paths is an archive, or one that is used, or a directory around or below one."""
    used = list(used)
    return any(is_archive(path) or any(_related(path, one) for one in used) for path in paths)


def mentioned(command: Resolved) -> Iterator[Invocation]:
    """What a command that is no image tool does to files."""
    words = list(command.arguments)
    while words and words[0].text in _WRAPS:
        del words[0]
    if not words or not words[0].known:
        return
    program = posixpath.basename(words[0].text)
    places = [word for word in words[1:] if not word.text.startswith("-")]
    if program in _LOOKS or not places:
        return
    verb = places[0].text if program in _SHOWS and places[0].known else ""
    paths = [path for word in places if (path := _path(word, command.directory))]
    if not paths and not (program == UMASK and verb.isdigit()):
        return
    shown = [word.shown for word in words[1:]] if program in _SHOWS else paths
    yield Invocation(
        program=short(program),
        verb=short(verb),
        files=tuple(NamedPath(option="", path=shown_path(path)) for path in paths[:MAX_PATHS]),
        line=command.line,
        text=shown_text(" ".join([program, *shown])),
    )


def _path(word: Argument, directory: str | None) -> str:
    """The absolute path that a word is, or nothing."""
    if not word.known or "\n" in word.text or len(word.text) > 4_096:
        return ""
    if word.text.startswith("/") and not word.text.startswith("//"):
        return posixpath.normpath(word.text)
    if directory and is_archive(word.text) and ":" not in word.text:
        return posixpath.normpath(posixpath.join(directory, word.text))
    return ""


def _related(path: str, used: str) -> bool:
    """The same, one below it, or a directory around it: one that is not right below the root, such as `/tmp`."""
    if not used.startswith("/"):
        return False
    return path == used or path.startswith(f"{used}/") or (used.startswith(f"{path}/") and path.count("/") >= 2)
