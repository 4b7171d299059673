"""Half-written files: those of a killed process are told from those of one that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sharegpt4video.unfinished import OLD_SECONDS, is_abandoned, unfinished_name


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
