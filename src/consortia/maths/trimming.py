"""Bounds when the two sides of a comparison leave at different rates: Lee (2009).

Lee, D. S. (2009), "Training, wages, and sample selection: estimating sharp bounds on treatment
effects", Review of Economic Studies 76(3). If joining moves whether a provider is still seen in one
direction only, those of the side that is seen more who would not have been seen on the other side
are at worst its best, at best its worst: trimming the share ``p = 1 - q_low / q_high`` off either
end bounds the effect on those that are seen either way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """``low``, ``high`` and the ``plain`` difference of those seen, with influences (r,);
    ``trimmed`` share p of the side that is seen more (``joiners_trimmed``: which); ``seen`` shares
    of (joiners, comparison)."""

    low: float
    high: float
    plain: float
    psi_low: Floats
    psi_high: Floats
    psi_plain: Floats
    trimmed: float
    joiners_trimmed: bool
    seen: tuple[float, float]


def lee_bounds(y: Floats, S: Bools, D: Bools, w: Floats) -> Bounds:
    """Bounds on the effect of D (r,) on y (r,), which is read only where S (r,), weights w (r,).

    Influence after Lee (2009, proposition 3): that of the trimmed mean, of its quantile through the
    share trimmed, and of both shares seen. Raises ValueError where a side has nobody seen.
    """
    totals = {d: float(w[d == D].sum()) for d in (True, False)}
    seen = {d: float(w[(d == D) & S].sum()) for d in (True, False)}
    if seen[True] <= 0 or seen[False] <= 0:
        raise ValueError("both sides need somebody who is seen")
    q = {d: seen[d] / totals[d] for d in (True, False)}
    more = bool(q[True] >= q[False])
    less = not more
    p = 1 - q[less] / q[more]
    n = y.size
    mean = {d: float(np.average(y[(d == D) & S], weights=w[(d == D) & S])) for d in (True, False)}
    psi_mean = {d: _mean_psi(y, (d == D) & S, w, mean[d]) for d in (True, False)}
    # Of the share trimmed, from the shares seen on both sides.
    psi_p = np.zeros(n)
    at_less, at_more = np.equal(D, less), np.equal(D, more)
    psi_p[at_less] = -(w * (S - q[less]))[at_less] / totals[less] / q[more]
    psi_p[at_more] = (w * (S - q[more]))[at_more] / totals[more] * q[less] / q[more] ** 2
    rows = at_more & S
    ends: list[tuple[float, Floats]] = []
    for top in (False, True):
        m, cut, phi = _trimmed(y[rows], w[rows], p, top)
        psi = np.zeros(n)
        psi[rows] = phi
        ends.append((m, psi + (m - cut) / (1 - p) * psi_p))
    (low_m, low_psi), (high_m, high_psi) = ends
    if more:
        low, high = low_m - mean[False], high_m - mean[False]
        psi_low, psi_high = low_psi - psi_mean[False], high_psi - psi_mean[False]
    else:
        low, high = mean[True] - high_m, mean[True] - low_m
        psi_low, psi_high = psi_mean[True] - high_psi, psi_mean[True] - low_psi
    return Bounds(
        low=low, high=high, plain=mean[True] - mean[False], psi_low=psi_low, psi_high=psi_high,
        psi_plain=psi_mean[True] - psi_mean[False], trimmed=p, joiners_trimmed=more,
        seen=(q[True], q[False]),
    )  # fmt: skip


def _mean_psi(y: Floats, rows: Bools, w: Floats, mean: float) -> Floats:
    out = np.zeros(y.size)
    out[rows] = w[rows] * (y[rows] - mean) / w[rows].sum()
    return out


def _trimmed(y: Floats, w: Floats, p: float, top: bool) -> tuple[float, float, Floats]:
    """Mean of the highest (``top``) or lowest share 1 - p, where it is cut, and its influence.

    Whoever stands on the cut counts with what is left of the weight.
    """
    order = np.argsort(-y if top else y, kind="stable")
    v = w[order]
    total = float(v.sum())
    room = (1 - p) * total
    before = np.concatenate([[0.0], np.cumsum(v)[:-1]])
    kept = np.clip(room - before, 0.0, v)
    mean = float(kept @ y[order] / kept.sum())
    last = int(np.flatnonzero(kept > 1e-12 * total)[-1])
    cut = float(y[order][last])
    inside = (y >= cut) if top else (y <= cut)
    phi = w / total * (np.where(inside, y - cut, 0.0) / (1 - p) - (mean - cut))
    return mean, cut, phi


def either_end(low: float, high: float, se_low: float, se_high: float, level: float) -> float:
    """Critical value of Imbens & Manski (2004): the interval ``low - c se_low`` to
    ``high + c se_high`` holds the effect itself, wherever between the bounds it lies, with the
    probability ``level``."""
    most = max(se_low, se_high)
    if most <= 0:
        return 0.0
    width = max(high - low, 0.0) / most
    return float(
        optimize.brentq(
            lambda c: stats.norm.cdf(c + width) - stats.norm.cdf(-c) - level, 0.0, 10.0, xtol=1e-10
        )
    )
