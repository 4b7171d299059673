"""What captioning a video took, measured on what there is: a data set that was built, or a few videos read now."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from ...config import CaptionSettings
from ...cores import cores
from ...errors import SettingsError
from ...reading import Ended, read
from ...records import Segment
from ...sampling import Sampled
from ..places.replies import RESERVE
from ..status import videos_per_second
from ..store.store import Store

_STEPS = "steps.list.element.kind"
_SHOTS = "shots.list.element.opens_with"
_SPENT = ("requests", "input_tokens", "output_tokens")


@dataclass(frozen=True)
class Rates:
    """Means over ``videos``; None: not measured. ``what`` says on what.

    steps, shots, requests, input_tokens, output_tokens   of one video, retries included; tokens None if none were used
    parquet_bytes, reply_bytes, media_bytes               of one video: all tables, the reply cache, the file itself
    cpu_seconds                                           for reading and measuring one second of video, no model
    videos_per_second                                     of the whole build, as it ran
    """

    what: str
    videos: int
    seconds: float | None = None
    steps: float | None = None
    shots: float | None = None
    requests: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    parquet_bytes: float | None = None
    reply_bytes: float | None = None
    media_bytes: float | None = None
    cpu_seconds: float | None = None
    videos_per_second: float | None = None


def measure_rates(
    what: Store | Sequence[str | os.PathLike[str]],
    settings: CaptionSettings | None = None,
    *,
    wants_images: bool = True,
) -> Rates:
    """The means of a data set, from its tables; or of videos, which are read one after the other for that.

    ``wants_images``: the model to plan for takes pictures. Raises SettingsError when there is no captioned video,
    VideoError for a video that cannot be read.
    """
    if isinstance(what, Store):
        return _of_store(what)
    if not what:
        raise SettingsError("no videos to measure; give at least one")
    return _of_videos([Path(each) for each in what], settings or CaptionSettings(), wants_images=wants_images)


def _of_store(store: Store) -> Rates:
    count, seconds, steps, shots = 0, 0.0, 0, 0
    spent = dict.fromkeys(_SPENT, 0)
    columns = ["start_seconds", "end_seconds", _STEPS, _SHOTS, *(f"provenance.{name}" for name in _SPENT)]
    for batch in store.batches("captions", columns, batch_rows=4096):
        count += batch.num_rows
        seconds += pc.sum(pc.subtract(batch.column("end_seconds"), batch.column("start_seconds"))).as_py()
        steps += pc.sum(pc.list_value_length(batch.column("steps"))).as_py()
        shots += pc.sum(pc.list_value_length(batch.column("shots"))).as_py()
        provenance = batch.column("provenance")
        for name in _SPENT:
            spent[name] += pc.sum(pc.struct_field(provenance, name)).as_py()
    if not count:
        raise SettingsError(f"{store.root}: has no caption to measure; build it from some videos first")
    sizes = [size for batch in store.batches("sources", ["size_bytes"]) for size in batch["size_bytes"].to_pylist()]
    known = [size for size in sizes if size]
    tables = (table for table in ("sources", "surveys", "shorts", "captions", "checks", "selection"))
    parquet = sum(store.fs.size(part) for table in tables for part in store.parts(table))
    return Rates(
        what=f"data set {store.root}",
        videos=count,
        seconds=seconds / count,
        steps=steps / count,
        shots=shots / count,
        requests=spent["requests"] / count,
        input_tokens=spent["input_tokens"] / count or None,
        output_tokens=spent["output_tokens"] / count or None,
        parquet_bytes=parquet / count,
        reply_bytes=_reply_bytes(store) / count or None,
        media_bytes=sum(known) / len(known) if known else None,
        videos_per_second=videos_per_second(store.written("captions")),
    )


def _reply_bytes(store: Store) -> float:
    """What the reply cache holds, without the room that each writer keeps free whatever the number of videos."""
    path = f"{store.root}/replies"
    if not store.fs.exists(path):
        return 0.0
    sizes: dict[str, int] = store.fs.du(path, total=False)
    return float(sum(size for name, size in sizes.items() if not name.endswith(RESERVE)))


def _of_videos(videos: Sequence[Path], settings: CaptionSettings, *, wants_images: bool) -> Rates:
    seconds, steps, shots, size = 0.0, 0, 0, 0
    begun = time.process_time()
    for video in videos:
        size += video.stat().st_size if video.exists() else 0
        met: set[int] = set()
        for event in read(video, settings, wants_images=wants_images):
            if isinstance(event, Ended):
                seconds += event.seconds
            elif isinstance(event, Sampled):
                steps += 1
                met.update(range(len(event.shots)))
            elif isinstance(event, Segment):
                steps += len(event.keyframes) - event.continues
                met.add(event.shot_index)
        shots += max(len(met), 1)
    spent = time.process_time() - begun
    return Rates(
        what=f"{len(videos)} videos read on {cores()} cores",
        videos=len(videos),
        seconds=seconds / len(videos),
        steps=steps / len(videos),
        shots=shots / len(videos),
        media_bytes=size / len(videos),
        cpu_seconds=spent / seconds if seconds else None,
    )
