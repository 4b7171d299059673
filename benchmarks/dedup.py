"""Near-duplicates of known truth: what is found, what is found wrongly, and how long it takes for a million videos.

Run as ``python benchmarks/dedup.py [--quick] [--only quality|clips|scale] [--photos DIR] [--clips DIR]``.

Videos are made of photographs (those bundled with scikit-image and scikit-learn, those of ``--photos``, first frames of
``../shared/videos`` where that folder exists) and of smooth noise: three shots, in each a window travels over a
picture. Copies of them are cut, scaled, encoded and painted over; other videos share a title card, a shot or the scene
with them and are no duplicates. Baselines: equal files, equal packets, one alike keyframe (perceptual or average hash)
without further proof, and the average hash in the place of ours. ``--clips`` makes such copies of real clips, which are
all different.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pyarrow as pa
from camera_moves import photographs
from numpy.typing import NDArray

from sharegpt4video.dataset.settings import FilterSettings, SurveySettings
from sharegpt4video.dataset.similar.near import near_duplicate_groups, near_duplicate_pairs
from sharegpt4video.dataset.survey.survey import survey
from sharegpt4video.video.reader import VideoReader

Picture = NDArray[np.uint8]
Frames = list[Picture]

WIDTH, HEIGHT, FPS = 480, 270, 12
SHOTS, SHOT_SECONDS = 3, 2.5
BITS, SIMILARITIES = (2, 4, 6, 8, 10, 12), (None, 0.80, 0.85, 0.90, 0.93, 0.96, 0.98)
DEFAULTS = FilterSettings()


@dataclass(frozen=True)
class Take:
    """One shot: a window of a picture that travels from one place to another (shares of the picture)."""

    picture: int
    start: tuple[float, float]
    end: tuple[float, float]
    size: float


@dataclass(frozen=True)
class Made:
    """One video: what it was made from (duplicates have one origin), how, and what was measured in it."""

    origin: int
    how: str
    file_hash: str
    packet_hash: str
    hashes: tuple[str, ...]
    embedding: bytes
    average_hashes: tuple[str, ...]
    centre_hashes: tuple[str, ...]
    centre_embedding: bytes


def shot(pictures: Sequence[Picture], take: Take) -> Frames:
    picture, count = pictures[take.picture], int(SHOT_SECONDS * FPS)
    height, width = picture.shape[:2]
    side = (int(width * take.size), int(min(height, width * take.size * HEIGHT / WIDTH)))
    frames = []
    for share in np.linspace(0, 1, count):
        x, y = ((1 - share) * a + share * b for a, b in zip(take.start, take.end, strict=True))
        left, top = x * (width - side[0]), y * (height - side[1])
        seen = cv2.getRectSubPix(picture, side, (left + side[0] / 2, top + side[1] / 2))
        frames.append(cv2.resize(seen, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
    return frames


def joined(shots: Sequence[Frames]) -> Frames:
    return [frame for one in shots for frame in one]


def some_take(picture: int, random: np.random.Generator) -> Take:
    start = tuple(random.uniform(0, 1, 2))
    end = tuple(np.clip(np.array(start) + random.uniform(-0.3, 0.3, 2), 0, 1))
    return Take(picture, start, end, float(random.uniform(0.4, 0.6)))


def title(text: str) -> Frames:
    card = np.full((HEIGHT, WIDTH, 3), 24, np.uint8)
    cv2.rectangle(card, (20, 20), (WIDTH - 20, HEIGHT - 20), (200, 180, 40), 3)
    cv2.putText(card, text, (40, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    return [card] * int(SHOT_SECONDS * FPS)


def noise(seed: int) -> Picture:
    """Smooth coloured noise, as large as a photograph."""
    random, made = np.random.default_rng(seed), np.full((720, 1280, 3), 128, np.float32)
    for cell, strength in ((160, 50.0), (60, 30.0), (16, 15.0)):
        small = random.normal(0, strength, (720 // cell + 2, 1280 // cell + 2, 3)).astype(np.float32)
        made += cv2.resize(small, (1280, 720), interpolation=cv2.INTER_CUBIC)
    return np.clip(made, 0, 255).astype(np.uint8)


def each(change: Callable[[Picture], Picture]) -> Callable[[Frames], Frames]:
    return lambda frames: [change(frame) for frame in frames]


def cropped(share: float) -> Callable[[Picture], Picture]:
    def crop(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        x, y = int(width * share / 2), int(height * share / 2)
        return picture[y : height - y, x : width - x]

    return crop


def scaled(factor: float) -> Callable[[Picture], Picture]:
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda picture: cv2.resize(picture, None, fx=factor, fy=factor, interpolation=kind)


def toned(gain: float, gamma: float) -> Callable[[Picture], Picture]:
    table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    return lambda picture: table[picture]


def with_logo(wide: float, high: float) -> Callable[[Picture], Picture]:
    """A white plate with letters in the top right corner, in shares of the picture."""

    def mark(picture: Picture) -> Picture:
        marked, (height, width) = picture.copy(), picture.shape[:2]
        right, bottom = int(0.97 * width), int((0.04 + high) * height)
        cv2.rectangle(marked, (right - int(wide * width), int(0.04 * height)), (right, bottom), (235, 235, 235), -1)
        spot = (right - int(0.9 * wide * width), bottom - int(0.3 * high * height))
        cv2.putText(marked, "TV5", spot, cv2.FONT_HERSHEY_SIMPLEX, wide * width / 90, (200, 20, 20), 2)
        return marked

    return mark


def with_caption(picture: Picture) -> Picture:
    marked, (height, width) = picture.copy(), picture.shape[:2]
    text, size = "and then we went outside", 0.55 * width / WIDTH
    spot = (int(0.08 * width), int(0.94 * height))
    cv2.putText(marked, text, spot, cv2.FONT_HERSHEY_SIMPLEX, size, (255,) * 3, 2)
    return marked


def with_lower_third(picture: Picture) -> Picture:
    marked, (height, width) = picture.copy(), picture.shape[:2]
    marked[int(0.76 * height) : int(0.92 * height), int(0.05 * width) : int(0.95 * width)] = (20, 30, 120)
    spot = (int(0.07 * width), int(0.87 * height))
    cv2.putText(marked, "JOHN SMITH, REPORTER", spot, cv2.FONT_HERSHEY_SIMPLEX, width / 600, (255,) * 3, 2)
    return marked


def letterboxed(picture: Picture) -> Picture:
    """Bars that make it 4:3."""
    height, width = picture.shape[:2]
    y, x = max(0, width * 3 // 4 - height) // 2, max(0, height * 4 // 3 - width) // 2
    return cv2.copyMakeBorder(picture, y, y, x, x, cv2.BORDER_CONSTANT)


def framed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return cv2.copyMakeBorder(picture, height // 4, height // 4, width // 4, width // 4, cv2.BORDER_CONSTANT)


def on_page(colour: tuple[int, int, int], above: float, beside: float) -> Callable[[Picture], Picture]:
    """Bars of one colour, in shares of the picture."""

    def bars(picture: Picture) -> Picture:
        y, x = int(above * picture.shape[0]), int(beside * picture.shape[1])
        return cv2.copyMakeBorder(picture, y, y, x, x, cv2.BORDER_CONSTANT, value=colour)

    return bars


def filled(picture: Picture) -> Picture:
    """In a square frame, or in one twice as wide, filled with a blown-up and blurred copy."""
    height, width = picture.shape[:2]
    side = (2 * width, height) if width <= height else (width, width)
    scale = max(side[0] / width, side[1] / height)
    large = cv2.resize(picture, None, fx=scale, fy=scale)
    y, x = (large.shape[0] - side[1]) // 2, (large.shape[1] - side[0]) // 2
    whole = cv2.GaussianBlur(large[y : y + side[1], x : x + side[0]], (0, 0), 0.03 * side[0])
    y, x = (side[1] - height) // 2, (side[0] - width) // 2
    whole[y : y + height, x : x + width] = picture
    return whole


COPIES: dict[str, tuple[Callable[[Frames], Frames], str, float]] = {  # frames, CRF, times as many frames a second
    "same file": (list, "20", 1),
    "CRF 28": (list, "28", 1),
    "CRF 38": (list, "38", 1),
    "quarter size": (each(scaled(0.25)), "24", 1),
    "double size": (each(scaled(2)), "24", 1),
    "brighter": (each(toned(1.15, 1.0)), "24", 1),
    "gamma 1.4": (each(toned(1.0, 1.4)), "24", 1),
    "bars for 4:3": (each(letterboxed), "24", 1),
    "bars on four sides": (each(framed), "24", 1),
    "white bars above and below": (each(on_page((255, 255, 255), 0.16, 0)), "24", 1),
    "red bars left and right": (each(on_page((200, 20, 20), 0, 0.3)), "24", 1),
    "grey border": (each(on_page((128, 128, 128), 0.2, 0.2)), "24", 1),
    "blurred bars": (each(filled), "24", 1),
    "logo 8 x 7 %": (each(with_logo(0.08, 0.07)), "24", 1),
    "logo 20 x 12 %": (each(with_logo(0.20, 0.12)), "24", 1),
    "lower third": (each(with_lower_third), "24", 1),
    "subtitle": (each(with_caption), "24", 1),
    "crop 2 %": (each(cropped(0.02)), "24", 1),
    "crop 5 %": (each(cropped(0.05)), "24", 1),
    "crop 10 %": (each(cropped(0.10)), "24", 1),
    "speed x 1.25": (list, "24", 1.25),
    "half the frames": (lambda frames: frames[::2], "24", 0.5),
    "0.7 s cut off": (lambda frames: frames[int(0.7 * FPS) :], "24", 1),
    "title put before": (lambda frames: title("FUNNY CLIPS") + frames, "24", 1),
    "first half": (lambda frames: frames[: len(frames) // 2], "24", 1),
    "mirrored": (each(lambda picture: np.ascontiguousarray(picture[:, ::-1])), "24", 1),
}
CLIPS_ONLY = ("white bars above and below", "red bars left and right", "grey border", "blurred bars")
"""Copies that are made of real clips alone."""
BEYOND = ("mirrored", "crop 10 %")
"""Listed, but not asked for: the recall over all leaves them out."""


def coded(frames: Frames, crf: str, fps: float) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1000)
        stream = container.add_stream("libx264", rate=rate, options={"crf": crf, "preset": "veryfast"})
        height, width = (side // 2 * 2 for side in frames[0].shape[:2])
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for picture in frames:
            whole = np.ascontiguousarray(picture[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def average_hash(picture: Picture) -> str:
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (8, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(small > small.mean()).tobytes().hex()


def measured(origin: int, how: str, frames: Frames, crf: str, fps: float) -> Made:
    data = coded(frames, crf, fps)
    found = survey(io.BytesIO(data), id="", settings=SurveySettings())
    spots = np.linspace(0, len(frames) - 1, 2 * len(found.hashes) + 1).astype(int)[1::2]
    averages = tuple(average_hash(np.asarray(frames[spot])) for spot in spots)
    looks = (found.hashes, found.embedding, averages, found.centre_hashes, found.centre_embedding)
    return Made(origin, how, hashlib.md5(data).hexdigest(), found.packet_hash, *looks)


def videos_of(origin: int, pictures: Sequence[Picture], copies: Sequence[str]) -> list[Made]:
    """A video, its copies, and four others that share something with it; each of these is an origin of its own."""
    random = np.random.default_rng(origin)
    takes = [some_take(int(which), random) for which in random.choice(len(pictures), SHOTS, replace=False)]
    own = [shot(pictures, take) for take in takes]
    frames = joined(own)
    made = [measured(origin, "original", frames, "20", FPS)]
    for name in copies:
        change, crf, times = COPIES[name]
        made.append(measured(origin, name, change(frames), crf, FPS * times))
    new = [shot(pictures, some_take(int(which), random)) for which in random.choice(len(pictures), 7, replace=False)]
    again = [shot(pictures, some_take(take.picture, random)) for take in takes]
    for number, (name, video) in enumerate(
        {
            "same title": title("FUNNY CLIPS") + new[0] + new[1],
            "one shot shared": own[0] + new[2] + new[3],
            "same scenes, other view": joined(again),
            "another video": joined(new[4:]),
        }.items()
    ):
        made.append(measured(10_000 * (number + 1) + origin, name, video, "24", FPS))
    return made


def columns(made: Sequence[Made], average: bool = False) -> tuple[pa.Array, ...]:
    """The arguments of ``near_duplicate_pairs``; average hashes are of whole pictures only."""
    hashes = [list(one.average_hashes if average else one.hashes) for one in made]
    centres = [[] if average else list(one.centre_hashes) for one in made]
    lists = [pa.array(texts, pa.list_(pa.string())) for texts in (hashes, centres)]
    vectors = [
        pa.array(some, pa.binary()) for some in ([m.embedding for m in made], [m.centre_embedding for m in made])
    ]
    return lists[0], vectors[0], lists[1], vectors[1]


Pairs = set[tuple[int, int]]


def any_alike(made: Sequence[Made], bits: int, average: bool) -> Pairs:
    """The simple rule: one alike keyframe is enough."""
    owners = np.array([at for at, one in enumerate(made) for _ in (one.average_hashes if average else one.hashes)])
    texts = [text for one in made for text in (one.average_hashes if average else one.hashes)]
    values = np.array([int(text, 16) for text in texts], np.uint64)
    found: Pairs = set()
    for at, value in enumerate(values):
        near = owners[:at][np.bitwise_count(values[:at] ^ value) <= bits]
        found |= {(int(owners[at]), int(other)) for other in near if other != owners[at]}
    return found


def equal(keys: Sequence[str]) -> Pairs:
    groups: dict[str, list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        groups[key].append(at)
    return {(later, earlier) for group in groups.values() for earlier, later in combinations(group, 2)}


def wanted_pairs(made: Sequence[Made], names: Sequence[str]) -> Pairs:
    """Original and copy; pairs of two copies are neither asked for nor wrong."""
    firsts = {one.origin: at for at, one in enumerate(made) if one.how == "original"}
    return {(at, firsts[one.origin]) for at, one in enumerate(made) if one.how in names}


def are_wrong(one: Made, other: Made) -> bool:
    """Whether two that were taken for near-duplicates share no more than half of the shorter one.

    The first half of a video is for the most part its first shot, which "one shot shared" holds as well.
    """
    related = one.origin % 10_000 == other.origin % 10_000 and {one.how, other.how} == {"first half", "one shot shared"}
    return one.origin != other.origin and not related


def scored(made: Sequence[Made], found: Pairs) -> str:
    wanted = wanted_pairs(made, [name for name in COPIES if name not in BEYOND])
    wrong = sum(are_wrong(made[a], made[b]) for a, b in found)
    right = len(found) - wrong
    return f"{len(found & wanted) / len(wanted):7.3f} {right / max(1, len(found)):10.4f} {wrong:6d}"


def quality(pictures: Sequence[Picture], origins: int) -> None:
    copies = [name for name in COPIES if name not in CLIPS_ONLY]
    with ProcessPoolExecutor(2) as workers:
        tasks = [workers.submit(videos_of, origin, pictures, copies) for origin in range(origins)]
        made = [one for task in tasks for one in task.result()]
    print(
        f"\n{len(made)} videos from {origins} originals and {len(pictures)} pictures, "
        f"{np.mean([len(one.hashes) for one in made]):.1f} keyframes each, {len(made) * (len(made) - 1) // 2} pairs"
    )
    print("wrong: pairs of different origin; recall: original to copy, without " + ", ".join(BEYOND))
    print(f"\n{'rule':44s}  recall  precision  wrong")
    print(f"{'equal files (MD5)':44s} {scored(made, equal([one.file_hash for one in made]))}")
    print(f"{'equal packets':44s} {scored(made, equal([one.packet_hash for one in made]))}")
    for bits in (4, 6, 10):
        for average, name in ((True, "average hash"), (False, "ours")):
            rule = f"one alike keyframe, {name}, {bits} bits"
            print(f"{rule:44s} {scored(made, any_alike(made, bits, average))}")
    averages = set(near_duplicate_pairs(*columns(made, True), bits=6, similarity=0.96))
    print(f"{'our rule on average hashes, 6 bits, 0.96':44s} {scored(made, averages)}")
    for bits in BITS:
        for similarity in SIMILARITIES:
            found = set(near_duplicate_pairs(*columns(made), bits=bits, similarity=similarity))
            rule = f"our rule, {bits} bits, " + ("no embeddings" if similarity is None else f"{similarity:.2f}")
            print(f"{rule:44s} {scored(made, found)}")
    detail(made)
    embeddings_alone(made)


def detail(made: Sequence[Made]) -> None:
    """What each copy costs, and what is taken for a duplicate wrongly, with the defaults and beside them."""
    shown = [(6, None), (6, 0.80), (6, 0.90), (6, 0.96), (8, None), (8, 0.80), (8, 0.85), (8, 0.90), (10, 0.85)]
    found = {key: set(near_duplicate_pairs(*columns(made), bits=key[0], similarity=key[1])) for key in shown}
    print("\nrecall by copy" + " " * 14 + " ".join(f"{bits:>3d}/{similarity or '-':<4}" for bits, similarity in shown))
    for name in COPIES:
        wanted = wanted_pairs(made, [name])
        if wanted:
            print(f"{name:27s} " + " ".join(f"{len(found[key] & wanted) / len(wanted):8.2f}" for key in shown))
    print("wrong pairs with")
    for name in ("same title", "one shot shared", "same scenes, other view", "another video", "original"):
        wrong = [sum(are_wrong(made[a], made[b]) and name in (made[a].how, made[b].how) for a, b in found[key])
                 for key in shown]  # fmt: skip
        print(f"{name:27s} " + " ".join(f"{count:8d}" for count in wrong))


def embeddings_alone(made: Sequence[Made]) -> None:
    """Would nearest neighbours of embeddings find what hashes miss?"""
    rows = np.stack([np.frombuffer(one.embedding, "<f2").astype(np.float32) for one in made])
    cosines = rows @ rows.T
    print("\nembeddings alone           recall  precision  wrong   mirrored  crop 10 %")
    for similarity in (0.96, 0.97, 0.98, 0.99, 0.995):
        later, earlier = np.nonzero(np.tril(cosines >= similarity, -1))
        found = set(zip(later.tolist(), earlier.tolist(), strict=True))
        beyond = [len(found & wanted_pairs(made, [name])) / len(wanted_pairs(made, [name])) for name in BEYOND]
        print(f"cosine {similarity:5.3f}            {scored(made, found)} {beyond[0]:10.2f} {beyond[1]:10.2f}")


def clips(folder: Path) -> None:
    """Copies of real clips: at most 16 s of each, 400 pixels wide, at most 16 frames a second."""
    with ProcessPoolExecutor(2) as workers:
        made = [one for some in workers.map(copies_of, enumerate(sorted(folder.glob("*.mp4")))) for one in some]
    print(f"\n{len(made)} videos from {len({one.origin for one in made})} real clips")
    detail(made)


def copies_of(numbered: tuple[int, Path]) -> list[Made]:
    origin, path = numbered
    with VideoReader(path, end_seconds=16.0) as reader:
        frames = [(frame.seconds, frame.frame(400).pixels) for frame in reader.decoded()]
    pictures, fps = [picture for _, picture in frames], (len(frames) - 1) / (frames[-1][0] - frames[0][0])
    while fps > 16:
        pictures, fps = pictures[::2], fps / 2
    made = [measured(origin, "original", pictures, "20", fps)]
    for name, (change, crf, times) in COPIES.items():
        if name not in ("same file", "0.7 s cut off", "title put before"):  # those count frames at the rate of ours
            made.append(measured(origin, name, change(pictures), crf, fps * times))
    made.append(measured(origin, "0.7 s cut off", pictures[int(0.7 * fps) :], "24", fps))
    return made


def scale(counts: Sequence[int]) -> None:
    print(
        "\nvideos     rule                    seconds  processor s  memory beside the columns, and in all  groups right"
    )
    for count in counts:
        for kind in ("as usual", "one title in all"):
            command = [sys.executable, __file__, "--child", str(count), kind]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            seen = json.loads(done.stdout)
            print(
                f"{count:9,d}  {kind:22s} {seen['seconds']:8.1f} {seen['processor_seconds']:12.1f} "
                f"{seen['mb']:12.0f} MB of {seen['whole_mb']:5.0f} MB {seen['right']:13.4f}",
                flush=True,
            )


def child(count: int, kind: str) -> None:
    """Random videos of 3 to 9 keyframes; one in ten copies an earlier one, up to two bits of each hash flipped."""
    hashes, embeddings, truth = drawn(count, kind == "one title in all")
    before, began, used = psutil.Process().memory_info().rss, time.perf_counter(), time.process_time()
    bits, similarity = DEFAULTS.near_duplicate_bits or 0, DEFAULTS.near_duplicate_similarity
    columns = (hashes, embeddings) * 2  # of pictures and of their middles
    found = near_duplicate_groups(*columns, bits=bits, similarity=similarity)
    seconds, processor_seconds = time.perf_counter() - began, time.process_time() - used
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
    right = float((found.group == truth).mean())
    spent = {"seconds": seconds, "processor_seconds": processor_seconds}  # the latter hardly depends on other programs
    print(json.dumps(spent | {"mb": (peak - before) / 1e6, "whole_mb": peak / 1e6, "right": right}))


def drawn(count: int, title: bool) -> tuple[pa.Array, pa.Array, NDArray[np.int64]]:
    random = np.random.default_rng(0)
    counts = random.integers(3, 10, count)
    starts = np.append(0, np.cumsum(counts))
    values = random.integers(0, 2**64, starts[-1], dtype=np.uint64)
    if title:
        values[starts[:-1]] = 0x0F1E2D3C4B5A6978
    rows = np.empty((count, 256), np.float16)
    for first in range(0, count, 1 << 14):
        rows[first : first + (1 << 14)] = random.standard_normal((min(1 << 14, count - first), 256), np.float32) / 16
    truth = np.arange(count)
    for copy in np.flatnonzero(random.random(count) < 0.1)[1:]:
        source = int(random.integers(copy))
        shared = min(counts[source], counts[copy])
        flips = np.bitwise_or.reduce(np.uint64(1) << random.integers(0, 64, (2, shared)).astype(np.uint64))
        original = values[starts[source] : starts[source] + shared]
        values[starts[copy] : starts[copy] + shared] = original ^ flips
        rows[copy], truth[copy] = rows[source], truth[source]
    texts = pa.py_buffer(values.astype(">u8").tobytes().hex().encode())
    ends = pa.py_buffer(np.arange(0, 16 * len(values) + 1, 16, dtype=np.int32))
    hashes = pa.ListArray.from_arrays(
        pa.array(starts, pa.int32()), pa.StringArray.from_buffers(len(values), ends, texts)
    )
    ends = pa.py_buffer(np.arange(0, 512 * count + 1, 512, dtype=np.int32))
    return hashes, pa.Array.from_buffers(pa.binary(), count, [None, ends, pa.py_buffer(rows)]), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("quality", "clips", "scale"))
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--clips", type=Path, help="a folder of different real clips (mp4)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(int(given.child[0]), given.child[1])
        return
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, {os.cpu_count()} CPUs")
    if given.clips and given.only in (None, "clips"):
        clips(given.clips)
    if given.only in (None, "quality"):
        pictures = [*photographs(given.photos).values(), *(noise(seed) for seed in range(12))]
        quality(pictures, 12 if given.quick else 40)
    if given.only in (None, "scale"):
        scale([10_000] if given.quick else [10_000, 100_000, 1_000_000])


if __name__ == "__main__":
    main()
