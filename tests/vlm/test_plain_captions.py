"""Captions that look like a wrapper, a refusal or reasoning, and are none: not a letter of them may change."""

import pytest

from sharegpt4video.vlm.screen import Screened, screen

CAPTIONS = (
    "Assistant coach John walks onto the field and claps his hands.",
    "Assistant referees run along the touchline with raised flags.",
    "The user has a browser window open on the left and a code editor on the right.",
    "A man bows. Let me know is printed on his shirt.",
    "None of the players move while the whistle is blown.",
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
    'Here is a caption board: it says "Scene 3, take 2". A clapper closes above it.',
    "This is a summary slide: three bullet points fade in one after another.",
    "The following is a text summary shown on screen: sales rose by ten percent.",
    "This is the description of the planet: a globe turns, and text appears beside it.",
    "Let's see the sign again: it reads EXIT, and the door below it is open.",
    "Let's see, says the boy, and he opens the box.",
    "Let me see your hands, says the text bubble above the officer.",
    "I need to look at this, says the man while he bends over the engine.",
    "First, we need to create a dough, the cook says and pours flour into a bowl.",
    "My task is finished, reads the robot's display. It lowers its arm.",
    "The screen shows <image> in green letters on black, and then a cat appears.",
    "A terminal prints [INST] and then a line of text; the cursor blinks.",
    "The editor shows [INST] Hello [/INST] on line 3. The user scrolls down.",
    "The words <think> and </think> are highlighted in yellow in the code editor.",
    "A slide titled Reasoning shows <think> on the left and an arrow to the right.",
    "The HTML source contains <object> and <p> tags; the mouse scrolls through them.",
    "A diagram shows <s> at the left, then words, then </s> at the right.",
    "The output <|im_end|> appears in the log window, and the log stops.",
    "On the board stands <answer>42</answer> in chalk; a student points at it.",
    "The slide reads <|system|>, <|user|> and <|assistant|> from top to bottom.",
    "<image> is typed into the editor, and a picture appears.",
    "[EOS] marks the end of each line in the table.",
    "对不起，字幕上写着，然后画面变黑。",
    "对不起，我来晚了。字幕出现在画面下方，男人低下头。",
    "很抱歉，今天休息，门上的牌子写着这几个字。",
    "我无法忘记你，字幕这样写道，雨还在下。",
    "让我看看，男孩说着打开了盒子。",
    "用户要求退款的对话框出现在屏幕中央，鼠标点击确定。",
    "根据地图，以下是路线：红线穿过城市，一辆汽车沿着它行驶。",
    "I'm sorry is written on a cake that a man holds behind his back.",
    "I can't stop dancing, says the caption on the video, and a girl spins.",
    "We cannot be beaten, reads the banner that fans unroll.",
    "Sorry, we will be back soon, reads the paper on the door of the shop.",
    "As an AI robot, my friend helps, reads the slogan above a white robot.",
    "Sure! The word is sprayed on a wall in red.",
    "Hello! A sign by the door greets guests, and a dog sleeps below it.",
    "Thank you for the music! The band's last words are shown on screen.",
    "Answer: Yes, says the card the host holds up.",
    "> is the play symbol on the button, and a finger presses it.",
    "Assistant: a woman in a white coat hands him the scalpel.",
    "Voici une description du tableau : elle est gravée dans le bois.",
    "Claro! A palavra aparece na tela.",
    "&lt;b&gt; is shown on the web page instead of bold text.",
    "/no_think is written in the prompt box of the web page.",
    "The command /no_think",
    "caption: is typed in the YAML file.\nThe cursor moves down.",
    "The user has provided several images in the folder view; thumbnails fill the window.",
    "'Open' is on the door; 'Closed' is on the window.",
    "《红楼梦》的封面出现在桌上。",
    "【新闻】主持人坐在桌前。",
    "A film ends.\n\nThe end",
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
        "Let's see. The first image shows a man. The second shows him sitting.",
        "First, I should analyze the picture. There is a man. Maybe he walks.",
        "We need to describe the change.",
        "Hmm, the user gave two pictures. I'll compare.",
        "让我仔细看看这张图片。图片里有一个男人。",
    ],
)
def test_reasoning_about_the_task_is_still_told_apart(text: str) -> None:
    assert screen(text, "stop").problem == "not plain text"


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I cannot see videos.",
        "Sorry, I can't help with that.",
        "I'm sorry, I can't identify the person whose name is printed on the shirt.",
        "I can't tell what is written on the sign.",
        "I cannot describe this video because no frames are shown.",
        "I'm sorry, the text is printed too small to read.",
        "抱歉，我无法识别画面上写着的文字。",
        "对不起，这个视频看不到内容。",
        "抱歉",
    ],
)
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
        f'{{"caption": """{BARE}"""}}',
        f'"""{BARE}"""',
        f"caption: |\n  {BARE}",
        f"```yaml\nvideo:\n  caption: >-\n    {BARE}\n```",
        f"``{BARE}``",
        f"`````\n{BARE}\n`````",
        f"/no_think\n\n{BARE}",
        f"{BARE} /no_think",
        f"*Thinking...*\n\n{BARE}",
        f"Thinking...\nLet me look.\n...done thinking.\n\n{BARE}",
        f"**Thought for 3 seconds**\n\n{BARE}",
        f"<text>{BARE}</text>",
        f"<text><![CDATA[{BARE}]]></text>",
        f"<?xml version='1.0'?>\n<root><scene lang='en'>{BARE}</scene></root>",
        f"[CAPTION]{BARE}[/CAPTION]",
        f"【思考】Hm.【/思考】<回答>{BARE}</回答>",
        f"<function=look><parameter=x>1</parameter></function>{BARE}",
        f"[gMASK]<sop><|assistant|>{BARE}",
        f"<|tool_call>x<tool_call|>{BARE}",
        f"<s>[INST] What happens? [/INST] {BARE}</s>",
        f"ASSISTANT: ASSISTANT:{BARE}",
        f"model\n{BARE}",
        f"### Reasoning\nHm.\n\n### Caption\n{BARE}",
        f"思考：Hm.\n答案：{BARE}",
        f"{{caption: '{BARE}'}}",
        f'{{{{"caption": "{BARE}"}}}}',
        f'caption = "{BARE}"',
        f'{{"caption": "{BARE}"}} // end',
        f'<json>{{"caption": "{BARE}"}}</json>',
        f"'{BARE}'",
        f'“{BARE}"',
        f"~~{BARE}~~",
        f"[{BARE}]",
        f"- {BARE}",
        f"My caption: {BARE}",
        f'A possible caption is: "{BARE}"',
        f"After analyzing the video, here is the caption:\n\n{BARE}",
        f"描述如下：{BARE}",
        f"{BARE}\n\nNote: This description is based on the frames provided.",
        f"{BARE}\n\nThis caption accurately describes the video.",
        f"{BARE}\n\n*Word count: 12*",
        f"{BARE} (Word count: 12)",
        f"{BARE}\n\nHow can I help you further?",
        f"{BARE}<extra_id_0>",
    ],
)
def test_what_stands_around_a_caption_goes(text: str) -> None:
    assert screen(text, "stop") == Screened(BARE)


@pytest.mark.parametrize(
    "text",
    [
        f"<channel>final</channel>{BARE}",
        f"<notes>Hm.</notes>{BARE}",
        f"《think》Hm.《/think》{BARE}",
        f"{BARE}<my_end>",
        "camera: still\ncaption: a man\nmood: calm",
    ],
)
def test_markup_that_nobody_knows_is_told(text: str) -> None:
    assert screen(text, "stop").problem == "not plain text"


@pytest.mark.parametrize("text", ["null", "None", '"undefined"', "NaN", "[object Object]"])
def test_what_a_program_writes_for_nothing_is_no_caption(text: str) -> None:
    screened = screen(text, "stop")
    assert (screened.text, screened.problem) == ("", "empty")
    assert screen(text, "stop", caption=False).problem == ""


def test_reasoning_that_is_quoted_is_told_apart() -> None:
    text = "> Okay, the user wants a caption of the frame.\n\nA man walks."
    assert screen(text, "stop").problem == "not plain text"
