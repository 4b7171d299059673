"""Several pictures in one: the grid with white bands, the labelled strip, the stacked pair, and JPEG in and out.

The geometry is that of the released code, so that the released models see what they were trained on:
``grid`` of run.py, ``strip`` and ``stack_pair`` of captioner/app.py (ShareGPT4Omni/ShareGPT4Video, commit 7e02ee6).
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from ..records import Image, Layout

Pixels = NDArray[np.uint8]

GRID_BAND_PIXELS = 50
GRID_SIDE_PIXELS = 1920
PAIR_GAP_PIXELS = 50
STRIP_BORDER_PIXELS = 10  # above and below every picture of a strip, and to the right of the widest
JPEG_SIDE_LIMIT = 65_500  # libjpeg's own
WHITE = 255


def grid(
    pictures: Sequence[Pixels],
    *,
    columns: int | None = None,
    rows: int | None = None,
    band_pixels: int = GRID_BAND_PIXELS,
    max_side_pixels: int | None = GRID_SIDE_PIXELS,
) -> Pixels:
    """Put pictures of one size side by side, in reading order, with white bands between them.

    Without ``columns`` and ``rows`` the grid is square, the smallest that holds them all; cells left over are white.
    A grid larger than ``max_side_pixels`` is reduced to it (bilinear, sides rounded down); None keeps its size.
    Raises ValueError when there is no picture, the sizes differ, or the cells are too few.
    """
    height, width = _one_size(pictures)
    columns, rows = _grid_shape(len(pictures), columns, rows)
    canvas_height = rows * height + (rows - 1) * band_pixels
    canvas = np.full((canvas_height, columns * width + (columns - 1) * band_pixels, 3), WHITE, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + band_pixels), column * (width + band_pixels)
        canvas[top : top + height, left : left + width] = picture
    return canvas if max_side_pixels is None else reduced(canvas, max_side_pixels)


def strip(
    pictures: Sequence[Pixels], labels: Sequence[str] | None = None, *, font_file: str | os.PathLike[str] | None = None
) -> Pixels:
    """Stack pictures in one column with a label in the white margin left of each and a black line between them.

    The labels are ``<IMAGE 0>``, ``<IMAGE 1>``, ... unless given. The original draws them in SimHei, which may not
    be shipped: pass it as ``font_file`` for equal pixels; without it Pillow's own font is used at a size that fits.
    Raises ValueError when there is no picture or not one label for each.
    """
    if not pictures:
        raise ValueError("a strip needs at least one picture")
    texts = [f"<IMAGE {index}>" for index in range(len(pictures))] if labels is None else list(labels)
    if len(texts) != len(pictures):
        raise ValueError(f"a strip needs one label per picture, not {len(texts)} for {len(pictures)}")
    border = STRIP_BORDER_PIXELS
    widest = max(picture.shape[1] for picture in pictures)
    margin = max(widest // 4, 100)
    width = widest + 2 * border + margin
    height = sum(picture.shape[0] + 2 * border for picture in pictures) + 2 * border
    canvas = Pillow.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    font = _label_font(texts, margin, font_file)
    top = border
    for index, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        bottom = top + picture.shape[0]
        canvas.paste(Pillow.fromarray(picture), (margin, top))
        draw.text((0, top + picture.shape[0] // 2), text, font=font, fill="black")
        if index + 1 < len(pictures):
            draw.line([(0, bottom + border), (width, bottom + border)], fill="black", width=2)
        top = bottom + 2 * border
    return np.array(canvas)


def stack_pair(first: Pixels, second: Pixels) -> Pixels:
    """Put the second picture under the first with a white gap of 50 pixels; the narrower one is filled with white."""
    width = max(first.shape[1], second.shape[1])
    height = first.shape[0] + PAIR_GAP_PIXELS + second.shape[0]
    canvas = np.full((height, width, 3), WHITE, np.uint8)
    canvas[: first.shape[0], : first.shape[1]] = first
    canvas[height - second.shape[0] :, : second.shape[1]] = second
    return canvas


def arrange(images: Sequence[Image], layout: Layout, max_images: int, quality: int) -> tuple[Image, ...]:
    """Put a request's pictures together for a model that takes ``max_images`` of them.

    Pictures that need not be joined come back as they are, byte for byte: ``separate`` ones that are few enough, and
    a single one in every layout but ``strip``, which labels it. Too many separate ones become a pair (two) or a grid;
    a pair of more than two is a grid. A model that looks at no pictures (``max_images`` 0) gets none.
    """
    if max_images <= 0 or not images:
        return ()
    if layout != "strip" and (len(images) == 1 or (layout == "separate" and len(images) <= max_images)):
        return tuple(images)
    pictures = [decode_jpeg(image) for image in images]
    if layout == "strip":
        joined = strip(_short_enough(pictures))
    elif layout != "grid" and len(pictures) == 2:
        joined = stack_pair(*pictures)
    else:
        joined = grid(_sized_like_first(pictures))
    return (encode_jpeg(joined, quality),)


def encode_jpeg(pixels: Pixels, quality: int) -> Image:
    """JPEG bytes (baseline, 4:2:0) of RGB pixels; the same pixels and quality always give the same bytes.

    Raises ValueError for a side that JPEG cannot hold.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > JPEG_SIDE_LIMIT:
        raise ValueError(f"a JPEG holds at most {JPEG_SIDE_LIMIT} pixels a side, not {width}x{height}: reduce it first")
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format="JPEG", quality=quality)
    return Image(buffer.getvalue(), width, height)


def decode_jpeg(image: Image) -> Pixels:
    """The RGB pixels of an image, of shape (height, width, 3)."""
    with Pillow.open(io.BytesIO(image.jpeg)) as opened:
        return np.array(opened.convert("RGB"))


def _one_size(pictures: Sequence[Pixels]) -> tuple[int, int]:
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) != 1:
        found = ", ".join(sorted(f"{width}x{height}" for height, width in sizes)) or "no picture"
        raise ValueError(f"a grid needs at least one picture, all of one size, not {found}")
    height, width = sizes.pop()
    return int(height), int(width)


def _grid_shape(count: int, columns: int | None, rows: int | None) -> tuple[int, int]:
    if columns is None:
        columns = math.ceil(math.sqrt(count)) if rows is None else math.ceil(count / max(rows, 1))
        rows = columns if rows is None else rows
    elif rows is None:
        rows = math.ceil(count / max(columns, 1))
    if min(columns, rows) < 1 or columns * rows < count:
        raise ValueError(f"{count} pictures do not fit into a grid of {columns} columns and {rows} rows")
    return columns, rows


def reduced(pixels: Pixels, max_side_pixels: int) -> Pixels:
    """The pixels with a longer side of at most that (bilinear, sides rounded down)."""
    height, width = pixels.shape[:2]
    longer = max(width, height)
    if longer <= max_side_pixels:
        return pixels
    scale = max_side_pixels / longer  # not max_side_pixels itself: 2710 * (1920 / 2710) is cut off to 1919
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return np.array(Pillow.fromarray(pixels).resize(size, Pillow.Resampling.BILINEAR))


def _label_font(
    texts: Sequence[str], margin: int, font_file: str | os.PathLike[str] | None
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    size = margin // 5
    if font_file is not None:
        return ImageFont.truetype(os.fspath(font_file), size)
    font = ImageFont.load_default(size)
    # Pillow's font is wider than SimHei, whose label of ten letters just fills the margin.
    while size > 6 and max(font.getlength(text) for text in texts) > margin:
        size -= 1
        font = ImageFont.load_default(size)
    return font


def _short_enough(pictures: Sequence[Pixels]) -> list[Pixels]:
    """Reduce pictures so that a strip of them is a possible JPEG."""
    border = 2 * STRIP_BORDER_PIXELS
    room = JPEG_SIDE_LIMIT - border * (len(pictures) + 1)
    total = sum(picture.shape[0] for picture in pictures)
    if total <= room:
        return list(pictures)
    sides = [int(max(picture.shape[:2]) * room / total) for picture in pictures]
    return [reduced(picture, max(1, side)) for picture, side in zip(pictures, sides, strict=True)]


def _sized_like_first(pictures: Sequence[Pixels]) -> list[Pixels]:
    """Pictures of a video that changes its size on the way: all as large as the first."""
    height, width = pictures[0].shape[:2]
    return [
        picture
        if picture.shape[:2] == (height, width)
        else np.array(Pillow.fromarray(picture).resize((width, height), Pillow.Resampling.BILINEAR))
        for picture in pictures
    ]
