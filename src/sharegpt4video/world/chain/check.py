"""Read a chain back from its pixels: what the thing is, and what happens to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..check import Comparison
from ..render import Floats, Pixels, coverage
from ..scenes import COLOURS
from .render import FPS
from .scenes import DEEDS, PERIOD_SECONDS, PLACES, SHAPES, SIZES, ChainScene, State

_PALETTE = np.array(list(COLOURS.values()), np.float32)
_LIKE = 0.6  # intersection over union with a shape in its place, from which on it is one


@dataclass(frozen=True)
class ChainReading:
    """What was read; ``states`` are those at rest, in order. ``ok``: one whole thing in a place, whenever it rests."""

    states: tuple[State, ...] = ()
    ok: bool = False

    @property
    def deeds(self) -> tuple[str, ...]:
        """What leads from each state to the next; "" where no single event does."""
        return tuple(_deed(*pair) for pair in zip(self.states, self.states[1:], strict=False))


def check(pictures: Sequence[Pixels], fps: float = FPS) -> ChainReading:
    """Read a clip: pictures (height, width, 3) uint8 RGB of one size. Raises ValueError for others."""
    clip = np.stack([np.asarray(one) for one in pictures]) if len(pictures) else np.zeros((0,), np.uint8)
    if clip.ndim != 4 or clip.shape[-1] != 3 or clip.dtype != np.uint8:
        raise ValueError("a chain to check is a row of pictures (height, width, 3) uint8")
    count = max(round(((len(clip) - 0.5) / fps) // PERIOD_SECONDS), 0) + 1
    resting = [min(round(at * PERIOD_SECONDS * fps), len(clip) - 1) for at in range(count)]
    found = [look(clip[at]) for at in resting]
    # The shape is voted on: nothing changes it, and small ones are hard to tell apart.
    seen = [state for state, _ in found if state is not None]
    if len(seen) < len(found) or not seen:
        return ChainReading(tuple(seen))
    votes = [state.shape for state in seen for _ in range(2 if state.size == "large" else 1)]
    shape = max(SHAPES, key=votes.count)
    return ChainReading(tuple(replace(state, shape=shape) for state in seen), all(ok for _, ok in found))


def look(picture: Pixels) -> tuple[State | None, bool]:
    """The thing in one picture, and whether it is whole and in a place; None where nothing has a colour."""
    seen: Floats = picture.astype(np.float32) / np.float32(255)
    mask = (seen.max(axis=-1) - seen.min(axis=-1)) > 0.35
    if not mask.any():
        return None, False
    colour = list(COLOURS)[int(np.abs(_PALETTE - np.median(seen[mask], axis=0)).sum(axis=1).argmin())]
    bank, states = _bank(*mask.shape)
    flat = mask.ravel().astype(np.float32)
    both = bank @ flat
    fits = both / (bank.sum(axis=1) + flat.sum() - both)
    best = int(fits.argmax())
    return replace(states[best], colour=colour), float(fits[best]) >= _LIKE


@lru_cache(maxsize=8)
def _bank(height: int, width: int) -> tuple[NDArray[np.float32], tuple[State, ...]]:
    """The pixels of every shape of every size in every place."""
    states = tuple(
        State(shape, "red", size, column, row)
        for shape in SHAPES for size in SIZES for column in range(PLACES) for row in range(PLACES)
    )  # fmt: skip
    rows = []
    for state in states:
        across = np.arange(width, dtype=np.float32) + np.float32(0.5 - (state.column + 0.5) / PLACES * width)
        down = np.arange(height, dtype=np.float32) + np.float32(0.5 - (state.row + 0.5) / PLACES * height)
        half = SIZES[state.size] * min(width, height) / 2
        rows.append((coverage(state.shape, across, down, half) > 0.5).ravel())
    return np.array(rows, np.float32), states


def _deed(before: State, after: State) -> str:
    return next((deed for deed in DEEDS if before.after(deed) == after), "")


def compare(reading: ChainReading, scene: ChainScene) -> Comparison:
    """Which facts of a chain a reading has right."""
    first = reading.states[0] if reading.states else None
    hits: dict[str, tuple[bool, ...]] = {
        fact: (first is not None and getattr(first, fact) == getattr(scene.start, fact),)
        for fact in ("shape", "colour", "size", "place")
    }
    wrong = [f"{fact}: not {getattr(scene.start, fact)}" for fact in hits if not hits[fact][0]]
    pairs = list(zip((*reading.deeds, *[""] * len(scene.deeds)), scene.deeds, strict=False))
    hits["deeds"] = tuple(told == true for told, true in pairs)
    wrong += [f"event {at}: {told or 'none'}, not {true}" for at, (told, true) in enumerate(pairs) if told != true]
    if len(reading.deeds) > len(scene.deeds):
        wrong.append(f"{len(reading.deeds)} events, not {len(scene.deeds)}")
    return Comparison(hits, tuple(wrong) if reading.ok else (*wrong, "not one whole thing in a place at every rest"))
