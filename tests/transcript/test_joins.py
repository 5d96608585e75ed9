"""Several containers in one text without prefixes: where one ends, and where nothing tells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from probe.evidence.transcript import FailureStated, IdentityStated
from probe.transcript.importing import import_text

CAPTURES = Path(__file__).parent.parent / "captures"
ROOT = "uid=0(root) gid=0(root) groups=0(root),1000970000"
USER = "uid=1000970000 gid=0(root) groups=0(root),1000970000"
OTHER = "uid=1000660000 gid=0(root) groups=0(root),1000660000"
LOOK = "===== ls -ld / =====\ndrwxr-xr-x 1 root root 48 Nov 21 17:00 /"
DENIED = "lstat /w/image.tar: permission denied"


def push(who: str = USER, to: str = "quay.lab/a", *, caps: str = "") -> str:
    """What a task prints that says who it is, looks, and copies."""
    held = f"\n===== grep Cap /proc/self/status =====\nCapEff:\t{caps}" if caps else ""
    copy = f"===== skopeo copy oci-archive:/w/image.tar docker://{to} ====="
    return f"===== id =====\n{who}{held}\n{LOOK}\n{copy}\nskopeo exit code: 0\n"


def timed(text: str, start: float, step: float = 0.01) -> str:
    """The text with a time before each line, `start` seconds after the hour."""
    lines = text.splitlines()
    return "".join(
        f"2026-11-21T17:{int(at // 60):02d}:{at % 60:09.6f}Z {line}\n"
        for at, line in ((start + step * number, line) for number, line in enumerate(lines))
    )


def parts(*texts: str, file: str = "all.log") -> list[tuple[int | None, bool]]:
    return [(one.source.begins, one.source.mixed) for one in import_text("".join(texts), file)]


def begins(found: Iterable[tuple[int | None, bool]]) -> list[int | None]:
    return [line for line, _ in found]


def test_time_jumps_back() -> None:
    found = import_text(timed(push(ROOT), 100) + timed(push(), 10), "all.log")
    assert [(one.source.begins, one.source.mixed) for one in found] == [(1, False), (7, False)]
    assert [one.line for part in found for one in part.statements if isinstance(one, IdentityStated)] == [2, 8]
    assert found[0].first is not None and found[1].last is not None and found[1].last < found[0].first


def test_output_and_errors_are_out_of_step_by_milliseconds() -> None:
    text = timed(push(), 10) + timed("a\nb\n", 9.9)
    assert parts(text) == [(None, False)]


def test_printed_times_are_no_clock() -> None:
    text = (
        "===== date =====\n2026-11-21T17:00:10Z\n===== stat =====\n2026-11-18 09:12:44.000000000 +0000 /w/image.tar\n"
    )
    assert parts(push(), text) == [(None, False)]


@pytest.mark.parametrize("second", [push(OTHER), push(USER, "registry.lab/b")])
def test_another_identity_or_another_destination_begins_a_container(second: str) -> None:
    assert begins(parts(push(), "\n", second)) == [1, 7]


def test_other_capabilities_begin_a_container() -> None:
    one, two = push(ROOT, caps="0" * 16), push(ROOT, caps="00000000a80425fb")
    assert begins(parts(one, two)) == [1, 9]


def test_beginning_again_a_little_earlier_is_another_container() -> None:
    assert parts(timed(push(), 10), timed(push(), 9.7)) == [(1, False), (7, False)]


def test_beginning_again_tells_no_loop_from_a_second_container() -> None:
    assert parts(push(), push()) == [(None, True)]
    assert parts(timed(push(), 10), timed(push(), 20)) == [(None, True)]


def test_a_file_or_a_prefix_that_names_one_container_is_believed() -> None:
    assert parts(push(), push(OTHER), file="logs/run-push-pod.step-push.log") == [(None, False)]
    prefixed = "".join(f"[pod/p/step-push] {line}\n" for line in (push() + push()).splitlines())
    assert parts(prefixed) == [(None, False)]


def test_interleaved_containers_are_mixed() -> None:
    both = "".join(f"{a}\n{b}\n" for a, b in zip(push().splitlines(), push(OTHER).splitlines(), strict=True))
    assert parts(both) == [(None, True)]


def test_the_identity_of_somebody_else_is_no_join() -> None:
    text = "===== id nobody =====\nuid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"
    assert parts(push(), text, "===== grep Cap /proc/1/status =====\nCapEff:\t00000000a80425fb\n") == [(None, False)]


def test_the_logs_of_a_run_in_one_file_come_apart_again() -> None:
    logs = sorted((CAPTURES / "18-enospc-tmp" / "logs").glob("*.log"))
    texts = [path.read_text() for path in logs]
    apart = [one for path, text in zip(logs, texts, strict=True) for one in import_text(text, path.name)]
    together = import_text("".join(texts), "all.log")
    assert len(together) == len(apart)
    failed = [sum(isinstance(one, FailureStated) for one in part.statements) for part in together]
    assert failed == [sum(isinstance(one, FailureStated) for one in part.statements) for part in apart]


def test_many_jumps_are_no_files_one_after_the_other() -> None:
    assert parts(*(timed("a\n", 1000 - 5 * number) for number in range(100))) == [(None, True)]
