"""Which cheap picture vector tells a changed scene from the same scene, and at which cosine.

    pip install scikit-image scikit-learn        # for their sample photographs
    python benchmarks/encoder_threshold.py [--quick] [--videos FOLDER]

Pairs are labelled by construction. *Same*: noise, JPEG, brightness, a pan, tilt or zoom of a few percent, a small
object that moves a little. *Changed*: another photograph, a new object, a large zoom or pan. With a folder that holds
yoga.mp4, *changed* also has that person in two different poses, and the frames half a second apart of all videos are
shown without a label, for some of them change and some do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sharegpt4video.facts import network
from sharegpt4video.facts.encoder import BackboneEncoder

Picture = NDArray[np.uint8]
Pair = tuple[str, Picture, Picture]
POSES = ((0.0, 1.0), (2.5, 3.0), (4.0,), (4.5, 5.0), (7.0, 8.0), (9.0, 9.5))  # seconds of yoga.mp4, told by eye


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit("the sample photographs are missing: pip install scikit-image scikit-learn")
    return Path(spec.origin).parent


def photographs(limit: int) -> list[Picture]:
    """Sample photographs that scikit-image and scikit-learn carry, 640 pixels wide."""
    folders = [package_folder(package) for package in ("skimage", "sklearn")]
    folder = folders[0] / "data"
    names = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "camera.png")
    names += ("hubble_deep_field.jpg", "coins.png", "brick.png", "grass.png")
    paths = [folder / name for name in names]
    paths += [folders[1] / "datasets" / "images" / name for name in ("china.jpg", "flower.jpg")]
    found = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths if path.exists()][:limit]
    return [cv2.resize(p, (640, 640 * p.shape[0] // p.shape[1]), interpolation=cv2.INTER_AREA) for p in found]


def view(picture: Picture, zoom: float, x: float = 0.0, y: float = 0.0) -> Picture:
    """What a camera sees of the picture; x and y in -1..1 are as far as it can turn."""
    height, width = picture.shape[:2]
    left, top = (width - width / zoom) * (0.5 + x / 2), (height - height / zoom) * (0.5 + y / 2)
    part = picture[int(top) : int(top + height / zoom), int(left) : int(left + width / zoom)]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)


def with_object(picture: Picture, thing: Picture, x: float, y: float, share: float) -> Picture:
    """The picture with an oval piece of another one on it, ``share`` of the width wide."""
    height, width = picture.shape[:2]
    across = int(share * width)
    down = min(across * thing.shape[0] // thing.shape[1], height)
    thing = cv2.resize(thing, (across, down), interpolation=cv2.INTER_AREA)
    mask = np.zeros((down, across), np.float32)
    cv2.ellipse(mask, (across // 2, down // 2), (int(across * 0.46), int(down * 0.46)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 2)[..., None]
    left, top = int(x * (width - across)), int(y * (height - down))
    result = picture.copy()
    place = result[top : top + down, left : left + across]
    place[:] = place * (1 - mask) + thing * mask
    return result


def same_pairs(photos: list[Picture], random: np.random.Generator) -> Iterator[Pair]:
    for number, photo in enumerate(photos):
        base = view(photo, 1.15)
        grain = base + random.normal(0, 8, base.shape)
        yield "noise", base, np.clip(grain, 0, 255).astype(np.uint8)
        yield "jpeg 30", base, cv2.imdecode(cv2.imencode(".jpg", base, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1)
        yield "brighter", base, np.clip(base * 1.12 + 4, 0, 255).astype(np.uint8)
        yield "darker", base, (base * 0.88).astype(np.uint8)
        yield "pan 2 %", base, view(photo, 1.15, x=0.25)
        yield "tilt 2 %", base, view(photo, 1.15, y=-0.25)
        yield "zoom 3 %", base, view(photo, 1.185)
        thing, (x, y) = photos[(number + 3) % len(photos)], random.uniform(0.1, 0.8, 2)
        yield "object moves", with_object(base, thing, x, y, 0.28), with_object(base, thing, x + 0.05, y, 0.28)


def changed_pairs(photos: list[Picture], random: np.random.Generator) -> Iterator[Pair]:
    for number, photo in enumerate(photos):
        base = view(photo, 1.15)
        thing, (x, y) = photos[(number + 3) % len(photos)], random.uniform(0.1, 0.8, 2)
        yield "new object .28", base, with_object(base, thing, x, y, 0.28)
        yield "new object .40", base, with_object(base, thing, x, y, 0.40)
        yield "another photo", base, view(photos[(number + 1) % len(photos)], 1.15)
        yield "zoom 1.8", base, view(photo, 2.1)
        yield "pan 50 %", view(photo, 1.6, x=-1), view(photo, 1.6, x=1)


def video_frames(path: Path, every_seconds: float) -> Iterator[tuple[float, Picture]]:
    import av

    with av.open(str(path)) as container:
        wanted = 0.0
        for frame in container.decode(video=0):
            if frame.time >= wanted - 1e-6:
                wanted += every_seconds
                yield frame.time, frame.to_ndarray(format="rgb24")


def pose_pairs(path: Path) -> Iterator[Pair]:
    frames = list(video_frames(path, 0.5))
    for first, second in combinations(POSES, 2):
        for a, b in ((a, b) for a in first for b in second):
            at = [min(frames, key=lambda frame, t=t: abs(frame[0] - t))[1] for t in (a, b)]
            yield "another pose", at[0], at[1]


def grid_means(stage: str, cells: int) -> Callable[[Picture], NDArray[np.float32]]:
    def encode(picture: Picture) -> NDArray[np.float32]:
        small = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA)
        maps = network.run(network.DETECTOR, network.THREADS, [stage], small[None])[0][0]
        edges = np.linspace(0, maps.shape[1], cells + 1).astype(int)
        spans = [slice(a, b) for a, b in pairwise(edges)]
        return np.concatenate([maps[:, rows, columns].mean(axis=(1, 2)) for rows in spans for columns in spans])

    return encode


def thumbnail(side: int) -> Callable[[Picture], NDArray[np.float32]]:
    def encode(picture: Picture) -> NDArray[np.float32]:
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        return (small - small.mean(axis=(0, 1))).ravel()

    return encode


CANDIDATES: dict[str, Callable[[Picture], NDArray[np.float32]]] = {
    "thumbnail 4 x 4": thumbnail(4),
    "thumbnail 8 x 8": thumbnail(8),
    **{f"{stage}, {cells} x {cells}": grid_means(stage, cells) for stage in ("stage8", "stage16") for cells in (1, 3)},
    **{f"stage32, {cells} x {cells}": grid_means("stage32", cells) for cells in (1, 2, 3, 4)},
}


def cosines(encode: Callable[[Picture], NDArray[np.float32]], pairs: list[Pair]) -> NDArray[np.float64]:
    def unit(picture: Picture) -> NDArray[np.float64]:
        vector = encode(picture).astype(np.float64)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    return np.array([unit(first) @ unit(second) for _, first, second in pairs])


def area_under_curve(same: NDArray[np.float64], changed: NDArray[np.float64]) -> float:
    """The chance that a same pair is more alike than a changed one."""
    return float((same[:, None] > changed[None, :]).mean() + 0.5 * (same[:, None] == changed[None, :]).mean())


def balanced(same: NDArray[np.float64], changed: NDArray[np.float64], threshold: float) -> float:
    return float(((same >= threshold).mean() + (changed < threshold).mean()) / 2)


def report_candidates(same: list[Pair], changed: list[Pair]) -> None:
    print(f"\n{'vector':<18} {'AUC':>6} {'best balanced':>14} {'at cosine':>10}")
    for name, encode in CANDIDATES.items():
        a, b = cosines(encode, same), cosines(encode, changed)
        best = max(np.unique(np.concatenate([a, b])), key=lambda threshold: balanced(a, b, threshold))
        print(f"{name:<18} {area_under_curve(a, b):6.3f} {balanced(a, b, best):14.3f} {best:10.3f}")


def report_shipped(same: list[Pair], changed: list[Pair]) -> None:
    encoder = BackboneEncoder()
    a, b = (cosines(lambda picture: encoder.encode([picture])[0], pairs) for pairs in (same, changed))
    print("\nshipped encoder, by threshold")
    for threshold in (0.90, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97):
        kept, found = (a >= threshold).mean(), (b < threshold).mean()
        mean = balanced(a, b, threshold)
        print(f"  {threshold:.2f}: same held {kept:6.1%}, changes found {found:6.1%}, balanced {mean:.3f}")
    print(f"\nshipped encoder at {encoder.similarity}, by kind")
    for pairs, values, right in ((same, a, a >= encoder.similarity), (changed, b, b < encoder.similarity)):
        for kind in dict.fromkeys(name for name, _, _ in pairs):
            rows = np.array([name == kind for name, _, _ in pairs])
            low, high = values[rows].min(), values[rows].max()
            print(f"  {kind:<15} right {right[rows].mean():6.1%}  cosines {low:.3f}..{high:.3f}")


def report_videos(folder: Path) -> None:
    encoder = BackboneEncoder()
    print("\nframes of real videos, 0.5 s apart")
    for path in sorted(folder.glob("*.mp4")):
        rows = encoder.encode([picture for _, picture in video_frames(path, 0.5)])
        print(f"  {path.name}: {' '.join(f'{value:.2f}' for value in (rows[1:] * rows[:-1]).sum(axis=1))}")


def report_speed(picture: Picture) -> None:
    encoder, batch = BackboneEncoder(), [picture] * 8
    encoder.encode(batch)
    spent = []
    for _ in range(8):
        wall, cpu = time.perf_counter(), time.process_time()
        encoder.encode(batch)
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall_ms, cpu_ms = (min(column) * 1000 / len(batch) for column in zip(*spent, strict=True))
    print(f"\nspeed in batches of 8, {encoder.threads} threads: {wall_ms:.1f} ms a picture, {cpu_ms:.1f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four photographs only")
    parser.add_argument("--videos", type=Path, default=Path(__file__).parents[2] / "shared" / "videos")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    photos = photographs(4 if arguments.quick else 99)
    random = np.random.default_rng(7)
    same, changed = list(same_pairs(photos, random)), list(changed_pairs(photos, random))
    if (arguments.videos / "yoga.mp4").exists():
        changed += pose_pairs(arguments.videos / "yoga.mp4")
    print(f"{len(photos)} photographs, {len(same)} same pairs, {len(changed)} changed pairs")
    report_candidates(same, changed)
    report_shipped(same, changed)
    report_videos(arguments.videos)
    report_speed(photos[0])


if __name__ == "__main__":
    main()
