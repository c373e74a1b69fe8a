"""Simulation error: bootstrap variance, coverage of the least core, an empty core seen as empty."""

from __future__ import annotations

import numpy as np
import pytest

from consortia.maths.games.coalitions import sizes
from consortia.maths.games.core import least_core
from consortia.maths.games.noise import chance_of_gain, core_under_noise, resampled_means

rng = np.random.default_rng


def test_bootstrap_variance_is_that_of_the_mean() -> None:
    x = rng(1).normal(size=(6, 3))
    drawn = resampled_means(x, 40_000, rng(2))
    np.testing.assert_allclose(drawn.std(axis=0), x.std(axis=0, ddof=1) / np.sqrt(6), rtol=0.03)
    np.testing.assert_allclose(drawn.mean(axis=0), x.mean(axis=0), atol=0.02)
    with pytest.raises(ValueError, match="two seeds"):
        resampled_means(x[:1], 10, rng(1))


def test_rows_stay_together() -> None:
    x = rng(1).normal(size=(5, 1)) @ np.ones((1, 4))
    drawn = resampled_means(x, 50, rng(2))
    np.testing.assert_allclose(drawn, drawn[:, :1] @ np.ones((1, 4)), atol=1e-12)


def games(empty: bool, R: int, seed: int, sd: float) -> np.ndarray:
    """Three players: a majority game has an empty core, one of size squared a large one."""
    v = (sizes(3) >= 2).astype(float) if empty else sizes(3) ** 2.0
    out = v + sd * rng(seed).normal(size=(R, 8))
    out[:, 0] = 0.0
    return out


def test_an_empty_core_is_empty_in_every_draw() -> None:
    found = core_under_noise(games(True, 8, 1, 0.02), 200, rng(3))
    assert found.nonempty == 0
    assert found.draws == 200
    assert found.p_nonempty == 0
    assert found.low <= found.epsilon <= found.high
    assert found.epsilon == pytest.approx(1 / 3, abs=0.03)
    full = core_under_noise(games(False, 8, 1, 0.02), 200, rng(3))
    assert full.p_nonempty == 1
    assert full.epsilon < 0


def test_interval_covers_epsilon() -> None:
    truth = least_core((sizes(3) >= 2).astype(float)).epsilon
    inside = [
        (f := core_under_noise(games(True, 30, s, 0.2), 60, rng(s))).low <= truth <= f.high
        for s in range(24)
    ]
    # 95 % asked: 20 or more of 24 with odds of better than 99 to 1.
    assert sum(inside) >= 20


def test_chance_of_gain() -> None:
    gain = np.array([[1.0, -1.0, 0.5], [2.0, -2.0, -0.5], [1.5, -1.5, 0.0]])
    p = chance_of_gain(gain, 4000, rng(1))
    assert p[0] == 1
    assert p[1] == 0
    assert p[2] == pytest.approx(0.5, abs=0.2)
