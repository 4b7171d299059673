"""Do tracks say rightly that an object enters, leaves, crosses or stays? Ground truth by construction.

    pip install scikit-image scikit-learn        # for their sample photographs
    python benchmarks/tracks.py [--quick] [--videos FOLDER]

Cut-outs of things the detector knows are pasted, with soft edges, sensor noise and a wavering size, on photographs, and
move on known paths. A video counts as right if the object is one confirmed track with its label, is there and is not
there at the first and the last moment as it should be, moved to the right side, and nothing else was named.
Beside it: the same questions answered from the detections of the first and last frame and the middle, without tracks.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sharegpt4video.facts.detect import Detection, ObjectDetector
from sharegpt4video.facts.tracks import Track, Tracker

Picture = NDArray[np.uint8]
WIDTH, HEIGHT, SECONDS, STEP_SECONDS = 640, 360, 5.0, 1 / 3
STORIES = ("enter left", "enter right", "leave left", "leave right", "cross to the right", "cross to the left", "stay")


@dataclass(frozen=True)
class CutOut:
    """A piece of a photograph that holds one object, with its label and its height in the videos."""

    label: str
    pixels: Picture
    share: float


def package_file(package: str, *parts: str) -> Picture:
    """A picture that an installed package carries."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit("the sample photographs are missing: pip install scikit-image scikit-learn")
    return cv2.cvtColor(cv2.imread(str(Path(spec.origin).parent.joinpath(*parts))), cv2.COLOR_BGR2RGB)


def cut_outs(videos: Path) -> list[CutOut]:
    astronaut = package_file("skimage", "data", "astronaut.png")
    found = [
        CutOut("person", astronaut[0:512, 30:420], 0.85),
        CutOut("cat", package_file("skimage", "data", "chelsea.png")[10:290, 60:400], 0.8),
        CutOut("motorcycle", package_file("skimage", "data", "motorcycle_left.png")[60:440, 130:650], 0.6),
    ]
    if (videos / "yoga.mp4").exists():
        found.append(CutOut("person", frame_at(videos / "yoga.mp4", 9.33)[80:285, 180:405], 0.7))
    return found


def frame_at(path: Path, seconds: float) -> Picture:
    import av

    with av.open(str(path)) as container:
        return next(f for f in container.decode(video=0) if f.time >= seconds).to_ndarray(format="rgb24")


def backgrounds(random: np.random.Generator) -> list[tuple[str, Picture]]:
    photos = {name: package_file("sklearn", "datasets", "images", f"{name}.jpg") for name in ("china", "flower")}
    photos |= {n: package_file("skimage", "data", n) for n in ("rocket.jpg", "brick.png", "grass.png", "gravel.png")}
    noise = random.integers(60, 200, (6, 10, 3), dtype=np.uint8)
    photos["blurred colours"] = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return [(name, cv2.resize(p, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)) for name, p in photos.items()]


def centre_at(story: str, seconds: float) -> float:
    """Where the object's centre is across the picture; it takes two seconds to go in or out, three to cross."""
    outside, inside = 0.4, 0.15  # beyond the edge, and from the middle

    def way(start: float, end: float, begin: float, lasting: float) -> float:
        return start + (end - start) * min(max((seconds - begin) / lasting, 0.0), 1.0)

    if story == "stay":
        return 0.5
    if story.startswith("cross"):
        across = way(-outside, 1 + outside, 0.7, 3.4)
        return across if story.endswith("right") else 1 - across
    across = (
        way(-outside, 0.5 - inside, 1.0, 2.0) if story.startswith("enter") else way(0.5 - inside, -outside, 1.5, 2.0)
    )
    return across if story.endswith("left") else 1 - across


def frames(story: str, thing: CutOut, ground: Picture, random: np.random.Generator) -> Iterator[tuple[float, Picture]]:
    """The video, sampled as the captioner samples it."""
    for number in range(int(SECONDS / STEP_SECONDS) + 1):
        seconds = number * STEP_SECONDS
        picture = ground.astype(np.float32)
        height = int(HEIGHT * thing.share * (1 + 0.03 * np.sin(3 * seconds)))
        width = height * thing.pixels.shape[1] // thing.pixels.shape[0]
        small = cv2.resize(thing.pixels, (width, height), interpolation=cv2.INTER_AREA)
        left = int(centre_at(story, seconds) * WIDTH - width / 2)
        paste(picture, small, left, HEIGHT - height - 8)
        picture += random.normal(0, 4, picture.shape)
        yield seconds, np.clip(picture, 0, 255).astype(np.uint8)


def paste(picture: NDArray[np.float32], thing: Picture, left: int, top: int) -> None:
    """Lay a rounded, soft-edged thing on the picture; parts beyond the edge are cut off."""
    height, width = thing.shape[:2]
    mask = np.zeros((height, width), np.float32)
    cv2.rectangle(mask, (4, 4), (width - 5, height - 5), 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    first, last = max(0, -left), min(width, WIDTH - left)
    if first >= last:
        return
    place = picture[top : top + height, left + first : left + last]
    place[:] = place * (1 - mask[:, first:last]) + thing[:, first:last] * mask[:, first:last]


def expected(story: str) -> tuple[bool, bool, int]:
    """Whether it is there at the start and at the end, and which way it goes (-1 left, 0, 1 right)."""
    if story == "stay":
        return True, True, 0
    to_the_right = story in ("enter left", "leave right", "cross to the right")
    return story.startswith("leave"), story.startswith("enter"), 1 if to_the_right else -1


def verdict(story: str, label: str, tracks: list[Track]) -> str:
    """ "" if the tracks tell the story, else what is wrong."""
    named = [track for track in tracks if track.confirmed]
    if [track.label for track in named] != [label]:
        return f"named {[track.label for track in named]}"
    (track,) = named
    start, end, way = expected(story)
    if (track.box_at(0.0) is not None) != start:
        return "wrong at the start"
    if (track.box_at(SECONDS) is not None) != end:
        return "wrong at the end"
    moved = track.last.box.centre[0] - track.first.box.centre[0]
    return "" if way * moved > 0.1 or (way == 0 and abs(moved) < 0.1) else f"moved {moved:+.2f}"


def verdict_without_tracks(story: str, label: str, seen: list[list[Detection]], least: float) -> str:
    """The same story read off the good detections of single frames: all labels seen, first, last and middle boxes."""
    good = [[d for d in frame if d.score >= least] for frame in seen]
    labels = {d.label for frame in good for d in frame}
    if labels != {label} or any(len(frame) > 1 for frame in good):
        return f"named {sorted(labels)}"
    start, end, way = expected(story)
    if (bool(good[0]), bool(good[-1])) != (start, end):
        return "wrong at an end"
    centres = [frame[0].box.centre[0] for frame in good if frame]
    moved = centres[-1] - centres[0]
    return "" if way * moved > 0.1 or (way == 0 and abs(moved) < 0.1) else f"moved {moved:+.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two backgrounds only")
    parser.add_argument("--videos", type=Path, default=Path(__file__).parents[2] / "shared" / "videos")
    arguments = parser.parse_args()
    random, detector = np.random.default_rng(11), ObjectDetector()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {detector.threads} threads"
    )
    grounds = backgrounds(random)[: 2 if arguments.quick else None]
    right: Counter[str] = Counter()
    right_without: Counter[str] = Counter()
    total: Counter[str] = Counter()
    spent = pictures = 0.0
    for story, thing, (ground_name, ground) in product(STORIES, cut_outs(arguments.videos), grounds):
        tracker, seen = Tracker(), []
        for seconds, picture in frames(story, thing, ground, random):
            started = time.process_time()
            seen.append(detector(picture))
            tracker.push(seconds, seen[-1])
            spent, pictures = spent + time.process_time() - started, pictures + 1
        problem = verdict(story, thing.label, tracker.tracks)
        total[story] += 1
        right[story] += not problem
        right_without[story] += not verdict_without_tracks(story, thing.label, seen, 0.42)
        if problem:
            print(f"  {story}, {thing.label} on {ground_name}: {problem}")
    print(f"\n{'story':<20} {'videos':>6} {'tracks':>8} {'no tracks':>10}")
    for story in STORIES:
        with_tracks, without = right[story] / total[story], right_without[story] / total[story]
        print(f"{story:<20} {total[story]:6} {with_tracks:8.0%} {without:10.0%}")
    all_right, all_without, videos = right.total(), right_without.total(), total.total()
    print(f"{'all':<20} {videos:6} {all_right / videos:8.1%} {all_without / videos:10.1%}")
    print(f"ratio {all_right / max(all_without, 1):.1f}; {spent / pictures * 1000:.1f} ms of CPU a frame")


if __name__ == "__main__":
    main()
