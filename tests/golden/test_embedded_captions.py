"""What the embedded model says about scenes whose facts are known: every sentence was read and judged by a person.

A change here is a change of the product: read the new sentences aloud before accepting them, and raise
``WORDS_VERSION``, or captions of two ways of telling are mixed in one data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest

from made_facts import BLACK, CENTRE, DARK, LEFT, NO_MOTION, RIGHT, at, between, pose, steps_of, thing, yoga
from sharegpt4video.records import Box, CameraMotion, Facts, Look, PictureMotion, Side, TrackedObject
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import answer

PAN_LEFT = CameraMotion(pan_widths=-0.5, moves=("pan left",), confidence=0.9)
TILT_UP = CameraMotion(tilt_heights=0.1, moves=("tilt up", "shake"), shake=0.01, confidence=0.8)
KITCHEN = Look(0.5, 0.2, 500.0, (("white", 0.4), ("brown", 0.3), ("grey", 0.1)))
BABY = Box(0.22, 0.08, 0.8, 1.0)
DOG, DOG_LATER = Box(0.02, 0.6, 0.2, 0.85), Box(0.55, 0.6, 0.75, 0.85)


def baby() -> tuple[Facts, ...]:
    def person(end: Box | None = BABY) -> TrackedObject:
        leaves: Side = "" if end else "bottom"
        return thing("person", BABY, end, colours=("white",), end_pose=pose("upright", 0, None), leaves=leaves)

    stirs = PictureMotion(0.08, 0.1, (0.5, 0.6))
    return (
        at(0.0, person(), look=KITCHEN, texts=("clideo.com",)),
        between(0.0, 2.0, person(), motion=stirs, look=KITCHEN),
        between(2.0, 6.0, person(None), look=KITCHEN),
    )


def street() -> tuple[Facts, ...]:
    car, bus = thing("car", LEFT, LEFT, 1, colours=("red",)), thing("bus", RIGHT, RIGHT, 2, colours=("blue",))
    walks_off, drives_off = (
        thing("person", CENTRE, None, 4, leaves="inside"),
        thing("car", LEFT, None, 1, leaves="left"),
    )
    return (
        at(10.0, car, bus, thing("dog", DOG, DOG, 3), thing("person", CENTRE, CENTRE, 4)),
        between(10.0, 13.0, car, bus, thing("dog", DOG, DOG_LATER, 3), walks_off),
        between(13.0, 15.0, bus, drives_off, thing("dog", DOG_LATER, DOG_LATER, 3)),
    )


def kitchen() -> tuple[Facts, ...]:
    lower = Box(0.4, 0.75, 0.5, 0.9)
    cook = thing("person", LEFT, LEFT, 1, colours=("blue",), start_pose=pose("leaning"), end_pose=pose("leaning"))
    guest = thing("person", RIGHT, RIGHT, 2, start_pose=pose(arms=0), end_pose=pose(arms=1))
    things = [thing(label, lower, lower, 10 + n) for n, label in enumerate(("knife", "bowl", "bowl", "orange"))]
    later = [
        replace(person, start_pose=person.end_pose, end_box=Box(box.left, box.top + 0.1, box.right, 1.0))
        for person, box in ((replace(cook, end_pose=pose("upright")), LEFT), (guest, RIGHT))
    ]
    return (
        at(15.0, cook, replace(guest, end_pose=guest.start_pose), *things, look=KITCHEN),
        between(15.0, 19.0, replace(cook, end_pose=pose("upright")), guest, *things, look=KITCHEN),
        between(19.0, 24.0, *later, thing("cup", None, lower, 30, enters="bottom"), camera=TILT_UP, look=KITCHEN),
    )


def dark_clip() -> tuple[Facts, ...]:
    return (
        at(24.0, look=DARK),
        between(24.0, 26.0, look=DARK, motion=PictureMotion(0.3, 0.2, (0.2, 0.8)), camera=PAN_LEFT),
        between(26.0, 27.0, look=BLACK, motion=NO_MOTION),
        at(27.0, look=BLACK, texts=("The End",)),
    )


SCENES = {
    yoga: (
        ("A full shot shows a person in the centre, with the torso horizontal and one arm and one leg raised."),
        (
            "The person stays in the centre, with the torso horizontal and one arm and one leg raised. The camera is "
            "still."
        ),
        "The person lowers the raised arm and leg, and brings the torso from horizontal to upright.",
        "Nothing moves for six seconds: the person stays in the centre.",
        "The person raises an arm.",
        "The person remains in the centre, with one arm raised.",
    ),
    baby: (
        (
            'A close-up shows a person in white in the centre. The text "clideo.com" is on the screen in the '
            "bottom right corner."
        ),
        "The person moves about in the centre, while the camera stays still.",
        "The person leaves the picture at the bottom.",
    ),
    street: (
        (
            "In a medium shot, a person is in the centre. There is also a red car on the left, a blue bus on "
            "the right and a dog at the bottom left."
        ),
        (
            "The person goes out of view. The dog moves from the left to the right of the picture, while the "
            "camera stays still."
        ),
        "The car drives out of the picture on the left.",
    ),
    kitchen: (
        (
            "A full shot shows a person in blue on the left and a person on the right. The person on the left is "
            "leaning. There is also a knife, two bowls and an orange at the bottom."
        ),
        ("The person on the left straightens up. The person on the right raises an arm, while the camera stays still."),
        "A cup comes into view at the bottom. The camera tilts up slowly and shakes.",
    ),
    dark_clip: (
        "The image is dark, mostly black.",
        "There is quick movement at the bottom left. The camera pans left.",
        "The picture goes black. The camera is still.",
        'In the bottom right corner, the text "The End" can be read. The screen is black.',
    ),
}

# What each step says by the facts it was made of, written down from these alone: words that must stand in it, and words
# of what happens elsewhere or not at all.
TELLS = {
    yoga: (
        (("person", "centre", "horizontal", "one arm and one leg raised"), ("lowers", "two seconds")),
        (("person", "horizontal", "camera"), ("lowers", "raises", "moves")),
        (("person lowers", "arm and leg", "horizontal to upright"), ("raises", "out of view", "camera")),
        (("Nothing moves for six seconds", "person", "centre"), ("lowers", "raises", "horizontal", "camera")),
        (("person raises an arm",), ("leg", "lowers", "horizontal", "camera")),
        (("person", "centre", "one arm raised"), ("lowers", "leg", "horizontal", "moves", "camera")),
    ),
    baby: (
        (("person in white", '"clideo.com"', "bottom right"), ("leaves", "white and brown")),
        (("moves about", "camera"), ("leaves", "clideo", "lowers")),
        (("leaves the picture at the bottom",), ("comes into", "clideo", "camera")),
    ),
    street: (
        (
            ("person", "red car on the left", "blue bus on the right", "dog at the bottom left"),
            ("out of view", "moves"),
        ),
        (("person goes out of view", "dog moves from the left to the right"), ("car", "bus", "comes into")),
        (("car drives out of the picture on the left",), ("person", "bus", "dog", "comes into")),
    ),
    kitchen: (
        (
            ("person in blue on the left", "person on the right", "knife", "two bowls", "orange"),
            ("cup", "raises an arm"),
        ),
        (("on the left straightens up", "on the right raises an arm"), ("cup", "knife", "out of view")),
        (("cup comes into view", "tilts up", "shakes"), ("straightens", "raises", "out of view", "pans")),
    ),
    dark_clip: (
        (("dark", "black"), ("person", "pans", "The End", "recognised")),
        (("quick movement", "bottom left", "pans left"), ("person", "The End", "tilts")),
        (("black",), ("pans", "movement", "The End")),
        (('"The End"', "black"), ("pans", "person")),
    ),
}

YOGA = (
    "In this 14-second shot, a person is in the centre, at first with the torso horizontal and one arm and one leg "
    "raised. Around 0:03, the person lowers the raised arm and leg, and brings the torso from horizontal to upright, "
    "and around 0:11 raises an arm. The camera stays still."
)

FILM = (
    "This 18-second part of the video, from 0:10 to 0:28, has four shots. The first shows a person in the centre, a "
    "red car on the left, a blue bus on the right and a dog at the bottom left. Around 0:11, the person goes out of "
    "view, and the dog moves from the left to the right of the picture. Then, around 0:14, the car drives out of the "
    "picture on the left. The second shot, from 0:15, shows a person in blue on the left, a person on the right, and "
    "a knife, two bowls and an orange at the bottom. Between 0:15 and 0:19, the person on the left straightens up, and "
    "the person on the right raises an arm. The third shot, from 0:24, is dark, mostly black. Around 0:26, the picture "
    "goes black. The last shot, from 0:27, shows a black screen. A cup is also seen. The camera tilts up and shakes "
    'from 0:19 to 0:24, and pans left from 0:24 to 0:26; otherwise it is still. The text "The End" can be read on '
    "the screen. The brightness changes a lot."
)

FOLDED = (
    "From 0:10 to 0:28, in four shots, the video shows a person in the centre, a red car on the left, a blue bus on "
    "the right and a dog at the bottom left. Around 0:11, the person goes out of view, and the dog moves from the left "
    "to the right of the picture. Around 0:26, the picture goes black. Two bowls, a cup, a knife and an orange are "
    'also seen. The text "The End" can be read on the screen.'
)

CLIP = (
    "In this nine-second part of the video, from 0:15 to 0:24, there is a person in blue on the left, a person on the "
    "right, and a knife, two bowls and an orange at the bottom. Between 0:15 and 0:19, the person on the left "
    "straightens up, and the person on the right raises an arm. Then, between 0:19 and 0:24, a cup comes into view at "
    "the bottom. The camera tilts up and shakes from 0:19 to 0:24; otherwise it is still."
)

FAST = (
    "This 18-second part of the video, from 0:10 to 0:28, has three shots. The first shows a person in the centre, a "
    "red car on the left, a blue bus on the right and a dog at the bottom left. Around 0:11, the person goes out of "
    "view, and the dog moves from the left to the right of the picture. Then, around 0:14, the car drives out of the "
    "picture on the left. The second shot, from 0:24, is dark, mostly black. Around 0:25, there is movement at the "
    "bottom left. Then, around 0:26, the picture goes black. The last shot, from 0:27, shows a black screen. The "
    'camera pans left from 0:24 to 0:26; otherwise it is still. The text "The End" can be read on the screen. The '
    "brightness changes a lot."
)


def told_of(scene: Callable[[], tuple[Facts, ...]]) -> tuple[str, ...]:
    """The texts of a chain, each of which knows the text and the facts of the one before."""
    told: list[str] = []
    facts = scene()
    for place, one in enumerate(facts):
        task: Literal["opening", "change"] = "opening" if one.start_seconds == one.end_seconds else "change"
        known = facts[max(place - 1, 0) : place + 1] if task == "change" else (one,)
        told.append(answer(Request(task, facts=known, before=told[-1] if told else "")))
    return tuple(told)


@pytest.mark.parametrize("scene", list(SCENES), ids=lambda scene: scene.__name__)
def test_steps_read_as_they_were_approved(scene: Callable[[], tuple[Facts, ...]]) -> None:
    assert told_of(scene) == SCENES[scene]


@pytest.mark.parametrize("scene", list(SCENES), ids=lambda scene: scene.__name__)
def test_steps_say_what_the_facts_hold_and_nothing_else(scene: Callable[[], tuple[Facts, ...]]) -> None:
    for text, (wanted, unwanted) in zip(told_of(scene), TELLS[scene], strict=True):
        assert [one for one in wanted if one not in text] == [], text
        assert [one for one in unwanted if one in text] == [], text


FILM_FACTS = (*street(), *kitchen(), *dark_clip())
SUMMARIES = {
    YOGA: Request("summary", steps=steps_of(*yoga()), start_seconds=0.0, end_seconds=14.0),
    FILM: Request("summary", steps=steps_of(*FILM_FACTS), start_seconds=10.0, end_seconds=28.0),
    CLIP: Request("summary", steps=steps_of(*kitchen()), start_seconds=15.0, end_seconds=24.0),
    FOLDED: Request("fold", steps=steps_of(*FILM_FACTS), start_seconds=10.0, end_seconds=28.0),
    FAST: Request("fast", facts=(*street(), *dark_clip()), start_seconds=10.0, end_seconds=28.0),
}
NAMES = ("yoga", "film", "clip", "folded", "fast")

# What must be told of each, in the order of the facts.
EVENTS = (
    ("person", "horizontal", "0:03", "lowers", "upright", "0:11", "raises an arm", "camera stays still"),
    ("18-second", "four shots", "0:11", "person goes", "dog moves", "0:14", "car drives out", "0:15", "straightens up",
     "0:24", "0:26", "black", "0:27", "tilts up", "pans left", '"The End"'),
    ("nine-second", "0:15", "0:24", "straightens up", "raises an arm", "cup comes into view", "tilts up", "shakes"),
    ("0:10", "0:28", "four shots", "0:11", "person goes", "dog moves", "0:26", "black", "cup", "knife", '"The End"'),
    ("18-second", "three shots", "0:11", "person goes", "dog moves", "0:14", "car drives out", "0:24", "0:26", "black",
     "pans left", '"The End"'),
)  # fmt: skip
ELSEWHERE = (("pans", "black", "dog"), ("horizontal",), ("dog", "pans"), ("horizontal",), ("cup", "knife", "tilts"))


@pytest.mark.parametrize(("text", "request_"), SUMMARIES.items(), ids=NAMES)
def test_summaries_read_as_they_were_approved(text: str, request_: Request) -> None:
    assert answer(request_) == text


@pytest.mark.parametrize(
    ("request_", "events", "elsewhere"), [*zip(SUMMARIES.values(), EVENTS, ELSEWHERE, strict=True)], ids=NAMES
)
def test_summaries_tell_every_event_in_its_order(
    request_: Request, events: tuple[str, ...], elsewhere: tuple[str, ...]
) -> None:
    rest = text = answer(request_)
    for event in events:
        assert event in rest, (event, text)
        rest = rest.partition(event)[2]
    assert [one for one in elsewhere if one in text] == []
