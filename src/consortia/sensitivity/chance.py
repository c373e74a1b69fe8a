"""Rows of CHECKS for chance: lots, resampled clusters, other choices, many outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from consortia.results import Check
from consortia.sensitivity import (
    few_clusters,
    multiplicity,
    randomisation,
    specification_curve,
    wild_bootstrap,
)
from consortia.specs import (
    FewClusters,
    Multiplicity,
    Randomisation,
    SpecificationCurve,
    WildBootstrap,
)

CHANCE: Mapping[type, Check] = {
    Randomisation: Check(
        name="randomisation",
        run=randomisation.run,
        asks="Would so clear a difference come about if dates of joining were dealt out by lot?",
        reads=(
            "A small share of cases means that chance alone would hardly do it. It does not tell "
            "joining apart from what led providers to join."
        ),
        paper="Fisher 1935; Wu & Ding 2021, Zhao & Ding 2021 (studentised statistic)",
        settles="More collaborations that joined at different times, or an order drawn by lot.",
    ),
    WildBootstrap: Check(
        name="wild-bootstrap",
        run=wild_bootstrap.run,
        asks="Does the difference stand when uncertainty does not lean on many clusters?",
        reads=(
            "The interval should say the same as the usual one; where few clusters have joiners, "
            "bootstraps by cluster and by provider are both shown and should agree."
        ),
        paper=(
            "Cameron, Gelbach & Miller 2008; Roodman et al. 2019; MacKinnon & Webb 2018 "
            "(subcluster); Kline & Santos 2012 (scores)"
        ),
        settles="Results of more collaborations or areas: more of the same ones add little.",
    ),
    FewClusters: Check(
        name="few-clusters",
        run=few_clusters.run,
        asks="On how many independent pieces does the answer rest?",
        reads=(
            "A few large collaborations can outweigh many small ones: the usual error promises too "
            "much then, and degrees of freedom say how much."
        ),
        paper=(
            "Bell & McCaffrey 2002; Pustejovsky & Tipton 2018; Carter, Schnepel & Steigerwald 2017"
        ),
        settles="Results of more collaborations or areas: more of the same ones add little.",
    ),
    SpecificationCurve: Check(
        name="specification-curve",
        run=specification_curve.run,
        asks="Would other reasonable choices have given another answer?",
        reads=(
            "Each row is the answer under one combination of the choices listed, in order of size. "
            "The joint test asks whether chance draws such curves."
        ),
        paper="Simonsohn, Simmons & Nelson 2020",
        settles="A plan written before the results are seen, which names one set of choices.",
    ),
    Multiplicity: Check(
        name="multiplicity",
        run=multiplicity.run,
        asks="Is the difference still clear, given how many outcomes were asked?",
        reads=(
            "The adjusted p-value holds the chance of even one false alarm among all outcomes, and "
            "uses how they hang together."
        ),
        paper="Romano & Wolf 2005, 2016",
        settles="One outcome named beforehand, or new results for the outcomes that moved.",
    ),
}  # fmt: skip
