"""The examples in the documentation: how they are written, found, compared with what is printed, and written anew.

    <!-- stage: traversal; omit: Also, Possible, 3-9 -->       played on this stage (docs.stages.SETTINGS)
    ```console
    $ probe check oci-archive:/workspace/source/oci/image.tar    a command; its output follows
    > more of it                                                 a command of several lines goes on
    ...                                                          any number of lines
    text ... text                                                anything

    <!-- report: traversal /identity -->                       this field of a real report from this stage
                                                               (`verdict:` for one of the verdict document,
                                                               `kept:` for one of a report in tests/evidence/data)
    ```json
    {"a": 1, "...": "..."}                                       more keys follow; "..." for a value: anything

A block without such a comment is not played; its `probe` commands must exist all the same. `omit` names what is left
out when a block is written anew: titled parts of a verdict, `evidence` (the part between headline and titles), lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted((*ROOT.glob("docs/**/*.md"), ROOT / "README.md")))
ELLIPSIS = "..."
_COMMENT = re.compile(r"<!-- (stage|report|verdict|kept): (\S+?)(?:;? (?:omit: )?(.*?))? -->")
_FENCE = re.compile(r"```(\w*)$")
_TITLES = ("For good", "For", "Against", "Missing", "Also", "Possible", "Note", "Time", "Clocks", "Fix")
_SAME = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{9})?Z"), "<time>"),
    (re.compile(r"\[([\w.]+) \d+:\d+ (r[ow])\]"), r"[\1 <device> \2]"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "<time>"),
    (re.compile(r"\binode \d+\b"), "inode <number>"),
    (re.compile(r"\b(device|not \d+ of) \d+:\d+\b"), r"\1 <device>"),
    (re.compile(r"\b\d{7}\b"), "<bytes>"),
    (re.compile(r"\d+\.\d\d s later"), "<a moment> later"),
    (re.compile(r"\b(36\d\d|\d\.\d+) s\b"), "<time> s"),
    (re.compile(r"probe-demo-\w{8}"), "probe-demo-<name>"),
    (re.compile(r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b"), "<date>"),
)
"""What differs between two runs."""
_WIDTH = 80
_NEVER_SAME = re.compile(r"(?<=/oci)\d{6,}")
_VARYING = frozenset(
    {"took_ms", "duration_ms", "started_monotonic", "monotonic", "inode", "mount_id", "parent_id", "device",
     "total_bytes", "available_bytes", "total_inodes", "available_inodes", "pid", "seconds", "version"}
)  # fmt: skip
"""Fields of which only the type is compared."""


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is that of the opening fence, from 1; `stop` that of the closing one."""

    page: Path
    line: int
    stop: int
    language: str
    lines: tuple[str, ...]
    kind: str = ""
    """`stage`, `report`, `verdict`, `kept` or empty."""
    stage: str = ""
    rest: str = ""

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Commands with the output that is shown for each."""
        found: list[tuple[str, list[str]]] = []
        for line in self.lines:
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and found and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
            elif found:
                found[-1][1].append(line)
        return tuple((command, tuple(shown)) for command, shown in found)


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of one page."""
    lines = page.read_text().splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened is None:
            number += 1
            continue
        stop = lines.index("```", number + 1)
        comment = _COMMENT.fullmatch(lines[number - 1]) if number else None
        told = (comment[1], comment[2], comment[3] or "") if comment is not None else ("", "", "")
        yield Block(page, number + 1, stop + 1, opened[1], tuple(lines[number + 1 : stop]), *told)
        number = stop + 1


BLOCKS = tuple(block for page in PAGES for block in blocks_of(page))


def matches(shown: Sequence[str], printed: str) -> bool:
    """Whether what is shown stands for what was printed."""
    pattern = ""
    for line in shown:
        if line == ELLIPSIS:
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in _neutral(line).split(ELLIPSIS)) + r"\n"
    said = "".join(f"{line.rstrip()}\n" for line in _neutral(printed).splitlines())
    return re.fullmatch(pattern, said) is not None


def _neutral(text: str) -> str:
    for pattern, instead in _SAME:
        text = pattern.sub(instead, text)
    return text


def json_matches(shown: Any, real: Any, key: str = "") -> bool:
    """Whether an excerpt stands for what a report holds."""
    if shown == ELLIPSIS:
        return True
    if isinstance(shown, dict):
        if not isinstance(real, dict) or (ELLIPSIS not in shown and shown.keys() != real.keys()):
            return False
        return all(
            name in real and json_matches(value, real[name], name) for name, value in shown.items() if name != ELLIPSIS
        )
    if isinstance(shown, list):
        more = shown[-1:] == [ELLIPSIS]
        items = shown[:-1] if more else shown
        if not isinstance(real, list) or (len(real) < len(items) if more else len(real) != len(items)):
            return False
        return all(json_matches(one, other) for one, other in zip(items, real, strict=False))
    if key in _VARYING:
        return type(shown) is type(real) or {type(shown), type(real)} == {int, float}
    if isinstance(real, str) and isinstance(shown, str):
        return _neutral(shown) == _neutral(real)
    return bool(shown == real)


def follow(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to (RFC 6901)."""
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


# -- writing anew


def rewrite(page: Path, written: dict[int, Sequence[str]]) -> None:
    """Put new lines into the blocks of a page, by the line of their opening fence."""
    lines = page.read_text().splitlines()
    for block in sorted(blocks_of(page), key=lambda block: -block.line):
        if block.line in written:
            lines[block.line : block.stop - 1] = written[block.line]
    page.write_text("\n".join(lines) + "\n")


def console_lines(block: Block, printed: Sequence[str], *, everything: bool) -> list[str]:
    """A console block with what its commands print now; what still fits stays as it is, unless `everything` is new."""
    lines: list[str] = []
    for (command, shown), said in zip(block.commands, printed, strict=True):
        first, *more = command.split("\n")
        lines += [f"$ {first}", *(f"> {line}" for line in more)]
        lines += shown if matches(shown, said) and not everything else _trimmed(said, block.rest)
    return lines


def _trimmed(said: str, omit: str) -> list[str]:
    lines = [line.rstrip() for line in said.splitlines()]
    wanted = [one.strip() for one in omit.split(",") if one.strip()]
    parts = _parts(lines)
    kept: list[str] = []
    unstable = False
    for number, (line, part) in enumerate(zip(lines, parts, strict=True), 1):
        after_unstable, unstable = unstable, bool(_NEVER_SAME.search(line)) and len(line) <= _WIDTH
        if part in wanted or unstable or after_unstable or any(_in_range(number, one) for one in wanted):
            if kept[-2:] == [ELLIPSIS, ""]:
                kept.pop()
            kept += [ELLIPSIS] if kept[-1:] != [ELLIPSIS] else []
        elif line or kept[-2:] != [ELLIPSIS, ""]:
            kept.append(_NEVER_SAME.sub(ELLIPSIS, line))
    return kept


def _parts(lines: Sequence[str]) -> list[str]:
    """The part of a verdict that each line belongs to; an empty line between two parts belongs to none."""
    parts: list[str] = []
    part = "headline"
    for line in lines:
        title = next((title for title in _TITLES if re.match(f"{title:<9}\\S", line)), None)
        part = title or ("evidence" if part == "headline" and not line else part)
        parts.append(part)
    for number in range(len(lines) - 1):
        if not lines[number] and parts[number] != parts[number + 1]:
            parts[number] = ""
    return parts


def _in_range(number: int, text: str) -> bool:
    bounds = re.fullmatch(r"(\d+)-(\d*)", text)
    return bounds is not None and int(bounds[1]) <= number <= int(bounds[2] or 10**9)


def merged(shown: Any, real: Any) -> Any:
    """An excerpt with the values of a real report, as far as it shows them."""
    if shown == ELLIPSIS:
        return ELLIPSIS
    if isinstance(shown, dict) and isinstance(real, dict) and shown:
        kept = {name: merged(value, real[name]) for name, value in shown.items() if name in real}
        rest = {ELLIPSIS: ELLIPSIS} if ELLIPSIS in shown else {name: real[name] for name in real if name not in kept}
        return kept | rest
    if isinstance(shown, list) and isinstance(real, list) and shown:
        if shown[-1] == ELLIPSIS:
            return [*(merged(*pair) for pair in zip(shown[:-1], real, strict=False)), ELLIPSIS]
        return [merged(*pair) for pair in zip(shown, real, strict=True)] if len(shown) == len(real) else real
    return real


def json_lines(value: Any, width: int = 96) -> list[str]:
    """JSON with everything that fits on one line on one line."""
    return _json_text(value, "", width).splitlines()


def _json_text(value: Any, indent: str, width: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= width or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_json_text(one, inner, width)}" for key, one in value.items()]
    else:
        items = [_json_text(one, inner, width) for one in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return opened + "\n" + ",\n".join(inner + item for item in items) + f"\n{indent}{closed}"
