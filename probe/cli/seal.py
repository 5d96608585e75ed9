"""`probe seal`: the producer's word that the image is finished, on the disk, and what it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.exits import ExitStatus, fail, warn
from probe.cli.output import page, print_document
from probe.cli.values import parse_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.evidence.report import Reference
    from probe.evidence.seal import Seal

_EPILOG = """\b
Examples:
  probe seal oci-archive:/workspace/source/oci/image.tar
  probe seal --publish /w/oci/.image.tar.tmp oci-archive:/w/oci/image.tar
  probe seal --share-with 1000970000 oci-archive:/w/oci/image.tar
  probe seal --digest-file /tekton/results/digest oci-archive:/w/oci/image.tar
"""


def register(application: typer.Typer, verb: str) -> None:
    """Add `seal`."""
    application.command(verb, epilog=_EPILOG, short_help="Vouch for a finished image: synced, verified, sealed.")(seal)


def seal(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF", help="oci-archive:PATH[:TAG], oci:, dir:, docker-archive:, or a plain path (of any kind)."
        ),
    ],
    publish: Annotated[
        str | None,
        typer.Option(
            "--publish", metavar="TMP", help="Verify this finished temporary file, then rename it to REF's path."
        ),
    ] = None,
    share_with: Annotated[
        int | None,
        typer.Option(
            "--share-with", metavar="GID", min=0, help="Let this group get there and read: the least changes."
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Hash every blob, check every diff_id (done unasked up to 16 MiB).")
    ] = False,
    digest_file: Annotated[
        str | None,
        typer.Option("--digest-file", metavar="FILE", help="Write the manifest digest there, without a newline."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="KEY=VALUE", help="A fact of the place: task=build, node=worker-1, ..."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the seal itself as JSON.")] = False,
) -> None:
    """Put REF on the disk, verify that it is whole, and write a seal beside it that a reader can wait for.

    Prints the manifest digest. Exit status: 0 sealed, 1 not sealed: what lies there is absent, unfinished, damaged or
    changing, 4 not sealed: no space, or not permitted.
    """
    from probe.evidence.seal import seal_path
    from probe.handoff.seal.apart import seal_apart
    from probe.handoff.seal.refused import Misused, Refused, Unable
    from probe.handoff.seal.sealing import Wish

    parsed = _parse(reference)
    asked, temporary = (parsed, None) if publish is None else _temporary(publish, parsed)
    try:
        wish = Wish(
            deep=deep,
            publish=temporary,
            share_with=share_with,
            digest_needed=digest_file is not None,
            facts=parse_facts(list(context or ())),
            progress=_progress() if deep and sys.stderr.isatty() else None,
            tell=warn,
        )
    except ValueError as error:
        fail(str(error))
    try:
        made = seal_apart(asked, wish)
    except Misused as error:
        fail(str(error))
    except Refused as error:
        fail(str(error), ExitStatus.FAULT)
    except Unable as error:
        fail(str(error), ExitStatus.PROBE_FAILED)
    digest = made.image.manifest_digest if made.image is not None else None
    warn(f"sealed by {seal_path(made.reference.path)}: {_what(made)}")
    if digest_file is not None and digest is not None:
        _write_digest(digest_file, digest)
    if json:
        print_document(made.model_dump_json(by_alias=True, indent=2))
    elif digest is not None:
        with page() as stream:
            print(digest, file=stream)
    else:
        hint = "; --deep finds its manifest digest" if made.image is not None else ""
        warn(f"no digest to print{hint}")


def _what(made: Seal) -> str:
    where = f"inode {made.inode.inode}, {made.inode.size} bytes"
    if made.image is None:
        return f"no image, so by its inode and size alone: {where}"
    how = "every blob hashed" if made.verification is not None else "its blobs not hashed (--deep does)"
    if made.inode.type == "directory":
        where = f"inode {made.inode.inode}"
    return f"{made.image.found}, {where}, {how}"


def _parse(text: str) -> Reference:
    from probe.image.reference import BadReference, parse_reference

    try:
        return parse_reference(text)
    except BadReference as error:
        fail(str(error))


def _temporary(text: str, final: Reference) -> tuple[Reference, bytes]:
    """The temporary path, which may be given with the transport; a transport given there holds for both."""
    from probe.evidence.base import path_bytes
    from probe.image.reference import PATH_TRANSPORT

    temporary = _parse(text)
    if temporary.transport == PATH_TRANSPORT:
        return final, path_bytes(temporary.path)
    if final.transport == PATH_TRANSPORT:
        final = final.model_copy(update={"transport": temporary.transport, "tag": temporary.tag})
    if temporary.transport != final.transport:
        fail(f"--publish {text}: REF is {final.transport}:, and a rename makes nothing else of it")
    if temporary.tag not in (None, final.tag):
        fail(f"--publish {text}: REF names {final.tag or 'no tag'}, and a rename changes no tag")
    return final, path_bytes(temporary.path)


def _write_digest(path: str, digest: str) -> None:
    from probe.cli.files import write_whole

    try:
        write_whole(path, digest)
    except OSError as error:
        fail(
            f"sealed, but {path}: cannot write the digest: {error.strerror}: {digest}",
            ExitStatus.PROBE_FAILED,
        )


def _progress() -> Callable[[int, int], None]:
    from probe.cli.progress import Progress

    return Progress(sys.stderr).show
