"""Which texts of a model can be used: real prose passes, loops, refusals and half texts do not."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import assert_in_proportion
from sharegpt4video.vlm.screen import judge, repeats, screen, tidy

SHARED = Path(__file__).parents[3] / "shared" / "eval"

PROSE = [
    "A man in a red jacket walks along a beach. The camera pans right and a dog comes into view.",
    "The ball goes up and down, up and down, while the child laughs; it is very, very red.",
    "The dancer moves left, then right, then left, then right, then left again, and ends in the middle.",
    "Ha ha ha ha ha! reads the sign. A crowd walks by: no, no, no, says the subtitle.",
    "The camera is static. A bird lands. The camera is static. The bird flies off. The camera is static.",
    "| time | what |\n| --- | --- |\n| 0 s | a car |\n| 2 s | a bus |\n-------------------------------------",
    "一个穿红色外套的男人沿着海滩行走。镜头向右平移，一只狗进入画面，然后男人停下来，蹲下身抚摸它。",
    "ชายคนหนึ่งเดินไปตามชายหาด กล้องแพนไปทางขวาและมีสุนัขเข้ามาในภาพ",
    "Мужчина в красной куртке идёт вдоль пляжа. Камера поворачивается вправо, появляется собака.",
    "Ja.",
    "I",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_passes_whatever_ended_it_well(text: str) -> None:
    assert [judge(text, reason) for reason in ("stop", "eos", None)] == ["", "", ""]


@pytest.mark.parametrize("text", PROSE)
def test_prose_that_hit_the_token_limit_is_cut_off(text: str) -> None:
    assert judge(text, "length") == "cut off"


@pytest.mark.parametrize(
    "text",
    [
        "the man " * 6,
        "The screen shows the man the man the man the man the man the man the man",
        "A cat sits here. " * 3,
        "No. A man walks. A man walks. A man walks. Then he stops.",
        "a" * 40,
        "A scream: " + "A" * 25,
        "很" * 30,
        "他走路。" * 6,
        "一个男人在走路。" * 3,
        "and then and then and then and then and then and then",
        "1. The man walks. 2. The man walks. 3. The man walks. 4. The dog sits. 5. The dog sits. 6. The man walks.",
        "".join(f"Frame {number}: the screen is entirely black.\n" for number in range(30)),
        "A man stands up, and " + "he walks to the door and opens it and closes it, " * 3,
        "=" * 150,
    ],
)
def test_loops_are_repeating_however_they_ended(text: str) -> None:
    assert judge(text, "stop") == "repeating"
    assert judge(text, "length") == "repeating"


@pytest.mark.parametrize("text", ["", "  \n", "...", "-", "```\n```", '""', "<think>a cat?</think>"])
def test_nothing_said_is_empty(text: str) -> None:
    assert judge(text, "stop") == "empty"


def test_no_text_for_want_of_tokens_is_cut_off() -> None:
    assert judge("", "length") == "cut off"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with identifying people in this video.",
        "I’m sorry, I can’t assist with that request.",
        "Sorry, but I cannot describe this.",
        "I am unable to view images.",
        "Unfortunately, I cannot see the pictures you mention.",
        "As an AI language model, I have no eyes.",
        "I apologize, but this is not something I can do.",
        "**I'm sorry**, but no.",
        "很抱歉，我无法处理这个请求。",
    ],
)
def test_stock_refusals_are_refused(text: str) -> None:
    assert judge(text, "stop") == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "A woman says: I'm sorry, but I can't help you. She turns away.",
        'A sign reads "Sorry, we are closed". A man cannot open the door.',
        "I'm sorry that the light is poor, but here is what happens. " + PROSE[0] + " " + PROSE[1] + " " + PROSE[2] * 2,
        "As a car passes, an AI-generated logo appears.",
    ],
)
def test_excuses_inside_or_before_a_description_pass(text: str) -> None:
    assert judge(text, "stop") == ""


def test_a_content_filter_refuses_whatever_the_text() -> None:
    assert judge(PROSE[0], "content_filter") == "refused"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  A cat.\n", "A cat."),
        ("<think>Is it a dog? No.</think>\n\nA cat.", "A cat."),
        ("The template opened the thought. </think>A cat.", "A cat."),
        ("<think>one</think>A cat.<think>two</think>", "A cat."),
        ('"A cat."', "A cat."),
        ("“A cat.”", "A cat."),
        ("```\nA cat.\n```", "A cat."),
        ("```markdown\nA cat.\nA dog.\n```", "A cat.\nA dog."),
        ('"Hi" says the cat, "bye"', '"Hi" says the cat, "bye"'),
        ("A cat.\n```\ncode\n```", "A cat.\n```\ncode\n```"),
    ],
)
def test_tidy_takes_off_wrapping_and_nothing_else(raw: str, text: str) -> None:
    assert tidy(raw) == text


def test_a_thought_without_end_is_cut_off_and_not_told() -> None:
    raw = "<think>The picture shows a cat, so I should say"
    assert judge(raw, "stop") == "cut off"
    assert tidy(raw) == ""


words = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäß", min_size=1, max_size=9).filter(
    lambda w: len(set(w)) > len(w) / 2
)


@given(st.lists(words, min_size=4, max_size=60, unique=True))
def test_words_that_never_come_back_never_repeat(distinct: list[str]) -> None:
    assert not repeats(" ".join(distinct))


@given(
    before=st.lists(words, max_size=30, unique=True),
    loop=st.lists(words, min_size=1, max_size=40, unique=True),
    cut_words=st.integers(0, 39),
)
def test_anything_said_ten_times_over_repeats_wherever_it_starts(
    before: list[str], loop: list[str], cut_words: int
) -> None:
    looped = loop * 11
    assert repeats(" ".join([*before, *looped[: len(looped) - min(cut_words, len(loop) - 1)]]))


# How often a unit of so many words must follow itself to be a loop; one time fewer is prose.
COPIES = {1: 10, 2: 6, 3: 5, 4: 4, 7: 4, 8: 3, 24: 3, 25: 2, 600: 2}


@pytest.mark.parametrize(("unit_words", "copies"), COPIES.items())
def test_a_unit_is_a_loop_from_so_many_copies_on(unit_words: int, copies: int) -> None:
    random = Random(unit_words)
    unit = ["".join(random.choices("abcdefghijklmnop", k=5)) for _ in range(unit_words)]
    assert len(set(unit)) == unit_words
    before, after = ["it", "begins"], ["it", "ends"]
    for number in (copies, copies + 1):
        assert repeats(" ".join([*before, *unit * number, *after]))
    almost = [*unit * copies][:-1]
    assert not repeats(" ".join([*before, *almost, *after]))


def test_a_unit_of_more_words_than_any_answer_says_again_is_not_looked_for() -> None:
    random = Random(0)
    words = list(dict.fromkeys("".join(random.choices("abcdefghijklmnop", k=5)) for _ in range(700)))
    assert repeats(" ".join(words[:600] * 2))
    assert not repeats(" ".join(words[:601] * 2))


@pytest.mark.parametrize(("character", "most"), [("a", 19), ("Ä", 19), ("=", 119), ("7", 119), ("_", 119)])
def test_one_character_is_a_loop_from_a_length_on(character: str, most: int) -> None:
    assert not repeats(f"A sign reads {character * most} here.")
    assert repeats(f"A sign reads {character * (most + 1)} here.")


def test_sentences_loop_by_three_in_a_row_or_three_among_few() -> None:
    walks, sits = "He walks on.", "She sits down."
    assert not repeats(f"Rain falls. {walks} {walks} The end is near.")
    assert repeats(f"Rain falls. {walks} {walks} {walks} The end is near.")
    assert not repeats("It rains. He runs. He runs. He runs. It ends."), "two words are hardly a sentence"
    others = ["One dog barks.", "Two cats sleep.", "Three birds sing."]
    apart = [walks, others[0], walks, others[1], walks]
    assert not repeats(" ".join([walks, others[0], walks, others[0], walks])), "five sentences are too few to tell"
    assert repeats(" ".join([*apart, others[1]])), "three different ones of six"
    assert not repeats(" ".join([*apart, others[2]])), "four different ones of six"
    assert not repeats(" ".join([walks, sits, others[0]] * 2)), "none three times"


def test_what_counts_along_is_a_loop_from_four_hundred_bytes_on() -> None:
    text = "".join(f"Frame {number} is all black and still. " for number in range(20))
    assert 4 * len(zlib.compress(text[:399].casefold().encode())) < 399
    assert not repeats(text[:399])
    assert repeats(text[:400])


def test_what_counts_along_is_a_loop_when_it_packs_to_less_than_a_quarter() -> None:
    random, text, shares = Random(0), "", []
    while not repeats(text):
        name = "".join(random.choices("abcdefgh", k=6))
        text += f"Frame {len(shares)} shows the word {name} on the wooden table. "
        shares.append(len(text) / len(zlib.compress(text.casefold().encode())))
    assert len(text) > 500
    assert shares[-2] <= 4 < shares[-1] < 4.2


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert judge(text, None) in ("", "empty", "refused", "repeating", "cut off")
    once = tidy(text)
    assert tidy(once) == once


@pytest.fixture(scope="module")
def summaries() -> list[str]:
    path = SHARED / "sharegpt4video_60_summaries.json"
    if not path.exists():
        pytest.skip(f"needs the published summaries at {path}")
    return [entry["summary"] for entry in json.loads(path.read_text())]


def test_published_summaries_pass(summaries: list[str]) -> None:
    assert len(summaries) == 60
    assert [text for text in summaries if judge(text, "stop")] == []


def test_published_summaries_that_break_off_are_cut_off(summaries: list[str]) -> None:
    assert {judge(text[: len(text) * share // 100], "length") for text in summaries for share in (10, 50, 90)} == {
        "cut off"
    }


def test_published_summaries_that_get_stuck_are_repeating(summaries: list[str]) -> None:
    for text in summaries:
        words = text.split()
        sentence = text.split(". ")[-1]
        for stuck in (
            text + f" {sentence}" * 3,
            " ".join(words[:40] + words[38:40] * 8),
            " ".join(words[:60] + words[45:60] * 3),
            " ".join(words[:30] + words[30:55] * 2),
            " ".join(words[:30] * 4)[:-7],
        ):
            assert judge(stuck, "stop") == "repeating", stuck


def test_captions_written_by_people_pass() -> None:
    path = SHARED / "DREAM-1k.jsonl"
    if not path.exists():
        pytest.skip(f"needs the DREAM-1k descriptions at {path}")
    said = [json.loads(line)["messages"][1]["content"][0]["reference"] for line in path.read_text().splitlines()]
    assert len(said) == 1000
    assert [text for text in said if judge(text, "stop")] == []


def test_real_loops_of_a_real_model_are_found() -> None:
    path = SHARED / "tempcompass" / "predictions" / "video-llava" / "captioning.json"
    if not path.exists():
        pytest.skip(f"needs the published predictions at {path}")
    said = {text for text in _strings(json.loads(path.read_text())) if len(text) > 80}
    assert len(said) > 2000
    stuck = [text for text in said if judge(text, "stop") == "repeating"]
    # Read one by one: each of these says the same thing again at least twice.
    assert 10 <= len(stuck) <= 25
    assert all(_most_said_five_words(text) >= 2 for text in stuck)


def _strings(plain: object) -> list[str]:
    if isinstance(plain, str):
        return [plain]
    children = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else []
    return [text for child in children for text in _strings(child)]


def _most_said_five_words(text: str) -> int:
    words = text.split()
    runs = [tuple(words[start : start + 5]) for start in range(len(words) - 4)]
    return max(runs.count(run) for run in runs)


@pytest.mark.parametrize(
    "unit",
    [
        "<|",
        "<think ",
        "<a b",
        "[INST] ",
        "---\n",
        "> ",
        "caption: |\n",
        '"',
        "Here is a ",
        "word is ",
        "，写着",
        "【思考】",
        "Thinking...\n",
    ],
)
def test_a_megabyte_of_anything_is_screened_in_a_moment(unit: str) -> None:
    def work(size: int) -> None:
        text = unit * (size // len(unit))
        screen(text, "stop")
        tidy(text)

    assert_in_proportion(work, 1_000_000)
