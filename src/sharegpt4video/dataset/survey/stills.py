"""What single pictures of a video show about it: how much is black, frozen or blurred.

``FreezeMeter`` is pushed pictures in time order, keeps numbers and at most two pictures, and answers at the end.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...facts.colour import SHARPNESS_WIDTH_PIXELS
from ...video.picture import DecodedFrame, fitted_size

Grey = NDArray[np.uint8]
Picture = NDArray[np.uint8]

MOST_SIDE_PIXELS = 720

BLACK_LUMA, BLACK_PICTURE_SHARE = 26, 0.98
"""A picture is black when this share of it is darker than a tenth of white (the defaults of FFmpeg's blackdetect)."""

CELL_PIXELS = 8
LOCAL_CHANGE, TIMES_MEAN, OVERALL_CHANGE = 6.0, 4.0, 4.5
"""Grey levels: a cell that changes by so much, and so many times more than the mean cell, has motion in it; a picture
that changes by so much on average moves as a whole. Still pictures, H.264 at CRF 35: a cell up to 8.1, but at most 3.6
times the mean, which is up to 3.8; people moving before a static camera: cells of 33 and more, 11 times the mean."""
JUMP, CALM, CALM_SECONDS = 12.0, 4.0, 0.5
"""A mean change of thumbnails (grey levels), after so little change for so long: one picture replaced by another."""
HOLD_SECONDS = 2.0
"""One picture shown for longer than this is frozen while it lasts."""


def picture_of(frame: DecodedFrame) -> Picture:
    """A frame as it is surveyed: RGB, 320 pixels wide, or less where it would be over 720 pixels tall."""
    width = SHARPNESS_WIDTH_PIXELS
    side = min(MOST_SIDE_PIXELS, round(max(frame.width, frame.height) * width / frame.width))
    if frame.width >= 2 * width:
        return frame.frame(side).pixels
    # Scaling by less than half differs too much between FFmpeg and OpenCV, by which sharpness is defined.
    whole = frame.frame().pixels
    height, wide = whole.shape[:2]
    if wide <= width or max(height, wide) <= side:
        return whole
    size = fitted_size(wide, height, side)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(rgb: Picture) -> Grey:
    """An RGB picture as grey levels."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def grey_of_frame(frame: DecodedFrame) -> Grey:
    """A frame as it is surveyed, as grey levels."""
    return grey_of(picture_of(frame))


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian at 320 pixels width, as in ``records.Look``."""
    width = SHARPNESS_WIDTH_PIXELS
    if grey.shape[1] != width:
        size = (width, max(1, round(grey.shape[0] * width / grey.shape[1])))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def is_black(thumbnail: Grey) -> bool:
    """Whether there is next to nothing to see in a grey picture."""
    return int(np.count_nonzero(thumbnail < BLACK_LUMA)) >= BLACK_PICTURE_SHARE * thumbnail.size


def is_changed(before: Grey, after: Grey) -> bool:
    """Whether something happened between two pictures of one size that noise and compression do not explain."""
    rows, columns = (max(1, length // CELL_PIXELS) for length in before.shape)
    cells = cv2.resize(cv2.absdiff(before, after).astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    most, mean = float(cells.max()), float(cells.mean())
    return mean > OVERALL_CHANGE or most > max(LOCAL_CHANGE, TIMES_MEAN * mean)


class FreezeMeter:
    """How much of the time nothing changes.

    Pictures half a second or so apart are compared. Where one still picture is replaced by another, as in a slide show,
    the two sides of that moment are looked at separately, so that it takes no time.
    """

    def __init__(self) -> None:
        self._anchor: tuple[float, Grey] | None = None
        self._last: DecodedFrame | None = None
        self._thumbnail: Grey | None = None
        self._restless = float("-inf")  # when thumbnails last changed
        self._still = True  # whether nothing changed between the last two pictures compared
        self._frozen = 0.0

    def push(self, frame: DecodedFrame, thumbnail: Grey, sample: Grey | None) -> None:
        """Take the next frame with its thumbnail, and its grey picture when it is to be compared."""
        before, last = self._thumbnail, self._last
        change = 0.0 if before is None else cv2.norm(before, thumbnail, cv2.NORM_L1) / thumbnail.size
        calm = last is not None and last.seconds > self._restless and frame.seconds - self._restless >= CALM_SECONDS
        replaced = calm and change > JUMP
        if last is not None and (replaced or last.duration_seconds > HOLD_SECONDS):
            self._compare(last.seconds, grey_of_frame(last))
            self._hold(last)
            self._anchor = (frame.seconds, grey_of_frame(frame) if sample is None else sample)
        elif sample is not None:
            self._compare(frame.seconds, sample)
        if last is None or change > CALM:
            self._restless = frame.seconds
        self._last, self._thumbnail = frame, thumbnail

    def finish(self) -> float:
        """Seconds in which nothing changed, to the end of the last frame."""
        last, self._last = self._last, None
        if last is not None:
            self._compare(last.seconds, grey_of_frame(last))
            self._hold(last)
        return self._frozen

    def _compare(self, seconds: float, grey: Grey) -> None:
        if self._anchor is not None and seconds > self._anchor[0]:
            self._still = not is_changed(self._anchor[1], grey)
            self._frozen += seconds - self._anchor[0] if self._still else 0.0
        self._anchor = (seconds, grey)

    def _hold(self, last: DecodedFrame) -> None:
        """Count the time for which the last frame before another picture, or before the end, is shown."""
        if self._still or last.duration_seconds > HOLD_SECONDS:
            self._frozen += last.duration_seconds
