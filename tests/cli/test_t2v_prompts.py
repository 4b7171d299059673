"""``sg4v t2v`` for prompts: what is printed, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chat_server import ChatServer, Received, answer
from made_dataset import caption_row, made_store
from sharegpt4video.cli.app import app

runner = CliRunner()


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "original.txt").write_text("a red car, zoom in\na dog\n", encoding="utf-8")
    (tmp_path / "rewritten.txt").write_text("A blue car waits.\nA small dog runs.\n", encoding="utf-8")
    return str(tmp_path / "original.txt"), str(tmp_path / "rewritten.txt")


def test_an_audit_with_findings_exits_with_3(files: tuple[str, str]) -> None:
    done = runner.invoke(app, ["t2v", "audit-prompts", *files, "--json"])
    assert done.exit_code == 3
    (wrong,) = json.loads(done.stdout)["each"]
    assert [found["kind"] for found in wrong["found"]] == ["lost", "contradicted"]
    assert runner.invoke(app, ["t2v", "audit-prompts", *files]).stdout.count("camera") == 1


def test_an_audit_without_findings_exits_with_0(files: tuple[str, str]) -> None:
    Path(files[1]).write_text("A red car waits as the camera zooms in.\nA small dog runs.\n", encoding="utf-8")
    done = runner.invoke(app, ["t2v", "audit-prompts", *files])
    assert (done.exit_code, "2 texts without a finding" in done.stdout) == (0, True)


def test_wrong_usage_is_named(files: tuple[str, str]) -> None:
    done = runner.invoke(app, ["t2v", "audit-prompts", *files, "--encoder", "T5-22"])
    assert (done.exit_code, "did you mean 'T5-226'?" in done.stderr) == (2, True)
    Path(files[1]).write_text("one\n", encoding="utf-8")
    done = runner.invoke(app, ["t2v", "audit-prompts", *files])
    assert (done.exit_code, "2 prompts, but 1 rewritten" in done.stderr) == (2, True)
    assert runner.invoke(app, ["t2v", "audit-prompts", "none.txt", files[1]]).exit_code == 1


def test_a_profile_drives_a_rewriting(tmp_path: Path, files: tuple[str, str]) -> None:
    profile = str(tmp_path / "profile.json")
    done = runner.invoke(app, ["t2v", "profile", files[1], "--out", profile])
    assert (done.exit_code, "2 captions of rewritten.txt" in done.stdout) == (0, True)
    out = tmp_path / "out.jsonl"
    done = runner.invoke(app, ["t2v", "rewrite", files[0], "--profile", profile, "--out", str(out)])
    assert (done.exit_code, "2 prompts rewritten: 0 by the model, 2 by rules" in done.stderr) == (0, True)
    first, second = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert (first["by"], first["invented"], first["limit_tokens"]) == ("rules", [], 226)
    assert {fact["standing"] for fact in [*first["facts"], *second["facts"]]} == {"kept"}
    done = runner.invoke(app, ["t2v", "audit-prompts", files[0], str(out), "--json"])
    assert json.loads(done.stdout)["facts"]["camera"]["kept"] == 1


def test_a_servers_answers_are_checked_and_kept(tmp_path: Path, files: tuple[str, str]) -> None:
    def write(received: Received) -> str:
        is_first = "<<<a red car" in json.dumps(received.body)
        return "A red car waits as the camera zooms in." if is_first else "A cat."

    out = tmp_path / "out.jsonl"
    with ChatServer(default=answer(write)) as server:
        arguments = ["t2v", "rewrite", files[0], "-m", f"server:fake@{server.base_url}", "--out", str(out)]
        done = runner.invoke(app, arguments)
        assert (done.exit_code, "1 by the model, 1 by rules" in done.stderr) == (0, True), done.stderr
        asked = sum("chat" in one.path for one in server.received)
        assert asked == 3  # the second prompt is asked twice
        before = out.read_text(encoding="utf-8")
        runner.invoke(app, arguments)
        assert sum("chat" in one.path for one in server.received) == asked
        assert out.read_text(encoding="utf-8") == before


def test_a_window_that_is_too_small_exits_with_3(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("a dog " + " ".join(f"near house{n}" for n in range(60)), encoding="utf-8")
    done = runner.invoke(app, ["t2v", "rewrite", str(tmp_path / "long.txt"), "--encoder", "CLIP-77"])
    assert (done.exit_code, "longer than CLIP-77 reads" in done.stderr) == (3, True)


def test_samples_are_placed_for_vbench_and_its_scores_read(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "list.json").write_text('{"a.mp4": "a dog"}', encoding="utf-8")
    (tmp_path / "suite.json").write_text('[{"prompt_en": "a dog"}, {"prompt_en": "a cat"}]', encoding="utf-8")
    out = str(tmp_path / "placed")
    done = runner.invoke(
        app, ["t2v", "vbench", "place", str(tmp_path / "list.json"), "-o", out, "--suite", str(tmp_path / "suite.json")]
    )
    assert (done.exit_code, "2 prompts of the suite have fewer than 5" in done.stderr) == (0, True)
    assert done.stdout.startswith("python evaluate.py --videos_path")
    assert "--mode vbench_standard" in done.stdout
    (tmp_path / "r.json").write_text('{"color": [0.5, []]}', encoding="utf-8")
    done = runner.invoke(app, ["t2v", "vbench", "results", str(tmp_path / "r.json")])
    assert (done.exit_code, done.stdout.split()[:2]) == (0, ["color", "0.5000"])
    done = runner.invoke(app, ["t2v", "vbench", "flicker", str(tmp_path / "a.mp4")])
    assert (done.exit_code, "a.mp4" in done.stderr) == (1, True)


def test_the_profile_of_a_data_set(tmp_path: Path) -> None:
    folder = made_store(tmp_path / "set", [caption_row(number) for number in range(3)]).root
    done = runner.invoke(app, ["t2v", "profile", folder, "--json"])
    found = json.loads(done.stdout)
    assert (found["captions"], found["source"], len(found["examples"])) == (3, "set", 3)


def test_one_prompt_is_rewritten_by_the_simple_verb_too(files: tuple[str, str]) -> None:
    done = runner.invoke(app, ["recaption", "a dog running, zoom in", "--encoder", "T5-128", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["limit_tokens"]) == (0, 128)
    done = runner.invoke(app, ["recaption", "a dog running, zoom in", "--profile", files[0]])
    assert (done.exit_code, "not a profile of captions" in done.stderr) == (2, True)
