"""Summaries, folds and fast captions: the right events in the right order, nothing twice, nobody lost."""

from __future__ import annotations

import re
from dataclasses import replace

from made_facts import BLACK, BRIGHT, CENTRE, DARK, LEFT, RIGHT, at, between, pose, steps_of, thing, yoga
from sharegpt4video.records import Box, CameraMotion, Facts, PictureMotion, Step, TrackedObject
from sharegpt4video.vlm.embedded.story import fast, fold, summary

PAN = CameraMotion(pan_widths=0.4, moves=("pan right",), confidence=0.9)


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def shots(count: int, seconds: float = 4.0) -> list[Facts]:
    """Shots of one change each; a person in every second one, a dog in the fifth."""
    told: list[Facts] = []
    for n in range(count):
        who = [thing("person", LEFT, LEFT, n)] if n % 2 else [thing("dog", LEFT, LEFT, n)] if n == 4 else []
        told += [at(n * seconds, *who), between(n * seconds, (n + 1) * seconds, *who)]
    return told


def test_a_story_tells_events_in_order_and_repeats_once() -> None:
    text = summary(steps_of(*yoga()), 0.0, 14.0)
    assert in_order(text, "14-second shot", "torso horizontal", "0:03", "lowers", "0:11", "raises an arm")
    assert text.count("camera") == 1
    assert text.count("stays") == 1


def test_a_story_without_its_opening_starts_from_what_was_there() -> None:
    text = summary(steps_of(*yoga())[3:], 4.0, 14.0)
    assert in_order(
        text, "ten-second part of the video, from 0:04 to 0:14", "a person is in the centre", "raises an arm"
    )
    assert "horizontal" not in text


def test_a_part_tells_no_time_outside_it() -> None:
    walks = [at(0.0, thing("dog", LEFT, LEFT)), between(0.0, 4.0, thing("dog", LEFT, CENTRE))]
    walks.append(between(4.0, 8.0, thing("dog", CENTRE, RIGHT)))
    walks.append(between(8.0, 12.0, thing("dog", RIGHT, RIGHT)))
    whole, part = summary(steps_of(*walks), 0.0, 12.0), summary(steps_of(*walks), 2.0, 10.0)
    assert "Between 0:00 and 0:08, the dog moves from the left to the right of the picture." in whole
    assert "Between 0:02 and 0:08, the dog moves from the left to the right of the picture." in part


def test_shots_are_counted_and_told_in_order() -> None:
    text = summary(steps_of(*shots(3)), 0.0, 12.0)
    assert in_order(text, "three shots", "The first is", "The second shot, from 0:04, shows a person", "The last shot")


def test_a_long_video_keeps_every_label_in_a_dozen_sentences() -> None:
    text = summary(steps_of(*shots(400)), 0.0, 1600.0)
    assert "400 shots" in text
    assert "A person is seen in 200 of the 400 shots" in text
    assert "a dog" in text
    assert text.count(". ") < 12


def test_no_text_that_was_read_is_lost_or_read_out_twice() -> None:
    told = [at(0.0, texts=("Welcome to Rome",)), between(0.0, 4.0, texts=("Welcorne to Rome", "Part 1"))]
    told += [at(4.0, texts=("Part 1", "Part 2"))]
    text = summary(steps_of(*told), 0.0, 8.0)
    assert '"Welcome to Rome" (0:00), "Part 1" (0:04) and "Part 2" (0:04)' in text
    assert "Welcorne" not in text


def test_a_person_who_comes_later_is_first_a_person_then_the_person() -> None:
    told = [
        at(0.0),
        between(0.0, 2.0, thing("person", None, CENTRE, 7, end_pose=pose(), enters="inside")),
        between(2.0, 4.0, thing("person", CENTRE, CENTRE, 7, start_pose=pose(), end_pose=pose(arms=2))),
    ]
    text = summary(steps_of(*told), 0.0, 4.0)
    assert in_order(text, "a person appears in the centre", "raises both arms")


def test_what_is_found_late_is_there_from_the_start() -> None:
    dog, chair = thing("dog", LEFT, LEFT, 1), thing("chair", RIGHT, RIGHT, 2)
    told = [at(0.0), between(0.0, 2.0, replace(dog, start_box=None)), between(2.0, 4.0, dog, chair)]
    told.append(between(4.0, 6.0, dog, chair))
    text = summary(steps_of(*told), 0.0, 6.0)
    assert text == (
        "In this six-second shot, there is a dog on the left and a chair on the right. The camera stays still."
    )


def test_a_subject_keeps_its_name_across_cuts() -> None:
    def person(track: int, arms: int = 0) -> TrackedObject:
        return thing(
            "person", LEFT, LEFT, track, colours=("red",), start_pose=pose(), end_pose=pose(arms=arms), subject=3
        )

    other = thing("person", RIGHT, RIGHT, 5, colours=("blue",), subject=4)
    told = [at(0.0, person(1)), between(0.0, 4.0, person(1)), at(4.0, other), between(4.0, 8.0, other)]
    told += [at(8.0, person(9)), between(8.0, 12.0, person(9, arms=2))]
    text = summary(steps_of(*told), 0.0, 12.0)
    assert in_order(
        text, "The first shows a person in red", "shows a person in blue", "shows the person in red on the left"
    )
    assert text.count("a person in red") == 1
    assert "the person in red raises both arms" in text


def test_two_events_of_one_subject_are_one_sentence() -> None:
    text = summary(steps_of(*yoga()), 0.0, 14.0)
    assert re.search(r"Around 0:03, the person lowers [^.]*, and around 0:11 raises an arm\.", text)


def test_what_is_lost_and_found_again_in_its_place_was_there() -> None:
    told = [
        at(0.0, thing("chair", LEFT, LEFT, 1)),
        between(0.0, 2.0, thing("chair", LEFT, None, 1)),
        between(2.0, 4.0, thing("chair", None, LEFT, 2)),
    ]
    text = summary(steps_of(*told), 0.0, 4.0)
    assert "view" not in text


def test_a_move_that_goes_on_is_told_once_over_its_whole_time() -> None:
    boxes = [Box(0.05 + 0.1 * n, 0.4, 0.15 + 0.1 * n, 0.8) for n in range(4)]
    told = [at(0.0, thing("dog", boxes[0], boxes[0]))]
    told += [between(2.0 * n, 2.0 * n + 2, thing("dog", boxes[n], boxes[n + 1])) for n in range(3)]
    text = summary(steps_of(*told), 0.0, 6.0)
    assert text.count("moves") == 1
    assert "The dog moves from the left to the centre of the picture throughout." in text


def test_movement_that_nobody_owns_is_told_once_over_its_whole_time() -> None:
    motion = PictureMotion(0.1, 0.05, (0.2, 0.5), False)
    faster = replace(motion, score=0.3)
    facts = [at(0.0), *(between(2.0 * n, 2.0 * n + 2, motion=faster if n == 2 else motion) for n in range(5))]
    text = summary(steps_of(*facts), 0.0, 10.0)
    assert text.count("movement") == 1
    assert "there is movement on the left of the picture" in text.lower()


def test_the_camera_is_told_once_with_its_times() -> None:
    told = [at(0.0), between(0.0, 4.0), between(4.0, 8.0, camera=PAN), between(8.0, 12.0)]
    text = summary(steps_of(*told), 0.0, 12.0)
    assert "The camera pans right from 0:04 to 0:08; otherwise it is still." in text
    assert text.count("pans") == 1


def test_a_camera_that_was_not_measured_is_not_mentioned() -> None:
    told = [at(0.0), between(0.0, 4.0, camera=CameraMotion())]
    assert "camera" not in summary(steps_of(*told), 0.0, 4.0)


def test_steps_without_facts_are_told_in_their_own_words() -> None:
    steps = (
        Step("opening", 0.0, 0.0, "A cat sleeps on a sofa. It is grey.", 0, (0.0,)),
        Step("change", 0.0, 2.0, "I cannot help with that.", 0, (0.0, 2.0), problem="refused"),
        Step("change", 2.0, 4.0, "The cat wakes up.", 0, (2.0, 4.0)),
    )
    text = summary(steps, 0.0, 4.0)
    assert in_order(text, "A cat sleeps on a sofa.", "The cat wakes up.")
    assert "cannot" not in text


def test_facts_are_told_even_if_the_text_of_the_step_has_a_problem() -> None:
    steps = [replace(step, problem="unavailable", text="") for step in steps_of(*yoga())]
    assert "raises an arm" in summary(steps, 0.0, 14.0)


def test_there_is_nothing_to_tell_without_facts_or_text() -> None:
    broken = Step("opening", 0.0, 4.0, "", 0, (0.0,), problem="empty")
    assert summary((), 0.0, 4.0) == summary((broken,), 0.0, 4.0) == fold((broken,), 0.0, 4.0) == ""


def test_a_fold_is_shorter_and_says_its_time() -> None:
    steps = steps_of(*shots(12))
    short, long = fold(steps, 0.0, 48.0), summary(steps, 0.0, 48.0)
    assert short.startswith("From 0:00 to 0:48")
    assert len(short) < len(long)


def test_a_story_of_folds_is_the_story_of_their_steps() -> None:
    """Condensed steps carry the facts of their group; a single-frame fact inside opens a shot."""
    steps = steps_of(*shots(8))
    halves = [
        Step("whole", part[0].start_seconds, part[-1].end_seconds, "x", part[0].shot_index, (), facts)
        for part in (steps[:8], steps[8:])
        if (facts := tuple(one for step in part for one in step.facts))
    ]
    assert summary(halves, 0.0, 32.0) == summary(steps, 0.0, 32.0)


def test_a_fast_caption_is_one_paragraph_about_the_whole() -> None:
    text = fast(yoga(), 0.0, 14.0)
    assert in_order(text, "a person is in the centre", "lowers", "raises an arm", "camera")
    assert "\n" not in text


def test_a_black_screen_between_two_shots_is_called_that() -> None:
    told = [
        at(0.0, thing("person", LEFT, LEFT)),
        at(4.0, look=BLACK),
        at(5.0, thing("person", RIGHT, RIGHT), look=DARK),
    ]
    text = summary(steps_of(*told), 0.0, 8.0)
    assert in_order(text, "a person on the left", "black screen", "a person on the right")


def test_the_look_is_that_of_the_whole() -> None:
    green = replace(BRIGHT, palette=(("green", 0.8),))
    dog = thing("dog", LEFT, LEFT)
    text = summary(steps_of(at(0.0, dog, look=green), at(4.0, dog, look=green)), 0.0, 8.0)
    assert "The picture is mostly green." in text
    assert "picture" not in summary(steps_of(at(0.0, dog), at(4.0, dog)), 0.0, 8.0)
    text = summary(steps_of(at(0.0, dog), at(4.0, dog, look=replace(BRIGHT, brightness=0.1))), 0.0, 8.0)
    assert "The brightness changes a lot." in text


def test_nobody_is_introduced_twice_across_cuts_of_the_same_view() -> None:
    person = thing("person", LEFT, LEFT, 1)
    text = summary(steps_of(at(0.0, person), at(4.0, replace(person, track_id=2))), 0.0, 8.0)
    assert "again shows a person on the left" in text
