"""Rows of a data set made by construction, for the tests of what is counted from them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import media
import scenes
import sharegpt4video as sg4v
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.dataset.rows import CaptionRow, Checked, Clip, Failure, Selected, SourceVideo, Survey
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    Finding,
    Look,
    PictureMotion,
    Provenance,
    ScreenText,
    Shot,
    Step,
    TrackedObject,
)

SUBJECTS = ("A woman", "A man in a red coat", "Two dogs", "A cyclist", "A small white boat", "A child", "An old tram")
VERBS = ("walks", "runs", "is standing", "turns", "slides slowly", "stops", "was carried")
PLACES = (
    "along the river",
    "through the crowded market",
    "beside a stone wall",
    "across the wet street",
    "in the park",
)
MOVES = (("static",), ("pan left",), ("pan right", "shake"), ("zoom in",), ("tilt up",), ())
LABELS = ("person", "dog", "car", "bicycle", "boat", "umbrella")
SIZES = ((1920, 1080), (1280, 720), (1080, 1920), (640, 480), (1280, 544))
CHECKS = ("loop", "camera", "time", "unsupported")


def id_of(name: object) -> str:
    return hashlib.blake2b(str(name).encode(), digest_size=16).hexdigest()


def sentence(draw: random.Random) -> str:
    return f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(PLACES)}."


def facts(draw: random.Random, start: float, end: float) -> Facts:
    moves = () if start == end else draw.choice(MOVES)
    box = Box(0.1, 0.1, 0.5, 0.9)
    found = [TrackedObject(n, draw.choice(LABELS), 0.7, 8, box, box) for n in range(draw.randrange(4))]
    lines = draw.choice((None, (), (ScreenText("EXIT", 0.9, end, box),)))
    motion = PictureMotion(draw.expovariate(12), 0.2, (0.5, 0.5))
    look = Look(min(1.0, draw.gauss(0.5, 0.15) ** 2 * 2), 0.2, 300.0, (("grey", 0.6),))
    return Facts(start, end, CameraMotion(moves=moves, confidence=0.9), motion, look, tuple(found), lines)


def steps_of(draw: random.Random, seconds: float) -> tuple[Step, ...]:
    """An opening and changes of 2 s each that tile the video."""
    edges = [*np.arange(0.0, seconds, 2.0).tolist(), seconds]
    first = facts(draw, 0.0, 0.0)
    steps = [Step("opening", 0.0, 0.0, sentence(draw), 0, (0.0,), (first,))]
    for start, end in pairwise(edges):
        said = " ".join(sentence(draw) for _ in range(draw.randrange(1, 4)))
        problem = "repeating" if draw.random() < 0.01 else ""
        steps.append(Step("change", start, end, said, 0, (start, end), (facts(draw, start, end),), problem))
    return tuple(steps)


def caption_row(number: int) -> CaptionRow:
    draw = random.Random(number)
    seconds = round(min(120.0, 2.0 + draw.expovariate(0.08)), 2)
    width, height = draw.choice(SIZES)
    opening = "The video shows a scene in which" if draw.random() < 0.3 else draw.choice(SUBJECTS)
    more = [sentence(draw) for _ in range(draw.randrange(3, 30))]
    summary = " ".join([f"{opening} {draw.choice(VERBS)} today.", *more])
    cost = Provenance("embedded", "default", "a1b2c3", "0.1.0", {}, 9, 1000 + number, 200, draw.choice((None, 0.01)))
    cuts = [*sorted(draw.uniform(0, seconds) for _ in range(draw.randrange(4))), seconds]
    shots = tuple(Shot(start, end) for start, end in pairwise([0.0, *cuts]))
    name = f"clip-{number:04d}.mp4"
    return CaptionRow(
        *(id_of(number), f"/videos/{name}", "", 0, name, width, height, 0.0, seconds, "sliding", shots),
        *(steps_of(draw, seconds), summary, "", (), cost),
    )


def survey(row: CaptionRow) -> Survey:
    draw = random.Random(row.id)
    return Survey(
        *(row.id, "mov", "h264", row.width, row.height, 25.0, row.end_seconds, 1_000_000, row.id),
        brightness=draw.random(),
        sharpness=200 * draw.random(),
        black_share=draw.random() ** 8,
        frozen_share=draw.random() ** 8,
        letterbox_share=0.0,
        shots=len(row.shots),
        motion=draw.expovariate(12),
        camera_motion=draw.expovariate(12),
    )


def checked(row: CaptionRow) -> Checked:
    draw = random.Random(row.id)
    count = max(0, draw.randrange(-6, 4))
    found = tuple(
        Finding(draw.choice(CHECKS), draw.randrange(-1, len(row.steps)), "camera said to pan, measured static")
        for _ in range(count)
    )
    return Checked(row.id, row.revision, found)


def fill(store: Store, rows: Sequence[CaptionRow], *, dropped: int = 0, failed: int = 0) -> None:
    """Every table, as a finished run would leave it: `rows` captioned, others dropped before or failed."""
    others = [caption_row(1_000_000 + number) for number in range(dropped + failed)]
    everything = [*rows, *others]
    store.append("sources", [SourceVideo(row.id, row.location, f"own-{row.video}") for row in everything])
    store.append("surveys", [survey(row) for row in everything[: len(rows) + dropped]])
    store.append("captions", rows)
    store.append("checks", [checked(row) for row in rows])
    store.append("failures", [_failure(row, number) for number, row in enumerate(others[dropped:])])
    store.append("selection", [_selected(rows, n, row) for n, row in enumerate(everything[: len(rows) + dropped])])
    store.append("clips", [_clip(row) for row in rows if len(row.steps) > 2])


def _failure(row: CaptionRow, number: int) -> Failure:
    if number % 2:
        return Failure(row.id, row.location, "", "caption", "model", f"{row.video}: gave no answer")
    return Failure(row.id, row.location, "", "survey", "unreadable", f"{row.video}: no frame could be decoded; copy it")


def _selected(rows: Sequence[CaptionRow], number: int, row: CaptionRow) -> Selected:
    """Every ninth, its two neighbours with it, are near-duplicates; a tenth of what is kept is for validation."""
    if number >= len(rows):
        return Selected(row.id, False, f"too long: {row.end_seconds} s, at most 30.0", row.id, "")
    first = rows[number // 3 * 3] if number % 9 < 3 else row
    return Selected(row.id, True, "", first.id, "val" if number // 3 % 10 == 0 else "train")


def _clip(row: CaptionRow) -> Clip:
    text = " ".join(step.text for step in row.steps[1:3])
    return Clip(id_of(row.id), row.id, row.location, 1, 2, 0.0, row.steps[2].end_seconds, text)


def rendered(folder: Path, count: int) -> list[CaptionRow]:
    """Small panned scenes, captioned by the embedded model; the files stay in `folder`."""
    settings = CaptionSettings(facts=FactSettings(ocr=False))
    rows = []
    for number in range(count):
        path = folder / f"scene-{number}.mp4"
        wide = scenes.texture(number, 320, 120, (90 + 40 * number, 120, 160))
        media.write_video(path, [scenes.panned(wide, 3 * at, 160, 90) for at in range(36)], fps=12)
        source = SourceVideo(id_of(path.name), str(path), size_bytes=path.stat().st_size)
        rows.append(CaptionRow.of(source, sg4v.caption(path, settings=settings)))
    return rows
