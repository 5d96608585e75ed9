"""Real logs with parts left out: the verdict gets weaker or more general, and never another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.logs import follow_every_pointer

from probe.classify.judge import judge_case
from probe.transcript.importing import import_text

CAPTURES = Path(__file__).parents[2] / "captures"
DENIED = "dir-search-denied"
FITTING = {
    "01-success": {"healthy"},
    "02-fail-dir-0700": {"stale-ownership", DENIED},
    "04-csi-onrootmismatch-0700": {"stale-ownership", DENIED},
    "05-csi-always-0700": {"healthy"},
    "10-healthy-push": {"healthy"},
    "11-mismatch-transport": {"different-reference", "wrong-transport"},
    "12-race-no-runafter": {"archive-in-progress"},
    "13-race-detached-writer": {"archive-in-progress"},
    "14-late-creation-umask077": {"created-after-sweep", DENIED},
    "15-second-pod-other-fsgroup": {"swept-by-another-pod", "group-not-held", DENIED},
    "16-root-without-dac-override": {"root-without-capability", DENIED},
    "18-enospc-tmp": {"no-space"},
    "19-authfile-denied": {"other-path-failed"},
    "20-two-pvcs": {"different-volume", "different-image"},
}
SHOWN_WITHOUT_TIMES = {"02", "04", "10", "11", "12", "13", "14", "15", "16", "18", "19", "20"}
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?", re.MULTILINE)


def without(pattern: str) -> Callable[[str], str]:
    """The text without the lines that match."""
    return lambda text: "\n".join(line for line in text.splitlines() if not re.search(pattern, line))


LESS: dict[str, Callable[[str], str]] = {
    "times": lambda text: STAMP.sub("", text),
    "commands": without(r"===== (?:skopeo|tar)"),
    "statuses": without("exit code"),
    "stat": without(r"(?:File: |Size: |Device: |Access: |Modify: |Change: | Birth: )"),
    "identities": without(r"uid=|Uid:|Gid:|Groups:"),
    "capabilities": without(r"Cap(?:Inh|Prm|Eff|Bnd|Amb):"),
    "entries": without(r"[d-][rwxsStT-]{9} "),
    "mounts": without(r" type \S+ \(| - \S+ "),
    "messages": without(r"level=fatal|cannot|Cannot"),
    "digests": without("sha256:"),
}


def logs_of(name: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((CAPTURES / name / "logs").glob("*.log"))}


def cause_of(logs: dict[str, str]) -> str:
    transcripts = tuple(one for name, text in logs.items() for one in import_text(text, name))
    document = judge_case((), (), (), transcripts)
    follow_every_pointer(document)
    return str(document.verdict.cause)


@pytest.mark.parametrize("what", LESS)
@pytest.mark.parametrize("name", FITTING)
def test_without_one_kind_of_line(name: str, what: str) -> None:
    cause = cause_of({file: LESS[what](text) for file, text in logs_of(name).items()})
    assert cause in FITTING[name] | {"inconclusive"}
    if what == "times" and name[:2] in SHOWN_WITHOUT_TIMES:
        assert cause in FITTING[name]


@pytest.mark.parametrize("name", FITTING)
def test_without_one_section_of_one_log(name: str) -> None:
    whole = logs_of(name)
    for file, text in whole.items():
        for less in _without_a_section(text):
            cause = cause_of({**whole, file: less})
            assert cause in FITTING[name] | {"inconclusive"}, less


def _without_a_section(text: str) -> Iterator[str]:
    sections = re.split(r"(?m)^(?=(?:\S+ )?==+ )", text)
    for number in range(len(sections)):
        if len(sections) > 1:
            yield "".join(sections[:number] + sections[number + 1 :])


@pytest.mark.parametrize("name", FITTING)
def test_with_sections_in_another_order(name: str) -> None:
    turned = {}
    for file, text in logs_of(name).items():
        sections = re.split(r"(?m)^(?=(?:\S+ )?==+ )", text)
        turned[file] = "".join(reversed(sections))
    assert cause_of(turned) in FITTING[name] | {"inconclusive"}
