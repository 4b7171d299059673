"""Colour words against the colour names of CSS, shares against how a picture was put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from sharegpt4video.facts.colour import (
    GREYS,
    NAMES,
    REGIONS,
    VIVID,
    classify,
    colour_names,
    colour_shares,
    is_grey,
    look,
    oklch,
)

VIDEOS = Path(__file__).resolve().parents[3] / "shared" / "videos"

# The basic term that each CSS colour name holds or obviously means.
CSS = {
    "black": "black", "white": "white", "snow": "white", "whitesmoke": "white", "gray": "grey", "darkgray": "grey",
    "silver": "light grey", "lightgray": "light grey", "slategray": "grey",
    "red": "red", "firebrick": "red", "crimson": "red", "darkred": "dark red", "maroon": "dark red",
    "orange": "orange", "darkorange": "orange", "orangered": "orange", "coral": "orange",
    "saddlebrown": "brown", "sienna": "brown", "chocolate": "brown", "peru": "brown",
    "beige": "beige", "tan": "beige", "wheat": "beige", "burlywood": "beige", "bisque": "beige",
    "yellow": "yellow", "gold": "yellow", "khaki": "yellow", "lightyellow": "light yellow",
    "lime": "green", "green": "green", "forestgreen": "green", "limegreen": "green", "seagreen": "green",
    "chartreuse": "green", "springgreen": "green", "olivedrab": "green", "darkgreen": "dark green",
    "lightgreen": "light green", "palegreen": "light green",
    "turquoise": "turquoise", "mediumturquoise": "turquoise", "darkturquoise": "turquoise", "teal": "turquoise",
    "cyan": "turquoise", "paleturquoise": "light turquoise",
    "blue": "blue", "mediumblue": "blue", "royalblue": "blue", "dodgerblue": "blue", "deepskyblue": "blue",
    "steelblue": "blue", "lightblue": "light blue", "skyblue": "light blue", "lightskyblue": "light blue",
    "powderblue": "light blue", "lightsteelblue": "light blue",
    "navy": "dark blue", "darkblue": "dark blue", "midnightblue": "dark blue",
    "purple": "purple", "rebeccapurple": "purple", "mediumpurple": "purple", "darkviolet": "purple",
    "blueviolet": "purple", "indigo": "dark purple", "plum": "light purple",
    "pink": "pink", "hotpink": "pink", "deeppink": "pink", "lightpink": "pink", "palevioletred": "pink",
}  # fmt: skip


def patch(*colours: str, side: int = 120) -> np.ndarray:
    """Stripes of equal width."""
    columns = [np.full((side, side, 3), ImageColor.getrgb(colour), np.uint8) for colour in colours]
    return np.concatenate(columns, axis=1)


@pytest.mark.parametrize(("css", "term"), CSS.items())
def test_css_colours_have_their_obvious_name(css: str, term: str) -> None:
    assert colour_names(patch(css), 1) == (term,)


def test_oklch_of_known_colours() -> None:
    # The primaries, as tabulated with the CSS Color 4 definition of oklch().
    light, chroma, hue = oklch(np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8))
    assert light == pytest.approx([0.628, 0.866, 0.452, 1.0], abs=2e-3)
    assert chroma == pytest.approx([0.2577, 0.2948, 0.3132, 0.0], abs=2e-3)
    assert hue[:3] == pytest.approx([29.23, 142.5, 264.05], abs=0.2)


@pytest.mark.parametrize(
    ("rgb", "term"),
    [
        ((105, 143, 183), {"blue", "light blue"}),  # a clear sky
        ((170, 200, 228), {"light blue"}),  # the sky near the horizon
        ((198, 150, 122), {"beige", "brown", "pink"}),  # light skin
        ((110, 72, 52), {"brown", "dark brown"}),  # dark skin
        ((48, 36, 28), {"dark brown"}),  # soil
        ((58, 74, 36), {"dark green"}),  # foliage in the shade
        ((106, 150, 60), {"green"}),  # a lawn
        ((128, 125, 119), {"grey"}),  # asphalt in warm light
        ((236, 230, 220), {"white", "light grey"}),  # a white wall in warm light
    ],
)
def test_things_on_video_are_named_as_people_would(rgb: tuple[int, int, int], term: set[str]) -> None:
    assert colour_names(np.full((50, 50, 3), rgb, np.uint8), 1)[0] in term


def test_palette_shares_are_those_of_the_picture() -> None:
    picture = np.concatenate(
        [patch("navy", side=100)] * 5 + [patch("gold", side=100)] * 3 + [patch("red", side=100)] * 2
    )
    palette = look(picture).palette
    assert [name for name, _ in palette] == ["dark blue", "yellow", "red"]
    assert [share for _, share in palette] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_small_spots_stay_out_of_the_palette() -> None:
    picture = patch("white", side=200)
    picture[:40, :60] = ImageColor.getrgb("red")  # 6 %
    assert [name for name, _ in look(picture).palette] == ["white"]


def test_a_gradient_sky_is_not_lost_between_its_shades() -> None:
    top, bottom = np.array([70.0, 118, 172]), np.array([196.0, 214, 230])
    sky = (top + np.linspace(0, 1, 90)[:, None, None] * (bottom - top)).astype(np.uint8)
    picture = np.concatenate([np.broadcast_to(sky, (90, 320, 3)), np.broadcast_to((96, 84, 70), (90, 320, 3))])
    blue = sum(share for name, share in look(picture.astype(np.uint8)).palette if name.endswith("blue"))
    assert blue == pytest.approx(0.5, abs=0.08)


def test_something_is_always_said() -> None:
    speckles = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    assert len(look(speckles).palette) >= 1
    assert len(colour_names(speckles, 2)) >= 1


def test_object_colours_leave_the_corners_out_and_keep_to_the_limit() -> None:
    rows, columns = np.mgrid[-1:1:100j, -1:1:100j]
    picture = np.where((rows**2 + columns**2 <= 1)[..., None], ImageColor.getrgb("green"), ImageColor.getrgb("red"))
    assert colour_names(picture.astype(np.uint8), 2) == ("green",)
    both = colour_names(patch("green", "red", "blue"), 2)
    assert len(both) == 2
    assert both[0] == "red"  # the ellipse is widest in the middle
    assert colour_names(np.zeros((0, 5, 3), np.uint8), 2) == ()


def test_brightness_and_contrast_by_construction() -> None:
    half = patch("black", "white")
    assert look(half).brightness == pytest.approx(0.5, abs=0.01)
    assert look(half).contrast == pytest.approx(1.0, abs=0.01)
    plain = look(patch("gray"))
    assert plain.brightness == pytest.approx(128 / 255, abs=0.005)
    assert plain.contrast == 0.0
    assert plain.sharpness == 0.0


def test_blur_lowers_sharpness_at_any_resolution() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (45, 80, 3), np.uint8)
    blocks = noise.repeat(8, axis=0).repeat(8, axis=1)
    half = noise.repeat(4, axis=0).repeat(4, axis=1)
    smooth = blocks.astype(float)
    for _ in range(12):
        smooth = (smooth + np.roll(smooth, 1, 0) + np.roll(smooth, 1, 1) + np.roll(smooth, -1, 0)) / 4
    assert look(smooth.astype(np.uint8)).sharpness < 0.5 * look(blocks).sharpness
    assert look(half).sharpness == pytest.approx(look(blocks).sharpness, rel=0.15)


def read_off_the_regions(rgb: np.ndarray) -> np.ndarray:
    """The name of each colour (n, 3): the first region that holds it, every region asked in turn."""
    light, chroma, hue = oklch(rgb)
    names = np.full(len(rgb), "", object)
    for region in REGIONS:
        inside = ((hue - region.hue) % 360 < region.hue_end - region.hue) & (chroma >= region.chroma)
        names[(names == "") & inside & (region.light <= light) & (light < region.light_end)] = region.name
    names[names == ""] = "grey"
    for name, (vivid, least_chroma) in VIVID.items():
        names[(names == name) & (chroma >= least_chroma)] = vivid
    greys = is_grey(light, chroma, hue)
    for name, light_end in reversed(GREYS):
        names[greys & (light < light_end)] = name
    return names


def test_every_colour_has_the_name_of_its_region_up_to_the_border() -> None:
    lattice = np.stack(np.mgrid[0:256:5, 0:256:5, 0:256:5], axis=-1).astype(np.uint8)
    named = read_off_the_regions(lattice.reshape(-1, 3)).reshape(lattice.shape[:3])
    colours = [lattice.reshape(-1, 3)]
    for axis in range(3):  # the four colours between two neighbours that differ: a border runs through them
        parts = named.take(range(51), axis), named.take(range(1, 52), axis)
        starts = lattice.take(range(51), axis)[parts[0] != parts[1]]
        colours += [starts + np.eye(3, dtype=np.uint8)[axis] * np.uint8(step) for step in range(1, 5)]
    asked = np.concatenate(colours)
    assert len(asked) > 200_000
    known = np.array(NAMES)[classify(asked)]
    assert (known == read_off_the_regions(asked)).all()
    assert (np.array(NAMES)[classify(asked[::-1])] == known[::-1]).all()  # now from memory


@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 30))
def test_shares_sum_to_one(seed: int, height: int, width: int) -> None:
    shares = colour_shares(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))
    assert sum(share for _, share in shares) == pytest.approx(1.0, abs=0.02)
    assert {name for name, _ in shares} <= set(NAMES)


@pytest.mark.skipif(not VIDEOS.is_dir(), reason="the shared videos are not on this machine")
def test_the_sky_of_yoga_is_blue_and_the_soil_of_the_sprout_is_brown() -> None:
    av = pytest.importorskip("av")

    def first(name: str) -> np.ndarray:
        with av.open(str(VIDEOS / name)) as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb24")

    assert any(name.endswith("blue") for name, _ in look(first("yoga.mp4")).palette)
    assert look(first("C_1_0.mp4")).palette[0][0] == "dark brown"
