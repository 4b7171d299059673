"""Stretches of a video's sound, cut out in the order of time, for models that hear."""

from __future__ import annotations

import numpy as np

from ..records import Audio
from .hearing import RATE, SoundTrack

MOST_SECONDS = 600.0
"""No request carries more sound: 19 MB, and more than most models listen to."""
_SKIP_SECONDS = 30.0


class Excerpts:
    """Cuts pieces out of a track. One that begins before the end of the piece before it begins there."""

    def __init__(self, track: SoundTrack) -> None:
        self._track, self._at = track, round(track.start_seconds * RATE)

    @property
    def warning(self) -> str:
        """What could not be heard; "" for nothing."""
        return self._track.trouble

    def between(self, start_seconds: float, end_seconds: float) -> Audio | None:
        """The sound of ``[start_seconds, end_seconds)``, less where it ends early; None where there is none."""
        start, end = max(round(start_seconds * RATE), self._at), round(end_seconds * RATE)
        if end <= start or not self._track.exists:
            return None
        while self._at < start:
            skipped = len(self._track.read(min((start - self._at) / RATE, _SKIP_SECONDS)))
            if not skipped:
                return None
            self._at += skipped
        samples = self._track.read((end - start) / RATE)
        self._at += len(samples)
        if not len(samples):
            return None
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        return Audio(pcm, start / RATE, (start + len(samples)) / RATE)
