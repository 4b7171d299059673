"""One video captioned twice: both captions with marks on what only one of them says."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import SettingsError
from ...records import Finding
from ...verify.prose import Draft
from ..report.samples import find_rows
from ..rows import CaptionRow, Checked
from ..store.store import Store
from .claims import Claim, ClaimKind, Said, claims, said
from .sides import FACTS, findings_of, stored_checks


@dataclass(frozen=True)
class Mark:
    """Something only this caption says: the characters ``[start, end)`` of the text, of which kind, and the word for
    it. A claim that the other caption contradicts is not told from one that it leaves out."""

    start: int
    end: int
    kind: ClaimKind
    name: str


@dataclass(frozen=True)
class MarkedText:
    """A text of a caption: of step ``step``, or its summary (-1), and the time it is about."""

    step: int
    text: str
    start_seconds: float
    end_seconds: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class ComparedCaption:
    """One of the two captions. ``contradicted`` are the findings that a measured fact speaks against."""

    row: CaptionRow
    texts: tuple[MarkedText, ...]
    findings: tuple[Finding, ...]

    @property
    def contradicted(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.check in FACTS)


@dataclass(frozen=True)
class OneComparison:
    """Both captions of a video; texts without problems only, the steps in order, then the summary."""

    id: str
    first: ComparedCaption
    second: ComparedCaption


def one_comparison(first: Store, second: Store, id: str) -> OneComparison:
    """Compare the captions of one video. Raises SettingsError if one of the data sets has none."""
    rows = []
    for store in (first, second):
        row: CaptionRow | None = find_rows(store, "captions", [id]).get(id)
        if row is None:
            raise SettingsError(f"{store.root}: has no caption with the id {id}")
        rows.append(row)
    told = [said(texts, claims(texts)) for texts in (Draft(row).texts for row in rows)]
    return OneComparison(id, _side(first, rows[0], told[1]), _side(second, rows[1], told[0]))


def _side(store: Store, row: CaptionRow, other: Said) -> ComparedCaption:
    checked: Checked | None = find_rows(store, "checks", [row.id]).get(row.id)
    findings = findings_of(row, [] if checked is None else [stored_checks(checked)])
    return ComparedCaption(row, marked(row, other), findings)


def marked(row: CaptionRow, other: Said) -> tuple[MarkedText, ...]:
    """The texts of a caption with marks on what the other one does not say."""
    draft = Draft(row)
    marks: dict[int, list[Claim]] = {}
    for claim in claims(draft.texts):
        if not other.says(claim.kind, claim.meanings):
            marks.setdefault(claim.step, []).append(claim)
    found = []
    for passage in draft.texts:
        own = sorted(marks.get(passage.number, ()), key=lambda claim: claim.start)
        start, end = draft.seconds_of(passage)
        told = tuple(Mark(claim.start, claim.end, claim.kind, claim.name) for claim in own)
        found.append(MarkedText(passage.number, passage.text, start, end, told))
    return tuple(found)
