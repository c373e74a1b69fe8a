"""The two-way regression of a trial, as its cluster sums are made from."""

from __future__ import annotations

import numpy as np

from consortia.maths.within import Within, within
from consortia.panel import Arrays


def regression(arrays: Arrays) -> Within | None:
    """Outcome on held arms, covariates by year and exposure, with provider and year effects, as the
    method two-way has it; None where exposure cannot be told apart."""
    W = arrays.W
    if arrays.Z.shape[2]:
        W = np.where(np.isfinite(arrays.Z).all(axis=2), W, 0.0)
    columns = [h.on if h.dose is None else h.dose for h in arrays.hold]
    columns += [arrays.Z[:, :, j] for j in range(arrays.Z.shape[2])]
    columns.append(arrays.held if arrays.dose is None else arrays.dose)
    return within(arrays.Y, W, np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=2))
