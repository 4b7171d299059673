"""What a prompt asks for is the scene that it was the caption of."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.world.chain import captions as chain_captions
from sharegpt4video.world.chain.scenes import ChainScene
from sharegpt4video.world.prompted import read_prompts, scene_asked_for
from sharegpt4video.world.sizes import caption, draw_scene
from sharegpt4video.world.tiny.scenes import FACTS, TinyScene


@pytest.mark.parametrize("seed", range(20))
def test_full_captions_of_the_tiny_world_are_read(seed: int) -> None:
    scene = draw_scene(random.Random(seed), difficulty="tiny", split="any", pairing=None)
    found = scene_asked_for(caption(scene, "dense", seconds=2.0, variant=0).text)
    assert isinstance(scene, TinyScene)
    assert isinstance(found, TinyScene)
    assert [found.fact(fact) for fact in FACTS] == [scene.fact(fact) for fact in FACTS]


@pytest.mark.parametrize("seed", range(20))
def test_captions_of_chains_are_read_as_a_whole_and_as_joined_steps(seed: int) -> None:
    scene = draw_scene(random.Random(seed), difficulty="chain", split="any", pairing=None)
    assert isinstance(scene, ChainScene)
    name = chain_captions.name_of(scene)
    joined = " ".join(step.text for step in chain_captions.steps(scene, name, 8.0))
    for text in (chain_captions.whole(scene.start, name, scene.deeds), joined):
        found = scene_asked_for(text)
        assert isinstance(found, ChainScene)
        assert (found.start, found.deeds) == (scene.start, scene.deeds)


@pytest.mark.parametrize(
    "text",
    ["", "a dog runs.", "a red ring.", "a large red ring in the middle.",
     "1 a large red ring at the top. 2 moves up.",  # it is there already
     "1 a large red ring at the top. 2 grows.",
     "1 a large red ring in the middle. 2 moves up. and a dog",
     f"1 a large red ring in the middle. {'9' * 5000} moves up.",
     "a red ring " * 20_000, "9" * 20_000, "it moves left, " * 10_000,
     "at the beginning there is a red ring. first it moves left."],
)  # fmt: skip
def test_what_leaves_facts_open_or_cannot_be_asks_for_no_scene(text: str) -> None:
    assert scene_asked_for(text) is None


def test_prompts_are_those_of_the_samples(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    with pytest.raises(InputMissing, match=r"prompts\.jsonl of sg4v t2v sample"):
        read_prompts(file)
    file.write_text('{"video": "000000.mp4", "prompt": "a ring."}\n')
    assert read_prompts(file) == {"000000.mp4": "a ring."}
    file.write_text('\ufeff{"video": "a.mp4", "prompt": "a\u2028ring."}\r\n', encoding="utf-8")
    assert read_prompts(file) == {"a.mp4": "a\u2028ring."}
    for wrong in ("a ring.", "[]", '{"video": "a.mp4"}', '{"video": "a.mp4", "prompt": 1}', "[" * 100_000):
        file.write_text(f"{wrong}\n")
        with pytest.raises(SettingsError, match="a line of JSON with video and prompt"):
            read_prompts(file)
    file.write_text('{"video": "a", "prompt": "a ring."}\n{"video": "a", "prompt": "a star."}\n')
    with pytest.raises(SettingsError, match="two prompts of a"):
        read_prompts(file)
