"""The stage: what it needs, what it clears away, whom it makes of a process."""

from __future__ import annotations

import json
import os
import tempfile

import pytest

from probe.demo import namespace, stage
from probe.demo.cast import BUILDER, PUSH_AS_BARE_ROOT, PUSH_TO_QUAY
from probe.demo.namespace import NoNamespace, whole_cast_maps
from probe.demo.preload import preload
from probe.demo.stage import Need, NoStage, Setting, Stage, remove_tree


@pytest.fixture(autouse=True, scope="module")
def loaded():
    preload()


@pytest.fixture
def own_temp(monkeypatch):
    """A temp directory that everybody may enter, at the head of the candidates."""
    directory = tempfile.mkdtemp(dir="/tmp")
    os.chmod(directory, 0o1777)
    monkeypatch.setattr(tempfile, "tempdir", directory)
    yield directory
    os.rmdir(directory)


def test_a_tree_is_removed_whatever_its_modes(tmp_path):
    tree = tmp_path / "tree"
    (tree / "shut" / "deeper").mkdir(parents=True)
    (tree / "shut" / "deeper" / "file").write_text("x")
    (tree / "link").symlink_to(tmp_path)
    for path in (tree / "shut" / "deeper", tree / "shut"):
        path.chmod(0)
    remove_tree(str(tree))
    assert not tree.exists()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.root
@pytest.mark.skopeo
def test_nothing_is_left_after_an_exception(own_temp, no_child_left):
    with pytest.raises(ZeroDivisionError), Stage() as made:
        assert os.listdir(own_temp) == [os.path.basename(made.directory)]
        made.processes.start(made.become(PUSH_TO_QUAY, Setting()), lambda go_on: os.read(go_on, 1))
        1 / 0  # noqa: B018
    assert os.listdir(own_temp) == []


@pytest.mark.root
@pytest.mark.skopeo
def test_a_temp_directory_that_others_cannot_enter_is_not_used(own_temp, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # pytest makes it below a directory of mode 0700
    with Stage() as made:
        assert not made.directory.startswith(str(tmp_path))


def test_no_skopeo_no_stage(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoStage, match="apt-get install skopeo"):
        Stage()


def credentials() -> bytes:
    wanted = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Umask")
    with open("/proc/self/status") as file:
        fields = dict(line.rstrip("\n").partition(":\t")[::2] for line in file)
    return json.dumps({name: fields[name].split() for name in wanted} | {"fds": os.listdir("/proc/self/fd")}).encode()


@pytest.mark.root
@pytest.mark.skopeo
@pytest.mark.parametrize("actor", [BUILDER, PUSH_TO_QUAY, PUSH_AS_BARE_ROOT], ids=lambda actor: f"uid {actor.uid}")
def test_a_process_becomes_the_actor(own_temp, actor):
    with Stage() as made:
        seen = json.loads(made.processes.call(made.become(actor, Setting()), credentials))
    assert seen["Uid"] == [str(actor.uid)] * 4
    assert seen["Gid"] == [str(actor.gid)] * 4
    assert set(map(int, seen["Groups"])) == set(actor.groups)
    assert seen["NoNewPrivs"] == [str(int(actor.no_new_privs))]
    assert seen["CapInh"] == seen["CapAmb"] == ["0" * 16]
    for held in ("CapPrm", "CapEff", "CapBnd"):
        assert int(seen[held][0], 16).bit_count() == len(actor.capabilities)
    assert seen["fds"], "/proc/self is its own again"


@pytest.mark.root
@pytest.mark.skopeo
def test_a_small_file_system_is_seen_by_the_actor_alone(own_temp):
    with Stage() as made:
        if Need.MOUNTS not in made.offers:
            pytest.skip("mounting is not permitted here")
        place = os.path.join(made.directory, "small")
        os.mkdir(place)
        become = made.become(PUSH_TO_QUAY, Setting(tmpfs=(place, "64k")))

        def fill() -> bytes:
            with open(os.path.join(place, "file"), "wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            return b""

        with pytest.raises(Exception, match="No space left"):
            made.processes.call(become, fill)
        assert os.listdir(place) == []


def test_maps_need_enough_lent_ids(monkeypatch, tmp_path):
    lent = tmp_path / "lent"
    monkeypatch.setattr(namespace.shutil, "which", lambda _: "/usr/bin/newuidmap")
    monkeypatch.setattr(namespace, "_LENT", (str(lent), str(lent)))
    lent.write_text(f"# nobody\nsomebody:1:70000\n{os.geteuid()}:500000:1\n")
    with pytest.raises(NoNamespace, match=r"1 more ids .* needs 2"):
        whole_cast_maps(False)
    lent.write_text(f"{os.geteuid()}:500000:1\n{os.geteuid()}:600000:9\n{os.geteuid()}:x:y\n")
    uids, gids = whole_cast_maps(False)
    assert uids == ((0, os.geteuid()), (1001, 500000), (1000970000, 600000))
    assert gids == ((0, os.getegid()), (1000970000, 500000))


def test_an_unprivileged_process_finds_its_stage_without_lent_ids(monkeypatch, own_temp):
    monkeypatch.setattr(stage, "_effective_capabilities", frozenset)
    monkeypatch.setattr(stage.shutil, "which", lambda name: name if name == "skopeo" else None)
    made = Stage()
    assert made.kind in (stage.Kind.USER_NAMESPACE, stage.Kind.SINGLE_USER)
    assert Need.OTHER_IDS not in made.offers
    assert "newuidmap" in made.reason or "namespace" in made.reason
    assert "groups" in made.lacks(frozenset({Need.OTHER_IDS}))
