"""Clips that several test files read; nothing writes to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from media import numbered, numbered_run, write_video


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for clips."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def plain(clips: Path) -> Path:
    """60 numbered frames at 25 per second, a keyframe every 12, and sound."""
    path = clips / "plain.mp4"
    write_video(path, numbered_run(60), audio_seconds=(0.0, 2.4), container_options={"movflags": "faststart"})
    return path


@pytest.fixture(scope="session")
def long(clips: Path) -> Path:
    """100 s at 5 numbered frames per second, a keyframe every 10 s."""
    path = clips / "long.mkv"
    write_video(path, (numbered(n) for n in range(500)), fps=5, gop=50, b_frames=2)
    return path
