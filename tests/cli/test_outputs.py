"""What an output folder has already: told by the content of a video and what made its caption, never by a name."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_captions import captioned, step
from sharegpt4video.cli import outputs as outputs_module
from sharegpt4video.cli.content import Content, content_of, is_unchanged
from sharegpt4video.cli.jobs import plan_jobs
from sharegpt4video.cli.outputs import Conflict, Outputs, Plan, keep_partial, partial_path
from sharegpt4video.cli.record import FILE, Entry, Key, Record
from sharegpt4video.config import CaptionSettings, KeyframeSettings
from sharegpt4video.errors import SettingsError, StorageError, VideoError
from sharegpt4video.files import content_id
from sharegpt4video.records import Provenance, VideoCaption

PLAIN = CaptionSettings().to_plain()
KEY = Key("server:m@http://a/v1", 'server:m {"max_tokens": 9}', "p1", PLAIN)
LEGACY = Key(KEY.model, "", "p1", PLAIN)
A, B = (Content(content_id([name]), f"/v/{name.decode()}/x.mp4", 1, "1 1") for name in (b"a", b"b"))


def made(content: Content, key: Key = KEY, text: str = "It rains.", problem: str = "") -> VideoCaption:
    plain = captioned([step("opening", 0.0, 2.0, text, problem=problem)], 2.0)
    provenance = Provenance(key.model, "default", key.prompt_hash, "0.1.0", key.settings)
    return replace(plain, provenance=provenance, content_id=content.id, model_identity=key.model_identity)


def into(folder: Path, *formats: str, key: Key = KEY, any_model: bool = False, overwrite: bool = False) -> Outputs:
    return Outputs(folder, formats or ("json",), key, any_model=any_model, overwrite=overwrite)


def do(outputs: Outputs, video: str, content: Content, text: str = "It rains.") -> Plan:
    """What the command does for one video; a new caption costs nothing here."""
    plan = outputs.plan(video, content)
    if plan.action != "skip":
        outputs.commit(plan, plan.stored or made(content, outputs.key, text), video, content)
    return plan


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_same_again_is_skipped(tmp_path: Path) -> None:
    assert do(into(tmp_path), "a/x.mp4", A).action == "caption"
    assert do(into(tmp_path), "a/x.mp4", A).action == "skip"
    assert do(into(tmp_path), "elsewhere/x.mkv", A).action == "skip"


@pytest.mark.parametrize("formats", [("json",), ("srt",), ("srt", "md")])
@pytest.mark.parametrize("overwrite", [False, True])
def test_another_video_gets_another_name(tmp_path: Path, formats: tuple[str, ...], overwrite: bool) -> None:
    do(into(tmp_path, *formats), "a/x.mp4", A, "A")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if name != FILE}
    plan = do(into(tmp_path, *formats, overwrite=overwrite), "b/x.mp4", B, "B")
    assert (plan.action, plan.name) == ("caption", f"x-{B.id[:6]}")
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    for content, video in ((A, "a/x.mp4"), (B, "b/x.mp4")):
        assert do(into(tmp_path, *formats), video, content).action == "skip"
    assert len(files(tmp_path)) == 2 * len(formats) + 1


def test_a_name_stays_although_the_other_is_gone(tmp_path: Path) -> None:
    do(into(tmp_path), "a/x.mp4", A)
    do(into(tmp_path), "b/x.mp4", B)
    (tmp_path / "x.json").unlink()
    assert do(into(tmp_path), "b/x.mp4", B).action == "skip"
    assert do(into(tmp_path), "a/x.mp4", A).name == "x"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (replace(KEY, settings=CaptionSettings(mode="fast").to_plain()), "mode sliding, not fast"),
        (replace(KEY, settings=CaptionSettings(end_seconds=1.5).to_plain()), "end_seconds None, not 1.5"),
        (
            replace(KEY, settings=CaptionSettings(keyframes=KeyframeSettings(every_seconds=1.0)).to_plain()),
            "keyframes.every_seconds 2.0, not 1.0",
        ),
        (replace(KEY, prompt_hash="p2"), "other prompts"),
        (Key("embedded@1", "embedded@1", "p1", PLAIN), "model server:m, not embedded@1"),
        (replace(KEY, model_identity='server:m {"max_tokens": 8}'), "other options of the model"),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_made_otherwise_is_refused(tmp_path: Path, key: Key, said: str, lost: bool) -> None:
    do(into(tmp_path), "a/x.mp4", A)
    if lost:  # the JSON says the same of itself
        (tmp_path / FILE).unlink()
    with pytest.raises(Conflict, match="has ") as refused:
        into(tmp_path, "json", "srt", key=key).plan("a/x.mp4", A)
    assert said in str(refused.value)
    plan = into(tmp_path, key=key, overwrite=True).plan("a/x.mp4", A)
    assert (plan.action, plan.name, plan.replaces) == ("caption", "x", True)


def test_the_same_model_at_another_address_is_the_same(tmp_path: Path) -> None:
    do(into(tmp_path), "a/x.mp4", A)
    moved = replace(KEY, model="server:m@http://b/v1")
    assert into(tmp_path, key=moved).plan("a/x.mp4", A).action == "skip"


def test_a_setting_that_came_later_had_its_default(tmp_path: Path) -> None:
    old = {name: value for name, value in PLAIN.items() if name != "fold_steps"}
    do(into(tmp_path, key=replace(KEY, settings={**old, "dropped_later": 1})), "a/x.mp4", A)
    assert into(tmp_path).plan("a/x.mp4", A).action == "skip"
    other = replace(KEY, settings={**PLAIN, "fold_steps": 7})
    with pytest.raises(Conflict, match="fold_steps 40, not 7"):
        into(tmp_path, key=other).plan("a/x.mp4", A)


def test_an_end_behind_the_end_is_none_for_what_an_older_version_noted(tmp_path: Path) -> None:
    """It noted the end as it was given; the caption ends at 2 s, where the video did."""
    late = replace(KEY, settings=CaptionSettings(start_seconds=0.0, end_seconds=9.0).to_plain())
    do(into(tmp_path, key=late), "a/x.mp4", A)
    assert into(tmp_path).plan("a/x.mp4", A).action == "skip"
    for start, end, ours in ((None, 7.0, True), (0.0, 2.0, True), (None, 1.9, False), (0.1, None, False)):
        key = replace(KEY, settings=CaptionSettings(start_seconds=start, end_seconds=end).to_plain())
        if ours:
            assert into(tmp_path, key=key).plan("a/x.mp4", A).action == "skip"
            assert into(tmp_path, key=key).plan("b/copy.mp4", A).action == "render"
        else:
            with pytest.raises(Conflict):
                into(tmp_path, key=key).plan("a/x.mp4", A)


@pytest.mark.parametrize("first", ["json", "srt", "vtt", "md", "text"])
def test_a_new_format_costs_nothing(tmp_path: Path, first: str) -> None:
    do(into(tmp_path, first), "a/x.mp4", A, "once")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if name != FILE}
    embedded = Key("embedded@1", "embedded@1", "p1", PLAIN)
    rest = ("text", "json", "srt", "vtt", "md")
    plan = do(into(tmp_path, *rest, key=embedded, any_model=True), "a/x.mp4", A)
    assert (plan.action, set(plan.formats)) == ("render", set(rest) - {first})
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    written = VideoCaption.from_json((tmp_path / "x.json").read_bytes())
    assert (written.provenance.model, written.steps[0].text) == (KEY.model, "once")
    assert all("once" in path.read_text("utf-8") for path in tmp_path.glob("x.*"))
    assert do(into(tmp_path, *rest), "a/x.mp4", A).action == "skip"


def test_a_copy_or_a_link_is_not_paid_for_twice(tmp_path: Path) -> None:
    do(into(tmp_path, "srt"), "a/x.mp4", A)
    plan = do(into(tmp_path, "srt"), "link.mp4", A)
    assert (plan.action, plan.name, plan.stored and plan.stored.video) == ("render", "link", "link.mp4")
    assert files(tmp_path) == [FILE, "link.srt", "x.srt"]
    fast = replace(KEY, settings=CaptionSettings(mode="fast").to_plain())
    assert into(tmp_path, "srt", key=fast).plan("third.mp4", A).action == "caption"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_was_changed_is_another_video(tmp_path: Path, overwrite: bool) -> None:
    do(into(tmp_path), "a/x.mp4", A)
    changed = replace(B, location=A.location)
    plan = into(tmp_path, overwrite=overwrite).plan("a/x.mp4", changed)
    assert (plan.action, plan.replaces, plan.name) == ("caption", overwrite, "x" if overwrite else f"x-{B.id[:6]}")


def test_names_that_differ_in_case_or_composition_are_one(tmp_path: Path) -> None:
    do(into(tmp_path), "Café.mp4", A)
    plan = do(into(tmp_path), "cafe\u0301.mp4", B)
    assert (plan.action, plan.name) == ("caption", f"cafe\u0301-{B.id[:6]}")
    assert do(into(tmp_path, "srt"), "café.mp4", A).action == "render"


def test_overwriting_one_format_renews_all_that_are_ours(tmp_path: Path) -> None:
    do(into(tmp_path, "json", "srt"), "a/x.mp4", A, "old")
    (tmp_path / "x.md").write_text("notes of mine")
    do(into(tmp_path, "srt", overwrite=True), "a/x.mp4", A, "new")
    assert "new" in (tmp_path / "x.json").read_text()
    assert "new" in (tmp_path / "x.srt").read_text()
    assert (tmp_path / "x.md").read_text() == "notes of mine"


def test_texts_with_a_problem_are_told_again_and_not_asked_again(tmp_path: Path) -> None:
    for formats in (("json",), ("srt",)):
        folder = tmp_path / formats[0]
        outputs = into(folder, *formats)
        outputs.commit(outputs.plan("x.mp4", A), made(A, problem="refused"), "x.mp4", A)
        plan = into(folder, *formats).plan("x.mp4", A)
        assert (plan.action, plan.problems) == ("skip", 1)


class TestFolderOfAnOlderVersion:
    """No ``captions.jsonl``, and nothing in the JSON that says of which file it is."""

    def write(self, folder: Path, key: Key = LEGACY) -> None:
        old = replace(made(A, key), content_id="", model_identity="")
        plain = json.loads(old.to_json())
        del plain["content_id"], plain["model_identity"]
        (folder / "x.json").write_text(json.dumps(plain))

    def test_is_carried_on(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        plan = do(into(tmp_path), "a/x.mp4", A)
        assert plan.action == "skip"
        assert "could not be compared" in plan.remark
        plan = do(into(tmp_path, "json", "srt"), "a/x.mp4", A)
        assert (plan.action, plan.formats) == ("render", ("srt",))
        assert "could not be compared" in plan.remark
        assert Record(tmp_path).find("x") is None, "what nobody knows is not noted as known"

    def test_other_settings_are_seen_all_the_same(self, tmp_path: Path) -> None:
        self.write(tmp_path, replace(LEGACY, settings=CaptionSettings(mode="fast").to_plain()))
        with pytest.raises(Conflict, match="mode fast, not sliding"):
            into(tmp_path).plan("a/x.mp4", A)

    def test_json_of_something_else_is_kept_and_the_video_captioned(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("{}")
        plan = do(into(tmp_path), "a/x.mp4", A)
        assert (plan.action, plan.name) == ("caption", f"x-{A.id[:6]}")
        assert do(into(tmp_path), "a/x.mp4", A).action == "skip"
        assert (tmp_path / "x.json").read_text() == "{}"
        (tmp_path / f"{plan.name}.json").unlink()
        plan = do(into(tmp_path, overwrite=True), "a/x.mp4", A)
        assert (plan.action, (tmp_path / f"{plan.name}.json").exists()) == ("caption", True)


class TestAFileOfSomebodyElse:
    """``film.srt`` beside ``film.mp4``: it is neither replaced nor taken for ours, and the model is not asked."""

    @pytest.mark.parametrize("formats", [("srt",), ("json", "srt"), ("srt", "md")])
    @pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
    def test_is_told_before_anything_is_asked(self, tmp_path: Path, formats: tuple[str, ...], kind: str) -> None:
        path = tmp_path / "x.srt"
        if kind == "file":
            path.write_text("mine")
        elif kind == "directory":
            path.mkdir()
        else:
            path.symlink_to("nowhere")
        with pytest.raises(StorageError, match=r"x\.srt: .*; move it away, choose another --out folder, or use"):
            into(tmp_path, *formats).plan("a/x.mp4", A)

    def test_is_replaced_when_asked_to(self, tmp_path: Path) -> None:
        (tmp_path / "x.srt").write_text("mine")
        plan = do(into(tmp_path, "srt", overwrite=True), "a/x.mp4", A)
        assert (plan.action, "rains" in (tmp_path / "x.srt").read_text()) == ("caption", True)
        assert do(into(tmp_path, "srt"), "a/x.mp4", A).action == "skip"

    @pytest.mark.parametrize("formats", [("srt",), ("json", "srt")])
    def test_beside_a_caption_of_ours(self, tmp_path: Path, formats: tuple[str, ...]) -> None:
        do(into(tmp_path), "a/x.mp4", A)
        (tmp_path / "x.srt").write_text("mine")
        with pytest.raises(StorageError, match="may not belong to this video"):
            into(tmp_path, *formats).plan("a/x.mp4", A)
        assert do(into(tmp_path), "a/x.mp4", A).action == "skip"

    def test_ours_is_known_without_the_record_too(self, tmp_path: Path) -> None:
        do(into(tmp_path, "json", "srt"), "a/x.mp4", A)
        (tmp_path / FILE).unlink()
        assert do(into(tmp_path, "json", "srt"), "a/x.mp4", A).action == "skip"

    def test_one_that_comes_meanwhile_stays_and_is_told(self, tmp_path: Path) -> None:
        outputs = into(tmp_path, "json", "srt")
        plan = outputs.plan("a/x.mp4", A)
        (tmp_path / "x.srt").write_text("mine")
        with pytest.raises(FileExistsError):
            outputs.commit(plan, made(A), "a/x.mp4", A)
        assert (tmp_path / "x.srt").read_text() == "mine"
        assert outputs.is_stored("x", A)


def test_a_damaged_caption_is_not_taken_for_done(tmp_path: Path) -> None:
    do(into(tmp_path), "x.mp4", A)
    (tmp_path / "x.json").write_text('{"video": ')
    with pytest.raises(StorageError, match="json: not a caption that can be read"):
        into(tmp_path).plan("x.mp4", A)
    assert do(into(tmp_path, overwrite=True), "x.mp4", A).action == "caption"
    assert do(into(tmp_path), "x.mp4", A).action == "skip"


def test_a_directory_in_place_of_a_file_is_found_before_the_model_is_asked(tmp_path: Path) -> None:
    do(into(tmp_path), "x.mp4", A)
    (tmp_path / "x.srt").mkdir()
    with pytest.raises(StorageError, match="srt: this is a directory"):
        into(tmp_path, "json", "srt", overwrite=True).plan("x.mp4", A)


@pytest.mark.parametrize("formats", [("json", "srt", "vtt"), ("srt", "vtt", "md")])
@pytest.mark.parametrize("writes", range(5))
def test_killed_between_any_two_writes_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formats: tuple[str, ...], writes: int
) -> None:
    """The answer is paid for once `commit` begins; from the first byte written on it can be got back."""
    left = [writes]

    def killed() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    write_whole, add = outputs_module.write_whole, Record.add
    monkeypatch.setattr(outputs_module, "write_whole", lambda *a, **k: (killed(), write_whole(*a, **k))[1])
    monkeypatch.setattr(Record, "add", lambda *a: (killed(), add(*a))[1])
    outputs = into(tmp_path, *formats)
    plan = outputs.plan("x.mp4", A)
    if writes < len(formats) + 1:
        with pytest.raises(KeyboardInterrupt):
            outputs.commit(plan, made(A), "x.mp4", A)
    else:
        outputs.commit(plan, made(A), "x.mp4", A)
    monkeypatch.undo()
    plan = do(into(tmp_path, *formats), "x.mp4", A)
    assert plan.action == ("caption" if writes == 0 else "render" if writes < len(formats) + 1 else "skip")
    assert do(into(tmp_path, *formats), "x.mp4", A).action == "skip"


def test_runs_side_by_side_mix_nothing_up(tmp_path: Path) -> None:
    """Eight runs, each with a video of its own called x; all look before any of them writes."""
    contents = [Content(content_id([bytes([number])]), f"/{number}/x.mp4", 1, "1 1") for number in range(8)]
    ready = threading.Barrier(len(contents))

    def one(content: Content) -> None:
        outputs = into(tmp_path, "srt", "md")
        plan = outputs.plan("x.mp4", content)
        ready.wait(240)
        outputs.commit(plan, made(content, text=f"This is {content.id}."), "x.mp4", content)

    threads = [threading.Thread(target=one, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    record = Record(tmp_path)
    for content in contents:
        (entry,) = record.of_content(content.id)
        assert content.id in (tmp_path / f"{entry.name}.srt").read_text()
        assert content.id in (tmp_path / f"{entry.name}.md").read_text()
    assert len(list(tmp_path.glob("*.srt"))) == len(contents)


def test_another_run_with_another_model_meanwhile_keeps_its_files(tmp_path: Path) -> None:
    mine, other = into(tmp_path), into(tmp_path, key=Key("embedded@1", "embedded@1", "p1", PLAIN))
    plan = mine.plan("x.mp4", A)
    do(other, "x.mp4", A, "other")
    with pytest.raises(Conflict):
        mine.commit(plan, made(A), "x.mp4", A)
    assert "other" in (tmp_path / "x.json").read_text()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_is_run_no_caption_is_on_the_wrong_video(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any runs with any videos: every file of a name tells of that name's content, and nothing is asked twice."""
    folder = tmp_path_factory.mktemp("any")
    contents = [Content(content_id([bytes([number])]), f"/{number}", 1, f"{number} 1") for number in range(4)]
    paid: set[str] = set()
    for _ in range(data.draw(st.integers(1, 4))):
        formats = data.draw(st.lists(st.sampled_from(["json", "srt", "md"]), min_size=1, unique=True))
        outputs = into(folder, *formats)
        for _ in range(data.draw(st.integers(1, 4))):
            content = data.draw(st.sampled_from(contents))
            video = data.draw(st.sampled_from(["x.mp4", "X.mp4", "y.mp4", f"x-{contents[0].id[:6]}.mp4"]))
            plan = outputs.plan(video, content)
            if plan.action == "caption":
                assert content.id not in paid
                paid.add(content.id)
            if plan.action != "skip":
                outputs.commit(plan, plan.stored or made(content, text=content.id), video, content)
            for path in outputs.paths(plan.name).values():
                assert content.id in path.read_text("utf-8")


class TestRecord:
    def test_a_line_that_was_cut_off_harms_no_other(self, tmp_path: Path) -> None:
        for name, cut in (("a", False), ("b", True), ("c", False)):
            Record(tmp_path).add(Entry(name, A.id, KEY), A)
            if cut:
                path = tmp_path / FILE
                path.write_bytes(path.read_bytes()[:-20])
        record = Record(tmp_path)
        assert [record.find(name) is not None for name in "abc"] == [True, False, True]
        assert record.unreadable == 1

    @pytest.mark.parametrize("line", [b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"name": 1}', b"null", b"\0"])
    def test_any_line_is_survived(self, tmp_path: Path, line: bytes) -> None:
        (tmp_path / FILE).write_bytes(line + b"\n")
        with pytest.raises(SettingsError, match="not written by sg4v caption"):
            Record(tmp_path)
        (tmp_path / FILE).unlink()
        Record(tmp_path).add(Entry("b", B.id, KEY), B)
        with (tmp_path / FILE).open("ab") as file:
            file.write(line + b"\n")
        record = Record(tmp_path)
        assert record.unreadable == 1
        record.add(Entry("a", A.id, KEY), A)
        assert record.find("A") == replace(Entry("a", A.id, KEY), location="/v/a/x.mp4", size_bytes=1, modified="1 1")

    def test_a_known_file_is_not_read_again(self, tmp_path: Path) -> None:
        video = tmp_path / "x.mp4"
        video.write_bytes(b"video")
        content = content_of(str(video))
        record = Record(tmp_path / "out")
        record.add(Entry("x", content.id, KEY), replace(content, id="0" * 32))
        assert content_of(str(video), record.known_content).id == content.id
        assert record.known_content(content.location, 6, content.modified) is None


class TestContent:
    def test_bytes_count_and_nothing_else(self, tmp_path: Path) -> None:
        for name, data in (("a.mp4", b"one"), ("b.mkv", b"one"), ("c.mp4", b"two")):
            (tmp_path / name).write_bytes(data)
        (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
        ids = [content_of(str(tmp_path / name)).id for name in ("a.mp4", "b.mkv", "link.mp4", "c.mp4")]
        assert ids[0] == ids[1] == ids[2] == content_id([b"one"])
        assert ids[3] != ids[0]

    def test_a_change_shows_even_with_the_old_date_and_size(self, tmp_path: Path) -> None:
        video = tmp_path / "a.mp4"
        video.write_bytes(b"one")
        os.utime(video, ns=(5, 5))
        content = content_of(str(video))
        assert is_unchanged(content)
        video.write_bytes(b"two")
        os.utime(video, ns=(5, 5))
        assert not is_unchanged(content)
        video.unlink()
        assert not is_unchanged(content)

    @pytest.mark.parametrize("video", ["nowhere.mp4", ".", "file:///etc/passwd", "ftp://a/b.mp4", "a\0b.mp4"])
    def test_what_cannot_be_read_is_said(self, video: str) -> None:
        with pytest.raises(VideoError):
            content_of(video)


def videos_in(folder: Path, **contents: bytes) -> list[str]:
    paths = []
    for name, data in contents.items():
        path = folder / name / "x.mp4"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        paths.append(str(path))
    return paths


def names_of(outputs: Outputs, videos: Sequence[str]) -> list[str]:
    jobs = plan_jobs(videos, outputs)
    return [outputs.plan(job.video, job.content or content_of(job.video)).name for job in jobs]


def test_videos_of_one_name_in_one_run(tmp_path: Path) -> None:
    videos = videos_in(tmp_path, a=b"one", b=b"two", c=b"one")
    names = names_of(into(tmp_path / "out"), videos)
    assert names == ["x", f"x-{content_id([b'two'])[:6]}", "x"]
    assert names_of(into(tmp_path / "out"), videos) == names


def test_a_run_with_a_contradiction_is_refused_as_a_whole(tmp_path: Path) -> None:
    videos = videos_in(tmp_path, a=b"one")
    out = tmp_path / "out"
    do(into(out), videos[0], content_of(videos[0]))
    fast = replace(KEY, settings=CaptionSettings(mode="fast").to_plain())
    with pytest.raises(SettingsError, match="--overwrite") as refused:
        plan_jobs([str(tmp_path / "new.mp4"), *videos], into(out, key=fast))
    assert "--out" in str(refused.value)
    assert videos[0] in str(refused.value)


def test_a_longer_unfinished_caption_is_not_replaced_by_a_shorter(tmp_path: Path) -> None:
    long = replace(made(A), steps=(*made(A).steps, *made(A).steps))
    keep_partial(tmp_path, "x", long)
    keep_partial(tmp_path, "x", made(A))
    kept = VideoCaption.from_json(partial_path(tmp_path, "x").read_bytes())
    assert len(kept.steps) == 2
    do(into(tmp_path), "x.mp4", A)
    assert not partial_path(tmp_path, "x").exists()


def test_the_longest_name_of_a_video_has_room_for_everything(tmp_path: Path) -> None:
    stem = "€" * 83  # 249 bytes, with .mp4 253
    for content in (A, B):
        do(into(tmp_path, "json", "srt"), f"{stem}.mp4", content)
        keep_partial(tmp_path, into(tmp_path).plan(f"{stem}.mp4", content).name, made(content))
    assert f"{stem}.json" in files(tmp_path), "a name that fits stays as it was"
    assert len(files(tmp_path)) == 7
    longer = "€" * 84
    assert do(into(tmp_path), f"{longer}.mp4", A).name != longer
    assert do(into(tmp_path), f"{longer}.mp4", A).action == "skip"


def test_a_folder_that_takes_nothing_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StorageError, match="new: cannot be written to: No space left"):
        into(tmp_path / "new").check_writable()
    assert not (tmp_path / "new").exists()
