"""Sealing by a child: a mount that does not answer keeps nobody from ending the command that waits.

A process in fsync(2) or open(2) on a dead mount may be out of reach of every signal. There is no deadline: syncing and
hashing some gigabytes takes minutes, and only who asked for it knows how long is too long.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace

from probe.collect.deadline import Bounds, run_child
from probe.collect.journal import Journal
from probe.evidence.report import Reference
from probe.evidence.seal import Seal
from probe.handoff.seal.reading import MAX_SEAL
from probe.handoff.seal.refused import Misused, Refused, Unable
from probe.handoff.seal.sealing import Wish, seal

_CAPACITY = 4 * MAX_SEAL
_WEEK = 7 * 24 * 3600.0
_PR_SET_PDEATHSIG = 1
_REASONS: dict[str, type[Exception]] = {kind.__name__: kind for kind in (Misused, Refused, Unable)}
_TOLD, _SEALED = "told", "sealed"


def seal_apart(reference: Reference, wish: Wish) -> Seal:
    """As `seal`; what there is to tell is told at the end. KeyboardInterrupt passes, and the child is ended."""
    journal = Journal(_CAPACITY)
    parent = os.getpid()
    try:
        ending = run_child(lambda shared: _work(shared, parent, reference, wish), journal, Bounds(_WEEK), wish.progress)
        entries = list(journal.entries())
    finally:
        journal.close()
    made = None
    for kind, body in entries:
        if kind == _TOLD:
            wish.tell(body.decode())
        elif kind == _SEALED:
            made = Seal.model_validate_json(body)
        elif kind in _REASONS:
            raise _REASONS[kind](body.decode())
    if made is None:
        raise Unable(f"{reference.path}: not sealed: {ending.sentence or 'the sealing process said nothing'}")
    return made


def _work(journal: Journal, parent: int, reference: Reference, wish: Wish) -> None:
    _die_with(parent)

    def tell(sentence: str) -> None:
        journal.append(_TOLD, _encoded(sentence))

    apart = replace(
        wish,
        tell=tell,
        progress=None if wish.progress is None else journal.progress,
    )
    try:
        made = seal(reference, apart)
    except tuple(_REASONS.values()) as error:
        journal.append(type(error).__name__, _encoded(str(error)))
    else:
        journal.append(_SEALED, made.model_dump_json(by_alias=True).encode())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _die_with(parent: int) -> None:
    """(Child.) Nobody publishes or seals any more when who asked for it was killed (prctl(2))."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
