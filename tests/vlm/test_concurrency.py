"""How many requests at once: found on servers whose best number is known from how they were made."""

from __future__ import annotations

import pytest

from loaded_servers import Shape, best_fixed, run
from sharegpt4video.vlm.concurrency import START, Outcome, Search

SHAPES = [
    Shape("turns away", 24, requests=1500),
    Shape("queues", 24, sigma=0.6, requests=1500),
    Shape("queues", 8, long=0.1, requests=1500),
    Shape("shares", 12, failing=0.05, requests=1500),
    Shape("falls", 16, fall=0.3, requests=2000),
    Shape("falls", 32, room_later=8, requests=1500),
    Shape("batches", 24, most=128, requests=3000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_at_least_95_percent_of_the_best_fixed_number_and_nothing_lost(shape: Shape) -> None:
    _, best = best_fixed(shape, seed=1)
    ours = run(shape, seed=1)
    assert ours.lost == 0
    assert ours.per_second >= 0.95 * best.per_second, (ours, best)


def test_a_queue_so_long_that_calls_time_out_is_made_shorter_and_loses_nothing() -> None:
    shape = Shape("queues", 2, work_seconds=55.0, requests=120)
    assert run(shape, seed=0, fixed=START).lost > 10
    ours = run(shape, seed=0)
    assert ours.lost == 0
    assert ours.settled <= 8


def test_the_bound_is_kept_to() -> None:
    ours = run(Shape("queues", 50, requests=500, most=7), seed=0)
    assert ours.most_at_once == 7


def drive(search: Search, rounds: int, seconds: float, outcome: Outcome, at_most: int | None = None) -> None:
    """Rounds of calls that all take so long, as many as allowed or as there is work for."""
    for _ in range(rounds):
        calls = [search.begin(search._now) for _ in range(min(search.limit, at_most or search.limit))]
        ends = search._now + seconds
        for call in calls:
            search.end(call, ends, outcome)


def test_when_the_work_runs_out_the_number_stays() -> None:
    search = Search(64)
    drive(search, 30, 1.0, "answered")
    before = search.settled
    assert before > START
    drive(search, 300, 1.0, "answered", at_most=2)
    assert search.settled == before


def test_a_server_that_is_down_says_nothing_about_load() -> None:
    search = Search(64, slow_seconds=100.0)
    drive(search, 30, 1.0, "answered")
    before = search.settled
    drive(search, 100, 0.01, "failed")
    assert search.settled == before


def test_one_round_of_calls_turned_away_finds_the_room_at_once() -> None:
    search = Search(64)
    calls = [search.begin(0.0) for _ in range(16)]
    for call in calls[10:]:
        search.end(call, 0.01, "turned away")
    assert search.limit == 10
    for call in calls[:10]:
        search.end(call, 1.0, "turned away")
    assert search.limit == 1


def test_a_model_that_takes_long_however_few_calls_there_are_is_asked_many_at_once() -> None:
    search = Search(64, slow_seconds=100.0)
    drive(search, 40, 120.0, "answered")
    assert search.settled > START


def test_a_server_that_answers_one_at_a_time_is_asked_few_and_loses_nothing() -> None:
    shape = Shape("queues", 1, work_seconds=20.0, requests=60, most=64)
    ours = run(shape, seed=0)
    assert ours.lost == 0
    assert ours.settled <= 8


def test_cohorts_of_which_calls_were_turned_away_or_cancelled_are_judged_as_well() -> None:
    search, answered = Search(64), 0
    for number in range(400):
        calls = [search.begin(search._now) for _ in range(search.limit)]
        ends = search._now + 1.0
        for place, call in enumerate(calls):
            is_left = (number + place) % 7 == 0
            answered += not is_left
            search.end(call, ends, "left" if is_left else "answered")
        assert len(search._cohorts) < 4
    assert answered > 400 * START / 2
    assert search.settled > START


def test_a_request_that_is_turned_away_alone_says_nothing_about_room_for_several() -> None:
    search = Search(64)
    drive(search, 30, 1.0, "answered")
    before = search.settled
    for _ in range(5):
        search.end(search.begin(search._now), search._now + 0.02, "turned away")
    assert search.settled == before > START
