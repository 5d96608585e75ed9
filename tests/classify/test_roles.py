"""Who makes the image and who takes it: what shows it, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.handover import look_in_pod, seal_in_pod
from support.stage import Stage, look_at

from probe.classify.case import Case
from probe.classify.roles import Role, cast, role_of_commands, sounds_like
from probe.evidence.invocation import Invocation
from probe.evidence.path import Want
from probe.evidence.report import Reference, Report
from probe.handoff.seal.sealing import seal
from probe.image.reference import parse_reference


def reference(text: str) -> Reference:
    return parse_reference(text, registries=True)


def command(reads: str | None = None, makes: str | None = None) -> Invocation:
    return Invocation(
        program="skopeo",
        reads=(reference(reads),) if reads else (),
        makes=(reference(makes),) if makes else (),
        text="skopeo copy",
    )


@pytest.mark.root
def test_what_was_told_goes_first(stage: Stage) -> None:
    workspace = stage.workspace()
    named = f"oci-archive:{workspace}/oci/image.tar"
    build = look_in_pod(stage, "build", named, workspace, workspace, role="producer")
    push = look_in_pod(stage, "push", named, workspace, workspace, role="consumer")
    other = look_in_pod(stage, "build-and-push", named, workspace, workspace)
    case = Case((build, push, other))
    found = [cast(case, witness) for witness in case.history.reports]
    assert [one.role for one in found] == [Role.PRODUCER, Role.CONSUMER, Role.UNKNOWN], "a name tells nothing"
    assert found[0].pointer == "/evidence/0/context/role"


@pytest.mark.root
def test_a_seal_is_its_producers(stage: Stage) -> None:
    workspace = stage.workspace()
    named = f"oci-archive:{workspace}/oci/image.tar"
    made = seal_in_pod(stage, named, workspace, task="build")
    push = look_in_pod(stage, "push", named, workspace, workspace)
    case = Case((push,), seals=(made,))
    assert cast(case, case.history.seals[0]).role is Role.PRODUCER
    assert cast(case, case.history.reports[0]).role is Role.UNKNOWN


@pytest.mark.root
def test_a_look_in_the_container_that_sealed_is_the_producers(stage: Stage) -> None:
    workspace = stage.workspace()
    named = f"oci-archive:{workspace}/oci/image.tar"
    from support.stage import ROOT

    texts = stage.visit(look_at(named), lambda: seal(parse_reference(named)), by=ROOT, container=True)
    from probe.evidence.seal import Seal

    case = Case((Report.model_validate_json(texts[0]),), seals=(Seal.model_validate_json(texts[1]),))
    assert cast(case, case.history.reports[0]).role is Role.PRODUCER


@pytest.mark.root
def test_who_wants_to_write_makes(stage: Stage) -> None:
    workspace = stage.workspace()
    (report,) = stage.looks(Path(workspace / "oci/new.tar"), want=Want.CREATE)
    case = Case((report,))
    found = cast(case, case.history.reports[0])
    assert (found.role, found.pointer) == (Role.PRODUCER, "/evidence/0/want")


@pytest.mark.parametrize(
    ("commands", "role"),
    [
        ([command("oci-archive:/w/i.tar", "docker://quay.io/org/app:1")], Role.CONSUMER),
        ([command("docker://quay.io/org/app:1", "oci-archive:/w/i.tar")], Role.PRODUCER),
        ([command(makes="oci-archive:/w/i.tar")], Role.PRODUCER),
        ([command("oci-archive:/w/i.tar")], Role.CONSUMER),
        ([command("oci-archive:/w/i.tar", "dir:/w/out")], Role.UNKNOWN),
        ([command("oci-archive:/w/i.tar"), command(makes="oci-archive:/w/j.tar")], Role.UNKNOWN),
        ([command("docker://a.example/x:1", "docker://b.example/x:1")], Role.UNKNOWN),
        ([], Role.UNKNOWN),
    ],
)
def test_what_commands_show(commands: list[Invocation], role: Role) -> None:
    assert role_of_commands(commands) is role


@pytest.mark.parametrize(
    ("name", "role"),
    [("build", Role.PRODUCER), ("push-to-quay", Role.CONSUMER), ("main", Role.UNKNOWN), ("build-push", Role.CONSUMER)],
)
def test_names_only_put_columns_in_order(name: str, role: Role) -> None:
    assert sounds_like(name) is role
