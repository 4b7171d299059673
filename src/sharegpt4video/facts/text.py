"""Text on the picture, read by RapidOCR with the models that come in its package."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box, ScreenText

LEAST_SCORE = 0.85
LEAST_CHARACTERS = 3
LEAST_LETTERS = 3
SAME_RATIO = 0.8
MOST_SIDE_PIXELS = 960  # text is looked for at this size, at most, and read at full size
TALL = 1.5  # higher than wide by this: the line runs downwards

Pixels = NDArray[np.uint8]
_LOADING = threading.Lock()


class TextReader:
    """Finds and reads lines of text. All readers of a process share one set of networks, loaded at the first use."""

    def __call__(self, rgb: Pixels, seconds: float) -> tuple[ScreenText, ...]:
        """The lines read with confidence off one picture of shape (height, width, 3), from top to bottom.

        A line needs three visible characters. Text that is there several times is listed once.
        """
        height, width = rgb.shape[:2]
        places = self.find(rgb)
        lines = [
            ScreenText(text, score, seconds, bounding_box(corners, width, height))
            for corners, (text, score) in zip(places, self.read(rgb, places), strict=True)
            if score >= LEAST_SCORE and is_legible(text)
        ]
        kept: list[ScreenText] = []
        for line in sorted(lines, key=lambda line: -line.score):
            kept.extend(new_texts(kept, [line]))
        return tuple(sorted(kept, key=lambda line: (line.box.top, line.box.left)))

    def find(self, rgb: Pixels) -> list[NDArray[np.float32]]:
        """Where lines of text are: four corners each, in pixels, clockwise from the top left."""
        boxes = _finder()(np.ascontiguousarray(rgb[:, :, ::-1])).boxes
        return [] if boxes is None else [np.asarray(each, np.float32) for each in boxes]

    def read(self, rgb: Pixels, places: Sequence[NDArray[np.float32]]) -> list[tuple[str, float]]:
        """The text of each of these places, with its score (0..1); upside-down lines are not looked for."""
        if not places:
            return []
        from rapidocr.ch_ppocr_rec import TextRecInput

        found = _recognizer()(TextRecInput(img=[_straight(rgb, corners) for corners in places]))
        return [(text.strip(), float(score)) for text, score in zip(found.txts, found.scores, strict=True)]


@functools.cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",  # of its own logger only
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": MOST_SIDE_PIXELS,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # more threads spin while they wait
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _finder() -> Any:
    """The network that finds lines. RapidOCR loads it when it is first used."""
    with _LOADING:
        engine = _engine()
        if engine.text_det is None:
            engine(np.zeros((64, 64, 3), np.uint8), use_det=True, use_rec=False, use_cls=False)
        return engine.text_det


def _recognizer() -> Any:
    with _LOADING:
        engine = _engine()
        if engine.text_rec is None:
            engine(np.zeros((48, 96, 3), np.uint8), use_det=False, use_rec=True, use_cls=False)
        return engine.text_rec


def _straight(rgb: Pixels, corners: NDArray[np.float32]) -> Pixels:
    """A line cut out of a picture and turned level, as BGR."""
    width = max(round(max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]))), 1)
    height = max(round(max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1]))), 1)
    level = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, level)
    cut = cv2.warpPerspective(
        np.ascontiguousarray(rgb), turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray((np.rot90(cut) if height >= TALL * width else cut)[:, :, ::-1])


def new_texts(before: Iterable[ScreenText], now: Sequence[ScreenText]) -> tuple[ScreenText, ...]:
    """The lines of ``now`` that were not among those read ``before``, wherever on the picture they were.

    A line that is read a little differently each time (a watermark, a sign) is not new.
    """
    known = [line.text for line in before]
    return tuple(line for line in now if not any(same_text(line.text, text) for text in known))


def same_text(one: str, other: str, ratio: float = SAME_RATIO) -> bool:
    """Whether two readings are of the same line: nearly the same letters, and no other number.

    Case, spaces and punctuation do not count. A letter read as a digit is a slip of the reader; a digit that became
    another digit, came or went is another text (a score, a house number).
    """
    first, second = ("".join(filter(str.isalnum, text.casefold())) for text in (one, other))
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.ratio() < ratio:
        return False
    for operation, start, end, other_start, other_end in matcher.get_opcodes():
        had, has = has_digit(first[start:end]), has_digit(second[other_start:other_end])
        if operation == "replace" and had and has:
            return False
        if operation in ("insert", "delete") and (had or has):
            return False
    return True


def has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def is_legible(text: str) -> bool:
    """Whether there are enough visible characters, and letters or digits among them."""
    return sum(not character.isspace() for character in text) >= LEAST_CHARACTERS and any(map(str.isalnum, text))


def is_content(text: str) -> bool:
    """Whether a line says something: a clock, a counter or a figure of a display does not.

    Letters must be more than digits, and at least three, or two of a script that needs no more for a word.
    """
    letters = [character for character in text if character.isalpha()]
    digits = sum(map(str.isdigit, text))
    wide = any(character > "\u2e7f" for character in letters)  # Chinese, Japanese, Korean
    return len(letters) >= max(2 if wide else LEAST_LETTERS, digits + 1)


def same_letters(one: str, other: str) -> bool:
    """Whether two readings differ in nothing but their digits: a counter that has gone on."""
    first, second = ("".join(filter(str.isalpha, text.casefold())) for text in (one, other))
    return len(first) >= LEAST_LETTERS and SequenceMatcher(None, first, second, autojunk=False).ratio() >= SAME_RATIO


def bounding_box(corners: Any, width: int, height: int) -> Box:
    """The upright rectangle around four corners in pixels, in fractions of the picture and inside it."""
    points = np.clip(np.asarray(corners, dtype=np.float64) / (width, height), 0.0, 1.0)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))
