"""Training on answers that the model draws itself: what is drawn, how it is judged, and that it can be stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sharegpt4video.errors import SettingsError
from sharegpt4video.learning.errors import TrainingError
from sharegpt4video.learning.processes import Processes
from sharegpt4video.lvlm.data.masks import IGNORED
from sharegpt4video.lvlm.preferences.drawing import Drawer, Drawn
from sharegpt4video.lvlm.preferences.judging import open_judge
from sharegpt4video.lvlm.preferences.questions import QuestionEncoder, QuestionExample, QuestionLoader, read_questions
from sharegpt4video.lvlm.preferences.rollouts import answer_of
from sharegpt4video.lvlm.preferences.scored import ScoredAnswers
from sharegpt4video.lvlm.preferences.settings import DpoSettings
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.lvlm.train import StepReport, train
from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader, make_model
from sharegpt4video.lvlm.train.transfer import inputs_of

Make = Callable[..., TrainSettings]
JUDGES = Path(__file__).parent / "judges.py"


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def figures(out: Path) -> list[tuple[float, ...]]:
    names = ("step", "loss", "gradient_norm", "reward", "kl", "clipped", "answer_tokens")
    return [tuple(line.get(name, 0.0) for name in names) for line in lines(out)]


def drawn_by(settings: TrainSettings, seed: str = "0 0") -> tuple[list[QuestionExample], list[list[Drawn]], Any]:
    processes = Processes()
    model, _ = make_model(settings, processes)
    encoder = make_encoder(settings, QuestionEncoder)
    loader = make_loader(settings, encoder, processes, kind=QuestionLoader, read=read_questions)
    next(iter(loader))
    asked = list(loader.asked)
    assert settings.grpo is not None
    return asked, Drawer(model, settings.grpo, encoder.pad_id, encoder.never_said).draw(asked, seed), model


def test_the_same_seed_draws_the_same_answers_whatever_was_drawn_before(grpo: Make) -> None:
    settings = grpo()
    torch.manual_seed(1)
    asked, first, _ = drawn_by(settings)
    never = make_encoder(settings, QuestionEncoder).never_said
    torch.manual_seed(2)
    _, again, _ = drawn_by(settings)
    _, other, _ = drawn_by(settings, "0 1")
    ids = [[[one.ids.tolist() for one in row] for row in found] for found in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert [len(row) for row in first] == [4] * len(asked)
    assert all(1 <= len(one.ids) <= 12 for row in first for one in row)
    assert not {token for row in first for one in row for token in one.ids.tolist()} & set(never)
    assert torch.initial_seed() == 2  # the run's own randomness is left alone


def test_a_question_ends_where_its_answer_begins(grpo: Make) -> None:
    asked, drawn, _ = drawn_by(grpo())
    one, answer = asked[0], drawn[0][0]
    assert one.question.answer.startswith("The ")
    assert one.question.plain["id"] in one.id
    assert (one.labels == IGNORED).all()
    made = answer_of(one, answer, "x")
    assert made.loss_tokens == len(answer.ids)
    assert made.input_ids.tolist() == one.input_ids.tolist() + answer.ids.tolist()


def test_answers_are_as_likely_in_training_as_when_they_are_drawn(grpo: Make) -> None:
    """Padding in front and a cache there, rows of their own here: the model must say the same."""
    settings = grpo(grpo__temperature=0.7)
    asked, drawn, model = drawn_by(settings)
    assert settings.grpo is not None
    scored = ScoredAnswers(model, settings.grpo)
    loader = make_loader(settings, make_encoder(settings, QuestionEncoder), Processes(), kind=QuestionLoader,
                         read=read_questions)  # fmt: skip
    for one, answers in zip(asked[:2], drawn, strict=False):
        for answer in answers[:2]:
            (batch,) = loader.batches_of([answer_of(one, answer, "x")])
            with torch.no_grad():
                found = scored.log_probs(inputs_of(batch, torch.device("cpu")))
                rows = loader.batches_of([answer_of(one, answer, "x")])[0].inputs
                whole = {name: rows[name] for name in ("input_ids", "pixel_values", "image_sizes", "attention_mask")}
                scores = model(**whole).logits[0, one.tokens - 1 : -1].float() / 0.7
            wanted = torch.log_softmax(scores, -1).gather(1, answer.ids[:, None])[:, 0]
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_greedy_answers_are_those_of_the_model_alone(grpo: Make) -> None:
    """Of several questions together, each is answered as if it were alone."""
    settings = grpo(grpo__temperature=1e-4, grpo__answers=2)
    asked, drawn, model = drawn_by(settings)
    for one, answers in zip(asked, drawn, strict=True):
        inputs = {"input_ids": one.input_ids[None], "attention_mask": torch.ones(1, one.tokens, dtype=torch.long)}
        pixels = {"pixel_values": one.pixel_values[0][None], "image_sizes": torch.tensor(one.image_sizes)}
        model.eval()
        never = make_encoder(settings, QuestionEncoder).never_said
        alone = model.generate(**inputs, **pixels, do_sample=False, max_new_tokens=12, suppress_tokens=sorted(never))
        alone = alone[0, one.tokens :]
        for answer in answers:
            assert answer.ids.tolist() == alone[: len(answer.ids)].tolist()


def test_how_the_base_would_write_decides_nothing(grpo: Make) -> None:
    """A penalty of its own would change what is drawn, and not the probabilities that are learned from."""
    settings = grpo()
    asked, wanted, model = drawn_by(settings)
    own = model.get_base_model().generation_config
    own.update(repetition_penalty=9.0, min_new_tokens=12, num_beams=2)
    encoder = make_encoder(settings, QuestionEncoder)
    found = Drawer(model, settings.grpo, encoder.pad_id, encoder.never_said).draw(asked, "0 0")
    ids = [[[one.ids.tolist() for one in row] for row in rows] for rows in (wanted, found)]
    assert ids[0] == ids[1]
    assert model.get_base_model().generation_config is own
    own.eos_token_id = None
    with pytest.raises(SettingsError, match="no token ends an answer"):
        Drawer(model, settings.grpo, encoder.pad_id)


def test_the_reward_rises(grpo: Make, tmp_path: Path) -> None:
    learning = {"tune__language": "full", "tune__language_rate": 1e-2, "optimiser__micro_batch": 32}
    settings = grpo(optimiser__epochs=4.0, grpo__answers=6, grpo__beta=0.0, grpo__max_new_tokens=4, **learning)
    train(settings, tmp_path)
    rewards = [line["reward"] for line in lines(tmp_path)]
    assert sum(rewards[-3:]) > 1.5 * sum(rewards[:3])
    assert lines(tmp_path)[0]["letters"] == rewards[0]


@pytest.mark.parametrize(
    "changes",
    [{"grpo__updates": 2}, {"tune__language": "full", "tune__language_rate": 1e-3}],
    ids=["adapters", "full"],
)
def test_a_run_that_was_stopped_ends_with_the_same_bits(grpo: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    class Stop(Exception):
        pass

    def stop(report: StepReport) -> None:
        if report.step == 3:
            raise Stop

    epochs = 2.0 / changes.get("grpo__updates", 1)
    settings = grpo(**changes, optimiser__epochs=epochs, grpo__answers=2, grpo__max_new_tokens=4)
    train(settings, tmp_path / "whole")
    with pytest.raises(Stop):
        train(settings, tmp_path / "stopped", on_step=stop)
    assert train(settings, tmp_path / "stopped").resumed_from == 2
    assert figures(tmp_path / "stopped") == figures(tmp_path / "whole")
    name = sorted(path.name for path in (tmp_path / "whole" / "checkpoints").iterdir() if path.is_dir())[-1]
    ends = [
        (tmp_path / run / "checkpoints" / name / "weights.safetensors").read_bytes() for run in ("whole", "stopped")
    ]
    assert ends[0] == ends[1]


def test_another_number_of_processes_is_said_to_draw_others(grpo: Make, tmp_path: Path) -> None:
    few = {"grpo__answers": 2, "grpo__max_new_tokens": 2, "run__save_every_steps": 1}
    train(grpo(**few, optimiser__max_steps=1), tmp_path)
    state = tmp_path / "checkpoints" / "step-000001" / "state.json"
    state.write_text(state.read_text(encoding="utf-8").replace('"processes": 1', '"processes": 2'), encoding="utf-8")
    said: list[str] = []
    train(grpo(**few, optimiser__max_steps=1), tmp_path, on_note=said.append)
    assert any("2 processes drew answers before, now 1 do" in text for text in said)


def test_answers_are_learned_from_as_often_as_asked_for(grpo: Make, tmp_path: Path) -> None:
    train(grpo(grpo__updates=2, optimiser__epochs=1.0, grpo__answers=2, grpo__max_new_tokens=4), tmp_path)
    told = lines(tmp_path)
    assert ["reward" in line for line in told] == [True, False, True, False]
    assert told[0]["kl"] == pytest.approx(0.0, abs=1e-6)
    assert told[1]["kl"] > 1e-6  # it has moved between the two
    assert [line["samples"] for line in told] == [4] * 4


def test_settings_that_cannot_go_on_after_a_stop_are_refused(grpo: Make) -> None:
    with pytest.raises(SettingsError, match=r"run\.save_every_steps \(2\) must be a multiple of grpo\.updates"):
        grpo(grpo__updates=3)
    with pytest.raises(SettingsError, match="cannot draw answers"):
        grpo(run__sharding="fsdp2")
    with pytest.raises(SettingsError, match="two ways to train"):
        replace(grpo(), dpo=DpoSettings())
    with pytest.raises(SettingsError, match=r"grpo\.judge names"):
        grpo(grpo__judge="nowhere")


@pytest.mark.parametrize(
    ("place", "options", "why"),
    [
        ("no.such.module:Judge", {}, "cannot be imported"),
        ("none.py:Judge", {}, "no file"),
        (f"{JUDGES}:Nobody", {}, "has no 'Nobody'"),
        (f"{JUDGES}:Length", {"word": "e"}, "do not fit"),
    ],
)
def test_a_judge_that_is_not_there_is_named(place: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        open_judge(place, options)


@pytest.mark.parametrize(
    ("name", "why"), [("too_few", "3 verdicts on 4 answers"), ("not_a_number", "no finite number")]
)
def test_a_judge_that_does_not_judge_ends_the_run(grpo: Make, tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(TrainingError, match=why):
        train(grpo(grpo__judge=f"{JUDGES}:{name}"), tmp_path)
