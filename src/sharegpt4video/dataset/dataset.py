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
    """Caption every video that ``inputs`` name and that passes the filters; check the captions and select.

    ``inputs`` are files, folders, globs, lists, archives or addresses; with none, the build carries on with those that
    ``out`` knows. ``model`` and ``settings`` are by default those of ``out``, and for a new data set the embedded model
    and the default settings. ``on`` is ``"local"``, ``"ray"`` or a ``ClusterOptions``. ``on_progress`` gets the counts
    so far. A killed build is carried on by the same call.

    What the build did is in ``Dataset.last``: a video that fails stops nothing, is counted there and logged as a
    warning. Raises SettingsError when there is nothing to work on, or ``out`` has captions of other settings or of
    another model, lock.Busy when another run writes there, StorageError when it cannot be written, MissingExtra for
    Ray when that is not installed.
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
    """The data set in a directory or at an address (``s3://...``).

    Raises SG4VError if there is none, or one of a newer version.
    """
    return Dataset(path)


class Dataset:
    """The data set in a directory; ``build_dataset`` and ``open_dataset`` give one.

    path   its directory, absolute, or its address
    last   what the build did that gave this value; None for one that was opened

    Nothing is held in memory but ids: what another process writes is seen by the next call. Methods raise
    StorageError for storage that cannot be read or written; those that write raise lock.Busy, which is one of these,
    while another run writes there.
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
        """The settings as stored. Raises SettingsError for some that this version does not know."""
        return self._store.settings()

    def status(self) -> Status:
        """How far it is: what is done, failed by kind, left; rate, time left, tokens and cost."""
        return status(self._store)

    def captions(self, *, split: str | None = None, dropped: bool = False) -> Iterator[CaptionRow]:
        """The captions that exports would take: of selected videos whose file was not replaced.

        ``split`` takes those of train, val or test alone, ``dropped`` also those that the selection does not keep.
        Before anything is selected all count, as train. One row is in memory at a time, or a few. Raises SettingsError
        for an unknown split.
        """
        return captions(self._store, split=split, dropped=dropped)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
        """The rows of a table that count, as Arrow: ``.read_pandas()``, ``polars.from_arrow(...)``, DuckDB.

            ds.table("captions", ["id", "summary"]).read_pandas()

        ``name`` is one of sources, surveys, shorts, captions, failures, checks, clips, selection; ``columns`` are
        those wanted, in this order (None: all). Left out are rows that a later one has replaced, rows about replaced
        files, and failures that are over. Read batch by batch, in bounded memory. Raises SettingsError for an unknown
        table or column.
        """
        return table(self._store, name, columns)

    def why(self, id: str) -> Decision | Failure | None:
        """What became of one video, as data: why it was kept or dropped, or where it failed.

        None while nothing is decided, and for one whose file was replaced since. Raises SettingsError for an id that
        the data set does not have.
        """
        return why(self._store, id)

    def filter(self, filters: FilterSettings | None = None, *, dry_run: bool = False, **changes: Any) -> Selection:
        """Decide anew from the stored scores what is kept, and on which side of the split; nothing is run again.

            ds.filter(max_seconds=120, drop_near_duplicates=True).waterfall

        ``filters`` replaces the stored filters; ``changes`` are single settings of filters, splits and novelty on top
        (``max_seconds=120``, ``val=0.1``; units are in the names). Both become the settings of the data set, but for a
        ``dry_run``, which writes nothing and needs no lock. Raises SettingsError for an unknown or impossible setting.
        """
        settings = _changed(self.settings, filters, changes)
        if dry_run:
            return select(self._store, settings, dry_run=True)
        with writing(self.path) as store:
            return select(store, settings)

    def check(self, *, judge: Model | None = None, language: str = "en") -> ChecksResult:
        """Check the captions that were not checked before: text, times, the summary against its steps, the facts.

        ``judge``, a model that can read, judges the summaries as well. ``language`` is the code of the language that
        captions should be in. Nothing is mended: see ``repair``. Raises SettingsError for an unknown language or a
        judge that cannot judge, VLMError when the judge is gone; what was found before that is kept.
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
        """Ask ``model`` again about captions in which a check found something; keep what is better.

        ``checks`` are the names of the checks whose findings count (None: all). ``judge`` judges the new summaries. A
        caption is asked about until its revision is ``max_revision``. Raises SettingsError for an unknown check,
        VLMError when the model is gone; what was mended before that is kept.
        """
        with writing(self.path) as store, self._asked(store, model) as vlm, self._asked(store, judge) as judging:
            assert vlm is not None  # a model was given
            more: dict[str, Any] = {"checks": checks, "judge": judging, "max_revision": max_revision}
            return repair(store, model=vlm, language=language, close_model=True, **more)

    def clips(
        self,
        settings: ClipSettings | None = None,
        *,
        model: Model = "embedded",
        media: PathOrAddress | None = None,
        cut: CutOptions | None = None,
    ) -> ClipsResult:
        """Make the table ``clips`` anew: runs of steps of the selected videos, each with a caption of its own.

        ``settings`` say which, and with what least and most length in seconds; ``model`` writes the texts that the
        captions do not have. With ``media`` the clips are also cut as files into that folder, as ``cut`` says; what
        was cut and what failed is ``ClipsResult.media``. Raises SettingsError for wrong settings, VLMError when the
        model is gone (the old clips stay).
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
        """Write the selected videos in a format that trainers read, into the folder or address ``out``.

            ds.export("llava", "sft", frames=16)

        ``format`` is one of sharegpt4video, parquet, webdataset, llava, captioner, srt, vtt, csv; subtitles without
        ``out`` lie beside the videos. ``splits`` are some of train, val, test (None: all), ``clips`` adds the clips,
        ``include_problems`` texts that are marked with a problem; videos below ``media_root`` are named relative to
        it, others as ``paths`` says (relative to ``out`` or absolute; None: as readers of the format want them).
        ``options`` are those of the format. Raises SettingsError for an unknown format, option or split, and for a
        folder that is not empty unless ``overwrite`` says so.
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

        ``samples`` videos are shown with their keyframes: the worst captions, then others drawn by ``seed``. Raises
        SettingsError for an impossible number of samples, SG4VError if ``out`` cannot be written.
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
