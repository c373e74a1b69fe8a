"""Who falls out of an estimate, step by step, and who is left."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from consortia.panel import Arrays, FlowStep

Bools = NDArray[np.bool_]
Drop = tuple[str, Bools, str]
"""The step, the providers (n,) that it leaves out, and why."""


def early(arrays: Arrays) -> Drop:
    """Members from before anything was seen."""
    return (
        "already joined before the first year",
        arrays.cohort == 0,
        "nothing known from before",
    )


def flow(
    arrays: Arrays, drops: Iterable[Drop], compared: str, *, seen: Bools | None = None
) -> tuple[FlowStep, ...]:
    """Every provider counted once, at the first step that leaves it out; those left are
    ``compared``. Steps that leave nobody out are not told. ``seen`` (n, T): the cells that count,
    by default those with a result."""
    cells = (np.isfinite(arrays.Y) if seen is None else seen).sum(axis=1)
    left = np.ones(arrays.n, dtype=np.bool_)
    steps: list[FlowStep] = []

    def tell(step: str, rows: Bools, why: str, kind: str = "drop") -> None:
        count, years = int(rows.sum()), int(cells[rows].sum())
        steps.append(FlowStep(step=step, providers=count, provider_years=years, why=why, kind=kind))

    for step, rows, why in drops:
        mine = rows & left
        if mine.any():
            tell(step, mine, why)
            left &= ~mine
    tell("compared", left, compared, "end")
    return tuple(steps)
