"""Exit statuses that a log states in words."""

from __future__ import annotations

import re

from probe.evidence.transcript import ExitStated
from probe.transcript.line import LogLine
from probe.transcript.moments import STAMP
from probe.transcript.names import short
from probe.transcript.sink import Sink

_EXIT = re.compile(
    r"(?:[-=>*#]{1,8} {0,4})?(?:\[?(?:ERROR|INFO|WARN(?:ING)?)\]?:? {1,4})?(?i:error: )?"
    r"(?:(?P<program>[A-Za-z][\w./+-]{0,63})(?: (?P<verb>[a-z][a-z-]{0,31}))?(?:: | ))?"
    r"(?:(?:(?:has |was |is )?(?:exited|terminated|finished|failed|ended|returned|done|completed),? )?"
    r"(?:with |by )?(?:an? )?(?:non-zero )?"
    r"(?:exit[ -]?(?:code|status)|Exit[ -]?(?:Code|Status)|code|status|return code|rc|RC|ret|EXIT_CODE|exit_code)"
    r"(?: is| was| of)?[ :=]{1,8}"
    r"|(?:exited|returned)[ :=]{1,4})"
    rf"(?P<status>-?\d{{1,3}})\.?(?:\s{{1,8}}\[?{STAMP}\]?)?(?:\s{{1,4}}[-=>*#]{{2,8}})?\s*$"
)
_WORDS = re.compile(r"(?:xit|XIT|rc|RC|status|code|ret)\w*[ :=]")
_NOBODY = frozenset(
    re.findall(
        r"\w+",
        "command process script program it the step task container job last with error pipeline got rc ret build push "
        "status exit exited code returned finished failed done main child",
    )
)
_HTTP = re.compile(r"(?i)\b(?:http|response|request)\b")


def read_exit(line: LogLine, sink: Sink) -> bool:
    """Take `skopeo exit code: 1`, `command terminated with exit code 1`, `rc=1`."""
    text = line.text
    if len(text) > 512 or _WORDS.search(text) is None:
        return False
    match = _EXIT.match(text)
    if match is None or _HTTP.search(text):
        return False
    program, verb = match["program"] or "", match["verb"] or ""
    if program.lower() in _NOBODY:
        program, verb = "", ""
    if verb in ("got", "exit", "exited", "failed", "returned", "finished", "done"):
        verb = ""
    if not program and re.match(r"(?:code|status)\b", text):
        return False  # anybody's: an HTTP status, a job's
    return sink.add(ExitStated, line, program=short(f"{program} {verb}".strip()), status=int(match["status"]))
