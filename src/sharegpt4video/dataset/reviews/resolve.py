"""Which text a caption has once its reviews are applied, and where two of them contradict each other.

Each text of a caption (the summary, number -1, and each step) is settled by itself. Its *heads* are the texts that
nobody has knowingly replaced. There is one to begin with, the text that the model wrote. Then, in the order in which
they were committed:

- A review takes the text it was made from (``was``) off the heads and puts its own at the end.
- So does a revision of the caption (a repair or a new caption): its text stands after all reviews that were
  committed before it (``stored_revision`` is less). If one of these was made from just this text, the revision has
  left it alone, and it stands before them.

The last head is the text of the caption: what was committed last. If there are others, two people did not know of each
other, or a person and a repair: these are conflicts. Each keeps what it was made from and both texts, and nothing is
lost. A conflict is resolved by one more review made from the text that stands, even one that does not change it; a bulk
change resolves none, since nobody looked.

A text that a person or another model has written has no problem any more; one in which words were replaced keeps its
problem. Undone reviews, and those of a bulk change that was not finished, are as if they had never been.

A caption whose only step says just what its summary says has one text: an edit of either is one of both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...records import Edit, Step
from ..rows import Review, ReviewKind

SUMMARY = -1
BULK: tuple[ReviewKind, ...] = ("replace", "recaption", "filter", "import")
KEEPS_PROBLEM: tuple[ReviewKind, ...] = ("replace",)
BY_HAND: tuple[ReviewKind, ...] = ("edit", "import")


@dataclass(frozen=True)
class Texts:
    """The texts of a caption, with their problems: the summary, and the steps by number."""

    revision: int
    summary: str
    summary_problem: str
    steps: tuple[str, ...]
    problems: tuple[str, ...]

    def __getitem__(self, step: int) -> tuple[str, str]:
        """Text and problem of a step, or of the summary. Raises IndexError for a step that is not there."""
        if step == SUMMARY:
            return self.summary, self.summary_problem
        if step < 0:
            raise IndexError(step)
        return self.steps[step], self.problems[step]

    def __contains__(self, step: int) -> bool:
        return SUMMARY <= step < len(self.steps)

    @property
    def is_one_text(self) -> bool:
        """Whether the only step is the summary itself, as in fast mode."""
        return len(self.steps) == 1 and self.steps[0] == self.summary


@dataclass(frozen=True)
class Conflict:
    """Two texts for the same place, of which neither was made from the other.

    step             of the caption, -1 for its summary
    base_text        what ``mine`` was made from; "" where ``mine`` is the model's own
    mine, theirs     the text that does not count, and the one that does
    author, time_ns  of ``mine``; "" and 0 for the model's own
    """

    step: int
    base_text: str
    mine: str
    theirs: str
    author: str = ""
    time_ns: int = 0


@dataclass(frozen=True)
class Resolved:
    """What reviews have made of a caption. ``changed``: new text and problem by number of the step; ``edits`` are by
    number; ``key`` is 0 if nothing is changed."""

    changed: dict[int, tuple[str, str]] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @property
    def key(self) -> int:
        return key_of((step, text) for step, (text, _) in self.changed.items())


def key_of(texts: Iterable[tuple[int, str]]) -> int:
    """A number of 63 bits that stands for these reviewed texts; 0 for none."""
    told = sorted(texts)
    if not told:
        return 0
    digest = hashlib.blake2b(repr(told).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


def edit_key(edits: Iterable[Edit], summary: str, steps: Sequence[Step], first: int, last: int) -> int:
    """The key of the reviewed texts among some steps of a caption (both ends included), with its summary if all."""
    is_whole = first <= 0 and last >= len(steps) - 1
    told = {edit.step for edit in edits}
    texts = [(number, steps[number].text) for number in told if first <= number <= last]
    return key_of([*texts, *([(SUMMARY, summary)] if is_whole and SUMMARY in told else [])])


def resolved(stored: Texts, reviews: Iterable[Review]) -> Resolved:
    """Apply the reviews of a caption, those that count, in the order in which they were committed."""
    by_step: dict[int, list[Review]] = {}
    for review in reviews:
        if review.text is not None:
            step = SUMMARY if stored.is_one_text and review.step == 0 else review.step
            by_step.setdefault(step, []).append(review)
    changed: dict[int, tuple[str, str]] = {}
    edits: list[Edit] = []
    conflicts: list[Conflict] = []
    for step, own in sorted(by_step.items()):
        if step not in stored:  # the new caption has fewer steps
            conflicts += [_conflict(step, head, "") for head in _heads(None, stored.revision, own)]
            continue
        *others, last = _heads(stored[step][0], stored.revision, own)
        conflicts += [_conflict(step, head, last.text) for head in others]
        if last.review is None:
            continue
        problem = stored[step][1] if last.keeps_problem else ""
        for number in (SUMMARY, 0) if stored.is_one_text else (step,):
            if (last.text, problem) != stored[number]:
                changed[number] = (last.text, problem)
                by_hand = last.review.kind in BY_HAND and not last.review.model
                edits.append(Edit(number, last.review.model or last.review.author, by_hand))
    return Resolved(changed, tuple(edits), tuple(conflicts))


@dataclass(frozen=True)
class _Head:
    """A text that stands, and the review that wrote it; None for the model. ``keeps_problem``: all that was changed
    since the model wrote it were single words."""

    text: str
    review: Review | None = None
    keeps_problem: bool = True


def _heads(stored: str | None, revision: int, reviews: Sequence[Review]) -> list[_Head]:
    """The heads of one text, the one that counts last. ``stored`` is None for a step that is not there any more."""
    own = [] if stored is None else [_Head(stored)]
    before = [review for review in reviews if review.stored_revision < revision]
    left_alone = any(review.was == stored for review in before)
    heads = own if left_alone else []
    for review in before:
        heads = _with(heads, review)
    if not left_alone:
        heads = [*(head for head in heads if head.text != stored), *own]
    for review in reviews:
        if review.stored_revision >= revision:
            heads = _with(heads, review)
    return heads


def _with(heads: Sequence[_Head], review: Review) -> list[_Head]:
    assert review.text is not None
    base = next((head for head in heads if head.text == review.was), None)
    knows_all = base is not None and base is heads[-1] and review.kind not in BULK
    kept = () if knows_all else (head for head in heads if head is not base and head.text != review.text)
    keeps = review.kind in KEEPS_PROBLEM and (base is None or base.keeps_problem)
    return [*kept, _Head(review.text, review, keeps)]


def _conflict(step: int, head: _Head, theirs: str) -> Conflict:
    if head.review is None:
        return Conflict(step, "", head.text, theirs)
    return Conflict(step, head.review.was, head.text, theirs, head.review.author, head.review.time_ns)
