"""The block that says who will be able to read."""

from __future__ import annotations

import io

from probe.classify.joined import Prediction
from probe.classify.verdict import Fix, Remedy
from probe.report.layout import Page
from probe.report.predictions import print_predictions


def shown(*predictions: Prediction) -> str:
    stream = io.StringIO()
    print_predictions(Page(stream), predictions)
    return stream.getvalue()


def test_refusals_come_first_with_their_change() -> None:
    fix = Fix(sentence="Let kubelet repair every inode.", yaml="securityContext:\n  fsGroupChangePolicy: Always")
    text = shown(
        Prediction(consumer="push-a", reads=True, statement="push-a will be able to read it"),
        Prediction(consumer="push-b", reads=None, statement="hangs on the user"),
        Prediction(consumer="push-c", reads=False, statement="needs x", remedy=Remedy(smallest=fix)),
    )
    assert text.index("push-c: no") < text.index("push-b: not decided") < text.index("push-a: yes")
    assert "fsGroupChangePolicy: Always" in text


def test_nothing_where_nobody_is_to_come() -> None:
    assert shown() == ""


def test_many_are_counted() -> None:
    several = [Prediction(consumer=f"push-{number}", reads=True, statement="yes") for number in range(40)]
    assert "and 24 more (--json)" in shown(*several)
