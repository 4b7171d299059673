"""Pictures of a scene: where the facts say, at any size, the same backwards, and written to files."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.world.render import frame_count, render, write_video
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import COLOURS, Event, Scene, Thing, reverse

MOVER = Scene((Thing("square", "red", "small", 0.2, 0.5),), (Event("moves", 0, 0.0, 1.0, "right", "fast"),), seed=3)


def red(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 0].astype(int) - picture[..., 1:].max(axis=-1)) > 100


@pytest.mark.parametrize(("width", "height"), [(128, 128), (96, 160), (33, 47), (320, 180)])
def test_a_thing_is_where_its_facts_say(width: int, height: int) -> None:
    pictures = list(render(MOVER, width, height, fps=10, seconds=1))
    assert len(pictures) == 10
    for number, picture in enumerate(pictures):
        assert picture.shape == (height, width, 3)
        rows, columns = np.nonzero(red(picture))
        assert columns.mean() + 0.5 == pytest.approx((0.2 + 0.6 * (number + 0.5) / 10) * width, abs=0.6)
        assert rows.mean() + 0.5 == pytest.approx(height / 2, abs=0.6)


def test_an_edge_half_way_through_a_pixel_is_half_covered() -> None:
    plain = Scene((Thing("square", "red", "large", 0.5, 0.5),), (Event("stays", 0, 0.0, 1.0),))
    picture = next(iter(render(plain, 64, 64))).astype(float)
    line = picture[32, :, 0] - picture[32, :, 1]
    full = (COLOURS["red"][0] - COLOURS["red"][1]) * 255
    assert line.sum() / full == pytest.approx(0.35 * 0.9 * 64, abs=0.05)  # its width, to a twentieth of a pixel


def test_the_reverse_scene_has_the_same_pictures_the_other_way_round() -> None:
    """So no single picture, without its time, can tell what is opposite in the two."""
    for seed in range(12):
        scene = sample_scene(random.Random(seed), difficulty="hard")
        forwards, backwards = list(render(scene, 48, 48)), list(render(reverse(scene), 48, 48))
        for one, two in zip(forwards, backwards[::-1], strict=True):
            assert np.abs(one.astype(int) - two).max() <= 1


MOVES = [("pan right", -1, 0), ("pan left", 1, 0), ("tilt up", 0, 1), ("tilt down", 0, -1)]


@pytest.mark.parametrize(("camera", "across", "down"), MOVES)
def test_the_background_slides_against_the_camera(camera: str, across: int, down: int) -> None:
    scene = Scene((), (), camera=camera, seed=5)  # type: ignore[arg-type]
    first, second = list(render(scene, 64, 64, fps=16, seconds=1))[:2]  # half a picture in 16: two pixels a picture
    moved = np.roll(first, (2 * down, 2 * across), axis=(0, 1))
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(moved[inner].astype(int) - second[inner]).max() <= 1
    assert np.abs(first[inner].astype(int) - second[inner]).mean() > 2


def test_a_wall_hides_what_passes_and_a_hidden_thing_is_not_drawn() -> None:
    thing = (Thing("disc", "red", "small", 0.2, 0.5),)
    passing = Scene(thing, (Event("passes", 0, 0.0, 1.0, "right", "fast", behind="wall"),), wall="upright")
    shown = [int(red(picture).sum()) for picture in render(passing, 64, 64, fps=15, seconds=1)]
    assert shown[7] == 0
    assert min(shown[0], shown[-1]) > 100
    late = Scene(thing, (Event("appears", 0, 0.0, 1.0),))
    assert [bool(red(picture).any()) for picture in render(late, 64, 64, fps=4, seconds=1)] == [
        False,
        False,
        True,
        True,
    ]


def test_too_small_and_too_short_are_refused() -> None:
    with pytest.raises(SettingsError, match="16 pixels"):
        next(iter(render(MOVER, 8, 64)))
    with pytest.raises(SettingsError, match="not one picture"):
        frame_count(8, 0.01)
    for fps, seconds in ((float("inf"), 1.0), (float("nan"), 1.0), (8.0, float("inf")), (1e-5, 1e6), (-8.0, -1.0)):
        with pytest.raises(SettingsError, match="frames per second"):
            frame_count(fps, seconds)


@pytest.mark.parametrize(("width", "height"), [(64, 48), (49, 33)])
def test_a_file_holds_the_pictures(tmp_path: Path, width: int, height: int) -> None:
    path = write_video(MOVER, tmp_path / "clip.mp4", width, height, fps=8, seconds=2)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [float(frame.time) for frame in frames] == pytest.approx([number / 8 for number in range(16)])
    drawn = list(render(MOVER, width, height, fps=8, seconds=2))
    for frame, picture in zip(frames, drawn, strict=True):
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).mean() < 4
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        write_video(MOVER, tmp_path / "nowhere" / "clip.mp4")


def test_what_the_encoder_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="17000x16 too large"):
        write_video(MOVER, tmp_path / "clip.mp4", 17_000, 16, fps=1, seconds=1)
    assert list(tmp_path.iterdir()) == []
