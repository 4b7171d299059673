"""What the released models see of a video: one image grid, cut into tiles, and how many tokens that makes.

The geometry and every bit of the pixels are those of the released code (ShareGPT4Omni/ShareGPT4Video, commit 7e02ee6:
run.py for the grid, llava/mm_utils.py for the tiles; the "anyres" of LLaVA-NeXT). There are two modes:

anyres     the squashed overview, then all tiles at the best resolution: as trained, and as the TempCompass script asks
overview   the squashed overview alone, 576 tokens: what run.py and the MVBench script give to the language model. They
           encode all tiles, but without a dimension for the picture, so that only the first one's features are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ..records import Frame
from ..video.compose import GRID_SIDE_PIXELS, Pixels, grid
from .settings import VisualTokens

Tiles = NDArray[np.float32]

TILE_PIXELS = 336
PATCH_PIXELS = 14
PINPOINTS = ((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008))
"""Resolutions that tiles may add up to, as (width, height), in the order of the released configuration.

transformers has them as (height, width). The list holds each turned, too, so only pictures that fit two of them equally
well can tell: those of at most 336 pixels a side. A converted checkpoint has each pair turned round, for equal tiles.
"""

# Of CLIP (openai/clip-vit-large-patch14-336), in its preprocessor_config.json.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
RESCALE = 0.00392156862745098  # 1/255 as that file writes it


def video_grid(frames: Sequence[Pixels] | Sequence[Frame], *, max_side_pixels: int | None = GRID_SIDE_PIXELS) -> Pixels:
    """Frames of one size in a square grid with white bands, (height, width, 3) uint8, as run.py makes it.

    None for ``max_side_pixels`` keeps its full size, as the TempCompass script does. Raises ValueError when there is
    no frame or the sizes differ.
    """
    pixels = [frame.pixels if isinstance(frame, Frame) else frame for frame in frames]
    return grid(pixels, max_side_pixels=max_side_pixels)


def tiles(
    grid: Pixels,
    *,
    mode: VisualTokens = "anyres",
    pinpoints: Sequence[tuple[int, int]] = PINPOINTS,
    tile: int = TILE_PIXELS,
) -> Tiles:
    """A picture as the vision tower takes it: (tiles, 3, ``tile``, ``tile``) float32, normalised as CLIP's are.

    The first tile is the whole picture squashed into a square; in ``anyres`` mode the picture follows, fitted into
    the best of ``pinpoints``, padded with black and cut into tiles row by row. Resized by Pillow, bicubic.
    """
    picture = Pillow.fromarray(grid)
    squares = [np.asarray(picture.resize((tile, tile), Pillow.Resampling.BICUBIC))]
    if mode == "anyres":
        padded = _fitted(picture, *best_resolution(*picture.size, pinpoints))
        for top in range(0, padded.shape[0], tile):
            squares += [padded[top : top + tile, left : left + tile] for left in range(0, padded.shape[1], tile)]
    return _normalised(np.stack(squares))


def best_resolution(width: int, height: int, pinpoints: Sequence[tuple[int, int]] = PINPOINTS) -> tuple[int, int]:
    """The (width, height) that shows most of a picture; of equals the one that wastes least, then the first."""
    return max(pinpoints, key=lambda size: _fit(width, height, *size))


def visual_tokens(
    width: int,
    height: int,
    *,
    mode: VisualTokens = "anyres",
    pinpoints: Sequence[tuple[int, int]] = PINPOINTS,
    tile: int = TILE_PIXELS,
    patch: int = PATCH_PIXELS,
) -> int:
    """How many tokens a picture of ``width`` x ``height`` is to the language model.

    The overview gives one for each patch. The tiles give one for each patch that is not wholly padding, and one more
    at the end of every row of them (``spatial_unpad`` with ``image_newline``, LLaVA-NeXT).
    """
    side = tile // patch
    if mode == "overview":
        return side * side
    best_width, best_height = best_resolution(width, height, pinpoints)
    columns, rows = _unpadded(width, height, best_width // tile * side, best_height // tile * side)
    return side * side + rows * (columns + 1)


def size_for_transformers(
    width: int,
    height: int,
    *,
    pinpoints: Sequence[tuple[int, int]] = PINPOINTS,
    tile: int = TILE_PIXELS,
    patch: int = PATCH_PIXELS,
) -> tuple[int, int]:
    """The (width, height) to tell transformers as a picture's, so that it unpads as the original does.

    transformers rounds before it cuts off, the original does not. Where that makes a difference, as for 220 x 1056,
    this is a size one pixel off; else it is the picture's own.
    """
    side = tile // patch
    best = best_resolution(width, height, pinpoints)
    whole = best[0] // tile * side, best[1] // tile * side
    wanted = _unpadded(width, height, *whole)
    for size in ((width, height), (width, height - 1), (width - 1, height), (width + 1, height), (width, height + 1)):
        if min(size) > 0 and _unpadded(*size, *whole, digits=7) == wanted and best_resolution(*size, pinpoints) == best:
            return size
    return width, height


def _unpadded(width: int, height: int, columns: int, rows: int, digits: int | None = None) -> tuple[int, int]:
    """The (columns, rows) of patches that are not wholly padding.

    The original's ``int`` takes 14.999... as 14; transformers rounds to 7 ``digits`` first.
    """

    def cut(exact: float) -> int:
        return int(exact if digits is None else round(exact, digits))

    if width / height > columns / rows:
        return columns, rows - (rows - cut(height * (columns / width))) // 2 * 2
    return columns - (columns - cut(width * (rows / height))) // 2 * 2, rows


def _fit(width: int, height: int, best_width: int, best_height: int) -> tuple[int, int]:
    scale = min(best_width / width, best_height / height)
    shown = min(int(width * scale) * int(height * scale), width * height)
    return shown, shown - best_width * best_height


def _fitted(picture: Pillow.Image, width: int, height: int) -> Pixels:
    """The picture as large as fits, in the middle of black."""
    across, down = width / picture.width, height / picture.height
    if across < down:
        size = width, min(math.ceil(picture.height * across), height)
    else:
        size = min(math.ceil(picture.width * down), width), height
    canvas = Pillow.new("RGB", (width, height))
    canvas.paste(picture.resize(size, Pillow.Resampling.BICUBIC), ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas)


def _normalised(squares: Pixels) -> Tiles:
    """(tiles, side, side, 3) bytes to (tiles, 3, side, side) numbers."""
    table = _normal_values()
    out = np.empty((squares.shape[0], 3, *squares.shape[1:3]), np.float32)
    for channel in range(3):
        np.take(table[channel], squares[..., channel], out=out[:, channel])
    return out


@lru_cache(maxsize=1)
def _normal_values() -> NDArray[np.float32]:
    """What each byte becomes in each channel: rounded to float32 after every step, as the original does."""
    scaled = (np.arange(256) * RESCALE).astype(np.float32)
    mean, std = np.array(CLIP_MEAN, np.float32), np.array(CLIP_STD, np.float32)
    values: NDArray[np.float32] = (scaled[None] - mean[:, None]) / std[:, None]
    return values
