"""Arithmetic of boxes."""

from __future__ import annotations

from ..records import Box


def overlap(box: Box, other: Box) -> float:
    """Intersection over union of two boxes (0..1)."""
    shared = shared_area(box, other)
    union = box.width * box.height + other.width * other.height - shared
    return shared / union if union > 0 else 0.0


def shared_area(box: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(width, 0.0) * max(height, 0.0)


def share_inside(box: Box, other: Box) -> float:
    """How much of the first box lies inside the second (0..1)."""
    area = box.width * box.height
    return shared_area(box, other) / area if area > 0 else 0.0


def moved(box: Box, x: float, y: float) -> Box:
    """The box shifted by these fractions of the picture."""
    return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)


def blend(box: Box, other: Box, share: float) -> Box:
    """The box on the way from one to the other: ``share`` 0 is the first, 1 the second."""
    left, top, right, bottom = (
        getattr(box, side) * (1 - share) + getattr(other, side) * share for side in ("left", "top", "right", "bottom")
    )
    return Box(left, top, right, bottom)
