"""Evaluations built by hand, with a number in every place that the report can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from consortia.panel import FlowStep, Note, Source
from consortia.report import document, render_html
from consortia.results import (
    CONTRASTS,
    EFFECTS,
    ByCollaboration,
    Coincidence,
    Contamination,
    Estimate,
    Evaluation,
    Finding,
    Gap,
    GapPart,
    Identification,
    Rung,
    Verdict,
)
from consortia.specs import Arm, Outcome, RegimeDid
from consortia.study import Study

STUDY = Study(
    question="Does joining a multi-academy trust raise maths progress in primary schools?",
    outcome="maths",
    arm="trust",
    alongside=("academy",),
    outcomes={"maths": Outcome(label="maths progress", unit="progress points")},
    arms={
        "trust": Arm(kinds=("multi-academy trust",), label="a multi-academy trust"),
        "academy": Arm(status="academy", label="academy status"),
    },
)


def row(
    estimand: str, estimate: float | None, se: float | None = 0.1, **more: Any
) -> dict[str, Any]:
    made = dict.fromkeys(EFFECTS) | {"estimand": estimand, "arm": "trust", "caution": ""}
    made |= {"estimate": estimate, "n_treated": 1932, "n_control": 10172}
    if estimate is not None and se:
        made |= {
            "std_error": se,
            "low": estimate - 1.96 * se,
            "high": estimate + 1.96 * se,
            "band_low": estimate - 2.7 * se,
            "band_high": estimate + 2.7 * se,
            "p_value": 0.00012345,
        }
    return made | more


def effects(truth: float | None = None) -> pl.DataFrame:
    rows = [
        row("att(g,t)", 0.1 * (t - g) + 0.05, 0.12 + 0.01 * (g - 2017), cohort=g, year=t)
        for g in (2017, 2018, 2019)
        for t in (2016, 2017, 2018, 2019)
        if t != g - 1
    ]
    rows[0] |= {"n_treated": 3, "caution": "fewer than 5 treated"}
    rows.append(
        row(
            "att(g,t)",
            None,
            cohort=2016,
            year=2017,
            n_treated=0,
            caution="not identified, because no year before joining",
        )
    )
    rows += [
        row("dynamic", -0.5123, 1.4, event_time=-4, n_treated=12),
        row("dynamic", 0.0312, 0.14, event_time=-3),
        row("dynamic", -0.0423, 0.1, event_time=-2),
        row("dynamic", 0.0, None, event_time=-1, caution="reference year"),
        row("dynamic", 0.1512, 0.08, event_time=0),
        row("dynamic", 0.2861, 0.1, event_time=1),
        row("dynamic", 0.4012, 0.15, event_time=2),
        row(
            "dynamic",
            None,
            event_time=3,
            caution="not identified, because nobody is seen that late",
        ),
        row("dynamic-overall", 0.2795, 0.09),
        row("group", 0.35, 0.11, cohort=2017),
        row("group", 0.21, 0.12, cohort=2018),
        row("group-overall", 0.2534, 0.0812),
        row("calendar", 0.151, 0.1, year=2017),
        row("calendar-overall", 0.2411, 0.08),
        row("simple", 0.2611, 0.083),
    ]
    schema = dict(EFFECTS)
    if truth is not None:
        schema["truth"] = pl.Float64
        for r in rows:
            known = r["estimate"] is not None
            after = (r["event_time"] or 0) >= 0 and (r["cohort"] or 0) <= (r["year"] or 9999)
            r["truth"] = (truth if after else 0.0) if known else None
    return pl.DataFrame(rows, schema=schema, orient="row")


def headline(frame: pl.DataFrame) -> int:
    return frame["estimand"].to_list().index("group-overall")


def estimate(truth: float | None = None) -> Estimate:
    frame = effects(truth)
    return Estimate(
        method="group-time",
        effects=frame,
        covariance=np.eye(frame.height),
        headline=headline(frame),
        n_clusters=152,
        convention="clustered by local authority, C / (C - 1), t with 151 degrees of freedom",
        critical=1.9758,
        dof=151,
        notes=("cohort of 2016 left out",),
    )


def part(name: str, kind: Any, estimate: float, se: float | None = 0.05) -> GapPart:
    return GapPart(
        name=name,
        label=f"{name} of members",
        kind=kind,
        estimate=estimate,
        std_error=se,
        low=None if se is None else estimate - 1.96 * se,
        high=None if se is None else estimate + 1.96 * se,
        caution="" if se else "no error of its own",
    )


GAP = Gap(
    parts=(
        part("raw", "total", -0.6123),
        part("providers", "part", -0.9),
        part("years", "part", 0.05),
        part("academy", "part", 0.0877),
        part("full", "total", 0.15),
        part("method", "method", -0.1034, None),
        part("answer", "answer", 0.2534),
    ),
    sentence="Members lie 0.61 below the rest; -0.90 of it is what they differed in all along.",
    convention="clustered by provider",
    notes=("52 provider-years left out",),
)
CONTAMINATION = Contamination(
    table=pl.DataFrame(
        {
            "coefficient": ["a trust", "a trust"],
            "effects_of": ["a trust", "academy status"],
            "total": [1.0, 0.0],
            "positive": [1.25, 0.31],
            "negative": [-0.25, -0.31],
            "cells": [4030, 9000],
            "below": [311, 4000],
        }
    ),
    sentence="One regression with both is not used: 8% of years count with the wrong sign.",
)


def each(count: int = 57) -> ByCollaboration:
    shrunk = [1.5 - 3 * k / count for k in range(count)]
    return ByCollaboration(
        table=pl.DataFrame(
            {
                "collaboration": [f"T{k}" for k in range(count)],
                "name": [f"Trust {k}" for k in range(count)],
                "joiners": [1 + k % 9 for k in range(count)],
                "estimate": [2.0 * s for s in shrunk],
                "std_error": [0.8123] * count,
                "shrunk": shrunk,
                "shrunk_low": [s - 0.7 for s in shrunk],
                "shrunk_high": [s + 0.7 for s in shrunk],
                "p_value": [0.0004 if k < 2 else 0.4 for k in range(count)],
                "q_value": [0.0114 if k < 2 else 0.8 for k in range(count)],
                "stands_out": ["better" if k < 2 else "" for k in range(count)],
            }
        ),
        mean=0.2345,
        mean_std_error=0.05,
        spread=0.61,
        q=88.1,
        dof=count - 1,
        p_value=0.0041,
        reliability=0.35,
        false_discovery=0.05,
        better=2,
        worse=0,
        sentence=f"The effects of {count} collaborations differ by more than chance.",
        notes=("94 joiners of more than one count with the one they joined first",),
    )


EVALUATION = Evaluation(
    study=STUDY,
    title=STUDY.question,
    estimate=estimate(),
    not_identified="",
    sd=1.9876543,
    sd_source="between the comparison providers, 2016",
    ladder=(
        Rung(
            name="raw-gap",
            label="Members against the rest",
            estimate=-0.6123,
            low=-0.71,
            high=-0.51,
            n_treated=3874,
        ),
        Rung(
            name="two-way",
            label="Each provider against itself (provider and year effects)",
            estimate=0.1234,
            low=0.01,
            high=0.237,
            n_treated=2015,
        ),
        Rung(
            name="answer",
            label="The answer: joiners against never-joiners, from the year before joining",
            estimate=0.2534,
            low=0.0942,
            high=0.4126,
            n_treated=1932,
        ),
        Rung(
            name="held",
            label="With academy status held as it was",
            estimate=0.31,
            low=-0.6,
            high=1.22,
            n_treated=83,
            note="rests on few",
        ),
    ),
    findings=(
        Finding(
            check="pre-trend",
            title="Before joining",
            verdict=None,
            sentence="Before joining, no drift between joiners and comparison was found (p = "
            "0.412). The test would notice a drift of 0.11 progress points a year in 80% of cases.",
            table=pl.DataFrame(
                {"event_time": [-3, -2], "estimate": [0.0312, -0.0423], "std_error": [0.14, 0.1]}
            ),
            numbers={"wald": 1.7734, "k": 2, "dof": None, "p_value": 0.41234},
        ),
        Finding(
            check="placebo-date",
            title="Pretending to join one year earlier",
            verdict=True,
            sentence="Pretending that joiners joined one year earlier gives 0.02 progress points.",
            table=pl.DataFrame(
                {
                    "estimand": ["simple"],
                    "estimate": [0.0213],
                    "flag": [True],
                    "why": ["a reason"],
                    "weighted_share": [0.123456],
                    "started": pl.Series(["2017-09-01"]).str.to_date(),
                    "never": pl.Series([None], dtype=pl.Float64),
                }
            ),
            numbers={"estimate": 0.0213, "p_value": 0.8},
        ),
        Finding(
            check="without-flagged",
            title="Without providers flagged trust date ambiguous",
            verdict=False,
            sentence="Without the 96 flagged providers the effect is 0.02: the "
            "answer rests on them.",
            table=pl.DataFrame(),
            numbers={"flagged": 96},
        ),
    ),
    coincidences=(
        Coincidence(
            arm="academy",
            label="academy status",
            joiners=2015,
            same_year=1932,
            before=83,
            after=0,
            never=0,
            sentence="1,932 of 2,015 joiners took on academy status in the "
            "year they joined: for them the data cannot tell the two apart.",
        ),
    ),
    verdict=Verdict(
        words="probably helps",
        sentence="Joining a multi-academy trust probably raises "
        "maths progress, and by enough to be worthwhile.",
        p_positive=0.9991,
        p_worthwhile=0.9723,
        worthwhile=0.0994,
        thresholds="probably helps: P(effect > 0) at least 90% and P(worthwhile) at least 50%",
    ),
    flow=(
        FlowStep(
            step="in the outcomes file",
            providers=14046,
            provider_years=56184,
            why="every provider with at least one row",
            kind="start",
        ),
        FlowStep(
            step="maths progress missing",
            providers=0,
            provider_years=412,
            why="the year is left out, other years of the provider stay",
            kind="cells",
        ),
        FlowStep(
            step="no pupils in any year",
            providers=83,
            provider_years=310,
            why="has no weight in the answer",
        ),
        FlowStep(
            step="already joined before the first year: nothing known from before",
            providers=1859,
            provider_years=7436,
            why="nothing known from before",
        ),
        FlowStep(
            step="joiners in the answer",
            providers=1932,
            provider_years=0,
            why="joined within the window, with a year before joining",
            kind="end",
        ),
        FlowStep(
            step="comparison in the answer",
            providers=10172,
            provider_years=0,
            why="compared with them",
            kind="end",
        ),
    ),
    cautions=(
        "1,932 of 2,015 joiners took on academy status in the year they joined: for them the data "
        "cannot tell the two apart.",
        "960 joiners are no longer seen in the latest snapshot",
    ),
    notes=(Note(role="outcomes", what="read as missing", count=211, column="maths", found="SUPP"),),
    sources=(
        Source(
            role="outcomes",
            name="outcomes.csv.gz",
            rows=56184,
            digest="ab" * 32,
            licence="Open Government Licence v3.0",
        ),
        Source(role="memberships", name="memberships.csv.gz", rows=11673, digest="cd" * 32),
    ),
    panel_digest="12" * 32,
    study_digest=STUDY.digest,
    assumes="without joining, joiners would have moved as the comparison did",
    command="consortia evaluate study.toml --out report",
    version="0.1.0",
    gap=GAP,
    contamination=CONTAMINATION,
    by_collaboration=each(),
)


def variant(name: str) -> Evaluation:
    if name == "plain":
        return EVALUATION
    if name == "months":
        outcome = Outcome(
            label="maths score",
            unit="scaled score points",
            sd=7.5,
            sd_of="pupils",
            worthwhile=0.375,
            months_table=True,
        )
        return replace(
            EVALUATION,
            study=STUDY.with_(outcomes={"maths": outcome}),
            sd=7.5,
            sd_source="stated in the study, between pupils",
        )
    if name == "simulated":
        return replace(EVALUATION, estimate=estimate(truth=0.24), simulated=True)
    if name == "not-identified":
        return replace(
            EVALUATION,
            estimate=None,
            not_identified="no joiner is observed before joining",
            findings=(),
            gap=None,
            by_collaboration=None,
            verdict=Verdict(
                words="not identified",
                sentence="These data cannot answer the question, because no joiner is observed "
                "before joining.",
                p_positive=None,
                p_worthwhile=None,
                worthwhile=0.0994,
                thresholds="as always",
            ),
            flow=EVALUATION.flow[:4],
        )
    if name == "bare":
        return replace(
            EVALUATION,
            sd=float("nan"),
            ladder=(),
            findings=(),
            coincidences=(),
            flow=(),
            cautions=(),
            notes=(),
            sources=(),
            command="",
            gap=None,
            contamination=None,
            by_collaboration=None,
        )
    if name == "large":
        # Big numbers, many years, long words.
        rows = [
            row("dynamic", -23456.78 + 1500 * t, 9000.0 + 500 * abs(t), event_time=t)
            for t in range(-21, 22)
            if t != -1
        ]
        rows += [
            row("att(g,t)", 1234.5 * (t - g), 4321.0, cohort=g, year=t)
            for g in range(2003, 2015)
            for t in range(2008, 2016)
        ]
        rows += [row("group-overall", 23456.78, 9876.5)]
        frame = pl.DataFrame(rows, schema=EFFECTS, orient="row")
        long = "a partnership of schools and colleges for the improvement of teaching"
        ladder = tuple(
            replace(
                r,
                estimate=1e5 * (r.estimate or 0),
                low=1e5 * (r.low or 0),
                high=1e5 * (r.high or 0),
                label=long,
            )
            for r in EVALUATION.ladder
        )
        study = STUDY.with_(
            arms={**STUDY.arms, "trust": Arm(kinds=("x",), label=long)},
            outcomes={"maths": Outcome(label=long, unit="pounds a year per learner in the cohort")},
        )
        fitted = replace(estimate(), effects=frame, headline=frame.height - 1)
        return replace(
            EVALUATION,
            study=study,
            title=long,
            estimate=fitted,
            ladder=ladder,
            gap=replace(
                GAP,
                parts=tuple(
                    replace(
                        p,
                        label=long,
                        estimate=1e5 * p.estimate,
                        low=None if p.low is None else 1e5 * p.low,
                        high=None if p.high is None else 1e5 * p.high,
                    )
                    for p in GAP.parts
                ),
            ),
            by_collaboration=each(1500),
        )
    if name == "apart":
        frame = pl.DataFrame(
            [
                row("simple", 0.2995, 0.289, n_treated=83, n_control=501),
                row("by-regime", 0.2995, 0.289, regime="with academy status", n_treated=83),
                row(
                    "by-regime",
                    None,
                    regime="without academy status",
                    n_treated=0,
                    caution="not identified, because none of the 555 joiners stays so",
                ),
                row("regime-contrast", 0.1, 0.2, regime="with academy status − without"),
                row("att(g,t,r)", 0.4, 0.3, cohort=2018, year=2018, regime="with academy status"),
            ],
            schema=EFFECTS,
            orient="row",
        )
        fitted = replace(estimate(), effects=frame, headline=0, method="regime-did")
        study = STUDY.with_(hold=("academy",), alongside=(), method=RegimeDid())
        return replace(EVALUATION, study=study, estimate=fitted, identification=IDENTIFICATION)
    if name == "raw":
        frame = pl.DataFrame(
            [row("raw-gap", -0.61, 0.05), row("raw-gap-by-year", -0.6, 0.06, year=2016)],
            schema=EFFECTS,
            orient="row",
        )
        fitted = replace(estimate(), effects=frame, headline=0, method="raw-gap")
        return replace(EVALUATION, estimate=fitted, ladder=EVALUATION.ladder[2:3])
    raise ValueError(name)


@cache
def page_of(name: str) -> str:
    """The page of a variant, drawn once for all tests that only read it."""
    return render_html(document(variant(name)))


IDENTIFICATION = Identification(
    arm="a multi-academy trust",
    held=("academy status",),
    table=pl.DataFrame(
        [
            (
                "without academy status",
                2018,
                734,
                0,
                0,
                0,
                0,
                None,
                False,
                "academy status changed",
            ),
            ("with academy status", 2018, 83, 83, 83, 500, 2, 0.9765, True, ""),
        ],
        schema=CONTRASTS,
        orient="row",
    ),
    joiners=817,
    identified=83,
    share=83 / 817,
    inflation=15.0241,
    correlations=(("academy status", 0.9661),),
    price=4.8228,
    sentence="83 of 817 joiners (10%) tell a multi-academy trust apart from academy status.",
    speaks_for="It speaks for joiners that stayed as they were: 83 with academy status.",
    silent_on="It says nothing about 734 without academy status (academy status changed).",
)

VARIANTS = ("plain", "months", "simulated", "not-identified", "bare", "raw", "large", "apart")


@pytest.fixture(params=VARIANTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def evaluation(name: str) -> Evaluation:
    return variant(name)


@pytest.fixture
def page(name: str) -> str:
    return page_of(name)


@pytest.fixture
def make() -> Callable[[str], Evaluation]:
    return variant
