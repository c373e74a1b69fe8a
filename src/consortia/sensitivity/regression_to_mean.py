"""Did joiners join after a bad year, and is what looks like an effect their coming back?

The dip: joiners' base year against their own earlier years, beside the comparison. What would come
back of it by itself: maths/reversion.py. And the answer by other bases (the mean of the last years)
and given the outcome of the base, on the plain comparison of changes (changes.py), so that all rows
differ in nothing else.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.maths.confounding import on_the_treated
from consortia.maths.reversion import share_returning
from consortia.panel import Arrays, Floats
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import Change, changes, given, pool, standard_error
from consortia.sensitivity.overturning import cannot, danger, words
from consortia.specs import RegressionToMean

CHECK, TITLE = "regression-to-mean", "A bad year before joining"
_SCHEMA = {
    "base": pl.String, "given_base": pl.Boolean, "estimate": pl.Float64, "std_error": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "joiners": pl.Int64,
}  # fmt: skip


def run(trial: Trial, spec: RegressionToMean, rng: np.random.Generator) -> Finding:
    """Verdict False: there was a dip beyond chance, and without what comes back of it by itself the
    answer's words change; True: all bases, given the base's outcome or not, lie within half a
    standard error of the plain answer; None: in between.

    Shifts are between plain comparisons; the answer's own refinements do not enter them. Not given
    and given the base's outcome bracket the effect when either lasting differences or the last
    result decided who joined (Angrist & Pischke 2009, section 5.4; Ding & Li 2019).
    """
    a = trial.arrays
    try:
        cohorts = {k: changes(trial, base=k) for k in range(1, spec.years + 1)}
    except NotIdentified as error:
        return cannot(CHECK, TITLE, f"Whether there was a bad year is unknown: {error.because}.")
    row = trial.estimate.row()
    at, se = float(row["estimate"]), float(row["std_error"])
    critical = trial.estimate.critical
    unit = trial.study.outcomes[trial.study.outcome].unit
    rows: list[dict[str, object]] = []
    deepest = max(c.base + 1 for c in cohorts[1])
    for k, found in cohorts.items():
        if k > deepest:
            break
        for conditional in (False, True):
            model = [given(a, c) for c in found]
            if conditional:
                model = [np.column_stack([x, c.before]) for x, c in zip(model, found, strict=True)]
            one = pool(a.n, found, model)
            error = standard_error(a, one.psi)
            rows.append(
                {
                    "base": "the last year" if k == 1 else f"the mean of up to {k} years",
                    "given_base": conditional,
                    "estimate": one.theta,
                    "std_error": error,
                    "low": one.theta - critical * error,
                    "high": one.theta + critical * error,
                    "joiners": int(sum(c.D.sum() for c in found)),
                }
            )
    plain = float(str(rows[0]["estimate"]))
    others = [float(str(r["estimate"])) for r in rows]
    shifts = np.array(others) - plain
    far = float(np.abs(shifts).max())
    dip, dip_error, returning, seen = _dip(trial, cohorts[1])
    real = dip is not None and dip_error is not None and abs(dip) > critical * dip_error
    expected = None if dip is None or returning is None else -dip * returning
    corrected = at - expected if expected is not None and real else None
    verdict: bool | None = True if far <= 0.5 * se else None
    if corrected is not None and words(trial, corrected) != words(trial, at):
        verdict = False
    text = ""
    if dip is None or dip_error is None:
        text += "No joiner is seen two years before joining, so that a dip cannot be measured. "
    else:
        side = "below" if dip < 0 else "above"
        text += (
            f"In the year before joining, joiners stood {abs(dip):.2f} {unit} {side} their own "
            f"earlier results, beside the comparison (standard error {dip_error:.2f}; "
            f"{seen:,} joiners). "
        )
        if not real:
            text += "That is no more than chance. "
        elif expected is not None:
            text += f"Of that, {expected:+.2f} would come back by itself. "
    given_last = others[1]
    text += (
        f"Without regard to the result of the last year before joining the effect is {plain:.2f}, "
        f"given that result {given_last:.2f}; over all bases it lies between {min(others):.2f} and "
        f"{max(others):.2f}"
    )
    if verdict is False:
        text += f". Without what comes back by itself it would be {corrected:.2f}."
    elif verdict is None:
        text += ": how the year before joining is treated matters."
    else:
        text += ": a bad year does not make the answer."
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=verdict,
        sentence=text,
        table=pl.DataFrame(rows, schema=_SCHEMA),
        numbers={
            "danger": danger(trial, corrected, *(at + float(s) for s in shifts)),
            "dip": dip,
            "dip_std_error": dip_error,
            "share_returning": returning,
            "expected_return": expected,
            "corrected": corrected,
            "plain": plain,
            "given_base": given_last,
            "lowest": min(others),
            "highest": max(others),
            "largest_shift": float(shifts[int(np.abs(shifts).argmax())]),
        },
    )


def _dip(
    trial: Trial, cohorts: tuple[Change, ...]
) -> tuple[float | None, float | None, float | None, int]:
    """The dip beside the comparison, its standard error, the share of it that would come back, and
    how many joiners it rests on."""
    a = trial.arrays
    parts = [p for p in (_early(a, c) for c in cohorts) if p is not None]
    if not parts:
        return None, None, None, 0
    # Joiners of a cohort count by their weight, as in the answer.
    total = sum(c.share for c, _, _, _ in parts)
    psi = np.zeros(a.n)
    dip, back, weight = 0.0, 0.0, 0.0
    for c, use, base, before in parts:
        X = given(a, c)[use]
        one = on_the_treated(base - before, c.D[use], c.w[use], X)
        psi[c.rows[use]] += c.share / total * one.psi
        dip += c.share / total * one.theta
        rest = ~c.D[use]
        # Given the covariates, as in the answer: what they foretell is no return to the mean.
        clean = [_left(x[rest], X[rest], c.w[use][rest]) for x in (base, before, c.since[use])]
        share = share_returning(clean[0], clean[1], clean[2], c.w[use][rest])
        if share is not None:
            back += c.share * share
            weight += c.share
    joiners = int(sum(c.D[use].sum() for c, use, _, _ in parts))
    return dip, standard_error(a, psi), back / weight if weight else None, joiners


def _early(a: Arrays, c: Change) -> tuple[Change, np.ndarray, Floats, Floats] | None:
    """Base and earlier results (each less the comparison's mean) of those that have both."""
    if c.base < 1:
        return None
    Y = a.Y[c.rows]
    seen = np.isfinite(Y[:, : c.base + 1])
    # Those that join later and are compared with have their earlier years untouched too.
    weight = np.where(seen & ~c.D[:, None], c.w[:, None], 0.0)
    total = weight.sum(axis=0)
    filled = np.where(seen, Y[:, : c.base + 1], 0.0)
    centred = filled - (weight * filled).sum(axis=0) / np.where(total > 0, total, 1.0)
    count = seen[:, :-1].sum(axis=1)
    use = (count > 0) & seen[:, -1]
    if not (c.D & use).any() or not (~c.D & use).any():
        return None
    before = np.where(seen[:, :-1], centred[:, :-1], 0.0).sum(axis=1) / np.maximum(count, 1)
    return c, use, centred[use, -1], before[use]


def _left(y: Floats, X: Floats, w: Floats) -> Floats:
    """What X does not explain of y."""
    root = np.sqrt(w)
    beta = np.linalg.lstsq(X * root[:, None], y * root, rcond=1e-10)[0]
    return np.asarray(y - X @ beta)
