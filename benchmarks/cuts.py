"""Cuts in real videos that were marked by eye: our detector, with and without its network, beside others.

    python benchmarks/cuts.py [FOLDER ...] [--every-frame]

A folder holds videos and beside each NAME.mp4 either NAME.json with ``cuts`` (``at`` in seconds from the first picture,
``kind``), or NAME.txt with a line for each cut: the seconds, and after a blank its kind; an empty file is a video
without cuts. Without folders ../shared/truth is scored, where it is there. A cut is found when it is told within 0.3 s,
any other kind within 0.6 s; ``kind`` "unsure" is not judged. ``--every-frame`` adds the network run over whole videos.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

from sharegpt4video.video import transnet, verdicts
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import ShotDetector

TRUTH = Path(__file__).resolve().parents[2] / "shared" / "truth"
CUT_SECONDS, SLOW_SECONDS = 0.3, 0.6
SIDE_PIXELS = 64
Frames = list[tuple[float, np.ndarray]]
Detector = Callable[[Frames], list[float]]


@dataclass
class Score:
    """Counts over all videos, and processor time."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    seconds: float = 0.0

    def line(self, played_seconds: float) -> str:
        precision = 100 * self.right / max(self.right + self.wrong, 1)
        recall = 100 * self.right / max(self.right + self.missed, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        cost = 60 * self.seconds / played_seconds
        return (
            f"precision {precision:5.1f}  recall {recall:5.1f}  F1 {f1:5.1f}"
            f"  ({self.right} right, {self.wrong} wrong, {self.missed} missed)  {cost:5.1f} CPU s a minute"
        )


def marked(video: Path) -> list[tuple[float, str]] | None:
    """The cuts marked in the file beside a video; None where there is none."""
    if video.with_suffix(".json").exists():
        told = json.loads(video.with_suffix(".json").read_text(encoding="utf-8"))
        unsure = [(seconds, "unsure") for seconds in told.get("cuts_unsure") or []]
        return [(cut["at"], cut["kind"]) for cut in told["cuts"]] + unsure
    if video.with_suffix(".txt").exists():
        rows = [line.split() for line in video.with_suffix(".txt").read_text(encoding="utf-8").splitlines() if line]
        return [(float(row[0]), row[1] if len(row) > 1 else "cut") for row in rows]
    return None


def score(cuts: list[tuple[float, str]], found: Iterable[float], into: Score) -> list[str]:
    """Count one video; returns what is wrong with it. One report answers for one cut."""
    left, notes = [cut for cut in cuts if cut[1] != "unsure"], []
    unsure = [seconds for seconds, kind in cuts if kind == "unsure"]
    for seconds in found:
        near = [cut for cut in left if abs(cut[0] - seconds) <= (CUT_SECONDS if cut[1] == "cut" else SLOW_SECONDS)]
        if near:
            left.remove(min(near, key=lambda cut: abs(cut[0] - seconds)))
            into.right += 1
        elif all(abs(other - seconds) > CUT_SECONDS for other in unsure):
            into.wrong += 1
            notes.append(f"no cut at {seconds:.2f}")
    into.missed += len(left)
    return notes + [f"missed {kind} at {seconds:.2f}" for seconds, kind in left]


def ours(*, verify: bool) -> Detector:
    def detect(frames: Frames) -> list[float]:
        detector = ShotDetector(verify=verify)
        found = [one.seconds for seconds, small in frames for one in detector.push(seconds, small)]
        return found + [one.seconds for one in detector.flush()]

    return detect


def scenedetect(make: Callable[[], object]) -> Detector:
    """PySceneDetect with its defaults, on the same thumbnails."""

    def detect(frames: Frames) -> list[float]:
        detector, found = make(), []
        for number, (_, small) in enumerate(frames):
            code = FrameTimecode(number, fps=25.0)
            found += detector.process_frame(code, np.ascontiguousarray(small[:, :, ::-1]))  # type: ignore[attr-defined]
        return [frames[code.frame_num][0] for code in found]

    return detect


def every_frame(frames: Frames) -> list[float]:
    """The network as upstream runs it: windows of 100 frames, of which the middle 50 count."""
    small = [transnet.reduced(picture) for _, picture in frames]
    padded = [small[0]] * 25 + small + [small[-1]] * (25 + 50 - len(small) % 50)
    likely = np.concatenate(
        [transnet.probabilities(np.stack(padded[at : at + 100]))[0, 25:75] for at in range(0, len(padded) - 99, 50)]
    )[: len(small)]
    above = np.concatenate([[False], likely > verdicts.THRESHOLD, [False]]).astype(int)
    runs = zip(np.flatnonzero(np.diff(above) == 1), np.flatnonzero(np.diff(above) == -1), strict=True)
    tops = [start + int(np.argmax(likely[start:end])) for start, end in runs]
    return [frames[top + 1][0] for top in tops if top + 1 < len(frames)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--every-frame", action="store_true", help="also run the network over whole videos")
    options = parser.parse_args()
    folders = options.folders or [TRUTH]
    videos = [(path, marked(path)) for folder in folders for path in sorted(folder.glob("*.m*"))]
    known = [(path, cuts) for path, cuts in videos if cuts is not None]
    if not known:
        sys.exit(f"no videos with marked cuts in {', '.join(map(str, folders))}; nothing to score")
    detectors: dict[str, Detector] = {
        "ours": ours(verify=True),
        "ours, verify_cuts: false": ours(verify=False),
        "PySceneDetect Adaptive": scenedetect(AdaptiveDetector),
        "PySceneDetect Content": scenedetect(ContentDetector),
    }
    if options.every_frame:
        detectors["network on every frame"] = every_frame
    scores = {name: Score() for name in detectors}
    played = 0.0
    for path, cuts in known:
        with VideoReader(path) as reader:
            frames = [(decoded.seconds, decoded.small(SIDE_PIXELS)) for decoded in reader.decoded()]
        first = frames[0][0]
        played += frames[-1][0] - first
        for name, detect in detectors.items():
            began = time.process_time()
            found = detect(frames)
            scores[name].seconds += time.process_time() - began
            notes = score(cuts, [seconds - first for seconds in found], scores[name])
            if notes and name == "ours":
                print(f"{path.name}: {'; '.join(notes)}")
    print(f"{len(known)} videos, {played:.0f} s, {sum(len(cuts) for _, cuts in known)} marks; decoding not counted")
    for name, counted in scores.items():
        print(f"{name:26}{counted.line(played)}")


if __name__ == "__main__":
    main()
