"""Run until the answer is narrow enough: paired differences and a fixed-width rule.

Chow & Robbins (1965): draw until the interval for a mean is no wider than asked. Stopping when the
interval happens to look narrow makes it cover a little less than its level with few draws, so a
``least`` number is drawn first; from about ten on the loss is small (a coverage run stands in the
tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over seeds with Student's interval; arrays of the shape of one draw."""

    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats
    p_positive: Floats
    seeds: int


def paired(differences: Floats, level: float = 0.95) -> Mean:
    """Mean of paired differences (R, ...) over their R seeds.

    ``p_positive``: chance that the mean is above zero, the interval read as a statement about it;
    where all seeds agree exactly it is 0, 1/2 or 1. Raises ValueError for fewer than two seeds.
    """
    R = differences.shape[0]
    if R < 2:
        raise ValueError("an interval needs at least two seeds")
    estimate = differences.mean(axis=0)
    error = differences.std(axis=0, ddof=1) / np.sqrt(R)
    half = float(stats.t.ppf((1 + level) / 2, R - 1)) * error
    exact = np.sign(estimate) * 1e300
    safe = np.where(error > 0, error, 1.0)
    t = np.asarray(np.where(error > 0, estimate / safe, exact), dtype=np.float64)
    return Mean(
        estimate=np.asarray(estimate),
        std_error=np.asarray(error),
        low=np.asarray(estimate - half),
        high=np.asarray(estimate + half),
        p_positive=np.asarray(special.stdtr(R - 1, t)),
        seeds=R,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedWidth:
    """Stop when every interval is at most ``width`` to either side of its mean, after ``least``
    seeds and never more than ``most``; None draws ``least`` and stops.

    Raises ValueError unless 2 <= least <= most and the width is above zero.
    """

    width: float | None = None
    least: int = 8
    most: int = 64
    level: float = 0.95

    def __post_init__(self) -> None:
        if not 2 <= self.least <= self.most:
            raise ValueError("need 2 <= least <= most seeds")
        if self.width is not None and self.width <= 0:
            raise ValueError("the width must be above zero")
        if not 0.5 <= self.level < 1:
            raise ValueError("the level is a share from 0.5 to below 1")

    def wanted(self, differences: Floats) -> int:
        """Seeds still to draw, given differences (R, ...) so far; 0 when it is enough.

        Draws towards what the spread so far suggests, at most doubling, so that few rounds do.
        """
        R = differences.shape[0]
        if self.least > R:
            return self.least - R
        if self.width is None or self.most <= R:
            return 0
        found = paired(differences, self.level)
        widest = float(np.max(found.high - found.estimate, initial=0.0))
        if widest <= self.width:
            return 0
        guess = int(np.ceil(R * (widest / self.width) ** 2))
        return max(1, min(guess, 2 * R, self.most) - R)


def variance_ratio(with_it: Floats, without: Floats) -> Floats:
    """How many times fewer seeds pairing needs: variance of the difference between independent
    runs over that between paired ones, for draws (R, ...). Infinite where pairs agree exactly, NaN
    where nothing varies."""
    apart = with_it.var(axis=0, ddof=1) + without.var(axis=0, ddof=1)
    together = (with_it - without).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(apart / together)
