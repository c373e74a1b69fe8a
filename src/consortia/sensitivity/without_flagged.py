"""The answer again without providers that a column of the providers file flags.

The difference between the two answers is reported as it is; it has no standard error of its own,
because the samples overlap.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.results import Finding, Trial
from consortia.specs import WithoutFlagged


def run(trial: Trial, spec: WithoutFlagged, rng: np.random.Generator) -> Finding:
    """Verdict True: the two answers lie within half a standard error of one another; False: they
    differ by more than one; None: in between, or nothing is flagged.

    Raises DataInvalid when the column does not exist.
    """
    if spec.column not in trial.facts.columns:
        raise DataInvalid(
            [
                Problem(
                    file="study",
                    column="checks.without-flagged.column",
                    found=spec.column,
                    problem="column is not in the providers file",
                    remedy=did_you_mean(spec.column, trial.facts.columns),
                )
            ]
        )
    flagged = flags(trial.facts[spec.column])
    title = f"Without providers flagged {spec.column.replace('_', ' ')}"
    full = trial.estimate.row()
    unit = trial.study.outcomes[trial.study.outcome].unit
    if not flagged.any():
        return _finding(title, None, "No provider in the answer is flagged.", pl.DataFrame(), {})
    try:
        estimate = trial.refit(trial.arrays.take(~flagged), trial.study)
    except NotIdentified as error:
        return _finding(
            title,
            False,
            f"Without the {int(flagged.sum()):,} flagged providers the question is not "
            f"identified, because {error.because}.",
            pl.DataFrame(),
            {"flagged": int(flagged.sum()), "estimate": None},
        )
    row = estimate.row()
    shift = float(row["estimate"]) - float(full["estimate"])
    scale = float(full["std_error"])
    verdict = True if abs(shift) <= 0.5 * scale else (False if abs(shift) > scale else None)
    reading = {
        True: "the answer does not rest on them",
        False: "the answer rests on them",
        None: "the answer leans on them a little",
    }[verdict]
    sentence = (
        f"Without the {int(flagged.sum()):,} flagged providers the effect is "
        f"{row['estimate']:.2f} {unit} ({row['low']:.2f} to {row['high']:.2f}) instead of "
        f"{full['estimate']:.2f}: {reading}."
    )
    return _finding(
        title,
        verdict,
        sentence,
        estimate.effects.filter(pl.col("estimand") == row["estimand"]).drop("truth", strict=False),
        {
            "flagged": int(flagged.sum()),
            "estimate": float(row["estimate"]),
            "std_error": float(row["std_error"]),
            "low": float(row["low"]),
            "high": float(row["high"]),
            "shift": shift,
        },
    )


def flags(column: pl.Series) -> np.ndarray:
    """(n,) bool: a number other than zero, true, or a text such as yes, true, 1."""
    if column.dtype == pl.Boolean or column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_null(0.0).to_numpy() != 0
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    return text.is_in(["1", "1.0", "true", "yes", "y", "t"]).fill_null(False).to_numpy()


def _finding(
    title: str,
    verdict: bool | None,
    sentence: str,
    table: pl.DataFrame,
    numbers: dict[str, float | int | None],
) -> Finding:
    return Finding(
        check="without-flagged",
        title=title,
        verdict=verdict,
        sentence=sentence,
        table=table,
        numbers=numbers,
    )
