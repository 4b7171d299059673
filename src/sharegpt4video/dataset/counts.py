"""How far a build is, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..display import Result
from ..foreign import terminal_line
from ..records import VideoCaption
from ..wording import counted

if TYPE_CHECKING:
    from .checks.run import ChecksResult
    from .decide.select import Selection
    from .rows import Failure

MOST_FAILURES = 5
"""That a build names at its end."""


@dataclass(repr=False)
class BuildCounts(Result):
    """Counts of one run of a build; videos unless said otherwise.

    identical       the same file was listed before under another name
    moved, replaced, unlisted, pending, skipped     as in ``Worklist``
    known           done in an earlier run
    dropped, failed     by reason, and by kind; ``failed_before``: failed in an earlier run and not tried again
    failures        what went wrong with the first few that failed, each with the name of its video
    standing        all failures of the data set that stand after this run, as ``status`` counts them
    unanswered      captioned, but texts are missing because the model did not answer; the next build asks again
    requests_paid   requests that the model was asked; the replies to the others were known
    mixed_up        replies that belonged to other requests, and were asked for again
    requests_at_once    how many were found to be best for the server; None if that is not known
    """

    listed: int = 0
    all_listed: bool = False
    identical: int = 0
    moved: int = 0
    replaced: int = 0
    unlisted: int = 0
    pending: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    known: int = 0
    surveyed: int = 0
    short: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    captioned: int = 0
    marked: int = 0
    unanswered: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    failed_before: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    standing: int = 0
    steps: int = 0
    video_seconds: float = 0.0
    requests: int = 0
    requests_paid: int = 0
    mixed_up: int = 0
    requests_at_once: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    pairing: str = ""
    stopped: str = ""
    checks: ChecksResult | None = None
    selection: Selection | None = None

    def add(self, captioned: VideoCaption) -> None:
        """Count a captioned video."""
        made = captioned.provenance
        self.captioned += 1
        self.marked += len(captioned.problems)
        self.unanswered += bool(captioned.unanswered)
        self.steps += len(captioned.steps)
        self.video_seconds += captioned.end_seconds - captioned.start_seconds
        self.requests += made.requests
        self.input_tokens += made.input_tokens
        self.output_tokens += made.output_tokens
        if made.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + made.cost_usd

    def add_failure(self, failure: Failure) -> None:
        """Count a failure, and keep what it says if it is one of the first."""
        self.failed[failure.kind] += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(failure.line())

    @property
    def done(self) -> int:
        """Videos that need nothing more."""
        failed = self.failed.total() + self.failed_before.total()
        return self.known + self.identical + self.captioned + self.dropped.total() + failed

    @property
    def all_well(self) -> bool:
        """Whether nothing failed, in this run or before it, and nothing was left for want of a model."""
        unrelated = self.checks is not None and self.checks.unrelated
        return not (self.failed or self.failed_before or self.standing or self.unanswered or self.stopped or unrelated)

    @property
    def left(self) -> int:
        return max(self.listed - self.done, 0)

    def text(self) -> str:
        """What became of the videos, in one line and one line for each reason."""
        parts = [f"captioned {self.captioned} of {self.listed} videos"]
        for number, what in (
            (self.known, "done before"),
            (self.identical, "the same file as another"),
            (self.moved, "found at another place than before"),
            (self.replaced, "replaced by another file"),
            (self.dropped.total(), "dropped"),
            (self.failed.total(), "failed"),
            (self.failed_before.total(), "failed before"),
            (self.left, "left"),
        ):
            if number:
                parts.append(f"{number} {what}")
        parts.append(counted(self.steps, "step"))
        if self.marked:
            parts.append(f"{counted(self.marked, 'text')} with a problem")
        if self.requests:
            of = f" of {self.requests}" if self.requests_paid <= self.requests else ""  # some were of no use
            at_once = f", {counted(self.requests_at_once, 'request')} at once" if self.requests_at_once else ""
            parts.append(f"{self.requests_paid}{of} replies asked for{at_once}")
        if self.cost_usd is not None:
            parts.append(f"{self.cost_usd:.4f} US dollars")
        lines = [", ".join([*parts, f"{self.seconds:.0f} s"]), *self._reasons()]
        if self.pairing:
            lines.append(f"  {self.pairing}")
        if self.checks is not None and self.checks.captions:
            lines.append(f"checks: {self.checks.faulty:,} of {self.checks.captions:,} captions with findings")
            if mixed_up := self.checks.faulty_by["mixed up"]:
                lines.append(
                    f"  {mixed_up:,} of them seem to hold answers about other videos; ask for those again with:"
                    ' sg4v dataset repair DIR --check "mixed up" --model MODEL'
                )
            lines += [f"  {line}" for line in (self.checks.not_checked, self.checks.unrelated) if line]
        if self.selection is not None:
            lines.append(self.selection.line())
        if self.stopped:
            lines.append(f"stopped early: {self.stopped}")
        return "\n".join(lines)

    def _reasons(self) -> list[str]:
        """What was dropped, failed or left unfinished, and what to do about it."""
        lines = []
        for what, counts in (("dropped", self.dropped), ("failed", self.failed), ("skipped", self.skipped)):
            lines += [f"  {what}: {number} {reason}" for reason, number in counts.most_common()]
            if what == "failed" and self.failures:
                lines += [f"    {terminal_line(line)}" for line in self.failures]
                more = self.failed.total() - len(self.failures)
                lines += [f"    and {more} more; sg4v dataset status DIR --failures lists all"] if more else []
        for kind, number in self.failed_before.most_common():
            lines.append(f"  failed before: {number} {kind} (--retry-failed {kind} tries again)")
        elsewhere = self.standing - self.failed.total() - self.failed_before.total()
        if elsewhere > 0:
            lines.append(f"  {elsewhere} failures of earlier runs remain; sg4v dataset status counts them")
        if self.pending:
            lines.append(
                f"  an earlier run did not list all of: {', '.join(self.pending)}; build again without inputs to"
                " finish that"
            )
        if self.unlisted:
            lines.append(
                f"  {self.unlisted} of these files were replaced since they were listed; build again with"
                " them as inputs to caption the new files"
            )
        if self.unanswered:
            lines.append(
                f"  unfinished: in {counted(self.unanswered, 'captioned video')} the model left texts unanswered;"
                " build again to ask for those"
            )
        if self.failed["unavailable"] or self.failed["model"]:
            lines.append("  unavailable: the model did not answer; model: it refused; build again to retry both")
        return lines
