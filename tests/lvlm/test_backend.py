"""A converted checkpoint as a model that is asked: what it is shown, in which words, and what it answers."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from made_checkpoints import llama3_tokenizer, save_original  # noqa: E402
from sharegpt4video.errors import SettingsError, VLMError  # noqa: E402
from sharegpt4video.lvlm.backend import LvlmVLM, in_recipe_words  # noqa: E402
from sharegpt4video.lvlm.convert import convert  # noqa: E402
from sharegpt4video.lvlm.prompts import GRID_PREFIX, LLAMA3_SYSTEM  # noqa: E402
from sharegpt4video.prompts import prompt_set  # noqa: E402
from sharegpt4video.records import Image  # noqa: E402
from sharegpt4video.vlm import open_model  # noqa: E402
from sharegpt4video.vlm.base import Request  # noqa: E402

torch.set_num_threads(1)
PROMPTS = prompt_set("default")
PIXELS = np.random.default_rng(0).integers(0, 255, (80, 130, 3), dtype=np.uint8)


def png(pixels: Any) -> Image:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG")
    return Image(buffer.getvalue(), pixels.shape[1], pixels.shape[0])


QUESTION = Request("ask", images=(png(PIXELS),), seconds=(0.0, 1.0), layout="grid", user_text="What?", max_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lvlm")
    save_original(root / "original", tokenizer=llama3_tokenizer(), rows=261)
    convert(root / "original", root / "converted")
    return root / "converted"


@pytest.fixture(scope="module")
def anyres(folder: Path) -> LvlmVLM:
    return LvlmVLM(str(folder), prompts=PROMPTS)


@pytest.fixture(scope="module")
def overview(folder: Path) -> LvlmVLM:
    return LvlmVLM(str(folder), prompts=PROMPTS, visual_tokens="overview")


def prompt(places: int) -> str:
    """What the released code would send, written out by hand."""
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    system = head.format("system") + LLAMA3_SYSTEM + "<|eot_id|>"
    user = head.format("user") + "<image>" * places + "\n" + GRID_PREFIX + "What?<|eot_id|>"
    return "<|begin_of_text|>" + system + user + head.format("assistant")


def by_transformers(folder: Path, places: int, **inputs: Any) -> tuple[str, int]:
    """The answer and the number of input tokens, by transformers alone; its tokenizer doubles the first token."""
    model = transformers.LlavaNextForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(prompt(places), return_tensors="pt")["input_ids"]
    assert ids[0, :2].tolist() == [256, 256]
    with torch.no_grad():
        written = model.generate(input_ids=ids, max_new_tokens=12, do_sample=False, **inputs)[0, ids.shape[1] :]
    return tokenizer.decode(written, skip_special_tokens=True), ids.shape[1]


def test_all_tiles_are_shown_in_the_original_words(folder: Path, anyres: LvlmVLM) -> None:
    processor = transformers.AutoProcessor.from_pretrained(folder)
    pictures = processor.image_processor(Pillow.fromarray(PIXELS), return_tensors="pt")
    places = processor._get_number_of_features(80, 130, 28, 28) - 1
    expected, tokens = by_transformers(
        folder, places, pixel_values=pictures["pixel_values"], image_sizes=pictures["image_sizes"]
    )
    reply = asyncio.run(anyres.generate(QUESTION))
    assert reply.input_tokens == tokens
    assert reply.text == expected.strip()
    assert reply.output_tokens == 12
    assert reply.request_key == QUESTION.key()
    assert reply.model == f"lvlm:{folder}"


def test_the_overview_takes_as_many_tokens_as_it_has_patches(folder: Path, anyres: LvlmVLM, overview: LvlmVLM) -> None:
    all_tiles, one = (asyncio.run(vlm.generate(QUESTION)) for vlm in (anyres, overview))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert one.input_tokens == len(tokenizer(prompt(4))["input_ids"])
    assert one.input_tokens < all_tiles.input_tokens
    other = replace(QUESTION, images=(png(255 - PIXELS),))
    assert asyncio.run(overview.generate(other)).text != one.text  # it does see the picture


def test_the_overview_is_answered_as_the_language_model_alone_would(folder: Path, overview: LvlmVLM) -> None:
    """Features of the squashed picture, without an end of line, in the place of the mark."""
    model = transformers.LlavaNextForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    tile = processor.image_processor(Pillow.fromarray(PIXELS), return_tensors="pt")["pixel_values"][0, :1]
    before, after = prompt(1).split("<image>")
    with torch.no_grad():
        hidden = model.model.vision_tower(tile, output_hidden_states=True).hidden_states[-2][:, 1:]
        features = model.model.multi_modal_projector(hidden)
        embed = model.get_input_embeddings()
        texts = [tokenizer(before)["input_ids"], tokenizer(after, add_special_tokens=False)["input_ids"]]
        parts = [embed(torch.tensor([texts[0]])), features, embed(torch.tensor([texts[1]]))]
        written = model.generate(inputs_embeds=torch.cat(parts, 1), max_new_tokens=12, do_sample=False)[0]
    expected = tokenizer.decode(written, skip_special_tokens=True)
    assert asyncio.run(overview.generate(QUESTION)).text == expected.strip()


@pytest.mark.parametrize("mode", ["anyres", "overview"])
def test_together_they_are_answered_as_alone(mode: str, request: pytest.FixtureRequest) -> None:
    """Pictures of two shapes (4 and 3 tiles) and questions of two lengths, padded into one batch."""
    vlm = request.getfixturevalue(mode)
    tall = replace(QUESTION, images=(png(PIXELS.transpose(1, 0, 2).copy()[:, :40]),), user_text="And what is that?")

    async def both() -> list[str]:
        return [reply.text for reply in await asyncio.gather(vlm.generate(QUESTION), vlm.generate(tall))]

    alone = [asyncio.run(vlm.generate(one)).text for one in (QUESTION, tall)]
    assert asyncio.run(both()) == alone
    assert alone[0] != alone[1]


def test_streaming_gives_the_same_answer(anyres: LvlmVLM) -> None:
    async def streamed() -> list[str]:
        return [piece async for piece in anyres.stream(QUESTION)]

    assert "".join(asyncio.run(streamed())).strip() == asyncio.run(anyres.generate(QUESTION)).text


def test_questions_without_a_picture_are_answered(anyres: LvlmVLM, overview: LvlmVLM) -> None:
    judge = Request("judge", user_text="Is it so?", max_tokens=4)
    assert asyncio.run(anyres.generate(judge)).text == asyncio.run(overview.generate(judge)).text


def test_the_trained_words_open_the_first_question_once() -> None:
    assert in_recipe_words(QUESTION).user_text == GRID_PREFIX + "What?"
    mvbench = replace(QUESTION, user_text=f" {GRID_PREFIX} Question: What? \nOnly give the best option.")
    assert in_recipe_words(mvbench) is not mvbench
    assert in_recipe_words(mvbench).user_text == mvbench.user_text
    later = replace(QUESTION, earlier=(("Who?", "A man."), ("Where?", "There.")))
    assert in_recipe_words(later).earlier == ((GRID_PREFIX + "Who?", "A man."), ("Where?", "There."))
    assert in_recipe_words(later).user_text == "What?"


def test_other_requests_keep_their_words() -> None:
    for request in (
        replace(QUESTION, images=()),
        replace(QUESTION, layout="separate", seconds=(0.0,)),
        Request("summary", images=QUESTION.images, seconds=(0.0, 1.0)),
    ):
        assert in_recipe_words(request) == request


def test_the_mark_of_the_picture_cannot_be_asked_about(anyres: LvlmVLM) -> None:
    with pytest.raises(VLMError, match="cannot contain <image>"):
        asyncio.run(anyres.generate(replace(QUESTION, user_text="What is <image>?")))


def test_it_is_opened_by_name_and_its_mode_decides_its_answers(folder: Path) -> None:
    one = open_model(f"lvlm:{folder}", prompts=PROMPTS)
    other = open_model(f"lvlm:{folder}", prompts=PROMPTS, visual_tokens="overview")
    assert isinstance(one, LvlmVLM)
    assert one.max_images == 1
    assert one.takes_png
    assert one.identity != other.identity
    with pytest.raises(SettingsError, match="anyres or overview"):
        open_model(f"lvlm:{folder}", prompts=PROMPTS, visual_tokens="all")


def test_a_folder_that_is_not_there_is_an_error_at_once() -> None:
    vlm = LvlmVLM("checkpoints/none", prompts=PROMPTS)
    with pytest.raises(VLMError, match="lvlm:checkpoints/none: there is no such folder"):
        asyncio.run(asyncio.wait_for(vlm.generate(QUESTION), 240))


def test_an_unconverted_checkpoint_says_how_to_convert(folder: Path) -> None:
    vlm = LvlmVLM(str(folder.parent / "original"), prompts=PROMPTS)
    with pytest.raises(VLMError, match=r"sg4v convert .* then use lvlm:FOLDER"):
        asyncio.run(vlm.generate(QUESTION))


@pytest.fixture(scope="module", autouse=True)
def closed(anyres: LvlmVLM, overview: LvlmVLM) -> Any:
    yield
    for vlm in (anyres, overview):
        asyncio.run(vlm.close())


def test_a_folder_may_be_named_from_home(folder: Path, anyres: LvlmVLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    from_home = LvlmVLM(f"~/{folder.name}", prompts=PROMPTS)
    assert asyncio.run(from_home.generate(QUESTION)).text == asyncio.run(anyres.generate(QUESTION)).text
