"""Fifty browsers at once: each opens the page, uploads a video, has it captioned, and asks for pages all the while.

    python benchmarks/web_load.py [--clients 50] [--seconds 3] [--quick]

The server runs in a process of its own with the fake model, so what is measured is the server, reading and measuring.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import psutil

PAGES = ("/", "/style.css", "/app.js", "/v1/session", "/healthz")
PAUSE_SECONDS = 0.5


@dataclass
class Seen:
    """What the clients have seen. ``pages`` and ``whole`` are in seconds."""

    pages: list[float] = field(default_factory=list)
    first_steps: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    peak_bytes: dict[str, int] = field(default_factory=lambda: {"server": 0, "all": 0})


class Browser:
    """One browser, with its cookie."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/?token={token}")
        self._cookie = (connection.getresponse().getheader("Set-Cookie") or "").partition(";")[0]
        connection.close()

    def get(self, path: str) -> bytes:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        connection = self._connection()
        connection.request(method, path, body, {"Cookie": self._cookie, **({"Content-Type": kind} if body else {})})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
        return content

    def events(self, path: str) -> http.client.HTTPResponse:
        connection = self._connection(600)
        connection.request("GET", path, headers={"Cookie": self._cookie})
        return connection.getresponse()

    def _connection(self, seconds: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)


def visit(port: int, token: str, clip: bytes, seen: Seen) -> None:
    """All that one client does."""
    began, ended = time.monotonic(), threading.Event()
    try:
        browser = Browser(port, token)
        looking = threading.Thread(target=look_around, args=(browser, seen, ended))
        looking.start()
        try:
            media = json.loads(browser.send("POST", "/v1/media?name=clip.mp4", clip, "application/octet-stream"))
            asked = json.dumps({"media": media["id"], "model": "fake"}).encode()
            job = json.loads(browser.send("POST", "/v1/captions", asked))
            kind = ""
            for line in browser.events(f"/v1/captions/{job['id']}/events"):
                if line.startswith(b"event: "):
                    before, kind = kind, line[7:].decode().strip()
                    if kind == "step" and before != "step":
                        seen.first_steps.append(time.monotonic() - began)
            if kind != "done":
                seen.failures.append(f"ended with {kind}")
            seen.whole.append(time.monotonic() - began)
        finally:
            ended.set()
            looking.join()
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        seen.failures.append(f"{type(error).__name__}: {error}")


def look_around(browser: Browser, seen: Seen, ended: threading.Event) -> None:
    while not ended.is_set():
        for path in PAGES:
            began = time.monotonic()
            try:
                browser.get(path)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                seen.failures.append(f"{path}: {error}")
            seen.pages.append(time.monotonic() - began)
        ended.wait(PAUSE_SECONDS)


def watch_memory(process: psutil.Process, seen: Seen, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        try:
            own = process.memory_info().rss
            # Shared pages are counted once: processes are forked from one that has imported what they need.
            every = sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))
        except psutil.NoSuchProcess:
            continue
        seen.peak_bytes = {
            "server": max(seen.peak_bytes["server"], own),
            "all": max(seen.peak_bytes["all"], every),
        }


def made_clip(path: Path, seconds: int) -> bytes:
    """A small video in which something moves."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(12 * seconds):
            pixels = np.full((240, 320, 3), 90, np.uint8)
            at = number * 3 % 280
            pixels[100:140, at : at + 40] = (200, 60, 30)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                output.mux(packet)
        output.mux(stream.encode(None))
    return path.read_bytes()


def share(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--quick", action="store_true", help="eight clients")
    options.add_argument("--seconds", type=int, default=3, help="length of the video that each client uploads")
    given = options.parse_args()
    clients = 8 if given.quick else given.clients
    seen, ended = Seen(), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        clip = made_clip(Path(folder) / "clip.mp4", given.seconds)
        command = [sys.executable, "-m", "sharegpt4video", "web", "--port", "0", "--model", "fake"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            found = re.search(r":(\d+)/\?token=(\S+)", server.stderr.readline())
            assert found, "the server did not start"
            process = psutil.Process(server.pid)
            watching = threading.Thread(target=watch_memory, args=(process, seen, ended))
            watching.start()
            began = time.monotonic()
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda _: visit(int(found[1]), found[2], clip, seen), range(clients)))
            wall = time.monotonic() - began
            ended.set()
            watching.join()
            server_seconds = sum(process.cpu_times()[:2])
            server.terminate()
    print(f"{clients} clients, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {wall:.1f} s")
    print(f"failures       {len(seen.failures)} {sorted(set(seen.failures))[:3]}")
    print(
        f"pages          {len(seen.pages)}, median {share(seen.pages, 0.5):.3f} s, p95 {share(seen.pages, 0.95):.3f} s"
    )
    print(f"first step     median {share(seen.first_steps, 0.5):.1f} s, last {share(seen.first_steps, 1):.1f} s")
    print(f"whole caption  median {share(seen.whole, 0.5):.1f} s, last {share(seen.whole, 1):.1f} s")
    print(f"processor      {server_seconds:.1f} s of the server itself")
    peak = {name: f"{count / 2**20:.0f} MB" for name, count in seen.peak_bytes.items()}
    print(f"memory, peak   server {peak['server']}, with its processes {peak['all']}")


if __name__ == "__main__":
    main()
