"""The summed loss against plain cross-entropy: values, gradients, what it holds at once, packed rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from sharegpt4video.lvlm.model.loss import loss_of, summed_loss, with_summed_loss
from sharegpt4video.lvlm.model.parts import base_model, prepare
from sharegpt4video.lvlm.settings import RunSettings, TuneSettings

LORA = TuneSettings(lora_rank=4, lora_alpha=8, lora_dropout=0.0, vision="full")
FULL = TuneSettings(language="full", vision="full")


def plain_loss(hidden: Any, weight: Any, targets: Any) -> Any:
    return functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")


@pytest.mark.parametrize("at_once", [1, 37 * 5, 37 * 1000])
@pytest.mark.parametrize("head_learns", [True, False])
def test_loss_and_gradients_equal_those_of_plain_cross_entropy(at_once: int, head_learns: bool) -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(23, 16), torch.randn(37, 16)
    targets = torch.randint(0, 37, (23,))
    found = []
    for loss in (lambda h, w: summed_loss(h, w, targets, at_once), lambda h, w: plain_loss(h, w, targets)):
        mine, head = hidden.clone().requires_grad_(True), weight.clone().requires_grad_(head_learns)
        value = loss(mine, head)
        (value / 7).backward()
        found.append((value.detach(), mine.grad, head.grad))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-5)
    if head_learns:
        torch.testing.assert_close(found[0][2], found[1][2], rtol=1e-5, atol=1e-5)
    else:
        assert found[0][2] is None


def test_gradients_by_finite_differences() -> None:
    torch.manual_seed(1)
    hidden = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 4, dtype=torch.float64)
    targets = torch.tensor([0, 4, 2])
    # The loss itself is kept in 32 bits, so the steps are large and the tolerance is that of 32 bits.
    assert torch.autograd.gradcheck(lambda h: summed_loss(h, weight, targets, 10), (hidden,), eps=1e-2, atol=1e-3)


def test_without_a_learned_token_loss_and_gradient_are_zero() -> None:
    hidden = torch.randn(0, 16, requires_grad=True)
    loss = summed_loss(hidden, torch.randn(37, 16), torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0.0


class Largest(TorchDispatchMode):
    """The most numbers that any result had whose last side is that of the vocabulary."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary, self.numbers = vocabulary, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple) else (out,):
            if isinstance(one, torch.Tensor) and one.ndim and one.shape[-1] == self.vocabulary:
                self.numbers = max(self.numbers, one.numel())
        return out


def test_no_more_scores_are_held_than_asked_for() -> None:
    hidden, weight = torch.randn(640, 16, requires_grad=True), torch.randn(1009, 16)
    targets = torch.randint(0, 1009, (640,))
    with Largest(1009) as pieces:
        summed_loss(hidden, weight, targets, at_once=1009 * 40).backward()
    with Largest(1009) as whole:
        plain_loss(hidden, weight, targets).backward()
    assert pieces.numbers == 1009 * 40
    assert whole.numbers == 1009 * 640


@pytest.mark.parametrize("tune", [LORA, FULL], ids=["lora", "full"])
def test_the_fused_model_equals_the_plain_one(tiny: Any, example: Any, tune: TuneSettings) -> None:
    torch.manual_seed(5)
    model = prepare(tiny, tune, RunSettings(precision="fp32", checkpointing="none"))
    inputs = example()
    results = []
    for fused in (True, False):
        base_model(model).fused_loss = fused
        model.zero_grad()
        loss, count = loss_of(model, inputs)
        loss.backward()
        results.append(
            (loss.item(), count, {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad})
        )
    (mine, count, gradients), (plain, plain_count, plain_gradients) = results
    assert count == plain_count == 5  # A, red, circle, the full stop and the end of the turn
    assert mine == pytest.approx(plain, rel=1e-5)
    assert gradients.keys() == plain_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, plain_gradients[name], rtol=1e-4, atol=1e-5, msg=name)


def test_the_loss_is_that_of_transformers_itself(tiny: Any, example: Any) -> None:
    inputs = example()
    with torch.no_grad():
        mean = tiny(**inputs).loss
        with_summed_loss(tiny, fused=True, autocast=None)
        total, count = loss_of(tiny, inputs)
    assert (total / count).item() == pytest.approx(mean.item(), rel=1e-5)


def test_a_model_still_generates_and_keeps_its_name(tiny: Any, example: Any) -> None:
    inputs = {name: value for name, value in example().items() if name != "labels"}
    tiny.eval()
    before = tiny.generate(**inputs, max_new_tokens=4, do_sample=False)
    name = type(tiny).__name__
    with_summed_loss(tiny, fused=True, autocast=None)
    assert type(tiny).__name__ == name
    assert torch.equal(tiny.generate(**inputs, max_new_tokens=4, do_sample=False), before)


def test_examples_packed_in_one_row_do_not_see_each_other(tiny: Any, example: Any) -> None:
    with_summed_loss(tiny, fused=True, autocast=None)
    one, two = example("A red circle.", seed=1), example("Two blue squares move up.", size=(160, 90), seed=2)
    lengths = [sample["input_ids"].shape[1] for sample in (one, two)]
    packed = {name: torch.cat([one[name], two[name]], dim=1) for name in ("input_ids", "labels")}
    packed |= {name: torch.cat([one[name], two[name]]) for name in ("pixel_values", "image_sizes")}
    packed["position_ids"] = torch.cat([torch.arange(length) for length in lengths])[None]
    with torch.no_grad():
        apart = [loss_of(tiny, sample) for sample in (one, two)]
        together = loss_of(tiny, packed)
    assert together[1] == sum(count for _, count in apart)
    assert together[0].item() == pytest.approx(sum(loss.item() for loss, _ in apart), abs=1e-4)


def test_a_batch_of_texts_still_reaches_everything_that_learns(tiny: Any) -> None:
    model = prepare(tiny, LORA, RunSettings(precision="fp32", checkpointing="none"))
    ids = torch.tensor([[1, 20, 30, 40, 5]])
    loss, count = loss_of(model, {"input_ids": ids, "labels": ids.clone()})
    loss.backward()
    assert count == 4
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert [name for name, p in learning.items() if p.grad is None] == []
    assert all(not p.grad.any() for name, p in learning.items() if "lora_" not in name)
