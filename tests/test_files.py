"""Files that are whole or not there: permissions, failures at each step, and what a kill leaves."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sharegpt4video import files
from sharegpt4video.files import (
    OLD_SECONDS,
    UNFINISHED,
    is_abandoned,
    remove_unfinished,
    unfinished_name,
    write_all,
    write_whole,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664), (0, 0o666)])
def test_a_file_gets_what_the_umask_leaves(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "report.json", b"{}")
        write_whole(tmp_path / "report.json", b"[]")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == mode
    assert (tmp_path / "report.json").read_bytes() == b"[]"
    assert names(tmp_path) == ["report.json"]


def test_a_folder_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").mkdir()
    with pytest.raises(OSError, match="scores"):
        write_whole(tmp_path / "scores.jsonl", b"x")
    assert names(tmp_path) == ["scores.jsonl"]


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, fault: BaseException
) -> None:
    (tmp_path / "report.md").write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise fault

    if step == "fsync":
        monkeypatch.setattr(files.os, "fsync", fail)
    elif step == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(files, "write_all", fail)
    with pytest.raises(type(fault)):
        write_whole(tmp_path / "report.md", b"new")
    assert names(tmp_path) == ["report.md"]
    assert (tmp_path / "report.md").read_bytes() == b"old"


def test_names_of_every_length_can_be_written(tmp_path: Path) -> None:
    for name in ("a", "a" * 255, "日" * 85, "é" * 127):
        write_whole(tmp_path / "deep" / name, name.encode())
        assert (tmp_path / "deep" / name).read_bytes() == name.encode()
    assert len(names(tmp_path / "deep")) == 4


def test_several_writers_of_one_file_leave_one_of_their_contents(tmp_path: Path) -> None:
    contents = [bytes([48 + number]) * 100_000 for number in range(6)]
    threads = [threading.Thread(target=write_whole, args=(tmp_path / "x", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_bytes() in contents
    assert names(tmp_path) == ["x"]


def test_what_a_killed_writer_left_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from sharegpt4video import files\n"
        "files.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_whole(Path(sys.argv[1]), b'half')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "report.json")], check=False)
    (left,) = names(tmp_path)
    assert left.startswith(".report.json.")
    assert left.endswith(UNFINISHED)
    ours = left.replace(left.split("-")[1], str(os.getpid()))
    elsewhere = ".report.json.00000000-1-abcd" + UNFINISHED
    for name in (ours, elsewhere):
        (tmp_path / name).write_bytes(b"")
    assert remove_unfinished(tmp_path) == 1
    assert names(tmp_path) == sorted([ours, elsewhere])
    assert remove_unfinished(tmp_path / "not there") == 0


def test_a_write_that_the_system_takes_in_parts_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = bytearray()

    def some(_: int, data: memoryview) -> int:
        taken.extend(data[:3])
        return min(3, len(data))

    monkeypatch.setattr(files.os, "write", some)
    write_all(0, b"0123456789")
    assert taken == b"0123456789"


def test_a_file_is_abandoned_when_its_process_is_gone(tmp_path: Path) -> None:
    mine = tmp_path / unfinished_name("a.mp4", ".part")
    mine.touch()
    assert not is_abandoned(mine)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    theirs = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{child.pid}-")
    theirs.touch()
    assert not is_abandoned(theirs)
    child.kill()
    child.communicate()
    assert is_abandoned(theirs)


def test_of_another_machine_only_an_old_one_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4.01234567-1-89abcdef.part"
    path.touch()
    assert not is_abandoned(path)
    long_ago = path.stat().st_mtime - OLD_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert is_abandoned(path)
    path.unlink()
    assert not is_abandoned(path)


def test_earlier_versions_did_not_say_who_wrote(tmp_path: Path) -> None:
    assert is_abandoned(tmp_path / "a.mp4.0123abcd.part")
