"""``--verify``: how many planted contradictions are seen while captioning, and how many true answers are doubted?

    python benchmarks/verify.py [--captions N]
    python benchmarks/verify.py --truth DIR --told DIR

True captions by construction (as in ``checks.py``) are taken apart into the requests they answer; each answer is held
against the facts as ``--verify`` does, as it is and with one defect put into it. With ``--truth`` (a folder of truth
files written by eye and their scorer, as for ``real_videos.py``) and ``--told`` (captions of these videos as JSON, for
their facts), true and wrong sentences written from the truth are held against what was measured in real video.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from _defects import DEFECTS
from _real_canned import ERRORS, MOMENTARY, Part, true_sentences
from _real_claims import load_scorer
from _true_captions import true_captions

from sharegpt4video.dataset.checks.retelling import request_of
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.prompts import DEFAULT
from sharegpt4video.records import VideoCaption
from sharegpt4video.verify.answers import contradictions
from sharegpt4video.vlm.base import Request

PLANTED = (
    "unsupported sentence",
    "colour changed in the summary",
    "pan added",
    "pan or tilt reversed",
    "moving camera called static",
    "direction swapped",
    "count changed",
    "dog called cat",
    "colour called black and white",
)
"""The defects that contradict what is known; others are faults of form, which the engine and the checks see to."""


def answers(row: CaptionRow) -> Iterator[tuple[Request, str]]:
    """Every request of a caption with its answer: the steps, then the summary."""
    for number, step in enumerate(row.steps):
        yield request_of(row, row.steps, number, (), DEFAULT), step.text
    summary = Request("summary", video=row.video, steps=row.steps, end_seconds=row.end_seconds)
    yield replace(summary, start_seconds=row.start_seconds), row.summary


def on_real_video(truth: Path, told: Path, scorer_file: Path) -> None:
    """True and wrong sentences about each step, against the facts that were measured there."""
    scorer, said, doubted = load_scorer(scorer_file), 0, list[str]()
    seen, tried = Counter[str](), Counter[str]()
    for path in sorted(told.glob("*.json")):
        if not (truth / path.name).exists():
            continue
        known = scorer.Truth(json.loads((truth / path.name).read_text(encoding="utf-8")))
        caption = VideoCaption.from_json(path.read_bytes())
        for step in caption.steps:
            part = Part(
                scorer, known, step.start_seconds - caption.start_seconds, step.end_seconds - caption.start_seconds
            )
            task = "change" if step.kind == "change" else "opening"
            request = Request(task, seconds=step.frame_seconds, facts=step.facts, end_seconds=step.end_seconds)
            request = replace(request, start_seconds=step.start_seconds)
            for sentence in true_sentences(part):
                said += 1
                doubted += [f"{path.stem}: {sentence.text} {why}" for why in contradictions(request, sentence.text)]
            for kind in ERRORS if task == "change" else MOMENTARY:
                if text := ERRORS[kind](part):
                    tried[kind] += 1
                    seen[kind] += bool(contradictions(request, text))
    print(f"{said} true sentences: {len(doubted)} doubted ({len(doubted) / max(said, 1):.1%})", *doubted, sep="\n  ")
    for kind, count in tried.items():
        print(f"{kind:<12}{count:>7}{seen[kind]:>7}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=400, metavar="N")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="truth files of real videos")
    parser.add_argument("--told", type=Path, metavar="DIR", help="captions of these videos")
    parser.add_argument("--scorer", type=Path, metavar="FILE", help="the scorer (score.py beside the truth files)")
    args = parser.parse_args()
    if args.truth and args.told:
        on_real_video(args.truth, args.told, args.scorer or args.truth / "score.py")
        return
    rows = true_captions(args.captions, seed=7)
    told = [pair for row in rows for pair in answers(row)]
    doubted = [text for request, text in told if contradictions(request, text)]
    print(f"{len(told)} true answers: {len(doubted)} doubted ({len(doubted) / len(told):.1%})")
    seen, tried = Counter[str](), Counter[str]()
    for name in PLANTED:
        defect, _ = DEFECTS[name]
        for number, row in enumerate(rows):
            changed = defect(row, random.Random(f"{name} {number}"))
            if changed is None:
                continue
            for (request, text), (_, before) in zip(answers(changed), answers(row), strict=True):
                if text != before:
                    tried[name] += 1
                    seen[name] += bool(contradictions(request, text))
    print(f"{'planted':<34}{'tried':>7}{'seen':>7}{'share':>8}")
    for name in PLANTED:
        print(f"{name:<34}{tried[name]:>7}{seen[name]:>7}{seen[name] / max(tried[name], 1):>8.1%}")
    print(f"{'all':<34}{sum(tried.values()):>7}{sum(seen.values()):>7}{sum(seen.values()) / sum(tried.values()):>8.1%}")


if __name__ == "__main__":
    main()
