"""What the models of ``proof_understanding.py`` see, are told and are asked: scenes, strips, conversations."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sharegpt4video.world.captions import CaptionKind, caption
from sharegpt4video.world.questions import Question, questions
from sharegpt4video.world.render import render
from sharegpt4video.world.sampling import Constraints, sample_scene
from sharegpt4video.world.scenes import Scene, state
from sharegpt4video.world.words import describe, place_words, the

SIDE, FRAMES, SECONDS = 42, 6, 2.0
CLOCK_PIXELS = 2
DESCRIBE = "describe the video."
FAST_STILL = Constraints(speeds=("fast",), cameras=("still",))
KNOWN = Constraints(
    speeds=("fast",), cameras=("still",), colours=("red", "green", "blue", "yellow"),
    shapes=("square", "triangle", "cross", "disc"), kinds=("moves", "recolours", "grows", "shrinks"),
)  # fmt: skip
"""The world of the base. That of the arms has two more colours, two more shapes, and things that turn around, appear
and disappear."""

TEMPORAL = ("action", "action_antonym", "action_localization", "action_sequence", "attribute_change", "direction",
            "object_existence", "order")  # fmt: skip
STATIC = ("colour", "shape")
EXAM = (*TEMPORAL, *STATIC)
LEFT_OUT = ("background", "counterfactual_inference", "place")
"""Asked in all arms, to keep the form of questions alive, and never in the examination."""
GATE = ("direction", "order")
CAPTIONS: dict[str, CaptionKind] = {"dense": "dense", "short": "short", "shuffled": "shuffled", "control": "dense"}
"""The arms and the captions of each."""


@dataclass(frozen=True)
class Sizes:
    """How much is learned and asked."""

    frames: int = 24_000
    """Single frames of the base's videos, described before anything else is learned."""
    frame_steps: int = 1_200
    frame_batch: int = 32
    base_videos: int = 12_000
    videos: int = 8_000
    new_videos: int = 1_200
    gate_videos: int = 400
    turns: int = 4
    """Questions in one conversation of the base at most."""
    kept: int = 500
    """Questions of the kinds that the examination leaves out, in every arm."""
    control: int = 2_000
    """Questions of the control: those, and others of the kinds of the examination."""
    per_kind: int = 240
    """Questions of each kind in the examination."""
    base_steps: int = 5_000
    base_batch: int = 16
    steps: int = 600
    batch: int = 32
    base_rate: float = 2e-3
    rate: float = 5e-4


QUICK = Sizes(frames=40, frame_steps=2, frame_batch=4, base_videos=40, base_steps=3, base_batch=4, videos=40,
              new_videos=30, gate_videos=20, kept=10, control=40, per_kind=4, steps=2, batch=4)  # fmt: skip


def scene_of(name: str, number: int) -> Scene:
    """Video ``number`` of a set, which is the same in a set of any length."""
    world = KNOWN if name in ("base", "gate") else FAST_STILL
    return sample_scene(random.Random(f"{name} {number}"), difficulty="simple", constraints=world)


def asked_about(scene: Scene) -> list[Question]:
    """The multiple-choice questions of the kinds used here."""
    wanted = {*EXAM, *LEFT_OUT}
    return [one for one in questions(scene) if one.form == "multi-choice" and one.kind in wanted]


def write_data(folder: Path, sizes: Sizes) -> None:
    """The strips of four sets of videos, single frames of the base's, the conversations of the base and all arms."""
    if (folder / "ready").exists():
        return
    counts = {"base": sizes.base_videos, "learned": sizes.videos, "new": sizes.new_videos, "gate": sizes.gate_videos}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            strip(scene_of(name, number)).save(folder / strip_name(name, number), compress_level=1)
    (folder / "frames").mkdir(exist_ok=True)
    save(folder / "frames.json", list(_of_frames(folder, sizes)))
    save(folder / "base.json", list(_of_base(sizes)))
    for arm in CAPTIONS:
        save(folder / f"{arm}.json", list(_captions(arm, sizes)))
    save(folder / "kept.json", list(_questions(LEFT_OUT, sizes.kept, sizes)))
    save(folder / "asked.json", list(_questions(EXAM, sizes.control - sizes.kept, sizes)))
    (folder / "ready").touch()


def strip(scene: Scene) -> Image.Image:
    """The frames of a video from top to bottom, nothing between them: each is a tile of the model.

    A rim of two pixels, black in the first frame and white in the last, tells which frame it is: tiles are encoded one
    by one, and the language model knows only how far tokens are from each other.
    """
    frames = np.stack(list(render(scene, SIDE, SIDE, FRAMES / SECONDS, SECONDS)))
    inner = slice(CLOCK_PIXELS, -CLOCK_PIXELS)
    for number, frame in enumerate(frames):
        inside = frame[inner, inner].copy()
        frame[:] = round(255 * number / (FRAMES - 1))
        frame[inner, inner] = inside
    return Image.fromarray(np.concatenate(frames))


def strip_name(name: str, number: int) -> str:
    return f"{name}/{number:06d}.png"


def conversation(name: str, video: str, turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A sample in the LLaVA layout; without a picture if there is no ``video``."""
    talk = []
    for number, (question, answer) in enumerate(turns):
        shown = f"<image>\n{question}" if video and not number else question
        talk += [{"from": "human", "value": shown}, {"from": "gpt", "value": answer}]
    return {"id": name, **({"image": video} if video else {}), "conversations": talk}


def _of_frames(folder: Path, sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One frame each, and what it shows: a model from random weights that saw videos alone did not learn to see."""
    for number in range(sizes.frames):
        video, dice = number % sizes.base_videos, random.Random(f"frame {number}")
        scene, frame, name = scene_of("base", video), dice.randrange(FRAMES), f"frames/{number:06d}.png"
        with Image.open(folder / strip_name("base", video)) as whole:
            whole.crop((0, frame * SIDE, SIDE, (frame + 1) * SIDE)).save(folder / name, compress_level=1)
        yield conversation(f"frame-{number}", name, [(DESCRIBE, f"{describe(scene, 0, frame / (FRAMES - 1))}.")])


def _of_base(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Two talks about each video, a caption of every second, and every fifth question again without the video.

    The first talk is about motion, order and places. The captions are of all kinds alike, so that none of the arms
    begins nearer to its own. What is asked without a video teaches how likely each answer is by itself, which scores
    are corrected by.
    """
    kinds: tuple[CaptionKind, ...] = ("dense", "short", "shuffled")
    for number in range(sizes.base_videos):
        scene, dice = scene_of("base", number), random.Random(f"base talk {number}")
        found = asked_about(scene)
        dice.shuffle(found)
        gate, rest = (
            [(one.stem, one.answer) for one in found if (one.kind in GATE) is first] for first in (True, False)
        )
        seen = strip_name("base", number)
        yield conversation(f"motion-{number}", seen, [*gate, *_places(scene)][: sizes.turns])
        yield conversation(f"talk-{number}", seen, rest[: sizes.turns])
        if number % 2 == 0:
            yield conversation(f"told-{number}", seen, [(DESCRIBE, caption(scene, kinds[number // 2 % 3]).text)])
        if number % 5 == 0:
            yield conversation(f"blind-{number}", "", [(found[0].stem, found[0].answer)])


def _places(scene: Scene) -> Iterator[tuple[str, str]]:
    """Where things are, which motion is learned from; asked of the base alone."""
    for number, thing in enumerate(scene.things):
        for when, at in (("at the beginning", 0.0), ("at the end", 1.0)):
            now = state(scene, number, at)
            yield f"where is {the(thing)} {when}?", place_words(now.x, now.y)


def _captions(arm: str, sizes: Sizes) -> Iterator[dict[str, Any]]:
    for number in range(sizes.videos):
        told = caption(scene_of("learned", number), CAPTIONS[arm]).text
        yield conversation(f"{arm}-{number}", strip_name("learned", number), [(DESCRIBE, told)])


def _questions(kinds: Sequence[str], count: int, sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Questions of these kinds about the videos of the arms, as many of each kind, all of different videos."""
    for number, one in _evenly("learned", kinds, count, sizes.videos):
        yield conversation(f"{one.kind}-{number}", strip_name("learned", number), [(one.stem, one.answer)])


def _evenly(name: str, kinds: Sequence[str], count: int, videos: int) -> list[tuple[int, Question]]:
    """``count`` questions with their videos, as many of each kind; of a video two at most, of different kinds."""
    dice = random.Random(f"{name} {','.join(kinds)}")
    found: dict[str, list[tuple[int, Question]]] = {kind: [] for kind in kinds}
    for number in dice.sample(range(videos), videos):
        by_kind: defaultdict[str, list[Question]] = defaultdict(list)
        for one in asked_about(scene_of(name, number)):
            by_kind[one.kind].append(one)
        wanted = [kind for kind in kinds if by_kind[kind] and len(found[kind]) * len(kinds) < count]
        for kind in sorted(wanted, key=lambda kind: len(found[kind]))[:2]:
            found[kind].append((number, dice.choice(by_kind[kind])))
        if all(len(each) * len(kinds) >= count for each in found.values()):
            break
    return [each[at] for at in range(count) for each in found.values() if at < len(each)][:count]


def examination(name: str, kinds: Sequence[str], sizes: Sizes) -> list[tuple[int, Question]]:
    """The same number of questions of each kind about new videos: of the arms' world, or of the base's (``gate``)."""
    videos = sizes.gate_videos if name == "gate" else sizes.new_videos
    return _evenly(name, kinds, len(kinds) * sizes.per_kind, videos)


def save(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")
