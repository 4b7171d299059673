"""Image preprocessing: resize to as many tiles as allowed, pad with white, normalise as CLIP does.

Pixels are those of the original bit for bit, with the same Pillow (``HD_transform`` of ShareGPT4Omni/ShareGPT4Video,
captioner/app.py, and of InternLM/InternLM-XComposer, InternLM-XComposer-2.0/finetune/ixc_utils.py).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

HD_NUM = {"opening": 9, "change": 9, "fast": 16}
"""How many tiles a picture may become, by task, as the original's demo calls the model."""
HD_NUM_OTHERWISE = 25
"""What the model itself takes."""

Pixels = NDArray[np.uint8]
Normal = NDArray[np.float32]

# CLIP's, openai/clip-vit-large-patch14-336
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


def tiles_of(width: int, height: int, hd_num: int, tile: int = 336) -> tuple[int, int]:
    """How many (columns, rows) of tiles a picture becomes: at most ``hd_num`` in all.

    The longer side gets as many tiles as fit, also in a small picture, which is enlarged.
    """
    if width < height:
        return tiles_of(height, width, hd_num, tile)[::-1]
    columns, new_height = _scaled(width, height, hd_num, tile)
    return columns, math.ceil(new_height / tile)


def tokens_of(width: int, height: int, hd_num: int, tile: int = 336, side: int = 12) -> int:
    """How many tokens a picture is to the language model; ``side`` of them are along each side of a tile.

    Those of the picture squashed into one tile and of all tiles, one at the end of each row of both, one in between.
    """
    columns, rows = tiles_of(width, height, hd_num, tile)
    return (columns * rows + 1) * side * side + (rows + 1) * side + 1


def hd_pixels(picture: Pillow.Image, hd_num: int, tile: int = 336) -> Pixels:
    """An RGB picture in (height, width, 3) bytes, each side a multiple of ``tile``.

    A picture that is taller than wide is transposed, treated as a wide one, and transposed back. Its shorter
    side is padded with white on both sides. Raises ValueError for ``hd_num`` under 1.
    """
    turned = picture.width < picture.height
    if turned:
        picture = picture.transpose(Pillow.Transpose.TRANSPOSE)
    columns, height = _scaled(*picture.size, hd_num, tile)
    resized = picture.resize((columns * tile, height), Pillow.Resampling.BILINEAR)
    padded_height = math.ceil(height / tile) * tile
    canvas = Pillow.new("RGB", (resized.width, padded_height), "white")
    canvas.paste(resized, (0, (padded_height - height) // 2))
    if turned:
        canvas = canvas.transpose(Pillow.Transpose.TRANSPOSE)
    return np.asarray(canvas)


def normalised(pixels: Pixels) -> Normal:
    """(height, width, 3) bytes to (3, height, width) numbers with CLIP's mean and deviation."""
    table = _table()
    return np.stack([table[channel][pixels[..., channel]] for channel in range(3)])


def _scaled(width: int, height: int, hd_num: int, tile: int) -> tuple[int, int]:
    """Columns of tiles and the height in pixels that a picture, at least as wide as high, is enlarged to.

    The original refuses pictures so flat that nothing is left of their height; here one row of pixels is.
    """
    if hd_num < 1:
        raise ValueError(f"hd_num is the number of tiles a picture may become, at least 1, not {hd_num}")
    ratio = width / height
    columns = 1
    while (columns + 1) * math.ceil((columns + 1) / ratio) <= hd_num:
        columns += 1
    return columns, max(int(columns * tile / ratio), 1)


@lru_cache(maxsize=1)
def _table() -> Normal:
    """What each byte becomes in each channel: rounded to 32 bits after every step, as torchvision does."""
    scaled = np.arange(256, dtype=np.float32) / np.float32(255)
    mean, std = np.array(_MEAN, np.float32), np.array(_STD, np.float32)
    values: Normal = (scaled[None] - mean[:, None]) / std[:, None]
    return values
