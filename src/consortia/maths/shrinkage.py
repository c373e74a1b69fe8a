"""Many noisy effects at once: how much they truly differ, and each drawn towards their mean.

Estimates ``y_c ~ N(theta_c, v_c)`` of effects ``theta_c ~ N(mu, tau^2)``. The spread reported is
Paule & Mandel's (1982): the tau^2 at which the weighted sum of squares equals its degrees of
freedom. Effects are drawn towards the mean for every tau there may be, each counted by its
posterior under a flat prior (Gelman et al. 2013, eq. 5.17-5.21): intervals at the one best tau hold
the truth too seldom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]

_GRID = 401
"""Values of tau, from none to three times the spread of the estimates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """``theta`` (C,) drawn towards ``mean``, ``se`` (C,) of it; ``tau2`` the variance between;
    ``q``, ``dof``, ``p``: Cochran's test that all effects are the same."""

    theta: Floats
    se: Floats
    mean: float
    mean_se: float
    tau2: float
    q: float
    dof: int
    p: float


def shrink(y: Floats, v: Floats) -> Shrunk:
    """Partial pooling of estimates ``y`` (C,) with variances ``v`` (C,) > 0, at least two.

    Raises ValueError otherwise.
    """
    if y.size < 2 or not (v > 0).all():
        raise ValueError("partial pooling needs two estimates or more, each with a variance")
    dof = y.size - 1
    q = _squares(y, v, 0.0)
    tau2 = 0.0
    if q > dof:
        high = float(np.var(y, ddof=1)) + float(v.max())
        while _squares(y, v, high) > dof:
            high *= 2
        tau2 = float(optimize.brentq(lambda t: _squares(y, v, t) - dof, 0.0, high, xtol=1e-14))
    weight = 1 / (v + tau2)
    mean = float(np.average(y, weights=weight))
    mean_var = float(1 / weight.sum())
    theta, se = _over_spread(y, v)
    return Shrunk(
        theta=theta,
        se=se,
        mean=mean,
        mean_se=float(np.sqrt(mean_var)),
        tau2=tau2,
        q=q,
        dof=dof,
        p=float(stats.chi2.sf(q, dof)),
    )


def _over_spread(y: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Posterior mean and standard deviation of each effect, over a grid of tau."""
    tau = np.linspace(0.0, 3 * float(np.std(y, ddof=1)) + 1e-12, _GRID)
    total = tau[:, None] ** 2 + v[None, :]
    mean_var = 1 / (1 / total).sum(axis=1)
    mean = mean_var * (y[None, :] / total).sum(axis=1)
    log = 0.5 * np.log(mean_var) - 0.5 * (np.log(total) + (y - mean[:, None]) ** 2 / total).sum(
        axis=1
    )
    chance = np.exp(log - log.max())
    chance[[0, -1]] /= 2
    chance /= chance.sum()
    keep = tau[:, None] ** 2 / total
    centre = mean[:, None] + keep * (y - mean[:, None])
    spread = keep * v + (1 - keep) ** 2 * mean_var[:, None]
    theta = chance @ centre
    return theta, np.sqrt(chance @ (spread + (centre - theta) ** 2))


def _squares(y: Floats, v: Floats, tau2: float) -> float:
    weight = 1 / (v + tau2)
    return float(weight @ (y - np.average(y, weights=weight)) ** 2)


def discoveries(p: Floats, rate: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Benjamini & Hochberg's (1995) adjusted p-values (C,), and which stand out at ``rate``."""
    q = np.asarray(stats.false_discovery_control(p, method="bh"), dtype=np.float64)
    return q, q <= rate
