"""Charts as inline SVG and HTML: histograms, bars, a line. No script, no style attributes, text to be read aloud."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from .markup import attribute, number, percent, text
from .tally import Tally

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 22, 36
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
BINS = 24


def histogram(title: str, unit: str, tally: Tally, *, behind: Tally | None = None, of: str = "videos") -> str:
    """How values are spread; the last bar holds everything beyond the 99.5 % quantile. "" if there are none.

    ``behind`` is a larger set drawn in grey behind it, in the same bins.
    """
    if not tally.count:
        return ""
    whole = behind or tally
    edges, cut_off = bins(whole)
    inner = [*edges[:-1], math.inf] if cut_off else edges
    front, back = tally.between(_finite(inner)), whole.between(_finite(inner))
    most = max(back)
    names = [_bin_name(low, high, unit, tally.resolution) for low, high in pairwise(inner)]
    marks = [_y_axis(most)]
    if behind:
        marks += [_column(at, len(back), value, most, "bar-behind", "") for at, value in enumerate(back)]
    for at, (value, name) in enumerate(zip(front, names, strict=True)):
        hover = f"{name}: {number(value)} {of} ({percent(value / tally.count)})"
        marks.append(_column(at, len(front), value, most, "bar", hover))
    marks += [_x_axis(edges, unit, tally.resolution), _median(tally, edges)]
    spread = (
        f"{number(tally.count)} {of}, mean {_short(tally.mean)}, 5 to 95 %:"
        f" {_short(tally.quantile(0.05))} to {_short(tally.quantile(0.95))} {unit}"
    )
    said = (
        f"{title}: {spread}, median {_short(tally.quantile(0.5))}, least {_short(tally.least)},"
        f" most {_short(tally.most)}"
    )
    return figure(title, spread, _svg(said, "".join(marks)))


def figure(title: str, note: str, inner: str) -> str:
    return (
        f'<figure class="chart"><figcaption><b>{text(title)}</b> <span>{text(note)}</span></figcaption>{inner}</figure>'
    )


def bars(
    title: str,
    note: str,
    rows: Sequence[tuple[str, float, str]],
    *,
    whole: float | None = None,
    show: Callable[[float], str] = number,
) -> str:
    """Horizontal bars as a table; ``rows`` hold a label, a value and a remark. "" if there are none."""
    if not rows:
        return ""
    most = whole or max(value for _, value, _ in rows) or 1.0
    lines = "".join(
        f'<tr><th scope="row"><bdi>{text(label)}</bdi></th><td class="track">{_bar(value / most)}</td>'
        f'<td class="number">{text(show(value))}</td><td class="remark">{text(remark)}</td></tr>'
        for label, value, remark in rows
    )
    return figure(title, note, f'<table class="bars"><tbody>{lines}</tbody></table>')


def split_bar(left: float, dropped: float) -> str:
    """One bar of two parts, as shares of a whole: what is left, and what was dropped after it."""
    left, dropped = 100 * left, 100 * dropped
    return (
        '<svg class="track" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{left:.2f}" height="10"/>'
        f'<rect class="bar-dropped" x="{left:.2f}" width="{dropped:.2f}" height="10"/></svg>'
    )


def line(title: str, note: str, points: Sequence[tuple[float, float]], x_unit: str) -> str:
    """A line through points in the order of x; "" for less than two."""
    if len(points) < 2:
        return ""
    x_most, y_most = points[-1][0], max(y for _, y in points)
    path = " ".join(
        f"{LEFT + PLOT_WIDTH * x / x_most:.1f},{TOP + PLOT_HEIGHT * (1 - y / _top(y_most)):.1f}" for x, y in points
    )
    ticks = "".join(_x_tick(LEFT + PLOT_WIDTH * at / x_most, _short(at)) for at in _ticks(0, x_most))
    said = f"{title}: {number(points[-1][1])} after {number(x_most)} {x_unit}"
    marks = f'{_y_axis(y_most)}<polyline class="line" points="{path}"/>{ticks}{_x_title(x_unit)}'
    return figure(title, note, _svg(said, marks))


def bins(tally: Tally) -> tuple[list[float], bool]:
    """Edges of at most about 24 equal bins with round numbers, and whether values lie beyond the last edge."""
    low, high = tally.quantile(0.005), tally.quantile(0.995)
    whole_numbers = tally.resolution == 1 and high < BINS  # a bar each, none for numbers that never come
    low = low if whole_numbers or low >= 0.4 * high else 0.0
    step = max(_round_step((high - low) / BINS), tally.resolution)
    step = math.ceil(step / tally.resolution - 1e-6) * tally.resolution  # bins of unequal slots would look ragged
    first = math.floor(low / step + 1e-9)
    count = max(1, math.floor(high / step + 1e-9) + 1 - first)
    cut_off = tally.most >= (first + count) * step
    return [round((first + place) * step, 9) for place in range(count + 1 + cut_off)], cut_off


def _finite(edges: Sequence[float]) -> list[float]:
    return [min(edge, 1e12) for edge in edges]


def _round_step(rough: float) -> float:
    if rough <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    step = _round_step((high - low) / about) or 1.0
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 9) for at in range(first, math.floor(high / step + 1e-9) + 1)]


def _top(most: float) -> float:
    return max(most, 1e-9)


def _short(value: float) -> str:
    """A number on an axis: 1200000 as 1.2 M."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e4, "")):
        if abs(value) >= size:
            return number(value) if letter == "" else f"{value / size:.3g}{letter}"
    return number(float(f"{value:.3g}"))


def _bin_name(low: float, high: float, unit: str, resolution: float) -> str:
    if math.isinf(high):
        return f"{number(low)} {unit} and more"
    if resolution == 1 and high - low == 1:
        return f"{number(low)} {unit}"
    return f"{number(low)} to {number(high)} {unit}"


def _column(at: int, columns: int, value: float, most: float, kind: str, hover: str) -> str:
    if not value:
        return ""
    wide, high = PLOT_WIDTH / columns, max(PLOT_HEIGHT * value / most, 1.0)
    title = f"<title>{text(hover)}</title>" if hover else ""
    return (
        f'<rect class="{kind}" x="{LEFT + at * wide + 0.5:.2f}" y="{TOP + PLOT_HEIGHT - high:.2f}"'
        f' width="{max(wide - 1, 0.5):.2f}" height="{high:.2f}">{title}</rect>'
    )


def _x_axis(edges: Sequence[float], unit: str, resolution: float) -> str:
    """Ticks at the edges; in the middle of bars that hold one whole number each."""
    middle = 0.5 if resolution == 1 and len(edges) > 1 and edges[1] - edges[0] == 1 else 0.0
    wide = PLOT_WIDTH / (len(edges) - 1)
    step = edges[1] - edges[0]
    wanted = [at for at in _ticks(edges[0], edges[-1]) if not middle or (at < edges[-1] and at == round(at))]
    ticks = "".join(_x_tick(LEFT + wide * ((at - edges[0]) / step + middle), _short(at)) for at in wanted)
    base = f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{TOP + PLOT_HEIGHT}" y2="{TOP + PLOT_HEIGHT}"/>'
    return base + ticks + _x_title(unit)


def _x_tick(x: float, label: str) -> str:
    return (
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP + PLOT_HEIGHT}" y2="{TOP + PLOT_HEIGHT + 3}"/>'
        f'<text x="{min(x, WIDTH - 8):.1f}" y="{TOP + PLOT_HEIGHT + 14}" text-anchor="middle">{text(label)}</text>'
    )


def _x_title(unit: str) -> str:
    return f'<text class="unit" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{text(unit)}</text>'


def _y_axis(most: float) -> str:
    lines = []
    for at in _ticks(0, most, 4):
        y = TOP + PLOT_HEIGHT * (1 - at / _top(most))
        lines.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{text(_short(at))}</text>'
        )
    return "".join(lines)


def _median(tally: Tally, edges: Sequence[float]) -> str:
    """A mark at the median, named on the side where there is room."""
    median = tally.quantile(0.5)
    shift = 0.5 if tally.resolution == 1 and edges[1] - edges[0] == 1 else 0.0
    share = (median + shift - edges[0]) / (edges[-1] - edges[0])
    x = LEFT + PLOT_WIDTH * min(max(share, 0.0), 1.0)
    anchor, gap = ("end", -4) if share > 0.6 else ("start", 4)
    return (
        f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{TOP + PLOT_HEIGHT}"/>'
        f'<text class="median" x="{x + gap:.1f}" y="{TOP - 5}" text-anchor="{anchor}">'
        f"median {text(_short(median))}</text>"
    )


def _bar(share: float) -> str:
    return (
        '<svg class="track" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{100 * min(max(share, 0.0), 1.0):.2f}" height="10"/></svg>'
    )


def _svg(said: str, inner: str) -> str:
    return f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{attribute(said)}">{inner}</svg>'
