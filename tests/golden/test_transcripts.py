"""A small video's requests and replies in every prompt set, word for word as a model reads them.

The transcripts are read by people: a change of a prompt shows here as a change of a text file. After such a change run
``python tests/golden/test_transcripts.py`` and read what git shows. What each request must tell and must not, whatever
its wording, is written down by hand from how the video is made: ``TELLS``.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from chains import drive
from sharegpt4video.captioner.recaption import recaption
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.captioner.summary import Summary, summary
from sharegpt4video.prompts import PROMPT_SETS, PromptSet
from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    Image,
    Keyframe,
    Look,
    PictureMotion,
    Pose,
    ScreenText,
    Segment,
    Step,
    TrackedObject,
)
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.render import render

TRANSCRIPTS = Path(__file__).parent / "transcripts"

# A first shot of three keyframes and a second of one; the reply at 7.29 s stays unusable, so the summary has a gap.
REPLIES = {
    ("opening", 0.0): "A woman in a red jacket stands on a wooden bridge over a stream, seen from the side.",
    ("change", 3.48): "The woman walks to the right and takes a {silver} camera out of her pocket.",
    ("change", 7.29): "The camera the camera the camera the camera",
    ("opening", 9.0): 'A close-up of the stream, with "clideo.com" at the bottom right.',
}
CAPTION = "A woman in a red jacket walks over a wooden bridge; then the stream is seen close up."
PROBLEMS = {("change", 7.29): "repeating"}


def facts(start: float, end: float, **more: Any) -> Facts:
    look = Look(0.46, 0.2, 310.0, (("green", 0.41), ("brown", 0.22)))
    return Facts(start, end, **({"camera": CameraMotion(), "motion": PictureMotion(0, 0, None), "look": look} | more))


def woman(start: Box, end: Box, pose: Pose) -> TrackedObject:
    return TrackedObject(1, "person", 0.83, 12, start, end, ("red",), Pose("upright", 0, 0, 0.7), pose)


LEFT, MIDDLE, RIGHT = Box(0.1, 0.3, 0.3, 0.9), Box(0.4, 0.3, 0.6, 0.9), Box(0.7, 0.3, 0.9, 0.9)
FIRST_SHOT = Segment(
    shot_index=0,
    shot_start_seconds=0.0,
    shot_end_seconds=9.0,
    opens_with="start",
    continues=False,
    keyframes=tuple(Keyframe(at, 0, "change", 0.8, Image(f"{at}".encode(), 640, 360)) for at in (0.0, 3.48, 7.29)),
    facts=(
        facts(0.0, 0.0, objects=(woman(LEFT, LEFT, Pose("upright", 0, 0, 0.7)),)),
        facts(
            0.0,
            3.48,
            camera=CameraMotion(moves=("static",), confidence=0.9),
            motion=PictureMotion(0.11, 0.08, (0.4, 0.6)),
            objects=(woman(LEFT, MIDDLE, Pose("upright", 1, 0, 0.7)),),
        ),
        facts(
            3.48,
            7.29,
            camera=CameraMotion(pan_widths=0.31, moves=("pan right",), confidence=0.8),
            objects=(woman(MIDDLE, RIGHT, Pose("upright", 1, 0, 0.7)),),
        ),
    ),
)
SECOND = Segment(
    shot_index=1,
    shot_start_seconds=9.0,
    shot_end_seconds=11.52,
    opens_with="cut",
    continues=False,
    keyframes=(Keyframe(9.0, 1, "cut", None, Image(b"9.0", 640, 360)),),
    facts=(facts(9.0, 9.0, texts=(ScreenText("clideo.com", 0.93, 9.0, Box(0.7, 0.9, 0.95, 0.97)),)),),
)


def small_video(prompts: PromptSet) -> Generator[Any, Any, Summary]:
    first = yield from sliding(FIRST_SHOT, video="bridge.mp4", layout=prompts.pair_layout)
    second = yield from sliding(SECOND, video="bridge.mp4", layout=prompts.pair_layout)
    told = yield from summary((*first, *second), video="bridge.mp4", start_seconds=0.0, end_seconds=11.52)
    yield from recaption("a woman crosses a bridge, then a close-up of water")
    return told


def answer(request: Request) -> Reply:
    asked = (request.task, request.seconds[-1] if request.seconds else 0.0)
    return Reply(REPLIES.get(asked, CAPTION), request.key(), "canned", problem=PROBLEMS.get(asked, ""))  # type: ignore[arg-type]


def transcript(prompts: PromptSet) -> str:
    """Every request as a model reads it, with hints from the second step on, and every reply."""
    parts = [f"prompt set {prompts.name}, pair layout {prompts.pair_layout}, fast layout {prompts.fast_layout}\n"]
    role = small_video(prompts)
    request, reply = next(role), None
    try:
        while True:
            prompt = render(request, prompts, hints=request.task in ("opening", "change") and request.seconds[0] > 0)
            reply = answer(request)
            parts.append(
                f"===== {request.task}, {len(request.images)} pictures, at most {prompt.max_tokens} tokens\n"
                f"----- system\n{prompt.system}\n----- user\n{prompt.text}\n----- reply {reply.problem}\n{reply.text}\n"
            )
            request = role.send(reply)
    except StopIteration:
        return "\n".join(parts)


@pytest.mark.parametrize("prompts", PROMPT_SETS.values(), ids=lambda prompts: prompts.name)
def test_a_model_reads_these_very_words(prompts: PromptSet) -> None:
    assert transcript(prompts) == (TRANSCRIPTS / f"{prompts.name}.txt").read_text(encoding="utf-8")


FIRST, WALK, LOOP, CLOSE = REPLIES.values()
MEASURED = "A program measured the following"

# For each request in turn: its task, how many pictures it shows, what a model must read, and what it must not.
TELLS = (
    ("opening", 1, (), (MEASURED, "3.48", "red jacket")),
    ("change", 2, ("0.00", "3.48", FIRST), (MEASURED, "7.29")),
    (
        "change", 2,
        ("3.48", "7.29", WALK, MEASURED, "pan right, 0.31", "person #1 (red): centre → right", "arms raised 0 → 1"),
        ("9.00", FIRST, "clideo.com", "static", "left → centre"),
    ),
    ("opening", 1, (MEASURED, "green 41 %, brown 22 %", '"clideo.com"'), (FIRST, WALK, LOOP, "pan right", "person #1")),
    ("summary", 0, ("0.00", FIRST, "3.48", WALK, "9.00", CLOSE), (LOOP, MEASURED)),
    ("recaption", 0, ("a woman crosses a bridge, then a close-up of water",), (FIRST, WALK, LOOP, CLOSE, "0.00")),
)  # fmt: skip


WITHOUT_TIMES = {"brief"}
"""Sets of few words for trained captioners: a step is a number, and its time stays with the caption."""
TIME = re.compile(r"\d\.\d\d")


@pytest.mark.parametrize("prompts", PROMPT_SETS.values(), ids=lambda prompts: prompts.name)
def test_each_request_tells_what_its_part_of_the_video_calls_for(prompts: PromptSet) -> None:
    _, *requests = transcript(prompts).split("\n===== ")
    for request, (task, pictures, wanted, unwanted) in zip(requests, TELLS, strict=True):
        head, _, rest = request.partition("\n")
        assert head.startswith(f"{task}, {pictures} pictures, ")
        text = rest.partition("----- user\n")[2].partition("\n----- reply")[0]
        if prompts.name in WITHOUT_TIMES:
            wanted = tuple(one for one in wanted if not TIME.fullmatch(one))
            assert not TIME.search(text.partition(MEASURED)[0])
        places = [text.find(one) for one in wanted]
        assert -1 not in places, (wanted[places.index(-1)], text)
        assert task != "summary" or places == sorted(places)
        assert not [one for one in unwanted if one in text]


def test_steps_and_caption_are_those_of_the_video() -> None:
    steps: list[Step] = []

    def whole() -> Generator[Any, Any, Summary]:
        for segment in (FIRST_SHOT, SECOND):
            steps.extend((yield from sliding(segment, video="bridge.mp4")))
        return (yield from summary(steps, video="bridge.mp4", start_seconds=0.0, end_seconds=11.52))

    result, _ = drive(whole(), answer)
    assert [(one.kind, one.start_seconds, one.end_seconds, one.shot_index) for one in steps] == [
        ("opening", 0.0, 0.0, 0), ("change", 0.0, 3.48, 0), ("change", 3.48, 9.0, 0), ("opening", 9.0, 11.52, 1),
    ]  # fmt: skip
    assert [one.text for one in steps] == [FIRST, WALK, LOOP, CLOSE]
    assert [one.problem for one in steps] == ["", "", "repeating", ""]
    assert result == Summary(CAPTION)


if __name__ == "__main__":
    for each in PROMPT_SETS.values():
        (TRANSCRIPTS / f"{each.name}.txt").write_text(transcript(each), encoding="utf-8")
