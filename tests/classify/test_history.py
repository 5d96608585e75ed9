"""Who saw one place, and in what order: what joins two sources, and what never does."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError
from support.mutation import Mutator
from support.recorded import as_if_remote, on_another_node, shifted
from support.situations import Situation
from support.stage import ROOT, STRANGER, Stage, assert_sound, volume
from support.watching import Watching

from probe.classify.case import Case
from probe.classify.clocks import clocks
from probe.classify.joined import JoinedVerdict
from probe.classify.judge import judge_case
from probe.classify.order import before, written
from probe.classify.sameness import Sameness, same_place
from probe.classify.witness import Witness, ticks
from probe.evidence.report import Report
from probe.evidence.seal import Seal
from probe.evidence.watch import Change, Timeline
from probe.report.terminal import print_verdict

pytestmark = pytest.mark.root


def witnesses(*reports: Report) -> tuple[Witness, ...]:
    return Case(reports).history.reports


def sameness(a: Report, b: Report) -> Sameness:
    one, other = witnesses(a, b)
    found = same_place(one, other).sameness
    assert same_place(other, one).sameness is found, "whoever is asked first"
    return found


# -- one place


def test_one_file_by_two_processes(stage: Stage) -> None:
    reference = f"oci-archive:{stage.workspace()}/oci/image.tar"
    (a,), (b,) = stage.looks(reference), stage.looks(reference, by=STRANGER)
    assert sameness(a, b) is Sameness.SURE


def test_one_volume_at_two_paths(stage: Stage) -> None:
    workspace = stage.workspace()
    elsewhere = stage.root / "elsewhere"
    elsewhere.mkdir()

    def mount() -> None:
        assert os.system(f"mount --bind {workspace} {elsewhere}") == 0

    (a,) = stage.looks(f"oci-archive:{workspace}/oci/image.tar", **volume(workspace))
    (b,) = stage.looks(f"oci-archive:{elsewhere}/oci/image.tar", prepare=mount, container=True)
    assert sameness(a, b) is Sameness.SURE
    (c,) = stage.looks(f"oci-archive:{elsewhere}/oci/other.tar", prepare=mount, container=True)
    assert sameness(a, c) is Sameness.NO, "one directory, another name in it"


def test_two_volumes_at_one_path(stage: Stage) -> None:
    workspace = stage.workspace()
    other = stage.root / "other"
    shutil.copytree(workspace, other)
    target = f"oci-archive:{workspace}/oci/image.tar"

    def mount_other() -> None:
        assert os.system(f"mount --bind {other} {workspace}") == 0

    def mount_new() -> None:
        assert os.system(f"mount -t tmpfs none {workspace}") == 0
        os.mkdir(workspace / "oci")

    (a,) = stage.looks(target, **volume(workspace))
    for prepare in (mount_other, mount_new):
        (b,) = stage.looks(target, prepare=prepare, container=True)
        assert sameness(a, b) is Sameness.NO


def test_numbers_that_were_given_anew_are_weak(stage: Stage) -> None:
    """A tmpfs that goes away leaves its device number and its inode numbers to the next one."""
    workspace = stage.workspace()

    def mount_new() -> None:
        assert os.system(f"mount -t tmpfs none {workspace}") == 0
        os.chmod(workspace, 0o755)
        os.mkdir(workspace / "oci")

    looks = [
        stage.looks(f"oci-archive:{workspace}/oci/image.tar", prepare=mount_new, container=True)[0] for _ in range(3)
    ]
    assert max(sameness(looks[0], one) for one in looks[1:]) <= Sameness.WEAK


def test_the_same_numbers_born_after_they_were_seen(stage: Stage) -> None:
    target = f"oci-archive:{stage.workspace()}/oci/image.tar"
    (a,), (b,) = stage.looks(target), stage.looks(target)
    tree = b.model_dump(mode="json", by_alias=True)
    for component in tree["chain"]["value"]["components"]:
        inode = component["inode"]["value"]
        inode["born"] = inode["changed"] = tree["started"]
    assert sameness(a, Report.model_validate(tree)) is Sameness.NO


def test_one_inode_that_was_made_anew_was_not_written_to(stage: Stage) -> None:
    (report,) = stage.looks(f"oci-archive:{stage.workspace()}/oci/image.tar")
    (witness,) = witnesses(report)
    inode = next(anchor.inode for anchor in witness.anchors if anchor.tail == "")
    made = inode.changed - 1
    for first, second, wrote in (
        (made, made, True),
        (None, made, True),
        (made, None, True),
        (made, made + 1, False),
        (None, inode.changed + 1, False),
    ):
        early, late = (inode.model_copy(update={"born": born}) for born in (first, second))
        assert written(early, late.model_copy(update={"size": inode.size + 1})) is wrote, (first, second)


def test_another_node_sees_one_place_only_on_a_server(stage: Stage) -> None:
    target = f"oci-archive:{stage.workspace()}/oci/image.tar"
    (a,), (b,) = stage.looks(target), stage.looks(target)
    far = on_another_node(b, 60)
    assert sameness(a, far) is Sameness.NO
    assert sameness(as_if_remote(a), as_if_remote(far)) is Sameness.ACROSS


# -- order


def test_order_by_one_clock_and_by_two(stage: Stage) -> None:
    target = f"oci-archive:{stage.workspace()}/oci/image.tar"
    reports = stage.looks(target, lambda: None)
    a, b = witnesses(*reports)
    order = before(a, a.looks[-1], b, b.looks[0])
    assert order is not None and order.certain
    assert before(b, b.looks[0], a, a.looks[-1]) is None
    a, b = witnesses(reports[0], shifted(reports[1], -3600))
    assert before(a, a.looks[-1], b, b.looks[0]) is not None, "the wall clock has no say on one node"
    for seconds, known in ((60, True), (3, False), (-60, False)):
        a, b = witnesses(reports[0], on_another_node(reports[1], seconds))
        order = before(a, a.looks[-1], b, b.looks[0])
        assert (order is not None) is known
        assert order is None or not order.certain
    a, b = witnesses(*(_without_boot(one) for one in reports))
    assert before(a, a.looks[-1], b, b.looks[0]) is None, "older reports: wall time alone"


def _without_boot(report: Report) -> Report:
    return report.model_copy(update={"context": report.context.model_copy(update={"boot_id": None})})


def test_one_process_one_container(stage: Stage) -> None:
    workspace = stage.workspace()
    target = f"oci-archive:{workspace}/oci/image.tar"
    a, b = witnesses(*stage.looks(target, lambda: time.sleep(0.05), **volume(workspace)))
    assert a.same_process(b) and a.same_container(b) and a.who == b.who
    (other,) = stage.looks(target, **volume(workspace))
    time.sleep(0.05)
    (another,) = stage.looks(target, **volume(workspace))
    c, d = witnesses(other, another)
    assert not c.same_process(d) and not c.same_container(d)
    e, f = witnesses(stage.looks(target)[0], stage.looks(target, by=ROOT)[0])
    assert not e.same_container(f) and e.who != f.who


def test_what_no_clock_can_show() -> None:
    assert ticks(1e308) == -ticks(-1e308) == ticks(float("1e11"))


# -- clocks


def test_the_clock_that_stamps_a_growing_file_is_bounded(stage: Stage) -> None:
    """Another node writes with a clock 100 s ahead, on a server's file system: each growth under the eyes bounds it."""
    path = stage.workspace() / "oci/new.tar"

    def grow() -> None:
        with open(path, "ab") as stream:
            stream.write(b"x" * 1000)
        os.utime(path, (time.time() + 100, time.time() + 100))

    grow()
    os.chmod(path, 0o644)
    first, second = stage.looks(path, grow)
    assert second.writers.status == "seen" and first.writers.status == "seen"
    samples = (*first.writers.value.samples, *second.writers.value.samples)
    writers = second.writers.model_copy(update={"value": second.writers.value.model_copy(update={"samples": samples})})
    told = clocks(Case((as_if_remote(second.model_copy(update={"writers": writers})),)))
    (bounds,) = (sentence for sentence in told if "stamped by another clock" in sentence)
    low, high = (float(word) for word in bounds.split("between ")[1].split(" s ahead")[0].split(" and "))
    assert low <= 100 <= high and high - low < 70
    assert any("at least so far ahead" in sentence for sentence in told)


# -- documents of everything, hostile ones too


def joined(stage: Stage) -> JoinedVerdict:
    """A verdict on a report, a watch and a seal of one file."""
    path = stage.workspace() / "oci/image.tar"
    watching = Watching(f"oci-archive:{path}")
    watching.begin()
    os.chmod(path, 0o600)
    watching.see(Change.MODE)
    (report,) = stage.looks(f"oci-archive:{path}")
    timeline = watching.end()
    inode = timeline.moments[-1].after
    assert inode is not None
    seal = Seal(
        tool=report.tool,
        at=report.started,
        monotonic=report.started_monotonic,
        context=report.context,
        identity=report.identity,
        reference=report.reference,
        inode=inode,
    )
    document = judge_case([report], [timeline], [seal])
    assert isinstance(document, JoinedVerdict)
    return document


def hold(document: Any) -> None:
    """What is promised of every verdict."""
    assert_sound(document)
    text = document.model_dump_json(by_alias=True)
    model = type(document)
    again = model.model_validate_json(text)
    assert again == document
    carried = (again.timelines, again.seals) if isinstance(again, JoinedVerdict) else ()
    assert judge_case(again.evidence, *carried) == document
    page = io.StringIO()
    print_verdict(document, page)
    assert all(line.isprintable() for line in page.getvalue().split("\n"))


def test_a_case_is_judged_again_from_its_document_alone(stage: Stage) -> None:
    document = joined(stage)
    hold(document)
    tree = json.loads(document.model_dump_json(by_alias=True))
    for event in document.timeline:
        place: Any = tree
        for part in event.pointer.split("/")[1:]:
            place = place[int(part)] if isinstance(place, list) else place[part]
    assert [event.source.split()[0] for event in document.timeline].count("seal") == 1
    assert "one boot" in document.clocks[0]


def test_watches_and_seals_without_reports(stage: Stage) -> None:
    document = joined(stage)
    for timelines, seals in ((document.timelines, ()), ((), document.seals), (document.timelines, document.seals)):
        alone = judge_case([], timelines, seals)
        hold(alone)
        assert alone.verdict.cause == "inconclusive"
        assert "no report of a reader" in alone.verdict.statement


def test_hostile_watches_and_seals(stage: Stage, situations: dict[str, Situation]) -> None:
    document = joined(stage)
    trees = [one.model_dump(mode="json", by_alias=True) for one in (*document.timelines, *document.seals)]
    mutator = Mutator(trees + [one.model_dump(mode="json", by_alias=True) for one in document.evidence])
    timelines: list[Timeline] = []
    seals: list[Seal] = []
    reports: list[Report] = []
    for seed in range(1500):
        tree = mutator.report(seed)
        for model, found in ((Timeline, timelines), (Seal, seals), (Report, reports)):
            try:
                found.append(model.model_validate(tree))  # type: ignore[attr-defined]
                break
            except ValidationError:
                continue
    assert min(map(len, (timelines, seals, reports))) > 20
    random = Random(1)
    for _ in range(60):
        hold(
            judge_case(
                random.sample(reports, random.randint(0, 2)),
                random.sample(timelines, random.randint(0, 2)),
                random.sample(seals, random.randint(0, 2)),
            )
        )


def test_situations_together_never_become_a_race_of_their_own(situations: dict[str, Situation]) -> None:
    """Reports of different tasks on different volumes: joined, they show no race that none of them shows alone."""
    alone = {name: one.document for name, one in situations.items()}
    quiet = {name: one for name, one in alone.items() if one.verdict.family != "race"}
    document = judge_case([report for one in quiet.values() for report in one.evidence])
    races = {one.cause: one.status for one in document.assessments if one.family == "race"}
    kept = {
        found.cause
        for one in quiet.values()
        for found in one.assessments
        if found.family == "race" and found.status.holds
    }
    assert {cause for cause, status in races.items() if status.holds} <= kept


def test_a_large_case_is_judged_in_bounded_steps(stage: Stage) -> None:
    (report,) = stage.looks(f"oci-archive:{stage.workspace()}/oci/image.tar")
    absent = Path(report.reference.path).with_name("absent.tar")
    (other,) = stage.looks(f"oci-archive:{absent}")
    many = [
        one.model_copy(update={"started": one.started + number, "started_monotonic": one.started_monotonic + number})
        for number in range(100)
        for one in (report, other)
    ]
    document = judge_case(many)
    assert len(document.timeline) <= 512
    assert len(document.clocks) <= 64
    assert document.model_dump_json()
