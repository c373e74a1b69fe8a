"""The answer in words, by thresholds that stand here and nowhere else.

The probabilities read the estimate's sampling distribution as a statement about the effect (a flat
prior): P(effect > x) = F((estimate - x) / std_error), F normal, or t where the estimate has few
clusters. They are fixed before any data are seen, so that words cannot be chosen afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from consortia.results import Estimate, Finding, Verdict
from consortia.sensitivity import CHECKS
from consortia.study import Study

SURE = 0.90
"""How probable the sign must be for "probably"."""
WORTH = 0.50
"""How probable a worthwhile effect must be for "probably helps"."""
USELESS = 0.10
"""Below this probability of a worthwhile effect: "probably no worthwhile use"."""
DEFAULT_WORTHWHILE_SD = 0.05
"""Smallest worthwhile effect, in standard deviations, where the study states none."""

_FAILED = {row.name: row.failed for row in CHECKS.values() if row.failed}
"""Why the words are withheld, by the check that failed."""

THRESHOLDS = (
    f"probably helps: P(effect > 0) at least {SURE:.0%} and P(worthwhile) at least {WORTH:.0%}; "
    f"probably harms: P(effect < 0) at least {SURE:.0%}; probably no worthwhile use: P(worthwhile) "
    f"at most {USELESS:.0%}; otherwise, or when a check of the comparison fails: cannot tell yet"
)


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
    failed = [f for f in findings if f.verdict is False and f.check in _FAILED]
    words = in_words(p_positive, p_worthwhile)
    joining = f"joining {study.arm_label}"
    label, unit = study.outcome_label, outcome.unit
    if failed and words != "cannot tell yet":
        moved = {
            "probably helps": "rose more than in the comparison",
            "probably harms": "rose less than in the comparison",
            "probably no worthwhile use": "did not rise by enough to be worthwhile",
        }[words]
        sentence = (
            f"After {joining} {label} {moved}, but "
            f"{_FAILED[failed[0].check]}: nothing of this can be put down to joining."
        )
        words = "cannot tell yet"
    elif words == "probably helps":
        sentence = f"{_cap(joining)} probably raises {label}, and by enough to be worthwhile."
    elif words == "probably harms":
        sentence = f"{_cap(joining)} probably lowers {label}."
    elif words == "probably no worthwhile use":
        sentence = (
            f"{_cap(joining)} probably does not raise {label} by the {worthwhile:.2g} {unit} that "
            "would be worthwhile."
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


def in_words(p_positive: float, p_worthwhile: float) -> str:
    if p_positive >= SURE and p_worthwhile >= WORTH:
        return "probably helps"
    if 1 - p_positive >= SURE:
        return "probably harms"
    if p_worthwhile <= USELESS:
        return "probably no worthwhile use"
    return "cannot tell yet"


def chance_above(x: float, effect: float, se: float, dof: float) -> float:
    """P(effect > x) under a flat prior; dof = 0 for the normal."""
    if se <= 0:
        return float(effect > x)
    z = (effect - x) / se
    return float(stats.t.cdf(z, dof) if dof > 0 else stats.norm.cdf(z))


def providers_needed(se: float, worthwhile: float, level: float, power: float = 0.8) -> float:
    """How many times the joiners, so that a worthwhile effect is found with ``power``."""
    need = worthwhile / (stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power))
    return float(np.square(se / need))


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]
