"""Rows of several samples must be worth exactly what the samples are worth alone, on a small random LLaVA-NeXT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_models  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder, Example  # noqa: E402
from sharegpt4video.lvlm.data.packing import Batch, collate, pack  # noqa: E402
from sharegpt4video.lvlm.data.samples import read_samples  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, DataSource  # noqa: E402

PAD = tiny_models.byte_tokenizer().pad_token_id


def empty(tokens: int, media: int = 0, name: str = "x") -> Example:
    ids = torch.zeros(tokens, dtype=torch.long)
    return Example(name, ids, ids - 100, media=media)


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 5)), max_size=30))
def test_rows_hold_every_example_once_and_keep_the_limits(sizes: list[tuple[int, int]]) -> None:
    examples = [empty(tokens, media, str(number)) for number, (tokens, media) in enumerate(sizes)]
    rows = pack(examples, 100, 4)
    assert sorted(int(example.id) for row in rows for example in row) == list(range(len(sizes)))
    for row in rows:
        assert sum(example.tokens for example in row) <= 100
        assert sum(example.media for example in row) <= 4 or len(row) == 1
        assert [int(example.id) for example in row] == sorted(int(example.id) for example in row)
    assert rows == pack(examples, 100, 4)


def test_the_best_fit_is_found_where_the_first_fit_fails() -> None:
    # First fit in the order given: [50, 30], [60, 20], [70], [30], ...
    sizes = [50, 30, 60, 20, 70, 40, 30]
    rows = pack([empty(size) for size in sizes], 100, 9)
    assert sorted(sorted(example.tokens for example in row) for row in rows) == [[20, 30, 50], [30, 70], [40, 60]]


@pytest.fixture(scope="module")
def model() -> Any:
    made = transformers.LlavaNextForConditionalGeneration(tiny_models.llava_next_config(tiny_models.byte_tokenizer()))
    tiny_models.shake(made, deviation=0.15)
    return made.eval()


@pytest.fixture
def examples(processor: Any, conversations: Callable[..., Path]) -> list[Example]:
    """Pictures of several shapes, one text alone, one sample with two pictures."""
    asked = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]
    two = [{"from": "human", "value": "<image><image>Both?"}, {"from": "gpt", "value": "Yes, both."}]
    path = conversations(
        7, at2={"image": None, "conversations": asked},
        at4={"image": ["train.json-0.png", "train.json-1.png"], "conversations": two},
    )  # fmt: skip
    Image.new("RGB", (90, 28), "teal").save(path.parent / "train.json-5.png")
    encoder = Encoder(processor, DataSettings(max_tokens=400))
    made = [encoder.encode(sample) for sample in read_samples(DataSource(str(path)))]
    assert len({len(tiles) for example in made for tiles in example.pixel_values}) > 1, "all have as many tiles"
    return made


def losses(model: Any, batch: Batch) -> dict[str, Any]:
    """The loss of every learned token, by sample."""
    inputs = dict(batch.inputs)
    labels = inputs.pop("labels")
    logits = model(**inputs, use_cache=False).logits
    each = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="none", ignore_index=-100
    )
    marks = inputs["position_ids"] if "position_ids" in inputs else inputs["attention_mask"].cumsum(-1) - 1
    found, at = {}, -1
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            if int(marks[row, column]) == 0 and int(inputs["input_ids"][row, column]) != PAD:
                at += 1
            if column and int(labels[row, column]) != -100:
                found.setdefault(batch.ids[at], []).append(each[row, column - 1])
    return {name: torch.stack(values) for name, values in found.items()}


def alone(model: Any, examples: Sequence[Example]) -> dict[str, Any]:
    return {name: value for example in examples for name, value in losses(model, collate([[example]], 0, True)).items()}


def gradients(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    model.zero_grad()
    (sum(value.sum() for value in values.values()) / sum(len(value) for value in values.values())).backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("rows", "one_row"), [(1, True), (3, True), (3, False)])
def test_packed_samples_lose_what_they_lose_alone(
    model: Any, examples: list[Example], attention: str, rows: int, one_row: bool
) -> None:
    model.set_attn_implementation(attention)
    mixed = [examples[at] for at in (4, 0, 6, 2, 5, 1, 3)]
    packed = [mixed] if rows == 1 else [mixed[:3], mixed[3:4], mixed[4:]]
    batch = collate(packed, PAD, True, one_row=one_row)
    assert len(batch.inputs["input_ids"]) == (1 if one_row else rows)
    wanted, found = alone(model, examples), losses(model, batch)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5)
    slopes = gradients(model, found)
    for name, value in gradients(model, wanted).items():
        torch.testing.assert_close(slopes[name], value, rtol=0, atol=1e-5)


def test_padded_samples_lose_what_they_lose_alone(model: Any, examples: list[Example]) -> None:
    model.set_attn_implementation("sdpa")
    batch = collate([[example] for example in examples], PAD, False)
    assert batch.padding == batch.inputs["input_ids"].numel() - sum(example.tokens for example in examples) > 0
    for name, value in alone(model, examples).items():
        torch.testing.assert_close(losses(model, batch)[name], value, rtol=0, atol=1e-5)


def test_a_sample_does_not_see_its_neighbour(model: Any, examples: list[Example]) -> None:
    model.set_attn_implementation("sdpa")
    first, second, third = examples[:3]
    other = replace(first, input_ids=first.input_ids.roll(3), pixel_values=(first.pixel_values[0] * -2,))
    one = model(**collate([[first, second, third]], 0, True).inputs, use_cache=False).logits
    two = model(**collate([[other, second, third]], 0, True).inputs, use_cache=False).logits
    assert not torch.allclose(one[0, : first.tokens], two[0, : first.tokens], atol=1e-2)
    torch.testing.assert_close(one[0, first.tokens :], two[0, first.tokens :], rtol=0, atol=1e-6)


def test_a_batch_counts_what_is_in_it(examples: list[Example]) -> None:
    batch = collate([examples[:2], examples[2:5]], 9, True, one_row=False, multiple=64)
    ids = batch.inputs["input_ids"]
    assert ids.shape[1] % 64 == 0
    assert (batch.samples, batch.media, batch.ids) == (5, 5, tuple(example.id for example in examples[:5]))
    assert batch.tokens + batch.padding == ids.numel()
    assert batch.visual_tokens == int((ids == tiny_models.byte_tokenizer().convert_tokens_to_ids("<image>")).sum())
    assert batch.loss_tokens == int((batch.inputs["labels"] != -100).sum()) == sum(e.loss_tokens for e in examples[:5])
    assert batch.tiles == sum(len(tiles) for example in examples[:5] for tiles in example.pixel_values)
    assert "pixel_values" not in collate([[examples[2]]], 0, True).inputs
    with pytest.raises(ValueError, match="at least one row"):
        collate([], 0, True)
