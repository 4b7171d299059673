"""The card of a merged model: what it is, what it was trained on and how, all from the checkpoint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ...learning.checkpoints import Checkpoint
from ..mixture.prepare import wanted
from ..settings import MixtureSettings, TrainSettings

HEAD = {"library_name": "transformers", "pipeline_tag": "image-text-to-text", "tags": ["video", "sharegpt4video"]}
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
LIMITS = (
    "No benchmark was run by the tool that wrote this card. The licence is that of the base and of the data; say it "
    "here before you publish."
)


def card(checkpoint: Checkpoint, settings: TrainSettings) -> str:
    """Markdown with the front matter that the Hub reads."""
    base = settings.model.base
    on_the_hub = base and not Path(base).exists() and _HUB_NAME.fullmatch(base)  # the Hub refuses a card with a path
    head: dict[str, Any] = {**HEAD, **({"base_model": base} if on_the_hub else {})}
    start = f"`{base}`" if base else f"random weights of the shape `{settings.model.shape}`"
    whence = (
        f"Trained with sharegpt4video from {start}: {checkpoint.step} of {checkpoint.facts['steps']} steps, "
        f"global batch {settings.optimiser.global_batch}. Adapters are folded into the weights."
    )
    parts = (
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# {settings.name or 'A trained video-language model'}\n\n{whence}",
        _table("Data", ("file", "weight", "SHA-256"), _sources(checkpoint, settings)),
        *([_mixture(checkpoint, settings.mixture)] if settings.mixture else []),
        _layout(settings),
        _table("What learned", ("part", "how", "learning rate"), _parts(settings)),
        f"## Limits\n\n{LIMITS}",
        f"## Settings\n\n```yaml\n{yaml.safe_dump(_plain(settings.to_plain()), sort_keys=False)}```",
        f"Versions: {', '.join(f'{library} {version}' for library, version in checkpoint.versions.items())}.",
    )
    return "\n\n".join(parts) + "\n"


def _table(title: str, columns: tuple[str, ...], rows: list[str]) -> str:
    lines = (f"## {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows)
    return "\n".join(lines)


def _sources(checkpoint: Checkpoint, settings: TrainSettings) -> list[str]:
    digests = checkpoint.facts["sources"]
    return [f"| `{one.path}` | {one.weight:g} | `{digests.get(one.path, 'not known')[:16]}` |"
            for one in settings.data.sources]  # fmt: skip


def _mixture(checkpoint: Checkpoint, mixture: MixtureSettings) -> str:
    """The roles of a captioner: how many samples each has, what they were told before, how often they come."""
    weights = wanted(mixture)
    rows = [
        f"| {role} | {weights[role] / sum(weights.values()):.0%} | {counts['samples']:,} | "
        f"{', '.join(f'{number:,} {kind}' for kind, number in counts.items() if kind != 'samples')} |"
        for role, counts in checkpoint.facts.get("mixture", {}).items()
    ]
    sets = ", ".join(f"`{name}`" for name in checkpoint.facts.get("prompts", []))
    table = _table("Roles of the captioner", ("role", "share", "samples", "of these"), rows)
    return f"{table}\n\n`sg4v caption VIDEO --model hf:FOLDER` asks it with the prompts it knows: {sets}."


def _layout(settings: TrainSettings) -> str:
    if settings.mixture is not None:
        return "Pictures go in as the prompts of captioning arrange them."
    data = settings.data
    how = {"grid": "one image grid", "frames": "separate frames", "video": "a video"}[data.layout]
    return f"Each video goes in as {how} of {data.frames} frames, chosen by the sampler `{data.sampler}`."


def _parts(settings: TrainSettings) -> list[str]:
    tune = settings.tune
    lora = f"LoRA, rank {tune.lora_rank}, alpha {tune.lora_alpha:g}, dropout {tune.lora_dropout:g}"
    rows = (
        ("language model", tune.language, tune.language_rate),
        ("projector", tune.projector, tune.projector_rate),
        ("vision tower", tune.vision, tune.vision_rate),
    )
    how = {"lora": lora, "full": "all weights", "frozen": "frozen"}
    return [f"| {part} | {how[kind]} | {'' if kind == 'frozen' else f'{rate:g}'} |" for part, kind, rate in rows]


def _plain(value: Any) -> Any:
    """Tuples as lists: YAML has no tuples."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
