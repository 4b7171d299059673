"""musubi-tuner: a list of clips or a text beside each, and ``dataset.toml``.

Read in ``src/musubi_tuner/dataset/config_utils.py``, ``datasources.py`` and ``image_video_dataset.py`` of
github.com/kohya-ss/musubi-tuner, 30c658c. Paths are opened as they are, so they are written whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Any, Literal

from ...checking import Count, Limits, SidePixels
from ...errors import SettingsError
from ...files import write_whole
from .base import Manifest, Row, Window
from .beside import Distinct, read_beside, write_beside
from .tables import cell
from .toml import toml_table, toml_text
from .writing import Options, caption_of, json_item, new_files, path_of, read_lines, require_new

CONFIG = "dataset.toml"
WHOLE_CAPTION = ("head", "full")
"""Ways to take frames that take one run from the start of a clip."""
_SHARED = "musubi-tuner keeps captions by the name of the file, so that one would get the caption of the other"


@dataclass(frozen=True)
class MusubiOptions(Options):
    """Options of the layout of musubi-tuner."""

    layout: Literal["jsonl", "pairs"] = "jsonl"
    """``jsonl``: a list for each frame rate; ``pairs``: a .txt beside each clip."""
    frames: Annotated[int, Limits(1, 1 << 20)] = 81
    """Frames to train with, at the frame rate of the model: 4n + 1, or it is rounded down."""
    frame_extraction: str = "head"
    """``head``: the first frames; ``full``: all of a clip, up to ``frames``."""
    width: SidePixels = 960
    """Width of the area that clips are scaled to, each in its own shape."""
    height: SidePixels = 544
    """Height of that area."""
    batch_size: Count = 1
    """Clips in a batch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frame_extraction not in WHOLE_CAPTION:
            raise SettingsError(
                f"frame_extraction: {self.frame_extraction!r} gives parts of a clip the caption of the whole; cut the "
                f"clips and choose {' or '.join(WHOLE_CAPTION)}"
            )
        if self.frames % 4 != 1:
            raise SettingsError(f"frames: {self.frames} is not 4n + 1; choose {self.frames // 4 * 4 + 1}")


def write_musubi(rows: Iterable[Row], folder: Path, options: MusubiOptions) -> list[Path]:
    """Write ``dataset.toml`` (``--dataset_config``) and the captions.

    Raises SettingsError where two clips have one name, or the clips of a folder have several frame rates.
    """
    if not options.overwrite:
        require_new([folder / CONFIG])
    written: list[Path] = []
    datasets = (_write_lists if options.layout == "jsonl" else _write_pairs)(rows, folder, options, written)
    write_whole(folder / CONFIG, _config(datasets, options))
    return [folder / CONFIG, *written]


def _write_lists(
    rows: Iterable[Row], folder: Path, options: MusubiOptions, written: list[Path]
) -> list[dict[str, Any]]:
    """A list for each frame rate: ``source_fps`` is one number for all clips of a data set."""
    names, datasets = Distinct(_SHARED), dict[str, dict[str, Any]]()
    with ExitStack() as stack:
        files: dict[str, IO[str]] = {}
        for row in rows:
            video, text = path_of(row.video), caption_of(row.text, row.video)
            names.take(PurePosixPath(video).stem, video)
            name = f"captions-{_rate(row.fps):g}.jsonl" if row.fps else "captions.jsonl"
            if name not in files:
                (files[name],) = stack.enter_context(new_files(folder, [name], overwrite=options.overwrite))
                written.append(folder / name)
                datasets[name] = _dataset(folder, {"video_jsonl_file": folder.absolute() / name}, row.fps, options)
            path = os.path.normpath(folder.absolute() / video)
            files[name].write(json_item({"video_path": path, "caption": text}) + "\n")
    return list(datasets.values())


def _write_pairs(
    rows: Iterable[Row], folder: Path, options: MusubiOptions, written: list[Path]
) -> list[dict[str, Any]]:
    rates: dict[str, float] = {}

    def told() -> Iterator[tuple[Row, str]]:
        for row in rows:
            parent = str(PurePosixPath(row.video).parent)
            if rates.setdefault(parent, row.fps) != row.fps:
                raise SettingsError(
                    f"{row.video}: has {row.fps:g} frames per second, others of {parent} have {rates[parent]:g}, and "
                    "source_fps is one number for a folder; choose layout=jsonl, or cut all clips to one rate"
                )
            yield row, caption_of(row.text, row.video)

    found = write_beside(told(), folder, overwrite=options.overwrite, first=written)
    return [_dataset(folder, {"video_directory": folder.absolute() / name}, rates[name], options) for name in found]


def _rate(fps: float) -> float:
    return round(fps, 3)


def _dataset(folder: Path, where: Mapping[str, Path], fps: float, options: MusubiOptions) -> dict[str, Any]:
    """A data set. Each needs a cache of its own; ``source_fps`` has to be written with a point."""
    (path,) = where.values()
    plain: dict[str, Any] = {key: path.as_posix() for key, path in where.items()}
    plain |= {
        "cache_directory": (folder.absolute() / "cache" / path.stem).as_posix(),
        "frame_extraction": options.frame_extraction,
        "target_frames": [options.frames],
    }
    if options.frame_extraction == "full":
        plain["max_frames"] = options.frames
    if fps:
        plain["source_fps"] = float(_rate(fps))
    return plain


def _config(datasets: Iterable[Mapping[str, Any]], options: MusubiOptions) -> str:
    general = {
        "resolution": [options.width, options.height],
        "caption_extension": ".txt",
        "batch_size": options.batch_size,
        "enable_bucket": True,
        "bucket_no_upscale": False,
    }
    return toml_table("general", general) + toml_text({}, {"datasets": datasets})


def read_musubi(folder: Path) -> Iterator[Row]:
    """The rows of all lists in a folder, or of the texts beside its clips."""
    lists = sorted(folder.glob("captions*.jsonl"))
    for path in lists:
        told = path.stem.removeprefix("captions").removeprefix("-")
        try:
            rate = float(told or 0)
        except ValueError:
            raise SettingsError(f"{path}: {told!r} is no frame rate; a list is called captions-24.jsonl") from None
        for item in read_lines(path):
            video = Path(cell(item, "video_path", path))
            shown = video.relative_to(folder.absolute()) if video.is_relative_to(folder.absolute()) else video
            yield Row(shown.as_posix(), {"caption": cell(item, "caption", path)}, 0, rate, 0, 0)
    if not lists:
        for found, text in read_beside(folder):
            yield Row(found, {"caption": text}, 0, 0.0, 0, 0)


MUSUBI_TUNER = Manifest(
    name="musubi-tuner",
    summary="musubi-tuner: a list or texts beside the clips, and dataset.toml",
    # head: the first frames, after resampling from source_fps to the model's rate (16 for Wan, 24 for HunyuanVideo)
    window=Window(
        "head",
        step=4,
        add=1,
        fps=16.0,
        source="src/musubi_tuner/dataset/image_video_dataset.py of kohya-ss/musubi-tuner, 30c658c",
    ),
    write=write_musubi,
    read=read_musubi,
    options=MusubiOptions,
    encoders=("UMT5-512",),
)
