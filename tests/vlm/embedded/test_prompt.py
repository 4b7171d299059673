"""Re-captioning: the user's words, all of them and no others, in well-formed sentences."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.vlm.embedded.prompt import recaption

EXAMPLES = {
    "a video of a dog running on the beach, zoom in slowly, cinematic": (
        "The video shows a dog running on the beach. The camera zooms in slowly. The style is cinematic."
    ),
    "dog, running, on the beach, at sunset, drone shot, slow motion, anime style, 4k": (
        "The video shows a dog running on the beach at sunset. The video uses a drone shot and slow motion. "
        "The style is anime and 4k."
    ),
    "A cinematic shot of a man wearing a hat, walking his dog. Camera pans left.": (
        "The cinematic shot shows a man wearing a hat, walking his dog. The camera pans left."
    ),
    "a dog runs on the beach, cinematic": "A dog runs on the beach. The style is cinematic.",
    "panning left over a city at night": "The camera pans left over a city at night.",
    "drone footage of a castle": "The drone footage shows a castle.",
    "masterpiece, best quality, two girls, black and white, close-up": (
        "The video shows two girls. The video uses a close-up. "
        "The style is masterpiece, best quality, and black and white."
    ),
    "an old woman with great style": "The video shows an old woman with great style.",
    "Two cats are playing; a bird watches them, 4k": "Two cats are playing; a bird watches them. The style is 4k.",
    "In a still frame, a stop sign": "In a still frame, the video shows a stop sign.",
    "a man, a woman and a dog": "The video shows a man, a woman and a dog.",
    "happy dog in the snow, tilt down": "The video shows a happy dog in the snow. The camera tilts down.",
    "A tranquil tableau of an alley": "The video shows a tranquil tableau of an alley.",
    "Gwen Stacy reading a book": "The video shows Gwen Stacy reading a book.",
    "close up of grapes on a rotating table": "The close up shows grapes on a rotating table.",
    "It's raining. The streets are wet": "It's raining. The streets are wet.",
    "zoom in, pan left, orbit around the statue": ("The camera zooms in, pans left and orbits around the statue."),
    "robot": "The video shows a robot.",
    "snow": "The video shows snow.",
    "two people dancing, camera pans left, handheld": (
        "The video shows two people dancing. The camera pans left. The video uses a handheld camera."
    ),
    "dashcam footage of a highway, the camera moves forward": (
        "The dashcam footage shows a highway. The camera moves forward."
    ),
    "a statue in a park, camera rising slowly, camera orbits around it": (
        "The video shows a statue in a park. The camera rises slowly and orbits around it."
    ),
    "camera pushes in on a face, slow motion, moody lighting": (
        "The camera pushes in on a face. The video uses slow motion. The style is moody lighting."
    ),
    "a, dog": "The video shows a dog.",
    "the, man walks": "The man walks.",
    "a dog in the, park, running": "The video shows a dog in the park, running.",
    "a dog and, cat": "The video shows a dog and cat.",
    "a dog runs, and": "A dog runs.",
    "a photo of a dog with": "The video shows a photo of a dog.",
    "a... dog | my, cat": "The video shows a dog and my cat.",
    "zoom in, a dog": "The video shows a dog. The camera zooms in.",
    "a camera shop in Tokyo": "The video shows a camera shop in Tokyo.",
}


@pytest.mark.parametrize(("prompt", "text"), EXAMPLES.items())
def test_examples(prompt: str, text: str) -> None:
    assert recaption(prompt) == text


@pytest.mark.parametrize("text", EXAMPLES.values())
def test_a_text_of_ours_stays_as_it_is(text: str) -> None:
    assert recaption(text) == text


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("", ""),
        ("  \n ", ""),
        ("一只狗在海滩上奔跑", "一只狗在海滩上奔跑"),
        ("собака бежит по пляжу", "собака бежит по пляжу"),
        ("🐕🏖️", "🐕🏖️"),
        ("un chien court sur la plage", "Un chien court sur la plage."),
        ("ein Hund läuft auf dem Strand", "Ein Hund läuft auf dem Strand."),
    ],
)
def test_what_is_not_english_is_passed_on(prompt: str, text: str) -> None:
    assert recaption(prompt) == text


SUBJECTS = (
    "a dog",
    "dog",
    "two women",
    "an astronaut riding a horse",
    "snow",
    "a red car driving",
    "people dancing",
    "cat",
)
SETTINGS = (
    "on the beach",
    "in the rain",
    "at night",
    "sunset",
    "a forest",
    "wearing a hat",
    "holding flowers",
    "mountains",
)
CAMERAS = (
    "zoom in",
    "zooms out slowly",
    "panning left",
    "drone shot",
    "slow motion",
    "close-up",
    "tilt up",
    "aerial view",
)
STYLES = ("cinematic", "4k", "anime style", "watercolor", "soft lighting", "highly detailed", "black and white", "epic")
FRAMES = ("", "a video of ", "video of ", "A clip showing ", "The video shows ", "drone footage of ")

# Words that build a sentence but say nothing about the video, and those of our own sentences.
FUNCTION = {"a", "an", "the", "and", "of", "with", "in", "showing"}
TEMPLATE = {"video", "shows", "camera", "style", "is", "uses", "this"}
SAME = {"zoom": "zooms", "zooming": "zooms", "panning": "pans", "pan": "pans", "tilt": "tilts", "tilting": "tilts"}


def content(text: str) -> set[str]:
    words = {SAME.get(word, word) for word in re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower())}
    return words - FUNCTION - TEMPLATE


prompts = st.builds(
    lambda frame, subject, rest, joint, end: frame + joint.join([subject, *rest]) + end,
    st.sampled_from(FRAMES),
    st.sampled_from(SUBJECTS),
    st.lists(st.sampled_from(SETTINGS + CAMERAS + STYLES), max_size=7, unique=True),
    st.sampled_from([", ", ",", "; ", ". "]),
    st.sampled_from(["", ".", ",", " "]),
)


@given(prompts)
@settings(max_examples=200, deadline=None)
def test_no_word_is_added_and_none_is_lost(prompt: str) -> None:
    assert content(recaption(prompt)) == content(prompt)


@given(prompts)
@settings(max_examples=200, deadline=None)
def test_the_sentences_are_whole(prompt: str) -> None:
    text = recaption(prompt)
    assert "  " not in text
    assert text.endswith(".")
    assert not re.search(r"[,;]\.|\s[,.;]|\.\.", text)
    assert all(sentence[0].isupper() for sentence in text.split(". "))


@given(prompts)
@settings(max_examples=200, deadline=None)
def test_a_second_time_adds_nothing(prompt: str) -> None:
    once = recaption(prompt)
    twice = recaption(once)
    assert content(twice) == content(once)
    assert len(twice) <= len(once) + 8


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_taken_and_keeps_its_words(prompt: str) -> None:
    text = recaption(prompt)
    assert bool(text) == bool(prompt.strip())
    assert {word for word in content(prompt) if word.isascii() and len(word) > 3} <= content(text)


def test_a_very_long_prompt_is_quick_and_whole() -> None:
    prompt = ", ".join(f"thing{n} on table{n}" for n in range(3000))
    text = recaption(prompt)
    assert "thing2999 on table2999" in text
    assert text.count(".") == 1
