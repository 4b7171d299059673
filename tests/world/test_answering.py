"""The exact judge: right on every true caption, silent on what is not told, and wrong only about what was replaced."""

from __future__ import annotations

import functools
import random

import pytest

from sharegpt4video.world.answering import WorldReader, answer
from sharegpt4video.world.captions import CaptionKind, caption
from sharegpt4video.world.questions import Question, questions
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Event, Scene, Thing
from sharegpt4video.world.told import read

UNKNOWABLE = {"action_localization"}  # no caption tells when in the video something is, only in which order


@functools.cache
def scenes() -> list[tuple[Scene, list[Question]]]:
    drawn = [
        sample_scene(random.Random(s), difficulty=name) for name in ("simple", "medium", "hard") for s in range(20)
    ]
    return [(scene, [q for q in questions(scene) if q.form != "captioning"]) for scene in drawn]


def answers(kind: CaptionKind, variant: int = 0) -> list[tuple[Scene, Question, int | None]]:
    found = []
    for scene, asked in scenes():
        told = read(caption(scene, kind, variant=variant).text)
        found += [(scene, question, answer(told, question.stem, question.options)) for question in asked]
    return found


@pytest.mark.parametrize("kind", ["dense", "shuffled", "short"])
@pytest.mark.parametrize("variant", [0, 1])
def test_no_answer_from_a_true_caption_is_wrong(kind: CaptionKind, variant: int) -> None:
    wrong = [(q.text, q.answer, q.options[at]) for _, q, at in answers(kind, variant) if at not in (None, q.right)]
    assert wrong == []


def test_a_dense_caption_tells_all_but_times_and_who_of_two_begins() -> None:
    silent = {question.kind for _, question, at in answers("dense") if at is None}
    assert silent <= UNKNOWABLE | {"character_order"}
    told = [at is not None for _, question, at in answers("dense")]
    assert sum(told) / len(told) > 0.9


def test_a_shuffled_caption_tells_no_order_and_a_short_one_little() -> None:
    orders = [at for _, q, at in answers("shuffled") if q.topic in ("two events", "two things", "next deed")]
    assert len(orders) > 20
    assert set(orders) == {None}
    told = {kind: sum(at is not None for _, _, at in answers(kind)) for kind in ("dense", "shuffled", "short")}
    assert told["dense"] > told["shuffled"] > told["short"] > 0


def test_nothing_is_told_by_no_caption_or_by_foreign_words() -> None:
    for text in ("", "A man walks his dog.", "the square is happy. moves left."):
        told = read(text)
        assert {answer(told, q.stem, q.options) for _, asked in scenes() for q in asked} == {None}
    dense = caption(scenes()[0][0]).text
    assert WorldReader().answer(dense, "who is the girl?", ("Ann", "Bea")) is None


def test_a_wrong_caption_misleads_about_what_was_replaced_alone() -> None:
    red = Thing("square", "red", "small", 0.8, 0.5)
    scene = Scene((red,), (Event("moves", 0, 0.0, 0.5, "left", "slow"), Event("recolours", 0, 0.5, 1.0, colour="blue")))
    text = caption(scene).text
    asked = ("which way does the square move?", ("up", "left", "right", "down"))
    assert answer(read(text), *asked) == 1
    assert answer(read(text.replace("left", "right")), *asked) == 2
    assert answer(read(text.replace("left", "right")), "how does the camera move?", ("stays still", "zooms in")) == 0


@pytest.mark.parametrize(
    ("text", "stem", "options", "right"),
    [
        ("a red square that turns blue.", "how does the colour of the square change?",
         ("changes from blue to red", "changes from red to blue", "does not change"), 1),
        ("a square turns blue.", "how does the colour of the square change?",
         ("changes from blue to red", "changes from red to blue", "does not change"), 1),  # the others are ruled out
        ("a square moves left.", "is it true that the square moves right?", ("yes", "no"), 1),
        ("a square moves left.", "is it true that the disc moves right?", ("yes", "no"), None),
        ("a square moves left.", "how fast does the square move?", ("slowly", "fast"), None),
        ("a square moves left.", "what shape is the thing that moves?", ("disc", "square"), 1),
        ("the disc passes up behind the wall.", "where is the disc in relation to the wall before it is hidden?",
         ("above it", "below it"), 1),
        ("the background is dark and light.", "how does the background change?",
         ("changes from dark to light", "changes from light to dark", "stays dark", "stays light"), None),
    ],
)  # fmt: skip
def test_what_follows_and_what_does_not(text: str, stem: str, options: tuple[str, ...], right: int | None) -> None:
    assert answer(read(text), stem, options) == right
