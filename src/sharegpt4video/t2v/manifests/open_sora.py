"""Open-Sora (hpcaitech): a table with a row for each clip, as CSV or Parquet.

Read in ``opensora/datasets/datasets.py``, ``utils.py`` and ``bucket.py`` of github.com/hpcaitech/Open-Sora, 7ad6a96
(v2.0); columns as ``scripts/cnv/meta.py`` writes them. v1.2 and v1.3 read the same columns.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ...errors import SettingsError
from ...files import whole_path
from .base import Manifest, Row, Window
from .tables import CHUNK_ROWS, csv_of, parquet_rows
from .writing import NOT_A_ROW, Options, cell_of, new_files, new_paths, path_of

COLUMNS = ("path", "text", "num_frames", "height", "width", "aspect_ratio", "resolution", "fps")
SCORES = {"vmaf_motion": "score_vmafmotion", "aesthetic": "aes", "flow": "flow"}
"""Our names of scores, and the columns of v2.0 (VMAF's motion) and of v1's tools."""
NAMES = {"csv": "train.csv", "parquet": "train.parquet"}


@dataclass(frozen=True)
class OpenSoraOptions(Options):
    """Options of the layout of Open-Sora."""

    format: Literal["csv", "parquet"] = "csv"
    """``train.csv`` or ``train.parquet``; only the second can be read with little memory."""


def write_open_sora(rows: Iterable[Row], folder: Path, options: OpenSoraOptions) -> list[Path]:
    """Write ``train.csv`` or ``train.parquet``. Trainers open its paths as they are, from where they were started."""
    items = (_item(row) for row in rows)
    name = NAMES[options.format]
    if options.format == "csv":
        with new_files(folder, [name], overwrite=options.overwrite) as (file,):
            writer = csv.DictWriter(file, (*COLUMNS, *SCORES.values()), lineterminator="\n")
            writer.writeheader()
            writer.writerows(items)
    else:
        with new_paths(folder, [name], overwrite=options.overwrite) as (path,):
            _write_parquet(path, items)
    return [folder / name]


def _item(row: Row) -> dict[str, Any]:
    text = cell_of(row.text, row.video)
    return {
        "path": path_of(row.video),
        "text": text,
        "num_frames": row.frames,
        "height": row.height,
        "width": row.width,
        "aspect_ratio": row.height / row.width if row.width else math.nan,
        "resolution": row.height * row.width,
        # The loader writes it into the caption as it reads it: "24 FPS", as prompts have it, and not "24.0 FPS".
        "fps": int(row.fps) if row.fps.is_integer() else row.fps,
        **{theirs: row.scores.get(ours) for ours, theirs in SCORES.items()},
    }


def _write_parquet(path: Path, items: Iterator[dict[str, Any]]) -> None:
    """One row group for a thousand rows; the loader reads scores that are not there as NaN.

    Frame rates are whole numbers where all of them are: else the loader would write "16.0 FPS." behind captions, and
    prompts end in "16 FPS.". That is known when all rows are written, so they are copied then.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"path": pa.string(), "text": pa.string(), "num_frames": pa.int64(), "height": pa.int64()}
    kinds |= {"width": pa.int64(), "resolution": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in (*COLUMNS, *SCORES.values())])
    whole = True
    with pq.ParquetWriter(path, schema) as writer:
        while chunk := list(islice(items, CHUNK_ROWS)):
            writer.write_table(pa.Table.from_pylist(chunk, schema))
            whole = whole and all(isinstance(item["fps"], int) for item in chunk)
            del chunk  # or it would be there beside the next one
    if whole:
        at = schema.get_field_index("fps")
        _copy_parquet(path, schema.set(at, pa.field("fps", pa.int64())))


def _copy_parquet(path: Path, schema: Any) -> None:
    """The same rows with the columns of a schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whole_path(path) as copied, pq.ParquetFile(path) as file, pq.ParquetWriter(copied, schema) as writer:
        for batch in file.iter_batches(CHUNK_ROWS):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def read_open_sora(folder: Path) -> Iterator[Row]:
    """The rows of the table in a folder. Columns that are not there keep their defaults."""
    there = [folder / name for name in NAMES.values() if (folder / name).exists()]
    if len(there) != 1:
        raise SettingsError(f"{folder}: holds {'both' if there else 'none'} of {' and '.join(NAMES.values())}")
    with _READERS[there[0].suffix](there[0]) as items:
        for number, item in enumerate(items, start=1):
            try:
                yield _row(item)
            except NOT_A_ROW as wrong:
                raise SettingsError(f"{there[0]}, row {number}: {wrong!r}") from None


_READERS: dict[str, Callable[[Path], Any]] = {".csv": csv_of, ".parquet": parquet_rows}


def _row(item: Mapping[str, Any]) -> Row:
    scores = {ours: float(item[theirs]) for ours, theirs in SCORES.items() if item.get(theirs) not in (None, "")}
    return Row(
        item["path"],
        {"caption": item["text"]},
        int(item.get("num_frames") or 0),
        float(item.get("fps") or 0.0),
        int(item.get("width") or 0),
        int(item.get("height") or 0),
        scores=scores,
    )


OPEN_SORA = Manifest(
    name="open-sora",
    summary="Open-Sora 1.2 to 2.0: a CSV or Parquet table",
    window=Window(
        "random",
        step=4,
        add=1,
        source="opensora/datasets/utils.py, temporal_random_crop, of hpcaitech/Open-Sora, 7ad6a96",
    ),
    write=write_open_sora,
    read=read_open_sora,
    options=OpenSoraOptions,
    encoders=("T5-512", "CLIP-77"),
    paths="absolute",
)
