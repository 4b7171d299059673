"""How many facts of unseen videos of the chain world a captioner has right, in each of its four roles.

    sg4v train captioner captioner-tiny --out runs/tiny && sg4v train merge runs/tiny --out models/captioner-tiny
    python benchmarks/chain_captions.py --model hf:models/captioner-tiny

Every text is read by the exact reader of that world (`world.chain.told`). A step has its looks (size, colour, shape,
place), its event, and the name it keeps; a whole its looks and its events in order, and what is told and did not happen
counts as one more fact, which is wrong. Two sets: chains like those it learned from, and held-out compositions.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

from _chain_exam import captioned, chain_set, fast_rows, recaption_rows, settings, sliding_rows, totals

from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm import open_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="hf:FOLDER")
    parser.add_argument("--videos", type=int, default=100, help="of each set")
    parser.add_argument("--events", type=int, nargs=2, default=(1, 4), metavar=("LEAST", "MOST"))
    parser.add_argument("--fast-frames", type=int, default=8, help="frames of fast mode")
    parser.add_argument("--prompts", default="brief")
    parser.add_argument("--folder", type=Path, help="where the videos go (default: nowhere that stays)")
    asked = parser.parse_args()
    model = open_model(asked.model, prompts=prompt_set(asked.prompts), max_concurrent=32)
    print(f"{asked.model}, {asked.videos} videos of {asked.events[0]} to {asked.events[1]} events; Python"
          f" {platform.python_version()}")  # fmt: skip
    print(f"{'set':<14}{'steps':>8}{'summary':>9}{'fast':>8}{'recaption':>11}{'CPU s':>8}")
    with tempfile.TemporaryDirectory() as place:
        for number, split in enumerate(("train", "composition")):
            folder = (asked.folder or Path(place)) / split
            videos = chain_set(folder, asked.videos, 1000 + number, *asked.events, split)
            begun, scenes = time.process_time(), list(videos.values())
            sliding = sliding_rows(captioned(model, list(videos), settings(asked.prompts)), scenes)
            shares = [
                totals(sliding, "step_right", "step_facts"),
                totals(sliding),
                totals(fast_rows(model, videos, asked.prompts, asked.fast_frames)),
                totals(recaption_rows(model, scenes, asked.prompts)),
            ]
            used, name = time.process_time() - begun, {"train": "like learned"}.get(split, split)
            print(
                f"{name:<14}{shares[0]:>8.1%}{shares[1]:>9.1%}{shares[2]:>8.1%}{shares[3]:>11.1%}{used:>8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
