"""Models of other kinds: their own positions, inputs by token and by picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")
pytest.importorskip("tokenizers")

import torch

import tiny_architectures as known
from sharegpt4video.learning.processes import Processes
from sharegpt4video.lvlm.preferences.drawing import Drawer
from sharegpt4video.lvlm.preferences.questions import QuestionEncoder, QuestionLoader, read_questions
from sharegpt4video.lvlm.preferences.rollouts import answer_of
from sharegpt4video.lvlm.settings import ModelSettings, TrainSettings
from sharegpt4video.lvlm.train import train
from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader, make_model

Make = Callable[..., TrainSettings]


KINDS = {"gemma3": known.save_gemma3, "idefics3": known.save_idefics3}
"""One that marks each token as seen or read, one that cuts pictures into any number of tiles."""


@pytest.fixture(scope="module", params=list(KINDS))
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    save: Callable[[Path], Path] = KINDS[request.param]
    return ModelSettings(base=str(save(tmp_path_factory.mktemp("base"))), attention="sdpa")


def test_pairs_are_learned(dpo: Make, other: ModelSettings, tmp_path: Path) -> None:
    train(replace(dpo(optimiser__epochs=1.0, data__max_tokens=4000), model=other), tmp_path)
    first, last = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines())
    assert first["loss"] == pytest.approx(0.6931, abs=1e-4)
    assert last["loss"] != first["loss"]


def test_what_is_drawn_is_what_a_row_of_its_own_says(grpo: Make, other: ModelSettings) -> None:
    """Greedily drawn, each token is the likeliest one in a row of its own, too: places and pictures are the same."""
    made = grpo(grpo__temperature=1e-3, grpo__answers=2, grpo__max_new_tokens=6, data__max_tokens=4000)
    settings = replace(made, model=other)
    assert settings.grpo is not None
    model, _ = make_model(settings, Processes())
    encoder = make_encoder(settings, QuestionEncoder)
    loader = make_loader(settings, encoder, Processes(), kind=QuestionLoader, read=read_questions)
    next(iter(loader))
    asked = list(loader.asked)
    drawn = Drawer(model, settings.grpo, encoder.pad_id, encoder.never_said).draw(asked, "0")
    for one, (answer, _) in zip(asked, drawn, strict=True):
        (batch,) = loader.batches_of([answer_of(one, answer, "x")])
        inputs = {name: value for name, value in batch.inputs.items() if name != "labels"}
        with torch.no_grad():
            scores = model(**inputs).logits[0, one.tokens - 1 : -1]
        scores[:, [*encoder.never_said, model.config.image_token_id]] = -torch.inf  # which nobody draws
        assert scores.argmax(-1).tolist() == answer.ids.tolist()


def test_answers_are_learned_from(grpo: Make, other: ModelSettings, tmp_path: Path) -> None:
    made = grpo(optimiser__epochs=1.0, grpo__answers=2, grpo__max_new_tokens=4, data__max_tokens=4000)
    assert train(replace(made, model=other), tmp_path).steps == 2
