"""The model against the kernel: random trees, paths, identities and wants; every answer and every errno must agree.

PROBE_SEED replays a run, PROBE_CASES makes it longer.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
from collections import Counter
from pathlib import Path

import pytest
from support.sysctls import raised_sysctl

from probe.access.walk import judge

CASES = int(os.environ.get("PROBE_CASES", "20000"))
SEED = int(os.environ.get("PROBE_SEED", "0")) or secrets.randbits(32)


def _takes_acls(kernel, directory: Path) -> bool:
    path = directory / "takes-acls"
    path.touch()
    try:
        kernel.set_acl(str(path), *kernel.acl(7, 7, 7, 7, users={1: 7}))
    except OSError:
        return False
    finally:
        path.unlink()
    return True


@pytest.mark.root
def test_the_model_agrees_with_the_kernel_on_every_random_case(kernel, cases, floors, capsys):
    acls = {floor: _takes_acls(kernel, floor) for floor in floors}
    assert any(acls.values()), "no file system here takes ACLs"
    protect = random.Random(SEED)
    asked = 0
    seen: Counter[str] = Counter()
    made = cases.batches(SEED, floors, acls)
    while asked < CASES:
        batch = next(made)
        with raised_sysctl("protected_symlinks", protect.randrange(2)) as protected:
            for actor in batch.actors:
                answers = kernel.ask(actor, [question for _, question in batch.chains], batch.working_directory)
                for path in cases.leftovers(batch):
                    os.unlink(path)
                for (chain, question), truth in zip(batch.chains, answers, strict=True):
                    judgement = judge(actor.credentials, chain, question.want, protected_symlinks=bool(protected))
                    asked += 1
                    where = f"PROBE_SEED={SEED}, protected_symlinks={protected}, case {asked}: "
                    if judgement.granted is not (truth is None) or judgement.errno != truth:
                        said = judgement.denial.decision.sentence if judgement.denial else "granted"
                        pytest.fail(
                            f"{where}{cases.describe(actor, chain, question.want)}\n"
                            f"  kernel: {truth or 'granted'}; model: {judgement.errno or judgement.granted}: {said}"
                        )
                    decided = judgement.denial or (judgement.steps[-1] if judgement.steps else None)
                    seen[question.want] += 1
                    seen[truth or "granted"] += 1
                    if decided is not None:
                        seen[f"{decided.decision.rule}{'' if decided.decision.granted else ' denies'}"] += 1
                        seen["acl decided"] += decided.decision.acl_decided
        for floor in floors:
            for tree in floor.iterdir():
                shutil.rmtree(tree)
    with capsys.disabled():
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
        print(f"\n{asked} random cases agree with the kernel (PROBE_SEED={SEED}): {kinds}")
    if asked >= 20000:
        _covers(seen, asked)


def _covers(seen: Counter[str], asked: int) -> None:
    """The agreement says little unless both answers and every rule came up."""
    assert seen["granted"] > asked / 10
    assert seen["EACCES"] > asked / 10
    common = ("owner", "owning-group", "named-user", "named-group", "other")
    for name in (*common, *(f"{one} denies" for one in common), "capability", "acl decided", "ENOENT", "ENOTDIR"):
        assert seen[name] > asked / 2000, name
