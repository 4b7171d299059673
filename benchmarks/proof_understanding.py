"""Do dense captions make a better model of video understanding than short ones? The paper's claim, at small scale.

In the closed world every fact is known. A small LLaVA-NeXT from random weights first learns single pictures (what is
there when a video begins, and static questions): the base that both arms go on from, as the paper's model goes on from
one that knows images. Then each arm learns from the same videos and the same questions; one has a dense differential
caption for each video, the other a short one. Steps are equal, and so are tokens: short captions are seen as much more
often as they are shorter. Both answer questions about new videos; an answer is the option that is likeliest.

The claim is refuted if the dense arm is not better at temporal questions, all seeds together: the 95 % interval of the
difference must lie above 0. Static questions are the control.

    python benchmarks/proof_understanding.py [--quick] [--folder DIR] [--seeds 0 1 2] [--arm dense|short] [--threads 1]

What is finished in DIR is not done again, so arms can be run side by side: first ``--only base``, then a process for
each arm or seed, then all of it for the table. ``--quick`` shows in minutes that the way is passable, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sharegpt4video.evaluate.figures import Z95, cluster_variance
from sharegpt4video.lvlm.grid import video_grid
from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)
from sharegpt4video.video.samplers import frames_of
from sharegpt4video.world.captions import caption
from sharegpt4video.world.files import SetSettings, read_scenes, write_set

SIDE, FRAMES = 84, 4  # a grid of 2 x 2 frames, reduced to one tile of 6 x 6 patches
WIDTH, VISION_LAYERS, LANGUAGE_LAYERS = 64, 3, 3
ARMS = ("dense", "short")
SEEN = ("colour", "shape", "place")  # the static questions of the base; openings tell backgrounds, things are single
DESCRIBE, LOOK = "describe the video.", "describe the first picture of the video."


@dataclass(frozen=True)
class Sizes:
    """How much is learned. Steps are of ``batch`` samples in the base and in the dense arm."""

    base_videos: int = 12_000
    videos: int = 4_000
    new_videos: int = 1_000
    questions: int = 3
    base_steps: int = 4_000
    steps: int = 2_000
    batch: int = 32
    rate: float = 1e-3


QUICK = Sizes(base_videos=60, videos=40, new_videos=20, base_steps=8, steps=6, batch=8)


# --- what is shown and asked ----------------------------------------------------------------------------------------


def write_data(folder: Path, sizes: Sizes) -> None:
    """Three sets of videos, their grids, and the conversations of the base, of both arms and of the examination."""
    if (folder / "ready").exists():
        return
    counts = {"base": sizes.base_videos, "learned": sizes.videos, "new": sizes.new_videos}
    for seed, (name, count) in enumerate(counts.items(), start=1):
        write_set(folder / name, count, SetSettings(seed=seed, split="train"), captions=())
        _write_grids(folder / name, count)
    _save(folder / "base.json", [*_openings(folder / "base"), *_asked(folder / "base", sizes.questions, static=True)])
    _save(folder / "questions.json", list(_asked(folder / "learned", sizes.questions)))
    for arm in ARMS:
        _save(folder / f"{arm}.json", list(_captions(folder / "learned", arm)))
    (folder / "ready").touch()


def _write_grids(folder: Path, count: int) -> None:
    (folder / "grids").mkdir(exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        list(pool.map(_write_grid, [folder] * count, range(count), chunksize=50))


def _write_grid(folder: Path, number: int) -> None:
    frames = frames_of(folder / "videos" / f"{number:06d}.mp4", FRAMES)
    grid = Image.fromarray(video_grid([frame.pixels for frame in frames]))
    grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / "grids" / f"{number:06d}.png")


def _sample(folder: Path, name: str, video: str, question: str, answer: str) -> dict[str, Any]:
    talk = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}]
    return {"id": name, "image": f"{folder.name}/grids/{Path(video).stem}.png", "conversations": talk}


def _openings(folder: Path) -> Iterator[dict[str, Any]]:
    for video, scene in read_scenes(folder).items():
        yield _sample(folder, f"{video}-opening", video, LOOK, caption(scene, "dense").steps[0].text)


def _captions(folder: Path, kind: Any) -> Iterator[dict[str, Any]]:
    for video, scene in read_scenes(folder).items():
        yield _sample(folder, f"{video}-{kind}", video, DESCRIBE, caption(scene, kind).text)


def _questions(folder: Path, many: int) -> Iterator[dict[str, Any]]:
    """So many multiple-choice questions of each video, drawn evenly from all kinds."""
    by_video = defaultdict(list)
    for question in json.loads((folder / "questions.json").read_text("utf-8")):
        if question["form"] == "multi-choice":
            by_video[question["video"]].append(question)
    for video, questions in by_video.items():
        dice = random.Random(f"{folder.name} {video}")
        yield from dice.sample(questions, min(many, len(questions)))


def _asked(folder: Path, many: int, *, static: bool = False) -> Iterator[dict[str, Any]]:
    """Questions without their options, answered in words; of all kinds, or those that teach to see if ``static``."""
    for one in _questions(folder, 1_000 if static else many):
        if not static or one["kind"] in SEEN:
            yield _sample(folder, one["id"], one["video"], one["stem"], one["options"][one["right"]])


def _save(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


# --- learning -------------------------------------------------------------------------------------------------------


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
        part.num_attention_heads = 4
    config.text_config.num_key_value_heads, config.text_config.head_dim = 2, WIDTH // 4
    config.text_config.initializer_range = 0.08  # the usual 0.02 is for widths in the thousands
    config.vision_config.image_size = SIDE
    config.image_grid_pinpoints = [[SIDE, SIDE]]
    pictures = shown.image_processor
    pictures.size, pictures.crop_size = {"shortest_edge": SIDE}, {"height": SIDE, "width": SIDE}
    pictures.image_grid_pinpoints = [[SIDE, SIDE]]
    torch.manual_seed(0)
    model = LlavaNextForConditionalGeneration._from_config(config)
    print(f"model of {sum(weight.numel() for weight in model.parameters()):,} parameters")
    model.save_pretrained(out)
    shown.save_pretrained(out)


def settings_of(
    name: str, base: Path, sources: Sequence[DataSource], steps: int, batch: int, rate: float, seed: int
) -> TrainSettings:
    tune = TuneSettings(
        language="full", projector="full", vision="full", language_rate=rate, projector_rate=rate, vision_rate=rate
    )
    data = DataSettings(sources=tuple(sources), frames=FRAMES, system="", max_tokens=512, packing=False, workers=0)
    optimiser = OptimiserSettings(
        global_batch=batch, micro_batch=batch, epochs=1000, max_steps=steps, seed=seed, betas=(0.9, 0.98)
    )
    run = RunSettings(precision="fp32", checkpointing="none", fused_loss=False, save_every_steps=500)
    model = ModelSettings(base=str(base), attention="sdpa")
    return TrainSettings(name=name, model=model, tune=tune, data=data, optimiser=optimiser, run=run)


def learn(settings: TrainSettings, out: Path) -> None:
    """Train to the end, or go on, and fold the result into a model of its own."""
    from sharegpt4video.lvlm.train import StepReport, merge, train

    if (out / "model").exists():
        return
    begun, tokens = time.process_time(), 0

    def tell(report: StepReport) -> None:
        nonlocal tokens
        tokens += report.tokens
        if report.step % 100 == 0 or report.step == report.total_steps:
            used = time.process_time() - begun
            print(f"{out.name} step {report.step}: loss {report.loss:.3f}, {used:.0f} s of processor time", flush=True)

    result = train(settings, out, on_step=tell)
    print(f"{out.name}: {result.steps} steps, {tokens:,} tokens", flush=True)
    if result.interrupted:
        raise SystemExit(130)
    merge(out, out / "model")
    shutil.rmtree(out / "checkpoints")


def arm_settings(folder: Path, arm: str, seed: int, sizes: Sizes) -> TrainSettings:
    """Equal steps and equal tokens: the captions of the short arm are seen as much more often as they are shorter."""
    base = folder / "run-base" / "model"
    tokens = {name: mean_tokens(folder, base, name) for name in (*ARMS, "questions")}
    counts = {name: len(json.loads((folder / f"{name}.json").read_text())) for name in (arm, "questions")}
    weight = tokens["dense"] / tokens[arm]
    samples = weight * counts[arm] + counts["questions"]
    batch = round(sizes.batch * samples / (counts[arm] + counts["questions"]))
    print(f"{arm}: {tokens[arm]:.1f} tokens a caption, seen {weight:.2f} times as often, {batch} samples a step")
    sources = [
        DataSource(str(folder / f"{arm}.json"), weight=weight),
        DataSource(str(folder / "questions.json")),
    ]
    return settings_of(f"{arm}-{seed}", base, sources, sizes.steps, batch, sizes.rate, seed)


def mean_tokens(folder: Path, base: Path, name: str) -> float:
    from sharegpt4video.lvlm.data.samples import read_samples

    samples, encoder = read_samples(DataSource(str(folder / f"{name}.json"))), encoder_of(base)
    return float(np.mean([encoder.encode(samples[at]).tokens for at in range(min(len(samples), 300))]))


def encoder_of(model: Path) -> Any:
    from sharegpt4video.lvlm.data.encode import Encoder
    from sharegpt4video.lvlm.model.build import processor

    return Encoder(processor(ModelSettings(base=str(model))), DataSettings(frames=FRAMES, system="", max_tokens=512))


# --- the examination ------------------------------------------------------------------------------------------------


def examine(folder: Path, model: Path) -> list[dict[str, Any]]:
    """Which questions about new videos are answered rightly: the likeliest option in words."""
    known = model.parent / "answers.json"
    if known.exists():
        found: list[dict[str, Any]] = json.loads(known.read_text("utf-8"))
        return found
    questions = list(_questions(folder / "new", 6))
    rows = [
        _sample(folder / "new", f"{one['id']}#{at}", one["video"], one["stem"], option)
        for one in questions
        for at, option in enumerate(one["options"])
    ]
    path = folder / f"examined-{model.parent.name}.json"
    _save(path, rows)
    scores = iter(likelihoods(path, model))
    answers = []
    for one in questions:
        each = [next(scores) for _ in one["options"]]
        answers.append({**{name: one[name] for name in ("id", "video", "kind", "temporal")}, "options": len(each),
                        "right": int(np.argmax(each)) == one["right"]})  # fmt: skip
    path.unlink()
    _save(known, answers)
    return answers


def likelihoods(path: Path, model: Path) -> Iterator[float]:
    """The log-likelihood of each sample's answer."""
    import torch
    from transformers import AutoModelForImageTextToText

    from sharegpt4video.lvlm.data.packing import collate
    from sharegpt4video.lvlm.data.samples import read_samples

    samples, encoder = read_samples(DataSource(str(path))), encoder_of(model)
    network = AutoModelForImageTextToText.from_pretrained(model).eval()
    for start in range(0, len(samples), 64):
        part = [encoder.encode(samples[at]) for at in range(start, min(start + 64, len(samples)))]
        inputs = dict(collate([[one] for one in part], encoder.pad_id, packing=False).inputs)
        labels = inputs.pop("labels")[:, 1:]
        with torch.no_grad():
            scores = network(**inputs, use_cache=False).logits[:, :-1].log_softmax(-1)
        each = scores.gather(-1, labels.clamp(min=0)[..., None])[..., 0] * (labels != -100)
        yield from each.sum(1).tolist()


def report(results: dict[tuple[str, int], list[dict[str, Any]]], base: list[dict[str, Any]]) -> None:
    """Accuracy by kind of question over all seeds, and the difference with its interval."""
    kinds = ["temporal", "static", *sorted({one["kind"] for one in base})]
    seeds = sorted({seed for _, seed in results})
    print(f"\n{'questions':<25}{'n':>5}{'chance':>7}{'base':>6}{'short':>6}{'dense':>6}  dense less short")
    for kind in kinds:
        at = [n for n, one in enumerate(base) if kind in (one["kind"], "temporal" if one["temporal"] else "static")]
        rights = {arm: [float(results[arm, seed][n]["right"]) for seed in seeds for n in at] for arm in ARMS}
        videos = [base[n]["video"] for _ in seeds for n in at]
        gap = [dense - short for dense, short in zip(rights["dense"], rights["short"], strict=True)]
        moved, spread = 100 * float(np.mean(gap)), 100 * Z95 * cluster_variance(gap, videos) ** 0.5
        chance = 100 * float(np.mean([1 / base[n]["options"] for n in at]))
        cells = [100 * float(np.mean(values)) for values in (rights["short"], rights["dense"])]
        known = 100 * float(np.mean([base[n]["right"] for n in at]))
        print(f"{kind:<25}{len(at):>5}{chance:>7.1f}{known:>6.1f}{cells[0]:>6.1f}{cells[1]:>6.1f}"
              f"  {moved:+.1f} ({moved - spread:+.1f} to {moved + spread:+.1f})")  # fmt: skip
    for seed in seeds:
        each = [100 * float(np.mean([one["right"] for one in results[arm, seed] if one["temporal"]])) for arm in ARMS]
        print(f"seed {seed}: temporal dense {each[0]:.1f} %, short {each[1]:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a way through in minutes; its figures mean nothing")
    parser.add_argument("--folder", type=Path, default=Path("proof-understanding"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arm", choices=ARMS, help="only this arm")
    parser.add_argument("--only", choices=("data", "base"), help="stop after this")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    sizes, folder = QUICK if asked.quick else Sizes(), asked.folder
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {asked.threads} threads; {sizes}")
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder, sizes)
    if asked.only == "data":
        return
    write_model(folder / "start")
    source = DataSource(str(folder / "base.json"))
    settings = settings_of("base", folder / "start", [source], sizes.base_steps, sizes.batch, sizes.rate, 0)
    learn(settings, folder / "run-base")
    if asked.only == "base":
        examine(folder, folder / "run-base" / "model")
        return
    results = {}
    for seed in asked.seeds:
        for arm in ARMS if asked.arm is None else (asked.arm,):
            out = folder / f"run-{arm}-{seed}"
            learn(arm_settings(folder, arm, seed, sizes), out)
            results[arm, seed] = examine(folder, out / "model")
    if asked.arm is None:
        report(results, examine(folder, folder / "run-base" / "model"))


if __name__ == "__main__":
    main()
