"""How strong a cause that nobody recorded would have to be to change an estimate.

Linear regression: Cinelli & Hazlett (2020), "Making sense of sensitivity: extending omitted
variable bias", JRSS B 82(1). With Z unseen, D the exposure, X what is held equal,
``|bias| = se sqrt(dof) sqrt(R2_yz R2_dz / (1 - R2_dz))`` where R2_yz is the partial R2 of Z with
the outcome given D and X, and R2_dz that of Z with D given X.

Any average of effects with a Riesz representer: Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis
(2022), "Long story short: omitted variable bias in causal machine learning", theorem 2:
``|bias| <= S C_Y C_D`` with ``S^2 = E[residual^2] E[alpha^2]``, ``C_Y^2`` the share of the
residual variance that Z would explain and ``C_D^2 = r / (1 - r)``, r the share of the variance of
the long representer that Z would add. For a regression coefficient S = se sqrt(dof) and the two
are the same bound, so that every function of ``scale`` below serves both.
"""

from __future__ import annotations

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def partial_r2(t: float, dof: float) -> float:
    """Partial R2 of the exposure with the outcome from its t statistic (eq. 11)."""
    return t * t / (t * t + dof)


def robustness_value(f: float, critical: float = 0.0) -> float:
    """Share of what is left of both exposure and outcome that a hidden cause has to explain.

    ``f`` >= 0: the distance to be covered (partial Cohen's f of the estimate, times q for a
    reduction by the share q); ``critical``: what the interval takes of it, in the same unit, 0 for
    the estimate itself (Cinelli & Hazlett 2020, eq. 19; where the interval is so wide that
    explaining the outcome costs more precision than it moves the estimate, the second branch of
    their R package, version 0.1.5 on).

    Raises ValueError for a negative distance.
    """
    if f < 0 or critical < 0:
        raise ValueError("distances are zero or above")
    left = f - critical
    if left <= 0:
        return 0.0
    if critical > 0 and f > 1 / critical:
        return float((f**2 - critical**2) / (1 + f**2))
    return float((np.sqrt(left**4 + 4 * left**2) - left**2) / 2)


def bias(scale: float, r2_y: float, r2_d: float) -> float:
    """Largest bias of a cause with these shares; infinite where it decides who joins."""
    if r2_d >= 1:
        return float("inf") if r2_y > 0 else 0.0
    return float(scale * np.sqrt(r2_y * r2_d / (1 - r2_d)))


def towards_zero(estimate: float, size: float) -> float:
    """The estimate less a bias of ``size`` that had carried it away from zero."""
    return estimate - size if estimate >= 0 else estimate + size


def adjusted_se(se: float, dof: float, r2_y: float, r2_d: float) -> float:
    """Standard error had the cause been in the regression (Cinelli & Hazlett 2020, eq. 8)."""
    return float(se * np.sqrt((1 - r2_y) / (1 - r2_d)) * np.sqrt(dof / (dof - 1)))


def needed_on_outcome(scale: float, distance: float, r2_d: Floats) -> Floats:
    """R2_yz (k,) that moves an estimate by ``distance`` given R2_dz (k,): a contour line."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((distance / scale) ** 2 * (1 - r2_d) / r2_d)


def as_strong_as(r2_dx: float, r2_yx: float, k: float) -> tuple[float, float]:
    """(R2_dz, R2_yz) of a cause k times as strong as observed covariates, in linear regression.

    ``r2_dx``: partial R2 of the covariates with the exposure given the others; ``r2_yx``: with the
    outcome given exposure and the others (Cinelli & Hazlett 2020, eq. 14-15 and supplement).
    R2_yz is held to 1. Raises ValueError where no cause can be that strong.
    """
    r2_dz = k * r2_dx / (1 - r2_dx)
    if r2_dz >= 1 or k * r2_dx >= 1:
        raise ValueError(f"nothing can be {k:g} times as strong: it would explain who joins wholly")
    shared = k * r2_dx**2 / ((1 - k * r2_dx) * (1 - r2_dx))
    if shared >= 1:
        raise ValueError(f"nothing can be {k:g} times as strong: it would explain who joins wholly")
    eta = (np.sqrt(k) + np.sqrt(shared)) / np.sqrt(1 - shared)
    return float(r2_dz), float(min(1.0, eta**2 * r2_yx / (1 - r2_yx)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A regression coefficient: estimate, classical standard error, residual degrees of freedom,
    and by group of covariates their partial R2 with the exposure and with the outcome."""

    estimate: float
    se: float
    dof: float
    r2_dx: tuple[float, ...]
    r2_yx: tuple[float, ...]


def from_products(A: Floats, groups: Sequence[Sequence[int]], dof: float) -> Coefficient:
    """The coefficient of the first column on the last from cross-products A (p + 2, p + 2) of
    exposure, p covariates and outcome, fixed effects already taken out.

    ``groups`` of columns whose strength is asked for; ``dof`` of the residual. Raises ValueError
    where the exposure is explained by the covariates.
    """
    q = A.shape[0] - 1
    covariates = list(range(1, q))
    ss_d = _left(A, 0, covariates)
    if not ss_d > 1e-12 * max(A[0, 0], 1e-300):
        raise ValueError("the covariates explain the exposure wholly")
    rest = _left(A, q, [0, *covariates])
    cross = A[0, q] - A[0, covariates] @ _solve(A, covariates, A[covariates, q])
    r2_d: list[float] = []
    r2_y: list[float] = []
    for group in groups:
        others = [j for j in covariates if j not in set(group)]
        without = _left(A, 0, others)
        r2_d.append(float(1 - ss_d / without))
        r2_y.append(float(1 - rest / _left(A, q, [0, *others])))
    return Coefficient(
        estimate=float(cross / ss_d),
        se=float(np.sqrt(rest / dof / ss_d)),
        dof=dof,
        r2_dx=tuple(r2_d),
        r2_yx=tuple(r2_y),
    )


def _solve(A: Floats, rows: list[int], right: Floats) -> Floats:
    if not rows:
        return np.zeros(0)
    found = np.linalg.lstsq(A[np.ix_(rows, rows)], right, rcond=1e-12)[0]
    return np.asarray(found, dtype=np.float64)


def _left(A: Floats, column: int, given: list[int]) -> float:
    """Sum of squares of a column after regression on others."""
    return float(A[column, column] - A[column, given] @ _solve(A, given, A[given, column]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The effect on the treated of one comparison, by regression of the comparison on X.

    ``theta``; ``psi`` (r,) its influence; ``residual`` (r,); ``sigma2`` weighted mean square of the
    residuals and ``nu2`` that of the Riesz representer; ``psi_sigma2`` (r,) influence on sigma2;
    ``spare`` the share of the comparison that is left after fitting X to it: sigma2 / spare and
    nu2 * spare are free of what columns of pure chance would do to them.
    """

    theta: float
    psi: Floats
    residual: Floats
    sigma2: float
    nu2: float
    psi_sigma2: Floats
    spare: float


def on_the_treated(y: Floats, D: NDArray[np.bool_], w: Floats, X: Floats) -> Comparison:
    """Mean of y (r,) among D (r,) less what regression on X (r, p), intercept first, fitted to the
    others, leads one to expect; weights w (r,).

    The estimate is ``sum_i u_i y_i``, u the weights that balance X exactly with the least square
    (so the representer is ``alpha_i = u_i sum(w) / w_i``): more covariates never make nu2 smaller.

    Raises ValueError when either side has no weight.
    """
    total = float(w.sum())
    treated, others = float(w[D].sum()), float(w[~D].sum())
    if treated <= 0 or others <= 0:
        raise ValueError("both sides of a comparison need somebody")
    scale = np.sqrt(np.average(X**2, axis=0, weights=w))
    X = X / np.where(scale > 0, scale, 1.0)
    X0, w0 = X[~D], w[~D]
    gram = X0.T @ (w0[:, None] * X0)
    inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    rank = int(np.linalg.matrix_rank(inverse, hermitian=True))
    beta = inverse @ (X0.T @ (w0 * y[~D]))
    middle = (w[D] @ X[D]) / treated
    u = np.where(D, w / treated, -w * (X @ (inverse @ middle)))
    residual = y - X @ beta
    theta = float((w[D] @ residual[D]) / treated)
    residual = np.where(D, residual - theta, residual)
    square = residual**2
    sigma2 = float(w @ square) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        nu2 = total * float(np.sum(np.where(w > 0, u**2 / w, 0.0)))
    return Comparison(
        theta=theta,
        psi=u * residual,
        residual=residual,
        sigma2=sigma2,
        nu2=nu2,
        psi_sigma2=w * (square - sigma2) / total,
        spare=max(X0.shape[0] - rank, 1) / X0.shape[0],
    )


def gains(short: tuple[float, float], long: tuple[float, float]) -> tuple[float, float]:
    """What covariates are worth, from (sigma2, nu2) without and with them: the share by which they
    cut the residual variance and raise that of the representer, each relative to what stays
    (Chernozhukov et al. 2022, section 4): (for the outcome, for who joins), never below zero."""
    on_outcome = max(0.0, short[0] / long[0] - 1) if long[0] > 0 else float("inf")
    return on_outcome, max(0.0, long[1] / short[1] - 1)


def critical_value(level: float, dof: float) -> float:
    """Two-sided critical value; ``dof`` 0 or infinite for the normal."""
    tail = 0.5 + level / 2
    return float(stats.t.ppf(tail, dof) if 0 < dof < np.inf else stats.norm.ppf(tail))
