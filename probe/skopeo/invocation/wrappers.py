"""Which program a command line really runs: behind `timeout`, `env`, `sudo`, a shell and their kin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from probe.skopeo.invocation.variables import Argument

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})
_AWAY = frozenset(
    {"docker", "nerdctl", "kubectl", "oc", "crictl", "ssh", "nsenter", "chroot", "bwrap", "unshare", "vagrant"}
)
"""What follows these runs with other mounts, or on another machine: its paths are not ours."""
_WRAPPERS = frozenset(
    {
        "env", "timeout", "nice", "ionice", "setpriv", "stdbuf", "nohup", "setsid", "time", "chrt", "taskset", "exec",
        "command", "sudo", "doas", "runuser", "strace", "ltrace", "flock", "tini", "dumb-init", "catatonit", "probe",
        "python", "python3", "prlimit", "unbuffer", "xargs", "eval", "builtin", "entrypoint", "retry", "run", "try",
        "with_retry", "run_cmd",
    }
)  # fmt: skip
"""What runs the command that follows. The last ones are names that scripts give to such functions."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class Program(NamedTuple):
    """What a command line comes to: a program with its arguments, or a shell with a script."""

    name: str
    arguments: Sequence[Argument]
    script: Argument | None = None


def program_of(words: Sequence[Argument], programs: frozenset[str]) -> Program | None:
    """Behind wrappers and assignments, the first word that is one of `programs` or a shell with a script.

    None where something else runs; a `Program` without a name where what follows runs elsewhere.
    """
    wrapped = False
    for index, word in enumerate(words):
        name = posixpath.basename(word.text)
        rest = words[index + 1 :]
        if name in _AWAY:
            return Program("", ())
        if name in programs and word.known:
            return Program(name, rest)
        if name in SHELLS and (script := _script(rest)) is not None:
            return Program(name, rest, script)
        if name in _WRAPPERS:
            wrapped = True
        elif not wrapped and not _ASSIGNMENT.match(word.text):
            return None
    return None


def _script(words: Sequence[Argument]) -> Argument | None:
    """The text after `-c`, alone or last among joined options (`-ec`)."""
    index = 0
    while index < len(words) and words[index].text[:1] in ("-", "+") and words[index].text != "--":
        option = words[index].text
        index += 1
        if option.startswith("--"):
            continue
        if "c" in option:
            return words[index] if index < len(words) else None
        if option[-1:] in ("o", "O"):
            index += 1
    if words[:1] and posixpath.basename(words[0].text) in SHELLS:  # busybox sh -c ...
        return _script(words[1:])
    return None
