"""``sg4v evaluate``: benchmarks for any model, scores again, comparisons, and scorers held against published scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .. import background
from . import options as o
from .console import FAILED, exit_codes, print_json, print_text, rich_console, say
from .options import existing
from .settings import model_options, read_pairs
from .verbs import EXIT_CODES, Verb

if TYPE_CHECKING:
    from ..evaluate.base import Protocol
    from ..evaluate.report import Report
    from ..vlm.base import VLM


class Rules(str, Enum):
    """Whose rules."""

    official = "official"
    original = "original"
    lmms_eval = "lmms-eval"
    strict = "strict"


RULES = "official, original, lmms-eval or strict"


class Layouts(str, Enum):
    """How frames are shown."""

    separate = "separate"
    grid = "grid"


Name = Annotated[str, typer.Argument(metavar="BENCHMARK", help="See: sg4v evaluate list.", show_default=False)]
Annotations = Annotated[
    Path, typer.Option(metavar="DIR", help="The benchmark's annotation files.", callback=existing, show_default=False)
]
Protocols = Annotated[
    Rules,
    typer.Option(
        metavar="NAME",
        help="Whose rules: the authors' (official), the released ShareGPT4Video scripts' (original), lmms-eval, or "
        "ours (strict).",
    ),
]
JudgeName = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="Judge for answers that no rule can parse: server:MODEL@URL; `local` asks no model (TempCompass only, weak"
        " at captions); `replay` reuses the stored verdicts, `replay:MODEL` those of one of several judges.",
        show_default=False,
    ),
]
Sets = Annotated[
    list[str] | None,
    o.set_option("An option of the benchmark, such as forms=yes_no, or of the model: model.max_images=1."),
]
OutFolder = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Where answers and scores go.", file_okay=False)
]


Videos = Annotated[Path, typer.Option(metavar="DIR", help="The folder of the videos.", file_okay=False)]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME", help="The model that answers, such as ollama:MODEL or server:MODEL@URL."
    ),
]
Frames = Annotated[int | None, typer.Option(min=1, help="Number of frames to show (the protocol's).")]
Sampler = Annotated[str | None, typer.Option(metavar="NAME", help="How frames are chosen (the protocol's way).")]
LayoutName = Annotated[Layouts | None, typer.Option(help="Show frames separately, or in one grid.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Only N questions, spread evenly over all.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Questions to ask in parallel (the model's own limit).")
]


def run(
    benchmark: Name,
    annotations: Annotations,
    videos: Videos,
    model: Model,
    out: OutFolder,
    protocol: Protocols = Rules.official,
    judge: JudgeName = None,
    frames: Frames = None,
    sampler: Sampler = None,
    layout: LayoutName = None,
    limit: Limit = None,
    model_option: o.ModelOption = None,
    set_option: Sets = None,
    jobs: Jobs = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Ask a model the questions of a benchmark, keep every answer, score them.

    A stopped run goes on when it is started again. Exit code 1 when a video could not be read, or the model
    or the judge could not be reached for an answer.
    """
    from ..evaluate.answers import FILE as ANSWERS
    from ..evaluate.launch import run_benchmark
    from ..evaluate.runner import BenchmarkOptions

    with exit_codes():
        own, others = model_options(model_option, set_option)
        load = read_pairs(others)
        options = BenchmarkOptions(frames, sampler, _value(layout), limit, concurrency=jobs, load=load)
        where: dict[str, Any] = {"annotations": annotations, "videos": videos, "out": out}
        rules: dict[str, Any] = {"protocol": protocol.value, "options": options, "judge": judge}
        vlm = _model(model, own)
        if not (out / ANSWERS).is_file():  # a resumed run may have all its answers already
            _check(vlm, judge)
        with progress(quiet=quiet) as report:
            result = run_benchmark(benchmark, vlm, **where, **rules, on_progress=report)
        _end(result, out, json=json)


def score(
    benchmark: Name,
    annotations: Annotations,
    predictions: Annotated[
        Path,
        typer.Option(metavar="PATH", help="A run's folder, or (TempCompass) predictions in the official layout."),
    ],
    out: OutFolder,
    protocol: ScoreRules = None,
    judge: JudgeName = None,
    set_option: Sets = None,
    json: o.Json = False,
) -> None:
    """Score stored answers again, without asking the model."""
    from ..evaluate.benchmarks import benchmark_named
    from ..evaluate.judge import Judge
    from ..evaluate.launch import open_judge, read_stored
    from ..evaluate.runner import load_questions, score_and_report

    with exit_codes():
        chosen = benchmark_named(benchmark)
        settings, stored = read_stored(chosen, predictions)
        settings["protocol"] = protocol.value if protocol else settings.get("protocol", "official")
        load = {**stored.load, **read_pairs(set_option)}
        questions = load_questions(chosen, annotations, settings["protocol"], load)
        found = stored.answers(questions)
        settings |= {"load": load, "predictions": str(predictions)}
        say(f"{len(found)} of {len(questions)} questions have an answer")
        who = open_judge(judge, chosen, out, predictions)
        if isinstance(who, Judge):
            background.run(who.check())
        _end(score_and_report(chosen, questions, found, settings, out, judge=who), out, json=json)


TempCompass = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A copy of llyx97/TempCompass, or its questions.", callback=existing)
]
Predictions = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="TempCompass predictions of one or several models, if elsewhere.", callback=existing
    ),
]
Judged = Annotated[
    Path | None, typer.Option(metavar="DIR", help="TempCompass judgements, if elsewhere.", callback=existing)
]
Cuts = Annotated[
    str, typer.Option(metavar="NAME", help="How captions were cut before judging: auto, plain, last-line, quoted.")
]
VideoMme = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Video-MME results: the official JSON, lmms-eval's log, VLMEvalKit's table.",
        callback=existing,
    ),
]
MvBench = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="MVBench results: the notebook's JSON, lmms-eval's log of a task or a folder of them, VLMEvalKit's table.",
        callback=existing,
    ),
]
TvBench = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="TVBench results: the notebook's JSON, lmms-eval's log or a folder of them.",
        callback=existing,
    ),
]
Tables = Annotated[
    list[Path] | None,
    typer.Option("--vlmevalkit", metavar="TABLE", help="TempCompass tables of VLMEvalKit.", callback=existing),
]
ScoreRules = Annotated[
    Rules | None,
    typer.Option(metavar="NAME", help=f"Whose rules: {RULES} (those of the run, or official)."),
]
AnyRules = Annotated[
    Rules | None,
    typer.Option(metavar="NAME", help=f"Whose rules, for the notebooks' JSON of MVBench and TVBench: {RULES}."),
]


def verify_scorers(
    tempcompass: TempCompass = None,
    predictions: Predictions = None,
    judged: Judged = None,
    captions: Cuts = "auto",
    video_mme: VideoMme = None,
    mvbench: MvBench = None,
    tvbench: TvBench = None,
    vlmevalkit: Tables = None,
    protocol: AnyRules = None,
    json: o.Json = False,
) -> None:
    """Compute scores from stored predictions again and hold them against published ones.

    A file is scored as the tool scores that wrote it, and compared with the scores that the tool wrote beside it. Exit
    code 1 on any difference. Files of models whose scores are not known are scored all the same.
    """
    from ..errors import SettingsError
    from ..evaluate.proofs import verify
    from ..evaluate.proofs.verify_files import verify_file

    with exit_codes():
        found = []
        if tempcompass or predictions or judged:
            found += list(verify.verify_tempcompass(tempcompass, predictions, judged, captions))
        rules: Protocol | None = protocol.value if protocol else None
        files = {"videomme": video_mme, "mvbench": mvbench, "tvbench": tvbench, "tempcompass": vlmevalkit}
        for benchmark, paths in files.items():
            found += [verify_file(path, benchmark, rules) for path in paths or ()]
        if not found:
            options = "--tempcompass, --predictions, --video-mme, --mvbench, --tvbench or --vlmevalkit"
            raise SettingsError(f"nothing to verify; give {options}")
        if json:
            print_json([one.plain() for one in found])
        else:
            print_text("\n\n".join(one.text() for one in found))
        if any(one.failures for one in found):
            raise typer.Exit(FAILED)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.", callback=existing)],
    second: Annotated[Path, typer.Argument(metavar="B", help="The folder of another.", callback=existing)],
    by: Annotated[str | None, typer.Option(metavar="GROUP", help="Also for each part, such as aspect or task.")] = None,
    json: o.Json = False,
) -> None:
    """Compare two scored runs question by question: the difference, its interval, and whether it may be chance."""
    from dataclasses import asdict

    from ..evaluate.compare import compare_runs
    from ..evaluate.figures import plain

    with exit_codes():
        found = compare_runs(first, second, by)
        if json:
            print_json(plain({name: asdict(one) for name, one in found.items()}))
        else:
            print_text("\n".join(f"{name}: {one.text()}" for name, one in found.items()))


def list_benchmarks(json: o.Json = False) -> None:
    """List the benchmarks: how many questions, whose rules, licence, and where to get the files."""
    from ..evaluate.benchmarks import BENCHMARKS

    if json:
        print_json(
            [
                {
                    "name": one.name,
                    "title": one.title,
                    "questions": one.items or None,
                    "protocols": list(one.protocols),
                    "frames": dict(one.frames),
                    "licence": one.licence,
                    "source": one.source,
                    "get": one.get,
                }
                for one in BENCHMARKS.values()
            ]
        )
        return
    for one in BENCHMARKS.values():
        frames = ", ".join(f"{protocol} ({one.frames[protocol]} frames)" for protocol in one.protocols)
        print_text(f"{one.name}: {one.title}, {one.items or 'unknown number of'} questions")
        print_text(f"  protocols {frames}")
        print_text(f"  licence   {one.licence or 'see its authors'}")
        print_text(f"  source    {one.source}")
        print_text(f"  get       {one.get or 'see its source'}")


def _check(model: VLM, judge: str | None) -> None:
    """Raises VLMError if the model or the judge's model cannot answer (see ``VLM.check``)."""
    background.run(model.check())
    if judge is not None and judge.partition(":")[0] not in ("local", "replay"):
        background.run(_model(judge, {}).check())


def _value(layout: Layouts | None) -> Literal["separate", "grid"] | None:
    return layout.value if layout else None


def _model(name: str, options: dict[str, Any]) -> VLM:
    from ..config import CaptionSettings

    return o.make_model(name, CaptionSettings(), options)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Any]:
    """A bar on stderr when that is a terminal; gives what is to be called with (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = rich_console()
    columns = (TextColumn("answers"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("answers", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _end(report: Report, out: Path, *, json: bool) -> None:
    if json:
        print_json(report.plain())
    else:
        print_text(report.text())
    say(f"answers, scores and report are in {out}")
    if report.failures:
        raise typer.Exit(FAILED)


app = typer.Typer(
    name="evaluate",
    help="Benchmarks of video understanding for any model, and proof of their scorers.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
app.command("run", cls=Verb, no_args_is_help=True)(run)
app.command("score", cls=Verb, no_args_is_help=True)(score)
app.command("verify-scorers", cls=Verb, no_args_is_help=True)(verify_scorers)
app.command("compare", cls=Verb, no_args_is_help=True)(compare)
app.command("list", cls=Verb)(list_benchmarks)
