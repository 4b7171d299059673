"""Merging takes the memory of a file and a few weights, not that of the model; measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, LlavaNextConfig

from sharegpt4video.learning import checkpoints
from sharegpt4video.lvlm.model.build import processor
from sharegpt4video.lvlm.model.parts import prepare
from sharegpt4video.lvlm.model.shapes import shape
from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)
from sharegpt4video.lvlm.train.resume_check import fingerprint

MIB = 1 << 20
WIDE, INNER, LAYERS = 256, 8192, 16
MERGE = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from sharegpt4video.lvlm.train import merge

folder = Path(sys.argv[1])
merge(folder / "small" / "run", folder / "small" / "merged")  # brings in all that is imported
def kib(line):
    return next(int(words.split()[1]) for words in Path("/proc/self/status").read_text().splitlines() if line in words)
Path("/proc/self/clear_refs").write_text("5")  # the kernel's own record of the peak begins anew
before = kib("VmRSS")
merge(folder / "large" / "run", folder / "large" / "merged")
print(1024 * (kib("VmHWM") - before))
"""


def save_run(folder: Path, wide: int, inner: int, layers: int) -> None:
    """A base in several files, each weight full of one number, and a checkpoint whose adapters add ones to it."""
    made = shape("tiny")
    text = {**made.text, "hidden_size": wide, "intermediate_size": inner, "num_hidden_layers": layers}
    text["num_attention_heads"] = 4
    config = LlavaNextConfig(
        text_config=text, vision_config=dict(made.vision), **made.whole, **made.tokens, architectures=None
    )
    with torch.device("meta"):
        empty = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model = empty.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.5)
    model.save_pretrained(folder / "base", max_shard_size="20MB")
    processor(ModelSettings(shape="tiny", random_weights=True)).save_pretrained(folder / "base")
    settings = TrainSettings(
        model=ModelSettings(base=str(folder / "base")),
        tune=TuneSettings(language="lora", lora_rank=8, lora_alpha=1.0, projector="full", vision="frozen"),
        data=DataSettings(sources=(DataSource("samples.json"),)),
        optimiser=OptimiserSettings(),
        run=RunSettings(precision="bf16", checkpointing="none"),
    )
    prepared = prepare(model, settings.tune, settings.run)
    weights = {name: torch.ones_like(p) for name, p in prepared.named_parameters() if p.requires_grad}
    facts = {"steps": 1, "sources": {}, "frozen": fingerprint(prepared)}
    unfinished = checkpoints.unfinished_folder(folder / "run", 1)
    unfinished.mkdir(parents=True)
    checkpoints.write_tensors(unfinished, weights, {})
    checkpoints.finish(unfinished, checkpoints.checkpoint_folder(folder / "run", 1), 1, settings.to_plain(), 1, facts)


@pytest.mark.skipif(sys.platform != "linux", reason="the record of a peak that can begin anew is Linux's")
def test_memory_is_bounded_by_a_file_and_a_few_weights(tmp_path: Path) -> None:
    save_run(tmp_path / "small", 192, 512, 2)
    save_run(tmp_path / "large", WIDE, INNER, LAYERS)
    # Weights of real models are so large that malloc gives their memory back at once; here it is told to.
    given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(MIB)}
    command = [sys.executable, "-c", MERGE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=given_back)
    assert done.returncode == 0, done.stderr[-2000:]
    grown = int(done.stdout)
    assert grown > 0
    sizes = [path.stat().st_size for path in (tmp_path / "large" / "base").glob("*.safetensors")]
    assert len(sizes) > 8
    assert sum(sizes) > 200 * MIB
    merged = load_file(tmp_path / "large" / "merged" / "model.safetensors")
    # Eight ranks of ones by ones, times alpha / rank.
    folded = next(tensor for name, tensor in merged.items() if name.endswith("layers.3.mlp.up_proj.weight"))
    assert (folded == 1.5).all()
    in_32_bits = 4 * WIDE * INNER
    bound = max(sizes) + 4 * in_32_bits + 48 * MIB
    assert bound < sum(sizes) / 2
    assert grown < bound, f"{grown / MIB:.0f} MiB of {sum(sizes) / MIB:.0f}, largest file {max(sizes) / MIB:.0f}"
    print(f"\nmerging {sum(sizes) / MIB:.0f} MiB grew by {grown / MIB:.0f} MiB")  # noqa: T201
