"""Left out one at a time: against evaluations of the smaller panels themselves."""

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.estimators.estimate import estimate
from consortia.evaluation import evaluate
from consortia.panel import Panel
from consortia.specs import Inference, LeaveOneOut, Where
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate


@pytest.fixture(scope="module")
def sector() -> Panel:
    return simulate(SchoolSector(providers=240), Streams(3))


def check(sector: Panel, spec: LeaveOneOut, **changes):
    study = sector_study().with_(checks=(spec,), hold=(), alongside=(), **changes)
    found = evaluate(study, sector)
    return study, found, found.findings[0]


def test_the_exact_ones_are_the_answers_of_smaller_panels(sector) -> None:
    study, found, finding = check(sector, LeaveOneOut(refits=4))
    rows = finding.table.filter(pl.col("exact"))
    assert rows.height == 4
    arrays = sector.arrays(study)
    joiners = set(arrays.provider[arrays.joiners])
    kinds = list(study.arms[study.arm].kinds)
    for row in rows.iter_rows(named=True):
        name = row["left_out"].removeprefix("collaboration ")
        members = sector.memberships.filter(
            (pl.col("collaboration") == name) & pl.col("kind").is_in(kinds)
        )["provider"]
        gone = sorted(joiners & set(members))
        assert row["providers"] == len(gone)
        smaller = Panel(
            outcomes=sector.outcomes.filter(~pl.col("provider").is_in(gone)),
            providers=sector.providers,
            memberships=sector.memberships,
            statuses=sector.statuses,
        )
        again = evaluate(study.with_(checks=()), smaller).headline
        assert row["estimate"] == pytest.approx(again["estimate"], abs=1e-10)
        assert row["low"] == pytest.approx(again["low"], abs=1e-9)
        assert row["shift"] == pytest.approx(row["estimate"] - found.headline["estimate"])


@pytest.fixture(scope="module")
def every(sector):
    return check(sector, LeaveOneOut(refits=10_000))


def test_influence_ranks_as_refitting_all_does(sector, every) -> None:
    every = every[2]
    _, _, few = check(sector, LeaveOneOut(refits=3))
    assert every.table["exact"].all()
    assert few.table["left_out"][0] == every.table["left_out"][0]
    exact = dict(zip(every.table["left_out"], every.table["shift"], strict=True))
    step = few.table.filter(~pl.col("exact"))
    real = [exact[name] for name in step["left_out"]]
    assert pl.DataFrame({"a": step["shift"], "b": real}).select(pl.corr("a", "b")).item() > 0.98
    assert few.numbers["units"] == every.table.height
    assert few.table["left_out"][0] in few.sentence


def test_cohorts_and_columns(sector) -> None:
    study, _, finding = check(sector, LeaveOneOut(over="cohort", refits=50))
    arrays = sector.arrays(study)
    years = sorted({int(y) for y in arrays.years[arrays.cohort[arrays.joiners]]})
    assert finding.table.height <= len(years)
    assert finding.table["left_out"][0].startswith("the joiners of ")
    column = next(
        c for c in sector.providers.columns if sector.providers[c].n_unique() in range(2, 40)
    )
    study, _, finding = check(sector, LeaveOneOut(over=column, refits=2))
    row = finding.table.row(0, named=True)
    value = row["left_out"].removeprefix(column.replace("_", " ") + " ")
    again = evaluate(
        study.with_(checks=(), where=(*study.where, Where(column=column, drop=(value,)))), sector
    ).headline
    assert row["estimate"] == pytest.approx(again["estimate"], abs=1e-10)


def test_verdict_follows_the_largest_shift(sector, every) -> None:
    study, found, finding = every
    moved = finding.table["shift"].abs().max() / found.headline["std_error"]
    assert finding.verdict == (True if moved <= 0.5 else False if moved > 1 else None)
    # All joiners in one collaboration: nothing is left without it.
    one = Panel(
        outcomes=sector.outcomes,
        providers=sector.providers,
        memberships=sector.memberships.with_columns(collaboration=pl.lit("all")),
        statuses=sector.statuses,
    )
    alone = evaluate(study, one).findings[0]
    assert alone.verdict is None
    assert "fewer than two" in alone.sentence


def test_danger_is_how_much_of_the_effect_goes(sector, every) -> None:
    _, found, finding = every
    left = finding.table["estimate"] / found.headline["estimate"]
    assert finding.numbers["danger"] == pytest.approx(min(max(1 - left.min(), 0), 1))


@pytest.mark.parametrize(
    "rule", [Inference(draws=0, spatial_km=12.0), Inference(draws=0, cluster="market")]
)
def test_intervals_without_one_are_those_of_the_studys_inference(sector, rule) -> None:
    study, _, finding = check(sector, LeaveOneOut(over="cohort", refits=1), inference=rule)
    arrays = sector.arrays(study)
    row = finding.table.filter(pl.col("exact")).row(0, named=True)
    cohort = np.flatnonzero(arrays.years == int(row["left_out"][-4:]))[0]
    again = estimate(arrays.take(arrays.cohort != cohort), study, Streams(1).rng()).row()
    assert row["low"] == pytest.approx(again["low"], abs=1e-10)
    assert row["high"] == pytest.approx(again["high"], abs=1e-10)


def test_refusals(sector) -> None:
    with pytest.raises(DataInvalid, match="neither 'collaboration', 'cohort' nor a column"):
        check(sector, LeaveOneOut(over="collaborations"))
    with pytest.raises(ValueError, match="refits must lie"):
        LeaveOneOut(refits=0)
    status = next(k for k, a in sector_study().arms.items() if a.status)
    with pytest.raises(DataInvalid, match="is a status: it has no collaborations"):
        check(sector, LeaveOneOut(), arm=status)
