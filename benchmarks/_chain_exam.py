"""Captions of videos of the chain world in all roles, by any model, counted by the exact reader of texts."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sharegpt4video import background
from sharegpt4video.captioner.engine import Engine
from sharegpt4video.captioner.fast import fast
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.engines import open_engine
from sharegpt4video.lvlm.mixture.shorten import shortened
from sharegpt4video.pipeline import acaption
from sharegpt4video.reading import read
from sharegpt4video.records import Keyframe, Segment, VideoCaption
from sharegpt4video.retell import recaption, summarize
from sharegpt4video.vlm.base import VLM, Reply, Request
from sharegpt4video.world.chain.captions import whole
from sharegpt4video.world.chain.scenes import PERIOD_SECONDS, ChainScene, State
from sharegpt4video.world.chain.told import (
    Told,
    events,
    look_hits,
    read_step,
    read_whole,
    step_faults,
    step_hits,
    whole_hits,
)
from sharegpt4video.world.files import SetSettings, read_scenes, scene_of, write_set

T = TypeVar("T")
Row = dict[str, Any]
AT_ONCE = 48


def chain_set(
    folder: Path, count: int, seed: int, least: int, most: int, split: str = "train"
) -> dict[Path, ChainScene]:
    """The videos of a set and their scenes; the set is written if it is not there."""
    write_set(folder, count, _of_chains(seed, least, most, split), captions=(), ask=False, workers=1)
    found = {folder / "videos" / name: scene for name, scene in read_scenes(folder).items()}
    return {path: scene for path, scene in found.items() if isinstance(scene, ChainScene)}


def _of_chains(seed: int, least: int, most: int, split: str) -> SetSettings:
    return SetSettings(seed=seed, difficulty="chain", split=split, width=46, height=46, events=(least, most))


def chance(count: int, seed: int, events_each: int) -> float:
    """F1 of the events in order of texts that are true, but of another video of the set: what knowing nothing gives."""
    drawn = [scene_of(_of_chains(seed, events_each, events_each, "train"), number) for number in range(count)]
    deeds = [scene.deeds for scene in drawn if isinstance(scene, ChainScene)]
    return float(np.mean([events(one, other).f1 for one, other in permutations(deeds, 2)]))


def settings(prompts: str = "brief", **changes: Any) -> CaptionSettings:
    """A keyframe every two seconds of one take, nothing measured."""
    keyframes = KeyframeSettings(selector="uniform", cuts=False)
    return CaptionSettings(prompts=prompts, keyframes=keyframes, facts=FactSettings(measure=False), **changes)


async def _together(*jobs: Awaitable[T]) -> list[T]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(job: Awaitable[T]) -> T:
        async with room:
            return await job

    return list(await asyncio.gather(*(one(job) for job in jobs)))


def captioned(
    model: VLM, videos: Sequence[Path], how: Sequence[CaptionSettings] | CaptionSettings
) -> list[VideoCaption]:
    """Captions of videos, many side by side, each in its own way or all in one."""
    ways = [how] * len(videos) if isinstance(how, CaptionSettings) else how
    engine = open_engine(model, ways[0])
    jobs = [acaption(video, settings=way, engine=engine) for video, way in zip(videos, ways, strict=True)]
    return background.run(_together(*jobs))


# --- the roles ------------------------------------------------------------------------------------------------------


def whole_row(text: str, scene: ChainScene, first: int = 0, last: int | None = None) -> Row:
    """What a text about a video, or its events ``first`` to ``last``, has right."""
    told = read_whole(text)
    deeds, state = scene.deeds[first:last], scene.states[first]
    right, facts = whole_hits(told, state, deeds)
    found = events(told.deeds, deeds)
    return {"right": right, "facts": facts, "true": found.true, "told": found.told, "both": found.both,
            "in_order": found.in_order, "looks": sum(look_hits(told, state).values()),
            "stray": bool(told.stray)}  # fmt: skip


def step_rows(caption: VideoCaption, scene: ChainScene) -> Row:
    """Facts right and told wrongly, step by step; an opening and a change for each event are to be there."""
    right, facts, faults, names = 0, 0, [], set()
    states, deeds = scene.states, scene.deeds
    wanted = [(states[0], ""), *zip(states, deeds, strict=False)]
    name = read_step(caption.steps[0].text).name if caption.steps else ""
    for number, (state, deed) in enumerate(wanted):
        told = read_step(caption.steps[number].text) if number < len(caption.steps) else Told(stray="-")
        hits = step_hits(told, state, deed, name if number else "")
        right, facts = right + sum(hits.values()), facts + len(hits)
        faults.append(step_faults(told, state, deed))
        names.add(told.name)
    more = max(len(caption.steps) - len(wanted), 0)
    joined = events([deed for step in caption.steps for deed in read_step(step.text).deeds], deeds)
    return {"step_right": right, "step_facts": facts + more, "faults": faults, "steps_more": more,
            "joined": asdict(joined)}  # fmt: skip


def cost(caption: VideoCaption) -> Row:
    made = caption.provenance
    return {"requests": made.requests, "input_tokens": made.input_tokens, "output_tokens": made.output_tokens}


def sliding_rows(captions: Sequence[VideoCaption], scenes: Sequence[ChainScene]) -> list[Row]:
    return [{**whole_row(one.summary, scene), **step_rows(one, scene), **cost(one)}
            for one, scene in zip(captions, scenes, strict=True)]  # fmt: skip


def fast_rows(model: VLM, videos: Mapping[Path, ChainScene], prompts: str, frames: int = 16) -> list[Row]:
    """Fast mode: one request with frames spread evenly, in a grid or apart, as the model takes them."""
    made = captioned(model, list(videos), settings(prompts, mode="fast", fast_frames=frames))
    return [{**whole_row(one.summary, scene), **cost(one)} for one, scene in zip(made, videos.values(), strict=True)]


def multi_rows(model: VLM, videos: Mapping[Path, ChainScene], prompts: str) -> list[Row]:
    """All keyframes of sliding captioning as pictures of one request."""
    engine = open_engine(model, settings(prompts))
    steps = background.run(_together(*(_multi(engine, video, prompts) for video in videos)))
    rows = []
    for reply, scene in zip(steps, videos.values(), strict=True):
        spent = {"requests": 1, "input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
        rows.append({**whole_row(reply.text, scene), **spent})
    return rows


async def _multi(engine: Engine, video: Path, prompts: str) -> Reply:
    keyframes: dict[float, Keyframe] = {}
    end = 0.0
    for event in read(video, settings(prompts), wants_images=True):
        if isinstance(event, Segment):
            keyframes |= {one.seconds: one for one in event.keyframes}
            end = event.shot_end_seconds or end
    ordered = [keyframes[at] for at in sorted(keyframes)]
    replies: list[Reply] = []
    role = fast(ordered, (), video=video.name, start_seconds=0.0, end_seconds=end, layout="separate")
    await engine.run(role, on_reply=replies.append)
    return replies[-1]


def recaption_rows(
    model: VLM, scenes: Sequence[ChainScene], prompts: str, lengths: Sequence[int] = (1, 2, 4)
) -> list[Row]:
    """Short prompts re-captioned: what was asked for has to be told, in its order, in a story that can be."""
    rows = []
    engine = open_engine(model, settings(prompts))
    asked = []
    for number, scene in enumerate(scenes):
        rng = random.Random(f"recaption {number}")
        asked.append(shortened(whole(scene.start, _name(scene), scene.deeds), lengths, rng))
    texts = [recaption(prompt, model=engine.vlm, settings=settings(prompts)).text for prompt in asked]
    for prompt, text in zip(asked, texts, strict=True):
        wish, told = read_whole(prompt), read_whole(text)
        looks = [getattr(told, fact) == getattr(wish, fact) for fact in ("size", "colour", "name", "place")]
        kept = events(told.deeds, wish.deeds).in_order
        able = _possible(told)
        rows.append({"right": sum(looks) + kept + able, "facts": 5 + len(wish.deeds), "told": len(told.deeds)})
    return rows


def _name(scene: ChainScene) -> str:
    from sharegpt4video.world.chain.captions import name_of

    return name_of(scene)


def _possible(told: Told) -> bool:
    if told.stray or not told.shape:
        return False
    state = next((one for one in _states() if (one.size, one.colour, one.place, one.shape)
                  == (told.size, told.colour, told.place, told.shape)), None)  # fmt: skip
    for deed in told.deeds:
        state = state.after(deed) if state else None
    return state is not None


def _states() -> list[State]:
    from sharegpt4video.world.chain.scenes import COLOURS, PLACES, SHAPES, SIZES

    return [State(shape, colour, size, column, row) for shape in SHAPES for colour in COLOURS for size in SIZES
            for column in range(PLACES) for row in range(PLACES)]  # fmt: skip


def clip_rows(
    model: VLM, videos: Mapping[Path, ChainScene], captions: Sequence[VideoCaption], prompts: str, seed: int
) -> list[Row]:
    """A random part of each video, from its steps alone, and captioned by itself."""
    spans = []
    for number, scene in enumerate(videos.values()):
        rng = random.Random(f"clips {seed} {number}")
        length = rng.randint(2, max(len(scene.deeds) // 2, 2))
        first = rng.randint(0, max(len(scene.deeds) - length - 1, 0))
        spans.append((first, first + length))
    ways = [settings(prompts, start_seconds=first * PERIOD_SECONDS, end_seconds=last * PERIOD_SECONDS + 0.5)
            for first, last in spans]  # fmt: skip
    apart = captioned(model, list(videos), ways)
    rows = []
    for scene, one, other, (first, last) in zip(videos.values(), captions, apart, spans, strict=True):
        told = summarize(one, first * PERIOD_SECONDS, last * PERIOD_SECONDS, model=model, settings=settings(prompts))
        rows.append({"events": last - first, "steps": whole_row(told.text, scene, first, last),
                     "clip": {**whole_row(other.summary, scene, first, last), **cost(other)}})  # fmt: skip
    return rows


# --- a step that is wrong -------------------------------------------------------------------------------------------


@dataclass
class Forced(VLM):
    """A model whose answer to one step of each video is another, wrong text."""

    inner: VLM
    at_seconds: float
    texts: Mapping[str, str]

    def __post_init__(self) -> None:
        self.name, self.max_images, self.max_concurrent = self.inner.name, self.inner.max_images, 64
        self.uses_facts = self.inner.uses_facts

    async def generate(self, request: Request) -> Reply:
        reply = await self.inner.generate(request)
        if request.task == "change" and abs(request.seconds[0] - self.at_seconds) < 0.3:
            return replace(reply, text=self.texts[request.video])
        return reply


def totals(rows: Sequence[Row], right: str = "right", facts: str = "facts") -> float:
    """The share of right facts in all rows."""
    return sum(row[right] for row in rows) / max(sum(row[facts] for row in rows), 1)


def write_json(path: Path, plain: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(json.dumps(plain, separators=(",", ":")) + "\n", encoding="utf-8")
    path.with_suffix(".part").rename(path)
