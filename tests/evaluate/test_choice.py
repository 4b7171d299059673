"""How answers are read: the rules of others with their odd cases, and ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.evaluate import choice

OPTIONS = ("dunking a ball", "dribbling a ball", "passing a ball", "a ball")


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("B. sitting", True),
        ("B", True),
        ("A", False),
        ("B.", True),
        ("B) something else", True),
        ("A. sitting", False),
        ("C) sitting", False),
        ("E", None),
        ("b", None),
        ("(B)", None),
        ("sitting", None),
        ("The answer is B.", None),
        ("", None),
        ("AB", None),
        ("A girl sits", None),
    ],
)
def test_tempcompass_reads_letters_only_at_the_beginning(said: str, right: bool | None) -> None:
    assert choice.tempcompass_multi_choice(said, "B. sitting") is right


@pytest.mark.parametrize(
    ("said", "answer", "right"),
    [
        ("Yes.", "yes", True),
        ("YES, it is", "no", False),
        ("no", "no", True),
        ("Nothing moves", "no", True),
        ("Not sure", "yes", False),
        ("yesterday", "yes", True),
        ("It is.", "yes", None),
        ("", "no", None),
        (" no", "no", None),
    ],
)
def test_tempcompass_takes_any_word_that_begins_with_yes_or_no(said: str, answer: str, right: bool | None) -> None:
    assert choice.tempcompass_yes_no(said, answer) is right


CAPTIONS = "Which fits?\nOption 1: A man runs.\nOption 2: A man sits."
LETTERED = "Which fits?\nSentence A: It goes: left.\nSentence B: It goes right."


@pytest.mark.parametrize(
    ("said", "question", "answer", "right"),
    [
        ("Option 2: A man sits.", CAPTIONS, "Option 2: A man sits.", True),
        ("A man sits.", CAPTIONS, "Option 2: A man sits.", True),
        ("A man runs.", CAPTIONS, "Option 2: A man sits.", False),
        ("Option 2", CAPTIONS, "Option 2: A man sits.", True),
        ("Option 2.", CAPTIONS, "Option 2: A man sits.", True),
        ("2", CAPTIONS, "Option 2: A man sits.", True),
        ("1.", CAPTIONS, "Option 2: A man sits.", False),
        ("2) A man sits.", CAPTIONS, "Option 2: A man sits.", True),
        ("option 2", CAPTIONS, "Option 2: A man sits.", None),
        ("A man sits", CAPTIONS, "Option 2: A man sits.", None),
        ("B", LETTERED, "Sentence B: It goes right.", True),
        ("It goes", LETTERED, "Sentence A: It goes: left.", True),  # cut at the second colon
        ("It goes: left.", LETTERED, "Sentence A: It goes: left.", None),
        ("", CAPTIONS, "Option 2: A man sits.", None),
        ("2", "Which fits?", "Option 2: A man sits.", None),
        ("2", "Which?\nno colon here", "Option 2: A man sits.", None),
    ],
)
def test_tempcompass_matches_captions_by_line_sentence_or_label(
    said: str, question: str, answer: str, right: bool | None
) -> None:
    assert choice.tempcompass_caption_matching(said, question, answer) is right


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("Correct", True),
        ("Correct. It is not Incorrect", True),
        ("Incorrect.", False),
        ("The prediction is Correct", True),
        ("It could be Correct or Incorrect", False),
        ("The prediction is correct", None),
        ("", None),
    ],
)
def test_a_judge_is_read_by_its_first_word_then_by_any(reply: str, right: bool | None) -> None:
    assert choice.judged_correct(reply) is right


@pytest.mark.parametrize(
    ("taken", "right"),
    [
        ("B. sitting", True),
        ("A. jumping", False),
        ("B. sitting, C. waving", False),
        ("B. sitting. A. too", False),
        ("None of the choices are correct", False),
        ("B", False),
        ("", False),
    ],
)
def test_a_caption_needs_the_right_letter_and_only_one(taken: str, right: bool) -> None:
    assert choice.judged_caption(taken, "B. sitting") is right


@pytest.mark.parametrize(
    ("said", "index"),
    [
        ("B", 1),
        ("b", 1),
        ("(C)", 2),
        ("C)", 2),
        ("B.", 1),
        ("B. dribbling a ball", 1),
        ("B: dribbling", 1),
        ("**B**", 1),
        ("Answer: B", 1),
        ("The best answer is: (B)", 1),
        ("The correct option is B.", 1),
        ("Option B", 1),
        ("I think it is option (B), as he bounces it.", 1),
        ("So the answer is B", 1),
        ("Option A is correct", 0),
        ("The answer is a man who is dribbling a ball", 1),
        ("dribbling a ball.", 1),
        ("Dribbling a ball", 1),
        ("The man is dribbling a ball", 1),
        ("a ball", 3),
        ("B. dribbling a ball, not (A)", 1),
        ("<think>A or B?</think>B</s>", 1),
        ("It may be option A.</think>\nB", 1),
        ("<think>It may be option A, since", None),
        ("A man is doing something", None),
        ("A", 0),
        ("a man", None),
        ("A or B", None),
        ("(A) or (B)", None),
        ("Both A. and B. fit", None),
        ("He is dunking a ball and then passing a ball", None),
        ("E", None),
        ("None of them", None),
        ("", None),
        ("(", None),
        (")", None),
        ("</s>", None),
        ("I cannot tell.", None),
        ("Option B is incorrect.", None),
        ("Option (B) isn't shown", None),
        ("The answer is not B.", None),
        ("Neither (A) nor B.", None),
        ("The best option is neither of the captions A nor B. Both captions are wrong.", None),
        ("Not A. It is B", 1),
        ("A and B.", None),
        ("He is not dribbling a ball", None),
        ("Option B is wrong, so option C", 2),
        ("He isn't dribbling a ball, he is dunking a ball", 0),
        ("It is not clear, but option B is the best answer and not A", 1),
        ("The best option is:\n\nB. dribbling a ball\n\nOption A is what he does later.", 1),
        ("The best option is B: dribbling a ball. Of option C, nothing is seen.", 1),
    ],
)
def test_ours_takes_a_choice_only_where_there_is_one(said: str, index: int | None) -> None:
    assert choice.chosen(said, OPTIONS) == index


@given(st.text(max_size=40), st.integers(1, 5))
def test_ours_never_names_what_is_no_option(said: str, count: int) -> None:
    found = choice.chosen(said, [f"thing {number}" for number in range(count)])
    assert found is None or 0 <= found < count


@pytest.mark.parametrize(
    ("said", "yes"),
    [
        ("Yes", True),
        ("yes, she is", True),
        ("**No.**", False),
        ("The answer is no", False),
        ("Looking closely, the answer is: yes.", True),
        ("Nothing moves", None),
        ("Not sure", None),
        ("There is no man", None),
        ("Yes or no", None),
        ("yes/no", None),
        ("", None),
    ],
)
def test_ours_takes_yes_and_no_as_words(said: str, yes: bool | None) -> None:
    assert choice.yes_or_no(said) is yes


@pytest.mark.parametrize(
    ("said", "index"),
    [
        ("Option 2: A man sits.", 1),
        ("option 2", 1),
        ("2", 1),
        ("2.", 1),
        ("A man sits", 1),
        ("The best caption is Option 1.", 0),
        ("", None),
        ("3", None),
        ("Both", None),
        ("Option 1 and Option 2", None),
    ],
)
def test_ours_matches_captions_by_label_or_words(said: str, index: int | None) -> None:
    assert choice.matched_caption(said, CAPTIONS) == index


def test_end_marks_are_no_part_of_an_answer() -> None:
    assert choice.plain(" B</s>\n") == "B"


@pytest.mark.parametrize(
    ("said", "index"),
    [
        ("A", 0),
        ("(A)", 0),
        ("A)", 0),
        ("a)", 0),
        ("A.", 0),
        ("A) c", 0),
        ("a", 1),
        ("B", 1),
        ("c", 0),
        ("C", 2),
        ("t", 2),
    ],
)
def test_labels_are_told_from_options_that_are_letters(said: str, index: int) -> None:
    assert choice.chosen(said, ("c", "a", "t")) == index


def test_an_option_may_name_the_labels_of_others() -> None:
    assert choice.chosen("Both A and B", ("left", "right", "both A and B")) == 2
