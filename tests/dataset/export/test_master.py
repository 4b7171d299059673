"""Master records: the whole caption with its facts, what is known beside it, and clips on their own clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from made_dataset import caption_row, clip_of, made_store, row_id, story
from made_facts import CENTRE, between, line, thing
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.rows import CaptionRow, ShortCaption, SourceVideo, Survey
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import PictureMotion, Provenance, Sound, SoundSpan, Utterance, VideoCaption
from sharegpt4video.records.shifting import caption_earlier
from sharegpt4video.t2v.record import Record, read_records

MADE = Provenance("tiny", "default", "", "0.1.0", {})


def with_facts(caption: VideoCaption) -> VideoCaption:
    facts = between(0.0, 2.0, thing("dog", CENTRE, CENTRE), motion=PictureMotion(0.1, 0.2, None, quiet=(0.5, 2.0)))
    facts = replace(facts, texts=(replace(line("EXIT", 1.0), from_seconds=0.5),))
    steps = tuple(replace(step, facts=(facts,)) if number == 1 else step for number, step in enumerate(caption.steps))
    sound = Sound(0.0, 8.0, True, (SoundSpan("music", 1.0, 3.0, 0.9),), speech=(Utterance("Hello.", 2.0, 3.0),))
    return replace(caption, steps=steps, sound=sound)


def records_of(store: Store, out: Path, **more: object) -> list[Record]:
    export(store, "t2v", str(out), **more)  # type: ignore[arg-type]
    return list(read_records(out / "records.jsonl"))


def test_a_record_holds_the_caption_with_its_facts(tmp_path: Path) -> None:
    row = caption_row(0, with_facts(story(0)), location=str(tmp_path / "videos" / "0.mp4"))
    (record,) = records_of(made_store(tmp_path / "set", [row]), tmp_path / "out")
    assert record.caption == row.caption
    assert record.caption.steps[1].facts[0].objects[0].label == "dog"
    assert (record.id, record.split, record.video) == (row.id, "train", "../videos/0.mp4")
    (bare,) = records_of(made_store(tmp_path / "b", [row]), tmp_path / "bare", options={"facts": False})
    assert not any(step.facts for step in bare.caption.steps)
    assert [step.text for step in bare.caption.steps] == [step.text for step in row.steps]


def test_what_is_known_beside_the_caption_comes_along(tmp_path: Path) -> None:
    rows = [caption_row(0), caption_row(1)]
    store = made_store(tmp_path / "set", rows)
    store.append("surveys", [Survey(row_id(0), motion=0.25, camera_motion=0.5, brightness=float("nan"))])
    store.append(
        "shorts", [ShortCaption(row_id(0), "A person sits.", "", MADE), ShortCaption(row_id(1), "X", "empty", MADE)]
    )
    first, second = records_of(store, tmp_path / "out")
    assert first.scores == {"motion": 0.25, "camera_motion": 0.5}
    assert first.texts == {"short": "A person sits."}
    assert (second.scores, second.texts) == ({}, {})


def test_scores_of_the_users_own_list_are_known_by_their_usual_names(tmp_path: Path) -> None:
    row = caption_row(0)
    store = made_store(tmp_path / "set", [])
    tags = {"aesthetic_score": "5.5", "score_vmafmotion": "3.7", "licence": "CC0", "tech": "unknown"}
    store.append("sources", [SourceVideo(row.id, row.location, caption="my own words", tags=tags)])
    store.append("captions", [row])
    (record,) = records_of(store, tmp_path / "out")
    assert record.scores == {"aesthetic": 5.5, "vmaf_motion": 3.7}
    assert record.texts == {"user": "my own words"}


def test_a_cut_clip_is_told_on_its_own_clock_and_an_uncut_one_on_that_of_its_video(tmp_path: Path) -> None:
    row: CaptionRow = caption_row(0, with_facts(story(0)))
    store = made_store(tmp_path / "set", [row])
    media = tmp_path / "clip.mp4"
    media.write_bytes(b"clip")
    cut = clip_of(row, 1, 2, text="They sit.", media=str(media))
    uncut = clip_of(row, 3, 3, text="Rain.")
    store.append("clips", [cut, uncut])
    whole, first, second = records_of(store, tmp_path / "out", clips=True)
    assert whole.caption == row.caption
    assert (first.caption.summary, first.caption.start_seconds, first.caption.end_seconds) == ("They sit.", 0.0, 4.0)
    assert [step.text for step in first.caption.steps] == ["Person 0 comes in.", "They sit down."]
    assert second.video.endswith("/videos/0.mp4")
    assert (second.caption.start_seconds, second.caption.end_seconds) == (4.0, 8.0)
    assert [shot.start_seconds for shot in second.caption.shots] == [4.0]


@pytest.mark.parametrize("by", [0.0, 1.5])
def test_every_time_of_a_caption_moves(by: float) -> None:
    """Whatever is a time is named so; each is moved once, and moving back gives the caption again."""
    caption = with_facts(story(0))
    moved = caption_earlier(caption, by)
    assert caption_earlier(moved, -by) == caption

    def times(value: object) -> list[float]:
        found: list[float] = []
        if isinstance(value, tuple | list):
            return [at for each in value for at in times(each)]
        for name, each in getattr(value, "__dict__", {}).items():
            if name.endswith("seconds") or name == "quiet":
                found += [at for at in (each if isinstance(each, tuple) else (each,)) if at is not None]
            else:
                found += times(each)
        return found

    before, after = times(caption), times(moved)
    assert len(before) > 30
    assert after == pytest.approx([at - by for at in before])
