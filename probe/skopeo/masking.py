"""Secrets out of messages: what may stand between a name and a password never enters evidence."""

from __future__ import annotations

import re

MASK = "***"

_SECRET = (
    r"password|passwd|passphrase|secret|token|api[_-]?key|auth|identitytoken|registrytoken|accesstoken|refreshtoken|"
    r"credentials?|cookie|signature|secret[_-]?key|private[_-]?key|access[_-]?key"
)
_VALUE = r"(?:\\*\"[^\"\n]*\"?|\\*'[^'\n]*'?|[^\s\"',;]+)"
_TRANSPORTS = r"oci-archive|oci|dir|docker-archive|docker-daemon|docker|containers-storage|sif|tarball|ostree|atomic"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Authorization: Basic ..., and a bare bearer token.
    (
        re.compile(rf"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|negotiate|digest)\s+)?){_VALUE}"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_=.~-]{8,}"), rf"\1 {MASK}"),
    # --creds user:password, --dest-password=..., login -p ..., curl -u user:...
    (
        re.compile(
            r"(?i)(?<![\w-])(--?(?:(?:src|dest|source)-)?(?:creds|password|registry-token|token|secret)[ \t=]+)"
            + _VALUE
        ),
        rf"\1{MASK}",
    ),
    (re.compile(rf"(\blogin\b[^\n]{{0,512}}?\s-p[ =]?){_VALUE}"), rf"\1{MASK}"),
    (re.compile(r"((?:^|\s)-u[ =]?[^\s:]{1,256}:)\S+"), rf"\1{MASK}"),
    # URLs: user information, and the whole query string (upload states, presigned keys, access tokens).
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,31}://)[^\s/@\"'<>?#]{1,2048}@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,31}://[^\s?\"'<>]{1,2048}\?)[^\s\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"([?&]_state=)[^\s&\"'<>]+"), rf"\1{MASK}"),
    # user:password@host without a scheme; `name:tag@sha256:...` is a digest reference, not a login.
    (
        re.compile(
            rf"(?<![\w/.:@-])(?!(?:{_TRANSPORTS}):)[\w.+$|-]{{1,128}}:[^\s/@\"':]{{1,256}}@"
            r"(?!sha(?:256|384|512):)(?=[\w\[])"
        ),
        f"{MASK}@",
    ),
    # password=..., "auth": "..."
    (
        re.compile(
            rf"(?i)((?<![a-z])(?:[a-z0-9]+[_-]){{0,4}}(?:{_SECRET})\\*[\"']?\s*(?:=\s*|:\s*(?=\\*[\"']))){_VALUE}"
        ),
        rf"\1{MASK}",
    ),
    # JSON web tokens anywhere.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]+){1,4}"), MASK),
)


def mask(text: str) -> str:
    """`text` with user information, query strings, tokens and passwords replaced by `***`.

    Best effort on free text, and on the side of hiding too much: a host, a path and an image name stay readable.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
