"""Logs of tasks as `oc logs --timestamps` prints them, and the verdict that they give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from stat import S_IFDIR, S_IFREG, filemode
from typing import Any

from probe.classify.judge import judge_case
from probe.classify.verdict import Assessment, Cause, VerdictDocument
from probe.evidence.cluster import Cluster
from probe.transcript.importing import import_text

ID = "uid=1000970000 gid=0(root) groups=0(root),1000970000"
ROOT = "drwxr-xr-x 1 root root 48 Nov 21 17:00 /"
WORKSPACE = "drwxrwsrwx 3 root 1000970000 20 Nov 21 17:00 /workspace"
SOURCE = "drwxrwsr-x 4 root 1000970000 30 Nov 21 17:00 /workspace/source"
OCI = "drwxr-sr-x 2 root 1000970000 23 Nov 21 17:00 /workspace/source/oci"
TAR = "-rw-r--r-- 1 root 1000970000 17861120 Nov 21 17:00 /workspace/source/oci/image.tar"
MOUNT = "/dev/sdb on /workspace/source type xfs (rw,relatime)"
ARCHIVE = "oci-archive:/workspace/source/oci/image.tar"
COPY = f"===== skopeo copy {ARCHIVE} docker://quay.lab/org/model:1 ====="
OPEN = "lstat /workspace/source/oci/image.tar: permission denied"
REFUSED = f'time="2026-11-21T17:00:10Z" level=fatal msg="Invalid source name {ARCHIVE}: {OPEN}"'
FAILED = "skopeo exit code: 1"
PUSHED = "Copying config sha256:" + "7c" * 32 + "\nskopeo exit code: 0\nsha256:" + "ef" * 32


def fatal(message: str) -> str:
    """A message of skopeo, as its logger prints it, with the status that it ends with."""
    escaped = message.replace('"', '\\"')
    return f'time="2026-11-21T17:00:10Z" level=fatal msg="{escaped}"\n{FAILED}'


def shown(*, oci: str = OCI, tar: str | None = TAR, source: str = SOURCE, who: str = ID, mount: str = MOUNT) -> str:
    """A debug block: id, each component of the path, the mounts."""
    lines = ["===== id =====", who, "===== ls -ld (each ancestor) =====", ROOT, WORKSPACE, source, oci]
    if tar is None:
        lines.append("ls: cannot access '/workspace/source/oci/image.tar': Permission denied")
    else:
        lines.append(tar)
    return "\n".join([*lines, "===== mount | grep workspace =====", mount])


def stat(path: str, mode: str, *, changed: str, born: str, modified: str = "", gid: int = 1000970000) -> str:
    """`stat` of a directory or a file, its times as `17:00:00.5` of the day of the logs."""
    kind = "regular file" if path.endswith(".tar") else "directory"
    day, bits = "2026-11-21", int(mode, 8) | (S_IFREG if path.endswith(".tar") else S_IFDIR)
    return "\n".join(
        (
            f"  File: {path}",
            f"  Size: 4096      \tBlocks: 8          IO Block: 4096   {kind}",
            "Device: 7,1\tInode: 12          Links: 2",
            f"Access: ({mode}/{filemode(bits)})  Uid: (    0/    root)   Gid: ({gid}/ UNKNOWN)",
            f"Access: {day} {_nanoseconds(changed)} +0000",
            f"Modify: {day} {_nanoseconds(modified or changed)} +0000",
            f"Change: {day} {_nanoseconds(changed)} +0000",
            f" Birth: {day} {_nanoseconds(born)} +0000",
        )
    )


def _nanoseconds(time: str) -> str:
    whole, _, rest = time.partition(".")
    return f"{whole}.{rest:0<9}"


def stamped(text: str, at: str = "17:00:10") -> str:
    """Each line with its time, some milliseconds after the one before; a line `@17:01:00` sets the clock."""
    moment = datetime.fromisoformat(f"2026-11-21T{at}")
    lines = []
    for line in text.splitlines():
        if line.startswith("@"):
            moment = datetime.fromisoformat(f"2026-11-21T{line[1:]}")
            continue
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z {line}")
        moment += timedelta(milliseconds=2)
    return "\n".join(lines) + "\n"


def judged(logs: Mapping[str, str] | str, *clusters: Cluster) -> VerdictDocument:
    """The verdict of logs by the name of their task; of one log alone, that of a task called push."""
    named = {"push": logs} if isinstance(logs, str) else logs
    transcripts = [one for name, text in named.items() for one in import_text(text, f"run-{name}-pod.step-{name}.log")]
    document = judge_case((), (), (), tuple(transcripts), clusters)
    follow_every_pointer(document)
    return document


def follow_every_pointer(document: VerdictDocument) -> None:
    """What a claim points to is there."""
    dumped = document.model_dump(mode="json", by_alias=True)
    for assessment in document.assessments:
        for claim in (*assessment.supports, *assessment.contradicts, *assessment.missing):
            place: Any = dumped
            for part in claim.pointer.split("/")[1:]:
                place = place[int(part)] if isinstance(place, list) else place[part]


def found(document: VerdictDocument, cause: Cause) -> Assessment:
    """What a verdict says of one cause."""
    return next(one for one in document.assessments if one.cause is cause)
