"""A data set in Python: built, opened, filtered, checked, repaired, cut, exported, reported on.

    import sharegpt4video as sg4v

    ds = sg4v.build_dataset(["videos/"], "my-set")
    ds.filter(max_seconds=120)
    ds.export("llava", "sft", frames=16)

Every method that writes holds the lock of the directory, so it is refused with ``lock.Busy`` while a build runs
there; methods that read take none. Reading order: here, then ``build``, and for what each method does the function it
calls.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ..checking import did_you_mean, expect, one_of, raise_for
from ..display import preformatted
from ..errors import SettingsError
from ..prompts import prompt_set
from ..vlm.base import VLM
from . import export as exports
from .build import BuildOptions, build
from .checks.repair import RepairResult, repair
from .checks.run import ChecksResult, check_dataset
from .clips.clips import ClipSettings, ClipsResult, make_clips
from .clips.media import CutOptions, cut_media
from .cluster import ClusterOptions, build_on_ray
from .counts import BuildCounts
from .decide.decisions import Decision
from .decide.select import Selection, select
from .export.target import Paths
from .lookup import captions, table, why
from .places.models import Model, opened
from .places.replies import CachedVLM, remembered
from .report import ReportResult, write_report
from .reviews.desk import Desk
from .rows import CaptionRow, Failure
from .settings import DatasetSettings, FilterSettings
from .status import Status, status
from .store.locked import writing
from .store.storage import is_local
from .store.store import Store

logger = logging.getLogger(__name__)

PathOrAddress = str | os.PathLike[str]


def build_dataset(
    inputs: PathOrAddress | Iterable[PathOrAddress],
    out: PathOrAddress,
    *,
    model: Model | None = None,
    settings: DatasetSettings | None = None,
    on: Literal["local", "ray"] | ClusterOptions = "local",
    options: BuildOptions | None = None,
    on_progress: Callable[[BuildCounts], None] = lambda _: None,
) -> Dataset:
    """Caption videos into the data set ``out``: survey, filter, caption, check, select. To resume, call it again.

        ds = build_dataset(["videos/", "more.csv"], "my-set", model="server:my-model@http://localhost:8000/v1")

    inputs    files, folders, globs, lists, archives or addresses; none: the videos that ``out`` already knows
    model     a name, a ``ModelSpec`` or a ``VLM``; None: the model of ``out``, ``embedded`` for a new data set
    settings  None: those of ``out``; for a new data set the defaults, with the prompts the model was trained with
    on        where it runs: ``"local"``, ``"ray"`` or a ``ClusterOptions``
    options   how it runs; does not change the result

    Finished videos are skipped, and no answer is paid for twice. Failed videos are counted in ``Dataset.last``.

    Raises SettingsError if there is nothing to do or ``out`` has captions made with other settings or another model,
    lock.Busy if another run writes to ``out``, StorageError if it cannot be written, MissingExtra if Ray is missing.
    """
    named = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    names = [os.fspath(name) if isinstance(name, os.PathLike) else name for name in named]
    more: dict[str, Any] = {"settings": settings, "options": options, "on_progress": on_progress}
    if on == "local":
        counts = build(names, out, model=model, **more)
    else:
        if not isinstance(on, ClusterOptions):
            raise_for(one_of("on", on, ("local", "ray")))
        if isinstance(model, VLM):
            raise SettingsError("on a cluster the model is opened on each machine; give its name or a ModelSpec")
        cluster = on if isinstance(on, ClusterOptions) else None
        counts = build_on_ray(names, out, model=model, cluster=cluster, **more)
    if not counts.all_well:
        logger.warning("%s: not everything was done\n%s", out, counts.text())
    return Dataset(out, last=counts)


def open_dataset(path: PathOrAddress) -> Dataset:
    """Open the data set in a directory or at an address (``s3://...``).

    Raises SG4VError if there is none, or if a newer version wrote it.
    """
    return Dataset(path)


class Dataset:
    """A data set of captioned videos, from ``build_dataset`` or ``open_dataset``.

    path   absolute directory, or address
    last   counts of the build that returned this object; None if it was opened

    Only ids are held in memory, and every call sees what other processes have written. Every method raises
    StorageError if the storage cannot be read or written; those that write raise lock.Busy, a StorageError, while
    another run writes to the data set.
    """

    def __init__(self, path: PathOrAddress, *, last: BuildCounts | None = None) -> None:
        self._store = Store.open(path)
        self.path: str = self._store.root if is_local(self._store.fs) else self._store.address
        self.last = last

    def __repr__(self) -> str:
        return f"Dataset({self.path!r})"

    def _repr_html_(self) -> str:
        told = self.last or self.status()
        return preformatted(f"{self.path}\n\n{told.text()}")

    @property
    def settings(self) -> DatasetSettings:
        """The stored settings. Raises SettingsError if this version does not know some of them."""
        return self._store.settings()

    def status(self) -> Status:
        """Count what is done, failed (by kind) and left, with rate, time left, tokens and cost."""
        return status(self._store)

    def captions(self, *, split: str | None = None, dropped: bool = False) -> Iterator[CaptionRow]:
        """Yield the captions an export would contain: selected, not rejected, of files that were not replaced.

        split    only ``train``, ``val`` or ``test``; None: all
        dropped  also captions that the selection dropped or a review rejected

        Reviews are applied. Before the first selection every caption counts, as ``train``. Holds a few rows at a time.
        Raises SettingsError for an unknown split.
        """
        return captions(self._store, split=split, dropped=dropped)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
        """Read the current rows of a table as Arrow, for pandas, Polars (``polars.from_arrow``) or DuckDB.

            ds.table("captions", ["id", "summary"]).read_pandas()

        name     sources, surveys, shorts, captions, failures, checks, clips, selection or reviews
        columns  which, in this order; None: all

        Leaves out replaced rows, rows about replaced files, and resolved failures. Reads batch by batch, in bounded
        memory. Raises SettingsError for an unknown table or column.
        """
        return table(self._store, name, columns)

    def why(self, id: str) -> Decision | Failure | None:
        """Return why one video was kept or dropped, or where it failed.

        None if that is not decided yet, or the file has been replaced since. Raises SettingsError for an unknown id.
        """
        return why(self._store, id)

    def filter(self, filters: FilterSettings | None = None, *, dry_run: bool = False, **changes: Any) -> Selection:
        """Select again from the stored scores which videos to keep and how to split them; no video is opened.

            ds.filter(max_seconds=120, drop_near_duplicates=True).waterfall

        filters  replaces all stored filters; None: keep them
        dry_run  only return the result: write nothing, take no lock
        changes  single settings of filters, splits or novelty on top, such as ``val=0.1``; units are in the names

        The new settings are stored with the data set. Raises SettingsError for an unknown or invalid setting.
        """
        settings = _changed(self.settings, filters, changes)
        if dry_run:
            return select(self._store, settings, dry_run=True)
        with writing(self.path) as store:
            return select(store, settings)

    def check(self, *, judge: Model | None = None, language: str = "en") -> ChecksResult:
        """Check captions that have not been checked: text, times, the summary against its steps, the measured facts.

        judge     a model that judges the summaries as well
        language  code of the language the captions should be in

        Changes no caption; see ``repair``. Raises SettingsError for an unknown language or a model that cannot judge,
        VLMError if the judge is gone; findings up to then are kept.
        """
        with writing(self.path) as store, self._asked(store, judge) as vlm:
            return check_dataset(store, judge=vlm, language=language)

    def repair(
        self,
        model: Model,
        *,
        checks: Collection[str] | None = None,
        judge: Model | None = None,
        language: str = "en",
        max_revision: int = 3,
    ) -> RepairResult:
        """Ask the model again about captions with findings, and keep the better text.

        model         the model to ask
        checks        names of the checks whose findings count; None: all
        judge         a model that judges the new summaries
        language      code of the language the captions should be in
        max_revision  stop at this revision of a caption

        Raises SettingsError for an unknown check, VLMError if the model is gone; repairs up to then are kept.
        """
        with writing(self.path) as store, self._asked(store, model) as vlm, self._asked(store, judge) as judging:
            assert vlm is not None  # a model was given
            more: dict[str, Any] = {"checks": checks, "judge": judging, "max_revision": max_revision}
            return repair(store, model=vlm, language=language, close_model=True, **more)

    @property
    def reviews(self) -> Desk:
        """What people change in the captions: edits, verdicts, bulk changes, and undoing them.

            ds.reviews.add(id, "A woman runs.", step=2, author="ada")
            ds.reviews.replace("colour", "color", dry_run=True)

        Takes no lock, so it works while a build runs. Whatever reads captions sees them with their reviews.
        """
        return Desk(self._store)

    def clips(
        self,
        settings: ClipSettings | None = None,
        *,
        model: Model = "embedded",
        media: PathOrAddress | None = None,
        cut: CutOptions | None = None,
    ) -> ClipsResult:
        """Divide the selected videos into clips, each with its own caption; replaces the table ``clips``.

        settings  how to divide, with lengths in seconds
        model     writes the texts that cannot be taken from the captions
        media     also cut the clips as files into this folder; the result is in ``ClipsResult.media``
        cut       how to cut them

        Raises SettingsError for invalid settings, VLMError if the model is gone (the old clips stay).
        """
        expect(settings, ClipSettings)
        expect(cut, CutOptions, "cut")
        with writing(self.path) as store:
            with self._asked(store, model) as vlm:
                assert vlm is not None
                result = make_clips(store, settings, model=vlm, close_model=True)
            if media is not None:
                result.media = cut_media(store, Path(media), cut)
            return result

    def export(
        self,
        format: str,
        out: PathOrAddress = "",
        *,
        splits: Sequence[str] | None = None,
        clips: bool = False,
        include_problems: bool = False,
        media_root: PathOrAddress = "",
        paths: Paths | None = None,
        overwrite: bool = False,
        **options: Any,
    ) -> exports.ExportResult:
        """Write the selected videos in a format that trainers read.

            ds.export("llava", "sft", frames=16)

        format      sharegpt4video, parquet, webdataset, llava, messages, captioner, srt, vtt, csv or lance
        out         folder or address; subtitles without one are written next to the videos
        splits      some of ``train``, ``val``, ``test``; None: all
        clips, include_problems  also export clips, and texts that are marked with a problem
        media_root  videos below this folder are named relative to it
        paths       others are named ``"relative"`` to ``out`` or ``"absolute"``; None: as the format's readers expect
        overwrite   replace an earlier export
        options     settings of the format, such as ``frames=16`` for llava

        Raises SettingsError for an unknown format, option or split, or a non-empty folder without ``overwrite``.
        """
        return exports.export(
            self._store,
            format,
            os.fspath(out),
            splits=[splits] if isinstance(splits, str) else splits,
            clips=clips,
            include_problems=include_problems,
            media_root=os.fspath(media_root),
            paths=paths,
            overwrite=overwrite,
            options=options,
        )

    def report(self, out: PathOrAddress = "report.html", *, samples: int = 60, seed: int = 0) -> ReportResult:
        """Write one self-contained HTML page about the data set.

        samples  number of videos to show with their keyframes: the worst captions first, then random ones
        seed     of the random ones

        Raises SettingsError for an invalid number of samples, SG4VError if ``out`` cannot be written.
        """
        return write_report(self._store, out, samples=samples, seed=seed)

    @contextmanager
    def _asked(self, store: Store, model: Model | None) -> Iterator[CachedVLM | None]:
        """The model, opened; what it answers is kept with the data set."""
        if model is None:
            yield None
            return
        settings = store.settings()
        vlm = opened(model, settings)
        with remembered(store, vlm, prompt_set(settings.caption.prompts).hash) as cached:
            yield cached


def _changed(settings: DatasetSettings, filters: FilterSettings | None, changes: dict[str, Any]) -> DatasetSettings:
    """The settings with other filters, and with single settings of filters, splits and novelty by their own names."""
    expect(filters, FilterSettings, "filters")
    groups: dict[str, Any] = {
        "filters": filters or settings.filters,
        "splits": settings.splits,
        "novelty": settings.novelty,
    }
    home = {name: group for group, value in groups.items() for name in value.__dataclass_fields__}
    for name in changes:
        if name not in home:
            raise SettingsError(f"filters, splits and novelty have no setting {name!r}{did_you_mean(name, home)}")
    for group, value in groups.items():
        groups[group] = replace(value, **{name: each for name, each in changes.items() if home[name] == group})
    return replace(settings, **groups)
