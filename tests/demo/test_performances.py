"""The whole demo, really played, on every stage."""

from __future__ import annotations

import pytest

from probe.classify.verdict import Cause, Family, Status
from probe.demo.document import Checked, SceneResult
from probe.demo.scenes import SCENES
from probe.evidence.observation import Seen

pytestmark = [pytest.mark.root, pytest.mark.skopeo, pytest.mark.slow]  # `make demo` plays them too

NAMES = [scene.name for scene in SCENES]
NOT_PLAYED = {
    "root": set(),
    "lent": set(),
    "ordinary": {"missing-group"},
    "single": {"missing-group", "no-space", "root-without-capability"},
}


def scene_of(performances, stage: str, name: str) -> SceneResult:
    return next(result for result in performances[stage].document.scenes if result.name == name)


def check_by(result: SceneResult, name: str) -> Checked:
    return next(checked for checked in result.checks if checked.by == name)


def said(result: SceneResult, word: str) -> list[tuple[int, str]]:
    """Status and output of every command that contains the word."""
    return [(spoken.exit_status, spoken.stdout + spoken.stderr) for spoken in result.shell if word in spoken.command]


@pytest.mark.parametrize("stage", NOT_PLAYED)
@pytest.mark.parametrize("name", NAMES)
def test_every_played_verdict_is_the_expected_one(performances, stage, name):
    result = scene_of(performances, stage, name)
    if name in NOT_PLAYED[stage]:
        assert not result.played
        assert "needs" in result.skipped
        return
    assert result.played
    assert [(c.by, c.document.verdict.cause) for c in result.checks] == [(c.by, c.expected) for c in result.checks]
    assert result.cause is result.expected


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_a_performance_leaves_nothing_and_says_nothing_but_the_document(performances, stage):
    ran = performances[stage]
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout.startswith("{")
    assert ran.left_files == []
    assert ran.left_processes == []


@pytest.mark.parametrize(
    ("stage", "kind", "words"),
    [
        ("root", "root", ["real"]),
        ("lent", "user-namespace", ["lent"]),
        ("ordinary", "user-namespace", ["one id", "same kernel user"]),
        ("single", "single-user", ["Operation not permitted", "every process is this user"]),
    ],
)
def test_each_stage_says_what_it_is(performances, stage, kind, words):
    document = performances[stage].document
    assert document.stage == kind
    assert all(word in document.reason for word in words)


@pytest.mark.parametrize("stage", ["root", "lent"])
def test_identities_are_what_restricted_v2_gives(performances, stage):
    result = scene_of(performances, stage, "missing-group")
    builder, internal, quay = (player.identity for player in result.cast)
    assert (builder.uid.effective, builder.gid.effective) == (0, 0)
    assert 1000970000 in builder.groups
    assert "CAP_DAC_OVERRIDE" in builder.capabilities.effective
    assert "CAP_SYS_ADMIN" not in builder.capabilities.bounding
    for pusher in (internal, quay):
        ids = (pusher.uid.real, pusher.uid.effective, pusher.uid.saved, pusher.uid.filesystem)
        assert ids == (1000970000,) * 4
        assert pusher.gid.effective == 0
        sets = pusher.capabilities
        assert not (sets.effective or sets.permitted or sets.inheritable or sets.ambient or sets.bounding)
        assert pusher.no_new_privs
        assert pusher.initial_user_namespace is (stage == "root")
    assert set(internal.groups) == {0, 1000970000}
    assert set(quay.groups) == {0}


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_the_report_was_made_with_the_pushers_own_identity(performances, stage):
    result = scene_of(performances, stage, "healthy")
    player = next(player for player in result.cast if player.name == "push-to-quay")
    seen = check_by(result, "push-to-quay").document.evidence[0].identity
    told = {"label"}  # seen at another moment
    assert seen.model_dump(exclude=told) == player.identity.model_dump(exclude=told)
    assert not seen.capabilities.effective


def test_healthy_is_confirmed_by_hashing(performances):
    result = scene_of(performances, "root", "healthy")
    assert result.status is Status.CONFIRMED
    report = result.checks[0].document.evidence[0]
    assert report.image.value.verification.agreed
    assert {status for status, _ in said(result, "skopeo")} == {0}
    digest = report.image.value.selected.manifest_digest
    assert (0, digest + "\n") in said(result, "inspect")


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_traversal_names_the_directory_and_a_small_fix(performances, stage):
    result = scene_of(performances, stage, "traversal")
    verdict = result.checks[0].document.verdict
    assert verdict.component == f"{result.directory}/source/oci"
    assert verdict.status is Status.CONFIRMED
    assert {status for status, _ in said(result, "[ -r")} == {1}
    assert all("permission denied" in text for status, text in said(result, "skopeo"))
    remedy = result.checks[0].document.assessments[0].remedy
    assert remedy is not None
    assert "chmod" in remedy.smallest.command
    assert "777" not in remedy.smallest.command


def test_missing_group_is_confirmed_and_only_for_the_pod_without_it(performances):
    result = scene_of(performances, "root", "missing-group")
    assert check_by(result, "push-to-internal").document.verdict.cause is Cause.HEALTHY
    assert check_by(result, "push-to-quay").document.verdict.status is Status.CONFIRMED
    assert [status for status, _ in said(result, "skopeo")] == [0, 1]


def test_mismatch_is_family_b_over_both_references(performances):
    document = scene_of(performances, "root", "mismatch").checks[-1].document
    assert document.verdict.family is Family.B
    assert [report.reference.transport for report in document.evidence] == ["oci-archive", "dir"]


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_race_the_gate_opens_while_the_file_grows(performances, stage):
    result = scene_of(performances, stage, "race")
    assert result.status is Status.CONFIRMED
    assert said(result, "[ -r")[0] == (0, "accessible (attempt 1)\n")
    status, text = said(result, "inspect")[0]
    assert status == 1
    assert "unexpected EOF" in text
    writers = check_by(result, "push-to-quay").document.evidence[0].writers
    sizes = [sample.inode.value.size for sample in writers.value.samples if isinstance(sample.inode, Seen)]
    assert len(sizes) >= 2
    assert sizes == sorted(set(sizes))
    assert said(result, "copy")[-1][0] == 0


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_the_gate_waits_where_the_loop_does_not(performances, stage):
    result = scene_of(performances, stage, "gate")
    ((loop, words),) = said(result, "[ -r")
    assert (loop, "accessible (attempt 1)" in words) == (0, True)
    ((status, told),) = said(result, "probe wait")
    assert status == 0 and told.splitlines()[-1].endswith("open") and "growing" in told
    ((copied, _),) = said(result, "skopeo --tmpdir $T copy")
    assert copied == 0


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_truncated_a_retry_never_helps_and_the_owner_can_prove_it(performances, stage):
    result = scene_of(performances, stage, "truncated")
    retried = said(result, "grep -o")[0][1].splitlines()
    assert len(set(retried[::2])) == 1
    assert retried[1::2] == ["unexpected EOF"] * 3
    assert check_by(result, "builder").document.verdict.status is Status.CONFIRMED


def test_corrupt_is_what_skopeo_inspect_does_not_see(performances):
    result = scene_of(performances, "root", "corrupt")
    assert result.status is Status.LIKELY
    assert check_by(result, "builder").document.verdict.status is Status.CONFIRMED
    assert said(result, "inspect")[0][0] == 0
    assert said(result, "copy")[0][0] == 1


@pytest.mark.parametrize("stage", NOT_PLAYED)
def test_authfile_is_read_from_skopeos_own_message(performances, stage):
    result = scene_of(performances, stage, "authfile")
    assert result.checks[0].document.verdict.component == f"{result.directory}/tmp/auth.json"
    assert result.checks[0].document.evidence[0].attempts[0].granted
