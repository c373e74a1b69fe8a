"""CR2 of Bell & McCaffrey (2002) with Satterthwaite degrees of freedom, provider effects absorbed.

Residuals of a cluster are multiplied by ``(I - H_gg)^(-1/2)`` so that the variance is unbiased when
errors are independent with variance 1/W (Pustejovsky & Tipton 2018, eq. 8 to 11, and theorem 2: the
effects nested in clusters may be absorbed, the year effects may not). ``I - H_gg`` differs from I
by a matrix of rank q, so that no matrix of the size of a cluster is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consortia.maths.influence import Ints
from consortia.maths.within import Within, by_cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasReduced:
    """``std_error`` and ``dof`` of the coefficient in question; ``effective`` number of clusters
    (Carter, Schnepel & Steigerwald 2017) when errors are independent; ``clusters`` counted."""

    std_error: float
    dof: float
    effective: float
    clusters: int


def cr2(fit: Within, label: Ints, count: int) -> BiasReduced:
    """Clusters ``label`` (n,) in 0..count-1 of whole providers."""
    gram, score = by_cluster(fit, label, count)
    used = np.einsum("gqq->g", gram) > 0
    gram, score = gram[used], score[used]
    p = fit.U.shape[2]
    values, vectors = np.linalg.eigh(fit.bread)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    c = root[:, p - 1]
    leverage, turned = np.linalg.eigh(root @ gram @ root)
    # A direction that one cluster alone decides has residual zero: it is left out.
    alone = leverage > 1 - 1e-9
    factor = np.where(alone, 0.0, 1 / np.sqrt(np.where(alone, 1.0, 1 - leverage)))
    b = np.einsum("gqk,gk,grk,r->gq", turned, factor, turned, c, optimize=True) @ root
    own = np.einsum("gq,gq->g", b, score)
    z = np.einsum("gqr,gr->gq", gram, b)
    d = np.einsum("gq,gq->g", b, z)
    inside = np.einsum("gq,qr,gr->g", z, fit.bread, z)
    middle = root @ (z.T @ z) @ root
    trace = float((d - inside).sum())
    squares = float((d * d).sum() - 2 * (d * inside).sum() + (middle * middle).sum())
    # Residual exposure as a combination of the columns: the row of the pseudo-inverse.
    row = fit.bread[p - 1]
    gamma = np.einsum("q,gqr,r->g", row, gram, row)
    share = gamma / gamma.mean()
    G = int(used.sum())
    return BiasReduced(
        std_error=float(np.sqrt((own * own).sum())),
        dof=trace * trace / squares if squares > 0 else float("nan"),
        effective=G / (1 + float(((share - 1) ** 2).mean())),
        clusters=G,
    )
