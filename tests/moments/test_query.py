"""Which words of a step count as a word of the query."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.moments.query import MOST_TERMS, terms_of


def says(query: str, text: str) -> list[str]:
    """The words of the query that a text has, found by Arrow as a search does and by ``re`` alike."""
    terms = terms_of(query)
    by_arrow = [pc.match_substring_regex(pa.array([text]), term.pattern)[0].as_py() for term in terms]
    assert by_arrow == [bool(re.search(term.pattern, text)) for term in terms]
    return [term.word for term, there in zip(terms, by_arrow, strict=True) if there]


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("a man opens a door", "Two men were opening the doors.", ["man", "opens", "door"]),
        ("a man opens a door", "A person stands at the left.", ["man"]),
        ("man", "Many mantles.", []),
        ("a person", "A WOMAN waves.", ["person"]),
        ("carry", "She carries a box", ["carry"]),
        ("stop", "It stopped", ["stop"]),
        ("puppy", "The dogs", ["puppy"]),
        ("red car", "a crimson taxi's light", ["red", "car"]),
        ("cat", "The category is concatenated.", []),
        ("猫が走る", "黒い猫が走る。", ["猫が走る"]),
        ("c++ (code) [x]", "Code (C) is x.", ["c", "code", "x"]),
        ("children's", "a child", ["children's"]),
    ],
)
def test_forms_and_synonyms_count(query: str, text: str, expected: list[str]) -> None:
    assert says(query, text) == expected


@pytest.mark.parametrize("query", ["", "the of a", "?!", "  \n"])
def test_a_query_needs_a_word(query: str) -> None:
    with pytest.raises(SettingsError, match="names nothing to look for"):
        terms_of(query)


def test_a_word_counts_once_and_the_number_of_words_is_bounded() -> None:
    assert [term.word for term in terms_of("dog dogs DOG")] == ["dog"]
    assert len(terms_of(" ".join(f"word{n}x" for n in range(100)))) == MOST_TERMS
