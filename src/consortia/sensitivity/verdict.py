"""The answer in words, by the thresholds of thresholds.py, and withheld where a check of the
comparison fails."""

from __future__ import annotations

from collections.abc import Sequence

from consortia.results import Estimate, Finding, Verdict
from consortia.sensitivity import CHECKS
from consortia.sensitivity.thresholds import (
    DEFAULT_WORTHWHILE_SD,
    THRESHOLDS,
    chance_above,
    in_words,
    providers_needed,
)
from consortia.study import Study, capital

_FAILED = {row.name: row.failed for row in CHECKS.values() if row.failed}
"""Why the words are withheld, by the check that failed."""


def withheld(findings: Sequence[Finding]) -> str:
    """That nothing may be put down to joining, after what the first failed check of the comparison
    found, as the end of a sentence; "" where none failed."""
    for f in findings:
        if f.verdict is False and f.check in _FAILED:
            return f"{_FAILED[f.check]}: nothing of this can be put down to joining."
    return ""


def decide(
    study: Study, estimate: Estimate | None, sd: float, findings: Sequence[Finding], because: str
) -> Verdict:
    """Words, one sentence and the probabilities behind them, in the outcome's own units."""
    outcome = study.outcomes[study.outcome]
    worthwhile = (
        outcome.worthwhile if outcome.worthwhile is not None else DEFAULT_WORTHWHILE_SD * sd
    )
    if estimate is None:
        return Verdict(
            words="not identified",
            sentence=f"These data cannot answer the question, because {because}.",
            p_positive=None,
            p_worthwhile=None,
            worthwhile=worthwhile,
            thresholds=THRESHOLDS,
        )
    row = estimate.row()
    effect, se = float(row["estimate"]), float(row["std_error"])
    p_positive = chance_above(0.0, effect, se, estimate.dof)
    p_worthwhile = chance_above(worthwhile, effect, se, estimate.dof)
    failed = withheld(findings)
    words = in_words(p_positive, p_worthwhile)
    joining = study.step
    label, unit = study.outcome_label, outcome.unit
    if failed and words != "cannot tell yet":
        moved = {
            "probably helps": "rose more than in the comparison",
            "probably harms": "rose less than in the comparison",
            "probably no worthwhile use": "did not rise by enough to be worthwhile",
        }[words]
        sentence = f"After {joining} {label} {moved}, but {failed}"
        words = "cannot tell yet"
    elif words == "probably helps":
        sentence = f"{capital(joining)} probably raises {label}, and by enough to be worthwhile."
    elif words == "probably harms":
        sentence = f"{capital(joining)} probably lowers {label}."
    elif words == "probably no worthwhile use":
        sentence = (
            f"{capital(joining)} probably does not raise {label} by the {worthwhile:.2g} {unit} "
            "that would be worthwhile."
        )
    else:
        more = providers_needed(se, worthwhile, study.inference.level)
        n = int(row["n_treated"])
        sentence = (
            f"The data cannot tell yet whether {joining} raises {label}; about {more * n:,.0f} "
            f"joiners instead of {n:,}, all else alike, would settle whether it does so by "
            f"{worthwhile:.2g} {unit}."
            if more > 1
            else f"The data cannot tell yet whether {joining} raises {label} by enough to be "
            "worthwhile: the answer lies too close to the line."
        )
    return Verdict(
        words=words,
        sentence=sentence,
        p_positive=p_positive,
        p_worthwhile=p_worthwhile,
        worthwhile=worthwhile,
        thresholds=THRESHOLDS,
    )
