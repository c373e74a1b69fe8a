"""How large a restriction may grow before its interval holds zero (Rambachan & Roth 2023, 2.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from consortia.maths.honest.sets import Floats

Bools = NDArray[np.bool_]
_FIRST, _ZOOM = 17, 9
TOLERANCE = 1e-4
"""Of the breakdown value, relative to itself or to ``scale``, whichever is larger."""


def breakdown(
    holds_zero: Callable[[Floats], Bools], *, scale: float = 1.0, most: float = 20.0
) -> float:
    """The bound at which the interval first holds zero; 0 if it does without any, infinite if it
    does not up to ``most`` times ``scale``.

    ``holds_zero`` says it (B,) for bounds (B,). Seventeen bounds are tried between zero and
    ``scale``, then up to twice as far and so on; the first stretch at whose end zero is held is
    divided by eight until it is as short as TOLERANCE asks.
    """
    left, right = 0.0, scale
    while True:
        tried = np.linspace(left, right, _FIRST)
        held = holds_zero(tried)
        if held.any():
            break
        if right >= most * scale:
            return float("inf")
        left, right = right, min(2 * right, most * scale)
    while True:
        at = int(held.argmax())
        if at == 0:
            return float(tried[0])
        left, right = float(tried[at - 1]), float(tried[at])
        if right - left <= TOLERANCE * max(right, scale):
            return (left + right) / 2
        tried = np.linspace(left, right, _ZOOM)
        held = holds_zero(tried).copy()
        # What was found at the ends stands, whatever rounding makes of it the second time.
        held[0], held[-1] = False, True
