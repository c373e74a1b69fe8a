"""What could overturn the answer, most dangerous first.

Every check is one threat, by its verdict and by how near it came (``danger`` among its numbers);
chance, arms that come on the same day, and what no check has looked at are threats of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from consortia.challenge import Standing, Threat
from consortia.results import Coincidence, Estimate, Finding, Identification, Verdict
from consortia.sensitivity import CHECKS
from consortia.sensitivity.thresholds import providers_needed
from consortia.study import Study, capital

NEAR = 0.5
"""From this danger on, a threat that did not overturn the answer is close to doing so."""
SAME_DAY = 0.10
"""From this share of joiners on, another arm that comes in the same year is a threat."""
UNSEEN = ("unseen-confounder", "rosenbaum", "oster")
"""Checks that say how strong an unseen cause would have to be."""

_ORDER: dict[Standing, int] = {"overturns": 0, "close": 1, "open": 2, "holds": 3}
_DANGER: dict[Standing, float] = {"overturns": 1.0, "close": 0.6, "open": 0.4, "holds": 0.1}
_SETTLES = {row.name: row.settles for row in CHECKS.values()}


def threats(
    study: Study,
    estimate: Estimate,
    verdict: Verdict,
    findings: Sequence[Finding],
    coincidences: Sequence[Coincidence] = (),
    identification: Identification | None = None,
) -> tuple[Threat, ...]:
    """All threats to ``estimate``, most dangerous first; equal ones as the study lists them."""
    found = [
        _chance(study, estimate, verdict),
        *(_of_check(f) for f in findings),
        *(_same_day(c, study) for c in coincidences if _matters(c, study)),
    ]
    if identification is not None and study.hold and identification.share < 0.5:
        found.append(_few(identification))
    if not any(f.check in UNSEEN for f in findings):
        found.append(_unseen(study))
    return tuple(sorted(found, key=lambda t: (_ORDER[t.standing], -t.danger)))


def standing_of(finding: Finding) -> tuple[Standing, float]:
    """Where a finding stands, and its danger."""
    given = finding.numbers.get("danger")
    standing: Standing
    if finding.verdict is False:
        standing = "overturns"
    elif finding.verdict is True:
        standing = "close" if given is not None and given >= NEAR else "holds"
    elif given is None:
        standing = "open"
    else:
        standing = "close" if given >= NEAR else "holds"
    danger = _DANGER[standing] if given is None else float(given)
    return standing, min(max(danger, 0.0), 1.0)


def _of_check(finding: Finding) -> Threat:
    standing, danger = standing_of(finding)
    return Threat(
        check=finding.check,
        title=finding.title,
        standing=standing,
        danger=danger,
        sentence=finding.sentence,
        settles=_SETTLES.get(finding.check, ""),
    )


def _chance(study: Study, estimate: Estimate, verdict: Verdict) -> Threat:
    row = estimate.row()
    effect, se = float(row["estimate"]), float(row["std_error"])
    low, high = float(row["low"]), float(row["high"])
    unit = study.outcomes[study.outcome].unit
    worthwhile = verdict.worthwhile or 0.0
    joiners = int(row["n_treated"])
    if low > 0 or high < 0:
        standing: Standing = "holds"
        sentence = (
            f"Chance alone gives an effect of this size in fewer than "
            f"{1 - study.inference.level:.0%} of cases: the interval ({low:.2g} to {high:.2g} "
            f"{unit}) leaves zero out."
        )
        # How near zero is to the interval's end, as a share of the interval's half-width.
        danger = max(0.0, min(1.0, (high - low) / 2 / abs(effect))) * NEAR if effect else NEAR
    elif low < worthwhile < high:
        standing, danger = "close", 0.8
        sentence = (
            f"Chance: the interval ({low:.2g} to {high:.2g} {unit}) holds both no effect at all "
            f"and one that would be worthwhile."
        )
    else:
        standing, danger = "holds", 0.2
        sentence = (
            f"Chance: the interval ({low:.2g} to {high:.2g} {unit}) holds zero, and leaves out a "
            "worthwhile effect."
        )
    times = providers_needed(se, worthwhile, study.inference.level) if worthwhile > 0 else 0.0
    if standing == "holds":
        settles = "More joiners would narrow the interval; the sign does not wait for them."
    elif times > 1:
        more = max(1, round(joiners * (times - 1)))
        settles = (
            f"About {more:,} more joiners like these ({joiners:,} now), so that a worthwhile "
            "effect is found four times in five."
        )
    else:
        settles = (
            "One more year of results for the same joiners: the answer lies near the line and is "
            "already precise enough to find a worthwhile effect four times in five."
        )
    return Threat(
        check="chance",
        title="Chance",
        standing=standing,
        danger=danger,
        sentence=sentence,
        settles=settles,
    )


def _matters(c: Coincidence, study: Study) -> bool:
    return c.joiners > 0 and c.same_year >= SAME_DAY * c.joiners and c.arm not in study.hold


def _same_day(c: Coincidence, study: Study) -> Threat:
    share = c.same_year / c.joiners
    return Threat(
        check=f"same-day-{c.arm}",
        title=f"{capital(c.label)} in the same year",
        standing="overturns" if share >= 0.5 else "close",
        danger=max(NEAR, share),
        sentence=c.sentence,
        settles=(
            f"Holding {c.label} (hold = [{c.arm!r}] in the study file), which rests on the "
            f"{c.joiners - c.same_year:,} joiners that can tell the two apart"
            if c.same_year < c.joiners
            else f"Providers that join {study.arm_label} and take on {c.label} in different years"
        )
        + ".",
    )


def _few(found: Identification) -> Threat:
    return Threat(
        check="identification",
        title="For how many it speaks",
        standing="open",
        danger=0.3 + 0.2 * (1 - found.share),
        sentence=(
            f"The answer speaks for {found.identified:,} of {found.joiners:,} joiners: for the "
            "others the data cannot tell the arms apart."
        ),
        settles=(
            "Joiners that take on the two in different years, or a roll-out that sets the dates."
        ),
    )


def _unseen(study: Study) -> Threat:
    return Threat(
        check="unseen-cause",
        title="What nobody measured",
        standing="open",
        danger=0.45,
        sentence=(
            f"Providers chose to {study.verb.plain} {study.arm_label}. A cause that these data do "
            "not hold (leadership, motivation) may have moved both that and the results, and no "
            "check of this study says how strong it would have to be."
        ),
        settles="The check unseen-confounder; for good, a roll-out whose order is drawn by lot.",
    )
