"""How the models of ``proof_understanding.py`` are made, trained and examined."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _understanding_data import FRAMES, SIDE, Sizes, conversation, save, strip_name

from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)
from sharegpt4video.world.questions import Question

PATCH, WIDTH, HEADS, VISION_LAYERS, LANGUAGE_LAYERS = 14, 96, 4, 2, 3
LEAST_PRIOR = 1e-3
DATA = DataSettings(frames=FRAMES, system="", max_tokens=512, packing=False, workers=0)
SCORED_AT_ONCE = 96

# Question and answer follow each other: with the headers of a released model most of a batch would be headers. Every
# text begins with a space, since the built-in tokenizer has whole words after a space alone.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['content'] is string %}"
    "{% set text = ' ' + message['content'] %}{% else %}{% set parts = namespace(text='') %}"
    "{% for item in message['content'] %}{% if item['type'] == 'image' %}"
    "{% set parts.text = parts.text + '<image>' %}{% elif item['type'] == 'text' %}"
    "{% set parts.text = parts.text + ' ' + item['text'] %}{% endif %}{% endfor %}"
    "{% set text = parts.text %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ text }}<|eot_id|>{% endgeneration %}"
    "{% else %}{{ text }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Learned:
    """What a run has cost. Zeros when it was finished before."""

    steps: int = 0
    tokens: int = 0
    samples: int = 0
    cpu_seconds: float = 0.0


def write_model(out: Path) -> None:
    """The architecture of the 8B model at a size for a processor, with random weights."""
    if out.exists():
        return
    import torch
    from transformers import LlavaNextForConditionalGeneration

    from sharegpt4video.lvlm.model.build import configuration, processor

    tiny = ModelSettings(shape="tiny", random_weights=True)
    config, shown = configuration(tiny), processor(tiny)
    for part, layers in ((config.vision_config, VISION_LAYERS), (config.text_config, LANGUAGE_LAYERS)):
        part.hidden_size, part.intermediate_size, part.num_hidden_layers = WIDTH, 3 * WIDTH, layers
        part.num_attention_heads = HEADS
    config.text_config.num_key_value_heads, config.text_config.head_dim = 2, WIDTH // HEADS
    config.text_config.initializer_range = 0.08  # the usual 0.02 is for widths in the thousands
    config.vision_config.image_size, config.vision_config.patch_size = SIDE, PATCH
    config.image_grid_pinpoints = [[SIDE, SIDE], [SIDE * FRAMES, SIDE]]
    pictures = shown.image_processor
    pictures.size, pictures.crop_size = {"shortest_edge": SIDE}, {"height": SIDE, "width": SIDE}
    pictures.image_mean, pictures.image_std = [0.5] * 3, [2.0] * 3  # weak, so that places count from the first step on
    pictures.image_grid_pinpoints, shown.patch_size = config.image_grid_pinpoints, PATCH
    shown.chat_template = shown.tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    model = LlavaNextForConditionalGeneration._from_config(config)
    # About as large as what the patches give; the usual 0.02 would be lost beside it.
    torch.nn.init.normal_(model.model.vision_tower.embeddings.position_embedding.weight, std=0.3)
    print(f"model of {sum(weight.numel() for weight in model.parameters()):,} parameters")
    model.save_pretrained(out)
    shown.save_pretrained(out)


def settings_of(
    name: str, base: Path, sources: Sequence[DataSource], *, steps: int, batch: int, rate: float, seed: int
) -> TrainSettings:
    tune = TuneSettings(
        language="full", projector="full", vision="full", language_rate=rate, projector_rate=rate, vision_rate=rate
    )
    optimiser = OptimiserSettings(
        global_batch=batch, micro_batch=batch, epochs=1000, max_steps=steps, seed=seed, betas=(0.9, 0.98)
    )
    run = RunSettings(precision="fp32", checkpointing="none", save_every_steps=200, log_every_steps=10)
    data = DataSettings(**{**DATA.__dict__, "sources": tuple(sources)})
    model = ModelSettings(base=str(base), attention="sdpa")
    return TrainSettings(name=name, model=model, tune=tune, data=data, optimiser=optimiser, run=run)


def frame_settings(folder: Path, sizes: Sizes) -> TrainSettings:
    return settings_of("frames", folder / "start", [DataSource(str(folder / "frames.json"))], steps=sizes.frame_steps,
                       batch=sizes.frame_batch, rate=sizes.base_rate, seed=0)  # fmt: skip


def base_settings(folder: Path, sizes: Sizes) -> TrainSettings:
    seeing, sources = folder / "run-frames" / "model", [DataSource(str(folder / "base.json"))]
    return settings_of("base", seeing, sources, steps=sizes.base_steps, batch=sizes.base_batch, rate=sizes.base_rate,
                       seed=0)  # fmt: skip


def arm_settings(folder: Path, base: Path, arm: str, seed: int, sizes: Sizes) -> TrainSettings:
    """Equal steps of equal tokens. Shorter captions are seen as much more often as they are shorter."""
    dense, own = (mean_tokens(base, folder / f"{name}.json") for name in ("dense", arm))
    more = ("kept", "asked") if arm == "control" else ("kept",)
    sources = [DataSource(str(folder / f"{arm}.json"), weight=round(dense / own, 3)),
               *(DataSource(str(folder / f"{name}.json")) for name in more)]  # fmt: skip
    plain = [DataSource(str(folder / f"{name}.json")) for name in ("dense", "kept")]
    batch = round(sizes.batch * _tokens_of_sample(base, plain) / _tokens_of_sample(base, sources))
    return settings_of(f"{arm}-{seed}", base, sources, steps=sizes.steps, batch=batch, rate=sizes.rate, seed=seed)


def _tokens_of_sample(model: Path, sources: Sequence[DataSource]) -> float:
    seen = [source.weight * len(json.loads(Path(source.path).read_text("utf-8"))) for source in sources]
    each = [mean_tokens(model, Path(source.path)) for source in sources]
    return float(np.average(each, weights=seen))


def mean_tokens(model: Path, path: Path) -> float:
    """Tokens of a sample, measured at the first 300."""
    from sharegpt4video.lvlm.data.samples import read_samples

    samples, encoder = read_samples(DataSource(str(path))), encoder_of(model)
    return float(np.mean([encoder.encode(samples[at]).tokens for at in range(min(len(samples), 300))]))


def encoder_of(model: Path) -> Any:
    from sharegpt4video.lvlm.data.encode import Encoder
    from sharegpt4video.lvlm.model.build import processor

    return Encoder(processor(ModelSettings(base=str(model))), DATA)


def learn(settings: TrainSettings, out: Path) -> Learned:
    """Train to the end, or go on, and fold the result into a model of its own."""
    from sharegpt4video.lvlm.train import StepReport, merge, train

    if (out / "model").exists():
        return Learned()
    begun, tokens, samples, losses = time.process_time(), 0, 0, []

    def tell(report: StepReport) -> None:
        nonlocal tokens, samples
        tokens, samples = tokens + report.tokens, samples + report.samples
        losses.append(report.loss)
        if report.step % 100 == 0 or report.step == report.total_steps:
            used, mean = time.process_time() - begun, float(np.mean(losses[-100:]))
            print(f"{out.name} step {report.step}: loss {mean:.3f}, {used:.0f} s of processor time", flush=True)

    result = train(settings, out, on_step=tell)
    if result.interrupted:
        raise SystemExit(130)
    merge(out, out / "model")
    shutil.rmtree(out / "checkpoints")
    return Learned(result.steps, tokens, samples, round(time.process_time() - begun, 1))


# --- the examination ------------------------------------------------------------------------------------------------


def examine(folder: Path, model: Path, name: str, asked: Sequence[tuple[int, Question]]) -> list[bool]:
    """Whether each question is answered rightly.

    An option's score is the log-likelihood of its words with the video less that without, for each token: how much
    more likely the video makes it. An option that is likely, or short, gains nothing by that. What is all but
    impossible without a video counts as ``LEAST_PRIOR``, or words never learned would win by noise.
    """
    pairs = dict.fromkeys((one.stem, option) for _, one in asked for option in one.options)
    blind = [conversation(f"blind-{at}", "", [pair]) for at, pair in enumerate(pairs)]
    seen = [
        conversation(f"{one.id}-{number}-{at}", strip_name(name, number), [(one.stem, option)])
        for number, one in asked
        for at, option in enumerate(one.options)
    ]
    least = math.log(LEAST_PRIOR)
    prior = dict(zip(pairs, likelihoods(folder, model, blind), strict=True))
    scores = iter(likelihoods(folder, model, seen))
    right = []
    for _, one in asked:
        moved = []
        for option in one.options:
            score, tokens = next(scores)
            moved.append((score - max(prior[one.stem, option][0], least)) / tokens)
        right.append(int(np.argmax(moved)) == one.right)
    return right


def likelihoods(folder: Path, model: Path, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[float, int]]:
    """The log-likelihood of each sample's answer, and its tokens."""
    import torch
    from transformers import AutoModelForImageTextToText

    from sharegpt4video.lvlm.data.packing import collate
    from sharegpt4video.lvlm.data.samples import read_samples

    path = folder / f"examined-{model.parent.name}.json"
    save(path, rows)
    samples, encoder = read_samples(DataSource(str(path))), encoder_of(model)
    network = AutoModelForImageTextToText.from_pretrained(model).eval()
    for start in range(0, len(samples), SCORED_AT_ONCE):
        part = [encoder.encode(samples[at]) for at in range(start, min(start + SCORED_AT_ONCE, len(samples)))]
        inputs = dict(collate([[one] for one in part], encoder.pad_id, packing=False).inputs)
        labels = inputs.pop("labels")[:, 1:]
        with torch.no_grad():
            scores = network(**inputs, use_cache=False).logits[:, :-1].log_softmax(-1)
        learned = labels != -100
        each = scores.gather(-1, labels.clamp(min=0)[..., None])[..., 0] * learned
        yield from zip(each.sum(1).tolist(), learned.sum(1).tolist(), strict=True)
    path.unlink()
