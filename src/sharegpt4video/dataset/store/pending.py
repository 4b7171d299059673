"""Inputs that have not been listed to their end: written down when listing begins, so that a killed run can go on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ...errors import StorageError
from . import storage
from .store import Store

FOLDER = "listing"
"""Beside the tables: one small file for each run that is listing, or was when it was killed."""


class Pending:
    """The inputs that runs have begun to list; shards that run side by side each have a file of their own."""

    def __init__(self, store: Store, shard: tuple[int, int] | None = None) -> None:
        self._store, self._whole = store, shard is None
        self._name = "all.json" if shard is None else f"{shard[0]}-of-{shard[1]}.json"

    def inputs(self) -> list[str]:
        """What is still to be listed, each once, in the order in which it was named."""
        return list(dict.fromkeys(text for name in self._names() for text in self._read(name)))

    def begin(self, inputs: Sequence[str]) -> None:
        """Raises StorageError when it cannot be written."""
        self._write(self._name, [*self._read(self._name), *inputs])

    def ended(self, inputs: Iterable[str]) -> None:
        """These are listed, and what was found is stored."""
        over = set(inputs)
        for name in self._names():
            left = [text for text in self._read(name) if text not in over]
            self._write(name, left)

    def _names(self) -> list[str]:
        """A run over everything goes on with all; a shard has listed its own share alone."""
        return storage.names(self._store.fs, f"{self._store.root}/{FOLDER}") if self._whole else [self._name]

    def _read(self, name: str) -> list[str]:
        path = f"{self._store.root}/{FOLDER}/{name}"
        data = storage.read(self._store.fs, path)
        if data is None:
            return []
        try:
            found = json.loads(data)
        except ValueError as error:
            raise StorageError(f"{path}: is damaged ({error}); delete it, and name the videos again") from error
        return [str(text) for text in found] if isinstance(found, list) else []

    def _write(self, name: str, inputs: Sequence[str]) -> None:
        path = f"{self._store.root}/{FOLDER}/{name}"
        self._store.check_guard()
        if inputs:
            text = json.dumps(list(dict.fromkeys(inputs)), ensure_ascii=True, indent=2)
            storage.put(self._store.fs, path, f"{text}\n".encode())
        else:
            storage.remove(self._store.fs, [path])
