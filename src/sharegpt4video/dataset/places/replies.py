"""The reply cache: every answer of a model is written down as it comes, and never paid for a second time.

SQLite, one file per writer in one folder. The key is a hash of everything that decides an answer: the model and its
options, the prompts, the request with its pictures. Resuming is replay: a video that was being captioned when the run
was killed is read again, and its finished steps are answered from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from ...errors import StorageError
from ...vlm.base import VLM, Problem, Reply, Request
from ...vlm.forwarding import ForwardingVLM
from ..store.storage import is_local
from ..store.store import Store

CACHE_VERSION = 1
ENDING = ".sqlite"
RESERVE = ".reserve"
RESERVE_BYTES = 8 << 20
"""Room kept free beside a cache: on a full disk it is given up for the answers that are still on their way."""
BUSY_SECONDS = 30.0
NOT_ANSWERED: frozenset[Problem] = frozenset({"unavailable", "mixed up"})
"""Problems of replies that nobody paid for, or that belong to somebody else: they are asked for again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, text TEXT NOT NULL, model TEXT NOT NULL, prompt_hash TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, problem TEXT NOT NULL, detail TEXT NOT NULL,
    seal BLOB NOT NULL
) WITHOUT ROWID
"""
_COLUMNS = "text, model, prompt_hash, input_tokens, output_tokens, problem, detail"


class ReplyCache:
    """Replies by key: written to ``FOLDER/WRITER.sqlite``, read from every cache file in the folder.

    A writer belongs to one process. What has been put is there after a kill at any moment. Each row is sealed with a
    hash over key and answer, so a row that was damaged or put under another key is not used; ``damaged`` counts them.
    Raises StorageError when a file is none of ours, from another version, or cannot be written. On a full disk what has
    been put is kept all the same, in room that was set aside, and then StorageError is raised: so the run ends.
    """

    def __init__(self, folder: Path, writer: str = "replies") -> None:
        self.hits = self.misses = self.damaged = 0
        self._lock = threading.Lock()  # a run may use it from the threads of several event loops
        self._own = folder / f"{writer}{ENDING}"
        with _explained(self._own):
            folder.mkdir(parents=True, exist_ok=True)
            self._files = [_open(self._own)]
            others = sorted(path for path in folder.glob(f"*{ENDING}") if path != self._own)
            self._files += [_open(path) for path in others]
        self._reserve = self._own.with_suffix(RESERVE)
        _set_aside(self._reserve)

    def get(self, key: bytes) -> Reply | None:
        """The reply under this key, without its ``request_key``; None if there is none."""
        for file in self._files:
            with _explained(self._own), self._lock:
                row = file.execute(f"SELECT {_COLUMNS}, seal FROM replies WHERE key = ?", (key,)).fetchone()
            if row is None:
                continue
            if row[-1] == _seal(key, row[:-1]):
                self.hits += 1
                text, model, prompt_hash, tokens_in, tokens_out, problem, detail = row[:-1]
                return Reply(text, "", model, prompt_hash, tokens_in, tokens_out, cast(Problem, problem), detail)
            self.damaged += 1
        self.misses += 1
        return None

    def put(self, key: bytes, reply: Reply) -> None:
        """Write a reply down; when this returns, a kill of this process cannot lose it."""
        values = (
            reply.text,
            reply.model,
            reply.prompt_hash,
            reply.input_tokens,
            reply.output_tokens,
            reply.problem,
            reply.detail,
        )
        with _explained(self._own), self._lock:
            try:
                self._insert((key, *values, _seal(key, values)))
            except sqlite3.OperationalError as error:
                if not _is_full(error):
                    raise
                self._reserve.unlink(missing_ok=True)
                self._insert((key, *values, _seal(key, values)))
                raise  # it is written; the next ones may not be

    def _insert(self, row: tuple[object, ...]) -> None:
        with self._files[0]:
            self._files[0].execute(
                f"INSERT OR REPLACE INTO replies (key, {_COLUMNS}, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            )

    def __len__(self) -> int:
        return sum(file.execute("SELECT count(*) FROM replies").fetchone()[0] for file in self._files)

    def close(self) -> None:
        for file in self._files:
            file.close()


class CachedVLM(ForwardingVLM):
    """A model whose answers are kept: a request that was answered before is not asked again.

    The reply carries the key of the request that it was given for; one that comes back from the model with another
    key is handed on as it is (the engine marks it) and is not kept.
    """

    def __init__(self, vlm: VLM, cache: ReplyCache, prompt_hash: str) -> None:
        super().__init__(vlm)
        self.cache = cache
        self._identity, self._prompt_hash = vlm.identity, prompt_hash
        self._checking, self._checked = asyncio.Lock(), False

    @property
    def identity(self) -> str:
        return self._identity

    async def generate(self, request: Request) -> Reply:
        request_key = request.key()
        key = cache_key(self._identity, self._prompt_hash, request_key)
        if (known := await self._get(key)) is not None:
            return replace(known, request_key=request_key)
        await self._check()
        reply = await self.vlm.generate(request)
        if reply.request_key == request_key and reply.problem not in NOT_ANSWERED:
            await self._put(key, reply)
        return reply

    async def check(self) -> None:
        """Check the model at once if nothing is kept; else when something is asked that is not: all may be there."""
        if not len(self.cache):
            await self._check()

    async def _check(self) -> None:
        async with self._checking:
            if not self._checked:
                await self.vlm.check()
                self._checked = True

    async def _get(self, key: bytes) -> Reply | None:
        return self.cache.get(key)

    async def _put(self, key: bytes, reply: Reply) -> None:
        self.cache.put(key, reply)


@contextlib.contextmanager
def remembered(store: Store, vlm: VLM, prompt_hash: str) -> Iterator[CachedVLM]:
    """A model whose answers are kept with a data set, for what is asked about it after the build."""
    cache = ReplyCache(replies_folder(store))
    try:
        yield CachedVLM(vlm, cache, prompt_hash)
    finally:
        cache.close()


def replies_folder(store: Store) -> Path:
    """Where the reply cache of a data set is: SQLite needs a disk of this machine."""
    if is_local(store.fs):
        return Path(store.root) / "replies"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "sharegpt4video" / "replies" / hashlib.sha256(store.root.encode()).hexdigest()[:16]


def writer_name(shard: tuple[int, int] | None) -> str:
    """The cache file of a run; runs side by side write to files of their own and read each other's."""
    return "replies" if shard is None else f"replies-{shard[0]:05d}-of-{shard[1]:05d}"


def cache_key(identity: str, prompt_hash: str, request_key: str) -> bytes:
    """The key of a reply: model and options, prompts, and the request, of which each can change the answer."""
    return hashlib.sha256("\n".join((identity, prompt_hash, request_key)).encode()).digest()


def _seal(key: bytes, values: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(key + repr(values).encode(), digest_size=12).digest()


def _set_aside(reserve: Path) -> None:
    """Take room on the disk, where it can be had; what is there already stays."""
    with contextlib.suppress(OSError):
        if not reserve.exists() or reserve.stat().st_size < RESERVE_BYTES:
            try:
                reserve.write_bytes(bytes(RESERVE_BYTES))
            except OSError:
                reserve.unlink(missing_ok=True)  # not even that much is free


def _is_full(error: sqlite3.Error) -> bool:
    """Whether a disk is full; SQLite calls some of it an I/O error, and does not say which."""
    return "full" in str(error) or "disk I/O error" in str(error)


def _open(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    with contextlib.ExitStack() as opened:
        opened.callback(file.close)  # whatever keeps it from being of use, an interruption as well
        version = file.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, CACHE_VERSION):
            raise StorageError(
                f"{path}: a reply cache of version {version}; this package reads version {CACHE_VERSION}. Use the "
                "package that wrote it, or move the file away to ask everything again"
            )
        if version == 0 and file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StorageError(f"{path}: a database, but not a reply cache; move it out of this folder")
        # Write-ahead logging: a reply costs no wait for the disk, and a killed process loses none.
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute(_SCHEMA)
        file.execute(f"PRAGMA user_version = {CACHE_VERSION}")
        file.commit()
        opened.pop_all()
    return file


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "full" in said or "disk I/O error" in said:
            advice = "free some space and start again: all answers so far are kept"
        elif "not a database" in said or "malformed" in said:
            advice = "the file is damaged: move it away; its contents are requested again"
        else:
            advice = "check that the folder can be written and that no other program holds the file"
        raise StorageError(f"{path}: {said}; {advice}") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}; give another folder for the replies") from error
