"""Methods: one frozen spec, one function, one row in METHODS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consortia.estimators import group_time, raw_gap, regime_did, two_way
from consortia.results import Method
from consortia.specs import GroupTime, RawGap, RegimeDid, TwoWay

METHODS: Mapping[type, Method] = MappingProxyType(
    {
        RawGap: Method(
            name="raw-gap",
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
    }
)
