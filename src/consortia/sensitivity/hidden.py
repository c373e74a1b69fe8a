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
        settles="A record of the cause in question, or a roll-out whose order is drawn by lot.",
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
        settles="Covariates that explain more of who joins and of results, or a roll-out by lot.",
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
        settles="A record of what decides who joins, or a roll-out whose order is drawn by lot.",
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
        settles="Results of more years before joining, so that one bad year weighs little.",
        failed="joiners joined after an odd year, and what comes back by itself makes the answer",
    ),
    Survivors: Check(
        name="survivors",
        run=survivors.run,
        asks="Would the answer stand had those that left done as badly as the worst quarter?",
        reads="The answer with them counted so should say the same.",
        paper="Carpenter & Lynch 1999 (survivorship); Horowitz & Manski 2000 (worst cases)",
        settles="The results, and the dates of leaving, of those that are no longer in the files.",
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
        settles="The results of those that are missing.",
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
        settles="A closer look at the providers that carry it, and results of others like them.",
        failed="a few odd providers make the answer",
    ),
    PlaceboOutcome: Check(
        name="placebo-outcome",
        run=placebo_outcome.run,
        asks="Does an effect appear on an outcome that joining cannot touch?",
        reads="It should be near zero; what it is instead, the answer may be as well.",
        paper="Rosenbaum 1989 (known effects); Lipsitch, Tchetgen Tchetgen & Cohen 2010",
        settles="A comparison for which this outcome does not move, or a roll-out drawn by lot.",
        failed="an outcome that joining cannot touch moves as well",
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
        settles="A comparison that starts where joiners start, or a roll-out drawn by lot.",
        failed="never-joiners that are like joiners show it too",
    ),
    NegativeControl: Check(
        name="negative-control",
        run=negative_control.run,
        asks="Does an effect appear of joining something that cannot matter for this outcome?",
        reads="It should be near zero; what it is instead comes from who joins things.",
        paper="Lipsitch, Tchetgen Tchetgen & Cohen 2010 (negative-control exposures)",
        settles="A comparison for which joining what cannot matter shows nothing.",
        failed="joining what cannot matter shows an effect as well",
    ),
}
