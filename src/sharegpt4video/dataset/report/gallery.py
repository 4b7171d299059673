"""The page of samples: each video with its pictures beside the captions of their steps."""

from __future__ import annotations

from collections.abc import Iterable

from ...records import Facts, Image, Step
from ..rows import Finding
from .markup import clock, cut, details, foreign, length, number, plural, text
from .samples import Sample, data_address

PAGE_LETTERS = 3_000_000
"""All captions of the page together; each sample gets its share."""
LEAST_LETTERS = 400


def controls(count: int) -> str:
    """The filter and the order; shown only where scripts run."""
    return (
        '<form class="controls" hidden>'
        '<label>Filter <input id="filter" type="search" placeholder="words, ids, checks"></label>'
        '<label>Order <select id="order"><option value="page">worst first, then random</option>'
        '<option value="longest">longest first</option><option value="words">most words first</option></select></label>'
        f'<span id="shown" role="status">{plural(count, "video")}</span></form>'
    )


def article(sample: Sample, place: int, of: int) -> str:
    """One sample as HTML."""
    row = sample.row
    spoken = sum(len(step.text.split()) for step in row.steps)
    long = row.end_seconds - row.start_seconds
    letters = max(LEAST_LETTERS, PAGE_LETTERS // max(of, 1))
    found = sample.checked.findings if sample.checked else ()
    bad = ' class="sample suspect"' if sample.score else ' class="sample"'
    return (
        f'<article{bad} id="sample-{place}" data-place="{place}" data-seconds="{long:.2f}" data-words="{spoken}">'
        f"{_head(sample, place, long)}{_whole(sample, found, letters)}{_steps(sample, found, letters)}"
        f"{_small_print(sample)}</article>"
    )


def _head(sample: Sample, place: int, long: float) -> str:
    row = sample.row
    score = f'<span class="badge">{plural(sample.score, "finding")}</span>' if sample.score else ""
    size = f"{row.width} × {row.height} · " if row.width and row.height else ""
    name = foreign(cut(row.video or row.location or row.id, 120))
    return (
        f'<h3><a href="#sample-{place}">{place}</a> {name} {score}</h3>'
        f'<p class="meta">{size}{length(long)} · {plural(len(row.shots), "shot")} · {plural(len(row.steps), "step")}'
        f" · {text(row.mode)} · {foreign(row.provenance.model)}</p>"
    )


def _whole(sample: Sample, found: Iterable[Finding], letters: int) -> str:
    """The summary, with what is wrong with it or with the whole."""
    row = sample.row
    marks = _marks([one for one in found if not 0 <= one.step < len(row.steps)], row.summary_problem)
    summary = f'<p class="summary" dir="auto">{text(cut(row.summary, letters))}</p>' if row.summary else ""
    return summary + marks


def _steps(sample: Sample, found: Iterable[Finding], letters: int) -> str:
    by_step: dict[int, list[Finding]] = {}
    for one in found:
        by_step.setdefault(one.step, []).append(one)
    lines, left = [], letters
    missing = (
        f'<p class="missing">Pictures are missing: {foreign(cut(sample.missing, 500))}</p>' if sample.missing else ""
    )
    for place, step in enumerate(sample.row.steps):
        if left <= 0 and place not in by_step:
            continue
        body = cut(step.text, max(left, 200))
        left -= len(body)
        lines.append(_step(place, step, body, by_step.get(place, []), sample.pictures))
    rest = len(sample.row.steps) - len(lines)
    kind = "steps" if sample.pictures else "steps words-only"
    more = f'<p class="note">{plural(rest, "further step")} not shown.</p>' if rest else ""
    return f'{missing}{_unattached(sample)}<ol class="{kind}">{"".join(lines)}</ol>{more}'


def _step(place: int, step: Step, body: str, found: list[Finding], pictures: dict[float, Image]) -> str:
    at = step.frame_seconds[-1] if step.frame_seconds else None
    image = pictures.get(at) if at is not None else None
    shown = '<span class="no-picture"></span>' if pictures else ""
    if image is not None and at is not None:
        shown = picture(image, at)
    bad = ' class="suspect"' if found or step.problem else ""
    when = clock(step.start_seconds)
    if step.end_seconds > step.start_seconds:
        when += f"–{clock(step.end_seconds)}"
    return (
        f'<li{bad} value="{place + 1}">{shown}<div><p class="when">{place + 1} · {when}'
        f"{' · shot ' + str(step.shot_index + 1) if step.kind == 'opening' else ''}</p>"
        f'<p dir="auto">{text(body)}</p>{_marks(found, step.problem)}</div></li>'
    )


def _unattached(sample: Sample) -> str:
    """Pictures that belong to no step, of captions that do not say which frames they were made from."""
    known = {step.frame_seconds[-1] for step in sample.row.steps if step.frame_seconds}
    loose = [picture(image, at) for at, image in sorted(sample.pictures.items()) if at not in known]
    return f'<p class="strip">{"".join(loose)}</p>' if loose else ""


def picture(image: Image, seconds: float) -> str:
    return (
        f'<img src="{data_address(image)}" width="{image.width}" height="{image.height}"'
        f' alt="frame at {clock(seconds)}" loading="lazy" decoding="async">'
    )


def _marks(found: Iterable[Finding], problem: str) -> str:
    lines = [f"<b>{text(one.check)}</b> {foreign(cut(one.reason, 400))}" for one in found]
    if problem:
        lines.insert(0, f"<b>problem</b> {foreign(cut(problem, 200))}")
    return "".join(f'<p class="finding">{line}</p>' for line in lines)


def _small_print(sample: Sample) -> str:
    row, chosen, survey = sample.row, sample.selected, sample.survey
    said = [("id", row.id), ("location", row.location), ("own id", row.user_id)]
    if chosen is not None:
        said += [("kept" if chosen.kept else "dropped", chosen.split if chosen.kept else chosen.reason)]
        said += [("group", chosen.group if chosen.group != row.id else "")]
    if survey is not None:
        said += [("survey", _surveyed(survey))]
    said += [("measured", _measured(row.steps)), ("warning", "; ".join(row.warnings))]
    lines = "".join(f"<dt>{name}</dt><dd>{foreign(cut(value, 600))}</dd>" for name, value in said if value)
    brief = f"<code>{foreign(cut(row.id, 12))}</code> {foreign(cut(row.location, 80))}"
    return details(brief, f'<dl class="small-print">{lines}</dl>')


def _surveyed(survey: object) -> str:
    names = (
        "codec",
        "average_fps",
        "brightness",
        "sharpness",
        "motion",
        "camera_motion",
        "black_share",
        "frozen_share",
    )
    values = [(name, getattr(survey, name)) for name in names]
    shown = (
        f"{name.replace('_', ' ')} {number(v) if isinstance(v, float) else v}"
        for name, v in values
        if v not in (None, "")
    )
    return ", ".join(shown)


def _measured(steps: Iterable[Step]) -> str:
    """The facts of a video in one line."""
    facts: list[Facts] = [fact for step in steps for fact in step.facts]
    if not facts:
        return ""
    moves = dict.fromkeys(move for fact in facts for move in fact.camera.moves)
    tracks = {(thing.label, thing.track_id) for fact in facts for thing in fact.objects}
    labels = sorted({label for label, _ in tracks})
    things = ", ".join(plural(sum(label == other for other, _ in tracks), label, f"{label}s") for label in labels)
    lines = dict.fromkeys(line.text for fact in facts for line in fact.texts or ())
    motion = [fact.motion.score for fact in facts if fact.end_seconds > fact.start_seconds]
    told = [
        f"camera: {', '.join(moves)}" if moves else "",
        f"tracked: {things}" if things else "",
        f"text: {' | '.join(lines)}" if lines else "",
        f"motion {number(float(f'{sum(motion) / len(motion):.2g}'))} widths/s" if motion else "",
    ]
    return "; ".join(part for part in told if part)
