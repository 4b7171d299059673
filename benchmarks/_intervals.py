"""Statistics of the proofs: intervals over seeds and prompts, what can be seen, distances between features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


def interval(statistic: Callable[..., Any], seeds: Sequence[int], items: int, times: int = 4000) -> Any:
    """The ends (2, ...) of the 95 % interval of a statistic, with the seeds and the items drawn again with replacement.

    ``statistic`` is called with the places of the seeds drawn of each arm, which has ``seeds`` of them, then with those
    of the items (prompts, videos), which are the same in all arms.
    """
    rng = np.random.default_rng(0)
    every = [statistic(*(rng.integers(0, many, many) for many in (*seeds, items))) for _ in range(times)]
    return np.quantile(every, (0.025, 0.975), axis=0)


def bootstrapped(values: Any, times: int = 4000) -> tuple[float, float]:
    """The 95 % interval of the mean of (seed, prompt), both drawn again with replacement."""
    seeds, prompts = values.shape
    low, high = interval(lambda mine, at: values[mine][:, at].mean(), [seeds], prompts, times)
    return float(low), float(high)


def power(prompts: int, seeds: int, trials: int = 300) -> Iterator[tuple[float, float]]:
    """How often a true difference is found (interval above 0), by simulation of the test as it is done.

    A prompt succeeds in either arm with a chance that differs from prompt to prompt (standard deviation of the logit
    1.5, common to both arms) around 50 %, where a difference is hardest to see; a seed moves the logit of one arm by a
    normal number with the deviation 0.1 (2.5 points).
    """
    rng = np.random.default_rng(1)
    for difference in (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10):
        found = 0
        for _ in range(trials):
            hard = rng.normal(0, 1.5, prompts)
            gap = 4 * difference * 1.35  # in logits: near 50 % a point is 1/25 of a logit, less as prompts differ
            arms = [
                rng.random((seeds, prompts)) < 1 / (1 + np.exp(-(hard + shift + rng.normal(0, 0.1, (seeds, 1)))))
                for shift in (-gap / 2, gap / 2)
            ]
            low, _ = bootstrapped(arms[1].astype(float) - arms[0], times=400)
            found += low > 0
        yield difference, found / trials


def frechet(one: Any, two: Any) -> float:
    """Between two sets of features, taken as normal."""
    first, second = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    # The trace of the square root is the sum of the roots of the eigenvalues, which are real and not negative.
    roots = np.sqrt(np.clip(np.linalg.eigvals(first @ second).real, 0, None))
    return float(((one.mean(0) - two.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * roots.sum())


def mmd(one: Any, two: Any) -> float:
    """Unbiased, with the kernel (x y / d + 1)^3; below 0 by chance where both are alike."""
    width, n, m = one.shape[1], len(one), len(two)

    def kernel(x: Any, y: Any) -> Any:
        return (x @ y.T / width + 1) ** 3

    first, second = kernel(one, one), kernel(two, two)
    return float((first.sum() - np.trace(first)) / (n * (n - 1)) + (second.sum() - np.trace(second)) / (m * (m - 1))
                 - 2 * kernel(one, two).mean())  # fmt: skip
