"""Where things are in the picture, in words, and how far they moved once the camera's own move is taken off."""

from __future__ import annotations

from typing import Literal

from ...records import Box, CameraMotion

BORDER = 0.03  # a box this close to the edge of the picture is cut off by it
CORNER, WIDE_CORNER = 0.2, 0.4  # of the picture's height, and of its width: a line of text is wide
Place = Literal["on the left", "in the centre", "on the right"]
TRAVELS = ("dolly", "truck", "pedestal", "arc")
"""The first words of the moves of a camera that travels: what is near then slides by what is far."""
CAMERA_MOVES = ("pan", "tilt", "zoom", "roll", "tracking", *TRAVELS)
"""The first words of the moves that carry the picture along."""


def side(box: Box) -> Place:
    """Which third of the picture the middle of a box lies in."""
    middle = box.centre[0]
    return "on the left" if middle < 0.36 else "on the right" if middle > 0.64 else "in the centre"


def area(box: Box) -> float:
    return max(box.width, 0.0) * max(box.height, 0.0)


def place(box: Box) -> str:
    """Where a box is, in words: "on the left", "at the bottom right", "in the foreground"."""
    if area(box) > 0.7:
        return "filling most of the picture"
    across = side(box)
    if box.height > 0.5:
        return across
    middle = box.centre[1]
    level = "top" if middle < 0.3 else "bottom" if middle > 0.72 else ""
    if level == "bottom" and area(box) > 0.2:
        return "in the foreground" if across == "in the centre" else f"{across} in the foreground"
    if not level:
        return across
    return f"at the {level}" if across == "in the centre" else f"at the {level} {across.rpartition(' ')[2]}"


def corner(box: Box) -> str:
    """The corner of the picture that a small box lies in: "in the bottom left corner"; "" for all else."""
    level = "top" if box.bottom <= CORNER else "bottom" if box.top >= 1 - CORNER else ""
    across = "left" if box.right <= WIDE_CORNER else "right" if box.left >= 1 - WIDE_CORNER else ""
    return f"in the {level} {across} corner" if level and across else ""


def short_place(box: Box) -> str:
    """Left and right are enough to tell most things apart; what is in the centre needs its height, too."""
    return place(box) if side(box) == "in the centre" else side(box)


def region(centre: tuple[float, float]) -> str:
    """A point of the picture in words: "in the middle of the picture", "at the bottom left"."""
    across = "left" if centre[0] < 0.36 else "right" if centre[0] > 0.64 else ""
    level = "top" if centre[1] < 0.3 else "bottom" if centre[1] > 0.7 else ""
    if not across and not level:
        return "in the middle of the picture"
    if not level:
        return f"on the {across} of the picture"
    return f"at the {level} {across}".rstrip() + (" of the picture" if not across else "")


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    union = area(one) + area(other) - shared
    return shared / union if union > 0 else 0.0


def carried(box: Box, camera: CameraMotion) -> Box:
    """Where a box would be at the end of the interval if only the camera had moved."""
    zoom, pan, tilt = max(camera.zoom_ratio, 0.01), camera.pan_widths, camera.tilt_heights
    left, right = (0.5 + (x - 0.5) * zoom - pan for x in (box.left, box.right))
    top, bottom = (0.5 + (y - 0.5) * zoom + tilt for y in (box.top, box.bottom))
    return Box(left, top, right, bottom)


def holds_still(camera: CameraMotion) -> bool:
    """Whether the camera was measured, and neither turned, zoomed nor travelled."""
    return bool(camera.moves) and set(camera.moves) <= {"static", "hand-held", "shake"}


def border_side(box: Box) -> str:
    """The edge, "left" or "right", when the box touches that edge and lies on that side, else ""."""
    if box.left <= BORDER and box.centre[0] < 0.4 and box.right < 1 - BORDER:
        return "left"
    if box.right >= 1 - BORDER and box.centre[0] > 0.6 and box.left > BORDER:
        return "right"
    return ""


def shift(start_low: float, start_high: float, end_low: float, end_high: float) -> float:
    """How far an interval moved: the smaller of what its two ends did, 0 when they disagree or are cut off.

    A raised arm moves one edge of a box, a body that walks moves both.
    """
    low, high = end_low - start_low, end_high - start_high
    if min(start_low, end_low) <= BORDER and max(start_high, end_high) >= 1 - BORDER:
        return 0.0
    if low * high <= 0:
        return 0.0
    return low if abs(low) < abs(high) else high


def shifts(start: Box, end: Box, camera: CameraMotion) -> tuple[float, float]:
    """How far a box went to the right (picture widths) and up (heights), once the camera's own move is taken off."""
    seen = carried(start, camera)
    across = shift(seen.left, seen.right, end.left, end.right)
    return across, -shift(seen.top, seen.bottom, end.top, end.bottom)
