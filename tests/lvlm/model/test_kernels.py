"""Samples that share a row learn what they learn alone, by every kernel; what kernels are handed; nobody waits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import flex_attention as torch_flex
from torch.utils._python_dispatch import TorchDispatchMode

import fake_flash_attn
from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.model.loss import learned_places, loss_of
from sharegpt4video.lvlm.model.parts import prepare
from sharegpt4video.lvlm.model.sequences import BLOCK, Sequences
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TuneSettings

TINY = ModelSettings(shape="tiny", random_weights=True)
FLASH = ("flash_attention_3", "flash_attention_2", "varlen")
LENGTHS = ((40, 1, 90, 19), (70, 80))
FULL = TuneSettings(language="full", projector="full", vision="frozen")
PLAIN = RunSettings(precision="fp32", checkpointing="none")
CPU = torch.device("cpu")


@pytest.fixture
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of kernel that runs here: those of FlashAttention stood in for, FlexAttention not compiled."""
    kind: str = request.param
    if kind in FLASH:
        fake_flash_attn.install(monkeypatch, kind)
    if kind == "flex_attention":
        from transformers.integrations import flex_attention

        # torch runs it on a CPU by definition, one score at a time, but lets no one train by that.
        monkeypatch.setattr(torch_flex, "_validate_device", lambda *_: None)
        monkeypatch.setattr(
            flex_attention, "compile_friendly_flex_attention",
            lambda *qkv, training, **options: torch_flex.flex_attention(*qkv, **options),  # noqa: ARG005
        )  # fmt: skip
    return kind


def packed(device: torch.device = CPU) -> dict[str, Any]:
    """Two rows of several samples without pictures, of 150 tokens each."""
    source = torch.Generator().manual_seed(1)
    ids = torch.randint(10, 200, (len(LENGTHS), sum(LENGTHS[0])), generator=source)
    positions = torch.stack([torch.cat([torch.arange(one) for one in row]) for row in LENGTHS])
    labels = ids.masked_fill(positions < 3, -100)
    labels[positions == 0] = -100
    inputs = {"input_ids": ids, "labels": labels, "position_ids": positions, "learned": learned_places(labels)}
    return {name: value.to(device) for name, value in inputs.items()}


def alone(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The same samples, each in a row of its own and with nothing but its tokens."""
    found = []
    for row, lengths in enumerate(LENGTHS):
        begin = 0
        for length in lengths:
            cut = slice(begin, begin + length)
            found.append({name: inputs[name][row : row + 1, cut] for name in ("input_ids", "labels")})
            begin += length
    return found


def learned(model: Any, batches: list[dict[str, Any]], precision: str) -> tuple[float, dict[str, Any]]:
    """The summed loss and the gradients of some batches."""
    run = RunSettings(precision=precision, checkpointing="none")  # type: ignore[arg-type]
    prepared = prepare(model, FULL, run)
    loss = sum((loss_of(prepared, batch)[0] for batch in batches), start=torch.zeros(()))
    loss.backward()
    return loss.item(), {name: p.grad for name, p in prepared.named_parameters() if p.grad is not None}


@cache
def truth_of(precision: str) -> tuple[float, dict[str, Any]]:
    """By transformers' own eager arithmetic, sample by sample."""
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    return learned(build(TINY, dtype=dtype, attention="eager"), alone(packed()), precision)


@pytest.mark.parametrize(
    ("kernel", "precision", "limit"),
    [
        *((kind, "fp32", 1e-4) for kind in (*FLASH, "flex_attention", "sdpa")),
        *((kind, "bf16", 3e-2) for kind in ("varlen", "flex_attention")),
    ],
    indirect=["kernel"],
)
def test_samples_that_share_a_row_learn_what_they_learn_alone(kernel: str, precision: str, limit: float) -> None:
    """In 16 bits, queries and keys come from the rotation in 32."""
    inputs = packed()
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    truth, slopes = truth_of(precision)
    model = build(TINY, dtype=dtype, attention=kernel)  # type: ignore[arg-type]
    given = {**inputs, "sequences": Sequences(LENGTHS, CPU)}
    loss, found = learned(model, [given], precision)
    assert loss == pytest.approx(truth, rel=limit / 10)
    assert found.keys() == slopes.keys()
    for name, slope in slopes.items():
        assert (found[name] - slope).norm() <= limit * max(slope.norm(), 1e-3), name


@pytest.mark.parametrize("kernel", [*FLASH, "sdpa"], indirect=True)
def test_a_caller_who_only_gives_positions_gets_the_same(kernel: str) -> None:
    inputs = packed()
    model = build(TINY, dtype=torch.float32, attention=kernel)  # type: ignore[arg-type]
    with torch.no_grad():
        shown = {name: inputs[name] for name in ("input_ids", "position_ids")}
        scores = model(**shown, use_cache=False).logits
        said = model(**shown, sequences=Sequences(LENGTHS, CPU), use_cache=False).logits
        first = model(input_ids=inputs["input_ids"][1:, :70], use_cache=False).logits
    assert torch.equal(scores, said)
    torch.testing.assert_close(scores[1:, :70], first, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", FLASH)
def test_flash_attention_is_told_where_samples_begin_and_nothing_else(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fake_flash_attn.install(monkeypatch, kind)
    sequences = Sequences(LENGTHS, CPU)
    model = build(TINY, dtype=torch.float32, attention=kind)  # type: ignore[arg-type]
    loss_of(prepare(model, FULL, RunSettings(precision="fp32")), {**packed(), "sequences": sequences})
    assert len(calls) == model.config.text_config.num_hidden_layers
    assert all(call.starts is sequences.starts for call in calls), "made once for all layers"
    assert sequences.starts.tolist() == [0, 40, 41, 131, 150, 220, 300]
    assert {call.longest for call in calls} == {90}


@pytest.mark.parametrize("kind", [*FLASH, "sdpa"])
def test_no_layer_waits_for_the_device(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device without memory, whoever asks for a number of a tensor fails."""
    meta = torch.device("meta")
    if kind in FLASH:
        fake_flash_attn.install(monkeypatch, kind)
    model = prepare(build(TINY, device=meta, attention=kind), FULL, replace(PLAIN, fused_loss=False))  # type: ignore[arg-type]
    inputs = {**{name: value.to(meta) for name, value in packed().items()}, "sequences": Sequences(LENGTHS, meta)}
    loss, count = loss_of(model, inputs)
    loss.backward()
    assert count == len(inputs["learned"])
    del inputs["sequences"]
    with pytest.raises((RuntimeError, NotImplementedError)):
        loss_of(model, inputs)


class _Largest(TorchDispatchMode):  # type: ignore[misc]
    """Looks for tensors with two sides as long as the row."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, self.found = side, []  # type: ignore[var-annotated]

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and sum(side >= self.side for side in result.shape[-2:]) == 2:
            self.found.append((str(operation), tuple(result.shape)))
        return result


@pytest.mark.parametrize(("kind", "dense"), [("sdpa", False), ("eager", True)])
def test_nothing_of_tokens_by_tokens_is_made(kind: Any, dense: bool) -> None:
    model = prepare(build(TINY, dtype=torch.float32, attention=kind), FULL, RunSettings(precision="fp32"))
    inputs = {**packed(), "sequences": Sequences(LENGTHS, CPU)}
    with _Largest(150) as seen:
        loss_of(model, inputs)[0].backward()
    masks = [shape for _, shape in seen.found if shape[-1] == shape[-2] == 150]
    assert bool(masks) is dense, masks


def test_padding_at_the_end_of_a_row_changes_nothing() -> None:
    model = build(TINY, dtype=torch.float32)
    ids = torch.randint(10, 200, (2, 30), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    mask[1, 18:] = 0
    with torch.no_grad():
        both = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        short = model(input_ids=ids[1:, :18], use_cache=False).logits
    torch.testing.assert_close(both[1:, :18], short, rtol=0, atol=1e-5)


def test_a_model_made_for_training_writes_one_text_as_before_and_refuses_several() -> None:
    """Of several texts it would see the padding before them."""
    ids = torch.randint(10, 200, (1, 9), generator=torch.Generator().manual_seed(3))
    mine, theirs = (build(TINY, dtype=torch.float32, attention=kind) for kind in ("sdpa", "eager"))
    written = [model.generate(input_ids=ids, max_new_tokens=6, do_sample=False) for model in (mine, theirs)]
    assert torch.equal(*written)
    with pytest.raises(ValueError, match="one text at a time"):
        mine.generate(input_ids=ids.expand(2, -1), max_new_tokens=2)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(1, 200), min_size=1, max_size=5), min_size=1, max_size=3))
def test_the_blocks_are_those_that_the_mask_itself_has(rows: list[list[int]]) -> None:
    """Held against torch's own way, which looks at every pair of tokens."""
    width = max(map(sum, rows))
    lengths = tuple((*row, width - sum(row)) if sum(row) < width else tuple(row) for row in rows)
    mine = Sequences(lengths, CPU).block_mask
    filled = -(-width // BLOCK) * BLOCK
    numbers = torch.full((len(rows), filled), 99)
    for at, row in enumerate(lengths):
        numbers[at, :width] = torch.repeat_interleave(torch.arange(len(row)), torch.tensor(row))

    def sees(row: Any, _head: Any, query: Any, key: Any) -> Any:
        return (query >= key) & (numbers[row, query] == numbers[row, key])

    theirs = torch_flex.create_block_mask(sees, len(rows), None, filled, filled, device="cpu")
    assert torch.equal(mine.to_dense(), theirs.to_dense())
    pairs = [(mine.kv_num_blocks, theirs.kv_num_blocks), (mine.full_kv_num_blocks, theirs.full_kv_num_blocks)]
    # Blocks of the filling alone may be whole there and partial here, on the diagonal; others must agree.
    for own, other in pairs:
        assert own.shape == other.shape
    dense = torch_flex.create_mask(mine.mask_mod, len(rows), None, filled, filled, device="cpu")
    blocks = dense.unflatten(-1, (-1, BLOCK)).unflatten(-3, (-1, BLOCK)).float().mean(dim=(-3, -1))
    assert torch.equal(mine.to_dense() > 0, blocks > 0)
    whole = torch.zeros_like(blocks, dtype=torch.bool)
    for row in range(len(rows)):
        for query, count in enumerate(mine.full_kv_num_blocks[row, 0].tolist()):
            whole[row, 0, query, mine.full_kv_indices[row, 0, query, :count].long()] = True
    assert torch.equal(whole, blocks == 1)
