"""Lint: our own folders are clean, and each fault is found where it is, for the trainers that stumble over it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linted_folders import FPS, FRAMES, HEIGHT, WIDTH, clips, here, lines, put
from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.t2v.clips import read_clips
from sharegpt4video.t2v.lint import KINDS, TRAINERS, LintReport, LintSettings, lint
from sharegpt4video.t2v.lint.folders import FOLDERS
from sharegpt4video.t2v.manifests import MANIFESTS
from sharegpt4video.t2v.told import told_in

CAPTIONS = ["A red ball rolls left, then bounces.", "Zwei Hunde laufen – „so“, dann ruhen sie.", "A cat sleeps."]
SET = LintSettings(frames=FRAMES, fps=FPS)
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in MANIFESTS),
    *((name, {"layout": "pairs"}) for name in ("diffusion-pipe", "musubi-tuner", "finetrainers")),
    *((name, {"layout": "csv"}) for name in ("ltx-2", "diffsynth", "finetrainers")),
    ("finetrainers", {"layout": "webdataset"}),
    ("open-sora", {"format": "parquet"}),
    ("simpletuner", {"layout": "filename"}),
]


def kinds(report: LintReport) -> dict[str, int]:
    return dict(report.counts)


def test_every_manifest_has_its_lint_and_every_rule_its_source() -> None:
    assert TRAINERS.keys() == MANIFESTS.keys() == FOLDERS.keys()
    for name, trainer in TRAINERS.items():
        assert trainer.rules.keys() <= KINDS.keys()
        for kind, rule in trainer.rules.items():
            assert rule.happens, (name, kind)
            assert rule.source, (name, kind)
    used = {kind for trainer in TRAINERS.values() for kind in trainer.rules}
    assert used == KINDS.keys(), "a kind that no trainer has is dead"


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0], *case[1].values()]))
def test_what_we_write_is_clean(case: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    name, options = case
    one = MANIFESTS[name]
    if "frames" in one.options.__dataclass_fields__:
        options = {**options, "frames": FRAMES}
    one.write(
        clips(tmp_path, CAPTIONS, where="videos" if name == "fastvideo" else "clips"), tmp_path, one.options(**options)
    )
    report = lint(tmp_path, name, SET)
    assert report.samples == len(CAPTIONS)
    assert kinds(report).keys() <= {"no-sound"}, report.text()
    assert report.errors == 0


def two_lists(folder: Path, captions: str, videos: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "prompts.txt").write_text(captions, "utf-8")
    lines(folder / "videos.txt", *videos)
    for video in videos:
        put(folder / video)


def test_an_empty_line_moves_captions_where_readers_drop_it(tmp_path: Path) -> None:
    """Two empty lines that do not stand side by side: the counts agree, and the captions are those of other videos."""
    (tmp_path / "prompts.txt").write_text("One.\n\nThree.\n", "utf-8")
    (tmp_path / "videos.txt").write_text("clip0.mp4\nclip1.mp4\n\n", "utf-8")
    put(tmp_path / "clip0.mp4")
    put(tmp_path / "clip1.mp4")
    report = lint(tmp_path, "diffusers-cogvideox", SET)
    assert kinds(report) == {"blank-line": 2, "caption-of-another": 1}
    moved = next(one for one in report.findings if one.kind == "caption-of-another")
    assert (moved.file, moved.line, moved.video) == ("prompts.txt", 3, "clip1.mp4")
    assert report.samples == 2


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x0c"])
def test_a_mark_inside_a_caption_is_a_line_to_splitlines(mark: str, tmp_path: Path) -> None:
    two_lists(tmp_path, f"A dog runs.{mark}It stops.\nA cat sleeps.\n", ["clip0.mp4", "clip1.mp4"])
    report = lint(tmp_path, "finetrainers", SET)
    assert kinds(report) == {"line-break-inside": 1, "lines-unequal": 1, "caption-of-another": 1}
    assert kinds(lint(tmp_path, "diffusers-cogvideox", SET)) == {}  # it splits at line feeds only


def test_counts_that_differ(tmp_path: Path) -> None:
    two_lists(tmp_path, "One.\nTwo.\nThree.\n", ["clip0.mp4", "clip1.mp4"])
    assert kinds(lint(tmp_path, "diffusers-cogvideox", SET)) == {"lines-unequal": 1}


PAIRS = ("diffusion-pipe", "musubi-tuner", "ai-toolkit", "simpletuner", "finetrainers")


@pytest.mark.parametrize("trainer", PAIRS)
def test_texts_and_videos_without_the_other_and_two_of_one_name(trainer: str, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.mp4")
    put(tmp_path / "a.mov")
    lines(tmp_path / "a.txt", "A dog runs.")
    lines(tmp_path / "b.txt", " ")
    lines(tmp_path / "d.txt", "A cat sleeps.")
    found = kinds(lint(tmp_path, trainer, SET))
    expected = {"no-caption": 1, "empty-caption": 1, "no-video": 1, "same-name": 1}
    own = expected if "no-caption" in TRAINERS[trainer].rules else {}
    assert found == own


def test_what_of_a_table_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"no video")
    rows = [{"video": "a.mp4", "prompt": "One."}, "", "{", "[]", {"prompt": "x"}, {"video": "b.mp4", "prompt": "Two."}]
    rows += [
        {"video": "c.mp4", "prompt": "Three."},
        {"video": "d.doc", "prompt": ""},
        {"video": "a.mp4", "prompt": "x"},
    ]
    lines(tmp_path / "metadata.jsonl", *rows)
    report = lint(tmp_path, "diffsynth", SET)
    assert kinds(report) == {
        "blank-line": 1,
        "bad-row": 3,
        "unreadable-file": 1,
        "missing-file": 1,
        "unknown-ending": 1,
        "empty-caption": 1,
        "listed-twice": 1,
    }
    assert next(one for one in report.findings if one.kind == "blank-line").line == 2
    assert report.samples == 5


@pytest.mark.parametrize("text", ["None", "NA", "null"])
def test_words_that_pandas_takes_for_no_text(text: str, tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    (tmp_path / "metadata.csv").write_text(f"video,prompt\na.mp4,{text}\n", "utf-8")
    assert kinds(lint(tmp_path, "diffsynth", SET)) == {"empty-caption": 1}


def musubi(folder: Path, **told: object) -> LintReport:
    put(folder / "a.mp4")
    lines(folder / "a.txt", "A dog runs.")
    values = {"source_fps": 16.0, "target_frames": [FRAMES], "cache_directory": "c"} | told
    body = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None)
    head = '[general]\ncaption_extension = ".txt"\n[[datasets]]\n'
    (folder / "dataset.toml").write_text(f'{head}video_directory = "{here(folder)}"\n{body}\n', "utf-8")
    return lint(folder, "musubi-tuner")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"frame_extraction": "chunk"}, "chunked"),
        ({"frame_extraction": "slide"}, "chunked"),
        ({"frame_extraction": "uniform"}, "chunked"),
        ({"source_fps": 16}, "bad-row"),
        ({"source_fps": None}, "missing-field"),
        ({"target_frames": [16]}, "frames-off-step"),
        ({"target_frames": [21]}, "too-few-frames"),
        ({"target_frames": [9]}, "caption-tells-more"),
        ({"source_fps": 16.0, "frame_extraction": "full", "max_frames": 9}, "caption-tells-more"),
    ],
)
def test_the_settings_of_musubi_tuner(told: dict[str, object], kind: str, tmp_path: Path) -> None:
    report = musubi(tmp_path, **told)
    assert kind in kinds(report), report.text()
    assert report.errors


def test_good_settings_of_musubi_tuner(tmp_path: Path) -> None:
    assert kinds(musubi(tmp_path)) == {}
    assert kinds(musubi(tmp_path / "full", frame_extraction="full", max_frames=129)) == {}


@pytest.mark.parametrize("word", ["shuffle_tags = true", "cache_shuffle_num = 4"])
def test_shuffled_tags_take_a_caption_apart(word: str, tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    lines(tmp_path / "a.txt", "A dog runs, the camera pans left, then it stops.")
    told = f'{word}\ncaption_prefix = "mystyle "\nframe_buckets = [1, {FRAMES}]\n'
    told += f'[[directory]]\npath = "{here(tmp_path)}"\n'
    (tmp_path / "dataset.toml").write_text(told, "utf-8")
    report = lint(tmp_path, "diffusion-pipe")
    assert kinds(report) == {"shuffled": 1, "prefix": 1}
    assert (report.errors, report.warnings) == (1, 1)


def test_the_largest_bucket_that_fits_counts(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    lines(tmp_path / "a.txt", "A dog runs.")
    for buckets, expected in (
        ("[1, 5, 17]", {}),
        ("[1, 5, 9]", {"caption-tells-more": 1}),
        ("[1]", {"too-few-frames": 1}),
    ):
        told = f'frame_buckets = {buckets}\n[[directory]]\npath = "{here(tmp_path)}"\n'
        (tmp_path / "dataset.toml").write_text(told, "utf-8")
        assert kinds(lint(tmp_path, "diffusion-pipe")) == expected


def test_captions_json_wins_over_texts_and_holds_lists(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.mp4")
    lines(tmp_path / "a.txt", "Not read.")
    told = {"a.mp4": ["One.", "Uno."], "b.mp4": "Two.", "x.mp4": ["Nobody."]}
    (tmp_path / "captions.json").write_text(json.dumps(told), "utf-8")
    found = kinds(lint(tmp_path, "diffusion-pipe", SET))
    assert found == {"not-read": 1, "bad-row": 1, "no-video": 1, "no-caption": 1}


def test_numbers_that_are_not_those_of_the_file(tmp_path: Path) -> None:
    size = {"width": WIDTH, "height": HEIGHT}
    put(tmp_path / "videos" / "a.mp4")
    rows = [{"path": "a.mp4", "cap": "A dog.", "fps": 24.0, "num_frames": 99, "resolution": size}]
    (tmp_path / "videos2caption.json").write_text(json.dumps(rows), "utf-8")
    assert kinds(lint(tmp_path, "fastvideo", SET)) == {"wrong-field": 2}


def test_a_clip_that_is_too_long_is_dropped(tmp_path: Path) -> None:
    rows = clips(tmp_path, ["A dog runs."], where="videos", frames=31)
    MANIFESTS["fastvideo"].write(rows, tmp_path, MANIFESTS["fastvideo"].options())
    assert kinds(lint(tmp_path, "fastvideo", LintSettings(frames=5, fps=FPS))) == {"too-long": 1}


def test_a_comma_splits_the_line_of_open_sora_plan(tmp_path: Path) -> None:
    folder = tmp_path / "a, b"
    put(folder / "a.mp4")
    row = {"path": "a.mp4", "cap": ["A dog."], "num_frames": FRAMES, "resolution": {"width": WIDTH, "height": HEIGHT}}
    (folder / "anno.json").write_text(json.dumps([row]), "utf-8")
    lines(folder / "merge.txt", f"{here(folder)},{here(folder)}/anno.json")
    assert kinds(lint(folder, "open-sora-plan", SET)) == {"comma-in-path": 1, "missing-field": 1}


def test_sizes_and_counts_that_do_not_fit(tmp_path: Path) -> None:
    rows = clips(tmp_path, ["A dog runs."])
    MANIFESTS["ltx-2"].write(rows, tmp_path, MANIFESTS["ltx-2"].options())
    report = lint(tmp_path, "ltx-2", LintSettings(frames=16, fps=FPS, width=100, height=64))
    assert kinds(report) == {"frames-off-step": 1, "size-off-step": 1, "size-too-small": 1, "no-sound": 1}
    assert "9 is, and 17" in report.text()
    assert kinds(lint(tmp_path, "ltx-2", LintSettings(frames=FRAMES, fps=30)))["another-rate"] == 1


def test_files_outside_of_the_folder_stop_ltx(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "set" / "b.mp4")
    rows = [{"media_path": name, "caption": name} for name in (here(tmp_path / "a.mp4"), "../a.mp4", "b.mp4")]
    lines(tmp_path / "set" / "dataset.jsonl", *rows)
    assert kinds(lint(tmp_path / "set", "ltx-video-trainer", SET)) == {"outside-folder": 2}


def test_columns_of_ltx_2_are_those_of_the_first_row(tmp_path: Path) -> None:
    for name in ("a", "b", "depth/a"):
        put(tmp_path / f"{name}.mp4")
    first = {"video": "a.mp4", "caption": "One.", "reference_video": "depth/a.mp4"}
    lines(tmp_path / "dataset.jsonl", first, {"video": "b.mp4", "caption": "Two.", "audio": "b.wav"})
    found = kinds(lint(tmp_path, "ltx-2", SET))
    assert found == {"not-read": 2, "missing-file": 1, "no-sound": 2}


def test_what_lies_beside_a_clip_is_as_long_as_the_frames_that_are_taken(tmp_path: Path) -> None:
    for name, count in (("clip", 20), ("long", 17), ("short", 16)):
        put(tmp_path / f"{name}.mp4", frames=count)
    (tmp_path / "mask.png").write_bytes(b"a picture holds for all frames")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for column, kind in (("video_mask", "mask-too-short"), ("reference_video", "reference-too-short")):
        rows = [
            {"video": "clip.mp4", "caption": "A ball.", column: f"{name}.mp4"} for name in ("long", "short", "broken")
        ]
        lines(tmp_path / "dataset.jsonl", *rows, {**rows[0], column: "mask.png"})
        for settings in (LintSettings(frames=17, fps=FPS), LintSettings(fps=FPS)):
            report = lint(tmp_path, "ltx-2", settings)
            expected = {kind: 1, "unreadable-file": 1}
            assert {name: kinds(report).get(name) for name in expected} == expected
            assert f"{column} short.mp4 has 16 frames, and 17 are taken of the clip" in report.text()
        assert kind not in kinds(lint(tmp_path, "ltx-2", LintSettings(frames=9, fps=FPS)))


def test_a_key_with_a_dot_loses_its_video(tmp_path: Path) -> None:
    (tmp_path / "v1.txt").write_text("A dog runs.", "utf-8")
    put(tmp_path / "v.mp4")
    with tarfile.open(tmp_path / "train.tar", "w") as tar:
        tar.add(tmp_path / "v.mp4", "clip.1.mp4")
        tar.add(tmp_path / "v1.txt", "clip.1.txt")
        tar.add(tmp_path / "v.mp4", "b.mp4")
        tar.add(tmp_path / "v1.txt", "c.txt")
    assert kinds(lint(tmp_path, "webdataset")) == {"no-video": 2, "no-caption": 1, "unreadable-manifest": 1}


def test_lines_of_simpletuner_are_captions(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "b.mp4")
    (tmp_path / "a.txt").write_text("A dog runs,\nthen it stops.", "utf-8")
    (tmp_path / "b.txt").write_text("A dog runs.\nDog, running.", "utf-8")
    report = lint(tmp_path, "simpletuner", SET)
    assert kinds(report) == {"split-caption": 1}
    assert report.findings[0].video == "a.mp4"


def test_a_name_that_was_too_short_for_its_caption(tmp_path: Path) -> None:
    put(tmp_path / f"{'A_dog_runs_' * 22}and_a.mp4")
    config = [{"dataset_type": "video", "caption_strategy": "filename", "instance_data_dir": here(tmp_path)}]
    (tmp_path / "multidatabackend.json").write_text(json.dumps(config), "utf-8")
    put(tmp_path / "A_cat_sleeps.mp4")
    assert kinds(lint(tmp_path, "simpletuner", SET)) == {"name-too-long": 1}


def test_a_random_run_of_frames_in_ai_toolkit(tmp_path: Path) -> None:
    rows = clips(tmp_path, ["A dog runs."])
    one = MANIFESTS["ai-toolkit"]
    (config, _) = one.write(rows, tmp_path, one.options(frames=9))
    assert kinds(lint(tmp_path, "ai-toolkit")) == {}
    told = config.read_text("utf-8").replace("shrink_video_to_frames: true", "shrink_video_to_frames: false")
    config.write_text(told.replace("shuffle_tokens: false", "shuffle_tokens: true"), "utf-8")
    assert kinds(lint(tmp_path, "ai-toolkit")) == {"chunked": 1, "shuffled": 1}


def by_text(folder: Path) -> None:
    """A list whose captions are shifted, and the texts beside the videos, which are right."""
    for number, caption in enumerate(CAPTIONS):
        lines(folder / f"clip{number}.txt", caption)


def by_records(folder: Path) -> None:
    told = [
        {"id": f"r{n}", "video": f"clip{n}.mp4", "caption": {"summary": text}, "texts": {"short": f"Short {n}."}}
        for n, text in enumerate(CAPTIONS)
    ]
    lines(folder / "records.jsonl", *told)


def by_name(folder: Path) -> None:
    lines(folder / "videos.txt", *(f"clip{number}.mp4" for number in range(len(CAPTIONS))))
    lines(folder / "prompts.txt", *(f"clip{(n + 1) % 3}.mp4: {text}" for n, text in enumerate(CAPTIONS)))


@pytest.mark.parametrize("told", [by_text, by_records, by_name])
def test_captions_that_are_those_of_other_videos(told: Callable[[Path], None], tmp_path: Path) -> None:
    names = [f"clip{number}.mp4" for number in range(len(CAPTIONS))]
    two_lists(tmp_path, "\n".join([*CAPTIONS[1:], CAPTIONS[0]]) + "\n", names)
    told(tmp_path)
    report = lint(tmp_path, "diffusers-cogvideox", SET)
    assert kinds(report) == {"caption-of-another": 3}
    assert report.findings[0].detail == "its caption is that of clip1"
    if told is not by_name:
        lines(tmp_path / "prompts.txt", *CAPTIONS)
        assert kinds(lint(tmp_path, "diffusers-cogvideox", SET)) == {}


def test_openings_that_tell_nothing(tmp_path: Path) -> None:
    two_lists(tmp_path, "The video shows a dog.\nA dog in this video shows off.\n", ["clip0.mp4", "clip1.mp4"])
    report = lint(tmp_path, "diffusers-cogvideox", SET)
    assert kinds(report) == {"stock-opening": 1}
    assert (report.errors, report.warnings) == (0, 1)


def test_the_videos_can_stay_closed(tmp_path: Path) -> None:
    two_lists(tmp_path, "One.\n", ["clip0.mp4"])
    (tmp_path / "clip0.mp4").write_bytes(b"no video")
    report = lint(tmp_path, "finetrainers", LintSettings(frames=FRAMES, files=False))
    assert kinds(report) == {}
    assert "not opened" in " ".join(report.notes)


def test_what_cannot_be_linted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'musubi'.*did you mean.*musubi-tuner"):
        lint(tmp_path, "musubi")
    with pytest.raises(InputMissing, match="not a folder"):
        lint(tmp_path / "none", "ltx-2")
    with pytest.raises(SettingsError, match="T5-9"):
        LintSettings(encoders=("T5-9",))
    for trainer in TRAINERS:  # an empty folder has nothing, and that is said
        assert lint(tmp_path, trainer).samples == 0
        assert lint(tmp_path, trainer).errors >= 1


def test_many_findings_are_counted_and_few_are_kept(tmp_path: Path) -> None:
    lines(tmp_path / "metadata.jsonl", *({"video": f"{n}.mp4", "prompt": "x"} for n in range(80)))
    report = lint(tmp_path, "diffsynth", SET)
    assert report.counts == {"missing-file": 80}
    assert len(report.findings) == 50
    assert report.errors == 80
    assert "and 77 more" in report.text()
    plain = json.loads(json.dumps(report.to_plain()))
    assert (plain["errors"], plain["samples"], plain["findings"][0]["line"]) == (80, 80, 1)


ODD = (
    "", "null", "[]", "{}", "[1]", "[[]]", "[null]", "{", "a,b\n1,2,3", "\0", "a" * 300 + "," + "b" * 300,
    '{"datasets": 1}', '{"datasets": [{"video_resolution_buckets": [1]}]}', '[{"dataset_type": "video", "video": 1}]',
    '[{"path": "a.mp4", "cap": {"x": 1}, "fps": "x", "resolution": [1]}]', '{"a.mp4": null}', '{"a.mp4": []}',
    "general = 1", "[[datasets]]\ntarget_frames = 5\n", '[[datasets]]\nvideo_directory = 5\n', "directory = 5",
    '[[directory]]\nframe_buckets = ["x"]\n', "config: 1", "config:\n  process:\n  - datasets:\n    - num_frames: x\n",
    '{"video": "\\u0000", "path": "\\u0000", "media_path": "a.mp4", "caption": 5, "prompt": ["x"]}',
)  # fmt: skip
NAMES = (
    "merge.txt", "anno.json", "train.csv", "prompts.txt", "videos.txt", "metadata.jsonl", "training.json",
    "captions.json", "dataset.toml", "captions-16.jsonl", "dataset.json", "videos2caption.json", "config.yaml",
    "multidatabackend.json", "train-000000.tar", "records.jsonl", "a.txt",
)  # fmt: skip


@pytest.mark.parametrize("trainer", TRAINERS)
def test_no_folder_is_too_broken_for_a_report(trainer: str, tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    for shift in range(0, len(ODD), 2):
        for number, name in enumerate(NAMES):
            (tmp_path / name).write_text(ODD[(number + shift) % len(ODD)], "utf-8")
        report = lint(tmp_path, trainer, LintSettings(files=False))
        assert json.dumps(report.to_plain())
        assert report.text()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"\xff\xfe\x80")
    assert lint(tmp_path, trainer).errors >= 1


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_of_other_editors_with_a_long_caption_is_read_as_pandas_does(start: str, tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    text = "A dog runs. " * 20_000
    (tmp_path / "metadata.csv").write_text(f"{start}video,prompt\r\na.mp4,{text}\r\n", "utf-8", newline="")
    report = lint(tmp_path, "diffsynth", SET)
    assert (report.samples, kinds(report)) == (1, {"cut-off": 1})
    assert [row.video for row in MANIFESTS["diffsynth"].read(tmp_path)] == ["a.mp4"]


def test_the_folder_above_the_one_of_the_trainer_says_which_it_is(tmp_path: Path) -> None:
    (tmp_path / "t2v.json").write_text("{}", "utf-8")
    (tmp_path / "train").mkdir()
    (found,) = lint(tmp_path, "musubi-tuner", SET).findings
    assert found.kind == "unreadable-manifest"
    assert found.detail.endswith(f"the trainer is given {tmp_path}/train")


def test_an_export_stands_for_its_only_split(tmp_path: Path) -> None:
    split, plan = tmp_path / "train", {"plan": {"frames": None, "fps": None}}
    told = {"trainer": "diffsynth", "settings": plan, "splits": {"train": 1}}
    split.mkdir()
    put(split / "a.mp4")
    (split / "metadata.csv").write_text("video,prompt\na.mp4,A dog runs.\n", "utf-8")
    (tmp_path / "t2v.json").write_text(json.dumps(told), "utf-8")
    assert lint(tmp_path).samples == lint(split).samples == 1
    assert [clip.video for clip in read_clips(str(tmp_path))] == [split / "a.mp4"]
    assert [one.text for one in told_in(tmp_path)] == ["A dog runs."]
    for splits, problem in (({"train": 1, "val": 2}, "give one of its splits: .*train, .*val"), ({}, "made no clips")):
        (tmp_path / "t2v.json").write_text(json.dumps({**told, "splits": splits}), "utf-8")
        for read in (lint, told_in, read_clips):
            with pytest.raises(SettingsError, match=problem):
                list(read(str(tmp_path)))


def open_sora_rows(folder: Path) -> list[dict[str, Any]]:
    """The columns that its sampler and its data set read, for four clips that are there."""
    size: dict[str, Any] = {"num_frames": FRAMES, "height": HEIGHT, "width": WIDTH, "fps": FPS}
    made = [put(folder / f"clip{number}.mp4") for number in range(4)]
    return [{"path": here(path), "text": f"Clip {number}.", **size} for number, path in enumerate(made)]


def test_parquet_of_open_sora_is_read_as_pandas_reads_it(tmp_path: Path) -> None:
    """What its own code does with these rows: a null is no text and ends the run, "" is trained, a list is no text."""
    rows = open_sora_rows(tmp_path)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    assert kinds(lint(tmp_path, "open-sora", SET)) == {}
    rows[0]["text"] = None
    rows[1] |= {"num_frames": None, "fps": None}
    rows[2]["path"] = here(tmp_path / "gone.mp4")
    rows[3] |= {"path": None, "width": 2 * WIDTH}
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    report = lint(tmp_path, "open-sora", SET)
    assert kinds(report) == {
        "empty-caption": 1, "missing-field": 2, "missing-file": 1, "bad-row": 1, "suffix-differs": 1
    }  # fmt: skip
    assert [one.line for one in report.findings if one.kind in ("bad-row", "missing-file")] == [3, 4]
    assert report.samples == 3
    rows = open_sora_rows(tmp_path)
    pq.write_table(pa.Table.from_pylist([row | {"text": ["One.", "Two."]} for row in rows]), tmp_path / "train.parquet")
    assert kinds(lint(tmp_path, "open-sora", SET)) == {"several-captions": 4}
    (tmp_path / "train.parquet").write_bytes(b"PAR1 not really")
    assert "unreadable-manifest" in kinds(lint(tmp_path, "open-sora", SET))


def test_open_sora_without_a_table_or_with_two(tmp_path: Path) -> None:
    assert kinds(lint(tmp_path, "open-sora", SET)) == {"unreadable-manifest": 2}
    rows = open_sora_rows(tmp_path)
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(pa.Table.from_pylist(rows[:2]), tmp_path / name)
    report = lint(tmp_path, "open-sora", SET)
    assert (report.samples, kinds(report)) == (2, {})
    assert any("a.parquet was checked" in note for note in report.notes)


@pytest.mark.parametrize(
    ("rates", "differs"), [(["16", "16"], False), (["16.0", "16"], True), (["16", ""], True), (["16.5", "16"], False)]
)
def test_a_whole_frame_rate_that_is_read_as_a_decimal_is_another_suffix(
    rates: list[str], differs: bool, tmp_path: Path
) -> None:
    """It writes "16.0 FPS." behind these captions, where prompts end in "16 FPS.": pandas decides, for all the rows."""
    table = "\n".join(
        ["path,text,num_frames,height,width,fps", *(f"x{at}.mp4,A.,17,48,64,{r}" for at, r in enumerate(rates))]
    )
    (tmp_path / "train.csv").write_text(f"{table}\n", "utf-8")
    assert ("suffix-differs" in kinds(lint(tmp_path, "open-sora", SET))) == differs
    frame = pytest.importorskip("pandas").read_csv(tmp_path / "train.csv")
    assert (f"{frame.iloc[-1].to_dict()['fps']}" == "16") == (not differs and rates[0] == "16")


def test_metadata_json_wins_in_finetrainers_and_is_then_not_read(tmp_path: Path) -> None:
    """Its layout is recognised by this file, which the reader of ``datasets`` does not take: no clip has a caption."""
    rows = [{"file_name": f"clip{number}.mp4", "caption": f"Clip {number}."} for number in range(2)]
    for row in rows:
        put(tmp_path / row["file_name"])
    (tmp_path / "metadata.json").write_text(json.dumps(rows), "utf-8")
    report = lint(tmp_path, "finetrainers", SET)
    assert kinds(report) == {"not-read": 1}
    assert report.errors == 1
    assert "metadata.jsonl" in report.text()
    lines(tmp_path / "metadata.jsonl", *rows)
    assert kinds(lint(tmp_path, "finetrainers", SET)) == {"unreadable-manifest": 1}
    (tmp_path / "metadata.json").unlink()
    assert kinds(lint(tmp_path, "finetrainers", SET)) == {}


def test_the_reader_that_finetrainers_calls_ignores_metadata_json(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    put(tmp_path / "set" / "a.mp4")
    row = {"file_name": "a.mp4", "caption": "A dog."}
    for name, told in (("metadata.json", json.dumps([row])), ("metadata.jsonl", json.dumps(row) + "\n")):
        (tmp_path / "set" / name).write_text(told, "utf-8")
        found = datasets.load_dataset(
            "videofolder", data_dir=str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / name[:-5])
        )
        assert ("caption" in found.column_names) == name.endswith("jsonl")
        (tmp_path / "set" / name).unlink()
