"""Texts taken apart: quotations set aside, sentences whole, stems that bring forms together and keep words apart."""

from __future__ import annotations

import pytest

from sharegpt4video.facts.detect import LABELS
from sharegpt4video.verify.lexicon import concept_of, things
from sharegpt4video.verify.prose import Passage, stem


@pytest.mark.parametrize(
    "forms",
    [
        "move moves moved moving",
        "run runs running ran",
        "carry carries carried carrying",
        "city cities",
        "man men",
        "child children",
        "tree trees",
    ],
)
def test_forms_of_a_word_share_a_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(("one", "other"), [("man", "many"), ("the", "they"), ("car", "carry"), ("her", "here")])
def test_other_words_do_not(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_quotations_are_set_aside_and_places_stay() -> None:
    passage = Passage(0, 'A sign says "NO DOGS" and “keep out” here.')
    assert passage.quotes == ("NO DOGS", "keep out")
    assert "dogs" not in passage.vocabulary
    assert passage.plain.index("here") == passage.text.index("here")


def test_sentences_stay_whole() -> None:
    text = 'It lasts 2.5 s. He reads "Stop!" aloud. “Wait!” She waits. 3 men come.'
    assert [one.text for one in Passage(0, text).sentences] == [
        "It lasts 2.5 s.",
        'He reads "Stop!" aloud.',
        "“Wait!”",
        "She waits.",
        "3 men come.",
    ]


def test_most_classes_of_the_detector_have_a_word() -> None:
    assert sum(bool(concept_of(label)) for label in LABELS) >= 65
    assert concept_of("tv") == "television"
    assert things([stem("puppies")]) == {"dog"}
