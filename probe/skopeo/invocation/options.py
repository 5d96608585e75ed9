"""The options of the image tools: which take a value, which name a file, and which may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.skopeo.invocation.variables import Argument

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
        "--add-compression", "--registries-conf-dir", "--layers", "--no-cache", "--force-rm",
        # crane, oras
        "--insecure", "--allow-nondistributable-artifacts", "--verbose", "--recursive", "--from-oci-layout",
        "--to-oci-layout", "--oci-layout", "--plain-http", "--from-plain-http", "--to-plain-http", "--no-tty",
        "--disable-path-validation", "--allow-path-traversal", "--index",
    }
)  # fmt: skip
"""Options without a value. Any other option takes the next word, unless that is a reference."""
FILES = frozenset(
    {
        "--authfile", "--src-authfile", "--dest-authfile", "--policy", "--tmpdir", "--digestfile", "--digest-file",
        "--cert-dir", "--src-cert-dir", "--dest-cert-dir", "--registries-conf", "--registries-conf-dir",
        "--registries.d", "--iidfile", "--image-name-with-digest-file", "--image-name-tag-with-digest-file", "--root",
        "--runroot", "--metadata-file", "--src-shared-blob-dir", "--dest-shared-blob-dir", "--shared-blob-dir",
        "--sign-passphrase-file", "--encryption-key", "--decryption-key", "--key", "--registry-config",
        "--from-registry-config", "--to-registry-config", "--docker-config", "--kaniko-dir", "--image_refs",
    }
)  # fmt: skip
"""Options whose value is a file or directory that the tool reads or writes besides the image."""
_SHOWN = frozenset(
    {
        "--format", "-f", "--file", "--src", "-s", "--dest", "-d", "--retry-times", "--override-os", "--override-arch",
        "--override-variant", "--multi-arch", "--dest-compress-format", "--compression-format", "-t", "--tag", "-o",
        "--output", "-i", "--input", "--destination", "--tar-path", "--tarPath", "--oci-layout-path", "--context",
        "--dockerfile", "--platform", "--additional-tag", "--isolation", "--storage-driver", "--command-timeout",
    }
) | FILES  # fmt: skip
"""Options whose value may stand in evidence. Of all others only the name is shown: a value may be a secret."""
_VALUED = _SHOWN | {
    "--creds", "--src-creds", "--dest-creds", "--username", "--password", "--src-username", "--src-password",
    "--dest-username", "--dest-password", "--src-registry-token", "--dest-registry-token", "--registry-token",
    "--sign-by", "--sign-identity", "-u", "-p", "--build-arg", "--label", "--annotation", "--secret", "--env",
}  # fmt: skip
"""Options that take the next word, whatever it looks like."""
_HARMLESS = re.compile(r"true|false|\d{1,9}[smh]?")
LOCAL = frozenset({"oci-archive", "oci", "dir", "docker-archive"})
"""The transports that read files."""
TYPES = frozenset({*LOCAL, "docker", "docker-daemon", "containers-storage", "ostree", "sif", "tarball", "atomic"})
"""What may stand before the colon of a reference."""


class Option(NamedTuple):
    """One option with its value."""

    name: str
    value: Argument


@dataclass
class Line:
    """The arguments of a tool, sorted."""

    places: list[Argument] = field(default_factory=list)
    """What is no option, in order."""
    options: list[Option] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """All of it as it may be shown."""

    def values(self, *names: str) -> list[Argument]:
        """Of the options with these names, in order."""
        return [option.value for option in self.options if option.name in names]

    def is_set(self, name: str) -> bool:
        """Whether an option stands there, with any value but `false`."""
        return any(value.text != "false" for value in self.values(name))


def sorted_out(words: Sequence[Argument]) -> Line:
    """Places and options, as skopeo, buildah, podman and their kin read them."""
    line = Line()
    pending = iter(enumerate(words))
    for index, word in pending:
        if word.text == "--":
            line.shown.append("--")
            line.places.extend(words[index + 1 :])
            line.shown.extend(one.shown for one in words[index + 1 :])
            break
        if len(word.text) < 2 or not word.text.startswith("-"):
            line.places.append(word)
            line.shown.append(word.shown)
            continue
        name, equals, value = word.text.partition("=")
        following = words[index + 1] if index + 1 < len(words) else None
        if equals:
            option = Option(name, Argument(value, word.known, word.shown.partition("=")[2]))
            line.shown.append(f"{name}={_value(option)}")
        elif name not in _SWITCHES and following is not None and _takes(name, following):
            next(pending)
            option = Option(name, following)
            line.shown += [name, _value(option)]
        else:
            option = Option(name, Argument("", True, ""))
            line.shown.append(name)
        line.options.append(option)
    return line


def copying(words: Sequence[Argument]) -> Line:
    """Sources and target of cp, mv or install; options only where the target stands elsewhere (`-t`)."""
    line = Line(shown=[word.shown for word in words])
    pending = iter(words)
    for word in pending:
        name = word.text.partition("=")[0]
        if name in ("-m", "-o", "-g", "-S"):
            next(pending, None)
        elif name in ("-t", "-d", "--target-directory"):
            line.options.append(Option(name, word))
        elif not name.startswith("-") or name == "-":
            line.places.append(word)
    return line


def files_named(line: Line) -> Iterator[Option]:
    """The options that name a file, with what they name."""
    for option in line.options:
        if option.name in FILES and option.value.text:
            yield option


def is_typed(text: str) -> bool:
    """Whether a transport of containers-transports(5) stands before its first colon."""
    transport, colon, path = text.partition(":")
    return bool(colon and path) and transport in TYPES


def _takes(name: str, following: Argument) -> bool:
    return name in _VALUED or not is_typed(following.text)


def _value(option: Option) -> str:
    harmless = option.name in _SHOWN or _HARMLESS.fullmatch(option.value.text)
    return option.value.shown if harmless else "***"
