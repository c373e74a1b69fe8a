"""Do a few providers, outliers or small ones carry the answer?

Providers are ranked by their influence on it (psi, the change of the estimate without them, first
order); how many of them would have to go for its words to change is counted from that ranking and
then tried (Broderick, Giordano & Meager 2020). Beside it the answer without the top share, with
results drawn in to the 1st and 99th percentile, in ranks, by medians, and without small providers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from scipy import sparse, stats

from consortia.errors import NotIdentified
from consortia.panel import Arrays, Bools, Floats
from consortia.results import Finding, Trial
from consortia.sensitivity.changes import changes, given
from consortia.sensitivity.overturning import danger, words
from consortia.specs import InfluentialProviders

CHECK, TITLE = "influence", "A few, the odd ones, the small ones"
_SCHEMA = {
    "how": pl.String, "left_out": pl.Int64, "estimate": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "why": pl.String,
}  # fmt: skip
DRAWN_IN = 0.01
LARGEST_SHARE = 0.5
"""Beyond half of the providers it is no longer "a few"."""


def run(trial: Trial, spec: InfluentialProviders, rng: np.random.Generator) -> Finding:
    """Verdict False: two of drawn-in results, ranks and medians change the answer's words, or
    leaving out a tenth of the ``top`` share of providers does; True: none of these does, nor
    leaving out the small ones or one provider; None: in between.

    How many providers it takes grows with the square of the signal: an answer near a threshold is
    turned by few whatever their results, which alone is no fault of any of them.
    """
    a, study = trial.arrays, trial.study
    row = trial.estimate.row()
    at, se = float(row["estimate"]), float(row["std_error"])
    unit = study.outcomes[study.outcome].unit
    psi = trial.influence()
    rows: list[dict[str, object]] = []
    numbers: dict[str, float | int | None] = {}
    text = ""
    turned_by: int | None = None
    touched = a.n
    if psi is not None:
        touched = int((psi != 0).sum())
        top = max(1, round(spec.top * touched))
        ranked = np.argsort(-np.abs(psi), kind="stable")
        numbers["top_share_of_squares"] = float((psi[ranked[:top]] ** 2).sum() / (psi**2).sum())
        names = [str(a.provider[i]) for i in ranked[:3]]
        numbers["largest_shift"] = float(-psi[ranked[0]])
        carried = _without(a, psi, at, top)
        rows.append(_again(trial, f"without the {top:,} that carry it most", carried, None))
        turned_by = _to_turn(trial, psi, at)
        numbers["providers_to_turn"] = turned_by
        numbers["share_to_turn"] = None if turned_by is None else turned_by / touched
        if turned_by is not None:
            out = _towards(trial, psi, at, turned_by)
            rows.append(_again(trial, f"without the {turned_by:,} that hold its words", out, None))
            text += (
                f"Leaving out {turned_by:,} of {touched:,} providers ({turned_by / touched:.1%}), "
                "picked to do so, would change the answer. "
            )
        else:
            text += (
                f"Not even leaving out half of the {touched:,} providers, picked to do so, would "
                "change the answer. "
            )
        most = names[0]
        text += (
            f"The most influential one, {most}, moves it by {abs(float(psi[ranked[0]])):.3f} "
            f"{unit}. "
        )
    drawn = _again(trial, "results drawn in to the 1st and 99th percentile", None, _drawn_in(a))
    ranks = _again(trial, "ranks in place of results", None, _ranks(a))
    middle = _medians(trial)
    robust = [r for r in (drawn, ranks, middle) if r["estimate"] is not None]
    rows += [drawn, ranks, middle]
    size = a.w
    small: dict[str, object] | None = None
    if np.ptp(size) > 0:
        edge = float(np.quantile(size, spec.small))
        small = _again(trial, f"without the smallest {spec.small:.0%}", size < edge, None)
        rows.append(small)
    few = _few(trial, spec.few)
    numbers["small_cells"] = few
    other = [float(str(r["estimate"])) for r in robust]
    said = words(trial, at)
    turned = [words(trial, x) != said for x in other]
    share = None if turned_by is None else turned_by / touched
    verdict: bool | None
    if (share is not None and share <= spec.top / 10) or sum(turned) >= 2:
        verdict = False
    elif (
        any(turned)
        or turned_by == 1
        or (
            small is not None
            and (small["estimate"] is None or words(trial, float(str(small["estimate"]))) != said)
        )
    ):
        verdict = None
    else:
        verdict = True
    if other:
        text += (
            "With results drawn in, in ranks or by medians the effect is "
            f"{_listed([f'{x:.2f}' for x in other])} instead of {at:.2f}"
        )
        if small is not None and small["estimate"] is not None:
            text += f"; without small providers it is {small['estimate']:.2f}"
        text += ". "
    if few:
        text += (
            f"{few} cohort{'s' if few > 1 else ''} of joiners "
            f"{'have' if few > 1 else 'has'} fewer than {spec.few}. "
        )
    text += {
        True: "A few odd ones do not make the answer.",
        False: "A few odd ones make the answer.",
        None: "The answer leans on odd or small ones a little.",
    }[verdict]
    near = danger(trial, *other, None if small is None else _number(small["estimate"]))
    if share is not None:
        near = max(near, float(np.clip(spec.top / 10 / share, 0.0, 1.0)))
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=verdict,
        sentence=text.strip(),
        table=pl.DataFrame(rows, schema=_SCHEMA),
        numbers={
            "danger": near,
            **numbers,
            "drawn_in": _number(drawn["estimate"]),
            "in_ranks": _number(ranks["estimate"]),
            "by_medians": _number(middle["estimate"]),
            "without_small": None if small is None else _number(small["estimate"]),
            "std_error": se,
        },
    )


def _number(x: object) -> float | None:
    return None if x is None else float(str(x))


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _without(a: Arrays, psi: Floats, at: float, top: int) -> Bools:
    """The ``top`` providers that carry the estimate away from zero most."""
    out = np.zeros(a.n, dtype=np.bool_)
    out[np.argsort(-np.sign(at) * psi, kind="stable")[:top]] = True
    return out


def _steps(trial: Trial, psi: Floats, at: float) -> list[tuple[Floats, np.ndarray]]:
    """For either direction: estimates after leaving out 1, 2, ... providers, and in which order."""
    most = int(LARGEST_SHARE * (psi != 0).sum())
    made: list[tuple[Floats, np.ndarray]] = []
    for sign in (1.0, -1.0):
        order = np.argsort(-sign * psi, kind="stable")[:most]
        order = order[sign * psi[order] > 0]
        made.append((at - np.cumsum(psi[order]), order))
    return made


def _to_turn(trial: Trial, psi: Floats, at: float) -> int | None:
    """The fewest providers without whom the words change, by first order; None: half is too few."""
    said = words(trial, at)
    best: int | None = None
    for path, _ in _steps(trial, psi, at):
        # Words change once along the way at the first; halving finds where.
        if not path.size or words(trial, float(path[-1])) == said:
            changed = [k for k in _probe(path.size) if words(trial, float(path[k])) != said]
            if not changed:
                continue
            high = changed[0]
        else:
            high = path.size - 1
        low = -1
        while high - low > 1:
            middle = (low + high) // 2
            if words(trial, float(path[middle])) != said:
                high = middle
            else:
                low = middle
        best = high + 1 if best is None else min(best, high + 1)
    return best


def _probe(size: int) -> list[int]:
    return np.unique(np.linspace(0, size - 1, 200).astype(int)).tolist() if size else []


def _towards(trial: Trial, psi: Floats, at: float, count: int) -> Bools:
    """The ``count`` providers whose going changes the words."""
    said = words(trial, at)
    out = np.zeros(psi.size, dtype=np.bool_)
    for path, order in _steps(trial, psi, at):
        if path.size >= count and words(trial, float(path[count - 1])) != said:
            out[order[:count]] = True
            break
    return out


def _again(trial: Trial, label: str, out: Bools | None, Y: Floats | None) -> dict[str, object]:
    a = trial.arrays
    made: dict[str, object] = {
        "how": label, "left_out": 0 if out is None else int(out.sum()), "estimate": None,
        "low": None, "high": None, "why": "",
    }  # fmt: skip
    changed = a if Y is None else replace(a, Y=Y, truth=None)
    if out is not None:
        changed = changed.take(~out)
        used = np.flatnonzero(np.asarray(changed.incidence.sum(axis=0)).reshape(-1) > 0)
        changed = replace(changed, incidence=sparse.csr_array(changed.incidence[:, used]))
    try:
        row = trial.refit(changed, trial.study).row()
        if row["estimate"] is None:
            raise NotIdentified(str(row["caution"]))
        return made | {k: float(row[k]) for k in ("estimate", "low", "high")}
    except NotIdentified as error:
        return made | {"why": error.because}


def _drawn_in(a: Arrays) -> Floats:
    """Results of each year drawn in to the percentiles of that year."""
    Y = a.Y.copy()
    for t in range(a.T):
        seen = np.isfinite(Y[:, t])
        if seen.any():
            low, high = np.quantile(Y[seen, t], [DRAWN_IN, 1 - DRAWN_IN])
            Y[seen, t] = np.clip(Y[seen, t], low, high)
    return Y


def _ranks(a: Arrays) -> Floats:
    """Normal scores of the ranks within a year, at the mean and spread of that year's middle."""
    Y = a.Y.copy()
    for t in range(a.T):
        seen = np.isfinite(Y[:, t])
        y = Y[seen, t]
        if y.size < 3:
            continue
        score = stats.norm.ppf((stats.rankdata(y) - 0.375) / (y.size + 0.25))
        low, middle, high = np.quantile(y, [0.25, 0.5, 0.75])
        spread = (high - low) / (2 * stats.norm.ppf(0.75))
        Y[seen, t] = middle + spread * score
    return Y


def _medians(trial: Trial) -> dict[str, object]:
    """Median change of joiners less that of the comparison, given covariates, by cohort."""
    made: dict[str, object] = {
        "how": "medians of changes", "left_out": 0, "estimate": None, "low": None, "high": None,
        "why": "",
    }  # fmt: skip
    try:
        cohorts = changes(trial)
    except NotIdentified as error:
        return made | {"why": error.because}
    total = 0.0
    for c in cohorts:
        X = given(trial.arrays, c)
        rest = ~c.D
        root = np.sqrt(c.w)
        beta = np.linalg.lstsq(X[rest] * root[rest, None], c.y[rest] * root[rest], rcond=1e-10)[0]
        left = c.y - X @ beta
        total += c.share * (_median(left[c.D], c.w[c.D]) - _median(left[rest], c.w[rest]))
    return made | {"estimate": total}


def _median(y: Floats, w: Floats) -> float:
    order = np.argsort(y, kind="stable")
    y, total = y[order], np.cumsum(w[order])
    half = total[-1] / 2
    k = int(np.searchsorted(total, half * (1 - 1e-12)))
    if abs(total[k] - half) <= 1e-12 * total[-1] and k + 1 < y.size:
        return float((y[k] + y[k + 1]) / 2)
    return float(y[k])


def _few(trial: Trial, few: int) -> int:
    count = np.bincount(trial.arrays.cohort[trial.arrays.joiners], minlength=1)
    return int(((count > 0) & (count < few)).sum())
