"""What simulation error does to answers about coalitions: a bootstrap over paired seeds.

Every coalition was simulated under the same R seeds; resampling the seeds, whole rows at a time,
keeps what they have in common. Never a bare yes or no: "the core is empty in 200 of 200".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consortia.maths.games.coalitions import Floats
from consortia.maths.games.core import least_core


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreUnderNoise:
    """``epsilon`` of the mean game with its interval, and in how many of ``draws`` bootstrap games
    the core was not empty. Noise pushes epsilon up: the largest of many noisy excesses is too
    large on average, so with few ``seeds`` an empty core may be the noise's."""

    epsilon: float
    low: float
    high: float
    nonempty: int
    draws: int
    seeds: int

    @property
    def p_nonempty(self) -> float:
        return self.nonempty / self.draws


def resampled_means(by_seed: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Bootstrap means (draws, ...) of ``by_seed`` (R, ...), seeds drawn with replacement.

    Stretched about the mean by sqrt(R / (R - 1)), so that their variance is the unbiased one with
    few seeds as well. Raises ValueError for fewer than two seeds.
    """
    R = by_seed.shape[0]
    if R < 2:
        raise ValueError("simulation error needs at least two seeds")
    counts = rng.multinomial(R, np.full(R, 1 / R), size=draws) / R
    flat = by_seed.reshape(R, -1)
    mean = flat.mean(axis=0)
    drawn = mean + np.sqrt(R / (R - 1)) * ((counts - 1 / R) @ flat)
    return drawn.reshape(draws, *by_seed.shape[1:])


def core_under_noise(
    v_by_seed: Floats,
    draws: int,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    per_capita: bool = False,
) -> CoreUnderNoise:
    """The least core of games simulated under R seeds, ``v_by_seed`` (R, 2^n).

    The interval is that of the bootstrap's percentiles.
    """
    games = resampled_means(v_by_seed, draws, rng)
    games[:, 0] = 0.0
    found = [least_core(v, per_capita=per_capita) for v in games]
    epsilons = np.array([f.epsilon for f in found])
    low, high = np.quantile(epsilons, [(1 - level) / 2, (1 + level) / 2])
    middle = v_by_seed.mean(axis=0)
    middle[0] = 0.0
    return CoreUnderNoise(
        epsilon=least_core(middle, per_capita=per_capita).epsilon,
        low=float(low),
        high=float(high),
        nonempty=sum(not f.core_is_empty for f in found),
        draws=draws,
        seeds=int(v_by_seed.shape[0]),
    )


def chance_of_gain(gain_by_seed: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """How often each player's mean gain (R, n) is above zero in the bootstrap (n,)."""
    return (resampled_means(gain_by_seed, draws, rng) > 0).mean(axis=0)
