from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sharegpt4video.learning.order import Order, Preceded, deal

FIRST_EIGHT = [1, 5, 4, 0, 7, 3, 6, 2]  # ranks of PCG64's raw numbers, worked out apart


def epochs_of(order: Order, count: int) -> list[Counter[tuple[int, int]]]:
    found: list[Counter[tuple[int, int]]] = [Counter() for _ in range(count)]
    for place, which in enumerate(order.part(0, len(order))):
        found[order.epoch_of(place)][which] += 1
    return found


def test_weights_say_how_often_a_sample_is_seen() -> None:
    order = Order([10, 7, 4], [1.0, 0.5, 2.0], seed=3, epochs=2)
    first, second = epochs_of(order, 2)
    assert len(order) == 10 + 3 + 8 + 10 + 4 + 8
    for epoch in (first, second):
        assert all(epoch[0, at] == 1 for at in range(10))
        assert all(epoch[2, at] == 2 for at in range(4))
    halves = [{at for source, at in epoch if source == 1} for epoch in (first, second)]
    assert [len(half) for half in halves] == [3, 4]
    assert halves[0] | halves[1] == set(range(7))


def test_the_seed_and_the_epoch_shuffle() -> None:
    order = Order([50], [1.0], seed=0, epochs=2)
    first, second = order.part(0, 50), order.part(50, 100)
    assert sorted(first) == sorted(second) == [(0, at) for at in range(50)]
    assert first != second
    assert first != Order([50], [1.0], seed=1).part(0, 50)
    assert first == Order([50], [1.0], seed=0).part(0, 60)


def test_the_order_is_the_same_on_every_machine() -> None:
    assert [at for _, at in Order([8], [1.0], seed=0).part(0, 8)] == FIRST_EIGHT


def test_any_place_can_be_entered() -> None:
    order = Order([13, 5], [0.3, 1.7], seed=1, epochs=7.5)
    whole = order.part(0, len(order))
    for begin in range(0, len(order), 5):
        assert Order([13, 5], [0.3, 1.7], seed=1, epochs=7.5).part(begin, begin + 5) == whole[begin : begin + 5]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 300)), min_size=1, max_size=3))
def test_epochs_follow_each_other(sources: list[tuple[int, int]]) -> None:
    each = [Fraction(size * hundredths, 100) for size, hundredths in sources]
    assume(min(each) >= 1)
    order = Order([size for size, _ in sources], [hundredths / 100 for _, hundredths in sources], epochs=7)
    bounds = [sum(int(epoch * amount) for amount in each) for epoch in range(8)]
    found = [order.epoch_of(place) for place in range(len(order))]
    assert found == [epoch for epoch in range(7) for _ in range(bounds[epoch], bounds[epoch + 1])]


@pytest.mark.parametrize(("epochs", "length"), [(0.5, 50), (1.5, 150), (0.29, 29), (3, 300)])
def test_epochs_may_be_a_fraction(epochs: float, length: int) -> None:
    assert len(Order([100], [1.0], epochs=epochs)) == length
    assert len(Order([100], [0.29], epochs=10)) == 290


@given(st.lists(st.integers(1, 10_000), max_size=40), st.integers(1, 9))
def test_dealing_gives_every_sample_to_one_process(lengths: list[int], world: int) -> None:
    hands = deal(lengths, world)
    assert sorted(at for hand in hands for at in hand) == list(range(len(lengths)))
    assert max(map(len, hands)) - min(map(len, hands)) <= 1
    assert all(hand == sorted(hand) for hand in hands)


def test_dealing_evens_out_the_lengths() -> None:
    lengths = [2000] * 8 + [100] * 24
    sums = [sum(lengths[at] for at in hand) for hand in deal(lengths, 4)]
    assert max(sums) == min(sums) == 2 * 2000 + 6 * 100


def test_some_sources_come_first_and_the_order_follows_as_it_was() -> None:
    order = Order([10, 4, 6], [1.0, 1.0, 1.0], seed=3, epochs=2)
    whole = Preceded(order, [10, 4, 6], [1, 2], 25, seed=3)
    places = whole.part(0, len(whole))
    assert len(places) == len(whole) == 25 + 40
    assert {source for source, _ in places[:25]} == {1, 2}
    assert sorted(places[:10]) == sorted(places[10:20]), "each sample once before any comes again"
    assert places[25:] == order.part(0, len(order))
    assert whole.part(20, 30) == places[20:30], "it can be entered anywhere"
    assert whole.part(60, 99) == places[60:]
