"""The caption of a window tells what happens in its frames, and nothing else; what cannot be told is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_captions import captioned, step
from made_facts import BRIGHT, CENTRE, LEFT, RIGHT, STILL, at, between, line, steps_of, thing, yoga
from sharegpt4video import background
from sharegpt4video.records import PictureMotion, Step, VideoCaption
from sharegpt4video.t2v.record import Record
from sharegpt4video.t2v.window import EDGE_SECONDS, Refused, WindowText, window_of
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import EmbeddedVLM

EVENTS = ("A red ball rolls in.", "Then it bounces.", "It rolls away again.", "Finally, a blue cube drops.")


def record_of(steps: list[Step], end: float, summary: str = "A ball and a cube.") -> Record:
    return Record("r", "/v.mp4", "train", captioned(steps, end, summary))


def story() -> Record:
    """A shot of eight seconds with an event every two, told by some model; nothing was measured."""
    told = [step("change", 2.0 * number, 2.0 * number + 2, text) for number, text in enumerate(EVENTS)]
    return record_of([step("opening", 0, 0, "An empty room."), *told], 8.0)


def told(record: Record, start: float, end: float, **more: float) -> str:
    found = window_of(record, start, end, **more)
    assert isinstance(found, WindowText), found
    return found.text


def reason(record: Record, start: float, end: float, **more: float) -> str:
    found = window_of(record, start, end, **more)
    assert isinstance(found, Refused), found
    return found.reason


def embedded(steps: tuple[Step, ...]) -> list[Step]:
    """Steps with the texts that the embedded model writes of their facts."""
    model, done = EmbeddedVLM(), list[Step]()
    for one in steps:
        earlier = done[-1].facts if done and one.kind == "change" else ()
        request = Request(task=one.kind, video="v", facts=(*earlier[-1:], *one.facts))
        text = background.run(model.generate(request)).text
        done.append(replace(one, text=text))
    return done


def test_whole_steps_are_told_in_their_order() -> None:
    assert told(story(), 0, 4) == "An empty room. A red ball rolls in. Then it bounces."
    assert told(story(), 0, 6) == "An empty room. A red ball rolls in. Then it bounces. It rolls away again."
    assert told(story(), 0, 8) == "A ball and a cube."


def test_a_cut_step_without_facts_is_refused_with_the_reason() -> None:
    assert reason(story(), 0, 5) == (
        "the step from 4.00 to 6.00 s is cut by the border, and no facts say what of it is inside"
    )
    # A little of it may go untold, and is never told.
    assert told(story(), 0, 5, most_untold=0.25) == "An empty room. A red ball rolls in. Then it bounces."
    found = window_of(story(), 0, 4.5, most_untold=0.2)
    assert isinstance(found, WindowText)
    assert found.untold_seconds == 0.5


def test_a_window_that_begins_in_mid_shot_is_refused_without_facts() -> None:
    assert "begins in mid-shot" in reason(story(), 2, 6)


def test_what_is_not_captioned_is_refused() -> None:
    assert "not all captioned" in reason(story(), 0, 9)
    assert "before it begins" in reason(story(), 4, 4)


def test_a_window_in_mid_shot_opens_with_what_is_there_then() -> None:
    """A dog goes from the left to the right in the first two seconds, and a cat comes in the next two."""
    moved = between(0, 2, thing("dog", LEFT, RIGHT), camera=STILL, motion=PictureMotion(0.3, 0.2, (0.5, 0.5)))
    comes = between(2, 4, thing("dog", RIGHT, RIGHT), thing("cat", None, LEFT, 2, enters="left"))
    steps = embedded(steps_of(at(0, thing("dog", LEFT, LEFT)), moved, comes))
    record = record_of(steps, 4.0)
    whole = " ".join(one.text for one in steps)
    assert "left" in whole.partition(".")[0]
    text = told(record, 2, 4)
    assert text.startswith(("A dog is on the right", "A close-up", "In a", "There is a dog"))
    assert "on the right" in text.partition(".")[0]
    assert "cat" in text.partition(".")[2]
    assert "dog moves" not in text
    assert steps[1].text not in text
    # The first two seconds, for their part, know of no cat.
    assert "cat" not in told(record, 0, 2)


def test_a_part_in_which_nothing_happens_is_true_of_what_is_there() -> None:
    """Of a person who stands from 4 to 10 s, any part is known."""
    record = record_of(embedded(steps_of(*yoga())), 14.0)
    text = told(record, 6, 12)
    assert text.startswith(("A person", "A medium shot", "In a", "A wide shot"))
    assert "arm" in text  # raised between 10 and 12 s
    assert "straighten" not in text  # between 2 and 4 s
    assert "cut by the border" in reason(record, 3, 6)
    assert "cut by the border" in reason(record, 4, 11)


def test_quiet_that_was_measured_within_a_step() -> None:
    motion = PictureMotion(0.2, 0.1, (0.5, 0.5), still=False, quiet=(3.0, 8.0))
    facts = [at(0, thing("dog", LEFT, LEFT)), between(0, 8, thing("dog", LEFT, RIGHT), motion=motion)]
    record = record_of(embedded(steps_of(*facts)), 8.0)
    assert "on the right" in told(record, 4, 8).partition(".")[0]
    assert "cut by the border" in reason(record, 2, 8)


def test_text_on_the_screen_is_there_only_while_it_can_be_read() -> None:
    shown = replace(line("EXIT", 2.0), from_seconds=0.5)
    gone = replace(line("START", 0.0), from_seconds=0.0, to_seconds=1.5)
    facts = [
        at(0, thing("dog", CENTRE, CENTRE)),
        replace(between(0, 2, thing("dog", CENTRE, CENTRE)), texts=(shown, gone)),
        between(2, 4, thing("dog", CENTRE, CENTRE), thing("cat", None, LEFT, 2, enters="left")),
    ]
    text = told(record_of(embedded(steps_of(*facts)), 4.0), 2, 4)
    assert "EXIT" in text
    assert "START" not in text


def test_the_cut_before_a_window_lends_it_nothing() -> None:
    """The last facts of the shot before end where the next begins; they are not its opening."""
    facts = [at(0, thing("dog", CENTRE, CENTRE)), between(0, 2, thing("dog", CENTRE, CENTRE)), at(2), between(2, 4)]
    steps = embedded(steps_of(*facts))
    steps[2] = replace(steps[2], problem="refused")
    found = window_of(record_of(steps, 4.0), 2, 4)
    assert not (isinstance(found, WindowText) and "dog" in found.text)


def test_texts_with_a_problem_are_never_told() -> None:
    record = story()
    steps = tuple(replace(one, problem="refused") if "bounces" in one.text else one for one in record.caption.steps)
    record = replace(record, caption=replace(record.caption, steps=steps, summary_problem="refused"))
    assert "has no text that can be trusted" in reason(record, 0, 4)
    assert "bounces" not in told(record, 0, 8, most_untold=0.3)


def test_words_that_point_out_of_the_window_go() -> None:
    facts = at(4, thing("dog", CENTRE, CENTRE))
    steps = [
        step("opening", 0, 0, "A dog."),
        step("change", 0, 4, "It jumps at 0:02."),
        step("change", 4, 8, 'Then the dog jumps again at 0:06, beside a sign that says "then again at 0:06".'),
    ]
    steps[1] = replace(steps[1], facts=(replace(facts, start_seconds=0.0),))
    text = told(record_of(steps, 8.0), 4, 8)
    assert text.endswith('Then the dog jumps at 0:02, beside a sign that says "then again at 0:06".')
    assert "jumps at 0:02." not in text
    rain = captioned([step("opening", 0, 4, "Finally, rain."), step("opening", 4, 8, "Sun.", 1)], 8.0)
    first = told(replace(story(), caption=rain), 0, 4)
    assert first == "Rain."


def test_the_caption_of_a_window_has_a_clock_of_its_own() -> None:
    found = window_of(record_of(embedded(steps_of(*yoga())), 14.0), 10, 12)
    assert isinstance(found, WindowText)
    caption: VideoCaption = found.caption
    assert (caption.start_seconds, caption.end_seconds) == (0.0, 2.0)
    assert [(one.kind, one.start_seconds, one.end_seconds) for one in caption.steps] == [
        ("opening", 0.0, 0.0),
        ("change", 0.0, 2.0),
    ]
    assert [one.facts[0].end_seconds for one in caption.steps] == [0.0, 2.0]
    assert caption.summary == found.text


@given(start=st.floats(0, 7.9), length=st.floats(0.5, 8), untold=st.floats(0, 1))
def test_no_event_outside_is_ever_told(start: float, length: float, untold: float) -> None:
    """Whatever the window: an event is told only if nearly all of its step lies inside."""
    record = replace(story(), caption=replace(story().caption, summary_problem="none"))
    facts = at(0, look=BRIGHT)
    steps = tuple(
        replace(one, facts=(replace(facts, start_seconds=one.start_seconds, end_seconds=one.end_seconds),))
        for one in record.caption.steps
    )
    record = replace(record, caption=replace(record.caption, steps=steps))
    found = window_of(record, start, start + length, most_untold=untold)
    if isinstance(found, Refused):
        return
    for number, event in enumerate(("rolls in", "bounces", "rolls away", "cube drops")):
        inside = start <= 2 * number + EDGE_SECONDS and 2 * number + 2 - EDGE_SECONDS <= start + length
        assert inside or event not in found.text
    places = [found.text.find(event) for event in ("rolls in", "bounces", "rolls away", "cube drops")]
    shown = [place for place in places if place >= 0]
    assert shown == sorted(shown)
    assert found.untold_seconds <= untold * length + 1e-3


def test_the_part_of_a_lone_opening_at_its_start_is_true() -> None:
    """It describes the first frame, whatever comes later in the shot."""
    record = record_of([step("opening", 0, 8, "Rain falls on a street.")], 8.0)
    assert told(record, 0, 4) == "Rain falls on a street."
    assert "cut by the border" in reason(record, 4, 8)


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_made_of_nothing(text: str) -> None:
    record = record_of([step("opening", 0, 8, text)], 8.0, "")
    assert isinstance(window_of(record, 0, 8), Refused)
