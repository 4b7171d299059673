"""``sg4v evaluate captions-answer``: what captions let one know, by a benchmark's questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import background
from ..errors import SettingsError
from . import options as o
from .console import FAILED, exit_codes, print_json, print_text, say
from .evaluate import RULES, Annotations, Limit, Name, OutFolder, Rules, progress
from .settings import model_options, read_pairs

if TYPE_CHECKING:
    from ..evaluate.captions.answering import Answerer
    from ..evaluate.captions.given import CaptionSet
    from ..vlm.base import VLM

Captions = Annotated[
    list[str],
    typer.Option(
        "--captions",
        "-c",
        metavar="[NAME=]PATH",
        help="Captions of the videos: a data set, a folder of sg4v caption --out, JSON or JSON lines. Give it again for"
        " each captioner.",
    ),
]
JudgeName = Annotated[
    str,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="Who answers from the captions: server:MODEL@URL; `local` asks no model (weak); `replay` or `replay:MODEL`"
        " reuses stored replies; `world` is exact, for sets of sg4v world.",
    ),
]
Videos = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of the videos, to check that captions belong to them.",
        file_okay=False,
        show_default=False,
    ),
]
Sets = Annotated[
    list[str] | None,
    o.set_option("An option of the benchmark, such as forms=yes_no, or of the judge: model.temperature=0."),
]
Protocol = Annotated[Rules | None, typer.Option(metavar="NAME", help=f"Whose questions, if they differ: {RULES}.")]
By = Annotated[str | None, typer.Option(metavar="GROUP", help="Break the score down by it (default: the first).")]


def captions_answer(
    benchmark: Name,
    annotations: Annotations,
    captions: Captions,
    judge: JudgeName,
    out: OutFolder,
    videos: Videos = None,
    protocol: Protocol = None,
    by: By = None,
    limit: Limit = None,
    set_option: Sets = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Score captions by the multiple-choice questions that a judge can answer from them alone.

    Needs no reference captions. A stopped run goes on when it is started again. Exit code 1 when a video has no
    caption, or a question got no verdict.
    """
    from ..evaluate.launch import answer_from_captions

    with exit_codes():
        sets = {one.name: one for one in map(_set_named, captions)}
        if len(sets) < len(captions):
            raise _same_names(captions)
        own, others = model_options(None, set_option)
        who = _judge(judge, own, out)
        rules: dict[str, Any] = {"protocol": protocol.value if protocol else None, "load": read_pairs(others)}
        where: dict[str, Any] = {"annotations": annotations, "out": out, "videos": videos, "limit": limit, "by": by}
        with progress(quiet=quiet) as tick:
            report = answer_from_captions(benchmark, sets, who, **where, **rules, on_progress=tick)
        if json:
            print_json(report.plain())
        else:
            print_text(report.text(by))
        say(f"scores and report are in {out}")
        if report.failures:
            raise typer.Exit(FAILED)


def _set_named(word: str) -> CaptionSet:
    from ..evaluate.captions.given import captions_of_rows, read_captions

    name, mark, place = word.partition("=")
    if not mark or Path(word).exists():
        name, place = "", word
    if not place:
        raise SettingsError(f"--captions {word!r} names no captions; give a file or a folder, as in ours=captions.json")
    path = Path(place)
    if not (path / "dataset.json").is_file():
        return read_captions(path, name)
    from ..dataset.dataset import open_dataset

    return captions_of_rows(open_dataset(path).captions(dropped=True), name or path.name)


def _same_names(captions: list[str]) -> Exception:
    return SettingsError(f"two sets of captions have the same name; name them, as in first={captions[0]}")


def _judge(name: str, options: dict[str, Any], out: Path) -> str | VLM | Answerer:
    """The judge of that name. Raises VLMError if a model cannot answer, unless it has answered before."""
    if name == "world":
        from ..world.answering import WorldReader

        return WorldReader()
    if name == "local" or name.partition(":")[0] == "replay":
        return name
    from ..config import CaptionSettings
    from ..evaluate.judge import FILE

    model = o.make_model(name, CaptionSettings(), options)
    if not (out / "judge" / FILE).is_file():
        background.run(model.check())
    return model
