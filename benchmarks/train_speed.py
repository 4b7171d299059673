"""How fast a model is trained on this machine: tokens/s, MFU, HFU, memory, and where the time goes.

    python benchmarks/train_speed.py --config configs/sharegpt4video-8b.yaml --random-weights --steps 50 --synthetic
    python benchmarks/train_speed.py --config configs/tiny.yaml --steps 3      # on a CPU, in seconds

Weights are random and samples are made up, since neither changes the speed: no file and no network is needed. A sample
is a 4 x 4 grid of a 16:9 video (5 tiles, 1,948 visual tokens in the shape of the 8B model) and --text-tokens of text,
of which --answer-tokens are learned. The loop, the model, packing and loss are those of ``sg4v train lvlm``; a step has
--samples samples (the recipe's 128 would only make the optimiser's share smaller). One process, one GPU.

MFU counts what training needs: forward, gradients of activations, and gradients of weights that learn (with LoRA, no
gradients of the frozen ones). HFU counts also what is calculated again or for nothing. The parts are timed alone, after
the steps, on a batch of theirs; "language" is what remains.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sharegpt4video.config import load_yaml
from sharegpt4video.lvlm.data.encode import Example
from sharegpt4video.lvlm.data.loader import Step
from sharegpt4video.lvlm.data.packing import Batch, collate, pack
from sharegpt4video.lvlm.grid import visual_tokens
from sharegpt4video.lvlm.model.build import attention_kind
from sharegpt4video.lvlm.model.flops import Flops
from sharegpt4video.lvlm.model.loss import summed_loss
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.lvlm.train.assemble import make_engine, make_model
from sharegpt4video.lvlm.train.loop import Loop
from sharegpt4video.lvlm.train.processes import Processes
from sharegpt4video.lvlm.train.randomness import seed_everything
from sharegpt4video.lvlm.train.report import StepReport
from sharegpt4video.lvlm.train.schedule import Schedule
from sharegpt4video.lvlm.train.speed import flops_of, peak_flops

GRID = (1103, 1920)  # height, width: sixteen frames of 1280 x 720 as the recipe puts them together
TILE = 336


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--random-weights", action="store_true", help="always so; stands for clearness")
    parser.add_argument("--synthetic", action="store_true", help="always so; stands for clearness")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--warm", type=int, default=3, help="first steps that are not counted")
    parser.add_argument("--samples", type=int, default=16, help="of a step")
    parser.add_argument("--text-tokens", type=int, default=200)
    parser.add_argument("--answer-tokens", type=int, default=100)
    parser.add_argument("--micro-batch", type=int, help="rows at a time; else the config's")
    parser.add_argument("--pack-tokens", type=int, help="longest packed row; else the config's")
    parser.add_argument("--checkpointing", choices=("none", "full", "selective"), help="else the config's")
    parser.add_argument("--attention", help="else the config's")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--peak-tflops", type=float, help="of the device, where it is not in the list of GPUs")
    return parser.parse_args()


def settings_of(asked: argparse.Namespace) -> TrainSettings:
    """The config, with random weights and in one process."""
    settings = load_yaml(asked.config, TrainSettings)
    model = replace(settings.model, base="", random_weights=True, attention=asked.attention or settings.model.attention)
    data = replace(settings.data, pack_tokens=asked.pack_tokens or settings.data.pack_tokens)
    run = replace(settings.run, sharding="none", compile=asked.compile or settings.run.compile,
                  checkpointing=asked.checkpointing or settings.run.checkpointing)  # fmt: skip
    optimiser = replace(settings.optimiser, micro_batch=asked.micro_batch or settings.optimiser.micro_batch)
    return replace(settings, model=model, data=data, run=run, optimiser=optimiser)


def example(config: Any, number: int, text: int, answer: int) -> Example:
    """A made-up sample: a picture of noise, then words; the last ones are learned."""
    side, patch = config.vision_config.image_size, config.vision_config.patch_size
    height, width = (round(length * side / TILE) for length in GRID)
    shown = visual_tokens(width, height, mode="anyres", pinpoints=config.image_grid_pinpoints, tile=side, patch=patch)
    source = torch.Generator().manual_seed(number)
    words = torch.randint(300, config.text_config.vocab_size, (text,), generator=source)
    words[words == config.image_token_id] = 300
    ids = torch.cat([words[:10], torch.full((shown,), config.image_token_id), words[10:]])
    labels = torch.full_like(ids, -100)
    labels[-answer:] = ids[-answer:]
    pixels = torch.randn(5, 3, side, side, generator=source)
    return Example(str(number), ids, labels, (pixels,), ((height, width),), visual_tokens=shown, media=1)


def synthetic(settings: TrainSettings, config: Any, asked: argparse.Namespace, one_row: bool) -> Iterator[Step]:
    """Steps without end; the examples of a step are made anew, as decoded videos would be."""
    number = 0
    while True:
        begun = time.perf_counter()
        examples = [example(config, number * asked.samples + n, asked.text_tokens, asked.answer_tokens)
                    for n in range(asked.samples)]  # fmt: skip
        rows = [[one] for one in examples]
        if settings.data.packing:
            rows = pack(examples, settings.data.pack_tokens, settings.data.pack_images)
        each = settings.optimiser.micro_batch
        batches = [collate(rows[at : at + each], 0, settings.data.packing, one_row=one_row)
                   for at in range(0, len(rows), each)]  # fmt: skip
        learned = sum(batch.loss_tokens for batch in batches)
        yield Step(number, batches, len(examples), learned, [], 0.0, time.perf_counter() - begun)
        number += 1


def timed(work: Callable[[], object], device: torch.device, times: int = 3) -> float:
    """Seconds of some work, the least of a few tries."""
    found = []
    for _ in range(times):
        _wait(device)
        begun = time.perf_counter()
        work()
        _wait(device)
        found.append(time.perf_counter() - begun)
    return min(found)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def parts(loop: Loop, settings: TrainSettings, batch: Batch, batches: int) -> dict[str, float]:
    """Seconds a step spends on vision, loss and optimiser, each alone, for ``batches`` like this one."""
    device, engine = loop.processes.device, loop.engine
    model: Any = engine.module.model
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    half = settings.run.precision == "bf16"
    inputs = {name: value.to(device) for name, value in batch.inputs.items()}
    head = model.get_output_embeddings().weight
    kind = torch.bfloat16 if half else torch.float32
    hidden = torch.randn(batch.loss_tokens, head.shape[1], device=device, dtype=kind, requires_grad=True)
    targets = torch.randint(0, head.shape[0], (batch.loss_tokens,), device=device)

    def vision() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            seen = model.model.get_image_features(inputs["pixel_values"], inputs["image_sizes"])
            total = torch.cat(list(seen.pooler_output)).float().sum()
        if total.requires_grad:
            total.backward()

    def loss() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            summed_loss(hidden, head, targets).backward()

    def optimiser() -> None:
        engine.update([0.0] * len(loop.group_names))

    seconds = {"vision and projector": timed(vision, device) * batches, "head and loss": timed(loss, device) * batches}
    engine.backward(inputs, 0.0, last=True)
    return seconds | {"optimiser": timed(optimiser, device, 1)}


def describe(reports: list[StepReport], flops: Flops, peak: float | None) -> dict[str, float]:
    """Print the figures of the counted steps; gives the seconds of one."""
    seconds = sum(one.seconds for one in reports) / len(reports)
    stall = sum(one.data_stall * one.seconds for one in reports) / len(reports)
    tokens = sum(one.tokens for one in reports) / len(reports)
    first, last = reports[0], reports[-1]
    held = f"{first.samples} samples, {tokens:,.0f} tokens ({first.visual_tokens:,} visual)"
    print(f"step          {seconds:8.3f} s, {held}")
    print(f"speed         {tokens / seconds:8,.0f} tokens/s, {first.samples / seconds:.2f} samples/s")
    print(f"arithmetic    {flops.model / 1e12:8.2f} TFLOP a step; with what is done again {flops.hardware / 1e12:.2f}")
    if peak:
        print(f"MFU           {flops.model / seconds / peak:8.1%}   HFU {flops.hardware / seconds / peak:.1%}"
              f"   (peak {peak / 1e12:g} TFLOP/s)")  # fmt: skip
    else:
        print("MFU           not known: the device's peak is not in the list; give --peak-tflops")
    print(f"memory        {last.peak_memory_bytes / 2**30:8.1f} GiB at most")
    print(f"loss          {first.loss:8.3f} at first, {last.loss:.3f} at last (of random words)")
    return {"step": seconds, "data": stall}


def main() -> None:
    asked = arguments()
    settings, processes = settings_of(asked), Processes()
    seed_everything(0)
    torch.set_float32_matmul_precision("high" if settings.run.precision == "bf16" else "highest")
    model, groups = make_model(settings, processes)
    config: Any = model.config
    if config.model_type != "llava_next":
        raise SystemExit(f"made-up samples are known for LLaVA-NeXT alone, not for {config.model_type}")
    engine = make_engine(settings, model, groups, processes)
    peak = asked.peak_tflops * 1e12 if asked.peak_tflops else peak_flops(processes.device)
    kind = attention_kind(settings.model.attention, processes.device)
    names = tuple(group["name"] for group in groups)
    total = asked.warm + asked.steps
    loop = Loop(engine=engine, processes=processes, schedule=Schedule([g["lr"] for g in groups], total, 0.03),
                group_names=names, total_steps=total, flops=flops_of(settings, model), peak_flops=peak,
                blank=lambda: (_ for _ in ()).throw(RuntimeError("one process never lacks a batch")))  # fmt: skip
    device = torch.cuda.get_device_name() if processes.device.type == "cuda" else platform.processor() or "CPU"
    learned = sum(p.numel() for p in engine.trained.values())
    where = f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"{settings.name} at random weights on {where}")
    count = sum(p.numel() for p in model.parameters())
    print(f"{count:,} parameters, {learned:,} learn; attention {kind}, "
          f"recomputed: {settings.run.checkpointing}, packing {settings.data.packing}, "
          f"{settings.run.precision}")  # fmt: skip
    reports, last = [], None
    for report, step, _ in loop.run(synthetic(settings, config, asked, kind == "flash_attention_2"), lambda: False):
        if report.step > asked.warm:
            reports.append(report)
        last = step
        if report.step == total:
            break
    assert last is not None
    spent = describe(reports, flops_of(settings, model)(last.batches), peak)
    found = parts(loop, settings, last.batches[0], len(last.batches)) | {"data": spent["data"]}
    found["language (the rest)"] = spent["step"] - sum(found.values())
    print("where the time goes")
    for name, seconds in sorted(found.items(), key=lambda item: -item[1]):
        print(f"  {name:<22}{seconds:8.3f} s {seconds / spent['step']:6.1%}")


if __name__ == "__main__":
    main()
