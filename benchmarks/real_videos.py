"""How true are captions of real videos, and how much of what matters do they tell?

    python benchmarks/real_videos.py [--truth DIR] [--captions DIR | --model NAME] [--sheets DIR] [--canned] [--quick]

Needs a folder of videos with truth written down by eye and a scorer beside it (``../shared/truth``; skipped with a
reason without it). The videos are captioned in a process of their own, or the captions in ``--captions`` are scored,
whichever model they come from. Printed are the claims by kind with precision, 95 % interval, recall and examples;
cuts; what must be told; change steps that tell nothing; speed. Options after ``--`` go to ``sg4v caption``.

``--save FILE`` keeps the figures, ``--before FILE`` prints them beside the new ones as a table for a page.
``--canned`` scores texts of known quality, written from the truth by rule with errors put in, and tells how many of
the errors the scorer finds and what of the truth it calls false.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from _real_canned import ERRORS, written
from _real_claims import (
    CONTENT,
    FALSE,
    KINDS,
    TRUE,
    Claim,
    Scores,
    Share,
    load_captions,
    load_scorer,
    load_truths,
    score,
)
from _real_sheets import write_sheet

SHARED = Path(__file__).resolve().parents[2] / "shared" / "truth"
QUALITIES = {  # share of the truth that is told, errors for each true sentence
    "all of the truth": (1.0, 0.0),
    "half of it": (0.5, 0.0),
    "a fifth of it": (0.2, 0.0),
    "all, one error in ten": (1.0, 0.1),
    "all, one error in four": (1.0, 0.25),
    "all, one error in two": (1.0, 0.5),
    "all, as many errors": (1.0, 1.0),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, default=SHARED, help="videos with NAME.json beside each")
    parser.add_argument("--captions", type=Path, help="score these NAME.json instead of captioning")
    parser.add_argument("--model", default="embedded", help="the model that captions")
    parser.add_argument("--out", type=Path, help="keep the captions here")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="write a page per video: frames beside the text")
    parser.add_argument("--examples", type=int, default=2, metavar="N", help="true and false claims shown of each kind")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the figures as JSON")
    parser.add_argument("--before", type=Path, metavar="FILE", help="figures kept earlier, to print beside these")
    parser.add_argument("--canned", action="store_true", help="score texts of known quality instead")
    parser.add_argument("--quick", action="store_true", help="the first three videos")
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = given[given.index("--") + 1 :] if "--" in given else []
    args = parser.parse_args(given[: given.index("--")] if "--" in given else given)
    truths = load_truths(args.truth) if args.truth.is_dir() else {}
    scorer = find_scorer(args.truth)
    if not truths or scorer is None:
        print(f"skipped: {args.truth} has no videos with truth, or no score.py is there; --truth names another folder")
        return
    if args.quick:
        truths = dict(list(truths.items())[:3])
    if args.canned:
        canned(scorer, truths)
        return
    with tempfile.TemporaryDirectory() as folder:
        captions = args.captions or args.out or Path(folder)
        if not args.captions:
            caption(args.truth, truths, captions, args.model, options)
        if report(scorer, truths, captions, args).missing:
            sys.exit(1)


def find_scorer(truth: Path) -> ModuleType | None:
    """The scorer of this folder, or else that of the shared one."""
    path = next((one for one in (truth / "score.py", SHARED / "score.py") if one.exists()), None)
    return load_scorer(path) if path else None


def caption(
    truth: Path, truths: dict[str, dict[str, Any]], out: Path, model: str, options: Sequence[str] = ()
) -> tuple[float, float]:
    """Caption every video in one other process; prints and returns seconds on the clock and of the processors."""
    videos = [str(truth / data["video"]) for data in truths.values()]
    command = [sys.executable, "-m", "sharegpt4video", "caption", *videos, "--out", str(out), "--format", "json"]
    command += ["--model", model, "--overwrite", "--quiet", *options]  # what is kept from earlier code would be skipped
    used, began = processor_seconds(), time.perf_counter()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    took, busy = time.perf_counter() - began, processor_seconds() - used
    plays = sum(data["seconds"] for data in truths.values())
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, model {model}")
    print(
        f"{len(videos)} videos of {plays:.0f} s: {took:.0f} s on the clock ({plays / took:.1f} times as fast as"
        f" playing), {busy:.0f} s of processor ({plays / busy:.1f} seconds of video for each), start included"
    )
    return took, busy


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(scorer: ModuleType, truths: dict[str, dict[str, Any]], folder: Path, args: argparse.Namespace) -> Scores:
    captions = load_captions(folder, truths)
    scores = score(scorer, truths, captions)
    show(scores, args.examples)
    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        args.save.write_text(json.dumps(scores.table(), indent=1) + "\n", encoding="utf-8")
    if args.before:
        print("\n" + "\n".join(compared(json.loads(args.before.read_text(encoding="utf-8")), scores.table())))
    if args.sheets:
        for name, data in captions.items():
            claims = [one for one in scores.claims if one.video == name]
            video = args.truth / truths[name]["video"]
            write_sheet(args.sheets / f"{name}.html", video, truths[name], data, claims)
        print(f"\n{len(captions)} pages in {args.sheets}")
    return scores


def show(scores: Scores, examples: int) -> None:
    missing = f", no captions for {', '.join(scores.missing)}" if scores.missing else ""
    print(f"\n{len(scores.videos)} videos{missing}")
    print(f"{'kind':<11}{'true':>6}{'false':>7}{'unverifiable':>14}{'precision':>11}{'95 %':>11}   recall")
    for label, kinds in [*((kind, (kind,)) for kind in KINDS), ("content", CONTENT), ("all", KINDS)]:
        true, false, unverifiable = scores.counts(kinds)
        low, high = interval(Share(true, true + false))
        share = f"{true / (true + false):.1%}" if true + false else "-"
        recall = (scores.recall | {"objects": scores.told.get("subjects named", Share())}).get(label, Share())
        between = f"{low:.0%}-{high:.0%}" if true + false else ""
        print(f"{label:<11}{true:>6}{false:>7}{unverifiable:>14}{share:>11}{between:>11}   {recall}")
    right, wrong, missed = scores.cuts
    print(f"\ncuts: precision {Share(right, right + wrong)}, recall {Share(right, right + missed)}")
    for name, share in scores.told.items():
        print(f"{name}: {share}")
    print(f"change steps that tell nothing: {scores.empty_steps}")
    for kind in KINDS:
        for verdict in (TRUE, FALSE):
            for one in spread([one for one in scores.claims if (one.kind, one.verdict) == (kind, verdict)], examples):
                print(
                    f"  {verdict:<6}{kind:<10} {one.video} {one.start:.1f}-{one.end:.1f} s, {one.why}: {one.sentence}"
                )
    for name, items in scores.untold.items():
        print(f"  not {name}: " + "; ".join(items[:examples]) + (" ..." if len(items) > examples else ""))


def where(claim: Claim) -> str:
    return f"{claim.video} {claim.start:.1f}-{claim.end:.1f} s"


def spread(claims: Sequence[Claim], count: int) -> list[Claim]:
    """Some of the claims, from as many videos as possible."""
    rank: Counter[str] = Counter()
    ranked = []
    for one in claims:
        ranked.append((rank[one.video], one))
        rank[one.video] += 1
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])[:count]]


def interval(share: Share) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not share.total:
        return 0.0, 1.0
    z, n, p = 1.96, share.total, share.count / share.total
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))


def compared(before: dict[str, list[int]], after: dict[str, list[int]]) -> list[str]:
    """A Markdown table of the figures before and after."""

    def cell(row: list[int], name: str) -> str:
        if len(row) == 3 and name != "cuts":
            true, false, unverifiable = row
            return f"{true / (true + false):.0%}, {true} / {false} / {unverifiable}" if true + false else "-"
        if len(row) == 2:
            return f"{row[0] / row[1]:.0%}, {row[0]} of {row[1]}" if row[1] else "-"
        right, wrong, missed = row
        return f"{right / max(right + wrong, 1):.0%} / {right / max(right + missed, 1):.0%}"

    titles = {"cuts": "cuts, precision / recall", "empty steps": "change steps that tell nothing"}
    lines = ["| claims | before: true, true / false / unverifiable | after |", "|---|---|---|"]
    for name, row in after.items():
        old = cell(before[name], name) if name in before else "-"
        lines.append(f"| {titles.get(name, name)} | {old} | {cell(row, name)} |")
    return lines


def canned(scorer: ModuleType, truths: dict[str, dict[str, Any]]) -> None:
    """Do the figures rank texts of known quality, are planted errors found, and is what is true called false?"""
    judge = scorer.Scorer(truths)
    print(f"{'text':<24}{'content':>9}{'all':>8}{'subjects':>10}{'must-tells':>12}{'empty steps':>13}")
    for label, (told, errors) in QUALITIES.items():
        texts = {name: written(scorer, judge.truths[name], told=told, errors=errors)[0] for name in truths}
        scores = score(scorer, truths, texts)
        cells = [scores.precision(CONTENT), scores.precision(KINDS), scores.told["subjects named"]]
        cells += [scores.told["must_tell told"], scores.empty_steps]
        shown = [f"{one.count / one.total:.1%}" if one.total else "-" for one in cells]
        print(f"{label:<24}{shown[0]:>9}{shown[1]:>8}{shown[2]:>10}{shown[3]:>12}{shown[4]:>13}")
    found, missed, alarms, fine = planted(scorer, truths)
    print(f"\n{'planted error':<16}{'called false':>26}")
    for kind in ERRORS:
        print(f"{kind:<16}{Share(found[kind], found[kind] + missed[kind])!s:>26}")
    wrongly = Share(len(alarms), len(alarms) + fine)
    print(f"\nclaims of true sentences called false: {wrongly}")
    for one in spread(alarms, 12):
        print(f"  {one.kind:<10} {where(one)}, [{one.claim}] {one.why}: {one.sentence}")


def planted(
    scorer: ModuleType, truths: dict[str, dict[str, Any]]
) -> tuple[Counter[str], Counter[str], list[Claim], int]:
    """Errors found and missed by kind, the claims of true sentences that are called false, and how many are not."""
    found: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    alarms: list[Claim] = []
    fine = 0
    judge = scorer.Scorer(truths)
    texts = {name: written(scorer, judge.truths[name], errors=0.5, seed=1) for name in truths}
    claims = score(scorer, truths, {name: data for name, (data, _) in texts.items()}).claims
    for name, (data, sentences) in texts.items():
        for step, said in zip(data["steps"], sentences, strict=True):
            here = [one for one in claims if one.video == name and one.start == step["start_seconds"]]
            here = [one for one in here if one.end == step["end_seconds"]]
            for sentence in said:
                mine = [one for one in here if one.sentence in sentence.text]
                wrong = [one for one in mine if one.verdict == FALSE]
                if sentence.kind:
                    (found if wrong else missed)[sentence.kind] += 1
                else:
                    alarms += wrong
                    fine += len(mine) - len(wrong)
    return found, missed, alarms, fine


if __name__ == "__main__":
    main()
