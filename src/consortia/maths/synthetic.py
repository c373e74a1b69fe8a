"""Synthetic difference-in-differences for one block: weights of providers and of years.

Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), "Synthetic difference-in-differences",
American Economic Review 111(12): algorithm 1, equations 4 to 6, with the regularisation of
section II.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consortia.maths.influence import Floats
from consortia.maths.simplex import by_active_set, by_dual, by_frank_wolfe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """``omega`` (N,) on comparison providers, ``lam`` (T0,) on years before; ``zeta`` the
    regularisation of omega, ``noise`` the spread of yearly changes that it scales with."""

    omega: Floats
    lam: Floats
    zeta: float
    noise: float


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
    if exact:
        omega = by_dual(A, b, zeta**2)
        lam = by_active_set(L.T @ L / N + small**2 * np.eye(T0), L.T @ l / N)
    else:
        first = (None, None) if like is None else (like.omega / like.omega.sum(), like.lam)
        omega = by_frank_wolfe(A, b, zeta, 1e-5 * noise, first[0])
        lam = by_frank_wolfe(L, l, small, 1e-5 * noise, first[1])
    return Weighting(omega=omega, lam=lam, zeta=zeta, noise=noise)


def gaps(Y: Floats, lam: Floats) -> Floats:
    """Outcomes less their weighted mean of the years before: (..., T)."""
    return Y - (Y[..., : lam.size] @ lam)[..., None]
