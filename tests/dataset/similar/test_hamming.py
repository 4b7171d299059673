from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.similar import bands, hamming
from sharegpt4video.dataset.similar.bands import best_bands, distances, volume
from sharegpt4video.dataset.similar.hamming import HammingIndex


def crowded(random: np.random.Generator, count: int) -> hamming.Hashes:
    """Hashes that are up to ten flips away from eight centres."""
    centres = random.integers(0, 2**64, 8, dtype=np.uint64)
    hashes = centres[random.integers(0, 8, count)]
    for _ in range(10):
        flips = np.uint64(1) << random.integers(0, 64, count).astype(np.uint64)
        hashes ^= np.where(random.random(count) < 0.6, flips, np.uint64(0))
    return hashes


@pytest.mark.parametrize("bits", range(13))
def test_all_that_is_near_is_found(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "BUFFERED", 64)
    for module in (bands, hamming):
        monkeypatch.setattr(module, "CANDIDATES", 512)
        monkeypatch.setattr(module, "SHORT", 3)
    monkeypatch.setattr(bands, "RUNS", 100)
    monkeypatch.setattr(hamming, "PAIRS", 50)
    monkeypatch.setattr(hamming, "EARLIEST", 30)
    random = np.random.default_rng(bits)
    hashes, owners = crowded(random, 500), np.sort(random.integers(0, 200, 500))
    index, start = HammingIndex(bits), 0
    while start < 500:
        end = start + int(random.integers(1, 150))
        index.add(hashes[start:end], owners[start:end])
        start = end
    before = random.integers(0, 250, 500)
    asked, found = index.near(hashes, before)
    wanted = [
        (at, owner)
        for at, value in enumerate(hashes.tolist())
        for owner in sorted({o for o, h in zip(owners.tolist(), hashes.tolist(), strict=True)
                             if o < before[at] and bin(value ^ h).count("1") <= bits})[: hamming.EARLIEST]
    ]  # fmt: skip
    assert list(zip(asked.tolist(), found.tolist(), strict=True)) == wanted


def test_of_very_many_owners_the_earliest_are_told() -> None:
    index = HammingIndex(3)
    for start in range(0, 20_000, 1000):
        index.add(np.full(1000, 7, np.uint64), np.arange(start, start + 1000))
    asked, found = index.near(np.array([6, 7, 0xFFFF], np.uint64), np.full(3, 20_000))
    assert found.tolist() == [*range(hamming.EARLIEST), *range(hamming.EARLIEST)]
    assert set(asked.tolist()) == {0, 1}


def test_a_picture_that_ever_more_videos_share_costs_each_of_them_the_same() -> None:
    """A card with a little noise: all its hashes are near to each other, and no two of them need be equal."""
    random = np.random.default_rng(4)
    hashes = np.full(12_000, 0x0F1E2D3C4B5A6978, np.uint64)
    for _ in range(3):
        hashes ^= np.uint64(1) << random.integers(0, 64, len(hashes)).astype(np.uint64)
    compared = []
    for count in (3_000, 12_000):
        index = HammingIndex(8)
        index.add(hashes[:count], np.arange(count))
        asked, owners = index.near(hashes[:count:10], np.arange(0, count, 10))
        assert (np.bincount(asked)[10:] == hamming.EARLIEST).all()
        assert owners[asked == asked[-1]].tolist() == list(range(hamming.EARLIEST))
        compared.append(index.compared * 10 / count)
    assert compared[1] < 1.5 * compared[0]
    assert compared[1] < 12_000 / 2


def test_an_empty_index_finds_nothing() -> None:
    asked, found = HammingIndex(6).near(np.array([1, 2], np.uint64), np.array([5, 5]))
    assert len(asked) == len(found) == 0


@given(st.integers(0, 16), st.integers(1, 10**7), st.data())
def test_bands_miss_no_pair(bits: int, count: int, data: st.DataObject) -> None:
    flipped = data.draw(st.sets(st.integers(0, 63), min_size=bits, max_size=bits))
    plan = best_bands(bits, count)
    assert any(sum(shift <= bit < shift + width for bit in flipped) <= radius for shift, width, radius in plan)


def test_distances_without_numpy_2_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 2**64, (2, 50), dtype=np.uint64)
    wanted = [[bin(a ^ b).count("1") for b in right.tolist()] for a in left.tolist()]
    assert distances(left[:, None], right[None]).tolist() == wanted
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert distances(left[:, None], right[None]).tolist() == wanted


def test_the_volume_of_a_ball() -> None:
    assert [volume(16, radius) for radius in range(3)] == [1, 17, 137]
    assert volume(3, 9) == 8
