"""Draw the pictures of the README and the docs that are not plots, from a fresh caption and a fresh data set.

    python tools/pictures.py [caption] [report] [pages] [dataset]

Needs Chromium on the PATH and Playwright, and looks best with the font Inter installed. The results are committed under
``docs/pictures``. The counts of the report are those of a made-up data set of the tests, the sample is real.
"""

from __future__ import annotations

import base64
import html
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

import sharegpt4video as sg4v
from sharegpt4video.dataset.report import write_report
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store

ROOT = Path(__file__).resolve().parents[1]
PARK = ROOT / "examples" / "park.mp4"
PICTURES = ROOT / "docs" / "pictures"
LARGEST_BYTES = 150_000
DESCRIPTION = 0x010E  # ImageDescription, in Exif
STYLE = """
* { box-sizing: border-box; margin: 0 }
body { background: #fff; color: #1d2430; width: 1280px; padding: 30px }
body { font: 15px/1.45 Inter, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums }
.strip { display: grid; grid-template-columns: repeat(5, 1fr); column-gap: 12px }
img { display: block; width: 100%; border-radius: 8px }
.line { position: relative; height: 34px; margin-top: 4px }
.line::before { content: ""; position: absolute; left: 0; right: -12px; top: 16px; height: 2px; background: #cfd8e6 }
.column:last-child .line::before { right: 0 }
.line i { position: absolute; left: 0; top: 11px; width: 12px; height: 12px; border-radius: 6px; background: #2f6db3 }
.line b { position: absolute; left: 20px; top: 5px; padding: 0 6px; background: #fff; color: #2f6db3; font-size: 14px }
.span { color: #6a7687; font-size: 13px; margin-bottom: 3px }
.summary { margin-top: 26px; padding: 16px 20px; border-left: 4px solid #2f6db3; border-radius: 0 8px 8px 0 }
.summary { background: #f3f6fa }
.summary b { color: #2f6db3; margin-right: 6px }
"""


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or ["caption", "report", "pages", "dataset"]
    with tempfile.TemporaryDirectory(prefix="sg4v-pictures-") as folder:
        if "caption" in wanted:
            page = Path(folder) / "caption.html"
            captioned = sg4v.caption(str(PARK))
            page.write_text(caption_page(captioned), encoding="utf-8")
            save(trimmed(shot(page, 1280, 1000), 24), "caption.webp", 1800, shows=captioned.summary)
        if "report" in wanted:
            save(report_picture(Path(folder)), "report.webp", 1500)
        if "pages" in wanted:
            from page_pictures import page_pictures

            picture, recording = page_pictures(chromium())
            save(picture, "pages.webp", 1680)
            # Below 60, WebP takes the soft colour of the step that plays for no change, and leaves it where it was.
            recording.save(PICTURES / "recording.webp", 880, quality=60)
        if "dataset" in wanted:
            from page_pictures import dataset_pictures

            for name, picture in dataset_pictures(chromium(), Path(folder)).items():
                save(picture, f"{name}.webp", 1680)


def caption_page(captioned: sg4v.VideoCaption) -> str:
    """Each keyframe, its place on the time line, and what the caption says happens up to it; the summary below."""
    columns = []
    for step in captioned.steps:
        seconds = step.frame_seconds[-1]
        instant = step.start_seconds == step.end_seconds
        span = "the shot opens" if instant else f"{clock(step.start_seconds)} – {clock(step.end_seconds)}"
        columns.append(
            f'<div class="column"><img src="{jpeg_of(seconds)}"><div class="line"><i></i><b>{clock(seconds)}</b></div>'
            f'<p class="span">{span}</p><p>{html.escape(step.text)}</p></div>'
        )
    summary = f'<p class="summary"><b>Summary</b>{html.escape(captioned.summary)}</p>'
    return f'<meta charset="utf-8"><style>{STYLE}</style><div class="strip">{"".join(columns)}</div>{summary}'


def clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def jpeg_of(seconds: float) -> str:
    """The frame of the example nearest to a time, as a data URI."""
    with av.open(str(PARK)) as container:
        frame = min(container.decode(video=0), key=lambda frame: abs(frame.time - seconds))
        data = io.BytesIO()
        frame.to_image().save(data, "JPEG", quality=95)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def report_picture(folder: Path) -> Image.Image:
    """The head and two sections of a report on a made-up data set, above the sample of a report on a real one."""
    sys.path.insert(0, str(ROOT / "tests"))
    import made_report_rows

    counted, real = (Store.create(folder / name, DatasetSettings(), "embedded", "0") for name in ("my-set", "real"))
    made_report_rows.fill(counted, [made_report_rows.caption_row(number) for number in range(400)], failed=9)
    sg4v.open_dataset(str(folder / "my-set")).filter(max_seconds=40, min_side_pixels=500, min_motion=0.01, val=0.1)
    source = SourceVideo(made_report_rows.id_of("park"), str(PARK), size_bytes=PARK.stat().st_size)
    real.append("captions", [CaptionRow.of(source, sg4v.caption(str(PARK)))])
    parts = []
    for store, sections in ((counted, ("waterfall", "videos")), (real, ("samples",))):
        page = folder / "report.html"
        write_report(store, page, samples=1)
        page.write_text(only(page.read_text(encoding="utf-8"), sections), encoding="utf-8")
        parts.append(trimmed(shot(page, 1360, 3000), 12))
    whole = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), "white")
    for part, top in zip(parts, (0, parts[0].height), strict=True):
        whole.paste(part, (0, top))
    return whole


def only(page: str, sections: tuple[str, ...]) -> str:
    """The page with these sections alone, without what names files of this machine, and with its head for the first."""
    if missing := [section for section in sections if f'<section id="{section}"' not in page]:
        sys.exit(f"the report has no section {', '.join(missing)}")
    hidden = [
        "#samples > :not(#articles)",
        "article > details",
        "#waterfall h3",
        "#waterfall h3 ~ *",
        "#videos figure:nth-of-type(n+4)",
    ]
    hidden += [] if "waterfall" in sections else ["header", "nav"]
    hidden += ["section" + "".join(f":not(#{section})" for section in sections)]
    style = f"<style>{', '.join(hidden)} {{ display: none }}</style>"
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page).replace("</head>", style + "</head>")


def shot(page: Path, width: int, height: int) -> Image.Image:
    """A page as Chromium shows it in light colours, two pixels for each of its own."""
    picture = page.with_suffix(".png")
    subprocess.run(
        [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--force-device-scale-factor=2", f"--user-data-dir={page.parent / 'profile'}",
         "--blink-settings=preferredColorScheme=1",
         "--virtual-time-budget=2000", f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return Image.open(picture).convert("RGB")


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or sys.exit("Chromium is not on the PATH")


def trimmed(picture: Image.Image, margin: int) -> Image.Image:
    """Without the white below what is shown."""
    ink = Image.eval(picture.convert("L"), lambda grey: 255 * (grey < 250)).getbbox()
    return picture.crop((0, 0, picture.width, min(picture.height, ink[3] + 2 * margin))) if ink else picture


def save(picture: Image.Image, name: str, width: int, shows: str = "") -> None:
    """As WebP on white, so many pixels wide, as good as fits into ``LARGEST_BYTES``.

    The words that it ``shows`` are in its metadata, too; a test compares them with those of the README.
    """
    path = PICTURES / name
    exif = Image.Exif()
    exif[DESCRIPTION] = shows
    small = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    for quality in range(92, 40, -4):
        small.save(path, "WEBP", quality=quality, method=6, exif=exif)
        if path.stat().st_size < LARGEST_BYTES:
            break
    print(path, small.size, path.stat().st_size, quality)


if __name__ == "__main__":
    main()
