"""How well the local judge agrees with a stored one: fits it, and tries it on videos it has not seen.

    python benchmarks/local_judge.py TempCompass [--words-alone] [--folds 5] [--fit]

Reads the questions and stored judgements of a copy of llyx97/TempCompass (``auto_eval_results/MODEL``; a folder
``judged/MODEL`` in its place will do). The captioning part is cross-validated: videos are dealt to folds, and each fold
is judged with weights fitted on the others. ``--fit`` prints weights fitted on all of them, which are the numbers in
``evaluate/local_judge.py``. The other formats have no weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharegpt4video.evaluate import local_judge as local
from sharegpt4video.evaluate.base import Question
from sharegpt4video.evaluate.tempcompass import load

Floats = NDArray[np.float64]
PENALTY = 0.01
STEPS = 400


@dataclass
class Case:
    """A caption with its stored judgement: features, the option that was chosen (last: none), and the right one."""

    video: str
    aspect: str
    options: Floats
    none: Floats
    chosen: int
    right: int
    rating: int


def encoded_once(folder: Path, model: str, encode: local.Encode) -> local.Encode:
    """The same vectors, all made in one go."""
    stored, questions = read(folder, model)
    texts: dict[str, int] = {}
    for video, aspects in stored.items():
        for aspect, items in aspects.items():
            asked = local.read_asked(questions[video][aspect][0]["question"])
            for item in items:
                for text in local.texts_of(asked, item["video-llm-prediction"]):
                    texts.setdefault(text, len(texts))
    vectors = encode(list(texts))
    return lambda wanted: vectors[[texts[text] for text in wanted]]


def judgements(folder: Path, model: str, form: str) -> Any:
    place = next((place for name in ("auto_eval_results", "judged") if (place := folder / name).is_dir()), folder)
    return json.loads((place / model / f"{form}.json").read_text(encoding="utf-8"))


def read(folder: Path, model: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return judgements(folder, model, "captioning"), json.loads(
        (folder / "questions" / "multi-choice.json").read_text(encoding="utf-8")
    )


def cases(folder: Path, model: str, encode: local.Encode | None) -> Iterator[Case]:
    stored, questions = read(folder, model)
    for video, aspects in stored.items():
        for aspect, items in aspects.items():
            asked = local.read_asked(questions[video][aspect][0]["question"])
            for item in items:
                rows, none = local.features(asked, item["video-llm-prediction"], encode)
                said, right = str(item["chatgpt-answer"]), "ABCD".index(item["gt-answer"][0])
                letters = [letter for letter in "ABCD" if f"{letter}." in said]
                one = len(letters) == 1 and said.startswith(letters[0])
                chosen = "ABCD".index(letters[0]) if one else len(rows)
                yield Case(video, aspect, np.array(rows), np.array(none), min(chosen, len(rows)), right, item["rating"])


def fit(given: Sequence[Case]) -> tuple[Floats, Floats]:
    """Multinomial logit over options and "none", with a small ridge, by gradient steps with momentum."""
    width, other = given[0].options.shape[1], len(given[0].none)
    most = max(len(case.options) for case in given) + 1
    inputs = np.zeros((len(given), most, width + other))
    open_ = np.zeros((len(given), most), bool)
    target = np.zeros(len(given), int)
    for number, case in enumerate(given):
        count = len(case.options)
        inputs[number, :count, :width] = case.options
        inputs[number, count, width:] = case.none
        open_[number, : count + 1] = True
        target[number] = case.chosen
    weights, moved = np.zeros(width + other), np.zeros(width + other)
    rows = np.arange(len(given))
    for _ in range(STEPS):
        shares = _shares(inputs @ weights, open_)
        shares[rows, target] -= 1
        slope = np.einsum("nk,nkf->f", shares, inputs) / len(given) + PENALTY / len(given) * weights
        moved = 0.95 * moved - 1.0 * slope
        weights = weights + moved
    return weights[:width], weights[width:]


def _shares(scores: Floats, open_: NDArray[np.bool_]) -> Floats:
    scores = np.where(open_, scores, -np.inf)
    parts = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


def judged(case: Case, weights: tuple[Floats, Floats]) -> int:
    return int(np.argmax([*(case.options @ weights[0]), case.none @ weights[1]]))


def crossed(given: Sequence[Case], folds: int) -> list[int]:
    """The choice for each case by weights that have not seen its video."""
    videos = sorted({case.video for case in given})
    random.Random(0).shuffle(videos)
    fold = {video: number % folds for number, video in enumerate(videos)}
    found = [0] * len(given)
    for number in range(folds):
        weights = fit([case for case in given if fold[case.video] != number])
        for at, case in enumerate(given):
            if fold[case.video] == number:
                found[at] = judged(case, weights)
    return found


def kappa(pairs: Sequence[tuple[int, int]]) -> float:
    """Cohen's kappa of two judges."""
    total = len(pairs)
    same = sum(a == b for a, b in pairs) / total
    one, other = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(one[value] * other[value] for value in one) / total**2
    return (same - chance) / (1 - chance) if chance < 1 else 1.0


def line(name: str, pairs: Sequence[tuple[int, int]]) -> str:
    """Stored judgement first: how often both agree, kappa, the confusion and both accuracies."""
    cells = Counter(pairs)
    both = [sum(pair[side] for pair in pairs) / len(pairs) * 100 for side in (0, 1)]
    same = sum(a == b for a, b in pairs) / len(pairs) * 100
    table = f"{cells[1, 1]:5d} {cells[1, 0]:5d} {cells[0, 1]:5d} {cells[0, 0]:5d}"
    return f"{name:30s} {len(pairs):5d} {same:7.2f} {kappa(pairs):6.3f}  {table}  {both[0]:6.2f} {both[1]:6.2f}"


def rule_formats(folder: Path, model: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """The formats whose answers name a choice: our reading against the stored rating, with nothing fitted."""
    judge = local.LocalJudge()
    for form in ("multi-choice", "yes_no", "caption_matching"):
        stored = judgements(folder, model, form)
        pairs = []
        for question in load(folder, "official", {"forms": form}):
            _, video, aspect, number = question.id.split("/")
            item = stored[video][aspect][int(number)]
            assert _same(question, item)
            pairs.append((int(item["rating"]), int(judge.verdict(question, item["video-llm-prediction"]).score)))
        yield form, pairs


def _same(question: Question, item: dict[str, Any]) -> bool:
    return bool(question.reference["question"] == item["question"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="video-llava")
    parser.add_argument("--words-alone", action="store_true", help="no sentence vectors (extra novelty not needed)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--fit", action="store_true", help="print weights fitted on all judgements")
    given = parser.parse_args()
    encode: local.Encode | None = None
    if not given.words_alone:
        from sharegpt4video.dataset.similar.novelty import open_encoder

        encode = encoded_once(given.folder, given.model, open_encoder("minilm").encode)
    print(f"Python {platform.python_version()}, {'words alone' if encode is None else 'words and minilm vectors'}")
    print(
        f"{'':30s} {'items':>5s} {'agree %':>7s} {'kappa':>6s}  {'1,1':>5s} {'1,0':>5s} {'0,1':>5s} {'0,0':>5s}", end=""
    )
    print("  stored  local  (judgement pairs: stored, local)")
    every: list[tuple[int, int]] = []
    for form, pairs in rule_formats(given.folder, given.model):
        every += pairs
        print(line(form, pairs))
    found = list(cases(given.folder, given.model, encode))
    choices = crossed(found, given.folds)
    pairs = [(case.rating, int(made == case.right)) for case, made in zip(found, choices, strict=True)]
    print(line("captioning, unseen videos", pairs))
    for aspect in sorted({case.aspect for case in found}):
        print(line(f"  {aspect}", [pair for case, pair in zip(found, pairs, strict=True) if case.aspect == aspect]))
    print(line("all formats", every + pairs))
    same = sum(case.chosen == made for case, made in zip(found, choices, strict=True)) / len(found) * 100
    print(f"captioning: the same option, or both none, for {same:.2f} % of {len(found)}")
    if given.fit:
        weights, none = fit(found)
        print("weights", tuple(round(float(w), 3) for w in weights), "none", tuple(round(float(w), 3) for w in none))


if __name__ == "__main__":
    main()
