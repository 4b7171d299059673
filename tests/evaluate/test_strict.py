"""Our own reading of replies, against what a person reads in them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growth import assert_in_proportion
from sharegpt4video.evaluate.strict import chosen, matched_caption
from sharegpt4video.evaluate.tally import Tally, tally
from sharegpt4video.evaluate.yes_no import yes_or_no

HERE = Path(__file__).parent
# Replies from public issue threads and made ones; what a person reads was written down before any reader saw them.
REPLIES = [json.loads(line) for line in (HERE / "replies.jsonl").read_text(encoding="utf-8").splitlines()]
CASES = HERE.parents[2] / "shared" / "cases" / "scripts"
YES_OR_NO = [json.loads(line) for line in (HERE / "yes_no.jsonl").read_text(encoding="utf-8").splitlines()]
MOST_UNREAD_SHARE = 0.02
DIRECTIONS = ("left", "right", "up", "down")


def test_no_reply_is_read_as_another_answer_and_nearly_all_are_read() -> None:
    read = [(row["reply"], row["means"], chosen(row["reply"], row["options"])) for row in REPLIES]
    assert [one for one in read if one[2] not in (one[1], None)] == []
    unread = [reply for reply, means, found in read if found is None and means is not None]
    assert len(unread) <= MOST_UNREAD_SHARE * len(REPLIES), unread


def test_yes_and_no_are_never_taken_for_the_other_and_nearly_always_read() -> None:
    read = [(row["reply"], row["yes"], yes_or_no(row["reply"])) for row in YES_OR_NO]
    assert [one for one in read if one[2] not in (one[1], None)] == []
    unread = [reply for reply, yes, found in read if found is None and yes is not None]
    assert len(unread) <= MOST_UNREAD_SHARE * len(YES_OR_NO), unread


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
    ("text", "judged", "best"),
    [
        ("A: 10%\nB: 90%", (0, 1), 1),
        ("A: 0.1, B: 0.9", (0, 1), 1),
        ("A: wrong\nB: right", (0, 1), 1),
        ("10% A, 90% B", (0, 1), 1),
        ("A: 50%\nB: 50%", (0, 1), None),
        ("A: 80%\nB: 90%", (0, 1), None),  # no shares of one whole
        ("A: right\nB: right", (0, 1), None),
        ("A: wrong\nB: wrong", (0, 1), None),
        ("A: 10%\nB: 0.9", (0, 1), None),  # two kinds of value
        ("A: 10%\nB: right", (0, 1), None),
        ("A: wrong\nB: 0.9", (0, 1), None),
    ],
)
def test_a_list_of_options_with_values_settles_on_the_only_best(
    text: str, judged: tuple[int, ...], best: int | None
) -> None:
    assert tally(text, [["A"], ["B"]]) == Tally(judged, best)


@pytest.mark.parametrize("padding", [0, 100, 500])
def test_what_denies_an_answer_is_read_wherever_it_stands(padding: int) -> None:
    rest = " It is a long day and nothing else is said about it." * (padding // 50)
    for reply in ("The wrong answer is A.", "I doubt that the answer is A.", "The student's answer is A."):
        assert chosen(f"{reply}{rest}", DIRECTIONS) is None
        assert chosen(f"{rest.strip()} {reply}{rest}".strip(), DIRECTIONS) is None
    assert chosen(f"The answer is A.{rest}", DIRECTIONS) == 0


@pytest.mark.parametrize(
    "reply",
    [
        "Although it is dark, he goes left.",
        "While the camera shakes, the ball moves left.",
        "Unlike the dog, the ball goes left.",
        "Between the trees, the man goes left.",
        "It goes left, unlike the dog.",
    ],
)
def test_an_aside_ends_with_its_clause(reply: str) -> None:
    assert chosen(reply, DIRECTIONS) == 0
    assert chosen("He goes right, although the dog goes left.", DIRECTIONS) != 0


def test_the_question_is_no_caption_to_match() -> None:
    question = "Choose one: which caption fits?\nOption 1: A man runs.\nOption 2: A man sits."
    assert [matched_caption(f"Option {number}", question) for number in (1, 2)] == [0, 1]
    assert [matched_caption(text, question) for text in ("A man runs.", "A man sits.")] == [0, 1]


@pytest.mark.parametrize("text", ["A: 10%", "", "A: a man sits\nB: a dog", "A: 10%\nA: 90%", "See: A: 10%\nB: 90%"])
def test_what_is_no_list_of_options_with_values_is_no_tally(text: str) -> None:
    assert tally(text, [["A"], ["B"]]) is None


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
    assert_in_proportion(lambda count: chosen(piece * count, DIRECTIONS), 30_000)


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
        ("-2", None),
        ("2.5", None),
        ("12", None),
        ("Wrong: Option 1", None),
        ("Option 2 is a bad match.", None),
        ("Option 1: no. Option 2: yes.", 1),
        ('{"Option 1": false, "Option 2": true}', 1),
        ("Option 1: 20%, Option 2: 80%", 1),
        ("(A) man is dunking.", 1),
        ("<s>1</s> 2", None),
    ],
)
def test_captions_are_matched_by_label_and_words_together(reply: str, index: int | None) -> None:
    assert matched_caption(reply, CAPTIONS) == index


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        ("A - неверно", None),
        ("A, falsch", None),
        ("B: sbagliato", None),
        ("If I had to guess, I'd say C.", 2),
        ("There is not enough information, but if I had to guess: C", 2),
        ("If it were faster, I'd say C.", None),
        ("My guess is D", 3),
        ("A is more likely than B.", 0),
        ("A is more likely than B, though C and D are close", 0),
        ("A is not more likely than B", None),
        ("[ANSWER]B[/ANSWER]", 1),
        ("【答案】B", 1),
        ("应该是D吧", 3),
        ("不是A，是B", 1),
        ("不是A，也不是B", None),
        ("Aではなく、Bです。", 1),
        ("A가 아니라 B입니다", 1),
        ("La respuesta no es A, sino B.", 1),
        ("Die Antwort lautet D.", 3),
        ("Die Antwort lautet nicht D.", None),
        ("Не A, а B", 1),
        ("A resposta é a letra C", 2),
        ("الإجابة الصحيحة هي B", 1),
        ("सही उत्तर B है।", 1),
        ("उत्तर B नहीं है", None),
        ("Doğru cevap B'dir.", 1),
        ("Poprawna odpowiedź to C.", 2),
        ("Odpowiedź to nie C.", None),
        ("Správná odpověď je B.", 1),
        ("Η σωστή απάντηση είναι B", 1),
        ("Răspunsul corect este C", 2),
        ("התשובה הנכונה היא B", 1),
        ("\ufeffB\u200b", 1),
        ("~~A~~ B", 1),
        ("A ❌\nB ✅\nC ❌\nD ❌", 1),
        ("The second option is correct.", 1),
        ("The last option.", 3),
        ("Option 2", 1),
        ("The second option is wrong.", None),
        ("The answer to A is not shown", None),
    ],
)
def test_statements_in_many_forms_and_languages(reply: str, means: int | None) -> None:
    assert chosen(reply, DIRECTIONS) == means


@pytest.mark.parametrize(
    ("reply", "options", "means"),
    [
        ("他没有打开冰箱。", ("打开冰箱", "关上冰箱"), None),
        (
            "He opens the fridge and closes the window.",
            ("He opens the fridge.", "He closes the fridge.", "He opens the window.", "He closes the window."),
            None,
        ),
        ("He opens the fridge and leaves.", ("He opens the fridge.", "He closes the fridge."), 0),
        ("A: pink balloon is growing", ("A pink balloon is shrinking", "A pink balloon is growing"), None),
        ("A pink balloon is growing", ("A pink balloon is shrinking", "A pink balloon is growing"), 1),
        ("Option 3", ("2", "3", "4"), None),  # the third, or the one that says 3
        ("The first one", ("the first ball", "the last ball"), None),
    ],
)
def test_words_that_fit_two_options_are_not_read(reply: str, options: tuple[str, ...], means: int | None) -> None:
    assert chosen(reply, options) == means


@pytest.mark.parametrize(
    ("reply", "yes"),
    [
        *((word, True) for word in ("نعم", "हाँ", "Evet.", "Tak", "Có", "ใช่", "Sì", "Ναι", "כן")),
        *((word, False) for word in ("لا", "नहीं", "Hayır.", "Nie", "Không", "ไม่ใช่", "Nej", "Όχι", "לא")),
        *(
            (text, None)
            for text in ("Không có", "Có lẽ", "Nie wiem", "ไม่แน่ใจ", "لا أعرف", "No. 2 is right", "Ano 2020")
        ),
        ("I would say no.", False),
        ("I would not say yes.", None),
        ("No. It has 2.", False),
        ("Yes, maybe not.", None),
        ("The old answer is yes.", None),
        ("Initial answer: yes. Final answer: no.", False),
    ],
)
def test_yes_and_no_in_many_languages(reply: str, yes: bool | None) -> None:
    assert yes_or_no(reply) is yes


@pytest.mark.parametrize(
    ("reply", "means"),
    [
        ("The second one", 1),
        ("First option", 0),
        ("Option two", 1),
        ("オプション2", 1),
        ("옵션 2", 1),
        ("Option 3", None),
    ],
)
def test_captions_are_named_by_their_place(reply: str, means: int | None) -> None:
    assert matched_caption(reply, "Which fits?\nOption 1: The man dribbles.\nOption 2: A man dunks.") == means


SKIES = ("sunny", "rainy", "cloudy", "snowy")
PAIR = ("The ball", "The box", "Both", "Neither")


@pytest.mark.parametrize(
    ("reply", "options", "means"),
    [
        ("Maybe B, maybe C.", DIRECTIONS, None),
        ("Maybe B.", DIRECTIONS, 1),
        ("Leaning A but unsure, maybe C.", DIRECTIONS, None),
        ("A. B is also possible.", DIRECTIONS, None),
        ("B is better than A but worse than C.", DIRECTIONS, None),
        ("B is better than A.", DIRECTIONS, 1),
        ("B. All are equally likely.", DIRECTIONS, None),
        ("Answer: A. B is correct.", DIRECTIONS, None),
        ("Answer: A. B is not correct.", DIRECTIONS, 0),
        ("A. B", DIRECTIONS, None),
        ("A... no, B", DIRECTIONS, 1),
        ("Old answer: B. New answer: D", DIRECTIONS, 3),
        ("The old answer is A.", DIRECTIONS, None),
        ("A rather than C", DIRECTIONS, 0),
        ("Instead of B, C or D.", DIRECTIONS, None),
        ("As seen in the video, C.", DIRECTIONS, 2),
        ("Given the options A, B, C", DIRECTIONS, None),
        ("A is not the best choice; B is.", DIRECTIONS, 1),
        ("The ball is not visible, A is.", DIRECTIONS, None),
        ("B with 80% confidence", DIRECTIONS, 1),
        ("B with 50%", DIRECTIONS, None),
        ("\u274c right", DIRECTIONS, None),
        ("right \u274c", DIRECTIONS, None),
        ("[ ] right", DIRECTIONS, None),
        ("left: no / right: yes", DIRECTIONS, 1),
        ("A: yes / B: yes", DIRECTIONS, None),
        ("A: 90% wrong, B: 10% wrong", DIRECTIONS, None),
        ('{"answers": {"A": false, "B": true}}', DIRECTIONS, 1),
        ('{"wrong": {"A": true, "B": false}}', DIRECTIONS, None),
        ("Both the ball and the box", PAIR, 2),
        ("Both the ball and the box", ("The ball", "The box", "The cup", "Both the box and the cup"), None),
        ("Neither left nor right", ("left", "right", "up", "neither"), None),
        ("A red car stops", ("the red car stops", "the blue car stops"), 0),
        ("A red car stops", ("the red car stops", "a red car stops"), 1),
        ("A red car", ("the red car", "the blue car"), None),  # "A" may be the label
        ("It looks rainy or snowy.", SKIES, None),
        ("C, nicht B.", DIRECTIONS, 2),
        ("C nicht.", DIRECTIONS, None),
        ("\U0001f171\ufe0f", DIRECTIONS, 1),
        ("\U0001f170\ufe0f or \U0001f171\ufe0f", DIRECTIONS, None),
    ],
)
def test_hedges_contradictions_and_what_is_crossed_out_are_no_answers(
    reply: str, options: tuple[str, ...], means: int | None
) -> None:
    assert chosen(reply, options) == means
