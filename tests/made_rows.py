"""Captions of a data set made by hand, for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

from made_captions import PROVENANCE
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.records import Facts, Shot, Step, VideoCaption

SUMMARY = "A man in a red jacket walks across a park. Then he sits down on a bench and reads a newspaper."
TEXTS = (
    "A man in a red jacket stands in a park with tall trees.",
    "The man walks to a wooden bench at the edge of the path.",
    "The man sits down on the bench and opens a newspaper.",
)


def row_of(
    texts: Sequence[str] = TEXTS,
    summary: str = SUMMARY,
    facts: Sequence[Facts] | None = None,
    *,
    number: int = 1,
    location: str = "park.mp4",
) -> CaptionRow:
    """One shot: an opening at 0 s, then a change every 2 s; with facts, a step bears the times of its own."""
    steps = []
    for place, text in enumerate(texts):
        start, end = 2.0 * max(place - 1, 0), 2.0 * place
        measured = (facts[place],) if facts else ()
        seconds = (start, end) if place else (end,)
        steps.append(Step("change" if place else "opening", start, end, text, 0, seconds, measured))
    end = max(steps[-1].end_seconds, 2.0)
    if len(steps) == 1:
        steps = [Step("opening", 0.0, end, texts[0], 0, (0.0,), tuple(facts or ()))]
    caption = VideoCaption(
        location, 640, 360, 0.0, end, "sliding", (Shot(0.0, end),), tuple(steps), summary, PROVENANCE
    )
    return CaptionRow.of(SourceVideo(f"{number:032x}", location), caption)
