"""Values into HTML: nothing that comes from a data set is trusted, and what cannot be seen is made visible."""

from __future__ import annotations

import html
import math

from markupsafe import Markup

from ...foreign import UNSEEN, without_secrets
from ...wording import counted

NARROW_SPACE = "\u202f"
_UNSEEN_AS = '<span class="unseen">U+{:04X}</span>'


def text(value: object) -> Markup:
    """Any value as HTML text; characters that would not be seen are written as ``U+202E``. HTML stays as it is."""
    if isinstance(value, Markup):
        return value
    escaped = html.escape(without_secrets(str(value)))
    return Markup(UNSEEN.sub(lambda met: _UNSEEN_AS.format(ord(met.group())), escaped))


def attribute(value: object) -> Markup:
    """Any value as HTML in which there can be no tag: the value of an attribute, the title of a page."""
    seen = UNSEEN.sub(lambda met: f"[U+{ord(met.group()):04X}]", str(value))
    return Markup(html.escape(seen, quote=True).replace("\n", " "))


def cut(value: str, letters: int) -> str:
    """The beginning of a long text. Keys and passwords go first: half an address is no longer recognised as one."""
    value = without_secrets(value)
    return value if len(value) <= letters else value[: letters - 1].rstrip() + "…"


def number(value: float) -> str:
    """A number for people: thousands apart, three digits when it is no whole one."""
    if not math.isfinite(value):
        return "–"
    if value == round(value) or abs(value) >= 1000:
        return f"{round(value):,}".replace(",", NARROW_SPACE)
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.0e}"


def percent(share: float) -> str:
    """A share as a percentage that never rounds to none or all."""
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if seconds < 120:
        return f"{number(round(seconds, 1))} s"
    return f"{number(round(seconds / 60, 1))} min" if seconds < 7200 else f"{number(round(seconds / 3600, 1))} h"


def clock(seconds: float) -> str:
    """A time in a video, as 1:02.5."""
    tenths = round(10 * max(seconds, 0.0))
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def plural(count: float, one: str, many: str = "") -> str:
    """``1 video``, ``2 videos``."""
    return counted(count, one, many, number=number(count))
