"""Of several runs one at a time is at a video, whatever the disk knows of locks, and a killed run keeps nobody out."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sharegpt4video.cli import claims as claims_module
from sharegpt4video.cli.claims import Busy, Claims
from sharegpt4video.dataset.store.flock import Owner
from sharegpt4video.errors import StorageError

HOLD = """
import sys, time
from pathlib import Path
from sharegpt4video.cli import claims
if sys.argv[2] == "without":
    claims._has_locks = lambda folder: False
with claims.Claims(Path(sys.argv[1])).claimed("ab"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["with", "without"])
def locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """On disks with the kernel's locks, and without."""
    if request.param == "without":
        monkeypatch.setattr(claims_module, "_has_locks", lambda _: False)
    return str(request.param)


def take(claims: Claims, content_id: str = "ab") -> None:
    with claims.claimed(content_id):
        pass


@pytest.mark.usefixtures("locks")
def test_one_at_a_time_and_others_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with Claims(folder).claimed("ab"):
        with pytest.raises(Busy, match=rf"another run \(process {os.getpid()} on "):
            take(Claims(folder))
        take(Claims(folder), "cd")
    take(Claims(folder))
    assert not folder.parent.exists(), "what only claims needed goes with them"


def test_a_killed_run_keeps_nobody_out(tmp_path: Path, locks: str) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), locks]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"process {process.pid} on "):
            take(Claims(tmp_path))
        process.kill()
    (left,) = tmp_path.iterdir()
    if locks == "without":
        with pytest.raises(Busy):
            take(Claims(tmp_path))
        os.utime(left, (time.time() - 301,) * 2)
    Claims(tmp_path)
    assert list(tmp_path.iterdir()) == [], "looking is enough to clean up"
    take(Claims(tmp_path))


def test_a_silent_lease_is_taken_over_by_one_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "_has_locks", lambda _: False)
    runs = [Claims(tmp_path) for _ in range(8)]
    left = tmp_path / ".sg4v-ab.lease"
    left.write_bytes(Owner.me().to_bytes())
    os.utime(left, (time.time() - 301,) * 2)
    ready, done, won = threading.Barrier(len(runs)), threading.Barrier(len(runs)), []

    def run(claims: Claims) -> None:
        ready.wait(240)
        try:
            with claims.claimed("ab"):
                won.append(claims)
                done.wait(240)
        except Busy:
            done.wait(240)

    threads = [threading.Thread(target=run, args=(claims,)) for claims in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert len(won) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_lease_that_is_kept_up_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "_has_locks", lambda _: False)
    with Claims(tmp_path, beat_seconds=0.05).claimed("ab"):
        (path,) = tmp_path.iterdir()
        os.utime(path, (time.time() - 301,) * 2)
        while path.stat().st_mtime < time.time() - 300:
            time.sleep(0.01)
        with pytest.raises(Busy):
            take(Claims(tmp_path))


@pytest.mark.usefixtures("locks")
def test_a_file_that_was_deleted_or_replaced_is_not_ours_to_delete(tmp_path: Path) -> None:
    with Claims(tmp_path).claimed("ab"):
        (path,) = tmp_path.iterdir()
        path.unlink()
        path.write_text("of another")
    assert path.read_text() == "of another"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.TemporaryFile", fails)
    with pytest.raises(StorageError, match=f"out: cannot be written to: {os.strerror(number)}"):
        take(Claims(tmp_path / "out"))


def test_a_disk_without_locks_is_known_by_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    with Claims(tmp_path).claimed("ab"):
        assert [path.name for path in tmp_path.iterdir()] == [".sg4v-ab.lease"]
