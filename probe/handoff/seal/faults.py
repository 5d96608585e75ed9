"""Why a container is not fit to be handed over, in a sentence that begins with the code of the cause."""

from __future__ import annotations

from probe.evidence.base import clip
from probe.evidence.image import Container, Ending, ImageFacts, Problem
from probe.evidence.report import Reference
from probe.image.reference import PATH_TRANSPORT

IMAGES = (Container.OCI_ARCHIVE, Container.OCI, Container.DIR, Container.DOCKER_ARCHIVE)
_DAMAGE = ("digest-mismatch", "diff-id-mismatch", "wrong-size", "bad-json", "bad-header")
_ENDS = {
    Ending.EMPTY: "it has no bytes",
    Ending.ZEROS: "it holds nothing but zeros: its space was taken, and it is not written yet",
    Ending.IN_MEMBER: "the archive ends inside a member",
    Ending.IN_HEADER: "the archive ends inside a header",
    Ending.MEMBER_BOUNDARY: "the archive ends without the zero blocks that mark its end",
    Ending.HALF_END: "the archive ends inside the zero blocks that mark its end",
}
_SHOWN = 3


def retarget(reference: Reference, found: Container) -> Reference:
    """A plain path as the reference to the container that lies there."""
    return reference.model_copy(update={"transport": found.value})


def fault_in(facts: ImageFacts, asked: Reference) -> str | None:
    """The fault, or None for what is whole and finished: as the image that was asked for, or as a plain file."""
    if asked.transport != PATH_TRANSPORT and facts.found != asked.transport:
        return _of_another_kind(facts, asked)
    if facts.found in IMAGES:
        return None if _is_sound(facts) else _unfinished(facts)
    if facts.found is Container.DIRECTORY:
        return (
            "wrong-transport: a directory that holds no image: seal its files one by one, or name the image directory"
        )
    # A plain file. A tar archive that is cut off may be an image that is not finished.
    cut = facts.found is Container.EMPTY or (facts.archive is not None and facts.archive.ending is Ending.ZEROS)
    if cut or any(problem.kind != "bad-header" for problem in facts.problems):
        return _unfinished(facts)
    return None


def _is_sound(facts: ImageFacts) -> bool:
    return facts.complete and (facts.verification is None or facts.verification.agreed)


def _of_another_kind(facts: ImageFacts, asked: Reference) -> str:
    if facts.found is Container.EMPTY:
        return f"truncated: {_ENDS[Ending.EMPTY]}"
    if facts.found not in IMAGES:
        cut = _ENDS.get(facts.archive.ending) if facts.archive is not None else None
        return (
            f"truncated: {cut}" if cut else f"wrong-transport: no image that {asked.transport}: reads ({facts.found})"
        )
    return (
        f"wrong-transport: what lies there is the kind that {facts.found}: reads, and {asked.transport}: does not: "
        f"seal {facts.found}:{asked.path}, and give that name to the readers"
    )


def _unfinished(facts: ImageFacts) -> str:
    """The cause, and the first things that show it."""
    problems = facts.problems
    # In a directory a blob that is missing may be yet to come; an archive that has its end gets no more.
    damage = _DAMAGE if facts.archive is None else (*_DAMAGE, "missing-blob")
    damaged = any(problem.kind in damage for problem in problems)
    end = _ENDS.get(facts.archive.ending) if facts.archive is not None else None
    if any(problem.kind in ("ambiguous-reference", "unknown-reference") for problem in problems):
        cause = "wrong-path"
    else:
        cause = "corrupt" if damaged and end is None else "truncated" if end is not None else "incomplete"
    told = [end] if end is not None else []
    told += [_words(problem) for problem in problems[:_SHOWN] if problem.kind != "no-end-blocks"]
    more = len(problems) - _SHOWN
    if more > 0:
        told.append(f"and {more} more")
    if not told:
        told = ["not everything that the image needs was seen there"]
    return clip(f"{cause}: {'; '.join(told)}", 2048)


def _words(problem: Problem) -> str:
    text = f"{problem.kind} {problem.subject}"
    if problem.expected:
        text += f": expected {problem.expected}"
    return text + (f"{', ' if problem.expected else ': '}found {problem.found}" if problem.found else "")
