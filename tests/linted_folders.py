"""Folders of clips for the tests of lint: one video, coded once, under as many names as are needed."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from media import numbered_run, write_video
from sharegpt4video.t2v.manifests import Row

FRAMES, FPS, WIDTH, HEIGHT = 17, 16, 64, 48


@lru_cache(maxsize=16)
def made_video(frames: int = FRAMES, fps: int = FPS) -> bytes:
    """A video of numbered pictures."""
    path = Path(mkdtemp(prefix="sg4v-lint-")) / "video.mp4"
    write_video(path, numbered_run(frames, WIDTH, HEIGHT), fps=fps)
    data = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    return data


def put(path: Path, frames: int = FRAMES, fps: int = FPS) -> Path:
    """A video at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made_video(frames, fps))
    return path


def clips(folder: Path, captions: list[str], *, where: str = "clips", frames: int = FRAMES) -> list[Row]:
    """A row and its video for each caption."""
    rows = []
    for number, caption in enumerate(captions):
        put(folder / where / f"clip{number}.mp4", frames)
        rows.append(Row(f"{where}/clip{number}.mp4", {"dense": caption}, frames, float(FPS), WIDTH, HEIGHT))
    return rows


def lines(path: Path, *told: object) -> Path:
    """A text of lines; objects become JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in told) + "\n", "utf-8")
    return path


def here(folder: Path) -> str:
    return os.fspath(folder.absolute())
