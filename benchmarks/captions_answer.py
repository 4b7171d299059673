"""What captions of the closed world let its exact reader know: the questions of TempCompass and MVBench, by caption.

No video is rendered: questions and captions follow from the facts. Each set has a caption for every video: all facts
in order (dense), in any order (shuffled), one fact (short), dense with one or three facts wrong, that of another video.

    python benchmarks/captions_answer.py --videos 300
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sharegpt4video.evaluate.base import Benchmark, Protocol, Question
from sharegpt4video.evaluate.captions.answer_report import CaptionReport
from sharegpt4video.evaluate.captions.given import CaptionSet, Given
from sharegpt4video.evaluate.launch import answer_from_captions
from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS
from sharegpt4video.world.answering import WorldReader
from sharegpt4video.world.captions import caption
from sharegpt4video.world.questions import questions
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Scene

DIFFICULTIES = ("simple", "medium", "hard")


def scenes(count: int) -> dict[str, Scene]:
    """A third of each difficulty."""
    return {
        f"{number:06d}.mp4": sample_scene(random.Random(number), difficulty=DIFFICULTIES[number % 3])
        for number in range(count)
    }


def benchmark_of(drawn: Mapping[str, Scene], layout: str) -> Benchmark:
    """The questions about these scenes in the layout of TempCompass or MVBench, as a benchmark."""

    def load(_: Path, __: Protocol, ___: Mapping[str, Any]) -> Iterator[Question]:
        for video, scene in drawn.items():
            for one in questions(scene, video=video):
                if one.form != "captioning" and one.benchmark == layout:
                    yield Question(one.id, video, one.text, options=one.options, groups={"kind": one.kind},
                                   stem=one.stem, right=one.right)  # fmt: skip

    name = {"tempcompass": "TempCompass' aspects", "mvbench": "MVBench's tasks"}[layout]
    return Benchmark(layout, name, "", ("strict",), load, TEMPCOMPASS.score, TEMPCOMPASS.figures, {"strict": 1})


def sets_of(drawn: Mapping[str, Scene]) -> dict[str, CaptionSet]:
    kinds: dict[str, dict[str, Any]] = {
        "dense": {"kind": "dense"}, "shuffled": {"kind": "shuffled"}, "short": {"kind": "short"},
        "1 wrong": {"kind": "wrong"}, "3 wrong": {"kind": "wrong", "replace": 3},
    }  # fmt: skip
    texts = {name: [caption(scene, **how).text for scene in drawn.values()] for name, how in kinds.items()}
    texts["another's"] = [*texts["dense"][1:], texts["dense"][0]]
    return {
        name.replace("'", ""): CaptionSet(name.replace("'", ""), [Given(*one) for one in zip(drawn, each, strict=True)])
        for name, each in texts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=300)
    drawn = scenes(parser.parse_args().videos)
    for layout in ("tempcompass", "mvbench"):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as out:
            report: CaptionReport = answer_from_captions(
                benchmark_of(drawn, layout), sets_of(drawn), WorldReader(), annotations=out, out=out
            )
        print(report.markdown())
        print(f"{time.perf_counter() - began:.1f} s\n")


if __name__ == "__main__":
    main()
