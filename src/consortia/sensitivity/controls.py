"""What placebo outcomes and negative-control arms have in common: an effect that should be zero."""

from __future__ import annotations

import polars as pl

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.results import Finding, Trial
from consortia.sensitivity.overturning import cannot
from consortia.study import Study


def known(name: str, names: list[str], column: str, what: str) -> None:
    """Raises DataInvalid where the study does not define ``name``."""
    if name not in names:
        raise DataInvalid(
            [
                Problem(
                    file="study",
                    column=column,
                    found=name,
                    problem=f"{what} is not defined in the study",
                    remedy=did_you_mean(name, names),
                )
            ]
        )


def should_be_zero(
    trial: Trial,
    study: Study,
    *,
    check: str,
    title: str,
    subject: str,
    size: float,
    sd: float,
    unit: str,
) -> Finding:
    """The answer to another study that has to be zero if this one's comparison is sound.

    Verdict False: it is not zero at ``size``; True: its interval holds zero and rules out an effect
    as large as the answer, both in standard deviations (``sd`` of the other outcome); None: too
    imprecise for that, or not to be had. ``danger``: the other effect, where it is beyond chance,
    as a share of the answer.
    """
    try:
        row = trial.refit(trial.cross(study), study).row()
        if row["estimate"] is None:
            raise NotIdentified(str(row["caution"]).removeprefix("not identified, because "))
    except NotIdentified as error:
        return cannot(check, title, f"{subject} cannot be tried: {error.because}.")
    effect, low, high = (float(row[k]) for k in ("estimate", "low", "high"))
    p = float(row["p_value"])
    own = abs(float(trial.estimate.row()["estimate"])) / trial.sd
    size_found, reach = abs(effect) / sd, max(abs(low), abs(high)) / sd
    found = p < size
    if int(row["n_treated"]) < 2:
        return cannot(check, title, f"{subject} rests on a single joiner and so says nothing.")
    verdict = False if found else (True if reach <= own else None)
    text = (
        f"{subject}: {effect:.2f} {unit} ({trial.study.inference.level:.0%} interval {low:.2f} to "
        f"{high:.2f}), "
    )
    text += {
        True: "as it should be: nothing where there can be nothing.",
        False: "which should be zero and is not: something other than joining moves results.",
        None: "which is too imprecise to reassure or to alarm.",
    }[verdict]
    near = 0.0
    if found:
        near = min(1.0, size_found / own) if own > 0 else 1.0
    return Finding(
        check=check,
        title=title,
        verdict=verdict,
        sentence=text,
        table=pl.DataFrame([row]).drop("truth", strict=False),
        numbers={
            "danger": near,
            "estimate": effect,
            "std_error": float(row["std_error"]),
            "low": low,
            "high": high,
            "p_value": p,
            "estimate_sd": effect / sd,
            "n_treated": int(row["n_treated"]),
        },
    )
