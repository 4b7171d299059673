"""What a picture looks like in numbers and colour words.

Colours are named in OKLCh (B. Ottosson, "A perceptual color space for image processing", 2020): lightness 0..1,
chroma 0..0.32 and hue in degrees. The words are the eleven basic colour terms of Berlin and Kay with light and dark
variants, plus beige and turquoise. The borders follow the colour names of CSS and what skin, soil, foliage and skies
look like on video.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Look

PALETTE_SIDE_PIXELS = 64
LEAST_SHARE, LEAST_SHARE_OF_OBJECT = 0.08, 0.2
SHARPNESS_WIDTH_PIXELS = 320


class Region(NamedTuple):
    """A box of OKLCh that has a name: hue ``[hue, hue_end)`` may pass 360, lightness and chroma start at their least
    and end below ``light_end``."""

    name: str
    hue: float
    hue_end: float
    light: float = 0.0
    light_end: float = 2.0
    chroma: float = 0.0


# The first region that holds a colour names it. Greys are sorted out before.
REGIONS = (
    Region("pink", 330, 377, light=0.66),
    Region("pink", 330, 377, light=0.55, chroma=0.14),
    Region("purple", 330, 345, light=0.3),
    Region("dark purple", 330, 345),
    Region("red", 345, 377, light=0.46, chroma=0.09),
    Region("dark red", 345, 377, chroma=0.09),
    Region("brown", 345, 377, light=0.38),
    Region("dark brown", 345, 377),
    Region("orange", 34, 38, light=0.64, chroma=0.2),
    Region("red", 17, 38, light=0.46, chroma=0.17),
    Region("pink", 17, 38, light=0.66),
    Region("red", 17, 38, light=0.46, chroma=0.12),
    Region("dark red", 17, 38, chroma=0.1),
    Region("orange", 38, 82, light=0.66, chroma=0.125),
    Region("orange", 38, 65, light=0.58, chroma=0.17),
    Region("yellow", 82, 90, light=0.7, chroma=0.12),
    Region("yellow", 90, 118, light=0.68, chroma=0.09),
    Region("light yellow", 95, 118, light=0.95, chroma=0.038),
    Region("beige", 17, 110, light=0.68),
    Region("brown", 17, 96, light=0.38),
    Region("dark brown", 17, 96),
    Region("light green", 96, 165, light=0.8, light_end=2.0),
    Region("green", 96, 165, light=0.45),
    Region("dark green", 96, 165),
    Region("light turquoise", 165, 204, light=0.87),
    Region("turquoise", 165, 204, light=0.45),
    Region("dark turquoise", 165, 204),
    Region("light blue", 204, 283, light=0.71),
    Region("blue", 204, 283, light=0.36),
    Region("dark blue", 204, 283),
    Region("light purple", 283, 330, light=0.75),
    Region("purple", 283, 330, light=0.36),
    Region("dark purple", 283, 330),
)
VIVID = {"light green": ("green", 0.2), "light blue": ("blue", 0.14), "light turquoise": ("turquoise", 0.14)}
GREYS = (("black", 0.22), ("dark grey", 0.48), ("grey", 0.79), ("light grey", 0.91), ("white", 2.0))  # lightness below
BLACK_LIGHTNESS, BLACK_CHROMA = 0.2, 0.06
WHITE_LIGHTNESS, WHITE_CHROMA = 0.93, 0.03
NAMES = tuple(dict.fromkeys([name for name, _ in GREYS] + [region.name for region in REGIONS]))
INDEX = {name: number for number, name in enumerate(NAMES)}

TO_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def look(rgb: NDArray[np.uint8]) -> Look:
    """The look of one picture of shape (height, width, 3).

    ``brightness`` is the mean grey level, ``contrast`` twice the standard deviation of the grey levels (1 for half
    black and half white). The palette lists colours that cover at least 8 % of the picture, or the largest one.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    width = SHARPNESS_WIDTH_PIXELS
    sized = cv2.resize(
        grey, (width, max(1, round(grey.shape[0] * width / grey.shape[1]))), interpolation=cv2.INTER_AREA
    )
    sharpness = float(cv2.Laplacian(sized, cv2.CV_32F).var())
    shares = colour_shares(rgb)
    palette = tuple(entry for entry in shares if entry[1] >= LEAST_SHARE) or shares[:1]
    return Look(float(grey.mean()) / 255, min(1.0, 2 * float(grey.std()) / 255), sharpness, palette)


def colour_names(rgb_crop: NDArray[np.uint8], limit: int = 2) -> tuple[str, ...]:
    """The names of at most ``limit`` colours that cover most of an object, largest first, from the crop of its box.

    Only the ellipse inside the box is looked at, since the corners are mostly background. Empty for an empty crop.
    """
    if rgb_crop.size == 0:
        return ()
    shares = colour_shares(rgb_crop, ellipse=True)
    named = [name for name, share in shares if share >= LEAST_SHARE_OF_OBJECT] or [shares[0][0]]
    return tuple(named[:limit])


def colour_shares(rgb: NDArray[np.uint8], *, ellipse: bool = False) -> tuple[tuple[str, float], ...]:
    """Every colour name with the share it covers (rounded to 0.001), largest first.

    A light or dark variant too small to be told counts for the largest variant of the same colour.
    """
    side = PALETTE_SIDE_PIXELS
    small = cv2.resize(rgb, (min(side, rgb.shape[1]), min(side, rgb.shape[0])), interpolation=cv2.INTER_AREA)
    indices = classify(small)
    if ellipse:
        height, width = indices.shape
        rows, columns = (np.arange(height) + 0.5) / height * 2 - 1, (np.arange(width) + 0.5) / width * 2 - 1
        indices = indices[rows[:, None] ** 2 + columns**2 <= 1]
    counts = np.bincount(indices.ravel(), minlength=len(NAMES)) / indices.size
    shares = merged({name: float(share) for name, share in zip(NAMES, counts, strict=True) if share > 0})
    return tuple((name, round(share, 3)) for name, share in sorted(shares.items(), key=lambda entry: -entry[1]))


def merged(shares: dict[str, float]) -> dict[str, float]:
    """Add variants below the least share to the largest variant of their colour."""
    result: dict[str, float] = {}
    for name in sorted(shares, key=lambda name: -shares[name]):
        family = [other for other in result if other.split()[-1] == name.split()[-1]]
        if family and shares[name] < LEAST_SHARE:
            result[family[0]] += shares[name]
        else:
            result[name] = shares[name]
    return result


def classify(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The index into ``NAMES`` of every pixel of an RGB array of shape (..., 3).

    A colour is worked out once and looked up from then on: the pictures of a video repeat most of theirs.
    """
    names_after = _names_after()
    codes = (rgb[..., 0].astype(np.int32) << 16) | (rgb[..., 1].astype(np.int32) << 8) | rgb[..., 2]
    after = names_after[codes]
    fresh = after == 0
    if fresh.any():
        after[fresh] = names_after[codes[fresh]] = work_out(rgb[fresh]) + 1
    return np.asarray(after - 1, np.uint8)


@functools.cache
def _names_after() -> NDArray[np.uint8]:
    """For each of the 2^24 colours the number after its name's, 0 for one not met yet.

    Memory is only taken where colours are met, at most 16 MiB. Threads may share it: each writes the same numbers.
    """
    return np.zeros(1 << 24, np.uint8)


def work_out(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `classify` remembers, for pixels of shape (n, 3)."""
    light, chroma, hue = oklch(rgb)
    hues, lights, chromas, names = _partition()
    cell = [np.searchsorted(edges, values, side="right") - 1 for edges, values in ((hues, hue), (lights, light))]
    index = names[cell[0], cell[1], np.searchsorted(chromas, chroma, side="right") - 1]
    greys = np.searchsorted([end for _, end in GREYS], light, side="right").astype(np.uint8)
    return np.where(is_grey(light, chroma, hue), greys, index)


@functools.cache
def _partition() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    """The borders of ``REGIONS`` in hue, lightness and chroma, and the name of each cell between them."""
    vivid = {INDEX[name]: (INDEX[other], least) for name, (other, least) in VIVID.items()}
    hues = np.unique([0.0, *(border % 360 for region in REGIONS for border in (region.hue, region.hue_end))])
    lights = np.unique([0.0, *(border for region in REGIONS for border in (region.light, region.light_end))])
    chromas = np.unique([0.0, *(region.chroma for region in REGIONS), *(least for _, least in vivid.values())])
    names = np.full((len(hues), len(lights), len(chromas)), INDEX["grey"], np.uint8)
    for region in reversed(REGIONS):
        turned = (hues - region.hue) % 360 < region.hue_end - region.hue
        bright = (lights >= region.light) & (lights < region.light_end)
        names[np.ix_(turned, bright, chromas >= region.chroma)] = INDEX[region.name]
    for name, (other, least) in vivid.items():
        names[(names == name) & (chromas >= least)] = other
    return hues, lights, chromas, names


def is_grey(light: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a colour is too weak to have a hue: less is needed in the dark, more for the blue tint of shadows."""
    limit = np.interp(light, [0.3, 0.5], [0.02, 0.03]) + np.where((hue > 180) & (hue < 300), 0.005, 0.0)
    black = (light < BLACK_LIGHTNESS) & (chroma < BLACK_CHROMA)
    white = (light >= WHITE_LIGHTNESS) & (chroma < WHITE_CHROMA)
    return np.asarray((chroma < limit) | black | white)


def oklch(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lightness, chroma and hue (degrees, 0..360) of sRGB values."""
    lab = np.cbrt(_linear()[rgb] @ TO_CONES.T) @ TO_LAB.T
    a, b = lab[..., 1], lab[..., 2]
    return lab[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


@functools.cache
def _linear() -> NDArray[np.float64]:
    """Linear light, 0..1, of each value of sRGB."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
