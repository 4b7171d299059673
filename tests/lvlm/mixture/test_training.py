"""A captioner trained, stopped, resumed, merged, and asked through the door of every user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from typer.testing import CliRunner  # noqa: E402

from made_chains import caption_settings, chains, save_captioner  # noqa: E402
from sharegpt4video import caption, train  # noqa: E402
from sharegpt4video.cli.app import app  # noqa: E402
from sharegpt4video.cli.train import train_settings  # noqa: E402
from sharegpt4video.dataset.export import export  # noqa: E402
from sharegpt4video.dataset.recorded import write_recorded  # noqa: E402
from sharegpt4video.engines import settings_for  # noqa: E402
from sharegpt4video.learning import checkpoints  # noqa: E402
from sharegpt4video.lvlm.train import merge  # noqa: E402
from sharegpt4video.prompts import prompt_set  # noqa: E402
from sharegpt4video.t2v.record import RECORDS, read_records  # noqa: E402
from sharegpt4video.vlm import open_model  # noqa: E402
from sharegpt4video.vlm.taught import taught, taught_apart, taught_text  # noqa: E402

SMALL = ["optimiser.global_batch=2", "optimiser.micro_batch=2", "optimiser.max_steps=3", "run.save_every_steps=1",
         "run.deterministic=true", "run.keep_checkpoints=5", "mixture.sliding=7", "mixture.opening_share=0.25",
         "mixture.fast=0.8", "mixture.summary=1.5", "mixture.recaption=0.7"]  # fmt: skip


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four roles of one chain."""
    folder = tmp_path_factory.mktemp("chain")
    chains(folder / "set", 1, (2, 2))
    known = read_records(folder / "set" / RECORDS)
    store = write_recorded(known, folder / "set", folder / "data", model="world")
    export(store, "captioner", str(folder / "roles"), options={"prompts": "brief", "frames": 4})
    return folder / "roles"


def settings(roles: Path, *changes: str) -> Any:
    return train_settings(Path("captioner-tiny"), [f"mixture.exports=[{roles}]", *SMALL, *changes])


def weights(out: Path, step: int) -> dict[str, Any]:
    return checkpoints.read(checkpoints.checkpoint_folder(out, step)).weights()


def test_a_captioner_resumes_exactly_and_says_what_it_learned_from(
    roles: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(settings(roles), tmp_path / "whole")
    train(settings(roles), tmp_path / "resumed")
    for step in (2, 3):  # as if it had been killed after the first step
        folder = checkpoints.checkpoint_folder(tmp_path / "resumed", step)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    result = train(settings(roles), tmp_path / "resumed")
    assert (result.resumed_from, result.steps) == (1, 3)
    one, other = weights(tmp_path / "whole", 3), weights(tmp_path / "resumed", 3)
    assert all(torch.equal(one[name], other[name]) for name in one)
    model = merge(tmp_path / "whole", tmp_path / "model")
    card = (model / "README.md").read_text("utf-8")
    assert "| sliding | 52% | 2 | " in card
    assert "| opening | 18% | 1 | " in card
    assert "asks it with the prompts it knows: `brief`" in card
    assert '"frames_apart": false' in (model / "captioner.json").read_text("utf-8")
    open_model(f"hf:{model}", prompts=prompt_set("default"))
    assert "was trained with the prompts brief, not default" in caplog.text
    caplog.clear()
    vlm = open_model(f"hf:{model}", prompts=prompt_set("brief"), max_tokens=2)
    assert not caplog.text
    video = next((roles.parent / "set" / "videos").glob("*.mp4"))
    told = caption(video, model=vlm, settings=caption_settings("brief"))
    assert settings_for(f"hf:{model}", None).prompts == settings_for(vlm, None).prompts == "brief"
    # Whether the detector takes a change of this scene for a cut is not for this test to say.
    assert len(told.steps) == 3


def test_another_mixture_is_another_run(roles: Path, tmp_path: Path) -> None:
    asked = settings(roles, "optimiser.max_steps=1")
    train(asked, tmp_path)
    changed = CliRunner().invoke(
        app, ["train", "captioner", "captioner-tiny", "--out", str(tmp_path), "--data", str(roles),
              *(part for change in (*SMALL, "optimiser.max_steps=1", "mixture.wrong_context=0.5")
                for part in ("--set", change))]
    )  # fmt: skip
    assert changed.exit_code == 2
    assert "mixture.wrong_context was 0.2, is 0.5" in " ".join(changed.stderr.split())


def test_a_run_goes_on_where_its_folder_was_moved(roles: Path, tmp_path: Path) -> None:
    train(settings(roles, "optimiser.max_steps=1"), tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert train(settings(roles, "optimiser.max_steps=1"), tmp_path / "there").resumed_from == 1


def test_preferences_leave_a_captioner_what_it_is(roles: Path, tmp_path: Path) -> None:
    """It is still asked with the prompts that it knows, and as it was."""
    base = save_captioner(tmp_path / "base")
    (base / "captioner.json").write_text(taught_text(["brief"], frames_apart=True), encoding="utf-8")
    few = ["optimiser.max_steps=1", "optimiser.global_batch=1", "grpo.answers=2", "grpo.max_new_tokens=2"]
    data = f"data.sources=[{{path: {roles / 'train.json'}}}]"
    train(train_settings(Path("preferences-tiny"), [f"model.base={base}", data, *few]), tmp_path / "run")
    done = CliRunner().invoke(app, ["train", "merge", str(tmp_path / "run"), "--out", str(tmp_path / "model")])
    assert done.exit_code == 0, done.output
    assert f"sg4v caption VIDEO --model hf:{tmp_path / 'model'}" in " ".join(done.stdout.split())
    assert (taught(str(tmp_path / "model")), taught_apart(str(tmp_path / "model"))) == ("brief", True)


def test_a_captioner_needs_a_mixture(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "captioner", "tiny", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "has no mixture" in " ".join(done.stderr.split())
