"""Does training on preferences lower the rate of false facts of a captioner at equal recall? In the world of chains.

The base is the tiny captioner (``captioner-tiny``), which has learned its roles. All arms go on from it with the same
questions (steps, whole videos from one grid, summaries, of chains it has not seen), the same number of optimiser steps,
questions per step and learning rate; only the language model learns:

    base    the captioner as it is
    sft     supervised, on the true answers: what more training alone does
    dpo     pairs of the captioner's own answers: the best one without a false fact over the worst one with some (where
            both are among 8 drawn); the judge is the exact reader (``world.chain.reward``)
    grpo    its own answers, drawn anew at each step, rewarded by the same judge

Three seeds of each arm; examined on unseen chains of 2, 4 and 6 events, half of them with pairs of colour and shape or
of events that the captioner never saw, by ``sg4v caption`` as users type it (sliding, with its own texts as context).
Counted are all steps and the summary of each video.

These statements were fixed before any arm was run; each can fail:

(a) false facts   share of the told facts that are false, arm less base. Holds for an arm only if the 95 % interval is
                  below 0 and the mean is at least a tenth of the base's rate (the smallest effect that counts).
(b) recall        share of the true facts that are told, arm less base. Equal if the lower end of the 95 % interval is
                  above -1 point. "Lowers the rate of false facts at equal recall" needs (a) and (b).
(c) of its own    the same difference (a), arm less ``sft``. If its interval does not lie below 0, preferences have not
                  been shown to do more than more supervised training does.

Intervals: bootstrap over seeds and videos, drawn again with replacement, paired by video.

    python benchmarks/proof_preferences.py --base models/captioner-tiny --folder DIR
    python benchmarks/proof_preferences.py --only table            # of the committed results

What is finished is not done again and what was begun is gone on with. Results are compact JSON in ``--results``
(benchmarks/results/proof_preferences): facts told right, told wrongly and wanted, by video.
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
from _chain_exam import captioned, chain_set, settings, write_json
from _intervals import interval

from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.recorded import write_recorded
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.lvlm.preferences.settings import DpoSettings, GrpoSettings
from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    MixtureSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)
from sharegpt4video.records import VideoCaption
from sharegpt4video.t2v.record import RECORDS, read_records
from sharegpt4video.world.chain.captions import NAMES, change, opening, whole
from sharegpt4video.world.chain.reward import Facts, counted
from sharegpt4video.world.chain.scenes import ChainScene
from sharegpt4video.world.chain.told import read_step

ARMS = ("base", "sft", "dpo", "grpo")
LENGTHS = (2, 4, 6)
PROMPTS = "brief"
JUDGE = "sharegpt4video.world.chain.reward:Facts"
RESULTS = Path(__file__).parent / "results" / "proof_preferences"
SMALLEST = 0.1


@dataclass(frozen=True)
class Sizes:
    """How much is learned and asked."""

    videos: int = 150
    """To draw answers about, of 1 to 6 events."""
    new: int = 20
    """To be examined with, of each length; half of them of unseen pairs."""
    steps: int = 60
    questions: int = 8
    """Of a step."""
    answers: int = 8
    rate: float = 5e-4
    tokens: int = 96


QUICK = Sizes(videos=6, new=2, steps=2, questions=4, answers=4, tokens=48)


# --- what is learned ------------------------------------------------------------------------------------------------


def write_data(folder: Path, sizes: Sizes) -> None:
    """Chains that the base has not seen, with their questions and true answers, and those of the examination."""
    place = folder / "learned"
    if not (place / "ready").exists():
        chain_set(place / "set", sizes.videos, 11, 1, 6)
        if not Store(place / "data").exists():
            write_recorded(read_records(place / "set" / RECORDS), place / "set", place / "data", model="world",
                           parts=lambda _: [])  # fmt: skip
        how = {"prompts": PROMPTS, "roles": ["sliding", "fast", "summary"]}
        export(Store.open(place / "data"), "captioner", str(place / "roles"), overwrite=True, options=how)
        (place / "ready").touch()
    exam(folder, sizes)


def exam(folder: Path, sizes: Sizes) -> dict[Path, ChainScene]:
    """The videos of the examination and their scenes."""
    found: dict[Path, ChainScene] = {}
    for length in LENGTHS:
        for split, seed in (("train", 12), ("composition", 13)):
            found |= chain_set(folder / f"new-{split}-{length}", sizes.new // 2, seed, length, length, split)
    return found


def settings_of(folder: Path, base: Path, arm: str, seed: int, sizes: Sizes) -> TrainSettings:
    """One run of an arm. The arms differ in what is learned of the questions."""
    data = DataSettings(sources=(DataSource(str(folder / "learned" / "roles" / "train.json")),), max_tokens=1024,
                        packing=False, workers=0)  # fmt: skip
    found = TrainSettings(
        name=f"{arm}-{seed}",
        model=ModelSettings(base=str(base)),
        tune=TuneSettings(language="full", language_rate=sizes.rate, projector="frozen", vision="frozen"),
        data=data,
        optimiser=OptimiserSettings(global_batch=sizes.questions, micro_batch=32, epochs=1000.0, max_steps=sizes.steps,
                                    warmup_share=0.05, betas=(0.9, 0.98), seed=seed),
        run=RunSettings(precision="fp32", checkpointing="none", save_every_steps=20, keep_checkpoints=1),
    )  # fmt: skip
    grpo = GrpoSettings(judge=JUDGE, answers=sizes.answers, rows=128, max_new_tokens=sizes.tokens, beta=0.02)
    if arm == "grpo":
        return replace(found, grpo=grpo)
    if arm == "dpo":
        pairs = folder / f"pairs-{seed}.jsonl"
        if not pairs.exists():
            write_pairs(pairs, replace(found, grpo=grpo))
        return replace(found, data=replace(data, sources=(DataSource(str(pairs), str(folder / "learned" / "roles")),)),
                       dpo=DpoSettings(beta=0.1, sft_weight=0.1))  # fmt: skip
    mixture = MixtureSettings(exports=(str(folder / "learned" / "roles"),), recaption=0.0, wrong_context=0.0,
                              missing_context=0.0)  # fmt: skip
    return replace(found, data=replace(data, sources=()), mixture=mixture)


def write_pairs(out: Path, asked: TrainSettings) -> None:
    """Draw the base's answers to the questions that ``grpo`` sees; the best over the worst, if one is without fault."""
    from sharegpt4video.learning.processes import Processes
    from sharegpt4video.lvlm.model.build import processor
    from sharegpt4video.lvlm.preferences.drawing import Drawer
    from sharegpt4video.lvlm.preferences.questions import QuestionEncoder, QuestionLoader, read_questions
    from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader, make_model

    assert asked.grpo is not None
    processes, judge = Processes(), Facts()
    model, _ = make_model(asked, processes)
    encoder = make_encoder(asked, QuestionEncoder)
    drawer = Drawer(model, asked.grpo, encoder.pad_id, encoder.never_said)
    loader = make_loader(asked, encoder, processes, kind=QuestionLoader, read=read_questions)
    words, lines = processor(asked.model).tokenizer, []
    for step in loader:
        drawn = drawer.draw(loader.asked, f"pairs {asked.optimiser.seed} {step.number}")
        for one, answers in zip(loader.asked, drawn, strict=True):
            texts = [words.decode(answer.ids, skip_special_tokens=True).strip() for answer in answers]
            lines += pair_of(one.question, texts, judge)
    print(f"{out.name}: {len(lines)} pairs of {loader.dealt(len(loader))} questions", flush=True)
    if not lines:
        raise SystemExit(
            "no question got both an answer without a false fact and one with some; what does the base say?"
        )
    out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def pair_of(question: Any, texts: Sequence[str], judge: Facts) -> list[dict[str, Any]]:
    """The best answer without a false fact and the worst one with some; none where there are not both."""
    found = sorted(zip((one.reward for one in judge(question, texts)), texts, strict=True))
    faults = [counted(text, question.answer).false for _, text in found]
    if not faults[0] or faults[-1]:
        return []
    plain = question.plain
    system = [{"role": "system", "content": plain["system"]}] if plain.get("system") else []
    images = plain.get("image", [])
    return [{"id": plain["id"], "prompt": [*system, {"role": "user", "content": question.text}],
             "chosen": [{"role": "assistant", "content": found[-1][1]}],
             "rejected": [{"role": "assistant", "content": found[0][1] or "nothing"}],
             "images": [images] if isinstance(images, str) else images}]  # fmt: skip


def learn(folder: Path, base: Path, arm: str, seed: int, sizes: Sizes) -> tuple[Path, float]:
    """Train an arm, or go on with it; gives the folder of the model, and CPU seconds of this call."""
    from sharegpt4video.lvlm.train import StepReport, merge, train

    begun, out = time.process_time(), folder / f"run-{arm}-{seed}"
    if arm == "base":
        return base, 0.0

    def tell(report: StepReport) -> None:
        if report.step % 10 == 0 or report.step == report.total_steps:
            shown = {name: round(value, 3) for name, value in report.told.items()
                     if name in ("reward", "facts_false", "margin", "accuracy")}  # fmt: skip
            used = time.process_time() - begun
            print(f"{out.name} step {report.step}: loss {report.loss:.3f} {shown}, {used:.0f} CPU s", flush=True)

    if not (out / "model").exists():
        if train(settings_of(folder, base, arm, seed, sizes), out, on_step=tell).interrupted:
            raise SystemExit(130)
        merge(out, out / "model")
    return out / "model", time.process_time() - begun


# --- the examination ------------------------------------------------------------------------------------------------


def examine(folder: Path, base: Path, results: Path, arm: str, seed: int, sizes: Sizes) -> None:
    """Caption the unseen videos with an arm and count their facts."""
    path = results / f"{arm}-{seed}.json"
    if path.exists():
        return
    model, seconds = learn(folder, base, arm, seed, sizes)
    videos = exam(folder, sizes)
    made = captioned(f"hf:{model}", list(videos), settings(PROMPTS))
    rows = [facts_of(one, scene) for one, scene in zip(made, videos.values(), strict=True)]
    write_json(path, {"arm": arm, "seed": seed, "cpu_seconds": round(seconds), "sizes": asdict(sizes), "videos": rows})


def facts_of(caption: VideoCaption, scene: ChainScene) -> list[int]:
    """Facts told right, told wrongly, and wanted, over the steps and the summary of a video."""
    told = read_step(caption.steps[0].text).name if caption.steps else ""
    name = told if told in NAMES[scene.start.shape] else NAMES[scene.start.shape][0]
    true = [opening(scene.states[0], name),
            *(change(state, name, deed) for state, deed in zip(scene.states, scene.deeds, strict=False))]  # fmt: skip
    texts = [step.text for step in caption.steps]
    texts += [""] * (len(true) - len(texts))
    found = [counted(text, truth) for text, truth in zip(texts, true, strict=False)]
    found.append(counted(caption.summary, whole(scene.start, name, scene.deeds)))
    more = max(len(caption.steps) - len(true), 0)  # a step about nothing that happened is false as a whole
    return [sum(one.right for one in found), sum(one.false for one in found) + more, sum(one.wanted for one in found)]


# --- the table ------------------------------------------------------------------------------------------------------


def read_runs(results: Path) -> dict[str, Any]:
    """By arm: (seeds, videos, 3) of facts right, false and wanted."""
    found: dict[str, list[Any]] = {}
    for path in sorted(results.glob("*-*.json")):
        found.setdefault(path.stem.split("-")[0], []).append(json.loads(path.read_text())["videos"])
    return {arm: np.array(rows, float) for arm, rows in found.items()}


def rates(rows: Any) -> Any:
    """The rate of false facts among those told, and the recall, of (..., 3) facts summed over videos."""
    right, false, wanted = np.moveaxis(rows, -1, 0)
    return np.stack([false / np.maximum(right + false, 1), right / np.maximum(wanted, 1)])


def difference(one: Any, other: Any) -> Any:
    """Mean, low and high of (rate of false facts, recall), ``one`` less ``other``: (2, 3)."""

    def gap(mine: Any, its: Any, videos: Any) -> Any:
        return rates(one[mine][:, videos].sum(axis=(0, 1))) - rates(other[its][:, videos].sum(axis=(0, 1)))

    low, high = interval(gap, (len(one), len(other)), one.shape[1])
    return np.stack([rates(one.sum(axis=(0, 1))) - rates(other.sum(axis=(0, 1))), low, high], axis=1)


def table(results: Path) -> str:
    """What is finished, with the three statements, as the page has it."""
    runs = read_runs(results)
    lines = ["| arm | false | recall | (a) false, less the base | (b) recall, less the base | (c) false, less `sft` |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for arm in (one for one in ARMS if one in runs):
        cells = [f"{share:.2%}".replace("%", " %") for share in rates(runs[arm].sum(axis=(0, 1)))]
        for other, pair in (("base", (0, 1)), ("sft", (0,))):
            against = arm not in ("base", other) and other in runs
            found = difference(runs[arm], runs[other]) if against else None
            cells += [_points(found[at]) if found is not None else "" for at in pair]
        lines.append(f"| {arm if arm == 'base' else f'`{arm}`'} | {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines).replace("|  |", "| |")


def verdicts(results: Path) -> list[str]:
    """What follows for each arm."""
    runs, said = read_runs(results), []
    for arm in (one for one in ARMS[1:] if one in runs and "base" in runs):
        holds = "holds" if fewer_at_equal_recall(runs[arm], runs["base"]) else "does not hold"
        said.append(f"{arm}: fewer false facts at equal recall {holds}")
        if arm != "sft" and "sft" in runs:
            more = "more than" if difference(runs[arm], runs["sft"])[0][2] < 0 else "not shown to do more than"
            said.append(f"{arm}: {more} supervised training")
    return said


def fewer_at_equal_recall(arm: Any, base: Any) -> bool:
    """Statements (a) and (b) of an arm."""
    false, recall = difference(arm, base)
    enough = -false[0] >= SMALLEST * rates(base.sum(axis=(0, 1)))[0]
    return bool(false[2] < 0 and enough and recall[1] > -0.01)


def _points(values: Any) -> str:
    mean, low, high = 100 * values
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a way through in minutes; its figures mean nothing")
    parser.add_argument("--base", type=Path, default=Path("models/captioner-tiny"), help="the merged captioner")
    parser.add_argument("--folder", type=Path, default=Path("proof-preferences"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2; 0 with --quick")
    parser.add_argument("--only", choices=("data", "table"), help="do this alone")
    asked = parser.parse_args()
    if asked.only == "table":
        print("\n".join([table(asked.results), *verdicts(asked.results)]))
        return
    import torch

    torch.set_num_threads(1)
    sizes = QUICK if asked.quick else Sizes()
    results = asked.folder / "results" if asked.quick else asked.results
    print(f"Python {platform.python_version()}, torch {torch.__version__}; {asdict(sizes)}")
    write_data(asked.folder, sizes)
    for seed in () if asked.only == "data" else asked.seeds or ([0] if asked.quick else [0, 1, 2]):
        for arm in asked.arms:
            if arm != "base" or seed == 0:  # it has no seed
                examine(asked.folder, asked.base, results, arm, seed, sizes)
    print("\n".join([table(results), *verdicts(results)]))


if __name__ == "__main__":
    main()
