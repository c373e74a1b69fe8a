"""The one crossing from words to letters: a Panel and a Study become Arrays.

Each step is a function; every provider or year that falls out is counted with its reason.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.arms import arm_years, column, memberships_of
from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.exposure import BEFORE, NEVER_YEAR, Spans
from consortia.grouping import asked, cell_sums, groupings, known_terms
from consortia.nearby import markets_of, placed, points_at, rings_of
from consortia.panel import Arrays, Bools, Floats, FlowStep, Held, Ints, Panel
from consortia.specs import Neighbours, RegimeDid, TwoWay, anticipation_of
from consortia.study import Study, label_of


@dataclass(slots=True)
class _Ledger:
    """Counts what falls out, in order."""

    steps: list[FlowStep] = field(default_factory=list[FlowStep])
    cautions: list[str] = field(default_factory=list[str])

    def add(self, step: str, providers: int, cells: int, why: str, kind: str = "drop") -> None:
        if providers or cells or kind in ("start", "end"):
            self.steps.append(
                FlowStep(
                    step=step,
                    providers=int(providers),
                    provider_years=int(cells),
                    why=why,
                    kind=kind,
                )
            )


def cross(panel: Panel, study: Study) -> Arrays:
    """Letters for one study. Raises DataInvalid for unknown columns, NotIdentified when nothing
    is left to compare."""
    check_names(panel, study)
    ledger = _Ledger()
    names, code = _codes(panel.outcomes["provider"])
    ledger.add(
        "in the outcomes file",
        names.len(),
        panel.outcomes.height,
        "every provider with at least one row",
        "start",
    )
    kept = _sample(panel, study, names, code, ledger)
    index = pl.DataFrame({"provider": names.filter(pl.Series(kept))}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    rows, i = panel.outcomes, code
    if not kept.all():
        inside = kept[code]
        rows, i = rows.filter(pl.Series(inside)), (np.cumsum(kept) - 1)[code[inside]]
    years, rows, i = _window(study, rows, i, ledger)
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
    cohort, D = _exposed(found.span, years)
    _exposure_rules(study, found.span, years, Y, cohort, ledger)
    _moved(study, found.moves, cohort, years.size, ledger)
    held = {
        name: _held(study, name, panel, index, years) for name in (*study.hold, *study.alongside)
    }
    hold = tuple(held[name] for name in study.hold)
    regime, regime_names = regimes(hold)
    stratum, stratum_names = np.zeros(index.height, dtype=np.int64), ("all",)
    # regime-did censors by cell and two-way has a coefficient for each held arm: both need every
    # year. The others compare within strata that are set once.
    if not isinstance(study.method, RegimeDid | TwoWay):
        stratum, stratum_names = _strata(hold, cohort, Y, ledger)

    seen = np.isfinite(Y)
    W = seen.astype(np.float64) if cell is None else np.where(seen, cell, 0.0)
    used: Bools = np.asarray(seen.any(axis=1))
    ledger.add("no usable year", int((~used & ~missing).sum()), 0, "nothing left to compare")
    names = text_array(index["provider"])
    incidence = _clusters(panel, study, index)
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
        arrays = replace(arrays, incidence=_compact(arrays.incidence))
    if not (arrays.cohort < arrays.T).any():
        raise NotIdentified(
            f"no provider holds {study.arm_label} in any year from {years[0]} to {years[-1]}"
        )
    return arrays


def check_names(panel: Panel, study: Study, made: tuple[str, ...] = ()) -> None:
    """Every column, kind and status that the study names exists; all problems at once.

    ``made``: columns that are yet to be added to the outcomes (those of competition).
    """
    problems: list[Problem] = []
    numeric = [c for c in (*panel.outcomes.columns, *made) if c not in ("provider", "year")]
    fixed = [c for c in panel.providers.columns if c != "provider"]
    kinds = panel.memberships["kind"].unique().drop_nulls().sort().to_list()
    statuses = panel.statuses["status"].unique().drop_nulls().sort().to_list()

    def need(name: str, known: list[str], what: str, key: str) -> None:
        if name not in known:
            problems.append(
                Problem(
                    file="study",
                    column=key,
                    found=name,
                    problem=f"{what} is not in the data",
                    remedy=did_you_mean(name, known),
                )
            )

    need(study.outcome, numeric, "outcome column", "outcome")
    if study.weights.column:
        need(study.weights.column, numeric, "weight column", "weights.column")
    for name in study.covariates:
        need(name, [*numeric, *fixed], "covariate column", "covariates")
    for where in study.where:
        need(where.column, fixed, "column", "where")
    for name in asked(study):
        key = "shares.terms" if name in study.shares.terms else "method.terms"
        need(name, known_terms(panel, study), "term", key)
    if study.inference.cluster not in ("provider", "collaboration", "market"):
        need(
            study.inference.cluster,
            ["provider", "collaboration", "market", *fixed],
            "column",
            "inference.cluster",
        )
    for name in (study.arm, *study.hold, *study.alongside):
        arm = study.arms[name]
        for kind in arm.kinds:
            need(kind, kinds, "kind of collaboration", f"arms.{name}.kinds")
        if arm.status:
            need(arm.status, statuses, "status", f"arms.{name}.status")
        if arm.exposure:
            need(arm.exposure, numeric, "exposure column", f"arms.{name}.exposure")
        for where in arm.only:
            known = [*fixed, *(c for c in panel.memberships.columns if c != "provider")]
            need(where.column, known, "column", f"arms.{name}.only")
    if study.levels is not None:
        text = [c for c in fixed if not (panel.providers[c].dtype.is_numeric()
                                         or panel.providers[c].dtype == pl.Boolean)]  # fmt: skip
        if study.levels.by in text and study.levels.by not in numeric:
            problems.append(
                Problem(
                    file="study", column="levels.by", found=study.levels.by,
                    problem="levels go by a number, and this column of the providers is text",
                    remedy="Name a column of numbers, or use [[where]] for one group at a time",
                )
            )  # fmt: skip
        else:
            known = [*numeric, *(c for c in fixed if c not in text)]
            need(study.levels.by, known, "column", "levels.by")
    problems += _places(panel, study, made, need)
    if problems:
        raise DataInvalid(problems)


def _places(
    panel: Panel,
    study: Study,
    made: tuple[str, ...],
    need: Callable[[str, list[str], str, str], None],
) -> list[Problem]:
    """What asks for places, and the columns that it names."""
    asks: list[str] = []
    fixed = [c for c in panel.providers.columns if c != "provider"]
    if isinstance(study.method, Neighbours):
        asks.append("method.rings")
        if study.method.within:
            need(study.method.within, fixed, "column", "method.within")
    if study.inference.cluster == "market":
        asks.append("inference.cluster")
    if study.inference.spatial_km is not None:
        asks.append("inference.spatial_km")
    problems: list[Problem] = []
    if study.competition is not None:
        asks.append("competition.radius_km")
        if study.competition.within:
            need(study.competition.within, fixed, "column", "competition.within")
        if study.competition.size:
            known = [c for c in panel.outcomes.columns if c not in ("provider", "year")]
            need(study.competition.size, known, "outcome column", "competition.size")
        problems += [
            Problem(
                file="outcomes",
                column=name,
                problem="this column would be overwritten by [competition]",
                remedy="Rename it under [data.columns.outcomes], or leave out [competition]",
            )
            for name in made
            if name in panel.outcomes.columns
        ]
    if not placed(panel):
        problems += [
            Problem(
                file="study",
                column=key,
                problem="the places of the providers are not known",
                remedy="Give the providers file easting and northing, or latitude and longitude",
            )
            for key in asks
        ]
    return problems


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


def _sample(panel: Panel, study: Study, names: pl.Series, code: Ints, ledger: _Ledger) -> Bools:
    """Which of the named providers take part, after each ``where`` in turn."""
    kept = np.ones(names.len(), dtype=bool)
    if not study.where:
        return kept
    facts = names.to_frame("provider").join(
        panel.providers, on="provider", how="left", maintain_order="left"
    )
    for where in study.where:
        text = facts[where.column].cast(pl.String)
        listed = text.is_in(list(where.keep or where.drop)).fill_null(False).to_numpy()
        rule = listed if where.keep else ~listed
        gone = kept & ~rule
        what = f"keep {', '.join(where.keep)}" if where.keep else f"drop {', '.join(where.drop)}"
        ledger.add(
            f"outside the study ({where.column})",
            int(gone.sum()),
            int(gone[code].sum()),
            f"where: {what}",
        )
        kept &= rule
    return kept


def _window(
    study: Study, rows: pl.DataFrame, i: Ints, ledger: _Ledger
) -> tuple[Ints, pl.DataFrame, Ints]:
    first, last = study.window.first, study.window.last
    year = rows["year"].to_numpy()
    inside = np.ones(year.size, dtype=bool)
    if first is not None:
        inside &= year >= first
    if last is not None:
        inside &= year <= last
    if not inside.all():
        ledger.add(
            "outside the window",
            0,
            int((~inside).sum()),
            f"years {first or 'first'} to {last or 'last'} are studied",
            "cells",
        )
        rows, i = rows.filter(pl.Series(inside)), i[inside]
    year = rows["year"].to_numpy().astype(np.int64)
    low = int(year.min()) if year.size else 0
    years = np.flatnonzero(np.bincount(year - low)) + low
    if years.size < 2:
        raise NotIdentified("fewer than two years of results lie in the window")
    return years, rows, i


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
    ledger: _Ledger,
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


def _exposed(span: Spans, years: Ints) -> tuple[Ints, Bools]:
    """Cohort index (n,) and exposure (n, T): exposed in every year from the first exposed one."""
    cohort = np.searchsorted(years, span.first, side="left").astype(np.int64)
    return cohort, np.arange(years.size)[None, :] >= cohort[:, None]


def _exposure_rules(
    study: Study, span: Spans, years: Ints, Y: Floats, cohort: Ints, ledger: _Ledger
) -> None:
    """Blank the cells that the exposure rule leaves out (in place) and count what is doubtful."""
    arm = study.arm_label
    joiner = (cohort > 0) & (cohort < years.size)
    if study.exposure.partial == "missing":
        partly = (years[None, :] == span.partial[:, None]) & np.isfinite(Y)
        Y[partly] = np.nan
        ledger.add(
            "joined during the year",
            0,
            int(partly.sum()),
            "the year of joining after the cut-off is left out (exposure.partial = missing)",
            "cells",
        )
    if (span.left <= years[-1]).any():
        _leavers(study, span, years, Y, cohort, ledger)
    # A comparison provider that joins soon after the window is touched too: leaving its last years
    # in would favour providers on their way in over those that had reason to stay out.
    ahead = anticipation_of(study.method)
    soon = (span.first > years[-1]) & (span.first <= years[-1] + ahead)
    if soon.any():
        touched = soon[:, None] & (years[None, :] >= span.first[:, None] - ahead) & np.isfinite(Y)
        Y[touched] = np.nan
        ledger.add(
            f"joins {arm} just after the window",
            0,
            int(touched.sum()),
            "years that joining already touches (method.anticipation) are left out of the "
            "comparison",
            "cells",
        )
    lost = span.unseen & joiner
    if lost.any():
        ledger.cautions.append(
            f"{int(lost.sum()):,} joiners are no longer seen in {arm} in the latest "
            "snapshot; when they left is unknown and they are kept as joiners"
        )
    unknown = span.unknown & (span.first <= BEFORE)
    if unknown.any():
        ledger.cautions.append(
            f"{int(unknown.sum()):,} providers joined {arm} at an unknown date and count as "
            "members from before the first year"
        )
    ignored = span.unknown & (span.first >= NEVER_YEAR)
    if ignored.any():
        ledger.cautions.append(
            f"{int(ignored.sum()):,} providers whose date of joining {arm} is unknown count as "
            "not joined"
        )


def _leavers(
    study: Study, span: Spans, years: Ints, Y: Floats, cohort: Ints, ledger: _Ledger
) -> None:
    arm = study.arm_label
    after = (years[None, :] >= span.left[:, None]) & np.isfinite(Y)
    leavers = after.any(axis=1) & (cohort < years.size)
    joiners = leavers & (cohort > 0)
    if study.exposure.leavers == "censor":
        gone = after & leavers[:, None]
        Y[gone] = np.nan
        ledger.add(
            f"left {arm}",
            0,
            int(gone.sum()),
            "years after leaving are left out (exposure.leavers = censor)",
            "cells",
        )
    elif joiners.any():
        ledger.cautions.append(
            f"{int(joiners.sum()):,} joiners left {arm} within the window and are "
            "kept as joiners: the answer is about joining, not about staying"
        )


def _moved(study: Study, moves: Ints, cohort: Ints, T: int, ledger: _Ledger) -> None:
    movers = (moves > 0) & (cohort > 0) & (cohort < T)
    if movers.any():
        ledger.cautions.append(
            f"{int(movers.sum()):,} joiners later joined a further collaboration of the same kind "
            f"({int(moves[movers].sum()):,} times in all): the answer is about the first one"
        )


def _held(study: Study, name: str, panel: Panel, index: pl.DataFrame, years: Ints) -> Held:
    found = arm_years(study.arms[name], panel, index, years, study.exposure)
    cohort, _ = _exposed(found.span, years)
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


def _strata(
    hold: tuple[Held, ...], cohort: Ints, Y: Floats, ledger: _Ledger
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


def _clusters(panel: Panel, study: Study, index: pl.DataFrame) -> sparse.csr_array:
    n = index.height
    rule = study.inference.cluster
    if rule == "provider":
        alone = np.arange(n + 1, dtype=np.int32)
        return sparse.csr_array((np.ones(n), alone[:-1], alone), shape=(n, n))
    if rule == "collaboration":
        arm = study.arms[study.arm]
        if not arm.kinds:
            what = "a status" if arm.status else "a column"
            raise NotIdentified(
                f"{study.arm_label} is {what}, so that there are no collaborations to cluster by"
            )
        links = (
            memberships_of(arm, panel)
            .select("provider", "collaboration")
            .unique()
            .join(index, on="provider", how="inner")
        )
        codes = links["collaboration"].rank("dense").to_numpy().astype(np.int64) - 1
        return _incidence(links["row"].to_numpy().astype(np.int64), codes, n)
    if rule == "market":
        names = index["provider"].to_numpy().astype(np.str_)
        return _incidence(np.arange(n), markets_of(panel, names, study.inference.market_km), n)
    column = index.join(panel.providers, on="provider", how="left", maintain_order="left")[rule]
    known = column.is_not_null().to_numpy()
    codes = column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    return _incidence(np.flatnonzero(known), codes[known], n)


def _incidence(i: NDArray[np.integer], codes: Ints, n: int) -> sparse.csr_array:
    """n x C incidence; providers in no cluster get one of their own."""
    alone = np.setdiff1d(np.arange(n), i)
    top = int(codes.max()) + 1 if codes.size else 0
    rows = np.concatenate([i, alone])
    columns = np.concatenate([codes, top + np.arange(alone.size)])
    return sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=(n, top + alone.size))


def _compact(incidence: sparse.csr_array) -> sparse.csr_array:
    """Without the clusters that nobody in the sample belongs to."""
    columns, codes = np.unique(incidence.indices, return_inverse=True)
    return sparse.csr_array(
        (np.ones(codes.size), codes, incidence.indptr), shape=(incidence.shape[0], columns.size)
    )
