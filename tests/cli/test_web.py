"""``sg4v web``: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app


def test_it_prints_an_address_that_opens_and_ends_cleanly(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "sharegpt4video", "web", "--port", "0", "--model", "fake", "--access-log"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        address = process.stderr.readline()
        found = re.fullmatch(r"Open http://127\.0\.0\.1:(\d+)/\?token=([\w-]{32})\n", address)
        assert found, address + process.stderr.read()
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)
        connection.request("GET", f"/?token={found[2]}")
        assert connection.getresponse().status == 303
        connection.close()
        children = _children(process.pid)
        for _ in range(2):  # whoever is impatient changes nothing
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        told = process.stderr.read()
        assert process.wait(20) == 0
    assert "GET / 303" in told
    assert "Traceback" not in told
    assert found[2] not in told
    assert told.splitlines()[-1] == "stopped"
    assert [*tmp_path.glob("sg4v-web-*")] == []
    until = time.monotonic() + 5
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until
        time.sleep(0.05)


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task")
    if not tasks.exists():
        return []
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0", "--token", "none"], "token is needed"),
        (["--model", "qwen3-vl:8b"], "ollama:qwen3-vl:8b"),
        (["--root", "/nowhere/at/all"], "no such folder"),
        (["--host", "203.0.113.77", "--port", "8317"], "203.0.113.77"),
    ],
)
def test_what_cannot_be_served_is_said(arguments: list[str], words: str) -> None:
    ended = CliRunner().invoke(app, ["web", *arguments])
    assert ended.exit_code == 2
    assert words in ended.output


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "sharegpt4video.web.run", raising=False)
    ended = CliRunner().invoke(app, ["web"])
    assert ended.exit_code == 1
    assert "pip install 'sharegpt4video[web]'" in ended.output
