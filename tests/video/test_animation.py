"""Animated pictures of today's kinds, whichever library can read them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import features

from media import Picture, number_of, numbered_run
from reading import refused, seen
from sharegpt4video.video.reader import VideoReader

LENGTHS = [40, 120, 40, 300, 80, 80, 10, 500, 40, 40]  # milliseconds
STARTS = [sum(LENGTHS[:n]) / 1000 for n in range(len(LENGTHS) + 1)]


def animation(kind: str, pictures: list[Picture], **how: object) -> bytes:
    images = [Pillow.fromarray(picture) for picture in pictures]
    file = io.BytesIO()
    images[0].save(file, kind, save_all=True, append_images=images[1:], duration=LENGTHS, **how)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "AVIF"])
def test_every_picture_at_its_time(tmp_path: Path, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(animation(kind, numbered_run(10)))
    got = seen(path)
    assert [number for number, _, _ in got] == list(range(10))
    assert [start for _, start, _ in got] == pytest.approx(STARTS[:-1], abs=1e-3)
    if kind == "WEBP":
        assert [end for _, _, end in got] == pytest.approx(STARTS[1:], abs=1e-9)


def test_an_animated_webp_out_of_an_open_file_or_part_of_it(tmp_path: Path) -> None:
    data = animation("WEBP", numbered_run(10), lossless=True)
    file = io.BytesIO(b"in front of it" + data)
    file.seek(14)
    assert [number for number, _, _ in seen(file)] == list(range(10))
    path = tmp_path / "a.webp"
    path.write_bytes(data)
    with VideoReader(path, start_seconds=0.3) as reader:
        assert [number_of(frame.pixels) for frame in reader.frames(at_seconds=[0.3, 0.7, 1.2])] == [3, 7, 8]


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "PNG"])
def test_clear_parts_of_an_animation_show_white(tmp_path: Path, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    clear = np.zeros((48, 64, 4), np.uint8)
    clear[:, 32:, 3] = 255
    other = clear.copy()
    other[:8, 32:] = 255
    (tmp_path / "a").write_bytes(animation(kind, [clear, other] * 5))
    with VideoReader(tmp_path / "a") as reader:
        frames = list(reader.frames())
        assert reader.warnings == []
    assert [frame.seconds for frame in frames] == pytest.approx(STARTS[:-1], abs=1e-3)
    for frame in frames:
        assert frame.pixels[:, :30].min() > 250
        assert frame.pixels[12:, 34:].max() < 8


def test_a_still_webp_is_read_as_before(tmp_path: Path) -> None:
    Pillow.fromarray(numbered_run(8)[7]).save(tmp_path / "a.webp", lossless=True)
    assert [number for number, _, _ in seen(tmp_path / "a.webp")] == [7]


def test_a_damaged_animated_webp_says_what_it_is(tmp_path: Path) -> None:
    data = animation("WEBP", numbered_run(10))
    (tmp_path / "a.webp").write_bytes(data[: len(data) // 2])
    assert "animated WebP cannot be read" in refused(tmp_path / "a.webp")
    (tmp_path / "b.webp").write_bytes(data[:30])
    assert "animated WebP cannot be read" in refused(tmp_path / "b.webp")
