"""User namespaces: ids without a mapping, capabilities that then do not count; the model against the kernel."""

from __future__ import annotations

import os
import random
import secrets
import shutil
from collections import Counter

import pytest
from support.sysctls import steady_sysctl

from probe.access.credentials import Credentials
from probe.access.walk import judge
from probe.evidence.identity import IdRange
from probe.evidence.mount import Mount
from probe.evidence.path import Chain, Want

pytestmark = pytest.mark.root

CASES = int(os.environ.get("PROBE_CASES", "20000")) // 5
SEED = int(os.environ.get("PROBE_SEED", "0")) or secrets.randbits(32)
MAPS = (
    ((0, 0, 2000),),
    ((0, 1000, 1),),
    ((0, 0, 1), (1000, 1000, 2), (77, 200, 1)),
    ((0, 100000, 65536),),
    ((0, 0, 65536),),
    ((5000, 0, 1001), (0, 1000970000, 1)),
    ((0, 0, 0xFFFFFFFF),),
)


def _lines(ranges: tuple[tuple[int, int, int], ...]) -> str:
    return "\n".join(" ".join(map(str, one)) for one in ranges)


def _ranges(ranges: tuple[tuple[int, int, int], ...]) -> tuple[IdRange, ...]:
    return tuple(IdRange(inside=inside, outside=outside, count=count) for inside, outside, count in ranges)


def _inside(chance: random.Random, ranges: tuple[tuple[int, int, int], ...], pool: tuple[int, ...]) -> int:
    """An id of the namespace; rather one that stands for an id of the pool outside."""
    mapped = [
        inside + number - outside
        for inside, outside, count in ranges
        for number in pool
        if outside <= number < outside + count
    ]
    return chance.choice(mapped) if mapped else ranges[0][0]


@pytest.fixture(autouse=True)
def _needs_namespaces(kernel):
    try:
        kernel.in_user_namespace("0 0 1", "0 0 1", lambda: None)
    except OSError as error:
        pytest.skip(f"no user namespaces here: {error}")


def _credentials(actor, uid_ranges, gid_ranges) -> Credentials:
    own = actor.credentials
    return Credentials(own.uid, own.gid, own.groups, own.capabilities, _ranges(uid_ranges), _ranges(gid_ranges))


def test_the_model_agrees_with_the_kernel_in_random_user_namespaces(kernel, cases, floors, capsys):
    chance = random.Random(SEED)
    made = cases.batches(SEED, floors, dict.fromkeys(floors, True))
    asked = 0
    seen: Counter[str] = Counter()
    while asked < CASES:
        batch = next(made)
        chains = [pair for pair in batch.chains if not pair[1].follows]
        descriptors = [kernel.open_components(chain) for chain, _ in chains]
        for some in batch.actors:
            uid_ranges, gid_ranges = chance.choice(MAPS), chance.choice(MAPS)
            actor = kernel.Actor(
                _inside(chance, uid_ranges, cases.UIDS),
                _inside(chance, gid_ranges, cases.GIDS),
                tuple({_inside(chance, gid_ranges, cases.GIDS) for _ in some.groups}),
                some.capabilities,
            )

            def look_and_try(actor=actor, chains=chains, descriptors=descriptors):
                recorded = [kernel.look_again(pair[0], one) for pair, one in zip(chains, descriptors, strict=True)]
                return recorded, kernel.try_all(actor, [question for _, question in chains])

            with steady_sysctl("protected_symlinks") as protected:
                recorded, answers = kernel.in_user_namespace(
                    _lines(uid_ranges), _lines(gid_ranges), look_and_try, batch.working_directory
                )
            credentials = _credentials(actor, uid_ranges, gid_ranges)
            ambiguous = any(
                not full and any(inside <= 65534 < inside + count for inside, _, count in ranges)
                for full, ranges in ((credentials.full_uid_map, uid_ranges), (credentials.full_gid_map, gid_ranges))
            )
            for text, (_, question), truth in zip(recorded, chains, answers, strict=True):
                chain = Chain.model_validate_json(text)
                judgement = judge(credentials, chain, question.want, protected_symlinks=bool(protected))
                asked += 1
                if judgement.granted is None:
                    assert ambiguous, f"PROBE_SEED={SEED}: {judgement.missing}"
                    seen["undecided"] += 1
                    continue
                seen["denied with an unknown errno"] += judgement.granted is False and judgement.errno is None
                said = judgement.denial.decision.sentence if judgement.denial else "granted"
                # What is denied after something undecided has an errno only if that one could not give another.
                agreed = judgement.granted is (truth is None) and judgement.errno in (truth, None)
                assert agreed, (
                    f"PROBE_SEED={SEED}, uid_map {uid_ranges}, gid_map {gid_ranges}: "
                    f"{cases.describe(actor, chain, question.want)}\n  kernel: {truth}; model: {said}"
                )
                seen[truth or "granted"] += 1
                refused = judgement.denial is not None and judgement.denial.decision.capability_refused is not None
                seen["capability does not count"] += refused
        for opened in descriptors:
            for descriptor in filter(None, opened):
                os.close(descriptor)
        for floor in floors:
            for tree in floor.iterdir():
                shutil.rmtree(tree)
    with capsys.disabled():
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
        print(f"\n{asked} cases in user namespaces agree with the kernel (PROBE_SEED={SEED}): {kinds}")
    assert seen["granted"] > asked / 20
    assert seen["capability does not count"] > asked / 200
    assert seen["undecided"] < asked / 10


def test_all_capabilities_do_not_open_what_belongs_to_an_unmapped_owner(kernel, floor):
    path = kernel.make(floor / "theirs", 0o600, 3000, 3000, content=b"x")
    mine = kernel.make(floor / "mine", 0o600, 1000, 1000, content=b"x")
    half = kernel.make(floor / "half", 0o600, 1000, 3000, content=b"x")
    chains = [kernel.record(one) for one in (path, mine, half)]
    opened = [kernel.open_components(chain) for chain in chains]
    actor = kernel.Actor(0, 0, (), ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"))
    maps = ((0, 0, 2000),)

    def look_and_try():
        seen = [kernel.look_again(chain, one) for chain, one in zip(chains, opened, strict=True)]
        return seen, kernel.try_all(actor, [kernel.Question(one, Want.READ) for one in (path, mine, half)])

    texts, answers = kernel.in_user_namespace(_lines(maps), _lines(maps), look_and_try)
    seen = [Chain.model_validate_json(text) for text in texts]
    assert answers == ["EACCES", None, "EACCES"]
    assert seen[0].target.inode.value.uid == 65534
    judged = [judge(_credentials(actor, maps, maps), chain, Want.READ) for chain in seen]
    assert [one.errno for one in judged] == answers
    assert judged[0].denial.decision.capability_refused == "CAP_DAC_READ_SEARCH"
    assert "not mapped" in judged[0].denial.decision.sentence
    assert judged[1].steps[-1].decision.by_capability == "CAP_DAC_READ_SEARCH"
    assert judged[2].denial.decision.capability_refused == "CAP_DAC_READ_SEARCH"


def test_an_owner_without_a_mapping_may_be_the_unmapped_asker_or_not(kernel, floor):
    """Without any map every id shows as 65534: the evidence cannot tell the asker's own file from another's."""
    paths = [kernel.make(floor / name, 0o600, uid, uid, content=b"x") for name, uid in (("own", 1500), ("other", 1600))]
    chains = [kernel.record(path) for path in paths]
    opened = [kernel.open_components(chain) for chain in chains]

    def look_and_try():
        seen = [kernel.look_again(chain, one) for chain, one in zip(chains, opened, strict=True)]
        return os.getuid(), seen, [kernel.attempt(kernel.Question(path, Want.READ)) for path in paths]

    def leave_ids_first():
        os.setgroups([])
        os.setresgid(1500, 1500, 1500)
        os.setresuid(1500, 1500, 1500)
        return kernel.in_user_namespace("", "", look_and_try)

    uid, texts, answers = kernel.in_child(leave_ids_first)
    seen = [Chain.model_validate_json(text) for text in texts]
    assert uid == 65534
    assert answers == [None, "EACCES"]
    nothing = (IdRange(inside=0, outside=0, count=0),)
    credentials = Credentials(65534, 65534, frozenset({65534}), frozenset({"CAP_DAC_OVERRIDE"}), nothing, nothing)
    for chain in seen:
        judgement = judge(credentials, chain, Want.READ)
        assert judgement.granted is None
        assert "65534" in judgement.missing[0]


def test_an_idmapped_mount_hides_an_inode_from_capabilities_and_writes(kernel, floor):
    """On an idmapped mount an inode outside its map shows 65534 even to the initial user namespace."""
    source, target = floor / "source", floor / "target"
    kernel.make(source, 0o777)
    kernel.make(target, 0o777)
    kernel.make(source / "outside", 0o666, 3000, 3000, content=b"x")
    kernel.make(source / "closed", 0o600, 3000, 3000, content=b"x")
    kernel.make(source / "inside", 0o600, 100, 100, content=b"x")
    root = kernel.Actor(0, 0, (), ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"))
    other = kernel.Actor(1000, 1000)
    asked = [
        (other, "outside", Want.READ, None),
        (other, "outside", Want.WRITE, "EACCES"),
        (root, "closed", Want.READ, "EACCES"),
        (root, "inside", Want.READ, None),
        (root, "inside", Want.WRITE, None),
    ]

    def mount_and_try():
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount_idmapped(str(source), str(target), "100 5000 1")
        mount = kernel.mount_at(str(target))
        chains = [kernel.record(str(target / name)).model_dump_json() for _, name, _, _ in asked]
        answers = [kernel.ask(actor, [kernel.Question(str(target / name), want)])[0] for actor, name, want, _ in asked]
        return mount.model_dump_json(), chains, answers

    try:
        mount_text, texts, answers = kernel.in_child(mount_and_try)
    except OSError as error:
        pytest.skip(f"no idmapped mounts here: {error}")
    chains = [Chain.model_validate_json(text) for text in texts]
    mount = Mount.model_validate_json(mount_text)
    assert "idmapped" in mount.options
    assert answers == [truth for *_, truth in asked]
    for (actor, name, want, truth), chain in zip(asked, chains, strict=True):
        judgement = judge(actor.credentials, chain, want, mount=mount)
        # 65534 may be a real id too, so where that matters the honest answer is that it is open.
        undecided = (name, want) in (("outside", Want.WRITE), ("closed", Want.READ))
        assert judgement.granted is (None if undecided else truth is None), (name, want)
