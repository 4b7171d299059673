"""The audit on a made-up suite: every fault was planted, so the counts are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.audit import audit, language_problem
from sharegpt4video.t2v.encoders import ENCODERS
from sharegpt4video.t2v.suites import Prompt, read_prompts

NOUNS = ("dog", "panda", "tractor", "lantern", "violin", "castle", "kettle", "wolf", "robot", "boat")
COLOURS = ("red", "blue", "green", "purple", "black")
LEAK = "Grainy charcoal storyboard sketch"
VBENCH = Path(__file__).resolve().parents[3] / "shared" / "eval" / "vbench"
PROMPTS = [
    Prompt(f"a {colour} {noun}, zoom in", (("color", (colour,)), ("object", (noun,))), ("color", "temporal_style"))
    for noun in NOUNS
    for colour in COLOURS
]


def rewritten(
    number: int, *, camera: bool = True, colour: bool = True, leak: bool = False, chinese: bool = False
) -> str:
    noun, tint = NOUNS[number // len(COLOURS)], COLOURS[number % len(COLOURS)]
    if chinese:
        return "一只动物在海滩上慢慢地走着，镜头缓缓推近。"
    tint = tint if colour else COLOURS[(number + 1) % len(COLOURS)]
    told = f"A {tint} {noun} number{number} waits{' while the camera zooms in' if camera else ''}."
    return f"{LEAK}, {told}" if leak else told


def test_planted_faults_are_counted() -> None:
    texts = [
        rewritten(n, camera=n >= 7, colour=not 10 <= n < 14, leak=20 <= n < 32, chinese=n >= 48) for n in range(50)
    ]
    found = audit(PROMPTS, texts)
    assert found.kinds["camera"] == {"kept": 41, "near": 0, "lost": 9, "contradicted": 0}
    assert found.kinds["colour"] == {"kept": 44, "near": 0, "lost": 2, "contradicted": 4}
    assert found.requirements["colour"] == found.kinds["colour"]
    assert found.requirements["camera or tempo"] == found.kinds["camera"]
    assert found.requirements["all objects"]["lost"] == 2
    leaked = found.phrases[0]
    assert (leaked.text, len(leaked.texts), leaked.opens) == (LEAK.lower(), 12, 12)
    assert (found.count("language"), found.count("phrase"), found.count("lost")) == (2, 12, 9)
    assert {each.number for each in found.prompts if each.found} == {
        *range(1, 8), *range(11, 15), *range(21, 33), 49, 50,
    }  # fmt: skip
    assert found.repeated == ((49, 50),)
    told = json.loads(json.dumps(found.plain()))
    assert [each["number"] for each in told["each"]][:7] == list(range(1, 8))
    assert "9             0" in found.text()
    assert LEAK.lower() in found.text()


def test_a_true_rewriter_has_no_findings() -> None:
    found = audit(PROMPTS, [rewritten(number) for number in range(50)])
    assert found.is_clean
    assert found.plain()["each"] == []


def test_lengths_and_windows() -> None:
    prompts = [Prompt("a dog")] * 4
    texts = ["dog " * 10, "dog " * 74, "dog " * 100, "dog " * 200]
    found = audit(prompts, texts, [ENCODERS["T5-128"]])
    assert (found.text_lengths.mean, found.text_lengths.most, found.prompt_lengths.median) == (96.0, 200, 2.0)
    (over,) = found.over
    assert (over.texts, over.limit) == (2, 128)


def test_nothing_rewritten_and_nothing_written_are_findings() -> None:
    found = audit([Prompt("a dog runs"), Prompt("a cat")], ["A dog runs.", ""])
    assert [each.found[0].kind for each in found.prompts] == ["unchanged", "empty"]


def test_as_many_texts_as_prompts_are_needed() -> None:
    with pytest.raises(SettingsError, match="2 prompts, but 1 rewritten"):
        audit([Prompt("a"), Prompt("b")], ["a"])
    with pytest.raises(SettingsError, match="no prompts"):
        audit([], [])


@pytest.mark.parametrize(
    ("prompt", "text", "found"),
    [
        ("a dog", "A dog in a café by Müller.", ""),
        ("a dog", "Ein Hund läuft mit einem Ball auf der Straße und ist froh.", "not in English"),
        ("a dog", "A dog runs past the烟囱 of a house.", "another script: '烟囱'"),
        ("一只狗", "A dog runs.", "in English, the prompt is not"),
        ("a sign that says 開門", "A sign that says 開門 glows.", ""),
    ],
)
def test_languages_that_change(prompt: str, text: str, found: str) -> None:
    problem = language_problem(prompt, text)
    assert found in problem
    assert bool(found) == bool(problem)


@pytest.mark.skipif(not VBENCH.is_dir(), reason="the prompt suites of VBench are not beside the checkout")
def test_what_was_counted_by_hand_in_published_rewrites() -> None:
    prompts = read_prompts(VBENCH / "VBench_full_info.json")
    texts = [one.text for one in read_prompts(VBENCH / "all_dimension_aug_wanx_seed42.txt")]
    found = audit(prompts, texts)
    nine = [  # those of ten subjects whose phrase is a move, a tempo or a focus: 14 of 90 were read by eye
        one
        for each in found.prompts
        for one in each.required
        if one.name == "camera or tempo" and "steady" not in one.words[0]
    ]
    assert (len(nine), sum(one.standing == "lost" for one in nine)) == (90, 16)
    assert (found.phrases[0].text, len(found.phrases[0].texts)) == ("cg game concept digital art", 218)
    assert found.count("language") == 12
    assert found.requirements["colour"]["kept"] == 85
