"""How much of the naive gap each of the others carries (Gelbach 2016), from a study's arrays.

The two ends are raw-gap (members against the rest, all years pooled) and two-way with every arm; a
difference between that and the study's own method is about weights on joiners and years, not about
what members bring with them, and is shown beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from consortia.errors import did_you_mean
from consortia.maths.gelbach import decompose
from consortia.panel import Arrays
from consortia.results import EffectKey, Fit
from consortia.study import Study

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One bar of the waterfall: its estimand in the effect table and what it is called."""

    estimand: str
    label: str


def loosened(study: Study) -> Study:
    """The study with its held arms alongside: they must be free to change to carry anything."""
    return study.with_(hold=(), alongside=(*study.hold, *study.alongside))


def gap(
    arrays: Arrays, study: Study, groups: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[tuple[Part, ...], Fit]:
    """The naive gap, its parts, and what is left, with joint influence: theta (B + 4,) in the
    order raw, providers, years, each arm, each group of covariates by year, full.

    ``arrays`` of :func:`loosened`. ``groups`` puts covariates by year together under one name
    (competition: rivals, pressure); the others are parts of their own. Raises NotIdentified when
    the full model cannot tell the arm from the rest, ValueError for a covariate that is not there.
    """
    arms = (*arrays.hold, *arrays.alongside)
    W, dropped = arrays.W, 0
    if arrays.Z.shape[2]:
        holes = (W > 0) & ~np.isfinite(arrays.Z).all(axis=2)
        dropped = int(holes.sum())
        W = np.where(holes, 0.0, W)
    grouped = _grouped(arrays.Z_names, groups or {})
    blocks = [held.on for held in arms]
    blocks += [arrays.Z[:, :, [arrays.Z_names.index(c) for c in of]] for of in grouped.values()]
    found = decompose(arrays.Y, W, arrays.D, blocks)
    parts = (
        Part(estimand="gap-raw", label="members against the rest"),
        Part(estimand="gap:providers", label="what providers differed in all along"),
        Part(estimand="gap:years", label="what changed for everybody"),
        *(Part(estimand=f"gap:{held.name}", label=held.label) for held in arms),
        *(Part(estimand=f"gap:{name}", label=name.replace("_", " ")) for name in grouped),
        Part(estimand="gap-full", label="left: two-way with all of these"),
    )
    cautions = [""] * len(parts)
    for j in range(len(blocks)):
        if found.lost[found.block == j].all():
            cautions[3 + j] = "does not vary within providers: its part is among the providers'"
    notes = [f"{found.cells:,} provider-years in both ends of the decomposition"]
    if dropped:
        notes.append(f"{dropped:,} provider-years without covariates left out of both ends")
    if found.dropped:
        notes.append(f"{found.dropped:,} provider-years that share no years with the rest left out")
    m = len(parts)
    return parts, Fit(
        method="gap",
        keys=tuple(EffectKey(estimand=cast("Any", part.estimand)) for part in parts),
        theta=found.theta,
        influence=found.influence,
        n_treated=np.full(m, found.n_on),
        n_control=np.full(m, found.n_off),
        cautions=tuple(cautions),
        headline=m - 1,
        small_sample="clusters",
        notes=tuple(notes),
    )


def _grouped(
    names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    taken: set[str] = set()
    for name, columns in groups.items():
        for column in columns:
            if column not in names:
                raise ValueError(
                    f"{name}: {column!r} is not a covariate by year. " + did_you_mean(column, names)
                )
            if column in taken:
                raise ValueError(f"{column!r} stands in two groups")
            taken.add(column)
    return {**groups, **{c: (c,) for c in names if c not in taken}}
