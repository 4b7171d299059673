"""``sg4v t2v export`` and ``lint`` of many clips: processor time for each clip, and whether memory grows with them.

    python benchmarks/t2v_export.py [--quick] [--clips 1250 10000] [--trainers open-sora diffusion-pipe]

The videos are small (64 x 64, 33 frames) so that what is measured is our own work and not the encoder; they are 32
files under many names. Captions have ten steps of forty words. Four runs for each trainer, each in a process of its
own: the export that cuts, the same again (all clips are there: records alone), lint with the files, lint without them.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from _processor import adopt_orphans, descendants_seconds, orphans_awaited

from sharegpt4video.files import file_content_id
from sharegpt4video.records import Provenance, Shot, Step, VideoCaption
from sharegpt4video.t2v.cutting import Cutting
from sharegpt4video.t2v.export import ExportSettings, export
from sharegpt4video.t2v.lint import LintSettings, lint
from sharegpt4video.t2v.planning import PlanSettings
from sharegpt4video.t2v.record import RECORDS, Record, write_records
from sharegpt4video.t2v.sources import records_from

SIDE, FPS, FRAMES, FILES = 64, 16, 33, 32
STEPS, WORDS_A_STEP = 10, 40
TEXT = "a man in a blue coat walks along the wet street while cars pass behind him and the camera pans right"
WORDS = TEXT.split()
RUNS = ("export, cutting", "export again", "lint", "lint, no files")
MADE = Provenance("made up", "default", "0123456789ab", "0", {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 and 400 clips")
    parser.add_argument("--clips", type=int, nargs="+", default=[1250, 10_000])
    parser.add_argument("--trainers", nargs="+", default=["open-sora", "diffusion-pipe", "webdataset"])
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        one_run(asked.run[0], asked.run[1], Path(asked.run[2]))
        return
    adopt_orphans()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}\n")
    print(f"{'trainer':<16}{'run':<18}{'clips':>8}{'seconds':>9}{'processor':>11}{'ms a clip':>11}{'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for clips in [100, 400] if asked.quick else asked.clips:
            source = Path(folder) / f"{clips}"
            make(source, clips)
            for trainer in asked.trainers:
                for name in RUNS:
                    measured(trainer, name, clips, source)


def measured(trainer: str, name: str, clips: int, source: Path) -> None:
    """One run in a process of its own: time on the clock, processor time with its children's, peak memory."""
    command = [sys.executable, __file__, "--run", trainer, name, str(source)]
    before = descendants_seconds()
    with orphans_awaited():  # the server that forks the processes which cut
        seconds, megabytes = map(float, subprocess.run(command, capture_output=True, check=True).stdout.split())
    processor = descendants_seconds() - before
    row = f"{trainer:<16}{name:<18}{clips:>8,}{seconds:>9.1f}{processor:>11.1f}{1e3 * processor / clips:>11.2f}"
    print(f"{row}{megabytes:>7.0f}", flush=True)


def one_run(trainer: str, name: str, source: Path) -> None:
    began = time.perf_counter()
    _RUNS[name](trainer, source)
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def exported(trainer: str, source: Path) -> None:
    plan = PlanSettings(frames=FRAMES, fps=float(FPS), clips="first")
    settings = ExportSettings(plan, Cutting(audio=False, preset="ultrafast"))
    export(records_from(source), trainer, source / trainer, settings)


def linted(trainer: str, source: Path, *, files: bool = True) -> None:
    lint(source / trainer / "train", trainer, LintSettings(frames=FRAMES, fps=float(FPS), files=files))


_RUNS: dict[str, Callable[[str, Path], None]] = {
    "export, cutting": exported,
    "export again": exported,
    "lint": linted,
    "lint, no files": lambda trainer, source: linted(trainer, source, files=False),
}


def make(folder: Path, clips: int) -> None:
    """So many records and their videos, one name for each."""
    (folder / "videos").mkdir(parents=True)
    files = [folder / "videos" / f"source{number}.mp4" for number in range(FILES)]
    for number, path in enumerate(files):
        write_video(path, number)
    contents = [file_content_id(path) for path in files]
    write_records(folder / RECORDS, records(folder, clips, files, contents))


def records(folder: Path, clips: int, files: Sequence[Path], contents: Sequence[str]) -> Iterator[Record]:
    for number in range(clips):
        path = folder / "videos" / f"{number:06d}.mp4"
        os.link(files[number % FILES], path)
        rng, seconds = random.Random(number), FRAMES / FPS
        bounds = np.linspace(0.0, seconds, STEPS)
        spans = [(0.0, 0.0), *zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]
        steps = tuple(
            Step("change" if at else "opening", start, end, prose(rng), 0, (start, end))
            for at, (start, end) in enumerate(spans)
        )
        text = " ".join(step.text for step in steps)
        caption = VideoCaption(
            path.name, SIDE, SIDE, 0.0, seconds, "sliding", (Shot(0.0, seconds),), steps, text, MADE,
            content_id=contents[number % FILES],
        )  # fmt: skip
        yield Record(f"{number:06d}", f"videos/{path.name}", "train", caption)


def prose(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=WORDS_A_STEP)).capitalize() + "."


def write_video(path: Path, number: int) -> None:
    shown = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for at in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.roll(shown, at, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
