"""The standard deviation in which an effect is told, and whose it is."""

from __future__ import annotations

import numpy as np

from consortia.panel import Arrays
from consortia.study import Study


def spread(study: Study, arrays: Arrays | None) -> tuple[float, str]:
    """The standard deviation that turns units into standard deviations, and whose it is."""
    outcome = study.outcomes[study.outcome]
    if outcome.sd is not None:
        return outcome.sd, f"stated in the study, between {outcome.sd_of}"
    if arrays is None:
        return float("nan"), "unknown"
    rest = arrays.cohort == arrays.T
    if not rest.any():
        rest = np.ones(arrays.n, dtype=bool)
    seen = np.isfinite(arrays.Y[rest])
    first = int(np.argmax(seen.sum(axis=0) > 1))
    y, w = arrays.Y[rest][:, first], arrays.w[rest]
    ok = np.isfinite(y)
    mean = np.average(y[ok], weights=w[ok])
    sd = float(np.sqrt(np.average((y[ok] - mean) ** 2, weights=w[ok])))
    return sd, f"between the comparison providers, {arrays.years[first]}"
