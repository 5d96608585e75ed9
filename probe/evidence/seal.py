"""The producer's word: what lay at the path when it was finished."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.image import MAX_LAYERS, Container, Verification
from probe.evidence.path import MAX_COMPONENTS, Inode
from probe.evidence.report import Reference, Tool
from probe.evidence.watch import Met

SUFFIX = ".seal.json"
"""A seal stands beside what it seals: `image.tar.seal.json`; for an image directory `DIR.seal.json`."""


class SealedImage(Frozen):
    """The image that was sealed, at its three levels of digest."""

    found: Container
    manifest_digest: ShortText | None = None
    config_digest: ShortText | None = None
    diff_ids: Annotated[tuple[ShortText, ...], Field(max_length=MAX_LAYERS)] = ()


class Seal(Frozen):
    """One seal. The inode is that of the target after it was synced, and published where that was asked for."""

    schema_id: Literal["pod-probe/seal/v1"] = Field("pod-probe/seal/v1", alias="schema")
    tool: Tool
    at: Timestamp
    monotonic: float
    context: Context
    identity: Identity
    reference: Reference
    inode: Inode
    image: SealedImage | None = None
    """None for a file that is no image."""
    verification: Verification | None = None
    """Set when every blob was hashed."""
    published_from: Text | None = None
    """The temporary name that was renamed into place."""
    changes: Annotated[tuple[Text, ...], Field(max_length=512)] = ()
    """What was changed so that the readers' group can read it."""
    way: Annotated[tuple[Met, ...], Field(max_length=MAX_COMPONENTS)] = ()
    """The directories from the root to the target, and the target, links resolved: shows in which volume it lies."""

    model_config = ConfigDict(populate_by_name=True)


def seal_path(path: str) -> str:
    """Where the seal of the target at `path` (text of the document, or a file name) stands."""
    return path.rstrip("/") + SUFFIX
