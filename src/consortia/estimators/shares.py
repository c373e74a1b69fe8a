"""Where the differences lie: how the variance divides among terms, and which levels stand out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.estimators.multilevel import Design, RandomTerm, design, main_only
from consortia.grouping import default_terms
from consortia.maths.mixed import reml
from consortia.maths.mixed.effects import comparison_intervals, effects, ranks, stand_out
from consortia.maths.mixed.shares import Part, bootstrap, partition
from consortia.maths.mixed.statistics import Statistics
from consortia.panel import Arrays
from consortia.results import PARTS, STANDINGS, Shares, Standing
from consortia.specs import Mixed, ShareTerms
from consortia.study import Study

Floats = NDArray[np.float64]
NOT_COMPARED = ("provider", "provider-year", "year")
"""Terms whose levels are not compared with one another: what is asked about is collaborations."""


def asks(study: Study) -> bool:
    """Whether a study asks for shares."""
    return bool(study.shares.terms) or isinstance(study.method, Mixed)


def shares(arrays: Arrays, study: Study, rng: np.random.Generator) -> Shares:
    """Shares of the terms of ``study.shares``, or of the method's own model where it names none.

    Raises NotIdentified where two terms cannot be told apart or nothing is left to divide.
    """
    spec, own = _spec(study)
    exposure = own is not None
    made = design(
        arrays, study, spec.terms, year=spec.year, member_weights=spec.member_weights,
        exposure=exposure, within_between=own is not None and own.within_between,
    )  # fmt: skip
    found = reml.fit(made.statistics, made.random, reml=spec.reml)
    level = study.inference.level
    parts = partition(found, level=level)
    intervals = "delta method on the logit scale"
    low, high = [p.low for p in parts], [p.high for p in parts]
    cautions = [*made.cautions, *found.cautions]
    if spec.draws:
        if found.cross.sparse:
            cautions.append("too many effects for a bootstrap: intervals by the delta method")
        else:
            drawn = bootstrap(found, spec.draws, rng).intervals("shares", level)
            low, high = drawn[0].tolist(), drawn[1].tolist()
            intervals = f"parametric bootstrap, {spec.draws:,} draws"
    alone = _alone(made, made.statistics, spec)
    return Shares(
        parts=_parts(made, found, parts, low, high, alone),
        standings=tuple(
            _standing(arrays, made, found, term, spec.rate, level, rng)
            for term in made.terms
            if term.term.name not in NOT_COMPARED
        ),
        rows=made.rows, rows_of="pupils" if made.pupils else "provider-years",
        providers=int(np.unique(made.cells // arrays.T).size),
        several=int(np.sum([t.several for t in made.terms])), held=made.held, exposure=exposure,
        level=level, intervals=intervals, criterion=found.criterion, reml=found.reml,
        cautions=tuple(cautions),
    )  # fmt: skip


def _spec(study: Study) -> tuple[ShareTerms, Mixed | None]:
    """The terms to divide among, and the method where they are its own."""
    if study.shares.terms or not isinstance(study.method, Mixed):
        return replace(study.shares, terms=study.shares.terms or default_terms(study)), None
    m = study.method
    return replace(
        study.shares, terms=m.terms or default_terms(study), year=m.year, reml=m.reml,
        member_weights=m.member_weights,
    ), m  # fmt: skip


def _alone(made: Design, statistics: Statistics, spec: ShareTerms) -> dict[str, float]:
    """Shares of the same model with main memberships only; empty where nobody has several."""
    if not any(t.several for t in made.terms):
        return {}
    single = tuple(main_only(t).term if t.several else t.term for t in made.terms)
    found = reml.fit(statistics, single, reml=spec.reml)
    return {p.name: p.share for p in partition(found)}


def _parts(
    made: Design, found: reml.Fit, parts: tuple[Part, ...], low: list[float], high: list[float],
    alone: dict[str, float],
) -> pl.DataFrame:  # fmt: skip
    rows: list[dict[str, object]] = []
    for k, part in enumerate(parts):
        term = made.terms[k] if k < len(made.terms) else None
        # The residual is that of an average row: of one pupil it would dwarf all else, where a row
        # stands for many.
        variance = part.variance if term is None else float(found.Sigma[k][0, 0])
        at_zero = term is not None and variance == 0
        rows.append(
            {
                "term": part.name,
                "label": _rest(made) if term is None else term.label,
                "levels": None if term is None else len(term.levels),
                "sd": float(np.sqrt(variance)),
                "variance": part.variance,
                "share": part.share,
                "low": _finite(low[k]),
                "high": _finite(high[k]),
                "alone": alone.get(part.name),
                "caution": "estimated at zero; it may be small but present" if at_zero else "",
            }
        )
    return pl.DataFrame(rows, schema=PARTS)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rest(made: Design) -> str:
    return "pupils, and all else" if made.pupils else "all else, with the noise of small numbers"


def _standing(
    arrays: Arrays, made: Design, found: reml.Fit, term: RandomTerm, rate: float, level: float,
    rng: np.random.Generator,
) -> Standing:  # fmt: skip
    got = effects(found, term.term.name)
    size = comparison_intervals(got, size=1 - level)
    rank = ranks(found, got, rng, level=level)
    out = stand_out(got, rate=rate)
    se = got.se()
    provider = made.cells // arrays.T
    cell = np.repeat(np.arange(made.cells.size), np.diff(term.members.indptr))
    pairs = np.unique(provider[cell] * len(term.levels) + term.members.indices)
    count = np.bincount(pairs % len(term.levels), minlength=len(term.levels))
    side = np.where(out.above, "above", np.where(out.below, "below", ""))
    # Nothing is known of a level where the component is zero: nobody stands out, all are alike.
    table = pl.DataFrame(
        {
            "level": list(term.levels), "name": list(term.levels), "providers": count,
            "effect": got.u[:, 0], "std_error": se,
            "low": size.low, "high": size.high, "rank": rank.mean, "rank_low": rank.low,
            "rank_high": rank.high, "p_wrong": out.wrong, "stands_out": side.tolist(),
        },
        schema=STANDINGS,
    )  # fmt: skip
    return Standing(
        term=term.term.name, label=term.label, factor=size.factor, rate=rate,
        collaborations=term.kind == "collaboration",
        table=table.sort(["effect", "level"], descending=[True, False]),
    )  # fmt: skip
