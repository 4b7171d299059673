"""What ends a training run."""

from __future__ import annotations

from ..errors import SG4VError


class TrainingError(SG4VError):
    """A run that must not go on: a loss that is not a number, nothing to learn from, out of memory."""
