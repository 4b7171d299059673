"""Bars of any colour and filled bars, against pictures that were put between them; and pictures without any."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest

from scenes import Picture, panned, texture
from sharegpt4video.dataset.survey.bars import WHOLE, BlackBars, Edges
from sharegpt4video.dataset.survey.borders import picture_edges

SIDE, COUNT = 224, 4


@cache
def scene(count: int = COUNT) -> tuple[Picture, ...]:
    wide = texture(1, 2 * SIDE, SIDE)
    return tuple(panned(wide, number * 24.0, SIDE, SIDE) for number in range(count))


def coded(picture: Picture, quality: int = 85) -> Picture:
    """As a codec leaves a picture of twice the size: rounded in cells of 8 x 8, with half as much colour."""
    large = cv2.resize(picture[..., ::-1], None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    data = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    small = cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1], dtype=np.uint8)


def between(picture: Picture, edges: Edges, colour: tuple[int, int, int]) -> Picture:
    whole = np.full((SIDE, SIDE, 3), colour, np.uint8)
    left, top, right, bottom = (round(edge * SIDE) for edge in edges)
    whole[top:bottom, left:right] = cv2.resize(picture, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return whole


def filled(picture: Picture, share: float, zoom: float, dim: float) -> Picture:
    """Between bars left and right, of a blown-up and blurred copy that covers everything."""
    cut, inner = (1 - (1 - 2 * share) / zoom) / 2, (1 - 1 / zoom) / 2
    rows, columns = round(cut * SIDE), round(inner * SIDE)
    part = np.ascontiguousarray(picture[rows : SIDE - rows, columns : SIDE - columns])
    whole = cv2.GaussianBlur(cv2.resize(part, (SIDE, SIDE)), (0, 0), 7) * dim
    left = round(share * SIDE)
    whole[:, left : SIDE - left] = cv2.resize(picture, (SIDE - 2 * left, SIDE), interpolation=cv2.INTER_AREA)
    return whole.astype(np.uint8)


EDGES: dict[str, Edges] = {
    "above and below": (0.0, 0.13, 1.0, 0.87),
    "left and right": (0.35, 0.0, 0.65, 1.0),
    "four sides": (0.2, 0.25, 0.8, 0.75),
    "thin": (0.03, 0.03, 0.97, 0.97),
    "more above than below": (0.0, 0.3, 1.0, 0.85),
}
COLOURS = [(255, 255, 255), (200, 20, 20), (128, 128, 128), (10, 30, 160), (40, 40, 40)]


@pytest.mark.parametrize(("edges", "colour"), list(zip(EDGES.values(), COLOURS, strict=True)), ids=EDGES)
def test_bars_of_any_colour_are_found(edges: Edges, colour: tuple[int, int, int]) -> None:
    for one in (colour, (255 - colour[0], colour[1], colour[2])):
        found = picture_edges([coded(between(picture, edges, one)) for picture in scene()])
        assert found == pytest.approx(edges, abs=0.012)


def test_a_small_picture_between_wide_bars_is_found_though_only_some_of_its_edges_are_all_lit() -> None:
    picture = np.full((45, 80), 120, np.uint8)
    picture[1:, ::16] = picture[3::16] = 10  # the first row alone has no dark pixel
    canvas = np.zeros((120, 160), np.uint8)
    canvas[20:65, 25:105] = picture
    bars = BlackBars()
    for _ in range(4):
        bars.push(canvas)
    assert bars.edges() == pytest.approx((25 / 160, 20 / 120, 105 / 160, 65 / 120), abs=0.02)


def test_text_in_a_bar_is_no_picture() -> None:
    pictures = [between(picture, (0.0, 0.25, 1.0, 0.75), (255, 255, 255)) for picture in scene()]
    for picture in pictures:
        cv2.putText(picture, "WHEN THE CAT", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    assert picture_edges(pictures) == pytest.approx((0.0, 0.25, 1.0, 0.75), abs=0.012)


def test_bars_inside_of_bars_are_found() -> None:
    film = [between(picture, (0.0, 0.15, 1.0, 0.85), (0, 0, 0)) for picture in scene()]
    page = [coded(between(picture, (0.2, 0.1, 0.8, 0.9), (255, 255, 255))) for picture in film]
    assert picture_edges(page) == pytest.approx((0.2, 0.1 + 0.8 * 0.15, 0.8, 0.9 - 0.8 * 0.15), abs=0.012)


@pytest.mark.parametrize(
    ("share", "zoom", "dim", "upright"),
    [(0.34, 1.0, 1.0, False), (0.34, 1.2, 0.5, True), (0.12, 1.0, 0.7, False), (0.1, 1.5, 1.0, True)],
)
def test_bars_filled_with_the_blurred_picture_are_found(share: float, zoom: float, dim: float, upright: bool) -> None:
    pictures = [coded(filled(picture, share, zoom, dim)) for picture in scene()]
    edges = (share, 0.0, 1 - share, 1.0)
    if upright:
        pictures = [np.ascontiguousarray(picture.transpose(1, 0, 2)) for picture in pictures]
        edges = (0.0, share, 1.0, 1 - share)
    assert picture_edges(pictures) == pytest.approx(edges, abs=0.012)


def slide_with_bands() -> list[Picture]:
    """A template with a blue band above and below, and text on white between them."""
    slide = np.full((SIDE, SIDE, 3), 255, np.uint8)
    slide[:30] = slide[-30:] = (20, 60, 150)
    for line in range(4):
        cv2.putText(slide, "what we found", (12, 70 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 1)
    return [slide] * COUNT


def page_in_the_middle() -> list[Picture]:
    """A document in a viewer: a white page with text between grey margins."""
    page = np.full((SIDE, SIDE, 3), 90, np.uint8)
    page[:, 50:-50] = 255
    for line in range(10):
        cv2.putText(page, "lorem ipsum", (60, 20 + 20 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (20, 20, 20), 1)
    return [page] * COUNT


def photograph_on_a_slide() -> list[Picture]:
    """A white slide with a photograph, and a caption beside it."""
    slide = np.full((SIDE, SIDE, 3), 255, np.uint8)
    slide[50:150, 30:130] = scene()[0][50:150, 30:130]
    cv2.putText(slide, "fig. 1", (150, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1)
    return [slide] * COUNT


def overexposed_sky() -> list[Picture]:
    """Roofs of many heights under a white sky."""
    heights = np.random.default_rng(5).integers(60, 110, 28).repeat(SIDE // 28)
    sky = np.arange(SIDE)[:, None] < heights[None, :]
    return [np.where(sky[..., None], 255, picture).astype(np.uint8) for picture in scene()]


def flat_drawing() -> list[Picture]:
    """A drawn figure that moves before flat colours: sky above, grass below, of two colours."""
    drawn = []
    for number in range(COUNT):
        picture = np.full((SIDE, SIDE, 3), (120, 190, 240), np.uint8)
        picture[150:] = (90, 170, 80)
        cv2.circle(picture, (60 + 10 * number, 140), 25, (220, 60, 60), -1)
        drawn.append(picture)
    return drawn


def drawn_on_white() -> list[Picture]:
    """Somebody who moves in the middle before a white wall."""
    drawn = []
    for number in range(COUNT):
        picture = np.full((SIDE, SIDE, 3), 250, np.uint8)
        cv2.ellipse(picture, (100 + 4 * number, 150), (30, 80), 0, 0, 360, (80, 60, 50), -1)
        drawn.append(picture)
    return drawn


def shallow_focus() -> list[Picture]:
    """A sharp subject in the middle, everything else out of focus, without straight edges."""
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    near = np.clip(4 * (0.6 - np.hypot(rows, columns)), 0, 1)[..., None]
    return [(near * one + (1 - near) * cv2.GaussianBlur(one, (0, 0), 8)).astype(np.uint8) for one in scene()]


def sharp_between_curtains() -> list[Picture]:
    """Straight edges left and right, smooth outside of them, but nothing of the picture in it."""
    drawn = []
    for picture in scene():
        curtain = np.linspace(60, 200, SIDE).astype(np.uint8)
        whole = np.repeat(np.repeat(curtain[:, None, None], SIDE, axis=1), 3, axis=2)
        whole[:, 60:-60] = picture[:, 60:-60]
        drawn.append(whole)
    return drawn


def bars_at_first() -> list[Picture]:
    """White bars that go away half-way."""
    barred = [between(picture, (0.0, 0.2, 1.0, 0.8), (255, 255, 255)) for picture in scene()[: COUNT // 2]]
    return [*barred, *scene()[COUNT // 2 :]]


WITHOUT = [
    slide_with_bands, page_in_the_middle, photograph_on_a_slide, overexposed_sky, flat_drawing, drawn_on_white,
    shallow_focus, sharp_between_curtains, bars_at_first,
]  # fmt: skip


@pytest.mark.parametrize("content", WITHOUT, ids=lambda content: content.__name__)
def test_plain_and_smooth_areas_are_no_bars(content: Callable[[], list[Picture]]) -> None:
    assert picture_edges([coded(picture) for picture in content()]) == WHOLE


def test_no_pictures_and_pictures_of_one_colour_have_no_bars() -> None:
    assert picture_edges([]) == WHOLE
    assert picture_edges([np.full((SIDE, SIDE, 3), 200, np.uint8)]) == WHOLE
    assert picture_edges([np.full((5, 3, 3), 200, np.uint8)]) == WHOLE
