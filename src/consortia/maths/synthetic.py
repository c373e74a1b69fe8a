"""Synthetic difference-in-differences for one block: weights of providers and of years.

Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), "Synthetic difference-in-differences",
American Economic Review 111(12): algorithm 1, equations 4 to 6, with the regularisation of
section II.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from consortia.maths.influence import Floats, Ints
from consortia.maths.simplex import (
    by_active_set,
    by_dual,
    by_frank_wolfe,
    by_frank_wolfe_gram,
    by_frank_wolfe_without,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """``omega`` (N,) on comparison providers, ``lam`` (T0,) on years before; ``zeta`` the
    regularisation of omega, ``noise`` the spread of yearly changes that it scales with; ``dual`` of
    the problem of omega, where it was solved exactly."""

    omega: Floats
    lam: Floats
    zeta: float
    noise: float
    dual: Floats | None = None


def weighting(
    C: Floats,
    treated: Floats,
    T0: int,
    n_treated: int,
    *,
    exact: bool = True,
    like: Weighting | None = None,
) -> Weighting:
    """Weights for comparison outcomes C (N, T) and mean treated outcomes (T,), treated from T0 on.

    With one year before, or comparison providers that all moved alike, nothing distinguishes one
    from another: equal weights. ``exact`` takes the minimum itself; otherwise the authors' steps.
    ``like`` gives the regularisation (and the start of the steps), as for a placebo.
    """
    N, T = C.shape
    before = C[:, :T0]
    changes = np.diff(before, axis=1)
    noise = like.noise if like else float(changes.std(ddof=1)) if changes.size > 1 else 0.0
    zeta = like.zeta if like else float(n_treated * (T - T0)) ** 0.25 * noise
    if T0 < 2 or noise == 0:
        return Weighting(omega=np.ones(N) / N, lam=np.ones(T0) / T0, zeta=zeta, noise=noise)
    # Taking means off is the free intercept.
    A = before.T - before.mean(axis=1)
    b = treated[:T0] - treated[:T0].mean()
    L = before - before.mean(axis=0)
    after = C[:, T0:].mean(axis=1)
    l = after - after.mean()
    small = 1e-6 * noise
    dual: Floats | None = None
    if exact:
        omega, dual = by_dual(A, b, zeta**2, None if like is None else like.dual)
        lam = by_active_set(L.T @ L / N + small**2 * np.eye(T0), L.T @ l / N)
    else:
        first = (None, None) if like is None else (like.omega / like.omega.sum(), like.lam)
        omega = by_frank_wolfe(A, b, zeta, 1e-5 * noise, first[0])
        lam = by_frank_wolfe(L, l, small, 1e-5 * noise, first[1])
    return Weighting(omega=omega, lam=lam, zeta=zeta, noise=noise, dual=dual)


def placebo_effects(
    C: Floats, stand: Ints, taken: Ints, weights: Floats, like: Weighting, *, exact: bool
) -> Floats:
    """What is "found" (P, T) where comparison providers stand in for the joiners, P times.

    C (N, T) comparison outcomes; ``stand`` (P, J) who stands in, with the joiners' ``weights``
    (J,); ``taken`` (P, k) who is not in the comparison then, those who stand in included;
    ``like``: the weights of the answer, whose regularisation stays and which the search starts
    from.
    """
    T0, N = like.lam.size, C.shape[0]
    share = weights / weights.sum()
    means = np.einsum("pjt,j->pt", C[stand], share)
    if exact or like.noise == 0 or T0 < 2:
        out = np.empty_like(means)
        rest = np.ones(N, dtype=np.bool_)
        for p, gone in enumerate(taken):
            rest[gone] = False
            others = C[rest]
            omega = like.omega[rest]
            start = replace(like, omega=omega if omega.sum() > 0 else np.ones(omega.size))
            n = stand.shape[1]
            found = weighting(others, means[p], T0, n, exact=exact, like=start)
            out[p] = gaps(means[p], found.lam) - found.omega @ gaps(others, found.lam)
            rest[gone] = True
        return out
    omega, lam = _frank_wolfe_of_placebos(C, means, taken, like)
    within = gaps_of_each(means, lam)
    return (
        within
        - np.einsum("pn,nt->pt", omega, C)
        + np.einsum("pn,nt,pt->p", omega, C[:, :T0], lam, optimize=True)[:, None]
    )


def gaps_of_each(Y: Floats, lam: Floats) -> Floats:
    """Outcomes (P, T) less their mean under weights (P, T0) of the years before."""
    return Y - (Y[:, : lam.shape[1]] * lam).sum(axis=1, keepdims=True)


def _frank_wolfe_of_placebos(
    C: Floats, means: Floats, taken: Ints, like: Weighting
) -> tuple[Floats, Floats]:
    """Both kinds of weights (P, N), (P, T0) by the authors' steps, all placebos side by side."""
    T0, N = like.lam.size, C.shape[0]
    before = C[:, :T0]
    A = before.T - before.mean(axis=1)
    b = means[:, :T0] - means[:, :T0].mean(axis=1, keepdims=True)
    start = np.tile(like.omega, (means.shape[0], 1))
    np.put_along_axis(start, taken, 0.0, axis=1)
    empty = start.sum(axis=1) == 0
    start[empty] = 1.0
    np.put_along_axis(start, taken, 0.0, axis=1)
    start /= start.sum(axis=1, keepdims=True)
    small = 1e-6 * like.noise
    omega = by_frank_wolfe_without(A, b, taken, like.zeta, 1e-5 * like.noise, start)
    # Years: moments of all, less those of who is taken out, about the mean of the rest.
    values = np.column_stack([before, C[:, T0:].mean(axis=1)])
    values = values - values.mean(axis=0)
    gone = values[taken]
    rest = int(N - taken.shape[1])
    sums = -gone.sum(axis=1)
    S = values.T @ values - np.einsum("pka,pkb->pab", gone, gone)
    S -= sums[:, :, None] * sums[:, None, :] / rest
    lam = by_frank_wolfe_gram(
        S[:, :T0, :T0], S[:, :T0, T0], S[:, T0, T0],
        np.full(int(taken.shape[0]), rest, dtype=np.int64), small, 1e-5 * like.noise, like.lam,
    )  # fmt: skip
    return omega, lam


def gaps(Y: Floats, lam: Floats) -> Floats:
    """Outcomes less their weighted mean of the years before: (..., T)."""
    return Y - (Y[..., : lam.size] @ lam)[..., None]
