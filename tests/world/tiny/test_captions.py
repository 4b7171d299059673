"""Captions of tiny scenes tell what they are to tell, and nothing more."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.world.tiny.captions import caption, tell
from sharegpt4video.world.tiny.scenes import FACTS, TinyScene, sample_scene


def scenes(count: int) -> list[TinyScene]:
    rng = random.Random(0)
    return [sample_scene(rng) for _ in range(count)]


def test_dense_tells_everything_in_order() -> None:
    scene = TinyScene("cross", "red", "left", "blue", "up", "pan right", 0.85, 0.85)
    told = caption(scene)
    assert told.text == (
        "at the beginning there is a red cross at the bottom right. first it moves left. "
        "then it turns blue and moves up. all along the camera pans right."
    )
    assert [(step.start_seconds, step.end_seconds) for step in told.steps] == [(0, 0), (0, 1), (1, 2)]
    assert f"{' '.join(step.text for step in told.steps)} {told.summary}" == told.text
    assert "keeps its colour" in caption(replace(scene, turn="")).text


def test_what_is_not_asked_for_is_not_told() -> None:
    for scene in scenes(50):
        for fact in FACTS:
            others = [name for name in FACTS if name != fact]
            changed = {"shape": "ring" if scene.shape != "ring" else "cross", "x": 1 - scene.x, "y": 1 - scene.y,
                       "colour": "cyan" if scene.colour != "cyan" else "red", "turn": "" if scene.turn else "blue",
                       "first": "up", "second": "down", "camera": "pan left"}  # fmt: skip
            names = ("x", "y") if fact == "place" else (fact,)
            other = replace(scene, **{name: changed[name] for name in names})
            assert tell(scene, others) == tell(other, others)
            assert (tell(scene, [fact]) == tell(other, [fact])) == (scene.fact(fact) == other.fact(fact))


def test_shuffled_sentences_do_not_tell_which_move_comes_first() -> None:
    def sentences(scene: TinyScene) -> Counter[str]:
        return Counter(sentence.strip() for sentence in caption(scene, "shuffled").text.split("."))

    earlier = 0
    for scene in scenes(400):
        swapped = replace(scene, first=scene.second, second=scene.first)
        assert sentences(scene) == sentences(swapped)
        text = caption(scene, "shuffled").text
        assert not {"first", "then", "beginning"} & set(text.replace(".", "").split())
        earlier += text.index(f"moves {scene.first}") < text.index(f"moves {scene.second}")
    assert 150 < earlier < 250  # nor does the order in which they stand


def test_short_tells_one_to_three_facts() -> None:
    words = Counter(len(caption(scene, "short").text.split()) for scene in scenes(300))
    dense = {len(caption(scene).text.split()) for scene in scenes(300)}
    assert max(words) < min(dense)
    assert caption(scenes(1)[0], "short") == caption(scenes(1)[0], "short")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_as_many_facts_are_wrong_as_asked_for_and_each_is_named(share: float) -> None:
    replaced = 0
    for scene in scenes(300):
        told = caption(scene, "wrong", wrong_share=share)
        replaced += len(told.replaced)
        assert (told.text == caption(scene).text) == (not told.replaced)
        for one in told.replaced:
            assert one.right != one.wrong
            if one.fact == "place":
                assert one.wrong in told.text
    assert replaced / (300 * len(FACTS)) == pytest.approx(share, abs=0.03)


def test_other_kinds_are_refused() -> None:
    with pytest.raises(SettingsError, match="dense"):
        caption(scenes(1)[0], "long")  # type: ignore[arg-type]
