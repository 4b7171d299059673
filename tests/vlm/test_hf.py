"""Models of transformers in this process, held against transformers alone: one request at a time, by its own words."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_models  # noqa: E402
from made_hf import LIMIT, SEVERAL, WIDE, alone, opened, prepared, run_with_room_for, vlm_of  # noqa: E402
from made_requests import ASK, FIRST, OPENING, PROMPTS, ask, picture  # noqa: E402
from sharegpt4video.errors import VLMError  # noqa: E402
from sharegpt4video.lvlm.backend import LvlmVLM  # noqa: E402
from sharegpt4video.vlm.base import Request  # noqa: E402
from sharegpt4video.vlm.hf import HfVLM  # noqa: E402
from sharegpt4video.vlm.hf.worker import Reading  # noqa: E402
from sharegpt4video.vlm.screen import tidy  # noqa: E402
from sharegpt4video.vlm.sharecaptioner import ShareCaptionerVLM  # noqa: E402

# The same answers as transformers alone


@pytest.mark.parametrize("together", [1, 3, 8])
def test_a_batch_says_what_each_request_gets_alone(folder: Path, together: int) -> None:
    expected = [alone(folder, request) for request in SEVERAL]
    assert len({reply.text for reply in expected}) == len(expected)
    assert len({reply.output_tokens for reply in expected}) > 1
    assert ask(vlm_of(folder, max_concurrent=together), *SEVERAL) == expected


def test_no_row_of_a_batch_is_ever_swapped(echo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model repeats the question, so each answer shows whose it is: in full batches, in parts of one after memory
    has run out, among rows of other lengths and kinds, and next to some that are refused."""
    rows = [Request("ask", user_text=f"row {number} {'x' * (number * 7 % 13)}") for number in range(20)]
    with_pictures = [
        replace(row, images=(FIRST,) * (number % 2 + 1), seconds=(0.0,) * (number % 2 + 1)) if number % 3 == 0 else row
        for number, row in enumerate(rows)
    ]
    too_many = replace(rows[0], images=(FIRST,) * 20, seconds=(0.0,) * 20)

    async def ask_all(vlm: HfVLM) -> list[Any]:
        asked = (*with_pictures[:7], too_many, *with_pictures[7:])
        found = await asyncio.gather(*map(vlm.generate, asked), return_exceptions=True)
        await vlm.close()
        return found

    for most in (None, 3):
        if most:
            run_with_room_for(most, monkeypatch)
        found = asyncio.run(ask_all(vlm_of(echo, max_concurrent=6, max_tokens=60)))
        assert isinstance(found.pop(7), VLMError)
        assert [reply.text for reply in found] == [row.user_text.strip() for row in with_pictures]
        assert [reply.request_key for reply in found] == [row.key() for row in with_pictures]


def test_a_picture_that_cannot_be_decoded_fails_alone(folder: Path) -> None:
    broken = replace(OPENING, images=(replace(FIRST, jpeg=FIRST.jpeg[:200]),))

    async def ask_all(vlm: HfVLM) -> list[Any]:
        found = await asyncio.gather(*map(vlm.generate, (OPENING, broken, ASK)), return_exceptions=True)
        await vlm.close()
        return found

    first, failed, last = asyncio.run(ask_all(vlm_of(folder, max_concurrent=3)))
    assert isinstance(failed, VLMError)
    assert [first, last] == [alone(folder, OPENING), alone(folder, ASK)]


def test_each_request_has_its_own_limit_in_a_shared_batch(folder: Path) -> None:
    limits = (3, 11, 20)
    requests = [replace(ASK, max_tokens=limit) for limit in limits]
    replies = ask(vlm_of(folder, max_tokens=None), *requests)
    assert replies == [alone(folder, request, limit) for request, limit in zip(requests, limits, strict=True)]


def test_beams_say_what_they_say_alone(folder: Path) -> None:
    (reply,) = ask(vlm_of(folder, num_beams=3), OPENING)
    processor, model = opened(folder)
    inputs = prepared(folder, [OPENING])
    written = model.generate(**inputs, max_new_tokens=LIMIT, do_sample=False, num_beams=3)
    text = processor.tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert reply.text == tidy(text)
    two = ask(vlm_of(folder, num_beams=3), OPENING, WIDE)
    assert two[0] == reply


def test_shorter_prompts_are_padded_on_the_left(folder: Path) -> None:
    inputs = prepared(folder, [OPENING, WIDE])
    mask = inputs["attention_mask"]
    assert mask.sum(dim=1).unique().numel() == 2
    assert mask[:, -1].tolist() == [1, 1]
    assert mask[:, 0].tolist().count(0) == 1


# Where an answer ends


def test_an_answer_ends_at_the_end_of_its_turn_and_is_cut_off_at_the_limit(echo: Path) -> None:
    whole, half = Request("ask", user_text="a cat sits here"), Request("ask", user_text="a cat sits here", max_tokens=5)
    ended, cut = ask(vlm_of(echo, max_tokens=None), whole, half)
    assert (ended.text, ended.problem) == ("a cat sits here", "")
    assert cut.problem == "cut off"
    assert "a cat sits here".startswith(cut.text)
    assert (cut.output_tokens, cut.input_tokens) == (5, ended.input_tokens)


def test_the_end_of_a_turn_is_known_from_the_template_where_the_configuration_is_silent(tmp_path: Path) -> None:
    """The echo's generation config names no end at all; its tokenizer another one than its template."""
    tiny_models.save_echo(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.eos_token == tiny_models.END != tiny_models.END_OF_TURN
    from sharegpt4video.vlm.hf.loading import Source, load

    loaded = load(Source(str(tmp_path), None, "cpu", "auto", "auto", False))
    assert set(loaded.ends) == set(tokenizer.convert_tokens_to_ids([tiny_models.END, tiny_models.END_OF_TURN]))


# Advice


@pytest.mark.parametrize("kind", [HfVLM, LvlmVLM, ShareCaptionerVLM])
@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize("text", ["", "<think>Hm.", "<think>Hm.</think>", "I see a"])
def test_advice_names_options_that_there_are(kind: type[HfVLM], thinks: bool, text: str) -> None:
    vlm = kind("folder", prompts=PROMPTS)
    for cut_off in (True, False):
        told = vlm._reply(Request("ask", user_text="?"), Reading(text, cut_off, thinks=thinks)).detail
        named = set(re.findall(r"-O (\w+)=", told))
        assert named <= set(signature(kind).parameters)
        assert ("thinking" in named) == (kind is HfVLM and thinks and "I see" not in text and (cut_off or "Hm" in text))
    if kind is not HfVLM:
        with pytest.raises(VLMError, match="max_images is 1; have them put into one picture"):
            vlm._job(Request("ask", images=(picture(1), picture(2)), seconds=(0.0, 1.0)))


def test_thinking_is_spoken_of_where_the_template_knows_of_it(tmp_path: Path) -> None:
    usual = tiny_models.chat_template()
    off = "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    for folder, template, advice in (
        ("plain", usual, "max_tokens=9 went into reasoning; use -O max_tokens=4105"),
        ("able", usual + off, "max_tokens=9 went into reasoning; use -O thinking=off or -O max_tokens=4105"),
    ):
        tiny_models.save_echo(tmp_path / folder, template=template)
        (reply,) = ask(vlm_of(tmp_path / folder, max_tokens=9), Request("ask", user_text="<think>A cat or a dog?"))
        assert (reply.problem, reply.detail) == ("cut off", advice)


def test_a_run_that_was_not_merged_is_no_model_yet(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints" / "step-000002").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "step-000002" / "state.json").write_text("{}")
    for folder in (tmp_path / "run", tmp_path / "run" / "checkpoints" / "step-000002"):
        with pytest.raises(VLMError, match=f"merge it: sg4v train merge {folder} --out FOLDER"):
            HfVLM(str(folder), prompts=PROMPTS, device="cpu").load()


# Templates


def test_a_template_without_system_role_gets_the_system_text_with_the_first_question(tmp_path: Path) -> None:
    tiny_models.save_echo(tmp_path, says=1000, template=tiny_models.chat_template(system_role=False))
    short = Request("ask", user_text="And now?", system="Be short.", earlier=(("Who?", "Me."),))
    first = Request("ask", user_text="Who?", system="Be short.")
    texts = [reply.text for reply in ask(vlm_of(tmp_path, max_tokens=500), short, first)]
    assert texts == ["And now?", "Be short.\n\nWho?"]


def test_a_template_of_plain_texts_gets_marks_for_pictures(tmp_path: Path) -> None:
    plain = (
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|eot|>' }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    tiny_models.save_echo(tmp_path, says=1000, template=plain)
    (reply,) = ask(vlm_of(tmp_path, max_tokens=500), Request("ask", images=(FIRST,), seconds=(0.0,), user_text="Who?"))
    assert reply.text == "Who?"
    inputs = prepared(tmp_path, [replace(ASK, max_tokens=0)])
    assert inputs["pixel_values"].shape[0] == 2


@pytest.mark.skipif(
    "sanitize_control_tokens" not in signature(transformers.ProcessorMixin.apply_chat_template).parameters,
    reason="this transformers cannot tell marks from text",
)
def test_marks_of_the_template_in_texts_of_users_are_text(echo: Path) -> None:
    said = f"What does {tiny_models.IMAGE} mean, and {tiny_models.ASSISTANT}?"
    asked = Request("ask", images=(FIRST,), seconds=(0.0,), user_text=said, earlier=(("<image>", "</s>"),))
    replies = ask(vlm_of(echo, max_tokens=200), asked, replace(asked, earlier=()), Request("ask", user_text="fine"))
    assert [reply.text for reply in replies] == [said, said, "fine"]


def test_one_request_that_the_model_cannot_take_does_not_take_others_with_it(echo: Path) -> None:
    class Picky(HfVLM):
        def prepare(self, loaded: Any, asked: Any) -> Any:
            if any("unspeakable" in one.prompt.text for one in asked):
                raise ValueError("the processor cannot take this")
            return super().prepare(loaded, asked)

    async def all_of_them() -> list[Any]:
        vlm = Picky(str(echo), prompts=PROMPTS)
        asked = [Request("ask", user_text=text) for text in ("first", "unspeakable", "third")]
        try:
            return await asyncio.gather(*map(vlm.generate, asked), return_exceptions=True)
        finally:
            await vlm.close()

    first, failed, third = asyncio.run(all_of_them())
    assert (first.text, third.text) == ("first", "third")
    assert isinstance(failed, VLMError)
    assert "the processor cannot take this" in str(failed)


# Memory


def test_a_batch_that_does_not_fit_is_halved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = run_with_room_for(2, monkeypatch)
    requests = [replace(OPENING, images=(picture(seed),)) for seed in range(5)]
    replies = ask(vlm_of(folder), *requests)
    assert sizes == [5, 2, 2, 1]
    assert replies == [alone(folder, request) for request in requests]


def test_a_request_that_does_not_fit_alone_is_a_problem_and_others_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_with_room_for(0, monkeypatch)
    (reply,) = ask(vlm_of(folder), OPENING)
    assert (reply.text, reply.problem) == ("", "unavailable")
    assert "fewer or smaller pictures" in reply.detail


def test_a_request_that_is_too_long_is_an_error_and_its_neighbours_are_answered(folder: Path) -> None:
    long = Request("ask", user_text="x" * 9000)
    short = Request("ask", user_text="y")

    async def both() -> list[Any]:
        vlm = vlm_of(folder)
        try:
            return await asyncio.gather(vlm.generate(long), vlm.generate(short), return_exceptions=True)
        finally:
            await vlm.close()

    failed, reply = asyncio.run(both())
    assert isinstance(failed, VLMError)
    assert "too long for this model: 90" in str(failed)
    assert reply == alone(folder, short)
