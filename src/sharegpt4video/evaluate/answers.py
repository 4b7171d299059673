"""The answers of a run on disk: one line each, appended and synced at once, so that a killed run can resume."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..errors import SettingsError, StorageError
from ..files import open_own, write_all
from ..given import from_json, read_bytes
from .base import Answer

FILE = "answers.jsonl"
_FORMAT = 1
_BEGINS = b'{"format": '
"""How the header begins; a kill may leave less of it."""
_AGAIN = ("undecodable", "unavailable")


class AnswerLog:
    """``answers.jsonl`` of a run: a header with the settings that decide answers, then an answer a line.

    Opening it reads existing answers: ``answers`` has the last line of each question. A line cut short by a kill is cut
    off. Raises SettingsError when the file was written with other settings, StorageError when it cannot be read or
    written, or when another process writes it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.path = folder / FILE
        self.answers: dict[str, Answer] = {}
        self._one_at_a_time = threading.Lock()
        header = {"format": _FORMAT, "hash": hash_of(settings), "settings": dict(settings)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as on_failure:
                self._file = on_failure.enter_context(open_own(self.path, "a+b", buffering=0))
                self._begin(header)
                on_failure.pop_all()  # it stays open from here on
        except OSError as error:
            raise StorageError(f"{self.path}: cannot write answers there: {error}") from error

    def _begin(self, header: Mapping[str, Any]) -> None:
        _hold(self._file.fileno(), self.path)
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        lines = data[:whole].split(b"\n")[:-1]
        # Never truncate a file that is not an answers log.
        if lines:
            _check_header(self.path, lines[0], header)
        elif data and not _BEGINS.startswith(data[: len(_BEGINS)]):
            raise StorageError(f"{self.path}: is not an answers file; choose another --out")
        self.answers = {answer.question: answer for answer in _answers(self.path, lines[1:])}
        if whole < len(data):
            self._file.truncate(whole)
        if not lines:
            self._write(header)

    def standing(self) -> dict[str, Answer]:
        """The answers by question, without those worth asking again: unreadable videos, a model that failed."""
        return {name: answer for name, answer in self.answers.items() if answer.problem not in _AGAIN}

    def add(self, answer: Answer) -> None:
        """Keep an answer, on disk before this returns. Raises StorageError."""
        try:
            with self._one_at_a_time:
                self._write(asdict(answer))
                self.answers[answer.question] = answer
        except OSError as error:
            raise StorageError(f"{self.path}: could not save an answer (is the disk full?): {error}") from error

    def _write(self, row: Mapping[str, Any]) -> None:
        descriptor = self._file.fileno()
        whole = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        except OSError:
            os.ftruncate(descriptor, whole)  # the next line must not join half a line
            raise
        os.fsync(descriptor)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> AnswerLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_answers(path: Path) -> tuple[dict[str, Any], dict[str, Answer]]:
    """The settings and the answers of a run's folder or of its ``answers.jsonl``. Raises StorageError."""
    path = path / FILE if path.is_dir() else path
    try:
        data = read_bytes(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot read answers there: {error}") from error
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
    header = _json(lines[0]) if lines else None
    if not header or not isinstance(header.get("settings"), dict):
        raise StorageError(f"{path}: has no settings header; is it an {FILE} written by sg4v evaluate run?")
    return header["settings"], {answer.question: answer for answer in _answers(path, lines[1:])}


def hash_of(plain: Any) -> str:
    """A short hash of any JSON value."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _check_header(path: Path, line: bytes, wanted: Mapping[str, Any]) -> None:
    header = _json(line)
    if header is None or "hash" not in header:
        raise StorageError(f"{path}: its first line is not a settings header; choose another --out")
    if header["hash"] != wanted["hash"]:
        before, now = header.get("settings", {}), wanted["settings"]
        changed = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
        said = "; ".join(f"{name}: {before.get(name)!r} then, {now.get(name)!r} now" for name in changed)
        raise SettingsError(
            f"{path}: holds answers from a run with other settings ({said}); choose another --out, or run with "
            "the same settings to go on"
        )


def _answers(path: Path, lines: list[bytes]) -> Iterator[Answer]:
    known = {field.name for field in fields(Answer)}
    for number, line in enumerate(lines, 2):
        row = _json(line)
        if row is None or "question" not in row:
            raise StorageError(f"{path}, line {number}: is not an answer; remove the line to ask the question again")
        row = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items() if name in known}
        try:
            yield Answer(**row)
        except TypeError as error:  # fields that have no default are missing
            raise StorageError(
                f"{path}, line {number}: is an incomplete answer ({error}); remove the line to ask the question again"
            ) from error


def _json(line: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        row = from_json(line)
        return row if isinstance(row, dict) else None
    return None


def _hold(descriptor: int, path: Path) -> None:
    """Keep other processes out, as long as the file is open; where the system has no such locks, trust."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(f"{path}: another run is writing there; wait for it or choose another --out") from error
