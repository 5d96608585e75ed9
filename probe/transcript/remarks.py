"""What scripts say of a path in their own words: `F not readable yet`, `attempt 3/12, size 56098816`."""

from __future__ import annotations

import re

from probe.evidence.transcript import Claimed, RemarkStated
from probe.transcript.line import LogLine
from probe.transcript.moments import STAMP
from probe.transcript.names import shown
from probe.transcript.sink import Sink, tidy

MAX_REMARK = 512
"""Characters: a longer line is no remark on one path."""

_LEAD = re.compile(
    rf"(?:[-=>*#]{{2,8}} {{0,4}}|\[?{STAMP}\]?:? {{1,4}}|"
    r"\[?(?:ERROR|INFO|WARN(?:ING)?|DEBUG|error|warning|info)\]?:? {1,4})"
)
_KEYS = re.compile(
    "readable|there|exist|aiting|attempt|complete|begin|start|ound|missing|present|appear|absent|size|bytes|read|available"
)
_PATH = re.compile(
    r"(?:^|(?<=[\s'\"`(=]))(?P<path>\.{0,2}/(?!/)[^\s'\"`,;()|<>*$]{1,400}|"
    r"[\w@+-][\w@+.-]{0,200}\.(?:tar|tgz|tar\.gz|tar\.zst|json|img|oci|done|ready|lock|ok))(?=$|[\s'\"`,;:)])"
)
_HEDGED = re.compile(
    r"(?i)\b(?:if|whether|when|until|unless|once|should|must|would|could|may|might|check(?:ing)?|test(?:ing)?|expect\w*|"
    r"ensure|verify)\b|\?"
)
_WAITING = re.compile(
    r"(?i)\bwait(?:ing|s|ed)?(?: (?:up to )?\d{1,6} ?(?:s|sec|seconds|m|min)?)? (?:for|on|until)"
    r"(?: (?:the )?(?:file|archive|image|path))?:?$"
)
_IS = r"(?:is |was |are |has |does |do |did |can |still |now |yet )*"
_NOT = r"(?:not |isn't |isnt |doesn't |cannot |can't |never )"


def _after(form: str) -> re.Pattern[str]:
    return re.compile(_IS + form)


def _before(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?i)\b(?:{form}):?$")


_AFTER = (
    (_after(rf"(?:{_NOT}(?:yet |be |been )*|un|not-|NOT-|NOT )(?:readable|read\b)"), Claimed.NOT_READABLE),
    (_after(r"(?:become |became |ok |finally )*readable"), Claimed.READABLE),
    (
        _after(
            rf"(?:{_NOT}(?:yet |be |been |a )*(?:there|exists?\b|found|present|available|appear(?:ed)?\b|visible|"
            r"regular file|directory)|missing|absent|gone\b)"
        ),
        Claimed.ABSENT,
    ),
    (_after(r"(?:been )?(?:there\b|exists|present|appeared|found\b|available)"), Claimed.PRESENT),
    (_after(r"complete\b(?! after)"), Claimed.COMPLETE),
    (_after(r"(?:size|with|at)?[ :=(]{0,3}(?:is |now )?\d{1,19}(?: ?(?:bytes|B)\b|$)|size\b"), Claimed.SIZE),
)
"""What stands behind the path."""
_BEFORE = (
    (
        _before(r"(?:no such file|missing|not found|does not exist|(?:cannot|can't|could not) find)(?: file)?"),
        Claimed.ABSENT,
    ),
    (_before(r"(?:cannot|can't|could not|unable to) read"), Claimed.NOT_READABLE),
    (_before(r"found"), Claimed.PRESENT),
    (
        _before(r"begins(?: writing| to write)?|begin(?:s|ning)? writing|start(?:s|ed|ing)? (?:to write|writing)"),
        Claimed.BEGUN,
    ),
    (_before(r"size of"), Claimed.SIZE),
)
"""What stands before it."""
_ATTEMPT = re.compile(
    r"(?i)\b(?:attempt|try|retry)[ #:]{1,3}(\d{1,6})\b|\bafter (\d{1,6}) (?:failed )?(?:attempts|tries|retries)\b"
)
_SIZE = re.compile(
    r"\bsize(?: now| is|:|=)?[ :=]{0,2}(\d{1,19})\b(?![.\d]*\s?[KMGT])|\b(\d{1,19}) (?:bytes|B)\b|: (\d{1,19})$"
)
_TOTAL = re.compile(r"\btotal (\d{1,19})\b")
_ATTEMPT_SIZE = re.compile(r"(?i)attempt \d{1,6}(?:/\d{1,6})?[,:;]? (?:\w{1,16} )?size[ :=]{1,2}(\d{1,19})\s*$")
_COMPLETE = re.compile(
    r"(?:[\w.-]{1,32}: )?(?:the )?(?:archive|image|file) (?:is )?complete\b[,: ]{0,2}(?:(?:size )?(\d{1,19}))?"
)


def read_remark(line: LogLine, sink: Sink) -> bool:
    """Take a remark. One that is hedged (`if`, `until`, a question) claims nothing."""
    text = line.text
    if len(text) > MAX_REMARK or _KEYS.search(text) is None:
        return False
    text = text.strip()
    for _ in range(3):
        lead = _LEAD.match(text)
        if lead is None:
            break
        text = text[lead.end() :]
    alone = _ATTEMPT_SIZE.match(text)
    if alone is not None:
        return _state(line, sink, text, "", Claimed.SIZE, int(alone[1]))
    whole = _COMPLETE.match(text)
    if whole is not None and not _HEDGED.search(text):
        return _state(line, sink, text, "", Claimed.COMPLETE, int(whole[1]) if whole[1] else None)
    return _about_path(line, sink, text)


def _about_path(line: LogLine, sink: Sink, text: str) -> bool:
    paths = [match for match in _PATH.finditer(text) if "://" not in text[: match.end()][-len(match[0]) - 3 :]]
    paths = [match for match in paths if match["path"].startswith("/")] or paths
    if len(paths) != 1:
        return False  # of which path it speaks would be a guess
    path = paths[0]["path"].rstrip(":.")
    before = text[: paths[0].start()].rstrip(" '\"`(")
    after = text[paths[0].start() + len(path) :].lstrip(" '\"`):")
    if _WAITING.search(before):
        return _state(line, sink, text, path, Claimed.WAITED_FOR, None)
    if _HEDGED.search(before) or _HEDGED.search(after[:40]):
        return False
    claimed = next((claim for form, claim in _AFTER if form.match(after)), None)
    if claimed is None:
        claimed = next((claim for form, claim in _BEFORE if form.search(before)), None)
    if claimed is None:
        return False
    if claimed is Claimed.BEGUN:
        size = _TOTAL.search(after)
        return _state(line, sink, text, path, claimed, int(size[1]) if size is not None else None)
    size = _SIZE.search(after) or (_SIZE.search(f": {after}") if claimed is Claimed.SIZE else None)
    number = next((int(group) for group in size.groups() if group), None) if size is not None else None
    if claimed is Claimed.SIZE and number is None:
        return False
    return _state(line, sink, text, path, claimed, number)


def _state(line: LogLine, sink: Sink, text: str, path: str, claimed: Claimed, size: int | None) -> bool:
    attempt = _ATTEMPT.search(text)
    return sink.add(
        RemarkStated,
        line,
        path=shown(path),
        claimed=claimed,
        size=size,
        attempt=int(attempt[1] or attempt[2]) if attempt is not None else None,
        text=tidy(line.text),
    )
