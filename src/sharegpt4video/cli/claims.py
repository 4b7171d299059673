"""Which videos of an output folder are being captioned, so that of several runs only one asks and pays for each.

A claim is a hidden file that exists while its video is worked on. On most disks, NFS among them, its owner holds the
kernel's lock on it: a killed run leaves the file, but not the lock. Where the file system has no locks, the file itself
is the lock, and its owner touches it; after five minutes of silence it is taken over.

The lock of a data set (``dataset.store.lock``) is made of the same pieces (``flock``), but its files stay. There is a
claim for each video, and no claim may stay behind among the captions.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ..dataset.store.flock import BEAT_SECONDS, STALE_SECONDS, Owner, can_flock, flock, held, open_file
from ..errors import StorageError

_PREFIX, _LOCK, _LEASE, _GUARD = ".sg4v-", ".lock", ".lease", ".guard"
_TRIES, _PAUSE_SECONDS = 5, 0.02
_PATIENCE_SECONDS = 20.0
"""How long to wait for the owner of a claim to say who it is. A run that only looks for leftovers never does."""


class Busy(Exception):
    """Another run is captioning the video. The message says which, if that is known."""


class Claims:
    """The claims of one run in a folder. What killed runs left there is removed first."""

    def __init__(
        self, folder: Path, *, stale_seconds: float = STALE_SECONDS, beat_seconds: float = BEAT_SECONDS
    ) -> None:
        self._folder, self._stale_seconds, self._beat_seconds = folder, stale_seconds, beat_seconds
        self._has_locks: bool | None = None
        self._handles: dict[Path, int] = {}
        self._leases: dict[Path, Owner] = {}
        self._beating: threading.Thread | None = None
        self._remove_left()

    @contextlib.contextmanager
    def claimed(self, content_id: str) -> Iterator[None]:
        """Hold the claim on a video. Raises Busy if another run has it, StorageError if nothing can be written here."""
        made = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
        try:
            path = self._take(content_id)
        except OSError as error:
            raise StorageError(f"{self._folder}: cannot be written to: {error.strerror or error}") from error
        try:
            yield
        finally:
            self._release(path)
            for folder in made:  # it stays if there is anything in it
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def _take(self, content_id: str) -> Path:
        owner: Owner | None = None
        until = time.monotonic() + _PATIENCE_SECONDS
        tries = 0
        while tries < _TRIES or (owner is None and time.monotonic() < until):
            tries, owner = tries + 1, None
            with contextlib.suppress(FileNotFoundError):  # just removed: its owner is done
                self._folder.mkdir(parents=True, exist_ok=True)
                if self._has_locks is None:
                    self._has_locks = _has_locks(self._folder)
                take, ending = (self._lock, _LOCK) if self._has_locks else (self._lease, _LEASE)
                path = self._folder / f"{_PREFIX}{content_id}{ending}"
                if take(path):
                    return path
                owner = Owner.read(path.read_bytes())
            time.sleep(_PAUSE_SECONDS)  # perhaps another run is only looking for leftovers
        raise Busy(f"another run ({owner})" if owner else "another run")

    def _lock(self, path: Path) -> bool:
        """Whether the kernel's lock on the file is ours now."""
        handle = _opened(path)
        try:
            if not flock(handle) or not _is(path, handle):
                return False
            if not os.access(path, os.W_OK):  # left by somebody else's run
                path.unlink()
                return False
            os.ftruncate(handle, 0)
            os.write(handle, Owner.me().to_bytes())
            held.add(handle)
            self._handles[path] = handle
            return True
        finally:
            if path not in self._handles:
                os.close(handle)

    def _lease(self, path: Path) -> bool:
        """Whether the file was made by us."""
        me = Owner.me()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            if self._is_silent(path):
                self._remove_silent(path)
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(me.to_bytes())
        self._leases[path] = me
        if self._beating is None:
            self._beating = threading.Thread(target=self._beat, daemon=True, name="sg4v-claims")
            self._beating.start()
        return True

    def _remove_silent(self, path: Path) -> None:
        """Remove an expired lease. One run at a time, so that no run removes a lease that another has just taken."""
        guard = path.with_name(f"{path.name}{_GUARD}")
        try:
            os.close(os.open(guard, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            if self._is_silent(guard):  # its owner was killed while holding it
                guard.unlink()
            return
        try:
            if self._is_silent(path):
                path.unlink()
        finally:
            guard.unlink()

    def _release(self, path: Path) -> None:
        handle, lease = self._handles.pop(path, None), self._leases.pop(path, None)
        with contextlib.suppress(OSError):
            ours = _is(path, handle) if handle is not None else Owner.read(path.read_bytes()) == lease
            if ours:
                path.unlink()
        if handle is not None:
            held.discard(handle)
            os.close(handle)

    def _beat(self) -> None:
        while True:
            time.sleep(self._beat_seconds)
            for path in list(self._leases):
                with contextlib.suppress(OSError):
                    os.utime(path)

    def _is_silent(self, path: Path) -> bool:
        return time.time() - path.stat().st_mtime > self._stale_seconds

    def _remove_left(self) -> None:
        for path in self._folder.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if path.name.endswith(_LOCK):
                    handle = _opened(path, create=False)
                    try:
                        if flock(handle) and _is(path, handle):
                            path.unlink()
                    finally:
                        os.close(handle)
                elif path.name.endswith(_LEASE) and self._is_silent(path):
                    self._remove_silent(path)
                elif path.name.endswith(_GUARD) and self._is_silent(path):
                    path.unlink()


def _opened(path: Path, *, create: bool = True) -> int:
    """Open for locking. Another user's file may only be readable, which is enough to see whether it is locked."""
    try:
        return open_file(path, create=create)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _is(path: Path, handle: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _has_locks(folder: Path) -> bool:
    """Whether the file system of a folder supports the kernel's locks. Raises OSError where nothing can be written."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return can_flock(probe.fileno())
