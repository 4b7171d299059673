"""Claims about real videos are counted, found in the truth again, and shown beside the frames."""

from __future__ import annotations

import base64
import importlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from media import number_of, numbered_run, write_video

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "truth"
SECONDS = 4.0

SCORER = '''
import re
from dataclasses import dataclass
IDLE, CLASSES, SOFT, LOOSE = "camera|keeps moving", ["dog", "cat"], set(), set()
norm = str.lower

def sentences(text):
    return [one for one in re.split(r"(?<=[.]) ", text) if one]

@dataclass
class Verdict:
    kind: str; verdict: str; video: str; start: float; end: float; sentence: str; claim: str; why: str

class Truth:
    def __init__(self, data):
        self.data, self.subjects = data, data["subjects"]
    def candidates(self, term):
        return [one for one in self.subjects if term == one["name"]]
    def moving_time(self, a, b):
        return sum(max(0.0, min(b, m["to"]) - max(a, m["from"])) for m in self.data["moving"] if m["what"])

class Scorer:
    """Knows four words, each a claim whose verdict depends on the truth."""
    def __init__(self, truths):
        self.truths, self.out = {n: Truth(d) for n, d in truths.items()}, []
    def score(self, name, steps):
        for step in steps:
            for one in sentences(step["text"]):
                span = step["start_seconds"], step["end_seconds"]
                add = lambda kind, good, claim, why="": self.out.append(
                    Verdict(kind, "true" if good else "false", name, *span, one, claim, why))
                if "cat" in one: add("objects", False, "cat")
                if "dog" in one: add("objects", True, "dog")
                if "comes" in one: add("enter", True, "dog enters", "dog at 1.0")
                if "Nothing" in one: add("stillness", step["start_seconds"] >= 2, "nothing changes")
                if "pans" in one: add("camera", True, "pan left")
                if "two" in one: add("counts", True, "two dog")
                if '"' in one: add("text", True, one.split('"')[1])

def recall(truth, steps, scorer):
    text = " ".join(step["text"] for step in steps)
    return {"subjects named": [("dog", "dog" in text)], "must_tell told": [("it runs", "runs" in text)]}

def score_cuts(truth, starts):
    right = sum(any(abs(c["at"] - t) < 0.3 for c in truth.data["cuts"]) for t in starts)
    return right, len(starts) - right, len(truth.data["cuts"]) - right, []
'''


def truth(video: str) -> dict[str, Any]:
    spans: dict[str, Any] = {"from": 0, "to": SECONDS}
    dog = {"name": "dog", "also": [], "coco": "dog", "count": 1, "visible": [[0, SECONDS]], "where": []}
    dog |= {"enters": [{"at": 1.0, "side": "left"}], "leaves": [{"at": 3.0, "side": "left"}]}
    return {
        "video": video,
        "seconds": SECONDS,
        "about": "A dog <runs>.",
        "cuts": [{"at": 2.0, "kind": "cut"}],
        "camera": [{"from": 0, "to": 2, "is": ["pan left"]}, {"from": 2, "to": 4, "is": ["static"]}],
        "moving": [{"from": 0, "to": 2, "what": "dog"}, {"from": 2, "to": 4, "what": ""}],
        "subjects": [dog],
        "counts": [{"at": 0, "name": "dog", "count": 2}, {"at": 2, "name": "dog", "count": 1}],
        "actions": [{**spans, "who": "dog", "does": "runs"}],
        "texts": [{"text": "BEWARE!", **spans}, {"text": "EXIT", **spans}],
        "look": [{**spans, "light": "normal", "colours": ["red"], "style": "live"}],
        "must_tell": ["A dog runs."],
        "traps": [],
    }


def step(start: float, end: float, text: str) -> dict[str, Any]:
    return {"kind": "change" if end > start else "opening", "start_seconds": start, "end_seconds": end, "text": text}


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("real_videos")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A video with truth, a scorer, and captions whose times count from 10 s."""
    write_video(tmp_path / "clip.mp4", numbered_run(40), fps=10)
    (tmp_path / "clip.json").write_text(json.dumps(truth("clip.mp4")), encoding="utf-8")
    (tmp_path / "clip.cuts.json").write_text("[]", encoding="utf-8")
    (tmp_path / "score.py").write_text(SCORER, encoding="utf-8")
    steps = [
        step(0, 0, "There are two dogs."),
        step(0, 2, "A dog comes. The camera pans. A cat & a mouse."),
        step(2, 2, 'The text "beware" is there.'),
        step(2, 4, "Nothing changes."),
        step(3, 4, "The camera pans, and it keeps moving."),
    ]
    data = {"start_seconds": 0.0, "shots": [{"start_seconds": 0.0}, {"start_seconds": 2.1}], "steps": steps}
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "clip.json").write_text(json.dumps({**data, "summary": "A dog."}), encoding="utf-8")
    return tmp_path


def scores(script: ModuleType, folder: Path) -> Any:
    truths = script.load_truths(folder)
    captions = script.load_captions(folder / "captions", truths)
    return script.score(script.find_scorer(folder), truths, captions)


def test_every_figure_follows_from_the_texts(script: ModuleType, folder: Path) -> None:
    found = scores(script, folder)
    assert found.counts(("objects",)) == (2, 1, 0)
    assert found.precision(script.CONTENT) == script.Share(5, 6)
    assert found.cuts == (1, 0, 0)
    assert found.told["must_tell told"] == script.Share(0, 1)
    assert found.empty_steps == script.Share(1, 3)  # the last step only; the one before tells that nothing changes
    assert found.recall == {
        "counts": script.Share(1, 1),  # one dog is no number
        "enter": script.Share(1, 1),
        "leave": script.Share(0, 1),
        "stillness": script.Share(1, 2),  # both steps after the cut are still
        "camera": script.Share(1, 2),
        "text": script.Share(1, 2),  # BEWARE! and not EXIT
    }


def test_times_count_from_the_first_picture(script: ModuleType, folder: Path) -> None:
    path = folder / "captions" / "clip.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    before = scores(script, folder)
    for one in (data, *data["steps"], *data["shots"]):
        one["start_seconds"] += 10.0
        if "end_seconds" in one:
            one["end_seconds"] += 10.0
    path.write_text(json.dumps(data), encoding="utf-8")
    after = scores(script, folder)
    assert [(one.sentence, one.start) for one in after.claims] == [(one.sentence, one.start) for one in before.claims]
    assert after.cuts == before.cuts


def test_the_report_and_the_pages(script: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--truth", str(folder), "--captions", str(folder / "captions"), "--sheets", str(folder / "sheets")]
    script.main([*given, "--save", str(folder / "figures.json"), "--examples", "1"])
    script.main([*given, "--before", str(folder / "figures.json")])
    printed = capsys.readouterr().out
    assert "false objects    clip 0.0-2.0 s, : A cat & a mouse." in printed
    assert "cuts: precision 100.0% (1 of 1), recall 100.0% (1 of 1)" in printed
    assert "| objects | 67%, 2 / 1 / 0 | 67%, 2 / 1 / 0 |" in printed
    page = (folder / "sheets" / "clip.html").read_text(encoding="utf-8")
    assert '<span class="false">A cat &amp; a mouse.</span>' in page
    assert '<span class="true">A dog comes.</span>' in page
    assert "A dog &lt;runs&gt;." in page
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    shown = [number_of(np.asarray(Image.open(io.BytesIO(base64.b64decode(one))))) for one in pictures]
    assert shown == [0, 0, 10, 19, 20, 20, 30, 39, 30, 35, 39]  # one for a moment, three for a change


def test_a_missing_folder_is_skipped_with_a_reason(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.main(["--truth", str(tmp_path / "none")])
    assert "skipped" in capsys.readouterr().out


def test_figures_are_those_of_the_scorer(script: ModuleType, tmp_path: Path) -> None:
    """The table that the shared scorer prints by itself, on captions written from its truth with errors put in."""
    truths = real_truths(script)
    scorer = script.find_scorer(SHARED)
    judge = scorer.Scorer(truths)
    for name in truths:
        data, _ = script.written(scorer, judge.truths[name], errors=0.4)
        (tmp_path / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    command = [sys.executable, str(SHARED / "score.py"), str(SHARED), str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = script.score(scorer, truths, script.load_captions(tmp_path, truths))
    for kind in script.KINDS:
        line = next(line for line in printed.splitlines() if line.startswith(kind))
        assert tuple(int(word) for word in line.split()[1:4]) == found.counts((kind,))
    assert f"({found.cuts[0]} right, {found.cuts[1]} wrong)" in printed


def test_the_scorer_ranks_known_texts_and_finds_planted_errors(script: ModuleType) -> None:
    truths = real_truths(script)
    scorer = script.find_scorer(SHARED)
    judge = scorer.Scorer(truths)

    def text_scores(told: float, errors: float) -> Any:
        texts = {name: script.written(scorer, judge.truths[name], told=told, errors=errors)[0] for name in truths}
        return script.score(scorer, truths, texts)

    shares = [text_scores(1.0, errors).precision(script.KINDS) for errors in (0.0, 0.25, 1.0)]
    assert (
        shares[0].count / shares[0].total > 0.97 > shares[1].count / shares[1].total > shares[2].count / shares[2].total
    )
    told = [text_scores(share, 0.0).told["subjects named"].count for share in (0.2, 0.5, 1.0)]
    assert told == sorted(set(told))
    found, missed, alarms, fine = script.planted(scorer, truths)
    assert set(found) == set(script.ERRORS)
    assert sum(missed.values()) <= 0.03 * sum(found.values())
    assert len(alarms) <= 0.02 * fine


def real_truths(script: ModuleType) -> dict[str, Any]:
    if not SHARED.is_dir():
        pytest.skip(f"the truth of real videos is not there: {SHARED}")
    return dict(list(script.load_truths(SHARED).items())[::6])
