"""Rows of the tables of a data set, made by hand, for the tests of how they are stored."""

from __future__ import annotations

from made_facts import BRIGHT, CENTRE, LEFT, STILL, at, between, pose, thing
from sharegpt4video.dataset.rows import CaptionRow, Failure, SourceVideo
from sharegpt4video.records import Provenance, Shot, Step

WORDS = ("a", "person", "walks", "slowly", "past", "the", "blue", "car", "while", "clouds", "drift", "over", "hills")
SETTINGS = {"mode": "sliding", "keyframes": {"every_seconds": 2.0}}
PROVENANCE = Provenance("model-a", "default", "ab12", "0.1.0", SETTINGS, 9, 5200, 640, 0.004, ("k1", "k2"))


def id_of(number: int) -> str:
    """An id that is spread like a hash, different for each number."""
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + 1) % (1 << 128):032x}"


def source_row(number: int, location: str = "") -> SourceVideo:
    return SourceVideo(id_of(number), location or f"videos/{number}.mp4", size_bytes=1000 + number)


def failure_row(number: int, stage: str = "caption", kind: str = "model") -> Failure:
    return Failure(id_of(number), f"videos/{number}.mp4", "", stage, kind, "did not work")  # type: ignore[arg-type]


def step_of(number: int, index: int, text: str, problem: str) -> Step:
    """A step with facts of people, poses and colours; no text looked for at its start, some found at its end."""
    start, end = 2.0 * index, 2.0 * index + 2
    person = thing("person", LEFT, CENTRE if index % 2 else None, colours=("red", "white"), start_pose=pose())
    first = at(start, person, look=BRIGHT)
    change = between(start, end, person, thing("car", CENTRE, None, 2), camera=STILL, texts=("EXIT",))
    words = " ".join(WORDS[(number + index + place) % len(WORDS)] for place in range(40))
    return Step("change", start, end, text or words, 0, (start, end), (first, change), "" if index else problem)


def caption_row(number: int, *, steps: int = 3, revision: int = 0, text: str = "", problem: str = "") -> CaptionRow:
    """A captioned video of so many steps; ``problem`` is that of the first one."""
    made = tuple(step_of(number, index, text, problem) for index in range(steps))
    return CaptionRow(
        id=id_of(number),
        location=f"videos/{number}.mp4",
        user_id=f"u{number}",
        revision=revision,
        video=f"{number}.mp4",
        width=1280,
        height=720,
        start_seconds=0.0,
        end_seconds=2.0 * steps,
        mode="sliding",
        shots=(Shot(0.0, 2.0 * steps),),
        steps=made,
        summary=f"Summary {number}.",
        summary_problem="",
        warnings=(),
        provenance=PROVENANCE,
    )
