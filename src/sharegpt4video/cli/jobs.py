"""Before a run into a folder: whose name is whose, and does anything there contradict what is asked for?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SettingsError, StorageError, VideoError
from ..wording import counted
from .console import say
from .content import Content, content_of
from .outputs import Conflict, Outputs
from .record import folded

PATIENCE_SECONDS = 3.0
_SHOWN = 5


@dataclass(frozen=True)
class Job:
    """One video of a run. ``content`` is set where its name was taken, so that the content had to decide.

    ``asks`` tells that the model will be asked, as far as is known before every file has been read; ``put_off`` that
    the video had its turn, and another run was at it.
    """

    video: str
    content: Content | None = None
    asks: bool = True
    put_off: bool = False


def plan_jobs(videos: Sequence[str], outputs: Outputs) -> list[Job]:
    """The jobs of a run, in order. Only videos whose names are taken, there or by each other, are read.

    Raises SettingsError, naming the ways out, if finished captions of these videos were made otherwise.
    """
    names = [outputs.base(video) for video in videos]
    counts = Counter(map(folded, names))
    alone = [counts[folded(name)] == 1 and outputs.is_free(name) for name in names]
    for name, free in zip(names, alone, strict=True):
        if free:
            outputs.claim(name, "")  # whose content it is will be known when its turn comes
    conflicts: list[Conflict] = []
    jobs: list[Job] = []
    begun, told = time.monotonic(), False
    for video, free in zip(videos, alone, strict=True):
        jobs.append(Job(video) if free else _looked_at(video, outputs, conflicts))
        if not told and time.monotonic() > begun + PATIENCE_SECONDS:
            told = True
            say(f"comparing {counted(len(videos) - sum(alone), 'video')} with what is in {outputs.folder} already")
    if conflicts:
        lines = [str(conflict) for conflict in conflicts[:_SHOWN]]
        if len(conflicts) > _SHOWN:
            lines.append(f"and {len(conflicts) - _SHOWN} more")
        what = "these videos are captioned already, but with another model or other settings"
        ways = "use --overwrite to caption them again, or choose another --out folder"
        raise SettingsError("\n".join([f"{what}; {ways}", *lines]))
    return jobs


def _looked_at(video: str, outputs: Outputs, conflicts: list[Conflict]) -> Job:
    try:
        content = content_of(video, outputs.record.known_content)
        return Job(video, content, outputs.plan(video, content).action == "caption")
    except Conflict as conflict:
        conflicts.append(conflict)
    except (VideoError, OSError, StorageError):
        pass  # said when its turn comes
    return Job(video, asks=False)
