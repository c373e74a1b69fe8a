"""How strong the evidence is: a rating by a grid that is fixed before any data are seen.

After the padlocks of the Education Endowment Foundation (classification of the security of
findings, 2019) and self-assessed: the lowest of three criteria (design, minimum detectable effect,
attrition), lowered by at most two for threats. The grid of 2019 is known here at second hand.
Level of the Maryland Scientific Methods Scale (Sherman et al. 1997), as the What Works Centre for
Local Economic Growth scores it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from consortia.challenge import Criterion, Strength, Threat
from consortia.panel import Arrays
from consortia.results import Estimate
from consortia.specs import Mixed
from consortia.study import Study

GRID = (
    "EEF-style, self-assessed: the lowest of design, smallest effect that would be found and "
    "attrition, lowered by at most 2 for what could overturn it"
)
MDES = (0.2, 0.3, 0.4, 0.5, 0.6)
"""Upper bounds of the minimum detectable effect (standard deviations) for 5, 4, 3, 2, 1."""
ATTRITION = (0.10, 0.20, 0.30, 0.40, 0.50)
"""Upper bounds of attrition for 5, 4, 3, 2, 1."""
WHY = {
    1: "nothing is held equal between members and the rest",
    2: "what is unseen of providers is not taken out",
    3: "what is unseen of providers is not taken out",
    4: "who joined was not drawn by lot",
    5: "the other criteria are not better",
}
"""Why the design is not rated higher."""
DESIGN = {
    1: "members are compared with the rest as they are",
    2: "what is seen of providers is taken into account, and nothing unseen",
    3: "all that is known to matter is taken into account",
    4: "each provider is compared with itself before, which takes out what is unseen and lasting",
    5: "who joined was drawn by lot",
}
UNTESTED = ("pre-trend", "placebo-date")
"""Checks of the comparison whose silence counts as a moderate threat."""
_MARYLAND = {1: 1, 2: 2, 3: 2, 4: 3, 5: 5}
_LEVEL = {
    1: "members and others are compared at one time, with nothing held equal",
    2: "the comparison is not shown to have been on the same path",
    3: "before and after, against a comparison that was on the same path as far as can be seen",
    5: "who joined was drawn by lot",
}


def strength(
    study: Study,
    arrays: Arrays,
    estimate: Estimate,
    sd: float,
    design: int,
    threats: Sequence[Threat],
) -> Strength:
    """The rating of one answer. ``design``: what the method can take out at best (DESIGN).

    ``arrays`` of the study with nothing held: what is left out because a held arm changed is not
    missing.
    """
    if isinstance(study.method, Mixed) and study.method.within_between:
        design = 4
    criteria = [Criterion(name="design", value=None, rating=design, sentence=DESIGN[design])]
    criteria.append(_mdes(study, estimate, sd))
    lost = attrition(arrays)
    criteria.append(
        Criterion(
            name="attrition",
            value=lost,
            rating=_rate(lost, ATTRITION),
            sentence=f"{lost:.0%} of the results after the first year are missing",
        )
    )
    initial = min(c.rating for c in criteria)
    lowered = min(adjustment(threats), initial)
    worst = [t for t in threats if t.standing == "overturns"] or [
        t for t in threats if t.standing == "close"
    ]
    lowest = next(c for c in criteria if c.rating == initial)
    if lowered and worst:
        stands = (
            "does not stand up to" if worst[0].standing == "overturns" else "barely stands up to"
        )
        reason = f"it {stands}: {_lower(worst[0].title)}"
    elif lowered:
        reason = "what matters most could not be tested"
    else:
        reason = WHY[design] if lowest.name == "design" else lowest.sentence
    failed = any(t.standing == "overturns" and t.check in UNTESTED for t in threats)
    level = min(_MARYLAND[design], 2) if failed else _MARYLAND[design]
    return Strength(
        rating=initial - lowered,
        initial=initial,
        lowered=lowered,
        reason=reason,
        criteria=tuple(criteria),
        maryland=level,
        maryland_reason=_LEVEL[level],
        grid=GRID,
    )


def adjustment(threats: Sequence[Threat]) -> int:
    """Points off, 0 to 2: 2 for two that overturn it, or one and two that come close; 1 for one,
    or for three or four that come close; 2 for more."""
    high = sum(t.standing == "overturns" for t in threats)
    moderate = sum(
        t.standing == "close" or (t.standing == "open" and t.check in UNTESTED) for t in threats
    )
    if high >= 2 or (high == 1 and moderate >= 2) or moderate > 4:
        return 2
    return 1 if high == 1 or moderate > 2 else 0


def detectable(estimate: Estimate, sd: float, level: float, power: float = 0.8) -> float | None:
    """Minimum detectable effect in standard deviations, (q(1 - a/2) + q(power)) se / sd."""
    se = estimate.row()["std_error"]
    if se is None or not np.isfinite(se) or not sd > 0:
        return None
    dof = estimate.dof
    at = (0.5 + level / 2, power)
    q = stats.t.ppf(at, dof) if dof > 0 else stats.norm.ppf(at)
    return float(np.sum(q) * se / sd)


def attrition(arrays: Arrays) -> float:
    """Share of the results after a provider's first that are missing, in the years up to the last.

    A provider enters with its first result; those that never have one are not counted.
    """
    seen = np.isfinite(arrays.Y)
    due = np.logical_or.accumulate(seen, axis=1)[:, :-1]
    total = int(due.sum())
    return float((due & ~seen[:, 1:]).sum() / total) if total else 0.0


def _mdes(study: Study, estimate: Estimate, sd: float) -> Criterion:
    found = detectable(estimate, sd, study.inference.level)
    if found is None:
        return Criterion(
            name="smallest effect that would be found",
            value=None,
            rating=0,
            sentence="how small an effect would be found is not known",
        )
    return Criterion(
        name="smallest effect that would be found",
        value=found,
        rating=_rate(found, MDES, strict=True),
        sentence=(
            f"an effect of {found:.2f} standard deviations or more would be found four times in "
            "five"
        ),
    )


def _rate(value: float, bounds: Sequence[float], *, strict: bool = False) -> int:
    below = sum(value >= b if strict else value > b for b in bounds)
    return 5 - below


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
