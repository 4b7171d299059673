"""``sg4v dataset export``, ``audit``, ``report``, ``plan``: what goes out of a data set, comes in, or is told of it."""

from __future__ import annotations

from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from .building import DataSet
from .console import FAILED, exit_codes, print_text, say
from .curating import StepSets
from .options import existing
from .settings import read_pairs, values


class PathsName(str, Enum):
    """How an export writes the paths of videos."""

    relative = "relative"
    absolute = "absolute"


Format = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="sharegpt4video, parquet, webdataset, llava, messages, captioner, t2v, srt, vtt, csv or lance.",
        show_default=False,
    ),
]
Folder = Annotated[
    str,
    typer.Option(
        "--out", "-o", metavar="FOLDER", help="Folder to write to; srt and vtt need none.", show_default=False
    ),
]
Splits = Annotated[
    list[str] | None, typer.Option("--split", metavar="SPLIT", help="Only train, val or test.", show_default=False)
]
Problems = Annotated[bool, typer.Option("--include-problems", help="Include texts that are marked with a problem.")]
MediaRoot = Annotated[str, typer.Option(metavar="FOLDER", help="Name videos below this folder relative to it.")]
ExportPaths = Annotated[
    PathsName | None,
    typer.Option(
        "--paths",
        help="Name videos relative to --out or absolutely (relative, but for csv with columns=opensora).",
        show_default=False,
    ),
]
Push = Annotated[
    str | None,
    typer.Option("--push", metavar="REPO", help="Upload the export to this data set of the Hub (extra hub)."),
]


def export(
    directory: DataSet,
    format: Format,
    out: Folder = "",
    split: Splits = None,
    clips: Annotated[bool, typer.Option("--clips", help="Export the clips, too.")] = False,
    include_problems: Problems = False,
    media_root: MediaRoot = "",
    paths: ExportPaths = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    changes: StepSets = None,
    push: Push = None,
    public: Annotated[bool, typer.Option("--public", help="With --push: make a public data set.")] = False,
) -> None:
    """Write a data set in a format that trainers read."""
    from ..dataset.export import export as write
    from ..dataset.export import push as upload
    from ..dataset.store.store import Store
    from ..errors import MissingExtra

    with exit_codes():
        if push is not None and find_spec("huggingface_hub") is None:  # said before an export that may take hours
            raise MissingExtra("pushing to the Hub", "hub")
        result = write(
            Store.open(directory),
            format,
            out,
            splits=split,
            clips=clips,
            include_problems=include_problems,
            media_root=media_root,
            paths=None if paths is None else paths.value,
            overwrite=overwrite,
            options=read_pairs(changes),
        )
        print_text(result.text())
        if push is not None:
            say(f"pushed to {upload(out, push, private=not public)}")
        if result.failed:
            raise typer.Exit(FAILED)


def audit(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A released .jsonl or .json, or a folder of them.", callback=existing)
    ],
    media: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder with zip_folder/ or the videos.")
    ] = None,
    probe: Annotated[bool, typer.Option(help="Open each video that is found, to compare lengths.")] = True,
    convert: Annotated[
        str | None, typer.Option("--convert", metavar="DIR", help="Also convert the captions into this new data set.")
    ] = None,
    keyframe_unit: Annotated[
        str, typer.Option(metavar="UNIT", help="Unit of the numbers in keyframe: seconds, or candidates 2 s apart.")
    ] = "seconds",
) -> None:
    """Look through files in the layout of the released ShareGPT4Video data set, and tell what is wrong with them."""
    from ..dataset.released.audit import audit as look_through

    with exit_codes():
        report = look_through(path, media=media, probe=probe)
        print_text(report.text())
        if convert is not None:
            _convert(path, convert, media, keyframe_unit)
        elif report.found:
            raise typer.Exit(FAILED)


def _convert(path: Path, out: str, media: Path | None, keyframe_unit: str) -> None:
    from typing import cast

    from ..dataset.released.convert import UNREADABLE, KeyframeUnit, convert
    from ..dataset.settings import DatasetSettings
    from ..dataset.store.lock import lock
    from ..dataset.store.store import Store

    with lock(out) as held:
        store = Store.create(out, DatasetSettings(), "released captions", "")
        store.guard = held.check
        done = convert(path, store, media=media, keyframe_unit=cast(KeyframeUnit, keyframe_unit))
    print_text(done.text())
    if done.missing[UNREADABLE]:
        raise typer.Exit(FAILED)


def report(
    directory: DataSet,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.html", help="The page.")] = Path("report.html"),
    samples: Annotated[int, typer.Option(min=0, metavar="N", help="Videos shown with their keyframes.")] = 60,
    seed: Annotated[int, typer.Option(metavar="N", help="Another number picks other videos.")] = 0,
) -> None:
    """Write one self-contained HTML page about a data set: counts, distributions, filters, findings, samples."""
    from ..dataset.report import write_report
    from ..dataset.store.store import Store

    with exit_codes():
        say(write_report(Store.open(directory), out, samples=samples, seed=seed).text())


def plan(
    videos: Annotated[int, typer.Option(min=1, metavar="N", help="How many videos.", show_default=False)],
    seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Their mean length.", show_default=False)
    ] = None,
    measured: Annotated[
        str | None,
        typer.Option("--measured", metavar="DIR", help="Take steps, tokens and rates from this data set."),
    ] = None,
    changes: StepSets = None,
) -> None:
    """Estimate requests, tokens, time and cost of a data set, with the arithmetic shown.

    Give what is known with --set, such as --set gpus=8 --set output_tokens_per_second=2000 --set usd_per_gpu_hour=2.5
    --set steps=10.
    """
    from ..dataset.plan import plan as planning
    from ..dataset.plan.rates import measure_rates
    from ..dataset.store.store import Store

    with exit_codes():
        length = {} if seconds is None else {"seconds": seconds}
        inputs = values(planning.PlanInputs, changes, {"videos": videos, **length})
        rates = None if measured is None else measure_rates(Store.open(measured))
        print_text(planning.plan(inputs, rates).text())
