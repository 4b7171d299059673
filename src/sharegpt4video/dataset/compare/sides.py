"""One of the two data sets, read once: of each caption what it says, how long it is, what is wrong and what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from ...given import from_json
from ...records import Finding
from ...verify.prose import Draft
from ..checks import CHECKS, check_caption
from ..export.multimap import DiskMultimap
from ..rows import CaptionRow, Checked
from ..sources.listed import Listed
from ..store.schema import to_rows
from ..store.store import Store
from .claims import ClaimKind, Said, claims, said

FACTS = frozenset(name for name, check in CHECKS.items() if check.group == "facts")
"""The checks that hold a text against what was measured."""
_CLAIM = tuple[ClaimKind, tuple[str, ...]]


@dataclass(frozen=True)
class Digest:
    """What a comparison needs of a caption.

    claims        each that it makes, once: its kind, and all that its word can stand for
    words, steps  of all texts together; steps with a text
    findings      by check, how many
    cost_usd      None: not known
    has_facts     whether anything was measured that its texts can contradict
    """

    video: str
    said: Said
    claims: tuple[_CLAIM, ...]
    words: int
    steps: int
    findings: dict[str, int]
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    has_facts: bool

    @property
    def contradicted(self) -> int:
        """How many measured facts it contradicts."""
        return sum(count for name, count in self.findings.items() if name in FACTS)

    def only_here(self, other: Digest) -> dict[ClaimKind, list[str]]:
        """What it says and the other does not, by kind."""
        found: dict[ClaimKind, list[str]] = {}
        for kind, meanings in self.claims:
            if not other.said.says(kind, meanings):
                names = found.setdefault(kind, [])
                if min(meanings) not in names:
                    names.append(min(meanings))
        return found

    def to_json(self) -> str:
        plain = asdict(self)
        plain["said"] = {name: sorted(values) for name, values in plain["said"].items()}
        return json.dumps(plain, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Digest:
        plain = from_json(text)
        plain["said"] = Said(**{name: set(values) for name, values in plain["said"].items()})
        plain["claims"] = tuple((kind, tuple(meanings)) for kind, meanings in plain["claims"])
        return Digest(**plain)


def digest(row: CaptionRow, findings: tuple[Finding, ...]) -> Digest:
    """What a comparison needs of this caption, with what the checks found in it."""
    draft = Draft(row)
    made = list(claims(draft.texts))
    distinct: dict[_CLAIM, None] = dict.fromkeys((one.kind, tuple(sorted(one.meanings))) for one in made)
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.check] = counts.get(finding.check, 0) + 1
    cost = row.provenance
    return Digest(
        video=row.location,
        said=said(draft.texts, made),
        claims=tuple(distinct),
        words=sum(len(passage.text.split()) for passage in draft.texts),
        steps=len(draft.steps),
        findings=counts,
        requests=cost.requests,
        input_tokens=cost.input_tokens,
        output_tokens=cost.output_tokens,
        cost_usd=cost.cost_usd,
        has_facts=any(step.facts for step in row.steps),
    )


def digests(store: Store) -> Iterator[tuple[str, Digest]]:
    """The digests of the captions that count, with their reviews, in the order of the store.

    Findings are those that are stored; a caption that was not checked as it reads now is checked by the rules.
    """
    listed = Listed(store)
    with ExitStack() as stack:
        checked = stack.enter_context(DiskMultimap(_checked(store, listed)))
        for batch in listed.batches(store, "captions", batch_rows=64):
            for row in to_rows(CaptionRow, batch):
                yield row.id, digest(row, findings_of(row, checked.get(bytes.fromhex(row.id))))


def findings_of(row: CaptionRow, stored: list[str]) -> tuple[Finding, ...]:
    """The findings of a caption; ``stored``: its checks, as JSON."""
    for text in stored:
        revision, edit_key, findings = from_json(text)
        if (revision, edit_key) == (row.revision, row.edit_key):
            return tuple(Finding(*one) for one in findings)
    return check_caption(row)


def stored_checks(checked: Checked) -> str:
    """A row of the checks as ``findings_of`` reads it."""
    findings = [[one.check, one.step, one.reason] for one in checked.findings]
    return json.dumps([checked.revision, checked.edit_key, findings], ensure_ascii=False)


def _checked(store: Store, listed: Listed) -> Iterator[tuple[bytes, str]]:
    for batch in listed.batches(store, "checks", batch_rows=4096):
        for row in to_rows(Checked, batch):
            yield bytes.fromhex(row.id), stored_checks(row)
