"""Copies of real clips, changed as the web changes them, are found; different clips are not taken for copies."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from sharegpt4video.dataset.rows import Survey
from sharegpt4video.dataset.settings import FilterSettings, SurveySettings
from sharegpt4video.dataset.similar.columns import SIMILARITY_COLUMNS
from sharegpt4video.dataset.similar.near import near_duplicate_pairs
from sharegpt4video.dataset.survey.survey import survey
from sharegpt4video.video.reader import VideoReader

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "truth"
NAMES = ("boat", "guitar", "highway")
Picture = NDArray[np.uint8]


def barred(picture: Picture) -> Picture:
    height = picture.shape[0]
    return cv2.copyMakeBorder(picture, height // 6, height // 6, 0, 0, cv2.BORDER_CONSTANT)


def framed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return cv2.copyMakeBorder(picture, height // 4, height // 4, width // 4, width // 4, cv2.BORDER_CONSTANT)


def on_white(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return cv2.copyMakeBorder(
        picture, height // 6, height // 6, width // 8, width // 8, cv2.BORDER_CONSTANT, None, (255,) * 3
    )


def filled(picture: Picture) -> Picture:
    """In a frame twice as wide, which a blown-up and blurred copy fills."""
    height, width = picture.shape[:2]
    part = np.ascontiguousarray(picture[height // 4 : height // 4 + height // 2])
    whole = cv2.GaussianBlur(cv2.resize(part, (2 * width, height)), (0, 0), 12)
    whole[:, width // 2 : width // 2 + width] = picture
    return np.asarray(whole, np.uint8)


def with_logo(picture: Picture) -> Picture:
    marked, (height, width) = picture.copy(), picture.shape[:2]
    marked[int(0.04 * height) : int(0.16 * height), int(0.77 * width) : int(0.97 * width)] = 235
    return marked


def with_lower_third(picture: Picture) -> Picture:
    marked, (height, width) = picture.copy(), picture.shape[:2]
    marked[int(0.76 * height) : int(0.92 * height), int(0.05 * width) : int(0.95 * width)] = (20, 30, 120)
    return marked


COPIES: dict[str, tuple[Callable[[Picture], Picture], float]] = {
    "original": (lambda picture: picture, 1.0),
    "bars above and below": (barred, 1.0),
    "bars on four sides": (framed, 1.0),
    "white border": (on_white, 1.0),
    "blurred bars": (filled, 1.0),
    "logo": (with_logo, 1.0),
    "lower third": (with_lower_third, 1.0),
    "played faster": (lambda picture: picture, 1.25),
}


def coded(pictures: list[Picture], fps: float) -> io.BytesIO:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(100), options={"crf": "26", "preset": "ultrafast"}
        )
        height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for picture in pictures:
            rgb = np.ascontiguousarray(picture[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    return buffer


@pytest.fixture(scope="module")
def surveys() -> dict[tuple[str, str], Survey]:
    if not CLIPS.exists():
        pytest.skip(f"the real clips {CLIPS} are not there")
    made = {}
    for name in NAMES:
        with VideoReader(CLIPS / f"{name}.mp4", end_seconds=6.0) as reader:
            pictures = [frame.frame(240).pixels for frame in reader.decoded() if frame.seconds * 10 % 1 < 0.4]
        for how, (change, speed) in COPIES.items():
            clip = coded([change(picture) for picture in pictures], len(pictures) / 6 * speed)
            made[name, how] = survey(clip, id="", settings=SurveySettings())
    return made


def test_copies_of_real_clips_are_found_and_nothing_else(surveys: dict[tuple[str, str], Survey]) -> None:
    kinds = [pa.list_(pa.string()), pa.binary()] * 2
    columns = [
        pa.array([getattr(one, name) for one in surveys.values()], kind)
        for name, kind in zip(SIMILARITY_COLUMNS, kinds, strict=True)
    ]
    filters, names = FilterSettings(), list(surveys)
    assert filters.near_duplicate_bits is not None
    found = near_duplicate_pairs(
        *columns, bits=filters.near_duplicate_bits, similarity=filters.near_duplicate_similarity
    )
    pairs = {frozenset((names[one], names[other])) for one, other in found}
    assert all(len({name for name, _ in pair}) == 1 for pair in pairs)
    copies = [(name, how) for name, how in names if how != "original"]
    missed = [copy for copy in copies if frozenset((copy, (copy[0], "original"))) not in pairs]
    assert missed == []
