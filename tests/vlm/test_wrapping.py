"""What models put around a caption, and what only looks like it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growth import assert_in_proportion
from sharegpt4video.vlm.wrapping import leftover, unwrap

CAPTION = "A man walks along the beach, and a dog runs after him."

IN_JSON = [
    '{"caption": "%s"}', '```json\n{"caption": "%s"}\n```', '[{"Caption": "%s"}]', '["%s"]', '{"video_caption": "%s"}',
    '{"response": {"text": "%s"}}', '{"caption": "%s", "confidence": 0.9}', '{"thought": "hm", "answer": "%s"}',
    "{'caption': '%s'}", '{"caption": "%s",}', '{"caption": "%s"', '{"描述": "%s"}', '{"scene": "%s"}',
    '{"description": "%s", "objects": ["dog"]}', '{"role": "assistant", "content": "%s"}',
    'Here is the JSON:\n```json\n{"caption": "%s"}\n```',
]  # fmt: skip
AROUND = [
    '"%s"', "“%s”", "**%s**", "*%s*", "「%s」", "```markdown\n%s\n```", "> %s", "\\boxed{%s}", "---\n%s\n---", "  %s\n",
]  # fmt: skip
LABELS = [
    "Caption: %s", "**Caption:** %s", "**Caption**: %s", "### Caption\n%s", "# Video Description\n\n%s", "Summary: %s",
    "Description of the video: %s", "字幕：%s", "キャプション：%s", "Beschreibung: %s", 'Caption:\n"%s"',
]  # fmt: skip
PREAMBLES = [
    "Sure! Here is a description of the video:\n\n%s", "Certainly! %s", "Of course! Here's the description:\n\n%s",
    "Here's a concise caption: %s", "Here is the caption:\n\n%s", "Okay, here's a description of the image:\n\n%s",
    "Based on the provided frames, here is a description of the video:\n\n%s", "Let me describe the video: %s",
    "Below is a description of what happens between the two frames:\n\n%s", "I'd describe the change as follows:\n%s",
    "The video can be described as follows:\n\n%s", "Here is a caption that describes the video.\n\n%s",
    "Here's the rewritten prompt:\n\n%s", "好的，以下是对视频的描述：\n\n%s", "根据您提供的画面，以下是描述：\n%s",
    "はい、以下は動画の説明です：\n%s", "네, 다음은 영상에 대한 설명입니다:\n%s",
    "Natürlich! Hier ist eine Beschreibung des Videos:\n%s",
    "Bien sûr ! Voici une description de la vidéo :\n\n%s", "¡Claro! Aquí tienes una descripción del video:\n\n%s",
    "Claro! Aqui está uma descrição do vídeo:\n\n%s", "Certo! Ecco una descrizione del video:\n\n%s",
    "Конечно! Вот описание видео:\n\n%s",
]  # fmt: skip
CHATTER = [
    "%s\n\nLet me know if you'd like more detail!", "%s Let me know if you need anything else.",
    "%s\n\nI hope this helps!",
    "%s\n\n---\nWould you like me to elaborate?", "%s\n\nIf you have any other questions, feel free to ask!",
    "%s\n\n如果您需要更多信息，请随时告诉我。", "%s\n\nI hope this helps. Let me know if you have questions.",
]  # fmt: skip


@pytest.mark.parametrize("wrapper", [*IN_JSON, *AROUND, *LABELS, *PREAMBLES, *CHATTER])
def test_a_caption_is_unwrapped(wrapper: str) -> None:
    assert unwrap(wrapper % CAPTION) == CAPTION


@pytest.mark.parametrize("preamble", PREAMBLES[::4])
@pytest.mark.parametrize("wrapper", [*IN_JSON[:2], *AROUND[::3], *LABELS[::4]])
def test_wrappers_in_wrappers(preamble: str, wrapper: str) -> None:
    assert unwrap(preamble % (wrapper % CAPTION)) == CAPTION


@pytest.mark.parametrize(
    "text",
    [
        "Here is a man walking: he waves.",
        "This is a video of a cat that sleeps.",
        "Certainly a windy day; a kite flies.",
        "The following scene shows a dog.",
        "A man says: Let me know if you need me. He leaves.",
        'The video shows a man. "Let me know if you want it," says the text.',
        "Summary boards hang on the wall: one red, one blue.",
        "**Bold** words and **more** of them.",
        "OK appears on the sign. A man waves.",
        "Okay, says the sign, and the light turns green.",
        "Here are the final seconds: the crowd cheers.",
        "Of course the dog is wet.",
        "{curly} braces hang in the air.",
        "[Music] A man sings.",
        "[00:01] A man stands.\n[00:02] A man sits.",
        "- A man walks.\n- A dog runs.",
        '"Hi" says the cat, "bye"',
        "Caption boards are held up by two girls.",
        "A sign reads 'Caption: none'.",
        "Claro is written on the wall.",
        "Text on screen: 'SALE'.",
        "Description text scrolls upward.",
    ],
)
def test_a_plain_caption_stays_as_it_is(text: str) -> None:
    assert unwrap(text) == text
    assert leftover(text) == ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"objects": ["man", "dog"], "actions": ["walk"]}', "JSON"),
        ('[{"t": 0, "c": "A man."}, {"t": 2, "c": "A dog."}]', "JSON"),
        ('{"a": {"b": 1},{"', "JSON"),
        ("<!DOCTYPE html><html><body>A man.</body></html>", "a page of markup"),
    ],
)
def test_data_is_told_for_what_it_is(text: str, what: str) -> None:
    assert leftover(unwrap(text)) == what


def test_code_in_a_fence_is_no_caption() -> None:
    raw = '```python\nprint("a man")\n```'
    assert leftover(unwrap(raw), raw) == "code"


prose = st.from_regex(r"[A-Z][a-z]{1,8}( [a-z]{1,9}){3,12}\.", fullmatch=True)


@settings(max_examples=50)
@given(prose, st.sampled_from([*IN_JSON, *AROUND, *LABELS, *PREAMBLES, *CHATTER]))
def test_any_prose_in_any_wrapper(text: str, wrapper: str) -> None:
    assert unwrap(wrapper % text) == text
    assert unwrap(text) == text


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_what_was_unwrapped_stays_unwrapped(text: str) -> None:
    once = unwrap(text)
    assert unwrap(once) == once


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["caption", "text", "x", "id"]), st.text(max_size=20) | st.integers()))
def test_any_json_is_unwrapped_or_told(plain: dict[str, str | int]) -> None:
    text = json.dumps(plain)
    found = unwrap(text)
    assert leftover(found) or found in [str(value).strip() for value in plain.values()] or found == unwrap(found)


@pytest.mark.parametrize(
    "unit", ["{", "[", '"', "*", "```json\n", "Sure! ", "Caption: ", "Let me know. ", '{"a":', "> "]
)
def test_much_of_anything_takes_no_time(unit: str) -> None:
    assert_in_proportion(lambda size: leftover(unwrap(unit * (size // len(unit)))), 50_000)
