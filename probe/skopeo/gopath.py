"""The file that a Go error names (`io/fs.PathError`: `open /x: permission denied`), and what it is to the command."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from probe.skopeo.errnos import NO_SPACE, TEXT, errno_of
from probe.skopeo.goreference import Named
from probe.skopeo.loglines import unquote

_CALLS = (
    "open|openat|openat2|lstat|stat|fstat|statfs|fstatat|newfstatat|faccessat|access|mkdir|mkdirat|read|pread|write|pwrite|"
    "readdirent|getdents|fdopendir|rename|renameat|remove|unlink|unlinkat|rmdir|chmod|fchmod|fchmodat|chown|lchown|fchown|"
    "fchownat|readlink|readlinkat|symlink|symlinkat|link|linkat|truncate|ftruncate|close|sync|fsync|chdir|seek|chtimes|"
    "lgetxattr|getxattr|lsetxattr|setxattr|llistxattr|mount|umount|fork/exec|exec|copy_file_range|mmap|flock|fcntl"
)
_END = rf"(?P<errno>(?i:{TEXT}))(?=$|\n)"
_PATH_ERROR = re.compile(rf"(?:^|(?<=[:(] )|(?<=\n))(?P<op>{_CALLS}) (?P<path>\S[^\n]*?): {_END}")
_SOCKET = re.compile(rf"dial unix (?P<path>/[^\n]*?): (?P<op>connect): {_END}")
_COPIER = re.compile(rf"under \"(?P<root>[^\"]*)\": copier: (?P<op>[a-z]+): \"(?P<path>[^\"]*)\": {_END}")
_NOT_FOUND = re.compile(r"archive file not found: (?P<path>\"(?:[^\"\\]|\\.)*\")")
_LOOP = re.compile(r"EvalSymlinks: too many links")
_NETWORK = re.compile(r"(?:tcp|udp|unixgram|unixpacket|unix|ip)[46]?(?: |$)")

_MADE = re.compile(
    r"(?:/[^\n]*?)?/(?:container_images_)?(?:oci|storage|docker-tar|buildah)[-_]?\d{5,}(?:/(?P<member>[^\n]*))?"
)
"""What github.com/containers makes for itself in the temp directory: `oci` and random digits until 2023,
`container_images_oci` and digits since. A user may have such a name too: see `_in_temp`."""
_MEMBER = re.compile(
    r"/(?:manifest\.json|index\.json|oci-layout|blobs(?:/sha\d+(?:/[0-9a-f]+)?)?|[0-9a-f]{64}(?:\.tar)?)$"
)
_CONFIG = re.compile(
    r"/(?:storage|containers|registries|policy|mounts|shortnames|seccomp|libpod)\.(?:conf|json)$|/registries(?:\.conf)?\.d(?:/|$)|/certs\.d(?:/|$)|"
    r"/containers/(?:containers|registries)\.conf\.d"
)
_STORE = re.compile(r"/containers/storage(?:/|$)|/(?:overlay|vfs)(?:-(?:images|layers|containers|locks))?/")
_DESTINATION = re.compile(
    r"Invalid destination name|committing the finished image|creating tar file|"
    r"writing manifest|writing signatures|writing blob|ImageReference for \("
)
_DIRECTORY = re.compile(
    r"(?P<root>.*?)/(?:(?P<oci>index\.json|oci-layout|blobs/sha\d+/[0-9a-f]+)|manifest\.json|[0-9a-f]{64})"
)
_LOOKUPS = frozenset({"lstat", "stat", "fstatat", "newfstatat", "faccessat", "access"})
_LOOKS = _LOOKUPS | {"open", "read"}
_TEMP_STEP = re.compile(r"creating oci reference: (?:error )?creating temp directory: ")


@dataclass(frozen=True)
class FileError:
    """A system call that failed on a path."""

    operation: str
    path: str
    errno: str


@dataclass(frozen=True)
class Place:
    """What the path is to the command (`Failure.about`), and what else it tells."""

    about: str
    path: str | None
    transport: str | None = None
    reference: str | None = None


def file_error(message: str, *, whole: bool = False) -> FileError | None:
    """The last system call on a path that a message names. With `whole`, only when the message is nothing else."""
    if _LOOP.search(message):
        return None if whole else FileError("EvalSymlinks", "", "ELOOP")
    found = _NOT_FOUND.search(message)
    if found is not None:
        return FileError("open", unquote(found["path"]), "ENOENT")
    copier = _COPIER.search(message)
    if copier is not None:
        path = posixpath.join(copier["root"], copier["path"].lstrip("/"))
        return FileError(copier["op"], path, errno_of(copier["errno"]) or "")
    last = _SOCKET.search(message)
    for match in _PATH_ERROR.finditer(message):
        if not _NETWORK.match(match["path"]):
            last = match
    if last is None or (whole and (last.start() != 0 or not last["path"].startswith("/"))):
        return None
    path = last["path"]
    if path.startswith('"') and path.endswith('"'):
        path = unquote(path)
    return FileError(last["op"], path, errno_of(last["errno"]) or "")


def place(message: str, named: Named, failed: FileError) -> Place:
    """What the failing path is, by the words around it.

    A member of an unpacked archive goes by its name in the archive: the directory into which it was unpacked is made
    up anew every time.
    """
    path = failed.path
    if not path:
        return Place("", named.path)
    made = _in_temp(named, failed)
    if made is not None:
        member = _MEMBER.fullmatch(f"/{made}") is not None and failed.errno == "ENOENT"
        return Place("member", made, "oci-archive") if member else Place("temp", path)
    if _TEMP_STEP.search(message):
        return Place("temp", path)
    if _CONFIG.search(path):
        return Place("config", path)
    if _STORE.search(path):
        return Place("storage", path)
    if _is_destination(message, named):
        return Place("destination", path)
    if _MEMBER.search(path) and path != named.path:
        return Place("member", path, *_implied(path))
    about = _on_the_way(message, named, failed)
    if "creating temp directory: " in message:
        return Place(about, path, "oci-archive")
    return Place(about, path, "docker-archive" if "opening file" in message else None)


def _in_temp(named: Named, failed: FileError) -> str | None:
    """The path's place below a directory that the tool made for itself; empty for that directory.

    Such a directory is the tool's own, so it never refuses to be read: a refusal there, or a path that is the
    reference's own, means that the user chose the name.
    """
    made = _MADE.fullmatch(failed.path)
    if made is None or (named.path is not None and (failed.path == named.path or _above(named.path, failed.path))):
        return None
    member = made["member"] or ""
    if failed.operation in _LOOKS:
        known = _MEMBER.search(f"/{member}") is not None
        return member if known and failed.errno not in ("EACCES", "EPERM") else None
    return member


def _implied(path: str) -> tuple[str | None, str | None]:
    """The transport and the reference of a directory, from a file inside it.

    `dir:` alone opens PATH/manifest.json, `oci:` alone PATH/index.json, and both leave the path as the user wrote it.
    """
    inside = _DIRECTORY.fullmatch(path)
    if inside is None:
        return None, None
    return "oci" if inside["oci"] else "dir", inside["root"] or "/"


def _is_destination(message: str, named: Named) -> bool:
    if named.destination and named.path is not None:
        return True
    source = named.transport == "docker" or "happened during read: " in message
    return not source and _DESTINATION.search(message) is not None


def _on_the_way(message: str, named: Named, failed: FileError) -> str:
    path, errno = failed.path, failed.errno
    if failed.operation in _LOOKUPS and errno in ("EACCES", "ENOTDIR"):
        return "ancestor"  # looking a name up asks no right on the file itself
    opened = "creating temp directory: " in message or "untarring file" in message
    if path == named.path or (named.path is None and (opened or "opening file" in message)):
        # `docker-archive:` opens without a look-up before: a refusal may come from a directory on the way as well.
        return "archive" if opened or errno not in ("EACCES", "EPERM") else ""
    if named.path is not None and _above(path, named.path):
        return "ancestor"
    if opened and failed.operation == "open" and errno not in NO_SPACE:
        return "archive"  # the path after its links were resolved
    return ""


def _above(path: str, other: str) -> bool:
    """Whether `path` is an ancestor of `other`, which may be relative to a directory that the message does not tell."""
    if other.startswith("/"):
        return other.startswith(path.rstrip("/") + "/")
    parent = posixpath.dirname(posixpath.normpath(other))
    return bool(parent) and (path == parent or path.endswith("/" + parent))
