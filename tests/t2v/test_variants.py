"""Captions of one clip in three lengths, what is put behind them, and how often each is taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_captions import captioned, captions, step
from made_facts import CENTRE, LEFT, RIGHT, STILL, at, between, steps_of, thing
from sharegpt4video.records import CameraMotion, VideoCaption
from sharegpt4video.t2v.mixing import MOST_REPEATED, chosen, normalised, repeated
from sharegpt4video.t2v.record import Record
from sharegpt4video.t2v.suffixes import suffix_of, with_suffix, without_suffix
from sharegpt4video.t2v.variants import VARIANTS, camera_of, texts_of

STEPS = [
    step("opening", 0, 0, "The video shows a red ball on a table. A lamp hangs above it. The room is dark."),
    step("change", 0, 2, "The ball rolls to the left. It is slow."),
    step("change", 2, 8, "Then the ball falls off the table again. Dust rises."),
]
DENSE = (
    "The video shows a red ball on a table. A lamp hangs above it. The room is dark. The ball rolls to the left. It is"
    " slow. Then the ball falls off the table again. Dust rises."
)


def record(summary: str = "", **more: object) -> Record:
    return replace(Record("r", "/v.mp4", "train", captioned(STEPS, 8.0, summary)), **more)  # type: ignore[arg-type]


def test_three_lengths_tell_the_same_in_the_same_order() -> None:
    assert texts_of(record()) == {
        "dense": DENSE,
        "medium": "The video shows a red ball on a table. A lamp hangs above it. The ball rolls to the left."
        " Then the ball falls off the table again.",
        "short": "A red ball on a table. The ball falls off the table.",
    }


def test_the_summary_is_the_dense_caption_and_the_records_own_texts_win() -> None:
    texts = texts_of(record("A ball falls.\nIt breaks.", texts={"short": "A ball.", "user": "my ball", "none": " "}))
    assert texts["dense"] == "A ball falls. It breaks."
    assert (texts["short"], texts["user"]) == ("A ball.", "my ball")
    assert "none" not in texts


def test_the_main_event_is_what_weighs_most_by_the_facts() -> None:
    facts = [
        at(0, thing("dog", CENTRE, CENTRE)),
        between(0, 6, thing("dog", CENTRE, CENTRE)),
        between(6, 7, thing("dog", CENTRE, CENTRE), thing("person", None, RIGHT, 2, enters="right")),
    ]
    told = ["A dog.", "Nothing moves.", "A person enters."]
    steps = [replace(one, text=text) for one, text in zip(steps_of(*facts), told, strict=True)]
    assert texts_of(Record("r", "v", "train", captioned(steps, 7.0, "")))["short"] == "A dog. A person enters."


@given(captions())
def test_longer_is_never_shorter_and_nothing_is_made_up(caption: VideoCaption) -> None:
    texts = texts_of(Record("r", "v", "train", replace(caption, summary="")))
    if not texts:
        return
    assert list(texts) == list(VARIANTS)
    assert len(texts["dense"]) >= len(texts["medium"])
    assert all("\n" not in text and text for text in texts.values())
    known = " ".join(one.text for one in caption.steps).casefold()
    assert (
        not set(texts["medium"].casefold().split())
        - set(known.split())
        - {word for word in texts["medium"].casefold().split() if word.endswith(".")}
    )


PAN = CameraMotion(pan_widths=-0.3, moves=("pan left",), confidence=0.9)


@pytest.mark.parametrize(
    ("cameras", "word"),
    [
        ([STILL, STILL], "static"),
        ([PAN, PAN], "pan left"),
        ([PAN, STILL], "pan left"),
        ([PAN, STILL, STILL], ""),
        ([PAN, replace(PAN, moves=("pan right",))], ""),
        ([CameraMotion()], ""),
        ([], ""),
    ],
)
def test_one_camera_move_is_named_or_none(cameras: list[CameraMotion], word: str) -> None:
    facts = [between(2 * n, 2 * n + 2, thing("dog", LEFT, LEFT), camera=one) for n, one in enumerate(cameras)]
    assert camera_of(captioned(list(steps_of(at(0), *facts)), 8.0)) == word


SCORES = {"aesthetic": 5.5, "flow": 10.0, "vmaf_motion": 3.6}


@pytest.mark.parametrize(
    ("style", "written"),
    [
        # as append_score_to_prompts of hpcaitech/Open-Sora writes them, v1.2.0 and v1.3, and the loader of 7ad6a96
        ("open-sora-1.2", "A dog. aesthetic score: 5.5. motion score: 10.0. camera motion: pan left."),
        (
            "open-sora-1.3",
            "A dog. The aesthetic score is good. The motion strength is very high. camera motion: pan left.",
        ),
        ("open-sora-2", "A dog. 24 FPS, 4 motion score."),
        ("none", "A dog."),
    ],
)
def test_suffixes_are_written_as_open_sora_does_and_once(style: str, written: str) -> None:
    once = with_suffix("A dog.", SCORES, style, fps=24.0, camera="pan left")  # type: ignore[arg-type]
    assert once == written
    assert with_suffix(once, SCORES, style, fps=24.0, camera="pan left") == written  # type: ignore[arg-type]
    assert without_suffix(once, style) == "A dog."  # type: ignore[arg-type]
    other = with_suffix(once, {"aesthetic": 3.0}, style)  # type: ignore[arg-type]
    assert other.startswith("A dog.")
    assert "10" not in other


def test_what_is_not_known_is_not_written() -> None:
    assert suffix_of({}, "open-sora-1.2") == suffix_of({}, "open-sora-2") == suffix_of(SCORES, "none") == ""
    assert with_suffix("A dog.", {"flow": float("nan")}, "open-sora-1.3") == "A dog."
    assert suffix_of({"aesthetic": 6.5}, "open-sora-1.3") == "The aesthetic score is excellent."


def test_weights_become_repeated_captions() -> None:
    texts = {"dense": "D", "short": "S"}
    assert repeated(texts, {}) == ["D", "S"]
    assert repeated(texts, {"dense": 0.75, "short": 0.25}) == ["D", "D", "D", "S"]
    assert repeated(texts, {"dense": 1.0}) == ["D"]
    assert Counter(repeated(texts, {"dense": 0.999, "short": 0.001})) == {"D": MOST_REPEATED - 1, "S": 1}


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_repeated_captions_are_few_and_near_their_weights(shares: list[float]) -> None:
    texts = {str(number): str(number) for number in range(len(shares))}
    weights = dict(zip(texts, shares, strict=True))
    found = Counter(repeated(texts, weights))
    total = found.total()
    assert total <= MOST_REPEATED
    for name, share in normalised(weights, texts).items():
        assert found[name] >= 1
        assert abs(found[name] / total - share) <= 0.3


def test_one_caption_per_clip_is_chosen_by_its_weight_and_stays() -> None:
    texts = {"dense": "D", "short": "S", "medium": "M"}
    weights = {"dense": 0.7, "short": 0.3}
    found = Counter(chosen(f"clip{number}", weights, texts) for number in range(1000))
    assert found["medium"] == 0
    assert 640 < found["dense"] < 760
    assert chosen("clip1", weights, texts) == chosen("clip1", weights, texts)
