"""Lines of text followed through a video like objects: they appear, stay and go.

Reading a picture takes a hundred times as long as seeing that no writing has changed (``strokes``). So a picture is
read in whole when the scene changes and now and then while it moves, and in part, at twice the size, where strokes that
stay have come up. A line that loses its strokes is looked for once more where it was. Where nothing is found, the next
look comes later and later.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..cores import cores
from ..records import Box, ScreenText
from ..video.picture import DecodedFrame
from .paragraphs import paragraphs
from .strokes import PADDING_CELLS, SIDE_PIXELS, STAYS, WHOLE, Strokes, merged, overlaps, regions, slices
from .text import LEAST_SCORE, MOST_SIDE_PIXELS, TextReader, bounding_box, is_content, same_letters, same_text

EVERY_SECONDS = 1 / 3
COARSE_SECONDS = 3.0  # between two readings of a whole picture that moves
MOST_WAIT_SECONDS = 12.0  # after looks in vain
LEAST_GAP_SECONDS = 0.6
AGAIN_SECONDS = 1.0
FINE_SIDE_PIXELS = 1280
SMALL = 0.1  # of the picture's height; larger lines need no enlargement
MOST_LINES = 16  # of one picture, the largest: nobody reads a page aloud
SAME_PLACE = 0.5  # intersection over the larger one
SURE = 0.97  # two readings that differ are two texts
UNSURE_RATIO = 0.5  # of two readings of a line that a moving picture shines through
OTHER_SCENE = 24.0  # mean difference of two small grey pictures, in grey levels
HISTORY = 12
NEAR = 0.01
MOST_UNREAD = 3
OPENING_SECONDS = 0.7  # a line found so early in a shot was there when it opened
MOST_KNOWN = 300


@dataclass
class _Line:
    text: str
    score: float
    box: Box
    seconds: float
    first: float
    last: float
    scene: int
    readings: int = 1
    steady: bool = False
    live: bool = True
    gone: bool = False
    missed: int = 0
    next_check: float = 0.0
    checks: int = 0
    told: bool = False
    votes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.votes[self.text] += self.score

    def learn(self, text: str, score: float, seconds: float) -> None:
        """Of several readings the most frequent one counts, or that of which it is a part; not once it was told."""
        self.votes[text] += score
        better = self.votes[text] > self.votes[self.text] and text not in self.text
        if not self.told and (better or self.text in text):
            self.text, self.score, self.seconds = text, score, seconds


@dataclass(frozen=True, eq=False)
class _Reading:
    """What one look found: places, with a text and a score where they had to be read."""

    region: Box
    fine: bool
    found: tuple[tuple[Box, str, float], ...]


class TextTracker:
    """Follows the lines of text in the pictures that are pushed, in the order of time."""

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader
        self._lines: list[_Line] = []
        self._before: Strokes | None = None
        self._read: Strokes | None = None
        """The strokes of each place when it was last read."""
        self._small: NDArray[np.float32] | None = None
        self._change = 0.0
        self._history: deque[tuple[float, NDArray[np.float32], NDArray[np.float32]]] = deque(maxlen=HISTORY)
        self._quiet_until = self._tries = np.zeros((1, 1), np.float32)
        self._scene = self._pushed = 0
        self._next_coarse = self._last_coarse = self._next_fine = float("-inf")
        self._wait = COARSE_SECONDS

    def push(self, frame: DecodedFrame) -> None:
        """Take the next picture; reads it, or parts of it, where its writing may have changed."""
        seconds, picture = frame.seconds, frame.small(SIDE_PIXELS)
        now = Strokes.of(picture)
        edges, self._pushed = now.edges(), self._pushed + 1
        if self._before is None:
            self._read = Strokes(np.zeros_like(now.rising), np.zeros_like(now.falling))
            self._quiet_until, self._tries = np.zeros(now.shape, np.float32), np.zeros(now.shape, np.float32)
            kept = np.zeros(now.shape, np.float32)
        else:
            kept = now.kept(self._before)
        self._history.append((seconds, kept, edges))
        self._before = now
        if self._is_other_scene(picture):
            self._quiet_until[:], self._tries[:] = 0, 0
            self._wait = COARSE_SECONDS
            self._next_coarse = min(self._next_coarse, max(seconds, self._last_coarse + AGAIN_SECONDS))
            self._scene += 1
        self._carry_on(seconds, kept, edges)
        for reading in self._readings(frame, now, kept, edges):
            self._note(seconds, reading)

    def between(self, start_seconds: float, end_seconds: float, shot_start_seconds: float) -> tuple[ScreenText, ...]:
        """The lines in view at some time of an interval, from top to bottom; lines of one paragraph as one.

        Ask in the order of time: a line that was found too late to be told when it came is told as soon as it can be.
        """
        instant = start_seconds == end_seconds
        opening = instant and start_seconds == shot_start_seconds
        still: list[ScreenText] = []
        moving: list[ScreenText] = []  # where such a line was is not where it is now, beside others
        for line in self._lines:
            first = shot_start_seconds if 0 <= line.first - shot_start_seconds <= OPENING_SECONDS else line.first
            sure = line.steady or line.readings > 1 or self._pushed == 1
            if not sure or first > end_seconds or line.last < start_seconds or (instant and not (opening or line.told)):
                continue
            if not line.told:
                late = start_seconds if opening else line.seconds if start_seconds < line.seconds else end_seconds
                line.first = first if opening or first > start_seconds else min(late, end_seconds)
                line.first, line.told = max(line.first, start_seconds), True
            ended = line.last if line.gone and line.last < end_seconds else None
            shown = ScreenText(line.text, line.score, line.seconds, line.box, line.first, ended)
            (still if line.steady else moving).append(shown)
        return tuple(sorted([*paragraphs(sorted(still, key=_down)), *moving], key=_down))

    def _is_other_scene(self, picture: NDArray[np.uint8]) -> bool:
        small = cv2.resize(picture, (16, 9), interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2)
        before, self._small = self._small, small
        change = OTHER_SCENE if before is None else float(np.abs(small - before).mean())
        usual, self._change = self._change, change
        return (
            change >= OTHER_SCENE and change >= 2 * usual
        )  # a picture that shakes or flickers is no other one each time

    def _carry_on(self, seconds: float, kept: NDArray[np.float32], edges: NDArray[np.float32]) -> None:
        """A line whose strokes are all still there is still there."""
        for line in self._lines:
            if line.live:
                line.live = _stays(line.box, kept, edges)
                line.steady |= line.live
                line.last = seconds if line.live else line.last

    def _readings(
        self, frame: DecodedFrame, now: Strokes, kept: NDArray[np.float32], edges: NDArray[np.float32]
    ) -> Iterator[_Reading]:
        """Look where it is worth it: at the whole picture, or at places of it."""
        assert self._read is not None
        seconds, written = frame.seconds, now.written()
        least = np.maximum(edges, 1e-6)
        known = (now.kept(self._read) / least >= STAYS) | (self._quiet_until > seconds)
        unread = written & ~known
        if seconds >= self._next_coarse and (self._pushed == 1 or unread.any()):
            yield self._look(frame, WHOLE, fine=False)
            self._last_coarse, self._next_coarse = seconds, seconds + self._wait
            self._wait = min(self._wait * 2, MOST_WAIT_SECONDS)
        lost = [line for line in self._lines if not line.live and not line.gone and seconds >= line.next_check]
        steady = unread & (kept / least >= STAYS)
        if seconds < self._next_fine or not (lost or steady.any()):
            return
        rows, columns = now.shape
        fresh = regions(steady)
        boxes = merged([*fresh, *(_wider(line.box, rows, columns) for line in lost)])
        for line in lost:  # one that is always found again, on a picture that moves behind it, need not be looked for
            line.next_check = seconds + min(AGAIN_SECONDS * 2.0**line.checks, MOST_WAIT_SECONDS)
            line.checks += 1
        for box in boxes:
            small = any(overlaps(box, each) for each in fresh) or any(line.box.height < SMALL for line in lost)
            reading = self._look(frame, box, fine=small)
            if any(_cut_off(place, box) for place, _, _ in reading.found):
                box = Box(0.0, box.top, 1.0, box.bottom)
                reading = self._look(frame, box, fine=small)
            yield reading
            self._settle(now, slices(box, now.shape), seconds)
        if boxes:
            self._next_fine = seconds + LEAST_GAP_SECONDS

    def _settle(self, now: Strokes, cells: tuple[slice, slice], seconds: float) -> None:
        """A place that was read is read again when its strokes change, but not at once and ever less often."""
        assert self._read is not None
        height, width = now.rising.shape
        rows, columns = now.shape
        down = slice(cells[0].start * height // rows, cells[0].stop * height // rows)
        across = slice(cells[1].start * width // columns, cells[1].stop * width // columns)
        self._read.rising[down, across] = now.rising[down, across]
        self._read.falling[down, across] = now.falling[down, across]
        self._tries[cells] += 1
        waits = np.minimum(EVERY_SECONDS * 2.0 ** self._tries[cells], MOST_WAIT_SECONDS)
        self._quiet_until[cells] = seconds + waits

    def _look(self, frame: DecodedFrame, region: Box, *, fine: bool) -> _Reading:
        native = max(frame.width, frame.height)
        side = SIDE_PIXELS if not fine else MOST_SIDE_PIXELS if region == WHOLE else FINE_SIDE_PIXELS
        picture = frame.frame(side).pixels
        height, width = picture.shape[:2]
        left, top = round(region.left * width), round(region.top * height)
        cut = picture[
            top : max(round(region.bottom * height), top + 1), left : max(round(region.right * width), left + 1)
        ]
        factor = min(2.0, side / native) if fine else 1.0
        if factor > 1:
            size = max(round(cut.shape[1] * factor), 1), max(round(cut.shape[0] * factor), 1)
            cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        factor = max(factor, 1.0)
        places = self._reader.find(cut)
        boxes = [bounding_box(corners / factor + (left, top), width, height) for corners in places]
        follow = [
            next((line for line in self._lines if line.live and _same_place(line.box, box)), None) for box in boxes
        ]
        new = [place for place, line in enumerate(follow) if line is None]
        new = sorted(new, key=lambda place: -boxes[place].height)[:MOST_LINES]
        texts = dict(zip(new, self._reader.read(cut, [places[place] for place in new]), strict=True))
        found = [
            (box, *texts.get(place, ("", 0.0) if line is None else (line.text, line.score)))
            for place, (box, line) in enumerate(zip(boxes, follow, strict=True))
        ]
        return _Reading(region, fine, tuple(found))

    def _note(self, seconds: float, reading: _Reading) -> None:
        """Match what was read with the lines that are known; those that should have been read and were not are gone."""
        seen: list[_Line] = []
        for box, text, score in reading.found:
            if score < LEAST_SCORE or not is_content(text):
                continue
            line = self._match(box, text, score, seen)
            if line is None:
                first = self._since(seconds, box)
                line = _Line(text, score, box, seconds, first, seconds, self._scene, steady=first < seconds)
                self._lines.append(line)
                self._wait = COARSE_SECONDS
            elif not any(line is other for other in seen):
                line.readings += seconds > line.seconds
                line.learn(text, score, seconds)
            line.box, line.last, line.live, line.gone, line.missed = box, seconds, True, False, 0
            line.scene = self._scene
            seen.append(line)
        for line in self._lines:
            if line.live or line.gone or not _inside(line.box, reading.region):
                continue
            line.missed += 1 if reading.region == WHOLE else 2
            line.gone = line.missed >= 2
        if len(self._lines) > MOST_KNOWN:
            self._lines = [line for line in self._lines if line.live] + [x for x in self._lines if not x.live][-100:]

    def _match(self, box: Box, text: str, score: float, seen: list[_Line]) -> _Line | None:
        """The line that this is another reading of, wherever it is; or one in its place of which it may be.

        What was read surely both times and differs is another line of a page, or of the next page.
        """
        for line in reversed(self._lines):
            if line.text == text:
                return line
        for line in reversed(self._lines):
            taken = any(line is other for other in seen) or (line.steady and not line.live)
            if not (taken and min(score, line.score) >= SURE) and same_text(line.text, text):
                return line
        for line in self._lines:
            if line.scene != self._scene or not _same_place(line.box, box):
                continue
            unsure = not line.steady and same_text(line.text, text, UNSURE_RATIO)
            if unsure or same_letters(line.text, text) or text in line.text or line.text in text:
                return line
        return None

    def _since(self, seconds: float, box: Box) -> float:
        """Since when the strokes in a box have been what they are."""
        since = seconds
        for place in range(len(self._history) - 1, 0, -1):
            if not _stays(box, *self._history[place][1:]):
                break
            since = self._history[place - 1][0]
        return since


class TextWatch:
    """Looks at some of the frames that go by, beside the decoder where there are several cores."""

    def __init__(self) -> None:
        self._tracker = TextTracker(TextReader())
        self._beside = ThreadPoolExecutor(1, "text") if cores() > 1 else None
        self._unread: deque[Future[None]] = deque()
        self._next = float("-inf")

    def push(self, frame: DecodedFrame) -> None:
        """Take a frame; the picture is held until it has been looked at."""
        if frame.seconds < self._next:
            return
        self._next = frame.seconds + EVERY_SECONDS
        if self._beside is None:
            self._tracker.push(frame)
            return
        while len(self._unread) >= MOST_UNREAD:
            self._unread.popleft().result()
        self._unread.append(self._beside.submit(self._tracker.push, frame))

    def between(self, start_seconds: float, end_seconds: float, shot_start_seconds: float) -> tuple[ScreenText, ...]:
        """As `TextTracker.between`, once all frames that were taken have been looked at."""
        while self._unread:
            self._unread.popleft().result()
        return self._tracker.between(start_seconds, end_seconds, shot_start_seconds)


def _down(line: ScreenText) -> tuple[float, float]:
    return line.box.top, line.box.left


def _stays(box: Box, kept: NDArray[np.float32], edges: NDArray[np.float32]) -> bool:
    cells = slices(box, edges.shape)
    there = float(edges[cells].sum())
    return there > 0 and float(kept[cells].sum()) >= STAYS * there


def _same_place(one: Box, other: Box, least: float = SAME_PLACE) -> bool:
    if not overlaps(one, other):
        return False
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return width * height >= least * max(one.width * one.height, other.width * other.height)


def _cut_off(box: Box, region: Box) -> bool:
    """Whether a line reaches the side of a region that is not the picture's."""
    left = region.left > 0 and box.left <= region.left + NEAR
    return left or (region.right < 1 and box.right >= region.right - NEAR)


def _inside(box: Box, region: Box) -> bool:
    x, y = box.centre
    return region.left <= x <= region.right and region.top <= y <= region.bottom


def _wider(box: Box, rows: int, columns: int) -> Box:
    across, down = PADDING_CELLS / columns + 0.5 * box.height, PADDING_CELLS / rows + 0.5 * box.height
    return Box(
        max(box.left - across, 0.0), max(box.top - down, 0.0), min(box.right + across, 1.0), min(box.bottom + down, 1.0)
    )
