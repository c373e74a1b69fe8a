"""Methods: one frozen spec, one function, one row in METHODS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consortia.estimators import group_time, mixed, raw_gap, two_way
from consortia.results import Method
from consortia.specs import GroupTime, Mixed, RawGap, TwoWay

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
        Mixed: Method(
            name="mixed",
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
