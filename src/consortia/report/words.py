"""The study in plain English: what was asked, who was compared, and what cannot be said."""

from __future__ import annotations

import math
import re

from consortia.report.numerals import shown
from consortia.results import Identification
from consortia.specs import (
    Exposure,
    GroupTime,
    Imputation,
    LocalProjection,
    Mixed,
    Neighbours,
    RawGap,
    RegimeDid,
    SunAbraham,
    Switchers,
    SyntheticDid,
    TwoWay,
)
from consortia.study import Study, capital, label_of, listed

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

ESTIMAND_TITLES = {
    "averages": "Averages",
    "simple": "Over all joiners and years",
    "group-overall": "Over years of joining",
    "group": "Effect by year of joining",
    "dynamic-overall": "Over years since joining",
    "dynamic": "Effect by years since joining",
    "calendar-overall": "Over calendar years",
    "calendar": "Effect by calendar year",
    "att(g,t)": "Effect for each joining year in each year",
    "raw-gap": "Members against the rest",
    "raw-gap-by-year": "Members against the rest, year by year",
    "two-way": "Each provider against itself",
    "by-regime": "Effect by what else is held",
    "regime-contrast": "Difference of the effect by what else is held",
    "att(g,t,r)": "Effect by joining year, year and what else is held",
    "per-exposed-year": "For each year of membership",
    "dynamic-normalised": "Effect by years since switching, for each year of membership",
    "fit-before": "How closely the weighted comparison was fitted before joining",
    "only": "Held without the other arms",
    "others-only": "The other arms without it",
    "together": "Held together with another arm",
    "direct": "On members",
    "direct-alone": "On members with no other member nearby",
    "direct-beside": "On members with other members nearby",
    "direct-dynamic": "On members, by years since joining",
    "spill-over": "On neighbours",
    "spill-over-per-member": "On all neighbours together, for each member",
    "spill-over-dynamic": "On neighbours, by years since somebody nearby joined",
    "area-total": "On the area as a whole, for each member",
    "mixed": "Multilevel model",
    "mixed-between": "Multilevel model: between providers",
    "mixed-difference": "Multilevel model: between less within",
}

ESTIMAND_MEANINGS = {
    "averages": "one number each; they differ in how much each joining year and each year since "
    "joining counts",
    "simple": "every joiner counts once for every year after joining",
    "group-overall": "the average effect on each joining year’s providers over the years after "
    "they joined, averaged over joining years by their size",
    "group": "the average over the years after joining, for the providers that joined in one year",
    "dynamic-overall": "the effects by years since joining, averaged over those years alike",
    "dynamic": "the average over the providers seen that many years after (or before) joining",
    "calendar-overall": "the effects by calendar year, averaged over those years alike",
    "calendar": "the average over everyone who had joined by that year",
    "att(g,t)": "the smallest pieces, of which every other effect here is an average",
    "raw-gap": "the difference between the average of members and of the rest, adjusted for "
    "nothing",
    "raw-gap-by-year": "the same difference within each year",
    "two-way": "how a provider departs from its own average and the year’s average once a member",
    "by-regime": "the average over joiners with the same other arms, each counting in every year "
    "in which it is compared",
    "regime-contrast": "the effect in one group less that in the other, over the joining years and "
    "years in which both are known, weighed alike",
    "att(g,t,r)": "the smallest pieces: joiners of one year with the same other arms, against "
    "providers with the same",
    "per-exposed-year": "all effects since the first switch, divided by the years of membership "
    "gained (or lost) through it",
    "dynamic-normalised": "the effect so many years after the first switch, divided by the mean "
    "years of membership gained (or lost) by then",
    "fit-before": "what is left between joiners and their weighted comparison before joining; it "
    "was made small and is not a test",
    "only": "the average over provider-years with the arm in question and no other, against years "
    "without any",
    "others-only": "the average over provider-years with another arm and not the one in question, "
    "against years without any",
    "together": "the average over provider-years with the arm in question and another, against "
    "years without any",
    "direct": "every member counts once for every year after joining",
    "direct-alone": "the same for members near no other member",
    "direct-beside": "the same for members near another member, what that one does included",
    "direct-dynamic": "the average over the members seen that many years after (or before) joining",
    "spill-over": "every provider near a member, and not one itself, counts once for every year",
    "spill-over-per-member": "what all neighbours together gain or lose, for each year of one "
    "member",
    "spill-over-dynamic": "the average over the neighbours seen that many years after (or before) "
    "somebody nearby joined",
    "area-total": "what one member gains and all neighbours gain or lose, for each year of one "
    "member",
    "mixed": "how results differ with membership, beside differences of providers, collaborations "
    "and places that are drawn at random",
    "mixed-between": "how providers that were members for longer differ from the others",
    "mixed-difference": "zero if joining is unrelated to what providers were like anyway",
}

CONTRAST_LABELS = {
    "regime": "What joiners held before",
    "cohort": "First year as member",
    "joiners": "Joiners",
    "keep": "Stayed so after joining",
    "compared": "Of them compared",
    "comparison": "Comparison",
    "years": "Years after joining",
    "overlap": "Within the comparison’s range",
    "exists": "Can be told",
    "why": "Why not",
}


def inflation(found: Identification) -> str:
    """What the variance inflation between arms means, in a sentence; empty where unknown."""
    v, what = found.inflation, listed(found.held)
    if math.isnan(v):
        return ""
    if math.isinf(v):
        return (
            f"Within providers and years {found.arm} moves exactly with {what}: no regression can "
            "tell them apart."
        )
    return (
        f"A regression with all of them would give {found.arm} {v:.1f} times the variance that it "
        f"has without {what}."
    )


NUMBER_LABELS = {
    "wald": "Wald statistic",
    "k": "Effects tested together",
    "dof": "Degrees of freedom",
    "p_value": "p",
    "noticed_drift": "Drift a year that would be noticed",
    "explaining_drift": "Drift a year that would explain the answer",
    "power_against_explaining": "Chance of noticing that drift",
    "size": "Size of the test",
    "power": "Power asked for",
    "n_treated": "Joiners",
    "std_error": "Standard error",
    "estimate": "Effect",
    "low": "Low end of the interval",
    "high": "High end of the interval",
    "years": "Years earlier",
    "flagged": "Providers flagged",
    "shift": "Difference from the answer",
    "breakdown_mbar": "Drift at which it vanishes, as a multiple of the worst step before",
    "breakdown_mbar_bends": "The same, as a multiple of the worst bend before",
    "breakdown_m": "Bend a year at which it vanishes, in the outcome’s unit",
    "worst_step": "Worst step from year to year before joining",
    "noise_alone": "Chance of such a step without any drift",
    "worst_bend": "Worst bend before joining",
    "target": "Effect that is bounded",
    "low_at_one": "Low end at the worst step before",
    "high_at_one": "High end at the worst step before",
    "years_before": "Years before the base year",
    "years_after": "Years after the base year",
}


_RING = re.compile(r"spill-over-ring-(\d+)(-dynamic)?")


def estimand_title(name: str) -> str:
    """The title of an estimand; of rings and of other arms too."""
    if match := _RING.fullmatch(name):
        years = ", by years since somebody there joined" if match[2] else ""
        return f"On neighbours in ring {match[1]}{years}"
    known, _, arm = name.partition(" of ")
    title = ESTIMAND_TITLES.get(known, known)
    return f"{title}: {arm}" if arm else title


def estimand_meaning(name: str) -> str:
    """What an estimand is an average of; of rings and of other arms too."""
    if match := _RING.fullmatch(name):
        base = ESTIMAND_MEANINGS["spill-over-dynamic" if match[2] else "spill-over"]
        return f"{base}, where the nearest member is in ring {match[1]}"
    known, _, arm = name.partition(" of ")
    meaning = ESTIMAND_MEANINGS.get(known, known)
    return f"of {arm}: {meaning}" if arm else meaning


def number_label(name: str) -> str:
    return NUMBER_LABELS.get(name, capital(name.replace("_", " ")))


_WITHOUT_COVARIATES = Switchers | LocalProjection | SyntheticDid | Neighbours


def counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def day(month_day: str) -> str:
    """'09-30' becomes '30 September'."""
    return f"{int(month_day[3:])} {MONTHS[int(month_day[:2]) - 1]}"


def estimand(study: Study, name: str) -> str:
    """What the headline number is an average of."""
    joining = f"What {study.step} did to {study.outcome_label}"
    if name in ("raw-gap", "two-way", "mixed"):
        joining = f"How {study.outcome_label} differs with membership of {study.arm_label}"
    if study.arms[study.arm].dose:
        return (
            f"How {study.outcome_label} differs with {study.step}: how a provider departs from its "
            "own average and the year’s average with it."
        )
    if name == "simple" and isinstance(study.method, RegimeDid):
        labels = listed([label_of(study.arms[a], a) for a in study.hold])
        kept = f", with {labels} as before" if labels else ""
        meaning = "every joiner counts once for every year after joining in which it is compared"
        return f"{joining}{kept}: {meaning}."
    return f"{joining}: {estimand_meaning(name)}."


def comparison(study: Study) -> str:
    """Whom the joiners are compared with."""
    if isinstance(study.method, RawGap):
        return f"All providers that do not hold {study.arm_label}, as they are."
    if isinstance(study.method, TwoWay):
        who = f"Providers while they do not hold {study.arm_label}"
        return f"{who}, including joiners before they join."
    if isinstance(study.method, Imputation):
        return (
            "What all providers had in years before joining, or without it: provider and year "
            "effects are read off those and carried forward."
        )
    if isinstance(study.method, Switchers):
        return (
            "Providers of the same standing in the first year that have not switched by the year "
            "in question, over the same years."
        )
    if isinstance(study.method, SyntheticDid):
        return (
            f"A weighted mixture of providers that do not join {study.arm_label} in any year "
            "studied, which moved as the joiners did before joining."
        )
    not_yet = study.comparison == "not-yet" or isinstance(study.method, LocalProjection)
    never = not not_yet or isinstance(study.method, SunAbraham)
    if isinstance(study.method, Mixed):
        who = f"Providers while they do not hold {study.arm_label}"
        if study.method.within_between:
            return f"{who}: every provider with itself, before and after."
        return f"{who}: other providers, and joiners before they join."
    who = (
        f"Providers that do not join {study.arm_label} in any year studied"
        if never
        else f"Providers that have not joined {study.arm_label} by the year in question, whether "
        "or not they join later"
    )
    if isinstance(study.method, Neighbours):
        who += f", and near none that has (within {study.method.rings[-1]:g} km)"
    return f"{who}, over the same years."


def held(study: Study) -> str:
    """What is kept equal between joiners and comparison."""
    parts: list[str] = []
    if study.hold and isinstance(study.method, RegimeDid):
        labels = listed([label_of(study.arms[name], name) for name in study.hold])
        parts.append(
            f"Compared only between providers that held the same of {labels} in the year before "
            "joining, and only as long as both keep it so, year by year; who takes it on or gives "
            "it up on joining is in no comparison."
        )
    elif study.hold and isinstance(study.method, TwoWay):
        labels = listed([label_of(study.arms[name], name) for name in study.hold])
        parts.append(
            f"{capital(labels)} in the same regression, with the effect of each taken to be the "
            "same for all and to add up; providers that change are not left out."
        )
    elif study.hold:
        labels = listed([label_of(study.arms[name], name) for name in study.hold])
        parts.append(
            f"Compared only between providers that are alike in {labels}, and only while that "
            "stays as it was in the year before joining."
        )
    if study.covariates:
        names = listed([name.replace("_", " ") for name in study.covariates])
        parts.append(
            f"Not held equal, because {study.method.name} does not use covariates: {names}."
            if isinstance(study.method, _WITHOUT_COVARIATES)
            else f"Compared between providers alike in {names}."
        )
    if study.alongside:
        labels = listed([label_of(study.arms[name], name) for name in study.alongside])
        parts.append(f"Not held equal, only counted: {labels}.")
    return " ".join(parts) or "Nothing else was held equal."


def membership(study: Study) -> str:
    """Whose results count as results of a member: by date of joining, or by a column."""
    arm = study.arms[study.arm]
    if arm.exposure:
        column = arm.exposure.replace("_", " ")
        at = "above zero" if arm.threshold is None else f"{arm.threshold:g} or more"
        text = f"Results of a year count as a member’s where {column} is {at} in that year"
        return text + (", and not otherwise." if arm.reversible else ", and from then on.")
    text = exposure(study.exposure)
    if arm.reversible:
        stays = " A provider that leaves again stays a joiner."
        text = text.replace(stays, " A provider that leaves again is a member no longer.")
    return text


def exposure(rule: Exposure) -> str:
    """The exposure rule in full: whose results count as results of a member."""
    cut = day(rule.cutoff)
    if rule.calendar_year:
        text = (
            f"Results of a year count as a member’s when the provider joined by {cut} of that year."
        )
    else:
        text = (
            f"Results of a year count as a member’s when the provider joined by {cut} of the year "
            "before, at the start of the school year that led to them: results of summer 2017 need "
            f"membership by {cut} 2016."
        )
    text += {
        "unexposed": " Joining later in the year counts from the next year’s results.",
        "exposed": " Joining later in the year counts from that same year’s results.",
        "missing": " Results of a year in which a provider joined later than that are left out.",
    }[rule.partial]
    text += {
        "before-window": " Where the date of joining is unknown, the provider counts as a member "
        "all along.",
        "first-seen": " Where the date of joining is unknown, the first snapshot that shows it "
        "counts.",
        "ignore": " Where the date of joining is unknown, the membership is not counted.",
    }[rule.unknown_from]
    return (
        text
        + {
            "keep": " A provider that leaves again stays a joiner.",
            "censor": " Results after leaving are left out.",
        }[rule.leavers]
    )


def weighting(study: Study) -> str:
    if not study.weights.column:
        return "Every provider counts the same, whatever its size."
    column = study.weights.column.replace("_", " ")
    if study.weights.by == "year" and not isinstance(study.method, GroupTime | RegimeDid):
        return f"A provider counts by its {column} in each year."
    return f"A provider counts by its {column}, averaged over the years studied."


def base(study: Study) -> str:
    """The year that results are compared with, and how it was adjusted for."""
    if isinstance(study.method, Neighbours):
        return (
            "Results are compared with those of the last year before joining, or before somebody "
            "nearby joined, whichever came first."
        )
    if isinstance(study.method, SunAbraham | LocalProjection | Switchers):
        return "Results are compared with those of the last year before joining."
    if not isinstance(study.method, GroupTime | RegimeDid):
        return ""
    back = 1 + study.method.anticipation
    text = (
        "Results are compared with those of the last year before joining."
        if back == 1
        else f"Results are compared with those of the year {back} years before joining, because "
        f"the {counted(study.method.anticipation, 'year')} just before may already be touched by "
        "what led to joining."
    )
    if study.covariates or study.hold:
        text += {
            "regression": " Differences between joiners and comparison are adjusted by regression.",
            "weighting": " Differences between joiners and comparison are adjusted by weighting.",
            "doubly-robust": " Differences between joiners and comparison are adjusted twice "
            "over, by regression and by weighting; one of the two needs to be right.",
        }[study.method.adjust]
    return text


def sample(study: Study) -> str:
    parts = [
        f"{w.column.replace('_', ' ')} is {listed(w.keep, 'or')}"
        if w.keep
        else f"{w.column.replace('_', ' ')} is not {listed(w.drop, 'or')}"
        for w in study.where
    ]
    return f"Providers whose {listed(parts)}." if parts else "Every provider in the outcomes file."


def years(first: int | None, last: int | None) -> str:
    match first, last:
        case None, None:
            return "All years in the outcomes file."
        case None, _:
            return f"Results up to {last}."
        case _, None:
            return f"Results from {first}."
        case _:
            return f"Results from {first} to {last}."


def clusters(study: Study, n: int) -> str:
    if study.inference.spatial_km is not None:
        return (
            f"Providers within {study.inference.spatial_km:g} km of one another may move together, "
            "the nearer the more."
        )
    name = study.inference.cluster
    if name == "market":
        return (
            "Providers in the same local market move together: "
            f"{counted(n, 'market')}, each of providers within {study.inference.market_km:g} km of "
            "one of them."
        )
    if not n:
        return "What depends on what is said by the model’s random effects; clusters are not used."
    if name == "provider":
        return "Providers are taken as independent of one another."
    if name == "collaboration":
        return (
            f"Providers in the same collaboration move together: {counted(n, 'cluster')}, those in "
            "none standing alone; a provider in several belongs to each."
        )
    return f"Providers in the same {name.replace('_', ' ')} move together: {counted(n, 'cluster')}."


def standard_deviation(study: Study) -> str:
    """What the unit of page one means, in a few words."""
    outcome = study.outcomes[study.outcome]
    whose = outcome.sd_of if outcome.sd is not None else "providers"
    one = whose.removesuffix("s")
    return (
        f"One standard deviation (SD) is how far {a(one)}’s result typically lies from the "
        f"average of {whose}."
    )


def a(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def gap(
    raw: float,
    answer: float,
    unit: str,
    rule: str,
    failed: bool,
    interval: tuple[float, float] | None = None,
) -> tuple[str, float | None]:
    """How much of the raw difference was never the collaboration's: a sentence, and the share of
    the raw difference where a share makes sense (same sign, and the answer no larger).

    ``failed``: a check of the answer failed: the rest may not be the collaboration's either.
    ``interval`` of the answer: where it holds the raw difference, the two may be the same.
    """
    there, left = shown(raw, rule), shown(answer, rule)
    size = shown(abs(raw - answer), rule.replace("signed", "fixed"))
    doubt = (
        f" A check failed, so the {left} may not be the collaboration’s either." if failed else ""
    )
    if left == there:
        return (
            f"Members differ from the rest by {there} {unit}, and the estimate for joining is the "
            f"same: nothing else seems to have made up the difference.{doubt}",
            0.0 if raw else None,
        )
    if interval is not None and interval[0] <= raw <= interval[1]:
        return (
            f"Members differ from the rest by {there} {unit}; the estimate for joining is {left}. "
            f"That they lie {size} apart may be chance: the answer’s interval holds the raw "
            f"difference, and whether any of it was never the collaboration’s is not known.{doubt}",
            None,
        )
    if raw * answer > 0 and abs(answer) <= abs(raw):
        share = 1 - answer / raw
        return (
            f"Members differ from the rest by {there} {unit}; the estimate for joining is {left}. "
            f"So {size} of the difference ({shown(share, 'percent')}) was never the "
            f"collaboration’s.{doubt}",
            share,
        )
    return (
        f"Members differ from the rest by {there} {unit}; the estimate for joining is {left}. So "
        f"the raw difference is off by {size} that was never the collaboration’s.{doubt}",
        None,
    )


def limits(study: Study, joiners: int | None, simulated: bool) -> list[str]:
    """What this report cannot say, whatever its numbers."""
    who = f"the {joiners:,} joiners" if joiners else "the joiners"
    out = [
        "Nobody drew lots for joining. The answer holds if, without joining, joiners would have "
        "moved as the comparison did; the checks can cast doubt on that, they cannot prove it.",
        f"It speaks of {who} counted here in the years studied, not of providers that might join "
        "later or elsewhere.",
        f"What joining does to providers further away than {study.method.rings[-1]:g} km is not "
        "measured here, and would carry over into the comparison."
        if isinstance(study.method, Neighbours)
        else "Providers that did not join may have gained or lost because others did. That is not "
        "measured here, and would carry over into the comparison.",
        f"It looks at one outcome, {study.outcome_label}, and weighs no cost against it.",
    ]
    if study.exposure.leavers == "keep" and not study.arms[study.arm].reversible:
        out.append("It is about joining, not about staying: those who left again count as joiners.")
    outcome = study.outcomes[study.outcome]
    if outcome.sd is None or outcome.sd_of == "providers":
        out.append(
            "Standard deviations here are between providers, which lie closer together than "
            "pupils or students do: do not compare the size with effects stated in pupils’ "
            "standard deviations."
        )
    if simulated:
        out.append(
            "The sector is simulated: it shows how the method works, nothing about real providers."
        )
    return out
