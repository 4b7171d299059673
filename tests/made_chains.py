"""Videos of the world of chains, a tiny captioner of random weights, and one whose every answer is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.base import VLM, Reply, Request
from sharegpt4video.vlm.hf import HfVLM
from sharegpt4video.world.chain.captions import change, name_of, opening, whole
from sharegpt4video.world.chain.scenes import ChainScene
from sharegpt4video.world.files import SetSettings, read_scenes, write_set


def chains(folder: Path, count: int = 2, events: tuple[int, int] = (2, 4)) -> dict[str, ChainScene]:
    """A set of videos in ``folder``, and their scenes by name."""
    write_set(folder, count, SetSettings(seed=5, difficulty="chain", width=46, height=46, events=events),
              ask=False, workers=1)  # fmt: skip
    return {name: scene for name, scene in read_scenes(folder).items() if isinstance(scene, ChainScene)}


def caption_settings(prompts: str, **changes: Any) -> CaptionSettings:
    """A keyframe every two seconds, and nothing measured."""
    keyframes = KeyframeSettings(selector="uniform", verify_cuts=False)
    return CaptionSettings(prompts=prompts, keyframes=keyframes, facts=FactSettings(measure=False), **changes)


def save_captioner(folder: Path) -> Path:
    """A captioner of the shape ``captioner-tiny`` with random weights, as training writes one."""
    from sharegpt4video.lvlm.model.build import build, processor
    from sharegpt4video.lvlm.settings import ModelSettings

    settings = ModelSettings(shape="captioner-tiny", random_weights=True)
    build(settings).float().save_pretrained(folder)
    processor(settings).save_pretrained(folder)
    return folder


class Truthful(HfVLM):
    """A model of transformers that is made ready for each request as ever, and then tells the truth of a scene.

    ``given`` are the inputs of each request, as the model would get them.
    """

    def __init__(self, folder: Path, scene: ChainScene, prompts: str, **options: Any) -> None:
        from sharegpt4video.vlm.hf.loading import Source, load

        super().__init__(str(folder), prompts=prompt_set(prompts), **options)
        self.scene, self.given = scene, list[tuple[Request, Any]]()
        self._loaded = load(Source(str(folder), None, "cpu", "auto", "auto", False))

    async def generate(self, request: Request) -> Reply:
        self.given.append((request, self.prepare(self._loaded, [self._job(request).asked])))
        return Reply(truth(self.scene, request), request.key(), self.name)


class Knowing(VLM):
    """A model that knows the scenes of some videos and tells the truth about them; ``asked`` are its requests."""

    name, max_images, max_concurrent, uses_facts = "knowing", 48, 8, False

    def __init__(self, scenes: dict[str, ChainScene]) -> None:
        self.scenes, self.asked = scenes, list[Request]()

    async def generate(self, request: Request) -> Reply:
        self.asked.append(request)
        if request.task == "recaption":
            return Reply(request.user_text, request.key(), self.name)
        scene = self.scenes[request.video]
        return Reply(truth(scene, request, name_of(scene)), request.key(), self.name, output_tokens=9)


def truth(scene: ChainScene, request: Request, name: str = "ring") -> str:
    """What is to be said to a request about the whole video, or some of its steps."""
    states, seconds = scene.states, request.seconds
    if request.task == "opening":
        return opening(states[round(seconds[0] / 2)], name)
    if request.task == "change":
        at = int(seconds[0] // 2)
        return change(states[at], name, scene.deeds[at])
    first = first_step(request.steps) if request.task == "summary" else 0
    last = len(scene.deeds) if request.task != "summary" else first + sum(s.kind == "change" for s in request.steps)
    return whole(states[first], name, scene.deeds[first:last])


def first_step(steps: Sequence[Any]) -> int:
    """The number of the first change among some steps."""
    return next(int(step.start_seconds // 2) for step in steps if step.kind == "change")
