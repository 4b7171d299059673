"""How a worker process does each task. Only this side opens videos and asks models."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from ... import retell
from ...config import CaptionSettings
from ...draft import Progress
from ...engines import engine_for
from ...errors import SettingsError, SG4VError
from ...pipeline import acaption
from ...prompts import DEFAULT
from ...records import Facts, Step, VideoCaption
from ...t2v.encoders import ENCODERS, count_tokens
from ...t2v.fidelity import judge
from ...t2v.profile import Profile
from ...t2v.prompt_facts import facts_of
from ...t2v.rewrite import Rewriter, Rewritten, rewrite
from ...verify.rewriting import compared
from ...video.compose import encode_jpeg
from ...video.reader import VideoReader
from ...vlm import open_model
from ...vlm.base import VLM
from .looking import look, preview
from .tasks import Ask, Caption, Models, Picture, Preview, Recaption, Summarize, is_in_process

Send = Callable[..., None]

PICTURE_SIDE_PIXELS = 320
PICTURE_QUALITY = 80
FRAMES_SEEN = 16
"""How many frames a model sees of which it is asked something."""
_step, _facts = TypeAdapter(Step), TypeAdapter(Facts | None)


@cache
def _loaded(name: str) -> VLM:
    return open_model(name, prompts=DEFAULT)


def _model(name: str) -> str | VLM:
    """A model that is loaded into this process is loaded once; others are opened and closed by each task."""
    return _loaded(name) if is_in_process(name) else name


async def _caption(task: Caption, send: Send) -> None:
    start = task.start_seconds or 0.0
    end = start + task.max_seconds
    if task.end_seconds is not None:
        end = min(end, task.end_seconds)
    settings = CaptionSettings(mode=task.mode, start_seconds=task.start_seconds, end_seconds=end)
    captioned = await acaption(
        task.path,
        model=_model(task.model),
        settings=settings,
        on_progress=lambda progress: _send_progress(progress, task, send),
        picture_side_pixels=PICTURE_SIDE_PIXELS,
    )
    send("done", dataclasses.replace(captioned, video=task.name).to_json(indent=None))


def _send_progress(progress: Progress, task: Caption, send: Send) -> None:
    if progress.opened is not None:
        send("opened", dataclasses.asdict(progress.opened) | {"name": task.name})
    elif progress.keyframe is not None:
        chosen = progress.keyframe
        plain = {name: getattr(chosen.keyframe, name) for name in ("seconds", "shot_index", "reason", "similarity")}
        plain |= {"number": chosen.number, "facts": _facts.dump_python(chosen.facts, mode="json")}
        send("keyframe", plain, chosen.keyframe.image.jpeg if chosen.keyframe.image else b"")
    elif progress.step is not None:
        number = progress.steps_done - 1
        send("step", {"number": number, "step": _step.dump_python(progress.step, mode="json")})
    elif progress.summary is not None:
        send("summary", dataclasses.asdict(progress.summary))
    elif progress.phase == "summarizing":
        send("summarizing", {})
    else:
        send("read", {"read_seconds": progress.read_seconds, "end_seconds": progress.end_seconds})


async def _summarize(task: Summarize, send: Send) -> None:
    captioned = VideoCaption.from_json(task.caption)
    summary = await retell.asummarize(captioned, task.start_seconds, task.end_seconds, model=_model(task.model))
    send("summary", dataclasses.asdict(summary))


async def _recaption(task: Recaption, send: Send) -> None:
    rewriter = Rewriter(ENCODERS[task.encoder], Profile.from_json(task.profile) if task.profile else None)
    async with aclosing(rewrite([task.prompt], rewriter, _model(task.model))) as rewritten:
        async for done in rewritten:
            send("text", _checked(task.prompt, done))


def _checked(prompt: str, done: Rewritten) -> dict[str, Any]:
    """A rewritten prompt, and what became of each fact and word. Places are in the prompt as it was sent."""
    fidelity, tokens = judge(facts_of(prompt), done.text), count_tokens(prompt, ENCODERS[done.encoder])
    facts = [
        {"number": one.fact.number, "kind": one.fact.kind, "text": one.fact.text,
         "in_prompt": (one.fact.start, one.fact.end), "standing": one.standing, "reason": one.reason}
        for one in fidelity.judged
    ]  # fmt: skip
    return {
        "text": done.text, "problem": done.problem, "by": done.by, "why": done.why,
        "attempts": [dataclasses.asdict(one) for one in done.attempts],
        "facts": facts, "swapped": [(one.number, other.number) for one, other in fidelity.swapped],
        **dataclasses.asdict(compared(prompt, done.text)),
        "tokens": {"encoder": done.encoder, "limit": done.limit_tokens, "prompt": tokens.tokens,
                   "text": done.tokens.tokens, "estimated": done.tokens.estimated},
    }  # fmt: skip


async def _ask(task: Ask, send: Send) -> None:
    from ...lvlm.chat import Conversation
    from ...video.samplers import frames_of

    model = _model(task.model)
    async with engine_for(model, CaptionSettings()) as engine:
        if engine.vlm.max_images < 1:
            raise SettingsError(
                f"{task.model} takes no pictures, so it cannot be asked about a video; choose one that does"
            )
        frames = frames_of(
            task.path, FRAMES_SEEN, sampler="uniform", start_seconds=task.start_seconds, end_seconds=task.end_seconds
        )
        send("frames", [frame.seconds for frame in frames])
        conversation = Conversation(engine.vlm, frames, video=task.name)
        conversation.turns.extend((question, answer) for question, answer in task.history)
        async with aclosing(conversation.ask(task.question)) as pieces:
            async for piece in pieces:
                send("delta", piece)
        send("done", conversation.turns[-1][1])


async def _picture(task: Picture, send: Send) -> None:
    with VideoReader(task.path) as reader:
        last = (reader.info.duration_seconds or task.seconds + 1) - 1e-3
        seconds = max(min(task.seconds, last), reader.info.first_seconds)
        frame = next(reader.frames(at_seconds=[seconds], side_pixels=task.side_pixels))
    send("picture", {"seconds": frame.seconds}, encode_jpeg(frame.pixels, PICTURE_QUALITY).jpeg)


async def _models(task: Models, send: Send) -> None:
    found = []
    for name in task.names:
        try:
            vlm = _loaded(name)
        except SG4VError as error:
            found.append({"name": name, "sees_images": False, "reads_facts": False, "problem": str(error)})
        else:
            sees = vlm.max_images > 0
            found.append({"name": name, "sees_images": sees, "reads_facts": vlm.needs_facts, "problem": ""})
    send("models", found)


async def _look(task: Any, send: Send) -> None:
    send("info", look(task))


async def _preview(task: Preview, send: Send) -> None:
    send("seconds", preview(task))


DOING: dict[str, Callable[[Any, Send], Awaitable[None]]] = {
    "look": _look,
    "picture": _picture,
    "preview": _preview,
    "caption": _caption,
    "ask": _ask,
    "summarize": _summarize,
    "recaption": _recaption,
    "models": _models,
}
