"""Cutting the media of clips, in parallel processes, each file complete or not there: a killed run goes on later."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import pyarrow as pa

from ... import background
from ...background import mapped
from ...checking import Limits, one_of, raise_for, wrong_values
from ...config import STRICT
from ...cores import cores
from ...display import Result
from ...errors import SG4VError
from ...files import is_abandoned
from ...processes import WorkerLost
from ...video.clips import FORMATS, Cut, cut
from ...wording import counted
from ..places.jobs import Send, kind_of
from ..places.pool import WorkerPool
from ..rows import Clip, SourceVideo
from ..sources.listed import Listed, first_there, places_of
from ..sources.sources import open_source
from ..store.store import Store

__all__ = ["CutOptions", "MediaResult", "cut_media"]

CLIPS_AT_ONCE = 65_536
"""Clips whose sources are looked up together: one pass over the ids of all sources for so many clips."""
STALL_SECONDS = 3600.0
"""One clip may take so long before its process is given up."""
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_EXAMPLES = 20
_COLUMNS = ("video_id", "start_seconds", "end_seconds")


@dataclass(frozen=True)
class CutOptions:
    """How clips are cut; see ``video.clips.cut``."""

    __pydantic_config__ = STRICT

    ending: str = ".mp4"
    """The kind of file: ``.mp4``, ``.mov``, ``.mkv`` or ``.webm``."""
    exact: bool = True
    """False: never re-encode where copying from the keyframe before is possible; clips then begin too early."""
    audio: bool = True
    """Cut the sound along."""
    crf: Annotated[int, Limits(0, 63)] | None = None
    """Quality of what is re-encoded, lower is better; None: the encoder's usual one."""
    preset: str = "fast"
    """Speed of what is re-encoded, from ``ultrafast`` to ``veryslow``."""

    def __post_init__(self) -> None:
        raise_for(
            [
                *wrong_values(self).values(),
                *one_of("ending", self.ending, FORMATS),
                *one_of("preset", self.preset, PRESETS),
            ]
        )


@dataclass(repr=False)
class MediaResult(Result):
    """What was cut. ``kept`` files were there already; ``failed`` counts clips by kind, ``examples`` says some."""

    copied: int = 0
    re_encoded: int = 0
    kept: int = 0
    size_bytes: int = 0
    early: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def cut(self) -> int:
        return self.copied + self.re_encoded

    @property
    def coded_again(self) -> int:
        """The name that ``re_encoded`` had until 1.0."""
        return self.re_encoded

    def text(self) -> str:
        """The counts, one line for each kind."""
        lines = [
            f"cut {counted(self.cut, 'clip')} ({self.size_bytes / 1e6:.1f} MB): {self.copied} copied,"
            f" {self.re_encoded} re-encoded; {self.kept} were there already"
        ]
        if self.early:
            lines.append(f"{self.early} begin earlier than their caption, at the keyframe before")
        lines += [f"{count} re-encoded: {reason}" for reason, count in self.reasons.most_common()]
        lines += [f"{count} failed: {kind}" for kind, count in self.failed.most_common()]
        return "\n".join([*lines, *(f"  {example}" for example in self.examples)])

    def count(self, done: Cut, start_seconds: float) -> None:
        if done.how == "copied":
            self.copied += 1
            self.early += done.start_seconds < start_seconds - 1e-3
        else:
            self.re_encoded += 1
            self.reasons[done.reason] += 1
        self.size_bytes += done.size_bytes

    def fail(self, kind: str, clip_id: str, message: str) -> None:
        self.failed[kind] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{clip_id}: {message}")


@dataclass(frozen=True)
class _Wanted:
    """One clip to cut, and where to."""

    id: str
    target: str
    start_seconds: float
    end_seconds: float


def cut_media(
    store: Store,
    out: str | os.PathLike[str],
    options: CutOptions | None = None,
    *,
    processes: int | None = None,
    on_progress: Callable[[MediaResult], None] | None = None,
) -> MediaResult:
    """Cut every clip of the table ``clips`` into a file of its own below the folder ``out``, and note it in ``media``.

    Files are named by the clip's id, in 256 folders by its first two digits: ``OUT/3f/3f9a....mp4``. Those that are
    there are kept: a file is complete or it is not there. A video is opened in place, also in an archive; what cannot
    be cut is counted, its clip stays without media. One process at a time may do this (see ``lock``).

    Raises SG4VError when the folder cannot be written to.
    """
    folder, options = Path(out).absolute(), options or CutOptions()  # readers of the table may be started elsewhere
    result = MediaResult()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in filter(is_abandoned, folder.glob("??/.*.part")):  # of a run that was killed
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise SG4VError(f"{folder}: cannot be written to ({error.strerror}); give another folder") from error
    background.run(_cut_all(store, folder, options, processes or cores(), result, on_progress))

    def with_media() -> Iterator[Clip]:
        for clip in store.rows("clips", batch_rows=1024):
            path = media_path(folder, clip.id, options.ending)
            size = path.stat().st_size if path.exists() else 0
            yield replace(clip, media=path.as_posix() if size else "", media_bytes=size)

    store.replace("clips", with_media())
    return result


def media_path(folder: Path, clip_id: str, ending: str) -> Path:
    """Where the file of a clip lies."""
    return folder / clip_id[:2] / f"{clip_id}{ending}"


def cut_job(send: Send, source: SourceVideo, clips: tuple[_Wanted, ...], options: CutOptions) -> None:
    """Cut clips of one source, in a worker; sends for each a `Cut`, or why there is none: (kind, message)."""
    with open_source(source) as video:
        for clip in clips:
            Path(clip.target).parent.mkdir(exist_ok=True)
            try:
                done = cut(
                    video,
                    clip.target,
                    clip.start_seconds,
                    clip.end_seconds,
                    exact=options.exact,
                    audio=options.audio,
                    crf=options.crf,
                    preset=options.preset,
                )
            except SG4VError as error:
                send((kind_of(error), str(error)))
            else:
                send(done)


async def _cut_all(
    store: Store,
    folder: Path,
    options: CutOptions,
    processes: int,
    result: MediaResult,
    on_progress: Callable[[MediaResult], None] | None,
) -> None:
    pool = WorkerPool(processes, stall_seconds=STALL_SECONDS, preload=__name__, forked=True)

    async def cut_video(item: tuple[SourceVideo, tuple[_Wanted, ...]]) -> None:
        await _cut_video(pool, *item, options, result)

    try:
        work = _work(store, folder, options, result)
        async with aclosing(mapped(work, cut_video, at_once=2 * processes)) as videos:
            async for _ in videos:
                if on_progress:
                    on_progress(result)
    finally:
        await pool.close()


async def _cut_video(
    pool: WorkerPool, source: SourceVideo, clips: tuple[_Wanted, ...], options: CutOptions, result: MediaResult
) -> None:
    """All clips of one video. A process that is lost costs the clip it was at; the others are tried again."""
    done = 0
    while done < len(clips):
        begun = done
        try:
            async for said in pool.stream(cut_job, source, clips[done:], options):
                clip = clips[done]
                done += 1
                if isinstance(said, Cut):
                    result.count(said, clip.start_seconds)
                else:
                    result.fail(said[0], clip.id, said[1])
        except WorkerLost as error:
            result.fail(error.kind, clips[done].id, str(error))
            done += 1
        except SG4VError as error:
            for clip in clips[done:]:
                result.fail(kind_of(error), clip.id, str(error))
            return
        if done == begun:
            raise SG4VError(f"{source.location}: the worker said nothing about its clips")


def _work(
    store: Store, folder: Path, options: CutOptions, result: MediaResult
) -> Iterator[tuple[SourceVideo, tuple[_Wanted, ...]]]:
    """Videos with what is to be cut out of them; files that are there are counted as kept."""
    listed = Listed(store)
    for chunk in _chunks(store):
        wanted: dict[str, list[_Wanted]] = {}
        for row in chunk.to_pylist():
            path = media_path(folder, row["id"], options.ending)
            if path.exists():
                result.kept += 1
                continue
            clip = _Wanted(row["id"], str(path), row["start_seconds"], row["end_seconds"])
            wanted.setdefault(row["video_id"], []).append(clip)
        for id, places in places_of(store, listed, wanted).items():
            try:
                source = first_there(places)
            except SG4VError as error:
                for clip in wanted[id]:
                    result.fail(kind_of(error), clip.id, str(error))
            else:
                yield source, tuple(wanted[id])


def _chunks(store: Store) -> Iterator[pa.Table]:
    """The clips, ``CLIPS_AT_ONCE`` at a time."""
    batches: list[pa.RecordBatch] = []
    for batch in store.batches("clips", _COLUMNS, batch_rows=8192):
        batches.append(batch)
        if sum(each.num_rows for each in batches) >= CLIPS_AT_ONCE:
            yield pa.Table.from_batches(batches)
            batches = []
    if batches:
        yield pa.Table.from_batches(batches)
