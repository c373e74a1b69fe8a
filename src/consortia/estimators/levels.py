"""Does it work better where a fact is stronger: the study's method by level, and the difference.

Levels come from the first known year before joining, so that joining cannot move a provider from
one to another. Competition by itself, or with autonomy as the arm, is the case in mind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, stats

from consortia.errors import NotIdentified
from consortia.estimators import METHODS
from consortia.estimators.estimate import with_uncertainty
from consortia.maths.influence import Influence
from consortia.panel import Arrays
from consortia.results import LEVELS, ByLevel, EffectKey, Estimate, Fit
from consortia.specs import refusal
from consortia.study import Study, listed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def levels(arrays: Arrays, study: Study, rng: np.random.Generator) -> ByLevel:
    """The study's answer by level of ``arrays.by``, and whether it differs.

    Raises NotIdentified where no level has an answer, or the fact is known for nobody before
    joining.
    """
    asked = study.levels
    assert asked is not None
    assert arrays.by is not None
    cannot = refusal(study.method, study.arms[study.arm], study.arm_label)
    if cannot:
        raise NotIdentified(cannot)
    level, cuts = levels_of(arrays.by, arrays.cohort, asked.count, asked.cuts)
    count = cuts.size + 1
    parts = _parts(arrays, study, level, rng, count)
    fit = _together(arrays, study, parts)
    quick = study.with_(inference=replace(study.inference, draws=0))
    whole = with_uncertainty(fit, arrays, quick, rng)
    # Of several rules for few joiners a level follows its own, the difference the stricter one.
    rows = [
        with_uncertainty(_alone(fit, k), arrays, quick, rng, None).row(0) for k in range(count + 1)
    ]
    placebo = _before(arrays, study, parts, fit, rng)
    names = names_of(count)
    edges = [None, *cuts.tolist(), None]
    providers = np.bincount(level[level >= 0], minlength=count).tolist()
    table = pl.DataFrame(
        [
            {
                "label": names[k] if k < count else f"{names[-1]} less {names[0]}",
                "above": edges[k] if k < count else None,
                "up_to": edges[k + 1] if k < count else None,
                "providers": providers[k] if k < count else providers[0] + providers[-1],
                **{name: row[name] for name in LEVELS if name in row},
            }
            for k, row in enumerate(rows)
        ],
        schema=LEVELS,
    )
    if arrays.truth is not None:
        table = table.with_columns(truth=pl.Series(_truths(study, parts)).fill_nan(None))
    p = _same(whole, count)
    return ByLevel(
        by=asked.by,
        label=asked.title,
        table=table,
        p_value=p,
        before=None if placebo is None else (placebo["estimate"], placebo["low"], placebo["high"]),
        sentence=_sentence(study, asked.title, table, p) + _before_in_words(placebo),
        notes=(
            *fit.notes,
            f"levels go by the first known value of {asked.title} before joining",
            "places with much and little of it differ in other ways too: where the effect is "
            "larger is a description, and not by itself proof of why",
        ),
    )


def names_of(count: int) -> list[str]:
    """Levels in words, lowest first."""
    middle = ["middle"] if count == 3 else [f"level {k}" for k in range(2, count)]
    return ["lowest" if count > 2 else "lower", *middle, "highest" if count > 2 else "higher"]


def levels_of(
    values: Floats, cohort: Ints, count: int = 3, cuts: tuple[float, ...] = ()
) -> tuple[Ints, Floats]:
    """Level (n,) from 0 on of each provider by its first known value in ``values`` (n, T), and the
    cuts: as given, or quantiles over providers (count - 1,).

    -1 where nothing is known before joining (``cohort`` (n,) in 0..T). A value on a cut belongs
    below it. Raises NotIdentified where values are too alike for ``count`` levels, or none lies on
    one side of a given cut.
    """
    known = np.isfinite(values)
    at = known.argmax(axis=1)
    usable = known.any(axis=1) & (at < cohort)
    first = values[np.arange(values.shape[0]), at]
    if not usable.any():
        raise NotIdentified("the fact to go by is not known for anybody before joining")
    edges = np.array(cuts) if cuts else np.quantile(first[usable], np.arange(1, count) / count)
    level = np.where(usable, np.searchsorted(edges, first, side="left"), -1)
    if (np.bincount(level[usable], minlength=edges.size + 1) == 0).any():
        raise NotIdentified(
            "there are no providers in one of the levels that the cuts make"
            if cuts
            else f"the fact to go by is too alike among providers for {count} levels"
        )
    return level.astype(np.int64), edges


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One level: ``rows`` (n,) of the whole, its arrays, and its Fit, or why there is none."""

    rows: Bools
    arrays: Arrays
    fit: Fit | None
    because: str = ""

    def mean(self, weights: Floats, at: list[int], n: int) -> tuple[float, Floats]:
        """``weights @ theta[at]`` and its influence (n,) on the whole."""
        assert self.fit is not None
        assert self.fit.influence is not None
        pick = np.zeros((1, self.fit.theta.size))
        pick[0, at] = weights
        psi = np.zeros(n)
        psi[self.rows] = self.fit.influence.combine(pick).dense()[:, 0]
        return float(weights @ self.fit.theta[at]), psi


def by_level(
    arrays: Arrays, study: Study, level: Ints, rng: np.random.Generator, count: int = 3
) -> Fit:
    """The headline of the study's method among the providers of each level, compared within it, and
    highest less lowest: theta (count + 1,).

    ``level`` (n,) as in :func:`levels_of`. A level that cannot be answered is NaN with the reason.
    Raises NotIdentified where none can.
    """
    return _together(arrays, study, _parts(arrays, study, level, rng, count))


def _parts(
    arrays: Arrays, study: Study, level: Ints, rng: np.random.Generator, count: int
) -> list[_Part]:
    method = METHODS[type(study.method)]
    out: list[_Part] = []
    for k in range(count):
        rows: Bools = np.asarray(level == k)
        mine = _without_empty(arrays.take(rows))
        try:
            fit = method.fit(mine, study.method, study, rng)
            if fit.influence is None:
                raise NotIdentified(
                    f"{method.name} states its own uncertainty, which does not carry over to "
                    "levels: use another method"
                )
            out.append(_Part(rows=rows, arrays=mine, fit=fit))
        except NotIdentified as error:
            out.append(_Part(rows=rows, arrays=mine, fit=None, because=error.because))
    return out


def _together(arrays: Arrays, study: Study, parts: list[_Part]) -> Fit:
    count = len(parts)
    theta = np.full(count + 1, np.nan)
    psi = np.zeros((arrays.n, count + 1))
    treated, control = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    cautions = [""] * (count + 1)
    pieces = [0] * (count + 1)
    rules: list[Fit] = []
    for k, part in enumerate(parts):
        fit = part.fit
        if fit is None:
            cautions[k] = f"not identified, because {part.because}"
            continue
        h = fit.headline
        theta[k], psi[:, k] = part.mean(np.ones(1), [h], arrays.n)
        treated[k], control[k] = fit.n_treated[h], fit.n_control[h]
        cautions[k], pieces[k] = fit.cautions[h], fit.pieces
        rules.append(fit)
    if not np.isfinite(theta).any():
        raise NotIdentified("; ".join(dict.fromkeys(p.because for p in parts if p.because)))
    if np.isfinite(theta[0]) and np.isfinite(theta[count - 1]):
        theta[count] = theta[count - 1] - theta[0]
        psi[:, count] = psi[:, count - 1] - psi[:, 0]
        treated[count] = treated[0] + treated[count - 1]
        control[count] = control[0] + control[count - 1]
        pieces[count] = _fewest([pieces[0], pieces[count - 1]])
    else:
        cautions[count] = "not identified, because one of the two levels is not"
    names = [*(f"level-{k + 1}" for k in range(count)), "level-difference"]
    out = int(arrays.n - sum(int(part.rows.sum()) for part in parts))
    return Fit(
        method=f"{study.method.name} by level",
        keys=tuple(EffectKey(estimand=name) for name in names),
        theta=theta,
        influence=Influence(psi=psi),
        n_treated=treated,
        n_control=control,
        cautions=tuple(cautions),
        headline=count,
        small_sample=rules[0].small_sample,
        dof_factor=max(fit.dof_factor for fit in rules),
        pieces=_fewest(pieces[:count]),
        pieces_by_row=tuple(pieces),
        notes=(f"{out:,} providers without a known level before joining left out",) if out else (),
    )


def _truths(study: Study, parts: list[_Part]) -> Floats:
    """What each row would be if the known effects were all there is."""
    method = METHODS[type(study.method)]
    out = np.array(
        [
            np.nan
            if p.fit is None
            else method.truth(p.arrays, study.method, study, p.fit)[p.fit.headline]
            for p in parts
        ]
    )
    return np.append(out, out[-1] - out[0])


def _before(
    arrays: Arrays, study: Study, parts: list[_Part], fit: Fit, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Highest less lowest in the years before joining, where there should be no difference: the
    mean over the years since joining that both have; None where there is none."""
    low, high = parts[0], parts[-1]
    if low.fit is None or high.fit is None:
        return None
    at = [_years_before(part.fit) for part in (low, high)]
    both = sorted(at[0].keys() & at[1].keys())
    if not both:
        return None
    even = np.ones(len(both)) / len(both)
    (a, psi_a), (b, psi_b) = (
        part.mean(even, [where[e] for e in both], arrays.n)
        for part, where in zip((low, high), at, strict=True)
    )
    made = replace(
        _alone(fit, len(fit.keys) - 1),
        theta=np.array([b - a]),
        influence=Influence(psi=(psi_b - psi_a)[:, None]),
    )
    quick = study.with_(inference=replace(study.inference, draws=0))
    return with_uncertainty(made, arrays, quick, rng).row(0)


def _years_before(fit: Fit | None) -> dict[int, int]:
    """Places of the effects by years since joining that lie before it, without the base year."""
    assert fit is not None
    return {
        key.event_time: j
        for j, key in enumerate(fit.keys)
        if key.estimand == "dynamic"
        and key.event_time is not None
        and key.event_time < 0
        and np.isfinite(fit.theta[j])
        and not fit.cautions[j].startswith("reference year")
    }


def _before_in_words(row: dict[str, Any] | None) -> str:
    if row is None or row["low"] is None:
        return ""
    clear = row["low"] > 0 or row["high"] < 0
    return (
        f" Before joining, where there should be no such difference, it is {row['estimate']:+.2f}"
        f"{_interval(row)}" + (": the levels were on different paths anyway." if clear else ".")
    )


def _fewest(pieces: list[int]) -> int:
    return min((p for p in pieces if p), default=0)


def _alone(fit: Fit, k: int) -> Fit:
    """The Fit of one row, under the rule for few joiners that is its own."""
    assert fit.influence is not None
    pick = np.zeros((1, fit.theta.size))
    pick[0, k] = 1.0
    return replace(
        fit,
        keys=(fit.keys[k],),
        theta=fit.theta[[k]],
        influence=fit.influence.combine(pick),
        n_treated=fit.n_treated[[k]],
        n_control=fit.n_control[[k]],
        cautions=(fit.cautions[k],),
        headline=0,
        pieces=fit.pieces_by_row[k],
    )


def _same(whole: Estimate, count: int) -> float | None:
    """p of the Wald test that the levels that have an effect have the same one (F where the rule
    knows degrees of freedom, else chi-squared)."""
    theta = whole.effects["estimate"].to_numpy()[:count]
    found = np.flatnonzero(np.isfinite(theta) & (np.diag(whole.covariance)[:count] > 0))
    if found.size < 2:
        return None
    R = np.zeros((found.size - 1, whole.covariance.shape[0]))
    R[:, found[0]] = -1.0
    R[np.arange(found.size - 1), found[1:]] = 1.0
    d = R[:, :count] @ np.nan_to_num(theta)
    wald = float(d @ np.linalg.pinv(R @ whole.covariance @ R.T, hermitian=True) @ d)
    q = found.size - 1
    return float(stats.f.sf(wald / q, q, whole.dof) if whole.dof else stats.chi2.sf(wald, q))


def _sentence(study: Study, label: str, table: pl.DataFrame, p: float | None) -> str:
    unit = study.outcomes[study.outcome].unit
    *rows, difference = table.to_dicts()
    lost = [r for r in rows if r["estimate"] is None]
    if difference["estimate"] is None:
        told = [
            f"{r['estimate']:+.2f} {unit} where it is {r['label']}{_interval(r)}"
            for r in rows
            if r["estimate"] is not None
        ]
        where = listed([f"{r['label']}" for r in lost])
        because = lost[0]["caution"].removeprefix("not identified, because ")
        return (
            f"Whether the effect of {study.arm_label} depends on {label} cannot be told: where it "
            f"is {where} there is no answer, because {because}. It is {listed(told)}."
        )
    low, high = rows[0], rows[-1]
    text = (
        f"Where {label} is {low['label']} (up to {low['up_to']:.3g}) the effect of "
        f"{study.arm_label} is {low['estimate']:+.2f} {unit}{_interval(low)}; where it is "
        f"{high['label']} (above {high['above']:.3g}), {high['estimate']:+.2f}{_interval(high)}. "
    )
    clear = difference["low"] is not None and (difference["low"] > 0 or difference["high"] < 0)
    size = f"{difference['estimate']:+.2f}{_interval(difference)}"
    if clear:
        more = "larger" if difference["estimate"] > 0 else "smaller"
        text += f"It is {more} where {label} is {high['label']}, by more than chance: {size}."
    else:
        text += f"The difference cannot be told from none: {size}."
    if lost:
        text += f" No answer where it is {listed([r['label'] for r in lost])}."
    if len(rows) > 2 and p is not None and (p < 0.05) != clear:
        text += (
            f" Over all levels the effects {'differ' if p < 0.05 else 'do not differ'} by more "
            f"than chance (p {'below 0.001' if p < 0.001 else f'= {p:.3f}'})."
        )
    return text


def _interval(row: dict[str, object]) -> str:
    return "" if row["low"] is None else f" ({row['low']:+.2f} to {row['high']:+.2f})"


def _without_empty(arrays: Arrays) -> Arrays:
    """The arrays with the strata and clusters that are left numbered without gaps."""
    present, stratum = np.unique(arrays.stratum, return_inverse=True)
    columns, codes = np.unique(arrays.incidence.indices, return_inverse=True)
    return replace(
        arrays,
        stratum=stratum.astype(np.int64),
        stratum_names=tuple(arrays.stratum_names[s] for s in present.tolist()),
        incidence=sparse.csr_array(
            (arrays.incidence.data, codes, arrays.incidence.indptr), shape=(arrays.n, columns.size)
        ),
    )
