"""Arms held fixed: what a provider holds of them by year, and within what it is compared."""

from __future__ import annotations

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false
import numpy as np
import polars as pl

from consortia.arms import arm_years
from consortia.panel import Floats, Held, Ints, Panel
from consortia.sample import Ledger, exposed
from consortia.study import Study, label_of


def held_arm(study: Study, name: str, panel: Panel, index: pl.DataFrame, years: Ints) -> Held:
    found = arm_years(study.arms[name], panel, index, years, study.exposure)
    cohort, _ = exposed(found.span, years)
    return Held(
        name=name,
        label=label_of(study.arms[name], name),
        cohort=cohort,
        on=found.on,
        dose=found.dose,
    )


def regimes(hold: tuple[Held, ...]) -> tuple[Ints | None, tuple[str, ...]]:
    """Codes (n, T) of the vector of arms held in a year, and their names in order of the codes.

    A dosed arm counts by its whole units. None when nothing is held.
    """
    if not hold:
        return None, ("all",)
    code = np.zeros(hold[0].on.shape, dtype=np.int64)
    levels: list[tuple[int, list[int]]] = []
    base = 1
    for h in hold:
        rank, present = h.on.astype(np.int64), [0, 1]
        if h.dose is not None:
            found, rank = np.unique(np.floor(h.dose).astype(np.int64), return_inverse=True)
            present = found.tolist()
        code += rank.reshape(code.shape) * base
        levels.append((base, present))
        base *= len(present)
    if base <= 1 << 20:
        codes = np.flatnonzero(np.bincount(code.ravel(), minlength=base))
        regime = (np.cumsum(np.bincount(codes, minlength=base)) - 1)[code]
    else:
        codes, regime = np.unique(code, return_inverse=True)

    def name(c: int) -> str:
        parts: list[str] = []
        for h, (unit, present) in zip(hold, levels, strict=True):
            level = present[c // unit % len(present)]
            if h.dose is not None and level:
                parts.append(f"with {h.label} ({level})")
            else:
                parts.append(("with " if level else "without ") + h.label)
        return ", ".join(parts)

    names = tuple(name(c) for c in codes.tolist())
    return regime.reshape(code.shape).astype(np.int64), names


def strata(
    hold: tuple[Held, ...], cohort: Ints, Y: Floats, ledger: Ledger
) -> tuple[Ints, tuple[str, ...]]:
    """Regime of the held arms, fixed at the year before joining (joiners) or at the first observed
    year (the rest); years in which the regime differs are blanked and counted.

    A joiner whose held arm changes on joining has no year after joining left: it cannot tell the
    two apart.
    """
    n, T = int(Y.shape[0]), int(Y.shape[1])
    if not hold:
        return np.zeros(n, dtype=np.int64), ("all",)
    code = np.zeros((n, T), dtype=np.int64)
    for bit, h in enumerate(hold):
        code += h.on.astype(np.int64) << bit
    observed = np.isfinite(Y)
    first = np.where(observed.any(axis=1), observed.argmax(axis=1), 0)
    reference = np.where((cohort > 0) & (cohort < T), cohort - 1, first)
    regime = code[np.arange(n), reference]
    changed = (code != regime[:, None]) & observed
    # Once it has changed, later years stay out even if it changes back.
    after_reference = np.arange(T)[None, :] > reference[:, None]
    later = np.logical_or.accumulate(changed & after_reference, axis=1)
    earlier = np.logical_or.accumulate((changed & ~after_reference)[:, ::-1], axis=1)[:, ::-1]
    out = (later | (earlier & ~after_reference)) & observed
    Y[out] = np.nan
    labels = " and ".join(h.label for h in hold)
    whole = out.any(axis=1) & ~np.isfinite(Y).any(axis=1)
    ledger.add(
        f"{labels} changed",
        int(whole.sum()),
        int(out.sum()),
        f"years in which {labels} differs from the year of comparison are left out",
        "cells",
    )
    present, stratum = np.unique(regime, return_inverse=True)
    names = tuple(
        ", ".join(("" if r >> bit & 1 else "not ") + h.label for bit, h in enumerate(hold))
        for r in present.tolist()
    )
    return stratum.astype(np.int64), names
