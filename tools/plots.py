"""Draw the pictures of ``docs/benchmarks.md`` and ``docs/proofs.md`` from the tables there, so both show the same.

    pip install matplotlib
    python tools/plots.py

Writes ``docs/pictures/*.svg``, on no background and in colours that are readable on light and on dark pages.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

DOCS = Path(__file__).resolve().parent.parent / "docs"
OURS, OTHER, UNLIKE = "#2f81f7", "#8b949e", "#d29922"
TEXT, GRID = "#7d8590", "#7d859040"
WIDTH_INCHES = 7.2
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 10, "text.color": TEXT, "axes.labelcolor": TEXT, "axes.edgecolor": GRID,
    "axes.titlecolor": TEXT, "axes.titlesize": 10.5, "axes.titlelocation": "left", "axes.titlepad": 5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.spines.bottom": False,
    "axes.axisbelow": True, "xtick.color": TEXT, "ytick.color": TEXT, "xtick.major.size": 0, "ytick.major.size": 0,
    "svg.fonttype": "path", "svg.hashsalt": "sharegpt4video", "savefig.transparent": True,
}  # fmt: skip


def source(heading: str) -> str:
    """The first table below a heading of these pages, as it stands there."""
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("benchmarks.md", "proofs.md"))
    section = re.split(r"^##+ ", re.split(rf"^##+ {heading}$", text, flags=re.M)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return str(re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[0])


def table(heading: str) -> list[list[str]]:
    """The rows of that table, head included, without emphasis and code marks."""
    rows = [row.strip("|").split("|") for row in source(heading).splitlines()]
    cells = [[re.sub(r"[*`]", "", cell).strip() for cell in row] for row in rows]
    return [cells[0], *cells[2:]]


def number(cell: str) -> float:
    """The first number of a cell: "4.4 x", "99.4 %", "1.7 s, 228"."""
    match = re.search(r"\d[\d,]*(?:\.\d+)?", cell)
    if match is None:
        raise ValueError(f"no number in the cell {cell!r}")
    return float(match[0].replace(",", ""))


def bars(axes: Any, names: Sequence[str], values: Sequence[float], label: str, colours: Sequence[str]) -> None:
    """Horizontal bars from top to bottom, each with its value at its end."""
    places = range(len(names))
    axes.barh(places, values, height=0.62, color=colours)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(NullLocator())
    axes.set_xlim(0, max(values) * 1.18)
    for place, value in zip(places, values, strict=True):
        axes.text(value + max(values) * 0.015, place, label.format(value), va="center")


def reading() -> None:
    """Time relative to ours, which the table gives in seconds."""
    head, ours, *others = table("Reading")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 2.2), sharey=True)
    names = [ours[0], *(row[0] for row in others)]
    for column, one in enumerate(axes, 1):
        values = [1.0, *(number(row[column]) for row in others)]
        bars(one, names, values, "{:.3g}×", [OURS, *[OTHER] * len(others)])
        one.set_title(head[column])
    save(figure, "reading", "Reading", "Processor time, ours = 1")


def shots() -> None:
    """F1 of cuts and of fades."""
    head, *rows = table("Shots")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 1.65), sharey=True)
    for column, one in enumerate(axes, 1):
        bars(one, [row[0] for row in rows], [number(row[column]) for row in rows], "{:.1f}", [OURS, OTHER, OTHER])
        one.set_xlim(0, 118)
        one.set_title(head[column].replace(" F1", ""))
    save(figure, "shots", "Shots", "F1 of transitions found, in %")


def engine() -> None:
    """Share of the ideal throughput, by number of slots."""
    _, *rows = table("Engine")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 1.65), sharey=True)
    names = ["engine", "one video per slot", "lock-step batches"]
    for row, one in zip(rows, axes, strict=True):
        bars(one, names, [number(row[column]) for column in (1, 3, 4)], "{:.1f}", [OURS, OTHER, OTHER])
        one.set_xlim(0, 118)
        one.set_title(f"{row[0]} slots")
    save(figure, "engine", "Engine", "Requests answered, in % of slots that never idle")


def million() -> None:
    """Seconds against the number of videos, on two logarithmic scales."""
    head, *rows = table("A million videos")
    rows.sort(key=lambda row: -number(row[-1]))
    counts = [number(cell) for cell in head[1:]]
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, 3.5))
    ends = spread([number(row[-1]) for row in rows], 1.62)
    for row, end in zip(rows, ends, strict=True):
        colour = UNLIKE if "groups" in row[0] else OURS
        axes.plot(counts, [number(cell) for cell in row[1:]], color=colour, marker="o", markersize=4, linewidth=1.6)
        name = row[0].split(":")[0]
        axes.plot((counts[-1] * 1.06, counts[-1] * 1.2), (number(row[-1]), end), color=GRID, linewidth=0.8)
        axes.text(counts[-1] * 1.25, end, f"{number(row[-1]):g} s", va="center", ha="left", color=colour)
        axes.text(counts[-1] * 2.5, end, name, va="center", ha="left")
    axes.set(xscale="log", yscale="log", xlim=(counts[0] * 0.85, counts[-1] * 14), ylim=(0.2, 800))
    axes.set_xticks(counts, [f"{count:,.0f}" for count in counts])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    save(figure, "million", "A million videos", "Processor time against the number of videos")


def spread(values: Sequence[float], least_ratio: float) -> list[float]:
    """Falling values, moved down where needed so that each is ``least_ratio`` times below the one before."""
    placed = [values[0]]
    for value in values[1:]:
        placed.append(min(value, placed[-1] / least_ratio))
    return placed


def copies() -> None:
    """Copies found beside distinct videos taken for copies."""
    head, *rows = table("Copies found")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 2.6), sharey=True)
    names = [row[0].split(": more")[0] for row in rows]
    colours = [OURS if name.startswith("ours") else OTHER for name in names]
    for column, (one, label) in enumerate(zip(axes, ("{:g}", "{:.0f}"), strict=True), 1):
        bars(one, names, [number(row[column]) for row in rows], label, colours)
        one.set_title(head[column])
    save(figure, "copies", "Copies found", "Copies found (in %, more is better) and wrong pairs (fewer is better)")


def rooms() -> None:
    """Each figure as times as good as in the version before, a line for each room, on a logarithmic scale."""
    head, *rows = table("1.0 beside 0.1")
    ratio, room = head.index("times as good"), head.index("room")
    compared = [(row[room], number(row[ratio])) for row in rows if row[ratio]]
    names = list(dict.fromkeys(name for name, _ in compared))
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, 0.7 + 0.2 * len(names)))
    for name, value in compared:
        colour = OURS if value >= 0.9 else UNLIKE
        axes.plot(min(max(value, 0.25), 8), names.index(name), "o", color=colour, markersize=5, alpha=0.75)
    axes.axvline(1, color=TEXT, linewidth=0.8)
    axes.set(xscale="log", xlim=(0.22, 9), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), names)
    ticks = (0.25, 0.5, 1, 2, 4, 8)
    axes.set_xticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(color=GRID, linewidth=0.7)
    save(figure, "rooms", "1.0 beside 0.1", "Figures of 1.0, times as good as those of 0.1")


def proofs() -> None:
    """Accuracy of guessing, of the base, and of each arm that was run; nothing before the base is examined."""
    if "| temporal |" not in (DOCS / "proofs.md").read_text(encoding="utf-8"):
        return
    head, *rows = table("The result")
    columns = head[head.index("chance") : -1]
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 0.8 + 0.27 * len(columns)), sharey=True)
    colours = [OURS if column == "dense" else UNLIKE if column == "short" else OTHER for column in columns]
    for row, one in zip(rows[:2], axes, strict=True):
        bars(one, columns, [number(row[head.index(column)]) for column in columns], "{:.1f}", colours)
        one.set_xlim(0, 108)
        one.set_title(f"{row[0]} questions")
    save(figure, "proofs", "The result", "Accuracy in %")


def captioner() -> None:
    """Quality and cost of three ways to caption, by the number of events of a video."""
    head, *rows = table("Quality and cost")
    counts = [number(cell) for cell in head[1:]]
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 2.4))
    colours = {"sliding": OURS, "multi": UNLIKE, "fast": OTHER, "steps alone": OURS, "another video": OTHER}
    measured = [row for row in rows if "F1" in row[0]]
    heights = dict(zip((row[0] for row in measured), apart([number(row[-1]) for row in measured], 9), strict=True))
    for row in rows:
        role, measure = row[0].split(", ")
        one = axes[0 if "F1" in measure else 1]
        style = ":" if role in ("steps alone", "another video") else "-"
        one.plot(counts, [number(cell) for cell in row[1:]], style, color=colours[role], marker="o", markersize=4)
        one.text(counts[-1] * 1.15, heights.get(row[0], number(row[-1])), role, va="center", color=colours[role])
        one.set_title(measure)
    for one in axes:
        one.set(xscale="log", xlim=(counts[0] * 0.85, counts[-1] * 2.6))
        one.set_xticks(counts, [f"{count:.0f}" for count in counts])
        one.xaxis.set_minor_locator(NullLocator())
        one.grid(axis="y", color=GRID, linewidth=0.7)
    axes[0].set_ylim(0, 104)
    axes[1].set_yscale("log")
    save(figure, "captioner", "Quality and cost", "Captions by number of events")


def apart(heights: Sequence[float], gap: float) -> list[float]:
    """Heights of labels, moved as little as keeps them readable."""
    found = dict(enumerate(heights))
    order = sorted(found, key=lambda at: found[at])
    for _ in range(100):
        for below, above in itertools.pairwise(order):
            short = max(gap - (found[above] - found[below]), 0) / 2
            found[below], found[above] = found[below] - short, found[above] + short
    return [found[at] for at in range(len(heights))]


def has_table(heading: str) -> bool:
    """Whether a table stands below that heading yet."""
    try:
        return bool(source(heading))
    except IndexError:
        return False


def save(figure: Any, name: str, heading: str, title: str) -> None:
    """Write a figure with the table that it shows in its metadata; a test compares that with the page.

    There is no date in it, so the same table gives the same file.
    """
    height = figure.get_figheight()
    figure.text(0.008, 1 - 0.07 / height, title, va="top", fontsize=11.5, fontweight="bold")
    figure.tight_layout(pad=0.4, w_pad=1.5, rect=(0, 0, 1, 1 - 0.3 / height))
    figure.savefig(DOCS / "pictures" / f"{name}.svg", metadata={"Date": None, "Description": source(heading)})
    plt.close(figure)


PLOTS: tuple[Callable[[], None], ...] = (rooms, reading, shots, engine, million, copies)
PROOFS = {"The result": proofs, "Quality and cost": captioner}
"""Drawn once their runs are finished."""

if __name__ == "__main__":
    (DOCS / "pictures").mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        for plot in (*PLOTS, *(plot for heading, plot in PROOFS.items() if has_table(heading))):
            plot()
