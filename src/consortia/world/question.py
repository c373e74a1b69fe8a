"""The question that the embedded sector is made for, with the comparison that answers it."""

from __future__ import annotations

from consortia.specs import (
    Arm,
    GroupTime,
    HonestTrends,
    InfluentialProviders,
    LeaveOneOut,
    Outcome,
    PlaceboDate,
    PreTrend,
    RegressionToMean,
    Survivors,
    UnseenConfounder,
)
from consortia.study import Study


def sector_study() -> Study:
    """Did joining a trust help, autonomy held as it was?

    The year before joining is a dip that led to joining, hence ``anticipation = 1``;
    disadvantaged schools join more and gain anyway, hence the covariates; autonomy comes on the
    day of joining for most, hence ``hold``.
    """
    return Study(
        question="Did joining a trust raise attainment in the embedded sector?",
        outcome="score",
        arm="trust",
        outcomes={
            "score": Outcome(
                label="attainment",
                unit="points",
                sd=10.0,
                sd_of="pupils",
                worthwhile=0.5,
                months_table=True,
            )
        },
        arms={
            "trust": Arm(kinds=("trust",), label="a trust"),
            "academy": Arm(status="academy", label="academy status"),
            "federation": Arm(kinds=("federation",), label="a federation"),
            "network": Arm(kinds=("subject network",), label="a subject network"),
        },
        hold=("academy",),
        alongside=("federation",),
        comparison="not-yet",
        covariates=("disadvantage", "rivals", "pupils"),
        method=GroupTime(anticipation=1),
        checks=(
            PreTrend(),
            PlaceboDate(),
            # Years far before joining rest on few joiners.
            HonestTrends(before=4),
            UnseenConfounder(),
            RegressionToMean(),
            LeaveOneOut(refits=3),
            InfluentialProviders(),
            Survivors(),
        ),
    )
