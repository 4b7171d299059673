"""What must end a run: a loss that is no number, nothing to learn from, labels that the model counts otherwise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from sharegpt4video.learning.errors import TrainingError
from sharegpt4video.learning.processes import Processes
from sharegpt4video.learning.schedule import Schedule
from sharegpt4video.lvlm.data.loader import Step
from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.settings import DataSource, TrainSettings
from sharegpt4video.lvlm.train.assemble import make_encoder, make_engine, make_loader, make_model
from sharegpt4video.lvlm.train.loop import Loop
from sharegpt4video.lvlm.train.run import _advice
from sharegpt4video.lvlm.train.speed import flops_of, lengths

Tiny = Callable[..., TrainSettings]


@pytest.fixture
def made(tiny: Tiny) -> tuple[Loop, Step]:
    return made_of(tiny())


def made_of(settings: TrainSettings) -> tuple[Loop, Step]:
    processes = Processes()
    model, groups = make_model(settings, processes)
    loader = make_loader(settings, make_encoder(settings), processes)
    loop = Loop(
        engine=make_engine(settings, model, groups, processes),
        processes=processes,
        schedule=Schedule([group["lr"] for group in groups], len(loader), 0.1),
        group_names=tuple(group["name"] for group in groups),
        total_steps=len(loader),
        flops=flops_of(settings, model),
        peak_flops=None,
        blank=loader.blank,
    )
    return loop, next(iter(loader))


def run(loop: Loop, step: Step) -> None:
    list(loop.run([step], lambda: False))


def weights(loop: Loop) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in loop.engine.trained.items()}


def test_a_loss_that_is_no_number_names_step_and_samples_and_changes_nothing(made: tuple[Loop, Step]) -> None:
    loop, step = made
    before = weights(loop)
    step.batches[1].inputs["pixel_values"][0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(TrainingError, match=r"step 1: the loss is not finite") as caught:
        run(loop, step)
    ids = [one for batch in step.batches for one in batch.ids]
    assert len(ids) == 4
    assert all(one in str(caught.value) for one in ids)
    assert all(torch.equal(before[name], p) for name, p in loop.engine.trained.items())


def test_gradients_that_are_no_numbers_change_nothing(made: tuple[Loop, Step]) -> None:
    loop, step = made
    before = weights(loop)
    next(iter(loop.engine.trained.values())).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match=r"step 1: the gradients are not finite"):
        run(loop, step)
    assert all(torch.equal(before[name], p) for name, p in loop.engine.trained.items())


def test_a_step_without_learned_tokens_is_refused(made: tuple[Loop, Step]) -> None:
    loop, step = made
    for batch in step.batches:
        batch.inputs["labels"].fill_(-100)
    with pytest.raises(TrainingError, match="no token of this step is learned"):
        run(loop, replace(step, loss_tokens=0))


def test_labels_that_the_model_does_not_count_are_not_passed_over(made: tuple[Loop, Step]) -> None:
    loop, step = made
    step.batches[0].inputs["labels"][0, -1] = -100
    wrong = f"of {step.loss_tokens} learned tokens in the data, the model counts {step.loss_tokens - 1}"
    with pytest.raises(TrainingError, match=wrong):
        run(loop, step)


def test_a_long_gradient_is_shortened_and_its_length_told(made: tuple[Loop, Step]) -> None:
    loop, step = made
    seen: list[float] = []

    def length(*_: object) -> None:
        grads = [p.grad for p in loop.engine.trained.values() if p.grad is not None]
        seen.append(float(torch.sqrt(sum((g.double() ** 2).sum() for g in grads))))  # type: ignore[arg-type]

    loop.engine.optimiser.register_step_pre_hook(length)
    report, _, _ = next(loop.run([step], lambda: False))
    assert report.gradient_norm > 1.0
    assert seen == pytest.approx([1.0], rel=1e-3)


def test_the_loss_is_the_mean_over_tokens_not_over_batches(made: tuple[Loop, Step]) -> None:
    loop, step = made
    step.batches[0].inputs["labels"][:, :-2] = -100
    learned = int(sum((batch.inputs["labels"] != -100).sum() for batch in step.batches))
    summed = 0.0
    with torch.no_grad():
        for batch in step.batches:
            model = loop.engine.module.model.get_base_model()
            inputs = {name: value for name, value in batch.inputs.items() if name != "labels"}
            scores = model(**inputs).logits.log_softmax(-1)  # transformers' own way to the scores
            labels = batch.inputs["labels"]
            for row, place in (labels[:, 1:] != -100).nonzero().tolist():
                summed -= float(scores[row, place, labels[row, place + 1]])
    report, _, _ = next(loop.run([replace(step, loss_tokens=learned)], lambda: False))
    assert report.loss == pytest.approx(summed / learned, rel=1e-5)


def test_only_the_time_that_samples_were_waited_for_is_data_stall(made: tuple[Loop, Step]) -> None:
    """Not what passes between two steps while a checkpoint is written."""
    loop, step = made
    steps = [replace(step, number=number, waited_seconds=1e-4 * number) for number in (1, 2)]
    reports = []
    for report, _, _ in loop.run(steps, lambda: False):
        reports.append(report)
        time.sleep(0.5)  # saving
    assert [one.data_stall * one.seconds for one in reports] == pytest.approx([1e-4, 2e-4])


@pytest.mark.parametrize("longest", [0.0, 0.1])
def test_a_step_is_that_of_a_plain_loop_of_transformers_and_torch(tiny: Tiny, longest: float) -> None:
    settings = tiny(
        tune__language="full", tune__language_rate=1e-3, optimiser__weight_decay=0.1, optimiser__max_grad_norm=longest
    )
    loop, step = made_of(settings)
    step.batches[0].inputs["labels"][:, :-2] = -100  # batches of unequal numbers of learned tokens
    counts = [int((batch.inputs["labels"] != -100).sum()) for batch in step.batches]
    model = build(settings.model, dtype=torch.float32, seed=settings.optimiser.seed)
    summed = torch.zeros(())
    for batch in step.batches:
        inputs = {name: value for name, value in batch.inputs.items() if name != "labels"}
        scores = model(**inputs).logits[:, :-1].flatten(0, 1)
        summed = summed + functional.cross_entropy(scores, batch.inputs["labels"][:, 1:].flatten(), reduction="sum")
    (summed / sum(counts)).backward()
    learning = {name: p for name, p in model.named_parameters() if p.grad is not None}
    norm = torch.nn.utils.clip_grad_norm_(learning.values(), longest or float("inf"))
    rates = {"projector": 1e-3, "vision_tower": 1e-4}
    share = loop.schedule.rates(0)[0] / 1e-3
    groups = [{"params": [p], "weight_decay": 0.1 if p.ndim > 1 else 0.0,
               "lr": share * next((rate for part, rate in rates.items() if part in name), 1e-3)}
              for name, p in learning.items()]  # fmt: skip
    torch.optim.AdamW(groups, eps=settings.optimiser.epsilon).step()
    gradients: dict[str, torch.Tensor] = {}
    trained = loop.engine.trained
    loop.engine.optimiser.register_step_pre_hook(
        lambda *_: gradients.update({name: p.grad.clone() for name, p in trained.items()})
    )
    report, _, _ = next(loop.run([replace(step, loss_tokens=sum(counts))], lambda: False))
    assert counts[0] != counts[1]
    assert trained.keys() == learning.keys()
    assert (report.loss, report.gradient_norm) == pytest.approx(
        (float(summed.detach()) / sum(counts), float(norm)), rel=1e-5
    )
    for name, p in learning.items():
        assert torch.allclose(gradients[name], p.grad, rtol=1e-4, atol=1e-6 * float(norm)), name
        # Adam makes a whole step of a gradient that is all rounding.
        told = p.grad.abs() > 1e-5 * p.grad.abs().max()
        assert torch.allclose(trained[name][told], p[told], atol=2e-5), name


def test_padding_is_calculated_but_not_needed(tiny: Tiny, conversations: Path, tmp_path: Path) -> None:
    """Else MFU would rise with the padding, which tokens per second do not."""
    samples = json.loads(conversations.read_text(encoding="utf-8"))
    for number, sample in enumerate(samples):
        sample["conversations"][1]["value"] += " and left" * number
    (tmp_path / "uneven.json").write_text(json.dumps(samples), encoding="utf-8")
    source = DataSource(str(tmp_path / "uneven.json"), media=str(conversations.parent))
    counted, padding = [], []
    for rows in (1, 4):
        loop, step = made_of(tiny(optimiser__micro_batch=rows, data__sources=(source,)))
        counted.append(loop.flops(step.batches))
        padding.append(sum(batch.padding for batch in step.batches))
    assert padding[0] == 0 < padding[1]
    assert counted[1].model == pytest.approx(counted[0].model)
    assert counted[1].hardware > counted[0].hardware


def test_lengths_of_examples_in_a_row() -> None:
    packed: dict[str, torch.Tensor] = {"position_ids": torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5]])}
    assert lengths(packed) == [3, 2, 1, 6]
    padded: dict[str, torch.Tensor] = {"attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]])}
    assert lengths(padded) == [2, 3]


def test_advice_for_too_little_memory_names_what_can_be_lowered(tiny: Tiny) -> None:
    said = "; ".join(_advice(tiny(data__packing=True, data__pack_tokens=4096, run__fused_loss=False)))
    for name in (
        "run.fused_loss",
        "optimiser.micro_batch (2)",
        "data.pack_tokens (4096)",
        "run.checkpointing",
        "fsdp2",
    ):
        assert name in said
    least = tiny(optimiser__micro_batch=1, run__checkpointing="full", run__sharding="fsdp2")
    assert _advice(least)[0] == "use more GPUs"
