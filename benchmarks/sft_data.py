"""From conversations to training steps: how fast samples are made ready, and how full the packed rows are.

- grids: 720p clips of 20 s shown as grids of 16 frames, made from the videos while training, beside the same grids
  written as JPEG files beforehand; samples a second, for several numbers of processes. The processor is that of the 8B
  model (tiles of 336 pixels, five resolutions), the tokenizer a small one.
- packing: lengths as in the released mix, 1 944 to 2 928 visual tokens by the shape of the video and a log-normal text,
  one sample in twenty a text alone. The share of tokens that are not padding, for samples padded in twos and for packed
  rows; how many rows there are, and how many first fit in the order they come would need; in steps of 128.

    python benchmarks/sft_data.py [--clips 12] [--only grids|packing]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

from sharegpt4video.lvlm.data.encode import Encoder
from sharegpt4video.lvlm.data.example import Example
from sharegpt4video.lvlm.data.loader import StepLoader
from sharegpt4video.lvlm.data.media import media_of
from sharegpt4video.lvlm.data.packing import pack
from sharegpt4video.lvlm.data.samples import read_samples
from sharegpt4video.lvlm.settings import DataSettings, DataSource, OptimiserSettings

VISUAL = ((1948, 0.75), (2340, 0.1), (1968, 0.1), (2928, 0.05))  # 16:9, 4:3, portrait, square
STEP = 128


def write_clips(folder: Path, count: int) -> None:
    """Clips of 20 s at 25 frames a second, 1280x720, of a moving pattern; a key frame every 2 s."""
    for number in range(count):
        dice = np.random.default_rng(number)
        scene = np.asarray(Image.fromarray(dice.integers(0, 255, (60, 120, 3), np.uint8)).resize((2560, 1440)))
        with av.open(str(folder / f"{number}.mp4"), "w") as output:
            stream: Any = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "50"})
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            for at in range(500):
                picture = np.ascontiguousarray(scene[at : at + 720, 2 * at : 2 * at + 1280])
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            output.mux(stream.encode())


def processor() -> Any:
    """The pictures of the 8B model, and a tokenizer of one token for each byte."""
    import tokenizers
    import transformers
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    core = tokenizers.Tokenizer(tokenizers.models.BPE({letter: at for at, letter in enumerate(letters)}, []))
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    marks = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>", "<pad>"]
    core.add_special_tokens(marks)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>")
    pictures = LlavaNextImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    return transformers.LlavaNextProcessor(
        pictures, tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1
    )


def conversations(folder: Path, count: int, key: str, ending: str) -> Path:
    turns = [
        {"from": "human", "value": "<image>\nDescribe this video in detail."},
        {"from": "gpt", "value": "Text. " * 80},
    ]
    samples = [{"id": number, key: f"{number}.{ending}", "conversations": turns} for number in range(count)]
    path = folder / f"{key}.json"
    path.write_text(json.dumps(samples))
    return path


def samples_per_second(path: Path, workers: int, made: Any, epochs: int) -> float:
    """Over a run, the start of the processes left out: from the end of the first step to the end of the last."""
    settings = DataSettings(workers=workers, ready_steps=2)
    steps = StepLoader(
        [DataSource(str(path))], Encoder(made, settings, recipe="llama3"), settings,
        OptimiserSettings(global_batch=4, micro_batch=1, epochs=epochs),
    )  # fmt: skip
    begin, count = 0.0, 0
    for step in steps:
        count += step.samples if begin else 0
        begin = begin or time.perf_counter()
    return count / (time.perf_counter() - begin)


def grids(clips: int) -> None:
    made = processor()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(folder, clips)
        videos, pictures = conversations(folder, clips, "video", "mp4"), conversations(folder, clips, "image", "jpg")
        for number, sample in enumerate(read_samples(DataSource(str(videos)))):
            Image.fromarray(media_of(sample, DataSettings())[0]).save(folder / f"{number}.jpg", quality=90)
        print(f"{'processes':>10} {'from videos':>14} {'from JPEG grids':>16}   samples/s")
        for workers in (0, 1, 2):
            slow, fast = (
                samples_per_second(path, workers, made, epochs) for path, epochs in ((videos, 2), (pictures, 6))
            )
            print(f"{workers:>10} {slow:>14.2f} {fast:>16.2f}")


def lengths(count: int) -> list[tuple[int, int]]:
    """(tokens, pictures) of samples."""
    dice = np.random.default_rng(0)
    visual = dice.choice([tokens for tokens, _ in VISUAL], count, p=[share for _, share in VISUAL])
    text = np.clip(np.exp(dice.normal(5.3, 0.6, count)), 30, 2000).astype(int)
    alone = dice.random(count) < 0.05
    return [
        (int(words) + (0 if no else int(seen)), int(not no))
        for words, seen, no in zip(text, visual, alone, strict=True)
    ]


def first_fit(sizes: Sequence[tuple[int, int]], room: int, most: int) -> int:
    """How many rows the obvious way needs: each sample into the first row with room."""
    rows: list[list[int]] = []
    for tokens, pictures in sizes:
        row = next((row for row in rows if row[0] + tokens <= room and row[1] + pictures <= most), None)
        if row is None:
            rows.append(row := [0, 0])
        row[0] += tokens
        row[1] += pictures
    return len(rows)


def packing() -> None:
    sizes = lengths(STEP * 100)
    used = sum(tokens for tokens, _ in sizes)
    padded = sum(2 * max(sizes[at][0], sizes[at + 1][0]) for at in range(0, len(sizes), 2))
    print(f"{len(sizes)} samples, {used / len(sizes):.0f} tokens each on average, in steps of {STEP}")
    print(f"share that is not padding, one sample a row, padded in twos: {100 * used / padded:.1f} %")
    for room in (8192, 9216, 16384):
        begin = time.perf_counter()
        ours = [pack([example(*size) for size in step], room, room // 1024) for step in in_steps(sizes)]
        seconds = time.perf_counter() - begin
        first = sum(first_fit(step, room, room // 1024) for step in in_steps(sizes))
        count = sum(len(rows) for rows in ours)
        beside = sum(2 * max(map(tokens_of, rows[at : at + 2])) for rows in ours for at in range(0, len(rows), 2))
        print(
            f"rows of {room}: {count} (first fit {first}), {100 * used / (count * room):.1f} % full "
            f"({100 * used / (first * room):.1f} %); not padding: two rows side by side {100 * used / beside:.1f} %, "
            f"one after the other 100 %; {1e6 * seconds / len(sizes):.0f} us a sample"
        )


def in_steps(sizes: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    return [sizes[at : at + STEP] for at in range(0, len(sizes), STEP)]


def tokens_of(row: Sequence[Example]) -> int:
    return sum(one.tokens for one in row)


def example(tokens: int, pictures: int) -> Example:
    ids = torch.zeros(tokens, dtype=torch.long)
    return Example("", ids, ids, media=pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--only", choices=["grids", "packing"])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    if chosen.only != "grids":
        packing()
    if chosen.only != "packing":
        grids(chosen.clips)


if __name__ == "__main__":
    main()
