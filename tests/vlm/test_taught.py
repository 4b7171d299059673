"""A captioner says which prompts it has learned, and whoever asks with others is told."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from made_chains import save_captioner
from made_sets import write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.cli.options import read_settings
from sharegpt4video.dataset.dataset import build_dataset, open_dataset
from sharegpt4video.dataset.places.models import ModelSpec, settings_for_new
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Image
from sharegpt4video.vlm import open_model, own_prompts
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.taught import TAUGHT, noticed, taught, taught_apart, taught_text


def test_only_other_prompts_are_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / TAUGHT).write_text(taught_text(["brief"]))
    brief, default = prompt_set("brief"), prompt_set("default")
    assert noticed(brief, "hf", str(tmp_path)) is brief
    assert not caplog.text
    assert noticed(default, "hf", str(tmp_path)) is default
    assert "was trained with the prompts brief, not default" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prompts": 3}', '{"prompts": {}}', '{"prompts": [1]}'])
def test_other_files_of_that_name_say_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    (tmp_path / TAUGHT).write_text(text)
    noticed(prompt_set("default"), "hf", str(tmp_path))
    noticed(prompt_set("default"), "hf", "some/name-of-the-hub")
    assert not caplog.text
    assert taught(str(tmp_path)) == taught("some/name-of-the-hub") == ""


def test_a_captioner_is_asked_with_what_it_learned_unless_others_are_named(tmp_path: Path) -> None:
    (tmp_path / TAUGHT).write_text(taught_text(["brief", "paper"]))
    for name in (f"hf:{tmp_path}", f"vllm:{tmp_path}"):
        assert own_prompts(name) == "brief"
        assert read_settings(None, model=name).prompts == "brief"
        assert read_settings(None, model=name, prompts="default").prompts == "default"
        assert settings_for_new(ModelSpec(name)).caption.prompts == "brief"
    assert own_prompts(f"server:{tmp_path}@http://localhost:1/v1") == ""


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_frames_are_shown_as_they_were_learned_from(tmp_path: Path) -> None:
    brief = prompt_set("brief")
    for apart in (True, False):
        (tmp_path / TAUGHT).write_text(taught_text(["brief"], frames_apart=apart))
        assert taught_apart(str(tmp_path)) is apart
        assert open_model(f"hf:{tmp_path}", prompts=brief).frames_apart is apart
        assert open_model(f"hf:{tmp_path}", prompts=brief, frames_apart=not apart).frames_apart is not apart
    assert not open_model("hf:some/name", prompts=brief).frames_apart


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_captioner_is_shown_pictures_and_no_video(tmp_path: Path) -> None:
    """Even if its processor takes videos: pictures are what it has learned from."""
    frames = (Image(b"", 8, 8),) * 3
    request = Request("fast", images=frames, seconds=(0.0, 1.0, 2.0))
    made = [open_model(f"hf:{tmp_path}", prompts=prompt_set("brief"))]
    (tmp_path / TAUGHT).write_text(taught_text(["brief"], frames_apart=True))
    made += [open_model(f"hf:{tmp_path}", prompts=prompt_set("brief"), native_video=how) for how in ("auto", "on")]
    assert [model._job(request).asked.as_video for model in made] == [True, False, True]


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_captioner_is_shown_the_pixels_it_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training cuts pictures with Pillow; where torchvision is installed, transformers would take that."""
    from transformers import AutoProcessor

    from sharegpt4video.vlm.hf.loading import Source, load

    base, given, real = save_captioner(tmp_path / "model"), list[object](), AutoProcessor.from_pretrained
    monkeypatch.setattr(
        AutoProcessor, "from_pretrained", lambda name, **how: given.append(how.get("backend")) or real(name, **how)
    )
    load(Source(str(base), None, "cpu", "auto", "auto"))
    (base / TAUGHT).write_text(taught_text(["brief"]))
    load(Source(str(base), None, "cpu", "auto", "auto"))
    assert given == [None, "pil"]


def test_a_set_that_has_changed_since_or_is_not_here_is_not_taken(tmp_path: Path) -> None:
    known = {"somebody.yaml": "0", "default": "of an earlier version", "paper": prompt_set("paper").hash}
    (tmp_path / TAUGHT).write_text(json.dumps({"prompts": known}))
    assert taught(str(tmp_path)) == "paper"
    (tmp_path / TAUGHT).write_text(json.dumps({"prompts": {"default": "of an earlier version"}}))
    assert taught(str(tmp_path)) == ""


def test_a_new_data_set_is_built_with_what_the_model_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeVLM, "own_prompts", "brief")
    clips = write_clips(tmp_path / "videos", 1, seconds=1.0)
    asked = ["--model", "fake", "--out", str(tmp_path / "set")]
    for more, expected in (([], "brief"), (["--set", "caption.prompts=paper"], "paper")):
        out = tmp_path / expected
        told = CliRunner().invoke(app, ["dataset", "build", str(clips[0]), *asked[:3], str(out), *more])
        assert told.exit_code == 0, told.output
        assert open_dataset(out).settings.caption.prompts == expected
    assert build_dataset(clips[0], tmp_path / "in-python", model="fake").settings.caption.prompts == "brief"
