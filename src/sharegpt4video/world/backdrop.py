"""What the background tells: how the camera moves, how light it is, whether there is a wall."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .render import Floats, camera_pose
from .scenes import CAMERAS, TONES, WALL_WIDTH, Camera, Tone
from .visibility import Mask

Wall = Literal["", "upright", "level"]


def wall_of(light: Floats) -> Wall:
    """Whether the middle of the picture is a white strip all along; ``light`` is (time, height, width) in 0..1."""
    mean = light.mean(axis=0)
    rows, columns = (length // 2 for length in mean.shape)
    reach_rows, reach_columns = (max(1, int(length * WALL_WIDTH / 3)) for length in mean.shape)
    if float(np.quantile(mean[:, columns - reach_columns : columns + reach_columns], 0.05)) > 0.82:
        return "upright"
    if float(np.quantile(mean[rows - reach_rows : rows + reach_rows], 0.05)) > 0.82:
        return "level"
    return ""


def beside_the_wall(wall: Wall, height: int, width: int) -> Mask:
    """The pixels that no wall covers, (height, width)."""
    free = np.ones((height, width), bool)
    reach = WALL_WIDTH / 2 + 0.02
    if wall == "upright":
        free[:, int((0.5 - reach) * width) : int(np.ceil((0.5 + reach) * width))] = False
    elif wall == "level":
        free[int((0.5 - reach) * height) : int(np.ceil((0.5 + reach) * height))] = False
    return free


def tones_of(light: Floats, free: Mask) -> tuple[Tone, ...]:
    """The background's tone, or two with a change in between; ``free`` (time, height, width) is where it shows."""
    middle = sum(TONES.values()) / 2
    levels = [float(picture[mask].mean()) if mask.any() else middle for picture, mask in zip(light, free, strict=True)]
    names: list[Tone] = ["dark" if level < middle else "light" for level in levels]
    half = max(1, len(names) // 2)
    first: Tone = "dark" if names[:half].count("dark") * 2 >= half else "light"
    rest = names[half:] or names
    last: Tone = "dark" if rest.count("dark") * 2 >= len(rest) else "light"
    return (first,) if first == last else (first, last)


def camera_of(light: Floats, free: Mask) -> tuple[Camera, float]:
    """The camera move under which the background of earlier pictures best predicts later ones.

    With it goes how sure that is: the correlation under that move, less that under the next best.
    """
    count = len(light)
    ahead = max(1, count // 3)
    starts = sorted({int(at) for at in np.linspace(0, count - 1 - ahead, 8)}) if count > 1 else []
    scores = dict.fromkeys(CAMERAS, 0.0)
    for start in starts:
        pair = (light[start], light[start + ahead]), (free[start], free[start + ahead])
        for camera in CAMERAS:
            times = (start + 0.5) / count, (start + ahead + 0.5) / count
            scores[camera] += _agreement(*pair[0], *pair[1], camera, times) / len(starts)
    best, second = sorted(CAMERAS, key=lambda camera: -scores[camera])[:2]
    return best, scores[best] - scores[second]


def _agreement(
    early: Floats, late: Floats, early_free: Mask, late_free: Mask, camera: Camera, times: tuple[float, float]
) -> float:
    """The correlation of a picture with an earlier one seen as the camera would see it by then."""
    height, width = late.shape
    (across1, down1, zoom1), (across2, down2, zoom2) = camera_pose(camera, times[0]), camera_pose(camera, times[1])
    columns = _origin(np.arange(width, dtype=np.float32), width, zoom1, zoom2, across2 - across1)
    rows = _origin(np.arange(height, dtype=np.float32), height, zoom1, zoom2, down2 - down1)
    x, y = columns.round().astype(int), rows.round().astype(int)
    inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))[None, :]
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    use = inside & late_free & early_free[np.ix_(y, x)]
    if use.sum() < 40:
        return 0.0
    one, two = _sampled(early, rows, columns)[use], late[use]
    one, two = one - one.mean(), two - two.mean()
    return float((one * two).sum() / max(float(np.sqrt((one**2).sum() * (two**2).sum())), 1e-6))


def _origin(pixels: Floats, length: int, zoom1: float, zoom2: float, moved: float) -> Floats:
    """Where pixels of the later picture lie in the earlier one, along one axis."""
    centred = pixels + np.float32(0.5 - length / 2)
    there: Floats = (centred / np.float32(zoom2) + np.float32(moved * length)) * np.float32(zoom1)
    there += np.float32(length / 2 - 0.5)
    return there


def _sampled(picture: Floats, rows: Floats, columns: Floats) -> Floats:
    """A picture at places between its pixels, linearly; outside the nearest edge."""
    height, width = picture.shape
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    y, x = np.minimum(rows.astype(int), height - 2), np.minimum(columns.astype(int), width - 2)
    down, across = (rows - y)[:, None], (columns - x)[None, :]
    lines = picture[y] * (1 - down) + picture[y + 1] * down
    found: Floats = lines[:, x] * (1 - across) + lines[:, x + 1] * across
    return found
