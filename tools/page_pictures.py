"""Pictures and a short recording of the pages of ``sg4v web``, with the sample, rendered videos and the embedded model.

``pictures.py`` runs it. Chromium sends what it paints whenever something changes; waiting is cut short.
"""

from __future__ import annotations

import base64
import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1120, 740
PATIENCE_SECONDS = 180
LONGEST_MS, SHORTEST_MS = 1000, 160
WAITING_SPEED = 4.0  # while the sample is being read


@dataclass
class Recording:
    """What was painted and when, in seconds; and from when on it is shown how much faster."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)
    speeds: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 1.0)])

    def go_on(self, speed: float) -> None:
        self.speeds.append((time.time(), speed))

    def painted(self, frame: dict[str, Any]) -> None:
        self.frames.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))

    def save(self, path: Path, width: int, quality: int) -> None:
        """As an animated WebP; what stays for longer than ``LONGEST_MS`` is shown for so long."""
        shown: list[tuple[float, bytes]] = []
        for painted, picture in self.frames:
            seconds = self._shown_at(painted)
            if not shown or seconds - shown[-1][0] >= SHORTEST_MS / 1000:
                shown.append((seconds, picture))
            else:
                shown[-1] = (shown[-1][0], picture)
        ends = [seconds for seconds, _ in shown[1:]] + [shown[-1][0] + 2]
        durations = [min(round((end - at) * 1000), LONGEST_MS) for (at, _), end in zip(shown, ends, strict=True)]
        durations[-1] = 2 * LONGEST_MS
        pictures = [small(picture, width) for _, picture in shown]
        pictures[0].save(
            path, "WEBP", save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=quality,
            method=4, minimize_size=True, allow_mixed=True,
        )  # fmt: skip
        print(path, pictures[0].size, f"{len(pictures)} pictures", f"{sum(durations) / 1000} s", path.stat().st_size)

    def _shown_at(self, painted: float) -> float:
        ends = [at for at, _ in self.speeds[1:]] + [float("inf")]
        spans = ((at, min(end, painted), speed) for (at, speed), end in zip(self.speeds, ends, strict=True))
        return sum((end - at) / speed for at, end, speed in spans if end > at)


def small(picture: bytes, width: int) -> Image.Image:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


@contextmanager
def served(*options: str) -> Iterator[str]:
    """The address of a server of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sharegpt4video", "web", "--port", str(port), "--token", "none", *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(PATIENCE_SECONDS):
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=5)
                break
            except OSError:
                time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def page_pictures(chromium: str) -> tuple[Image.Image, Recording]:
    """The caption page when the caption is done, and how it came about, was played and a clip of it summed up."""
    recording = Recording()
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", device_scale_factor=2
        )
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(url)
        sample = page.get_by_role("button", name="sample")
        sample.wait_for()
        cast = page.context.new_cdp_session(page)

        def painted(frame: dict[str, Any]) -> None:
            recording.painted(frame)
            cast.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        cast.on("Page.screencastFrame", painted)
        cast.send("Page.startScreencast", {"format": "jpeg", "quality": 95, "maxWidth": WIDTH, "maxHeight": HEIGHT})
        page.wait_for_timeout(1000)
        sample.click()
        recording.go_on(WAITING_SPEED)
        page.locator(".state.done").wait_for()
        recording.go_on(1)
        page.wait_for_timeout(1000)
        video = page.locator("video")
        page.get_by_role("button", name="Play").last.click()
        while video.evaluate("(one) => one.ended ? 0 : 4.2 - one.currentTime") > 0:
            page.wait_for_timeout(100)
        video.evaluate("(one) => one.pause()")
        lane = page.locator(".lane.camera").bounding_box()
        for number, share in enumerate((0.3, 0.4, 0.5, 0.6, 0.7)):
            page.mouse.move(lane["x"] + lane["width"] * share, lane["y"] + lane["height"] / 2)
            page.wait_for_timeout(150)
            if number == 0:
                page.mouse.down()
        page.mouse.up()
        page.locator(".clip .words").wait_for()
        page.wait_for_timeout(1500)
        cast.send("Page.stopScreencast")
        page.keyboard.press("Escape")
        page.mouse.move(WIDTH - 5, 5)
        page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
        video.evaluate("(one) => { one.currentTime = 1.2; one.play(); }")
        page.wait_for_timeout(300)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    return picture, recording


def dataset_pictures(chromium: str, folder: Path) -> dict[str, Image.Image]:
    """The data set page, one caption on the desk and two data sets compared: the sample, and rendered videos."""
    videos = folder / "videos"
    command = [sys.executable, "-m", "sharegpt4video"]
    world = ["world", "--out", str(videos), "--videos", "11", "--difficulty", "medium", "--size", "320x180"]
    subprocess.run([*command, *world, "--seconds", "4", "--no-questions", "--captions", "none"], check=True)
    shutil.copy(Path(__file__).resolve().parents[1] / "examples" / "park.mp4", videos)
    for name, mode in (("my-set", "sliding"), ("my-set-fast", "fast")):
        out = str(folder / name)
        build = ["dataset", "build", str(videos), "--out", out, "--model", "embedded", "--set", f"caption.mode={mode}"]
        subprocess.run([*command, *build], check=True)
    sets = str(folder / "my-set"), str(folder / "my-set-fast")
    found: dict[str, Image.Image] = {}
    with (
        served("--root", str(folder), "--dataset", sets[0], "--compare", *sets) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 860},
            color_scheme="light",
            device_scale_factor=2,
            reduced_motion="reduce",
        )
        page.set_default_timeout(PATIENCE_SECONDS * 1000)

        def shot(name: str) -> None:
            page.wait_for_timeout(1500)
            found[name] = Image.open(io.BytesIO(page.screenshot())).convert("RGB")

        page.goto(f"{url}/#dataset")
        page.locator(".tile img").nth(8).wait_for()
        shot("dataset")
        page.locator(".tile", has_text="park.mp4").click()
        page.locator("video").wait_for()
        page.locator("ol.steps > li").nth(2).click()
        shot("desk")
        page.goto(f"{url}/#compare")
        page.locator(".pair-row img").nth(1).wait_for()
        shot("compare")
        browser.close()
    return found
