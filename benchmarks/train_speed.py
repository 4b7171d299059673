"""How fast a GPU trains the recipes: tokens/s, MFU and peak memory with each attention kernel, within nine minutes.

    python benchmarks/train_speed.py                       # 8B with each kernel, then 34B with the best
    python benchmarks/train_speed.py --parts 8b --kernels auto,sdpa --steps 50 --out figures.jsonl
    python benchmarks/train_speed.py --tiny                # the same way through the code on a CPU, in seconds

Needs PyTorch, transformers, peft and accelerate, and nothing else: no file, no network, no package of the core. Weights
are random and made on the device; pictures are rendered (grids of sixteen frames of three shapes, as the recipes make
them of videos), words are random, since none of that changes the speed. Model, LoRA, packing, copying, loss, optimiser
and loop are those of ``sg4v train lvlm``. One process, one GPU.

A clock ends every part in time and prints what there is: each result is a line of JSON. ``dense`` is what packed rows
cost with a mask of all tokens by all, for comparison; training never does that on a GPU. A model that does not fit the
card keeps as many of its layers as do, and the line says how many. MFU counts what training needs (with LoRA no
gradients of frozen weights), not what is calculated again.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sharegpt4video.errors import SG4VError
from sharegpt4video.learning.processes import Processes
from sharegpt4video.learning.randomness import seed_everything
from sharegpt4video.learning.schedule import Schedule
from sharegpt4video.lvlm.data.example import Example, Step
from sharegpt4video.lvlm.data.packing import collate, pack
from sharegpt4video.lvlm.model.attention import Heads, choose
from sharegpt4video.lvlm.model.kernels import registered, tell_sequences
from sharegpt4video.lvlm.model.memory import CONTEXT_BYTES, Load, Memory, memory
from sharegpt4video.lvlm.model.parts import base_model, parameter_groups, prepare
from sharegpt4video.lvlm.model.sequences import BLOCK
from sharegpt4video.lvlm.model.shapes import shape
from sharegpt4video.lvlm.model.sizes import sizes
from sharegpt4video.lvlm.settings import (
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)
from sharegpt4video.lvlm.train.engines import PlainEngine, ScoredModel
from sharegpt4video.lvlm.train.loop import Loop
from sharegpt4video.lvlm.train.speed import flops_of, peak_flops

KERNELS = ("flash_attention_3", "flash_attention_2", "varlen", "flex_attention", "sdpa")
FRAMES = ((1280, 720), (640, 480), (720, 1280))  # (width, height) of the videos that grids are made of
MEAN, STD = (0.481, 0.458, 0.408), (0.269, 0.261, 0.276)  # of CLIP, to three places
USABLE = 0.92  # of the card, as plans assume


@dataclass(frozen=True)
class Part:
    """One model with its recipe. ``steps`` are counted after ``warm`` others; ``rows`` of a step go one by one."""

    settings: TrainSettings
    kernels: tuple[str, ...]
    steps: int
    warm: int = 3
    rows: int = 2


def recipe(name: str, tokens: int, images: int, tune: TuneSettings, run: RunSettings | None = None) -> TrainSettings:
    """The settings of a shipped recipe that decide its speed; a test holds them against the package's ``configs``."""
    return TrainSettings(
        model=ModelSettings(shape=name, random_weights=True),
        tune=tune,
        data=DataSettings(max_tokens=min(tokens, 4096), pack_tokens=tokens, pack_images=images),
        optimiser=OptimiserSettings(micro_batch=1),
        run=run or RunSettings(),
    )


RECIPES = {
    "8b": recipe("llava-next-llama3-8b", 9216, 4, TuneSettings()),
    "34b": recipe("llava-next-yi-34b", 4352, 2, TuneSettings(vision="full")),
}
# In 32 bits, since processors gain nothing from 16.
TINY = recipe("tiny", 512, 2, TuneSettings(lora_rank=4, lora_alpha=8.0), RunSettings(precision="fp32"))


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="8b,34b", help="which models, in this order")
    parser.add_argument("--kernels", default="", help="of the first part: kinds, auto, dense; else all there are")
    parser.add_argument("--steps", type=int, default=20, help="of the first part, each kernel; later parts take 5")
    parser.add_argument("--micro-batch", type=int, help="rows at a time; else the recipe's")
    parser.add_argument("--pack-tokens", type=int, help="longest packed row; else the recipe's")
    parser.add_argument("--checkpointing", choices=("none", "full", "selective"), help="else the recipe's")
    parser.add_argument("--minutes", type=float, default=9.0, help="all in all; what is not done by then is left out")
    parser.add_argument("--peak-tflops", type=float, help="of the device, where it is not in the list of GPUs")
    parser.add_argument("--out", type=Path, help="a file for the lines, besides the terminal")
    parser.add_argument("--tiny", action="store_true", help="tiny models in place of both, on any device")
    return parser.parse_args(given)


def parts(asked: argparse.Namespace) -> dict[str, Part]:
    found = {}
    for number, name in enumerate(asked.parts.split(",")):
        settings = TINY if asked.tiny else RECIPES[name]
        data = replace(settings.data, pack_tokens=asked.pack_tokens or settings.data.pack_tokens)
        run = replace(settings.run, checkpointing=asked.checkpointing or settings.run.checkpointing)
        optimiser = replace(settings.optimiser, micro_batch=asked.micro_batch or 1)
        settings = replace(settings, data=data, run=run, optimiser=optimiser)
        kernels = tuple(asked.kernels.split(",")) if asked.kernels else (*KERNELS, "dense")
        if asked.tiny:
            found[name] = Part(settings, kernels if number == 0 else ("auto",), steps=1, warm=1)
        else:
            found[name] = Part(settings, kernels, asked.steps) if number == 0 else Part(settings, ("auto",), 5, warm=2)
    return found


class Clock:
    """Ends the program when its time is up, whatever it is doing: a kernel that compiles cannot be asked to stop."""

    def __init__(self, seconds: float, lines: Lines) -> None:
        self._end = time.monotonic() + seconds
        self._lines, self.doing = lines, "starting"
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left(self) -> float:
        return self._end - time.monotonic()

    def cancel(self) -> None:
        self._timer.cancel()

    def _stop(self) -> None:
        self._lines.write({"stopped": "the time is up", "while": self.doing})
        os._exit(4)


class Lines:
    """Results as lines of JSON, on stdout and in a file, each written at once."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="utf-8") if path else None
        self._lock = threading.Lock()

    def write(self, plain: dict[str, Any]) -> None:
        with self._lock:
            text = json.dumps(plain)
            print(text, flush=True)
            if self._file:
                self._file.write(text + "\n")
                self._file.flush()


def grids(side: int, factor: float = 1.0) -> list[tuple[torch.Tensor, tuple[int, int]]]:
    """Three pictures as the vision tower takes them, (5 tiles, 3, side, side), and the (height, width) of each.

    Sixteen frames of a moving square on a gradient, in a grid with white bands, at most 1920 pixels a side.
    """
    return [_grid(width, height, side, factor) for width, height in FRAMES]


def _grid(width: int, height: int, side: int, factor: float) -> tuple[torch.Tensor, tuple[int, int]]:
    width, height, band = (max(round(one * factor), 2) for one in (width, height, 50))
    across = torch.linspace(0, 1, width).expand(height, width)
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    frames = []
    for number in range(16):
        frame = torch.stack([across, down, (across + down + number / 16) % 1.0])
        at = number * (width - width // 5) // 15
        frame[:, height // 3 : height // 2, at : at + width // 5] = 1.0 - number / 32
        frames.append(functional.pad(frame, (0, band, 0, band), value=1.0))
    rows = [torch.cat(frames[four : four + 4], dim=2) for four in range(0, 16, 4)]
    picture = functional.pad(torch.cat(rows, dim=1), (band, 0, band, 0), value=1.0)
    shrink = min(1.0, 1920 * factor / max(picture.shape[1:]))
    size = [int(one * shrink) for one in picture.shape[1:]]
    squashed, tiled = (
        functional.interpolate(picture[None], to, mode="bicubic", antialias=True)
        for to in ((side, side), (2 * side, 2 * side))
    )
    tiles = tiled[0].unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).flatten(0, 1)
    mean, std = (torch.tensor(one)[:, None, None] for one in (MEAN, STD))
    return (torch.cat([squashed, tiles]).clamp(0, 1) - mean) / std, (size[0], size[1])


def visual_tokens(size: tuple[int, int], config: Any) -> int:
    """How many tokens the model makes of a picture, counted by its own code on an empty picture."""
    from transformers.models.llava_next.modeling_llava_next import get_anyres_image_grid_shape, unpad_image

    side = config.vision_config.image_size // config.vision_config.patch_size
    rows, columns = get_anyres_image_grid_shape(size, config.image_grid_pinpoints, config.vision_config.image_size)
    left = unpad_image(torch.empty(1, rows * side, columns * side), size)
    return side * side + int(left.shape[1]) * (int(left.shape[2]) + 1)


def steps(part: Part, config: Any, multiple: int, one_row: bool) -> Iterator[Step]:
    """Steps without end, each of ``rows`` packed rows of questions about pictures; answers are 100 tokens."""
    data, tiny = part.settings.data, config.vision_config.image_size < 100
    shown = grids(config.vision_config.image_size, 0.25 if tiny else 1.0)
    source = torch.Generator().manual_seed(0)
    number = 0
    while True:
        begun = time.perf_counter()
        rows: list[list[Example]] = []
        examples: list[Example] = []
        while len(rows) <= part.rows:  # the last one may not be full yet
            pixels, size = shown[len(examples) % len(shown)]
            text = int(torch.randint(30 if tiny else 120, 60 if tiny else 400, (), generator=source))
            examples.append(_example(f"{number}-{len(examples)}", pixels, size, config, text, source))
            rows = pack(examples, data.pack_tokens, data.pack_images)
        rows = rows[: part.rows]
        each = part.settings.optimiser.micro_batch
        batches = [collate(rows[at : at + each], 0, True, one_row=one_row, multiple=multiple)
                   for at in range(0, len(rows), each)]  # fmt: skip
        learned, count = sum(batch.loss_tokens for batch in batches), sum(len(row) for row in rows)
        yield Step(number, batches, count, learned, [], 0.0, time.perf_counter() - begun)
        number += 1


def _example(
    name: str, pixels: torch.Tensor, size: tuple[int, int], config: Any, text: int, source: torch.Generator
) -> Example:
    words = torch.randint(300, config.text_config.vocab_size, (text,), generator=source)
    words[words == config.image_token_id] = 301
    seen = visual_tokens(size, config)
    ids = torch.cat([words[:10], torch.full((seen,), config.image_token_id), words[10:]])
    labels = torch.full_like(ids, -100)
    labels[-min(100, text - 15) :] = ids[-min(100, text - 15) :]
    return Example(name, ids, labels, (pixels,), (size,), visual_tokens=seen, media=1)


def fitted(part: Part, device: torch.device) -> tuple[Any, Memory]:
    """The configuration with as many layers as fit the card, and what it needs there by the plan."""
    config = shape(part.settings.model.shape).config()
    limit = USABLE * torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else float("inf")
    while True:
        needed = planned(part, config)
        if needed.total <= limit or config.text_config.num_hidden_layers <= 1:
            return config, needed
        config.text_config.num_hidden_layers -= 1


def planned(part: Part, config: Any) -> Memory:
    settings, size = part.settings, sizes(config)
    each = settings.data.pack_images * settings.optimiser.micro_batch
    load = Load(
        tokens=settings.data.pack_tokens * settings.optimiser.micro_batch,
        vision_tokens=5 * each * (size.patches + 1),
        patches=5 * each * size.patches,
        learned=100 * each,
    )
    return memory(size, settings.tune, settings.run, load, sharding="none", gpus=1)


def make_loop(part: Part, config: Any, processes: Processes, peak: float | None) -> Loop:
    """The model at random weights, ready to train, in the loop of ``sg4v train lvlm``."""
    from transformers import AutoModelForImageTextToText

    names = {"text_config": registered("sdpa"), "vision_config": "sdpa"}
    with processes.device:
        model = AutoModelForImageTextToText.from_config(config, dtype=arithmetic(part), attn_implementation=names)
    tell_sequences(model)
    prepared = prepare(model, part.settings.tune, part.settings.run)
    groups = parameter_groups(prepared, part.settings.tune, 0.0)
    engine = PlainEngine(ScoredModel(prepared), groups, part.settings.optimiser, processes)
    return Loop(
        engine=engine, processes=processes, schedule=Schedule([group["lr"] for group in groups], 10**6, 0.03),
        group_names=tuple(group["name"] for group in groups), total_steps=10**6,
        flops=flops_of(part.settings, prepared), peak_flops=peak, blank=_no_blank,
    )  # fmt: skip


def arithmetic(part: Part) -> torch.dtype:
    return torch.bfloat16 if part.settings.run.precision == "bf16" else torch.float32


def _no_blank() -> Any:
    raise RuntimeError("one process never lacks a batch")


def measure(part: Part, kernel: str, loop: Loop, clock: Clock) -> dict[str, Any]:
    """Run the steps with one kernel; gives the means of those that were done in time."""
    inner: Any = base_model(loop.engine.module)
    config, device = inner.config, loop.processes.device
    if kernel == "dense":
        kind, why = "dense", "transformers' SDPA with a mask of all tokens by all"
    else:
        found = choose(kernel, device, Heads.of(config.text_config, arithmetic(part)))
        kind, why = found.kind, found.why
    config.text_config._attn_implementation = "sdpa" if kind == "dense" else registered(kind)
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    reports = []
    wanted = min(part.steps, 5) if kind == "dense" else part.steps
    coming = steps(part, config, BLOCK if kind == "flex_attention" else 1, True)
    begun = time.perf_counter()
    first = 0.0
    for report, _, _ in loop.run(coming, lambda: False):
        first = first or time.perf_counter() - begun
        reports.append(report)
        if len(reports) == part.warm + wanted or clock.left < 15 + 2 * report.seconds:
            break
    counted = reports[part.warm :] or reports[-1:]
    seconds = sum(one.seconds for one in counted)
    tokens = sum(one.tokens for one in counted)
    mfu = [one.mfu for one in counted if one.mfu is not None]
    return {
        "attention": kind, "why": why, "steps": len(counted), "wanted_steps": wanted,
        "tokens_per_second": round(tokens / seconds, 1), "mfu": round(sum(mfu) / len(mfu), 4) if mfu else None,
        "peak_gb": round(max(one.peak_memory_bytes for one in reports) / 1e9, 2),
        "step_seconds": round(seconds / len(counted), 3), "first_step_seconds": round(first, 2),
        "tokens_per_step": round(tokens / len(counted)), "samples_per_step": counted[-1].samples,
        "data_stall": round(sum(one.data_stall for one in counted) / len(counted), 3),
        "loss_first": reports[0].loss, "loss_last": reports[-1].loss,
    }  # fmt: skip


def run_part(name: str, part: Part, processes: Processes, peak: float | None, clock: Clock, lines: Lines) -> None:
    """One model with each of its kernels; what fails or has no time left is a line, too."""
    said: dict[str, Any] = {"part": name, "shape": part.settings.model.shape}
    if clock.left < 60 and processes.device.type == "cuda":
        lines.write({**said, "skipped": f"{clock.left:.0f} s are left, too few to make the model"})
        return
    clock.doing = f"making {name}"
    whole = shape(part.settings.model.shape).config().text_config.num_hidden_layers
    config, needed = fitted(part, processes.device)
    said |= {"layers": config.text_config.num_hidden_layers, "layers_of_the_model": whole,
             "planned_gb": round((needed.total - CONTEXT_BYTES) / 1e9, 2)}  # fmt: skip
    begun = time.perf_counter()
    loop = make_loop(part, config, processes, peak)
    model = loop.engine.module
    lines.write({**said, "parameters": sum(p.numel() for p in model.parameters()),
                 "learn": sum(p.numel() for p in loop.engine.trained.values()),
                 "made_in_seconds": round(time.perf_counter() - begun, 1), "tune": asdict(part.settings.tune),
                 "checkpointing": part.settings.run.checkpointing,
                 "pack_tokens": part.settings.data.pack_tokens})  # fmt: skip
    for kernel in part.kernels:
        clock.doing = f"{name} with {kernel}"
        if clock.left < 30 and processes.device.type == "cuda":
            lines.write({**said, "attention": kernel, "skipped": f"{clock.left:.0f} s are left"})
            continue
        try:
            lines.write({**said, **measure(part, kernel, loop, clock)})
        except SG4VError as error:
            lines.write({**said, "attention": kernel, "skipped": str(error)})
        except Exception as error:  # noqa: BLE001 - another kernel may do what this one does not
            text = " ".join(str(error).split())[:400]
            lines.write({**said, "attention": kernel, "failed": f"{type(error).__name__}: {text}"})
            loop.engine.optimiser.zero_grad(set_to_none=True)


def main(given: list[str] | None = None) -> None:
    asked = arguments(given)
    lines = Lines(asked.out)
    clock = Clock(asked.minutes * 60 - 5, lines)
    processes = Processes()
    seed_everything(0)
    torch.set_float32_matmul_precision("high")
    device = processes.device
    peak = asked.peak_tflops * 1e12 if asked.peak_tflops else peak_flops(device)
    lines.write({
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "CPU",
        "peak_tflops": peak / 1e12 if peak else None, "torch": torch.__version__, "python": platform.python_version(),
        "transformers": __import__("transformers").__version__, "cores": os.cpu_count(),
    })  # fmt: skip
    if device.type != "cuda" and not asked.tiny:
        raise SystemExit("no GPU was found; --tiny walks the same way through the code on a CPU")
    for name, part in parts(asked).items():
        run_part(name, part, processes, peak, clock, lines)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    clock.cancel()


if __name__ == "__main__":
    main()
