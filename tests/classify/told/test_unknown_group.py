"""A group whose number a log does not tell: no number is made up for it, and only what holds both ways is said."""

from __future__ import annotations

from support.logs import COPY, FAILED, REFUSED, found, judged, shown, stamped

from probe.classify.verdict import Cause, VerdictDocument

CUT = "drwx{bits}    2 root     10009700      1024 Nov 21 17:00 /workspace/source/oci"
SOURCE = "drwxrwsr-x    4 root     10009700      1024 Nov 21 17:00 /workspace/source"
WITHOUT = "uid=1000970000 gid=0(root) groups=0(root)"


def told(oci: str, who: str | None = None) -> VerdictDocument:
    block = shown(oci=oci, tar=None, source=SOURCE)
    block = block if who is None else shown(oci=oci, tar=None, source=SOURCE, who=who)
    return judged(stamped("\n".join((block, COPY, REFUSED, FAILED))))


def test_neither_the_group_nor_others_have_the_bit() -> None:
    document = told(CUT.format(bits="--S---"))
    assert (document.verdict.cause, document.verdict.status) == ("dir-search-denied", "likely")
    assert "neither the group nor others" in document.verdict.statement
    assessment = found(document, Cause.DIR_SEARCH_DENIED)
    assert assessment.remedy is not None
    assert assessment.remedy.smallest.command == "chmod g+x /workspace/source/oci"
    assert "429496729" not in document.model_dump_json()


def test_what_turns_on_the_group_is_open() -> None:
    document = told(CUT.format(bits="rws---"))
    assert document.verdict.cause == "inconclusive"
    assert "429496729" not in document.model_dump_json()


def test_a_group_that_begins_otherwise_is_not_held() -> None:
    document = told(CUT.format(bits="rws---"), WITHOUT)
    assert document.verdict.cause == "group-not-held"
    assert "10009700 is printed of it" in document.verdict.statement
    assert "429496729" not in document.model_dump_json()
