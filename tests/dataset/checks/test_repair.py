"""Repair: what is asked again and how, what is kept, and that nothing gets worse. Videos are real, models are not."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from chains import drive, reply_to
from chat_server import ChatServer, Received, answer
from made_facts import CENTRE, at, between, thing
from made_requests import server_vlm
from made_rows import SUMMARY, TEXTS, row_of
from media import number_of, numbered_run, write_video
from meeting import Meeting
from no_room import no_room_once
from sharegpt4video.captioner.cast import Cast
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.checks import repair as repairing
from sharegpt4video.dataset.checks.repair import repair
from sharegpt4video.dataset.checks.retelling import pictures_of, request_of, retelling
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.rows import CaptionRow, Checked, SourceVideo
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Finding, Keyframe, Segment, Shot
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after

SETTINGS = CaptionSettings()
DEFAULT = prompt_set("default")
OPENING = "A field of black and white squares lies flat under bright light."
CHANGE = "The squares change their places while the camera stays still."
WHOLE = "A field of black and white squares changes its places in bright light."


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "squares.mp4"
    write_video(path, numbered_run(30, 64, 48), fps=10)
    return path


def says(*, change: str = CHANGE, summary: str = WHOLE) -> Callable[[Request], str]:
    return lambda request: {"opening": OPENING, "change": change}.get(request.task, summary)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "set")


def captioned(
    store: Store, video: Path, *, change: str = CHANGE, summary: str = WHOLE, number: int = 1, check: bool = True
) -> CaptionRow:
    """A caption of the first 2 s of the video, stored together with its source and checked."""
    source = SourceVideo(f"{number:032x}", str(video), size_bytes=video.stat().st_size)
    row = row_of((OPENING, change, change), summary, number=number, location=str(video))
    steps = [
        replace(
            step,
            start_seconds=step.start_seconds / 2,
            end_seconds=step.end_seconds / 2,
            frame_seconds=tuple(seconds / 2 for seconds in step.frame_seconds),
        )
        for step in row.steps
    ]
    row = replace(row, steps=tuple(steps), end_seconds=2.0, shots=(Shot(0.0, 2.0),))
    store.append("sources", [source])
    store.append("captions", [row])
    if check:
        check_dataset(store)
    return row


def newest(store: Store) -> CaptionRow:
    (row,) = store.rows("captions")
    return row


def test_a_step_is_asked_again_with_its_pictures_and_the_reason(store: Store, video: Path) -> None:
    old = captioned(store, video, change="In frame 2 the squares move.")
    model = FakeVLM(says())
    result = repair(store, model=model, settings=SETTINGS)
    changes = [request for request in model.requests if request.task == "change"]
    assert len(changes) == len([step for step in old.steps if step.kind == "change"]) >= 2
    for request, step in zip(changes, old.steps[1:], strict=True):
        assert "'frame 2'" in request.reminder
        assert request.seconds == step.frame_seconds
        assert [shown(image.jpeg) for image in request.images] == [round(10 * at) for at in step.frame_seconds]
        assert (request.start_seconds, request.end_seconds) == (step.start_seconds, step.end_seconds)
    assert (result.faulty, result.better, result.clean) == (1, 1, 1)
    assert result.mended["meta talk"] == 1
    row = newest(store)
    assert [step.text for step in row.steps[1:]] == [CHANGE] * (len(row.steps) - 1)
    assert row.steps[0] == old.steps[0]
    assert row.revision == 1
    assert row.summary == WHOLE
    assert result.checks is not None
    assert result.checks.faulty == 0


def shown(jpeg: bytes) -> int:
    return number_of(np.asarray(PIL.Image.open(io.BytesIO(jpeg)).convert("RGB")))


def test_the_texts_before_are_the_new_ones(store: Store, video: Path) -> None:
    captioned(store, video, change="In frame 2 the squares move.")
    model = FakeVLM(says())
    repair(store, model=model, settings=SETTINGS)
    changes = [request for request in model.requests if request.task == "change"]
    assert [request.before for request in changes] == [OPENING, *[CHANGE] * (len(changes) - 1)]


def test_a_summary_is_asked_again_from_the_steps_alone(store: Store, video: Path) -> None:
    old = captioned(store, video, summary="The image shows squares and")
    model = FakeVLM(says())
    result = repair(store, model=model, settings=SETTINGS)
    (request,) = model.requests
    assert (request.task, request.images, request.steps) == ("summary", (), old.steps)
    assert "stops in the middle of a sentence" in request.reminder
    assert newest(store).steps == old.steps
    assert (newest(store).summary, result.better) == (WHOLE, 1)


def test_what_was_asked_adds_up(store: Store, video: Path) -> None:
    old = captioned(store, video, summary="The image shows squares and")
    said = [Reply(WHOLE, "", "", input_tokens=50, output_tokens=20)]
    result = repair(store, model=FakeVLM(said, name="other"), settings=SETTINGS)
    now, before = newest(store).provenance, old.provenance
    assert now.requests == before.requests + 1
    assert (now.input_tokens, now.output_tokens) == (before.input_tokens + 50, before.output_tokens + 20)
    assert now.request_keys[:-1] == before.request_keys
    assert len(now.request_keys[-1]) == 32
    assert now.model == "other"
    assert (result.requests, result.input_tokens, result.output_tokens) == (1, 50, 20)


def test_an_answer_that_is_no_better_changes_nothing_and_is_counted(store: Store, video: Path) -> None:
    old = captioned(store, video, summary="The image shows squares and")
    result = repair(store, model=FakeVLM(says(summary="The image shows many squares and")), settings=SETTINGS)
    assert (result.better, result.not_better) == (0, 1)
    assert newest(store) == old
    refused = repair(store, model=FakeVLM(says(summary="I'm sorry, I can't help.")), settings=SETTINGS)
    assert (refused.better, refused.not_better) == (0, 1)
    assert newest(store) == old


def test_a_mended_caption_that_could_not_be_written_is_tried_again_at_the_end(
    store: Store, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioned(store, video, summary="The image shows squares and")
    monkeypatch.setattr(repairing, "PART_ROWS", 1)
    with no_room_once(store, "captions"), pytest.raises(StorageError, match="no room"):
        repair(store, model=FakeVLM(says()), settings=SETTINGS)
    assert newest(store).summary == WHOLE


def test_only_the_chosen_checks_are_repaired(store: Store, video: Path) -> None:
    captioned(store, video, change="In frame 2 the squares move.", summary="The image shows squares and")
    model = FakeVLM(says())
    result = repair(store, model=model, settings=SETTINGS, checks=["cut off"])
    assert [request.task for request in model.requests] == ["summary"]
    assert "boilerplate" not in model.requests[0].reminder
    assert result.better == 1
    assert repair(store, model=model, settings=SETTINGS, checks=["loop"]).faulty == 0
    with pytest.raises(SettingsError, match="no check is called 'colr'"):
        repair(store, model=model, settings=SETTINGS, checks=["colr"])


def test_wrong_times_are_not_asked_about(store: Store, video: Path) -> None:
    row = captioned(store, video)
    moved = replace(row.steps[1], end_seconds=row.steps[1].end_seconds + 0.2)
    store.append("captions", [replace(row, revision=1, steps=(row.steps[0], moved, *row.steps[2:]))])
    check_dataset(store)
    model = FakeVLM(says())
    result = repair(store, model=model, settings=SETTINGS)
    assert (result.faulty, result.not_askable, model.requests) == (1, 1, [])


def test_a_video_that_is_gone_is_a_typed_failure_and_the_others_are_mended(
    store: Store, video: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(video.read_bytes())
    captioned(store, gone, change="In frame 2 the squares move.", number=1)
    captioned(store, video, change="In frame 2 the squares stir.", number=2)
    gone.unlink()
    result = repair(store, model=FakeVLM(says()), settings=SETTINGS)
    assert (result.better, result.failed) == (1, 1)
    (failure,) = store.rows("failures")
    assert (failure.id, failure.stage, failure.kind) == (f"{1:032x}", "repair", "vanished")


def test_a_caption_is_given_up_after_some_revisions(store: Store, video: Path) -> None:
    row = captioned(store, video, summary="The image shows squares and")
    store.append("captions", [replace(row, revision=3)])
    check_dataset(store)
    assert repair(store, model=FakeVLM(says()), settings=SETTINGS).faulty == 0
    assert repair(store, model=FakeVLM(says()), settings=SETTINGS, max_revision=4).better == 1


def test_what_was_mended_before_the_model_was_gone_is_kept(store: Store, video: Path) -> None:
    for number in range(1, 13):
        captioned(store, video, summary="The image shows squares and", number=number, check=number == 12)
    with pytest.raises(VLMError):
        repair(store, model=FakeVLM(says(), fail=fail_after(5), max_concurrent=1), settings=SETTINGS)
    revisions = [row.revision for row in store.rows("captions")]
    assert 0 < sum(revisions) <= 5
    repair(store, model=FakeVLM(says(summary=f"{WHOLE} It is bright.")), settings=SETTINGS)
    assert [row.revision for row in store.rows("captions")] == [1] * 12


def test_a_finding_of_the_judge_is_judged_again(store: Store, video: Path) -> None:
    captioned(store, video, summary=f"{WHOLE} They bear numbers.")

    def strict(request: Request) -> str:
        wrong = "bear numbers" in request.user_text
        return '{"unsupported": [{"claim": "They bear numbers", "why": "no"}]}' if wrong else '{"unsupported": []}'

    judge = FakeVLM(strict, name="strict")
    assert check_dataset(store, judge=judge).faulty_by["judge"] == 1
    stubborn = FakeVLM(says(summary=f"{WHOLE} Still, they bear numbers."))
    assert repair(store, model=stubborn, settings=SETTINGS, judge=judge).not_better == 1
    assert "They bear numbers" in stubborn.requests[0].reminder
    assert repair(store, model=FakeVLM(says()), settings=SETTINGS, judge=judge).better == 1


def test_over_http_the_reason_and_the_pictures_arrive(store: Store, video: Path) -> None:
    captioned(store, video, change="In frame 2 the squares move.")

    def reply(got: Received) -> str:
        return CHANGE if got.image_urls else WHOLE

    with ChatServer(default=answer(reply)) as server:
        result = repair(store, model=server_vlm(server.base_url), settings=SETTINGS)
        first = server.received[0]
    assert result.better == 1
    assert "speaks of what the model was shown, not of the video: 'frame 2'" in first.text
    jpegs = [base64.b64decode(url.partition(",")[2]) for url in first.image_urls]
    assert [shown(jpeg) for jpeg in jpegs] == [0, 10]
    assert result.input_tokens == 100 * result.requests > 0


def test_a_model_that_looks_at_nothing_gets_no_pictures_and_needs_no_video(
    store: Store, video: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video.read_bytes())
    captioned(store, copy, change="In frame 2 the squares move.")
    copy.unlink()
    model = FakeVLM(says(), max_images=0)
    assert repair(store, model=model, settings=SETTINGS).better == 1
    assert all(request.images == () for request in model.requests)


def test_slots_stay_busy(store: Store, video: Path) -> None:
    for number in range(1, 13):
        captioned(store, video, summary=f"The image shows squares and {number}", number=number, check=number == 12)
    model = Meeting(says(), max_concurrent=4, count=4)
    repair(store, model=model, settings=SETTINGS)
    assert model.most == 4


# --- the requests themselves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cast", [None, Cast()])
def test_the_request_for_a_step_is_the_one_that_made_it(cast: Cast | None) -> None:
    """What the sliding role asks while captioning, and what is rebuilt from the stored steps, differ in nothing."""
    facts = (at(0.0, thing("dog", CENTRE, CENTRE)), between(0.0, 2.0), between(2.0, 4.0))
    keyframes = tuple(Keyframe(seconds, 0, "change") for seconds in (0.0, 2.0, 4.0))
    segment = Segment(0, 0.0, 4.0, "start", False, keyframes, facts)
    texts = iter(TEXTS)
    role = sliding(segment, video="park.mp4", layout=DEFAULT.pair_layout, cast=cast)
    steps, asked = drive(role, lambda request: reply_to(request, next(texts)))
    row = replace(row_of(), steps=steps)
    settings = CaptionSettings(cast=cast is not None).to_plain()
    row = replace(row, provenance=replace(row.provenance, settings=settings))
    assert bool(asked[2].cast) == (cast is not None)
    for number, request in enumerate(asked):
        assert request_of(row, row.steps, number, (), DEFAULT) == replace(request, remaining=0)


def test_a_new_text_that_is_unusable_does_not_replace_a_faulty_one() -> None:
    row = row_of((TEXTS[0], "In frame 2 he walks.", TEXTS[2]))
    findings = (Finding("meta talk", 1, "speaks of frames"),)
    told, _ = drive(
        retelling(row, findings, {}, DEFAULT), lambda request: reply_to(request, "", problem="refused", detail="")
    )
    assert told.steps == row.steps
    assert told.summary == SUMMARY


def test_a_fast_caption_is_one_step_that_is_the_summary() -> None:
    row = row_of(("In frame 2 a man walks.",), "In frame 2 a man walks.")
    row = replace(row, mode="fast", steps=(replace(row.steps[0], kind="whole", frame_seconds=(0.5, 1.5)),))
    told, (request,) = drive(
        retelling(row, (Finding("meta talk", 0, "frames"),), {}, DEFAULT), lambda r: reply_to(r, "A man walks.")
    )
    assert (request.task, request.layout, request.seconds) == ("fast", "grid", (0.5, 1.5))
    assert (told.steps[0].text, told.summary) == ("A man walks.", "A man walks.")


def test_reasons_are_told_once_and_not_without_end() -> None:
    findings = [Finding("loop", -1, "the same"), Finding("loop", -1, "the same"), Finding("markup", -1, "x" * 5000)]
    _, (request,) = drive(retelling(row_of(), findings, {}, DEFAULT), lambda r: reply_to(r, SUMMARY))
    assert request.reminder.count("the same") == 1
    assert len(request.reminder) <= 600


def test_pictures_are_cut_out_at_the_very_times(video: Path) -> None:
    row = row_of(location=str(video))
    steps = [replace(step, frame_seconds=(0.1 * number, 0.1 * number + 0.7)) for number, step in enumerate(row.steps)]
    found = pictures_of(SourceVideo("", str(video)), replace(row, steps=tuple(steps)), [0, 2], SETTINGS)
    assert {number: [shown(image.jpeg) for image in images] for number, images in found.items()} == {
        0: [0, 7],
        2: [2, 9],
    }


def test_a_text_of_another_video_is_asked_for_again_as_at_first(store: Store, video: Path) -> None:
    """The finding goes once the text has changed, and stays, as the old text does, when the same comes back."""
    finding = Finding("mixed up", 1, "fits another video better than its own")
    row = captioned(store, video, check=False, change=f"{CHANGE} A tram passes a bakery in the rain.")
    store.append("checks", [Checked(row.id, row.revision, (finding,))])
    same = FakeVLM(says(change=row.steps[1].text))
    assert (
        repair(store, model=same, settings=SETTINGS, checks=["mixed up"]).not_better,
        same.requests[0].reminder,
    ) == (1, "")
    result = repair(store, model=FakeVLM(says()), settings=SETTINGS, checks=["mixed up"])
    assert (result.better, result.mended["mixed up"]) == (1, 1)
    (mended,) = store.rows("captions")
    assert (mended.steps[1].text, mended.revision) == (CHANGE, 1)
