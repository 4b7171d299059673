"""Shared phrases: planted into made-up texts, found without being named, and nothing else with them."""

from __future__ import annotations

import random

from sharegpt4video.t2v.shared import copied, openings, shared_phrases

NOUNS = ["dog", "panda", "tractor", "lantern", "violin", "harbour", "castle", "kettle", "bridge", "wolf"]
LEAK = "Hand drawn charcoal storyboard sketch"


def made(count: int, leaked: int, seed: int = 0) -> tuple[list[str], list[str], list[str]]:
    """Prompts, texts of random words, and what they are about; the first ``leaked`` texts open with ``LEAK``."""
    random.seed(seed)
    about = [NOUNS[number % len(NOUNS)] for number in range(count)]
    prompts = [f"a {noun} in the rain" for noun in about]
    letters = "bcdfglmnprst"
    body = [" ".join("".join(random.choices(letters, k=6)) for _ in range(30)) for _ in range(count)]
    texts = [
        f"{f'{LEAK}, ' if at < leaked else ''}a {noun} in the rain {words}"
        for at, (noun, words) in enumerate(zip(about, body, strict=True))
    ]
    return prompts, texts, about


def test_a_planted_phrase_is_found_and_counted() -> None:
    prompts, texts, about = made(200, 40)
    (found,) = shared_phrases(texts, prompts, about)
    assert (found.text, found.texts, found.opens) == (LEAK.lower(), tuple(range(40)), 40)
    assert openings(texts, prompts)["hand drawn"] == 40


def test_what_prompts_say_themselves_is_no_finding() -> None:
    prompts, texts, about = made(200, 0)
    assert shared_phrases(texts, prompts, about) == ()
    assert shared_phrases(texts, ["nothing"] * 200, about) == ()  # each noun's phrase is about one thing


def test_a_phrase_of_one_kind_of_prompt_is_not_the_rewriters() -> None:
    prompts = ["a beach in spring"] * 30 + ["a red car"] * 30
    texts = ["soft golden sand meets turquoise water"] * 30 + [f"car number {number}" for number in range(30)]
    about = ["beach"] * 30 + ["car"] * 30
    assert shared_phrases(texts, prompts, about) == ()


def test_copies_of_what_was_shown_are_found() -> None:
    shown = ["A tall man in a grey coat walks slowly past the old red post office."]
    text = "A dog runs. It walks slowly past the old red post office and barks."
    assert copied(text, shown, "a dog runs") == ("walks slowly past the old red post office",)
    assert copied(text, shown, "a dog walks slowly past the old red post office") == ()
    assert copied("A dog runs past the old shed.", shown, "a dog") == ()
