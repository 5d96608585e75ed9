"""The rules of the gate, without a file system: what was noticed goes in, the state comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.evidence.context import Context
from probe.evidence.identity import Identity
from probe.evidence.image import Archive, Blob, BlobState, Container, Ending, Image, ImageFacts, Problem
from probe.evidence.observation import NotSeen, Observation, Reason, Seen
from probe.evidence.path import FileType, Inode
from probe.evidence.report import Reference, Tool
from probe.evidence.seal import Seal, SealedImage
from probe.evidence.writer import Sample
from probe.handoff.gate.rules import (
    AFTER_CLOSE,
    ARRIVING_SECONDS,
    LOCAL_REST,
    REMOTE_REST,
    Gate,
    Rules,
    State,
    Target,
    Until,
)
from probe.handoff.observe.snapshot import Snapshot, Step

NOW = 1_700_000_000_000_000_000
"""Wall clock at second 0 of the monotonic clock of these tests."""
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ARCHIVE = Reference(text="oci-archive:/w/image.tar", transport="oci-archive", path="/w/image.tar")
PLAIN = Reference(text="/w/image.tar", transport="path", path="/w/image.tar")
LAYOUT = Reference(text="oci:/w/image", transport="oci", path="/w/image")
COMPLETE, SEALED = Rules(), Rules(until=Until.SEALED)


def ns(seconds: float) -> int:
    return NOW + round(seconds * 1e9)


def inode(size: int = 100, changed: float = -3600.0, **other: Any) -> Inode:
    """A file that was last written, and changed, at `changed`."""
    given: dict[str, Any] = {
        "type": FileType.REGULAR,
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "device": "8:1",
        "inode": 7,
        "links": 1,
        "size": size,
        "blocks": 8,
        "modified": ns(changed),
        "changed": ns(changed),
    }
    return Inode(**{**given, **other})


def look(
    at: float, found: Inode | None = None, errno: str | None = None, *, remote: bool = False, **other: Any
) -> Snapshot:
    """What a look at second `at` finds: an inode with what an open answers, or nothing."""
    seen: Observation[Inode]
    if found is None:
        errno = errno or "ENOENT"
        seen = NotSeen(reason=Reason.ABSENT, errno=errno, message=errno, at=ns(at))
    else:
        seen = Seen[Inode](value=found, at=ns(at))
    sample = Sample(at=ns(at), monotonic=at, inode=seen, open_errno=errno)
    return Snapshot(sample, remote=remote, **other)


def facts(
    *, complete: bool = True, ending: Ending = Ending.END_BLOCKS, digest: str = DIGEST, **other: Any
) -> ImageFacts:
    image = Image(manifest_digest=digest, selected=True)
    given = {
        "found": Container.OCI_ARCHIVE,
        "archive": Archive(members=3, size=100, ending=ending, end_offset=100),
        "images": (image,),
        "readable_as_asked": True,
        "whole": complete,
        "complete": complete,
    }
    return ImageFacts(**{**given, **other})


def seal(of: Inode, digest: str | None = DIGEST) -> Seal:
    unseen = NotSeen(reason=Reason.SKIPPED, message="", at=NOW)
    return Seal(
        tool=Tool(version="1"),
        at=NOW,
        monotonic=0.0,
        context=Context(container_started=unseen, probe_started=NOW),
        identity=Identity.model_construct(),
        reference=ARCHIVE,
        inode=of,
        image=SealedImage(found=Container.OCI_ARCHIVE, manifest_digest=digest) if digest else None,
    )


def target(snapshot: Snapshot, known: ImageFacts | None = None, rules: Rules = COMPLETE, **other: Any) -> Target:
    """A target that was looked at once, and what it holds."""
    one = Target(other.pop("reference", ARCHIVE), rules)
    one.saw(snapshot, **other)
    if known is not None:
        one.learned(known, snapshot.fingerprint)
    return one


# -- readable


def test_readable_asks_for_nothing_but_an_open() -> None:
    rules = Rules(until=Until.READABLE)
    assert target(look(0, inode(size=0, changed=0)), rules=rules).standing(0).state is State.OPEN
    assert target(look(0, inode(), "EACCES"), rules=rules).standing(0).state is State.REFUSED
    assert target(look(0), rules=rules).standing(0).state is State.ABSENT


# -- what can be reached


def test_an_absent_target_says_what_of_the_path_is_missing() -> None:
    steps = (Step("/", inode(type=FileType.DIRECTORY)), Step("/w", None, "ENOENT"))
    standing = target(look(0, steps=steps)).standing(0)
    assert (standing.state, standing.detail) == (State.ABSENT, "/w does not exist")
    last = (*steps[:1], Step("/w", inode(type=FileType.DIRECTORY)), Step("/w/image.tar", None, "ENOENT"))
    assert target(look(0, steps=last)).standing(0).detail == ""


def test_a_refused_target_names_the_errno_and_the_directory() -> None:
    steps = (
        Step("/", inode(type=FileType.DIRECTORY)),
        Step("/w", inode(type=FileType.DIRECTORY)),
        Step("/w/image.tar", None, "EACCES"),
    )
    standing = target(look(0, errno="EACCES", steps=steps)).standing(0)
    assert (standing.state, standing.detail) == (State.REFUSED, "EACCES: /w cannot be searched")
    standing = target(look(0, inode(), "EACCES")).standing(0)
    assert (standing.state, standing.detail) == (State.REFUSED, "EACCES: open for reading")


def test_a_special_file_is_never_open() -> None:
    for until in Until:
        fifo = target(look(0, inode(type=FileType.FIFO), "not-opened"), rules=Rules(until=until), reference=PLAIN)
        assert fifo.standing(9).state is State.WRONG_KIND


def test_a_call_that_does_not_return_is_told_until_something_does() -> None:
    one = target(look(0, inode()), facts())
    one.stuck("stat /w/image.tar")
    assert one.standing(1).state is State.STUCK
    one.answered()
    assert one.standing(1).state is State.OPEN


# -- what is finished


def test_empty_and_unfinished_are_no_open() -> None:
    assert target(look(0, inode(size=0))).standing(9).state is State.EMPTY
    assert target(look(0, inode(size=0)), reference=PLAIN).standing(9).state is State.EMPTY
    cut = target(look(0, inode()), facts(complete=False, ending=Ending.IN_MEMBER)).standing(9)
    assert (cut.state, cut.detail) == (State.UNFINISHED, "ends inside a member")


def test_nothing_opens_before_it_was_looked_into() -> None:
    assert target(look(0, inode())).standing(99).state is State.UNSEEN
    one = target(look(0, inode()), facts())
    one.saw(look(1, inode(size=200)))
    assert one.facts is None, "these were the facts of another state"
    assert one.standing(99).state is not State.OPEN


def test_growing_lasts_as_long_as_bytes_keep_coming() -> None:
    one = target(look(0, inode(size=10, changed=0)))
    one.saw(look(1, inode(size=20, changed=1)))
    standing = one.standing(1)
    assert (standing.state, standing.again) == (State.GROWING, 1 + ARRIVING_SECONDS)
    one.learned(facts(complete=False, ending=Ending.IN_MEMBER), look(1, inode(size=20, changed=1)).fingerprint)
    assert one.standing(2).state is State.GROWING
    assert one.standing(1 + ARRIVING_SECONDS).state is State.UNFINISHED


def test_a_writer_that_closed_an_unfinished_archive_is_not_growing() -> None:
    one = target(look(0, inode(size=10, changed=0)))
    now = look(1, inode(size=20, changed=1))
    one.saw(now, closed=True)
    one.learned(facts(complete=False, ending=Ending.IN_HEADER), now.fingerprint)
    assert one.standing(1.5).state is State.UNFINISHED
    assert one.arrived == 1, "but bytes did arrive"


def test_what_becomes_reachable_did_not_arrive_just_now() -> None:
    one = target(look(0, errno="EACCES"))
    one.saw(look(1, inode()))
    assert (one.arrived, one.standing(1).state) == (None, State.UNSEEN)
    one = target(look(0))
    one.saw(look(1, inode(changed=1)))
    assert (one.arrived, one.standing(1).state) == (1, State.GROWING)


def test_a_blob_that_grows_in_a_directory_shows_in_what_lies_in_it() -> None:
    here = inode(type=FileType.DIRECTORY)
    one = target(look(0, here), facts(complete=False, ending=Ending.ZEROS), reference=LAYOUT)
    one.listed((1, 10, ns(0)), 1)
    assert (one.arrived, one.standing(1).state) == (None, State.UNFINISHED)
    one.listed((1, 20, ns(2)), 2)
    assert (one.arrived, one.standing(2).state) == (2, State.GROWING)


@pytest.mark.parametrize(
    ("reference", "found", "state"),
    [
        (ARCHIVE, {"found": Container.DOCKER_ARCHIVE}, State.WRONG_KIND),
        (ARCHIVE, {"found": Container.TAR}, State.WRONG_KIND),
        (ARCHIVE, {"found": Container.TAR, "complete": False, "ending": Ending.MEMBER_BOUNDARY}, State.UNFINISHED),
        (ARCHIVE, {"found": Container.FILE, "complete": False, "ending": Ending.BAD_HEADER}, State.WRONG_KIND),
        (ARCHIVE, {"found": Container.DIR, "archive": None}, State.WRONG_KIND),
        (LAYOUT, {"found": Container.DIRECTORY, "archive": None, "complete": False}, State.UNFINISHED),
        (LAYOUT, {"found": Container.OCI_ARCHIVE}, State.WRONG_KIND),
    ],
)
def test_something_else_that_lies_there(reference: Reference, found: dict[str, Any], state: State) -> None:
    known = facts(**{"complete": True, **found, "readable_as_asked": False})
    standing = target(look(0, inode()), known, reference=reference).standing(99)
    assert standing.state is state
    if state is State.WRONG_KIND:
        assert "lies there" in standing.detail


def test_a_problem_inside_is_the_reason_where_no_ending_is() -> None:
    known = facts(complete=False, problems=(Problem(kind="missing-blob", subject="blobs/sha256/x"),))
    assert target(look(0, inode()), known).standing(9).detail == "missing-blob"


def test_a_digest_shuts_the_gate_for_another_image() -> None:
    rules = Rules(digest=OTHER)
    standing = target(look(0, inode()), facts(), rules).standing(9)
    assert standing.state is State.OTHER_IMAGE
    assert DIGEST in standing.detail and OTHER in standing.detail
    assert target(look(0, inode()), facts(digest=OTHER), rules).standing(9).state is State.OPEN
    unselected = facts(images=())
    assert target(look(0, inode()), unselected, rules).standing(9).state is State.OTHER_IMAGE


def test_a_digest_may_be_that_of_the_index() -> None:
    index = Blob(digest=OTHER, state=BlobState.PRESENT)
    known = facts(images=(Image(manifest_digest=DIGEST, index=index, selected=True),))
    assert target(look(0, inode()), known, Rules(digest=OTHER)).standing(9).state is State.OPEN


# -- the rest that it needs


def test_a_file_at_rest_opens_at_once() -> None:
    assert target(look(0, inode(changed=-LOCAL_REST)), facts()).standing(0).state is State.OPEN


def test_a_young_file_opens_when_it_has_rested_and_was_looked_at_again() -> None:
    one = target(look(0, inode(changed=-0.4)), facts())
    standing = one.standing(0)
    assert (standing.state, standing.ready) == (State.SETTLING, pytest.approx(LOCAL_REST - 0.4))
    assert one.standing(99).state is State.SETTLING, "between two looks nothing is known"
    one.saw(look(0.6, inode(changed=-0.4)))
    assert one.standing(0.6).state is State.OPEN


def test_what_is_stamped_in_the_future_counts_from_when_it_was_seen() -> None:
    one = target(look(5, inode(changed=50)), facts())
    assert one.standing(5).ready == pytest.approx(5 + LOCAL_REST)


def test_a_change_of_mode_after_writing_counts() -> None:
    touched = inode(changed=-9).model_copy(update={"changed": ns(-0.2)})
    assert target(look(0, touched), facts()).standing(0).ready == pytest.approx(LOCAL_REST - 0.2)


def test_after_a_close_ten_milliseconds_do() -> None:
    one = target(look(0, inode(size=10, changed=0)))
    now = look(1, inode(changed=1))
    one.saw(now, closed=True)
    one.learned(facts(), now.fingerprint)
    assert one.standing(1).ready == pytest.approx(1 + AFTER_CLOSE)
    one.saw(look(1.010, inode(changed=1)))
    assert one.standing(1.010).state is State.OPEN


def test_a_chmod_after_the_close_begins_the_ten_milliseconds_anew() -> None:
    first = look(1, inode(changed=1))
    one = target(first, facts(), closed=True)
    later = look(1.005, inode(changed=1).model_copy(update={"changed": ns(1.005), "mode": 0o600}))
    one.saw(later)
    one.learned(facts(), later.fingerprint)
    assert one.standing(1.01).ready == pytest.approx(1.005 + AFTER_CLOSE)


def test_a_write_after_the_close_takes_it_back() -> None:
    one = target(look(1, inode(changed=1)), facts(), closed=True)
    later = look(1.005, inode(changed=1.005))
    one.saw(later)
    one.learned(facts(), later.fingerprint)
    assert one.standing(1.01).ready == pytest.approx(1.005 + LOCAL_REST)


def test_a_close_that_is_told_late_is_not_taken_for_one_of_what_came_after() -> None:
    one = target(look(2, inode(size=200, changed=2)), facts())
    one.saw(look(1, inode(size=100, changed=1)), closed=True)
    assert one.inode is not None and one.inode.size == 200
    assert one.standing(2).ready == pytest.approx(2 + LOCAL_REST)
    one.saw(look(1.9, inode(size=200, changed=2)), closed=True)
    assert one.standing(2).ready == pytest.approx(2 + AFTER_CLOSE)


def test_a_remote_file_system_is_believed_by_what_was_seen_alone() -> None:
    one = target(look(0, inode(), remote=True), facts())
    assert one.standing(0).ready == pytest.approx(REMOTE_REST)
    one.saw(look(REMOTE_REST, inode(), remote=True))
    assert one.standing(REMOTE_REST).state is State.OPEN


def test_a_rest_that_was_asked_for_holds_after_a_close_too() -> None:
    one = target(look(1, inode(changed=1)), facts(), Rules(settle=5.0), closed=True)
    assert one.standing(1).ready == pytest.approx(6)
    old = target(look(1, inode()), facts(), Rules(settle=5.0))
    assert old.standing(1).state is State.OPEN
    remote = target(look(1, inode(), remote=True), facts(), Rules(settle=5.0))
    assert remote.standing(1).ready == pytest.approx(6)
    assert target(look(1, inode(changed=1)), facts(), Rules(settle=0.0)).standing(1).state is State.OPEN


def test_a_plain_path_needs_rest_and_no_facts() -> None:
    assert target(look(0, inode()), reference=PLAIN).standing(0).state is State.OPEN
    assert target(look(0, inode(changed=0)), reference=PLAIN).standing(0).state is State.SETTLING
    assert target(look(0, inode(type=FileType.DIRECTORY, size=0)), reference=PLAIN).standing(0).state is State.OPEN


# -- seals


def sealed(of: Inode, here: Inode, digest: str = DIGEST, at: float = 0.0, **other: Any) -> Target:
    one = target(look(1, here), facts(digest=digest), SEALED, **other)
    one.sealed(seal(of), at)
    return one


def test_a_seal_that_fits_needs_no_rest() -> None:
    here = inode(changed=0.999)
    standing = sealed(here, here).standing(1)
    assert standing.state is State.OPEN
    assert "as it was sealed" in standing.detail


def test_the_target_is_looked_at_after_its_seal_was_read() -> None:
    here = inode()
    one = sealed(here, here, at=2.0)
    assert one.standing(2).state is State.SETTLING
    one.saw(look(2, here))
    assert one.standing(2).state is State.OPEN


@pytest.mark.parametrize(
    ("changes", "digest", "said"),
    [
        ({"size": 99}, DIGEST, "99"),
        ({"modified": ns(-5)}, DIGEST, "modified after"),
        ({"inode": 8}, OTHER, OTHER),
        ({"type": FileType.DIRECTORY}, DIGEST, "directory"),
    ],
)
def test_a_seal_that_does_not_fit_says_in_what(changes: dict[str, Any], digest: str, said: str) -> None:
    one = sealed(inode(), inode().model_copy(update=changes), digest)
    standing = one.standing(99)
    assert standing.state is State.SEAL_DIFFERS
    assert said in standing.detail


def test_a_copy_fits_by_size_and_digest_and_has_to_rest() -> None:
    """Who copies out of order has the manifest there before the layers."""
    copy = inode(changed=0.9).model_copy(update={"inode": 8, "device": "9:9"})
    one = sealed(inode(), copy)
    assert (one.standing(1).state, one.standing(1).ready) == (State.SETTLING, pytest.approx(1.9))
    one.saw(look(2, copy))
    assert one.standing(2).state is State.OPEN


def test_the_sealed_inode_through_another_mount_needs_no_rest() -> None:
    here = inode(changed=0.999)
    assert sealed(here, here.model_copy(update={"device": "9:9"})).standing(1).state is State.OPEN


def test_a_sealed_directory_has_to_rest() -> None:
    """What is written inside does not show in its inode."""
    here = inode(changed=0.9, type=FileType.DIRECTORY)
    assert sealed(here, here, reference=LAYOUT).standing(1).state is State.SETTLING


def test_no_seal_says_why() -> None:
    one = target(look(1, inode()), facts(), SEALED)
    assert one.standing(1).state is State.UNSEEN
    one.unsealed("no seal stands beside it")
    standing = one.standing(1)
    assert (standing.state, standing.detail) == (State.UNSEALED, "no seal stands beside it")
    one.sealed(seal(inode()), 1.0)
    assert one.standing(1).state is State.OPEN
    one.unsealed("gone")
    assert one.standing(1).state is State.UNSEALED


def test_a_seal_does_not_help_an_unfinished_archive_or_another_image() -> None:
    one = target(look(1, inode()), facts(complete=False, ending=Ending.IN_MEMBER), SEALED)
    one.sealed(seal(inode()), 0.0)
    assert one.standing(9).state is State.UNFINISHED
    one = target(look(1, inode()), facts(), replace(SEALED, digest=OTHER))
    one.sealed(seal(inode()), 0.0)
    assert one.standing(9).state is State.OTHER_IMAGE


def test_an_old_seal_beside_a_growing_file_is_no_new_state_for_each_size() -> None:
    one = target(look(0, inode(size=10, changed=0)), rules=SEALED, reference=PLAIN)
    one.sealed(seal(inode(size=999), None), 0.0)
    said = set()
    for second in range(1, 5):
        one.saw(look(second, inode(size=10 + second, changed=second)))
        said.add((one.standing(second).state, one.standing(second).detail))
    assert said == {(State.GROWING, "")}


# -- several


def test_a_gate_opens_when_all_are_open_in_the_same_moment() -> None:
    gate = Gate([PLAIN, PLAIN], Rules())
    first, second = gate.targets
    first.saw(look(0, inode()))
    assert not gate.decide(0).opened
    second.saw(look(5, inode(changed=4.5)))
    decision = gate.decide(5)
    assert (decision.opened, decision.look, decision.again) == (False, (), pytest.approx(5.5))
    decision = gate.decide(5.6)
    assert (decision.opened, decision.look) == (False, (0, 1)), "the first was last looked at long ago"
    first.saw(look(5.6, inode()))
    assert gate.decide(5.6).look == (1,)
    second.saw(look(5.6, inode(changed=4.5)))
    assert gate.decide(5.6).opened


def test_a_target_that_shuts_again_shuts_the_gate() -> None:
    gate = Gate([PLAIN, PLAIN], Rules())
    first, second = gate.targets
    first.saw(look(0, inode()))
    first.saw(look(4, None))
    second.saw(look(5, inode()))
    decision = gate.decide(5)
    assert not decision.opened
    assert [one.state for one in decision.standings] == [State.ABSENT, State.OPEN]


# -- whatever happens

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["grow", "rewrite", "chmod", "close", "look", "vanish", "replace", "facts", "half", "seal"]),
        st.floats(0.0, 3.0, allow_nan=False),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.sampled_from([None, 0.5, 2.0]), st.booleans())
def test_it_never_opens_on_what_was_not_seen_finished_and_at_rest(
    events: list[tuple[str, float]], settle: float | None, remote: bool
) -> None:
    """A model of a file, and an observer that tells all: each open is one that the rules allow."""
    one, now = Target(ARCHIVE, Rules(settle=settle)), 0.0
    size, number, changed, there, whole, closed = 10, 1, -9.0, True, False, False
    last_change = 0.0  # as the observer saw it
    for event, seconds in events:
        now += seconds
        if event in ("grow", "rewrite", "replace"):
            size, number = size + (event == "grow"), number + (event == "replace")
            changed, there, whole, closed, last_change = now, True, False, False, now
        elif event == "vanish":
            there, closed, last_change = False, False, now
        elif event == "chmod" and there:
            last_change = now
            changed = now
        elif event == "close" and there:
            closed = True
        snapshot = look(now, inode(size, changed, inode=number), remote=remote) if there else look(now, remote=remote)
        one.saw(snapshot, closed=closed)
        if event in ("facts", "half") and there:
            whole = event == "facts"
            one.learned(facts(complete=whole, ending=Ending.END_BLOCKS), snapshot.fingerprint)
        if one.standing(now).state is not State.OPEN:
            continue
        assert there and whole
        rest = now - (max(last_change, changed) if remote or changed >= 0 else changed)
        if settle is not None:
            assert rest >= settle - 1e-6
        elif closed:
            assert rest >= AFTER_CLOSE - 1e-6
        else:
            assert rest >= (REMOTE_REST if remote else LOCAL_REST) - 1e-6
