"""The sections of charts: the videos, their captions, and what can be seen in them."""

from __future__ import annotations

from .charts import bars, histogram
from .markup import length, missing, number, percent, plural
from .numbers import Numbers
from .overview import section
from .tally import Counted

BUILD = "sg4v dataset build VIDEOS --out DIR"


def videos(numbers: Numbers) -> str:
    """Durations, sizes, shots, motion and brightness."""
    survey, made = numbers.survey, numbers.captions
    both = survey if survey.duration.count and made.videos else None
    sizes, aspects = (survey.sizes, survey.aspects) if survey.sizes else (made.sizes, made.aspects)
    measured = survey if survey.motion.count else made
    of = "videos" if survey.motion.count else "intervals"
    legend = (
        f'<p class="note"><span class="key key-behind"></span> all {number(survey.videos)} surveyed'
        f' <span class="key key-front"></span> the {number(made.videos)} captioned</p>'
        if both
        else ""
    )
    charts = [
        histogram("Length of videos", "seconds", made.duration, behind=both.duration if both else None)
        or histogram("Length of videos", "seconds", survey.duration),
        _ranked("Picture size", "width × height, as displayed", sizes),
        _ranked("Shape of the picture", "width : height", aspects),
        histogram("Shots of a video", "shots", made.shots),
        histogram("Motion that the camera does not explain", "picture widths / s", measured.motion, of=of),
        histogram(
            "Brightness of the pictures",
            "(0 black, 1 white)",
            measured.brightness,
            of=of if measured is survey else "frames",
        ),
    ]
    if not any(charts):
        return section("videos", "The videos", missing("No video was surveyed or captioned yet.", BUILD))
    return section("videos", "The videos", f'{legend}<div class="charts">{"".join(charts)}</div>')


def captions(numbers: Numbers) -> str:
    """Steps, words and their density, scripts, modes."""
    made = numbers.captions
    if not made.videos:
        return section("captions", "The captions", missing("There are no captions yet.", BUILD))
    modes = _ranked("How they were made", "mode of the captions", made.modes) if len(made.modes) > 1 else ""
    charts = [
        histogram("Steps of a video", "steps", made.steps),
        histogram("Length of steps", "seconds", made.step_seconds, of="steps"),
        histogram("Words of a summary", "words", made.summary_words, of="summaries"),
        histogram("Words of all steps of a video", "words", made.step_words),
        histogram("Words of the steps per second of video", "words / s", made.words_per_second),
        _ranked("Script of the summaries", "by most of their letters", made.scripts),
        modes,
        histogram("Length of clips", "seconds", numbers.clip_seconds, of="clips"),
        histogram("Words of clips", "words", numbers.clip_words, of="clips"),
    ]
    unclipped = "" if numbers.clips else missing("No clips were made.", "sg4v dataset clips DIR")
    return section("captions", "The captions", f'<div class="charts">{"".join(charts)}</div>{unclipped}')


def facts(numbers: Numbers) -> str:
    """Camera, objects and on-screen text, as measured between keyframes."""
    made = numbers.captions
    if not made.facts_videos:
        said = "These captions carry no measured facts (they were converted or made without); new ones do."
        return section("facts", "What was measured in them", missing(said, BUILD))
    seconds = dict(made.move_seconds.amounts)
    whole = made.measured_seconds
    moves = [
        (name, seconds.get(name, 0.0) / whole if whole else 0.0, plural(count, "interval"))
        for name, count in made.moves.top(12)
    ]
    moves.sort(key=lambda row: -row[1])
    camera = bars(
        "Camera moves",
        f"share of the {length(whole)} in which the camera could be measured; moves can go together",
        moves,
        whole=1.0,
        show=percent,
    )
    labels = [(name, count / made.facts_videos, plural(count, "video")) for name, count in made.objects.top(20)]
    objects = bars("Objects tracked", f"share of {plural(made.facts_videos, 'video')} with facts", labels, show=percent)
    none = missing("No object was tracked in any video.", "sg4v look VIDEO") if not labels else ""
    return section(
        "facts",
        "What was measured in them",
        f'<div class="charts">{camera}{objects}{_text(numbers)}</div>{none}',
    )


def _text(numbers: Numbers) -> str:
    """On-screen text: whether it was read, and the surveyed area if there is one."""
    made = numbers.captions
    area = histogram("Area under on-screen text", "of the picture", numbers.survey.text_area)
    if not made.text_read_videos:
        return area or missing("On-screen text was not read in any video:", "pip install 'sharegpt4video[ocr]'")
    found = made.text_videos
    rows = [("with text", found / made.text_read_videos, plural(found, "video"))]
    rest = made.text_read_videos - found
    rows.append(("without", rest / made.text_read_videos, plural(rest, "video")))
    note = f"share of {plural(made.text_read_videos, 'video')} in which it was read"
    return bars("On-screen text", note, rows, whole=1.0, show=percent) + area


def _ranked(title: str, note: str, found: Counted, count: int = 10) -> str:
    """The most frequent keys as shares of all, and what the rest comes to."""
    if not found.total:
        return ""
    rows = [(name, amount / found.total, number(amount)) for name, amount in found.top(count)]
    rest = found.total - sum(amount for _, amount in found.top(count))
    if rest > 0:
        rows.append((f"{max(len(found) - count, 1)} others", rest / found.total, number(rest)))
    return bars(title, note, rows, whole=1.0, show=percent)
