"""Paired intervals and the fixed-width rule: SciPy's t-test, coverage, counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from consortia.maths.stopping import FixedWidth, paired, variance_ratio


def test_paired_interval_is_students() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0.4, 1, (9, 3))
    found = paired(x, 0.9)
    test = stats.ttest_1samp(x, 0.0)
    interval = test.confidence_interval(0.9)
    np.testing.assert_allclose(found.low, interval.low)
    np.testing.assert_allclose(found.high, interval.high)
    np.testing.assert_allclose(found.p_positive, 1 - stats.ttest_1samp(
        x, 0.0, alternative="greater").pvalue)  # fmt: skip
    assert found.seeds == 9


def test_seeds_that_agree_exactly() -> None:
    found = paired(np.array([[1.0, 0.0, -2.0]] * 4))
    np.testing.assert_array_equal(found.p_positive, [1.0, 0.5, 0.0])
    np.testing.assert_array_equal(found.low, found.high)
    with pytest.raises(ValueError, match="two seeds"):
        paired(np.zeros((1, 2)))


def drawn(rule: FixedWidth, rng: np.random.Generator, sd: float) -> np.ndarray:
    x = np.empty((0, 1))
    while more := rule.wanted(x):
        x = np.concatenate([x, rng.normal(1.0, sd, (more, 1))])
    return x


def test_rule_covers_nearly_what_it_says() -> None:
    rule = FixedWidth(width=0.5, least=10, most=400, level=0.95)
    rng = np.random.default_rng(2)
    inside, seeds = 0, []
    for _ in range(600):
        x = drawn(rule, rng, 1.0)
        found = paired(x)
        inside += bool(found.low[0] <= 1.0 <= found.high[0])
        seeds.append(len(x))
        assert found.high[0] - found.estimate[0] <= 0.5
    # (1.96 / 0.5)^2 = 15.4 seeds if the spread were known; stopping early costs a little coverage.
    assert 15 < np.mean(seeds) < 21
    assert 0.91 < inside / 600 < 0.97


def test_rule_never_exceeds_most_and_never_stops_before_least() -> None:
    rng = np.random.default_rng(3)
    assert len(drawn(FixedWidth(width=1e-6, least=4, most=11), rng, 1.0)) == 11
    assert len(drawn(FixedWidth(width=1e6, least=4, most=11), rng, 1.0)) == 4
    assert len(drawn(FixedWidth(width=None, least=4, most=11), rng, 1.0)) == 4
    assert len(drawn(FixedWidth(width=0.1, least=2, most=11), rng, 0.0)) == 2
    for bad in ({"least": 1}, {"least": 9, "most": 8}, {"width": 0.0}, {"level": 0.4}):
        with pytest.raises(ValueError, match=r"need|above|level"):
            FixedWidth(**bad)  # type: ignore[arg-type]


def test_variance_ratio() -> None:
    rng = np.random.default_rng(4)
    shared, noise = rng.normal(0, 3, 20_000), rng.normal(0, 1, (2, 20_000))
    found = variance_ratio(shared + noise[0], shared + noise[1])
    assert found == pytest.approx(2 * (9 + 1) / 2, rel=0.05)
    assert np.isinf(variance_ratio(shared, shared))
