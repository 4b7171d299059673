"""The command line, run as a user would: what is on stdout, what on stderr, which files there are, the exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from chat_server import ChatServer, answer, stall, status
from media import Picture, write_video
from meeting import Meeting
from sees_nothing import SEES_NOTHING
from sharegpt4video.cli import doctor
from sharegpt4video.cli.app import app
from sharegpt4video.cli.batch import Batch
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.records import VideoCaption

SG4V = [sys.executable, "-c", "from sharegpt4video.cli import main; main()"]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


# What most of a caption's time goes into, and hardly a test here is about.
WITHOUT_OBJECTS = ["--set", f"facts.detector={SEES_NOTHING}", "--set", "facts.ocr=false"]
WITHOUT_OBJECTS += ["--set", "keyframes.verify_cuts=false"]
UNVERIFIED = KeyframeSettings(verify_cuts=False)


class Runner:
    """Runs the command line in this process, with stdout and stderr apart; ``caption`` looks for no objects."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, measured: bool = False) -> Ended:
        self._capsys.readouterr()
        more = WITHOUT_OBJECTS if arguments[0] == "caption" and not measured else []
        with pytest.raises(SystemExit) as ended:
            app([*map(str, arguments), *more])
        out, err = self._capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else int(code is not None), out, err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    monkeypatch.chdir(tmp_path)
    return Runner(capsys)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def scene(seed: int) -> Picture:
    """A picture of big random patches: nothing an object detector knows."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return np.kron(patches, np.ones((20, 20, 1), np.uint8))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of three seconds, cut at 3.0 s."""
    path = tmp_path_factory.mktemp("clips") / "two shots.mp4"
    write_video(path, [scene(1)] * 30 + [scene(2)] * 30, fps=10)
    return path


def test_text_goes_to_stdout_line_by_line(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, "--model", "fake")
    assert ended.code == 0
    *steps, empty, summary, last = ended.out.split("\n")
    assert steps[0] == "[0:00.0] opening at 0.00 s"
    assert any(line.startswith("[0:03.0] opening at 3.00 s") for line in steps)
    assert all(re.match(r"\[\d+:\d\d\.\d( – \d+:\d\d\.\d)?\] \S", line) for line in steps)
    assert (empty, last) == ("", "")
    assert summary.startswith("Summary: summary of")
    assert "\x1b" not in ended.out + ended.err


def test_json_on_stdout_is_one_document(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, "-m", "fake", "--json", measured=True)
    assert ended.code == 0
    captioned = VideoCaption.from_json(ended.out)
    assert captioned.video == clip.name
    assert [shot.start_seconds for shot in captioned.shots] == [0.0, 3.0]


def test_several_videos_are_a_document_a_line(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, clip, "-m", "fake", "--json")
    assert [VideoCaption.from_json(line).video for line in ended.out.splitlines()] == [clip.name] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names of files to be text")
def test_a_name_that_is_no_text_is_spelled_out(run: Runner, clip: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    odd.write_bytes(clip.read_bytes())
    assert json.loads(run("caption", odd, "-m", "fake", "--json").out)["video"] == "caf\\udce9.mp4"
    assert json.loads(run("facts", odd, "--json").out)["video"] == "caf\\udce9.mp4"
    command = [*SG4V, "caption", str(odd), "-m", "fake", "--out", "out", "-f", "json", *WITHOUT_OBJECTS]
    for said in (b"captioned 1 video", b"1 already done"):
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        assert (done.returncode, done.stdout) == (0, b""), done.stderr
        assert said in done.stderr
    assert [VideoCaption.from_json(path.read_text("utf-8")).video for path in Path("out").glob("*.json")] == [
        "caf\\udce9.mp4"
    ]


def test_a_part_of_the_video(run: Runner, clip: Path) -> None:
    captioned = VideoCaption.from_json(
        run("caption", clip, "-m", "fake", "--json", "--start", "0:01", "--end", "2.5").out
    )
    assert all(1.0 <= step.start_seconds <= step.end_seconds <= 2.5 for step in captioned.steps)
    assert len(captioned.shots) == 1


def test_files_are_written_once(run: Runner, clip: Path) -> None:
    first = run("caption", clip, "-m", "fake", "--out", "new/out", "-f", "json", "-f", "srt")
    assert first.code == 0
    assert first.out == ""
    assert names("new/out") == ["captions.jsonl", "two shots.json", "two shots.srt"]
    assert "captioned 1 video," in first.err

    Path("new/out/two shots.srt").write_text("mine")
    again = run("caption", clip, "-m", "fake", "--out", "new/out", "-f", "json", "-f", "srt")
    assert again.code == 0
    assert "captioned 0 videos, 1 already done" in again.err
    assert Path("new/out/two shots.srt").read_text() == "mine"

    over = run("caption", clip, "-m", "fake", "--out", "new/out", "-f", "srt", "--overwrite")
    assert over.code == 0
    assert Path("new/out/two shots.srt").read_text().startswith("1\n00:00:00,000 --> ")


def test_one_bad_video_does_not_stop_the_others(run: Runner, clip: Path) -> None:
    Path("broken.mp4").write_bytes(b"not a video at all")
    ended = run("caption", "missing.mp4", "broken.mp4", clip, "-m", "fake", "--out", "out")
    assert ended.code == 1
    assert names("out") == ["captions.jsonl", "two shots.json"]
    assert "missing.mp4" in ended.err
    assert "broken.mp4" in ended.err
    assert "captioned 1 video, 2 failed" in ended.err
    assert "Traceback" not in ended.err


def test_a_text_with_a_problem_is_marked_and_has_its_own_exit_code(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, "-m", "fake", "-O", 'replies=["", "", ok, ok, ok, ok, ok, ok, ok, ok]')
    assert ended.code == 3
    assert "[empty]" in ended.out
    assert "empty" in ended.err


def test_finished_steps_survive_a_model_that_is_gone(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, "-m", "fake", "-O", "replies=[one, two]", "--out", "out")
    assert ended.code == 1
    assert names("out") == ["two shots.partial.json"]
    kept = VideoCaption.from_json(Path("out/two shots.partial.json").read_bytes())
    assert {step.text for step in kept.steps} <= {"one", "two"}
    assert kept.steps
    assert "two shots.partial.json" in ended.err


def test_a_text_that_no_answer_came_for_is_a_failure_and_asked_for_by_the_next_run(run: Runner, clip: Path) -> None:
    with ChatServer(answer("a patchwork"), status(500), default=answer("a patchwork")) as server:
        model = ("-m", f"server:some/model@{server.base_url}", "-O", "retries=0", "-O", "max_concurrent=1")
        ended = run("caption", clip, *model, "--out", "out")
        assert (ended.code, names("out")) == (1, ["two shots.partial.json"])
        assert "1 text missing (unavailable: HTTP 500" in ended.err
        assert "run the same command again to complete the caption" in ended.err
        assert run("caption", clip, *model, "--out", "out").code == 0
    assert "two shots.json" in names("out")


def test_a_key_that_is_not_taken_stops_at_the_first_video(run: Runner, clip: Path) -> None:
    with ChatServer(default=status(401, "no such key")) as server:
        model = ("-m", f"server:some/model@{server.base_url}")
        copies = [shutil.copy(clip, f"{name}.mp4") for name in "abc"]
        ended = run("caption", *copies, *model, "--out", "out", "--jobs", "1")
    assert ended.code == 1
    assert len(server.received) <= 2, "the openings of the first video's two shots, which are asked at once"
    assert "the model cannot answer any request; 2 were not tried" in ended.err


def test_a_server_is_sent_the_pictures(run: Runner, clip: Path) -> None:
    with ChatServer(default=answer("a patchwork of colours")) as server:
        prices = ("-O", "price_per_million_input=1", "-O", "price_per_million_output=2")
        ended = run("caption", clip, "-m", f"server:some/model@{server.base_url}", *prices, "--out", "out")
    assert ended.code == 0
    assert "US dollars" in ended.err
    captioned = VideoCaption.from_json(Path("out/two shots.json").read_bytes())
    assert {step.text for step in captioned.steps} == {"a patchwork of colours"}
    assert len(server.received) == captioned.provenance.requests == len(captioned.steps) + 1
    assert sum(bool(received.image_urls) for received in server.received) == len(captioned.steps)


@pytest.mark.parametrize(
    "said",
    [
        "<think>Let me look.</think><answer><|begin_of_box|>a patchwork of colours<|end_of_box|></answer>",
        "<|channel|>analysis<|message|>So.<|end|><|start|>assistant<|channel|>final<|message|>a patchwork of colours",
        '{"caption": "a patchwork of colours"}',
        "Sure! Here is a description of the video:\n\na patchwork of colours",
    ],
)
def test_the_markup_of_a_model_is_not_part_of_a_caption(run: Runner, clip: Path, said: str) -> None:
    with ChatServer(default=answer(said)) as server:
        ended = run("caption", clip, "-m", f"server:some/model@{server.base_url}", "--out", "out")
    assert ended.code == 0
    captioned = VideoCaption.from_json(Path("out/two shots.json").read_bytes())
    assert {captioned.summary, *(step.text for step in captioned.steps)} == {"a patchwork of colours"}


def test_a_model_that_only_thinks_is_told_with_what_to_do(run: Runner, clip: Path) -> None:
    with ChatServer(default=answer("<think>The user wants", finish_reason="length")) as server:
        ended = run("caption", clip, "-m", f"server:some/model@{server.base_url}", "-O", "max_tokens=50")
        off = run("caption", clip, "-m", f"server:some/model@{server.base_url}", "-O", "thinking=off")
    assert (ended.code, off.code) == (3, 3)
    assert "cut off: max_tokens=50 went into reasoning; use -O thinking=off or -O max_tokens=4146" in ended.err
    assert "although thinking is off" in off.err
    assert server.received[-1].body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}


def test_a_model_that_nobody_knows_is_one_clear_message(run: Runner, clip: Path) -> None:
    with ChatServer(default=status(404, "no model is called some/model")) as server:
        ended = run("caption", clip, "-m", f"server:some/model@{server.base_url}")
    assert ended.code == 1
    assert "no model is called some/model" in ended.err
    assert "Traceback" not in ended.err


def test_a_model_that_is_gone_is_not_asked_for_every_video(run: Runner, clip: Path) -> None:
    copies = [Path(f"{number}.mp4") for number in range(5)]
    for number, copy in enumerate(copies):
        copy.write_bytes(clip.read_bytes() + bytes(number))
    gone = ("-m", "server:gone@http://127.0.0.1:9/v1", "-O", "retries=0")
    ended = run("caption", *copies, *gone, "--out", "out", "--jobs", "1")
    assert ended.code == 1
    assert "nobody answers at http://127.0.0.1:9/v1" in ended.err
    assert "captioned" not in ended.err, "nothing was begun"
    assert not Path("out").exists()


def test_videos_side_by_side_fill_the_slots_and_give_the_same_files(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copies = [Path(f"{number}.mp4") for number in range(3)]
    for number, copy in enumerate(copies):
        copy.write_bytes(clip.read_bytes() + bytes(number))  # other bytes are another video
    settings = CaptionSettings(facts=FactSettings(ocr=False, detector=SEES_NOTHING), keyframes=UNVERIFIED)
    in_flight = []
    for jobs in (1, 3):
        vlm = Meeting(count=jobs, max_concurrent=16)  # one video at a time meets no other
        batch = Batch(settings, vlm, ["json"], Path(f"out{jobs}"), quiet=True, jobs=jobs)
        batch.run([str(copy) for copy in copies])
        assert (batch.done, batch.failed, batch.untried) == (3, 0, 0)
        in_flight.append(vlm.most)
    assert in_flight[0] <= 2 < in_flight[1]  # a video has two shots
    for name in (f"{number}.json" for number in range(3)):
        assert (Path("out1") / name).read_text() == (Path("out3") / name).read_text()


def test_several_videos_at_the_same_time_need_out(run: Runner, clip: Path) -> None:
    ended = run("caption", clip, "-m", "fake", "--jobs", "2")
    assert ended.code == 2
    assert "--out" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "embeded"], "did you mean 'embedded'"),
        (["-m", "fake", "--prompts", "papers"], "papers"),
        (["-m", "fake", "-O", "speed=3"], "speed"),
        (["-m", "fake", "-O", "speed"], "NAME=VALUE"),
        (["-m", "fake", "--start", "1:75"], "not a time"),
        (["-m", "fake", "--start", "3", "--end", "2"], "before"),
        (["-m", "fake", "--every", "0"], "every_seconds"),
        (["-m", "fake", "--config", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file or directory"),
        (["-m", "fake", "-f", "srt", "-f", "md"], "--out"),
        (["-m", "fake", "-f", "pdf"], "pdf"),
    ],
)
def test_wrong_usage_is_one_clear_message(run: Runner, clip: Path, arguments: list[str], said: str) -> None:
    ended = run("caption", clip, *arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert said in re.sub(r"[\s│]+", " ", ended.err)
    assert "Traceback" not in ended.err


def test_settings_come_from_a_file_and_options_on_top(run: Runner, clip: Path) -> None:
    Path("mine.yaml").write_text("prompts: paper\nkeyframes:\n  every_seconds: 1.0\n  max_gap_seconds: 1.0\n")
    ended = run("caption", clip, "-m", "fake", "--json", "-c", "mine.yaml", "--max-gap", "2.5")
    made = VideoCaption.from_json(ended.out).provenance
    assert made.prompt_set == "paper"
    assert made.settings["keyframes"]["every_seconds"] == 1.0
    assert made.settings["keyframes"]["max_gap_seconds"] == 2.5


def test_summarize_reads_what_caption_wrote(run: Runner, clip: Path) -> None:
    run("caption", clip, "-m", "fake", "--out", "out")
    ended = run("summarize", "out/two shots.json", "--start", "3", "--end", "6", "-m", "fake", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["start_seconds"] == 3.0
    assert "from 3.00 s to 6.00 s" in json.loads(ended.out)["text"]


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), ("{}", "not a caption"), ("", "not a caption")]
)
def test_summarize_says_what_is_wrong_with_a_file(run: Runner, content: str | None, said: str) -> None:
    if content is not None:
        Path("it.json").write_text(content)
    ended = run("summarize", "it.json", "-m", "fake")
    assert ended.code == 1
    assert f"it.json: {said}" in ended.err
    assert "pydantic" not in ended.err


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (("--start", "100"), "0:00.0 – 0:06.0"),
        (("--start", "6"), "0:00.0 – 0:06.0"),
        (("--start", "4", "--end", "3"), "--start 0:04.0 must be before --end 0:03.0"),
    ],
)
def test_summarize_refuses_what_was_not_captioned(run: Runner, clip: Path, part: tuple[str, ...], told: str) -> None:
    run("caption", clip, "-m", "fake", "--out", "out")
    ended = run("summarize", "out/two shots.json", *part, "-m", "fake")
    assert ended.code == 2
    assert told in ended.err


def test_recaption(run: Runner) -> None:
    ended = run("recaption", "a red boat", "-m", "fake")
    assert (ended.code, ended.out) == (0, "recaption of: a red boat\n")


@pytest.mark.parametrize("words", [["recaption", "caf\udce9", "-m", "fake"], ["find", ".", "caf\udce9"],
                                   ["recaption", "caf\udce9", "--encoder", "T5-226"]])  # fmt: skip
def test_words_that_are_not_utf_8_are_told_so(run: Runner, words: list[str]) -> None:
    ended = run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "has bytes that are not UTF-8 text, at character 4" in ended.err


def test_keyframes_are_listed_and_written(run: Runner, clip: Path) -> None:
    plain = run("keyframes", clip, "--out", "frames", "--json")
    assert plain.code == 0
    found = json.loads(plain.out)["keyframes"]
    assert [one["seconds"] for one in found if one["reason"] in ("first", "cut")] == [0.0, 3.0]
    files = sorted(Path("frames").iterdir())
    assert [str(file) for file in files] == [one["file"] for one in found]
    assert all(file.read_bytes()[:2] == b"\xff\xd8" for file in files)
    lines = run("keyframes", clip).out.splitlines()
    assert lines[0].startswith("[0:00.0] shot 1, first")
    assert len(lines) == len(found)


def test_facts_are_measured(run: Runner, clip: Path) -> None:
    measured = json.loads(run("facts", clip, "--json", "--no-ocr").out)
    assert measured["video"] == clip.name
    assert measured["facts"][0]["start_seconds"] == 0.0
    assert {"camera", "motion", "look", "objects"} <= measured["facts"][0].keys()
    assert run("facts", clip, "--no-ocr").out.startswith("[0:00.0]\n")


@pytest.mark.parametrize("verb", ["caption", "facts"])
def test_sound_and_speech_are_switched_as_text_is(run: Runner, clip: Path, verb: str) -> None:
    refused = run(verb, clip, "--no-ocr", "--no-sound", "--speech")
    assert "facts.speech needs facts.sound" in refused.err
    assert run(verb, clip, "--no-ocr", "--no-sound", "--no-speech").code == 0


def test_doctor_finds_the_core(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "extras", lambda _: [])  # importing them all takes many seconds
    doctor.packages.cache_clear()
    ended = run("doctor", "--json")
    checks = json.loads(ended.out)["checks"]
    assert ended.code == 0
    assert {check["state"] for check in checks if check["group"] in ("core", "weights")} == {"ok"}
    assert {"av", "numpy", "openai"} <= {check["name"] for check in checks}
    assert all(check["remedy"] for check in checks if check["state"] != "ok")
    assert {check["detail"] for check in checks if check["name"] in ("H.264", "H.265", "VP9")} == {"can be read"}
    assert "sharegpt4video" in run("doctor").out
    doctor.packages.cache_clear()


def test_help_names_every_verb(run: Runner) -> None:
    ended = run("--help")
    assert ended.code == 0
    for verb in ("caption", "keyframes", "facts", "summarize", "recaption", "doctor"):
        assert verb in ended.out


def test_help_loads_nothing_heavy() -> None:
    heavy = {"numpy", "av", "cv2", "onnxruntime", "openai", "pydantic", "PIL", "scenedetect", "torch"}
    code = f"import sys, sharegpt4video.cli.app; print(sorted({heavy!r} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupting_keeps_the_answers_that_came(number: int, clip: Path, tmp_path: Path) -> None:
    with ChatServer(answer("one"), default=stall(600)) as server:
        command = [
            *SG4V,
            "caption",
            str(clip),
            "-m",
            f"server:slow@{server.base_url}",
            "--out",
            "out",
            *WITHOUT_OBJECTS,
        ]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(server.received) < 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    assert out == ""
    assert "interrupted" in err
    assert "Traceback" not in err
    (kept,) = tmp_path.rglob("*.*")
    assert kept.name == f"{clip.stem}.partial.json"
    assert [step.text for step in VideoCaption.from_json(kept.read_bytes()).steps] == ["one"]


@pytest.mark.skipif(os.name == "nt", reason="pipes are POSIX")
def test_a_reader_that_goes_away_is_no_traceback(clip: Path) -> None:
    command = [*SG4V, "caption", str(clip), "-m", "fake", "-O", "delay_seconds=0.2", *WITHOUT_OBJECTS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("[0:00.0]")
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=240) in (0, 1)
    assert "Traceback" not in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_takes_a_part_of_stdout_is_an_error(tmp_path: Path, unbuffered: str) -> None:
    resource = pytest.importorskip("resource", reason="Unix only")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with (tmp_path / "help.txt").open("wb") as out:
        command = [*SG4V, "caption", "--help"]
        ended = subprocess.run(
            command, env=env, stdout=out, stderr=subprocess.PIPE, text=True, preexec_fn=limit, timeout=240
        )
    assert (tmp_path / "help.txt").stat().st_size == 1000
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
class TestStdoutIsFull:
    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        with Path("/dev/full").open("wb") as full:
            command, env = [*SG4V, *arguments], {**os.environ, "TMPDIR": str(cwd)}
            return subprocess.run(
                command, cwd=cwd, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=180
            )

    def test_a_verb_says_so_in_one_line(self, tmp_path: Path) -> None:
        ended = self.run("--version", cwd=tmp_path)
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
        assert "No space left on device" in ended.stderr

    def test_a_caption_is_kept(self, clip: Path, tmp_path: Path) -> None:
        ended = self.run("caption", str(clip), "-m", "fake", "--json", *WITHOUT_OBJECTS, cwd=tmp_path)
        assert ended.returncode == 1
        (kept,) = tmp_path.rglob("*.json")
        assert VideoCaption.from_json(kept.read_bytes()).steps
        assert str(kept) in ended.stderr
