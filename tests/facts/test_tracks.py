"""The tracker on constructed detections, whose objects, paths and lapses are known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.facts.boxes import overlap
from sharegpt4video.facts.detect import Detection
from sharegpt4video.facts.hands import CloseLook
from sharegpt4video.facts.tracks import Track, Tracker, TrackerSettings
from sharegpt4video.records import Box

STEP = 1 / 3


def at(x: float, y: float = 0.5, size: float = 0.2) -> Box:
    return Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def seen(label: str, score: float, x: float = 0.5, y: float = 0.5, size: float = 0.2) -> Detection:
    return Detection(label, score, at(x, y, size))


def follow(*frames: list[Detection], step: float = STEP, tracker: Tracker | None = None) -> Tracker:
    tracker = tracker or Tracker()
    for number, detections in enumerate(frames):
        tracker.push(number * step, detections)
    return tracker


def named(tracker: Tracker) -> list[Track]:
    return [track for track in tracker.tracks if track.confirmed]


def test_what_stays_is_named_once() -> None:
    (track,) = named(follow(*[[seen("person", 0.6)]] * 5))
    assert (track.label, track.seen_frames, round(track.score, 6)) == ("person", 5, 0.6)
    assert track.first.seconds == 0.0
    assert track.last.seconds == pytest.approx(4 * STEP)


@pytest.mark.parametrize(
    "frames",
    [
        [[seen("cake", 0.9)], [], [], []],  # one frame, however sure
        [[seen("cake", 0.9)], [seen("cake", 0.9)], [], []],  # two frames
        [[seen("chair", 0.5)], [], [], [seen("chair", 0.5)], [], [], [seen("chair", 0.5)]],  # never two of three
        [[seen("chair", 0.4)]] * 9,  # too weak to start
        [[seen("chair", 0.5)]] * 9,  # too weak to be named
        [[seen("dog", 0.45)]] * 9,
        [[seen("bird", 0.55)], *[[seen("bird", 0.4)]] * 9],  # one good look among many poor ones
    ],
)
def test_flickers_and_doubtful_things_are_not_named(frames: list[list[Detection]]) -> None:
    assert named(follow(*frames)) == []


def test_the_same_mistake_in_many_frames_of_an_instant_is_not_named() -> None:
    assert named(follow(*[[seen("cake", 0.7)]] * 5, step=0.1)) == []
    assert len(named(follow(*[[seen("cake", 0.7)]] * 8, step=0.1))) == 1


def test_weak_detections_continue_a_track_but_do_not_start_one() -> None:
    assert follow([seen("person", 0.35)]).tracks == []
    (track,) = named(follow([], [seen("person", 0.6)], *[[seen("person", 0.31)]] * 3))
    assert track.first.seconds == pytest.approx(STEP)
    assert track.seen_frames == 4


def test_a_track_reaches_back_over_weak_detections_of_any_label() -> None:
    """A car that comes in at the edge is first taken for other things, with little score."""
    before = [[seen("toilet", 0.21, 0.1)], [seen("boat", 0.25, 0.15), seen("boat", 0.29, 0.9)]]
    (track,) = named(follow(*before, *[[seen("car", 0.6, 0.2 + 0.05 * number)] for number in range(6)]))
    assert (track.first.seconds, track.label, track.seen_frames) == (0.0, "car", 8)
    assert track.score == pytest.approx(0.6)


def test_a_track_does_not_reach_back_over_a_gap_or_a_cut() -> None:
    late: list[list[Detection]] = [[seen("dog", 0.25)], *[[]] * 4, *[[seen("dog", 0.6)]] * 4]
    (track,) = named(follow(*late))
    assert track.first.seconds == pytest.approx(5 * STEP)
    tracker = follow([seen("dog", 0.25)])
    tracker.cut()
    for number in range(1, 5):
        tracker.push(number * STEP, [seen("dog", 0.6)])
    assert tracker.tracks[0].first.seconds == pytest.approx(STEP)


@pytest.mark.parametrize(
    ("flips", "name"),
    [
        ("dog dog cat dog dog", "dog"),
        ("dog cat dog dog cat cat", "animal"),  # half and half
        ("car cat car car", "car"),
        ("bus truck car bus truck car", "vehicle"),
    ],
)
def test_the_name_is_what_most_of_the_score_says(flips: str, name: str) -> None:
    (track,) = named(follow(*[[seen(label, 0.6)] for label in flips.split()]))
    assert (track.label, track.seen_frames) == (name, len(flips.split()))


def test_a_thing_with_no_main_label_is_not_named() -> None:
    labels = ["dog", "bench", "kite"] * 3
    assert named(follow(*[[seen(label, 0.6)] for label in labels])) == []


def test_a_gap_shorter_than_a_second_is_bridged() -> None:
    frames = [[seen("person", 0.7, 0.3)]] * 3 + [[]] * 2 + [[seen("person", 0.7, 0.3)]] * 2
    (track,) = follow(*frames).tracks
    box = track.box_at(3.5 * STEP)
    assert box is not None
    assert box.centre == pytest.approx((0.3, 0.5))


def test_what_comes_back_at_its_place_is_the_same() -> None:
    frames = [[seen("cat", 0.7)]] * 4 + [[]] * 6 + [[seen("cat", 0.7)]] * 2
    assert [track.id for track in follow(*frames).tracks] == [1]


def test_what_comes_back_elsewhere_is_another() -> None:
    frames = [[seen("cat", 0.7, 0.2)]] * 4 + [[]] * 6 + [[seen("cat", 0.7, 0.8)]] * 4
    assert len(named(follow(*frames))) == 2


def test_boxes_between_two_sights() -> None:
    (track,) = follow([seen("car", 0.7, 0.4)], [seen("car", 0.7, 0.5)], [seen("car", 0.7, 0.6)]).tracks
    box = track.box_at(1.5 * STEP)
    assert box is not None
    assert box.centre == pytest.approx((0.55, 0.5))
    assert box.width == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("x", "there"),
    [
        (0.5, [False, False, True, True, True, True, True, False, False]),  # it may have been missed for a frame
        (0.09, [False, False, False, True, True, True, False, False, False]),  # at the edge it has just come in
    ],
)
def test_it_is_not_there_before_it_comes_and_after_it_has_gone(x: float, there: list[bool]) -> None:
    frames: list[list[Detection]] = [[]] * 6 + [[seen("dog", 0.7, x)]] * 6 + [[]] * 6
    (track,) = follow(*frames).tracks  # seen from 2.0 to 3.67 s
    times = (0.0, 1.4, 1.6, 1.9, 2.5, 3.7, 4.1, 4.3, 5.0)
    assert [track.box_at(seconds) is not None for seconds in times] == there


def test_until_a_second_has_passed_it_is_taken_to_be_there() -> None:
    (track,) = follow(*[[seen("dog", 0.7)]] * 6, [], []).tracks
    assert track.box_at(7 * STEP) is not None


def test_what_walks_out_of_the_picture_is_not_waited_for() -> None:
    xs = [0.5, 0.65, 0.8, 0.95]
    (track,) = follow(*[[seen("dog", 0.7, x)] for x in xs], []).tracks
    assert track.box_at(3 * STEP) is not None
    assert track.box_at(3 * STEP + 0.3) is None


def test_two_that_cross_keep_their_names() -> None:
    frames = []
    for number in range(13):
        x = 0.1 + 0.065 * number
        frames.append([seen("person", 0.7, x, 0.45), seen("person", 0.68, 1 - x, 0.62)])
    first, second = follow(*frames).tracks
    assert first.last.box.centre[0] == pytest.approx(0.88)
    assert second.last.box.centre[0] == pytest.approx(0.12)


def test_a_fast_thing_is_followed_though_its_boxes_do_not_touch() -> None:
    frames = [[seen("car", 0.7, 0.05 + 0.13 * number, size=0.12)] for number in range(7)]
    (track,) = follow(*frames).tracks
    assert track.seen_frames == 7


def test_an_arm_is_not_a_second_person() -> None:
    whole, arm = seen("person", 0.6, 0.5, 0.5, 0.6), seen("person", 0.5, 0.6, 0.5, 0.2)
    assert len(follow(*[[whole, arm]] * 5).tracks) == 1
    assert len(named(follow([whole], [arm], [whole], [whole]))) == 1


def test_a_child_that_is_seen_clearly_is_a_second_person() -> None:
    adult, child = seen("person", 0.8, 0.5, 0.5, 0.6), seen("person", 0.7, 0.6, 0.6, 0.2)
    assert len(named(follow(*[[adult, child]] * 5))) == 2


def test_one_place_has_one_thing() -> None:
    frames = [[seen("dog", 0.7), seen("bear", 0.6, 0.505)]] * 5
    assert [track.label for track in follow(*frames).tracks] == ["dog"]


def test_a_cut_ends_everything() -> None:
    tracker = follow(*[[seen("person", 0.7)]] * 4)
    tracker.cut()
    for number in range(4, 8):
        tracker.push(number * STEP, [seen("person", 0.7)])
    before, after = named(tracker)
    assert before.last.seconds < after.first.seconds


def test_frames_come_in_order() -> None:
    tracker = follow([], [])
    with pytest.raises(ValueError, match="time order"):
        tracker.push(STEP, [])


def test_memory_does_not_grow() -> None:
    tracker = Tracker()
    for number in range(3000):
        passing = seen("dog", 0.7, (number % 40) / 40)
        tracker.push(number * STEP, [seen("person", 0.7, 0.5, 0.2), passing])
        tracker.forget(number * STEP - 5)
    assert len(tracker.tracks) < 8
    assert sum(len(track.samples) for track in tracker.tracks) < 60
    person = min(tracker.tracks, key=lambda track: track.id)
    assert (person.seen_frames, person.first.seconds, person.confirmed) == (3000, 0.0, True)
    assert person.score == pytest.approx(0.7)
    assert person.seen_until(3000 * STEP) == 3000


@pytest.mark.parametrize("every", [0.2, 0.25, 1 / 3, 0.5])
def test_the_sampling_rate_does_not_change_the_story(every: float) -> None:
    frames = []
    for number in range(int(6 / every)):
        x = -0.2 + 0.2 * number * every
        frames.append([seen("dog", 0.7, x)] if 0 < x < 1 else [])
    (track,) = named(follow(*frames, step=every))
    assert track.box_at(0.5) is None
    assert track.box_at(3.0) is not None
    assert track.box_at(3.0).centre[0] == pytest.approx(0.4, abs=0.01)  # type: ignore[union-attr]


def told_rightly(story: str, random: np.random.Generator) -> bool:
    """A six-second video of one object with lapses, trembling boxes and a stray detection; is its story told?"""
    tracker = Tracker()
    for number in range(18):
        seconds, way = number * STEP, min(max((number * STEP - 1.5) / 3, 0), 1)
        x = {"enter": -0.2 + 0.7 * way, "leave": 0.5 - 0.7 * way, "cross": -0.2 + 1.4 * way, "stay": 0.5}[story]
        here = at(x + random.normal(0, 0.01), 0.5 + random.normal(0, 0.01), 0.3 + random.normal(0, 0.01))
        here = Box(max(here.left, 0), here.top, min(here.right, 1), here.bottom)
        detections = []
        if here.width > 0.1 and random.random() > 0.15:
            detections.append(Detection("person", float(np.clip(random.normal(0.6, 0.1), 0.3, 0.9)), here))
        if random.random() < 0.15:
            detections.append(seen("kite", 0.45, *random.uniform(0.1, 0.9, 2)))
        tracker.push(seconds, detections)
    tracks = named(tracker)
    ends = [(track.box_at(0.0) is not None, track.box_at(17 * STEP) is not None) for track in tracks]
    wanted = {"enter": (False, True), "leave": (True, False), "cross": (False, False), "stay": (True, True)}
    return [track.label for track in tracks] == ["person"] and ends == [wanted[story]]


@pytest.mark.parametrize("story", ["enter", "leave", "cross", "stay"])
def test_stories_are_told_rightly(story: str) -> None:
    random = np.random.default_rng(5)
    assert sum(told_rightly(story, random) for _ in range(40)) >= 36


boxes = st.builds(at, st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.8))
detections = st.builds(Detection, st.sampled_from(["person", "dog", "cat"]), st.floats(0.3, 1.0), boxes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(detections, max_size=5), max_size=12))
def test_whatever_comes_tracks_are_sound(frames: list[list[Detection]]) -> None:
    tracker = follow(*frames)
    assert len({track.id for track in tracker.tracks}) == len(tracker.tracks)
    for track in tracker.tracks:
        times = [sample.seconds for sample in track.samples]
        assert all(before < after for before, after in pairwise(times))
        assert 0.3 <= track.score <= 1.0
        assert track.best_score >= TrackerSettings().start_score
        assert all(track.box_at(seconds) is not None for seconds in times)
    taken = [(sample.seconds, sample.box) for track in tracker.tracks for sample in track.samples]
    given_boxes = [(number * STEP, d.box) for number, frame in enumerate(frames) for d in frame]
    assert all(given_boxes.count(sample) >= taken.count(sample) for sample in taken)


def test_overlap_of_boxes() -> None:
    box = Box(0.0, 0.0, 0.4, 0.4)
    assert overlap(box, box) == pytest.approx(1)
    assert overlap(box, replace(box, left=0.2, right=0.6)) == pytest.approx(1 / 3)
    assert overlap(box, Box(0.5, 0.5, 0.6, 0.6)) == 0
    assert overlap(Box(0.1, 0.1, 0.1, 0.1), Box(0.1, 0.1, 0.1, 0.1)) == 0


def test_what_crosses_the_picture_by_itself_is_no_phone() -> None:
    seen_as = [
        ("cell phone", 0.6),
        ("car", 0.5),
        ("cell phone", 0.6),
        ("car", 0.4),
        ("truck", 0.4),
        ("cell phone", 0.5),
    ]
    (track,) = follow(*[[seen(label, score)] for label, score in seen_as]).tracks
    assert not track.confirmed
    track.goes_alone = True
    assert (track.label, track.confirmed) == ("car", True)


def test_a_person_is_named_after_two_sights() -> None:
    assert len(named(follow([seen("person", 0.46)], [seen("person", 0.35)]))) == 1
    assert named(follow([seen("person", 0.44)], [seen("person", 0.44)])) == []
    assert named(follow([seen("dog", 0.8)], [seen("dog", 0.8)])) == []


def test_a_name_once_told_stays_or_becomes_the_broader_word() -> None:
    tracker = follow(*[[seen("dog", 0.6)]] * 4)
    (track,) = tracker.tracks
    assert track.tell() == "dog"
    for number in range(4, 14):
        tracker.push(number * STEP, [seen("cat", 0.7)])
    assert (track.label, track.tell()) == ("cat", "animal")
    for number in range(14, 60):
        tracker.push(number * STEP, [seen("cat", 0.7)])
    assert track.tell() == "animal"


def test_a_name_once_told_is_not_taken_back_for_something_else() -> None:
    tracker = follow(*[[seen("dog", 0.6)]] * 4)
    (track,) = tracker.tracks
    assert track.tell() == "dog"
    for number in range(4, 20):
        tracker.push(number * STEP, [seen("person", 0.7)])
    assert (track.label, track.tell()) == ("person", "dog")
    assert not track.confirmed  # but what is wrong is not repeated


ARM, PAIR, BODY, FACE = CloseLook(1), CloseLook(2), CloseLook(), CloseLook(1, face=True)


@pytest.mark.parametrize(
    ("label", "looks", "told"),
    [
        ("person", [], "person"),
        ("person", [ARM], "person"),  # one look may be mistaken
        ("person", [ARM, ARM], "hand"),
        ("person", [BODY, ARM, BODY, ARM], "hand"),
        ("person", [BODY, ARM, BODY, ARM, BODY], "person"),
        ("person", [PAIR, ARM, BODY], "hands"),
        ("person", [ARM, PAIR, ARM], "hand"),
        ("person", [ARM, FACE, ARM], "hand"),
        ("person", [FACE, FACE, ARM, ARM], "person"),
        ("dog", [ARM, ARM], "dog"),
    ],
)
def test_somebody_of_whom_there_are_only_palms_is_told_as_hands(label: str, looks: list[CloseLook], told: str) -> None:
    (track,) = named(follow(*[[seen(label, 0.6)]] * 5))
    for look in looks:
        track.close_looks.add(look)
    assert track.tell() == told
    assert track.is_hand == (told in ("hand", "hands"))
    assert track.confirmed  # though the detector goes on calling it a person


def test_a_name_that_was_told_stays_unless_a_face_comes_up() -> None:
    (track,) = named(follow(*[[seen("person", 0.6)]] * 5))
    assert track.tell() == "person"
    for look in [ARM] * 9:
        track.close_looks.add(look)
    assert track.tell() == "person"
    (hand,) = named(follow(*[[seen("person", 0.6)]] * 5))
    hand.close_looks.add(ARM)
    hand.close_looks.add(ARM)
    assert hand.tell() == "hand"
    for look in (BODY, BODY, BODY, FACE):
        hand.close_looks.add(look)
    assert hand.tell() == "hand"
    hand.close_looks.add(FACE)
    assert hand.tell() == "person"
