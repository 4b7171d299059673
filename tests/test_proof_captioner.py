"""The examination of captioners in the world of chains, and what is concluded from it: right when truth is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from made_chains import Knowing, chains
from sharegpt4video.world.chain.scenes import ChainScene

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")  # of the trainer, whose words the examination uses
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("_chain_exam", "proof_captioner"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("benchmarks")
def test_who_tells_the_truth_has_every_fact_right_in_every_role(tmp_path: Path) -> None:
    import _chain_exam as exam  # type: ignore[import-not-found]

    videos: dict[Path, ChainScene] = {tmp_path / "videos" / name: scene
                                      for name, scene in chains(tmp_path, 2, (3, 5)).items()}  # fmt: skip
    scenes = list(videos.values())
    model = Knowing({path.name: scene for path, scene in videos.items()})
    told = exam.captioned(model, list(videos), exam.settings())
    rows = exam.sliding_rows(told, scenes)
    assert exam.totals(rows, "step_right", "step_facts") == exam.totals(rows) == 1.0
    assert all(sum(row["faults"]) == 0 and row["steps_more"] == 0 for row in rows)
    assert [row["joined"]["in_order"] for row in rows] == [len(scene.deeds) for scene in scenes]
    assert exam.totals(exam.fast_rows(model, videos, "brief")) == 1.0
    assert exam.totals(exam.multi_rows(model, videos, "brief")) == 1.0
    (request,) = [one for one in model.asked if one.task == "fast" and one.layout == "separate"][:1]
    assert len(request.images) == len(scenes[0].deeds) + 1
    for row in exam.clip_rows(model, videos, told, "brief", 0):
        assert row["steps"]["right"] == row["steps"]["facts"]
    assert 0 < exam.totals(exam.recaption_rows(model, scenes, "brief")) <= 1.0


@pytest.mark.usefixtures("benchmarks")
def test_a_forced_step_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    import _chain_exam as exam

    videos = {tmp_path / "videos" / name: scene for name, scene in chains(tmp_path, 2, (4, 4)).items()}
    model = Knowing({path.name: scene for path, scene in videos.items()})
    wrong = dict.fromkeys((path.name for path in videos), "the small cyan plus in the middle stays.")
    told = exam.captioned(exam.Forced(model, 2.0, wrong), list(videos), exam.settings())
    for one, scene in zip(told, videos.values(), strict=True):
        faults = exam.step_rows(one, scene)["faults"]
        assert faults[2] > 0
        assert sum(faults) == faults[2]
    carried = [request.before for request in model.asked if request.task == "change" and request.seconds[0] == 4.0]
    assert set(carried) == set(wrong.values()), "the wrong step is what the next one is told"


def results(folder: Path, *, noise_faults: int, clean_faults: int) -> None:
    """Made-up results of two seeds: sliding tells all, the others ever less; clips are told equally well."""
    for arm, faults in (("noise", noise_faults), ("clean", clean_faults)):
        for seed in (0, 1):
            lengths: dict[str, Any] = {}
            for length in (2, 4, 8, 16, 32):
                row = {
                    "true": length,
                    "told": length,
                    "both": length,
                    "in_order": length,
                    "input_tokens": 10 * length,
                    "output_tokens": 5,
                    "faults": [0] * (length // 2) + [faults] * (length - length // 2 + 1),
                }
                row["joined"] = {**row}
                part = {**row, "in_order": length - length // 4, "both": length - length // 4}
                lengths[str(length)] = {"sliding": [row] * 4, "fast": [part] * 4, "multi": [part] * 4,
                                        "clips": [{"steps": row, "clip": row}] * 4, "forced": [row] * 4}  # fmt: skip
            (folder / f"{arm}-{seed}.json").write_text(json.dumps({"lengths": lengths}), encoding="utf-8")


@pytest.mark.usefixtures("benchmarks")
def test_the_table_is_made_of_committed_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import proof_captioner  # type: ignore[import-not-found]

    results(tmp_path, noise_faults=1, clean_faults=2)
    proof_captioner.table(tmp_path)
    said = capsys.readouterr().out
    assert "(a) 32 events: sliding less fast +25.0 points (+25.0 to +25.0; 2 seeds, 4 videos)" in said
    assert "(a)  2 events: sliding less multi +0.0 points" in said
    assert "(joined) 32 events: the steps of sliding +100.0 points" in said
    assert "(b) noise less clean, second half: -20.0 points" in said
    assert "(c) parts of  8 events: from the steps less by itself +0.0 points" in said


@pytest.mark.usefixtures("benchmarks")
def test_the_table_of_the_page_is_made_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import proof_captioner

    results(tmp_path, noise_faults=1, clean_faults=2)
    proof_captioner.markdown(tmp_path)
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| | 2 events | 4 events | 8 events | 16 events | 32 events |"
    assert rows[0].startswith("| sliding, F1 in % | 100.0 (100.0 to 100.0) |")
    assert rows[3].startswith("| steps alone, F1 in % | 100.0 (100.0 to 100.0) |")
    knowing_nothing = [
        float(cell) for cell in rows[4].removeprefix("| another video, F1 in % |").strip(" |").split("|")
    ]
    assert knowing_nothing == sorted(knowing_nothing), "with the number of events, more are in order by chance"
    assert 10 < knowing_nothing[0] < 25
    assert knowing_nothing[-1] < 50
    assert rows[5] == "| sliding, tokens a video | 25 | 45 | 85 | 165 | 325 |"
