"""Who may write into a data set directory: one run at a time, or the shards of one division side by side.

On a local disk the lock is the kernel's (``flock``), so a killed process never leaves one behind. A network disk
takes part if its locks reach across machines: NFS does, Lustre when mounted with ``flock``.

On other storage, and on disks without such locks, it is a lease: a file that its owner refreshes; after five minutes
of silence somebody else may take over. Leases have numbers, and a file of a number is only ever created once, so of
several who take over one wins, and an owner that was away sees by the higher number that it has lost. The clocks of
the machines may differ by a minute or so.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from ...errors import SettingsError, StorageError
from . import storage
from .flock import BEAT_SECONDS, STALE_SECONDS, Owner, can_flock, flock, held, open_file

FOLDER = "locks"
FULL = "full"
SHARD = re.compile(r"shard-(\d+)-of-(\d+)")
LEASE = re.compile(r"(?P<name>.+)\.(?P<number>\d{8})\.lease")

logger = logging.getLogger(__name__)


class Busy(StorageError):
    """Another run writes into the data set, or has taken it over."""


class Held(Protocol):
    """A lock that is held. ``message`` says from whom it was taken over, if it was."""

    message: str

    def check(self) -> None:
        """Raises Busy if the lock was lost: then nothing more may be written. Cheap; meant for ``Store.guard``."""


def lock(
    root: str | os.PathLike[str],
    *,
    shard: tuple[int, int] | None = None,
    stale_seconds: float = STALE_SECONDS,
    beat_seconds: float = BEAT_SECONDS,
) -> AbstractContextManager[Held]:
    """Hold a data set directory for writing: all of it, or as shard ``(i, n)`` beside other shards of the same n.

    Raises Busy, which names the other writer, and SettingsError for a shard that does not exist.
    The last two arguments are for storage without the kernel's locks: when a silent owner is given up, and how often an
    owner shows that it is alive.
    """
    name = FULL
    if shard is not None:
        number, count = shard
        if not 0 <= number < count:
            raise SettingsError(f"a shard is (i, n) with 0 <= i < n, not ({number}, {count})")
        name = f"shard-{number}-of-{count}"
    fs, path = storage.open_storage(root)
    if storage.is_local(fs) and _kernel_locks(Path(path) / FOLDER):
        return _local(Path(path), name)
    return _leased(fs, path, name, stale_seconds, beat_seconds)


def is_being_written(fs: Any, root: str) -> bool:
    """Whether a run holds a lock on a data set, as far as can be seen. Takes none that another run might want."""
    folder = Path(root) / FOLDER
    if storage.is_local(fs) and os.name == "posix" and (folder / "gate").exists():
        with suppress(OSError):
            return _any_locked(folder)
    names = [name for name in storage.names(fs, f"{root}/{FOLDER}") if LEASE.fullmatch(name)]
    owners = (Owner.read(storage.read(fs, f"{root}/{FOLDER}/{name}")) for name in names)
    return any(owner and not owner.released and time.time() - owner.beat <= STALE_SECONDS for owner in owners)


def _any_locked(folder: Path) -> bool:
    gate = open_file(folder / "gate", create=False)  # as in ``_try``: looking gets into nobody's way
    try:
        flock(gate, wait=True)
        for path in folder.glob("*.lock"):
            handle = open_file(path, create=False)
            try:
                if not flock(handle):
                    return True
            finally:
                os.close(handle)
    finally:
        os.close(gate)
    return False


def _conflicts(name: str, other: str) -> bool:
    """Whether two may not run at the same time: all but different shards of one division."""
    mine, theirs = SHARD.fullmatch(name), SHARD.fullmatch(other)
    return name == other or mine is None or theirs is None or mine[2] != theirs[2]


def _busy(root: object, other: str, owner: Owner | None) -> Busy:
    what = "a run over all of it" if other == FULL else other.replace("-", " ")
    who = f" ({owner})" if owner else ""
    return Busy(f"{root}: is being written by {what}{who}; wait until it ends, or use another directory")


# On a local disk


class _Flock:
    """A lock of the kernel on an open file."""

    def __init__(self, root: Path, handle: int) -> None:
        self.message = ""
        self._root, self._handle = root, handle

    def check(self) -> None:
        if os.fstat(self._handle).st_nlink == 0:
            raise Busy(f"{self._root}: its lock was deleted while this run held it; nothing more is written")


def _kernel_locks(folder: Path) -> bool:
    """Whether the disk of a folder has the kernel's locks."""
    if os.name != "posix":
        return False
    with storage.told(str(folder), "locked"):
        folder.mkdir(parents=True, exist_ok=True)
        gate = open_file(folder / "gate")
        try:
            return can_flock(gate)
        finally:
            os.close(gate)


@contextmanager
def _local(root: Path, name: str) -> Iterator[Held]:
    folder = root / FOLDER
    with storage.told(str(folder), "locked"):
        handle = _try(root, folder, name)
    held.add(handle)
    try:
        yield _Flock(root, handle)
    finally:
        held.discard(handle)
        os.close(handle)


def _try(root: Path, folder: Path, name: str) -> int:
    """The open file whose lock is ours. Raises Busy."""
    gate = open_file(folder / "gate")  # one at a time tries, so looking at a lock never gets into another's way
    try:
        flock(gate, wait=True)
        for path in sorted(folder.glob("*.lock")):
            if path.stem == name or not _conflicts(name, path.stem):
                continue
            other = open_file(path)
            try:
                if not flock(other):
                    raise _busy(root, path.stem, Owner.read(path.read_bytes()))
            finally:
                os.close(other)
        mine = folder / f"{name}.lock"
        handle = open_file(mine)
        if not flock(handle):
            os.close(handle)
            raise _busy(root, name, Owner.read(mine.read_bytes()))
        os.ftruncate(handle, 0)
        os.write(handle, Owner.me().to_bytes())
        return handle
    finally:
        os.close(gate)


# On other storage


class _Lease:
    """An object that says that we are alive, refreshed in the background."""

    def __init__(self, fs: Any, root: str, name: str, stale_seconds: float) -> None:
        self.message = ""
        self.confirmed = 0.0
        self._fs, self._root, self._name, self._stale = fs, root, name, stale_seconds
        self._folder = f"{root}/{FOLDER}"
        self._me = Owner.me()
        self._number = 0
        self._lost = ""
        self._mutex = threading.Lock()

    def take(self) -> None:
        """Raises Busy if somebody is at work; a lease of one who has gone silent is taken over."""
        found = self._leases()
        self._refuse_if_others(found)
        number, owner = found.get(self._name, (0, None))
        self._number = number + 1
        if not storage.create(self._fs, self._path(self._number), self._me.to_bytes()):
            raise _busy(self._root, self._name, Owner.read(storage.read(self._fs, self._path(self._number))))
        self.confirmed = time.time()
        try:
            self._refuse_if_others(self._leases())  # who came at the same moment sees us, or we them
            self.refresh()
        except StorageError:
            self.release()
            raise
        storage.remove(self._fs, [self._path(number)] if number else [])
        if owner is not None and not owner.released:
            silent = time.time() - owner.beat
            self.message = f"{self._root}: took over from {owner}, which was silent for {silent:.0f} s"
            logger.warning(self.message)

    def check(self) -> None:
        if not self._lost and time.time() - self.confirmed > self._stale / 2:
            self.refresh()  # the background was held up: a machine asleep, a network gone
        if self._lost:
            raise Busy(self._lost)

    def refresh(self) -> None:
        """Say that we are alive, and see whether we still hold the lease. Raises Busy if not."""
        with self._mutex:
            number, owner = self._leases().get(self._name, (0, None))
            if number != self._number or owner is None or owner.token != self._me.token:
                who = f" by {owner}" if owner else ""
                self._lost = f"{self._root}: was taken over{who}; this run writes nothing more"
                raise Busy(self._lost)
            now = time.time()
            self._me = Owner(**{**asdict(self._me), "beat": now})
            storage.put(self._fs, self._path(self._number), self._me.to_bytes())
            self.confirmed = now

    def release(self) -> None:
        """Say that nobody needs to wait. The object stays: its number must not be given twice."""
        with self._mutex:
            if not self._lost:
                self._lost = f"{self._root}: its lock was given back"
                with suppress(StorageError):  # the storage is gone: the lease runs out by itself
                    free = Owner(**{**asdict(self._me), "released": True})
                    storage.put(self._fs, self._path(self._number), free.to_bytes())

    def _path(self, number: int) -> str:
        return f"{self._folder}/{self._name}.{number:08d}.lease"

    def _leases(self) -> dict[str, tuple[int, Owner | None]]:
        """The newest lease of each name."""
        newest: dict[str, int] = {}
        for entry in storage.names(self._fs, self._folder):
            if match := LEASE.fullmatch(entry):
                newest[match["name"]] = max(int(match["number"]), newest.get(match["name"], 0))
        return {
            name: (number, Owner.read(storage.read(self._fs, f"{self._folder}/{name}.{number:08d}.lease")))
            for name, number in newest.items()
            if name == self._name or _conflicts(self._name, name)
        }

    def _refuse_if_others(self, found: dict[str, tuple[int, Owner | None]]) -> None:
        for name, (_, owner) in found.items():
            if owner is None or owner.released or owner.token == self._me.token:
                continue
            if time.time() - owner.beat <= self._stale:
                raise _busy(self._root, name, owner)


@contextmanager
def _leased(fs: Any, root: str, name: str, stale_seconds: float, beat_seconds: float) -> Iterator[Held]:
    lease = _Lease(fs, root, name, stale_seconds)
    lease.take()
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(lease.refresh, stop, beat_seconds), daemon=True)
    beating.start()
    try:
        yield lease
    finally:
        stop.set()
        beating.join()
        lease.release()


def _beat(refresh: Callable[[], None], stop: threading.Event, seconds: float) -> None:
    while not stop.wait(seconds):
        try:
            refresh()
        except Busy:
            return  # the next check says so
        except StorageError as error:
            logger.warning("%s; trying again in %.0f s", error, seconds)
