"""Our own reading of replies, against what a person reads in them."""

from __future__ import annotations

import json
import runpy
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.evaluate.strict import chosen, matched_caption, yes_or_no

HERE = Path(__file__).parent
# Replies from public issue threads and made ones; what a person reads was written down before any reader saw them.
REPLIES = [json.loads(line) for line in (HERE / "replies.jsonl").read_text(encoding="utf-8").splitlines()]
CASES = HERE.parents[2] / "shared" / "cases" / "scripts"
MOST_UNREAD_SHARE = 0.02
DIRECTIONS = ("left", "right", "up", "down")


def test_no_reply_is_read_as_another_answer_and_nearly_all_are_read() -> None:
    read = [(row["reply"], row["means"], chosen(row["reply"], row["options"])) for row in REPLIES]
    assert [one for one in read if one[2] not in (one[1], None)] == []
    unread = [reply for reply, means, found in read if found is None and means is not None]
    assert len(unread) <= MOST_UNREAD_SHARE * len(REPLIES), unread


def test_the_collected_cases_are_read_as_a_person_reads_them_or_not_at_all() -> None:
    if not (CASES / "answers.py").exists():
        pytest.skip("needs ../shared/cases beside the checkout")
    first, second = (runpy.run_path(str(CASES / name)) for name in ("answers.py", "answers2.py"))
    read = [(reply, means, chosen(reply, options)) for _, _, reply, means, options in first["R"]]
    read += [(reply, means, yes_or_no(reply)) for _, reply, means in second["Y"]]
    read += [(reply, means, matched_caption(reply, question)) for _, question, reply, means in second["M"]]
    assert [one for one in read if one[2] not in (one[1], None)] == []
    assert sum(means == found for _, means, found in read) >= len(read) - 1


@pytest.mark.parametrize(
    "end", ["Answer: B", "The answer is B.", "B", "(B)", "So the answer is (B).", "B. right", "right"]
)
@pytest.mark.parametrize("form", ["({}) {}", "{}. {}", "{}) {}", "{}: {}", "Option {}: {}", "- {}. {}"])
@pytest.mark.parametrize("between", ["\n", " "])
def test_options_that_are_repeated_before_the_answer_are_no_answer(form: str, end: str, between: str) -> None:
    echo = between.join(form.format(label, text) for label, text in zip("ABCD", DIRECTIONS, strict=True))
    assert chosen(echo, DIRECTIONS) is None
    assert chosen(f"{echo}\n\n{end}", DIRECTIONS) == 1


@settings(max_examples=40)
@given(
    st.permutations(range(4)),
    st.integers(0, 3),
    st.sampled_from(["The answer is {}.", "Answer: {}", "\\boxed{{{}}}", "{}"]),
)
def test_a_label_means_the_option_in_its_place(order: list[int], right: int, form: str) -> None:
    options = [DIRECTIONS[number] for number in order]
    letter = "ABCD"[right]
    assert chosen(form.format(letter), options) == right
    assert chosen(form.format(f"{letter}. {options[right]}"), options) == right
    assert chosen(form.format(f"{letter}. {options[right - 1]}"), options) is None
    assert chosen(f"{options[right]} ({letter})", options) == right
    assert chosen(f"{options[right - 1]} ({letter})", options) is None


@pytest.mark.parametrize(
    "option", ["I don't know", "Cannot be told.", "no", "not sure", "Not mentioned.", "If it is hot.", "Who is it?"]
)
def test_the_words_of_an_option_deny_or_ask_nothing(option: str) -> None:
    options = (option, "yes", "the red one")
    assert (
        chosen(f"A. {option}".rstrip("?"), options) == chosen(f"{option} (A)", options) == chosen(option, options) == 0
    )
    assert chosen(f"{option} (B)", options) is chosen(f"The answer is C: {option}", options) is None


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_read_as_an_option_or_not_at_all(reply: str) -> None:
    assert chosen(reply, DIRECTIONS) in (None, 0, 1, 2, 3)
    assert yes_or_no(reply) in (None, True, False)
    assert matched_caption(reply, "Which?\nOption 1: left\nOption 2: right") in (None, 0, 1)


@pytest.mark.parametrize(
    "piece", ["(A", "answer that ", "<think>", "A, B, ", "\\boxed{", "\"'", "A. left\n", "not ", " ", "\n>"]
)
def test_long_replies_take_no_minutes(piece: str) -> None:
    began = time.process_time()
    chosen(piece * 30_000, DIRECTIONS)
    assert time.process_time() - began < 20, "a reply of this length took more than a second or two before"


@pytest.mark.parametrize(
    ("reply", "yes"),
    [
        ("Yes, there is no doubt.", True),
        ("No, the man does not.", False),
        ('{"answer": "no"}', False),
        ("<answer>yes</answer>", True),
        ("\\boxed{No}", False),
        ("<think>no</think>yes", True),
        ("Based on the frames, yes, it does.", True),
        ("Therefore, no.", False),
        ("Yes or no: no", False),
        ("是的。", True),
        ("不是", False),
        ("はい", True),
        ("Нет.", False),
        ("No doubt it moves.", None),
        ("No man is there", None),
        ("I can't say yes or no.", None),
        ("Yes and no.", None),
        ("No, the answer is yes.", None),
        ("Yes. Wait, actually no.", None),
        ("not yes", None),
        ("是否移动？", None),
        ("true", None),
    ],
)
def test_yes_and_no_are_words_of_their_own(reply: str, yes: bool | None) -> None:
    assert yes_or_no(reply) is yes


CAPTIONS = "Which fits?\nOption 1: The man is dribbling.\nOption 2: A man is dunking."


@pytest.mark.parametrize(
    ("reply", "index"),
    [
        ("Option 1 describes dribbling, but the video shows a dunk: Option 2.", 1),
        ("Option 1: The man is dribbling.\nOption 2: A man is dunking.", None),
        ("Option 1: The man is dribbling.\nOption 2: A man is dunking.\n\nAnswer: Option 2", 1),
        ("Option 2: The man is dribbling.", None),
        ("Option 2 is not a match.", None),
        ("\\boxed{2}", 1),
        ("<think>1</think>2", 1),
        ("Option 3", None),
        ("Option A", None),
        ("Neither", None),
    ],
)
def test_captions_are_matched_by_label_and_words_together(reply: str, index: int | None) -> None:
    assert matched_caption(reply, CAPTIONS) == index
