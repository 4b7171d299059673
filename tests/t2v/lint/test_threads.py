"""What users of trainers met in public threads: the lint sees it before training, or the export has no such case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linted_folders import FPS, FRAMES, clips, here, lines, put
from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.lint import LintReport, LintSettings, lint
from sharegpt4video.t2v.manifests import MANIFESTS, Row

MOVES = [
    "The camera starts behind the man and follows him down the hill, close to his shoulders, while he looks ahead.",
    "Then it rises slowly over the roofs of the village, until the church, the river and the bridge are all seen.",
    "At last it turns back towards the sea and zooms in on the small white boat that leaves the harbour at dusk.",
]


def found(report: LintReport, kind: str) -> str:
    (one, *_) = [each for each in report.findings if each.kind == kind]
    return f"{one.video} {one.detail} {one.happens} {one.source}"


def written(trainer: str, rows: list[Row], folder: Path, **options: object) -> None:
    one = MANIFESTS[trainer]
    one.write(rows, folder, one.options(**options))


def test_the_last_of_three_camera_moves_was_not_learned(tmp_path: Path) -> None:
    """kohya-ss/musubi-tuner 42: three long instructions, two encoders of 77 and 256 tokens, and no word about it."""
    written("musubi-tuner", clips(tmp_path, [" ".join(MOVES)]), tmp_path, frames=FRAMES)
    report = lint(tmp_path, "musubi-tuner", LintSettings(fps=FPS, encoders=("HunyuanVideo",)))
    assert report.counts == {"cut-off": 1}  # for CLIP's 77 tokens; the 256 of the other hold all three
    told = found(report, "cut-off")
    assert "CLIP-77" in told
    assert "issues 42" in told
    lost = told.partition("lost from: ")[2]
    assert "follows him" not in lost
    assert any(word in lost for word in ("church", "river", "bridge", "turns back", "harbour")), lost
    long = lint_of_one(tmp_path / "long", " ".join(MOVES * 4), "HunyuanVideo")
    assert long.counts == {"cut-off": 2}


def lint_of_one(folder: Path, caption: str, encoder: str) -> LintReport:
    written("musubi-tuner", clips(folder, [caption]), folder, frames=FRAMES)
    return lint(folder, "musubi-tuner", LintSettings(fps=FPS, encoders=(encoder,)))


def test_captions_over_512_tokens_are_cut_without_a_word(tmp_path: Path) -> None:
    """kohya-ss/musubi-tuner 1002: the encoder is padded to 512 tokens, and what is longer is lost."""
    assert lint_of_one(tmp_path / "long", " ".join(MOVES * 12), "Qwen-512").counts == {"cut-off": 1}
    assert lint_of_one(tmp_path / "short", " ".join(MOVES), "Qwen-512").counts == {}


def test_the_end_of_the_story_is_what_an_encoder_loses(tmp_path: Path) -> None:
    """huggingface/finetrainers 426: the car's disappearance, told last, was lost to CLIP's 77 tokens."""
    story = " ".join(MOVES) + " In the end the car disappears completely."
    rows = clips(tmp_path, [story])
    written("finetrainers", rows, tmp_path, frames=FRAMES)
    report = lint(tmp_path, "finetrainers", LintSettings(encoders=("CLIP-77",)))
    assert report.counts == {"cut-off": 1}
    assert "issue 426" in found(report, "cut-off")


def test_a_short_clip_gives_its_caption_to_the_next_video(tmp_path: Path) -> None:
    """Lightricks/LTX-Video-Trainer 59: a clip of 25 frames was left out of a bucket of 33, its caption was not."""
    names = ["dog_agility", "dog_goose", "dog_swim"]
    for name, frames in zip(names, (9, FRAMES, FRAMES), strict=True):
        put(tmp_path / f"{name}.mp4", frames)
    rows = [{"media_path": f"{name}.mp4", "caption": f"A {name.replace('_', ' ')}."} for name in names]
    lines(tmp_path / "dataset.jsonl", *rows)
    report = lint(tmp_path, "ltx-video-trainer", LintSettings(frames=FRAMES, fps=FPS))
    assert report.counts == {"shifts-captions": 1}
    told = found(report, "shifts-captions")
    assert told.startswith("dog_agility.mp4 has 9 frames, fewer than 17; every row after it")
    assert "issue 59" in told
    # The trainer of LTX-2 keeps both lists in step, so it only leaves the clip out.
    assert lint(tmp_path, "ltx-2", LintSettings(frames=FRAMES, fps=FPS)).counts == {"too-few-frames": 1, "no-sound": 3}


def test_what_was_computed_from_a_shifted_table_is_seen(tmp_path: Path) -> None:
    """The same thread: .precomputed had three captions and two videos, and training went on."""
    rows = clips(tmp_path, ["One.", "Two.", "Three."])
    written("ltx-video-trainer", rows, tmp_path)
    for name in ("conditions/clips/clip0", "conditions/clips/clip1", "conditions/clips/clip2", "latents/clips/clip0"):
        lines(tmp_path / ".precomputed" / f"{name}.pt", "x")
    lines(tmp_path / ".precomputed" / "latents" / "clips" / "clip1.pt", "x")
    report = lint(tmp_path, "ltx-video-trainer", LintSettings(frames=FRAMES, fps=FPS))
    assert report.counts == {"stale-cache": 1}
    assert "clip2" in found(report, "stale-cache")


def test_two_files_of_one_name_do_not_share_a_caption(tmp_path: Path) -> None:
    """The trainers that keep captions by name: the export refuses what the lint would find."""
    rows = [Row(f"{where}/a.mp4", {"dense": f"{where}."}, FRAMES, float(FPS), 64, 48) for where in ("one", "two")]
    with pytest.raises(SettingsError, match=r"two/a.mp4: another video is called 'a'"):
        written("musubi-tuner", rows, tmp_path)
    same = [Row(f"a{ending}", {"dense": ending}, FRAMES, float(FPS), 64, 48) for ending in (".mp4", ".mov")]
    with pytest.raises(SettingsError, match="another video is called 'a'"):
        written("ltx-2", same, tmp_path)
    for row in rows:
        put(tmp_path / row.video)
    told = [{"video_path": here(tmp_path / row.video), "caption": row.text} for row in rows]
    lines(tmp_path / "captions.jsonl", *told)
    assert lint(tmp_path, "musubi-tuner", LintSettings(frames=FRAMES, fps=FPS)).counts == {"same-name": 1}


def test_clips_of_a_model_with_sound_need_sound(tmp_path: Path) -> None:
    """Lightricks/LTX-2 174: its captions tell what is heard, and a clip without sound is skipped unsaid."""
    rows = clips(tmp_path, ["A dog barks twice, then runs off."])
    written("ltx-2", rows, tmp_path)
    report = lint(tmp_path, "ltx-2", LintSettings(frames=FRAMES, fps=FPS))
    assert report.counts == {"no-sound": 1}
    assert "issue 174" in found(report, "no-sound")


@pytest.mark.parametrize(("fps", "frames", "seen"), [(24, 25, 16), (30, 31, 16), (17, 17, 16)])
def test_frames_are_counted_at_the_rate_of_the_model(fps: int, frames: int, seen: int, tmp_path: Path) -> None:
    """tdrussell/diffusion-pipe 349: clips that have the frames of the bucket in their own rate are too short for it."""
    put(tmp_path / "clips" / "a.mp4", frames, fps)
    rows = [Row("clips/a.mp4", {"dense": "A dog runs."}, frames, float(fps), 64, 48)]
    written("diffusion-pipe", rows, tmp_path, frames=FRAMES)
    report = lint(tmp_path, "diffusion-pipe")
    assert report.counts == {"too-few-frames": 1}
    assert f"has {frames} frames, {seen} at 16 per second, fewer than {FRAMES}" in found(report, "too-few-frames")


def test_the_rate_of_the_clips_is_never_guessed(tmp_path: Path) -> None:
    """musubi-tuner takes frames as they are without source_fps: the export writes it, a list for each rate."""
    rows = [Row(f"clips/{rate}.mp4", {"dense": f"At {rate}."}, FRAMES, rate, 64, 48) for rate in (16.0, 24000 / 1001)]
    written("musubi-tuner", rows, tmp_path, frames=FRAMES)
    told = (tmp_path / "dataset.toml").read_text("utf-8")
    assert "source_fps = 16.0\n" in told
    assert "source_fps = 23.976\n" in told
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["captions-16.jsonl", "captions-23.976.jsonl"]
    with pytest.raises(SettingsError, match="source_fps is one number for a folder"):
        written("musubi-tuner", rows, tmp_path / "pairs", layout="pairs")


def test_one_caption_only(tmp_path: Path) -> None:
    """hao-ai-lab/FastVideo 165: several captions per clip are not supported. The export writes the main one."""
    rows = clips(tmp_path, ["A dog runs."], where="videos")
    several = [Row(row.video, {**row.texts, "short": "A dog."}, row.frames, row.fps, 64, 48) for row in rows]
    written("fastvideo", several, tmp_path)
    path = tmp_path / "videos2caption.json"
    (told,) = json.loads(path.read_text("utf-8"))
    assert told["cap"] == "A dog runs."
    assert lint(tmp_path, "fastvideo", LintSettings(frames=FRAMES, fps=FPS)).counts == {}
    path.write_text(json.dumps([told | {"cap": ["A dog runs.", "A dog."]}]), "utf-8")
    report = lint(tmp_path, "fastvideo", LintSettings(frames=FRAMES, fps=FPS))
    assert report.counts["several-captions"] >= 1
    assert "issue 165" in found(report, "several-captions")


@pytest.mark.parametrize("way", ["chunk", "slide", "uniform"])
def test_parts_of_a_clip_never_get_the_caption_of_the_whole(way: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="gives parts of a clip the caption of the whole"):
        written("musubi-tuner", clips(tmp_path, ["A dog runs."]), tmp_path, frame_extraction=way)
