"""Partial pooling against published figures, and false discoveries by their definition."""

import numpy as np
import pytest

from consortia.maths.shrinkage import discoveries, shrink
from consortia.streams import Streams

# Colditz et al. (1994): BCG vaccine trials, cases and non-cases, vaccinated and not.
BCG = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
        (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619),
        (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
        (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ],
    dtype=np.float64,
)  # fmt: skip


def test_published_meta_analysis() -> None:
    """Log relative risks as R's metafor gives them: Q(12) = 152.2330; tau^2 = 0.3181 by the
    empirical Bayes (Paule-Mandel) estimator, which its page for these data quotes."""
    a, b, c, d = BCG.T
    y = np.log(a / (a + b)) - np.log(c / (c + d))
    v = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    found = shrink(y, v)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert found.dof == 12
    assert found.tau2 == pytest.approx(0.3181, abs=5e-5)
    assert found.mean == pytest.approx(-0.715, abs=1e-3)


def test_root_of_the_estimating_equation_and_means_by_definition() -> None:
    rng = Streams(3).rng()
    v = rng.uniform(0.1, 2, 50)
    y = rng.normal(0.4, 1, 50) + rng.normal(size=50) * np.sqrt(v)
    found = shrink(y, v)
    weight = 1 / (v + found.tau2)
    assert weight @ (y - found.mean) ** 2 == pytest.approx(49, rel=1e-9)


def test_eight_schools() -> None:
    """Rubin (1981) as in Gelman et al. (2013, table 5.3): the posterior medians of the eight, from
    200 draws there, hence the tolerance; and the test that all are the same."""
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    v = np.array([15.0, 10, 16, 11, 9, 11, 10, 18]) ** 2
    found = shrink(y, v)
    assert found.theta == pytest.approx([10, 8, 7, 8, 5, 6, 10, 8], abs=1.6)
    assert found.q < found.dof
    assert found.mean == pytest.approx(7.7, abs=0.05), "the pooled estimate, its error 4.1"
    assert found.mean_se == pytest.approx(4.1, abs=0.05)


def test_posterior_by_sampling() -> None:
    """The same posterior by brute force: mu, tau and effects drawn, weighed by their likelihood."""
    rng = Streams(6).rng()
    y, v = np.array([1.0, -0.5, 2.5, 0.3]), np.array([0.5, 0.3, 0.8, 0.2])
    tau = rng.uniform(0, 3 * np.std(y, ddof=1), 400_000)
    mu = rng.uniform(-6, 7, tau.size)
    theta = mu[:, None] + tau[:, None] * rng.normal(size=(tau.size, 4))
    weight = np.exp(-0.5 * ((y - theta) ** 2 / v).sum(axis=1))
    weight /= weight.sum()
    found = shrink(y, v)
    mean = weight @ theta
    np.testing.assert_allclose(found.theta, mean, atol=0.03)
    np.testing.assert_allclose(found.se, np.sqrt(weight @ (theta - mean) ** 2), atol=0.03)


def test_no_more_spread_than_chance_pools_altogether() -> None:
    found = shrink(np.array([1.0, 1.1, 0.9]), np.array([1.0, 2.0, 1.0]))
    assert found.tau2 == 0
    assert np.ptp(found.theta) < 0.05
    assert found.p > 0.9


@pytest.mark.parametrize("tau", [0.2, 0.7, 1.5])
def test_intervals_of_shrunk_effects_hold_the_truth(tau: float) -> None:
    rng = Streams(5).rng()
    hits = []
    for _ in range(150):
        v = rng.uniform(0.2, 3, 60)
        true = rng.normal(0.3, tau, 60)
        found = shrink(true + rng.normal(size=60) * np.sqrt(v), v)
        hits.append(np.abs(found.theta - true) <= 1.96 * found.se)
    assert 0.92 < np.mean(hits) <= 1 - 0.02 * (tau > 0.5)


def test_refuses_what_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="two estimates or more"):
        shrink(np.array([1.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="each with a variance"):
        shrink(np.array([1.0, 2.0]), np.array([1.0, 0.0]))


def test_discoveries_by_the_step_up_rule() -> None:
    rng = Streams(2).rng()
    p = np.concatenate([rng.uniform(size=30), rng.uniform(0, 1e-3, 10)])
    _, stands = discoveries(p, 0.1)
    ranked = np.sort(p)
    k = max(i + 1 for i in range(40) if ranked[i] <= 0.1 * (i + 1) / 40)
    assert stands.tolist() == (p <= ranked[k - 1]).tolist()
    assert stands.sum() >= 10
