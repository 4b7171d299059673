"""Words: what somebody types is looked for, and is never taken as a query language."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.errors import SettingsError
from sharegpt4video.web.catalogue.words import Words, expression

TEXTS = [
    ("A dog runs across a red field.", "EXIT", "good morning"),
    ("Two dogs sit. A red car passes.", "", ""),
    ("A street at night, nobody there.", "Café", "nobody's home"),
    ("一个男人打开红色的门。", "出口", ""),
]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Words]:
    found = Words(tmp_path_factory.mktemp("words") / "words.sqlite")
    assert found.add(TEXTS).tolist() == [1, 2, 3, 4]
    found.commit()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("query", "docs"),
    [
        ("dog", [1, 2]),
        ("dog -car", [1]),
        ('"red car"', [2]),
        ('"car red"', []),
        ("nigh*", [3]),
        ("DOG red", [1, 2]),
        ("cafe", [3]),
        ("打开", [4]),
        ("开打", []),
        ("nobody's", [3]),
        ("dog OR street", []),
        ("body:dog", []),
        ('dog" OR "street', []),
        ("dog AND", []),
    ],
)
def test_words_are_found_as_somebody_means_them(words: Words, query: str, docs: list[int]) -> None:
    assert words.hits(expression(query)).tolist() == docs


def test_text_in_the_picture_and_speech_are_searched_apart(words: Words) -> None:
    assert words.hits(expression("exit", field="seen")).tolist() == [1]
    assert words.hits(expression("exit", field="said")).tolist() == []
    assert words.hits(expression("morning", field="said")).tolist() == [1]
    assert words.hits(expression("出口", field="seen")).tolist() == [4]


def test_few_hits_come_best_first(words: Words) -> None:
    docs, is_all = words.ranked(expression("dog car", any_of=True), 1)
    assert (docs.tolist(), is_all) == ([2], False)
    assert words.is_few(expression("dog"), 2)
    assert not words.is_few(expression("dog"), 1)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="ab\"'*()-:^{}+ NEARORANDT\\\x00,;", max_size=40))
def test_no_text_is_a_wrong_query(words: Words, query: str) -> None:
    for field in ("", "seen"):
        try:
            asked = expression(query, field=field)  # type: ignore[arg-type]
        except SettingsError:
            continue
        assert set(words.hits(asked).tolist()) <= {1, 2, 3, 4}


@pytest.mark.parametrize(
    "query", ["", "   ", "-dog", "!!! ***", "\x00", "🙂", "a" * 501, " ".join("abcdefghijklmnopq")]
)
def test_what_names_no_word_or_too_many_is_refused(query: str) -> None:
    with pytest.raises(SettingsError):
        expression(query)


def test_numbers_of_documents_go_on_where_they_ended(tmp_path: Path) -> None:
    first = Words(tmp_path / "w.sqlite")
    first.add(TEXTS)
    first.commit()
    first.close()
    again = Words(tmp_path / "w.sqlite")
    assert again.last == 4
    assert again.add(TEXTS[:1]).tolist() == [5]
    again.close()
    with sqlite3.connect(tmp_path / "w.sqlite") as plain:
        assert plain.execute("SELECT max(rowid) FROM words WHERE words MATCH 'dog'").fetchone() == (2,)


def test_threads_that_come_and_go_share_connections(words: Words) -> None:
    """A server's threads end when they idle; a connection for each would be kept for good."""
    asked = expression("dog")
    for _ in range(8):
        thread = threading.Thread(target=words.hits, args=(asked,))
        thread.start()
        thread.join()
    assert len(words._all) <= 2
