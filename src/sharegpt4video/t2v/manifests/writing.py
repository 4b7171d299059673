"""What all manifests are written with: captions and paths that a layout can hold, and files that appear whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ...checking import raise_for, wrong_values
from ...config import STRICT
from ...errors import SettingsError, StorageError
from ...files import BUFFER_BYTES, whole_path
from ...foreign import json_text, plain
from ...given import from_json, open_text

READ_CHARACTERS = 1 << 16
_BETWEEN = re.compile(r"[ \t\r\n,]*")
NO_TEXT = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""What ``pandas.read_csv`` takes for a cell without a value."""


@dataclass(frozen=True)
class Options:
    """Options that every manifest has."""

    __pydantic_config__ = STRICT

    overwrite: bool = False
    """Replace a manifest that is there already."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def one_paragraph(text: str) -> str:
    """A caption on one line, without anything that a reader could take for the end of a line.

    Python's ``splitlines`` also breaks at U+2028, U+0085, vertical tabs and form feeds, after which every caption would
    belong to the next video.
    """
    return " ".join(plain(text).split())


def caption_of(text: str, video: str) -> str:
    """``one_paragraph`` of a caption. Raises SettingsError where nothing is left: readers drop empty lines."""
    told = one_paragraph(text)
    if not told:
        raise SettingsError(f"{video}: its caption is empty; leave the clip out")
    return told


def cell_of(text: str, video: str) -> str:
    """As ``caption_of``, for a CSV that pandas reads, which takes "None" or "NA" for a cell without a value."""
    told = caption_of(text, video)
    if told in NO_TEXT:
        raise SettingsError(f"{video}: its caption is {told!r}, which its trainer reads as no text; leave the clip out")
    return told


def path_of(video: str, *, without: str = "", endings: Sequence[str] = ()) -> str:
    """The path of a video, where the layout can hold it; ``without`` lists characters that its reader splits at.

    Raises SettingsError otherwise: a changed path would lead to another file.
    """
    wrong = [character for character in without if character in video]
    if not video or video != one_paragraph(video) or wrong:
        why = f"its path holds {wrong[0]!r}" if wrong else "its path holds line breaks, odd spaces or no text"
        raise SettingsError(f"{video!r}: {why}, which this trainer cannot read; rename the file")
    if endings and PurePosixPath(video).suffix not in endings:
        raise SettingsError(f"{video}: this trainer reads only {' and '.join(endings)}; convert the video")
    return video


@contextmanager
def new_files(folder: Path, names: Sequence[str], *, overwrite: bool) -> Iterator[list[IO[str]]]:
    """Text files to write side by side. All of them appear when all went well, or none.

    Files that belong together are never there in two versions: with ``overwrite``, old ones go before the first new one
    comes. Raises SettingsError if one is there and ``overwrite`` is off, StorageError if one cannot be written.
    """
    with new_paths(folder, names, overwrite=overwrite) as unfinished, ExitStack() as stack:
        yield [
            stack.enter_context(path.open("x", encoding="utf-8", newline="", buffering=BUFFER_BYTES))
            for path in unfinished
        ]


@contextmanager
def new_paths(folder: Path, names: Sequence[str], *, overwrite: bool) -> Iterator[list[Path]]:
    """As ``new_files``, for writers that open files by their names."""
    targets = [folder / name for name in names]
    if not overwrite:
        require_new(targets)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            yield [stack.enter_context(whole_path(target, replace=overwrite)) for target in targets]
            if overwrite and len(targets) > 1:
                for target in targets:
                    target.unlink(missing_ok=True)
    except FileExistsError:
        require_new(targets)
        raise
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written to ({error.strerror or error}); give another folder"
        ) from error


def require_new(targets: Sequence[Path]) -> None:
    """Raises SettingsError if one of these is there: nothing is overwritten unasked."""
    if there := [target for target in targets if target.exists()]:
        raise SettingsError(f"{there[0]}: is there already; choose another folder, or overwrite it")


def json_item(value: Mapping[str, Any]) -> str:
    """A value as JSON on one line."""
    return json_text(json.dumps(value, ensure_ascii=False))


def write_list(file: IO[str], items: Iterator[Mapping[str, Any]]) -> None:
    """Items as one JSON list, a line each, one at a time."""
    file.write("[")
    for number, item in enumerate(items):
        file.write(f"{',' if number else ''}\n{json_item(item)}")
    file.write("\n]\n")


def read_list(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file that holds one JSON list, one at a time. Raises SettingsError if it is none."""
    decoder, number, place = json.JSONDecoder(), 0, 0
    with opened(path) as file:
        held = file.read(READ_CHARACTERS).lstrip()
        if not held.startswith("["):
            raise SettingsError(f"{path}: not a JSON list")
        place = 1
        while True:
            place = _BETWEEN.match(held, place).end()  # type: ignore[union-attr]
            if held.startswith("]", place):
                return
            try:
                value, place = decoder.raw_decode(held, place)
            except RecursionError:
                raise SettingsError(f"{path}: item {number + 1} is nested too deep") from None
            except ValueError:
                more = file.read(max(READ_CHARACTERS, len(held) - place))
                if not more:
                    raise SettingsError(f"{path}: item {number + 1} cannot be read; is the file whole?") from None
                held, place = held[place:] + more, 0
                continue
            number += 1
            yield an_object(value, f"{path}, item {number}")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one in each line. Raises SettingsError naming the line that is something else."""
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = from_json(line)
            except ValueError as wrong:
                raise SettingsError(f"{path}, line {number}: not JSON ({wrong})") from None
            yield an_object(value, f"{path}, line {number}")


def an_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where}: not a JSON object")
    return value


NOT_A_ROW = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What is raised by a row that somebody else wrote: fields that are not there, or of another kind, or infinite."""


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """A manifest to read. Raises SettingsError if it is not there or is not text."""
    try:
        with open_text(path, "utf-8-sig", newline="\n") as file:
            yield file
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); is this the folder of the manifest?") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 ({error.reason}, byte {error.start})") from None


def texts_of(captions: Sequence[Any]) -> dict[str, str]:
    """Captions of a layout that does not name them, each once: ``caption``, ``caption_2`` and so on."""
    different = list(dict.fromkeys(str(caption) for caption in captions))
    return {f"caption_{number}" if number > 1 else "caption": text for number, text in enumerate(different, start=1)}
