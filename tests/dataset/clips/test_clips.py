"""Clips of captioned videos: which parts, with which texts, in bounded memory; and their media, cut and resumed."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_captions import PROVENANCE, captioned, captions, step
from made_facts import steps_of, yoga
from media import number_of, numbered_run, write_video
from meeting import Meeting
from sharegpt4video.dataset.clips.clips import clip_id, make_clips
from sharegpt4video.dataset.clips.media import CutOptions, cut_media, media_path
from sharegpt4video.dataset.clips.spans import ClipSettings, Span, spans, told_by
from sharegpt4video.dataset.rows import CaptionRow, Clip, Selected, SourceVideo
from sharegpt4video.dataset.sources.sources import find_sources
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, SG4VError, VLMError
from sharegpt4video.records import Step, VideoCaption
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after, fail_at


def id_of(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()[:32]


# Two shots: [0, 6) of an opening and three changes of 2 s, [6, 11) of an opening and changes of 2 and 3 s.
STEPS = [
    step("opening", 0, 0, "A", 0),
    step("change", 0, 2, "B", 0),
    step("change", 2, 4, "C", 0),
    step("change", 4, 6, "D", 0),
    step("opening", 6, 6, "E", 1),
    step("change", 6, 8, "F", 1),
    step("change", 8, 11, "G", 1),
]


def found(steps: list[Step] = STEPS, **settings: object) -> list[tuple[int, int, float, float]]:
    options = ClipSettings(**{"min_seconds": 0.0, **settings})  # type: ignore[arg-type]
    return [(s.first_step, s.last_step, s.start_seconds, s.end_seconds) for s in spans(steps, options)]


def row_of(caption: VideoCaption, name: str = "a") -> CaptionRow:
    return CaptionRow.of(SourceVideo(id_of(name), f"/videos/{name}.mp4"), caption)


def stored(root: Path, *rows: CaptionRow) -> Store:
    store = Store(root)
    store.append("captions", rows)
    return store


def test_shots() -> None:
    assert found(way="shots") == [(0, 3, 0, 6), (4, 6, 6, 11)]


def test_steps_by_themselves() -> None:
    assert found(way="steps") == [(1, 1, 0, 2), (2, 2, 2, 4), (3, 3, 4, 6), (5, 5, 6, 8), (6, 6, 8, 11)]


def test_every_contiguous_run() -> None:
    assert found(way="runs") == [
        *((0, 1, 0, 2), (0, 2, 0, 4), (0, 3, 0, 6), (2, 2, 2, 4), (2, 3, 2, 6), (3, 3, 4, 6)),
        *((4, 5, 6, 8), (4, 6, 6, 11), (6, 6, 8, 11)),
    ]
    assert len(found(way="runs", cross_shots=True)) == 5 * 6 / 2
    assert (2, 5, 2, 8) in found(way="runs", cross_shots=True)
    assert found(way="runs", max_steps=1) == [(0, 1, 0, 2), (2, 2, 2, 4), (3, 3, 4, 6), (4, 5, 6, 8), (6, 6, 8, 11)]
    assert found(way="runs", min_seconds=5.0, max_seconds=5.0) == [(4, 6, 6, 11)]


def test_runs_of_about_a_length() -> None:
    assert found(way="length", seconds=4.0) == [(0, 2, 0, 4), (3, 3, 4, 6), (4, 6, 6, 11)]
    assert found(way="length", seconds=5.0) == [(0, 3, 0, 6), (4, 6, 6, 11)]
    assert found(way="length", seconds=100.0, cross_shots=True) == [(0, 6, 0, 11)]


def test_a_short_rest_goes_with_the_run_before() -> None:
    steps = [step("change", at, at + 2, "x", 0) for at in (0, 2, 4, 6)] + [step("change", 8, 9, "x", 0)]
    assert found(steps, way="length", seconds=8.0) == [(0, 4, 0, 9)]


def test_windows_of_frames() -> None:
    windows = found(way="window", frames=16, fps=8.0)
    assert [(start, end) for *_, start, end in windows] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert [(first, last) for first, last, *_ in windows] == [(0, 1), (2, 2), (3, 3), (4, 5), (6, 6)]
    assert found(way="window", frames=49, fps=8.0) == []
    assert found(way="window", frames=49, fps=8.0, cross_shots=True) == [(0, 3, 0, 6.125)]
    slid = found(way="window", frames=24, fps=8.0, stride_seconds=1.0)
    assert [start for *_, start, _ in slid] == [0, 1, 2, 3, 6, 7, 8]
    assert slid[1] == (0, 2, 1, 4)  # [1, 4): half of B, all of C
    assert found(way="window", frames=24, fps=8.0, stride_seconds=1.0, min_share=0.6)[1] == (2, 2, 1, 4)


def test_fast_mode_has_one_step() -> None:
    whole = [step("whole", 0, 9, "All.", 0)]
    for way in ("shots", "steps", "runs", "length"):
        assert found(whole, way=way) == [(0, 0, 0, 9)]


@given(captions(), st.booleans(), st.floats(0.5, 20))
def test_clips_hold_whole_steps(caption: VideoCaption, cross_shots: bool, seconds: float) -> None:
    steps = caption.steps
    for way in ("shots", "steps", "runs", "length", "window"):
        options = ClipSettings(
            way=way, min_seconds=0, max_seconds=None, max_steps=4, cross_shots=cross_shots, seconds=seconds, frames=8
        )
        clips = list(spans(steps, options))
        assert [clip.start_seconds for clip in clips] == sorted(clip.start_seconds for clip in clips)
        for clip in clips:
            inside = steps[clip.first_step : clip.last_step + 1]
            assert inside
            assert cross_shots or len({each.shot_index for each in inside}) == 1
            if way == "window":
                assert clip.seconds == pytest.approx(1.0)
                continue
            assert (clip.start_seconds, clip.end_seconds) == (inside[0].start_seconds, inside[-1].end_seconds)
            assert way != "runs" or sum(each.end_seconds > each.start_seconds for each in inside) <= 4
        if way in ("shots", "steps", "length"):
            assert sum(clip.seconds for clip in clips) == pytest.approx(caption.end_seconds)


def test_the_opening_of_a_shot_tells_who_is_there() -> None:
    assert [each.text for each in told_by(STEPS, Span(2, 3, 2, 6))] == ["A", "C", "D"]
    assert [each.text for each in told_by(STEPS, Span(4, 6, 6, 11))] == ["E", "F", "G"]


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(SettingsError, match=r"way is .*'window', not 'halves'.*min_share.*max_seconds"):
        ClipSettings(way="halves", min_seconds=5, max_seconds=1, min_share=0)  # type: ignore[arg-type]


def test_texts_come_from_the_step_the_caption_or_the_model(tmp_path: Path) -> None:
    store = stored(tmp_path, row_of(captioned(STEPS, 11, summary="All in all.")))
    model = FakeVLM(lambda request: "+".join(each.text for each in request.steps))
    made = make_clips(store, ClipSettings(min_seconds=0, cross_shots=True, max_steps=None), model=model)
    texts = {(clip.first_step, clip.last_step): clip.text for clip in store.rows("clips")}
    assert texts[2, 2] == "C"
    assert texts[0, 6] == "All in all."
    assert texts[2, 3] == "A+C+D"
    assert texts[2, 5] == "A+C+D+E+F"
    assert len(texts) == made.clips == 15
    assert made.given == sum(first == last for first, last in texts) + 1
    assert made.asked == made.requests == len(model.requests) == 15 - made.given
    clip = next(clip for clip in store.rows("clips") if clip.first_step == 2)
    assert (clip.video_id, clip.location, clip.media) == (id_of("a"), "/videos/a.mp4", "")
    assert "15 clips of 1 video," in made.text()


def test_ids_are_stable_and_each_clip_has_its_own(tmp_path: Path) -> None:
    rows = [row_of(captioned(STEPS, 11), name) for name in "abc"]
    store = stored(tmp_path / "one", *rows)
    make_clips(store, ClipSettings(min_seconds=0), model=FakeVLM())
    first = [clip.id for clip in store.rows("clips")]
    make_clips(store, ClipSettings(min_seconds=0), model=FakeVLM(lambda _: "Other words."))
    assert [clip.id for clip in store.rows("clips")] == first
    assert len(set(first)) == len(first) == 27
    assert {clip_id(id_of("a"), Span(0, 1, 0, 2)), clip_id(id_of("b"), Span(0, 1, 0, 2))} < set(first)
    assert all(len(bytes.fromhex(each)) == 16 for each in first)


def test_problems_are_marked_or_left_out_and_counted(tmp_path: Path) -> None:
    steps = [replace(each, problem="repeating" if each.text == "C" else "") for each in STEPS]
    store = stored(tmp_path, row_of(captioned(steps, 11)))
    made = make_clips(store, ClipSettings(way="steps", min_seconds=0), model=FakeVLM())
    assert (made.clips, made.marked, made.dropped) == (5, {"repeating": 1}, {})
    assert [clip.problem for clip in store.rows("clips")] == ["", "repeating", "", "", ""]
    made = make_clips(store, ClipSettings(way="steps", min_seconds=0, problems="drop"), model=FakeVLM())
    assert (made.clips, made.marked, made.dropped) == (4, {}, {"repeating": 1})
    assert "1 left out: repeating" in made.text()
    made = make_clips(store, ClipSettings(way="shots", min_seconds=0), model=FakeVLM(fail=fail_at(1)))
    assert made.marked == {"unavailable": 1}
    assert [bool(clip.problem) for clip in store.rows("clips")] == [True, False]


def test_only_selected_videos(tmp_path: Path) -> None:
    store = stored(tmp_path, *(row_of(captioned(STEPS, 11), name) for name in "abc"))
    store.replace("selection", [Selected(id_of(n), n == "b", "", id_of(n), "train" * (n == "b")) for n in "abc"])
    made = make_clips(store, ClipSettings(way="shots"), model=FakeVLM())
    assert {clip.video_id for clip in store.rows("clips")} == {id_of("b")}
    assert (made.videos, made.not_kept, made.clips) == (1, 2, 2)


def test_a_model_that_gives_up_leaves_the_old_clips(tmp_path: Path) -> None:
    store = stored(tmp_path, *(row_of(captioned(STEPS, 11), name) for name in "abcdef"))
    make_clips(store, ClipSettings(way="steps"), model=FakeVLM())
    before = [clip.id for clip in store.rows("clips")]
    with pytest.raises(VLMError):
        make_clips(store, ClipSettings(way="shots"), model=FakeVLM(fail=fail_after(3)))
    assert [clip.id for clip in store.rows("clips")] == before


def test_many_clips_are_asked_about_at_once_and_keep_their_order(tmp_path: Path) -> None:
    store = stored(tmp_path, *(row_of(captioned(STEPS, 11), f"v{n}") for n in range(40)))
    delays = iter([0.02, 0.0, 0.01] * 1000)
    model = Meeting(delay_seconds=lambda _number, _request: next(delays), max_concurrent=16, count=16)
    seen: list[int] = []
    make_clips(store, ClipSettings(way="shots"), model=model, on_progress=lambda made: seen.append(made.videos))
    assert model.most == 16
    assert [clip.video_id for clip in store.rows("clips")] == [id_of(f"v{n // 2}") for n in range(80)]
    assert seen[-1] == 40
    assert seen == sorted(seen)


def test_works_inside_a_running_event_loop(tmp_path: Path) -> None:
    store = stored(tmp_path, row_of(captioned(STEPS, 11)))

    async def notebook() -> int:
        return make_clips(store, ClipSettings(way="shots"), model=FakeVLM()).clips

    assert asyncio.run(notebook()) == 2


def test_the_embedded_model_tells_clips_from_facts(tmp_path: Path) -> None:
    steps = [replace(each, text="t") for each in steps_of(*yoga())]
    store = stored(tmp_path, row_of(captioned(steps, steps[-1].end_seconds)))
    made = make_clips(store, ClipSettings(way="length", seconds=4.0))
    assert made.asked >= 2
    assert all("person" in clip.text for clip in store.rows("clips") if clip.first_step != clip.last_step)


@pytest.fixture(scope="module")
def cut_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    """Two videos of 4 s, 25 numbered pictures a second and a keyframe every 2 s; one lies in an archive."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "videos").mkdir()
    for name, seconds in (("a", 4.0), ("b", 3.9)):
        write_video(folder / "videos" / f"{name}.mp4", numbered_run(100), gop=50, audio_seconds=(0.0, seconds))
    with zipfile.ZipFile(folder / "videos" / "more.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.write(folder / "videos" / "b.mp4", "b.mp4")
    (folder / "videos" / "b.mp4").unlink()
    store = Store(folder / "set")
    sources = [each for each in find_sources([str(folder / "videos")]) if isinstance(each, SourceVideo)]
    assert len(sources) == 2
    store.append("sources", sources)
    spanned = [(0.0, 2.0), (2.0, 4.0), (1.0, 3.0)]
    clips = [
        Clip(clip_id(source.id, Span(n, n, *times)), source.id, source.location, n, n, *times, f"text {n}")
        for source in sources
        for n, times in enumerate(spanned)
    ]
    store.replace("clips", clips)
    return store, folder


def numbers(path: str | Path) -> list[int]:
    with VideoReader(str(path)) as reader:
        return [number_of(frame.pixels) for frame in reader.frames()]


def test_media_is_cut_named_by_id_and_resumed(
    cut_store: tuple[Store, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = cut_store
    monkeypatch.chdir(tmp_path)
    made = cut_media(store, "media", CutOptions(preset="ultrafast"), processes=1)
    assert (made.copied, made.re_encoded, made.kept, made.failed) == (4, 2, 0, {})
    assert made.coded_again == 2  # the earlier name
    clips = list(store.rows("clips"))
    for clip in clips:
        assert Path(clip.media) == media_path(tmp_path / "media", clip.id, ".mp4")
        assert numbers(clip.media) == list(range(round(clip.start_seconds * 25), round(clip.end_seconds * 25)))
        assert clip.text.startswith("text")
    Path(clips[2].media).unlink()
    times = {clip.id: Path(clip.media).stat().st_mtime_ns for clip in clips if clip is not clips[2]}
    (Path(clips[2].media).parent / f".{clips[2].id}.mp4.0a1b2c3d.part").write_bytes(b"half")  # as a kill leaves it
    again = cut_media(store, tmp_path / "media", CutOptions(preset="ultrafast"), processes=1)
    assert (again.cut, again.kept) == (1, 5)
    assert {clip.id: Path(clip.media).stat().st_mtime_ns for clip in clips if clip is not clips[2]} == times
    assert "5 were there already" in again.text()
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file() and path.suffix != ".mp4"]


def test_what_cannot_be_cut_is_counted_and_the_rest_goes_on(cut_store: tuple[Store, Path], tmp_path: Path) -> None:
    whole, _ = cut_store
    store = Store(tmp_path / "set")
    good, *_ = whole.rows("sources")
    gone = replace(good, id=id_of("gone"), location=str(tmp_path / "gone.mp4"))
    store.append("sources", [good, gone])
    clips = [
        Clip(id_of(n), video, "x", 0, 0, start, end, "t")
        for n, (video, start, end) in enumerate(
            [
                (good.id, 0.0, 2.0),
                (good.id, 50.0, 60.0),
                (good.id, 2.0, 4.0),
                (gone.id, 0.0, 1.0),
                (id_of("?"), 0.0, 1.0),
            ]
        )
    ]
    store.replace("clips", clips)
    made = cut_media(store, tmp_path / "media", processes=1)
    assert made.copied == 2
    assert made.failed == {"unreadable": 1, "vanished": 2}
    assert [bool(clip.media) for clip in store.rows("clips")] == [True, False, True, False, False]
    assert "1 failed: unreadable" in made.text()
    assert any("50.000 s" in example for example in made.examples)


def test_a_folder_that_cannot_be_made(cut_store: tuple[Store, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SG4VError, match="give another folder"):
        cut_media(cut_store[0], tmp_path / "file" / "media", processes=1)


def test_an_ending_that_is_not_known() -> None:
    with pytest.raises(SettingsError, match=r"\.mp4"):
        CutOptions(ending=".wmv")


def test_replies_carry_their_request(tmp_path: Path) -> None:
    """A reply that answers another clip is caught, asked for again, and marked if it stays."""
    store = stored(tmp_path, row_of(captioned(STEPS, 11)))

    def wrong(_: Request) -> Reply:
        return Reply("someone else's", "0" * 32, "fake")

    made = make_clips(store, ClipSettings(way="shots"), model=FakeVLM(wrong))
    assert made.marked == {"mixed up": 2}


def test_provenance_of_captions_is_not_touched(tmp_path: Path) -> None:
    store = stored(tmp_path, row_of(captioned(STEPS, 11)))
    make_clips(store, ClipSettings(way="shots"), model=FakeVLM())
    assert next(store.rows("captions")).provenance == PROVENANCE
