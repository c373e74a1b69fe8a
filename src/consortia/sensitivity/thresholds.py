"""The thresholds that turn numbers into words, here and nowhere else.

The probabilities read the estimate's sampling distribution as a statement about the effect (a flat
prior): P(effect > x) = F((estimate - x) / std_error), F normal, or t where the estimate has few
clusters. They are fixed before any data are seen, so that words cannot be chosen afterwards.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

SURE = 0.90
"""How probable the sign must be for "probably"."""
WORTH = 0.50
"""How probable a worthwhile effect must be for "probably helps"."""
USELESS = 0.10
"""Below this probability of a worthwhile effect: "probably no worthwhile use"."""
DEFAULT_WORTHWHILE_SD = 0.05
"""Smallest worthwhile effect, in standard deviations, where the study states none."""

THRESHOLDS = (
    f"probably helps: P(effect > 0) at least {SURE:.0%} and P(worthwhile) at least {WORTH:.0%}; "
    f"probably harms: P(effect < 0) at least {SURE:.0%}; probably no worthwhile use: P(worthwhile) "
    f"at most {USELESS:.0%}; otherwise, or when a check of the comparison fails: cannot tell yet"
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
