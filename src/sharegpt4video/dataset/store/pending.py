"""Inputs that are not completely listed yet, stored when listing begins, so that a killed run can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ...errors import StorageError
from ...given import from_json
from . import storage
from .store import Store

FOLDER = "listing"
"""Beside the tables: one small file for each run that is listing, or was listing when it was killed."""


class Pending:
    """The inputs that runs have begun to list; each of several shards side by side has a file of its own."""

    def __init__(self, store: Store, shard: tuple[int, int] | None = None) -> None:
        self._store, self._whole = store, shard is None
        self._name = "all.json" if shard is None else f"{shard[0]}-of-{shard[1]}.json"

    def inputs(self) -> list[str]:
        """What is still to be listed, each input once, in the order they were named. Raises StorageError."""
        return list(dict.fromkeys(text for name in self._names() for text in self._read(name)))

    def begin(self, inputs: Sequence[str]) -> None:
        """Raises StorageError when it cannot be written."""
        self._write(self._name, [*self._read(self._name), *inputs])

    def ended(self, inputs: Iterable[str]) -> None:
        """Forget these inputs: they are listed, and what was found is stored. Raises StorageError."""
        done = set(inputs)
        for name in self._names():
            self._write(name, [text for text in self._read(name) if text not in done])

    def _names(self) -> list[str]:
        """A run over everything resumes all of them; a shard has only listed its own share."""
        return storage.names(self._store.fs, f"{self._store.root}/{FOLDER}") if self._whole else [self._name]

    def _read(self, name: str) -> list[str]:
        path = f"{self._store.root}/{FOLDER}/{name}"
        data = storage.read(self._store.fs, path)
        if data is None:
            return []
        try:
            found = from_json(data)
            if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
                raise ValueError("it is not a list of names")
        except ValueError as error:
            raise StorageError(f"{path}: is damaged ({error}); delete it, and name the videos again") from error
        return found

    def _write(self, name: str, inputs: Sequence[str]) -> None:
        path = f"{self._store.root}/{FOLDER}/{name}"
        self._store.check_guard()
        if inputs:
            text = json.dumps(list(dict.fromkeys(inputs)), ensure_ascii=True, indent=2)
            storage.put(self._store.fs, path, f"{text}\n".encode())
        else:
            storage.remove(self._store.fs, [path])
