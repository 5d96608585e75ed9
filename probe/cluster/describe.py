"""What `kubectl describe pod` prints, read back: less than the object, and in the clock of whoever printed it.

It prints no security context, no fraction of a second and no working directory; the ages of its events are no times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from probe.cluster.pods import MOST, container_kind, ended
from probe.cluster.raw import message, path, quantity, spoken_moment, text
from probe.cluster.scripts import container_invocations, placed_scripts
from probe.evidence.cluster import (
    Container,
    ContainerKind,
    Key,
    Notice,
    Pod,
    PodVolume,
    SecurityContext,
    VolumeMount,
)

MAX_TEXT = 8 << 20
"""Characters of one text that are looked at."""
_MOST_EVENTS = 500
_MOST_PODS = 2_000
_BEGIN = re.compile(r"^Name:[ \t]+(\S{1,253})[ \t\r]*$", re.MULTILINE)
_SECOND = re.compile(r"\n(?:Namespace|Priority|Service Account|Node):[ \t]")
_FIELD = re.compile(r"( {0,6})([A-Za-z][A-Za-z0-9 _./-]{0,252}):(?:[ \t]+(.*))?")
_MOUNT = re.compile(r" {6}(\S.*) from (\S+) \((ro|rw)(?:,path=\"(.*)\")?\)")
_EVENT = re.compile(r"  (Normal|Warning)\s{2,}(\S+)\s{2,}(\S.*?)\s{2,}(\S+)\s{2,}(\S.*)")
_COUNT = re.compile(r"\(x(\d{1,9}) over ")
_LABEL = re.compile(r"(?:Labels:)?\s+(\S{1,300})=(\S{0,256})")
_SCC = re.compile(r"(?:Annotations:)?\s+openshift\.io/scc: (\S{1,253})")
_KINDS = {"NFS": "nfs", "CSI": "csi", "ISCSI": "iscsi", "EphemeralVolume": "ephemeral", "RBD": "rbd", "FC": "fc"}
_SECTIONS = {
    "Init Containers": ContainerKind.INIT,
    "Containers": ContainerKind.OTHER,
    "Ephemeral Containers": ContainerKind.OTHER,
}
_SCRIPT_FLAG = re.compile(r"-[a-z]*c")


class Description(NamedTuple):
    """One pod as described."""

    pod: Pod
    notices: list[Notice]


def described_pods(printed: str, source: str) -> Iterator[Description]:
    """The pods in a text; none where it is something else. Never raises."""
    begins = [match.start() for match in islice(_BEGIN.finditer(printed[:MAX_TEXT]), _MOST_PODS)]
    begins = [begin for begin in begins if _SECOND.search(printed, begin, begin + 2_000)]
    for number, begin in enumerate(begins):
        end = begins[number + 1] if number + 1 < len(begins) else min(len(printed), MAX_TEXT)
        lines = [line.rstrip() for line in printed[begin:end].splitlines()]
        if any(line in ("Containers:", "Init Containers:") for line in lines):
            yield _pod(lines, source if len(begins) == 1 else f"{source}: pod {number + 1}")


def _pod(lines: list[str], source: str) -> Description:
    sections = _sections(lines)
    fields = {name: _after_colon(body[0]) for name, body in sections.items()}
    labels = {match[1]: match[2] for line in sections.get("Labels", ()) if (match := _LABEL.match(line))}
    scc = next((match[1] for line in sections.get("Annotations", ()) if (match := _SCC.match(line))), "")
    name, namespace = text(fields.get("Name")), text(fields.get("Namespace"))
    seccomp = text(fields.get("SeccompProfile"))
    pod = Pod(
        key=Key(name=name, namespace=namespace, source=source),
        node=text(fields.get("Node", "").partition("/")[0].replace("<none>", "")),
        phase=text(fields.get("Status", "").partition(" ")[0]),
        reason=text(fields.get("Reason")),
        message=message(fields.get("Message")),
        started=spoken_moment(fields.get("Start Time", "")),
        pipeline_run=labels.get("tekton.dev/pipelineRun", ""),
        task_run=labels.get("tekton.dev/taskRun", ""),
        pipeline_task=labels.get("tekton.dev/pipelineTask", ""),
        scc=scc,
        security=SecurityContext(seccomp=seccomp or None),
        containers=tuple(_containers(sections, in_task="tekton.dev/taskRun" in labels))[:MOST],
        volumes=tuple(_volumes(sections.get("Volumes", [])))[:MOST],
    )
    return Description(pod, list(_events(sections.get("Events", []), pod.key)))


def _sections(lines: list[str]) -> dict[str, list[str]]:
    """The lines of each field that begins in the first column, the first of each name."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match and not match[1]:
            current = [line]
            if match[2] not in sections:
                sections[match[2]] = current
        else:
            current.append(line)
    return sections


def _after_colon(line: str) -> str:
    return line.partition(":")[2].strip()


def _containers(sections: dict[str, list[str]], *, in_task: bool) -> Iterator[Container]:
    found = [(section, name, body) for section in _SECTIONS for name, body in _blocks(sections.get(section, [])[1:], 2)]
    placing = [{"name": name, "args": ["\n".join(_listed(body, "Args"))]} for _, name, body in found]
    placed = placed_scripts(placing)
    for section, name, body in found:
        kind = container_kind(name, in_task=in_task)
        if section == "Init Containers" and kind is not ContainerKind.SIDECAR:
            kind = ContainerKind.INIT
        yield _container(name, kind, body, placed)


def _container(name: str, kind: ContainerKind, body: list[str], placed: dict[str, str]) -> Container:
    fields = {key: _after_colon(block[0]) for key, block in _blocks_with_head(body, 4)}
    state = {key: _after_colon(block[0]) for key, block in _blocks_with_head(_under(body, "State"), 6)}
    last = ended(state.get("Message"))
    words = [*_listed(body, "Command"), *_listed(body, "Args")]
    named = container_invocations({"command": _joined(words)}, placed, {}, "") if kind is not ContainerKind.INIT else ()
    running = fields.get("State") in ("Terminated", "Running")
    mounts = [match for line in _under(body, "Mounts") if (match := _MOUNT.fullmatch(line))]
    return Container(
        name=text(name),
        kind=kind,
        image=path(fields.get("Image")),
        security=SecurityContext(seccomp=text(fields.get("SeccompProfile")) or None),
        mounts=tuple(_mount(match) for match in mounts[:MOST]),
        invocations=named,
        waits="" if running else path(state.get("Reason")),
        started=spoken_moment(state.get("Started", "")),
        began=last.began,
        ended=spoken_moment(state.get("Finished", "")),
        exit_status=_number(state.get("Exit Code", "")) if last.exit_status is None else last.exit_status,
        signal=_number(state.get("Signal", "")),
        reason=text(state.get("Reason")) if running else "",
        message=last.message,
        restarts=_number(fields.get("Restart Count", "")) or 0,
    )


def _mount(match: re.Match[str]) -> VolumeMount:
    return VolumeMount(
        volume=text(match[2]), path=path(match[1]), sub_path=path(match[4] or ""), read_only=match[3] == "ro"
    )


def _volumes(lines: list[str]) -> Iterator[PodVolume]:
    for name, body in _blocks(lines[1:], 2):
        fields = {key: _after_colon(block[0]) for key, block in _blocks_with_head(body, 4)}
        word = fields.get("Type", "").partition(" ")[0]
        kind = _KINDS.get(word, word[:1].lower() + word[1:])
        server = f"{fields['Server']}:" if fields.get("Server") else ""
        yield PodVolume(
            name=text(name),
            kind=text(kind),
            claim=text(fields.get("ClaimName")) or None,
            read_only=fields.get("ReadOnly") == "true",
            medium=text(fields.get("Medium")) if kind == "emptyDir" else "",
            size_limit=quantity(fields.get("SizeLimit")) if kind == "emptyDir" else None,
            detail=path(fields.get("Driver") or server + fields.get("Path", "")),
        )


def _events(lines: list[str], pod: Key) -> Iterator[Notice]:
    for line in lines[1:_MOST_EVENTS]:
        if match := _EVENT.fullmatch(line):
            count = _COUNT.search(match[3])
            yield Notice(
                kind="Pod",
                name=pod.name,
                namespace=pod.namespace,
                reason=text(match[2]),
                message=message(match[5]),
                warning=match[1] == "Warning",
                count=max(1, int(count[1])) if count else 1,
                source=pod.source,
            )


# -- indentation


def _blocks(lines: list[str], indent: int) -> Iterator[tuple[str, list[str]]]:
    """`name:` lines at an indentation, each with the deeper lines below it."""
    for name, block in _blocks_with_head(lines, indent):
        yield name, block[1:]


def _blocks_with_head(lines: list[str], indent: int) -> Iterator[tuple[str, list[str]]]:
    name, block = "", list[str]()
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match and len(match[1]) == indent:
            if name:
                yield name, block
            name, block = match[2], [line]
        else:
            block.append(line)
    if name:
        yield name, block


def _under(body: list[str], field: str) -> list[str]:
    """The lines below a field of a container."""
    return next((block[1:] for name, block in _blocks_with_head(body, 4) if name == field), [])


def _listed(body: list[str], field: str) -> list[str]:
    """The words of a command or its arguments; a word of several lines cannot be told from several words."""
    return [line[6:] for line in _under(body, field) if not line.strip() or line.startswith(" " * 6)]


def _joined(words: list[str]) -> list[str]:
    """What follows `-c` of a shell is one script."""
    for index, word in enumerate(words[:4]):
        if _SCRIPT_FLAG.fullmatch(word):
            return [*words[: index + 1], "\n".join(words[index + 1 :])]
    return words


def _number(printed: str) -> int | None:
    return int(printed) if printed.isascii() and printed.isdigit() and len(printed) < 10 else None
