"""Cuts and fades in composed videos whose every transition is known: our detector beside plain PySceneDetect.

    python benchmarks/transitions.py [--quick] [--videos N] [--seed S]

Each video is put together from photographs (the pictures that come inside the packages scikit-image and scikit-learn;
frames of ../shared/videos when they are there; drawn textures fill up) seen by a moving camera, with sensor noise, a
moving foreground, exposure drift and flashes. A cut is found when it is named within 2 frames, a fade when a time
inside it, 0.25 s to either side allowed, is named. One report answers for one transition.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sharegpt4video.video.shots import ShotDetector

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT = 320, 180
FADE_SLACK_SECONDS = 0.25
CUT_SLACK_FRAMES = 2.25  # two frames, and a little for variable frame rate
NOT_PHOTOGRAPHS = ("chessboard", "logo", "phantom", "microaneurysms", "text", "page", "horse")


@dataclass(frozen=True)
class Truth:
    """A transition as made: the first frame that is not purely the old shot, and the first purely of the new."""

    kind: str
    start_seconds: float
    end_seconds: float


@dataclass
class Video:
    frames: list[tuple[float, Pixels]]
    truths: list[Truth]
    frame_seconds: float


@dataclass
class Score:
    found: int = 0
    missed: int = 0
    false: int = 0

    @property
    def f1(self) -> float:
        return 100 * 2 * self.found / max(1, 2 * self.found + self.missed + self.false)

    def line(self) -> str:
        precision = 100 * self.found / max(1, self.found + self.false)
        recall = 100 * self.found / max(1, self.found + self.missed)
        return f"P {precision:5.1f}  R {recall:5.1f}  F1 {self.f1:5.1f}  (false {self.false}, missed {self.missed})"


# The pictures


def photographs() -> list[Pixels]:
    found = []
    for package, folder in (("skimage", "data"), ("sklearn", "datasets/images")):
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            print(f"note: {package} is not installed; its photographs are left out")
            continue
        files = sorted((Path(spec.submodule_search_locations[0]) / folder).glob("*.*g"))
        found += [cv2.imread(str(file)) for file in files if not file.name.startswith(NOT_PHOTOGRAPHS)]
    pictures = [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in found if picture is not None]
    pictures += _video_frames(Path(__file__).parents[1].parent / "shared" / "videos")
    drawn = [drawn_texture(number) for number in range(max(4, 16 - len(pictures)))]
    print(f"pictures: {len(pictures)} photographs, {len(drawn)} drawn textures")
    return [enlarged(picture) for picture in pictures + drawn]


def _video_frames(folder: Path) -> list[Pixels]:
    import av

    frames = []
    for file in sorted(folder.glob("*.mp4")):
        with av.open(str(file)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        frames += [decoded[0], decoded[len(decoded) // 2]]
    return frames


def drawn_texture(seed: int) -> Pixels:
    """A picture out of blurred noise at several scales and flat shapes: structure like a scene's, of nothing."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((540, 960, 3), np.float32)
    for cells in (3, 8, 24, 90):
        noise = rng.uniform(-1, 1, (cells, cells * 16 // 9, 3)).astype(np.float32)
        canvas += cv2.resize(noise, (960, 540), interpolation=cv2.INTER_CUBIC) * 90 / np.sqrt(cells)
    picture = np.clip(canvas + rng.uniform(60, 190, 3), 0, 255).astype(np.uint8)
    for _ in range(12):
        centre = tuple(int(value) for value in rng.uniform((0, 0), (960, 540)))
        colour = tuple(float(value) for value in rng.uniform(0, 255, 3))
        cv2.ellipse(picture, centre, (int(rng.uniform(10, 120)), int(rng.uniform(10, 90))), 0, 0, 360, colour, -1)
    return picture


def enlarged(picture: Pixels) -> Pixels:
    scale = max(960 / picture.shape[1], 540 / picture.shape[0])
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


# The shots

_NOISE = np.random.default_rng(0).normal(0, 1, (24, HEIGHT, WIDTH, 3)).astype(np.float32)  # drawing it anew is slow


@dataclass
class Scene:
    """One shot: a picture, the camera's way over it, and what happens in front of it."""

    picture: Pixels
    rng: np.random.Generator
    seconds: float
    centre: NDArray[np.float64] = field(init=False)
    flashes: list[float] = field(init=False)

    def __post_init__(self) -> None:
        rng, height, width = self.rng, *self.picture.shape[:2]
        self.zoom, self.zoom_rate = rng.uniform(0.38, 0.62), rng.choice([0, 0, rng.normal(0, 0.12)])
        self.centre = np.array([rng.uniform(0.35, 0.65) * width, rng.uniform(0.35, 0.65) * height])
        fast = rng.choice([0, 0.05, 0.2, 0.6, 1.2], p=[0.3, 0.2, 0.25, 0.15, 0.1])  # picture widths per second
        angle = rng.uniform(0, 2 * np.pi)
        self.speed = fast * self.zoom * width * np.array([np.cos(angle), 0.5 * np.sin(angle)])
        self.roll_rate = rng.choice([0, 0, 0, rng.normal(0, 6)])
        self.shake, self.shake_phase = rng.choice([0, 0, 3, 9]), rng.uniform(0, 9, 4)
        self.noise = rng.uniform(0, 7)
        self.drift = rng.choice([0, 0, rng.normal(0, 0.12)])
        self.flashes = [float(rng.uniform(0.3, self.seconds - 0.3))] if rng.random() < 0.12 else []
        self.object = _foreground(rng) if rng.random() < 0.5 else None

    def at(self, seconds: float) -> Pixels:
        """The picture ``seconds`` after the shot's first frame."""
        height, width = self.picture.shape[:2]
        zoom = np.clip(self.zoom * np.exp(self.zoom_rate * seconds), 0.2, 0.95)
        jitter = self.shake * np.sin(np.array([17.0, 23.0]) * seconds + self.shake_phase[:2])
        wide = np.array([zoom * width, zoom * height]) / 2
        centre = _reflected(self.centre + self.speed * seconds + jitter, wide, np.array([width, height]) - wide)
        matrix = cv2.getRotationMatrix2D(tuple(centre), self.roll_rate * seconds, WIDTH / (zoom * width))
        matrix[:, 2] += np.array([WIDTH, HEIGHT]) / 2 - centre
        frame = cv2.warpAffine(
            self.picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        ).astype(np.float32)
        if self.object is not None:
            _paste(frame, self.object, seconds)
        frame *= 1 + self.drift * seconds
        for flash in self.flashes:
            if 0 <= seconds - flash < 0.09:
                frame += (255 - frame) * 0.75
        frame += _NOISE[self.rng.integers(len(_NOISE))] * self.noise
        return np.clip(frame, 0, 255).astype(np.uint8)


def _reflected(
    point: NDArray[np.float64], least: NDArray[np.float64], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The camera turns round at the picture's edge."""
    span = np.maximum(most - least, 1e-6)
    folded = np.mod(point - least, 2 * span)
    return least + np.where(folded > span, 2 * span - folded, folded)


def _foreground(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    return {
        "start": rng.uniform((-0.2, 0.3), (1.2, 0.9)) * (WIDTH, HEIGHT),
        "speed": rng.normal(0, 1, 2) * (WIDTH * 0.35, HEIGHT * 0.1),
        "size": rng.uniform((12, 20), (45, 70)),
        "colour": rng.uniform(0, 255, 3),
    }


def _paste(frame: NDArray[np.float32], thing: dict[str, NDArray[np.float64]], seconds: float) -> None:
    centre = thing["start"] + thing["speed"] * seconds
    axes = tuple(int(value) for value in thing["size"])
    colour = tuple(float(value) for value in thing["colour"])
    cv2.ellipse(frame, tuple(int(value) for value in centre), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)


# The videos


def compose(pictures: list[Pixels], seed: int) -> Video:
    """Five to eight shots of 1.2 to 5 s, half of them joined by cuts, the others by fades of 0.4 to 2 s."""
    rng = np.random.default_rng(seed)
    frame_seconds = 1 / float(rng.choice([24, 25, 30, 50]))
    uneven = rng.random() < 0.25  # variable frame rate
    choice = rng.permutation(len(pictures))[: int(rng.integers(5, 9))]
    lengths = [float(rng.uniform(1.2, 5)) for _ in choice]
    kinds = [str(rng.choice(["cut", "cut", "cut", "black", "white", "dissolve", "dissolve"])) for _ in choice[1:]]
    widths = [0.0 if kind == "cut" else float(rng.uniform(0.4, 2)) for kind in kinds]
    scenes = [
        Scene(pictures[index], np.random.default_rng((seed, int(index))), length + 2)
        for index, length in zip(choice, lengths, strict=True)
    ]
    video, now, eased = Video([], [], frame_seconds), 0.0, rng.random() < 0.3
    starts = np.cumsum([0.0, *lengths[:-1]]) + np.cumsum([0.0, *widths])
    for index, scene in enumerate(scenes):
        opened = float(starts[index] - (widths[index - 1] if index else 0))  # camera time 0 of this scene
        closed = float(starts[index] + lengths[index])
        while now < closed:
            video.frames.append((now, scene.at(now - opened)))
            now += frame_seconds * (float(rng.uniform(0.5, 1.6)) if uneven else 1)
        if index < len(kinds):
            begun, until = now, closed + widths[index]  # of a cut both are the first frame of the new shot
            while now < until:
                share = (now - closed) / widths[index]
                share = share * share * (3 - 2 * share) if eased else share
                mixed = _mixed(kinds[index], scene.at(now - opened), scenes[index + 1].at(now - closed), share)
                video.frames.append((now, mixed))
                now += frame_seconds * (float(rng.uniform(0.5, 1.6)) if uneven else 1)
            video.truths.append(Truth("cut" if kinds[index] == "cut" else "fade", begun, now))
    return video


def _mixed(kind: str, old: Pixels, new: Pixels, share: float) -> Pixels:
    if kind == "dissolve":
        return cv2.addWeighted(old, 1 - share, new, share, 0)
    flat = np.full_like(old, 0 if kind == "black" else 255)
    out, back = min(1.0, share / 0.45), max(0.0, (share - 0.55) / 0.45)  # a tenth of it is flat
    return cv2.addWeighted(old, 1 - out, flat, out, 0) if back == 0 else cv2.addWeighted(flat, 1 - back, new, back, 0)


# The detectors

Detected = list[tuple[str, float]]  # kind ("cut", "fade" or "" when the detector does not say) and seconds


def ours(video: Video, *, verify: bool = True) -> Detected:
    detector = ShotDetector(verify=verify)
    side = detector.side_pixels
    found = []
    for seconds, picture in video.frames:
        small = cv2.resize(picture, (side, side * HEIGHT // WIDTH), interpolation=cv2.INTER_AREA)
        found += detector.push(seconds, small)
    return [(transition.kind, transition.seconds) for transition in [*found, *detector.flush()]]


def without_the_network(video: Video) -> Detected:
    """As with ``keyframes.verify_cuts: false``."""
    return ours(video, verify=False)


def ours_at_half_rate(video: Video) -> Detected:
    """What is left when pictures that no other needs (B-frames, often every second one) are not decoded."""
    return ours(Video(video.frames[::2], video.truths, video.frame_seconds))


def plain(make: Callable[[], object]) -> Callable[[Video], Detected]:
    def detect(video: Video) -> Detected:
        from scenedetect import FrameTimecode

        detector = make()
        found = []
        for number, (_, picture) in enumerate(video.frames):
            code = FrameTimecode(number, fps=1 / video.frame_seconds)
            found += detector.process_frame(code, picture[:, :, ::-1])  # type: ignore[attr-defined]
        return [("", video.frames[code.frame_num][0]) for code in found]

    return detect


def adaptive() -> object:
    from scenedetect import AdaptiveDetector

    return AdaptiveDetector()


def content() -> object:
    from scenedetect import ContentDetector

    return ContentDetector()


# The score


def score(video: Video, detected: Detected, cuts: Score, fades: Score) -> None:
    """Count one video. A report without a kind may answer for either, and is only held against the cuts when false."""
    left = list(detected)
    for truth in video.truths:
        slack = CUT_SLACK_FRAMES * video.frame_seconds if truth.kind == "cut" else FADE_SLACK_SECONDS
        least = (truth.end_seconds if truth.kind == "cut" else truth.start_seconds) - slack
        near = [item for item in left if item[0] in ("", truth.kind) and least <= item[1] <= truth.end_seconds + slack]
        kept = fades if truth.kind == "fade" else cuts
        if near:
            left.remove(near[0])
            kept.found += 1
        else:
            kept.missed += 1
    fades.false += sum(kind == "fade" for kind, _ in left)
    cuts.false += sum(kind != "fade" for kind, _ in left)


def videos(pictures: list[Pixels], count: int, seed: int) -> Iterator[Video]:
    for number in range(count):
        yield compose(pictures, seed * 100_000 + number)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 videos instead of 80")
    parser.add_argument("--videos", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1, help="the thresholds were chosen on seed 0")
    options = parser.parse_args()
    count = 8 if options.quick else options.videos
    machine = platform.processor() or platform.machine()
    print(f"machine: {machine}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    pictures = photographs()
    detectors: dict[str, Callable[[Video], Detected]] = {
        "sharegpt4video": ours,
        "... verify_cuts: false": without_the_network,
        "... every second frame": ours_at_half_rate,
        "PySceneDetect Adaptive": plain(adaptive),
        "PySceneDetect Content": plain(content),
    }
    scores = {name: (Score(), Score()) for name in detectors}
    spent = dict.fromkeys(detectors, 0.0)
    frames = truths = 0
    for video in videos(pictures, count, options.seed):
        frames, truths = frames + len(video.frames), truths + len(video.truths)
        for name, detect in detectors.items():
            began = time.perf_counter()
            detected = detect(video)
            spent[name] += time.perf_counter() - began
            score(video, detected, *scores[name])
    print(f"{count} videos of seed {options.seed}, {frames} frames of {WIDTH}x{HEIGHT}, {truths} transitions")
    for name, (cuts, fades) in scores.items():
        ratio = spent[name] / spent["PySceneDetect Adaptive"]
        print(f"{name:24}{1000 * spent[name] / frames:6.2f} ms/frame ({ratio:.2f} x Adaptive)")
        print(f"    cuts   {cuts.line()}\n    fades  {fades.line()}")
    cuts, fades = scores["sharegpt4video"]
    print(f"bars: cuts F1 >= 95: {cuts.f1:.1f}, fades F1 >= 80: {fades.f1:.1f}")


if __name__ == "__main__":
    main()
