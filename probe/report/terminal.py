"""The verdict on a terminal: the answer first, the path as `namei -l` draws it, for and against, the fix to paste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from probe.classify.case import Reading
from probe.classify.verdict import Assessment, Cause, Claim, Family, Fix, Status, VerdictDocument
from probe.evidence.image import ImageFacts
from probe.evidence.observation import NotSeen
from probe.report.chain import print_chain
from probe.report.layout import Page, Spans
from probe.report.table import print_table
from probe.report.timeline import print_sources, print_timeline

_FAMILY_WORDS = {
    Family.A: "  (A: permissions)",
    Family.B: "  (B: path or transport)",
    Family.RACE: "  (race)",
    Family.OTHER: "  (neither A, B nor race)",
    Family.NONE: "",
}
_MOST_CLAIMS = 6
_MOST_GROUPS = 8
_MOST_REPORTS = 16


def print_verdict(document: VerdictDocument, stream: IO[str]) -> None:
    """Write the verdict for a person. Colour and width follow the stream, NO_COLOR and COLUMNS."""
    page = Page(stream)
    _headline(page, document)
    several = getattr(document, "table", None) is not None
    for number, report in enumerate(document.evidence[:_MOST_REPORTS]):
        _evidence(page, Reading(number, report), named=several)
    if len(document.evidence) > _MOST_REPORTS:
        page.line()
        page.line(f"and {_count(len(document.evidence) - _MOST_REPORTS, 'more report')} (--json)")
    print_sources(page, document)
    print_table(page, document)
    _predictions(page, document)
    lead, *others = document.assessments
    for title, claims in (("For", lead.supports), ("Against", lead.contradicts), ("Missing", lead.missing)):
        _block(page, title, _claims(claims))
    _block(page, "Also", [_also(found) for found in others if found.status.holds])
    _block(page, "Possible", [_also(found) for found in others if found.status is Status.POSSIBLE])
    _block(page, "Note", list(document.notes))
    if shows_time(document):
        print_timeline(page, document)
    if lead.remedy is not None:
        _fix(page, "Fix", lead.remedy.smallest)
        if lead.remedy.structural is not None:
            _fix(page, "For good", lead.remedy.structural)


def _predictions(page: Page, document: VerdictDocument) -> None:
    """Of a document that has any: its model is loaded only then."""
    found = getattr(document, "predictions", ())
    if found:
        from probe.report.predictions import print_predictions

        print_predictions(page, found)


def shows_time(document: VerdictDocument) -> bool:
    """Whether the order of things matters: a race leads, or more than one process has told of it."""
    starts = {(one.context.hostname, one.context.probe_started // 1_000_000_000) for one in document.evidence}
    sources = {event.source.split()[0] for event in document.timeline}
    return document.verdict.family is Family.RACE or len(starts) > 1 or bool(sources - {"report"})


def _headline(page: Page, document: VerdictDocument) -> None:
    verdict = document.verdict
    style = "bold red" if verdict.family is not Family.NONE else "bold green"
    if verdict.cause is Cause.INCONCLUSIVE:
        style = "bold yellow"
    page.line([(str(verdict.cause), style), (f"  {verdict.status}{_FAMILY_WORDS[verdict.family]}", "")])
    page.line(verdict.statement)


def _evidence(page: Page, reading: Reading, *, named: bool) -> None:
    """Whose access to what, the path, the kernel's answer, and the image in two lines; `named`: which task's."""
    page.line()
    if reading.in_registry:
        _registry(page, reading)
        return
    credentials = reading.credentials
    groups = " ".join(map(str, sorted({credentials.gid, *credentials.groups})[:_MOST_GROUPS]))
    page.line(reading.report.reference.text, style="bold")
    verb = "predicted for" if reading.predicted else "seen by"
    who = f" ({reading.report.context.task})" if named and reading.report.context.task else ""
    page.line(f"{verb} uid {credentials.uid}, groups {groups}{who}", style="dim")
    print_chain(page, reading)
    if not reading.predicted:
        for operation, path, errno in dict.fromkeys((a.operation, a.path, a.errno) for a in reading.report.attempts):
            outcome = ("granted", "green") if errno is None else (errno, "bold red")
            page.line([(f"{operation}{_where(path, reading.report.reference.path)}: ", ""), outcome], lead="   ")
    image = reading.image
    if image is not None:
        _image(page, image)


def _registry(page: Page, reading: Reading) -> None:
    """What a registry holds under a name, or why that is not known."""
    page.line(reading.report.reference.text, style="bold")
    page.line("asked through skopeo", style="dim")
    image = reading.report.image
    if isinstance(image, NotSeen):
        page.line([(f"{image.reason}: ", "bold red"), (image.message, "")], lead="   ")
        return
    selected = image.value.selected
    if selected is None:
        page.line("no image that could be understood", lead="   ", style="dim")
        return
    page.line(f"registry: {_count(len(selected.layers), 'layer')}, not fetched", lead="   ")
    if selected.manifest_digest is not None:
        page.line(selected.manifest_digest, lead="   ", style="dim")


def _where(path: str, target: str) -> str:
    """What an attempt was made on, when it is not the target: a name inside it, or another path."""
    if path == target:
        return ""
    return " " + path.removeprefix(target.rstrip("/") + "/")


def _image(page: Page, image: ImageFacts) -> None:
    selected = image.selected
    if not image.images:
        page.line(f"{image.found}: no image found in it", lead="   ", style="dim")
        return
    state = "complete" if image.complete else "whole, but not complete" if image.whole else "not whole"
    verified = "layers not hashed"
    if image.verification is not None:
        verified = "every digest verified" if image.verification.agreed else "digests do not agree"
    layers = f", {_count(len(selected.layers), 'layer')}" if selected is not None else ""
    page.line(f"{image.found}: {state}{layers}, {verified}", lead="   ")
    if selected is not None and selected.manifest_digest is not None:
        page.line(selected.manifest_digest, lead="   ", style="dim")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _block(page: Page, title: str, items: Sequence[str | Spans]) -> None:
    if items:
        page.line()
        page.entry(title, items)


def _claims(claims: Sequence[Claim]) -> list[str | Spans]:
    items: list[str | Spans] = [claim.sentence for claim in claims[:_MOST_CLAIMS]]
    if len(claims) > _MOST_CLAIMS:
        items.append(f"and {len(claims) - _MOST_CLAIMS} more (--json)")
    return items


def _also(found: Assessment) -> Spans:
    status = f" {found.status}" if found.status.holds else ""
    said = f", follows from {found.implied_by}" if found.implied_by is not None else f": {found.statement}"
    return [(str(found.cause), "bold"), (status + said, "")]


def _fix(page: Page, title: str, fix: Fix) -> None:
    _block(page, title, [fix.sentence])
    for paste in (fix.command, fix.yaml):
        if paste:
            page.line()
            page.paste(paste)
