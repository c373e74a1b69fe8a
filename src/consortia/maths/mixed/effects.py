"""Predicted effects of levels (BLUPs): how large, how sure, how ranked, and which stand out.

``u_hat = Sigma Z'Py``; ``Var(u_hat - u) = Sigma - Sigma Z'PZ Sigma`` (comparative) and
``Var(u_hat) = Sigma Z'PZ Sigma`` (diagnostic), both with the estimation of the coefficients in
them and the components taken as known (Henderson 1975; Goldstein 2011, section 2.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from consortia.maths.influence import Bools, Floats, Ints
from consortia.maths.mixed import dense
from consortia.maths.mixed.reml import Fit
from consortia.maths.mixed.threads import one_thread

_PAIRS = 2_000
_JOINT = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Predicted effects of one term.

    ``u`` (levels, c); ``comparative`` (levels, c, c) covariance of u_hat - u, for comparing levels
    with one another or with zero; ``diagnostic`` (levels, c, c) covariance of u_hat, for asking
    whether a level fits the model. ``rows`` (levels,) sum of squared weights of the rows of a
    level."""

    term: str
    u: Floats
    comparative: Floats
    diagnostic: Floats
    rows: Floats

    def se(self, column: int = 0) -> Floats:
        """Comparative standard errors (levels,)."""
        return np.sqrt(np.maximum(self.comparative[:, column, column], 0.0))


def effects(fit: Fit, term: str) -> Effects:
    """Predicted effects of a term. ValueError for a term that is not there."""
    names = [t.name for t in fit.terms]
    if term not in names:
        raise ValueError(f"no term {term!r} in {names}")
    with one_thread():
        k = names.index(term)
        point, cross, s2 = fit.point, fit.cross, fit.s2
        c, p = fit.terms[k].width, cross.p
        O = point.solved.L[k] @ point.solved.L[k].T
        span = cross.span(k)
        H = point.solved.H[span, :p].reshape(-1, c, p)
        F = point.solved.blocks(k) - H @ point.Phi @ H.transpose(0, 2, 1)
        diagnostic = s2 * O @ F @ O
        return Effects(
            term=term, u=point.v[span].reshape(-1, c) @ O,
            comparative=s2 * O - diagnostic, diagnostic=diagnostic,
            rows=cross.diagonal(k)[:, 0, 0],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """``low``, ``high`` (levels,): intervals that overlap for two levels unless they differ at the
    given size, on average over pairs; ``factor`` is the multiple of the standard error."""

    low: Floats
    high: Floats
    factor: float


def comparison_intervals(found: Effects, *, column: int = 0, size: float = 0.05) -> Intervals:
    """Intervals for comparing pairs by eye (Goldstein & Healy 1995, J. R. Statist. Soc. A 158)."""
    se = found.se(column)
    z = float(stats.norm.ppf(1 - size / 2))
    used = np.sort(se[se > 0])
    factor = z
    if used.size > 1:
        if used.size > _PAIRS:
            used = used[np.linspace(0, used.size - 1, _PAIRS).astype(np.int64)]
        ratio = np.sqrt(used[:, None] ** 2 + used**2) / (used[:, None] + used)
        factor = z * float(ratio[~np.eye(used.size, dtype=bool)].mean())
    u = found.u[:, column]
    return Intervals(low=u - factor * se, high=u + factor * se, factor=factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Ranks by size of effect (1 = largest): ``mean``, ``low``, ``high`` (levels,), and the
    probability ``top`` (levels,) of belonging to the best ``share`` of levels."""

    mean: Floats
    low: Floats
    high: Floats
    top: Floats
    share: float


def ranks(
    fit: Fit, found: Effects, rng: np.random.Generator, *, draws: int = 2_000,
    level: float = 0.95, share: float = 0.1,
) -> Ranks:  # fmt: skip
    """Ranks with their uncertainty, from draws of the effects of the first column given the data.

    Draws are joint (levels share rows and coefficients) up to 3,000 levels, else level by level.
    """
    q = found.u.shape[0]
    k = [t.name for t in fit.terms].index(found.term)
    noise: Floats
    if q <= _JOINT and isinstance(fit.point.solved, dense.Solved) and fit.terms[k].width == 1:
        noise = rng.standard_normal((draws, q)) @ _half(joint(fit, found.term)).T
    else:
        noise = rng.standard_normal((draws, q)) * found.se()
    order = np.argsort(-(found.u[:, 0] + noise), axis=1)
    rank = np.empty_like(order)
    place: Ints = np.arange(1, q + 1, dtype=np.int64)[None, :]
    np.put_along_axis(rank, order, place, axis=1)
    low, high = np.quantile(rank, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return Ranks(
        mean=rank.mean(axis=0), low=low, high=high,
        top=(rank <= max(1, round(share * q))).mean(axis=0), share=share,
    )  # fmt: skip


def joint(fit: Fit, term: str) -> Floats:
    """Covariance (levels c, levels c) of u_hat - u over all levels of a term, dense path only."""
    k = [t.name for t in fit.terms].index(term)
    solved = fit.point.solved
    if not isinstance(solved, dense.Solved):
        raise ValueError("too many effects for a joint covariance")
    with one_thread():
        span, c = fit.cross.span(k), fit.terms[k].width
        H = solved.H[span, : fit.cross.p]
        F = solved.full(k) - H @ fit.point.Phi @ H.T
        O = np.kron(np.eye(fit.cross.levels[k]), solved.L[k] @ solved.L[k].T) if c > 1 else None
        if O is None:
            o = float(solved.L[k][0, 0] ** 2)
            V = -(o**2) * F
            V.flat[:: V.shape[0] + 1] += o
            return fit.s2 * V
        return fit.s2 * (O - O @ F @ O)


def _half(V: Floats) -> Floats:
    values, vectors = np.linalg.eigh((V + V.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class StandOut:
    """Which levels stand out.

    ``wrong`` (levels,) probability that the level lies on the other side of ``beyond`` than it
    seems; ``above``, ``below`` (levels,) the levels named, such that of all named a share of at
    most ``rate`` is expected to be wrong. ``outlier`` (levels,): levels too far out even for a
    normal distribution of effects, at the same false-discovery rate; ``p_value`` (levels,) its
    test."""

    wrong: Floats
    above: Bools
    below: Bools
    outlier: Bools
    p_value: Floats
    rate: float
    beyond: float


def stand_out(
    found: Effects, *, column: int = 0, rate: float = 0.05, beyond: float = 0.0
) -> StandOut:
    """Levels that stand out, with false-discovery control.

    By the model's own probabilities (local false sign rate: Stephens 2017, Biostatistics 18;
    largest set with mean at most ``rate``: Newton et al. 2004), for effects larger than ``beyond``
    in size. Outliers by Benjamini & Hochberg (1995) on u_hat over its diagnostic standard error."""
    u, se = found.u[:, column], found.se(column)
    known = se > 0
    safe = np.where(known, se, 1.0)
    up = np.where(known, stats.norm.cdf((beyond - u) / safe), 1.0)
    down = np.where(known, stats.norm.cdf((u + beyond) / safe), 1.0)
    wrong = np.minimum(up, down)
    order = np.argsort(wrong, kind="stable")
    mean = np.cumsum(wrong[order]) / np.arange(1, u.size + 1)
    named = np.zeros(u.size, dtype=bool)
    # The mean rises along the order, so the last place below the rate gives the largest set.
    named[order[: int((mean <= rate).sum())]] = True
    spread = np.sqrt(np.maximum(found.diagnostic[:, column, column], 0.0))
    p = np.where(spread > 0, 2 * stats.norm.sf(np.abs(u) / np.where(spread > 0, spread, 1.0)), 1.0)
    by_p = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[by_p] <= rate * np.arange(1, u.size + 1) / u.size)
    outlier = np.zeros(u.size, dtype=bool)
    if passed.size:
        outlier[by_p[: passed[-1] + 1]] = True
    return StandOut(
        wrong=wrong, above=named & (up <= down), below=named & (down < up), outlier=outlier,
        p_value=p, rate=rate, beyond=beyond,
    )  # fmt: skip
