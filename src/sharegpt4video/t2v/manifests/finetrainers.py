"""finetrainers: four layouts of a local folder, which it recognises by their files, and ``training.json``.

Read in ``finetrainers/data/dataset.py`` and ``functional/video.py`` of github.com/huggingface/finetrainers, f476c37.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from ...checking import Count, Limits, SidePixels, raise_for
from ...errors import SettingsError
from ...files import write_whole
from ...given import read_bytes, read_json
from ..mixing import normalised, wrong_weights
from .base import Manifest, Row, Window
from .lines import CAPTIONS, VIDEOS, read_pair_of_lists, write_pair_of_lists
from .tables import read_csv
from .tars import add_member, new_tars, read_tars
from .writing import (
    Options,
    caption_of,
    cell_of,
    json_item,
    new_files,
    one_paragraph,
    opened,
    path_of,
    read_lines,
    require_new,
)

Layout = Literal["files", "pairs", "csv", "jsonl", "webdataset"]
ENDINGS = (".mp4", ".mov")
COLUMNS = {"dense": "long_caption.txt", "medium": "caption.txt", "short": "short_caption.txt"}
"""The columns of captions in a tar. What ends in ``.txt`` is read as text; the name itself may be any."""
TRAINING, VALIDATION = "training.json", "validation.json"
SHARDS = "shards"
"""The folder of the tars. ``datasets`` takes any other file beside them, such as training.json, for the data."""


@dataclass(frozen=True)
class FinetrainersOptions(Options):
    """Options of the layouts of finetrainers."""

    layout: Layout = "files"
    """``files``: prompts.txt and videos.txt; ``pairs``: a .txt beside each video; ``csv`` or ``jsonl``: metadata for
    ``datasets``; ``webdataset``: tar shards with the videos in them, the only one with several captions per clip."""
    weights: dict[str, float] = field(default_factory=dict)
    """How often each caption of a clip is taken, by name, such as dense: 0.8, short: 0.2 (``webdataset`` only)."""
    id_token: str = ""
    """A word that the trainer puts before every caption."""
    frames: Count = 49
    """Frames of the bucket in training.json. Of files with fewer, only the first frame is used, as a still picture."""
    height: SidePixels = 480
    """Height of the bucket in training.json."""
    width: SidePixels = 832
    """Width of the bucket in training.json."""
    shard_bytes: Annotated[int, Limits(1, 1 << 50)] = 1 << 30
    """Maximum bytes of a tar shard (``webdataset`` only)."""
    validation_prompts: Count = 8
    """How many captions of held-out clips become prompts in validation.json."""

    @property
    def several(self) -> bool:
        """Whether the layout holds several captions of a clip."""
        return self.layout == "webdataset"

    def __post_init__(self) -> None:
        super().__post_init__()
        raise_for(wrong_weights(self.weights))
        if self.weights and self.layout != "webdataset":
            raise SettingsError("weights need layout=webdataset; the other layouts hold one caption per clip")


def write_finetrainers(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> list[Path]:
    """Write ``training.json`` (``--dataset_config``) and the files of the layout.

    Raises SettingsError where other files in the folder would make the trainer take it for another layout.
    """
    if not options.overwrite:
        require_new([folder / TRAINING])
    names = set[str]()
    written = _WRITERS[options.layout](_naming(rows, names), folder, options)
    if not written:
        raise SettingsError(f"{folder}: there is no clip to write")
    config = {"datasets": [_dataset(written[0], names, options)]}
    write_whole(folder / TRAINING, json.dumps(config, ensure_ascii=False, indent=2) + "\n")
    return [folder / TRAINING, *written]


def _require_recognised(root: Path, layout: Layout) -> None:
    """Metadata win over tars, those over pairs, and these over two lists: the first that is found is read."""
    own = f"metadata.{layout}"
    others = [root / f"metadata.{ending}" for ending in ("csv", "json", "jsonl")]
    there = [path for path in others if path.name != own and path.exists()]
    if layout in ("files", "pairs") and root.is_dir():
        there += [path for path in root.rglob("*") if path.suffix in (".tar", ".parquet")]
    if there:
        raise SettingsError(f"{there[0]}: would be read instead of layout={layout}; choose another folder")


def _naming(rows: Iterable[Row], names: set[str]) -> Iterator[Row]:
    for row in rows:
        names.update(row.texts)
        yield row


def _dataset(first: Path, names: set[str], options: FinetrainersOptions) -> dict[str, Any]:
    root = first.parent.absolute().as_posix()
    plain: dict[str, Any] = {"data_root": root, "dataset_type": "video"}
    if options.id_token:
        plain["id_token"] = options.id_token
    plain |= {
        "video_resolution_buckets": [[options.frames, options.height, options.width]],
        "reshape_mode": "bicubic",
        "remove_common_llm_caption_prefixes": True,
    }
    if options.layout == "webdataset":
        shares = normalised(options.weights, dict.fromkeys(sorted(names)))
        weights = {_column(name): round(share, 6) for name, share in shares.items() if share > 0}
        plain["caption_options"] = {"column_names": list(weights), "weights": weights}
    return plain


def _column(name: str) -> str:
    return COLUMNS.get(name, f"{name}.txt")


def _write_files(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> list[Path]:
    _require_recognised(folder, "files")
    return write_pair_of_lists(_videos(rows), folder, overwrite=options.overwrite)


def _videos(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        path_of(row.video, endings=ENDINGS)
        yield row


def _write_pairs(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> list[Path]:
    """``a.txt`` beside ``a.mp4``. Only files right in one folder are found, so all videos have to be in the same."""
    first: Path | None = None
    for row in rows:
        video = folder / path_of(row.video, endings=ENDINGS)
        caption = caption_of(row.text, row.video)
        text = video.with_suffix(".txt")
        if first is None:
            _require_recognised(text.parent, "pairs")
        elif text.parent != first.parent:
            raise SettingsError(f"{video}: is in another folder than {first.name}; pairs have to be in one")
        double = [ending for ending in ENDINGS if ending != video.suffix and video.with_suffix(ending).exists()]
        if double:
            raise SettingsError(f"{text}: would belong to two videos, {video.suffix} and {double[0]}; rename one")
        if not _says(text, caption):
            with new_files(text.parent, [text.name], overwrite=options.overwrite) as (file,):
                file.write(caption + "\n")
        first = first or text
    return [first] if first is not None else []


def _says(text: Path, caption: str) -> bool:
    """Whether a file holds this caption already: a run that was stopped half-way goes on."""
    return text.exists() and read_bytes(text) == f"{caption}\n".encode()


def _write_metadata(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> list[Path]:
    """``metadata.csv`` beside the videos: ``datasets`` finds no video at all where training.json lies in the folder."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return []
    root = (folder / path_of(first.video, endings=ENDINGS)).parent
    if root.resolve() == folder.resolve():
        raise SettingsError(f"{folder}: the videos have to lie in a folder of their own, such as clips/")
    _require_recognised(root, options.layout)
    name = f"metadata.{options.layout}"
    with new_files(root, [name], overwrite=options.overwrite) as (file,):
        table = csv.writer(file, lineterminator="\n")
        if options.layout == "csv":
            table.writerow(("file_name", "caption"))
        for row in chain([first], rows):
            path, text = folder / path_of(row.video, endings=ENDINGS), cell_of(row.text, row.video)
            if path.parent != root:
                raise SettingsError(f"{row.video}: is in another folder than {first.video}; they have to be in one")
            if options.layout == "csv":
                table.writerow((path.name, text))
            else:
                file.write(json_item({"file_name": path.name, "caption": text}) + "\n")
    return [root / name]


def _write_webdataset(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> list[Path]:
    """Tars with ``KEY.mp4`` and a member for each caption. All samples have the same columns, as the reader needs."""
    columns: set[str] | None = None
    shards = folder / SHARDS
    with new_tars(shards, "train-{:06d}.tar", options.shard_bytes, overwrite=options.overwrite) as tars:
        for number, row in enumerate(rows):
            columns = columns or set(row.texts)
            if set(row.texts) != columns:
                raise SettingsError(f"{row.video}: its captions are {sorted(row.texts)}, others {sorted(columns)}")
            path = folder / path_of(row.video, endings=ENDINGS)
            texts = {_column(name): caption_of(text, row.video) for name, text in row.texts.items()}
            add_member(tars, f"{number:09d}", path, texts)
    return tars.written


_WRITERS: dict[Layout, Callable[[Iterable[Row], Path, FinetrainersOptions], list[Path]]] = {
    "files": _write_files,
    "pairs": _write_pairs,
    "csv": _write_metadata,
    "jsonl": _write_metadata,
    "webdataset": _write_webdataset,
}


def read_finetrainers(folder: Path) -> Iterator[Row]:
    """The rows of the layout that the trainer would recognise."""
    root = _root(folder)
    if (root / "metadata.csv").exists():
        yield from (_named(item, root, folder) for item in read_csv(root / "metadata.csv"))
    elif (root / "metadata.jsonl").exists():
        yield from (_named(item, root, folder) for item in read_lines(root / "metadata.jsonl"))
    elif any(folder.rglob("*.tar")):
        names = {column: name for name, column in COLUMNS.items()}
        for video, texts in read_tars(sorted(folder.rglob("*.tar")), ENDINGS):
            named = {names.get(column, column.removesuffix(".txt")): text for column, text in texts.items()}
            yield Row(video, {name: named[name] for name in sorted(named, key=_rank)}, 0, 0.0, 0, 0)
    elif (folder / CAPTIONS).exists() and (folder / VIDEOS).exists():
        yield from read_pair_of_lists(folder)
    else:
        yield from _read_pairs(root, folder)


def _rank(name: str) -> tuple[int, str]:
    return (list(COLUMNS).index(name) if name in COLUMNS else len(COLUMNS), name)


def _named(item: dict[str, Any], root: Path, folder: Path) -> Row:
    return Row(_seen_from(folder, root / str(item["file_name"])), {"caption": str(item["caption"])}, 0, 0.0, 0, 0)


def _seen_from(folder: Path, video: Path) -> str:
    return (video.relative_to(folder) if video.is_relative_to(folder) else video).as_posix()


def _root(folder: Path) -> Path:
    """The folder of the data that ``training.json`` names; metadata and pairs lie beside their videos."""
    try:
        return Path(read_json(folder / TRAINING)["datasets"][0]["data_root"])
    except (OSError, ValueError, LookupError, TypeError):
        return folder


def _read_pairs(root: Path, folder: Path) -> Iterator[Row]:
    for name in sorted(path.name for path in root.iterdir() if path.suffix == ".txt"):
        text = root / name
        video = next((text.with_suffix(ending) for ending in ENDINGS if text.with_suffix(ending).exists()), None)
        if video is not None:
            with opened(text) as file:
                yield Row(_seen_from(folder, video), {"caption": one_paragraph(file.read())}, 0, 0.0, 0, 0)


def write_validation(rows: Iterable[Row], folder: Path, options: FinetrainersOptions) -> Path:
    """Write ``validation.json`` (``--validation_dataset_file``): captions of held-out clips as prompts."""
    prompts = []
    for row, _ in zip(rows, range(options.validation_prompts), strict=False):
        prompt = caption_of(row.text, row.video)
        prompt = f"{options.id_token} {prompt}" if options.id_token else prompt
        prompts.append(
            {
                "caption": prompt,
                "image_path": None,
                "video_path": None,
                "num_inference_steps": 50,
                "height": options.height,
                "width": options.width,
                "num_frames": options.frames,
                "frame_rate": round(row.fps) or 24,
            }
        )
    write_whole(folder / VALIDATION, json.dumps({"data": prompts}, ensure_ascii=False, indent=2) + "\n")
    return folder / VALIDATION


FINETRAINERS = Manifest(
    name="finetrainers",
    summary="finetrainers: two lists, pairs, metadata or tars, and training.json",
    # Of a longer file the frames of the bucket are picked evenly; of a shorter one only the first frame is used.
    window=Window(
        "spread",
        minimum=49,
        source="functional/video.py, resize_to_nearest_bucket_video, of huggingface/finetrainers, f476c37",
    ),
    write=write_finetrainers,
    read=read_finetrainers,
    options=FinetrainersOptions,
    variants=True,
    encoders=("T5-226", "T5-128", "UMT5-512"),
    validation=write_validation,
)
