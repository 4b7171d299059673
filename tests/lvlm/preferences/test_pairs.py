"""Training on pairs: what it learns, that nothing but rounding depends on how it runs, and that it can be stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.learning.processes import Processes
from sharegpt4video.lvlm.data.samples import SampleError
from sharegpt4video.lvlm.preferences.pairs import KEY_BYTES, PairEncoder, PairExample, PairLoader, read_pairs
from sharegpt4video.lvlm.preferences.reference import _read
from sharegpt4video.lvlm.preferences.scored import ScoredPairs, with_first_weights, without_dropout
from sharegpt4video.lvlm.settings import DataSource, TrainSettings
from sharegpt4video.lvlm.train import StepReport, train
from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader, make_model
from sharegpt4video.lvlm.train.transfer import inputs_of

Make = Callable[..., TrainSettings]


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def figures(out: Path) -> list[tuple[float, ...]]:
    names = ("step", "loss", "gradient_norm", "reward_chosen", "margin", "accuracy")
    return [tuple(line[name] for name in names) for line in lines(out)]


def weights(out: Path) -> bytes:
    return (out / "checkpoints" / "step-000004" / "weights.safetensors").read_bytes()


class Stop(Exception):
    pass


def stopping_after(step: int) -> Callable[[StepReport], None]:
    def stop(report: StepReport) -> None:
        if report.step == step:
            raise Stop

    return stop


def test_the_right_answer_becomes_the_likelier_one(dpo: Make, tmp_path: Path) -> None:
    train(dpo(optimiser__epochs=6.0), tmp_path)
    first, *_, last = lines(tmp_path)
    assert first["loss"] == pytest.approx(0.6931, abs=1e-4)  # of two equals
    assert first["margin"] == 0.0
    assert last["accuracy"] == 1.0
    assert last["margin"] > 0.1
    assert last["loss"] < first["loss"]


@pytest.mark.parametrize("full", [False, True], ids=["adapters", "full"])
def test_a_run_that_was_stopped_ends_with_the_same_bits(dpo: Make, tmp_path: Path, full: bool) -> None:
    settings = dpo(tune__language="full", tune__language_rate=1e-3) if full else dpo()
    train(settings, tmp_path / "whole")
    with pytest.raises(Stop):
        train(settings, tmp_path / "stopped", on_step=stopping_after(3))
    result = train(settings, tmp_path / "stopped")
    assert result.resumed_from == 2
    assert figures(tmp_path / "stopped") == figures(tmp_path / "whole")
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")
    assert (tmp_path / "whole" / "reference.safetensors").exists() == full


def test_packing_and_batches_change_rounding_alone(dpo: Make, tmp_path: Path) -> None:
    train(dpo(dpo__sft_weight=0.5), tmp_path / "one")
    train(dpo(dpo__sft_weight=0.5, optimiser__micro_batch=1, data__packing=True), tmp_path / "other")
    for one, other in zip(figures(tmp_path / "one"), figures(tmp_path / "other"), strict=True):
        assert one == pytest.approx(other, abs=2e-4)


def test_without_adapters_the_model_is_what_it_was(dpo: Make) -> None:
    """What is kept of the first weights gives what turning adapters off gives."""
    settings, processes = dpo(), Processes()
    model, _ = make_model(settings, processes)
    without_dropout(model)
    scored = ScoredPairs(model, settings.dpo)
    before = with_first_weights(model)
    loader = make_loader(settings, make_encoder(settings, PairEncoder), processes, kind=PairLoader, read=read_pairs)
    inputs = inputs_of(next(iter(loader)).batches[0], processes.device)
    with torch.no_grad():
        first = scored.log_probs(inputs)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.1
        assert not torch.allclose(scored.log_probs(inputs), first)
        with scored.as_before():
            assert torch.equal(scored.log_probs(inputs), first)
        with before():
            assert torch.equal(scored.log_probs(inputs), first)


def test_the_reference_of_another_model_is_refused(dpo: Make, tmp_path: Path) -> None:
    settings = dpo(tune__language="full", optimiser__max_steps=1)
    train(settings, tmp_path)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="another model"):
        train(dpo(tune__language="full", optimiser__max_steps=1, optimiser__seed=1), tmp_path)
    train(dpo(tune__language="full", optimiser__max_steps=1, optimiser__seed=1), tmp_path, resume=False)


def test_pairs_that_cannot_be_used_are_named(pairs: Path, tmp_path: Path) -> None:
    good = json.loads(pairs.read_text(encoding="utf-8").splitlines()[0])
    wrong = [
        {**good, "rejected": good["chosen"]},
        {**good, "chosen": []},
        {**good, "images": ["0.png", "1.png"], "prompt": [{"role": "user", "content": [{"type": "text"}]}]},
        {**good, "prompt": [{"role": "assistant", "content": "What?"}]},
        {**good, "prompt": [{"role": "user", "content": "<image>What?"}]},
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [good, *wrong]), encoding="utf-8")
    found = read_pairs(DataSource(str(path), str(pairs.parent)))
    assert found[0].turns[1].text != found[0].rejected.turns[1].text  # type: ignore[attr-defined]
    said = [str(one) for one in found.problems()]
    assert [text for text in said if "is the rejected one" in text or "'chosen'" in text or "must be a text" in text]
    assert "spells out <image>" in said[-1]
    assert len(said) == len(wrong)


def test_another_kind_of_file_is_refused(questions: Path) -> None:
    with pytest.raises(SettingsError, match="no 'prompt'"):
        read_pairs(DataSource(str(questions)))


def test_one_picture_may_be_called_image(pairs: Path, tmp_path: Path) -> None:
    line = json.loads(pairs.read_text(encoding="utf-8").splitlines()[0])
    line["image"] = line.pop("images")[0]
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(line), encoding="utf-8")
    pair = read_pairs(DataSource(str(path), str(pairs.parent)))[0]
    assert (Path(pair.images[0]).name, pair.turns[0].places) == ("0.png", 1)


def test_of_a_longer_conversation_the_last_answers_are_compared(dpo: Make, pairs: Path, tmp_path: Path) -> None:
    """What the model said before is part of the question, as in TRL."""
    line = json.loads(pairs.read_text(encoding="utf-8").splitlines()[0])
    encoder = make_encoder(dpo(), PairEncoder)
    counts = []
    for prompt in (line["prompt"], [*line["prompt"], {"role": "assistant", "content": "There."}, *line["prompt"]]):
        path = tmp_path / f"{len(prompt)}.jsonl"
        path.write_text(json.dumps({**line, "prompt": prompt}), encoding="utf-8")
        pair = encoder.encode(read_pairs(DataSource(str(path), str(pairs.parent)))[0])
        assert isinstance(pair, PairExample)
        counts.append((pair.chosen.loss_tokens, pair.rejected.loss_tokens))
    assert counts[0] == counts[1]


def test_no_kind_of_dropout_is_left(dpo: Make) -> None:
    settings = dpo()
    model, _ = make_model(settings, Processes())
    for module in model.modules():
        if "attention_dropout" in vars(module):
            module.attention_dropout = 0.5
    without_dropout(model)
    loader = make_loader(settings, make_encoder(settings, PairEncoder), Processes(), kind=PairLoader, read=read_pairs)
    inputs, scored = next(iter(loader)).batches[0].inputs, ScoredPairs(model.train(), settings.dpo)
    with torch.no_grad():
        assert torch.equal(scored.log_probs(inputs), scored.log_probs(inputs))


def test_a_prompt_may_bring_its_system_text(pairs: Path, tmp_path: Path) -> None:
    line = json.loads(pairs.read_text(encoding="utf-8").splitlines()[0])
    line["prompt"].insert(0, {"role": "system", "content": "Be brief."})
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(line), encoding="utf-8")
    pair = read_pairs(DataSource(str(path), str(pairs.parent)))[0]
    assert (pair.system, pair.turns[0].places) == ("Be brief.", 1)


def test_a_missing_picture_is_told_once(pairs: Path, dpo: Make, tmp_path: Path) -> None:
    line = json.loads(pairs.read_text(encoding="utf-8").splitlines()[0])
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({**line, "images": ["none.png"]}), encoding="utf-8")
    encoder = make_encoder(dpo(), PairEncoder)
    with pytest.raises(SampleError, match=r"none\.png"):
        encoder.encode(read_pairs(DataSource(str(path), str(pairs.parent)))[0])


def test_a_reference_that_is_none_is_told(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path, key = tmp_path / "reference.safetensors", torch.zeros(1, KEY_BYTES, dtype=torch.uint8)
    true = {"keys": key, "log_probs": torch.zeros(1, 2)}
    save_file(true, path, {"made_by": "us"})
    assert list(_read(path, "us")) == [bytes(KEY_BYTES)]
    for wrong in ({"keys": key.float()}, {"keys": key[0]}, {"log_probs": torch.zeros(2, 2)},
                  {"log_probs": torch.full((1, 2), torch.nan)}, {"log_probs": torch.zeros(())}):  # fmt: skip
        save_file({**true, **wrong}, path, {"made_by": "us"})
        with pytest.raises(StorageError, match="is damaged; delete it"):
            _read(path, "us")


def test_a_pair_that_the_reference_does_not_know_is_named(dpo: Make) -> None:
    settings, processes = dpo(), Processes()
    loader = make_loader(settings, make_encoder(settings, PairEncoder), processes, kind=PairLoader, read=read_pairs)
    loader.reference = {}
    with pytest.raises(StorageError, match="does not know this pair"):
        next(iter(loader))
