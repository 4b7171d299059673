"""Captions read from files, and the events that records know of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from made_captions import captioned, step
from sharegpt4video.cli.app import app
from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.budget import fit
from sharegpt4video.t2v.encoders import ENCODERS, Counter, with_limit
from sharegpt4video.t2v.record import Record, write_records
from sharegpt4video.t2v.told import Told, events_of, told_in
from sharegpt4video.world.files import SetSettings, record_of, scene_of


def texts(source: Path) -> list[str]:
    return [told.text for told in told_in(source)]


def record(*told: str, summary: str = "", problem: str = "") -> Record:
    steps = [step("opening", 0, 0, told[0]), *(step("change", at, at + 1, text) for at, text in enumerate(told[1:]))]
    return Record("a", "a.mp4", "train", captioned(steps, 2.0, summary, problem))


def test_captions_of_records_folders_and_texts(tmp_path: Path) -> None:
    write_records(tmp_path / "records.jsonl", [record("A dog.", summary="A dog runs.")])
    assert texts(tmp_path) == texts(tmp_path / "records.jsonl") == ["A dog runs."]
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "b.txt").write_text("Two\nlines.", encoding="utf-8")
    assert texts(folder) == ["Two\nlines."]
    assert texts(folder / "b.txt") == ["Two", "lines."]
    (folder / "c.txt").write_bytes(b"caf\xe9")
    with pytest.raises(SettingsError, match=r"c\.txt: not UTF-8 text"):
        texts(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="neither records"):
        texts(tmp_path / "empty")


def test_a_record_is_told_as_it_is_exported(tmp_path: Path) -> None:
    """Without a summary that can be trusted, by its steps; what a step begins with happens."""
    lamp = record("A lamp.", "The lamp is on. Its shade is white.", "The door\nopens.", problem="cut off")
    write_records(tmp_path / "records.jsonl", [lamp, record("", summary="", problem="empty")])
    text = "A lamp. The lamp is on. Its shade is white. The door opens."
    assert list(told_in(tmp_path)) == [Told(text, ("The lamp is on.", "The door opens."))]
    assert events_of([step("change", 0, 1, "It fell.", problem="refused"), step("whole", 0, 1, "It fell.")]) == ()


def kept(text: str, tokens: int, events: Sequence[str]) -> int:
    """How many events are still told in so many tokens."""
    fitted = fit(text, with_limit(ENCODERS["T5-226"], tokens), events=events)
    return sum(bool(re.search(told_by(event), fitted.text, re.IGNORECASE)) for event in events)


def told_by(event: str) -> str:
    """Who does what, without how: "at first the cross moves slowly left" is told by "cross moves"."""
    (who,) = re.findall(r"\b(?:the|it|this)\b(?: [\w-]+)*? (\w+ \w+s)\b", event)[:1] or [event]
    return who


def test_what_the_record_says_happens_outlives_the_camera() -> None:
    """By its words, "stays where it is" is what a thing is like, and would go before any move of the camera."""
    stays, pans, falls = "At first the cross stays where it is.", "The camera pans right.", "At last the cross falls."
    text = " ".join(["A cross is at the top.", stays, pans, falls])
    encoder = with_limit(ENCODERS["T5-226"], Counter(ENCODERS["T5-226"]).count(text) - 2)
    by_rules, by_record = fit(text, encoder).text, fit(text, encoder, events=[stays, falls]).text
    assert (stays in by_rules, "camera pans" in by_rules) == (False, True)
    assert ("cross stays" in by_record, "camera pans" in by_record) == (True, False)
    assert "cross falls" in by_rules
    assert "cross falls" in by_record


def test_no_event_of_a_record_goes_before_what_is_around_it() -> None:
    """Scenes of the closed world; around each event there are a mood and a background, which go first."""
    settings = SetSettings(seed=3)
    told = total = 0
    for number in range(40):
        made = record_of(settings, number, scene_of(settings, number), ())
        events = events_of(made.caption.steps)
        padded = " ".join(f"{event} Its calm look suggests peace. The background is a plain wall." for event in events)
        text = f"{made.caption.steps[0].text} {padded}"
        limit = int(0.6 * Counter(ENCODERS["T5-226"]).count(text))
        total += len(events)
        told += kept(text, limit, events)
    assert told == total > 60


def test_the_command_fits_records_by_their_events(tmp_path: Path) -> None:
    one = record("A cross is at the top.", "The cross stays where it is.", "It is calm. The wall is grey and plain.")
    write_records(tmp_path / "records.jsonl", [one] * 2)
    told = [str(tmp_path / "records.jsonl"), "--encoder", "T5-120", "--json"]
    done = CliRunner().invoke(app, ["t2v", "budget", *told])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["captions"] == 2
