"""How many tokens a model makes of one picture, by the published rule of its family."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...errors import SettingsError

QWEN_MOST_PIXELS = 16_384
"""Patches a Qwen2-VL picture has at most, as its released processor is set."""
_ANYRES_GRIDS = ((2, 1), (1, 2), (2, 2), (1, 3), (3, 1))  # columns, rows of 336 pixels
_ANYRES_TILE, _ANYRES_SIDE = 336, 24
_TILE_448_TOKENS, _MOST_448_TILES = 256, 12


def _merged_patches(width: int, height: int, patch: int) -> int:
    """Sides rounded to whole patches (arXiv 2409.12191, section 2.1); pictures over the limit are scaled down."""
    columns, rows = max(round(width / patch), 1), max(round(height / patch), 1)
    if columns * rows > QWEN_MOST_PIXELS:
        scale = math.sqrt(QWEN_MOST_PIXELS * patch * patch / (width * height))
        columns, rows = math.floor(width * scale / patch), math.floor(height * scale / patch)
    return columns * rows


def qwen2_vl(width: int, height: int) -> int:
    """Qwen2-VL and Qwen2.5-VL: one token for 28 x 28 pixels, two that frame the picture."""
    return _merged_patches(width, height, 28) + 2


def qwen3_vl(width: int, height: int) -> int:
    """Qwen3-VL: one token for 32 x 32 pixels, two that frame the picture."""
    return _merged_patches(width, height, 32) + 2


def llava_next(width: int, height: int) -> int:
    """LLaVA-NeXT (anyres): 576 for the whole picture, 576 for each tile less its padding, one for each row of them."""

    def fit(grid: tuple[int, int]) -> tuple[float, float]:
        across, down = grid[0] * _ANYRES_TILE, grid[1] * _ANYRES_TILE
        scale = min(across / width, down / height)
        used = min(int(width * scale) * int(height * scale), width * height)
        return used, used - across * down

    columns, rows = (count * _ANYRES_SIDE for count in max(_ANYRES_GRIDS, key=fit))
    if width / height > columns / rows:
        rows -= 2 * ((rows - int(round(height * (columns / width), 7))) // 2)
    else:
        columns -= 2 * ((columns - int(round(width * (rows / height), 7))) // 2)
    return _ANYRES_SIDE**2 + rows * columns + rows


def internvl(width: int, height: int) -> int:
    """InternVL 1.5 to 3: 256 for each tile of 448 pixels, at most 12 tiles in the nearest shape, and a thumbnail."""
    shape = width / height
    grids = {
        (columns, rows)
        for columns in range(1, _MOST_448_TILES + 1)
        for rows in range(1, _MOST_448_TILES + 1)
        if columns * rows <= _MOST_448_TILES
    }
    best = (1, 1)
    for grid in sorted(grids, key=lambda grid: grid[0] * grid[1]):
        nearer = abs(shape - grid[0] / grid[1]) - abs(shape - best[0] / best[1])
        roomy = width * height > 0.5 * 448 * 448 * grid[0] * grid[1]
        if nearer < 0 or (nearer == 0 and roomy):
            best = grid
    tiles = best[0] * best[1]
    return _TILE_448_TOKENS * (tiles + (tiles > 1))


def gpt_4o(width: int, height: int) -> int:
    """GPT-4o at high detail: 85, and 170 for each started tile of 512 after the shorter side was made 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return 85 + 170 * math.ceil(round(width * scale) / 512) * math.ceil(round(height * scale) / 512)


FAMILIES: dict[str, Callable[[int, int], int]] = {
    "qwen2-vl": qwen2_vl,
    "qwen3-vl": qwen3_vl,
    "llava-next": llava_next,
    "internvl": internvl,
    "gpt-4o": gpt_4o,
}
"""Families of models by name; besides these, a number of tokens that every picture has (LLaVA-1.5: 576)."""


def picture_tokens(family: str, width: int, height: int) -> int:
    """The tokens of a picture; ``family`` is a name or a number. Raises SettingsError for anything else."""
    if family.isdecimal():
        return int(family)
    if family not in FAMILIES:
        raise SettingsError(f"pictures is one of {', '.join(FAMILIES)} or a number of tokens, not {family!r}")
    return FAMILIES[family](width, height)
