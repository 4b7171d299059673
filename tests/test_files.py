"""Files and folders that are whole or not there: permissions, failures at each step, and what a kill leaves."""

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
    open_own,
    remove_unfinished,
    seen_from,
    unfinished_name,
    whole_file,
    whole_folder,
    whole_path,
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


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:  # as on FAT
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    write_whole(tmp_path / "a", "mine", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", "yours", replace=False)
    assert (tmp_path / "a").read_text() == "mine"
    assert names(tmp_path) == ["a"]


def test_text_is_written_as_utf_8_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "é\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("fault", [ValueError("in the middle"), KeyboardInterrupt()])
def test_what_is_written_piece_by_piece_appears_at_the_end_or_never(tmp_path: Path, fault: BaseException) -> None:
    with whole_file(tmp_path / "a", sync=False) as file:
        file.write(b"x" * 200_000)
        assert "a" not in names(tmp_path)
    with whole_path(tmp_path / "b", ending=".part") as path:
        path.write_text("b")
        assert "b" not in names(tmp_path)

    def fail() -> None:
        with whole_file(tmp_path / "c") as file:
            file.write(b"half")
            raise fault

    with pytest.raises(type(fault)):
        fail()
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").stat().st_size == 200_000


def test_a_folder_appears_when_all_is_in_it(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        for make in (lambda: None, (tmp_path / "deep" / "b").mkdir):
            make()
            with whole_folder(tmp_path / "deep" / "b") as folder:
                (folder / "x").write_text("x")
                assert folder.parent == tmp_path / "deep"
            assert names(tmp_path / "deep") == ["b"]
            assert names(tmp_path / "deep" / "b") == ["x"]
            assert stat.S_IMODE((tmp_path / "deep" / "b").stat().st_mode) == 0o750
            (tmp_path / "deep" / "b" / "x").unlink()
            (tmp_path / "deep" / "b").rmdir()
    finally:
        os.umask(before)


@pytest.mark.parametrize("there", ["file", "full folder", "link"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_folder_takes_nobody_elses_place(tmp_path: Path, there: str, when: str) -> None:
    out = tmp_path / "out"

    def make() -> None:
        if there == "file":
            out.write_text("mine")
        elif there == "link":
            out.symlink_to(tmp_path / "nowhere")
        else:
            out.mkdir()
            (out / "mine").write_text("mine")

    def write() -> None:
        with whole_folder(out) as folder:
            (folder / "x").write_text("x")
            make()

    if when == "before":
        make()
    with pytest.raises(FileExistsError, match="out"):
        write()
    assert names(tmp_path) == ["out"]
    assert there != "full folder" or names(out) == ["mine"]


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"), whole_folder(tmp_path / "file" / "out"):
        pass


def test_a_failure_leaves_no_folder_and_what_killed_writers_left_goes_with_the_next(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_folder(tmp_path / "out") as folder:
            (folder / "x").write_text("x")
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fail()
    assert names(tmp_path) == []
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mine = unfinished_name("out")
    gone = mine.replace(f"-{os.getpid()}-", f"-{int(child.stdout)}-")
    others = unfinished_name("out of here").replace(f"-{os.getpid()}-", f"-{int(child.stdout)}-")
    for name in (mine, gone, others, f"out{UNFINISHED}"):  # the last as earlier versions called it
        (tmp_path / f".{name}" / "deep").mkdir(parents=True)
    with whole_folder(tmp_path / "out"):
        pass
    assert names(tmp_path) == sorted(["out", f".{mine}", f".{others}"])


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


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_path_seen_from_a_folder_leads_to_the_file(through_a_link: bool, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a b.mp4").write_bytes(b"x")
    folder = tmp_path / "deep" / "er" / "out"
    folder.mkdir(parents=True)
    if through_a_link:  # ".." behind a link leads to what is above the folder it points to
        (tmp_path / "link").symlink_to(folder)
        (tmp_path / "media").symlink_to(tmp_path / "videos")
    out, media = ("link", "media") if through_a_link else ("deep/er/out", "videos")
    found = seen_from(str(tmp_path / out), str(tmp_path / media / "a b.mp4"))
    assert not found.startswith("/")
    assert (tmp_path / out / found).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/data/videos/a.mp4", "../videos/a.mp4"),
        ("/data/out/a.mp4", "a.mp4"),
        ("/data/a.zip::in/../x.mp4", "../a.zip::in/../x.mp4"),
        ("s3://bucket/a.mp4", "s3://bucket/a.mp4"),
        ("https://host/a.mp4", "https://host/a.mp4"),
        ("panda/abc.mp4", "panda/abc.mp4"),
    ],
)
def test_only_local_paths_are_seen_from_elsewhere(location: str, seen: str) -> None:
    assert seen_from("/data/out", location) == seen


@pytest.mark.parametrize("mode", ["ab", "a+b", "a"])
def test_a_file_that_is_gone_on_with_is_no_link_and_no_pipe(tmp_path: Path, mode: str) -> None:
    (tmp_path / "theirs").write_text("precious")
    (tmp_path / "link").symlink_to("theirs")
    (tmp_path / "gone").symlink_to(tmp_path / "new")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "gone", "pipe", "folder"):
        with pytest.raises(OSError):  # noqa: PT011 - each has its own
            open_own(tmp_path / name, mode)
    assert (tmp_path / "theirs").read_text() == "precious"
    assert not (tmp_path / "new").exists()
    for _ in range(2):
        with open_own(tmp_path / "own", mode) as file:
            file.write(b"x" if "b" in mode else "x")
    assert (tmp_path / "own").read_text() == "xx"
