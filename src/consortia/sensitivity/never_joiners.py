"""Never-joiners given joiners' dates: what is found for them is no effect of joining.

Two kinds of draw. At random: as large a share of never-joiners as joiners are of all, with joiners'
dates, within strata (and the values of a column): it shows whether the method finds effects where
there are none more often than it says. Like joiners: for each joiner one of the never-joiners
nearest to it in its outcomes before joining and in its covariates, with its date: those carry
what came before joining (a dip, a poor start) but not joining, so that what is found for them is
what the comparison would have passed for an effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.panel import Arrays, Bools, Floats, Ints
from consortia.results import Finding, Trial
from consortia.sensitivity.overturning import cannot, danger, words
from consortia.sensitivity.pairs import whitened
from consortia.specs import NeverJoiners, anticipation_of

CHECK, TITLE = "never-joiners", "Never-joiners given joiners' dates"
MOST = 0.5
"""At most that share of the never-joiners of a stratum plays joiner: the others are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Never-joiners (r,) rows of the arrays, their stratum code, and by stratum the joiners."""

    rows: Ints
    code: Ints
    joiners: Ints
    joiner_code: Ints


def run(trial: Trial, spec: NeverJoiners, rng: np.random.Generator) -> Finding:
    """Verdict False: never-joiners like joiners show an effect beyond chance and without it the
    answer's words change, or drawn at random they are found to gain or lose more than twice as
    often as the level allows; True: they show none beyond chance, and the answer lies outside what
    they show; None: in between, or nothing can be drawn.

    Raises DataInvalid for a column that is not there.
    """
    a = trial.arrays
    code = _code(trial, spec.within)
    never = np.flatnonzero((a.cohort == a.T) & np.isfinite(a.Y).any(axis=1))
    mine = np.flatnonzero(a.joiners)
    cast = Cast(rows=never, code=code[never], joiners=mine, joiner_code=code[mine])
    if never.size < 20 or mine.size == 0:
        return cannot(CHECK, TITLE, "There are too few never-joiners to play joiners.")
    if a.dose is not None:
        return cannot(CHECK, TITLE, "Joining has a dose here, which never-joiners cannot be given.")
    row = trial.estimate.row()
    at = float(row["estimate"])
    level = trial.study.inference.level
    nearest = _nearest(trial, cast, spec.nearest)
    rows: list[dict[str, object]] = []
    kinds: dict[str, Floats] = {}
    rejected: dict[str, float] = {}
    for kind in ("at random", "like joiners"):
        estimates: list[float] = []
        hits, because = 0, "too few of them are seen in the years needed"
        for _ in range(spec.draws):
            cohort = (
                _at_random(cast, a.cohort, rng)
                if kind == "at random"
                else _like(cast, a.cohort, nearest, rng)
            )
            try:
                found = trial.refit(played(a, cast.rows, cohort), trial.study).row()
            except NotIdentified as error:
                because = error.because
                continue
            if found["estimate"] is None or found["std_error"] is None:
                continue
            estimates.append(float(found["estimate"]))
            hits += float(found["p_value"]) < 1 - level
        if len(estimates) < 10:
            text = f"Never-joiners with joiners' dates cannot be compared: {because}."
            return cannot(CHECK, TITLE, text)
        kinds[kind] = np.array(estimates)
        rejected[kind] = hits / len(estimates)
        x = kinds[kind]
        rows.append(
            {
                "drawn": kind, "draws": x.size, "mean": float(x.mean()),
                "spread": float(x.std(ddof=1)), "lowest": float(x.min()), "highest": float(x.max()),
                "found_an_effect": rejected[kind],
                "as_large_as_the_answer": _rank(x, at),
            }
        )  # fmt: skip
    alike, plain = kinds["like joiners"], kinds["at random"]
    bias = float(alike.mean())
    se = float(row["std_error"])
    # Joiners that are like the rest by design differ from them by chance before joining, and so do
    # those that are like them: that is within the answer's own standard error.
    beyond = abs(bias) > trial.estimate.critical * se
    allowed = 1 - level
    # 2 standard errors of a share beyond twice the level.
    often = rejected["at random"] > 2 * allowed + 2 * np.sqrt(
        2 * allowed * (1 - 2 * allowed) / plain.size
    )
    p = _rank(alike, at)
    corrected = at - bias
    verdict: bool | None
    if often or (beyond and words(trial, corrected) != words(trial, at)):
        verdict = False
    elif p <= 2 * allowed and not beyond:
        verdict = True
    else:
        verdict = None
    unit = trial.study.outcomes[trial.study.outcome].unit
    text = (
        f"Never-joiners like joiners, given their dates, show {bias:+.2f} {unit} on average, where "
        f"there can be no effect (the answer is {at:+.2f}); an effect as large as the answer's "
        f"shows in {p:.0%} of {alike.size} draws. Drawn at random, "
        f"{rejected['at random']:.0%} are found to have an effect, where {allowed:.0%} should. "
    )
    if verdict is False and often:
        text += "The method finds effects where there are none."
    elif verdict is False:
        text += f"Less what the comparison passes for an effect, {corrected:.2f} would be left."
    elif verdict:
        text += "The comparison makes no effect out of what came before joining."
    elif beyond:
        text += "Part of the answer may be what came before joining."
    else:
        text += "The answer does not stand out from them."
    return Finding(
        check=CHECK,
        title=TITLE,
        verdict=verdict,
        sentence=text,
        table=pl.DataFrame(rows),
        numbers={
            "danger": max(danger(trial, corrected) if beyond else 0.0, 1.0 if often else 0.0),
            "like_joiners": bias,
            "like_joiners_spread": float(alike.std(ddof=1)),
            "at_random": float(plain.mean()),
            "at_random_spread": float(plain.std(ddof=1)),
            "found_at_random": rejected["at random"],
            "p_value": p,
            "corrected": corrected,
            "draws": int(alike.size),
            "std_error": se,
        },
    )


def _rank(x: Floats, at: float) -> float:
    """Share of draws at least as far from zero as the answer, the answer itself counted."""
    return float((1 + (np.abs(x) >= abs(at)).sum()) / (1 + x.size))


def _code(trial: Trial, within: str) -> Ints:
    """Stratum, and value of the column, as one code (n,)."""
    code = trial.arrays.stratum
    if not within:
        return code
    if within not in trial.facts.columns:
        raise DataInvalid(
            [
                Problem(
                    file="study",
                    column="checks.never-joiners.within",
                    found=within,
                    problem="column is not in the providers file",
                    remedy=did_you_mean(within, trial.facts.columns),
                )
            ]
        )
    text = trial.facts[within].cast(pl.String).fill_null("")
    value = text.rank("dense").to_numpy().astype(np.int64)
    return code * (int(value.max()) + 1) + value


def played(a: Arrays, rows: Ints, cohort: Ints) -> Arrays:
    """Only the never-joiners, with the first exposed years ``cohort`` (r,) they are to play."""
    pick = np.zeros(a.n, dtype=np.bool_)
    pick[rows] = True
    only = a.take(pick)
    D: Bools = np.asarray(np.arange(a.T)[None, :] >= cohort[:, None])
    return replace(
        only, cohort=cohort, D=D, on=None if only.on is None else D, moves=None, truth=None
    )


def _at_random(cast: Cast, cohort: Ints, rng: np.random.Generator) -> Ints:
    """Dates for never-joiners (r,): by stratum as large a share as joiners are there."""
    out = np.full(cast.rows.size, int(cohort[cast.rows[0]]), dtype=np.int64)
    shuffle = rng.random(cast.rows.size)
    dates = rng.random(cast.joiners.size)
    for s in np.unique(cast.joiner_code).tolist():
        here = np.flatnonzero(cast.code == s)
        from_ = cast.joiners[cast.joiner_code == s]
        size = int(min(MOST, from_.size / (from_.size + here.size)) * here.size + 0.5)
        size = min(size, from_.size)
        chosen = here[np.argsort(shuffle[here], kind="stable")[:size]]
        order = np.argsort(dates[cast.joiner_code == s], kind="stable")[:size]
        out[chosen] = cohort[from_[order]]
    return out


def _nearest(trial: Trial, cast: Cast, k: int) -> list[tuple[Ints, Ints]]:
    """For each cohort and stratum: joiners (j,) and their nearest never-joiners (j, k) as places in
    ``cast.rows``, by outcomes up to the base year and covariates."""
    a = trial.arrays
    anticipation = anticipation_of(trial.study.method)
    found: list[tuple[Ints, Ints]] = []
    fixed = a.X
    for g in np.unique(a.cohort[cast.joiners]).tolist():
        early = np.flatnonzero(a.years + anticipation < a.years[g])
        if not early.size:
            continue
        base = int(early[-1])
        columns = [a.Y[:, t] for t in early.tolist()]
        columns += [fixed[:, j] for j in range(fixed.shape[1])]
        columns += [a.Z[:, base, j] for j in range(a.Z.shape[2])]
        # Years that many lack would rule out all: their mean stands in.
        V = np.column_stack([np.where(np.isfinite(c), c, np.nanmean(c)) for c in columns])
        seen = np.isfinite(a.Y[:, base])
        Z = whitened(V)
        for s in np.unique(cast.joiner_code).tolist():
            j = cast.joiners[
                (cast.joiner_code == s) & (a.cohort[cast.joiners] == g) & seen[cast.joiners]
            ]
            place = np.flatnonzero((cast.code == s) & seen[cast.rows])
            if j.size and place.size:
                near = min(k, place.size)
                _, at = cKDTree(Z[cast.rows[place]]).query(Z[j], k=near)
                found.append((j, place[np.asarray(at).reshape(j.size, near)]))
    return found


def _like(
    cast: Cast, cohort: Ints, nearest: list[tuple[Ints, Ints]], rng: np.random.Generator
) -> Ints:
    """Dates for never-joiners: each joiner's goes to one of those nearest to it that is still free;
    where more than half of the never-joiners would be taken, joiners are thinned out by lot."""
    never = int(cohort[cast.rows[0]])
    out = np.full(cast.rows.size, never, dtype=np.int64)
    left = int(MOST * cast.rows.size)
    for k in rng.permutation(len(nearest)).tolist():
        joiners, near = nearest[k]
        order = rng.permutation(joiners.size)
        first = rng.random(near.shape).argsort(axis=1)
        for i in order.tolist():
            if left == 0:
                return out
            for c in near[i, first[i]].tolist():
                if out[c] == never:
                    out[c] = cohort[joiners[i]]
                    left -= 1
                    break
    return out
