"""A page per video: frames at the times of each step beside its text, wrong claims marked. For ``real_videos.py``."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _real_claims import FALSE, TRUE, Claim
from PIL import Image

from sharegpt4video.video.reader import VideoReader

SIDE_PIXELS = 240
BEFORE_END_SECONDS = 0.05  # at the end itself the next shot is on screen, or nothing
STYLE = """body{font:14px/1.4 sans-serif;margin:24px;color:#222;background:#fff}table{border-collapse:collapse}
td{border-top:1px solid #ccc;padding:8px;vertical-align:top}img{height:130px;margin-right:4px}.false{background:#fbb}
.unverifiable{background:#eee}.true{background:#cec}small{color:#666;display:block}ul{margin:4px 0;padding-left:18px}
.time{white-space:nowrap;color:#666}"""


def write_sheet(path: Path, video: Path, truth: dict[str, Any], data: dict[str, Any], claims: Sequence[Claim]) -> None:
    """The page of one video. Raises VideoError if the video cannot be read."""
    steps = data["steps"]
    times = sorted({time for step in steps for time in moments(step)})
    pictures = dict(zip(times, frames(video, times, data.get("start_seconds") or 0.0), strict=True))
    rows = [row(step, [pictures[time] for time in moments(step)], claims) for step in steps]
    shots = ", ".join(f"{shot['start_seconds']:.1f}" for shot in data["shots"][1:]) or "none"
    cuts = ", ".join(f"{cut['at']:.1f} {cut['kind']}" for cut in truth["cuts"]) or "none"
    head = f"<h1>{html.escape(truth['video'])}</h1><p>By eye: {html.escape(truth['about'])}</p>"
    head += f"<p>Cuts found: {shots}. By eye: {cuts}.</p><p>Summary: {html.escape(data.get('summary') or '')}</p>"
    top = f"<!doctype html><meta charset=utf-8><title>{html.escape(truth['video'])}</title><style>{STYLE}</style>"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{top}{head}<table>{''.join(rows)}</table>\n", encoding="utf-8")


def moments(step: dict[str, Any]) -> list[float]:
    """The start, the middle and just before the end of a step; only its start if it has no length."""
    start, end = step["start_seconds"], step["end_seconds"]
    return [start] if end <= start else [start, (start + end) / 2, max(start, end - BEFORE_END_SECONDS)]


def frames(video: Path, times: Sequence[float], zero_seconds: float) -> list[str]:
    """A data URL for each of these times, counted from ``zero_seconds``."""
    with VideoReader(video) as reader:
        wanted = [time + zero_seconds for time in times]
        return [url(frame.pixels) for frame in reader.frames(at_seconds=wanted, side_pixels=SIDE_PIXELS)]


def url(pixels: Any) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def row(step: dict[str, Any], pictures: Sequence[str], claims: Sequence[Claim]) -> str:
    start, end = step["start_seconds"], step["end_seconds"]
    here = [one for one in claims if (one.start, one.end) == (start, end) and one.sentence in step["text"]]
    images = "".join(f'<img src="{picture}" alt="">' for picture in pictures)
    wrong = [f"<li>{html.escape(f'{one.kind}: {one.claim}: {one.why}')}</li>" for one in here if one.verdict == FALSE]
    notes = f"<small><ul>{''.join(wrong)}</ul></small>" if wrong else ""
    text = marked(step["text"], here) + notes
    return f'<tr><td class="time">{start:.1f} to {end:.1f} s</td><td>{images}</td><td>{text}</td></tr>'


def marked(text: str, claims: Sequence[Claim]) -> str:
    """The text with each judged sentence in the colour of its worst verdict."""
    done, place = [], 0
    for sentence in sorted({one.sentence for one in claims}, key=text.find):
        at = text.find(sentence, place)
        if at < 0:
            continue
        verdicts = {one.verdict for one in claims if one.sentence == sentence}
        worst = FALSE if FALSE in verdicts else TRUE if TRUE in verdicts else "unverifiable"
        done.append(f'{html.escape(text[place:at])}<span class="{worst}">{html.escape(sentence)}</span>')
        place = at + len(sentence)
    return "".join(done) + html.escape(text[place:])
