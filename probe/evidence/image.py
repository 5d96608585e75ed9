"""What the container at the path holds: archive structure, manifests, digests, which blobs are present and whole."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Text
from probe.evidence.observation import Observation

MAX_IMAGES = 32
MAX_LAYERS = 512
MAX_PROBLEMS = 128


class Container(StrEnum):
    """The kinds of image container, by what was found, not by what was asked for."""

    OCI_ARCHIVE = "oci-archive"
    OCI = "oci"
    DIR = "dir"
    DOCKER_ARCHIVE = "docker-archive"
    TAR = "tar"
    """A tar archive that holds none of the members by which the others are known."""
    EMPTY = "empty"
    """A file of no bytes."""
    DIRECTORY = "directory"
    """A directory with none of the files by which the others are known."""
    FILE = "file"
    """Something else."""
    REGISTRY = "registry"
    """No file at all: an image in a registry, of which manifest and config were fetched."""


class Ending(StrEnum):
    """Where a tar archive ends (POSIX pax: two zero blocks of 512 bytes mark the end)."""

    END_BLOCKS = "end-blocks"
    HALF_END = "half-end"
    """One zero block only, or a part of one."""
    MEMBER_BOUNDARY = "member-boundary"
    """The file stops after a whole member: nothing marks the end."""
    IN_MEMBER = "in-member"
    IN_HEADER = "in-header"
    ZEROS = "zeros"
    """Zero blocks up to the end where a first member was expected: preallocated, not written yet."""
    EMPTY = "empty"
    BAD_HEADER = "bad-header"
    """A block that is not a tar header: not a tar, damaged, or compressed by something unknown."""
    CAPPED = "capped"
    """A bound on members or bytes was reached before the end."""
    UNREADABLE = "unreadable"
    """Reading failed before the end: what follows was not seen."""


class BlobState(StrEnum):
    """What is known of one blob."""

    VERIFIED = "verified"
    """Hashed: the digest agrees."""
    PRESENT = "present"
    """There, with the declared size; its bytes were not hashed."""
    MISSING = "missing"
    PARTIAL = "partial"
    """Begins in the archive, which ends before the blob does."""
    WRONG_SIZE = "wrong-size"
    CORRUPT = "corrupt"
    """Hashed: the digest differs."""
    UNREADABLE = "unreadable"
    """There, but this identity may not read it."""
    UNCHECKED = "unchecked"


class Blob(Frozen):
    """One content-addressed object that a manifest names: `digest` and `size` as declared there."""

    digest: ShortText
    size: int | None = None
    media_type: ShortText = ""
    state: BlobState
    found_size: int | None = None
    computed: ShortText | None = None
    """The digest of the bytes that are there, where they were hashed."""


class Problem(Frozen):
    """One thing wrong inside the container, with both sides of the comparison."""

    kind: ShortText
    """`missing-blob`, `partial-blob`, `wrong-size`, `digest-mismatch`, `diff-id-mismatch`, `bad-json`, `no-index`,
    `no-layout`, `no-manifest`, `no-end-blocks`, `bad-header`, `unreadable`, `empty-index`, `ambiguous-reference`,
    `unknown-reference`, `too-large`, `unsupported`, `duplicate-member`, `decompression`."""
    subject: Text
    """The member, blob or field: `blobs/sha256/...`."""
    expected: Text = ""
    found: Text = ""
    role: ShortText = ""
    """`index`, `manifest`, `config`, `layer` or empty."""


class Image(Frozen):
    """One image in the container. `manifest_digest` is computed over the manifest's bytes as skopeo would report it."""

    names: tuple[Text, ...] = ()
    """Tags: `org.opencontainers.image.ref.name` annotations, or RepoTags."""
    media_type: ShortText = ""
    manifest_digest: ShortText | None = None
    index: Blob | None = None
    """The index that the image's name leads to, when it holds one image for each platform."""
    manifest: Blob | None = None
    config: Blob | None = None
    layers: Annotated[tuple[Blob, ...], Field(max_length=MAX_LAYERS)] = ()
    diff_ids: Annotated[tuple[ShortText, ...], Field(max_length=MAX_LAYERS)] = ()
    platform: ShortText = ""
    selected: bool = False
    """The one that the reference names (its tag, or the only one)."""

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Index, manifest, config and layers: all that a reader needs."""
        return tuple(blob for blob in (self.index, self.manifest, self.config, *self.layers) if blob is not None)


class Archive(Frozen):
    """The structure of a tar archive, from its headers. Offsets and sizes in bytes."""

    compression: ShortText = "none"
    """`none`, `gzip`, `bzip2`, `xz`, `zstd`."""
    members: int
    size: int
    """Of the file, compressed or not."""
    unpacked: int = 0
    """What the members that were walked take when they are unpacked, holes of sparse ones included."""
    ending: Ending
    end_offset: int
    """Where the structure ends: after the last whole member, in the uncompressed stream."""
    bytes_read: int = 0
    last_member: Text = ""


class Verification(Frozen):
    """What a deep check did: every blob hashed, every layer decompressed and its diff_id compared."""

    blobs: int
    bytes: int
    seconds: float
    agreed: bool


class ImageFacts(Frozen):
    """All that was found at the path, as an image container."""

    found: Container
    archive: Archive | None = None
    images: Annotated[tuple[Image, ...], Field(max_length=MAX_IMAGES)] = ()
    problems: Annotated[tuple[Problem, ...], Field(max_length=MAX_PROBLEMS)] = ()
    readable_as_asked: bool
    """Whether the transport of the reference finds the files by which it knows its container."""
    whole: bool
    """Every blob that the selected image needs is present with its declared size (and digest, where hashed)."""
    complete: bool
    """Whole, and the container itself is finished: for an archive, end blocks and the marker files are there."""
    verification: Verification | None = None
    truncated: bool = False
    """A bound on images, layers or problems cut the lists."""

    @property
    def selected(self) -> Image | None:
        """The image that the reference names, when that is decided."""
        return next((image for image in self.images if image.selected), None)


class SkopeoFacts(Frozen):
    """What `skopeo inspect` said of the same reference, for comparison."""

    version: ShortText
    manifest_digest: ShortText | None = None
    config_digest: ShortText | None = None
    diff_ids: Annotated[tuple[ShortText, ...], Field(max_length=MAX_LAYERS)] = ()
    exit_status: int
    agrees: bool | None = None
    """Whether its digests equal the native ones; None when one side has none."""
    message: Text = ""
    """The first failure message, secrets masked."""


ImageObservation = Observation[ImageFacts]
