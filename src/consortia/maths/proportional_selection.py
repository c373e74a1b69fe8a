"""Selection on the unobserved in proportion to selection on the observed: Oster (2019).

Oster, E. (2019), "Unobservable selection and coefficient stability: theory and evidence", Journal
of Business & Economic Statistics 37(2). The outcome is ``beta X + W1 + W2 + noise``, W1 an index of
the observed controls, W2 of the unobserved, uncorrelated with W1; ``delta`` is how strongly X goes
with W2 as compared with W1: ``cov(W2, X) / var W2 = delta cov(W1, X) / var W1``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The regression without controls (``beta0``, ``r2_0``) and with them (``beta1``, ``r2_1``);
    ``var_y``, ``var_x`` and ``left_x``, the variance of X that the controls do not explain."""

    beta0: float
    r2_0: float
    beta1: float
    r2_1: float
    var_y: float
    var_x: float
    left_x: float


def pair(A: Floats) -> Pair:
    """Both regressions from cross-products A (p + 2, p + 2) of exposure, controls, outcome, with
    means and fixed effects taken out (R2 are then what is explained of what those leave).

    Raises ValueError without variation in outcome or exposure.
    """
    q = A.shape[0] - 1
    z = list(range(1, q))
    if not (A[0, 0] > 0 and A[q, q] > 0):
        raise ValueError("exposure and outcome have to vary")
    beta0 = float(A[0, q] / A[0, 0])
    onto = np.linalg.lstsq(A[np.ix_(z, z)], A[np.ix_(z, [0, q])], rcond=1e-12)[0]
    left = A[np.ix_([0, q], [0, q])] - A[np.ix_([0, q], z)] @ onto
    if not left[0, 0] > 1e-12 * A[0, 0]:
        raise ValueError("the controls explain the exposure wholly")
    beta1 = float(left[0, 1] / left[0, 0])
    rest = float(left[1, 1] - beta1 * left[0, 1])
    return Pair(
        beta0=beta0,
        r2_0=float(beta0 * A[0, q] / A[q, q]),
        beta1=beta1,
        r2_1=float(1 - rest / A[q, q]),
        var_y=float(A[q, q]),
        var_x=float(A[0, 0]),
        left_x=float(left[0, 0]),
    )


def delta_for(p: Pair, rmax: float, beta: float = 0.0) -> float:
    """How much more strongly than on the observed, selection on the unobserved would have to work
    for the effect to be ``beta`` (Oster 2019, proposition 3); infinite where no delta does it."""
    v = p.beta1 - beta
    gap, d = p.beta0 - p.beta1, (p.r2_1 - p.r2_0) * p.var_y
    room = (rmax - p.r2_1) * p.var_y
    cubic = p.left_x * p.var_x - p.left_x**2
    top = (
        v * d * p.left_x
        + v * p.var_x * p.left_x * gap**2
        + 2 * v**2 * p.left_x * gap * p.var_x
        + v**3 * cubic
    )
    bottom = (
        room * gap * p.var_x
        + v * room * (p.var_x - p.left_x)
        + v**2 * p.left_x * gap * p.var_x
        + v**3 * cubic
    )
    return float(top / bottom) if bottom != 0 else float("inf")


def adjusted(p: Pair, rmax: float, delta: float = 1.0) -> Floats:
    """Effects that are consistent with ``delta`` (Oster 2019, proposition 2), the one to report
    first: those by which the observed index keeps its direction (assumption 3) before others, and
    among them the nearest to the estimate with controls. Empty where there is none."""
    gap, d = p.beta0 - p.beta1, (p.r2_1 - p.r2_0) * p.var_y
    room = (rmax - p.r2_1) * p.var_y
    coefficients = [
        (delta - 1) * (p.left_x * p.var_x - p.left_x**2),
        p.left_x * gap * p.var_x * (delta - 2),
        delta * room * (p.var_x - p.left_x) - d * p.left_x - p.var_x * p.left_x * gap**2,
        delta * room * gap * p.var_x,
    ]
    scale = max(abs(c) for c in coefficients)
    if scale == 0:
        return np.zeros(0)
    while coefficients and abs(coefficients[0]) < 1e-14 * scale:
        coefficients = coefficients[1:]
    roots = np.roots(coefficients)
    real = np.real(roots[np.abs(np.imag(roots)) <= 1e-8 * (1 + np.abs(roots))])
    index = gap * p.var_x
    turns = np.sign(index + real * (p.var_x - p.left_x)) != np.sign(index)
    order = np.lexsort((np.abs(real), turns))
    return np.asarray(p.beta1 - real[order], dtype=np.float64)
