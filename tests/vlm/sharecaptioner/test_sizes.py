"""Memory and operations, held against what torch counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

from live_memory import LiveBytes  # noqa: E402
from made_sharecaptioner import picture  # noqa: E402
from sharegpt4video.vlm.sharecaptioner import sizes  # noqa: E402
from sharegpt4video.vlm.sharecaptioner.pictures import hd_pixels, normalised  # noqa: E402

torch.set_num_threads(1)


def prompt(model: Any, load: sizes.Load) -> dict[str, Any]:
    """Rows of random tokens with a mask as long as the picture's tokens."""
    ids = torch.randint(3, 400, (load.rows, load.prompt))
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    mask[:, 1 : 1 + load.picture] = True
    return {"inputs_embeds": model.get_input_embeddings()(ids), "picture_mask": mask, "logits_to_keep": 1}


def test_the_released_models_numbers() -> None:
    parts = sizes.parameters()
    assert sum(parts.values()) == 8_597_499_904
    assert parts["words"] + parts["layers"] == 7_737_708_544  # InternLM2-7B as published
    assert sizes.cache_bytes_per_token() == 131_072
    assert 17.1e9 < sizes.weight_bytes() < 17.3e9
    assert sizes.weight_bytes("int4") < sizes.weight_bytes("int8") < sizes.weight_bytes()
    roles = dict(sizes.typical())
    assert (roles["opening"].picture, roles["change"].picture, roles["fast"].picture) == (1045, 1489, 2557)


def test_weights_and_cache_take_the_bytes_that_are_said(loaded: Any) -> None:
    model = loaded.model
    assert sum(each.nbytes for each in model.parameters()) == sizes.weight_bytes(shape=model.shape, number_bytes=4)
    load = sizes.Load(words=20, answer=0)
    with torch.inference_mode():
        out = model(**prompt(model, load), use_cache=True)
    cache = out["cache"] if "cache" in out else out["past_key_values"]
    keys = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert keys == sizes.cache_bytes(load, model.shape, 4)


def test_operations_are_those_that_torch_counts(loaded: Any) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model, shape = loaded.model, loaded.model.shape
    load = sizes.load_of(20, (336, 600), 2)
    pixels = torch.from_numpy(normalised(hd_pixels(picture(336, 600), 2)))
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        model.see([pixels])
        model(**prompt(model, load))
    # Plain attention calculates all of it, a causal kernel half; of the whole, both are a few hundredths.
    more = 2.0 * shape.heads * shape.head_width * shape.layers * load.prompt**2
    assert counted.get_total_flops() == pytest.approx(sizes.prompt_flops(load, shape) + more, rel=0.01)
    again = replace(load, rows=2, beams=3)
    assert sizes.prompt_flops(again, shape) > 2 * sizes.prompt_flops(load, shape)


def test_the_inside_of_a_layer_is_what_a_prompt_needs_at_most(loaded: Any) -> None:
    model = loaded.model
    load = sizes.Load(words=400, picture=300)
    given = prompt(model, load)
    with torch.inference_mode(), LiveBytes([*model.parameters(), *given.values()][:-1]) as live:
        model.model(inputs_embeds=given["inputs_embeds"], picture_mask=given["picture_mask"], use_cache=False)
    scores = 4 * model.shape.heads * load.prompt**2  # of plain attention, which kernels do not keep
    assert live.peak_bytes - live.start_bytes < scores * 3 + sizes.prompt_bytes(load, model.shape, 4)
