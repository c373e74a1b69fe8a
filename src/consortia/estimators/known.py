"""What an estimator would say if the known effects of a simulated panel were all there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from consortia.panel import Arrays
from consortia.results import Fit

Floats = NDArray[np.float64]


def on_known_effects(arrays: Arrays, fit: Fit, again: Callable[[Arrays], Floats]) -> Floats:
    """``again`` (m,) of the arrays whose outcomes are the known effect where the arm is held and 0
    elsewhere; NaN for each effect of ``fit`` where nothing is known."""
    if arrays.truth is None:
        return np.full(fit.theta.size, np.nan)
    effect = np.where(arrays.held & np.isfinite(arrays.truth), arrays.truth, 0.0)
    return again(replace(arrays, Y=np.where(np.isfinite(arrays.Y), effect, np.nan)))
