"""On-screen text followed through a video: what is drawn from one time to another is told for that time, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from sharegpt4video.facts import text_tracks
from sharegpt4video.facts.paragraphs import paragraphs
from sharegpt4video.facts.text_tracks import EVERY_SECONDS, TextTracker, TextWatch
from sharegpt4video.records import Box, Facts, Look, ScreenText
from sharegpt4video.vlm.embedded.overall import blended

WIDTH, HEIGHT = 640, 360
TEXTS = ("Evening News", "preview copy", "Score 10", "Score 20", "12:34", "Good night", "and good luck")
NOISE = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH * 3, 3), np.uint8)


@dataclass(frozen=True)
class Drawn:
    """A text on screen in ``[start, end)``; ``place`` is where, top left, in pixels."""

    text: str
    start: float
    end: float
    place: tuple[int, int] = (200, 300)


class Reader:
    """Reads what `picture` draws: stripes whose red says which text they are. Counts its looks."""

    looks = 0

    def find(self, rgb: np.ndarray) -> list[np.ndarray]:
        self.looks += 1
        mask = ((rgb[..., 1] > 180) & (rgb[..., 2] < 60)).astype(np.uint8)
        mask = cv2.dilate(mask, np.ones((3, 25), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:count].tolist() if area > 200]
        return [np.array([[a, b], [c, b], [c, d], [a, d]], np.float32) for a, b, c, d in boxes]

    def read(self, rgb: np.ndarray, places: list[np.ndarray]) -> list[tuple[str, float]]:
        found = []
        for corners in places:
            (left, top), (right, bottom) = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
            part = rgb[top:bottom, left:right]
            reds = part[(part[..., 1] > 200) & (part[..., 2] < 40)][:, 0]
            found.append((TEXTS[round(float(np.median(reds)) / 30)], 0.95))
        return found


def picture(seconds: float, drawn: list[Drawn], *, moves: bool, dark_until: float = 0.0) -> np.ndarray:
    shift = round(seconds * 90) if moves else 0
    pixels = NOISE[:, shift : shift + WIDTH].copy() if moves else np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    if seconds < dark_until:
        pixels //= 8
    elif dark_until:
        pixels = pixels // 2 + 110
    for one in drawn:
        if one.start <= seconds < one.end:
            x, y = one.place
            for column in range(x, x + 160, 10):
                pixels[y : y + 20, column : column + 5] = (30 * TEXTS.index(one.text), 255, 0)
                pixels[y : y + 20, column + 5 : column + 10] = 0
    return pixels


def frames(drawn: list[Drawn], seconds: float, *, moves: bool, dark_until: float = 0.0) -> list[Any]:
    made = []
    for number in range(round(seconds / EVERY_SECONDS)):
        at = number * EVERY_SECONDS
        pixels = picture(at, drawn, moves=moves, dark_until=dark_until)
        made.append(
            SimpleNamespace(
                seconds=at, width=WIDTH, height=HEIGHT, small=lambda _, p=pixels: p,
                frame=lambda _, p=pixels: SimpleNamespace(pixels=p),
            )
        )  # fmt: skip
    return made


def tracked(drawn: list[Drawn], seconds: float, *, moves: bool = True, dark_until: float = 0.0) -> TextTracker:
    tracker = TextTracker(Reader())  # type: ignore[arg-type]
    for frame in frames(drawn, seconds, moves=moves, dark_until=dark_until):
        tracker.push(frame)
    return tracker


def facts(tracker: TextTracker, start: float, end: float, shot: float = 0.0) -> Facts:
    look = blended([Look(0.5, 0.2, 100.0, ())])
    return Facts(start, end, None, None, look, (), tracker.between(start, end, shot))  # type: ignore[arg-type]


def new(one: Facts) -> list[str]:
    return [line.text for line in one.new_texts]


@pytest.mark.parametrize("moves", [True, False])
def test_a_text_appears_stays_and_goes(moves: bool) -> None:
    tracker = tracked([Drawn("Evening News", 1.0, 5.0)], 9.0, moves=moves)
    opening, comes, stays, goes, after = (
        facts(tracker, *times) for times in ((0.0, 0.0), (0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0))
    )
    assert (opening.texts, after.texts) == ((), ())
    assert new(comes) == ["Evening News"]
    assert comes.texts[0].from_seconds == pytest.approx(1.0, abs=0.4)  # type: ignore[index]
    assert new(stays) == new(goes) == []
    assert [line.to_seconds for line in (*comes.texts, *stays.texts)] == [None, None]  # type: ignore[misc]
    assert goes.texts[0].to_seconds == pytest.approx(5.0, abs=0.4)  # type: ignore[index]


def test_a_text_that_is_there_when_a_shot_opens_is_told_with_it() -> None:
    tracker = tracked([Drawn("Evening News", 3.0, 9.0)], 9.0, dark_until=3.0)
    assert new(facts(tracker, 0.0, 2.9)) == []
    assert new(facts(tracker, 3.0, 3.0, 3.0)) == ["Evening News"]
    assert new(facts(tracker, 3.0, 5.0, 3.0)) == []


def test_a_watermark_is_told_once_however_often_the_picture_cuts() -> None:
    tracker = tracked([Drawn("preview copy", 0.0, 9.0, (20, 20))], 9.0, dark_until=4.0)
    told = [facts(tracker, *times) for times in ((0.0, 0.0), (0.0, 4.0), (4.0, 4.0, 4.0), (4.0, 8.0, 4.0))]
    assert [new(one) for one in told] == [["preview copy"], [], [], []]
    assert all(len(one.texts or ()) == 1 for one in told)


def test_a_counter_is_one_text_and_a_clock_is_none() -> None:
    drawn = [Drawn("Score 10", 0.0, 3.0), Drawn("Score 20", 3.0, 6.0), Drawn("12:34", 0.0, 6.0, (20, 20))]
    tracker = tracked(drawn, 6.0)
    assert [new(facts(tracker, *times)) for times in ((0.0, 0.0), (0.0, 6.0))] == [["Score 10"], []]


def test_what_flashes_up_for_one_reading_is_no_content() -> None:
    tracker = tracked([Drawn("Evening News", 2.0, 2.2)], 6.0)
    assert facts(tracker, 0.0, 6.0).texts == ()


def test_a_text_found_too_late_for_its_interval_is_told_in_the_next() -> None:
    tracker = TextTracker(Reader())  # type: ignore[arg-type]
    made = frames([Drawn("Evening News", 0.0, 9.0)], 9.0, moves=False)
    assert new(facts(tracker, 0.0, 1.0)) == []
    for frame in made:
        tracker.push(frame)
    assert new(facts(tracker, 1.0, 4.0)) == ["Evening News"]
    assert new(facts(tracker, 4.0, 8.0)) == []


def test_a_picture_without_new_writing_is_not_read_again() -> None:
    for drawn, most in (([], 1), ([Drawn("Evening News", 0.0, 30.0)], 3)):
        tracker = tracked(drawn, 30.0, moves=False)
        assert tracker._reader.looks <= most  # type: ignore[attr-defined]


def test_a_picture_that_moves_is_read_ever_less_often_where_nothing_is_found() -> None:
    looks = [tracked([], seconds)._reader.looks for seconds in (7.0, 14.0)]  # type: ignore[attr-defined]
    assert looks[0] <= 6
    assert looks[1] - looks[0] <= 3


@pytest.mark.parametrize("cores", ["1", "2"])
def test_a_thread_beside_changes_nothing(cores: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SG4V_CORES", cores)
    monkeypatch.setattr(text_tracks, "TextReader", Reader)
    watch = TextWatch()
    for frame in frames([Drawn("Evening News", 1.0, 5.0)], 6.0, moves=True):
        watch.push(frame)
    (line,) = watch.between(0.0, 4.0, 0.0)
    assert (line.text, line.to_seconds) == ("Evening News", None)


def lines(
    *texts: str, width: Callable[[int], float] = lambda _: 0.6, gap: float = 0.02, since: float = 0.0
) -> list[ScreenText]:
    return [
        ScreenText(text, 0.9, 1.0, Box(0.1, 0.2 + n * (0.05 + gap), 0.1 + width(n), 0.25 + n * (0.05 + gap)), since)
        for n, text in enumerate(texts)
    ]


WRAPPED = ("Put pureed sweet potato in ice tray", "or storage containers. My storage", "containers are blue.")


def test_a_wrapped_sentence_is_one_text() -> None:
    (whole,) = paragraphs(lines(*WRAPPED, width=lambda n: 0.6 if n < 2 else 0.3))
    assert whole.text == " ".join(WRAPPED)
    assert (whole.box.top, whole.box.bottom) == (0.2, pytest.approx(0.39))


@pytest.mark.parametrize(
    "apart",
    [
        lines("Scavenger", "Steady Aim", "Second Chance"),  # a menu
        lines(*WRAPPED, gap=0.1),  # far below each other
        lines(*WRAPPED, width=lambda n: 0.3 if n == 0 else 0.6)[:2],  # the first line had room left
        [lines(*WRAPPED)[0], lines(*WRAPPED, since=4.0)[1]],  # not at the same time
    ],
)
def test_lines_that_are_not_one_sentence_stay_apart(apart: list[ScreenText]) -> None:
    assert paragraphs(apart) == apart
