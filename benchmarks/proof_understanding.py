"""Do dense captions make a better model of video understanding than short ones? The paper's claim, at small scale.

In the closed world (`sg4v world`) every fact is known. A small LLaVA-NeXT from random weights first learns to see
motion and order: the base, which all arms go on from, as the paper's model goes on from one that knows pictures. Then
each arm learns from captions of the same new videos, and all answer the same questions about further videos:

    dense      what there is, what it does in order, and a summary: the paper's
    short      one thing and one thing that it does, in the same vocabulary: the control
    shuffled   the facts of dense, sentences in any order and without words of order
    control    dense, and four times the questions, of the kinds of the examination: what must win if anything can

Terms, fixed before any arm was run:

Input     six frames of 42 pixels, each a tile of its own, nothing between them, with a rim that tells the time. Things
          move fast, the camera is still.
Base      trained under direct supervision: on single frames, then on videos of four colours, four shapes and things
          that move, change their colour or size. Gate: at least 70 % of `direction` and 70 % of `order` about new such
          videos; else no arm is run, and that is the result. Its captions are of all kinds alike. It is also asked
          without videos, and where things are at the beginning and at the end.
Arms      8,000 videos with two more colours, two more shapes, and things that turn around, appear and disappear, of
          which the base knows neither looks nor words. One caption for each; the same steps, and tokens in a step (a
          shorter caption is seen more often). All get the same 500 questions, of kinds that the examination leaves
          out, so that the form of questions is not forgotten. Seeds 0 to 4.
Score     of an option: log-likelihood of its words with the video less that without (at least that of 0.1 %), for each
          token.
Exam      eight kinds of temporal questions and two static ones, as many of each. A kind of which the base answers under
          10 % or over 90 % is not counted.
Claim     refuted if the 95 % interval of dense less short at temporal questions (bootstrap over seeds and videos) is
          not above 0. Nothing is said if that of control less dense is not above 0: then the experiment is blind.
          Differences under 4 points are not decided: 4 are found in 91 % of simulated experiments (``--only power``).

    python benchmarks/proof_understanding.py --only power     # the smallest difference that can be seen
    python benchmarks/proof_understanding.py --only base      # data, the base and the gate
    python benchmarks/proof_understanding.py [--arms dense short] [--seeds 0 1]
    python benchmarks/proof_understanding.py --only table

What is finished in ``--folder`` and ``--results`` is not done again, and what was begun is gone on with, so arms and
seeds may run side by side once the base is there. ``--quick`` shows that the way is passable, and nothing else.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import asdict
from pathlib import Path

from _understanding_data import CAPTIONS, EXAM, GATE, QUICK, TEMPORAL, Sizes, examination, write_data
from _understanding_figures import power, read_answers, table, verdict, write_answers
from _understanding_runs import arm_settings, base_settings, examine, frame_settings, learn, write_model

RESULTS = Path(__file__).parent / "results" / "proof_understanding"
GATE_PERCENT = 70.0


def run_base(folder: Path, results: Path, sizes: Sizes) -> dict[str, float]:
    """Train and examine the base; gives its accuracy in % at the questions of the gate."""
    out = folder / "run-base"
    write_model(folder / "start")
    learn(frame_settings(folder, sizes), folder / "run-frames")
    learned = learn(base_settings(folder, sizes), out)
    for name, kinds in (("gate", GATE), ("new", EXAM)):
        path = results / f"{'base' if name == 'new' else name}.json"
        if not path.exists():
            asked, begun = examination(name, kinds, sizes), time.process_time()
            right = examine(folder, out / "model", name, asked)
            used = round(time.process_time() - begun, 1)
            write_answers(path, path.stem, 0, asked, right, **asdict(learned), exam_cpu_seconds=used)
    gate = read_answers(results / "gate.json")
    return {kind: 100 * float(gate.of((kind,)).mean()) for kind in GATE}


def run_arm(folder: Path, results: Path, arm: str, seed: int, sizes: Sizes) -> None:
    path, out = results / f"{arm}-{seed}.json", folder / f"run-{arm}-{seed}"
    if path.exists():
        return
    learned = learn(arm_settings(folder, folder / "run-base" / "model", arm, seed, sizes), out)
    asked, begun = examination("new", EXAM, sizes), time.process_time()
    right = examine(folder, out / "model", "new", asked)
    used = round(time.process_time() - begun, 1)
    write_answers(path, arm, seed, asked, right, **asdict(learned), exam_cpu_seconds=used)
    print(f"{arm}-{seed}: temporal {100 * float(read_answers(path).of(TEMPORAL).mean()):.1f} %", flush=True)


def show_power(sizes: Sizes, seeds: int) -> None:
    videos = [video for video, one in examination("new", EXAM, sizes) if one.kind in TEMPORAL]
    print(f"{len(videos):,} questions about {len(set(videos)):,} videos, {seeds} seeds")
    for points, found in power(videos, seeds):
        print(f"a true difference of {points} points is found in {found:.0%}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a way through in seconds; its figures mean nothing")
    parser.add_argument("--folder", type=Path, default=Path("proof-understanding"))
    parser.add_argument("--results", type=Path, help="default: beside this script; in the folder with --quick")
    parser.add_argument("--arms", nargs="+", choices=tuple(CAPTIONS), default=list(CAPTIONS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", choices=("data", "base", "table", "power"), help="do this alone")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args(arguments)
    sizes, folder = QUICK if asked.quick else Sizes(), asked.folder
    results = asked.results or (folder / "results" if asked.quick else RESULTS)
    if asked.only == "power":
        show_power(sizes, len(asked.seeds))
        return
    if asked.only != "table":
        import torch

        torch.set_num_threads(asked.threads)
        print(f"Python {platform.python_version()}, torch {torch.__version__}, {asked.threads} threads; {sizes}")
        write_data(folder, sizes)
        if asked.only == "data":
            return
        gate = run_base(folder, results, sizes)
        print(", ".join(f"{kind} {percent:.1f} %" for kind, percent in gate.items()), flush=True)
        if min(gate.values()) < GATE_PERCENT and not asked.quick:
            raise SystemExit(f"the gate ({GATE_PERCENT:.0f} % of each) is not reached: no arm is run")
        if asked.only == "base":
            return
        for seed in asked.seeds:
            for arm in asked.arms:
                run_arm(folder, results, arm, seed, sizes)
    print("\n".join([table(results) or "no run is finished", *verdict(results)]))


if __name__ == "__main__":
    main()
