"""Checks: what could overturn an answer. One frozen spec, one function, one row in CHECKS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from consortia.results import Check
from consortia.sensitivity import leave_one_out, placebo_date, pre_trend, without_flagged
from consortia.specs import LeaveOneOut, PlaceboDate, PreTrend, WithoutFlagged

CHECKS: Mapping[type, Check] = MappingProxyType(
    {
        PreTrend: Check(
            name="pre-trend",
            run=pre_trend.run,
            asks="Were joiners and the comparison already drifting apart before joining?",
            reads=(
                "A high p-value reassures only as far as the test could have noticed a drift that "
                "matters; its power is therefore given beside it."
            ),
            paper="Callaway & Sant'Anna 2021 (joint test); Roth 2022 (power against a drift)",
            settles=(
                "Results of more years before joining, or a comparison that was on the same path."
            ),
            failed="joiners were already drifting away from the comparison before they joined",
        ),
        PlaceboDate: Check(
            name="placebo-date",
            run=placebo_date.run,
            asks="Does an effect appear where joiners are made to join before they did?",
            reads=(
                "Only years before the real date are used, so that any effect found is not the "
                "collaboration's: it should be near zero."
            ),
            paper="Imbens & Rubin 2015, ch. 21 (pseudo-treatment)",
            settles=(
                "Results of more years before joining, with a base year before anybody thought of "
                "joining (anticipation)."
            ),
            failed="an effect shows before there could be one",
        ),
        WithoutFlagged: Check(
            name="without-flagged",
            run=without_flagged.run,
            asks="Does the answer rest on providers whose data are in doubt?",
            reads="The answer with and without them should say the same.",
            paper="a sensitivity analysis of the sample",
            settles="The right data for the providers in doubt.",
            failed="the answer rests on providers whose data are in doubt",
        ),
        LeaveOneOut: Check(
            name="leave-one-out",
            run=leave_one_out.run,
            asks="Does the answer hang on a single collaboration, cohort or area?",
            reads=(
                "The answer without any one of them should say the same; where it does not, that "
                "one has to be looked at before anything is concluded."
            ),
            paper="Cook 1977 (deletion); Belsley, Kuh & Welsch 1980 (one-step deletion)",
            settles="A closer look at the one it hangs on, and results of others like it.",
            failed="the answer hangs on a single one of those it is about",
        ),
    }
)
