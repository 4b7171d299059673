"""English for labels, numbers, times and verbs; every expected word is from a dictionary, not from the code."""

from __future__ import annotations

import pytest

from sharegpt4video.facts.detect import LABELS
from sharegpt4video.vlm.embedded import words

PLURALS = (
    "people bicycles cars motorcycles airplanes buses trains trucks boats traffic_lights fire_hydrants stop_signs "
    "parking_meters benches birds cats dogs horses sheep cows elephants bears zebras giraffes backpacks umbrellas "
    "handbags ties suitcases frisbees pairs_of_skis snowboards balls kites baseball_bats baseball_gloves "
    "skateboards surfboards tennis_rackets bottles wine_glasses cups forks knives spoons bowls bananas apples "
    "sandwiches oranges pieces_of_broccoli carrots hot_dogs pizzas doughnuts cakes chairs couches potted_plants "
    "beds dining_tables toilets TVs laptops computer_mice remote_controls keyboards cell_phones microwaves ovens "
    "toasters sinks refrigerators books clocks vases pairs_of_scissors teddy_bears hair_dryers toothbrushes "
)


def test_plurals_of_every_label_of_the_detector() -> None:
    assert [words.plural(label).replace(" ", "_") for label in LABELS] == PLURALS.split()


@pytest.mark.parametrize(
    "phrase",
    [
        "an hour", "an honest man", "an heir", "a unicorn", "a uniform", "a useful tool", "a utensil",
        "a European bison",
        "a TV", "an LED", "an X-ray", "a UFO", "an FM radio", "an umbrella", "an uninvited guest", "an orange car",
        "a one-way street", "an oven", "an 8-bit game", "an 18-wheeler", "a 1800s house", "a 3D cartoon", "an apple",
        "a light orange cup", "an elephant", "a ewe", "a house", "a pair of scissors", "an unusual hat", "an 11th hour",
    ],
)  # fmt: skip
def test_articles_follow_the_sound(phrase: str) -> None:
    article, _, rest = phrase.partition(" ")
    assert words.article(rest) == article


def test_counts_agree_in_number() -> None:
    assert words.counted("person", 1) == "a person"
    assert words.counted("person", 2) == "two people"
    assert words.counted("knife", 12, "black") == "twelve black knives"
    assert words.counted("bus", 13) == "13 buses"
    assert words.counted("scissors", 1) == "a pair of scissors"
    assert words.counted("apple", 1, "red") == "a red apple"


def test_lists() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a dog"]) == "a dog"
    assert words.listed(["a dog", "a cat"]) == "a dog and a cat"
    assert words.listed(["a dog", "a cat", "a bird"]) == "a dog, a cat and a bird"
    assert words.listed(["a black and white dog", "a cat"]) == "a black and white dog, and a cat"


@pytest.mark.parametrize(
    ("base", "one", "many"),
    [
        ("be still", "is still", "are still"),
        ("raise an arm", "raises an arm", "raise an arm"),
        ("go black", "goes black", "go black"),
        ("fly off", "flies off", "fly off"),
        ("stay still", "stays still", "stay still"),
        ("push", "pushes", "push"),
    ],
)
def test_verbs_agree_with_their_subject(base: str, one: str, many: str) -> None:
    assert (words.verb(base, False), words.verb(base, True)) == (one, many)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "a moment"), (0.5, "half a second"), (1.0, "one second"), (2.0, "two seconds"), (13.6, "14 seconds"),
        (60.0, "one minute"), (90.0, "90 seconds"), (119.6, "about two minutes"), (1800.0, "about 30 minutes"),
        (7200.0, "about two hours"), (9000.0, "about two and a half hours"),
    ],
)  # fmt: skip
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


def test_clock_times() -> None:
    assert [words.clock(s) for s in (0, 6.9, 59.9999999, 61, 3725, -0.2)] == [
        "0:00", "0:06", "1:00", "1:01", "1:02:05", "0:00",
    ]  # fmt: skip


def test_ordinals() -> None:
    assert [words.ordinal(n) for n in (1, 2, 12, 13, 21, 22, 23, 111, 112)] == [
        "first", "second", "twelfth", "13th", "21st", "22nd", "23rd", "111th", "112th",
    ]  # fmt: skip


def test_the_choice_of_a_phrase_is_stable_and_varied() -> None:
    options = ["one", "two", "three"]
    chosen = [words.choose(options, "about", n, n / 7) for n in range(60)]
    assert chosen == [words.choose(options, "about", n, n / 7) for n in range(60)]
    assert set(chosen) == set(options)


def test_sentences_are_closed_once() -> None:
    assert words.sentence("  the dog   runs , fast ") == "The dog runs, fast."
    assert words.sentence("really?") == "Really?"
    assert words.paragraph(["a b", "", "c d"]) == "A b. C d."


def test_quotes_hold_one_line_without_inner_quotes() -> None:
    assert words.quoted(' He said\n"no"  ') == "\"He said 'no'\""
    assert len(words.quoted("x" * 500)) <= 122
