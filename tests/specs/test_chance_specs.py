"""Ranges of the checks of chance, and how a study file writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from consortia.specs import Exposure, GroupTime, TwoWay, Window
from consortia.specs.chance import (
    FewClusters,
    Multiplicity,
    Randomisation,
    SpecificationCurve,
    WildBootstrap,
)
from consortia.studyfile import read_study


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Randomisation(draws=10), "draws must lie"),
        (lambda: Randomisation(refits=3), "refits must lie"),
        (lambda: Randomisation(size=0.7), "size must lie"),
        (lambda: WildBootstrap(draws=10), "draws must lie"),
        (lambda: WildBootstrap(few=0), "few must lie"),
        (lambda: WildBootstrap(size=0), "size must lie"),
        (lambda: FewClusters(enough=1), "enough must lie"),
        (lambda: FewClusters(size=0.5), "size must lie"),
        (lambda: SpecificationCurve(), "list the choices"),
        (lambda: SpecificationCurve(weights=("",), draws=5), "draws must be 0 or"),
        (lambda: SpecificationCurve(weights=("",), most=1), "most must lie"),
        (lambda: Multiplicity(draws=9), "draws must lie"),
    ],
)
def test_ranges(make, words) -> None:
    with pytest.raises(ValueError, match=words):
        make()


TEXT = """
question = "Does joining {arm} raise {outcome}?"
outcome = "score"
arm = "trust"
[data]
outcomes = "outcomes.csv"
memberships = "memberships.csv"
[outcomes.score]
[arms.trust]
kinds = ["trust"]
[[checks]]
name = "randomisation"
within = ["phase", "area"]
[[checks]]
name = "specification-curve"
comparisons = ["never", "not-yet"]
windows = [{ first = 2016 }, { first = 2016, last = 2018 }]
exposures = [{ cutoff = "09-30" }, { partial = "missing" }]
covariates = [[], ["prior"]]
methods = [{ name = "group-time", aggregate = "simple" }, { name = "two-way" }]
"""


def test_as_a_study_file_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    lots, curve = read_study(path).study[0].checks
    assert lots == Randomisation(within=("phase", "area"))
    assert curve == SpecificationCurve(
        comparisons=("never", "not-yet"),
        windows=(Window(first=2016), Window(first=2016, last=2018)),
        exposures=(Exposure(), Exposure(partial="missing")),
        covariates=((), ("prior",)),
        methods=(GroupTime(aggregate="simple"), TwoWay()),
    )
