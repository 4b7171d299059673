"""How results and captions show themselves as values and in a notebook."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import sharegpt4video as sg4v
from made_captions import captioned, step
from media import numbered_run, write_video
from sees_nothing import SEES_NOTHING
from sharegpt4video.display import Result, caption_html
from sharegpt4video.records import Image, VideoCaption
from sharegpt4video.vlm.fake import FakeVLM


@dataclass(repr=False)
class Counts(Result):
    name: str = ""
    done: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    inner: object = None

    def text(self) -> str:
        return f"<{self.done} done>"


def test_a_value_shows_what_is_not_a_default() -> None:
    assert repr(Counts()) == "Counts()"
    counts = Counts("a", 3, 2 / 3, Counter(bad=2, none=0), ["x"], object())
    assert repr(counts) == "Counts(name='a', done=3, seconds=0.666667, kinds={'bad': 2}, notes=['x'])"
    long = Counts("n" * 1000, kinds=Counter(range(100)), notes=["y" * 500])  # type: ignore[arg-type]
    assert len(repr(long)) < 90


def test_a_result_prints_its_words_and_a_notebook_shows_them_escaped() -> None:
    assert str(Counts(done=3)) == "<3 done>"
    assert Counts(done=3)._repr_html_() == "<pre>&lt;3 done&gt;</pre>"


def test_a_caption_is_one_line_as_a_value_and_a_table_in_a_notebook() -> None:
    steps = [step("opening", 0.0, 0.0, "A <door>."), step("change", 0.0, 2.0, "", problem="empty")]
    caption = captioned(steps, 2.0, "A door & a man.", "cut off")
    assert repr(caption) == "VideoCaption('a.mp4', 0.00-2.00 s, 2 steps)"
    shown = caption_html("<name>", caption, {2.0: Image(b"\xff\xd8", 4, 3)})
    assert shown.count("<img ") == 1
    assert 'src="data:image/jpeg;base64,/9g="' in shown
    for part in (
        "&lt;name&gt;",
        "A door &amp; a man. <i>(cut off)</i>",
        "A &lt;door&gt;.",
        "<i>(empty)</i>",
        ">0.00 s<",
    ):
        assert part in shown
    assert "<img" not in caption._repr_html_()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write_video(tmp_path / "a.mp4", numbered_run(20), fps=10)
    return tmp_path / "a.mp4"


SETTINGS = sg4v.CaptionSettings(facts=sg4v.FactSettings(every_seconds=4.0, ocr=False, detector=SEES_NOTHING))


def test_a_new_caption_shows_its_keyframes_while_the_file_is_the_same(video: Path) -> None:
    caption = sg4v.caption(video, model=FakeVLM(), settings=SETTINGS)
    times = {one.frame_seconds[-1] for one in caption.steps}
    assert caption._repr_html_().count("<img ") == len(caption.steps) >= len(times)
    assert pickle.loads(pickle.dumps(caption))._repr_html_() == caption._repr_html_()
    write_video(video, numbered_run(30), fps=10)
    assert "<img " not in caption._repr_html_()
    video.unlink()
    assert "<img " not in caption._repr_html_()


def test_pictures_are_no_part_of_the_record(video: Path) -> None:
    caption = sg4v.caption(video, model=FakeVLM(), settings=SETTINGS)
    read = VideoCaption.from_json(caption.to_json())
    assert read == caption
    assert "_pictures" not in caption.to_json()
    assert "<img " not in read._repr_html_()
    assert "<img " not in replace(caption, summary="Other.")._repr_html_()


def test_a_caption_of_a_stream_has_no_file_to_show(video: Path) -> None:
    with video.open("rb") as stream:
        caption = sg4v.caption(stream, model=FakeVLM(), settings=SETTINGS)
    assert "<img " not in caption._repr_html_()
