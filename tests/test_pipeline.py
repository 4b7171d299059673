"""The main path: true times, chains per shot, nothing lost when a model fails, the same words from every entrance."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

import sharegpt4video as sg4v
from media import write_video
from meeting import Meeting
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import VideoCaption
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM

FPS = 10
QUICK = {
    "facts": FactSettings(every_seconds=2.0, ocr=False, detector=SEES_NOTHING),
    "keyframes": KeyframeSettings(every_seconds=1.0, selector="uniform", verify_cuts=False),
    "image_side_pixels": 160,
}
SETTINGS = CaptionSettings(**QUICK)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of 2.5 s."""
    path = tmp_path_factory.mktemp("pipeline") / "clip.mp4"
    scenes = [texture(seed, 160, 96, tint) for seed, tint in ((1, (60, 120, 60)), (2, (190, 150, 120)))]
    write_video(path, [scenes[number // 25] for number in range(50)], fps=FPS)
    return path


def times(captioned: VideoCaption) -> list[tuple[float, float]]:
    return [(round(step.start_seconds, 3), round(step.end_seconds, 3)) for step in captioned.steps]


def test_steps_tile_the_video_shot_by_shot(clip: Path) -> None:
    captioned = sg4v.caption(clip, model=FakeVLM(), settings=SETTINGS)
    assert [shot.start_seconds for shot in captioned.shots] == [0.0, 2.5]
    assert [step.kind for step in captioned.steps] == ["opening", "change", "change"] * 2
    assert times(captioned)[0] == (0.0, 0.0)
    covered = 0.0
    for start, end in times(captioned):
        assert start == covered
        covered = end
    assert covered == captioned.end_seconds == pytest.approx(5.0)
    assert all(step.facts for step in captioned.steps)


def test_a_request_carries_two_pictures_their_times_and_the_text_before(clip: Path) -> None:
    vlm = FakeVLM()
    captioned = sg4v.caption(clip, model=vlm, settings=SETTINGS)
    changes = [request for request in vlm.requests if request.task == "change"]
    by_end = {step.frame_seconds[-1]: step.text for step in captioned.steps}
    for request in changes:
        assert len(request.images) == 2
        assert request.before == by_end[request.seconds[0]]
    openings = [request for request in vlm.requests if request.task == "opening"]
    assert [request.before for request in openings] == ["", ""]
    assert vlm.requests[-1].task == "summary"
    assert vlm.requests[-1].steps == captioned.steps


def test_a_model_of_one_picture_gets_the_pair_as_one(clip: Path) -> None:
    vlm = FakeVLM(max_images=1)
    sg4v.caption(clip, model=vlm, settings=SETTINGS)
    changes = [request for request in vlm.requests if request.task == "change"]
    assert changes
    assert {len(request.images) for request in changes} == {1}
    assert all(request.images[0].height > 2 * 96 for request in changes)  # stacked, with a gap


def test_shots_are_described_side_by_side(clip: Path) -> None:
    vlm = Meeting(count=2, max_concurrent=4)
    sg4v.caption(clip, model=vlm, settings=SETTINGS)
    assert vlm.most >= 2


def test_fast_mode_asks_once(clip: Path) -> None:
    vlm = FakeVLM(max_images=1)
    settings = CaptionSettings(mode="fast", fast_frames=4, **QUICK)  # type: ignore[arg-type]
    captioned = sg4v.caption(clip, model=vlm, settings=settings)
    (request,) = vlm.requests
    assert request.task == "fast"
    assert len(request.images) == 1  # the grid
    assert request.seconds == pytest.approx((0.6, 1.8, 3.1, 4.3), abs=0.051)  # on display at 1/8, 3/8, 5/8, 7/8
    assert times(captioned) == [(0.0, 5.0)]
    assert captioned.summary == captioned.steps[0].text


def test_fast_mode_with_hints_carries_facts_and_pictures(clip: Path) -> None:
    vlm = FakeVLM(max_images=16)
    settings = CaptionSettings(mode="fast", fast_frames=4, hints=True, **QUICK)  # type: ignore[arg-type]
    sg4v.caption(clip, model=vlm, settings=settings)
    (request,) = vlm.requests
    assert request.facts
    assert request.seconds == pytest.approx((0.6, 1.8, 3.1, 4.3), abs=0.051)


@pytest.mark.parametrize(("max_images", "hints"), [(16, False), (16, True), (0, False)])
def test_fast_mode_takes_no_header_at_its_word(max_images: int, hints: bool, tmp_path: Path) -> None:
    """Sound that goes on for longer than the pictures makes the container longer than what can be seen."""
    path = tmp_path / "sound.mkv"
    write_video(path, [texture(1, 64, 48)] * 30, fps=FPS, audio_seconds=(0, 6))
    vlm = FakeVLM(max_images=max_images)
    settings = CaptionSettings(mode="fast", fast_frames=4, hints=hints, **QUICK)  # type: ignore[arg-type]
    captioned = sg4v.caption(path, model=vlm, settings=settings)
    assert times(captioned) == [(0.0, 3.0)]
    assert all(seconds < 3.0 for seconds in vlm.requests[0].seconds)
    assert len(vlm.requests[0].seconds) == 4


@pytest.mark.parametrize(("max_images", "hints"), [(16, False), (16, True), (0, False)])
def test_fast_mode_begins_with_the_pictures_where_sound_begins_earlier(
    max_images: int, hints: bool, tmp_path: Path
) -> None:
    path = tmp_path / "late.mp4"
    write_video(path, [texture(1, 64, 48)] * 30, fps=FPS, pts=range(20, 50), audio_seconds=(0, 5))
    vlm = FakeVLM(max_images=max_images)
    settings = CaptionSettings(mode="fast", fast_frames=4, hints=hints, **QUICK)  # type: ignore[arg-type]
    captioned = sg4v.caption(path, model=vlm, settings=settings)
    assert times(captioned) == [(2.0, 5.0)]
    assert vlm.requests[0].seconds == pytest.approx((2.375, 3.125, 3.875, 4.625), abs=0.08)


def test_a_selector_is_chosen_by_name(clip: Path) -> None:
    def kept(**more: object) -> int:
        chosen = KeyframeSettings(every_seconds=1.0, similarity=-1.0, **more)  # type: ignore[arg-type]
        return len(list(sg4v.keyframes(clip, CaptionSettings(keyframes=chosen, image_side_pixels=64))))

    assert kept(selector="uniform") == 6
    assert kept(selector="semantic") == 4  # nothing is that unlike: each shot's first and last frame
    with pytest.raises(sg4v.SettingsError, match="'semantic' or 'uniform', not 'best'"):
        kept(selector="best")


def test_a_part_of_the_video_keeps_the_video_s_times(clip: Path) -> None:
    settings = CaptionSettings(start_seconds=1.0, end_seconds=4.0, **QUICK)  # type: ignore[arg-type]
    captioned = sg4v.caption(clip, model=FakeVLM(), settings=settings)
    assert times(captioned)[0][0] == 1.0
    assert times(captioned)[-1][1] == pytest.approx(4.0)
    assert captioned.shots[1].start_seconds == pytest.approx(2.5)


def test_when_the_model_goes_the_finished_steps_stay(clip: Path) -> None:
    def fail(_: int, request: Request) -> BaseException | None:
        return sg4v.VLMError("the server is gone") if request.seconds and request.seconds[-1] > 1.5 else None

    with pytest.raises(sg4v.CaptionInterrupted, match="the server is gone") as caught:
        sg4v.caption(clip, model=FakeVLM(fail=fail, max_concurrent=1), settings=SETTINGS)
    finished = caught.value.caption
    assert [step.kind for step in finished.steps] == ["opening", "change"]
    assert finished.summary == ""


def test_an_unusable_step_is_marked_and_not_passed_on(clip: Path) -> None:
    def fail(_: int, request: Request) -> str | None:
        return "refused" if request.task == "change" and request.seconds[0] == 0.0 else None

    vlm = FakeVLM(fail=fail)  # type: ignore[arg-type]
    captioned = sg4v.caption(clip, model=vlm, settings=SETTINGS)
    assert len(captioned.problems) == 1
    assert captioned.steps[1].problem.startswith("refused")
    next_change = next(
        request for request in vlm.requests if request.seconds[:1] == captioned.steps[1].frame_seconds[1:]
    )
    assert next_change.before == captioned.steps[0].text


def test_a_long_chain_goes_first_although_it_comes_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, [texture(1, 64, 48)] * 120, fps=FPS)
    vlm = FakeVLM()
    sg4v.caption(path, model=vlm, settings=SETTINGS)
    remaining = [request.remaining for request in vlm.requests if request.task != "summary"]
    assert len(remaining) - 1 <= remaining[0] <= len(remaining)  # one shot of 12 s; its last second may be no step
    assert remaining == sorted(set(remaining), reverse=True)
    assert remaining[-1] == 0


def test_progress_tells_each_step_once_and_in_order(clip: Path) -> None:
    heard: list[sg4v.Progress] = []
    captioned = sg4v.caption(clip, model=FakeVLM(), settings=SETTINGS, on_progress=heard.append)
    assert tuple(progress.step for progress in heard if progress.step) == captioned.steps
    assert heard[-1].phase == "summarizing"
    assert heard[-1].steps_done == heard[-1].steps_known == len(captioned.steps)


def test_provenance_is_enough_to_trace_a_caption(clip: Path) -> None:
    vlm = FakeVLM(name="fake-1")
    captioned = sg4v.caption(clip, model=vlm, settings=SETTINGS)
    made = captioned.provenance
    assert made.model == "fake-1"
    assert made.version == sg4v.__version__
    assert made.settings["keyframes"]["every_seconds"] == 1.0
    assert made.requests == len(vlm.requests) == len(made.request_keys)
    assert set(made.request_keys) == {request.key() for request in vlm.requests}


def test_many_videos_share_one_engine(clip: Path) -> None:
    vlm = FakeVLM(max_concurrent=3, delay_seconds=0.01)

    async def run() -> list[VideoCaption]:
        engine = sg4v.open_engine(vlm, SETTINGS)
        return list(await asyncio.gather(*(sg4v.acaption(clip, settings=SETTINGS, engine=engine) for _ in range(3))))

    first, *others = asyncio.run(run())
    assert vlm.max_in_flight <= 3
    assert all(other.steps == first.steps and other.summary == first.summary for other in others)


def test_what_a_prompt_shows_is_short(clip: Path) -> None:
    vlm = FakeVLM(max_concurrent=3)
    assert repr(vlm) == f"FakeVLM({vlm.name!r})"
    assert repr(sg4v.open_engine(vlm)) == f"Engine({vlm.name!r}, slots=3, requests=0)"
    with sg4v.VideoReader(clip) as reader:
        assert repr(reader) == "VideoReader('clip.mp4', 160x96, 5.00 s)"
    captioned = sg4v.caption(clip, model=vlm, settings=SETTINGS)
    assert len(repr(captioned)) + len(repr(captioned.steps[0])) + len(repr(captioned.provenance)) < 600


def test_it_works_where_an_event_loop_already_runs(clip: Path) -> None:
    async def notebook() -> VideoCaption:
        return sg4v.caption(clip, model=FakeVLM(), settings=SETTINGS)

    assert asyncio.run(notebook()).steps


def test_cancelling_stops_the_reading_thread(clip: Path) -> None:
    before = set(threading.enumerate())

    async def run() -> None:
        vlm = FakeVLM(delay_seconds=600.0)
        task = asyncio.create_task(sg4v.acaption(clip, model=vlm, settings=SETTINGS))
        while not vlm.in_flight:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("asyncio")]


def test_a_clip_summary_needs_no_video(clip: Path) -> None:
    captioned = sg4v.caption(clip, model=FakeVLM(), settings=SETTINGS)
    vlm = FakeVLM(["The second shot."])
    told = sg4v.summarize(captioned, 2.5, 5.0, model=vlm)
    assert (told.text, str(told)) == ("The second shot.", "The second shot.")
    assert [step.shot_index for step in vlm.requests[0].steps] == [1] * len(vlm.requests[0].steps)


def test_a_summary_of_nothing_says_so(clip: Path) -> None:
    captioned = sg4v.caption(clip, model=FakeVLM(), settings=SETTINGS)
    vlm = FakeVLM()
    told = sg4v.summarize(captioned, 90.0, 95.0, model=vlm)
    assert (told.text, vlm.requests) == ("", [])
    assert "nothing to summarise" in told.problem
    assert str(told) == f"({told.problem})"


def test_the_embedded_model_gives_the_same_caption_twice(clip: Path) -> None:
    first, second = (sg4v.caption(clip, settings=SETTINGS) for _ in range(2))
    assert first == second
    assert first.provenance.model.startswith("embedded")
    assert not first.problems


def test_keyframes_and_measure_stream(clip: Path) -> None:
    frames = list(sg4v.keyframes(clip, SETTINGS))
    assert [frame.reason for frame in frames if frame.reason in ("first", "cut")] == ["first", "cut"]
    assert all(frame.image for frame in frames)
    facts = list(sg4v.measure(clip, SETTINGS))
    assert [one.end_seconds for one in facts] == [frame.seconds for frame in frames]


def test_recaption_goes_through_the_model() -> None:
    vlm = FakeVLM(["A small dog runs over wet sand."])
    assert sg4v.recaption("a dog on a beach", model=vlm).text == "A small dog runs over wet sand."
    assert vlm.requests[0].user_text == "a dog on a beach"


@pytest.mark.parametrize("model", [None, 3, object(), FakeVLM])
def test_a_model_that_is_none_is_refused_at_once(model: object) -> None:
    with pytest.raises(SettingsError, match="model is a name such as 'embedded' or a VLM object, not"):
        sg4v.caption("nowhere.mp4", model=model)  # type: ignore[arg-type]
