"""Rewriting with models whose mistakes are known: what is caught, what is asked again, and what rules write then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_prompts import Sloppy, made_prompt
from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.encoders import ENCODERS
from sharegpt4video.t2v.fidelity import judge
from sharegpt4video.t2v.filling import filled
from sharegpt4video.t2v.profile import profile_of
from sharegpt4video.t2v.prompt_facts import MOST_CHARACTERS, facts_of
from sharegpt4video.t2v.rewrite import Rewriter, Rewritten, rewrite
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import EmbeddedVLM
from sharegpt4video.vlm.fake import FakeVLM

REWRITER = Rewriter(ENCODERS["T5-226"])
PROMPT = "a red fox runs, zoom in"
GOOD = "A red fox runs along a wall while the camera slowly zooms in."


def rewritten(prompts: Sequence[str], vlm: FakeVLM | EmbeddedVLM, rewriter: Rewriter = REWRITER) -> list[Rewritten]:
    async def all_of_them() -> list[Rewritten]:
        return [one async for one in rewrite(prompts, rewriter, vlm)]

    return asyncio.run(all_of_them())


def test_a_good_answer_is_taken_and_what_it_adds_is_listed() -> None:
    vlm = FakeVLM([GOOD])
    (done,) = rewritten([PROMPT], vlm)
    assert (done.text, done.by, done.why, done.problem) == (GOOD, "model", "", "")
    assert [one.text for one in done.invented] == ["along", "wall", "slowly"]
    (request,) = vlm.requests
    assert all(
        line in request.user_text for line in ("1. colour (of fox): red", "2. subject: fox", "4. camera: zoom in")
    )


def test_a_model_is_told_once_what_is_wrong() -> None:
    vlm = FakeVLM(["A blue fox runs along a wall.", GOOD])
    (done,) = rewritten([PROMPT], vlm)
    assert (done.text, done.by, len(done.attempts)) == (GOOD, "model", 2)
    again = vlm.requests[1]
    assert "colour 'red', is contradicted (the fox is blue)" in again.user_text
    assert "camera 'zoom in', is missing" in again.user_text
    assert again.earlier == ((vlm.requests[0].user_text, "A blue fox runs along a wall."),)


def test_rules_write_what_a_model_cannot() -> None:
    vlm = FakeVLM(["A fox.", "I see."])
    (done,) = rewritten([PROMPT], vlm)
    assert (done.by, len(vlm.requests), len(done.attempts)) == ("rules", 2, 2)
    assert "is missing" in done.why
    assert done.fidelity.is_true
    assert not done.invented


def test_the_embedded_model_is_not_asked_and_says_so() -> None:
    (done,) = rewritten([PROMPT], EmbeddedVLM())
    assert (done.by, done.why, done.invented) == ("rules", "the embedded model adds nothing to a prompt", ())
    assert done.text == "A red fox runs. The camera zooms in."


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("红狐狸沿着墙跑，镜头推近。", "the language is wrong"),
        ("A red fox runs as the camera zooms in. " + " ".join(f"house{n}" for n in range(160)), "it is too long"),
        ("A red fox runs as the camera zooms out.", "is contradicted (says zoom out)"),
        ("A red fox runs as the camera zooms.", "is not said exactly"),
        ("", "no usable answer: empty"),
    ],
)
def test_what_is_wrong_is_named(answer: str, problem: str) -> None:
    (done,) = rewritten([PROMPT], FakeVLM(lambda _request: answer))
    assert done.by == "rules"
    assert problem in done.why


def test_words_of_shown_captions_may_not_come_back() -> None:
    shown = "A red fox crosses the old stone bridge behind a quiet village mill."
    rewriter = Rewriter(ENCODERS["T5-226"], profile_of([shown, "A blue car waits."], "made"))
    copied = f"{GOOD} It crosses the old stone bridge behind a quiet village mill."
    vlm = FakeVLM(lambda _request: copied)
    (done,) = rewritten([PROMPT], vlm, rewriter)
    assert f"<<<{shown}>>>" in vlm.requests[0].user_text
    assert "takes over the words 'crosses the old stone bridge" in done.why
    assert rewritten([PROMPT], FakeVLM([copied]))[0].by == "model"  # without the caption shown it is no copy


def test_the_order_of_actions_is_held() -> None:
    prompt = "a cat is sleeping, then it starts dancing"
    swapped, right = "A cat dances on a table. Then the cat sleeps.", "A cat sleeps on a table. Then the cat dances."
    (done,) = rewritten([prompt], FakeVLM([swapped, right]))
    assert (done.text, done.attempts[0].problems) == (right, ("'sleeping' must come before 'dancing'",))


def test_a_text_that_does_not_fit_is_marked() -> None:
    prompt = "a dog " + " ".join(f"near house{number}" for number in range(60))
    (done,) = rewritten([prompt], EmbeddedVLM(), Rewriter(ENCODERS["CLIP-77"]))
    assert "CLIP-77 reads 77" in done.problem


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(SettingsError, match="empty"):
        rewritten([" "], EmbeddedVLM())


def test_a_text_that_is_no_prompt_is_refused_before_any_is_rewritten() -> None:
    """Each of its facts would be looked for in all of it; a megabyte on one line is a file without line breaks."""
    model = FakeVLM([GOOD])
    with pytest.raises(SettingsError, match=r"prompt 2: has 1,000,000 characters, of at most 20,000"):
        rewritten([PROMPT, ("a dog runs over a red beach, " * 40_000)[:1_000_000]], model)
    assert not model.requests


def test_the_longest_prompt_is_rewritten_and_checked_whole() -> None:
    words = [first + second for first in "bcdfghklmnprstvw" for second in ("at", "ed", "ig", "on", "ug", "ack", "ell")]
    varied = " ".join(f"a {one} jumps over the {two}," for one in words for two in words)[:MOST_CHARACTERS]
    (done,) = rewritten([varied], EmbeddedVLM())
    assert len(done.facts.facts) > 1000
    assert done.fidelity.is_true


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_every_planted_mistake_is_caught_and_nothing_else(share: float) -> None:
    prompts = dict(map(made_prompt, range(120)))
    sloppy = Sloppy(prompts, share)
    vlm = FakeVLM(sloppy, max_concurrent=1)
    done = rewritten(list(prompts), vlm)
    written = [(one.prompt, attempt) for one in done for attempt in one.attempts]
    wrong = [bool(sloppy.mistakes[prompt, attempt.text]) for prompt, attempt in written]
    caught = [bool(attempt.problems) for _, attempt in written]
    assert caught == wrong
    assert any(wrong) == (share > 0)
    assert all(one.fidelity.is_true for one in done)
    assert all((one.by == "rules") == bool(one.attempts[-1].problems) for one in done)


MORE = ["old", "wooden", "happily", "with an umbrella", "next to a river", "at night", "slow motion", "oil painting"]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.lists(st.sampled_from(MORE), max_size=3, unique=True), st.booleans())
def test_rules_keep_every_fact_and_invent_nothing(number: int, more: list[str], framed: bool) -> None:
    prompt, parts = made_prompt(number)
    prompt = ", ".join([prompt, *more])
    opening = "The video shows a dog." if framed else "A dog is running."
    text = filled(prompt, profile_of([opening] * 3, "made"))
    assert judge(facts_of(prompt), text).is_true
    assert all(str(parts[slot]) in text.casefold() for slot in ("count", "colour", "thing", "place"))
    assert all(word in text.casefold() for word in " ".join(more).replace("slow motion", "slow").split())
    assert text.startswith("The video shows ") == framed


@pytest.mark.parametrize("field", ["facts", "nonsense"])
def test_templates_are_checked(field: str) -> None:
    from dataclasses import replace

    changed: Callable[[], object] = lambda: replace(REWRITER.prompts, again=f"{{{field}}}")  # noqa: E731
    with pytest.raises(SettingsError, match=f"again has no field {{{field}}}"):
        changed()
    assert replace(REWRITER.prompts, system="Other.").hash != REWRITER.prompts.hash
    assert replace(REWRITER.prompts, name="other").hash == REWRITER.prompts.hash


def test_a_request_names_window_and_style() -> None:
    captions = ["In this scene, a man first sits and then stands. The camera pans left over it all, slowly."] * 4
    rewriter = Rewriter(ENCODERS["CLIP-77"], profile_of(captions, "made"))
    vlm = FakeVLM(lambda _request: GOOD)
    rewritten([PROMPT], vlm, rewriter)
    asked: Request = vlm.requests[0]
    assert "to 18 words" in asked.user_text
    assert "2 to 2 sentences" in asked.user_text
    assert "'in this scene'" in asked.user_text
    assert "pan left" in asked.user_text
