"""The sections about the data set as a whole: what it is, what became of the videos, what went wrong."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..filters.filters import FINDINGS, FINDINGS_GATE, GATES
from ..filters.retention import Retention, Stage
from .charts import bars, split_bar
from .markup import attribute, cut, details, foreign, length, missing, number, percent, plural, table, text
from .numbers import Example, Group, Numbers, SelectionNumbers
from .scan import SEPARATOR


def head(numbers: Numbers, name: str, when: datetime) -> str:
    """Name, how it was made, and the counts that matter most."""
    made = numbers.captions
    span = ", ".join(_unique(numbers, 0)) or "no captions yet"
    return (
        f'<header><h1>{foreign(name)}</h1><p class="lead">Caption data set · {foreign(span)} · report of '
        f'<time datetime="{attribute(when.isoformat(timespec="seconds"))}">{when:%Y-%m-%d %H:%M} UTC</time></p>'
        f"{_tiles(numbers)}{_facts(numbers)}"
        + ("" if made.videos else missing("No video is captioned yet; most sections are empty.", "sg4v dataset build"))
        + "</header>"
    )


def _tiles(numbers: Numbers) -> str:
    made, chosen = numbers.captions, numbers.selection
    tiles = [
        ("captioned", number(made.videos), f"{length(3600 * made.hours)} of video"),
        ("kept", number(chosen.kept), f"{length(3600 * chosen.kept_hours)} of video") if chosen.videos else None,
        ("words a video", _mean(made.step_words), "in the steps"),
        ("words a summary", _mean(made.summary_words), "on average"),
        ("words a second", _mean(made.words_per_second), "of video, in the steps"),
        ("steps a video", _mean(made.steps), "on average"),
        ("clips", number(numbers.clips), length(numbers.clip_seconds.total)) if numbers.clips else None,
    ]
    cells = "".join(f"<div><dt>{t[0]}</dt><dd>{t[1]}<small>{t[2]}</small></dd></div>" for t in tiles if t)
    return f'<dl class="tiles">{cells}</dl>'


def _mean(tally: Any) -> str:
    """Three digits are enough of a mean."""
    return number(float(f"{tally.mean:.3g}")) if tally.count else "–"


def _facts(numbers: Numbers) -> str:
    made, costs = numbers.captions, numbers.status
    counts = table(["", "#videos"], [[label, value] for label, value in _counts(numbers)], "plain")
    spent = (
        f"{plural(costs.requests, 'request')}, {number(costs.input_tokens)} tokens in,"
        f" {number(costs.output_tokens)} out; cost: {_cost(numbers)}"
    )
    makers = [
        [*(foreign(cut(value, 80) or "–") for value in key.split(SEPARATOR)), number(count)]
        for key, count in made.makers.top(8)
    ]
    spent = f'<p class="note">{spent}.</p>' if made.videos else ""
    by = table(["model", "prompts", "prompt hash", "version", "#captions"], makers) if makers else ""
    return f'<div class="two"><div>{counts}</div><div>{by}{spent}{_settings(numbers.told)}</div></div>'


def _counts(numbers: Numbers) -> list[tuple[str, str]]:
    chosen = numbers.selection
    whole = numbers.status
    found = [("listed", number(whole.listed))]
    if whole.identical:
        found.append(("identical to another one", number(whole.identical)))
    found.append(("surveyed", number(numbers.survey.videos)))
    if chosen.videos:
        found.append(("dropped", number(chosen.videos - chosen.kept)))
    found += [("captioned", number(numbers.captions.videos)), ("failed", number(numbers.failures.count))]
    if chosen.videos:
        found.append(("kept", number(chosen.kept)))
    if whole.left:
        found.append(("still to do", number(whole.left)))
    return found


def _cost(numbers: Numbers) -> str:
    priced, videos = numbers.captions.costs.priced, numbers.captions.videos
    if numbers.status.cost_usd is None:
        return "the prices are not known"
    known = "" if priced == videos else f"; of {number(priced)} captions the price is known"
    return f"{numbers.status.cost_usd:,.2f} USD{known}"


def _unique(numbers: Numbers, place: int) -> list[str]:
    values = dict.fromkeys(key.split(SEPARATOR)[place] for key, _ in numbers.captions.makers.top(8))
    return [cut(value, 60) for value in values][:3]


def _settings(told: dict[str, Any] | str) -> str:
    if isinstance(told, str):
        return f'<p class="missing">Settings are not known: {foreign(told)}</p>'
    shown = json.dumps(told, indent=2, ensure_ascii=False, default=str)
    return details("Settings", f"<pre>{text(shown)}</pre>")


def fate(numbers: Numbers, retention: Retention | None) -> str:
    """What became of the videos: gate by gate, or at least the reasons of what was dropped."""
    parts = []
    if retention is not None and numbers.survey.videos:
        parts.append(waterfall(retention))
    if numbers.selection.reasons:
        parts.append(_reasons(numbers))
    if not numbers.survey.videos:
        said = "No video was surveyed, so there is nothing to filter by."
        parts.insert(0, missing(said, "sg4v dataset build VIDEOS --out DIR"))
    if not numbers.selection.videos:
        parts.append(missing("Nothing is kept or dropped yet.", "sg4v dataset filter DIR"))
    return section("retention", "What was kept, what was dropped", "".join(parts))


def waterfall(found: Retention) -> str:
    """One line per gate: how many videos reached it and how many it dropped; below, what other thresholds would do."""
    whole = found.videos or 1
    lines = [
        [
            text(row.words),
            text(_threshold(row)),
            number(row.entered),
            number(row.dropped),
            split_bar(row.left / whole, row.dropped / whole),
            number(row.left),
            length(3600 * row.left_hours),
            number(row.not_measured) if row.not_measured else "",
        ]
        for row in found.rows
        if not (row.threshold is None and row.alternatives)  # not set: it drops nothing
    ]
    heads = ["drops what is", "threshold", "#reached it", "#dropped", "", "#left", "#length left", "#not measured"]
    rest = f" {plural(found.unsurveyed, 'source')} not surveyed, so not counted here." if found.unsurveyed else ""
    return (
        f'<p class="note">{number(found.kept)} of {plural(found.videos, "surveyed video")} pass. Each one is counted at'
        f" the first filter that drops it. Blue is what is left, orange what the filter took.{rest}</p>"
        + table(heads, lines, "waterfall")
        + _alternatives(found)
    )


def _threshold(row: Stage) -> str:
    """What is set, in words; filters without a number are on."""
    if row.threshold is None:
        return "on"
    gate = FINDINGS_GATE if row.name == FINDINGS else GATES.get(row.name)
    return gate.bound(row.threshold) if gate else f"at least {number(row.threshold)}"


def _alternatives(found: Retention) -> str:
    lines = [
        [text(row.words) if at == 0 else "", text(other.words), number(other.alone), number(other.cascade)]
        for row in found.rows
        for at, other in enumerate(row.alternatives)
    ]
    if not lines:
        return ""
    heads = ["drops what is", "other threshold", "#would drop alone", "#of those that reach it"]
    return details("What other thresholds, and filters that are not set, would drop", table(heads, lines, "plain"))


def _reasons(numbers: Numbers) -> str:
    rows = [
        [foreign(name), number(group.count), _examples(group)] for name, group in _ranked(numbers.selection.reasons)
    ]
    return "<h3>Reasons given</h3>" + table(["dropped because", "#videos", "examples"], rows, "examples")


def _ranked(groups: dict[Any, Group]) -> list[tuple[Any, Group]]:
    return sorted(groups.items(), key=lambda item: (-item[1].count, item[0]))


def _examples(group: Group) -> str:
    return "".join(_example(one) for one in group.examples)


def _example(one: Example) -> str:
    return f'<p class="example"><code>{foreign(cut(one.where, 160))}</code> {foreign(cut(one.message, 400))}</p>'


def failures(numbers: Numbers) -> str:
    found = numbers.failures
    rows = [
        [text(stage), text(kind), number(group.count), _examples(group)]
        for (stage, kind), group in _ranked(found.groups)
    ]
    over = f" {plural(found.overcome, 'earlier failure')} went well when tried again." if found.overcome else ""
    said = f"{plural(found.count, 'failure')} of {plural(numbers.status.listed, 'listed video')}.{over}"
    if not rows:
        return section("failures", "Failures", f'<p class="note">Nothing failed.{over}</p>')
    command = '<p class="note">To try them again: <code>sg4v dataset build --retry-failed</code></p>'
    return section(
        "failures",
        "Failures",
        f'<p class="note">{said}</p>{table(["stage", "kind", "#videos", "examples"], rows, "examples")}{command}',
    )


def findings(numbers: Numbers) -> str:
    """What the checks found, and what the models themselves were marked for."""
    found, made = numbers.checks, numbers.captions
    parts = []
    if not found.captions:
        parts.append(missing("The captions were not checked yet.", "sg4v dataset check DIR"))
    else:
        share = percent(found.with_findings / found.captions)
        judged = f"; {number(found.judged)} were judged by a model" if found.judged else ""
        stale = f" {plural(found.stale, 'caption')} changed since and must be checked again." if found.stale else ""
        parts.append(
            f'<p class="note">Of {plural(found.captions, "checked caption")}, {number(found.with_findings)} ({share})'
            f" have findings{judged}.{stale}</p>"
        )
        rows = [
            [text(name), number(group.count), number(group.videos), _examples(group)]
            for name, group in _ranked(found.groups)
        ]
        if rows:
            parts.append(table(["check", "#findings", "#captions", "examples"], rows, "examples"))
    if made.problems.total:
        note = "texts the model could not do well even when asked again"
        ranked = [(name, count, "") for name, count in made.problems.top(12)]
        parts.append(bars("Texts with a problem", note, ranked))
    if made.warned_videos:
        parts.append(f'<p class="note">{plural(made.warned_videos, "video")} could not be read without loss.</p>')
    return section("checks", "What the checks found", "".join(parts))


def divisions(numbers: Numbers) -> str:
    """Splits and near-duplicates."""
    chosen = numbers.selection
    if not chosen.videos:
        return section(
            "groups", "Splits and near-duplicates", missing("Nothing is divided yet.", "sg4v dataset filter DIR")
        )
    rows = [
        [text(split or "none"), number(videos), percent(videos / max(chosen.kept, 1)), length(3600 * hours)]
        for split, (videos, hours) in sorted(chosen.splits.items())
    ]
    parts = [table(["split", "#videos", "#share", "#captioned length"], rows, "plain")] if rows else []
    parts.append(_near_duplicates(chosen))
    return section("groups", "Splits and near-duplicates", "".join(parts))


GROUP_SIZES = (("2 videos", 2), ("3 videos", 3), ("4 videos", 4), ("5 to 9", 5), ("10 to 99", 10), ("100 or more", 100))


def _near_duplicates(chosen: SelectionNumbers) -> str:
    several = {size: count for size, count in chosen.group_sizes.items() if size > 1}
    inside = sum(size * count for size, count in several.items())
    if not several:
        return '<p class="note">No video is a near-duplicate of another one.</p>'
    above = [*(least for _, least in GROUP_SIZES[1:]), max(several) + 1]
    counts = [
        (label, sum(count for size, count in several.items() if least <= size < end), "")
        for (label, least), end in zip(GROUP_SIZES, above, strict=True)
    ]
    note = f"{plural(inside, 'video')} in {plural(sum(several.values()), 'group')} of two or more"
    charts = bars("Near-duplicate groups by size", note, [row for row in counts if row[1]])
    largest = [[f"<code>{text(id)}</code>", number(size)] for id, size in chosen.largest]
    if chosen.torn_groups:
        torn = plural(chosen.torn_groups, "group of near-duplicates", "groups of near-duplicates")
        said = f'<p class="warning">{torn} on both sides of a split; run: sg4v dataset filter DIR</p>'
    else:
        said = '<p class="note">No group of near-duplicates lies on both sides of a split.</p>'
    more = details("The largest groups", table(["id of the first", "#videos"], largest, "plain"))
    return f'{said}<div class="charts">{charts}</div>{more}'


def section(id: str, title: str, inner: str) -> str:
    return f'<section id="{id}"><h2>{text(title)}</h2>{inner}</section>'
