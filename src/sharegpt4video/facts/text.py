"""Text on the picture, read by RapidOCR (extra ``ocr``) with the models that come in its package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra
from ..records import Box, ScreenText

LEAST_SCORE = 0.85
LEAST_CHARACTERS = 3
SAME_RATIO = 0.8
DETECTION_SIDE_PIXELS = (
    960  # text is found at this size, at most, and read at full size: 3 times faster than the default
)
THREADS = 2


class TextReader:
    """Reads the lines of text on a picture.

    Raises MissingExtra when RapidOCR is not installed.
    """

    def __init__(self) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise MissingExtra("Reading on-screen text", "ocr") from error
        self._read: Any = RapidOCR(
            params={
                "Global.log_level": "critical",  # of its own logger only
                "Global.use_cls": False,  # upside-down lines are not looked for
                "Det.limit_type": "max",
                "Det.limit_side_len": DETECTION_SIDE_PIXELS,
                "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def __call__(self, rgb: NDArray[np.uint8], seconds: float) -> tuple[ScreenText, ...]:
        """The lines read with confidence off one picture of shape (height, width, 3), from top to bottom.

        A line needs three visible characters. Text that is there several times is listed once.
        """
        output = self._read(np.ascontiguousarray(rgb[:, :, ::-1]))
        if output.txts is None:
            return ()
        height, width = rgb.shape[:2]
        lines = [
            ScreenText(text.strip(), float(score), seconds, bounding_box(corners, width, height))
            for text, score, corners in zip(output.txts, output.scores, output.boxes, strict=True)
            if score >= LEAST_SCORE and is_legible(text)
        ]
        kept: list[ScreenText] = []
        for line in sorted(lines, key=lambda line: -line.score):
            kept.extend(new_texts(kept, [line]))
        return tuple(sorted(kept, key=lambda line: (line.box.top, line.box.left)))


def new_texts(before: Iterable[ScreenText], now: Sequence[ScreenText]) -> tuple[ScreenText, ...]:
    """The lines of ``now`` that were not among those read ``before``, wherever on the picture they were.

    A line that is read a little differently each time (a watermark, a sign) is not new.
    """
    known = [line.text for line in before]
    return tuple(line for line in now if not any(same_text(line.text, text) for text in known))


def same_text(one: str, other: str) -> bool:
    """Whether two readings are of the same line: nearly the same letters, and no other number.

    Case, spaces and punctuation do not count. A letter read as a digit is a slip of the reader; a digit that became
    another digit, came or went is another text (a score, a house number).
    """
    first, second = ("".join(filter(str.isalnum, text.casefold())) for text in (one, other))
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.ratio() < SAME_RATIO:
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


def bounding_box(corners: Any, width: int, height: int) -> Box:
    """The upright rectangle around four corners in pixels, in fractions of the picture and inside it."""
    points = np.clip(np.asarray(corners, dtype=np.float64) / (width, height), 0.0, 1.0)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))
