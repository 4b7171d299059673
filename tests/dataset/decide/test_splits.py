from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sharegpt4video.dataset.decide.splits import SPLITS, split_of
from sharegpt4video.dataset.settings import SplitSettings

IDS = [f"{value:032x}" for value in range(20_000)]


def counts(settings: SplitSettings, ids: list[str] = IDS) -> list[int]:
    found = Counter(split_of(id, settings) for id in ids)
    return [found[split] for split in SPLITS]


def chi_square(seen: list[int], shares: list[float]) -> float:
    wanted = np.array(shares) * sum(seen)
    return float(((np.array(seen) - wanted) ** 2 / wanted).sum())


@pytest.mark.parametrize("seed", range(5))
def test_splits_have_their_shares(seed: int) -> None:
    seen = counts(SplitSettings(val=0.05, test=0.1, seed=seed))
    assert chi_square(seen, [0.85, 0.05, 0.1]) < 18.4, "one chance in ten thousand, with two degrees of freedom"


def test_the_numbers_behind_splits_are_uniform() -> None:
    tenths = [counts(SplitSettings(test=n / 10))[SPLITS.index("test")] for n in range(10)]
    seen = np.diff([*tenths, len(IDS)]).tolist()
    assert chi_square(seen, [0.1] * 10) < 33.7, "one chance in ten thousand, with nine degrees of freedom"


def test_seeds_divide_independently() -> None:
    one, other = (np.array([split_of(id, SplitSettings(test=0.5, seed=n)) == "test" for id in IDS]) for n in (1, 2))
    assert abs((one == other).mean() - 0.5) < 0.02


def test_without_shares_everything_is_for_training() -> None:
    assert counts(SplitSettings()) == [len(IDS), 0, 0]


def test_a_larger_share_only_takes_from_training() -> None:
    before, after = SplitSettings(val=0.1, test=0.1), SplitSettings(val=0.2, test=0.3)
    for group in IDS[:2000]:
        was = split_of(group, before)
        assert was == "train" or split_of(group, after) == was


def test_a_split_is_a_matter_of_the_id_alone() -> None:
    settings = SplitSettings(val=0.2, test=0.2, seed=7)
    alone = {group: split_of(group, settings) for group in reversed(IDS[:500])}
    assert [split_of(group, settings) for group in IDS[:500]] == [alone[group] for group in IDS[:500]]


def test_splits_never_change_between_versions() -> None:
    """Worked out with b2sum's library outside of the package: a stored data set must not be dealt anew."""
    settings = SplitSettings(val=0.3, test=0.3)
    assert [split_of(group, settings) for group in IDS[:6]] == FROZEN


FROZEN = ["test", "train", "val", "test", "test", "val"]
