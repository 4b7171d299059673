"""Interlaced video shows no combs; everything else comes out as it was decoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media import Picture, write_video
from sharegpt4video.video.clips import cut
from sharegpt4video.video.reader import VideoReader

COUNT, FPS = 150, 10
NOTE = "the video is interlaced: {} pictures were deinterlaced"


def scene(seconds: float) -> Picture:
    """A bright bar that crosses a dark picture, 60 columns a second."""
    picture = np.full((48, 64, 3), 40, np.uint8)
    left = int(seconds * 60) % 48
    picture[8:40, left : left + 16] = 220
    return picture


def fields(top_first: bool) -> Iterator[Picture]:
    """Pictures whose lines are in turn of one moment and of half a picture later."""
    for number in range(COUNT):
        moments = scene(number / FPS), scene((number + 0.5) / FPS)
        first, second = moments if top_first else reversed(moments)
        woven = np.empty_like(first)
        woven[0::2], woven[1::2] = first[0::2], second[1::2]
        yield woven


def combs(pixels: Picture) -> float:
    """How far each line is from the mean of its neighbours."""
    lines = pixels[..., 1].astype(int)
    return float(np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean())


INTERLACED: dict[str, dict[str, Any]] = {
    "mbaff.mp4": {"options": {"x264-params": "tff=1"}},
    "bottom.mkv": {"options": {"x264-params": "bff=1"}, "b_frames": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"flags": "+ilme+ildct"}, "fps": 25},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "options": {"flags": "+ildct"}},
}


@pytest.mark.parametrize("name", INTERLACED)
def test_combs_go_and_times_stay(tmp_path: Path, name: str) -> None:
    how = {"fps": FPS} | INTERLACED[name]
    write_video(tmp_path / name, fields(name != "bottom.mkv"), **how)
    plain = np.mean([combs(scene(n / FPS)) for n in range(COUNT)])
    with VideoReader(tmp_path / name) as reader:
        frames = list(reader.frames())
        assert reader.warnings == [NOTE.format(COUNT)]
    assert [frame.seconds for frame in frames] == pytest.approx([n / how["fps"] for n in range(COUNT)], abs=1e-3)
    shown = np.mean([combs(frame.pixels) for frame in frames])
    assert shown < 1.5 * plain < 0.5 * np.mean([combs(picture) for picture in fields(True)])


def test_a_seek_shows_the_same_deinterlaced_picture(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, fields(True), fps=FPS, gop=10, options={"x264-params": "tff=1"})
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    for number in (110, 120, 121, 135, 149):  # 110 and 120 are keyframes
        with VideoReader(path) as reader:
            (found,) = reader.frames(at_seconds=[number / FPS])
        assert found.seconds == frames[number].seconds
        assert np.array_equal(found.pixels, frames[number].pixels), number


def test_progressive_pictures_are_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No filter is even made, so that they cost what they did."""
    monkeypatch.setattr("sharegpt4video.video.deinterlace.av.filter.Graph", None)
    path = tmp_path / "v.mkv"
    write_video(path, fields(True), fps=FPS, codec="ffv1", pix_fmt="bgr0")
    with VideoReader(path) as reader:
        pixels = [frame.pixels for frame in reader.frames()]
        assert reader.warnings == []
    assert all(np.array_equal(got, made) for got, made in zip(pixels, fields(True), strict=True))


def test_pictures_too_small_for_the_filter_come_as_they_are(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mov", [np.full((2, 32, 3), n, np.uint8) for n in range(5)], codec="prores_ks",
                pix_fmt="yuv422p10le", options={"flags": "+ildct"})  # fmt: skip
    with VideoReader(tmp_path / "v.mov") as reader:
        assert len(list(reader.frames())) == 5
        assert "could not be deinterlaced" in reader.warnings[0]


def test_a_cut_that_is_re_encoded_is_deinterlaced_and_says_so(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", fields(True), fps=FPS, options={"x264-params": "tff=1"})
    done = cut(tmp_path / "v.mp4", tmp_path / "clip.mp4", 1.5, 3.0, preset="ultrafast")
    assert (done.how, done.frames) == ("re-encoded", 15)
    assert done.warnings[0].startswith("the video is interlaced")
    with VideoReader(tmp_path / "clip.mp4") as reader:
        assert np.mean([combs(frame.pixels) for frame in reader.frames()]) < 2 * combs(scene(0.5))
