"""Captioning and building open no connection and look up no name, in Python or in any library underneath."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PARK = Path(__file__).resolve().parents[1] / "examples" / "park.mp4"

# The kernel kills the process, and any it starts, when it connects to an internet address (known by its 16 or 28 bytes;
# workers are forked over a socket of this machine, whose address has others) or opens an internet socket for datagrams,
# as a DNS look-up does. Opening a stream socket is no call: urllib3 does it to see whether there is IPv6.
NO_CALLS = """
import ctypes, platform, socket, struct
LOAD, AND, EQUAL, RETURN, ALLOW, KILL = 0x20, 0x54, 0x15, 0x06, 0x7FFF0000, 0x80000000
open_socket, connect = {"x86_64": (41, 42), "aarch64": (198, 203)}[platform.machine()]
steps = [
    (LOAD, 0, 0, 0), (EQUAL, 7, 0, connect), (EQUAL, 0, 10, open_socket),
    (LOAD, 0, 0, 16), (EQUAL, 1, 0, socket.AF_INET), (EQUAL, 0, 7, socket.AF_INET6),
    (LOAD, 0, 0, 24), (AND, 0, 0, 0xF), (EQUAL, 3, 4, socket.SOCK_DGRAM),
    (LOAD, 0, 0, 32), (EQUAL, 1, 0, 16), (EQUAL, 0, 1, 28),
    (RETURN, 0, 0, KILL), (RETURN, 0, 0, ALLOW),
]
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
rules = Filter(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(rules), 0, 0):
    raise SystemExit(77)
"""
REFUSED = 77


def offline(code: str, home: Path) -> subprocess.Popen[str]:
    """Run Python ``code`` where calling out is deadly; none of the signs by which libraries know a test is set."""
    signs = ("CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "HF_HUB_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in signs} | {"HOME": str(home)}
    command = [sys.executable, "-c", NO_CALLS + code]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module", autouse=True)
def _can_be_watched(tmp_path_factory: pytest.TempPathFactory) -> None:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("watching for sockets needs seccomp, which is Linux's")
    if offline("", tmp_path_factory.mktemp("home")).wait() == REFUSED:
        pytest.skip("this system does not let a process restrict itself (seccomp)")


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket().connect_ex(('127.0.0.1', 9))",
        "socket.socket(socket.AF_INET6).connect_ex(('::1', 9))",
        "socket.getaddrinfo('example.invalid', 443)",
    ],
)
def test_connections_and_look_ups_are_seen(call: str, tmp_path: Path) -> None:
    assert offline(f"import socket; {call}", tmp_path).wait() == -signal.SIGSYS


def test_a_caption_and_a_build_call_nobody(tmp_path: Path) -> None:
    """ONNX Runtime's reports leave some nine seconds after a network was opened, hence the wait."""
    home = tmp_path / "home"
    home.mkdir()
    caption = f"import time, sharegpt4video as s; s.caption({str(PARK)!r}); print('captioned'); time.sleep(12)"
    arguments = ["sg4v", "dataset", "build", str(PARK), "--out", str(tmp_path / "set"), "--quiet"]
    build = f"import sys; from sharegpt4video.cli import main; sys.argv = {arguments!r}; main()"
    runs = [offline(code, home) for code in (caption, build)]
    outputs = [run.communicate(timeout=240)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert "captioned" in outputs[0]
    assert list((tmp_path / "set").glob("captions/*.parquet"))
    assert [path.name for path in home.rglob("*") if "icrosoft" in path.name] == []
