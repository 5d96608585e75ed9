"""A finished temporary file or directory takes its final name at one stroke: rename(2).

Whoever opens the final name meets the old image or the new one, whole, at any moment.
"""

from __future__ import annotations

import errno
import os
import stat

from probe.evidence.base import path_text
from probe.evidence.observation import errno_name
from probe.handoff.seal.durable import open_directory, sync
from probe.handoff.seal.refused import Misused, Refused, Unable


def check_names(temporary: bytes, final: bytes) -> None:
    """Whether a rename can do, before anything is synced or verified. Raises Misused, Refused, Unable."""
    source, target = path_text(temporary), path_text(final)
    if os.path.normpath(temporary) == os.path.normpath(final):
        raise Misused(f"--publish {source}: this is the final name itself: leave --publish out to seal what is there")
    try:
        made = os.lstat(temporary)
    except FileNotFoundError:
        raise Refused(f"{source}: nothing to publish: ENOENT (No such file or directory)") from None
    except OSError as error:
        raise Refused(f"{source}: cannot be published: lstat: {_text(error)}") from None
    if stat.S_ISLNK(made.st_mode):
        raise Misused(
            f"--publish {source}: a symbolic link: a rename would publish the link, and not what it leads to; "
            "name the file itself"
        )
    parent = _parent(target, final)
    # The directories: overlayfs shows some files with the device of the layer that they lie on.
    if os.stat(os.path.dirname(temporary) or b".").st_dev != parent.st_dev:
        raise Refused(_elsewhere(source, target, final))
    try:
        old = os.lstat(final)
    except OSError:
        return  # nothing there: or the rename says what stands in its way
    _check_replaced(source, target, final, made, old)


def _parent(target: str, final: bytes) -> os.stat_result:
    directory = os.path.dirname(final) or b"."
    try:
        status = os.stat(directory)
    except OSError as error:
        advice = f"; make it first: mkdir -p {path_text(directory)}" if error.errno == errno.ENOENT else ""
        raise Refused(
            f"{target}: cannot be published: its directory {path_text(directory)}: {_text(error)}{advice}"
        ) from None
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{target}: cannot be published: {path_text(directory)} is no directory: ENOTDIR")
    return status


def _check_replaced(source: str, target: str, final: bytes, made: os.stat_result, old: os.stat_result) -> None:
    if os.path.samestat(made, old):  # rename(2) then does nothing, and says that it succeeded
        raise Misused(f"--publish {source}: {target} is the same file (another hard link): nothing to publish")
    if stat.S_ISDIR(made.st_mode) and not stat.S_ISDIR(old.st_mode):
        raise Refused(f"{target}: cannot be published: {source} is a directory, and what has the name is none: ENOTDIR")
    if stat.S_ISDIR(old.st_mode) and not stat.S_ISDIR(made.st_mode):
        raise Refused(f"{target}: cannot be published: a directory has the name, and {source} is none: EISDIR")
    if stat.S_ISDIR(old.st_mode) and _holds_something(final):
        raise Refused(_occupied(target))


def _holds_something(directory: bytes) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is not None
    except OSError:
        return False  # not ours to list: the rename will say


def _occupied(target: str) -> str:
    return (
        f"{target}: cannot be published: a directory that is not empty has the name (ENOTEMPTY), and a rename cannot "
        "replace it at one stroke: publish under a new name for each image and tell the readers that name, or use "
        "oci-archive:, where a rename replaces the old one"
    )


def _elsewhere(source: str, target: str, final: bytes) -> str:
    directory, name = os.path.split(final)
    beside = path_text(os.path.join(directory, b"." + name + b".tmp"))
    return (
        f"{target}: cannot be published: {source} lies on another file system or mount (EXDEV), and only a copy, which "
        f"readers would meet half done, could bring it over: write it beside its final name, as {beside}"
    )


def publish(temporary: bytes, final: bytes, looked_at: os.stat_result) -> None:
    """Rename, and make the new name last. `looked_at` is what was verified. Raises Refused and Unable.

    After an Unable whose message says *published* the new image has its name.
    """
    source, target = path_text(temporary), path_text(final)
    try:
        same = os.path.samestat(os.lstat(temporary), looked_at)
    except OSError as error:
        raise Refused(f"{source}: was replaced or removed while it was verified: {_text(error)}") from None
    if not same:
        raise Refused(f"{source}: was replaced while it was verified: nothing is published")
    try:
        os.rename(temporary, final)
    except OSError as error:
        if error.errno == errno.EXDEV:  # a bind mount of the same file system is another mount too
            raise Refused(_elsewhere(source, target, final)) from None
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise Refused(_occupied(target)) from None
        raise Unable(
            f"{target}: cannot be published: rename {source}: {_text(error)}; it needs w and x on "
            f"{path_text(os.path.dirname(final) or b'.')} and on the directory of {source}"
        ) from None
    _settle(target, {os.path.dirname(final) or b".", os.path.dirname(temporary) or b"."})


def _settle(target: str, directories: set[bytes]) -> None:
    for directory in directories:
        try:
            descriptor, listable = open_directory(directory)
            try:
                if listable:
                    sync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unable(
                f"{target}: published, but not sealed: fsync {path_text(directory)}: {_text(error)}; seal it again: "
                "leave --publish out"
            ) from None


def _text(error: OSError) -> str:
    return f"{errno_name(error.errno)} ({os.strerror(error.errno or 0)})"
