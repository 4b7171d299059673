"""Which answers are contradicted while a video is captioned, and what becomes of them in its caption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import sharegpt4video as sg4v
from made_facts import LEFT, RIGHT, STILL, at, between, thing
from media import write_video
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import CameraMotion, Step
from sharegpt4video.verify.answers import contradictions
from sharegpt4video.vlm.base import FREE_TASKS, Request
from sharegpt4video.vlm.fake import FakeVLM

DOG = thing("dog", LEFT, RIGHT)


def change(*objects: object, before: str = "A dog is on the left.", camera: CameraMotion = STILL) -> Request:
    facts = (at(0.0), between(0.0, 2.0, *objects, camera=camera))  # type: ignore[arg-type]
    return Request("change", seconds=(0.0, 2.0), facts=facts, before=before, end_seconds=2.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The dog runs to the left.", "it was tracked to the right"),
        ("The camera pans to the left.", "camera"),
        ("The cat runs to the right.", "the tracks show a dog"),
    ],
)
def test_what_was_measured_otherwise_is_said_in_words(text: str, reason: str) -> None:
    told = contradictions(change(DOG), text)
    assert len(told) == 1
    assert reason in told[0]


@pytest.mark.parametrize("text", ["The dog runs to the right.", "The camera stays still.", "A ball flies by.", ""])
def test_what_is_true_or_was_not_measured_stands(text: str) -> None:
    assert contradictions(change(DOG), text) == ()


def test_the_step_before_counts() -> None:
    gone = change(before="The dog runs off.")
    assert "left in step 0" in contradictions(gone, "The dog barks at the door.")[0]
    assert contradictions(replace(gone, before=""), "The dog barks at the door.") == ()


def test_a_summary_is_held_against_its_steps() -> None:
    steps = (Step("opening", 0.0, 2.0, "A dog is on a beach.", 0, (0.0,)),)
    request = Request("summary", steps=steps, end_seconds=2.0)
    assert contradictions(request, "A dog is on a beach.") == ()
    assert "helicopter" in contradictions(request, "A dog is on a beach. A helicopter lands.")[0]


def test_questions_in_the_callers_words_are_not_held_against_facts() -> None:
    for task in (*FREE_TASKS, "recaption"):
        request = replace(change(DOG), task=task, user_text="Where does it go?")  # type: ignore[arg-type]
        assert contradictions(request, "The dog runs to the left.") == ()


@pytest.fixture(scope="module")
def still_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "still.mp4"
    write_video(path, [texture(1, 160, 96, (60, 120, 60))] * 40, fps=10)
    return path


def caption(clip: Path, says: object) -> sg4v.VideoCaption:
    settings = CaptionSettings(
        facts=FactSettings(every_seconds=1.0, ocr=False, detector=SEES_NOTHING),
        keyframes=KeyframeSettings(every_seconds=2.0, selector="uniform", verify_cuts=False),
        verify=True,
    )
    return sg4v.caption(clip, model=FakeVLM(says), settings=settings)  # type: ignore[arg-type]


def test_a_caption_is_mended_by_asking_again(still_clip: Path) -> None:
    def says(request: Request) -> str:
        wrong = request.task == "change" and not request.reminder
        return "The camera pans to the left." if wrong else "The camera stays still on a wall."

    captioned = caption(still_clip, says)
    changes = [step for step in captioned.steps if step.kind == "change"]
    assert changes
    assert {(step.text, step.problem) for step in changes} == {("The camera stays still on a wall.", "")}
    assert captioned.provenance.requests == len(captioned.steps) + 1 + len(changes)


def test_what_stays_wrong_is_marked_and_told_no_further(still_clip: Path) -> None:
    asked: list[Request] = []

    def says(request: Request) -> str:
        asked.append(request)
        return "The camera pans to the left." if request.task == "change" else "A wall."

    captioned = caption(still_clip, says)
    marked = [step for step in captioned.steps if step.problem]
    assert [step.kind for step in marked] == ["change"] * len(marked)
    assert marked
    assert all(step.problem.startswith("contradicted: says") for step in marked)
    assert all("pans" not in request.before for request in asked)


def test_verifying_needs_facts() -> None:
    with pytest.raises(SettingsError, match=r"verify .* facts\.measure"):
        CaptionSettings(verify=True, facts=FactSettings(measure=False))
