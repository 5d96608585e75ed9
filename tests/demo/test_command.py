"""`probe demo` as a command: options, refusals, interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import probe
from probe.demo.scenes import BY_NAME, SCENES


def test_list_names_every_scene(launch):
    ran = launch("demo", "--list").wait()
    assert ran.status == 0
    assert [line.split()[0] for line in ran.stdout.splitlines() if line[0] != " "] == list(BY_NAME)
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_list_as_json_is_one_document(launch):
    listed = json.loads(launch("demo", "--list", "--json").wait().stdout)
    assert [(scene["name"], scene["expected"]) for scene in listed["scenes"]] == [(s.name, s.expected) for s in SCENES]


def test_an_unknown_scene_is_a_usage_error_that_names_the_known(launch):
    ran = launch("demo", "no-such").wait()
    assert (ran.status, ran.stdout) == (2, "")
    assert all(name in ran.stderr for name in BY_NAME)


def test_without_skopeo_it_says_how_to_get_it(launch):
    ran = launch("demo", "healthy", "--json", PATH="/nonexistent").wait()
    assert (ran.status, ran.stdout) == (4, "")
    assert "skopeo" in ran.stderr
    assert "install" in ran.stderr


@pytest.mark.root
@pytest.mark.skopeo
def test_a_scene_that_this_stage_cannot_give_is_not_a_success(launch, ordinary):
    ran = launch("demo", "missing-group", prefix=ordinary).wait()
    assert ran.status == 4
    assert "groups" in ran.stderr


@pytest.mark.root
@pytest.mark.skopeo
def test_the_text_names_cast_story_and_verdict_and_has_no_colour(launch):
    ran = launch("demo", "traversal").wait()
    assert "\x1b" not in ran.stdout
    for expected in (
        "Stage: root",
        "drwx--S---",
        "$ id",
        "uid=1000970000",
        "dir-search-denied",
        "as expected",
        "1 of 1",
    ):
        assert expected in ran.stdout
    assert ran.left_files == []


@pytest.mark.root
@pytest.mark.skopeo
def test_an_interpreter_that_only_root_may_reach_is_enough(launch, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(Path(probe.__file__).parent, private / "probe", ignore=shutil.ignore_patterns("__pycache__"))
    ran = launch("demo", "corrupt", "--json", PYTHONPATH=str(private)).wait()
    assert ran.status == 0, ran.stderr
    assert str(ran.document.scenes[0].cause) == "corrupt"


@pytest.mark.root
@pytest.mark.skopeo
def test_keep_keeps_the_directory_and_says_where(launch):
    started = launch("demo", "authfile", "--keep")
    started.process.wait(timeout=60)
    kept = list(started.temp.glob("probe-demo-*/authfile/source/oci/image.tar"))
    assert len(kept) == 1
    assert str(kept[0].parents[2]) in started.wait().stderr


@pytest.mark.root
@pytest.mark.skopeo
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_nothing(launch, number):
    started = launch("demo", "race", "--json")
    started.wait_for("probe-demo-*/race/source/oci/image.tar")
    os.kill(started.process.pid, number)
    ran = started.wait()
    assert ran.status == 130
    assert ran.stdout == ""
    assert ran.left_files == []
    assert ran.left_processes == []


@pytest.mark.root
@pytest.mark.skopeo
def test_processes_end_with_a_parent_that_is_killed(launch, session_members):
    started = launch("demo", "race", "--json")
    started.wait_for("probe-demo-*/race/source/oci/image.tar")
    started.process.kill()
    started.process.communicate()
    until = time.monotonic() + 20
    while left := session_members(started.process.pid):
        assert time.monotonic() < until, left
        time.sleep(0.1)
