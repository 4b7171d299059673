"""Captions fitted while they are exported, and what that cost them."""

from __future__ import annotations

from .budget import BudgetReport, fit
from .encoders import Counter, encoders_of
from .told import Told


class Fitter:
    """Shortens captions to what the text encoders of a generator read, such as ``T5-226`` or ``HunyuanVideo``.

    Raises SettingsError for a name that is not known.
    """

    def __init__(self, name: str) -> None:
        self._counters = [Counter(encoder) for encoder in encoders_of(name)]
        self.reports = [BudgetReport(counter.encoder) for counter in self._counters]

    def __call__(self, told: Told, behind: str) -> str:
        """The caption with room for what comes behind it, by the first encoder.

        CLIP beside another one gives a single vector for the whole prompt: what it would cut off is only counted.
        """
        found = [
            fit(told.text, counter.encoder, counter=counter, after=behind, events=told.events)
            for counter in self._counters
        ]
        for report, fitted in zip(self.reports, found, strict=True):
            report.add(fitted)
        return found[0].text

    def text(self) -> str:
        """What was over, and what was shed, for each encoder."""
        return "\n".join(report.text() for report in self.reports)
