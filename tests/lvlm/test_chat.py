"""Conversations about a video with models that record what they were asked."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from media import solid
from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.lvlm.backend import LvlmVLM, in_recipe_words
from sharegpt4video.lvlm.chat import Conversation
from sharegpt4video.lvlm.grid import video_grid
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Frame
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import EmbeddedVLM
from sharegpt4video.vlm.fake import FakeVLM

FRAMES = [Frame(solid((60 * number, 0, 0), 48, 32), number / 2, 0.5) for number in range(4)]


def said(conversation: Conversation, text: str) -> str:
    async def collect() -> str:
        return "".join([piece async for piece in conversation.ask(text)])

    return asyncio.run(collect())


def pixels_of(data: bytes) -> np.ndarray:
    with Pillow.open(io.BytesIO(data)) as opened:
        return np.array(opened)


def test_a_model_of_one_picture_sees_the_grid() -> None:
    vlm = FakeVLM(["A red light."], max_images=1)
    assert said(Conversation(vlm, FRAMES, video="a.mp4"), "What is it?") == "A red light."
    request = vlm.requests[0]
    assert (request.task, request.layout, request.video) == ("ask", "grid", "a.mp4")
    assert request.seconds == (0.0, 0.5, 1.0, 1.5)
    assert [(image.width, image.height) for image in request.images] == [(2 * 48 + 50, 2 * 32 + 50)]
    assert request.user_text.endswith("0.00, 0.50, 1.00, 1.50 s.\nWhat is it?")
    assert "grid of 4 frames" in request.user_text
    assert np.abs(pixels_of(request.images[0].jpeg).astype(int) - video_grid(FRAMES)).mean() < 3


def test_a_model_of_many_pictures_sees_the_frames() -> None:
    vlm = FakeVLM(["It."], max_images=4)
    said(Conversation(vlm, FRAMES), "What?")
    request = vlm.requests[0]
    assert request.layout == "separate"
    assert [round(float(pixels_of(image.jpeg)[..., 0].mean())) for image in request.images] == pytest.approx(
        [0, 60, 120, 180], abs=3
    )


def test_too_few_pictures_for_all_frames_make_a_grid_or_an_error() -> None:
    vlm = FakeVLM(["It."], max_images=3)
    said(Conversation(vlm, FRAMES), "What?")
    assert len(vlm.requests[0].images) == 1
    with pytest.raises(SettingsError, match="4 separate frames are more than the 3 pictures"):
        Conversation(vlm, FRAMES, layout="frames")


def test_later_questions_carry_the_turns_before_them() -> None:
    vlm = FakeVLM(["A man.", " Red. ", "New."], max_images=1)
    conversation = Conversation(vlm, FRAMES, system="Be brief.", max_tokens=7)
    for question in ("Who?", "Which colour?"):
        said(conversation, question)
    first, second = vlm.requests
    assert second.earlier == ((first.user_text, "A man."),)  # the pictures' words belong to the first question
    assert second.user_text == "Which colour?"
    assert second.images is first.images
    assert (second.system, second.max_tokens) == ("Be brief.", 7)
    assert conversation.turns == [("Who?", "A man."), ("Which colour?", "Red.")]
    conversation.new()
    said(conversation, "Again?")
    assert vlm.requests[2].earlier == ()
    assert vlm.requests[2].user_text.endswith("Again?")


def test_an_answer_that_fails_or_is_left_is_not_remembered() -> None:
    class Slow(FakeVLM):
        async def stream(self, request: Request) -> AsyncGenerator[str, None]:
            self.requests.append(request)
            for piece in ("One ", "two ", "three"):
                yield piece

    async def first_piece(conversation: Conversation) -> None:
        pieces = conversation.ask("What?")
        assert await anext(pieces) == "One "
        await pieces.aclose()

    conversation = Conversation(Slow(), FRAMES)
    asyncio.run(first_piece(conversation))
    assert conversation.turns == []
    assert said(conversation, "What?") == "One two three"
    broken = Conversation(FakeVLM([VLMError("gone")]), FRAMES)
    with pytest.raises(VLMError, match="gone"):
        said(broken, "What?")
    assert broken.turns == []


def test_one_frame_is_one_picture_without_a_word_about_times() -> None:
    vlm = FakeVLM(["It."], max_images=1)
    said(Conversation(vlm, FRAMES[:1]), "What?")
    assert vlm.requests[0].user_text == "What?"
    assert in_recipe_words(vlm.requests[0]).user_text == "What?"  # nor about a grid, to a released model


def test_who_cannot_answer_is_told_apart_at_once() -> None:
    with pytest.raises(SettingsError, match="looks at no pictures"):
        Conversation(EmbeddedVLM(), FRAMES)
    with pytest.raises(SettingsError, match="at least one frame"):
        Conversation(FakeVLM(), [])
    with pytest.raises(SettingsError, match="empty"):
        said(Conversation(FakeVLM(), FRAMES), "  ")
    with pytest.raises(SettingsError, match="the question has bytes that are not UTF-8 text, at character 5"):
        said(Conversation(FakeVLM(), FRAMES), "Who \udcff?")  # as Python reads a byte that is none
    with pytest.raises(SettingsError, match="the system text has bytes"):
        Conversation(FakeVLM(), FRAMES, system="\udcff")


def test_the_name_of_a_file_may_be_any_bytes() -> None:
    vlm = FakeVLM(["It.", "It."])
    keys = set()
    for name in ("caf\udce9.mp4", "cafe.mp4"):
        assert said(Conversation(vlm, FRAMES, video=name), "What?") == "It."
        keys.add(vlm.requests[-1].key())
    assert len(keys) == 2


def test_a_released_model_gets_every_bit_of_the_grid_and_no_words_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    vlm = LvlmVLM(str(tmp_path), prompts=prompt_set("default"))
    request = Conversation(vlm, FRAMES).request("What?")
    assert request.user_text == "What?"
    assert pixels_of(request.images[0].jpeg).tobytes() == video_grid(FRAMES).tobytes()
