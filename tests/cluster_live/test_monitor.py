"""`probe monitor`: the board at moments of real runs, over time, through failures of the API, and its end."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cluster_live.conftest import Call, Serve
from support.kubeapi import NAMESPACE, Answer, Server, World, rights_of_the_role, serve, status, world_of
from support.program import COMMAND, ROOT, environment
from support.rewound import rewound

from probe.cli.desk import Desk
from probe.cluster.client import Api
from probe.cluster.kubeconfig import find_reach

RACE = "13-race-detached-writer"
RUN = f"p{RACE}"
HEALTHY = "10-healthy-push"
_PATIENCE = 20.0


def board(world: World, serving: Serve, call: Call, name: str = RUN) -> dict[str, Any]:
    """The tasks by name, of a board as JSON."""
    ran = call("monitor", name, "--kubeconfig", serving(world).kubeconfig(), "--json")
    assert ran.err == "", ran.err
    return {task["name"]: task for task in ran.document["runs"][0]["tasks"]}


def stands(task: dict[str, Any]) -> tuple[str, str]:
    return task["state"], task["now"]


def test_a_run_that_has_ended(serving: Serve, call: Call) -> None:
    ran = call("monitor", RUN, "--kubeconfig", serving(world_of(RACE)).kubeconfig())
    assert (ran.status, ran.err) == (1, "")
    assert ran.out == (
        f"{RUN} in user1-tenant: failed, began 17:32:34Z, 40s\n"
        "Tasks Completed: 4 (Failed: 1, Cancelled 0), Skipped: 1\n"
        "task             state     began       took  now\n"
        "download-model   succeeded 17:32:34Z     6s\n"
        "build-image      succeeded 17:32:40Z    11s\n"
        "push-to-internal failed    17:32:51Z     6s  step push: exit status 1\n"
        "push-to-quay     succeeded 17:32:51Z    23s\n"
        "register-model   skipped   -              -  PipelineRun was stopping\n"
    )


def test_in_the_middle_of_a_run(serving: Serve, call: Call) -> None:
    tasks = board(rewound(world_of(RACE), "2026-11-21T17:32:46Z"), serving, call)
    assert {name: stands(task) for name, task in tasks.items()} == {
        "download-model": ("succeeded", ""),
        "build-image": ("running", "step build"),
        "push-to-internal": ("pending", "after build-image"),
        "push-to-quay": ("pending", "after build-image"),
        "register-model": ("pending", "result of push-to-internal; result of push-to-quay"),
    }
    assert tasks["build-image"]["started"] == "2026-11-21T17:32:40.000000000Z"
    assert tasks["push-to-quay"]["started"] is None


def test_a_sidecar_that_writes_on_when_the_steps_have_ended(serving: Serve, call: Call) -> None:
    """The one line that would have told the incident's people."""
    world = rewound(world_of(RACE), "2026-11-21T17:32:55Z")
    pod = world.one("pods", f"{RUN}-build-image-pod")
    sidecar = next(one for one in pod["status"]["containerStatuses"] if one["name"] == "sidecar-builder")
    sidecar["state"] = {"running": {"startedAt": "2026-11-21T17:32:42Z"}}
    tasks = board(world, serving, call)
    assert stands(tasks["build-image"]) == ("succeeded", "sidecar builder still runs")
    assert stands(tasks["push-to-quay"])[0] == "running"


def test_a_failed_task_stops_those_behind_it(serving: Serve, call: Call) -> None:
    world = rewound(world_of(RACE), "2026-11-21T17:33:00Z")
    tasks = board(world, serving, call)
    assert stands(tasks["push-to-internal"]) == ("failed", "step push: exit status 1")
    assert stands(tasks["register-model"]) == ("pending", "will not start: push-to-internal failed")


def pending(change: Callable[[World, dict[str, Any]], None]) -> World:
    """A run whose build has no container yet; `change` says why."""
    world = rewound(world_of(RACE), "2026-11-21T17:32:40Z")
    pod = world.one("pods", f"{RUN}-build-image-pod")
    change(world, pod)
    return world


def _no_pod(world: World, pod: dict[str, Any]) -> None:
    world.objects["pods"].remove(pod)


def _quota(world: World, pod: dict[str, Any]) -> None:
    _no_pod(world, pod)
    condition = world.one("taskruns", f"{RUN}-build-image")["status"]["conditions"][0]
    condition |= {"reason": "ExceededResourceQuota", "message": "TaskRun Pod exceeded available resources"}


def _no_node(world: World, pod: dict[str, Any]) -> None:
    del pod["spec"]["nodeName"]


def _event(world: World, pod: dict[str, Any], reason: str, message: str) -> None:
    about = {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": NAMESPACE}
    times = {"firstTimestamp": "2026-11-21T17:32:41Z", "lastTimestamp": "2026-11-21T17:32:44Z"}
    metadata = {"name": f"e-{reason}", "namespace": NAMESPACE}
    event = {"kind": "Event", "metadata": metadata, "involvedObject": about, "type": "Warning", "count": 3}
    world.add({**event, **times, "reason": reason, "message": message})


def _unschedulable(world: World, pod: dict[str, Any]) -> None:
    _no_node(world, pod)
    _event(world, pod, "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.")


def _attach(world: World, pod: dict[str, Any]) -> None:
    _event(world, pod, "FailedAttachVolume", 'Multi-Attach error for volume "pvc-1"')


def _pull(world: World, pod: dict[str, Any]) -> None:
    statuses = pod["status"]["containerStatuses"]
    step = next(one for one in statuses if one["name"] == "step-build")
    step["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}


PENDING: dict[str, tuple[Callable[[World, dict[str, Any]], None], str]] = {
    "no pod yet": (_no_pod, "its pod"),
    "a quota": (_quota, "ExceededResourceQuota: TaskRun Pod exceeded available resources"),
    "no node yet": (_no_node, "a node"),
    "no node has room": (_unschedulable, "FailedScheduling: 0/3 nodes are available: 3 Insufficient cpu."),
    "a volume that another node holds": (_attach, 'FailedAttachVolume: Multi-Attach error for volume "pvc-1"'),
    "an image that cannot be pulled": (_pull, "step build: ImagePullBackOff"),
    "nothing in particular": (lambda *_: None, "volumes and images on lab-node"),
}


@pytest.mark.parametrize("case", PENDING)
def test_what_a_pod_waits_for(case: str, serving: Serve, call: Call) -> None:
    change, told = PENDING[case]
    task = board(pending(change), serving, call)["build-image"]
    assert task["state"] == "pending" and task["now"].startswith(told), task


def test_a_verdict_among_the_results_and_one_in_a_log(serving: Serve, call: Call) -> None:
    world = world_of(RACE)
    world.one("taskruns", f"{RUN}-push-to-quay")["status"]["results"] = [
        {"name": "CAUSE", "value": "archive-in-progress"},
        {"name": "STATUS", "value": "ignored"},
        {"name": "VERDICT", "value": "confirmed"},
    ]
    document = {"schema": "pod-probe/verdict/v1", "verdict": {"cause": "truncated", "status": "likely"}}
    line = b"2026-11-21T17:33:00.0Z %s\n" % json.dumps(document).encode()
    world.logs[f"{RUN}-push-to-internal-pod.step-push.log"] = b"2026-11-21T17:32:57.0Z before it\n" + line
    tasks = board(world, serving, call)
    assert (tasks["push-to-quay"]["verdict"], tasks["push-to-quay"]["said_by"]) == (
        "archive-in-progress confirmed",
        "result",
    )
    assert (tasks["push-to-internal"]["verdict"], tasks["push-to-internal"]["said_by"]) == ("truncated likely", "log")
    assert tasks["build-image"]["verdict"] == tasks["build-image"]["said_by"] == ""
    assert sum(asked.resource == "pods/log" for asked in world.asked) == 1, "only of the step that failed"


def test_several_runs_and_their_exit_status(serving: Serve, call: Call) -> None:
    world = world_of(RACE)
    for resource, objects in world_of(HEALTHY).objects.items():
        world.objects.setdefault(resource, []).extend(objects)
    running = rewound(world_of("12-race-no-runafter"), "2026-11-21T17:31:50Z")
    for resource, objects in running.objects.items():
        world.objects.setdefault(resource, []).extend(objects)
    path = serving(world).kubeconfig()
    healthy, unfinished = f"p{HEALTHY}", "p12-race-no-runafter"
    for names, status_ in (
        ((healthy,), 0),
        ((healthy, healthy), 0),
        ((RUN,), 1),
        ((unfinished,), 3),
        ((healthy, unfinished), 3),
        ((healthy, unfinished, RUN), 1),
    ):
        ran = call("monitor", *names, "--kubeconfig", path)
        assert ran.status == status_, names
        assert max(map(len, ran.out.splitlines())) <= 80 and ran.out.isascii()
        assert all(f"{name} in user1-tenant: " in ran.out for name in names)
    ran = call("monitor", healthy, "nope", "--kubeconfig", path)
    assert (ran.status, ran.out) == (2, "") and ran.err.startswith("probe: no PipelineRun nope in user1-tenant; there")


def test_what_is_forbidden_leaves_a_poorer_board(serving: Serve, call: Call) -> None:
    world = rewound(world_of(RACE), "2026-11-21T17:32:46Z")
    world.rights = {("tekton.dev", "pipelineruns", "get")}
    ran = call("monitor", RUN, "--kubeconfig", serving(world).kubeconfig())
    assert ran.status == 3 and "build-image      unknown   -              -  its TaskRun is not seen" in ran.out
    assert "! may not list taskruns in user1-tenant (403): the board knows no more than the" in ran.out
    world.rights = rights_of_the_role(cluster=False)
    world.asked.clear()
    ran = call("monitor", RUN, "--kubeconfig", serving(world).kubeconfig())
    assert "may not" not in ran.out and "build-image      running" in ran.out


def test_the_document_is_valid_by_its_schema(serving: Serve, call: Call) -> None:
    import jsonschema

    document = call("monitor", RUN, "--kubeconfig", serving(world_of(RACE)).kubeconfig(), "--json").document
    schema = json.loads((ROOT / "docs/schema/board.json").read_text())
    jsonschema.validate(document, schema)


# -- over time


@contextmanager
def watching(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The program with --watch, its streams as pipes."""
    process = subprocess.Popen(
        [*COMMAND, "monitor", "--watch", "--interval", "0.5s", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line of standard output that holds it."""
    assert process.stdout is not None
    guard = threading.Timer(_PATIENCE, process.kill)
    guard.start()
    try:
        for line in process.stdout:
            if text in line:
                return line.rstrip("\n")
    finally:
        guard.cancel()
    raise AssertionError(f"no line with {text!r}")


def become(world: World, other: World) -> None:
    """What the server knows is from now on what the other one does."""
    world.objects = other.objects


def test_each_change_is_one_line_where_nothing_can_be_redrawn(serving: Serve) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:37Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig()) as process:
        line_with(process, "download-model: running, step download")
        line_with(process, f"{RUN}: running")
        become(world, rewound(whole, "2026-11-21T17:32:46Z"))
        assert re.fullmatch(
            r"\d\d:\d\d:\d\dZ  download-model: succeeded, took 6s", line_with(process, "download-model")
        )
        line_with(process, "build-image: running, step build")
        become(world, whole)
        line_with(process, "push-to-internal: failed, took 6s, step push: exit status 1")
        line_with(process, f"{RUN}: failed, Tasks Completed: 4 (Failed: 1")
        assert process.wait(_PATIENCE) == 1
        assert process.stdout is not None and process.stdout.read() == ""
        assert process.stderr is not None and process.stderr.read() == ""


def test_it_survives_an_api_that_goes_and_comes_back(serving: Serve, tmp_path: Path) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:46Z")
    with serve(world, tmp_path) as server:
        path, port = server.kubeconfig(), int(server.url.rpartition(":")[2])
        with watching(RUN, "--kubeconfig", path) as process:
            line_with(process, f"{RUN}: running")
            server.stop()
            lost = line_with(process, "API not reachable since ")
            assert "trying again every 1 s: http://127.0.0.1:" in lost and "connection refused" in lost
            with serve(whole, tmp_path, port=port):
                assert re.search(r"the API answers again, after \d+s$", line_with(process, "answers again"))
                line_with(process, f"{RUN}: failed")
                assert process.wait(_PATIENCE) == 1


def test_it_survives_answers_that_are_none(serving: Serve) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:46Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig()) as process:
        line_with(process, f"{RUN}: running")
        for answer in (Answer(body=b"<html>", kind="text/html"), status(403, "no"), status(401, "Unauthorized")):
            world.fault = lambda _, answer=answer: answer
            line_with(process, "API not reachable since ")
            world.fault = None
            line_with(process, "answers again")
        become(world, whole)
        assert process.wait(_PATIENCE) == 1


def test_a_new_login_is_taken_up(serving: Serve) -> None:
    """The token expires in the middle of the watch; somebody logs in again in another window."""
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:46Z")
    server = serving(world)
    path = server.kubeconfig()
    with watching(RUN, "--kubeconfig", path) as process:
        line_with(process, f"{RUN}: running")
        world.token = "sha256~the-next-token"
        line_with(process, "does not accept the credentials (401)")
        become(world, whole)
        server.kubeconfig(user={"token": world.token})
        line_with(process, "answers again")
        assert process.wait(_PATIENCE) == 1


def test_a_kubeconfig_that_is_just_being_written_changes_nothing(serving: Serve) -> None:
    path = serving(world_of(RACE)).kubeconfig()

    def reach() -> Api:
        return Api(find_reach(str(path)), NAMESPACE, 10.0)

    desk = Desk(reach(), reach, [RUN])
    path.write_text("half of a kubecon")
    desk.again()
    desk.look()
    assert desk.done and desk.board().runs[0].state == "failed"


def test_a_run_that_is_deleted_ends_the_watch(serving: Serve) -> None:
    world = rewound(world_of(RACE), "2026-11-21T17:32:46Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig()) as process:
        line_with(process, f"{RUN}: running")
        world.objects["pipelineruns"] = []
        line_with(process, f"{RUN}: unknown, no PipelineRun {RUN} in user1-tenant")
        assert process.wait(_PATIENCE) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_is_known(number: signal.Signals, serving: Serve) -> None:
    world = rewound(world_of(RACE), "2026-11-21T17:32:46Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig(), "--json") as process:
        assert process.stderr is not None and process.stdout is not None
        while f"{RUN}: running" not in process.stderr.readline():
            pass
        process.send_signal(number)
        document = json.loads(process.stdout.read())
        assert process.wait(_PATIENCE) == 3
        assert document["runs"][0]["state"] == "running"
        assert "Traceback" not in process.stderr.read()


def test_a_signal_is_heard_while_the_api_does_not_answer(serving: Serve) -> None:
    world = rewound(world_of(RACE), "2026-11-21T17:32:46Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig()) as process:
        line_with(process, f"{RUN}: running")
        world.fault = lambda _: Answer(body=b" " * 10, trickle=30)
        time.sleep(0.8)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE) == 3 and time.monotonic() - begun < 2


def test_a_reader_that_goes_away_ends_it(serving: Serve) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:37Z")
    with watching(RUN, "--kubeconfig", serving(world).kubeconfig()) as process:
        line_with(process, f"{RUN}: running")
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        become(world, rewound(whole, "2026-11-21T17:32:46Z"))
        assert process.wait(_PATIENCE) == 3
        assert process.stderr.read() == ""


# -- on a terminal


def on_a_terminal(server: Server, act: Callable[[], None], **more: str) -> tuple[int, bytes]:
    """Exit status, and every byte that a terminal of 80 columns got. `act` is called when the first board stands."""
    process_id, descriptor = pty.fork()
    if process_id == 0:
        os.chdir(ROOT)
        env = environment({"TERM": "xterm-256color", **more})
        command = [*COMMAND, "monitor", RUN, "--watch", "--interval", "0.5s", "--kubeconfig", str(server.kubeconfig())]
        os.execve(command[0], command, {name: value for name, value in env.items() if name != "COLUMNS"})
    import fcntl
    import struct
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    got, acted, end = b"", False, time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                part = os.read(descriptor, 65536)
            except OSError:  # EIO: the other side is closed
                break
            got += part
        if not acted and b"register-model" in got:
            acted = True
            act()
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1]), got


def screen(got: bytes) -> list[str]:
    """What stands on the terminal at the end: rewritten lines once."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", got.decode()):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece.startswith("\x1b["):
            count = int(piece[2:-1] or 1) if piece[2:-1].isdigit() or piece[2:-1] == "" else 0
            if piece.endswith("A"):
                row -= count
            elif piece.endswith("K"):
                lines[row] = "" if count == 2 else lines[row][:column]
        else:
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


def test_on_a_terminal_the_board_is_redrawn_in_place(serving: Serve) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:46Z")
    status_, got = on_a_terminal(serving(world), lambda: become(world, whole))
    assert status_ == 1
    assert b"\x1b[?1049h" not in got, "no alternate screen"
    assert b"\x1b[2J" not in got, "nothing is wiped: no flicker"
    assert b"\x1b[?25l" in got and got.rindex(b"\x1b[?25h") > got.rindex(b"\x1b[?25l"), "the cursor comes back"
    lines = screen(got)
    assert sum(line.startswith("build-image") for line in lines) == 1, lines
    assert "push-to-internal failed    17:32:51Z     6s  step push: exit status 1" in lines
    assert max(map(len, lines)) <= 80


def test_on_a_dumb_terminal_there_are_lines(serving: Serve) -> None:
    whole = world_of(RACE)
    world = rewound(whole, "2026-11-21T17:32:46Z")
    status_, got = on_a_terminal(serving(world), lambda: become(world, whole), TERM="dumb")
    assert status_ == 1 and b"\x1b" not in got and got.isascii()
    assert b"push-to-internal: failed" in got
