"""What is kept of a prompt, lost and invented: by construction, from prompts put together of known words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.verify.rewriting import compared

WORDS = ["dog", "beach", "umbrella", "lantern", "violet", "jumps", "bicycle", "harbour", "quietly", "seven"]


def test_what_is_there_twice_is_kept_and_the_rest_told_apart() -> None:
    prompt, text = "A red fox jumps over 2 logs", "The video shows two logs. A brown fox is jumping, and the fox barks."
    found = compared(prompt, text)
    assert [part.text for part in found.kept] == ["fox", "jumps", "2", "logs"]
    assert [part.text for part in found.lost] == ["red", "over"]
    assert [part.text for part in found.invented] == ["brown", "barks"]


def test_words_next_to_each_other_are_one_part() -> None:
    found = compared("a cat", "A cat under a huge, old stone bridge.")
    assert [part.text for part in found.invented] == ["under", "huge, old stone bridge"]
    assert compared("", "").kept == ()


@given(st.permutations(WORDS), st.integers(0, 10), st.integers(0, 10))
def test_every_word_is_in_one_of_the_three(words: list[str], kept: int, told: int) -> None:
    prompt, text = " ".join(words[:kept]), " ".join(words[:told])
    found = compared(prompt, text)
    assert [part.text for part in found.kept] == words[: min(kept, told)]
    assert " ".join(part.text for part in found.lost) == " ".join(words[told:kept])
    assert " ".join(part.text for part in found.invented) == " ".join(words[kept:told])


@given(st.text(max_size=200), st.text(max_size=200))
def test_spans_are_those_of_the_parts(prompt: str, text: str) -> None:
    found = compared(prompt, text)
    assert all(prompt[slice(*part.in_prompt)] == part.text for part in (*found.kept, *found.lost))
    assert all(text[slice(*part.in_text)] == part.text for part in found.invented)
    taken = [part.in_text for part in (*found.kept, *found.invented)]
    assert len(set(taken)) == len(taken)
    again = compared(text, text)
    assert again.lost == again.invented == ()
