"""The one crossing from words to letters: a Panel and a Study become Arrays.

Each step is a function; every provider or year that falls out is counted with its reason.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.arms import arm_years, column
from consortia.clusters import clusters, compact
from consortia.errors import DataInvalid, NotIdentified, Problem
from consortia.grouping import asked, cell_sums, groupings
from consortia.naming import check_names
from consortia.nearby import points_at, rings_of
from consortia.panel import Arrays, Bools, Floats, Ints, Panel
from consortia.regimes import held_arm, regimes, strata
from consortia.sample import Ledger, exposed, exposure_rules, moved, sample, unknown_columns, window
from consortia.specs import Neighbours, RegimeDid, TwoWay
from consortia.study import Study


def cross(panel: Panel, study: Study) -> Arrays:
    """Letters for one study. Raises DataInvalid for unknown columns, NotIdentified when nothing
    is left to compare."""
    check_names(panel, study)
    ledger = Ledger()
    names, code = _codes(panel.outcomes["provider"])
    ledger.add(
        "in the outcomes file",
        names.len(),
        panel.outcomes.height,
        "every provider with at least one row",
        "start",
    )
    kept = sample(panel, study, names, code, ledger)
    index = pl.DataFrame({"provider": names.filter(pl.Series(kept))}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    rows, i = panel.outcomes, code
    if not kept.all():
        inside = kept[code]
        rows, i = rows.filter(pl.Series(inside)), (np.cumsum(kept) - 1)[code[inside]]
    years, rows, i = window(study, rows, i, ledger)
    shape = (index.height, years.size)
    place = i * years.size + _places_of(rows["year"].to_numpy(), years)
    Y = _matrix(rows[study.outcome], place, shape)

    ledger.add(
        f"{study.outcome_label} missing",
        0,
        rows.height - int(np.isfinite(Y).sum()),
        "the year is left out, other years of the provider stay",
        "cells",
    )
    cell, w = _weights(study, rows, place, shape, Y, ledger)
    X, X_names, Z, Z_names, missing = _covariates(panel, study, index, rows, place, shape)
    if missing.any():
        Y[missing] = np.nan
    ledger.add(
        "fixed covariate missing", int(missing.sum()), 0, "cannot be compared with like providers"
    )

    arm = study.arms[study.arm]
    found = arm_years(arm, panel, index, years, study.exposure)
    cohort, D = exposed(found.span, years)
    exposure_rules(study, found.span, years, Y, cohort, ledger)
    moved(study, found.moves, cohort, years.size, ledger)
    held = {
        name: held_arm(study, name, panel, index, years) for name in (*study.hold, *study.alongside)
    }
    unknown_columns(study, panel, index, years, Y, ledger)
    hold = tuple(held[name] for name in study.hold)
    regime, regime_names = regimes(hold)
    stratum, stratum_names = np.zeros(index.height, dtype=np.int64), ("all",)
    # regime-did censors by cell and two-way has a coefficient for each held arm: both need every
    # year. The others compare within strata that are set once.
    if not isinstance(study.method, RegimeDid | TwoWay):
        stratum, stratum_names = strata(hold, cohort, Y, ledger)

    seen = np.isfinite(Y)
    W = seen.astype(np.float64) if cell is None else np.where(seen, cell, 0.0)
    used: Bools = np.asarray(seen.any(axis=1))
    ledger.add("no usable year", int((~used & ~missing).sum()), 0, "nothing left to compare")
    names = text_array(index["provider"])
    incidence = clusters(panel, study, index)
    truth = None
    if panel.truth is not None:
        known = panel.truth.join(index, on="provider", how="inner").filter(
            pl.col("year").is_in(years.tolist())
        )
        truth = _matrix(
            known["effect"],
            known["row"].to_numpy() * years.size + _places_of(known["year"].to_numpy(), years),
            shape,
        )
    arrays = Arrays(
        provider=names,
        years=years,
        Y=Y,
        W=W,
        w=w,
        cohort=cohort,
        D=D,
        X=X,
        Z=Z,
        X_names=X_names,
        Z_names=Z_names,
        hold=hold,
        alongside=tuple(held[name] for name in study.alongside),
        stratum=stratum,
        stratum_names=stratum_names,
        incidence=incidence,
        cluster_name=study.inference.cluster,
        flow=tuple(ledger.steps),
        cautions=tuple(ledger.cautions),
        truth=truth,
        regime=regime,
        regime_names=regime_names,
        on=found.on if arm.reversible else None,
        dose=found.dose,
        moves=found.moves,
        rings=_rings(panel, study, names, years),
        points=None if study.inference.spatial_km is None else points_at(panel, names),
        groupings=groupings(panel, study, index, years),
        by=None if study.levels is None else column(panel, study.levels.by, index, years),
        sums=None
        if panel.pupils is None or study.outcome not in panel.pupils.columns or not asked(study)
        else cell_sums(panel.pupils, index, years),
    )
    if not used.all():
        arrays = arrays.take(used)
        arrays = replace(arrays, incidence=compact(arrays.incidence))
    if not (arrays.cohort < arrays.T).any():
        raise NotIdentified(
            f"no provider holds {study.arm_label} in any year from {years[0]} to {years[-1]}"
        )
    return arrays


def _rings(panel: Panel, study: Study, names: NDArray[np.str_], years: Ints) -> Ints | None:
    """First year in which others in each ring had joined, where the method asks for it."""
    spec = study.method
    if not isinstance(spec, Neighbours):
        return None
    return rings_of(
        panel,
        study.arms[study.arm],
        study.exposure,
        names,
        years,
        spec.rings,
        at_least=spec.at_least,
        within=spec.within,
        earlier=spec.earlier,
    )


def _codes(providers: pl.Series) -> tuple[pl.Series, Ints]:
    """Sorted distinct names, and for each row the place of its name among them.

    Files are mostly sorted by provider; then one pass over neighbours does, without hashing.
    """
    if providers.is_sorted():
        code = providers.rle_id().to_numpy().astype(np.int64)
        first = np.ones(code.size, dtype=bool)
        first[1:] = code[1:] != code[:-1]
        return providers.filter(pl.Series(first)), code
    names = providers.unique().sort()
    places = names.to_frame("provider").with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    rows = providers.to_frame("provider").join(
        places, on="provider", how="left", maintain_order="left"
    )
    return names, rows["row"].to_numpy().astype(np.int64)


def _places_of(year: NDArray[np.integer], years: Ints) -> Ints:
    """The place of each year among ``years``, which has them all."""
    low = int(years[0])
    place = np.zeros(int(years[-1]) - low + 1, dtype=np.int64)
    place[years - low] = np.arange(years.size)
    return place[year - low]


def _matrix(values: pl.Series, place: Ints, shape: tuple[int, int]) -> Floats:
    """(n, T), NaN where nothing is known; ``place`` is the cell i T + t of each row."""
    out = np.full(shape, np.nan)
    values = values.cast(pl.Float64)
    known = values.fill_null(np.nan) if values.null_count() else values
    out.reshape(-1)[place] = known.to_numpy()
    return out


def text_array(names: pl.Series) -> NDArray[np.str_]:
    """As NumPy holds text: every name in the width of the longest."""
    width = names.str.len_bytes().max()
    together = names.str.pad_end(width, "\0").str.join("").item() if isinstance(width, int) else ""
    if not width or not together.isascii():
        return names.to_numpy().astype(np.str_)
    letters = np.frombuffer(together.encode(), dtype=np.uint8).astype(np.uint32)
    return letters.view(f"<U{width}").astype(np.str_, copy=False)


def _weights(
    study: Study,
    rows: pl.DataFrame,
    place: Ints,
    shape: tuple[int, int],
    Y: Floats,
    ledger: Ledger,
) -> tuple[Floats | None, Floats]:
    """Cell weights (n, T), None for one each, and provider weights (n,).

    A provider without any weight drops out: its cells of Y are blanked.
    """
    if not study.weights.column:
        return None, np.ones(shape[0])
    raw = _matrix(rows[study.weights.column], place, shape)
    if (raw < 0).any():
        raise DataInvalid(
            [
                Problem(
                    file="outcomes",
                    column=study.weights.column,
                    found=f"{raw[raw < 0][0]:g}",
                    problem="a weight is below zero",
                    remedy="Weights are counts such as pupils: correct the value or leave it empty",
                )
            ]
        )
    known = np.isfinite(raw) & (raw > 0)
    count = known.sum(axis=1)
    mean = np.where(known, raw, 0.0).sum(axis=1) / np.maximum(count, 1)
    none = (count == 0) & np.isfinite(Y).any(axis=1)
    ledger.add(
        f"no {study.weights.column} in any year", int(none.sum()), 0, "has no weight in the answer"
    )
    filled = int((np.isfinite(Y) & ~known & (count > 0)[:, None]).sum())
    if filled and study.weights.by == "year":
        ledger.cautions.append(
            f"{filled:,} provider-years without {study.weights.column} take the provider's mean"
        )
    cell = np.where(known, raw, mean[:, None]) if study.weights.by == "year" else np.broadcast_to(
        mean[:, None], shape
    )  # fmt: skip
    Y[count == 0] = np.nan
    return cell, mean


def _covariates(
    panel: Panel,
    study: Study,
    index: pl.DataFrame,
    rows: pl.DataFrame,
    place: Ints,
    shape: tuple[int, int],
) -> tuple[Floats, tuple[str, ...], Floats, tuple[str, ...], Bools]:
    fixed: list[Floats] = []
    fixed_names: list[str] = []
    yearly: list[Floats] = []
    yearly_names: list[str] = []
    missing = np.zeros(shape[0], dtype=bool)
    if not study.covariates:
        return np.empty((shape[0], 0)), (), np.empty((*shape, 0)), (), missing
    facts = index.join(panel.providers, on="provider", how="left", maintain_order="left")
    for name in study.covariates:
        if name in rows.columns and name not in ("provider", "year"):
            yearly.append(_matrix(rows[name], place, shape))
            yearly_names.append(name)
            continue
        column = facts[name]
        missing |= column.is_null().to_numpy()
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            value = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
            missing |= ~np.isfinite(value)
            fixed.append(value)
            fixed_names.append(name)
        else:
            levels = column.cast(pl.String).drop_nulls().unique().sort().to_list()
            for level in levels[1:]:
                fixed.append(
                    (column.cast(pl.String) == level).fill_null(False).to_numpy().astype(float)
                )
                fixed_names.append(f"{name} = {level}")
    X = np.column_stack(fixed) if fixed else np.empty((shape[0], 0))
    Z = np.stack(yearly, axis=2) if yearly else np.empty((*shape, 0))
    return X, tuple(fixed_names), Z, tuple(yearly_names), missing
