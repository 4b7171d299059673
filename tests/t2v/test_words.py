"""Words as numbers, and the layers over them."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from sharegpt4video.errors import StorageError  # noqa: E402
from sharegpt4video.t2v.settings import TextSettings  # noqa: E402
from sharegpt4video.t2v.texts import TinyEncoder, cut_of  # noqa: E402
from sharegpt4video.t2v.words import NOTHING, PAD, UNKNOWN, Words, split  # noqa: E402

WORDS = Words.of(["A red ring.", "it moves, then rests"])


def test_words_and_marks_are_told_apart_in_small_letters() -> None:
    assert split("It's RED, at 12.5!") == ["it", "'", "s", "red", ",", "at", "12", ".", "5", "!"]
    assert WORDS.known == (",", ".", "a", "it", "moves", "red", "rests", "ring", "then")


def test_texts_are_filled_up_and_cut_to_a_length() -> None:
    rows = WORDS.batch(["a red ring .", "", "a blue ring", "it moves it moves it moves"], 4).tolist()
    a, red, ring, dot = WORDS.numbers("a red ring .")
    assert rows == [
        [a, red, ring, dot],
        [NOTHING, PAD, PAD, PAD],
        [a, UNKNOWN, ring, PAD],
        WORDS.numbers("it moves it moves"),
    ]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_every_text_has_numbers_that_are_known(texts: list[str]) -> None:
    known = Words.of(texts)
    rows = known.batch(texts, 12)
    assert rows.shape == (len(texts), 12)
    assert int(rows.max()) < len(known)
    assert (rows[:, 0] != PAD).all()
    assert not (rows == UNKNOWN).any()


def test_a_text_is_read_without_what_fills_it_up_and_by_the_order_of_its_words(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = TinyEncoder(WORDS, TextSettings(width=16, max_tokens=8)).eval()
    with torch.no_grad():
        alone, blank = made.encode(["a red ring"])
        beside, _ = made.encode(["a red ring", "it moves , then rests a red ring"])
        other, _ = made.encode(["ring red a"])
    torch.testing.assert_close(alone[0], beside[0])
    assert (alone[0][blank[0]] == 0).all()
    assert (alone - other).abs().max() > 0.1
    made.save(tmp_path)
    torch.testing.assert_close(TinyEncoder.load(tmp_path).encode(["a red ring"])[0], alone)
    with pytest.raises(StorageError, match="not the text encoder"):
        TinyEncoder.load(tmp_path / "nowhere")
    cut = cut_of(made, ["a red ring", "a " * 12], 8)
    assert (cut.captions, cut.over, cut.tokens, cut.lost, cut.longest) == (2, 1, 15, 4, 12)
    assert "1 of 2 captions (50%)" in cut.text()
    assert cut_of(made, ["a"], 8).text() == ""
