"""Light and colours in words, and when they are worth any."""

from __future__ import annotations

from ...records import Look
from .words import listed

BLURRED_SHARPNESS = 25.0
STRONG_SHARE = 0.6
COLOURLESS = ("black", "white", "grey")


def plain_screen(look: Look) -> str:
    """The colour of a screen that shows nothing else, or ""."""
    if look.contrast > 0.03:
        return ""
    if look.brightness < 0.06:
        return "black"
    if look.brightness > 0.95:
        return "white"
    return f"plain {look.palette[0][0]}" if look.palette and look.palette[0][1] > 0.9 and look.contrast < 0.02 else ""


def brightness_words(look: Look) -> str:
    if look.brightness < 0.12:
        return "very dark"
    if look.brightness < 0.28:
        return "dark"
    return "very bright" if look.brightness > 0.85 else "bright" if look.brightness > 0.6 else ""


def palette_words(look: Look) -> str:
    """The colours as in "mostly light blue and green", to follow "is"; "" when nothing stands out."""
    main = [(name, share) for name, share in look.palette if share >= 0.15][:3]
    if not main:
        return ""
    if sum(share for _, share in main) < 0.5:
        return f"partly {listed([name for name, _ in main])}"
    leading = [name for name, share in main if share >= main[0][1] / 3]
    return f"mostly {listed(leading)}"


def picture_words(look: Look) -> str:
    return ", ".join(filter(None, [brightness_words(look), palette_words(look)]))


def is_blurred(look: Look) -> bool:
    return look.sharpness < BLURRED_SHARPNESS and look.contrast > 0.08


def blur_sentence(look: Look) -> str:
    return "the picture is blurred" if is_blurred(look) else ""


def notable(look: Look) -> str:
    """What is worth saying of a picture in which other things can be told: a dark scene, one strong colour."""
    words = [brightness_words(look) if look.brightness < 0.28 or look.brightness > 0.85 else "", strong_colour(look)]
    told = ", ".join(filter(None, ["blurred" if is_blurred(look) else "", *words]))
    return f"the picture is {told}" if told else ""


def strong_colour(look: Look) -> str:
    """One colour that covers most of the picture; "" for the usual mixture and for greys."""
    name, share = look.palette[0] if look.palette else ("", 0.0)
    return f"mostly {name}" if share >= STRONG_SHARE and not name.endswith(COLOURLESS) else ""
