"""How many defects do the checks on captions find, how many true captions do they flag, and how fast are they?

    python benchmarks/checks.py [--quick] [--summaries FILE]

True captions come from measured facts, by construction: random scenes (objects that come, go and move, a camera that
pans, tilts and zooms, text on the screen) are told by the embedded model, which says nothing that was not measured.
Then one defect at a time is put into them, and the check that should find it is asked. Real prose comes from a file of
published summaries, if there is one: their sentences become steps and a shorter summary, and sentences of another
video are pasted in. Beside the checks: what a screen by length and end of sentence alone finds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from _defects import DEFECTS, real_defects, told_in_order
from _true_captions import row_of, true_captions

from sharegpt4video.dataset.checks import CHECKS, check_caption
from sharegpt4video.dataset.checks.across_videos import Repeats
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.records import Shot, Step
from sharegpt4video.verify.prose import Passage

SUMMARIES = Path(__file__).resolve().parents[2] / "shared" / "eval" / "sharegpt4video_60_summaries.json"


def real_captions(path: Path) -> list[CaptionRow]:
    """Published summaries as captions: two sentences a step, and a summary of half of the sentences."""
    if not path.exists():
        return []
    rows = []
    for number, item in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        sentences = [one.text for one in Passage(-1, item["summary"]).sentences]
        texts = [" ".join(sentences[place : place + 2]) for place in range(0, len(sentences), 2)]
        steps = [
            Step(
                "opening" if not place else "change",
                5.0 * max(place - 1, 0) * bool(place),
                5.0 * place,
                text,
                0,
                (5.0 * place,),
            )
            for place, text in enumerate(texts)
        ]
        end = max(5.0 * (len(texts) - 1), 5.0)
        if len(steps) == 1:
            steps = [replace(steps[0], end_seconds=end)]
        rows.append(row_of(steps, (Shot(0.0, end),), " ".join(sentences[::2]), number))
    return rows


@dataclass(frozen=True)
class Recall:
    """Of ``tried`` captions with a defect, in how many the right check and in how many the baseline found it."""

    tried: int
    found: int
    baseline: int

    @property
    def share(self) -> float:
        return self.found / max(self.tried, 1)


def flagged(row: CaptionRow) -> set[str]:
    return {finding.check for finding in check_caption(row)}


def by_length_and_end(row: CaptionRow) -> bool:
    """The screen that pipelines usually have: a text is there, is not absurdly short, and ends like a sentence."""
    texts = [row.summary, *(step.text for step in row.steps)]
    return any(len(text.split()) < 3 or not text.rstrip().endswith((".", "!", "?", '"')) for text in texts)


def measure_recall(rows: Sequence[CaptionRow], most: int) -> dict[str, Recall]:
    found = {}
    for name, (defect, wanted) in DEFECTS.items():
        chance = random.Random(name)
        pairs = [(row, broken) for row in rows if (broken := defect(row, chance)) is not None and broken != row][:most]
        hits = sum(bool(flagged(broken) & wanted) for _, broken in pairs)
        found[name] = Recall(len(pairs), hits, sum(by_length_and_end(broken) for _, broken in pairs))
    return found


def measure_real(rows: Sequence[CaptionRow]) -> dict[str, Recall]:
    return {
        name: Recall(
            len(pairs), sum(bool(flagged(r) & w) for r, w in pairs), sum(by_length_and_end(r) for r, _ in pairs)
        )
        for name, pairs in real_defects(rows).items()
    }


def false_positives(rows: Sequence[CaptionRow]) -> Counter[str]:
    return Counter(check for row in rows for check in flagged(row))


def show(title: str, table: dict[str, Recall]) -> None:
    print(f"\n{title:<42}{'captions':>9}{'found':>9}{'baseline':>10}{'ratio':>8}")
    for name, recall in table.items():
        ratio = f"{recall.found / recall.baseline:.1f}x" if recall.baseline else "-"
        share = recall.baseline / max(recall.tried, 1)
        print(f"{name:<42}{recall.tried:>9}{recall.share:>9.1%}{share:>10.1%}{ratio:>8}")


def show_false(title: str, rows: Sequence[CaptionRow]) -> None:
    wrong = false_positives(rows)
    share = sum(bool(flagged(row)) for row in rows) / max(len(rows), 1)
    named = ", ".join(f"{name} {count}" for name, count in wrong.most_common()) or "none"
    print(f"{title}: {len(rows)} captions, {share:.1%} flagged ({named})")


def show_speed(rows: Sequence[CaptionRow]) -> None:
    begun = time.process_time()
    for row in rows:
        check_caption(row)
    seconds = time.process_time() - begun
    words = sum(len(text.split()) for row in rows for text in (row.summary, *(step.text for step in row.steps)))
    rate = f"{len(rows) / seconds:.0f} captions ({words / seconds:.0f} words)"
    print(f"\n{rate} per second of one core, {len(CHECKS)} checks each")
    repeats = Repeats()
    begun = time.process_time()
    repeats.extend(row.summary for row in rows)
    added = time.process_time() - begun
    repeats.found()
    print(f"{len(rows) / added:.0f} fingerprints per second of one core, for texts on several videos")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 scenes instead of 2000")
    parser.add_argument("--summaries", type=Path, default=SUMMARIES, help="JSON list of objects with a summary")
    args = parser.parse_args()
    count, most = (200, 40) if args.quick else (2000, 400)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{count} random scenes told by the embedded model, at most {most} of each defect; baseline: length and end\n"
    )
    rows, real = true_captions(count), real_captions(args.summaries)
    show_false("true captions from facts", rows)
    show_false("published summaries as steps and summary", real) if real else print("no published summaries there")
    show_false("the same, every sentence as what comes then", [told_in_order(row) for row in real])
    show("defect", measure_recall(rows, most))
    if real:
        show("defect in published prose", measure_real(real))
    show_speed(rows)


if __name__ == "__main__":
    main()
