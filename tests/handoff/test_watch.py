"""What a watch tells: every kind of change on real files, by other identities where it takes them; and in what pace."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from handoff.watching import following
from support.images import ImageFactory
from support.stage import FS_GROUP, PUSHER, Person, Stage

from probe.collect.libc import birth
from probe.demo.image import DemoImage
from probe.evidence.observation import Seen
from probe.evidence.path import FileType, Inode
from probe.evidence.report import Tool
from probe.evidence.seal import Seal, seal_path
from probe.evidence.watch import Change, Moment, Watch
from probe.evidence.writer import Sample
from probe.handoff.observe.observer import Kind, Notice
from probe.handoff.observe.snapshot import Snapshot, Step
from probe.handoff.watch.chronicle import Chronicle, begin_watches, timeline_of
from probe.image.reference import parse_reference


def test_a_file_is_made_written_and_closed(place: Path, demo_image: DemoImage) -> None:
    path = place / "d" / "image.tar"
    with following(f"oci-archive:{path}") as it:
        assert it.moments[0].change is Change.STARTED
        assert it.moments[0].sentence == f"not there: {path.parent}: ENOENT"
        assert (it.moments[0].tried, it.moments[0].errno) == (True, "ENOENT")
        path.parent.mkdir()
        assert it.until(Change.APPEARED, path=str(path.parent)).errno == "ENOENT"
        with open(path, "wb") as stream:
            appeared = it.until(Change.APPEARED, path=str(path))
            assert appeared.tried and appeared.errno is None and appeared.after is not None
            stream.write(demo_image.archive[:5000])
            stream.flush()
            grew = it.until(Change.GREW)
            assert grew.sentence == "grew from 0 to 5000 bytes" and grew.noticed == "inotify"
            it.until(Change.UNFINISHED)
            stream.write(demo_image.archive[5000:])
        it.until(Change.GREW, sentence=f"grew from 5000 to {len(demo_image.archive)} bytes")
        it.until(Change.CLOSED)
        assert demo_image.manifest_digest in it.until(Change.COMPLETE).sentence
        assert path.parent.stat().st_ino and "appeared: directory" in it.moments[1].sentence


def test_shrinking_rewriting_and_vanishing(place: Path) -> None:
    path = place / "f"
    path.write_bytes(b"0123456789")
    with following(path) as it:
        os.truncate(path, 4)
        assert it.until(Change.SHRANK).sentence == "shrank from 10 to 4 bytes"
        it.settle(0.1)
        with open(path, "r+b") as stream:
            stream.write(b"abcd")
        assert it.until(Change.REWRITTEN).after.size == 4  # type: ignore[union-attr]
        path.unlink()
        gone = it.until(Change.VANISHED)
        assert gone.before is not None and gone.after is None and gone.errno == "ENOENT"
        path.touch()
        it.until(Change.APPEARED)


def test_another_inode_takes_the_name(place: Path) -> None:
    path = place / "f"
    path.write_bytes(b"old")
    with following(path) as it:
        (place / "new").write_bytes(b"newer")
        (place / "new").rename(path)
        renamed = it.until(Change.RENAMED)
        assert renamed.before is not None and renamed.after is not None
        assert renamed.before.inode != renamed.after.inode
        it.settle(0.1)
        assert Change.CLOSED not in {moment.change for moment in it.moments}
        path.unlink()
        path.write_bytes(b"third")  # often with the inode number of the one before
        end = time.monotonic() + 20
        while not {moment.change for moment in it.moments} & {Change.REPLACED, Change.APPEARED}:
            assert time.monotonic() < end
            it.step(0.1)
        (place / "d").mkdir()
        (place / "d" / "f").write_bytes(b"x")
        (place / "d" / "f").rename(place / "g")
        (place / "g").rename(path)
        it.until(Change.RENAMED)


def test_a_name_appears_by_a_rename(place: Path) -> None:
    (place / "tmp").write_bytes(b"x")
    with following(place / "f") as it:
        (place / "tmp").rename(place / "f")
        moment = it.until(Change.RENAMED)
        assert moment.before is None and moment.sentence.startswith("appeared by a rename into place")


def test_a_directory_goes_and_comes_back(archive: Path) -> None:
    with following(archive) as it:
        archive.parent.rename(archive.parent.with_name("away"))
        it.until(Change.VANISHED, path=str(archive.parent))
        it.until(Change.VANISHED, path=str(archive))
        archive.parent.mkdir(mode=0o700)
        it.until(Change.APPEARED, path=str(archive.parent))
        archive.touch()
        it.until(Change.APPEARED, path=str(archive))
        other = archive.parent.with_name("other")
        shutil.copytree(archive.parent, other)
        archive.parent.rename(archive.parent.with_name("old"))
        it.until(Change.VANISHED, path=str(archive))
        other.rename(archive.parent)
        it.until(Change.APPEARED, path=str(archive))
        (archive.parent).chmod(0o750)
        assert it.until(Change.MODE, path=str(archive.parent)).sentence.endswith("is 0750")


@pytest.mark.root
def test_attributes_changed_by_another_process(people: Stage, archive: Path) -> None:
    """As the sweep of another pod does it: group, mode, and a chmod that changes nothing but ctime."""
    with following(archive) as it:

        def sweep(*commands: list[str]) -> None:
            for command in commands:
                subprocess.run([*command, str(archive)], check=True)

        sweep(["chgrp", str(FS_GROUP)])
        assert it.until(Change.GROUP).sentence == f"group was 0, is {FS_GROUP}"
        sweep(["chmod", "0660"])
        moment = it.until(Change.MODE)
        assert moment.before is not None and moment.before.mode == 0o644
        assert moment.after is not None and moment.after.mode == 0o660
        it.settle(0.05)
        sweep(["chmod", "0660"])
        assert it.until(Change.TOUCHED).path == str(archive)
        sweep(["chown", "1000"])
        it.until(Change.OWNER)
        it.settle(0.05)
        subprocess.run(["chmod", "0755", str(archive.parent)], check=True)
        it.until(Change.TOUCHED, path=str(archive.parent))


@pytest.mark.root
def test_refused_then_readable(people: Stage, place: Path) -> None:
    """A producer with umask 077, who chmods at the end: seen by the reader's own identity."""
    ready = place / "ready"
    ready.mkdir()
    ready.chmod(0o777)
    path = place / "image.tar"

    def make() -> None:
        while not (ready / "1").exists():
            time.sleep(0.005)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        while not (ready / "2").exists():
            time.sleep(0.005)
        path.chmod(0o644)

    def act() -> str:
        with following(path) as it:
            (ready / "1").touch()
            appeared = it.until(Change.APPEARED)
            assert (appeared.tried, appeared.errno) == (True, "EACCES")
            assert it.until(Change.REFUSED).errno == "EACCES"
            (ready / "2").touch()
            it.until(Change.MODE)
            readable = it.until(Change.READABLE)
            assert readable.tried and readable.errno is None
        return "done"

    maker = threading.Thread(target=make)
    maker.start()
    assert people.run(act, by=PUSHER) == "done"
    maker.join()


@pytest.mark.root
def test_a_directory_on_the_way_closes_and_opens(people: Stage, archive: Path, place: Path) -> None:
    ready = place / "ready"
    ready.mkdir()
    ready.chmod(0o777)

    def change() -> None:
        for name, mode in (("1", 0o700), ("2", 0o755)):
            while not (ready / name).exists():
                time.sleep(0.005)
            archive.parent.chmod(mode)

    def act() -> str:
        with following(archive) as it:
            (ready / "1").touch()
            shut = it.until(Change.MODE, path=str(archive.parent))
            assert shut.errno == "EACCES"
            refused = it.until(Change.REFUSED)
            assert f"{archive} cannot be looked up: EACCES" in refused.sentence
            (ready / "2").touch()
            it.until(Change.READABLE)
            assert not {Change.VANISHED, Change.APPEARED} & {moment.change for moment in it.moments}
        return "done"

    changer = threading.Thread(target=change)
    changer.start()
    assert people.run(act, by=PUSHER) == "done"
    changer.join()


@pytest.mark.root
def test_what_comes_in_sight_did_not_appear(people: Stage, archive: Path, place: Path) -> None:
    """It may have been there for long: that a directory opens tells nothing of when what it holds was made."""
    archive.parent.chmod(0o700)
    (place / "ready").mkdir()
    (place / "ready").chmod(0o777)

    def change() -> None:
        while not (place / "ready/1").exists():
            time.sleep(0.005)
        archive.parent.chmod(0o755)

    def act() -> str:
        with following(archive) as it:
            (place / "ready/1").touch()
            seen = it.until(Change.SEEN)
            assert seen.after is not None and seen.after.inode == archive.stat().st_ino
            it.until(Change.READABLE)
            assert Change.APPEARED not in {moment.change for moment in it.moments}
            it.chronicle.end()
            summary = it.moments[-1].summary
            assert summary is not None and summary.written_bytes == 0
        return "done"

    changer = threading.Thread(target=change)
    changer.start()
    assert people.run(act, by=PUSHER) == "done"
    changer.join()


def test_when_an_inode_was_made_is_told(place: Path) -> None:
    """A number may be given anew: what tells two files apart that have it is when they were made."""
    path = place / "file"
    path.write_text("a")
    if birth(os.fsencode(path), path.stat().st_ino) is None:
        pytest.skip("no birth times on this file system")
    with following(path) as it:
        path.unlink()
        path.write_text("ab")
        it.until(Change.CLOSED)
        it.chronicle.end()
        after = it.moments[-1].after
        assert after is not None and after.born == birth(os.fsencode(path), path.stat().st_ino)


@pytest.mark.skopeo
def test_skopeo_writes_an_archive(place: Path, image_factory: ImageFactory) -> None:
    source = image_factory("oci-archive", layers=3)
    path = place / "image.tar"
    with following(f"oci-archive:{path}") as it:
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "-q", source.reference, f"oci-archive:{path}"], check=True
        )
        it.until(Change.APPEARED)
        it.until(Change.CLOSED)
        complete = it.until(Change.COMPLETE)
        assert complete.after is not None and complete.after.size == path.stat().st_size
        it.settle()
        assert [moment.change for moment in it.moments][-1] is Change.COMPLETE


@pytest.mark.root
def test_who_opens_it_for_writing(people: Stage, archive: Path) -> None:
    archive.chmod(0o666)
    with following(archive) as it:
        code = "import sys,time; f = open(sys.argv[1], 'r+b'); print(flush=True); time.sleep(20)"
        writer = subprocess.Popen(
            ["/usr/bin/env", "python3", "-c", code, str(archive)],
            stdout=subprocess.PIPE,
            preexec_fn=Person(uid=1000, gid=1000, groups=()).become,
        )
        try:
            opened = it.until(Change.OPENED)
            assert opened.holder is not None and opened.noticed == "proc"
            assert (opened.holder.uid, opened.holder.pid) == (1000, writer.pid)
        finally:
            writer.kill()
            writer.wait()
            if writer.stdout:
                writer.stdout.close()


def test_a_seal_that_fits(archive: Path) -> None:
    with following(f"oci-archive:{archive}") as it:
        it.until(Change.COMPLETE)
        state = next(notice.snapshot for notice in it.notices if notice.snapshot is not None)
        assert state.inode is not None
        seal = Seal(
            tool=Tool(version="0"),
            at=time.time_ns(),
            monotonic=time.monotonic(),
            context=it.watch.context,
            identity=it.watch.identity,
            reference=it.watch.reference,
            inode=state.inode,
        )
        beside = Path(seal_path(str(archive)))
        wrong = seal.model_copy(update={"inode": state.inode.model_copy(update={"size": 1})})
        beside.write_text(wrong.model_dump_json(by_alias=True))
        while it.until_notice(Kind.SEAL).seal is None:  # it may be met before it is written
            pass
        beside.with_name("new").write_text(seal.model_dump_json(by_alias=True))
        beside.with_name("new").rename(beside)
        sealed = it.until(Change.SEALED)
        assert sealed.path == str(archive)
        beside.write_text("no seal")
        while it.until_notice(Kind.SEAL).seal is not None:
            pass
        assert [moment.change for moment in it.moments].count(Change.SEALED) == 1


def test_every_change_is_told_by_a_test() -> None:
    """STUCK and ANSWERED in test_observe, LEFT_OUT and ENDED below and in test_watch_command."""
    here = Path(__file__).read_text() + (Path(__file__).parent / "test_observe.py").read_text()
    assert [change.name for change in Change if f"Change.{change.name}" not in here] == []


# -- the account, from made-up notices: what depends on time is told a time


@pytest.fixture(scope="module")
def watch() -> Watch:
    return begin_watches([parse_reference("/w/f")], {})[0].model_copy(update={"started_monotonic": 0.0})


def inode(size: int = 0, number: int = 7, **fields: object) -> Inode:
    given = {"mode": 0o644, "uid": 0, "gid": 0, "modified": size, "changed": size, **fields}
    return Inode(type=FileType.REGULAR, device="8:1", inode=number, links=1, size=size, blocks=0, **given)


def state(at: float, found: Inode, errno: str | None = None, *, fresh: bool = False) -> Notice:
    seen = Seen[Inode](value=found, at=round(at * 1e9))
    sample = Sample(at=round(at * 1e9), monotonic=at, inode=seen, open_errno=errno)
    return Notice(Kind.STATE, 0, round(at * 1e9), at, snapshot=Snapshot(sample, (Step("/w/f", found),)), fresh=fresh)


def told(watch: Watch, notices: list[Notice]) -> list[Moment]:
    return list(timeline_of(watch, notices).moments)


def test_growth_is_told_more_and_more_rarely(watch: Watch) -> None:
    """A writer of 20 steps a second for ten minutes, who then stops and chmods."""
    notices = [state(step / 20, inode(step + 1)) for step in range(12_000)]
    notices.append(state(700.0, inode(12_000, mode=0o600, changed=10**9)))
    moments = told(watch, notices)
    grew = [moment for moment in moments if moment.change is Change.GREW]
    gaps = [late.monotonic - early.monotonic for early, late in pairwise(grew)]
    assert gaps[0] >= 0.9 and max(gaps) <= 31 and len(grew) < 40
    assert grew[0].before is not None and grew[0].before.size == 1
    for early, late in pairwise(grew):
        assert early.after == late.before, "no step is skipped"
    assert grew[-1].after is not None and grew[-1].after.size == 12_000, "the last growth comes before the chmod"
    assert [moment.change for moment in moments[-3:]] == [Change.GREW, Change.MODE, Change.ENDED]
    assert [moment.number for moment in moments] == list(range(len(moments)))
    assert moments[-1].summary is not None and moments[-1].summary.written_bytes == 11_999


def test_growth_is_told_before_what_follows(watch: Watch) -> None:
    moments = told(watch, [state(1, inode(1)), state(1.1, inode(2)), state(1.2, inode(3)), state(1.3, inode(3, 8))])
    assert [str(moment.change) for moment in moments] == ["started", "grew", "grew", "replaced", "ended"]


def test_a_slow_trickle_is_told_rarely_too(watch: Watch) -> None:
    moments = told(watch, [state(3.0 * step, inode(step + 1)) for step in range(1200)])
    assert len(moments) < 200


def test_closing_again_and_again_is_told_more_and_more_rarely(watch: Watch) -> None:
    notices = []
    for step in range(200):
        grown = state(step / 20, inode(step + 1))
        notices += [grown, replace(grown, kind=Kind.CLOSED)]
    moments = told(watch, notices)
    closed = [moment for moment in moments if moment.change is Change.CLOSED]
    assert 4 <= len(closed) <= 8
    assert closed[-1].after is not None and closed[-1].after.size == 200, "the last one is told"


def test_what_is_held_back_comes_in_order(watch: Watch) -> None:
    """A close between two times of growing is told between them, or before both."""
    notices = []
    for step in range(100):
        grown = state(step / 7, inode(step + 1))
        notices += [grown, replace(grown, kind=Kind.CLOSED, monotonic=grown.monotonic + 0.01)]
    moments = told(watch, notices)[:-1]
    assert [moment.monotonic for moment in moments] == sorted(moment.monotonic for moment in moments)


def test_the_same_number_for_another_inode(watch: Watch) -> None:
    moments = told(watch, [state(1, inode(5)), state(2, inode(9), fresh=True)])
    assert moments[1].change is Change.REPLACED and "made anew with the same number" in moments[1].sentence
    assert moments[-1].summary is not None and moments[-1].summary.replaced == 1


def test_what_was_before_a_refusal_is_remembered(watch: Watch) -> None:
    """Behind a closed directory nothing vanishes, and what is found afterwards is compared with what was there."""
    hidden = state(2, inode(1))
    assert hidden.snapshot is not None
    from probe.collect.clock import missing
    from probe.evidence.observation import Reason

    sample = hidden.snapshot.sample.model_copy(
        update={"inode": missing(Reason.DENIED, "stat", "EACCES"), "open_errno": "EACCES"}
    )
    hidden = replace(hidden, snapshot=Snapshot(sample, (Step("/w/f", None, "EACCES"),)))
    moments = told(watch, [state(1, inode(1)), hidden, state(3, inode(1, 9))])
    assert [str(moment.change) for moment in moments] == ["started", "refused", "replaced", "readable", "ended"]


def test_a_document_is_bounded(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.handoff.watch.chronicle.MAX_MOMENTS", 100)
    moments = told(watch, [state(n, inode(1, changed=n)) for n in range(110)])
    assert len(moments) == 100
    assert [moment.change for moment in moments[-2:]] == [Change.LEFT_OUT, Change.ENDED]
    assert moments[-1].summary is not None and moments[-1].summary.left_out == 12


def test_a_chronicle_that_saw_nothing_ends_all_the_same(watch: Watch) -> None:
    moments: list[Moment] = []
    Chronicle(watch, lambda moment: moments.append(moment) is None).end()
    assert [moment.change for moment in moments] == [Change.ENDED]
    assert moments[0].summary is not None and moments[0].summary.complete is None
