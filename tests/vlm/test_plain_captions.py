"""Captions that look like a wrapper, a refusal or reasoning, and are none: not a letter of them may change."""

import pytest

from sharegpt4video.vlm.screen import Screened, screen

CAPTIONS = (
    "Assistant coach John walks onto the field and claps his hands.",
    "Assistant referees run along the touchline with raised flags.",
    "The user has a browser window open on the left and a code editor on the right.",
    "The user says nothing; the cursor rests on the Save button.",
    "The user wants to scroll, but the page stays still.",
    "The user provides a password in the login form and presses Enter.",
    "The user sends a message in the chat window, and a reply appears below it.",
    "This user has 1,024 followers, as the profile page on screen shows.",
    'The user\'s message "hello" appears in a green bubble.',
    'A slide reads "Questions? Feel free to email us." The speaker nods and steps aside.',
    'The man holds a sign. "Wait. Let me know when you are ready." He turns it around and walks off.',
    "A poster says “Lost cat. Please let me know if you see her.” A woman tears off a strip.",
    '{"text": "hello"} is typed into the editor, one letter after another.',
    'The screen shows a file:\n```json\n{"text": "hello", "type": "greeting"}\n```\nA cursor blinks behind it.',
    "Certainly! is printed in large letters on the box.",
    "Sorry, we are closed, says a sign that swings in the wind.",
    "As an AI robot rolls forward, children step back.",
    "As a language model is explained on the slide, the speaker points at it.",
    "## Reasoning engines are the title of the slide.",
    "A chat is shown on screen:\nUSER: hello\nBOT: hi\nThe cursor blinks below it.",
    "The HTML on screen reads: <summary>More</summary>, and the mouse clicks on it.",
    "An XML file is open: <caption>Hello</caption> stands in line 3; the cursor is behind it.",
    "Claro, iluminado por el sol, un cuarto blanco aparece; una mujer entra.",
    "Klar, blau und still liegt der See vor den Bergen.",
    "Natürlich, wie auf dem Plakat steht, ist das Gemüse.",
    "D'accord, dit la bulle au-dessus du chat.",
    "Bien sûr, écrit en rouge, apparaît sur l'écran.",
    "这是一个说明牌：上面写着“禁止吸烟”。",
    "字幕：“你好”出现在屏幕下方。",
    "はい、チーズと言って、男性が写真を撮る。",
    "わかりました、と書かれた吹き出しが猫の上に出る。",
    "네, 라는 글자가 화면에 나타난다.",
)


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_plain_caption_stays_as_it_is(caption: str) -> None:
    assert screen(caption, "stop") == Screened(caption)


@pytest.mark.parametrize(
    "text",
    [
        "The user wants me to describe the change between the two frames.",
        "The user has provided two images and asks what changed.",
        "The user's request is to rewrite the prompt.",
        "User wants a caption of this frame.",
    ],
)
def test_reasoning_about_the_task_is_still_told_apart(text: str) -> None:
    assert screen(text, "stop").problem == "not plain text"


@pytest.mark.parametrize("text", ["As an AI language model, I cannot see videos.", "Sorry, I can't help with that."])
def test_a_refusal_is_still_one(text: str) -> None:
    assert screen(text, "stop").problem == "refused"


def test_what_follows_json_on_the_next_line_does_not_spoil_the_caption_in_it() -> None:
    assert screen('{"caption": "A dog runs."}\nThis caption is short.', "stop").text == "A dog runs."


BARE = "A person walks across the lawn."


@pytest.mark.parametrize(
    "text",
    [
        f"<details><summary>Thinking</summary>Let me look.</details>{BARE}",
        f'<details type="reasoning"><summary>Thought for 3 seconds</summary>\n> Hm.\n</details>\n{BARE}',
        f"<thinking_process>Let me look.</thinking_process>{BARE}",
        f"<internal_thoughts>Let me look.</internal_thoughts><answer>{BARE}</answer>",
        f"<rationale>Let me look.</rationale>{BARE}",
        f"<minimax:tool_call>x</minimax:tool_call>{BARE}",
        f"<|tool_calls_section_begin|><|tool_call_begin|>x<|tool_call_end|><|tool_calls_section_end|>{BARE}",
        f"&lt;think&gt;Let me look.&lt;/think&gt;{BARE}",
        f"**Thinking:** Let me look.\n\n**Answer:** {BARE}",
        f"Thought: Let me look.\nFinal Answer: {BARE}",
        f"<dense_caption>{BARE}</dense_caption>",
        f'"{{\\"caption\\": \\"{BARE}\\"}}"',
        f'json\n{{"caption": "{BARE}"}}',
        f"{{“caption”: “{BARE}”}}",
        f"`{BARE}`",
        f"Answer: {BARE}",
        f"Sure thing! Here you go:\n\n{BARE}",
        f"Here's what I see:\n{BARE}",
        f"Thank you for sharing the video. Here is the description:\n\n{BARE}",
        f"As requested, here is the caption:\n\n{BARE}",
        f"Oczywiście! Oto opis filmu:\n\n{BARE}",
        f"Tabii! İşte videonun açıklaması:\n\n{BARE}",
        f"Chắc chắn rồi! Dưới đây là mô tả video:\n\n{BARE}",
        f"بالتأكيد! إليك وصف الفيديو:\n\n{BARE}",
        f"ज़रूर! यहाँ वीडियो का विवरण है:\n\n{BARE}",
        f"แน่นอน! นี่คือคำอธิบายวิดีโอ:\n\n{BARE}",
        f"Звісно! Ось опис відео:\n\n{BARE}",
        f"Självklart! Här är en beskrivning av videon:\n\n{BARE}",
        f"Jistě! Zde je popis videa:\n\n{BARE}",
        f"Desigur! Iată descrierea videoclipului:\n\n{BARE}",
        f"當然！以下是影片的描述：\n\n{BARE}",
        f"はい、こちらが説明文です：\n{BARE}",
    ],
)
def test_what_stands_around_a_caption_goes(text: str) -> None:
    assert screen(text, "stop") == Screened(BARE)
