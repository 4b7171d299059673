"""``sg4v train``: train a video-language model, plan it, make a model of a checkpoint, send it to the Hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import SettingsError
from .console import INTERRUPTED, MARKED, exit_codes, print_text, rich_console, say
from .options import EarlierOut, NewFolder, chosen_out, set_option
from .verbs import EXIT_CODES, Verb

if TYPE_CHECKING:
    from ..lvlm.settings import TrainSettings
    from ..lvlm.train import StepReport

Set = Annotated[list[str] | None, set_option("Change a setting, such as optimiser.micro_batch=1; may be repeated.")]
Config = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A YAML file, or one of the package (`sg4v train configs` lists them).")
]
_PLAN = "Plan"


def lvlm(
    config: Config,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Checkpoints and logs go here.", file_okay=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Resume the run in DIR, or delete it and start over.")
    ] = True,
    change: Set = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only estimate memory and time; needs no GPU.", rich_help_panel=_PLAN)
    ] = False,
    gpus: Annotated[int, typer.Option(min=1, help="How many GPUs.", rich_help_panel=_PLAN)] = 8,
    gpu: Annotated[str, typer.Option(metavar="KIND", help="Which GPUs.", rich_help_panel=_PLAN)] = "H100",
    mfu: Annotated[
        float, typer.Option(help="Assumed share of the GPUs' peak speed (MFU).", rich_help_panel=_PLAN)
    ] = 0.4,
    samples: Annotated[int, typer.Option(min=1, help="Samples per epoch.", rich_help_panel=_PLAN)] = 153_000,
) -> None:
    """Train a video-language model; the same command resumes a run that was stopped.

    Exits with 3 when more samples were left out than data.max_skipped_share allows.

    With several GPUs, start it with torchrun: torchrun --nproc-per-node 8 --no-python sg4v train lvlm CONFIG --out DIR
    """
    with exit_codes():
        settings = train_settings(config, change)
        if plan:
            from ..lvlm.model.plan import plan as estimate

            print_text(estimate(settings, gpus=gpus, gpu_kind=gpu, mfu=mfu, samples=samples).text())
        elif out is None:
            raise SettingsError("--out DIR is missing: where checkpoints and logs go (or --plan, to train nothing)")
        else:
            _train(settings, out, resume=resume)


def captioner(
    config: Config,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Mixture, checkpoints and logs go here.", file_okay=False)
    ],
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Resume the run in DIR, or delete it and start over.")
    ] = True,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="An export to learn from, in place of mixture.exports; may be given several times.",
            show_default=False,
        ),
    ] = None,
    change: Set = None,
) -> None:
    """Train a captioner in its four roles, from exports with --format captioner.

    The mixture of the roles is written to DIR/mixture first. All else is as for sg4v train lvlm, whose --plan also
    takes this configuration.
    """
    with exit_codes():
        exports = [f"mixture.exports={json.dumps(data)}"] if data else []
        settings = train_settings(config, [*(change or ()), *exports])
        if settings.mixture is None:
            raise SettingsError(
                f"{config} has no mixture, which a captioner is trained on; start from sg4v train configs"
                " captioner-qwen3-vl-4b, or use sg4v train lvlm"
            )
        _train(settings, out, resume=resume)


def preferences(
    config: Config,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Checkpoints and logs go here.", file_okay=False)
    ],
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Resume the run in DIR, or delete it and start over.")
    ] = True,
    change: Set = None,
) -> None:
    """Train on preferences: pairs of answers (dpo in CONFIG), or the model's own answers and a judge (grpo).

    Pairs come from sg4v dataset export --format preferences. All else is as for sg4v train lvlm.
    """
    with exit_codes():
        settings = train_settings(config, change)
        if settings.dpo is None and settings.grpo is None:
            raise SettingsError(
                f"{config} has neither dpo nor grpo; start from sg4v train configs preferences-tiny, or use"
                " sg4v train lvlm"
            )
        _train(settings, out, resume=resume)


def _train(settings: TrainSettings, out: Path, *, resume: bool) -> None:
    from ..lvlm.train import end_processes, train

    with progress() as on_step:
        result = train(settings, out, resume=resume, on_step=on_step, on_note=say)
    if _first():
        print_text(result.text())
    end_processes()
    if result.interrupted or result.too_many_skipped:
        raise typer.Exit(INTERRUPTED if result.interrupted else MARKED)


def merge(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="The DIR of a run, or one of its step-….")],
    earlier_out: EarlierOut = None,
    out: NewFolder = None,
    base: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where the base is now, if it was moved.", show_default=False)
    ] = "",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let the base run the code that comes with it.")
    ] = False,
) -> None:
    """Fold what was learned into the base: a model on its own, in the format of transformers."""
    with exit_codes():
        from ..lvlm.train import merge as write
        from ..lvlm.train.merging import find, settings_of

        out = chosen_out(out, earlier_out)
        settings = settings_of(find(checkpoint), base, trust_remote_code=trust_remote_code)
        trial = f"caption VIDEO --model hf:{out}" if settings.is_captioner else f"ask VIDEO --model lvlm:{out}"
        merged = write(checkpoint, out, base=base, trust_remote_code=trust_remote_code)
        print_text(f"{merged}: the merged model; try sg4v {trial}")


def push(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What sg4v train merge wrote.")],
    repo: Annotated[str, typer.Argument(metavar="NAME/REPO", help="The repository on the Hugging Face Hub.")],
    public: Annotated[bool, typer.Option("--public", help="Make a newly created repository public.")] = False,
) -> None:
    """Send a merged model to the Hugging Face Hub."""
    with exit_codes():
        from ..lvlm.train import push as send

        print_text(send(folder, repo, private=not public))


def configs(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Print this one instead, as a start for your own file.")
    ] = "",
) -> None:
    """List the training configurations of the package, or print one."""
    with exit_codes():
        from ..config import load_yaml
        from ..learning.configs import config_names, find_config
        from ..lvlm.settings import TrainSettings

        if name:
            print_text(find_config(name).read_text(encoding="utf-8").rstrip("\n"))
        else:
            for each in config_names():
                settings = load_yaml(find_config(each), TrainSettings)
                print_text(f"{each}  ({settings.model.shape or settings.model.base})")


def train_settings(config: Path, changes: list[str] | None) -> TrainSettings:
    """The settings of a file with changes on top. Raises SettingsError naming what is wrong.

    The changes are made before the settings are checked, so that one may mend what the file lacks.
    """
    from ..checking import validated
    from ..config import load_yaml
    from ..learning.configs import find_config
    from ..lvlm import settings as kinds
    from ..lvlm.preferences.settings import DpoSettings, GrpoSettings
    from .settings import apply_change

    config = find_config(config)
    plain: dict[str, Any] = load_yaml(config, dict[str, Any])
    _check_code(config, plain, changes or ())
    if not changes:
        return load_yaml(config, kinds.TrainSettings)
    groups = {"model": kinds.ModelSettings, "tune": kinds.TuneSettings, "data": kinds.DataSettings,
              "optimiser": kinds.OptimiserSettings, "run": kinds.RunSettings,
              "mixture": kinds.MixtureSettings, "dpo": DpoSettings, "grpo": GrpoSettings}  # fmt: skip
    for name in ("mixture", "dpo", "grpo"):
        if plain.get(name) is None and not any(change.startswith(f"{name}.") for change in changes):
            del groups[name]
    known: dict[str, Any] = {"name": "", **{name: asdict(kind()) for name, kind in groups.items()}}
    # What is no group stays as it is, for the check below to name it.
    merged = {**known, **{name: {**known[name], **value} if name in groups and isinstance(value, dict) else value
                          for name, value in plain.items()}}  # fmt: skip
    for change in changes:
        apply_change(merged, change)
    return validated(kinds.TrainSettings, merged, f"{config} with --set")


def _check_code(config: Path, plain: dict[str, Any], changes: Sequence[str]) -> None:
    """Raises SettingsError for a file that names code to run: it may be a stranger's, and only a user says so."""
    from ..lvlm.preferences.judging import OURS

    groups = {name: value for name, value in plain.items() if isinstance(value, dict)}
    judge = groups.get("grpo", {}).get("judge")
    named = {"grpo.judge": judge} if judge and judge not in OURS else {}
    if groups.get("model", {}).get("trust_remote_code") not in (None, False):
        named["model.trust_remote_code"] = "true"
    for name, value in named.items():
        if not any(change.lstrip().startswith(f"{name}=") for change in changes):
            raise SettingsError(
                f"{config}: {name} names code that would be run, which a file alone cannot start; if you know that"
                f" code, say so: --set {name}={value}"
            )


@contextmanager
def progress() -> Iterator[Callable[[StepReport], None]]:
    """A bar with loss and speed at a terminal, a line every so often elsewhere; on stderr."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = rich_console()
    bar = Progress(
        TextColumn("step"), MofNCompleteColumn(), BarColumn(bar_width=24), TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False), console=console, disable=not (console.is_terminal and _first()),
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=None)

        def show(report: StepReport) -> None:
            bar.update(task, total=report.total_steps, completed=report.step, description=step_line(report))
            if not console.is_terminal and (report.step % 10 == 1 or report.step == report.total_steps):
                say(f"step {report.step} of {report.total_steps}: {step_line(report)}")

        yield show


def step_line(report: StepReport) -> str:
    """A step's figures for a reader."""
    loss = "nothing learned" if report.loss is None else f"loss {report.loss:.4f}"
    parts = [loss, f"{report.tokens_per_second:,.0f} tokens/s"]
    if report.mfu is not None:
        parts.append(f"MFU {report.mfu:.1%}")
    if report.data_stall >= 0.05:
        parts.append(f"{report.data_stall:.0%} waiting for samples")
    parts += [f"{name} {report.told[name]:.3g}" for name in ("margin", "accuracy", "reward") if name in report.told]
    if report.skipped:
        parts.append(f"{report.skipped} left out")
    return ", ".join(parts)


def _first() -> bool:
    """Only one of several processes speaks."""
    import os

    return int(os.environ.get("RANK", "0")) == 0


train = typer.Typer(
    name="train",
    help="Train a video-language model, a captioner or its preferences, and merge its adapters into a model.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
for step in (lvlm, captioner, preferences, merge, push, configs):
    train.command(cls=Verb, no_args_is_help=step is not configs)(step)
