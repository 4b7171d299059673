"""Do dense captions and re-captioned prompts make a better video generator? The paper's claim, at small scale.

In the tiny world (`sg4v world --difficulty tiny`) every fact of a video is known and is read back from its pixels. One
small generator is trained from nothing on the same clips in several arms that differ in their captions alone:

    B    one to three of the seven facts, drawn once for each clip: the short control, in the same vocabulary
    C    all seven facts in order: dense captions, as in the paper
    D    all seven, but sentences in any order and without words of order: dense, not ordered
    E    C seen through a window of 60 % of its tokens: what a text encoder's limit does to dense captions
    F    C of the whole clip, shown with a random half of it: what trainers' temporal crop does
    H10, H20, H40   C with each fact wrong with 10, 20, 40 %: what a captioner's mistakes cost

An arm is trained until its own curve is flat (``FLAT``). Each then makes videos for new prompts: ``full`` (all seven
facts), ``user`` (two or three), ``recap`` (the same, the rest filled in by a re-captioner that loses nothing, in the
style of the training captions), ``sloppy`` (one that forgets each fact of the user with 20 %), ``empty``. Scored are
the facts that the user asked for. ``composition`` are full prompts with pairs of facts that no clip had.

The claim is refuted if C with ``recap`` is not better than B with ``user``: the 95 % interval of the difference in
prompts with all requested facts right, bootstrapped over prompts and seeds, must lie above 0.

    python benchmarks/proof_t2v.py --folder DIR [--quick] [--arms B C ...] [--seeds 0 1 2] [--only data|table|power]

What is finished in DIR is not done again and what was begun is gone on with, so runs may go side by side: first
``--only data``, then a process for each arm or seed. What a finished run answered is kept in ``benchmarks/results``,
from which ``--only table`` makes the table.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from _intervals import frechet, mmd, power
from _t2v_table import ARMS, DOSES, MODES, table

from sharegpt4video.config import load_yaml
from sharegpt4video.learning.configs import T2V, find_config
from sharegpt4video.t2v.record import RECORDS, write_records
from sharegpt4video.t2v.settings import T2VSettings
from sharegpt4video.world.files import SetSettings, read_scenes, record_of, write_set
from sharegpt4video.world.tiny.captions import caption, tell
from sharegpt4video.world.tiny.check import TinyReading, check
from sharegpt4video.world.tiny.render import picture
from sharegpt4video.world.tiny.scenes import FACTS, Fact, TinyScene, sample_scene

ALL_MODES = ("B", "C")  # the other arms answer the first three alone, and leave out what says nothing new
WINDOW_SHARE = 0.6
FORGETS = 0.2
SAMPLING_STEPS, GUIDANCE = 12, 2.0
RESULTS = Path(__file__).parent / "results" / "proof_t2v"
"""Of each finished run its curve and, prompt by prompt, which facts were right: what the table is made of."""


@dataclass(frozen=True)
class Sizes:
    """How much is learned and asked."""

    videos: int = 8_000
    prompts: int = 512
    checked: int = 128
    """Prompts, others than those of the examination, on which the curve is followed."""
    every: int = 500
    """Steps from one point of the curve to the next."""
    least: int = 4_000
    most: int = 30_000
    feature_steps: int = 400


QUICK = Sizes(videos=40, prompts=6, checked=4, every=2, least=4, most=6, feature_steps=3)
FLAT = 0.01
"""Flat: after ``least`` steps, the mean share of right facts at the last three points of the curve is less than this
above that at the three before. ``most`` ends an arm in any case, which the table then says."""


# --- clips and captions ---------------------------------------------------------------------------------------------


def write_data(folder: Path, sizes: Sizes) -> None:
    """The clips, and records with the captions of all arms."""
    if (folder / RECORDS).exists():
        return
    chosen = SetSettings(seed=1, difficulty="tiny", split="train", width=24, height=24, crf=0)
    write_set(folder / "set", sizes.videos, chosen, captions=(), ask=False, workers=1)
    records = []
    for number, scene in enumerate(read_scenes(folder / "set").values()):
        assert isinstance(scene, TinyScene)
        texts = {"C": caption(scene).text, "B": caption(scene, "short").text, "D": caption(scene, "shuffled").text}
        texts |= {arm: caption(scene, "wrong", wrong_share=share).text for arm, share in DOSES.items()}
        record = record_of(chosen, number, scene, ())
        records.append(replace(record, video=f"set/{record.video}", texts=texts))
    write_records(folder / "unfinished.jsonl", records)
    (folder / "unfinished.jsonl").rename(folder / RECORDS)


def settings_of(arm: str, seed: int, steps: int) -> T2VSettings:
    """The tiny configuration with the arm's captions; constant rates, since nobody knows beforehand when it is flat."""
    plain = load_yaml(find_config("t2v-tiny", T2V), T2VSettings)
    window = int(plain.text.max_tokens * WINDOW_SHARE) if arm == "E" else plain.text.max_tokens
    return replace(
        plain,
        name=f"{arm}-{seed}",
        text=replace(plain.text, max_tokens=window),
        data=replace(plain.data, captions={arm if arm in ("B", "D", *DOSES) else "C": 1.0},
                     window="random" if arm == "F" else "spread"),
        optimiser=replace(plain.optimiser, steps=steps, schedule="constant", seed=seed),
        run=replace(plain.run, save_every_steps=100, keep_checkpoints=1, log_every_steps=10),
    )  # fmt: skip


# --- prompts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prompt:
    """What a user wants: some facts of a scene, and the text that the generator is given."""

    scene: TinyScene
    asked: tuple[Fact, ...]
    text: str


def prompts_of(arm: str, mode: str, count: int, seed: int = 42) -> list[Prompt]:
    """The same users for every arm; re-captioned prompts are in the style of the arm's captions."""
    rng = random.Random(f"prompts {seed}")
    scenes = [sample_scene(rng, split="composition" if mode == "composition" else "train") for _ in range(count)]
    wishes = [tuple(sorted(rng.sample(FACTS, rng.randint(2, 3)), key=FACTS.index)) for _ in range(count)]
    told = _style(arm)
    if mode in ("full", "composition"):
        return [Prompt(scene, FACTS, told(scene)) for scene in scenes]
    if mode == "empty":
        return [Prompt(scene, FACTS, "") for scene in scenes]
    if mode == "user":
        return [Prompt(scene, asked, tell(scene, asked)) for scene, asked in zip(scenes, wishes, strict=True)]
    lost = FORGETS if mode == "sloppy" else 0.0
    return [
        Prompt(scene, asked, told(filled(scene, [fact for fact in asked if rng.random() >= lost], rng)))
        for scene, asked in zip(scenes, wishes, strict=True)
    ]


def _style(arm: str) -> Callable[[TinyScene], str]:
    return lambda scene: caption(scene, "shuffled" if arm == "D" else "dense").text


def filled(scene: TinyScene, kept: Sequence[Fact], rng: random.Random) -> TinyScene:
    """A scene that has these facts, and others as they come."""
    while True:
        other = sample_scene(rng, split="train")
        if all(other.fact(fact) == scene.fact(fact) for fact in kept):
            return other


# --- training and the examination -----------------------------------------------------------------------------------


def learn(folder: Path, arm: str, seed: int, sizes: Sizes) -> Path:
    """Train an arm until its curve is flat, or go on with it; gives the folder of the run."""
    from sharegpt4video.t2v.train import train

    out = folder / f"run-{arm}-{seed}"
    curve = _rows(out / "curve.jsonl")
    while not _flat(curve, sizes):
        steps = len(curve) * sizes.every + sizes.every
        begun = time.process_time()
        result = train(settings_of(arm, seed, steps), str(folder), out, cache=folder / "cache", on_note=_say)
        if result.interrupted:
            raise SystemExit(130)
        used = time.process_time() - begun
        # An arm's own style: short captions for B, what it was trained on for the others, but without mistakes.
        prompts = prompts_of(arm, "user" if arm == "B" else "full", sizes.checked, seed=7)
        answers = examined(out, prompts, seed=0)
        point = {"steps": steps, "cpu_seconds": round(used, 1), "loss": _mean_loss(out, sizes.every),
                 **{fact: _share(answers, fact) for fact in FACTS}, "facts": _mean_facts(answers),
                 "all": float(np.mean([all(one["hits"].values()) for one in answers])),
                 "ok": float(np.mean([one["ok"] for one in answers]))}  # fmt: skip
        curve.append(point)
        with (out / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")
        shown = {name: round(value, 3) if value is not None else None for name, value in point.items()}
        print(f"{arm}-{seed} {shown}", flush=True)
    return out


def _flat(curve: Sequence[dict[str, Any]], sizes: Sizes) -> bool:
    steps = curve[-1]["steps"] if curve else 0
    if steps >= sizes.most:
        return True
    facts = [point["facts"] for point in curve]
    return steps >= sizes.least and len(facts) >= 6 and float(np.mean(facts[-3:]) - np.mean(facts[-6:-3])) < FLAT


def _mean_loss(out: Path, steps: int) -> float:
    return float(np.mean([row["loss"] for row in _rows(out / "log.jsonl")[-max(1, steps // 10) :]]))


def _share(answers: Sequence[dict[str, Any]], fact: Fact) -> float | None:
    hits = [one["hits"][fact] for one in answers if fact in one["hits"]]
    return float(np.mean(hits)) if hits else None


def _mean_facts(answers: Sequence[dict[str, Any]]) -> float:
    return float(np.mean([hit for one in answers for hit in one["hits"].values()]))


def examined(model: Path, prompts: Sequence[Prompt], seed: int, keep: list[Any] | None = None) -> list[dict[str, Any]]:
    """For each prompt which facts asked for the video has, and whether it is whole; ``keep`` takes the videos."""
    from sharegpt4video.t2v.sample import Sampling, open_model

    opened = open_model(model)
    answers = []
    how = Sampling(SAMPLING_STEPS, GUIDANCE, seed, batch=64)
    for prompt, video in zip(prompts, opened.videos([one.text for one in prompts], how), strict=True):
        reading = check(list(video))
        answers.append({"hits": {fact: reading.has(prompt.scene, fact) for fact in prompt.asked}, "ok": reading.ok,
                        "swapped": _swapped(reading, prompt.scene)})  # fmt: skip
        if keep is not None:
            keep.append(video)
    return answers


def _swapped(reading: TinyReading, scene: TinyScene) -> bool:
    return (reading.first, reading.second) == (scene.second, scene.first)


def examine(folder: Path, arm: str, seed: int, sizes: Sizes) -> dict[str, Any]:
    """All prompts of an arm, mode by mode, with the distance of its videos from true ones."""
    out = folder / f"run-{arm}-{seed}"
    path = out / "answers.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for mode in MODES if arm in ALL_MODES else MODES[:3]:
        if mode in found:
            continue
        videos: list[Any] = []
        answers = examined(out, prompts_of(arm, mode, sizes.prompts), seed + 1, videos)
        found[mode] = {"answers": answers, **distances(folder, np.stack(videos), sizes)}
        _write(path, found)
        if seed == 0:
            _sheet(out / f"sheet-{mode}.png", videos)
        print(f"{arm}-{seed} {mode}: all requested right {_all_right(answers).mean():.3f}", flush=True)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return found


def _sheet(path: Path, videos: Sequence[Any]) -> None:
    from sharegpt4video.t2v.sample import sheet

    sheet(videos[:8]).save(path)


def _all_right(answers: Sequence[dict[str, Any]]) -> Any:
    return np.array([all(one["hits"].values()) for one in answers], float)


# --- the distance from true videos ----------------------------------------------------------------------------------


def features(folder: Path, sizes: Sizes) -> Any:
    """A small network that reads the facts of true videos; its last layer but one is what distances are taken in."""
    import torch
    from torch import nn

    path = folder / "features.pt"
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv3d(3, 16, 3, stride=(1, 2, 2), padding=1), nn.GELU(), nn.Conv3d(16, 32, 3, stride=2, padding=1),
        nn.GELU(), nn.Conv3d(32, 48, 3, stride=(2, 1, 1), padding=1), nn.GELU(), nn.Flatten(), nn.Linear(48 * 72, 64),
    )  # fmt: skip
    if not path.exists():
        rng = random.Random("features")
        values: dict[Fact, list[str]] = {fact: [] for fact in FACTS}
        scenes = [sample_scene(rng) for _ in range(max(64, sizes.feature_steps * 8))]
        for fact in FACTS:
            values[fact] = sorted({scene.fact(fact) for scene in scenes})
        heads = nn.ModuleList(nn.Linear(64, len(values[fact])) for fact in FACTS)
        labels = torch.tensor([[values[fact].index(scene.fact(fact)) for fact in FACTS] for scene in scenes])
        seen = torch.from_numpy(np.stack([_true(scene) for scene in scenes]))
        optimiser = torch.optim.AdamW([*body.parameters(), *heads.parameters()], 2e-3)
        for _ in range(sizes.feature_steps):
            rows = torch.randint(0, len(scenes), (32,))
            videos = _scaled(seen[rows])
            found = nn.functional.gelu(body(videos + torch.rand(32, 1, 1, 1, 1) * 0.3 * torch.randn_like(videos)))
            loss = sum(nn.functional.cross_entropy(head(found), labels[rows, at]) for at, head in enumerate(heads))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        torch.save(body.state_dict(), path)
        print(f"features: loss {float(loss):.3f} at the end", flush=True)
    body.load_state_dict(torch.load(path, weights_only=True))
    return body.eval()


def _true(scene: TinyScene) -> Any:
    return np.stack([picture(scene, at / 8) for at in range(8)])


def _scaled(videos: Any) -> Any:
    return videos.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def distances(folder: Path, videos: Any, sizes: Sizes) -> dict[str, float]:
    """Fréchet distance and unbiased polynomial MMD from true videos, beside those of as many other true videos."""
    import torch

    rng, body = random.Random("true"), features(folder, sizes)
    true = [np.stack([_true(sample_scene(rng, split="train")) for _ in range(count)])
            for count in (4 * len(videos), len(videos))]  # fmt: skip
    with torch.no_grad():
        far, near, ours = (body(_scaled(torch.from_numpy(each))).double().numpy() for each in (*true, videos))
    middle, spread = far.mean(0), far.std(0) + 1e-6
    far, near, ours = ((each - middle) / spread for each in (far, near, ours))
    return {
        "fd": frechet(far, ours),
        "fd_floor": frechet(far, near),
        "mmd": mmd(far, ours),
        "mmd_floor": mmd(far, near),
    }


# --- the table ------------------------------------------------------------------------------------------------------


def keep(folder: Path, results: Path, arm: str, seed: int) -> None:
    """Write what the table needs of a finished run, small enough to be kept with the project."""
    out = folder / f"run-{arm}-{seed}"
    found = json.loads((out / "answers.json").read_text())
    modes = {}
    for mode, each in found.items():
        answers = each.pop("answers")
        hits = {fact: "".join(_mark(one["hits"].get(fact)) for one in answers) for fact in FACTS}
        whole = {name: "".join(_mark(one[name]) for one in answers) for name in ("ok", "swapped")}
        modes[mode] = {"hits": hits, **whole, **{name: round(value, 4) for name, value in each.items()}}
    results.mkdir(parents=True, exist_ok=True)
    _write(results / f"{arm}-{seed}.json", {"curve": _rows(out / "curve.jsonl"), "modes": modes})


def _mark(hit: bool | None) -> str:
    return "-" if hit is None else "01"[hit]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _write(path: Path, plain: Any) -> None:
    path.with_suffix(".part").write_text(json.dumps(plain))
    path.with_suffix(".part").rename(path)


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a way through in a minute; its figures mean nothing")
    parser.add_argument("--folder", type=Path, default=Path("proof-t2v"))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2; 0 with --quick")
    parser.add_argument("--only", choices=("data", "table", "power"), help="do this alone")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    sizes, folder = QUICK if asked.quick else Sizes(), asked.folder
    results = folder / "results" if asked.quick else RESULTS
    asked.seeds = asked.seeds or ([0] if asked.quick else [0, 1, 2])
    if asked.only == "power":
        for difference, found in power(sizes.prompts, len(asked.seeds)):
            print(f"a true difference of {100 * difference:.0f} points is found in {found:.0%}")
        return
    if asked.only == "table":
        table(results)
        return
    import torch

    torch.set_num_threads(asked.threads)
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {asked.threads} threads; {asdict(sizes)}")
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder, sizes)
    if asked.only == "data":
        return
    for seed in asked.seeds:
        for arm in asked.arms:
            learn(folder, arm, seed, sizes)
            examine(folder, arm, seed, sizes)
            keep(folder, results, arm, seed)
    table(results)


if __name__ == "__main__":
    main()
