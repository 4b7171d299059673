"""What ShareCaptioner-Video needs, computed from its shape, and how fast it is, measured with random weights.

    python benchmarks/sharecaptioner.py                            # memory and operations of the full-size model
    python benchmarks/sharecaptioner.py --measure                  # full size on a GPU: seconds, tokens/s, memory
    python benchmarks/sharecaptioner.py --measure --tiny           # the same way through the code on a CPU
    python benchmarks/sharecaptioner.py --measure --quantized int4

Beside it runs transformers' own Llama of the same size, without tower and low-rank additions, on prompts of as many
tokens. Random weights are as fast as learned ones. Needs PyTorch and transformers (the extra ``hf``), no file and no
network.
"""

from __future__ import annotations

import argparse
import gc
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sharegpt4video.vlm.sharecaptioner.pictures import tiles_of
from sharegpt4video.vlm.sharecaptioner.shape import RELEASED, Shape, Tower
from sharegpt4video.vlm.sharecaptioner.sizes import (
    Load,
    answer_flops,
    cache_bytes,
    cache_bytes_per_token,
    parameters,
    prompt_bytes,
    prompt_flops,
    total_bytes,
    typical,
    weight_bytes,
)

GB = 1e9
PAIR = (1280, 1490)  # two frames of 1280x720, one above the other
HD_NUM = 9
TINY = replace(
    RELEASED, hidden=256, intermediate=512, layers=2, heads=4, kv_heads=2, vocabulary=1000,
    tower=Tower(hidden=64, intermediate=128, layers=2, heads=2),
)  # fmt: skip
BATCHES = ((1, 1), (1, 3), (4, 1), (4, 3))  # (rows, beams)


@dataclass(frozen=True)
class Timed:
    """Seconds from the prompt to the first token, seconds for each later one, most bytes on the device (0: a CPU)."""

    first_seconds: float
    token_seconds: float
    peak_bytes: float


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="run it, besides computing")
    parser.add_argument("--tiny", action="store_true", help="run a small model in its place, on any device")
    parser.add_argument("--layers", type=int, default=RELEASED.layers, help="of the language model that is run")
    parser.add_argument("--tokens", type=int, default=64, help="to write in each run")
    parser.add_argument(
        "--quantized", choices=("none", "int8", "int4"), default="none", help="of the model that is run"
    )
    parser.add_argument("--device", default="auto", help="cuda, cpu; else the best there is")
    return parser.parse_args(given)


def computed(shape: Shape = RELEASED) -> Iterator[str]:
    """The tables in docs/models.md: memory by precision, then what one request of each role costs."""
    count = parameters(shape)
    language, pictures = count["words"] + count["layers"], count["pictures"]
    yield (
        f"{(language + pictures) / 1e9:.2f} billion weights: language model {language / 1e9:.2f},"
        f" tower, projector and low-rank additions {pictures / 1e9:.2f};"
        f" cache {cache_bytes_per_token(shape) / 1024:.0f} KiB per token and beam"
    )
    yield ""
    yield "| | weights | one `change`, beams 1 | beams 3 | four at once, beams 3 |"
    yield "|---|---|---|---|---|"
    change = dict(typical())["change"]
    for quantized in ("none", "int8", "int4"):
        loads = (change, replace(change, beams=3), replace(change, rows=4, beams=3))
        needs = " | ".join(f"{total_bytes(load, quantized, shape) / GB:.1f} GB" for load in loads)
        name = "16 bits" if quantized == "none" else f"`{quantized}`"
        yield f"| {name} | {weight_bytes(quantized, shape) / GB:.1f} GB | {needs} |"
    yield ""
    yield "| role (1280x720) | tiles | prompt tokens | cache, prompt (MB) | prompt (TFLOP) | each token (GFLOP) |"
    yield "|---|---|---|---|---|---|"
    for role, load in typical():
        need = f"{cache_bytes(load, shape) / 1e6:.0f}, {prompt_bytes(load, shape) / 1e6:.0f}"
        work = f"{prompt_flops(load, shape) / 1e12:.1f} | {answer_flops(load, shape) / 1e9:.1f}"
        yield f"| `{role}` | {load.tiles or '–'} | {load.prompt:,} | {need} | {work} |"


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Each batch with ours and with transformers' Llama, a line each."""
    import torch

    device = asked.device if asked.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    shape = TINY if asked.tiny else replace(RELEASED, layers=asked.layers)
    change = dict(typical())["change"]
    where = platform.machine() if device == "cpu" else torch.cuda.get_device_name(device)
    yield (
        f"{where}, torch {torch.__version__}: prompts of {change.prompt} tokens, {asked.tokens} written;"
        f" {'a small model' if asked.tiny else f'{shape.layers} of {RELEASED.layers} layers'}, {asked.quantized}"
    )
    yield "| model | rows x beams | seconds to the first token | tokens/s | GFLOP/s of the prompt | peak |"
    yield "|---|---|---|---|---|---|"
    for name, make in (("ours", ours), ("transformers' Llama", llama)):
        model = make(shape, device, asked.quantized)
        for rows, beams in BATCHES if device != "cpu" else BATCHES[:2]:
            load = replace(change, rows=rows, beams=beams)
            done = timed(model, load, asked.tokens, tower=name == "ours")
            peak = f"{done.peak_bytes / GB:.1f} GB" if done.peak_bytes else "–"
            speed = rows / done.token_seconds
            work = prompt_flops(load, shape) / done.first_seconds / 1e9 if name == "ours" else 0.0
            yield (
                f"| {name} | {rows} x {beams} | {done.first_seconds:.2f} | {speed:.1f} |"
                f" {f'{work:,.0f}' if work else '–'} | {peak} |"
            )
        del model
        gc.collect()
        if device != "cpu":
            torch.cuda.empty_cache()


def ours(shape: Shape, device: str, quantized: str) -> Any:
    """The captioner with random weights, made on the device, or on the CPU first where it is quantized."""
    import torch

    from sharegpt4video.vlm.sharecaptioner.loading import quantization
    from sharegpt4video.vlm.sharecaptioner.model import ShareCaptioner, configuration

    if quantized == "none":
        return made(device, lambda: ShareCaptioner(configuration(shape), shape))
    weights = made("cpu", lambda: ShareCaptioner(configuration(shape), shape)).state_dict()
    return ShareCaptioner.from_pretrained(
        None,
        shape,
        config=configuration(shape),
        state_dict=weights,
        dtype=torch.float16,
        quantization_config=quantization(quantized, torch.float16),
        device_map={"": device},
    ).eval()


def llama(shape: Shape, device: str, _quantized: str) -> Any:
    """transformers' Llama of that size, never quantized."""
    from transformers import LlamaForCausalLM

    from sharegpt4video.vlm.sharecaptioner.model import configuration

    return made(device, lambda: LlamaForCausalLM(configuration(shape)))


def made(device: str, build: Callable[[], Any]) -> Any:
    """A model of 16 bits (32 on a CPU), built where it stays."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if device == "cpu" else torch.float16)
    try:
        with torch.device(device):
            return build().eval()
    finally:
        torch.set_default_dtype(before)


def timed(model: Any, load: Load, tokens: int, *, tower: bool) -> Timed:
    """One request of that load, twice: to the first token and to ``tokens``; pictures go through the tower in both."""
    import torch

    on_gpu = model.device.type == "cuda"
    columns, rows = tiles_of(*PAIR, HD_NUM)
    pixels = torch.rand(load.rows, 3, 336 * rows, 336 * columns)
    mask = torch.zeros(load.rows, load.prompt, dtype=torch.bool, device=model.device)
    mask[:, 1 : 1 + load.picture] = True
    ids = torch.full((load.rows, load.prompt), 7, device=model.device)

    def write(count: int) -> float:
        if on_gpu:
            torch.cuda.synchronize()
        began = time.perf_counter()
        embedded = model.get_input_embeddings()(ids)
        given: dict[str, Any] = {"input_ids": ids, "inputs_embeds": embedded, "attention_mask": torch.ones_like(ids)}
        if tower:
            embedded[mask] = torch.cat(model.see(list(pixels)))
            given["picture_mask"] = mask
        model.generate(
            **given, do_sample=False, num_beams=load.beams, min_new_tokens=count, max_new_tokens=count, pad_token_id=2
        )
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - began

    with torch.inference_mode():
        write(2)  # kernels are chosen and compiled
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        first = write(1)
        whole = write(tokens)
    peak = float(torch.cuda.max_memory_allocated()) if on_gpu else 0.0
    return Timed(first, (whole - first) / (tokens - 1), peak)


def main() -> None:
    asked = arguments()
    for line in computed():
        print(line)
    if asked.measure:
        print()
        for line in run(asked):
            print(line, flush=True)


if __name__ == "__main__":
    main()
