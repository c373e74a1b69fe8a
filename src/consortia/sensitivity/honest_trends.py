"""Honest trends: how far joiners may have drifted for the answer still to stand.

The bounds of Rambachan & Roth (2023) on the event study's effects: relative magnitudes by the
conditional least favourable test, smooth drifts by the shortest interval of fixed length. Where the
estimate's intervals use Student's t, the covariance is widened by the square of its critical value
over the normal one, so that without drift the interval is the estimate's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from consortia.maths.honest import flci, hybrid
from consortia.maths.honest.breakdown import breakdown
from consortia.maths.honest.sets import (
    Differences,
    EventStudy,
    Floats,
    first_differences,
    second_differences,
)
from consortia.results import Estimate, Finding, Trial
from consortia.specs import (
    GroupTime,
    HonestTrends,
    Imputation,
    RegimeDid,
    SyntheticDid,
    anticipation_of,
)

STANDS = 1.0
"""Breakdown from which the answer passes: it stands a drift as large as the worst seen before,
the benchmark of Rambachan & Roth."""
FALLS = 0.5
"""Breakdown below which it fails: half the worst seen before would be enough. But only where that
worst is more than noise: with paths that are parallel, noise before alone puts the breakdown of an
answer at three standard errors below this in 29 to 89 % of cases (docs/methods)."""
NOISE = 0.05
"""Chance of steps as large without any drift, from which on they count as noise."""
DRAWS = 10_000
MOST = 20.0
"""Multiples of what was seen before beyond which the search ends."""
NEAR = 0.05
"""Standard errors by which an average of the years may differ from the answer and pass for it:
where results are missing, estimators count a cohort by its size and not by who is seen."""
MULTIPLES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)

TABLE = {
    "target": pl.String,
    "restriction": pl.String,
    "bound": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "breakdown": pl.Float64,
}
"""``bound``: a multiple of the largest seen before, or, for "smooth", the outcome's unit a year
squared. ``breakdown``: the bound at which the interval first holds zero, null where it never
does."""
RELATIVE = "steps, relative to before"
BENT = "bends, relative to before"
SMOOTH = "bends, in the outcome's unit"
ANSWER = "the answer"
BY_JOINERS = "average over the years, by joiners"
ALIKE = "average over the years, all alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The event study, what is asked of it, and what that is called. ``weights`` (P,)."""

    study: EventStudy
    weights: Floats
    name: str
    after: tuple[int, ...]


def run(trial: Trial, spec: HonestTrends, rng: np.random.Generator) -> Finding:
    """Verdict True: the answer stands a drift as large as the worst seen before joining; False:
    half of that would be enough, and it is more than noise; None: in between, nothing to overturn,
    or not to be said."""
    why = _why_not(trial)
    asked = None if why else event_study(trial, spec)
    if asked is None:
        return _cannot(why or _no_years(trial))
    study, level = asked.study, trial.study.inference.level
    steps = first_differences(study)
    worst = float(np.abs(steps.before @ study.beta).max())
    unit = trial.study.outcomes[trial.study.outcome].unit

    bounds = np.array(MULTIPLES)
    low, high = _relative(study, steps, asked.weights, bounds, level)
    breaks = _breaks(study, steps, asked.weights, level)
    rows = [
        _row(asked.name, RELATIVE, b, x, y, breaks)
        for b, x, y in zip(MULTIPLES, low.tolist(), high.tolist(), strict=True)
    ]
    smooth = _smooth(asked, level)
    rows += smooth.rows
    for k, e in enumerate(asked.after):
        one = np.eye(len(asked.after))[k]
        if e < 0 or (asked.weights == one).all():
            continue
        x, y = _relative(study, steps, one, np.ones(1), level)
        broken = _breaks(study, steps, one, level)
        rows.append(_row(_year(e), RELATIVE, 1.0, float(x[0]), float(y[0]), broken))

    nothing = low[0] <= 0 <= high[0]
    at_one = MULTIPLES.index(1.0)
    value = float(asked.weights @ study.beta[study.Q :])
    noise = noise_alone(study, steps, worst, rng)
    verdict = None
    if not nothing and (breaks >= STANDS or (breaks < FALLS and noise < NOISE)):
        verdict = breaks >= STANDS
    said = _sentence(asked, breaks, worst, unit, bool(nothing), value, (low[at_one], high[at_one]))
    if noise >= NOISE and breaks < STANDS:
        said += (
            f" Steps as large before joining come from chance alone in {noise:.0%} of cases, so "
            "that this may be want of precision and not drift."
        )
    if smooth.straight is not None:
        a, b = smooth.straight
        said += (
            f" Had the path before simply gone on in a straight line, the effect would lie between "
            f"{a:.2g} and {b:.2g}."
        )
    return Finding(
        check="honest-trends",
        title="A drift after joining",
        verdict=verdict,
        sentence=said,
        table=pl.DataFrame(rows, schema=TABLE, orient="row"),
        numbers={
            "breakdown_mbar": _finite(breaks),
            "breakdown_mbar_bends": _finite(smooth.relative),
            "breakdown_m": _finite(smooth.breaks),
            "worst_step": worst,
            "noise_alone": noise,
            "worst_bend": smooth.worst,
            "target": value,
            "low_at_one": float(low[at_one]),
            "high_at_one": float(high[at_one]),
            "years_before": study.Q,
            "years_after": study.P,
            "level": level,
            "danger": None if nothing else 1.0 / (1.0 + breaks),
        },
    )


def event_study(trial: Trial, spec: HonestTrends) -> Question | None:
    """What the check reads of the estimate; None without an effect before the base year or after.

    Years that rest on a single joiner are left out, since their standard error does not hold their
    own chance. The answer counts as an average of the years if equal weights, or weights by
    joiners, give its number to NEAR of its standard error.
    """
    estimate = trial.estimate
    reference = -1 - anticipation_of(trial.study.method)
    rows = (
        estimate.effects.with_row_index("at")
        .filter(
            pl.col("estimand").is_in(["dynamic", "direct-dynamic"])
            & (pl.col("event_time") != reference)
            & pl.col("estimate").is_not_null()
            & pl.col("std_error").is_not_null()
            & (pl.col("n_treated") > 1)
        )
        .sort("event_time")
    )
    times = rows["event_time"].to_numpy().astype(np.int64)
    keep = np.ones(times.size, dtype=np.bool_)
    before = np.flatnonzero(times < reference)
    if spec.before:
        keep[before[: -spec.before]] = False
    rows, times = rows.filter(keep), times[keep]
    after = times > reference
    if after.all() or not (times >= 0).any():
        return None
    at = rows["at"].to_numpy()
    beta = rows["estimate"].to_numpy()
    V = estimate.covariance[np.ix_(at, at)] * widening(estimate, trial.study.inference.level)
    weights, name = _target(estimate, rows.filter(after), spec)
    return Question(
        study=EventStudy(beta=beta, V=V, times=times, reference=reference),
        weights=weights,
        name=name,
        after=tuple(times[after].tolist()),
    )


def noise_alone(
    study: EventStudy, steps: Differences, worst: float, rng: np.random.Generator
) -> float:
    """P(largest step before >= ``worst``) if there is no drift at all, from DRAWS draws."""
    V = steps.before @ study.V @ steps.before.T
    values, vectors = np.linalg.eigh(V)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = rng.standard_normal((DRAWS, V.shape[0])) @ root.T
    return float((np.abs(drawn).max(axis=1) >= worst).mean())


def widening(estimate: Estimate, level: float) -> float:
    """Square of Student's critical value over the normal one; 1 where the estimate uses that."""
    if estimate.dof <= 0:
        return 1.0
    at = 0.5 + level / 2
    return float((stats.t.ppf(at, estimate.dof) / stats.norm.ppf(at)) ** 2)


def _target(estimate: Estimate, after: pl.DataFrame, spec: HonestTrends) -> tuple[Floats, str]:
    """Weights (P,) of the effects after the base year, and what their average is."""
    since = (after["event_time"].to_numpy() >= 0).astype(np.float64)
    joiners = since * after["n_treated"].to_numpy()
    alike, by_joiners = since / since.sum(), joiners / joiners.sum()
    theta = after["estimate"].to_numpy()
    row = estimate.row()
    near = NEAR * float(row["std_error"])

    def name(weights: Floats, otherwise: str) -> str:
        return ANSWER if abs(weights @ theta - float(row["estimate"])) <= near else otherwise

    if spec.target == "mean":
        return alike, name(alike, ALIKE)
    if name(alike, ALIKE) == ANSWER:
        return alike, ANSWER
    return by_joiners, name(by_joiners, BY_JOINERS)


def _relative(
    study: EventStudy, rows: Differences, weights: Floats, bounds: Floats, level: float
) -> tuple[Floats, Floats]:
    return hybrid.interval(hybrid.relative(study, rows, weights, bounds), level)


def _breaks(study: EventStudy, rows: Differences, weights: Floats, level: float) -> float:
    return breakdown(
        lambda b: hybrid.holds(hybrid.relative(study, rows, weights, b), 0.0, level), most=MOST
    )


def _zero_in(ends: tuple[Floats, Floats]) -> NDArray[np.bool_]:
    low, high = ends
    return np.asarray((low <= 0) & (high >= 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Smooth:
    rows: list[tuple[object, ...]]
    straight: tuple[float, float] | None
    breaks: float
    relative: float
    worst: float | None


def _smooth(asked: Question, level: float) -> _Smooth:
    """Bends of the drift: bounded in the outcome's unit, and relative to those before."""
    study = asked.study
    bends = second_differences(study)
    found = flci.path(study, bends, asked.weights)
    worst = relative = None
    if bends.before.shape[0]:
        worst = float(np.abs(bends.before @ study.beta).max())
        relative = _breaks(study, bends, asked.weights, level)
    steps = np.abs(first_differences(study).before @ study.beta)
    scale = worst or float(steps.max()) or float(np.sqrt(found.a))
    broken = breakdown(lambda b: _zero_in(flci.interval(found, b, level)), scale=scale, most=MOST)
    bounds = scale * np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    low, high = flci.interval(found, bounds, level)
    rows = [
        _row(asked.name, SMOOTH, b, x, y, broken)
        for b, x, y in zip(bounds.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    if relative is not None:
        some = np.array([0.5, 1.0, 2.0])
        bent_low, bent_high = _relative(study, bends, asked.weights, some, level)
        rows += [
            _row(asked.name, BENT, b, x, y, relative)
            for b, x, y in zip(some.tolist(), bent_low.tolist(), bent_high.tolist(), strict=True)
        ]
    return _Smooth(
        rows=rows,
        straight=(float(low[0]), float(high[0])) if study.Q > 1 else None,
        breaks=broken,
        relative=float("nan") if relative is None else relative,
        worst=worst,
    )


def _sentence(
    asked: Question,
    breaks: float,
    worst: float,
    unit: str,
    nothing: bool,
    value: float,
    at_one: tuple[float, float],
) -> str:
    what = "answer" if asked.name == ANSWER else "effect"
    seen = f"the worst seen from one year to the next before joining ({worst:.2g} {unit} a year)"
    if nothing:
        said = (
            "No effect at all lies within the interval as it is, so there is nothing for a drift "
            f"to overturn. Had joiners drifted after joining by as much as {seen}, the {what} "
            f"would lie between {at_one[0]:.2g} and {at_one[1]:.2g}."
        )
    elif np.isinf(breaks):
        said = (
            f"Even a drift after joining {MOST:.0f} times {seen} would not make the {what} vanish."
        )
    elif breaks < FALLS:
        said = (
            f"A drift after joining of no more than {breaks:.2g} times {seen} would be enough for "
            f"the {what} to vanish."
        )
    else:
        said = (
            f"The drift after joining would have to be {breaks:.2g} times {seen} for the {what} to "
            "vanish."
        )
    if asked.name != ANSWER:
        said += (
            " The answer itself is no average of effects by year since joining; this is said of "
            f"their {asked.name} ({value:.2g} {unit})."
        )
    return said


def _why_not(trial: Trial) -> str:
    method = trial.study.method
    if isinstance(method, GroupTime | RegimeDid) and method.base == "varying":
        return (
            "with a varying base each year before joining is compared with the year before it, and "
            "not with the base year (base = 'universal')"
        )
    return ""


def _no_years(trial: Trial) -> str:
    rows = trial.estimate.effects.filter(
        pl.col("estimand").is_in(["dynamic", "direct-dynamic"]) & pl.col("estimate").is_not_null()
    )
    if rows.height == 0:
        return "the method gives no effects by year since joining"
    if isinstance(trial.study.method, Imputation | SyntheticDid):
        return "the method fits the years before joining, and gives no effects for them"
    if not (rows["event_time"] >= 0).any():
        return "no year after joining has an effect"
    return "fewer than two joiners are observed before the year that serves as their base"


def _cannot(why: str) -> Finding:
    return Finding(
        check="honest-trends",
        title="A drift after joining",
        verdict=None,
        sentence=f"How large a drift the answer would stand cannot be said: {why}.",
        table=pl.DataFrame(schema=TABLE),
        numbers={"breakdown_mbar": None},
    )


def _row(
    target: str, restriction: str, bound: float, low: float, high: float, breaks: float
) -> tuple[object, ...]:
    return (target, restriction, bound, low, high, _finite(breaks))


def _finite(x: float) -> float | None:
    return x if np.isfinite(x) else None


def _year(e: int) -> str:
    return "year of joining" if e == 0 else "1 year on" if e == 1 else f"{e} years on"
