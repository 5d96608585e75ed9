"""Where and when: container start, pod, namespace, Tekton step; never from the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.stage import PUSHER, ROOT, Person
from support.sysctls import steady_sysctl

from probe.collect.context import check_facts, read_context, read_place
from probe.collect.frames import Place
from probe.collect.gather import Plan
from probe.collect.mountinfo import MountTable, parse_mountinfo, read_mount_table
from probe.evidence.observation import NotSeen, Seen
from probe.evidence.report import Report

Look = Callable[..., Report]
POD = b"9 1 254:0 /var/lib/kubelet/pods/0a1b2c3d-0000-1111-2222-333344445555/etc-hosts /etc/hosts rw - ext4 /dev/x rw\n"


def test_starts_agree_with_psutil() -> None:
    context = read_context(read_mount_table(), Place(), {})
    # psutil counts from /proc/stat's btime, which is cut to whole seconds.
    assert abs(context.probe_started / 1e9 - psutil.Process().create_time()) < 1.1
    if isinstance(context.container_started, Seen):
        assert abs(context.container_started.value / 1e9 - psutil.Process(1).create_time()) < 1.1
        assert context.container_started.value < context.probe_started < time.time_ns()
    assert context.hostname == os.uname().nodename


def test_sysctls_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    with steady_sysctl("protected_symlinks") as links, steady_sysctl("protected_regular") as regular:
        context = read_context(MountTable(), Place(), {})
        assert context.protected_symlinks is bool(links)
        assert context.protected_regular == regular
    monkeypatch.setattr("probe.collect.context._sysctl", lambda name: None)
    context = read_context(MountTable(), Place(), {})
    assert context.protected_symlinks is None and context.protected_regular is None


@pytest.mark.root
def test_start_of_a_container(place: Path, look_as: Look) -> None:
    (place / "f").touch()
    before = time.time_ns()
    report = look_as(PUSHER, place / "f", container=True)
    context = report.context
    assert context.in_container is True
    assert isinstance(context.container_started, Seen)
    assert before - context.clock_ticks_error_ms * 1e6 <= context.container_started.value <= report.started
    assert context.pod is None
    assert any(event.pointer == "/context/container_started/value" for event in report.timeline)


def test_on_a_node_process_1_is_no_container(look: Look) -> None:
    report = look("/etc/hostname")
    if report.context.in_container:
        pytest.skip("these tests run in a container")
    assert not any("container_started" in event.pointer for event in report.timeline)


@pytest.mark.root
def test_pod_namespace_and_tekton_step(place: Path, look_as: Look) -> None:
    """As Tekton lays its volumes out: /tekton/run/N writable only for the step itself, /tekton/steps/NAME a link."""
    (place / "f").touch()

    def lay_out() -> None:
        commands = (
            "mount -t tmpfs none /var/run/",
            "mkdir -p /var/run/secrets/kubernetes.io/serviceaccount",
            "printf user1-tenant > /var/run/secrets/kubernetes.io/serviceaccount/namespace",
            f"mkdir -p {place}/root/tekton/steps {place}/root/tekton/run/0 {place}/root/tekton/run/1",
            "mkdir -p /tekton",
            f"mount --bind {place}/root/tekton /tekton",
            "mount -t tmpfs -o ro none /tekton/run/0",
            "mount -t tmpfs none /tekton/run/1",
            "ln -sfn /tekton/run/0/status /tekton/steps/step-build; ln -sfn /tekton/run/0/status /tekton/steps/0",
            "ln -sfn /tekton/run/1/status /tekton/steps/step-push; ln -sfn /tekton/run/1/status /tekton/steps/1",
        )
        for command in commands:
            assert os.system(command) == 0, command

    had_tekton = Path("/tekton").exists()
    try:
        report = look_as(ROOT, place / "f", prepare=lay_out)
        told = look_as(ROOT, place / "f", prepare=lay_out, facts={"step": "other", "namespace": "told", "pod": "p"})
    finally:
        if not had_tekton:
            Path("/tekton").rmdir()
    assert (report.context.namespace, report.context.step) == ("user1-tenant", "push")
    assert (told.context.namespace, told.context.step, told.context.pod) == ("told", "other", "p")


def test_the_host_name_is_the_pods_unless_it_is_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    table = parse_mountinfo([POD])
    links = {"uts": "uts:[4026532999]", "pid": "pid:[4026532888]"}
    monkeypatch.setattr("probe.collect.context._link", lambda name: links.get(name))
    assert read_context(table, Place(), {}).pod == os.uname().nodename
    assert read_context(MountTable(), Place(namespace="n"), {}).pod == os.uname().nodename
    assert read_context(MountTable(), Place(), {}).pod is None
    links["uts"] = "uts:[4026531838]"  # hostNetwork
    assert read_context(table, Place(), {}).pod is None


def test_two_writable_runs_name_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"%d 1 0:9 / /tekton/run/%d rw - tmpfs x rw\n" % (number, number) for number in range(2)]
    assert read_place(parse_mountinfo(lines)).step is None


def test_facts_of_the_command_line(look: Look) -> None:
    facts = {
        "pod": "p", "namespace": "n", "node": "no", "pipeline-run": "pr", "task-run": "tr", "task": "t", "step": "s",
        "role": "consumer", "fs-group": "1000970000", "workspace": "/workspace/source",
    }  # fmt: skip
    context = look("/etc/hostname", facts=facts).context
    assert (context.pod, context.node, context.pipeline_run, context.task_run) == ("p", "no", "pr", "tr")
    assert (context.task, context.role, context.fs_group, context.workspace) == (
        "t", "consumer", 1000970000, "/workspace/source",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"pdo": "x"}, "pdo"),
        ({"role": "reader"}, "producer"),
        ({"fs-group": "many"}, "group id"),
        ({"fs-group": "-1"}, "group id"),
        ({"task": ""}, "0 characters"),
        ({"task": "x" * 300}, "300 characters"),
    ],
)
def test_facts_that_cannot_be(facts: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        check_facts(facts)
    with pytest.raises(ValueError, match=word):
        Plan(facts=facts)


@pytest.mark.root
def test_process_1_that_is_hidden(place: Path, look_as: Look) -> None:
    (place / "f").touch()

    def hide() -> None:
        assert os.system("mount -t proc -o hidepid=2 none /proc") == 0

    stranger = Person(uid=4242, gid=4242, groups=())  # members of group 0 are exempt
    started = look_as(stranger, place / "f", prepare=hide).context.container_started
    assert isinstance(started, NotSeen) and started.errno in ("ENOENT", "EPERM", "EACCES")


@pytest.mark.root
def test_in_a_time_namespace_the_boot_is_not_told() -> None:
    """Its CLOCK_MONOTONIC is not that of others who have the same boot."""
    said = "import probe.collect.context as c; print(c._boot_id())"
    here = [sys.executable, "-c", said]
    boots = []
    for offset in ("0", "-100"):
        apart = subprocess.run(
            ["unshare", "--time", "--fork", "--monotonic", offset, *here], capture_output=True, text=True, check=False
        )
        if apart.returncode != 0:
            pytest.skip(f"no time namespaces: {apart.stderr.strip()}")
        boots.append(apart.stdout.strip())
    assert boots == [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "None"]
