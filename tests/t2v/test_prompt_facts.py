"""Prompts taken apart: facts of sentences put together of known parts, and no word of meaning left over."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.t2v.prompt_facts import facts_of, is_grammar
from sharegpt4video.verify.prose import Passage

THINGS = ["dog", "panda", "tractor", "lantern", "sofa", "violin", "cell phone"]
COLOURS = ["red", "purple", "black", "grey"]
ACTIONS = ["jumping", "singing", "sleeping", "turning around"]
PLACES = ["in a kitchen", "on the beach", "along a river", "near the harbour"]
CAMERAS = ["zoom in", "pan left", "tilt down", "in slow motion", "racking focus", "tracking shot", "low angle"]
STYLES = ["Van Gogh style", "oil painting", "in cyberpunk style", "black and white", "cinematic"]


def told(prompt: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.text) for fact in facts_of(prompt).facts]


@settings(max_examples=40)
@given(
    *map(st.sampled_from, (THINGS, COLOURS, ACTIONS, PLACES, CAMERAS, STYLES)), st.sampled_from(["two", "3", "seven"])
)
def test_each_part_is_a_fact_of_its_kind(
    thing: str, colour: str, action: str, place: str, camera: str, style: str, count: str
) -> None:
    found = facts_of(f'{count} {colour} {thing} {action} {place} with a sign "OPEN", {camera}, {style}')
    kinds = {kind: [fact.text for fact in found.of_kind(kind)] for kind in ("count", "colour", "action", "text")}
    assert kinds == {"count": [count], "colour": [colour], "action": [action.split()[0]], "text": ['"OPEN"']}
    assert thing.split()[-1] in [fact.text for fact in found.of_kind("subject")]
    assert [fact.text for fact in found.of_kind("setting")] == [place.split()[-1]]
    assert [fact.text.removeprefix("in ") for fact in found.of_kind("camera")] == [camera.removeprefix("in ")]
    assert [fact.text for fact in found.of_kind("style")] == [style]
    owner = found.fact(found.of_kind("colour")[0].of)
    assert owner is not None
    assert owner.text == thing.split()[-1]


@pytest.mark.parametrize(
    ("words", "name"),
    [("on the left of", "left"), ("on the top of", "above"), ("next to", "beside"), ("in front of", "in front")],
)
def test_a_relation_has_two_sides(words: str, name: str) -> None:
    found = facts_of(f"a cup {words} a teddy bear, front view")
    (relation,) = found.of_kind("relation")
    one, other = found.fact(relation.of), found.fact(relation.to)
    assert one is not None
    assert other is not None
    assert (relation.name, one.text, other.text) == (name, "cup", "bear")


def test_actions_are_in_order_where_the_prompt_says_so() -> None:
    found = facts_of("A dog is sleeping on the couch, then it suddenly gets up and starts wagging its tail.")
    assert [(fact.text, fact.later) for fact in found.of_kind("action")] == [
        ("sleeping", False), ("gets", True), ("wagging", False),
    ]  # fmt: skip
    together = facts_of("a man singing and dancing")
    assert [fact.later for fact in together.of_kind("action")] == [False, False]


def test_another_language_is_kept_whole_and_said_so() -> None:
    for prompt in ("一只狗在海滩上奔跑", "un chien court sur la plage avec une balle"):
        found = facts_of(f" {prompt} ")
        assert (found.language, told(f" {prompt} ")) == ("other", [("whole", prompt)])
    assert facts_of("  ").facts == ()


WORDS = [*" ".join([*THINGS, *COLOURS, *ACTIONS, *PLACES, *CAMERAS, *STYLES]).split(), "then", "and", ",", ".", "old"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60))
def test_no_word_of_meaning_is_in_no_fact_and_none_in_two(prompt: str) -> None:
    found = facts_of(prompt)
    assert [fact.number for fact in found.facts] == list(range(1, len(found.facts) + 1))
    spans = sorted((fact.start, fact.end) for fact in found.facts)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert all(prompt[fact.start : fact.end] == fact.text for fact in found.facts)
    if found.language == "en":
        for word, start, end in Passage(0, prompt).placed_words:
            covered = any(first <= start and end <= last for first, last in spans)
            assert covered or is_grammar(word), word


@pytest.mark.parametrize("text", ["word ", "a,", "and ", "aing ", "slowly ", "A red dog runs, then it jumps. "])
def test_a_text_that_goes_on_and_on_takes_no_longer_for_each_word(text: str) -> None:
    took = []
    for times in (500, 5_000):
        began = time.thread_time()  # what else this process does is not counted
        facts_of(text * times)
        took.append(time.thread_time() - began)
    assert took[1] < took[0] * 40 + 0.1  # ten times the words; a hundred times the work where each looks at all others
