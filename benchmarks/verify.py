"""``--verify``: how many planted contradictions are seen while captioning, and how many true answers are doubted?

    python benchmarks/verify.py [--captions N]

True captions by construction (as in ``checks.py``) are taken apart into the requests they answer; each answer is held
against the facts as ``--verify`` does, as it is and with one defect put into it.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from _defects import DEFECTS
from _true_captions import true_captions

from sharegpt4video.dataset.checks.retelling import request_of
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.prompts import DEFAULT
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=400, metavar="N")
    args = parser.parse_args()
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
