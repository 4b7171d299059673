"""Files of conversations in the LLaVA layout, read sample by sample: what is shown, what is asked, what is answered."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from ...errors import SettingsError, SG4VError
from ...given import from_json, open_file
from ..settings import DataSource
from .index import Spans, spans

IMAGE, VIDEO = "<image>", "<video>"
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


Kind = Literal["malformed", "missing", "undecodable", "too long", "without an exact mask", "fatal to its process"]


class SampleError(SG4VError):
    """One sample cannot be learned from; the others can.

    ``id`` names it, ``why`` says what is wrong, ``kind`` in two words, for counting.
    """

    def __init__(self, id: str, why: str, kind: Kind = "malformed") -> None:
        super().__init__(f"sample {id}: {why}")
        self.id, self.why, self.kind = id, why, kind

    def __reduce__(self) -> tuple[type[SampleError], tuple[str, str, Kind]]:
        return type(self), (self.id, self.why, self.kind)


@dataclass(frozen=True)
class Turn:
    """What one side said. ``places`` counts the pictures (or the one video) shown in front of the text."""

    role: Literal["user", "assistant"]
    text: str
    places: int = 0


@dataclass(frozen=True)
class Sample:
    """One conversation. Paths are ready to be opened; there are ``images`` or a ``video`` or neither.

    ``system`` None: the sample does not say; "": it wants none. ``start_seconds``, ``end_seconds``: the part of the
    video that is shown. ``size`` is the bytes of the sample in its file, for guessing its length.
    """

    id: str
    turns: tuple[Turn, ...]
    system: str | None = None
    images: tuple[str, ...] = ()
    video: str = ""
    start_seconds: float | None = None
    end_seconds: float | None = None
    size: int = 0


class Samples(Sequence[Sample]):
    """The samples of one file, each read when asked for; memory holds their places in the file alone."""

    def __init__(self, path: Path, media: Path, places: Spans) -> None:
        self.path, self.media, self.places = path, media, places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Read a sample. Raises SampleError if it cannot be understood."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        raw = self.raw(at)
        name = f"{self.path.name}[{at}]"
        try:
            plain = from_json(raw)
        except ValueError as error:
            raise SampleError(name, f"is not JSON: {error}") from error
        _check_characters(plain, name)
        return self.made(plain, name, len(raw))

    def made(self, plain: Any, name: str, size: int) -> Sample:
        """The sample that an object of the file is. Raises SampleError."""
        return sample_of(plain, name, self.media, size)

    def raw(self, index: int) -> bytes:
        """The bytes of a sample as they stand in the file."""
        begin, end = (int(at) for at in self.places[index])
        with open_file(self.path) as file:
            file.seek(begin)
            return file.read(end - begin)

    def problems(self) -> Iterator[SampleError]:
        """What is wrong with the samples that cannot be used, in order; reads the whole file, opens no media."""
        for at in range(len(self)):
            try:
                _ = self[at]
            except SampleError as error:
                yield error


Opened = TypeVar("Opened", bound=Samples)


def opened(kind: type[Opened], source: DataSource, needs: Sequence[str], advice: str) -> Opened:
    """Index a file of samples of a kind: a JSON list, or JSON lines.

    Raises SettingsError when the file is missing, empty, or something else, or when its first sample lacks a key that
    it ``needs``; ``advice`` then says what is wanted.
    """
    path = Path(source.path).expanduser()
    found = kind(path, Path(source.media).expanduser() if source.media else path.parent, spans(path))
    try:
        first = from_json(found.raw(0))
    except ValueError as error:
        raise SettingsError(f"{path}: is neither a JSON list nor JSON lines: {error}") from error
    missing = [key for key in needs if not isinstance(first, dict) or key not in first]
    if missing:
        raise SettingsError(f"{path}: the first sample has no {missing[0]!r}; {advice}")
    return found


def read_samples(source: DataSource) -> Samples:
    """Index a file of conversations: a JSON list, or JSON lines.

    Raises SettingsError when the file is missing, empty, or something else; a sample that is wrong raises SampleError
    when it is read.
    """
    advice = (
        'a list in the LLaVA layout is wanted, as "sg4v dataset export" writes with the formats llava and captioner'
    )
    return opened(Samples, source, ["conversations"], advice)


def _check_characters(plain: Any, name: str) -> None:
    """JSON can spell half of a character, as in a text cut within an emoji; no tokenizer and no log takes that."""
    try:
        json.dumps(plain, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise SampleError(name, f"holds half of a character ({half!a}); was a text cut within an emoji?") from error


def sample_of(plain: Any, name: str, media: Path, size: int) -> Sample:
    """A sample from its JSON; ``name`` says where it stands, ``size`` how many bytes it is. Raises SampleError."""
    if not isinstance(plain, dict):
        raise SampleError(name, f"is {plain!r:.40}, not a JSON object")
    known = plain.get("id")
    id = name if known in (None, "") else f"{known} ({name})"
    system, turns = _turns(id, plain)
    images, video = _media(id, plain, turns, media)
    start, end = (_seconds(id, plain, key) for key in ("start_seconds", "end_seconds"))
    if start is not None and end is not None and start >= end:
        raise SampleError(id, f"'start_seconds' ({start:g}) must be before 'end_seconds' ({end:g})")
    return Sample(id, turns, system, images, video, start, end, size)


def _turns(id: str, plain: Mapping[str, Any]) -> tuple[str | None, tuple[Turn, ...]]:
    """The system text, and the turns: a question and its answer, as often as you like."""
    said = plain.get("conversations")
    if not isinstance(said, list) or not said:
        raise SampleError(id, "'conversations' must be a list of turns")
    pairs = [_pair(id, number, turn) for number, turn in enumerate(said)]
    made = _verbatim_turn if plain.get("verbatim") is True else _turn
    system = plain.get("system")
    if system is not None and not isinstance(system, str):
        raise SampleError(id, f"'system' must be a text, not {system!r:.40}")
    if pairs[0][0] == "system":
        system, pairs = pairs[0][1], pairs[1:]
    turns = []
    for number, (role, text) in enumerate(pairs):
        wanted: Literal["user", "assistant"] = "assistant" if number % 2 else "user"
        if role != wanted:
            raise SampleError(id, f"turn {number} is by {role}; human and gpt take turns, and human begins")
        turns.append(made(id, number, wanted, text))
    if not turns or len(turns) % 2:
        raise SampleError(id, "the last question has no answer; a conversation ends with gpt")
    return system, tuple(turns)


def _pair(id: str, number: int, turn: Any) -> tuple[str, str]:
    role = turn.get("from", turn.get("role")) if isinstance(turn, dict) else None
    text = turn.get("value", turn.get("content")) if isinstance(turn, dict) else None
    if not isinstance(role, str) or role not in _ROLES or not isinstance(text, str):
        raise SampleError(id, f"turn {number} needs 'from' (human, gpt or system) and 'value' (a text): {turn!r:.80}")
    return _ROLES[role], text


def _turn(id: str, number: int, role: Literal["user", "assistant"], text: str) -> Turn:
    """A turn with its places taken out: pictures always stand in front (as the original training code puts them)."""
    places = text.count(IMAGE) + text.count(VIDEO)
    if role == "assistant" and places:
        raise SampleError(id, f"turn {number}: an answer cannot show a picture, but has {IMAGE} or {VIDEO}")
    text = text.replace(IMAGE, "").replace(VIDEO, "").strip()
    if role == "assistant" and not text:
        raise SampleError(id, f"turn {number}: the answer is empty")
    return Turn(role, text, places)


def _verbatim_turn(id: str, number: int, role: Literal["user", "assistant"], text: str) -> Turn:
    """A turn whose places stand in front already, each on a line of its own; the text after them stays as it is.

    For captioners, which are to be asked with the very bytes that they learn from.
    """
    places = 0
    while role == "user" and text.startswith(f"{IMAGE}\n"):
        places, text = places + 1, text.removeprefix(f"{IMAGE}\n")
    if role == "assistant" and not text.strip():
        raise SampleError(id, f"turn {number}: the answer is empty")
    return Turn(role, text, places)


def _media(id: str, plain: Mapping[str, Any], turns: tuple[Turn, ...], media: Path) -> tuple[tuple[str, ...], str]:
    """What the places show. A video beside images, or in a sample without a place, only says where those are from."""
    places = sum(turn.places for turn in turns)
    images = plain.get("image") or []
    images = [images] if isinstance(images, str) else images
    if not isinstance(images, list) or not all(isinstance(path, str) and path for path in images):
        raise SampleError(id, "'image' must be a path or a list of paths")
    video = plain.get("video") or ""
    if not isinstance(video, str):
        raise SampleError(id, "'video' must be a path")
    if images and places != len(images):
        raise SampleError(id, f"{places} places ({IMAGE}) for {len(images)} images")
    if not images and video and places == 1:
        return (), _located(video, media)
    if not images and places:
        shown = f"one video has one place, not {places}" if video else f"{places} places but neither image nor video"
        raise SampleError(id, shown)
    if video and plain.get("image") is None:  # tables written as JSON have every key, some of them null
        raise SampleError(id, f"no turn says where the video is shown; put {VIDEO} into the question")
    return tuple(_located(path, media) for path in images), ""


def _located(path: str, media: Path) -> str:
    return path if "://" in path else str(media / path)  # an absolute path stays as it is


def _seconds(id: str, plain: Mapping[str, Any], key: str) -> float | None:
    value = plain.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise SampleError(id, f"{key!r} must be a number of seconds, not {value!r:.40}")
    if value is not None and not math.isfinite(value):  # Python reads NaN and Infinity as JSON
        raise SampleError(id, f"{key!r} must be a number of seconds, not {value}")
    return None if value is None else float(value)
