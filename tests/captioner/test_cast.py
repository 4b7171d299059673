"""The cast of a video: what texts call their subjects, and how later requests are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from chains import drive, reply_to, segment, step
from sharegpt4video.captioner.cast import MOST_MEMBERS, Cast, for_step, for_summary, mentions
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.captioner.summary import summary
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.engines import open_engine
from sharegpt4video.errors import SettingsError
from sharegpt4video.prompts import DEFAULT
from sharegpt4video.reading import Ended, Event, Opened
from sharegpt4video.run import VideoRun
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.render import render


def named(*texts: str) -> tuple[str, ...]:
    cast = Cast()
    for text in texts:
        cast = cast.after(text)
    return cast.words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man in a red jacket waits.", ["man in a red jacket"]),
        ("A wide shot shows an elderly woman with short grey hair.", ["elderly woman with short grey hair"]),
        ("A young girl, wearing a hat and sunglasses, waves.", ["young girl wearing a hat and sunglasses"]),
        ("A man in black stands by a man dressed in a white robe.", ["man in black", "man dressed in a white robe"]),
        ("A small brown dog runs past two men in suits.", ["small brown dog", "two men in suits"]),
        ("A person wearing grey gloves with yellow trim works.", ["person wearing grey gloves"]),
        ("The car door opens, and the dog's tail wags.", []),
        ("The side of the bus is red.", ["bus"]),
        ("A video that features a chef, who is in an apron.", ["chef who is in an apron"]),
        ("Nobody is here. Das Mädchen läuft. 一个男人。", []),
    ],
)
def test_subjects_are_found_with_what_tells_them_apart(text: str, words: list[str]) -> None:
    assert [member.words for member, _ in mentions(text)] == words


def test_a_subject_keeps_its_first_words() -> None:
    opening = "A man in a red jacket and a woman in a white dress talk."
    assert named(opening, "The man in the red jacket leaves.", "The woman sits down.", "A lady in a white dress.") == (
        "man in a red jacket", "woman in a white dress")  # fmt: skip


def test_others_of_the_kind_are_others() -> None:
    assert named("A man in a red jacket.", "A man in a blue jacket enters.", "Another man in a red jacket.") == (
        "man in a red jacket", "man in a blue jacket")  # fmt: skip
    assert named("A man in a red jacket.", "A second man in a grey hat comes.") == (
        "man in a red jacket", "man in a grey hat")  # fmt: skip
    assert named("A dog.", "A cat.") == ("dog", "cat")


def test_bare_words_become_fuller_ones_when_they_are_known() -> None:
    assert named("A man walks.", "The man in the green coat stops.", "The man waits.") == ("man in the green coat",)


def test_the_cast_stays_small_and_keeps_who_was_seen_last() -> None:
    colours = [f"A man in a {colour} hat." for colour in ("red", "blue", "green")]
    many = [f"A woman in a {colour} {garment}." for garment in ("coat", "dress", "shirt", "suit") for colour in
            ("red", "blue", "green", "black")]  # fmt: skip
    words = named(*colours, *many, colours[0])
    assert len(words) == MOST_MEMBERS
    assert "man in a red hat" in words
    assert "man in a blue hat" not in words


def test_a_request_is_told_of_those_before_it_and_the_first_one_of_nobody() -> None:
    def say(request: Request) -> Reply:
        return reply_to(request, f"A man in a red coat waits at {request.seconds[-1]}. The dog barks.")

    _, asked = drive(sliding(segment(0.0, 2.0, 4.0), video="v", cast=Cast()), say)
    assert asked[0].cast == ""
    assert asked[1].cast == asked[2].cast
    assert asked[1].cast.startswith("Subjects named so far in this video: man in a red coat; dog. ")
    prompt = render(asked[1], DEFAULT).text
    assert prompt == f"{render(replace(asked[1], cast=''), DEFAULT).text}\n\n{asked[1].cast}"


def test_without_a_cast_requests_are_what_they_were() -> None:
    _, plain = drive(sliding(segment(0.0, 2.0), video="v"), lambda request: reply_to(request, "A man in a red coat."))
    assert {request.cast for request in plain} == {""}
    with_cast = replace(plain[1], cast="Subjects named so far: a man.")
    assert with_cast.key() != plain[1].key()
    assert replace(with_cast, cast="").key() == plain[1].key()


def test_a_text_with_a_problem_names_nobody() -> None:
    def say(request: Request) -> Reply:
        return reply_to(request, "A man in a red coat.", problem="repeating" if request.task == "opening" else "")

    _, asked = drive(sliding(segment(0.0, 2.0, 4.0), video="v", cast=Cast()), say)
    assert [bool(request.cast) for request in asked] == [False, False, True]


def test_a_summary_is_told_how_its_steps_call_their_subjects() -> None:
    steps = [step(0, 0, "A man in a red coat."), step(0, 2, "A dog.", problem="repeating"), step(2, 4, "The cat sits.")]
    roles = [summary(steps, video="v", start_seconds=0, end_seconds=4, cast=cast) for cast in (True, False)]
    asked = [next(role) for role in roles]
    assert [request.cast for request in asked if isinstance(request, Request)] == [
        "The descriptions call their subjects: man in a red coat; cat. Call each by these words.", ""]  # fmt: skip
    assert for_summary([]) == for_step(None) == for_step(Cast()) == ""


async def _events(shots: int) -> AsyncGenerator[Event | float, None]:
    yield Opened("made.mp4", 64, 48, 0.0, 4.0 * shots)
    for index in range(shots):
        start = 4.0 * index
        yield segment(start, start + 2.0, shot_end_seconds=start + 4.0, shot_index=index)
    yield Ended(4.0 * shots, ())


def _told(*, cast: bool) -> list[str]:
    """What a model that forgets calls a subject in six shots: it keeps only words that the request holds."""
    ways = ["man in a red coat", "guy wearing a red coat", "tall man in a red coat", "bearded man in a red coat"]
    said: list[str] = []

    def say(request: Request) -> str:
        if request.task == "summary":
            return f"Told: {request.cast}"
        known = [way for way in ways if way in request.cast + request.before]
        said.append(known[0] if known else ways[round(request.seconds[-1]) // 2 % len(ways)])
        return f"The {said[-1]} walks on."

    settings = CaptionSettings(cast=cast, facts=FactSettings(measure=False))
    run = VideoRun(open_engine(FakeVLM(say), settings), settings)
    captioned = asyncio.run(run.describe(_events(6)))
    assert [text.text for text in captioned.steps] == [f"The {words} walks on." for words in said] or not cast
    assert ("man in a red coat" in captioned.summary) == cast
    return said


def test_a_model_that_forgets_keeps_a_subjects_words_across_cuts() -> None:
    assert set(_told(cast=True)) == {"man in a red coat"}
    assert len(set(_told(cast=False))) > 1, "without a cast each shot begins anew"


def test_prompts_that_were_trained_with_take_no_cast() -> None:
    with pytest.raises(SettingsError, match="cast adds words that the prompts sharecaptioner were not trained with"):
        CaptionSettings(cast=True, prompts="sharecaptioner")
