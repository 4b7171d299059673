"""One server and one headless Chromium for all tests of this folder that look at the pages.

They are skipped where there is no Chromium, no Playwright, or no extra ``web``. With ``SG4V_PICTURES`` set to a folder,
the tests leave their screenshots there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsed import PATIENCE_SECONDS, TOKEN, WIDE, Chrome, Sets, Site, Visit, until
from chat_server import ChatServer
from made_sets import quick, write_clips
from media import write_video
from scenes import panned, texture
from sharegpt4video.dataset.dataset import build_dataset, open_dataset
from sharegpt4video.dataset.rows import Checked
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import Finding
from told_model import ToldModel

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
MISSING = [name for name in ("playwright", "fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
CLIPS = 8
LACKS = "no Chromium on the PATH" if CHROMIUM is None else f"not installed: {', '.join(MISSING)}"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of one shot that pans: an opening and three changes, which are asked for one after the other."""
    path = tmp_path_factory.mktemp("clip") / "a slow pan.mp4"
    wide = texture(1, 900, 120)
    write_video(path, [panned(wide, 11 * number, 160, 120) for number in range(60)], fps=10)
    return path


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    if CHROMIUM is None or MISSING:
        pytest.skip(LACKS)
    root = tmp_path_factory.mktemp("sets")
    made = Sets(root / "colours", root / "edited", root / "clips")
    write_clips(made.videos, CLIPS, seconds=2.0)
    build_dataset(made.videos, made.dataset, model="embedded", settings=quick())
    shutil.copytree(made.dataset, made.edited)
    open_dataset(made.edited).reviews.replace("mostly", "a red dog that is mostly")
    store = Store.open(made.dataset)
    rows = sorted(store.rows("captions"), key=lambda row: row.id)  # as they are listed
    store.append("checks", [Checked(rows[3].id, 0, (Finding("times", 1, "1:30 is after the end"),))])
    return made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, clip: Path, sets: Sets) -> Iterator[Site]:
    told = ToldModel()
    with ChatServer(default=told) as chats:
        name = f"server:told@{chats.base_url}"
        videos = tmp_path_factory.mktemp("videos")
        shutil.copy(clip, videos / "lent.mp4")
        options = ["--model", "embedded", "--model", name, "--root", str(videos), "--root", str(sets.videos.parent)]
        options += ["--dataset", str(sets.dataset), "--compare", str(sets.dataset), str(sets.edited)]
        with serving(tmp_path_factory.mktemp("log") / "server.txt", options) as url:
            yield Site(url, told, name)
            told.let_all()


@pytest.fixture(scope="session")
def cut_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of eight seconds of which the second half is missing, alone in its folder."""
    path = tmp_path_factory.mktemp("elsewhere") / "cut short.mp4"
    noise = np.random.default_rng(1).integers(0, 256, (64, 48, 64, 3), np.uint8)
    write_video(path, noise, fps=8, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def rootless(tmp_path_factory: pytest.TempPathFactory, cut_short: Path) -> Iterator[Site]:
    """A server of a data set whose one video is in no folder that may be opened."""
    if CHROMIUM is None or MISSING:
        pytest.skip(LACKS)
    folder = str(tmp_path_factory.mktemp("rootless") / "one")
    build_dataset(cut_short.parent, folder, model="embedded", settings=quick())
    options = ["--dataset", folder, "--compare", folder, folder]
    with serving(tmp_path_factory.mktemp("log") / "server.txt", options) as url:
        yield Site(url, ToldModel(), "")


@contextmanager
def serving(log: Path, options: list[str]) -> Iterator[str]:
    """The address of ``sg4v web`` with these options, until the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sharegpt4video", "web", "--port", str(port), "--token", TOKEN, *options]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or _answers(url), "the server answers")
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    if CHROMIUM is None or MISSING:
        pytest.skip(LACKS)
    from playwright.sync_api import sync_playwright

    manager = sync_playwright()
    playwright = manager.start()
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    )
    chrome = Chrome(browser, asyncio.get_running_loop())
    asyncio._set_running_loop(None)
    yield chrome
    with chrome.looping():
        browser.close()
        playwright.stop()


@pytest.fixture
def visiting(site: Site, chrome: Chrome) -> Iterator[Callable[..., Visit]]:
    """Opens windows. After the test none of them may have complained, or asked another server for anything."""
    wanted = os.environ.get("SG4V_PICTURES")
    pictures = Path(wanted) if wanted else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    contexts = []

    def visit(
        size: tuple[int, int] = WIDE,
        scheme: str = "light",
        expect: tuple[str, ...] = (),
        at: Site = site,
        **options: Any,
    ) -> Visit:
        context = chrome.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce",
            device_scale_factor=2 if pictures else 1, **options,
        )  # fmt: skip
        contexts.append(context)
        context.request.get(f"{at.url}/?token={TOKEN}")  # leaves the cookie
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)

        def heard(message: Any) -> None:
            if message.type in ("error", "warning") and not any(part in message.text for part in expect):
                complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

        def asked(request: Any) -> None:
            if not request.url.startswith((f"{at.url}/", "blob:", "data:")):
                complaints.append(f"asked elsewhere: {request.url}")

        def popped(dialog: Any) -> None:
            complaints.append(f"a dialog: {dialog.message}")
            dialog.dismiss()

        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on("request", asked)
        page.on("dialog", popped)
        return Visit(page, at, pictures)

    with chrome.looping():
        yield visit
        for context in contexts:
            context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def sample(site: Site) -> str:
    """The id of the sample video."""
    return str(site.ask("GET", "/v1/session")["sample"]["id"])


@pytest.fixture(scope="session")
def captioned(site: Site, sample: str) -> str:
    """The id of a caption of the sample, made by the embedded model."""
    return site.caption(sample)
