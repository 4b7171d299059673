"""``sg4v evaluate`` as a user runs it: what is printed, which files there are, the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from made_benchmarks import VIDEOS, store, write_tempcompass
from media import numbered_run, write_video
from sharegpt4video.cli.evaluate import app
from sharegpt4video.evaluate.benchmarks import BENCHMARKS

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "tempcompass"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_tempcompass(tmp_path / "tc")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for video in VIDEOS:
        write_video(folder / f"{video}.mp4", numbered_run(12), fps=10)
    return folder


def sg4v(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(sample: Path, videos: Path, out: Path, *more: object) -> Result:
    where = ("--annotations", sample, "--videos", videos, "--out", out)
    return sg4v("run", "tempcompass", *where, "--model", "fake", "--frames", 2, "--set", "forms=yes_no", *more)


def test_a_run_prints_its_figures_and_keeps_everything(sample: Path, videos: Path, tmp_path: Path) -> None:
    ended = run(sample, videos, tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    assert "TempCompass, protocol official, fake" in ended.stdout
    assert "unparsed 6 (100.00 %)" in ended.stdout
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert kept == {"answers.jsonl", "scores.jsonl", "report.json", "report.md"}
    assert json.loads(run(sample, videos, tmp_path / "out", "--json").stdout)["questions"] == 6


def test_a_video_that_cannot_be_read_ends_with_1(sample: Path, videos: Path, tmp_path: Path) -> None:
    (videos / "200.mp4").write_bytes(b"")
    ended = run(sample, videos, tmp_path / "out")
    assert ended.exit_code == 1
    assert "FAILED: 2 questions undecodable" in ended.stdout


def test_wrong_usage_ends_with_2(sample: Path, videos: Path, tmp_path: Path) -> None:
    ended = sg4v("run", "tempcompas", "--annotations", sample, "--videos", videos, "--out", tmp_path, "--model", "fake")
    assert ended.exit_code == 2
    assert "did you mean 'tempcompass'" in ended.output
    run(sample, videos, tmp_path / "out")
    assert run(sample, videos, tmp_path / "out", "--sampler", "tempcompass").exit_code == 2


def test_a_run_is_scored_again_by_other_rules_and_compared(sample: Path, videos: Path, tmp_path: Path) -> None:
    run(sample, videos, tmp_path / "out")
    lines = (tmp_path / "out" / "answers.jsonl").read_text().splitlines()
    said = [json.loads(line) | {"text": "Nothing, but the answer is yes."} for line in lines[1:]]
    (tmp_path / "out" / "answers.jsonl").write_text("\n".join([lines[0], *map(json.dumps, said)]) + "\n")
    base = ("score", "tempcompass", "--annotations", sample, "--predictions", tmp_path / "out", "--json")
    official = json.loads(sg4v(*base, "--out", tmp_path / "official").stdout)
    strict = json.loads(sg4v(*base, "--out", tmp_path / "strict", "--protocol", "strict").stdout)
    assert official["figures"]["overall"]["value"] == 50  # begins with "no": wrong for three, right for three
    assert strict["figures"]["overall"]["value"] == 50
    compared = sg4v("compare", tmp_path / "official", tmp_path / "strict", "--by", "format")
    assert compared.exit_code == 0
    assert "overall: 50.00 -> 50.00: +0.00 points" in compared.stdout
    assert "right in the first alone 3, in the second alone 3" in compared.stdout


def test_a_judge_is_repeated_from_the_run_and_by_name(sample: Path, videos: Path, tmp_path: Path) -> None:
    assert run(sample, videos, tmp_path / "out", "--judge", "fake").exit_code == 0
    base = ("score", "tempcompass", "--annotations", sample, "--predictions", tmp_path / "out", "--set", "forms=yes_no")
    again = sg4v(*base, "--out", tmp_path / "again", "--judge", "replay")
    assert again.exit_code == 0, again.output
    assert "replayed 6" in again.stdout
    kept = tmp_path / "out" / "judge" / "replies.jsonl"
    first = kept.read_text().splitlines()[0]
    name = json.loads(first)["model"]
    with kept.open("a") as file:
        file.write(json.dumps(json.loads(first) | {"model": "another"}) + "\n")
    several = sg4v(*base, "--out", tmp_path / "again", "--judge", "replay")
    assert several.exit_code == 2
    assert "--judge replay:MODEL" in several.output
    assert sg4v(*base, "--out", tmp_path / "again", "--judge", f"replay:{name}").exit_code == 0


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_an_option_that_a_benchmark_does_not_have_is_refused(benchmark: str, videos: Path, tmp_path: Path) -> None:
    where = ("--annotations", tmp_path, "--videos", videos, "--out", tmp_path / "out", "--model", "fake")
    ended = sg4v("run", benchmark, *where, "--protocol", BENCHMARKS[benchmark].protocols[0], "--set", "task=x")
    assert ended.exit_code == 2
    assert "has no option task; it has" in " ".join(ended.output.split())


def test_official_predictions_are_scored_without_a_run(sample: Path, tmp_path: Path) -> None:
    questions = json.loads((sample / "questions" / "yes_no.json").read_text())
    predicted: dict[str, Any] = {
        video: {aspect: [item | {"prediction": "yes"} for item in items] for aspect, items in aspects.items()}
        for video, aspects in questions.items()
    }
    folder = store(tmp_path / "model", "yes_no", predicted).parent
    ended = sg4v("score", "tempcompass", "--annotations", sample, "--predictions", folder, "--out", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    assert "6 of 18 questions have an answer" in ended.output
    assert "50.00" in ended.stdout


def test_a_difference_from_the_published_score_ends_with_1(sample: Path) -> None:
    questions = json.loads((sample / "questions" / "multi-choice.json").read_text())
    for name in ("any", "video-llava"):
        predicted = {
            video: {aspect: [item | {"prediction": "A"} for item in items] for aspect, items in aspects.items()}
            for video, aspects in questions.items()
        }
        folder = store(sample.parent / "stored" / name, "multi-choice", predicted).parent
        ended = sg4v("verify-scorers", "--tempcompass", sample, "--predictions", folder)
        assert ended.exit_code == (1 if name == "video-llava" else 0), ended.output
    assert "DIFFERENT" in ended.stdout
    assert sg4v("verify-scorers").exit_code != 0
    assert sg4v("verify-scorers", "--predictions", sample / "questions" / "..").exit_code == 2


def test_the_published_scores_are_verified() -> None:
    if not REAL.is_dir():
        pytest.skip("the published predictions are not here")
    ended = sg4v("verify-scorers", "--tempcompass", REAL, "--json")
    assert ended.exit_code == 0
    (found,) = json.loads(ended.stdout)
    assert found["failures"] == []
    assert sum(cell["published"] is not None for cell in found["cells"]) == 28


def test_the_list_names_every_benchmark() -> None:
    shown = sg4v("list").stdout
    assert all(f"{name}: " in shown for name in BENCHMARKS)
    assert [row["name"] for row in json.loads(sg4v("list", "--json").stdout)] == list(BENCHMARKS)


@pytest.mark.parametrize(
    "who", [("--model", "server:m@http://127.0.0.1:9/v1"), ("--judge", "server:j@http://127.0.0.1:9/v1")]
)
def test_a_dead_server_is_told_before_any_question_is_asked(
    sample: Path, videos: Path, tmp_path: Path, who: tuple[str, str]
) -> None:
    for video in videos.iterdir():
        video.write_bytes(b"not read")
    ended = run(sample, videos, tmp_path / "out", *who)
    assert ended.exit_code == 1
    assert "nobody answers at http://127.0.0.1:9/v1" in ended.output
    assert not (tmp_path / "out" / "answers.jsonl").exists()


def test_a_dead_judge_is_told_before_any_answer_is_scored(sample: Path, videos: Path, tmp_path: Path) -> None:
    run(sample, videos, tmp_path / "out")
    arguments = ["--annotations", sample, "--predictions", tmp_path / "out", "--out", tmp_path / "again"]
    ended = sg4v("score", "tempcompass", *arguments, "--judge", "server:j@http://127.0.0.1:9/v1")
    assert ended.exit_code == 1
    assert "nobody answers at http://127.0.0.1:9/v1" in ended.output
    assert not (tmp_path / "again" / "report.json").exists()


def test_a_file_that_is_not_there_ends_with_1_wherever_it_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for arguments in (["compare", gone, gone], ["verify-scorers", "--tempcompass", gone]):
        ended = sg4v(*arguments)
        assert (ended.exit_code, ended.output.strip()) == (1, f"error: {gone}: no such file or folder")
    too_long = tmp_path / ("long" * 100)
    ended = sg4v("compare", too_long, too_long)
    assert (ended.exit_code, ended.output.strip()) == (1, f"error: {too_long}: File name too long")
