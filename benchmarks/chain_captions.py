"""How many facts of unseen videos of the chain world a captioner has right, in each of its four roles.

    sg4v train captioner captioner-tiny --out runs/tiny && sg4v train merge runs/tiny --out models/captioner-tiny
    python benchmarks/chain_captions.py --model hf:models/captioner-tiny --learned data/chains

Every text is read by the exact reader of that world (`world.chain.told`). A step has its looks (size, colour, shape,
place), its event, and the name it keeps; a whole its looks and its events in order, and what is told and did not happen
counts as one more fact, which is wrong. Two sets: chains like those it learned from, and held-out compositions. Short
stories are few, so some come up again: with ``--learned``, those that are told in the sets there are left out.
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
from sharegpt4video.world.chain.scenes import ChainScene
from sharegpt4video.world.files import AnyScene, read_scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="hf:FOLDER")
    parser.add_argument("--videos", type=int, default=100, help="of each set")
    parser.add_argument("--learned", type=Path, nargs="+", default=[], help="the sets that the captioner learned from")
    parser.add_argument("--events", type=int, nargs=2, default=(1, 4), metavar=("LEAST", "MOST"))
    parser.add_argument("--fast-frames", type=int, default=8, help="frames of fast mode")
    parser.add_argument("--prompts", default="brief")
    parser.add_argument("--folder", type=Path, help="where the videos go (default: nowhere that stays)")
    asked = parser.parse_args()
    model = open_model(asked.model, prompts=prompt_set(asked.prompts), max_concurrent=32)
    print(f"{asked.model}, {asked.videos} videos of {asked.events[0]} to {asked.events[1]} events; Python"
          f" {platform.python_version()}")  # fmt: skip
    print(f"{'set':<14}{'steps':>8}{'summary':>9}{'fast':>8}{'recaption':>11}{'CPU s':>8}")
    learned = {_story(scene) for folder in asked.learned for scene in read_scenes(folder).values()}
    with tempfile.TemporaryDirectory() as place:
        for number, split in enumerate(("train", "composition")):
            folder = (asked.folder or Path(place)) / split
            every = chain_set(folder, asked.videos, 1000 + number, *asked.events, split)
            videos = {path: scene for path, scene in every.items() if _story(scene) not in learned}
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
                f"{name:<14}{shares[0]:>8.1%}{shares[1]:>9.1%}{shares[2]:>8.1%}{shares[3]:>11.1%}{used:>8.0f}"
                + (f"   without {len(every) - len(videos)} known stories" if learned else ""),
                flush=True,
            )


def _story(scene: AnyScene) -> tuple[object, object]:
    """All that is told of a chain; the grey background is not."""
    return (scene.start, scene.deeds) if isinstance(scene, ChainScene) else (scene, None)


if __name__ == "__main__":
    main()
