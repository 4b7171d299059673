"""``sg4v t2v train`` and ``sg4v t2v sample``: a video generator from captions, and videos from prompts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import INTERRUPTED, exit_codes, print_text, say
from .options import set_option

if TYPE_CHECKING:
    from ..t2v.settings import T2VSettings
    from ..t2v.train import StepReport

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file, or one of: t2v-tiny, "
                                        "t2v-latte-opensora-plan, t2v-wan-lora.")]  # fmt: skip
Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="SOURCE",
        help="records.jsonl, its folder, one that sg4v t2v export wrote for a split, or LAYOUT:FOLDER.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where results go.", show_default=False)]
Set = Annotated[list[str] | None, set_option("Change a setting, such as optimiser.steps=500; may be repeated.")]


def train(
    config: Config,
    data: Data,
    out: Out,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Prepared clips, for several runs to share.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Resume the run in DIR, or delete it and start over.")
    ] = True,
    change: Set = None,
) -> None:  # fmt: skip
    """Train a video generator on captioned clips; the same command resumes a run that was stopped.

    With several GPUs, put this before it: torchrun --nproc-per-node 8 --no-python
    """
    with exit_codes():
        from ..t2v.train import end_processes
        from ..t2v.train import train as run

        settings = settings_of(config, change)
        result = run(settings, data, out, cache=cache, resume=resume, on_step=_Steps(), on_note=say)
        if int(os.environ.get("RANK", "0")) == 0:  # of several processes only one speaks
            print_text(result.text())
        end_processes()
        if result.interrupted:
            raise typer.Exit(INTERRUPTED)


def sample(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What sg4v t2v train wrote.")],
    prompts: Annotated[
        Path, typer.Option("--prompts", metavar="FILE", help="Prompts, one per line; an empty line asks for any video.",
                           show_default=False)
    ],
    out: Out,
    steps: Annotated[int, typer.Option(min=1, help="Steps from noise to video.")] = 16,
    guidance: Annotated[float, typer.Option(min=0, help="How far the text pulls (CFG); 1: no guidance.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Decides the noise.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Prompts at the same time.")] = 32,
    fps: Annotated[float, typer.Option(help="Frames per second of the files.")] = 8.0,
) -> None:  # fmt: skip
    """Make a video for each prompt: MP4 files, and a sheet of their frames."""
    with exit_codes():
        from ..t2v.sample import Sampling, open_model, write_samples
        from ..t2v.suites import read_prompts

        lines = [prompt.text for prompt in read_prompts(prompts, rewritten=True)]
        opened = open_model(model)
        if (cut := opened.cut(lines)).over:
            say(f"warning: of the prompts, {cut.text()}")
        how = Sampling(steps, guidance, seed, batch)
        sheet = write_samples(opened, lines, out, how, fps=fps)
        print_text(f"{len(lines)} videos in {out}; {sheet} shows their frames")


def settings_of(config: Path, changes: list[str] | None) -> T2VSettings:
    """The settings of a file with changes on top. Raises SettingsError naming what is wrong."""
    from dataclasses import asdict, fields

    from ..checking import validated
    from ..config import load_yaml
    from ..learning.configs import T2V, find_config
    from ..t2v.settings import T2VSettings
    from .settings import apply_change

    found = find_config(config, T2V)
    if not changes:
        return load_yaml(found, T2VSettings)
    plain: dict[str, Any] = load_yaml(found, dict[str, Any])
    groups: dict[str, Any] = {each.name: each.default_factory for each in fields(T2VSettings) if each.name != "name"}
    known: dict[str, Any] = {"name": "", **{name: asdict(make()) for name, make in groups.items()}}
    merged = {**known, **{name: {**known[name], **value} if name in groups and isinstance(value, dict) else value
                          for name, value in plain.items()}}  # fmt: skip
    for change in changes:
        apply_change(merged, change)
    return validated(T2VSettings, merged, f"{found} with --set")


class _Steps:
    """A line for the first step and every hundredth, on stderr."""

    def __call__(self, report: StepReport) -> None:
        if report.step % 100 == 1 or report.step == report.total_steps:
            say(f"step {report.step} of {report.total_steps}: loss {report.loss:.4f}, "
                f"{report.clips / report.seconds:,.1f} clips/s")  # fmt: skip
