"""What the videos of a benchmark hold: a stored answer belongs to the content that was asked about, not to its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import VideoError
from ..files import content_id, file_content_id
from ..wording import counted
from .base import Answer, Question

Place = Path | Sequence[Path]
"""Where the video of a question is: a file, a folder of pictures, or several of them."""


@dataclass(frozen=True)
class Content:
    """The id of a video's content (of a single file as in a data set: 32 hex digits), and the state of its files.

    While ``state`` stays as it is (names, sizes and times of change), nothing needs to be read to know the id.
    """

    id: str
    state: str


def content_of(place: Place) -> Content:
    """Read and hash a video. Raises VideoError if it changes meanwhile, OSError if it cannot be read."""
    before = state_of(place)
    found = _id_of(tuple(files_of(place)), isinstance(place, Path) and not place.is_dir(), before)
    if state_of(place) != before:
        raise VideoError(f"{place}: changes while it is being read; run again when it is complete")
    return Content(found, before)


@lru_cache(maxsize=256)  # several parts of a video are asked about, one after the other
def _id_of(files: tuple[Path, ...], single: bool, _state: str) -> str:
    ids = [file_content_id(file) for file in files]
    if single:
        return ids[0]
    named = (f"{file.name} {id}\n" for file, id in zip(files, ids, strict=True))
    return content_id(line.encode("utf-8", "surrogateescape") for line in named)


def state_of(place: Place) -> str:
    """A hash of the names, sizes and times of change of a video's files. Raises OSError if one is not there."""
    found = ((file.name, file.stat()) for file in files_of(place))
    states = (f"{name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}\n" for name, stat in found)
    return content_id(state.encode("utf-8", "surrogateescape") for state in states)


def files_of(place: Place) -> list[Path]:
    """The files of a video, in order."""
    if not isinstance(place, Path):
        return [file for each in place for file in files_of(each)]
    return sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]


class Standing:
    """Which stored answers are still to the videos that lie there today. Each video is looked at once.

    replaced   answers whose video has another content now: to be asked again
    unsure     answers that stand although nothing could be compared, by why
    """

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self._states: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.replaced = 0
        self.unsure: Counter[str] = Counter()

    def of(self, answers: Iterable[tuple[Question, Answer]]) -> dict[str, Answer]:
        """The answers that stand, by question."""
        return {question.id: answer for question, answer in answers if self._is_of_this_video(question, answer)}

    def notes(self) -> tuple[str, ...]:
        """What became of stored answers, in sentences."""
        told = [f"{counted(count, 'stored answer')} taken as they are: {why}" for why, count in self.unsure.items()]
        if self.replaced:
            told.append(f"{counted(self.replaced, 'question')} asked again: another video has the name now")
        return tuple(told)

    def _is_of_this_video(self, question: Question, answer: Answer) -> bool:
        place = self._places[question.id]
        if not answer.content_id:
            self.unsure["an earlier version did not note the content of their videos"] += 1
            return True
        try:
            same = answer.video_state == self._state(place) or answer.content_id == self._id(place)
        except (OSError, VideoError):
            self.unsure["their videos are not there to compare"] += 1
            return True
        self.replaced += not same
        return same

    def _state(self, place: Place) -> str:
        if (name := str(place)) not in self._states:
            self._states[name] = state_of(place)
        return self._states[name]

    def _id(self, place: Place) -> str:
        if (name := str(place)) not in self._ids:
            self._ids[name] = content_of(place).id
        return self._ids[name]
