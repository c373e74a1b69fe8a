"""Rows of CHECKS for what the data do not show (specs/hidden.py)."""

from __future__ import annotations

from consortia.results import Check
from consortia.sensitivity import (
    influential,
    lee_bounds,
    negative_control,
    never_joiners,
    oster,
    placebo_outcome,
    regression_to_mean,
    rosenbaum,
    survivors,
    unseen_confounder,
)
from consortia.specs import (
    InfluentialProviders,
    LeeBounds,
    NegativeControl,
    NeverJoiners,
    Oster,
    PlaceboOutcome,
    RegressionToMean,
    Rosenbaum,
    Survivors,
    UnseenConfounder,
)

ROWS: dict[type, Check] = {
    UnseenConfounder: Check(
        name="unseen-confounder",
        run=unseen_confounder.run,
        asks="How strong would a cause that nobody recorded have to be to change the answer?",
        reads=(
            "Set the strength asked for beside what is known to matter: the answer is in doubt "
            "where a cause as strong as one that was recorded would do."
        ),
        paper=(
            "Cinelli & Hazlett 2020; Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis 2022 "
            "(Long story short)"
        ),
    ),
    Oster: Check(
        name="oster",
        run=oster.run,
        asks="How much stronger than on the controls would selection on the unseen have to be?",
        reads=(
            "Delta of 1 or more is the usual mark. It says little where the controls explain "
            "little, and nothing without them."
        ),
        paper="Oster 2019",
    ),
    Rosenbaum: Check(
        name="rosenbaum",
        run=rosenbaum.run,
        asks="How unequal would the odds of joining within like pairs have to be?",
        reads=(
            "Gamma of 1 is joining by lot within pairs; of 2, that something unseen makes one of a "
            "pair twice as likely (in odds) to join as the other."
        ),
        paper="Rosenbaum 2002, ch. 4",
    ),
    RegressionToMean: Check(
        name="regression-to-mean",
        run=regression_to_mean.run,
        asks="Did joiners join after a bad year, and is the effect their coming back?",
        reads=(
            "A real effect does not depend on which years before joining it is measured from, nor "
            "much on whether the last of them is held equal."
        ),
        paper="Ashenfelter 1978 (the dip); Ding & Li 2019 (given the last result or not)",
    ),
    Survivors: Check(
        name="survivors",
        run=survivors.run,
        asks="Would the answer stand had those that left done as badly as the worst quarter?",
        reads="The answer with them counted so should say the same.",
        paper="Carpenter & Lynch 1999 (survivorship); Horowitz & Manski 2000 (worst cases)",
    ),
    LeeBounds: Check(
        name="lee-bounds",
        run=lee_bounds.run,
        asks="Could it decide the answer that joiners leave the data more, or less, than others?",
        reads=(
            "The effect on those that are seen either way lies between the bounds, if joining "
            "makes leaving more likely for all or less likely for all."
        ),
        paper="Lee 2009; Imbens & Manski 2004 (interval)",
    ),
    InfluentialProviders: Check(
        name="influence",
        run=influential.run,
        asks="Do a few providers, outliers or small ones carry the answer?",
        reads=(
            "The answer with outlying results drawn in, in ranks, by medians and without small "
            "providers should say the same."
        ),
        paper="Belsley, Kuh & Welsch 1980 (influence); Broderick, Giordano & Meager 2020",
    ),
    PlaceboOutcome: Check(
        name="placebo-outcome",
        run=placebo_outcome.run,
        asks="Does an effect appear on an outcome that joining cannot touch?",
        reads="It should be near zero; what it is instead, the answer may be as well.",
        paper="Rosenbaum 1989 (known effects); Lipsitch, Tchetgen Tchetgen & Cohen 2010",
    ),
    NeverJoiners: Check(
        name="never-joiners",
        run=never_joiners.run,
        asks="Do never-joiners, given joiners' dates, show an effect?",
        reads=(
            "They joined nothing: what shows for those like joiners is what came before joining, "
            "and what shows for others is chance."
        ),
        paper="Abadie, Diamond & Hainmueller 2010 (placebos in space); Bertrand et al. 2004",
    ),
    NegativeControl: Check(
        name="negative-control",
        run=negative_control.run,
        asks="Does an effect appear of joining something that cannot matter for this outcome?",
        reads="It should be near zero; what it is instead comes from who joins things.",
        paper="Lipsitch, Tchetgen Tchetgen & Cohen 2010 (negative-control exposures)",
    ),
}
