"""Steps come out once each and in order, whatever order the chains finish in."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.captioner.timeline import Timeline
from sharegpt4video.records import CameraMotion, Facts, Keyframe, Look, PictureMotion, Segment, Step


def segment(keyframes: int, *, continues: bool = False) -> Segment:
    facts = Facts(0, 0, CameraMotion(), PictureMotion(0, 0, None), Look(0, 0, 0, ()))
    frames = tuple(Keyframe(float(number), 0, "change") for number in range(keyframes))
    return Segment(0, 0.0, None, "start", continues, frames, (facts,) * keyframes)


def step(name: str) -> Step:
    return Step("change", 0.0, 1.0, name, 0, (0.0, 1.0))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_order_of_finishing_gives_the_order_of_the_video(sizes: list[int], random: Random) -> None:
    out: list[str] = []
    timeline = Timeline(lambda done: out.append(done.text))
    numbers = [timeline.open(segment(max(size, 1))) for size in sizes]
    todo = {number: [f"{number}.{k}" for k in range(size)] for number, size in zip(numbers, sizes, strict=True)}
    expected = [name for names in todo.values() for name in list(names)]
    open_numbers = list(numbers)
    while open_numbers:
        number = random.choice(open_numbers)
        if todo[number]:
            timeline.add(number, step(todo[number].pop(0)))
        else:
            timeline.finish(number)
            open_numbers.remove(number)
        assert out == expected[: len(out)]
    assert out == expected
    assert [done.text for done in timeline.steps] == expected


def test_the_first_unfinished_segment_streams() -> None:
    out: list[str] = []
    timeline = Timeline(lambda done: out.append(done.text))
    first, second = timeline.open(segment(3)), timeline.open(segment(2, continues=True))
    timeline.add(second, step("later"))
    timeline.add(first, step("now"))
    assert out == ["now"]
    assert timeline.known == 4
    timeline.finish(first)
    assert out == ["now", "later"]


def test_the_one_step_of_fast_mode_ends_its_part() -> None:
    out: list[str] = []
    timeline = Timeline(lambda done: out.append(done.text))
    timeline.add_whole(step("one"))
    timeline.add_whole(step("two"))
    assert out == ["one", "two"] == [done.text for done in timeline.steps]
    assert timeline.known == 2
