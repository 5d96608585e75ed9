"""One command line that was read somewhere, in a script or in a log, taken apart as far as it concerns images."""

from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.report import Reference

MAX_PATHS = 32


class NamedPath(Frozen):
    """An option that names a file: `option` as written (`--authfile`), `path` its value.

    A program that is no image tool has its arguments here, without an option: what it does to them is not known
    (`python3 copy.py /w/image.tar`), or its verb says it (`chmod`, whose verb is the mode).
    """

    option: ShortText
    path: Text


class Invocation(Frozen):
    """What a command line says of the images that it reads and makes.

    A word whose value is not known (a shell variable, a parameter without a value) gives no reference: nothing is
    guessed. A registry reference has the transport `docker` and the path `//host/repository`.
    """

    program: ShortText
    """`skopeo`, `buildah`, `podman`, `tar`, `kaniko`, ..."""
    verb: ShortText = ""
    """`copy`, `inspect`, `push`, `build`, ...; of `chmod`, `chown` and `umask` what is set."""
    reads: Annotated[tuple[Reference, ...], Field(max_length=8)] = ()
    makes: Annotated[tuple[Reference, ...], Field(max_length=8)] = ()
    files: Annotated[tuple[NamedPath, ...], Field(max_length=MAX_PATHS)] = ()
    """Files that an option names: `--authfile`, `--policy`, `--tmpdir`, `--digestfile`, ..."""
    line: int = 0
    """Line of the script or of the log, from 1; 0 where it is an argument list."""
    text: Text
    """The command line, clipped; userinfo and tokens masked."""
    unknown: Annotated[tuple[ShortText, ...], Field(max_length=MAX_PATHS)] = ()
    """Words that hide something: `$IMAGE`, `$(params.image)` without a value."""
