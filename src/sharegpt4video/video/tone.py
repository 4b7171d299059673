"""HDR and wide-gamut pictures as ordinary ones: PQ, HLG and BT.2020 to BT.709, in NumPy."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

# Numbers of ITU-T H.273.
TRANSFER_PQ = 16
TRANSFER_HLG = 18
HDR_TRANSFERS = (TRANSFER_PQ, TRANSFER_HLG)
PRIMARIES_BT2020 = 9

REFERENCE_WHITE_NITS = 203.0
"""The brightness of a white page in HDR (ITU-R BT.2408)."""
PEAK_NITS = 1000.0
"""What becomes the brightest output; anything over it is cut."""
KNEE = 0.5
"""Up to this share of reference white, brightness is kept; above it is squeezed so that the peak just fits."""
DISPLAY_GAMMA = 2.2

# Linear BT.2020 to linear BT.709 (ITU-R BT.2087).
_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of linear BT.2020
_ROWS_AT_ONCE = 64  # keeps the float arrays small for pictures of any height


def to_sdr(pixels: NDArray[np.uint16], transfer: int, primaries: int) -> NDArray[np.uint8]:
    """16-bit RGB (height, width, 3) of `transfer` and `primaries` (ITU-T H.273) as 8-bit BT.709 RGB.

    Light is made linear (SMPTE ST 2084, or ARIB STD-B67 for a 1000-nit screen), brightness over the knee rolled off
    with an extended Reinhard curve on the largest of R, G and B, which keeps the hue, then gamut and gamma follow.
    """
    out = np.empty(pixels.shape, np.uint8)
    for row in range(0, pixels.shape[0], _ROWS_AT_ONCE):
        rows = slice(row, row + _ROWS_AT_ONCE)
        out[rows] = _encode_table()[_quantised(_linear_bt709(pixels[rows], transfer, primaries))]
    return out


def _linear_bt709(pixels: NDArray[np.uint16], transfer: int, primaries: int) -> NDArray[np.float32]:
    light = _decode_table(transfer)[pixels]
    if transfer == TRANSFER_HLG:
        # The screen's own curve depends on the brightness of the whole pixel, not of each colour.
        brightness = (light @ _LUMINANCE)[..., None]
        light *= (PEAK_NITS / REFERENCE_WHITE_NITS) * np.power(np.maximum(brightness, 1e-6), np.float32(0.2))
    if transfer in HDR_TRANSFERS:
        brightest = light.max(axis=-1, keepdims=True)
        light *= rolled_off(brightest) / np.maximum(brightest, np.float32(1e-6))
    return light @ _TO_BT709.T if primaries == PRIMARIES_BT2020 else light


def rolled_off(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light, 1 being reference white, squeezed into 0..1: the same up to the knee, then ever flatter."""
    span = np.float32(1 - KNEE)
    peak = np.float32((PEAK_NITS / REFERENCE_WHITE_NITS - KNEE) / span)
    over = np.clip((light - np.float32(KNEE)) / span, 0, peak)
    squeezed = np.float32(KNEE) + span * over * (1 + over / peak**2) / (1 + over)
    return np.where(light > KNEE, squeezed, light)


@functools.lru_cache(maxsize=3)
def _decode_table(transfer: int) -> NDArray[np.float32]:
    """Linear light of each 16-bit value, 1 being reference white (scene light 0..1 for HLG)."""
    signal = np.arange(65536) / 65535
    if transfer == TRANSFER_PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = signal ** (1 / m2)
        light = 10_000 / REFERENCE_WHITE_NITS * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif transfer == TRANSFER_HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = signal**DISPLAY_GAMMA
    return light.astype(np.float32)


def _quantised(light: NDArray[np.float32]) -> NDArray[np.uint16]:
    # The square root gives dark values, where eyes and gamma need them, enough of the 4096 steps.
    steps: NDArray[np.uint16] = (np.sqrt(np.clip(light, 0, 1)) * 4095 + 0.5).astype(np.uint16)
    return steps


@functools.lru_cache(maxsize=1)
def _encode_table() -> NDArray[np.uint8]:
    """The 8-bit value of each of the 4096 steps of `_quantised`."""
    light = (np.arange(4096) / 4095) ** 2
    table: NDArray[np.uint8] = np.round(255 * light ** (1 / DISPLAY_GAMMA)).astype(np.uint8)
    return table
