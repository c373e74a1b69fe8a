"""How strong an unseen cause would have to be: robustness value, benchmarks, contours.

Regression coefficients (two-way, members against the rest): Cinelli & Hazlett (2020). Answers by
influence functions: the bound of Chernozhukov et al. (2022, "Long story short") for the change of
joiners beside that of their comparison, cohort by cohort, averaged by joiners: with draws of a
cohort (by its share) and then of a provider in it, the answer is E[alpha change], and
``|bias| <= S C_Y C_D``, ``S^2 = (sum_g s_g sigma2_g) (sum_g s_g nu2_g)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import optimize

from consortia.errors import NotIdentified
from consortia.maths import absorption
from consortia.maths.confounding import (
    adjusted_se,
    as_strong_as,
    bias,
    from_products,
    gains,
    robustness_value,
    towards_zero,
)
from consortia.panel import Arrays, Floats
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import changes, given, pool, standard_error
from consortia.sensitivity.columns import PRIOR, Named, held_columns, named
from consortia.sensitivity.overturning import cannot, danger, words, worthwhile
from consortia.specs import Mixed, RawGap, TwoWay, UnseenConfounder

_SCHEMA = {
    "benchmark": pl.String, "times": pl.Float64, "r2_joining": pl.Float64, "r2_outcome": pl.Float64,
    "estimate": pl.Float64, "std_error": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "already_held": pl.Boolean, "why": pl.String,
}  # fmt: skip
CHECK, TITLE = "unseen-confounder", "A cause that nobody recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What bounds need: ``scale`` S of the bias; ``wide`` standard error in units of S per unit of
    critical value; ``steady`` share of S by which S itself is uncertain (psi, (n,)), None = taken
    as known; ``linear`` degrees of freedom of a regression, None for the bound by influence; and by
    benchmark its strength for who joins and for the outcome."""

    scale: float
    ratio: float
    psi: Floats | None
    linear: float | None
    strength: tuple[tuple[float, float] | None, ...]
    n: int


def run(trial: Trial, spec: UnseenConfounder, rng: np.random.Generator) -> Finding:
    """Verdict False: a cause as strong as one of the benchmarks would change the answer's words;
    True: even one as strong as the largest of ``times`` would not, by the interval either; None: in
    between, or there is no benchmark.

    Raises DataInvalid for a benchmark that is not there.
    """
    asked = spec.benchmarks or (*trial.study.covariates, PRIOR)
    benchmarks = named(trial, asked, "checks.unseen-confounder.benchmarks")
    try:
        if _by_regression(trial):
            ground, benchmarks = _regression(trial, benchmarks)
        else:
            ground = _by_changes(trial, benchmarks)
    except NotIdentified as error:
        return cannot(CHECK, TITLE, f"How strong it would have to be is unknown: {error.because}.")
    row = trial.estimate.row()
    at, se = float(row["estimate"]), float(row["std_error"])
    critical = trial.estimate.critical
    f = abs(at) / ground.scale
    value = robustness_value(f)
    value_interval = _interval_value(trial, ground, at, se, critical, f)
    distance = abs(worthwhile(trial) - at)
    to_worthwhile = robustness_value(distance / ground.scale)
    rows: list[dict[str, object]] = []
    for b, strength in zip(benchmarks, ground.strength, strict=True):
        rows += [_row(trial, ground, b, strength, k, at, se, critical) for k in spec.times]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    known = [r for r in rows if r["estimate"] is not None]
    needed = {
        b.name: _times_needed(ground, s, at)
        for b, s in zip(benchmarks, ground.strength, strict=True)
        if s is not None
    }
    single = [_at(ground, s, at, 1.0) for s in ground.strength if s is not None]
    # A cause can push either way: away from zero it hides as much as it feigns.
    mirrored = [2 * at - x for x in single]
    near = danger(trial, *single, *mirrored) if single else min(1.0, 0.01 / max(value, 1e-9))
    verdict = _verdict(trial, known, single, mirrored, max(spec.times))
    # Where the sentence already says that less than as strong is enough, this adds nothing.
    turned = verdict is False and min(needed.values(), default=1.0) > 1
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=verdict,
        sentence=_sentence(trial, ground, benchmarks, needed, at, value, to_worthwhile, spec)
        + (" One just as strong would already change the words of the answer." if turned else ""),
        table=table,
        numbers={
            "danger": near,
            "robustness_value": value,
            "robustness_value_interval": value_interval,
            "robustness_value_worthwhile": to_worthwhile,
            "partial_r2": f * f / (1 + f * f),
            "scale": ground.scale,
            "estimate": at,
            "worthwhile": worthwhile(trial),
            "critical": critical,
            "providers": ground.n,
        },
    )


def _by_regression(trial: Trial) -> bool:
    method = trial.study.method
    if isinstance(method, TwoWay | RawGap):
        return True
    return isinstance(method, Mixed) and not method.within_between


def _by_changes(trial: Trial, benchmarks: tuple[Named, ...]) -> Ground:
    a = trial.arrays
    cohorts = changes(trial)
    model = [given(a, c) for c in cohorts]
    full = pool(a.n, cohorts, model)
    scale = float(np.sqrt(full.sigma2 * full.nu2))
    if not scale > 0:
        raise NotIdentified("nothing varies that a cause could act on")
    strength: list[tuple[float, float] | None] = []
    for b in benchmarks:
        if b.held:
            thin = _without(a, b)
            short, long = pool(a.n, cohorts, [given(thin, c) for c in cohorts]), full
        else:
            more = [np.column_stack([x, b.of(c)]) for x, c in zip(model, cohorts, strict=True)]
            short, long = full, pool(a.n, cohorts, more)
        on_outcome, on_joining = gains(short.fair, long.fair)
        strength.append((on_joining, on_outcome))
    psi_scale = scale / (2 * full.sigma2) * full.psi_sigma2
    ratio = float(trial.estimate.row()["std_error"]) / max(standard_error(a, full.psi), 1e-300)
    return Ground(
        scale=scale,
        ratio=ratio,
        psi=psi_scale,
        linear=None,
        strength=tuple(strength),
        n=int(np.unique(np.concatenate([c.rows for c in cohorts])).size),
    )


def _without(a: Arrays, b: Named) -> Arrays:
    fixed: set[int] = set()
    yearly: set[int] = set()
    for m in b.members:
        x, z = held_columns(a, m)
        fixed |= set(x)
        yearly |= set(z)
    keep_x = [j for j in range(a.X.shape[1]) if j not in fixed]
    keep_z = [j for j in range(a.Z.shape[2]) if j not in yearly]
    return replace(a, X=a.X[:, keep_x], Z=a.Z[:, :, keep_z])


def _regression(trial: Trial, benchmarks: tuple[Named, ...]) -> tuple[Ground, tuple[Named, ...]]:
    """Cross-products of exposure, covariates and outcome after the fixed effects.

    Only the study's own covariates can be benchmarks: others are not in the regression.
    """
    a = trial.arrays
    kept = tuple(b for b in benchmarks if b.held)
    within = isinstance(trial.study.method, TwoWay)
    names = [*a.Z_names] if within else [*a.X_names, *a.Z_names]
    T = a.T
    others = [h.on.astype(np.float64) if h.dose is None else h.dose for h in a.hold]
    exposure = a.held.astype(np.float64) if a.dose is None else a.dose
    fixed = [] if within else [np.repeat(a.X[:, [j]], T, axis=1) for j in range(a.X.shape[1])]
    cubes = [exposure, *others, *fixed, *(a.Z[:, :, j] for j in range(a.Z.shape[2])), a.Y]
    V = np.stack(cubes, axis=2)
    W = np.where(np.isfinite(V).all(axis=2), a.W, 0.0)
    V = np.where((W > 0)[:, :, None], V, 0.0)
    p = V.shape[2]
    if within:
        found = absorption.absorb(V[:, :, -1], W, lambda i, j: V[i:j], p)
        A, lost = found.A, found.providers + found.periods - found.parts
        cells = found.cells
    else:
        mean = np.einsum("it,itv->tv", W, V) / np.maximum(W.sum(axis=0), 1e-300)[:, None]
        V = V - mean[None]
        flat = V.reshape(-1, p)
        A = flat.T @ (W.reshape(-1, 1) * flat)
        cells, lost = int((W > 0).sum()), int((W.sum(axis=0) > 0).sum())
    first = 1 + len(others)
    groups = [[first + j for j, name in enumerate(names) if _is(name, b.members)] for b in kept]
    dof = float(cells - lost - (p - 1))
    if dof <= 1:
        raise NotIdentified("the regression has as many coefficients as results")
    # Weights are relative: the residual variance is per unit of mean weight.
    A = A / (W[W > 0].mean() if cells else 1.0)
    try:
        c = from_products(A, groups, dof)
    except ValueError as error:
        raise NotIdentified(str(error)) from error
    scale = c.se * float(np.sqrt(dof))
    if not scale > 0:
        raise NotIdentified("nothing varies that a cause could act on")
    kept = tuple(b for b, g in zip(kept, groups, strict=True) if g)
    strength = tuple((x, y) for x, y, g in zip(c.r2_dx, c.r2_yx, groups, strict=True) if g)
    ratio = float(trial.estimate.row()["std_error"]) / c.se
    seen = int((W.sum(axis=1) > 0).sum())
    return (
        Ground(scale=scale, ratio=ratio, psi=None, linear=dof, strength=strength, n=seen),
        kept,
    )


def _is(name: str, wanted: tuple[str, ...]) -> bool:
    return any(name == w or name.startswith(f"{w} = ") for w in wanted)


def shares(ground: Ground, strength: tuple[float, float], k: float) -> tuple[float, float]:
    """(share of what is left of joining, of the outcome) that a cause k times as strong explains.

    Raises ValueError where no cause can be that strong.
    """
    joining, outcome = strength
    if ground.linear is not None:
        return as_strong_as(joining, outcome, k)
    if k * joining >= 1:
        raise ValueError(f"nothing can be {k:g} times as strong: it would explain who joins wholly")
    return k * joining, min(1.0, k * outcome)


def _row(
    trial: Trial,
    ground: Ground,
    b: Named,
    strength: tuple[float, float] | None,
    k: float,
    at: float,
    se: float,
    critical: float,
) -> dict[str, object]:
    made: dict[str, object] = {
        "benchmark": b.label, "times": k, "r2_joining": None, "r2_outcome": None, "estimate": None,
        "std_error": None, "low": None, "high": None, "already_held": b.held, "why": "",
    }  # fmt: skip
    if strength is None:
        return made
    try:
        d, y = shares(ground, strength, k)
    except ValueError as error:
        return made | {"why": str(error)}
    estimate = towards_zero(at, bias(ground.scale, y, d))
    error = _error(trial, ground, at, se, y, d)
    return made | {
        "r2_joining": d,
        "r2_outcome": y,
        "estimate": estimate,
        "std_error": error,
        "low": estimate - critical * error,
        "high": estimate + critical * error,
    }


def _error(trial: Trial, ground: Ground, at: float, se: float, y: float, d: float) -> float:
    """Standard error of the adjusted estimate."""
    if ground.linear is not None:
        return adjusted_se(se, ground.linear, y, d)
    psi = trial.influence()
    if psi is None or ground.psi is None:
        return se
    factor = float(np.sqrt(y * d / (1 - d)))
    plain = standard_error(trial.arrays, psi)
    moved = standard_error(trial.arrays, psi - np.sign(at) * factor * ground.psi)
    return se * moved / plain if plain > 0 else se


def _interval_value(
    trial: Trial, ground: Ground, at: float, se: float, critical: float, f: float
) -> float:
    """The strength at which the interval reaches zero."""
    if abs(at) <= critical * se:
        return 0.0
    if ground.linear is not None:
        wide = critical * ground.ratio / float(np.sqrt(ground.linear - 1))
        return robustness_value(f, wide)

    def left(r: float) -> float:
        moved = abs(at) - bias(ground.scale, r, r)
        return moved - critical * _error(trial, ground, at, se, r, r)

    top = robustness_value(f)
    return float(optimize.brentq(left, 0.0, top, xtol=1e-10)) if left(top) < 0 else top


def _at(ground: Ground, strength: tuple[float, float], at: float, k: float) -> float:
    """The estimate less the bias of a cause k times as strong; infinite where none can be."""
    try:
        d, y = shares(ground, strength, k)
    except ValueError:
        return float("-inf") if at >= 0 else float("inf")
    return towards_zero(at, bias(ground.scale, y, d))


def _times_needed(ground: Ground, strength: tuple[float, float], at: float) -> float:
    """How many times as strong as the benchmark, for the estimate to be zero; infinite = never."""

    def left(k: float) -> float:
        moved = _at(ground, strength, at, k)
        return moved if at >= 0 else -moved

    high = 1.0
    while left(high) > 0:
        high *= 2
        if high > 1e6:
            return float("inf")
    low = 0.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) > 0 else (low, middle)
    return high


def _verdict(
    trial: Trial,
    rows: list[dict[str, object]],
    single: list[float],
    mirrored: list[float],
    most: float,
) -> bool | None:
    if not single:
        return None
    row = trial.estimate.row()
    at = float(row["estimate"])
    said = words(trial, at)
    if any(words(trial, x) != said for x in (*single, *mirrored)):
        return False
    far = [r for r in rows if r["times"] == most]
    if len(far) < len(single):
        return None
    for r in far:
        moved, error = float(str(r["estimate"])), float(str(r["std_error"]))
        if words(trial, moved, error) != said or words(trial, 2 * at - moved, error) != said:
            return None
    return True


def _sentence(
    trial: Trial,
    ground: Ground,
    benchmarks: tuple[Named, ...],
    needed: dict[str, float],
    at: float,
    value: float,
    to_worthwhile: float,
    spec: UnseenConfounder,
) -> str:
    unit = trial.study.outcomes[trial.study.outcome].unit
    text = (
        f"A cause that nobody recorded would have to explain {_percent(value)} of what is left "
        "unexplained both of who joins and of the results, to bring the effect to zero"
    )
    if at < worthwhile(trial):
        text += f" (and {_percent(to_worthwhile)} to hide one that is worthwhile)"
    text += ". "
    ranked = [b for b in benchmarks if b.name in needed]
    if not ranked:
        return text + "There is no covariate to liken it to."
    closest = min(ranked, key=lambda b: needed[b.name])
    k = max(spec.times)
    strength = dict(zip((b.name for b in benchmarks), ground.strength, strict=True))[closest.name]
    assert strength is not None
    moved = _at(ground, strength, at, k)
    enough = needed[closest.name]
    if enough <= 1:
        text += f"One as strong as {closest.label} would be more than enough"
        text += f" ({enough:.2g} times as strong would do)."
    elif enough <= k:
        text += f"One {_times(enough)} as strong as {closest.label} would be enough."
    elif np.isfinite(enough):
        text += (
            f"One {_times(k)} as strong as {closest.label} would leave {moved:.2f} {unit} of "
            f"{at:.2f}; to leave nothing it would have to be {_times(enough)} as strong."
        )
    else:
        text += f"However many times as strong as {closest.label}, none would do."
    return text


def _times(k: float) -> str:
    if k == 2:
        return "twice"
    if k == 3:
        return "three times"
    return f"{k:.2g} times" if k < 100 else f"{k:,.0f} times"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
