"""Exports: files to train on, made from a data set. ``EXPORTERS`` names every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from ...checking import did_you_mean, one_of, raise_for, validated
from ...errors import SettingsError
from ..store.store import Store
from .captioner import CaptionerOptions, write_captioner
from .hub import push
from .job import Exporter, ExportJob, ExportResult
from .lance import LanceOptions, write_lance
from .llava import LlavaOptions, write_llava
from .master import MasterOptions, write_master
from .messages import MessagesOptions, no_parts_in_messages, write_messages
from .parquet import ParquetOptions, write_parquet
from .preferences import PreferencesOptions, write_preferences
from .selection import SPLITS, Selection
from .sharegpt4video import ShareGPT4VideoOptions, write_sharegpt4video
from .subtitles import SubtitleOptions, no_parts_beside, write_srt, write_vtt
from .table import CsvOptions, no_parts_in_csv, paths_in_csv, write_csv
from .target import Paths, Target
from .webdataset import WebDatasetOptions, no_parts_in_webdataset, write_webdataset

__all__ = ["EXPORTERS", "SPLITS", "ExportJob", "ExportResult", "Exporter", "export", "push"]

EXPORTERS: dict[str, Exporter] = {
    "sharegpt4video": Exporter("the JSONL of the released data set", ShareGPT4VideoOptions, write_sharegpt4video),
    "parquet": Exporter("Parquet shards with a data-set card", ParquetOptions, write_parquet),
    "webdataset": Exporter(
        "tar shards with the videos in them", WebDatasetOptions, write_webdataset, parts=no_parts_in_webdataset
    ),
    "llava": Exporter("conversations about image grids or frames", LlavaOptions, write_llava),
    "messages": Exporter(
        "messages about whole videos, for ms-swift and LLaMA-Factory",
        MessagesOptions,
        write_messages,
        parts=no_parts_in_messages,
    ),
    "captioner": Exporter("conversations for the four roles of a captioner", CaptionerOptions, write_captioner),
    "preferences": Exporter(
        "pairs of answers, the better and the worse one, for training on preferences",
        PreferencesOptions,
        write_preferences,
    ),
    "t2v": Exporter("master records for sg4v t2v: steps, facts, scores, short captions", MasterOptions, write_master),
    "srt": Exporter("SubRip subtitles of the steps", SubtitleOptions, write_srt, beside=True, parts=no_parts_beside),
    "vtt": Exporter("WebVTT subtitles of the steps", SubtitleOptions, write_vtt, beside=True, parts=no_parts_beside),
    "csv": Exporter(
        "one table with a row for each caption", CsvOptions, write_csv, parts=no_parts_in_csv, paths=paths_in_csv
    ),
    "lance": Exporter("a Lance table with the columns of Parquet", LanceOptions, write_lance),
}
"""Every format by its name. A new one is a function, its options, and a line here."""


def export(
    store: Store,
    format: str,
    out: str,
    *,
    splits: Sequence[str] | None = None,
    clips: bool = False,
    include_problems: bool = False,
    media_root: str = "",
    paths: Paths | None = None,
    overwrite: bool = False,
    options: Mapping[str, Any] | object | None = None,
) -> ExportResult:
    """Write a data set in one of the formats of ``EXPORTERS`` into the folder ``out`` (a path, ``s3://...``).

    A video whose file was replaced since it was captioned is left out, and so is a part of a longer file if the readers
    of the format open whole files.

    Exports what the ``selection`` table keeps, or everything captioned if there is none. ``splits`` limits it to some
    of train, val, test; ``clips`` adds the clips; ``include_problems`` includes texts with a problem, marked if the
    format can. Videos below ``media_root`` are named relative to it, others relative to ``out``, or as ``paths`` says;
    None: as the readers of the format want them. ``overwrite`` replaces an earlier export. ``out`` may be empty for
    subtitles, which then go next to the videos. ``options`` are those of the format, as a mapping or a value of its
    class. Raises SettingsError for an unknown format, option or split, and a folder that is not empty.
    """
    exporter = _exporter(format, out)
    chosen = _options(format, exporter.options, options)
    selection, target = Selection(store, splits), Target(out, overwrite=overwrite)
    parts, paths = exporter.parts(chosen, out), _paths(paths or exporter.paths(chosen))
    job = ExportJob(store, target, selection, chosen, clips, include_problems, media_root, paths, overwrite, parts)
    _note_what_lacks(job)
    if out:
        target.prepare(format)
    exporter.write(job)
    job.add_notes()
    result = _result(format, out, job)
    if out:
        counts = {"videos": result.videos, "clips": result.clips, "texts": result.texts, "splits": result.splits}
        target.finish({**counts, "left_out": result.left_out, "failed": result.failed, "notes": result.notes})
    return result


def _exporter(format: str, out: str) -> Exporter:
    exporter = EXPORTERS.get(format)
    if exporter is None:
        near = did_you_mean(format, EXPORTERS)
        raise SettingsError(f"no export format is called {format!r}; known are: {', '.join(EXPORTERS)}{near}")
    if not out and not exporter.beside:
        raise SettingsError(f"the format {format} needs a folder to write into")
    return exporter


def _paths(given: Paths) -> Paths:
    raise_for(one_of("paths", given, get_args(Paths)))
    return given


def _note_what_lacks(job: ExportJob) -> None:
    if not job.selection.there:
        job.note("the data set has no selection: everything captioned is exported, as train")
    if job.clips and not job.store.parts("clips"):
        job.note("the data set has no clips yet")


def _options(format: str, kind: type, given: Mapping[str, Any] | object | None) -> Any:
    return given if isinstance(given, kind) else validated(kind, given or {}, f"options of the format {format}")


def _result(format: str, out: str, job: ExportJob) -> ExportResult:
    tally = job.tally
    splits = {split: tally.splits[split] for split in SPLITS if tally.splits[split]}
    return ExportResult(
        format,
        out,
        tally.videos,
        tally.clips,
        tally.texts,
        splits,
        dict(tally.left_out),
        tuple(tally.notes),
        tally.failed,
    )
