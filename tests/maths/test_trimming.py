"""Lee's bounds: every subset tried, the spread of many samples, and Imbens & Manski's interval."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from consortia.maths.trimming import either_end, lee_bounds
from consortia.streams import Streams


def sample(seed: int, n: int, stay: tuple[float, float] = (0.9, 0.6)):
    rng = Streams(seed).at("lee").rng()
    D = rng.random(n) < 0.5
    y = rng.normal(size=n) + 0.5 * D
    S = rng.random(n) < np.where(D, *stay)
    return y, S, D


@pytest.mark.parametrize("more", [True, False])
def test_bounds_are_the_extremes_over_all_subsets(more: bool) -> None:
    """8 of 10 seen on one side, 4 of 10 on the other: half of the eight are trimmed."""
    rng = Streams(2).at("subsets").rng()
    y = rng.normal(size=20)
    D = np.arange(20) < 10
    S = np.zeros(20, dtype=bool)
    S[[0, 1, 2, 3, 10, 11, 12, 13]] = True
    S[[4, 5, 6, 7] if more else [14, 15, 16, 17]] = True
    b = lee_bounds(y, S, D, np.ones(20))
    assert b.trimmed == pytest.approx(0.5)
    assert b.joiners_trimmed is more
    side, other = (more == D) & S, (more != D) & S
    means = [np.mean(c) for c in combinations(y[side], 4)]
    rest = y[other].mean()
    ends = (min(means) - rest, max(means) - rest)
    if not more:
        ends = (-ends[1], -ends[0])
    assert (b.low, b.high) == pytest.approx(ends, abs=1e-12)
    assert b.low <= b.plain <= b.high


def test_weights_count_as_copies() -> None:
    y, S, D = sample(3, 60)
    w = Streams(3).at("w").rng().integers(1, 4, size=60)
    a = lee_bounds(y, S, D, w.astype(float))
    b = lee_bounds(np.repeat(y, w), np.repeat(S, w), np.repeat(D, w), np.ones(int(w.sum())))
    assert (a.low, a.high, a.trimmed) == pytest.approx((b.low, b.high, b.trimmed), abs=1e-12)


def test_equal_rates_leave_nothing_to_bound() -> None:
    y, _, D = sample(4, 50)
    b = lee_bounds(y, np.ones(50, dtype=bool), D, np.ones(50))
    assert b.low == pytest.approx(b.high, abs=1e-12)
    assert b.trimmed == 0
    with pytest.raises(ValueError, match="somebody who is seen"):
        lee_bounds(y, D, D, np.ones(50))


@pytest.mark.parametrize("stay", [(0.9, 0.6), (0.6, 0.85)])
def test_standard_errors_are_the_spread_of_many_samples(stay: tuple[float, float]) -> None:
    found, errors = [], []
    for seed in range(400):
        y, S, D = sample(10_000 + seed, 800, stay)
        b = lee_bounds(y, S, D, np.ones(800))
        found.append((b.low, b.high, b.plain))
        errors.append([np.sqrt((psi**2).sum()) for psi in (b.psi_low, b.psi_high, b.psi_plain)])
    spread = np.std(found, axis=0, ddof=1)
    # 400 samples know a standard deviation to 3.5 %.
    assert np.mean(errors, axis=0) == pytest.approx(spread, rel=0.11)


def test_bounds_in_a_known_world() -> None:
    """Standard normal outcomes without effect, all seen on one side, half on the other."""
    rng = Streams(6).at("large").rng()
    n = 200_000
    D = rng.random(n) < 0.5
    y = rng.normal(size=n)
    S = D | (rng.random(n) < 0.5)
    b = lee_bounds(y, S, D, np.ones(n))
    half = stats.norm.pdf(0) / 0.5
    assert (b.low, b.high) == pytest.approx((-half, half), abs=0.02)


def test_interval_for_the_effect_itself() -> None:
    assert either_end(0.0, 0.0, 1.0, 1.0, 0.95) == pytest.approx(1.959964, abs=1e-5)
    assert either_end(0.0, 50.0, 1.0, 1.0, 0.95) == pytest.approx(1.644854, abs=1e-5)
    c = either_end(0.0, 1.0, 0.8, 1.0, 0.9)
    assert stats.norm.cdf(c + 1.0) - stats.norm.cdf(-c) == pytest.approx(0.9)
    assert either_end(0.0, 1.0, 0.0, 0.0, 0.95) == 0.0
