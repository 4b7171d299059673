"""What is told of a video on its way: everything that a page shows, once, in an order that it can be shown in."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow
from pydantic import TypeAdapter

import sharegpt4video as sg4v
from media import write_video
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.draft import Progress
from sharegpt4video.records import Image
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.wanted import Opened

SETTINGS = CaptionSettings(
    facts=FactSettings(every_seconds=2.0, ocr=False, detector=SEES_NOTHING),
    keyframes=KeyframeSettings(every_seconds=1.0, selector="uniform", verify_cuts=False),
    image_side_pixels=160,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of 2.5 s: six keyframes."""
    path = tmp_path_factory.mktemp("draft") / "clip.mp4"
    scenes = [texture(seed, 160, 96, tint) for seed, tint in ((1, (60, 120, 60)), (2, (190, 150, 120)))]
    write_video(path, [scenes[number // 25] for number in range(50)], fps=10)
    return path


def told(clip: Path, *, max_images: int = 16, side: int = 0, settings: CaptionSettings = SETTINGS) -> list[Progress]:
    heard: list[Progress] = []
    vlm = FakeVLM(max_images=max_images)
    sg4v.caption(clip, model=vlm, settings=settings, on_progress=heard.append, picture_side_pixels=side)
    return heard


def size_of(image: Image) -> tuple[int, int]:
    with Pillow.open(io.BytesIO(image.jpeg)) as opened:
        assert opened.format == "JPEG"
        return opened.size


@pytest.mark.parametrize("max_images", [0, 16])
def test_each_thing_is_told_once_and_in_order(clip: Path, max_images: int) -> None:
    heard = told(clip, max_images=max_images)
    news = [(one.opened, one.keyframe, one.step, one.summary) for one in heard]
    assert all(sum(each is not None for each in one) <= 1 for one in news)
    assert heard[0].opened == Opened("clip.mp4", 160, 96, 0.0, 5.0)
    assert [one.opened for one in heard[1:]] == [None] * (len(heard) - 1)
    assert heard[-1].summary is not None
    assert [one.phase for one, new in zip(heard, news, strict=True) if not any(new)][-1] == "summarizing"
    for number in range(6):
        places = [place for place, one in enumerate(heard) if one.keyframe and one.keyframe.number == number]
        chosen = [heard[place].keyframe for place in places]
        assert [one.facts is None for one in chosen if one] == [True, False]
        step = next(place for place, one in enumerate(heard) if one.step and one.steps_done == number + 1)
        assert places[-1] < step
        assert heard[step].step.frame_seconds[-1:] == (chosen[0].keyframe.seconds,)  # type: ignore[union-attr]
        assert heard[step].step.facts == (chosen[1].facts,)  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["sliding", "fast"])
@pytest.mark.parametrize("max_images", [0, 16])
def test_a_page_gets_pictures_whether_or_not_the_model_takes_any(clip: Path, max_images: int, mode: str) -> None:
    settings = replace(SETTINGS, mode=mode, fast_frames=4)  # type: ignore[arg-type]
    pictures = [
        one.keyframe.keyframe.image
        for one in told(clip, max_images=max_images, side=64, settings=settings)
        if one.keyframe
    ]
    assert len(pictures) == (12 if mode == "sliding" else 4)
    for picture in pictures:
        assert picture is not None
        assert size_of(picture) == (picture.width, picture.height) == (64, 38)


def test_pictures_for_a_page_change_no_request(clip: Path) -> None:
    asked = []
    for side in (None, 0, 64):
        vlm = FakeVLM()
        more = {} if side is None else {"on_progress": lambda _: None, "picture_side_pixels": side}
        sg4v.caption(clip, model=vlm, settings=SETTINGS, **more)  # type: ignore[arg-type]
        asked.append(sorted(request.key() for request in vlm.requests))
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize("mode", ["sliding", "fast"])
def test_without_a_wish_for_pictures_none_are_made(clip: Path, mode: str) -> None:
    heard = told(clip, max_images=16, settings=replace(SETTINGS, mode=mode))  # type: ignore[arg-type]
    assert [one.keyframe.keyframe.image for one in heard if one.keyframe]
    assert not any(one.keyframe.keyframe.image for one in heard if one.keyframe)


def test_fast_mode_tells_its_one_step_and_its_summary(clip: Path) -> None:
    heard = told(clip, settings=replace(SETTINGS, mode="fast", fast_frames=4))
    (step,) = [one.step for one in heard if one.step]
    (summary,) = [one.summary for one in heard if one.summary]
    assert (summary.text, heard[-1].summary) == (step.text, summary)
    assert [one.keyframe.number for one in heard if one.keyframe] == [0, 1, 2, 3]


def test_it_can_be_pickled_and_written_as_json(clip: Path) -> None:
    adapter = TypeAdapter(Progress)
    for one in told(clip, max_images=0, side=64):
        assert pickle.loads(pickle.dumps(one)) == one
        assert adapter.validate_json(adapter.dump_json(one)) == one


@pytest.mark.parametrize("side", [-1, 100_000])
def test_an_impossible_picture_is_refused_at_once(side: int) -> None:
    with pytest.raises(sg4v.SettingsError, match="picture_side_pixels"):
        sg4v.caption("nowhere.mp4", model=FakeVLM(), picture_side_pixels=side)
