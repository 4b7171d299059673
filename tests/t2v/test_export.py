"""An export: clips of exactly the frames that their captions tell of, in every trainer's files, whatever happens."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
import yaml
from typer.testing import CliRunner

from made_captions import captioned, step
from made_dataset import MADE
from media import number_of, numbered_run, write_video
from sharegpt4video.cli.app import app
from sharegpt4video.dataset.export import export as export_records
from sharegpt4video.dataset.rows import CaptionRow, Clip, Selected, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, SG4VError
from sharegpt4video.files import file_content_id
from sharegpt4video.records import Step
from sharegpt4video.t2v.clips import captions_of, read_clips
from sharegpt4video.t2v.cutting import CutJob, Cutting, NotCut, cut_clip
from sharegpt4video.t2v.encoders import ENCODERS, count_tokens
from sharegpt4video.t2v.export import ExportSettings, T2VResult, export
from sharegpt4video.t2v.lint import LintSettings, lint
from sharegpt4video.t2v.manifests import MANIFESTS, Row
from sharegpt4video.t2v.planning import PlanSettings
from sharegpt4video.t2v.record import RECORDS, Record, read_records, write_records
from sharegpt4video.t2v.sources import records_from
from sharegpt4video.t2v.told import told_in

FPS, FRAMES = 8, 64
SHOT = FRAMES // 2


def numbers_in(text: str) -> set[int]:
    """The pictures that a caption tells of: "frames 8 to 15" are 8, 9, ... 15."""
    spans = [(int(first), int(last)) for first, last in re.findall(r"frames? (\d+) to (\d+)", text)]
    return {number for first, last in spans for number in range(first, last + 1)}


def story(shot: int) -> list[Step]:
    """A shot of four seconds, in which every second is told by the numbers of its pictures."""
    start, first = shot * SHOT / FPS, shot * SHOT
    told = [step("opening", start, start, f"Shot {shot}.", shot)]
    for second in range(SHOT // FPS):
        at = first + second * FPS
        times = (start + second, start + second + 1)
        told.append(step("change", *times, f"It shows frames {at} to {at + FPS - 1}.", shot))
    return told


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of pictures that spell their numbers."""
    path = tmp_path_factory.mktemp("videos") / "numbered.mp4"
    write_video(path, numbered_run(FRAMES), fps=FPS)
    return path


def record(video: Path, id: str = "a", split: str = "train", **more: Any) -> Record:
    caption = captioned([*story(0), *story(1)], FRAMES / FPS, "It shows frames 0 to 63.", video=video.name)
    return replace(Record(id, str(video), split, caption), **more)


def exported(records: Iterable[Record], out: Path, trainer: str = "open-sora", **more: Any) -> T2VResult:
    plan = more.pop("plan", PlanSettings(frames=17, fps=FPS, most_untold=0.2))
    settings = ExportSettings(
        plan, **{n: more.pop(n) for n in ("variants", "weights", "suffix", "paths", "encoder") if n in more}
    )
    return export(records, trainer, out, settings, processes=0, **more)


def rows(trainer: str, folder: Path) -> list[Row]:
    return list(MANIFESTS[trainer].read(folder))


def _unpacked(folder: Path, video: str, to: Path) -> Path:
    """The file of a clip, taken out of its tar if it is in one."""
    archive, mark, member = video.partition("::")
    if not mark:
        return folder / video
    with tarfile.open(folder / archive) as tar:
        tar.extract(member, to, filter="data")
    return to / member


def shown(path: Path) -> list[int]:
    with av.open(str(path)) as clip:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in clip.decode(video=0)]


@pytest.mark.parametrize("trainer", MANIFESTS)
def test_every_caption_tells_of_the_frames_in_its_clip_and_of_no_others(
    video: Path, trainer: str, tmp_path: Path
) -> None:
    """Clips of two seconds and a frame: the caption tells both seconds, and no second that is only begun."""
    frames = 33 if trainer == "open-sora-plan" else 17
    plan = PlanSettings(frames=frames, fps=FPS, most_untold=0.2, cross_shots=frames > SHOT)
    result = exported([record(video)], tmp_path / "out", trainer, plan=plan)
    folder = tmp_path / "out" / "train"
    found = rows(trainer, folder)
    assert len(found) == result.clips >= 1
    for row in found:
        pictures = shown(_unpacked(folder, row.video, tmp_path))
        assert len(pictures) == frames
        told = numbers_in(row.text)
        assert told
        assert told <= set(pictures)
        assert set(pictures) - told <= {pictures[0], pictures[-1]}
        assert row.frames in (0, frames)
        assert row.fps in (0, FPS)


def test_without_frames_each_shot_is_a_clip_of_usable_length(video: Path, tmp_path: Path) -> None:
    """Three of 32 frames are too many for 4n + 1: the last second of each shot is cut, and so it is not told."""
    exported([record(video)], tmp_path / "out", plan=PlanSettings(fps=FPS, most_untold=0.2))
    found = rows("open-sora", tmp_path / "out" / "train")
    assert [row.frames for row in found] == [29, 29]
    assert [shown(Path(row.video))[0] for row in found] == [0, SHOT]
    assert [row.text.partition(".")[0] for row in found] == ["Shot 0", "Shot 1"]
    assert [max(numbers_in(row.text)) for row in found] == [SHOT - FPS - 1, 2 * SHOT - FPS - 1]


def test_a_window_whose_caption_cannot_be_true_is_refused_and_counted(video: Path, tmp_path: Path) -> None:
    plan = PlanSettings(frames=21, fps=FPS, most_untold=0.0)
    with pytest.raises(SG4VError, match="no clip could be made") as nothing:
        exported([record(video)], tmp_path / "out", plan=plan)
    assert "refused: a step is cut by the border, and no facts say what of it is inside" in str(nothing.value)


def test_each_split_is_a_manifest_of_its_own(video: Path, tmp_path: Path) -> None:
    records = [record(video, "a"), record(video, "b", "val")]
    plan = PlanSettings(frames=49, fps=FPS, cross_shots=True, most_untold=1.0)
    result = exported(records, tmp_path / "out", "finetrainers", plan=plan)
    assert result.splits == {"train": 1, "val": 1}
    assert [Path(file).name for file in result.files.values()] == ["training.json", "training.json", "validation.json"]
    prompts = json.loads((tmp_path / "out" / "train" / "validation.json").read_text("utf-8"))["data"]
    assert [prompt["caption"] for prompt in prompts] == [
        row.text for row in rows("finetrainers", tmp_path / "out" / "val")
    ]


def test_the_same_run_again_keeps_every_clip_and_writes_the_same(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = exported([record(video)], out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != "t2v.json"}
    again = exported([record(video)], out)
    assert (first.cut, first.kept, again.cut, again.kept) == (2, 0, 0, 2)
    assert {path: path.read_bytes() for path in before} == before
    # Another caption of the same video: the clips are those that were cut, none is left that no row names.
    other = record(video, "b")
    exported([other], out)
    names = {Path(row.video).name for row in rows("open-sora", out / "train")}
    assert {path.name for path in (out / "train" / "clips").iterdir()} == names


def test_a_folder_with_something_else_or_other_settings_is_left_alone(video: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="is not empty"):
        exported([record(video)], tmp_path)
    out = tmp_path / "out"
    exported([record(video)], out)
    longer = PlanSettings(frames=25, fps=FPS, most_untold=0.2)
    with pytest.raises(SettingsError, match="other settings"):
        exported([record(video)], out, plan=longer)
    exported([record(video)], out, plan=longer, overwrite=True)
    assert [len(shown(Path(row.video))) for row in rows("open-sora", out / "train")] == [25, 25]


def test_a_video_that_is_missing_or_damaged_costs_its_clips_only(video: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(video.read_bytes()[:900])
    gone = tmp_path / "gone.mp4"
    records = [record(video), record(damaged, "d"), record(gone, "g"), record(Path("x.zip::v.mp4"), "z")]
    result = exported(records, tmp_path / "out")
    assert result.clips == 2
    assert result.failed["cannot be read or cut"] == 2
    assert result.failed["video is not there; name the folder of the videos (--media)"] == 1
    assert result.refused["the video is in an archive"] == 1
    assert len(rows("open-sora", tmp_path / "out" / "train")) == 2


def test_a_video_that_was_replaced_does_not_get_the_old_caption(video: Path, tmp_path: Path) -> None:
    """Names say nothing of what a file holds today: the caption says of which bytes it is."""
    here, out = tmp_path / "numbered.mp4", tmp_path / "out"
    here.write_bytes(video.read_bytes())
    told = record(here, caption=replace(record(here).caption, content_id=file_content_id(video)))
    old = record(here, "old")  # of a version that did not say it
    assert exported([told, old], out).clips == 4
    assert exported([told, old], out).kept == 4
    write_video(here, numbered_run(FRAMES)[::-1], fps=FPS)
    result = exported([told, old], out)
    reason = "video is not the one that was captioned; caption it again, or name the folder of the original (--media)"
    assert (result.clips, result.failed) == (2, {reason: 1})
    assert f"{here}: its content is not that of the video that was captioned" in result.text()
    assert {Path(row.video).name[:4] for row in rows("open-sora", out / "train")} == {"old-"}


def test_a_part_that_was_cut_into_a_file_of_its_own_says_nothing_of_its_bytes(video: Path, tmp_path: Path) -> None:
    """Its caption is that of a part: the hash of the whole would not be that of the file."""
    store = Store.create(tmp_path / "set", DatasetSettings(), "tiny", "0" * 12)
    whole = SourceVideo(file_content_id(video), str(video), size_bytes=video.stat().st_size, modified="1")
    caption = replace(record(video).caption, provenance=MADE)
    store.append("sources", [whole])
    store.append("captions", [CaptionRow.of(whole, caption)])
    store.append("selection", [Selected(whole.id, True, "", whole.id, "train")])
    part = tmp_path / "part.mp4"
    write_video(part, numbered_run(SHOT), fps=FPS)
    text = "It shows frames 0 to 31."
    cut = Clip("1" * 32, whole.id, str(video), 0, 4, 0.0, SHOT / FPS, text, media=str(part))
    store.append("clips", [cut])
    export_records(store, "t2v", str(tmp_path / "records"), clips=True)
    made = {one.id: one.caption.content_id for one in read_records(tmp_path / "records" / RECORDS)}
    assert made == {whole.id: whole.id, cut.id: ""}
    result = exported(records_from(tmp_path / "records"), tmp_path / "out")
    assert not result.failed
    assert {Path(row.video).name[:32] for row in rows("open-sora", tmp_path / "out" / "train")} == {whole.id, cut.id}


def test_a_video_that_changes_while_it_is_cut_is_not_kept(video: Path, tmp_path: Path) -> None:
    job = CutJob(str(video), str(tmp_path / "clip.mp4"), 0.0, 9, FPS, Cutting(), (1, 2))
    outcome = cut_clip(job)
    assert isinstance(outcome, NotCut)
    assert "changed while" in outcome.kind
    assert not list(tmp_path.iterdir())


def test_several_captions_and_their_weights(video: Path, tmp_path: Path) -> None:
    mixed = {"variants": ("dense", "short"), "weights": {"dense": 0.75, "short": 0.25}}
    plan = PlanSettings(frames=33, fps=FPS, cross_shots=True, most_untold=0.2)
    exported([record(video)], tmp_path / "plan", "open-sora-plan", plan=plan, **mixed)
    items = json.loads((tmp_path / "plan" / "train" / "anno.json").read_text("utf-8"))
    assert [len(item["cap"]) for item in items] == [4]
    assert [item["cap"].count(item["cap"][0]) for item in items] == [3]
    # A trainer of one caption per clip gets one of them for each clip, as often as its weight says, and that is noted.
    many = [record(video, f"r{number}") for number in range(12)]
    result = exported(
        many, tmp_path / "one", plan=PlanSettings(frames=9, fps=FPS, clips="first", most_untold=0.2), **mixed
    )
    found = [row.text for row in rows("open-sora", tmp_path / "one" / "train")]
    assert len(set(found)) <= 2
    assert "one caption per clip" in result.notes[-1]
    with pytest.raises(SettingsError, match="not among the variants"):
        ExportSettings(variants=("dense",), weights={"short": 1.0})


def test_scores_of_motion_are_not_said_of_a_part(video: Path, tmp_path: Path) -> None:
    scores = {"aesthetic": 5.0, "flow": 3.0}
    exported([record(video, scores=scores)], tmp_path / "part", suffix="open-sora-1.2")
    text = rows("open-sora", tmp_path / "part" / "train")[0].text
    assert text.endswith(" aesthetic score: 5.0.")
    whole = PlanSettings(frames=61, fps=FPS, cross_shots=True, most_untold=1.0)
    exported([record(video, scores=scores)], tmp_path / "whole", suffix="open-sora-1.2", plan=whole)
    assert "motion score" not in rows("open-sora", tmp_path / "whole" / "train")[0].text
    with pytest.raises(SettingsError, match="itself"):
        exported([record(video)], tmp_path / "no", suffix="open-sora-2")


def test_frames_that_the_trainer_cannot_take_are_refused_before_any_work(video: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="29 or 33"):
        exported([record(video)], tmp_path / "out", "open-sora-plan", plan=PlanSettings(frames=30))
    assert not (tmp_path / "out").exists()


def test_a_layout_that_says_how_many_frames_are_trained_on_takes_any_number(video: Path, tmp_path: Path) -> None:
    """49 are only what finetrainers takes when nothing is said: its bucket follows."""
    exported([record(video)], tmp_path / "out", "finetrainers", plan=PlanSettings(frames=17, fps=FPS))
    told = json.loads((tmp_path / "out" / "train" / "training.json").read_text("utf-8"))
    assert [bucket[0] for bucket in told["datasets"][0]["video_resolution_buckets"]] == [17]


def test_what_came_to_nothing_says_what_to_change_and_does_not_hold_its_folder(video: Path, tmp_path: Path) -> None:
    """Shots of 32 frames are too short for 49, and long enough for what the layout is then set to."""
    out, plan = tmp_path / "out", PlanSettings(fps=FPS)
    with pytest.raises(SG4VError, match=r"shorter than the 49 frames .*\n.*--set frames=N"):
        exported([record(video)], out, "finetrainers", plan=plan)
    made = exported([record(video)], out, "finetrainers", plan=plan, options={"frames": 20})
    assert (made.clips, made.refused) == (2, {})


def test_a_folder_of_an_export_says_itself_whose_it_is(video: Path, tmp_path: Path) -> None:
    plan = PlanSettings(frames=17, fps=FPS, most_untold=0.2)
    exported([record(video)], tmp_path, "finetrainers", plan=plan)
    folder = tmp_path / "train"
    report = lint(folder)
    assert (report.trainer, report.samples, report.errors) == ("finetrainers", 2, 0)
    assert "how many frames" not in report.text()
    wanted = [row.text for row in rows("finetrainers", folder)]
    assert [told.text for told in told_in(folder)] == wanted  # and not prompts.txt and videos.txt as a caption each
    learned = captions_of(read_clips(str(folder)), {"dense": 1.0})  # its only caption has no name there
    assert [texts for texts, _ in learned] == [(text,) for text in wanted]
    with pytest.raises(SettingsError, match=r"name its trainer: --for .*finetrainers"):
        lint(folder / "clips")


def test_the_command_reads_a_data_set_records_and_captions(video: Path, tmp_path: Path) -> None:
    caption = replace(record(video).caption, provenance=MADE)
    store = Store.create(tmp_path / "set", DatasetSettings(), "tiny", "0" * 12)
    ids = [f"{number:032x}" for number in (1, 2)]
    for id, split in zip(ids, ("train", "val"), strict=True):
        source = SourceVideo(id, str(video))
        store.append("sources", [source])
        store.append("captions", [CaptionRow.of(source, caption)])
        store.append("selection", [Selected(id, True, "", id, split)])
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "numbered.json").write_text(caption.to_json(), encoding="utf-8")
    write_records(tmp_path / "records.jsonl", [record(video)])
    sources = {"set": (2, []), "captions": (1, ["--media", str(video.parent)]), "records.jsonl": (1, [])}
    for name, (count, more) in sources.items():
        out = tmp_path / f"out-{name}"
        common = ["t2v", "export", str(tmp_path / name), "--for", "diffusers-cogvideox", "--out", str(out)]
        done = CliRunner().invoke(
            app, [*common, "--frames", "17", "--fps", "8", "--untold", "0.2", "--jobs", "1", *more]
        )
        assert done.exit_code == 0, done.output
        assert f"{2 * count} clips of {count} record" in done.output
        assert len(rows("diffusers-cogvideox", out / "train")) == 2


def test_help_names_every_trainer() -> None:
    written = CliRunner().invoke(app, ["t2v", "export", "--help"]).output
    shown = " ".join(re.sub("[│|]", " ", written).split())
    assert all(re.search(rf"(?<![\w-]){re.escape(name)}[,.]", shown) for name in MANIFESTS)
    unknown = CliRunner().invoke(app, ["t2v", "export", "x", "--for", "open-sara", "--out", "y"])
    assert unknown.exit_code == 2
    assert "did you mean 'open-sora'?" in unknown.output


def test_a_killed_run_goes_on_where_it_was(video: Path, tmp_path: Path) -> None:
    """Killed while it cuts: no half file has the name of a clip, and the next run keeps those that are whole."""
    source, out = tmp_path / "records.jsonl", tmp_path / "out"
    write_records(source, [record(video, f"r{number:03d}") for number in range(40)])
    command = [sys.executable, "-m", "sharegpt4video", "t2v", "export", str(source), "--for", "open-sora"]
    command += ["--out", str(out), "--frames", "9", "--fps", "8", "--untold", "0.2", "--jobs", "1"]
    quiet = subprocess.DEVNULL
    running = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
    clips = out / "train" / "clips"
    until = time.monotonic() + 120
    while (
        running.poll() is None
        and time.monotonic() < until
        and len(list(clips.glob("*.mp4") if clips.exists() else ())) < 5
    ):
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)  # the processes that cut, too: they would go on for a moment
    running.wait()
    there = {path: path.stat().st_mtime_ns for path in clips.glob("[!.]*.mp4")}
    assert 5 <= len(there) < 160
    assert not (out / "train" / "train.csv").exists()
    assert all(len(shown(path)) == 9 for path in list(there)[:3])
    result = exported(
        [record(video, f"r{number:03d}") for number in range(3)],
        out,
        plan=PlanSettings(frames=9, fps=float(FPS), most_untold=0.2),
    )
    assert result.kept >= 3
    assert not [path for path in clips.iterdir() if path.suffix != ".mp4"]


def test_a_full_disk_ends_the_run_and_not_each_clip_in_turn(video: Path, tmp_path: Path) -> None:
    plan = PlanSettings(frames=9, fps=float(FPS), most_untold=0.2)
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, room[1]))
    try:
        with pytest.raises(SG4VError, match="no room left after 0 clips; make room and run the same command again"):
            exported([record(video)], tmp_path / "out", plan=plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert exported([record(video)], tmp_path / "out", plan=plan).clips > 1


def test_captions_are_fitted_to_an_encoder_with_room_for_the_suffix(video: Path, tmp_path: Path) -> None:
    plan = PlanSettings(frames=61, fps=FPS, cross_shots=True, most_untold=1.0)
    padded = record(video, scores={"aesthetic": 5.0})
    more = "It is a beautiful, calm and quiet scene. " * 8
    texts = [replace(one, text=f"{one.text} {more}") for one in padded.caption.steps]
    padded = replace(padded, caption=replace(padded.caption, steps=tuple(texts)))
    result = exported([padded], tmp_path / "out", plan=plan, suffix="open-sora-1.2", encoder="T5-226")
    (row,) = rows("open-sora", tmp_path / "out" / "train")
    assert count_tokens(row.text, ENCODERS["T5-226"]).tokens <= 226
    assert row.text.endswith(" aesthetic score: 5.0.")
    assert len(numbers_in(row.text)) == FRAMES - FPS  # the last second is cut
    assert "T5-226" in result.text()


@pytest.mark.parametrize("trainer", ["diffusion-pipe", "musubi-tuner", "simpletuner"])
def test_without_frames_clips_have_those_that_the_configuration_trains_on(
    video: Path, trainer: str, tmp_path: Path
) -> None:
    """The trainer takes the first frames of a clip: the caption of a whole shot would tell what is not seen."""
    plan = PlanSettings(fps=FPS, most_untold=0.2)
    exported([record(video)], tmp_path / "out", trainer, plan=plan, options={"frames": 17})
    assert {len(shown(path)) for path in (tmp_path / "out" / "train" / "clips").glob("*.mp4")} == {17}
    found = lint(tmp_path / "out" / "train", trainer, LintSettings(frames=17, fps=FPS)).counts
    assert not {"caption-tells-more", "too-few-frames"} & found.keys()
    with pytest.raises(SettingsError, match="--frames 9 and --set frames=17 differ"):
        exported([], tmp_path / "two", trainer, plan=replace(plan, frames=9), options={"frames": 17})


def test_without_frames_and_a_configuration_it_is_said_what_the_trainer_does(video: Path, tmp_path: Path) -> None:
    result = exported([record(video)], tmp_path / "out", "ltx-2", plan=PlanSettings(fps=FPS, most_untold=0.2))
    assert any("give --frames" in note for note in result.notes)
    assert not exported([record(video)], tmp_path / "17", "ltx-2").notes


def test_two_records_of_one_name_are_not_one_file_with_two_captions(video: Path, tmp_path: Path) -> None:
    other = replace(record(video).caption, summary="Another.")
    result = exported([record(video), record(video, caption=other), record(video, split="val")], tmp_path / "out")
    names = [row.video for row in rows("open-sora", tmp_path / "out" / "train")]
    assert len(names) == len(set(names)) == 2
    assert sum(result.refused.values()) == 2
    assert "same id" in result.text()


def test_what_an_earlier_run_left_is_removed_and_told(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported([record(video), record(video, "b")], out, "ai-toolkit")
    result = exported([record(video), record(video, "b", split="val")], out, "ai-toolkit")
    assert {path.name[0] for path in (out / "train" / "clips").iterdir()} == {"a"}
    assert any("2 clips of an earlier run removed" in note for note in result.notes)


def test_two_exports_do_not_write_to_one_folder(video: Path, tmp_path: Path) -> None:
    def records() -> Iterable[Record]:
        with pytest.raises(SettingsError, match="another export is writing to it"):
            exported([record(video)], tmp_path / "out")
        yield record(video)

    assert exported(records(), tmp_path / "out").clips == 2


def test_clips_have_the_frame_rate_that_the_configuration_says(video: Path, tmp_path: Path) -> None:
    """Else a model of 16 frames per second learns slow motion from clips of 24."""
    plan = PlanSettings(frames=33, cross_shots=True, most_untold=1.0)
    for name, one in {"its": plan, "ours": replace(plan, fps=8.0)}.items():
        exported([record(video)], tmp_path / name, "ai-toolkit", plan=one)
        config = yaml.safe_load((tmp_path / name / "train" / "config.yaml").read_text("utf-8"))
        with av.open(str(next((tmp_path / name).glob("*/clips/*.mp4")))) as clip:
            assert clip.streams.video[0].average_rate == config["config"]["process"][0]["datasets"][0]["fps"]


@pytest.mark.parametrize("link", ["train", "train/clips"])
def test_no_clip_is_cut_or_removed_behind_a_link(video: Path, tmp_path: Path, link: str) -> None:
    """An export of a stranger that is made again must not reach the user's own videos."""
    out, own = tmp_path / "out", tmp_path / "own"
    exported([record(video)], out)
    (own / "clips").mkdir(parents=True)
    kept = [own / "holiday.mp4", own / "notes.txt", own / "clips" / "a.mp4"]
    for path in kept:
        path.write_text("mine")
    (out / link).rename(tmp_path / "away")
    (out / link).symlink_to(own)
    for more in ({}, {"overwrite": True, "plan": PlanSettings(frames=9, fps=FPS, most_untold=0.2)}):
        with pytest.raises(SettingsError, match=f"{link}: is a link"):
            exported([record(video)], out, **more)
    assert all(path.read_text() == "mine" for path in kept)
    assert len(list(own.rglob("*"))) == 4


LIES: list[dict[str, Any]] = [
    {"trainer": "nobody"}, {"trainer": ["open-sora"]}, {"settings": {"plan": {"frames": "many", "fps": 8}}},
    {"settings": {"plan": {"frames": True, "fps": 8}}}, {"settings": {"plan": {"frames": 9, "fps": float("nan")}}},
    {"settings": {"plan": {"frames": 10**400, "fps": 8}}}, {"settings": []},
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_folder_that_lies_about_whose_it_is_is_told(tmp_path: Path, lie: dict[str, Any]) -> None:
    (tmp_path / "train").mkdir()
    true = {"trainer": "open-sora", "settings": {"plan": {"frames": 9, "fps": 8}}, "splits": {"train": 1}}
    (tmp_path / "t2v.json").write_text(json.dumps({**true, **lie}))
    for read in (lint, read_clips, lambda folder: list(told_in(folder))):
        with pytest.raises(SettingsError, match=r"t2v\.json: "):
            read(str(tmp_path / "train"))


def test_a_manifest_without_a_caption_or_a_video_is_told() -> None:
    for name, texts in ((True, {"dense": "A dog."}), ("a.mp4", {}), ("a.mp4", {"x": None})):
        with pytest.raises(SettingsError, match="manifest"):
            Row(name, texts, 1, 1.0, 1, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", ["", "."])
def test_a_folder_is_known_from_within(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    exported([record(video)], tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out" / "train")
    assert list(told_in(at))
