"""diffusion-pipe: folders of clips with ``captions.json`` or a text beside each clip, and ``dataset.toml``.

Read in ``utils/dataset.py`` and ``models/base.py`` of github.com/tdrussell/diffusion-pipe, 8f83dbf.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from ...checking import Count, Limits, SidePixels, raise_for
from ...errors import SettingsError
from ...files import write_whole
from ...foreign import json_text
from ...given import from_json
from ..mixing import repeated, wrong_weights
from .base import Manifest, Row, Window
from .beside import below, read_beside, write_beside
from .toml import toml_text
from .writing import Options, caption_of, new_files, opened, require_new, texts_of

CAPTIONS, CONFIG = "captions.json", "dataset.toml"


@dataclass(frozen=True)
class DiffusionPipeOptions(Options):
    """Options of the layout of diffusion-pipe."""

    layout: Literal["json", "pairs"] = "json"
    """``json``: a captions.json in each folder of clips, with all captions of a clip; ``pairs``: a .txt beside each."""
    weights: dict[str, float] = field(default_factory=dict)
    """How often each caption of a clip is taken, by name (``json`` only). The trainer takes all of them in every epoch,
    so they are repeated, ten at most. Empty: each once."""
    frames: Annotated[int, Limits(2, 1 << 20)] = 33
    """Frames of the bucket, at the frame rate of the model. Shorter clips are skipped."""
    resolution: SidePixels = 512
    """Side of a square with as many pixels as the clips are trained with."""
    repeats: Count = 1
    """How often each clip is taken in an epoch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        raise_for(wrong_weights(self.weights))


def write_diffusion_pipe(rows: Iterable[Row], folder: Path, options: DiffusionPipeOptions) -> list[Path]:
    """Write ``dataset.toml`` (its path goes into the trainer's own settings) and the captions."""
    if not options.overwrite:
        require_new([folder / CONFIG])
    written: list[Path] = []
    if options.layout == "json":
        folders = _write_json(rows, folder, options, written)
    else:
        texts = ((row, caption_of(row.text, row.video)) for row in rows)
        folders = write_beside(texts, folder, overwrite=options.overwrite, first=written)
    write_whole(folder / CONFIG, _config(folder, folders, options))
    return [folder / CONFIG, *written]


def _write_json(
    rows: Iterable[Row], folder: Path, options: DiffusionPipeOptions, written: list[Path]
) -> dict[str, int]:
    folders: dict[str, int] = {}
    with ExitStack() as stack:
        files: dict[str, IO[str]] = {}
        for row in rows:
            path = below(row.video)
            parent = str(path.parent)
            if parent not in files:
                names = new_files(folder / parent, [CAPTIONS], overwrite=options.overwrite)
                (files[parent],) = stack.enter_context(names)
                written.append(folder / parent / CAPTIONS)
            texts = {name: caption_of(text, row.video) for name, text in row.texts.items()}
            listed = json.dumps(repeated(texts, options.weights))
            before = ",\n" if parent in folders else "{\n"
            files[parent].write(f"{before}{json_text(json.dumps(path.name))}: {listed}")
            folders[parent] = folders.get(parent, 0) + 1
        for file in files.values():
            file.write("\n}\n")
    return folders


def _config(folder: Path, folders: dict[str, int], options: DiffusionPipeOptions) -> str:
    """Nothing in it shuffles the parts of a caption: told in order, it would lose its order."""
    top = {
        "resolutions": [options.resolution],
        "enable_ar_bucket": True,
        "min_ar": 0.5,
        "max_ar": 2.0,
        "num_ar_buckets": 7,
        "frame_buckets": [1, options.frames],
        "shuffle_tags": False,
    }
    directories = [{"path": (folder.absolute() / name).as_posix(), "num_repeats": options.repeats} for name in folders]
    return toml_text(top, {"directory": directories})


def read_diffusion_pipe(folder: Path) -> Iterator[Row]:
    """The rows of all folders below: of ``captions.json`` where there is one, else of the texts beside the clips."""
    found = sorted(folder.rglob(CAPTIONS))
    for path in found:
        yield from _read_json(path, folder)
    for video, text in read_beside(folder):
        if not (folder / video).with_name(CAPTIONS).exists():
            yield Row(video, {"caption": text}, 0, 0.0, 0, 0)


def _read_json(path: Path, folder: Path) -> Iterator[Row]:
    for name, captions in _pairs(path):
        if not isinstance(captions, list) or not captions:
            raise SettingsError(f"{path}: {name}: captions.json must hold a list of captions for each video")
        video = (path.parent / name).relative_to(folder).as_posix()
        yield Row(video, texts_of(captions), 0, 0.0, 0, 0)


def _pairs(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON object, line by line where we wrote it, at once where somebody else did."""
    with opened(path) as file:
        if file.readline() == "{\n":
            try:
                for line in file:
                    if line != "}\n":
                        ((name, value),) = from_json(f"{{{line.rstrip().removesuffix(',')}}}").items()
                        yield name, value
                return
            except ValueError:
                pass  # another writer's lines
        file.seek(0)
        try:
            whole = from_json(file.read())
        except ValueError as wrong:
            raise SettingsError(f"{path}: is not JSON ({wrong})") from None
    if not isinstance(whole, dict):
        raise SettingsError(f"{path}: is not a JSON object of file names")
    yield from whole.items()


DIFFUSION_PIPE = Manifest(
    name="diffusion-pipe",
    summary="diffusion-pipe: captions.json or texts beside the clips, and dataset.toml",
    # Resampled to the frame rate of the model (16 for Wan, 24 for HunyuanVideo), then the first of them.
    window=Window(
        "head",
        step=4,
        add=1,
        minimum=2,
        fps=16.0,
        source="utils/dataset.py and models/base.py of tdrussell/diffusion-pipe, 8f83dbf",
    ),
    write=write_diffusion_pipe,
    read=read_diffusion_pipe,
    options=DiffusionPipeOptions,
    variants=True,
    encoders=("UMT5-512",),
)
