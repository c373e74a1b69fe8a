"""Are only the survivors in the answer? Those that left, counted as the worst of those that stayed.

A result that is missing after joining (or lies after leaving, if asked) is put at the base year's
plus the comparison's mean change plus the mean of the worst share of joiners' own changes beside
the comparison; then the study's method is fitted again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.panel import Arrays, Bools
from consortia.results import Finding, Trial
from consortia.sensitivity.leaving import Later, cells
from consortia.sensitivity.overturning import cannot, danger, words
from consortia.specs import Survivors

CHECK, TITLE = "survivors", "Only those that lasted?"
_SCHEMA = {
    "as_bad_as_the_worst": pl.String, "provider_years": pl.Int64, "providers": pl.Int64,
    "estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64, "why": pl.String,
}  # fmt: skip


def run(trial: Trial, spec: Survivors, rng: np.random.Generator) -> Finding:
    """Verdict True: the answer's words stay the same; False: they change; None: nobody is missing,
    so that nothing shows whether the files hold survivors only, or it cannot be fitted."""
    a = trial.arrays
    found = cells(trial)
    if not found:
        return cannot(CHECK, TITLE, "No joiner is seen both before and after joining.")
    gone = _after_leaving(trial) if spec.leavers else np.zeros(a.Y.shape, dtype=np.bool_)
    missing = _missing(a, found)
    unit = trial.study.outcomes[trial.study.outcome].unit
    at = float(trial.estimate.row()["estimate"])
    mine, theirs = missing & a.joiners[:, None], missing & ~a.joiners[:, None]
    worst = {d: _worst(found, spec.share, joiners=d) for d in (True, False)}
    cases: list[tuple[str, Bools, Bools]] = []
    nobody = np.zeros_like(missing)
    if mine.any():
        cases.append(("joiners that are missing", mine, nobody))
    if mine.any() and theirs.any():
        cases.append(
            ("joiners and comparison that are missing, each by its own worst", mine, theirs)
        )
    left = gone & a.joiners[:, None]
    if left.any():
        cases.append(("joiners that are missing, or left the collaboration", mine | left, nobody))
    rows: list[dict[str, object]] = []
    for label, ours, others in cases:
        made: dict[str, object] = {
            "as_bad_as_the_worst": label,
            "provider_years": int((ours | others).sum()),
            "providers": int((ours | others).any(axis=1).sum()),
            "estimate": None, "low": None, "high": None, "why": "",
        }  # fmt: skip
        try:
            again = trial.refit(_filled(a, found, ours, others, worst), trial.study).row()
            if again["estimate"] is None:
                raise NotIdentified(str(again["caution"]))
            made |= {k: float(again[k]) for k in ("estimate", "low", "high")}
        except NotIdentified as error:
            made["why"] = error.because
        rows.append(made)
    table = pl.DataFrame(rows, schema=_SCHEMA)
    seen = [float(str(r["estimate"])) for r in rows if r["estimate"] is not None]
    numbers: dict[str, float | int | None] = {
        "danger": danger(trial, *seen) if seen else None,
        "missing_joiner_years": int(mine.sum()),
        "missing_joiners": int(mine.any(axis=1).sum()),
        "missing_comparison": int(theirs.any(axis=1).sum()),
        "left_collaboration": int(left.any(axis=1).sum()),
        "worst_change": worst[True],
        "lowest_estimate": min(seen, default=None),
    }
    if not rows:
        whole = bool(np.isfinite(a.Y).all())
        text = "No joiner is missing after joining, and none is known to have left. "
        text += (
            "But every provider of the files is seen in every year: if they hold only those that "
            "lasted to the end, closed providers and dissolved collaborations are in no answer "
            "drawn from them."
            if whole
            else "Those that left the files wholly before joining is known cannot be counted."
        )
        return Finding(
            check=CHECK, title=TITLE, verdict=None, sentence=text, table=table, numbers=numbers
        )
    if not seen:
        return Finding(
            check=CHECK,
            title=TITLE,
            verdict=None,
            sentence=f"Had those that left done badly, nothing could be said: {rows[0]['why']}.",
            table=table,
            numbers=numbers,
        )
    lowest = min(
        rows, key=lambda r: float(str(r["estimate"])) if r["estimate"] is not None else 1e9
    )
    value = float(str(lowest["estimate"]))
    verdict = all(words(trial, x) == words(trial, at) for x in seen)
    text = (
        f"Had {lowest['as_bad_as_the_worst']} ({lowest['provider_years']:,} results of "
        f"{lowest['providers']:,} providers) done as badly as the worst {_share(spec.share)} of "
        f"those that stayed, the effect would be {value:.2f} {unit} instead of {at:.2f}: "
    )
    text += (
        "the answer does not rest on survivors alone."
        if verdict
        else "the answer rests on who lasted."
    )
    return Finding(
        check=CHECK, title=TITLE, verdict=verdict, sentence=text, table=table, numbers=numbers
    )


def _missing(a: Arrays, found: tuple[Later, ...]) -> Bools:
    out = np.zeros(a.Y.shape, dtype=np.bool_)
    for c in found:
        out[c.rows[~c.S], c.year] = True
    return out


def _after_leaving(trial: Trial) -> Bools:
    """Cells (n, T) after the last membership ended, as far as the files tell."""
    a, study = trial.arrays, trial.study
    out = np.zeros(a.Y.shape, dtype=np.bool_)
    if study.exposure.leavers == "censor":
        return out
    try:
        censored = trial.cross(study.with_(exposure=replace(study.exposure, leavers="censor")))
    except NotIdentified:
        return out
    place = {p: i for i, p in enumerate(censored.provider.tolist())}
    at = np.array([place.get(p, -1) for p in a.provider.tolist()])
    known = at >= 0
    out[known] = np.isfinite(a.Y[known]) & ~np.isfinite(censored.Y[at[known]])
    out[~known] = np.isfinite(a.Y[~known])
    # Only what comes after joining is the collaboration's.
    return out & (np.arange(a.T)[None, :] >= a.cohort[:, None])


def _relative(c: Later) -> np.ndarray:
    """Changes of those seen less the comparison's mean change."""
    rest = c.S & ~c.D
    return c.y - float(np.average(c.y[rest], weights=c.w[rest]))


def _worst(found: tuple[Later, ...], share: float, *, joiners: bool) -> float:
    """Mean of the worst share of changes beside the comparison, over all cells."""
    y = np.concatenate([_relative(c)[c.S & (joiners == c.D)] for c in found])
    w = np.concatenate([c.w[c.S & (joiners == c.D)] for c in found])
    order = np.argsort(y, kind="stable")
    y, w = y[order], w[order]
    room = share * w.sum()
    kept = np.clip(room - np.concatenate([[0.0], np.cumsum(w)[:-1]]), 0.0, w)
    return float(kept @ y / kept.sum())


def _filled(
    a: Arrays, found: tuple[Later, ...], mine: Bools, theirs: Bools, worst: dict[bool, float]
) -> Arrays:
    Y, W = a.Y.copy(), a.W.copy()
    for c in found:
        rest = c.S & ~c.D
        usual = float(np.average(c.y[rest], weights=c.w[rest]))
        for rows, cells_ in ((c.rows[c.D], mine), (c.rows[~c.D], theirs)):
            put = rows[cells_[rows, c.year]]
            level = a.Y[put, c.base] + usual + worst[bool(cells_ is mine)]
            Y[put, c.year] = level
            W[put, c.year] = np.where(W[put, c.year] > 0, W[put, c.year], a.w[put])
    return replace(a, Y=Y, W=W, truth=None)


def _share(share: float) -> str:
    return "quarter" if share == 0.25 else f"{share:.0%}"
