"""Captioners on models of several kinds: which parts they have, and that they learn from pictures of any size."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

import tiny_architectures as known  # noqa: E402
from sharegpt4video.learning.randomness import seed_everything  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder  # noqa: E402
from sharegpt4video.lvlm.data.packing import collate  # noqa: E402
from sharegpt4video.lvlm.data.samples import read_samples  # noqa: E402
from sharegpt4video.lvlm.model.build import build, processor  # noqa: E402
from sharegpt4video.lvlm.model.loss import loss_of  # noqa: E402
from sharegpt4video.lvlm.model.parts import parameter_groups, prepare  # noqa: E402
from sharegpt4video.lvlm.model.shapes import PARTS  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, DataSource, ModelSettings, RunSettings, TuneSettings  # noqa: E402

KINDS = {"llava": known.save_llava, "idefics3": known.save_idefics3, "gemma3": known.save_gemma3}


@pytest.fixture
def conversations(tmp_path: Path) -> Path:
    """A picture, two of another size, and a text alone."""
    for number, size in enumerate([(46, 46), (120, 90), (120, 90)]):
        Image.fromarray(np.full((size[1], size[0], 3), 60 * number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = []
    for name, images in (("one", [0]), ("two", [1, 2]), ("none", [])):
        turns = [{"from": "human", "value": "<image>\n" * len(images) + "What?"}, {"from": "gpt", "value": "It moves."}]
        rows.append({"id": name, "image": [f"{at}.png" for at in images], "conversations": turns, "verbatim": True})
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path / "rows.json"


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_model_learns_or_stays(kind: str, conversations: Path, tmp_path: Path) -> None:
    save: Callable[[Path], Path] = KINDS[kind]
    settings = ModelSettings(base=str(save(tmp_path / "base")), attention="sdpa")
    seed_everything(0)
    model = build(settings, dtype=torch.float32)
    tune = TuneSettings(language="lora", lora_rank=2, lora_alpha=4.0, projector="full", vision="full")
    run = RunSettings(precision="fp32", checkpointing="none")
    prepared: Any = prepare(model, tune, run)
    groups = parameter_groups(prepared, tune, 0.0)
    assert [group["name"] for group in groups] == ["language", "projector", "vision"]
    encoder = Encoder(processor(settings), DataSettings(packing=False, max_tokens=4000))
    examples = [encoder.encode(sample) for sample in read_samples(DataSource(str(conversations)))]
    for rows in ([[example] for example in examples[:2]], [[examples[2]]]):
        batch = collate(rows, encoder.pad_id, packing=False)
        prepared.zero_grad()
        loss, tokens = loss_of(prepared, dict(batch.inputs))
        loss.backward()
        assert torch.isfinite(loss)
        assert tokens == batch.loss_tokens > 0
        learning = [p for group in groups for p in group["params"]]
        assert all(p.grad is not None for p in learning), "a weight without a gradient would stop several processes"


def test_alone_and_together_are_learned_alike(conversations: Path, tmp_path: Path) -> None:
    """Pictures that are filled up for a batch are what they were: the losses add up."""
    settings = ModelSettings(base=str(known.save_idefics3(tmp_path / "base")), attention="sdpa")
    seed_everything(0)
    model: Any = prepare(build(settings, dtype=torch.float32), TuneSettings(language="full", projector="full"),
                         RunSettings(precision="fp32", checkpointing="none")).eval()  # fmt: skip
    encoder = Encoder(processor(settings), DataSettings(packing=False, max_tokens=4000))
    examples = [encoder.encode(sample) for sample in read_samples(DataSource(str(conversations)))][:2]
    whole = loss_of(model, dict(collate([[one] for one in examples], encoder.pad_id, packing=False).inputs))[0]
    apart = sum(loss_of(model, dict(collate([[one]], encoder.pad_id, packing=False).inputs))[0] for one in examples)
    assert float(whole) == pytest.approx(float(apart), rel=1e-4)


def test_a_model_is_known_by_the_names_of_its_parts() -> None:
    assert {"llava_next", "qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl", "gemma3"} <= PARTS.keys()
    assert replace(PARTS["smolvlm"]).of("model.connector.modality_projection.proj.weight") == "projector"
