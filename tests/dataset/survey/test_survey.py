"""Scores of the survey against clips whose truth is known because we made them so."""

from __future__ import annotations

import functools
import io
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from media import Picture, numbered_run, solid, write_tone, write_video
from scenes import panned, texture
from sharegpt4video import listening
from sharegpt4video.dataset.rows import Survey
from sharegpt4video.dataset.settings import SurveySettings
from sharegpt4video.dataset.survey.survey import Candidates, covered_share, survey
from sharegpt4video.errors import VideoError
from sharegpt4video.facts.colour import look
from sharegpt4video.records import Box, ScreenText
from sharegpt4video.video.reader import VideoReader

ID = "0" * 32
WIDTH, HEIGHT, FPS = 640, 360, 10
SCENE = texture(1, 2 * WIDTH, HEIGHT)
OPTIONS = {"crf": "28", "preset": "veryfast"}


def surveyed(path: Path, **settings: object) -> Survey:
    return survey(path, id=ID, settings=SurveySettings(**settings))  # type: ignore[arg-type]


@functools.cache
def still(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    return texture(seed, width, height)


def moving(count: int, pixels_per_frame: float = 6.0) -> Iterator[Picture]:
    return (panned(SCENE, number * pixels_per_frame, WIDTH, HEIGHT) for number in range(count))


def written(path: Path, pictures: Iterator[Picture] | list[Picture], crf: int = 28, **kinds: object) -> Path:
    write_video(path, pictures, fps=FPS, options=OPTIONS | {"crf": str(crf)}, **kinds)  # type: ignore[arg-type]
    return path


def test_header_packets_and_pictures_of_one_clip(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.mp4", [*moving(30), *(still(8) for _ in range(30))])
    found = survey(path, id="ab" * 16, settings=SurveySettings(), size_bytes=77)
    assert (found.id, found.size_bytes, found.codec) == ("ab" * 16, 77, "h264")
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    assert "mp4" in found.container
    assert found.average_fps == pytest.approx(FPS)
    assert found.duration_seconds == pytest.approx(6.0)
    assert found.shots == 2
    assert found.text_area is None
    assert found.hashes
    assert all(len(bytes.fromhex(text)) == 8 for text in found.hashes)
    vector = np.frombuffer(found.embedding, "<f2")
    assert vector.shape == (256,)
    assert np.linalg.norm(vector.astype(float)) == pytest.approx(1.0, abs=1e-3)


def test_headers_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.mkv", moving(40))
    whole, header = surveyed(path), surveyed(path, pictures=False)
    looks = "brightness sharpness black_share frozen_share letterbox_share shots motion camera_motion"
    unmeasured = dict.fromkeys(looks.split())
    empty = {"hashes": (), "embedding": b"", "centre_hashes": (), "centre_embedding": b""}
    assert header == replace(whole, **unmeasured, **empty, duration_seconds=header.duration_seconds)
    assert header.duration_seconds == pytest.approx(4.0)


def test_look_scores_are_those_of_the_facts(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.mp4", [still(number) for number in range(5) for _ in range(5)])
    with VideoReader(path) as reader:
        looks = [look(frame.pixels) for frame in reader.frames(every_seconds=0.5)]
    found = surveyed(path)
    assert found.brightness == pytest.approx(np.median([one.brightness for one in looks]), abs=0.003)
    assert found.sharpness == pytest.approx(np.median([one.sharpness for one in looks]), rel=0.02)


@pytest.mark.parametrize("size", [(360, 640), (320, 180), (200, 100)])
def test_sharpness_is_at_320_pixels_width_whatever_the_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    path = written(tmp_path / "clip.mp4", [still(3, *size)] * 10)
    with VideoReader(path) as reader:
        expected = np.median([look(frame.pixels).sharpness for frame in reader.frames(every_seconds=0.5)])
    assert surveyed(path).sharpness == pytest.approx(expected, rel=0.02, abs=1.0)


@pytest.mark.parametrize(("black_frames", "crf"), [(0, 18), (13, 35), (30, 18), (57, 35), (60, 35)])
def test_black_share_is_exact(tmp_path: Path, black_frames: int, crf: int) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 9, (black_frames, HEIGHT, WIDTH, 3), np.uint8)
    path = written(tmp_path / "clip.mp4", [*moving(60 - black_frames), *noise], crf)
    assert surveyed(path).black_share == pytest.approx(black_frames / 60)


def test_a_dark_scene_is_not_black(tmp_path: Path) -> None:
    night = [(picture * 0.25).astype(np.uint8) for picture in moving(20)]  # mean 32 of 255
    found = surveyed(written(tmp_path / "night.mp4", night))
    assert found.black_share == 0.0
    assert found.brightness == pytest.approx(0.125, abs=0.02)
    stage = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stage[120:280, 280:360] = still(4)[:160, :80]  # 5.6 % of the picture are lit
    assert surveyed(written(tmp_path / "stage.mp4", [stage] * 20)).black_share == 0.0


@pytest.mark.parametrize(("moving_frames", "crf"), [(0, 18), (0, 35), (20, 35), (40, 18), (40, 28), (80, 35)])
def test_frozen_share_through_noise_and_compression(tmp_path: Path, moving_frames: int, crf: int) -> None:
    random = np.random.default_rng(0)
    held = panned(SCENE, moving_frames * 6.0, WIDTH, HEIGHT).astype(np.int16)
    frozen = (
        np.clip(held + random.integers(-4, 5, held.shape), 0, 255).astype(np.uint8) for _ in range(80 - moving_frames)
    )
    path = written(tmp_path / "clip.mp4", [*moving(moving_frames), *frozen], crf, gop=25)
    assert surveyed(path).frozen_share == pytest.approx(1 - moving_frames / 80, abs=0.5 / 8)  # one sample


@pytest.mark.parametrize(("codec", "crf"), [("libx264", 35), ("mpeg4", 0), ("libvpx-vp9", 40)])
def test_a_slide_show_is_frozen(tmp_path: Path, codec: str, crf: int) -> None:
    path = tmp_path / ("clip.webm" if codec == "libvpx-vp9" else "clip.mp4")
    options = {"crf": str(crf), "b": "0"} if codec != "mpeg4" else {}
    write_video(path, [still(seed) for seed in range(5) for _ in range(23)], fps=FPS, codec=codec, options=options)
    assert surveyed(path).frozen_share == pytest.approx(1.0, abs=0.05)


def test_one_long_frame_is_frozen_and_few_frames_a_second_are_not(tmp_path: Path) -> None:
    held = tmp_path / "held.mkv"
    pictures = list(moving(21))
    write_video(held, pictures, fps=FPS, pts=[*range(20), 100], gop=1)  # 2 s of motion, then one picture for 8 s
    assert surveyed(held).frozen_share == pytest.approx(8 / 10.1, abs=0.06)
    slow = tmp_path / "slow.mkv"
    write_video(slow, moving(12, 40.0), fps=1, gop=1)
    assert surveyed(slow).frozen_share == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(("side", "speed", "crf"), [(64, 8.0, 35), (32, 20.0, 18), (32, 20.0, 35), (100, 4.0, 35)])
def test_a_static_camera_with_something_that_moves_is_not_frozen(
    tmp_path: Path, side: int, speed: float, crf: int
) -> None:
    background, thing = still(1), texture(9, side, side)

    def pictures() -> Iterator[Picture]:
        for number in range(50):
            picture = background.copy()
            left = round(100 + speed * number / FPS)
            picture[150 : 150 + side, left : left + side] = thing
            yield picture

    assert surveyed(written(tmp_path / "clip.mp4", pictures(), crf, gop=25)).frozen_share == pytest.approx(0, abs=0.05)


def boxed(pictures: Iterator[Picture], rows: int, columns: int, noise: int = 0) -> Iterator[Picture]:
    """Pictures with black bars of so many pixels above and below, left and right."""
    random = np.random.default_rng(0)
    for picture in pictures:
        inside = cv2.resize(picture, (WIDTH - 2 * columns, HEIGHT - 2 * rows), interpolation=cv2.INTER_AREA)
        whole = random.integers(0, noise + 1, (HEIGHT, WIDTH, 3), np.uint8)
        whole[rows : HEIGHT - rows, columns : WIDTH - columns] = inside
        yield whole


@pytest.mark.parametrize(
    ("rows", "columns", "crf", "noise"),
    [
        (0, 0, 18, 0), (8, 0, 18, 0), (45, 0, 18, 0), (0, 80, 26, 8), (0, 219, 18, 0), (30, 60, 26, 8),
        (0, 0, 35, 16), (8, 0, 35, 16), (70, 0, 35, 16), (0, 80, 35, 16), (0, 219, 35, 16), (30, 60, 35, 16),
    ],
)  # fmt: skip
def test_bars_are_measured(tmp_path: Path, rows: int, columns: int, crf: int, noise: int) -> None:
    path = written(tmp_path / "clip.mp4", boxed(moving(20), rows, columns, noise), crf)
    expected = 1 - (HEIGHT - 2 * rows) * (WIDTH - 2 * columns) / (HEIGHT * WIDTH)
    assert surveyed(path).letterbox_share == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_bars_on_four_sides(tmp_path: Path, share: float) -> None:
    width, height = 320, 180
    x, y = int(width * share), int(height * share)
    scene, pictures = texture(1, width + 40, height), []
    for number in range(40):
        picture = np.full((height, width, 3), 16, np.uint8)
        picture[y : height - y, x : width - x] = scene[y : height - y, x + number : width - x + number]
        pictures.append(picture)
    expected = 1 - (height - 2 * y) * (width - 2 * x) / (height * width)
    assert surveyed(written(tmp_path / "clip.mp4", pictures)).letterbox_share == pytest.approx(expected, abs=0.02)


def test_bars_of_a_portrait_video(tmp_path: Path) -> None:
    pictures = [np.ascontiguousarray(picture.transpose(1, 0, 2)) for picture in boxed(moving(15), 0, 160)]
    assert surveyed(written(tmp_path / "clip.mp4", pictures)).letterbox_share == pytest.approx(0.5, abs=0.01)


def test_subtitles_in_bars_are_tolerated(tmp_path: Path) -> None:
    def pictures() -> Iterator[Picture]:
        for number, picture in enumerate(boxed(moving(60), 50, 0)):
            if number % 15 < 12:
                words = f"line {number // 15} of what is said"
                cv2.putText(picture, words, (150 - number // 15 * 30, 342), 0, 0.8, (235, 235, 235), 2)
            yield picture

    assert surveyed(written(tmp_path / "clip.mp4", pictures())).letterbox_share == pytest.approx(100 / 360, abs=0.015)


def stage() -> Iterator[Picture]:
    """Somebody under a lamp in the middle of a black stage, moving to and fro."""
    for number in range(20):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        left = 250 + 4 * number
        picture[80:360, left : left + 70] = still(4)[:280, :70]
        yield picture


def night_sky() -> Iterator[Picture]:
    """A dim skyline of many heights under a black sky."""
    heights = np.random.default_rng(5).integers(100, 250, 40).repeat(WIDTH // 40)
    sky = np.arange(HEIGHT)[:, None] < heights[None, :]
    return (np.where(sky[..., None], 4, picture // 2).astype(np.uint8) for picture in moving(20, 0.0))


def vignette() -> Iterator[Picture]:
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    shade = np.clip(1.3 - np.hypot(rows, columns) * 1.1, 0.03, 1)[..., None]
    return ((picture * shade).astype(np.uint8) for picture in moving(20))


def fades_in() -> Iterator[Picture]:
    return ((picture * min(1.0, number / 30)).astype(np.uint8) for number, picture in enumerate(moving(40)))


def very_dark() -> Iterator[Picture]:
    return ((picture * 0.12).astype(np.uint8) for picture in moving(20))


@pytest.mark.parametrize("content", [stage, night_sky, vignette, fades_in, very_dark])
def test_dark_edges_are_no_bars(tmp_path: Path, content: Callable[[], Iterator[Picture]]) -> None:
    assert surveyed(written(tmp_path / "clip.mp4", content())).letterbox_share in (0.0, None)


def test_all_black_tells_nothing_about_bars_or_looks(tmp_path: Path) -> None:
    found = surveyed(written(tmp_path / "clip.mp4", [solid((0, 0, 0), WIDTH, HEIGHT)] * 20))
    assert (found.black_share, found.frozen_share, found.letterbox_share) == (1.0, 1.0, None)
    assert (found.hashes, found.embedding) == ((), b"")


def test_more_blur_is_less_sharp(tmp_path: Path) -> None:
    detail = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    sharp = cv2.addWeighted(still(1), 0.7, cv2.GaussianBlur(detail, (0, 0), 1.0), 0.6, 0)
    scores = []
    for number, sigma in enumerate((0.0, 1.5, 3.0, 6.0, 12.0)):
        picture = cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp
        scores.append(surveyed(written(tmp_path / f"{number}.mp4", [picture] * 6, 23)).sharpness or 0.0)
    assert all(after < before / 1.25 for before, after in itertools.pairwise(scores)), scores


@pytest.mark.parametrize("cuts", [0, 1, 4, 9])
def test_shots_are_counted(tmp_path: Path, cuts: int) -> None:
    pictures = [
        panned(scene, number * 3, WIDTH, HEIGHT)
        for scene in (still(30 + shot, 800, HEIGHT) // (1 + shot % 2) for shot in range(cuts + 1))
        for number in range(15)
    ]
    assert surveyed(written(tmp_path / "clip.mp4", pictures)).shots == cuts + 1


@pytest.mark.parametrize("pixels_per_second", [0, 40, 120])
def test_camera_motion_is_its_speed(tmp_path: Path, pixels_per_second: int) -> None:
    path = tmp_path / "clip.mp4"
    pictures = (panned(SCENE, number * pixels_per_second / 25, WIDTH, HEIGHT) for number in range(75))
    write_video(path, pictures, fps=25, options=OPTIONS)
    found = surveyed(path)
    assert found.camera_motion == pytest.approx(pixels_per_second / WIDTH, rel=0.06, abs=0.002)
    assert found.motion == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize(("side", "pixels_per_second"), [(120, 0), (120, 64), (120, 128), (180, 96)])
def test_motion_is_that_of_things_times_their_share_of_the_picture(
    tmp_path: Path, side: int, pixels_per_second: int
) -> None:
    background, thing = still(1), texture(77, side, side, tint=(190, 60, 40))

    def pictures() -> Iterator[Picture]:
        for number in range(75):
            picture = background.copy()
            left = 40 + pixels_per_second * number // 25
            picture[100 : 100 + side, left : left + side] = thing
            yield picture

    path = tmp_path / "clip.mp4"
    write_video(path, pictures(), fps=25, options=OPTIONS)
    found = surveyed(path)
    expected = side**2 / (WIDTH * HEIGHT) * pixels_per_second / WIDTH
    assert found.motion == pytest.approx(expected, rel=0.5, abs=1e-4)
    assert found.camera_motion == pytest.approx(0.0, abs=0.003)


def test_a_cut_is_no_motion(tmp_path: Path) -> None:
    pictures = [still(shot) for shot in range(5) for _ in range(20)]
    path = tmp_path / "clip.mp4"
    write_video(path, pictures, fps=25, options=OPTIONS)
    found = surveyed(path)
    assert found.motion == pytest.approx(0.0, abs=1e-4)
    assert found.camera_motion == pytest.approx(0.0, abs=1e-3)


def test_spans_are_surveyed_for_themselves(tmp_path: Path) -> None:
    black = [solid((0, 0, 0), WIDTH, HEIGHT)] * 30
    path = written(tmp_path / "clip.mp4", [*moving(30), *black])
    first, second, whole = (
        survey(path, id=ID, settings=SurveySettings(), start_seconds=start, end_seconds=end)
        for start, end in ((0.0, 3.0), (3.0, None), (None, None))
    )
    assert (first.black_share, second.black_share, whole.black_share) == (0.0, 1.0, pytest.approx(0.5))
    assert (first.duration_seconds, second.duration_seconds) == (pytest.approx(3.0), pytest.approx(3.0))
    assert len({first.packet_hash, second.packet_hash, whole.packet_hash}) == 3
    header = survey(path, id=ID, settings=SurveySettings(pictures=False), start_seconds=1.0, end_seconds=3.0)
    assert header.duration_seconds == pytest.approx(2.0)


def test_open_files_are_surveyed_like_paths(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.mp4", moving(20))
    assert survey(io.BytesIO(path.read_bytes()), id=ID, settings=SurveySettings()) == surveyed(path)


class Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)


def test_a_stream_that_cannot_seek_is_looked_at_without_a_packet_hash(tmp_path: Path) -> None:
    path = written(tmp_path / "clip.mkv", moving(20))
    found = survey(Pipe(path.read_bytes()), id=ID, settings=SurveySettings())  # type: ignore[arg-type]
    assert found.packet_hash == ""
    assert found.shots == 1
    assert found.hashes == surveyed(path).hashes


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    write_tone(tmp_path / "sound.m4a")
    (tmp_path / "empty.mp4").touch()
    for name, words in (("sound.m4a", "no video stream"), ("empty.mp4", "empty"), ("none.mp4", "No such file")):
        with pytest.raises(VideoError, match=words):
            surveyed(tmp_path / name)
    path = written(tmp_path / "clip.mp4", moving(10))
    with pytest.raises(VideoError, match="no frame"):
        survey(path, id=ID, settings=SurveySettings(), start_seconds=5.0)


def test_another_encoding_looks_alike_and_another_video_does_not(tmp_path: Path) -> None:
    other = texture(50, 2 * WIDTH, HEIGHT, tint=(90, 140, 60))
    one = surveyed(written(tmp_path / "one.mp4", moving(60), 20))
    same = surveyed(written(tmp_path / "same.mkv", moving(60), 33))
    different = surveyed(written(tmp_path / "other.mp4", (panned(other, n * 6.0, WIDTH, HEIGHT) for n in range(60))))
    vectors = [np.frombuffer(found.embedding, "<f2").astype(float) for found in (one, same, different)]
    assert vectors[0] @ vectors[1] > 0.98 > vectors[0] @ vectors[2]

    def apart(hash: str, others: tuple[str, ...]) -> int:
        return min((int(hash, 16) ^ int(other, 16)).bit_count() for other in others)

    assert all(apart(text, same.hashes) <= 6 for text in one.hashes)
    assert all(apart(text, different.hashes) > 6 for text in one.hashes)
    assert one.packet_hash != same.packet_hash


def test_keyframes_are_one_of_each_shot_then_evenly_spread() -> None:
    candidates = Candidates()
    for number in range(1000):  # two a second
        candidates.push(number / 2, np.full((8, 8, 3), number % 251, np.uint8))
    times = [seconds for seconds, _ in candidates._kept]
    assert len(times) <= 64
    assert max(np.diff(times)) == min(np.diff(times)) <= 8.0

    def chosen(cuts: list[float]) -> list[int]:
        kept = {int(picture[0, 0, 0]): seconds for seconds, picture in candidates._kept}
        return [round(kept[int(picture[0, 0, 0])]) for picture in candidates.keyframes(0.0, 500.0, cuts)]

    even = chosen([])
    assert len(even) == 16
    assert max(np.diff(even)) <= 40
    cut = chosen([100.0, 120.0, 400.0])
    assert len(cut) == 16
    for middle in (50, 110, 260, 450):
        assert min(abs(seconds - middle) for seconds in cut) <= 4
    many = chosen(list(np.linspace(0, 500, 41)[1:-1]))
    assert len(many) == 16
    assert max(np.diff(many)) <= 50


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    short, long = tmp_path / "short.mp4", tmp_path / "long.mp4"
    write_video(short, numbered_run(60, 320, 180), fps=5)
    write_video(long, numbered_run(300, 320, 180), fps=5)
    peaks = []
    surveyed(short)
    for path in (short, long):
        tracemalloc.start()
        surveyed(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 64 * 224 * 224 * 3


def test_area_of_boxes_counts_overlap_once() -> None:
    def at(left: float, top: float, right: float, bottom: float) -> ScreenText:
        return ScreenText("text", 1.0, 0.0, Box(left, top, right, bottom))

    assert covered_share((at(0, 0, 0.5, 0.5), at(0.25, 0, 0.75, 0.5))) == pytest.approx(0.375)
    assert covered_share(()) == 0.0


@pytest.mark.parametrize("lines", [0, 1, 4])
def test_text_area(tmp_path: Path, lines: int) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    area = 0
    for number in range(lines):
        words, origin = f"SOME WORDS {number}", (60, 70 + 80 * number)
        (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 1.5, 3)
        cv2.putText(picture, words, origin, cv2.FONT_HERSHEY_SIMPLEX, 1.5, (240, 240, 240), 3, cv2.LINE_AA)
        area += width * height
    found = surveyed(written(tmp_path / "clip.mp4", [picture] * 15), text=True)
    share = area / (WIDTH * HEIGHT)
    assert found.text_area is not None
    assert share <= found.text_area * 1.05 <= share * 1.7 + 1e-9  # boxes have a margin around the letters


class Tones:
    """Takes every tone for speech."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        loud = np.abs(samples[: len(samples) // 160 * 160].reshape(-1, 160)).max(axis=1) > 0.05
        return np.column_stack([loud, np.zeros(len(loud))]).astype(np.float32)


@pytest.mark.parametrize(
    ("tone", "wanted", "shares"),
    [
        ((2.0, 4.0), True, (0.5, 0.5, 0.0)),
        (None, True, (1.0, 0.0, 0.0)),  # a video without sound is silent
        ((2.0, 4.0), False, (None, None, None)),
    ],
)
def test_shares_of_silence_and_speech(
    tmp_path: Path,
    tone: tuple[float, float] | None,
    wanted: bool,
    shares: tuple[float | None, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "_detector", Tones)
    write_video(tmp_path / "clip.mp4", [solid((200, 0, 0))] * 100, audio_seconds=tone)
    found = survey(tmp_path / "clip.mp4", id=ID, settings=SurveySettings(sound=wanted))
    assert (found.silence_share, found.speech_share, found.music_share) == pytest.approx(shares, abs=0.06)
