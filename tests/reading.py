"""What a reader gives for a video, in a form that a test can compare."""

from __future__ import annotations

from typing import Any

import pytest

from media import number_of
from sharegpt4video.errors import VideoError
from sharegpt4video.video.reader import VideoReader


def seen(video: Any, **part: float) -> list[tuple[int, float, float]]:
    """Number, start and end of every frame."""
    with VideoReader(video, **part) as reader:
        return [(number_of(d.frame().pixels), d.seconds, d.end_seconds) for d in reader.decoded()]


def refused(video: Any) -> str:
    """The message of the error that the reader raises for a video."""
    with pytest.raises(VideoError) as caught:
        VideoReader(video)
    return str(caught.value)
