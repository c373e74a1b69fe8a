"""Regression to the mean: how far what was low by chance comes back by itself.

Results of a provider: a level of its own, and chance around it that lasts for a while, with
variance s2 and correlation rho_k at a distance of k years. Whoever is picked for a low result in
the base year comes back by ``(1 - rho) dip`` of it, the dip measured from the level. Seen from
earlier years (themselves touched by chance that lasts) the dip is ``(1 - rho_e)`` of that one, so

    expected return = (g0 - g_after) / (g0 - g_before) x observed dip,

g the autocovariances of results of those not picked: the level, which is in all of them, drops out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def share_returning(base: Floats, before: Floats, after: Floats, w: Floats) -> float | None:
    """(g0 - g_after) / (g0 - g_before) from results of the comparison (r,) in the base year, in the
    years before it and in the years after (means of several years), weights w (r,).

    It is the slope of ``base - after`` on ``base - before`` with ``base`` as the instrument. None
    where the results of the base year tell nothing about a dip.
    """
    middle = base - np.average(base, weights=w)
    below = float(w @ (middle * (base - before)))
    above = float(w @ (middle * (base - after)))
    if below <= 1e-9 * float(w @ middle**2):
        return None
    return above / below
