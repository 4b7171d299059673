"""Text into HTML: nothing that comes from a data set is trusted, and what cannot be seen is made visible."""

from __future__ import annotations

import html
import math

from ...foreign import UNSEEN, without_secrets
from ...wording import counted

NARROW_SPACE = "\u202f"


def text(value: object) -> str:
    """Any value as HTML text; characters that would not be seen are written as ``U+202E``."""
    escaped = html.escape(without_secrets(str(value)))
    return UNSEEN.sub(lambda met: f'<span class="unseen">U+{ord(met.group()):04X}</span>', escaped)


def attribute(value: object) -> str:
    """Any value as the text between the quotation marks of an attribute."""
    seen = UNSEEN.sub(lambda met: f"[U+{ord(met.group()):04X}]", str(value))
    return html.escape(seen, quote=True).replace("\n", " ")


def foreign(value: object) -> str:
    """Text from outside in the middle of ours: its direction is its own affair."""
    return f"<bdi>{text(value)}</bdi>"


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


def length(seconds: float) -> str:
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


def table(heads: list[str], rows: list[list[str]], kind: str = "") -> str:
    """A table of HTML cells; a head that begins with ``#`` is one of numbers."""
    classes = [' class="number"' if head.startswith("#") else "" for head in heads]
    top = "".join(f'<th scope="col"{c}>{head.lstrip("#")}</th>' for head, c in zip(heads, classes, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{c}>{cell}</td>" for cell, c in zip(row, classes, strict=True)) + "</tr>" for row in rows
    )
    kind = f' class="{kind}"' if kind else ""
    return f'<div class="scroll"><table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def details(summary: str, inner: str) -> str:
    return f"<details><summary>{summary}</summary>{inner}</details>"


def missing(what: str, command: str) -> str:
    """What a section says when there is nothing to show, and what to run for it."""
    return f'<p class="missing">{text(what)} <code>{text(command)}</code></p>'
