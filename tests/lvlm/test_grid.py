"""The grid and its tiles, held against transformers' own LLaVA-NeXT processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media import solid
from sharegpt4video.lvlm.grid import (
    CLIP_MEAN,
    CLIP_STD,
    PINPOINTS,
    best_resolution,
    size_for_transformers,
    tiles,
    video_grid,
    visual_tokens,
)
from sharegpt4video.records import Frame

SIDES = st.integers(1, 4000)


def noise(width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth shapes and noise, so that a filter of another kind or a shift by a pixel cannot hide."""
    rng = np.random.default_rng(width * 10_007 + height)
    across = np.linspace(0, 255, width)[None, :, None] * np.array([1.0, 0.3, 0.7])
    down = np.linspace(0, 200, height)[:, None, None]
    return ((across + down + rng.integers(0, 60, (height, width, 3))) % 256).astype(np.uint8)


@pytest.fixture(scope="module")
def theirs() -> Any:
    """transformers' processor without a tokenizer, as far as counting goes."""
    pytest.importorskip("transformers")
    from transformers import LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    processor = object.__new__(LlavaNextProcessor)
    processor.patch_size, processor.num_additional_image_tokens = 14, 0
    processor.tokenizer = None
    # theirs are (height, width); in the order of the original's (width, height) ones, equally good ones fall alike
    processor.image_processor = LlavaNextImageProcessorPil(
        size={"shortest_edge": 336}, crop_size=336, image_grid_pinpoints=[[h, w] for w, h in PINPOINTS]
    )
    return processor


def original_tokens(width: int, height: int) -> int:
    """The arithmetic of ``unpad_image`` and ``select_best_resolution`` of the released code, written down anew."""
    fits = []
    for number, (across, down) in enumerate(PINPOINTS):
        scale = min(across / width, down / height)
        shown = min(int(width * scale) * int(height * scale), width * height)
        fits.append((-shown, across * down - shown, number))
    across, down = PINPOINTS[min(fits)[2]]
    columns, rows = across // 14, down // 14
    if width / height > columns / rows:
        padding = (rows - int(height * (columns / width))) // 2
        return 576 + len(range(padding, rows - padding)) * (columns + 1)
    padding = (columns - int(width * (rows / height))) // 2
    return 576 + rows * (len(range(padding, columns - padding)) + 1)


ROUNDED = [(220, 1056), (235, 1128), (47, 1128), (49, 3528), (55, 176), (88, 55), (94, 2256), (328, 861), (376, 893)]
"""Sizes where the original cuts 14.999... off to 14 and transformers rounds it to 15."""


@pytest.mark.parametrize("size", ROUNDED)
def test_the_original_counts_where_transformers_would_round(theirs: Any, size: tuple[int, int]) -> None:
    width, height = size
    assert visual_tokens(width, height) == original_tokens(width, height)
    assert visual_tokens(width, height) != theirs._get_number_of_features(height, width, 336, 336)


def test_as_many_tokens_as_the_original_counts() -> None:
    wrong = [
        (width, height)
        for width in range(3, 2000, 13)
        for height in range(1, 2000, 11)
        if visual_tokens(width, height) != original_tokens(width, height)
    ]
    assert wrong == []


@settings(max_examples=400)
@given(width=SIDES, height=SIDES)
@example(width=1920, height=1103)
@example(width=4000, height=1)
@example(width=1, height=4000)
@example(width=220, height=1056)
@example(width=55, height=176)
def test_transformers_counts_as_many_for_the_size_it_is_told(theirs: Any, width: int, height: int) -> None:
    told = size_for_transformers(width, height)
    assert visual_tokens(width, height) == original_tokens(width, height)
    assert visual_tokens(width, height) == theirs._get_number_of_features(told[1], told[0], 336, 336)
    if (width, height) not in ROUNDED and told != (width, height):
        assert visual_tokens(width, height) != theirs._get_number_of_features(height, width, 336, 336)


@pytest.mark.parametrize("size", [*ROUNDED, (1920, 1103)])
def test_transformers_model_unpads_to_as_many_for_the_size_it_is_told(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    modeling = pytest.importorskip("transformers.models.llava_next.modeling_llava_next")
    told, best = size_for_transformers(*size), best_resolution(*size)
    made = modeling.unpad_image(torch.zeros(1, best[1] // 14, best[0] // 14), (told[1], told[0]))
    assert 576 + made.shape[1] * (made.shape[2] + 1) == visual_tokens(*size)


def test_as_many_tokens_for_the_grids_of_all_common_frame_sizes(theirs: Any) -> None:
    for width in range(64, 2000, 38):
        for height in range(64, 1200, 26):
            grid_width, grid_height = 4 * width + 150, 4 * height + 150
            longer = max(grid_width, grid_height)
            scale = min(1.0, 1920 / longer)
            size = (int(grid_width * scale), int(grid_height * scale)) if scale < 1 else (grid_width, grid_height)
            assert visual_tokens(*size) == theirs._get_number_of_features(size[1], size[0], 336, 336), (width, height)


@pytest.mark.parametrize(
    "size", [(1919, 1466), (821, 1920), (1920, 400), (300, 1911), (672, 672), (97, 61), (61, 97), (336, 336)]
)
def test_the_same_bits_as_transformers_makes(theirs: Any, size: tuple[int, int]) -> None:
    picture = noise(*size)
    expected = theirs.image_processor(picture, return_tensors="np")["pixel_values"][0]
    ours = tiles(picture)
    assert ours.dtype == np.float32
    assert ours.shape == expected.shape
    assert ours.tobytes() == expected.astype(np.float32).tobytes()


@settings(max_examples=25)
@given(width=st.integers(2, 900), height=st.integers(2, 900))
def test_the_overview_is_the_first_tile(width: int, height: int) -> None:
    picture = noise(width, height)
    overview = tiles(picture, mode="overview")
    assert overview.shape == (1, 3, 336, 336)
    assert overview.tobytes() == tiles(picture)[:1].tobytes()
    assert visual_tokens(width, height, mode="overview") == 576


@given(width=SIDES, height=SIDES)
def test_as_many_tiles_as_the_best_resolution_holds(width: int, height: int) -> None:
    best = best_resolution(width, height)
    assert best in PINPOINTS
    most = 1 + best[0] * best[1] // 336**2
    assert 576 <= visual_tokens(width, height) <= 576 * most + best[1] // 14


def test_other_tile_sizes_follow_the_same_rule() -> None:
    """A picture of two by two tiles without padding: all patches, and one more at the end of each row."""
    points = ((56, 56), (28, 56), (56, 28))
    assert visual_tokens(560, 560, pinpoints=points, tile=28, patch=14) == 4 + 16 + 4
    made = tiles(noise(56, 56), pinpoints=points, tile=28)
    assert made.shape == (5, 3, 28, 28)


def test_tiles_are_normalised_and_padded_with_black() -> None:
    white = np.full((200, 800, 3), 255, np.uint8)
    made = tiles(white)
    assert made[0, :, 0, 0] == pytest.approx([(1 - m) / s for m, s in zip(CLIP_MEAN, CLIP_STD, strict=True)])
    top_left = made[1, :, 0, 0]  # 1008 x 336 shows 800 x 200 as 1008 x 252, with 42 black rows above
    assert top_left == pytest.approx([-m / s for m, s in zip(CLIP_MEAN, CLIP_STD, strict=True)])
    assert made.shape[0] == 4
    assert made[1, 0, 42, 0] > 1.5 > made[1, 0, 41, 0]


def test_a_video_becomes_a_square_of_frames_with_white_bands() -> None:
    frames = [Frame(solid((10 * number, 0, 0), 40, 30), float(number), 1.0) for number in range(16)]
    made = video_grid(frames)
    assert made.shape == (4 * 30 + 150, 4 * 40 + 150, 3)
    assert made[0, 0].tolist() == [0, 0, 0]
    assert made[80 + 5, 3 * 90 + 5].tolist() == [70, 0, 0]  # row 1, column 3 is frame 7
    assert made[35, 45].tolist() == [255, 255, 255]


def test_large_grids_are_reduced_to_1920_unless_told_otherwise() -> None:
    frames = [solid((0, 0, 0), 640, 480)] * 16
    assert video_grid(frames).shape == (1466, 1919, 3)
    assert video_grid(frames, max_side_pixels=None).shape == (2070, 2710, 3)


def test_frames_of_two_sizes_make_no_grid() -> None:
    with pytest.raises(ValueError, match="64x48"):
        video_grid([solid((0, 0, 0)), solid((0, 0, 0), 32, 48)])
