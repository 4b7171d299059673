"""What models leave of their own markup in a text: reasoning of every family, answer tags, control tokens, roles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growth import assert_in_proportion
from sharegpt4video.vlm.markup import Stripped, is_structural, strip

ANSWER = "A man walks along the beach, and a dog runs after him."
THOUGHT = 'Okay, the user wants a description. The sign says "exit.'

# How each reasoning parser of vLLM and SGLang knows reasoning from the answer, and other vision models besides
FAMILIES = {
    "deepseek_r1, qwen3, olmo3, step3, step3p5, mimo, internvl, ovis, skywork": ("<think>\n", "\n</think>\n\n"),
    "deepseek_v3, deepseek_v4, glm45, glm47, holo2, hunyuan_a13b, hy_v3, kimi_k2, nemotron_v3": ("<think>", "</think>"),
    "minimax_m2, ernie45, interns1, poolside_v1, exaone4": ("<think>", "</think>\n"),
    "k2_horizon": ("<ifm|think>", "</ifm|think>"),
    "k2_horizon, little effort": ("<ifm|think_faster>", "</ifm|think_faster>"),
    "tokens of reasoning": ("<|reasoning_start|>", "<|reasoning_end|>"),
    "deepseek_v32's calls": ("<｜DSML｜function_calls>", "</｜DSML｜function_calls>"),
    "minimax_m3": ("<mm:think>", "</mm:think>"),
    "hy_v4": ("<think:opensource>", "</think:opensource>"),
    "seed_oss": ("<seed:think>", "</seed:think>"),
    "kimi": ("◁think▷", "◁/think▷"),
    "kimi, badly decoded": ("\ufffdthink\ufffd", "\ufffd/think\ufffd"),
    "mistral": ("[THINK]", "[/THINK]"),
    "gemma4": ("<|channel>thought\n", "<channel|>"),
    "cohere_command3, cohere_command4": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "solar_open2": ("<|think:start|>", "<|think:end|>"),
    "apertus": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "longcat": ("<longcat_think>", "</longcat_think>"),
    "pangu": ("[unused16]", "[unused17]"),
    "medgemma": ("<unused94>thought\n", "<unused95>"),
    "plamo3": ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),
    "sky-t1": ("<|begin_of_thought|>", "<|end_of_thought|>"),
    "thought": ("<thought>", "</thought>"),
    "thinking": ("<thinking>", "</thinking>"),
    "reasoning": ("<reasoning>", "</reasoning>"),
    "keye-vl": ("<analysis>", "</analysis>"),
    "granite": ("Here is my thought process: ", " Here is my response: "),
    "granite, quantized": ("Here's my thought process: ", " Here's my response: "),
    "apriel": ("Here are my reasoning steps:\n", "\n[BEGIN FINAL RESPONSE]\n"),
    "huatuo": ("## Thinking\n\n", "\n\n## Final Response\n\n"),
    "gpt-oss": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "gpt-oss without tokens": ("analysis", "assistantfinal"),
    "kimi_k3": ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
    "muse_glimmer": (" to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"),
    "inkling": ("<|content_thinking|>", "<|end_message|><|message_model|><|content_text|>"),
    "hyperclovax, 14B": ("/think\n", "<|im_end|>\n<|im_start|>assistant\n"),
    "hyperclovax": ("<|im_start|>assistant/think\n", "<|im_end|>\n<|im_start|>assistant\n"),
}
IN_WORDS = {"hyperclovax, 14B", "granite", "granite, quantized", "apriel", "huatuo", "gpt-oss without tokens"}
OPENED_BY_THE_TEMPLATE = [
    name for name in FAMILIES if name not in IN_WORDS | {"gpt-oss", "kimi_k3", "muse_glimmer", "inkling", "hyperclovax"}
]


@pytest.mark.parametrize("name", FAMILIES)
def test_reasoning_goes_and_the_answer_stays(name: str) -> None:
    begin, end = FAMILIES[name]
    for text in (
        begin + THOUGHT + end + ANSWER,
        begin + THOUGHT + end + ANSWER + "<|im_end|>",
        begin + "So" + end + ANSWER,
    ):
        assert strip(text) == Stripped(ANSWER, thought=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_reasoning_that_never_ends_leaves_nothing(name: str) -> None:
    assert strip(FAMILIES[name][0] + THOUGHT) == Stripped("", thought=True, unfinished=True)


@pytest.mark.parametrize("name", OPENED_BY_THE_TEMPLATE)
def test_the_odd_forms_of_a_block(name: str) -> None:
    begin, end = FAMILIES[name]
    for text in (
        THOUGHT + end + ANSWER,  # the template wrote the beginning
        begin + begin + THOUGHT + end + ANSWER,
        begin + THOUGHT + end + end + ANSWER,
        begin + THOUGHT + begin + "inner" + end + "outer" + end + ANSWER,
        begin + end + ANSWER,
        begin + "one" + end + ANSWER + begin + "two" + end,
        end + ANSWER,
    ):
        assert strip(text).text == ANSWER, text
    assert strip(ANSWER + begin + THOUGHT) == Stripped(ANSWER, thought=True, unfinished=True)
    assert strip(begin + THOUGHT + end) == Stripped("", thought=True)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("<THINK>", "</THINK>"),
        ("<Think >", "</think >"),
        ("< think>", "< /think>"),
        ('<think time="3s" n=1>', "</think>"),
        ("<think\n>", "</think\n>"),
        ("<|start_thinking|>", "<|End_Thinking|>"),
        ("[think]", "[/think]"),
    ],
)
def test_case_blanks_and_attributes_do_not_matter(begin: str, end: str) -> None:
    assert strip(f"{begin}{THOUGHT}{end}{ANSWER}").text == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        f"<think>Let me look.</think><answer><|begin_of_box|>{ANSWER}<|end_of_box|></answer>",
        f"<|begin_of_box|>{ANSWER}<|end_of_box|>",
        f"<think>x</think>\n<answer>\n{ANSWER}\n</answer>",
        f"{ANSWER}</answer>",
        f"It begins. <answer>{ANSWER}",
        f"<think>no end <answer>{ANSWER}</answer>",
        f"abc\n</think>\n\n<response>\n{ANSWER}\n</response>\n",
        f"<SUMMARY> I look. </SUMMARY>\n<CAPTION> A beach. </CAPTION>\n<REASONING> So. </REASONING>\n"
        f"<CONCLUSION> {ANSWER} </CONCLUSION>",
        f"<SUMMARY> I look. </SUMMARY> <CAPTION> {ANSWER} </CAPTION>",
        f"<summary>{ANSWER}</summary>",
        f"<Thought>x</Thought>\n<Output>\n{ANSWER}\n</Output>",
        f"<|begin_of_thought|>x<|end_of_thought|><|begin_of_solution|>{ANSWER}<|end_of_solution|>",
        f"x<|END_THINKING|><|START_TEXT|>{ANSWER}<|END_TEXT|>",
        f"<|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
        f"<|channel|>commentary<|message|>a"
        f" call<|call|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
        f"thought\n{ANSWER}",
        f"<tool_call>look</tool_call>{ANSWER}",
        f"<box>[[12, 40, 200, 380]]</box>{ANSWER}",
    ],
)
def test_answers_are_taken_out_of_their_sections(text: str) -> None:
    assert strip(text).text == ANSWER


@pytest.mark.parametrize(
    "end",
    [
        "<|im_end|>", "</s>", "<eos>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>", "<turn|>", "<end_of_utterance>",
        "<|end|><|endoftext|>" * 30 + "<|", "<｜end▁of▁sentence｜>", "[EOS]", "<|im_assistant|>", "<|user|>",
        "<pad>" * 9,
        "<unused6226>", "<|im_end|>\n<|im_start|>user\nWhat else?", "</s>USER: What? ASSISTANT: Nothing.",
        "\nUSER: and?", "\n### Human: and?", "<|im_e", "</thi", "<end_of_t", "◁/thi", "[/TH", "<image>",
    ],
)  # fmt: skip
def test_what_ends_a_turn_goes_with_all_that_follows(end: str) -> None:
    assert strip(ANSWER + end) == Stripped(ANSWER)


@pytest.mark.parametrize(
    "head",
    [
        "ASSISTANT: ", "Assistant: ", "assistant\n", "**ASSISTANT:** ", "### Assistant: ", "<|im_start|>assistant\n",
        "<start_of_turn>model\n", "<|start_header_id|>assistant<|end_header_id|>\n\n", "<s> ", "<bos>",
        "<|assistant|>\n",
        "USER: \nWhat is this? ASSISTANT: ", "<|im_assistant|>assistant<|im_middle|>", "<|turn>model\n",
        "<｜Assistant｜>",
    ],
)  # fmt: skip
def test_the_speaker_is_not_part_of_what_is_said(head: str) -> None:
    assert strip(head + ANSWER) == Stripped(ANSWER)


def test_a_vocabulary_s_marks_for_blanks_become_blanks() -> None:
    assert strip(ANSWER.replace(" ", "Ġ") + "Ċ").text == ANSWER
    assert strip(ANSWER.replace(" ", "▁")).text == ANSWER
    assert strip("Ġorġ walks. Ġużeppi runs.").text == "Ġorġ walks. Ġużeppi runs."  # Maltese


@pytest.mark.parametrize(
    "text",
    [
        'The screen shows the text "<think>Hello</think>" in white.',
        "A terminal prints `<|im_end|>` and stops.",
        "The slide says “<answer>42</answer>”, then “</s>” fades in.",
        "A hand types '<think>' and waits.",
        '"<think>" appears; then "</think>" does.',
        "a < b and c > d, says a sign; i <3 u, says another.",
        "An arrow -> points at [THIS] and at {that}.",
        "He thinks. <b>No.</b>",
        "A caption ends with <",
    ],
)
def test_what_a_text_quotes_or_only_looks_like_a_mark_stays(text: str) -> None:
    assert strip(text) == Stripped(text)


@pytest.mark.parametrize(
    "text",
    [
        f"[|assistant|]<think>{THOUGHT}</think>{ANSWER}[|endofturn|]",
        f"]~b]ai\n<think>{THOUGHT}</think>{ANSWER}[e~[",
        f"<role>ASSISTANT</role><think>{THOUGHT}</think>{ANSWER}<|role_end|>",
        f"<longcat_think>{THOUGHT}</longcat_think>{ANSWER}</longcat_s>",
        f"<scratch_pad>{THOUGHT}</scratch_pad>{ANSWER}",
        f"```thinking\n{THOUGHT}\n```\n{ANSWER}",
    ],
)
def test_tokens_of_no_common_form(text: str) -> None:
    assert strip(text) == Stripped(ANSWER, thought=True)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (f"<start_of_image>{ANSWER}", ANSWER),
        (f"\u200b\ufeff{ANSWER}", ANSWER),
        ("A man <|ref|>on a mat<|/ref|><|det|>[[12, 33, 44, 55]]<|/det|> sits.", "A man on a mat sits."),
        ('A <point x="10.5" y="20.2" alt="dog">dog</point> runs.', "A dog runs."),
        ("It is Ann<0xE2><0x80><0x99>s<0x0A>hat.", "It is Ann’s\nhat."),
        ("ĠA Ġman Ġin Ġa Ġred Ġsh irt.", "A man in a red shirt."),
        (f"{ANSWER}\n\nUser: And then?\nAssistant: It ends.", ANSWER),
        ('<|python_tag|>describe(caption="x")', ""),
    ],
)
def test_what_vocabularies_and_grounding_leave(text: str, plain: str) -> None:
    assert strip(text).text == plain


@pytest.mark.parametrize(
    "text",
    [
        "A page reads:\n\nUser: hello\nAssistant: hi",
        "The debugger shows <0x0A> in a hex dump while a hand scrolls.",
        "A list of [|a|, |b|] is on the board, and x[e] beside it.",
        "The letter Ġ is on a Maltese sign.",
    ],
)
def test_what_only_looks_like_them_stays(text: str) -> None:
    assert strip(text).text == text


def test_quotes_in_reasoning_do_not_hide_its_end() -> None:
    assert strip(f'<think>The sign says "exit. So </think>He says "go". {ANSWER}').text == f'He says "go". {ANSWER}'
    assert strip(f'"<think>x</think>{ANSWER}"').text == f'"{ANSWER}"'


def test_a_token_that_is_asked_about_stays_in_an_answer_but_not_in_a_caption() -> None:
    text = "What does <image> mean, and <|assistant|>?"
    assert strip(text, caption=False).text == text
    assert strip(text).text != text
    assert strip("B<|im_end|>", caption=False).text == "B"


def test_tokens_that_tell_reasoning_from_answers_are_known() -> None:
    kept = [
        "<|channel>",
        "<channel|>",
        "<|channel|>",
        "<|message|>",
        "◁think▷",
        "<|END_THINKING|>",
        "[THINK]",
        "</think>",
    ]
    assert [token for token in kept if not is_structural(token)] == []
    assert [token for token in ("<|im_end|>", "</s>", "<pad>", "<image>", "<|user|>") if is_structural(token)] == []


plain = st.text(st.characters(blacklist_characters="<◁[\ufffdĠ▁", blacklist_categories=("Cs",)), max_size=80)
marks = st.sampled_from(
    [mark for pair in FAMILIES.values() for mark in pair] + ["</s>", "<|im_start|>", "<answer>", "</answer>"]
)


@settings(max_examples=60)
@given(st.lists(plain | marks, max_size=12).map("".join))
def test_any_mixture_is_stripped_the_same_twice(text: str) -> None:
    once = strip(text).text
    assert len(once) <= len(text)
    assert once == once.strip()


@settings(max_examples=40)
@given(st.sampled_from(sorted(FAMILIES)), st.from_regex(r"[A-Z][a-z]{2,9}( [a-z]{1,9}){2,9}\.", fullmatch=True))
def test_any_answer_comes_out_whole(name: str, answer: str) -> None:
    begin, end = FAMILIES[name]
    assert strip(f"{begin}Hm.{end}{answer}").text == answer


@pytest.mark.parametrize(
    "unit", ["<think>", "</think>", "<", "< ", "<|a|>", '"<think>', "<|start|>assistant ", "<think a", "\n", "[", "“"]
)
def test_much_of_anything_takes_time_in_proportion(unit: str) -> None:
    assert_in_proportion(lambda size: strip(unit * (size // len(unit)) + "<think>"), 250_000)
