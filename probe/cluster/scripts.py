"""What a step's script, command and arguments name; and the scripts that a Tekton pod carries in itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from probe.cluster.parameters import MAX_TEXT, Values, replaced, replaced_all
from probe.cluster.raw import Raw, objects, sequence
from probe.evidence.invocation import Invocation
from probe.skopeo.invocation import invocations_of, invocations_of_words

PLACES_SCRIPTS = "place-scripts"
_SHEBANG = re.compile(r"#!\s*(\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?")
_SHELL = re.compile(r"(?:ba|da|a|k|z|mk|pdk)?sh|busybox")
_FILE = re.compile(r"(?:scriptfile|tmpfile)=\"([^\"\n]{1,4096})\"")
_BEGIN = re.compile(r"<< ?'([^'\n]{1,256})'$")
_ENVIRONMENT = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]{0,255})\)")
_MOST_SCRIPTS = 256
_MAX_VALUE = 8_192


def environment(raw: Any, values: Values) -> dict[str, str]:
    """The variables of a container that have a value of their own; used to read its script, and never kept."""
    found: dict[str, str] = {}
    for variable in objects(raw, 1_024):
        name, value = variable.get("name"), variable.get("value", "")
        if isinstance(name, str) and isinstance(value, str) and "valueFrom" not in variable:
            found[name] = _expanded(replaced(value[:_MAX_VALUE], values), found)[:_MAX_VALUE]
    return found


def step_invocations(step: Raw, values: Values, known: Mapping[str, str], directory: str) -> tuple[Invocation, ...]:
    """Of a step's spec: its script, or its command with its arguments."""
    script = step.get("script")
    if isinstance(script, str) and script.strip():
        return script_invocations(replaced(script[:MAX_TEXT], values), known, directory)
    command = replaced_all(sequence(step.get("command")), values)
    if not command:  # what the image runs is not known
        return ()
    words = command + replaced_all(sequence(step.get("args")), values)
    expanded = [_expanded(word, known) for word in words]
    return invocations_of_words(expanded, known=known, directory=directory, mentions=True)


def script_invocations(script: str, known: Mapping[str, str], directory: str) -> tuple[Invocation, ...]:
    """Of a script with its first line: of one in another language than the shell's nothing."""
    first = _SHEBANG.match(script.lstrip()[:1_024])
    if first is not None:
        program = (first[2] or "") if first[1].rpartition("/")[2] == "env" else first[1]
        if not _SHELL.fullmatch(program.rpartition("/")[2]):
            return ()
    return invocations_of(script, known=known, directory=directory, mentions=True)


def container_invocations(
    container: Raw, placed: Mapping[str, str], known: Mapping[str, str], directory: str
) -> tuple[Invocation, ...]:
    """Of a container of a pod: behind Tekton's entrypoint, and with the script that the pod placed for it."""
    words = (*sequence(container.get("command")), *sequence(container.get("args")))
    texts = [_expanded(word, known) for word in words if isinstance(word, str)]
    behind = _behind_entrypoint(texts)
    if behind and behind[0] in placed:
        return script_invocations(placed[behind[0]], known, directory)
    return invocations_of_words(behind, known=known, directory=directory, mentions=True)


def placed_scripts(containers: Any) -> dict[str, str]:
    """The scripts that a pod's init container writes, by the path that it writes them to."""
    found: dict[str, str] = {}
    for container in objects(containers):
        if container.get("name") == PLACES_SCRIPTS:
            for argument in sequence(container.get("args")):
                if isinstance(argument, str) and len(found) < _MOST_SCRIPTS:
                    found.update(_placed(argument))
    return found


def _placed(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    path, delimiter, body = "", "", list[str]()
    for line in text.split("\n"):
        if delimiter:
            if line.strip() == delimiter:
                found[path] = _decoded("\n".join(body))
                path, delimiter, body = "", "", []
            else:
                body.append(line)
        elif named := _FILE.match(line.strip()):
            path = named[1]
        elif path and (begin := _BEGIN.search(line.strip())):
            delimiter = begin[1]
    return found


def _decoded(body: str) -> str:
    """Tekton encodes a script; older releases wrote it as it is."""
    try:
        return base64.b64decode("".join(body.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return body


def _behind_entrypoint(words: Sequence[str]) -> list[str]:
    """The command line that Tekton's entrypoint runs when the step's turn has come."""
    if not words or words[0].rpartition("/")[2] != "entrypoint" or "-entrypoint" not in words:
        return list(words)
    index = words.index("-entrypoint")
    rest = list(words[index + 1 : index + 2])
    return rest + (list(words[words.index("--", index) + 1 :]) if "--" in words[index:] else [])


def _expanded(word: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` as kubelet replaces it by a variable of the container."""
    if "$(" not in word:
        return word
    return _ENVIRONMENT.sub(lambda match: known.get(match[1], match[0]), word)[:MAX_TEXT]
