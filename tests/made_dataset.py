"""Data sets made by hand and at random, for the tests of what is exported from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from made_captions import captioned, step
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.rows import CaptionRow, Clip, Selected, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.schema import to_rows
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import Provenance, Step, VideoCaption

MADE = Provenance("tiny", "default", "0123456789ab", "0.1.0", CaptionSettings().to_plain())


def row_id(number: int) -> str:
    return f"{number + 1:032x}"


def caption_row(
    number: int, caption: VideoCaption | None = None, *, location: str = "", user_id: str | None = None
) -> CaptionRow:
    """The caption of video `number`: two shots of four seconds, unless another one is given."""
    caption = replace(caption or story(number), provenance=MADE)
    name = f"user-{number}" if user_id is None else user_id
    return CaptionRow.of(SourceVideo(row_id(number), location or f"/videos/{number}.mp4", name), caption)


def story(number: int, summary: str | None = None, problem: str = "") -> VideoCaption:
    """An opening and two changes in the first shot, a lone opening in the second; eight seconds."""
    steps = [
        step("opening", 0.0, 0.0, f"Room {number} is empty."),
        step("change", 0.0, 2.0, f"Person {number} comes in."),
        step("change", 2.0, 4.0, "They sit down."),
        step("opening", 4.0, 8.0, "A street with rain.", shot=1),
    ]
    steps = [_with_frames(one) for one in steps]
    text = f"Person {number} sits down in a room. Then it rains." if summary is None else summary
    return captioned(steps, 8.0, text, problem, video=f"{number}.mp4")


def _with_frames(one: Step) -> Step:
    frames = (one.start_seconds, one.end_seconds) if one.kind == "change" else (one.start_seconds,)
    return replace(one, frame_seconds=frames)


def made_store(root: Path | str, rows: Iterable[CaptionRow], *, selected: Iterable[Selected] | None = None) -> Store:
    """A data set with these captions, a source for each, and a selection where one is given."""
    store = Store.create(root, DatasetSettings(), "tiny", "0123456789ab")
    rows = list(rows)
    store.append("sources", [SourceVideo(row.id, row.location, row.user_id) for row in rows])
    store.append("captions", rows)
    if selected is not None:
        store.append("selection", list(selected))
    return store


def kept(number: int, split: str = "train") -> Selected:
    return Selected(row_id(number), True, "", row_id(number), split)


def dropped(number: int, reason: str = "too long: 130.0 s, at most 120.0") -> Selected:
    return Selected(row_id(number), False, reason, row_id(number), "")


def clip_of(row: CaptionRow, first: int, last: int, *, text: str = "", media: str = "", problem: str = "") -> Clip:
    """A clip over steps `first` to `last`, both included."""
    number = int(row.id, 16)
    steps = row.steps[first : last + 1]
    return Clip(
        f"{number * 1000 + first * 10 + last + 10**20:032x}",
        row.id,
        row.location,
        first,
        last,
        steps[0].start_seconds,
        steps[-1].end_seconds,
        text or f"Steps {first} to {last} of {row.video}.",
        problem,
        media,
    )


REFUSES = "Unfortunately I cannot see the video."


def worse_before(store: Store, *, openings: bool = False) -> None:
    """Let each caption have been repaired: before it stood one whose summary, or openings, say nothing of the video."""
    if any(
        "/captions/" in path and int(path.rpartition("/")[2].split("-")[0]) == 1 for path in store.parts("captions")
    ):
        return
    batches = store.batches("captions", original=True)
    rows = [row for batch in batches for row in to_rows(CaptionRow, batch)]
    store.append_at("captions", [_worse(replace(row, revision=row.revision - 1), openings) for row in rows], 1)


def _worse(row: CaptionRow, openings: bool) -> CaptionRow:
    if not openings:
        return replace(row, summary=REFUSES, summary_problem="")
    steps = (replace(step, text=REFUSES) if step.kind == "opening" else step for step in row.steps)
    return replace(row, steps=tuple(steps))
