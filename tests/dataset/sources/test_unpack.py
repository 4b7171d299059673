"""The place for unpacked members: private, bounded by the disk, cleaned up also after a process was killed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sharegpt4video.dataset.sources.unpack import PREFIX, remove_stale, unpacked
from sharegpt4video.errors import VideoError


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remove_stale.cache_clear()
    return tmp_path


def test_a_stream_is_a_file_for_a_while(temporary: Path) -> None:
    with unpacked(io.BytesIO(b"film"), "in/ä clip.mp4", 4) as path:
        assert Path(path).read_bytes() == b"film"
        assert Path(path).name == "ä clip.mp4"
        assert Path(path).parent.parent == temporary
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("name", ["x" * 1000 + ".mp4", "ü" * 500 + ".mp4", ".sg4v-lock", "..", "a/"])
def test_any_name_is_taken(temporary: Path, name: str) -> None:
    with unpacked(io.BytesIO(b"film"), name, 4) as path:
        assert Path(path).read_bytes() == b"film"
        assert path.endswith(".mp4") or ".mp4" not in name
    assert not list(temporary.iterdir())


def test_what_the_disk_cannot_hold_is_not_begun(temporary: Path) -> None:
    with pytest.raises(VideoError, match="TMPDIR"), unpacked(io.BytesIO(b""), "a.mp4", 1 << 60):
        pass
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_is_removed_but_not_what_is_in_use(temporary: Path) -> None:
    code = "import io, sys, time\nfrom sharegpt4video.dataset.sources.unpack import unpacked\n"
    code += "with unpacked(io.BytesIO(b'x'), 'a.mp4', 1):\n    print('ready', flush=True)\n    time.sleep(600)"
    environment = os.environ | {"TMPDIR": str(temporary)}
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True)
        for _ in range(2)
    ]
    try:
        assert all(one.stdout is not None and one.stdout.readline() == "ready\n" for one in running)
        before = set(temporary.glob(f"{PREFIX}*"))
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        for folder in before:
            os.utime(folder, (time.time() - 3600,) * 2)
        remove_stale()
        assert len(set(temporary.glob(f"{PREFIX}*"))) == len(before) - 1 == 1
        assert running[1].poll() is None
    finally:
        for one in running:
            one.kill()
            one.communicate()
