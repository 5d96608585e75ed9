"""Whose output a text is, by the name of its file."""

from __future__ import annotations

import re

from probe.evidence.transcript import Source
from probe.transcript.names import short, shown

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"

_FORMS = (
    # oc adm must-gather, oc adm inspect
    re.compile(
        rf"(?:^|/)namespaces/(?P<namespace>{_LABEL})/pods/(?P<pod>{_NAME})/(?P<container>{_LABEL})/"
        rf"(?:{_LABEL}/)?logs/(?:current|previous(?:\.insecure)?)\.log$"
    ),
    # /var/log/pods of the kubelet
    re.compile(
        rf"(?:^|/)(?P<namespace>{_LABEL})_(?P<pod>{_NAME})_[0-9a-f][0-9a-f-]{{7,63}}/(?P<container>{_LABEL})/\d+\.log$"
    ),
    # /var/log/containers of the kubelet
    re.compile(rf"(?:^|/)(?P<pod>{_NAME})_(?P<namespace>{_LABEL})_(?P<container>{_LABEL})-[0-9a-f]{{64}}\.log$"),
    re.compile(rf"(?:^|/)(?P<pod>{_NAME})\.(?P<container>{_LABEL})\.log$"),
)
_NO_CONTAINER = re.compile(r"[\d-]+|stdout|stderr|out|err|txt|json|current|previous|old|tar|gz|build|debug|tail")


def source_of(file: str) -> Source:
    """The source that a file's name tells; only names that a tool gives count."""
    path = file.replace("\\", "/")
    for form in _FORMS:
        match = form.search(path)
        if match is not None and not _NO_CONTAINER.fullmatch(match["container"]):
            told = {key: short(value) for key, value in match.groupdict().items()}
            return Source(file=shown(file), **told)
    return Source(file=shown(file))
