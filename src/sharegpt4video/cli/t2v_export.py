"""``sg4v t2v export``: clips, captions and the manifest of a trainer of video generators."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .console import FAILED, exit_codes, print_text
from .sharing import PathsName, Splits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..t2v.export import ExportSettings
    from ..t2v.record import Record

_CLIPS, _CAPTIONS = "Clips", "Captions"
_TRAINERS = (
    "Whose files to write: open-sora-plan, open-sora-plan-v1.1, open-sora, finetrainers, diffusers-cogvideox, "
    "diffusion-pipe, musubi-tuner, diffsynth, fastvideo, ltx-video-trainer, ltx-2, ai-toolkit, simpletuner, "
    "webdataset."
)

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A data set, records.jsonl, or captions (.json) of sg4v caption: a file or their folder.",
        show_default=False,
    ),
]
Trainer = Annotated[str, typer.Option("--for", metavar="TRAINER", help=_TRAINERS, show_default=False)]
NewFolder = Annotated[
    Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder to write to.", file_okay=False, show_default=False)
]
Frames = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Frames of each clip (as the trainer is set to, else as long as the shots).",
        rich_help_panel=_CLIPS,
        show_default=False,
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="F", help="Frames per second (the trainer's, or 24).", rich_help_panel=_CLIPS, show_default=False
    ),
]
First = Annotated[bool, typer.Option("--first", help="Only the first clip of each video.", rich_help_panel=_CLIPS)]
CrossShots = Annotated[bool, typer.Option("--cross-shots", help="Let a clip go on over a cut.", rich_help_panel=_CLIPS)]
Untold = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=1,
        help="How much of a clip, at its ends, may go untold where a step is cut; 0 refuses all such clips.",
        rich_help_panel=_CLIPS,
    ),
]
Side = Annotated[
    int | None,
    typer.Option(
        min=16,
        metavar="PIXELS",
        help="Longest side of the clips (the video's).",
        rich_help_panel=_CLIPS,
        show_default=False,
    ),
]
Audio = Annotated[bool, typer.Option("--audio/--no-audio", help="Keep the sound.", rich_help_panel=_CLIPS)]
Variants = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Captions of each clip: dense, medium, short, the main one first.",
        rich_help_panel=_CAPTIONS,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="How often each is trained on: 0.6,0.3,0.1.",
        rich_help_panel=_CAPTIONS,
        show_default=False,
    ),
]


class Suffix(str, Enum):
    """Scores and camera behind a caption."""

    none = "none"
    open_sora_1_2 = "open-sora-1.2"
    open_sora_1_3 = "open-sora-1.3"
    open_sora_2 = "open-sora-2"


Encoder = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Fit captions to this text encoder or generator, such as T5-226 or HunyuanVideo; events go last.",
        rich_help_panel=_CAPTIONS,
    ),
]
Suffixes = Annotated[
    Suffix,
    typer.Option(
        metavar="NAME",
        help="Put scores and the camera move behind each caption: open-sora-1.2, open-sora-1.3, open-sora-2 or none.",
        rich_help_panel=_CAPTIONS,
    ),
]
TrainerSets = Annotated[
    list[str] | None,
    o.set_option("Set an option of the trainer's layout, such as layout=pairs; may be given several times."),
]
Media = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The folder of the videos, if they have moved since they were captioned.",
        show_default=False,
    ),
]
ClipPaths = Annotated[
    PathsName | None,
    typer.Option("--paths", help="Name clips from the manifest or absolutely.", show_default=False),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes (one for each core).", show_default=False)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an export with other settings.")]


def export(
    source: Source, trainer: Trainer, out: NewFolder,
    frames: Frames = None, fps: Fps = None, first: First = False, cross_shots: CrossShots = False,
    untold: Untold = 0.1, side: Side = None, audio: Audio = True,
    variants: Variants = "dense", weights: Weights = None, suffix: Suffixes = Suffix.none, encoder: Encoder = "",
    split: Splits = None, media: Media = None, paths: ClipPaths = None, changes: TrainerSets = None,
    jobs: Jobs = None, overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Cut clips to the frames that a trainer will see, and write their captions as it reads them.

    A caption tells what happens in its clip and nothing else; where that is not known, the clip is refused and counted.
    A run that was stopped goes on when it is started again.
    """
    from ..t2v import export as t2v
    from .settings import read_pairs

    with exit_codes():
        t2v.manifest_named(trainer)  # said before a data set is read
        plan = {"frames": frames, "fps": fps, "clips": "first" if first else "all", "cross_shots": cross_shots}
        settings = _settings({**plan, "most_untold": untold}, side, audio, variants, weights, suffix, encoder, paths)
        records, options = _records(source, out, split, media), read_pairs(changes)
        result = t2v.export(records, trainer, out, settings, options=options, processes=jobs, overwrite=overwrite)
        print_text(result.text())
        if result.failed:
            raise typer.Exit(FAILED)


def _settings(
    plan: dict[str, Any],
    side: int | None,
    audio: bool,
    variants: str,
    weights: str | None,
    suffix: Suffix,
    encoder: str,
    paths: PathsName | None,
) -> ExportSettings:
    """What the options add up to. Raises SettingsError."""
    from ..t2v.cutting import Cutting
    from ..t2v.export import ExportSettings
    from ..t2v.planning import PlanSettings

    names = tuple(name.strip() for name in variants.split(",") if name.strip())
    return ExportSettings(
        PlanSettings(**plan),
        Cutting(side_pixels=side, audio=audio),
        names,
        _weights(names, weights),
        suffix=suffix.value,
        encoder=encoder,
        paths=None if paths is None else paths.value,
    )


def _weights(names: tuple[str, ...], given: str | None) -> dict[str, float]:
    """Weights by name. Raises SettingsError if there is not one for each."""
    from ..errors import SettingsError

    if given is None:
        return {}
    try:
        numbers = [float(number) for number in given.split(",")]
    except ValueError:
        raise SettingsError(f"--weights are numbers with commas between, not {given!r}") from None
    if len(numbers) != len(names):
        raise SettingsError(f"--weights has {len(numbers)} numbers for {len(names)} variants ({', '.join(names)})")
    return dict(zip(names, numbers, strict=True))


def _records(source: str, out: Path, splits: list[str] | None, media: Path | None) -> Iterator[Record]:
    """The records of a source; those of a data set are exported first, into ``OUT/records``."""
    from ..dataset.export import SPLITS
    from ..dataset.export import export as export_records
    from ..dataset.store.store import Store
    from ..errors import SettingsError
    from ..t2v.sources import records_from

    if wrong := [split for split in splits or () if split not in SPLITS]:
        raise SettingsError(f"splits are {', '.join(SPLITS)}, not {', '.join(wrong)}")
    place = Path(source)
    if not place.is_file() and Store(source).exists():
        place = out / "records"
        made: Any = export_records(Store.open(source), "t2v", str(place), splits=splits, overwrite=True)
        if made.left_out or made.notes:  # else its counts are those of the clips, once more
            print_text(made.text())
    for record in records_from(place, media=media):
        if not splits or record.split in splits:
            yield record
