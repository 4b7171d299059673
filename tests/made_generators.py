"""The smallest video generators and clips, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sharegpt4video.t2v.settings import (
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    T2VSettings,
    TextSettings,
)
from sharegpt4video.world.files import SetSettings, write_set

WAN: dict[str, Any] = {
    "patch_size": [2, 8, 8], "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 3, "out_channels": 3,
    "text_dim": 16, "freq_dim": 16, "ffn_dim": 32, "num_layers": 1, "rope_max_seq_len": 16,
}  # fmt: skip
LATTE: dict[str, Any] = {
    "patch_size": 8, "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 3, "out_channels": 3,
    "num_layers": 1, "sample_size": 24, "caption_channels": 16, "cross_attention_dim": 24, "video_length": 4,
    "norm_type": "ada_norm_single", "norm_elementwise_affine": False, "num_embeds_ada_norm": 1000,
    "attention_bias": True, "activation_fn": "gelu-approximate",
}  # fmt: skip


def settings(family: str = "wan", **optimiser: Any) -> T2VSettings:
    wan = family == "wan"
    model = ModelSettings(family=family, shape=WAN if wan else LATTE, prediction="data", pooled=True, places=wan)  # type: ignore[arg-type]
    how = OptimiserSettings(**{"steps": 4, "batch": 4, "micro_batch": 4, "rate": 1e-3, "warmup_steps": 2, **optimiser})
    return T2VSettings(
        model=model,
        text=TextSettings(width=16, max_tokens=36),
        data=DataSettings(frames=4, width=24, height=24),
        optimiser=how,
        run=RunSettings(precision="fp32", save_every_steps=2),
    )


def clips(folder: Path, count: int = 6) -> str:
    """A tiny set of the closed world, as ``--data`` names it."""
    tiny = SetSettings(difficulty="tiny", width=24, height=24, seconds=1.0, split="train")
    write_set(folder, count, tiny, captions=("dense", "short"), workers=1)
    return str(folder)


def changed(base: T2VSettings, part: str, **values: Any) -> T2VSettings:
    return replace(base, **{part: replace(getattr(base, part), **values)})
