"""Does a captioner do better step by step? Three claims about its roles in the world of chains, where truth is exact.

One tiny captioner (``captioner-tiny``, from random weights) learns all roles as one mixture: steps given the step
before, whole videos from one grid of 16 frames, whole videos from all keyframes as pictures of one request, summaries
of videos and of random parts from their steps alone, and short prompts re-captioned. It learns from chains of 2, 4, 8,
16 and 32 events, and is examined on unseen ones of the same lengths. Two arms differ in one thing:

    noise   20 % of the changes are told a wrong step before, 20 % none (the answer stays right)
    clean   every change is told the true step before

Three seeds each. These statements were fixed before any arm was run; each can fail:

(a) sliding     F1 of events told in their order (``world.chain.told.Events``), summary of sliding less ``fast`` (a grid
                of 16 frames) and less ``multi`` (all keyframes in one request), arm noise. Refuted unless the 95 %
                intervals of both are above 0 at 16 and at 32 events, and both differences are larger at 32 than at 2.
                Smallest effect that counts: 5 points.
(b) snowball    share of facts told wrongly in step k of chains of 32 events. Refuted unless ``noise`` makes fewer
                faults than ``clean`` in the second half of the steps (interval of the difference below 0), and unless,
                after one step that is forced to be wrong, the faults of the five steps after it, less those of the same
                steps unforced, are fewer with noise. Smallest effect that counts: 1 point of the facts of a step.
(c) clips       F1 of events of a random part of a chain: its summary from the steps less captioning the part by itself
                (sliding), arm noise. Equal if the 95 % interval lies within -5 to +5 points; worse or better if it
                excludes 0 on one side; else not decided.

Looked at when runs were known, so no part of a claim: (joined) F1 of the events that the steps of sliding tell, one
after the other, without a summary; (chance) F1 of true texts of other videos.

Intervals: bootstrap over seeds and videos, drawn again with replacement, paired by video. What counts is what is told
in the text; no answer is helped or repaired.

    python benchmarks/proof_captioner.py --folder DIR --only data
    python benchmarks/proof_captioner.py --folder DIR --arms noise --seeds 0    # a run each, side by side as you like
    python benchmarks/proof_captioner.py --only table                           # of the committed results
    python benchmarks/proof_captioner.py --only markdown                        # the table that tools/plots.py draws

What is finished is not done again and what was begun is gone on with. Results are compact JSON in ``--results``
(benchmarks/results/proof_captioner), counts by video, from which the tables are made without any run.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from _chain_exam import (
    Forced,
    captioned,
    chain_set,
    chance,
    clip_rows,
    fast_rows,
    multi_rows,
    settings,
    sliding_rows,
    step_rows,
    write_json,
)
from _intervals import bootstrapped

from sharegpt4video.config import load_yaml
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.recorded import write_recorded
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.learning.configs import find_config
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.prompts import prompt_set
from sharegpt4video.t2v.record import RECORDS, read_records
from sharegpt4video.world.chain.captions import change, name_of, parts
from sharegpt4video.world.chain.scenes import PERIOD_SECONDS, ChainScene

ARMS = ("noise", "clean")
LENGTHS = (2, 4, 8, 16, 32)
PROMPTS = "brief"
FORCED_STEP = 8
"""The change, counted from 0, that is forced to be wrong in chains of 32 events."""
RESULTS = Path(__file__).parent / "results" / "proof_captioner"


@dataclass(frozen=True)
class Sizes:
    """How much is learned and asked."""

    videos: tuple[int, ...] = (400, 300, 200, 100, 50)
    """Of each length, to learn from."""
    new: tuple[int, ...] = (40, 40, 40, 40, 40)
    """Of each length, to be examined with."""
    steps: int = 2_500
    lengths: tuple[int, ...] = LENGTHS
    max_tokens: int | None = None
    """Of an answer; None: as the prompts say."""


QUICK = Sizes(videos=(4, 3), new=(2, 2), steps=2, lengths=(2, 8), max_tokens=8)


# --- what is learned ------------------------------------------------------------------------------------------------


def write_data(folder: Path, sizes: Sizes) -> None:
    """The chains of each length, and their four roles; frames apart and in a grid."""
    for length, count in zip(sizes.lengths, sizes.videos, strict=True):
        place = folder / f"learned-{length}"
        if (place / "ready").exists():
            continue
        scenes = {path.name: scene for path, scene in chain_set(place / "set", count, 1, length, length).items()}
        if not Store(place / "data").exists():
            known = read_records(place / "set" / RECORDS)
            write_recorded(known, place / "set", place / "data", model="world", parts=lambda one: _parts(scenes, one))  # noqa: B023
        store = Store.open(place / "data")
        how = {"prompts": PROMPTS, "max_images": 48}
        export(store, "captioner", str(place / "roles"), clips=True, overwrite=True, options=how)
        apart = {**how, "roles": ["fast"], "apart": True, "frames": 0}
        export(store, "captioner", str(place / "apart"), overwrite=True, options=apart)
        (place / "ready").touch()
    for length, count in zip(sizes.lengths, sizes.new, strict=True):
        chain_set(folder / f"new-{length}", count, 2, length, length)


def _parts(scenes: dict[str, ChainScene], record: Any) -> list[tuple[int, int, str]]:
    scene = scenes[Path(record.video).name]
    return parts(scene, name_of(scene, 1), 2, 1)


def settings_of(folder: Path, arm: str, seed: int, sizes: Sizes) -> TrainSettings:
    """The tiny captioner's configuration on these exports; the arms differ in the noise alone."""
    plain = load_yaml(find_config("captioner-tiny"), TrainSettings)
    assert plain.mixture is not None
    exports = tuple(str(folder / f"learned-{length}" / kind) for length in sizes.lengths for kind in ("roles", "apart"))
    noise = {} if arm == "noise" else {"wrong_context": 0.0, "missing_context": 0.0}
    return replace(
        plain,
        name=f"{arm}-{seed}",
        mixture=replace(plain.mixture, exports=exports, **noise),
        data=replace(plain.data, max_tokens=2048),
        optimiser=replace(plain.optimiser, max_steps=sizes.steps, seed=seed),
        run=replace(plain.run, save_every_steps=100, keep_checkpoints=1, log_every_steps=10),
    )


def learn(folder: Path, arm: str, seed: int, sizes: Sizes) -> tuple[Path, float]:
    """Train an arm, or go on with it; gives the folder of the model, and CPU seconds of this call."""
    from sharegpt4video.lvlm.train import StepReport, merge, train

    out = folder / f"run-{arm}-{seed}"
    begun = time.process_time()

    def tell(report: StepReport) -> None:
        if report.step % 50 == 0 or report.step == report.total_steps:
            used = time.process_time() - begun
            print(f"{out.name} step {report.step}: loss {report.loss:.3f}, {used:.0f} CPU s", flush=True)

    if not (out / "model").exists():
        if train(settings_of(folder, arm, seed, sizes), out, on_step=tell).interrupted:
            raise SystemExit(130)
        merge(out, out / "model")
    return out / "model", time.process_time() - begun


# --- the examination ------------------------------------------------------------------------------------------------


def examine(folder: Path, results: Path, arm: str, seed: int, sizes: Sizes) -> None:
    """All roles on unseen chains of each length; each length is written as soon as it is done."""
    from sharegpt4video.vlm import open_model

    path = results / f"{arm}-{seed}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if all(str(length) in found.get("lengths", {}) for length in sizes.lengths):
        return
    model_folder, used = learn(folder, arm, seed, sizes)
    found.setdefault("training", {"sizes": asdict(sizes), "cpu_seconds": round(used)})
    how = {"max_concurrent": 32, "max_images": 48, "max_tokens": sizes.max_tokens}
    model = open_model(f"hf:{model_folder}", prompts=prompt_set(PROMPTS), **how)
    for length, count in zip(sizes.lengths, sizes.new, strict=True):
        if str(length) in found.setdefault("lengths", {}):
            continue
        begun = time.process_time()
        videos = chain_set(folder / f"new-{length}", count, 2, length, length)
        scenes = list(videos.values())
        told = captioned(model, list(videos), settings(PROMPTS))
        rows: dict[str, Any] = {"sliding": sliding_rows(told, scenes), "fast": fast_rows(model, videos, PROMPTS),
                                "multi": multi_rows(model, videos, PROMPTS)}  # fmt: skip
        rows["clips"] = clip_rows(model, videos, told, PROMPTS, 0) if length >= 8 else []
        if length == max(sizes.lengths):
            rows["forced"] = forced_rows(model, list(videos), scenes)
        found["lengths"][str(length)] = rows
        write_json(path, found)
        f1 = {role: f"{np.mean([_f1(row) for row in rows[role]]):.3f}" for role in ("sliding", "fast", "multi")}
        print(f"{arm}-{seed}, {length} events: F1 {f1}, {time.process_time() - begun:.0f} CPU s", flush=True)


def forced_rows(model: Any, videos: Sequence[Path], scenes: Sequence[ChainScene]) -> list[dict[str, Any]]:
    """Sliding with one step of each video replaced by that of another video, as if the model had said so."""
    step = min(FORCED_STEP, min(len(scene.deeds) for scene in scenes) - 2)
    others = [*scenes[1:], scenes[0]]
    texts = {video.name: change(other.states[step], name_of(other), other.deeds[step])
             for video, other in zip(videos, others, strict=True)}  # fmt: skip
    told = captioned(Forced(model, step * PERIOD_SECONDS, texts), videos, settings(PROMPTS))
    return [{"at": step + 1, **step_rows(one, scene)} for one, scene in zip(told, scenes, strict=True)]


def _f1(row: dict[str, Any]) -> float:
    total = row["true"] + row["told"]
    return 2 * row["in_order"] / total if total else 1.0


# --- the table ------------------------------------------------------------------------------------------------------


Runs = dict[tuple[str, int], dict[str, Any]]


def read_runs(results: Path) -> Runs:
    return {(path.stem.split("-")[0], int(path.stem.split("-")[1])): json.loads(path.read_text())["lengths"]
            for path in sorted(results.glob("*-*.json"))}  # fmt: skip


def of_role(runs: Runs, arm: str, length: int, role: str, number: Any = _f1) -> Any:
    """(seed, video) of one number, of the seeds that are finished at this length."""
    found = [[number(row) for row in run[str(length)][role]] for (name, _), run in sorted(runs.items())
             if name == arm and str(length) in run]  # fmt: skip
    return np.array(found) if found else np.zeros((0, 0))


def table(results: Path) -> None:
    """What is finished, and the three claims."""
    runs = read_runs(results)
    print(f"{'arm':<7}{'events':>7}{'seeds':>6}  {'role':<9}{'F1':>7}{'':>17}{'complete':>10}{'order':>7}{'false':>7}"
          f"{'tokens in':>11}{'out':>6}")  # fmt: skip
    for arm in ARMS:
        for length in LENGTHS:
            for role in ("sliding", "fast", "multi"):
                values = of_role(runs, arm, length, role)
                if values.size:
                    print(_line(runs, arm, length, role, values))
    for line in (*_sliding_better(runs), *_joined(runs), *_snowball(runs), *_clips(runs)):
        print(line)


def _line(runs: Runs, arm: str, length: int, role: str, values: Any) -> str:
    mean, (low, high) = float(values.mean()), bootstrapped(values)
    rows = [row for (name, _), run in runs.items() if name == arm and str(length) in run
            for row in run[str(length)][role]]  # fmt: skip
    both, order = sum(r["both"] for r in rows), sum(r["in_order"] for r in rows)
    true, told = sum(r["true"] for r in rows), sum(r["told"] for r in rows)
    spent = [float(np.mean([row[name] for row in rows])) for name in ("input_tokens", "output_tokens")]
    return (f"{arm:<7}{length:>7}{len(values):>6}  {role:<9}{mean:>7.3f}  ({low:.3f} to {high:.3f})"
            f"{both / max(true, 1):>10.3f}{order / max(both, 1):>7.3f}{1 - order / max(told, 1):>7.3f}"
            f"{spent[0]:>11.0f}{spent[1]:>6.0f}")  # fmt: skip


def _sliding_better(runs: Runs) -> list[str]:
    lines = []
    for length in LENGTHS:
        sliding, fast, multi = (of_role(runs, "noise", length, role) for role in ("sliding", "fast", "multi"))
        if sliding.size:
            for name, other in (("fast", fast), ("multi", multi)):
                lines.append(f"(a) {length:>2} events: sliding less {name} {_points(sliding - other)}")
    return lines


def _joined(runs: Runs) -> list[str]:
    lines = []
    for length in LENGTHS:
        values = of_role(runs, "noise", length, "sliding", lambda row: _f1(row["joined"]))
        if values.size:
            lines.append(f"(joined) {length:>2} events: the steps of sliding {_points(values)}")
    return lines


def _snowball(runs: Runs) -> list[str]:
    longest = LENGTHS[-1]
    late, after = {}, {}
    for arm in ARMS:
        faults = _faults(runs, arm, longest, "sliding")
        if not faults.size:
            continue
        late[arm] = faults[:, :, longest // 2 + 1 :].mean(axis=2) / 5
        forced = _faults(runs, arm, longest, "forced")
        at = FORCED_STEP + 2
        after[arm] = (forced[:, :, at : at + 5] - faults[:, :, at : at + 5]).mean(axis=2) / 5
    lines = [f"(b) {arm}: faults in the second half {_points(late[arm])}, more after a forced one {_points(after[arm])}"
             for arm in late]  # fmt: skip
    if len(late) == 2:
        seeds = min(len(late["noise"]), len(late["clean"]))
        for name, values in (("second half", late), ("after a forced step", after)):
            lines.append(f"(b) noise less clean, {name}: {_points(values['noise'][:seeds] - values['clean'][:seeds])}")
    return lines


def _faults(runs: Runs, arm: str, length: int, role: str) -> Any:
    """(seed, video, step) of the facts told wrongly."""
    found = [[row["faults"] for row in run[str(length)][role]] for (name, _), run in sorted(runs.items())
             if name == arm and role in run.get(str(length), {})]  # fmt: skip
    return np.array(found, float) if found else np.zeros((0, 0, 0))


def _clips(runs: Runs) -> list[str]:
    lines = []
    for length in LENGTHS:
        pairs = of_role(runs, "noise", length, "clips", lambda row: _f1(row["steps"]) - _f1(row["clip"]))
        if pairs.size:
            lines.append(f"(c) parts of {length:>2} events: from the steps less by itself {_points(pairs)}")
    return lines


def _points(values: Any) -> str:
    mean, low, high = (100 * each for each in (float(values.mean()), *bootstrapped(values)))
    return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f}; {len(values)} seeds, {values.shape[1]} videos)"


# --- for the page ---------------------------------------------------------------------------------------------------


def markdown(results: Path) -> None:
    """The table of docs/proofs.md that ``tools/plots.py`` draws: quality and cost by the number of events."""
    runs = read_runs(results)
    seeds = {length: len(of_role(runs, "noise", length, "sliding")) for length in LENGTHS}
    shown = [length for length in LENGTHS if seeds[length]]
    print(f"| | {' | '.join(f'{length} events' for length in shown)} |\n|---|{'---|' * len(shown)}")
    for role in ("sliding", "multi", "fast"):
        print(_cells(role, [of_role(runs, "noise", length, role) for length in shown]))
    joined = [of_role(runs, "noise", length, "sliding", lambda row: _f1(row["joined"])) for length in shown]
    print(_cells("steps alone", joined))
    others = [chance(count, 2, length) for length, count in zip(LENGTHS, Sizes.new, strict=True) if length in shown]
    print(f"| another video, F1 in % | {' | '.join(f'{100 * one:.1f}' for one in others)} |")
    for role in ("sliding", "multi", "fast"):
        spent = [of_role(runs, "noise", length, role, _tokens).mean() for length in shown]
        print(f"| {role}, tokens a video | {' | '.join(f'{one:,.0f}' for one in spent)} |")


def _cells(role: str, found: Sequence[Any]) -> str:
    means = [[100 * one for one in (float(values.mean()), *bootstrapped(values))] for values in found]
    return f"| {role}, F1 in % | {' | '.join(f'{mean:.1f} ({low:.1f} to {high:.1f})' for mean, low, high in means)} |"


def _tokens(row: dict[str, Any]) -> int:
    return int(row["input_tokens"] + row["output_tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a way through in a minute; its figures mean nothing")
    parser.add_argument("--folder", type=Path, default=Path("proof-captioner"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2; 0 with --quick")
    parser.add_argument("--only", choices=("data", "table", "markdown"), help="do this alone")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    if asked.only in ("table", "markdown"):
        table(asked.results) if asked.only == "table" else markdown(asked.results)
        return
    import torch

    torch.set_num_threads(asked.threads)
    sizes = QUICK if asked.quick else Sizes()
    results = asked.folder / "results" if asked.quick else asked.results
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {asked.threads} threads; {asdict(sizes)}")
    write_data(asked.folder, sizes)
    if asked.only == "data":
        return
    for seed in asked.seeds or ([0] if asked.quick else [0, 1, 2]):
        for arm in asked.arms:
            examine(asked.folder, results, arm, seed, sizes)
    table(results)


if __name__ == "__main__":
    main()
