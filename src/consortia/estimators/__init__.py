"""Methods: one frozen spec, one function, one row in METHODS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consortia.estimators import (
    group_time,
    imputation,
    local_projection,
    mixed,
    neighbours,
    raw_gap,
    regime_did,
    sun_abraham,
    switchers,
    synthetic_did,
    two_way,
)
from consortia.results import Method
from consortia.specs import (
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

METHODS: Mapping[type, Method] = MappingProxyType(
    {
        RawGap: Method(
            name="raw-gap",
            design=1,
            fit=raw_gap.fit,
            truth=raw_gap.truth,
            answers="How far apart are the results of members and of everybody else?",
            assumes=(
                "Nothing, as a description. Read as an effect of joining, it assumes that members "
                "would have had the same results as the rest, had they stayed outside."
            ),
            fails=(
                "Schools and colleges that join differ from those that do not: in their intake, "
                "their leadership, and often in a bad year just before joining. All of that is in "
                "the gap."
            ),
            paper="A difference of means; no model",
        ),
        TwoWay: Method(
            name="two-way",
            design=4,
            fit=two_way.fit,
            truth=two_way.truth,
            answers=(
                "Did results rise after joining, compared with the provider's own past and the "
                "general movement of the years?"
            ),
            assumes=(
                "Without joining, members and the rest would have moved in parallel; and joining "
                "has the same effect on everybody, at once and for good."
            ),
            fails=(
                "When the effect grows with the years or differs between early and late joiners: "
                "those who joined early then serve as comparison for those who join late, and the "
                "answer can even take the wrong sign. Also when joining follows a dip."
            ),
            paper="Goodman-Bacon (2021); de Chaisemartin & D'Haultfœuille (2020)",
        ),
        GroupTime: Method(
            name="group-time",
            design=4,
            fit=group_time.fit,
            truth=group_time.truth,
            answers="Did joining help, when providers joined in different years?",
            assumes=(
                "Without joining, those who joined would have moved as those they are compared "
                "with did, from the last year before joining on (among like providers, where "
                "covariates or held arms are given); and nothing changes before joining beyond "
                "the anticipation allowed for."
            ),
            fails=(
                "When joining follows a dip or a rise that would have passed anyway, when "
                "something else comes on the same day as joining, or when members' gains are the "
                "neighbours' losses."
            ),
            paper="Callaway & Sant'Anna (2021); Sant'Anna & Zhao (2020)",
        ),
        RegimeDid: Method(
            name="regime-did",
            design=4,
            fit=regime_did.fit,
            truth=regime_did.truth,
            answers=(
                "Did joining help, apart from the other things that providers hold: among those "
                "whose other arms stayed as they were?"
            ),
            assumes=(
                "Without joining, those who joined would have moved as providers with the same "
                "other arms did, from the last year before joining on, as long as both keep those "
                "arms as they were (among like providers, where covariates are given); keeping or "
                "changing the other arms is not itself a sign of how results would have moved; and "
                "nothing changes before joining beyond the anticipation allowed for."
            ),
            fails=(
                "When those who change another arm are those whose results were about to move, "
                "since leaving them out is then a selection; when hardly anybody joins with the "
                "rest unchanged: the answer is then about those few; and wherever group-time fails."
            ),
            paper=(
                "de Chaisemartin & D'Haultfœuille (2023), several treatments; Callaway & "
                "Sant'Anna (2021)"
            ),
        ),
        SunAbraham: Method(
            name="sun-abraham",
            design=4,
            fit=sun_abraham.fit,
            truth=sun_abraham.truth,
            answers=(
                "Did joining help, by one regression with an effect of its own for every joining "
                "year in every year?"
            ),
            assumes=(
                "Without joining, those who joined would have moved in parallel with those who "
                "never did, in all years; and nothing changes before joining because of joining "
                "to come."
            ),
            fails=(
                "When joining follows a dip that would have passed anyway, or when something else "
                "comes on the same day. When hardly anybody stays outside, everything rests on "
                "those few."
            ),
            paper="Sun & Abraham (2021)",
        ),
        Imputation: Method(
            name="imputation",
            design=4,
            fit=imputation.fit,
            truth=imputation.truth,
            answers=(
                "How do results after joining compare with what all years before joining, and "
                "everybody outside, would lead one to expect? Can tell several arms apart at once."
            ),
            assumes=(
                "Without joining, joiners and the rest would have moved in parallel in all years, "
                "long before joining as well as after (given covariates and held arms); nothing "
                "changes before joining because of joining to come. With alongside = 'joint': the "
                "effects of several arms add up."
            ),
            fails=(
                "When joiners were already on another path years before: every year before counts "
                "as much as the last one. With several arms that are nearly always taken up "
                "together, hardly anything is left to tell them apart."
            ),
            paper="Borusyak, Jaravel & Spiess (2024)",
        ),
        Switchers: Method(
            name="switchers",
            design=4,
            fit=switchers.fit,
            truth=switchers.truth,
            answers=(
                "What does a year of membership do, when providers join, leave and join again?"
            ),
            assumes=(
                "Without switching, those who join or leave would have moved as those of the same "
                "standing who have not switched by then; and nothing changes before because of a "
                "switch to come."
            ),
            fails=(
                "When providers leave because their results are about to move, or when nearly "
                "everybody of the same standing switches at once. Effects later on are those of "
                "the whole path since the first switch, returns included."
            ),
            paper="de Chaisemartin & D'Haultfœuille (2024)",
        ),
        LocalProjection: Method(
            name="local-projection",
            design=4,
            fit=local_projection.fit,
            truth=local_projection.truth,
            answers=(
                "How far had joiners moved one, two, three years after joining, beside those who "
                "had not joined by then?"
            ),
            assumes=(
                "Without joining, joiners would have moved as those who have not joined yet, from "
                "the year before on; nothing changes before joining because of joining to come. "
                "Read as one number with weights = 'regression', effects do not go with the size "
                "of the comparison."
            ),
            fails=(
                "When joining follows a dip; when effects differ between joining years that have "
                "much and little comparison (then take weights = 'joiners'); when few are left "
                "outside at long horizons."
            ),
            paper="Dube, Girardi, Jordà & Taylor (2025)",
        ),
        SyntheticDid: Method(
            name="synthetic-did",
            design=4,
            fit=synthetic_did.fit,
            truth=synthetic_did.truth,
            answers=(
                "Did joining help a handful of providers, beside a weighted mixture of others that "
                "had moved as they did?"
            ),
            assumes=(
                "The weighted comparison would have moved on as the joiners would have; for "
                "placebo standard errors joiners are as noisy as those who never joined; and "
                "nothing changes before joining because of joining to come."
            ),
            fails=(
                "With few years before joining there is little to fit the mixture to. Closeness "
                "before joining is made, not found: it proves nothing. Providers with a missing "
                "year cannot take part."
            ),
            paper="Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021)",
        ),
        Neighbours: Method(
            name="neighbours",
            design=4,
            fit=neighbours.fit,
            truth=neighbours.truth,
            answers=(
                "Did members gain, did those nearby gain or lose, and what is left for the area "
                "as a whole?"
            ),
            assumes=(
                "What joining does to others ends with the last ring; members and neighbours would "
                "have moved as those that nothing touched, from the year before anything touched "
                "them; joining lasts."
            ),
            fails=(
                "When spill-over reaches further than the last ring, or runs along other lines "
                "than distance. Where members are everywhere, those left untouched are few and "
                "remote."
            ),
            paper="Butts (2021); Callaway & Sant'Anna (2021)",
        ),
        Mixed: Method(
            name="mixed",
            design=2,
            fit=mixed.fit,
            truth=mixed.truth,
            answers=(
                "How far do results differ with membership, once providers, overlapping "
                "collaborations, areas and years have the differences of their own?"
            ),
            assumes=(
                "Joining is unrelated to the random effects: a provider that joined would, without "
                "joining, have been as likely to be a good or a poor one as any other (with "
                "within_between only the provider's changes have to be unrelated, not its level). "
                "And being a member has the same effect on everybody, at once and for good."
            ),
            fails=(
                "When better or poorer providers join: part of what they always were is then taken "
                "for an effect. Set within_between = true and look at how far the two effects "
                "differ: that is zero where the assumption holds. Also when joining follows a dip, "
                "and when the effect grows with the years."
            ),
            paper=(
                "Browne, Goldstein & Rasbash (2001); Kenward & Roger (1997); Mundlak (1978); "
                "Bell & Jones (2015)"
            ),
        ),
    }
)
