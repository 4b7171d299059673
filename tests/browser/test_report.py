"""The report in a real browser, headless Chromium; skipped where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import made_report_rows
from sharegpt4video.dataset.report import write_report
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")

TALLEST = 4000


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    store = Store.create(folder / "set", DatasetSettings(), "embedded", "0")
    made_report_rows.fill(store, [made_report_rows.caption_row(number) for number in range(40)], dropped=5, failed=3)
    write_report(store, folder / "report.html", samples=4)
    return folder / "report.html"


def chromium(folder: Path, *options: str) -> str:
    """Run the browser once; returns what it prints, console messages included."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000", *options],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    return done.stdout


def picture(report: Path, width: int, dark: bool) -> np.ndarray:
    path = report.parent / f"{width}-{dark}.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    chromium(report.parent, scheme, f"--window-size={width},{TALLEST}", f"--screenshot={path}", report.as_uri())
    return np.asarray(Pillow.open(path).convert("RGB"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_shows_something_everywhere_in_both_schemes(report: Path, dark: bool) -> None:
    pixels = picture(report, 1280, dark)
    paper = pixels[2, 2].astype(int)
    assert bool(paper.mean() < 60) is dark
    ink = np.abs(pixels.astype(int) - paper).max(axis=2) > 60
    assert 0.01 < ink.mean() < 0.4
    bands = ink[: TALLEST // 8 * 8].reshape(8, -1).mean(axis=1)
    assert bands.min() > 0.002
    charts = np.abs(pixels.astype(int) - ((106, 165, 227) if dark else (47, 109, 179))).max(axis=2) < 12
    assert charts.sum() > 10_000  # the bars have the colour that the style gives them: the policy let it through


def test_nothing_is_wider_than_a_phone(report: Path) -> None:
    frame = report.parent / "phone.html"
    told = "document.body.dataset.wide=f.contentDocument.documentElement.scrollWidth"
    frame.write_text(
        f'<body><iframe id="f" width="390" height="900" src="report.html" onload="{told}"></iframe></body>'
    )
    shown = chromium(report.parent, "--allow-file-access-from-files", "--dump-dom", frame.as_uri())
    assert 'data-wide="390"' in shown or 'data-wide="375"' in shown  # with or without a scroll bar


def test_the_filter_and_the_order_work(report: Path) -> None:
    frame = report.parent / "driven.html"
    script = """
      const page = f.contentDocument, filter = page.getElementById('filter'), order = page.getElementById('order');
      const all = page.querySelectorAll('article');
      filter.value = all[1].querySelector('dd').textContent;
      filter.dispatchEvent(new Event('input'));
      const left = [...all].filter(one => !one.hidden).map(one => one.id);
      order.value = 'longest';
      order.dispatchEvent(new Event('change'));
      const long = [...page.querySelectorAll('article')].map(one => Number(one.dataset.seconds));
      const falling = long.every((one, at) => at === 0 || long[at - 1] >= one);
      document.body.dataset.told = [left, falling, page.getElementById('shown').textContent].join('|');
    """
    frame.write_text(f"<body><iframe id='f' src='report.html' onload=\"{script}\"></iframe></body>")
    shown = chromium(report.parent, "--allow-file-access-from-files", "--dump-dom", frame.as_uri())
    assert 'data-told="sample-2|true|1 video"' in shown
