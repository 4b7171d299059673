"""The report on a data set: one self-contained HTML page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ...display import Result
from ...errors import SettingsError, SG4VError
from ...files import write_whole
from ...wording import counted
from ..decide.waterfall import Waterfall
from ..store.store import Store
from .gallery import Article, article
from .numbers import Numbers, Progress, gather
from .page import page
from .samples import chosen, read_samples
from .waterfall import stored_waterfall

__all__ = ["ReportResult", "write_report"]

MOST_SAMPLES = 1000


@dataclass(frozen=True, repr=False)
class ReportResult(Result):
    """What was written: ``without_pictures`` of the samples lack some or all, mostly since their source is gone."""

    path: str
    size_bytes: int
    videos: int
    samples: int
    pictures: int
    without_pictures: int

    def text(self) -> str:
        """One line for the terminal."""
        lacking = f"; {self.without_pictures} lack pictures (the page says why)" if self.without_pictures else ""
        return (
            f"{self.path}: {counted(self.videos, 'captioned video')}, {counted(self.samples, 'sample')}"
            f" with {counted(self.pictures, 'picture')},"
            f" {self.size_bytes / 1e6:.1f} MB{lacking}"
        )


def write_report(
    store: Store,
    out: str | os.PathLike[str],
    *,
    samples: int = 60,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> ReportResult:
    """Write a report on a data set as one HTML page that loads nothing from anywhere.

    ``samples`` videos are shown with their keyframes, read again from the sources: the worst captions first, then
    others at random by ``seed``. Memory does not grow with the texts: about 100 bytes for each video. ``on_progress``
    is told what is being done, how much of it, and of how much (0: not known). The page is written whole or not at
    all. Raises SettingsError for a number of samples that makes no sense, SG4VError if ``store`` is no data set, if one
    of its parts is damaged, or if ``out`` cannot be written.
    """
    if not 0 <= samples <= MOST_SAMPLES:
        raise SettingsError(f"samples is 0 to {MOST_SAMPLES}, not {samples}")
    target = Path(out)
    if target.is_dir():
        raise SG4VError(f"{target}: is a folder; name a file in it, such as {target / 'report.html'}")
    numbers = gather(store, seed=seed, on_progress=on_progress)
    shown = _articles(store, numbers, samples, seed, on_progress)
    name = store.root.rstrip("/").rpartition("/")[2] or store.root
    content = page(name, datetime.now(timezone.utc), numbers, _waterfall(store, numbers), shown)
    size = _write(target, content)
    pictures = sum(len(one.sample.pictures) for one in shown)
    lacking = sum(bool(one.sample.missing) for one in shown)
    return ReportResult(str(target), size, numbers.captions.videos, len(shown), pictures, lacking)


def _articles(store: Store, numbers: Numbers, count: int, seed: int, on_progress: Progress | None) -> list[Article]:
    wanted = chosen(numbers.ids, numbers.scores, count, seed)
    found = []
    for place, sample in enumerate(read_samples(store, wanted), 1):
        found.append(article(sample, place, len(wanted)))
        if on_progress:
            on_progress("samples", place, len(wanted))
    return found


def _waterfall(store: Store, numbers: Numbers) -> Waterfall | None:
    """The table of the filters; None where there is nothing to count it from."""
    if not numbers.survey.videos or isinstance(numbers.told, str):
        return None
    return stored_waterfall(store, store.settings().filters)


def _write(target: Path, content: str) -> int:
    data = content.encode("utf-8", "replace")
    try:
        write_whole(target, data)
    except OSError as error:
        raise SG4VError(f"{target}: the report cannot be written: {error}") from error
    return len(data)
