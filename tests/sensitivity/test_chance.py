"""The checks of chance as a study asks for them, on the embedded sector with known truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.evaluation import evaluate
from consortia.panel import Panel
from consortia.sensitivity import (
    CHECKS,
    few_clusters,
    multiplicity,
    randomisation,
    wild_bootstrap,
)
from consortia.sensitivity.chance import CHANCE
from consortia.sensitivity.regression import regression
from consortia.sensitivity.strata import codes_of
from consortia.specs import (
    Exposure,
    FewClusters,
    GroupTime,
    Imputation,
    Inference,
    Mixed,
    Multiplicity,
    Outcome,
    Randomisation,
    TwoWay,
    WildBootstrap,
)
from consortia.streams import Streams
from consortia.study import Study
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def sector() -> Panel:
    panel = simulate(SchoolSector(providers=240), Streams(3))
    rng = np.random.default_rng(1)
    second = panel.outcomes[sector_study().outcome] + rng.standard_normal(panel.outcomes.height)
    return Panel(
        outcomes=panel.outcomes.with_columns(
            second=second,
            unrelated=pl.Series(rng.standard_normal(panel.outcomes.height)),
        ),
        providers=panel.providers,
        memberships=panel.memberships,
        statuses=panel.statuses,
        truth=panel.truth,
    )


PLAIN = {
    "hold": (), "alongside": (), "covariates": (), "method": GroupTime(), "exposure": Exposure(),
    "inference": Inference(draws=0),
}  # fmt: skip


def study(**changes) -> Study:
    return sector_study().with_(**(PLAIN | changes))


def ask(sector: Panel, *checks, **changes):
    found = evaluate(study(checks=checks, **changes), sector)
    return found, *found.findings


def columns(sector: Panel) -> str:
    """A fact with few values."""
    return next(
        c for c in sector.providers.columns if sector.providers[c].n_unique() in range(2, 9)
    )


def test_rows_stand_in_the_table() -> None:
    assert set(CHANCE) <= set(CHECKS)
    for spec, module in (
        (Randomisation, randomisation), (WildBootstrap, wild_bootstrap),
        (FewClusters, few_clusters), (Multiplicity, multiplicity),
    ):  # fmt: skip
        assert CHECKS[spec].run is module.run
    assert {row.name for row in CHANCE.values()} == {
        "randomisation", "wild-bootstrap", "few-clusters", "specification-curve", "multiplicity",
    }  # fmt: skip


# --- randomisation -------------------------------------------------------------------------------


def test_an_effect_is_found_and_its_interval_holds_the_estimate(sector) -> None:
    found, free, within = ask(
        sector, Randomisation(draws=499), Randomisation(draws=499, within=(columns(sector),))
    )
    row = found.headline
    for finding in (free, within):
        n = finding.numbers
        assert n["low"] < row["estimate"] < n["high"]
        width = row["high"] - row["low"]
        assert 0.6 * width < n["high"] - n["low"] < 1.6 * width
        assert finding.verdict == (
            True if n["p_value"] < 0.05 and row["p_value"] < 0.05
            else False if row["p_value"] < 0.05 else None
        )  # fmt: skip
        assert finding.table["result"].to_list() == ["as it was", "by lot"]
        low, high = finding.table.row(1)[2:4]
        assert low < 0 < high
    assert "within each" in within.sentence
    assert free.numbers["p_value"] != within.numbers["p_value"] or free.numbers["p_value"] == 0.002


def test_refitting_says_the_same_as_sums(sector) -> None:
    """Imputation has no sums by path here: it is fitted again for each assignment."""
    _, fast = ask(sector, Randomisation(draws=199))
    _, slow = ask(sector, Randomisation(refits=59), method=Imputation())
    assert "fitting the method again" in slow.sentence
    assert slow.numbers["draws"] == 59
    assert slow.numbers["low"] is None
    assert abs(slow.numbers["p_value"] - fast.numbers["p_value"]) < 0.1
    spread = [f.table.row(1, named=True) for f in (fast, slow)]
    assert spread[1]["high"] - spread[1]["low"] == pytest.approx(
        spread[0]["high"] - spread[0]["low"], rel=0.5
    )


def test_collaborations_move_whole(sector) -> None:
    _, finding = ask(sector, Randomisation(move="collaboration", draws=199))
    assert "whole collaborations" in finding.sentence
    assert 0 < finding.numbers["p_value"] <= 1
    status = next(k for k, a in sector_study().arms.items() if a.status)
    with pytest.raises(DataInvalid, match="is a status: it has no collaborations"):
        ask(sector, Randomisation(move="collaboration"), arm=status)


def test_what_cannot_be_dealt_out_is_said(sector) -> None:
    _, mixed = ask(sector, Randomisation(), method=Mixed(dof="normal"))
    assert mixed.verdict is None
    assert "cannot be dealt out" in mixed.sentence
    with pytest.raises(DataInvalid, match="column is not in the providers file"):
        ask(sector, Randomisation(within=("phas",)))
    with pytest.raises(ValueError, match="draws must lie"):
        Randomisation(draws=5)


def test_strata_are_combinations_and_unknown_is_one_of_its_own() -> None:
    facts = pl.DataFrame({"provider": list("abcd"), "x": ["u", None, "u", None], "y": [1, 1, 2, 1]})
    code = codes_of(facts, ("x", "y"), "k")
    assert code[1] == code[3]
    assert len(set(code.tolist())) == 3
    assert codes_of(facts, (), "k").tolist() == [0, 0, 0, 0]


# --- wild bootstrap and few clusters -------------------------------------------------------------


@pytest.mark.parametrize("method", [GroupTime(), TwoWay()], ids=lambda m: m.name)
@pytest.mark.parametrize("cluster", ["provider", "collaboration"])
def test_wild_bootstrap_beside_the_usual_interval(sector, method, cluster) -> None:
    found, wild, few = ask(
        sector, WildBootstrap(draws=499), FewClusters(), method=method,
        inference=Inference(draws=0, cluster=cluster),
    )  # fmt: skip
    row, n = found.headline, wild.numbers
    assert n["low"] < row["estimate"] < n["high"]
    assert n["high"] - n["low"] == pytest.approx(row["high"] - row["low"], rel=0.4)
    assert n["clusters"] == found.estimate.n_clusters == few.numbers["clusters"]
    assert n["null_imposed"] == (method.name == "two-way")
    assert 1 < few.numbers["effective_clusters"] <= few.numbers["clusters"]


def test_few_clusters_with_joiners_get_multipliers_by_provider(sector) -> None:
    area = columns(sector)
    found, wild = ask(
        sector, WildBootstrap(draws=199, few=100), inference=Inference(draws=0, cluster=area)
    )
    assert wild.table["kind"].to_list() == ["multipliers by cluster", "multipliers by provider"]
    told = [p < 0.05 for p in wild.table["p_value"]]
    if found.headline["p_value"] < 0.05:
        assert wild.verdict == (told[0] if told[0] == told[1] else None)
    if wild.numbers["clusters"] < 12:
        assert wild.table["multipliers"][0] == "webb"


def test_two_way_has_an_error_for_few_clusters(sector) -> None:
    area = columns(sector)
    found, few = ask(
        sector, FewClusters(), method=TwoWay(), inference=Inference(draws=0, cluster=area)
    )
    n = few.numbers
    assert few.table["error"].to_list() == ["as in the answer", "CR2, Satterthwaite"]
    assert n["dof"] < n["clusters"]
    assert n["low"] < found.headline["estimate"] < n["high"]
    arrays = sector.arrays(study(method=TwoWay()))
    assert regression(arrays).beta == pytest.approx(found.headline["estimate"], abs=1e-9)


# --- several outcomes ----------------------------------------------------------------------------


def test_outcomes_are_adjusted_for_one_another(sector) -> None:
    base = sector_study()
    outcomes = {
        **base.outcomes, "second": Outcome(label="a second"), "unrelated": Outcome(label="another"),
    }  # fmt: skip
    found, finding = ask(sector, Multiplicity(draws=1999), outcomes=outcomes)
    n = finding.numbers
    told = finding.table.filter(pl.col("p_adjusted").is_not_null())
    assert n["outcomes"] == told.height >= 3
    assert n["p_value"] == pytest.approx(found.headline["p_value"])
    # Never below alone (but for the simulation), never beyond Bonferroni.
    alone, joint = told["p_value"].to_numpy(), told["p_adjusted"].to_numpy()
    assert (joint >= alone - 0.03).all()
    assert (joint <= told.height * alone + 0.03).all()
    # One at a time it is the p-value that it adjusts.
    own = evaluate(study(outcome="second", outcomes=outcomes, checks=()), sector).headline
    assert told.filter(pl.col("outcome") == "a second")["p_value"][0] == own["p_value"]
    with pytest.raises(DataInvalid, match="not defined under"):
        ask(sector, Multiplicity(outcomes=("secnd",)), outcomes=outcomes)
    _, one = ask(sector, Multiplicity(outcomes=(base.outcome,)))
    assert one.verdict is None
    assert "one outcome only" in one.sentence
