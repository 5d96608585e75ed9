"""Whatever stands in a script: no exception, no unbounded work, and nothing that cannot be written as JSON."""

from __future__ import annotations

import random
import time

import pytest

from probe.skopeo.invocation import invocations_of, invocations_of_words

COPY = "skopeo copy oci-archive:/w/i.tar docker://q.io/a:1\n"
SIZE = 60_000
PIECES = (
    *"'\"\\$`;|&()<>#\n \t{}!=:-[]*~",
    *("skopeo", "copy", "oci:/a", "dir:/b", "IMG=", "$IMG", "${IMG:-x}", "sh", "-c", "cat", "<<E", "E", "\n", "if"),
    *("then", "fi", "case", "esac", "in", "for", "do", "done", "function", "f()", "cd", "/w", "> x.tar", "tar", "-cf"),
    *(
        "podman",
        "load",
        "-i",
        "\udc80",
        "\ud800",
        "\0",
        "export",
        "local",
        "$(",
        "${",
        "$((",
        "))",
        "docker://a:b@c/d",
        "umask",
    ),
    *(
        "chmod",
        "0700",
        "/w/a.tar",
        "-t",
        "kaniko",
        "executor",
        "--tar-path",
        "--authfile=/a",
        "exec",
        "dd",
        "of=/a.tar",
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        *(one * SIZE for one in "'\"`$({[<>\\#;|&"),
        *((one + " ") * (SIZE // 2) for one in "'\"`$({[<>\\;|&"),
        *(("a" + one) * (SIZE // 2) for one in "'\"`$({[<>\\"),
        "$((" * (SIZE // 3),
        "${a" * (SIZE // 3),
        "cat " + "<<E " * (SIZE // 4) + "\n" + "x\n" * 5_000,
        "a0=x\n" + "".join(f"a{n}=$a{n - 1}$a{n - 1}\n" for n in range(1, 3_000)) + "skopeo inspect oci:/$a2999",
        "a=x\n" * (SIZE // 4) + "skopeo inspect oci:/$a",
        "skopeo inspect oci:/" + "x" * SIZE,
        "skopeo " + "x " * (SIZE // 2),
        "sh -c '" * 5_000,
        "".join(f"cp /a/{n} /b{n}\n" for n in range(3_000)) + COPY,
        "".join(f"chmod 700 /a/{n} /b{n}/c\n" for n in range(3_000)) + COPY,
        COPY * (SIZE // len(COPY)),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_the_work_grows_with_the_length_and_no_faster(text: str) -> None:
    began = time.process_time()
    invocations_of(text, mentions=True)
    assert time.process_time() - began < 4


def test_random_scripts_never_raise() -> None:
    chance = random.Random(5)
    for _ in range(2_000):
        words = chance.choices(PIECES, k=chance.randrange(40))
        text = chance.choice(("", " ")).join(words)
        for one in (*invocations_of(text, mentions=True), *invocations_of_words(words, mentions=True)):
            one.model_dump_json()


def test_a_very_long_script_is_read_in_part() -> None:
    assert invocations_of(COPY + " " * 2_000_000 + COPY.replace("i.tar", "j.tar")) == invocations_of(COPY)
    assert invocations_of(" " * 1_200_000 + COPY) == ()
