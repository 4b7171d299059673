"""SimpleTuner: texts beside the clips, or captions as file names, and ``multidatabackend.json``.

Read in ``simpletuner/helpers/prompts.py``, ``caching/vae.py`` and ``documentation/DATALOADER.md`` of
github.com/bghira/SimpleTuner, bc8e6ab.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from ...checking import Limits, SidePixels, raise_for
from ...errors import SettingsError, StorageError
from ...files import write_whole
from ..mixing import repeated, wrong_weights
from .base import Manifest, Row, Window
from .beside import ENDINGS, read_beside, write_beside
from .writing import Options, caption_of, path_of, require_new, texts_of

CONFIG, NAMED = "multidatabackend.json", "named"
MOST_NAME_BYTES = 255


@dataclass(frozen=True)
class SimpleTunerOptions(Options):
    """Options of the layout of SimpleTuner."""

    layout: Literal["pairs", "filename"] = "pairs"
    """``pairs``: a .txt beside each clip; ``filename``: links in a folder ``named``, whose names are the captions."""
    weights: dict[str, float] = field(default_factory=dict)
    """How often each caption of a clip is taken, by name (``pairs`` only): one in each line of the text, of which the
    trainer takes one by chance. Empty: each once."""
    id: str = "clips"
    """What the data set is called in its settings and caches."""
    frames: Annotated[int, Limits(1, 1 << 20)] = 81
    """Frames to train with, the first of each clip. Shorter clips are skipped."""
    resolution: SidePixels = 480
    """Side of a square with as many pixels as the clips are trained with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        raise_for(wrong_weights(self.weights))


def write_simpletuner(rows: Iterable[Row], folder: Path, options: SimpleTunerOptions) -> list[Path]:
    """Write ``multidatabackend.json`` (``--data_backend_config``) and the captions."""
    if not options.overwrite:
        require_new([folder / CONFIG])
    written: list[Path] = []
    if options.layout == "pairs":
        write_beside(_lines(rows, options), folder, overwrite=options.overwrite, first=written)
    else:
        _write_named(rows, folder, options, written)
    write_whole(folder / CONFIG, json.dumps(_config(folder, options), indent=2) + "\n")
    return [folder / CONFIG, *written]


def _lines(rows: Iterable[Row], options: SimpleTunerOptions) -> Iterator[tuple[Row, str]]:
    for row in rows:
        texts = {name: caption_of(text, row.video) for name, text in row.texts.items()}
        yield row, "\n".join(repeated(texts, options.weights))


def _write_named(rows: Iterable[Row], folder: Path, options: SimpleTunerOptions, written: list[Path]) -> None:
    named = folder / NAMED
    if named.exists():
        if not options.overwrite:
            require_new([named])
        shutil.rmtree(named)
    for row in rows:
        text = caption_of(row.text, row.video)
        path = named / f"{_name(text, row.video)}{Path(path_of(row.video, endings=ENDINGS)).suffix}"
        _link(folder / row.video, path)
        if not written:
            written.append(path)


def _name(text: str, video: str) -> str:
    """A caption as a name. Raises SettingsError for one that would come back changed."""
    name = text.replace(" ", "_")
    size = len(os.fsencode(name)) + max(map(len, ENDINGS))
    if size > MOST_NAME_BYTES:
        raise SettingsError(f"{video}: its caption has {size} bytes, a name holds {MOST_NAME_BYTES}; choose pairs")
    if "/" in name or "_" in text or name.startswith("."):
        raise SettingsError(f"{video}: a name cannot hold its caption ({text[:40]!r}): '/', '_' or '.'; choose pairs")
    return name


def _link(video: Path, path: Path) -> None:
    """The video under another name: a hard link, or a copy where the disk has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(video, path)
    except FileExistsError:
        raise SettingsError(f"{path}: two clips have this caption, and names must differ; choose pairs") from None
    except FileNotFoundError:
        raise SettingsError(f"{video}: is not there; a caption as a name needs its video") from None
    except OSError:
        try:
            shutil.copyfile(video, path)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error


def _config(folder: Path, options: SimpleTunerOptions) -> list[dict[str, Any]]:
    strategy = "textfile" if options.layout == "pairs" else "filename"
    clips = {
        "id": options.id,
        "type": "local",
        "dataset_type": "video",
        "instance_data_dir": (folder.absolute() / ("" if strategy == "textfile" else NAMED)).as_posix(),
        "caption_strategy": strategy,
        "metadata_backend": "discovery",
        "crop": False,
        "resolution": options.resolution,
        "resolution_type": "pixel_area",
        "cache_dir_vae": f"cache/vae/{options.id}",
        "repeats": 0,
        "video": {"num_frames": options.frames, "min_frames": options.frames},
    }
    texts = {"id": "text-embeds", "type": "local", "dataset_type": "text_embeds", "default": True}
    return [clips, {**texts, "cache_dir": f"cache/text/{options.id}", "write_batch_size": 128}]


def read_simpletuner(folder: Path) -> Iterator[Row]:
    """The rows of a folder: of the names in ``named`` where it is there, else of the texts beside the clips."""
    if (folder / NAMED).is_dir():
        for path in sorted(folder.joinpath(NAMED).rglob("*")):
            if path.suffix in ENDINGS:
                yield Row(path.relative_to(folder).as_posix(), {"caption": path.stem.replace("_", " ")}, 0, 0.0, 0, 0)
        return
    for video, text in read_beside(folder):
        yield Row(video, texts_of([line for line in text.split("\n") if line]), 0, 0.0, 0, 0)


SIMPLETUNER = Manifest(
    name="simpletuner",
    summary="SimpleTuner: texts beside the clips, and multidatabackend.json",
    window=Window(
        "head",
        step=4,
        add=1,
        source="simpletuner/helpers/caching/vae.py of bghira/SimpleTuner, bc8e6ab",
    ),
    write=write_simpletuner,
    read=read_simpletuner,
    options=SimpleTunerOptions,
    variants=True,
    encoders=("UMT5-512",),
)
