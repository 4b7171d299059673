"""A site that tests look at in a browser: the server, and a page of it in a window of its own."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from told_model import ToldModel

WIDE, NARROW = (1280, 860), (390, 844)
PATIENCE_SECONDS = 60.0
TOKEN = "open-sesame"


@dataclass(frozen=True)
class Site:
    """A running server, and the model behind ``server:told@…`` that it serves beside the embedded one."""

    url: str
    told: ToldModel
    told_name: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON from the server, as an API client gets it."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Content-Type": kind, "Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def upload(self, video: Path) -> str:
        """The id of a video sent as an API client sends it."""
        return str(self.ask("POST", f"/v1/media?name={quote(video.name)}", video.read_bytes())["id"])

    def caption(self, media: str, model: str = "embedded", mode: str = "sliding") -> str:
        """The id of a finished caption."""
        job = self.ask("POST", "/v1/captions", {"media": media, "model": model, "mode": mode})["id"]
        until(lambda: self.ask("GET", f"/v1/captions/{job}")["status"] == "done", "the caption is done")
        return str(job)


@dataclass(frozen=True)
class Sets:
    """Two data sets of the same videos: ``edited`` says more, ``videos`` is the folder of theirs."""

    dataset: Path
    edited: Path
    videos: Path


def until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait from Python: the pages' policy forbids the eval by which Playwright waits inside them."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.08)
    return value


@dataclass(frozen=True)
class Chrome:
    browser: Any
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def looping(self) -> Iterator[None]:
        """Playwright leaves its event loop marked as running, in which no other test could run one of its own."""
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@dataclass(frozen=True)
class Visit:
    """A page of the site in a window of its own."""

    page: Any
    site: Site
    pictures: Path | None

    def open(self, address: str = "") -> None:
        self.page.goto(f"{self.site.url}/{address}")
        self.page.locator("main > *").first.wait_for()

    def wait(self, selector: str, seconds: float = PATIENCE_SECONDS) -> Any:
        found = self.page.locator(selector).first
        found.wait_for(timeout=seconds * 1000)
        return found

    def time(self) -> float:
        return float(self.page.evaluate("document.querySelector('video')?.currentTime ?? 0"))

    def texts(self, selector: str) -> list[str]:
        return list(self.page.locator(selector).all_inner_texts())

    def shot(self, name: str, *, whole: bool = False) -> None:
        if self.pictures:
            self.page.screenshot(path=self.pictures / f"{name}.png", full_page=whole)
