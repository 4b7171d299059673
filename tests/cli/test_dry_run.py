"""``sg4v caption --dry-run``: what would be sent is shown, and nobody is asked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chat_server import ChatServer
from media import write_video
from scenes import panned, texture
from sharegpt4video.cli.app import app

QUICK = ["--set", "facts.measure=false", "--set", "keyframes.selector=uniform", "--set", "keyframes.every_seconds=0.4"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "pan.mp4"
    scene = texture(1, 400, 120)
    pictures = [panned(scene, 10 * number, 160, 120) for number in range(20)]
    write_video(path, pictures, fps=20, audio_seconds=(0.0, 1.0))
    return path


def run(*arguments: object) -> Any:
    ended = CliRunner().invoke(app, ["caption", *map(str, arguments), *QUICK])
    assert ended.exit_code == 0, ended.output
    return ended


@pytest.mark.parametrize("hears", [False, True])
def test_what_it_shows_is_what_the_run_then_sends(clip: Path, tmp_path: Path, hears: bool) -> None:
    out = tmp_path / "requests"
    with ChatServer() as server:
        model = ["-m", f"ollama:qwen3-vl:8b@{server.base_url}", "-O", f"send_sound={'wav' if hears else 'off'}"]
        shown = run(clip, *model, "--dry-run", "--json", "--out", out)
        assert (server.received, server.asked_models) == ([], 0), "nobody is asked"
        server.models = lambda exchange: exchange.send({"data": [{"id": "qwen3-vl:8b"}]})
        run(clip, *model, "--quiet")
    requests = json.loads(shown.stdout)["requests"]
    assert [one["task"] for one in requests] == ["opening", "change", "change", "summary"]
    bodies = [_with_data(one["body"]) for one in requests]
    answered = [json.loads(json.dumps(got.body)) for got in server.received]
    for number, body in enumerate(answered):  # what was answered stands where the placeholder stood
        told = json.dumps(body["messages"][-1]).replace("a cat sits on a mat", f"(the answer to request {number})")
        body["messages"][-1] = json.loads(told)
    assert bodies[:3] == answered[:3]
    assert len(list((out / "pan").glob("*.jpg"))) == 3, "a keyframe that is sent twice is one file"
    assert f"4 requests, 5 pictures{' and 2 sounds' if hears else ''} (" in shown.stderr
    assert "nothing was sent" in shown.stderr
    first = requests[1]["pictures"][0]
    assert (first["width"], first["height"], first["seconds"]) == (160, 120, 0.0)
    assert first["bytes"] == Path(first["file"]).stat().st_size
    assert [path.name for path in sorted(out.rglob("*.wav"))] == ["002-sound.wav", "003-sound.wav"][: 2 * hears]
    assert ("sound" in requests[1]) == hears
    if hears:
        assert requests[1]["sound"]["file"] == str(out / "pan" / "002-sound.wav")
        assert requests[1]["sound"]["end_seconds"] == requests[1]["end_seconds"]


def _with_data(value: Any) -> Any:
    """A body with the names of files as the data URLs that they stand for."""
    if isinstance(value, str) and value.endswith(".wav"):
        return base64.b64encode(Path(value).read_bytes()).decode()
    if isinstance(value, str) and value.endswith(".jpg"):
        return "data:image/jpeg;base64," + base64.b64encode(Path(value).read_bytes()).decode()
    if isinstance(value, dict):
        return {name: _with_data(one) for name, one in value.items()}
    return [_with_data(one) for one in value] if isinstance(value, list) else value


def test_it_reads_like_a_conversation(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    how = ["--dry-run", "-O", "picture_times=clock", "-O", "send_sound=mp3"]
    text = run(clip, "-m", "openai:gpt-5-mini", *how).stdout
    opening, change = text.split("\n\n")[:2]
    assert opening.splitlines()[:2] == ["request 1: opening, at 0.00 s", "  system:"]
    assert "  user:\n    00:00\n    [sg4v-requests/pan/001-1.jpg: 160x120, " in opening
    assert opening.endswith("  model: gpt-5-mini, max_tokens: 600, temperature: 0.0")
    assert "  system: as before\n" in change
    assert "    [sg4v-requests/pan/002-sound.mp3: 0.40 s of sound, " in change
    assert "<<<(the answer to request 1)>>>" in change
    assert Path("sg4v-requests/pan/001-1.jpg").is_file()


def test_a_video_as_one_part_is_shown_with_its_frames(clip: Path, tmp_path: Path) -> None:
    options = ["--mode", "fast", "--set", "fast_frames=4", "--dry-run", "--out", tmp_path]
    text = run(clip, "-m", "vllm-server:some/model", *options).stdout
    assert "    a video of 4 frames:\n      [" in text
    assert len(list((tmp_path / "pan").glob("*.jpg"))) == 4
    assert "1 picture (" in run(clip, "-m", "openai:gpt-5-mini", *options).stderr, "in one grid where none is taken"


def test_a_model_that_is_sent_nothing_is_told(clip: Path, tmp_path: Path) -> None:
    shown = run(clip, "-m", "fake", "--dry-run", "--out", tmp_path)
    assert "request 2: change, 0.00 s to " in shown.stdout
    assert "which fake answers without sending them anywhere; nothing was sent" in shown.stderr
    assert len(list((tmp_path / "pan").glob("*.jpg"))) == 3


def test_a_video_that_cannot_be_read_is_told_and_the_others_are_shown(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    ended = CliRunner().invoke(
        app, ["caption", str(broken), str(clip), "-m", "fake", "--dry-run", "--json", "-o", str(tmp_path), *QUICK]
    )
    assert ended.exit_code == 1
    assert "broken.mp4" in ended.stderr
    assert [json.loads(line)["video"] for line in ended.stdout.splitlines()] == [str(clip)]
    refused = CliRunner().invoke(app, ["caption", str(clip), "--dry-run", "-f", "srt"])
    assert (refused.exit_code, "prints text or JSON" in refused.output) == (2, True)
