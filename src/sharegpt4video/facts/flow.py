"""Dense optical flow between two small grey pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Grey

LEAST_FLOW_SIDE_PIXELS = 32  # OpenCV picks the pyramid by the width alone and writes past the end of a lower picture


class DenseFlow:
    """Optical flow (DIS, the fastest preset) between two grey pictures of the same size, whatever that size is."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def __call__(self, before: Grey, after: Grey) -> NDArray[np.float32]:
        """The displacement of every pixel of ``before``, shape (height, width, 2), in pixels (x, y)."""
        height, width = before.shape
        bottom, right = max(0, LEAST_FLOW_SIDE_PIXELS - height), max(0, LEAST_FLOW_SIDE_PIXELS - width)
        if bottom or right:
            before, after = (
                cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REPLICATE) for picture in (before, after)
            )
        field = self._flow.calc(before, after, None)
        return np.asarray(field[:height, :width], np.float32)
