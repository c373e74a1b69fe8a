"""From arrays to tables: schema, dates and spells, against brute force and the exposure rule."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from consortia.exposure import first_year
from consortia.panel import Panel
from consortia.specs import Arm, Exposure, GroupTime
from consortia.streams import Streams
from consortia.world import SchoolSector, sector_study, simulate
from consortia.world.frames import begins, spells
from consortia.world.schedule import run
from consortia.world.setting import NEVER, NONE

SECTOR = SchoolSector(providers=400)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulate(SECTOR, Streams(7))


def test_schema_is_that_of_a_panel(panel: Panel) -> None:
    assert panel.outcomes.schema == {
        "provider": pl.String,
        "year": pl.Int32,
        "score": pl.Float64,
        "pupils": pl.Float64,
    }
    assert panel.providers.schema == {
        "provider": pl.String,
        "local_authority": pl.String,
        "easting": pl.Float64,
        "northing": pl.Float64,
        "disadvantage": pl.Float64,
        "rivals": pl.Float64,
    }
    assert panel.memberships.schema == {
        "provider": pl.String,
        "collaboration": pl.String,
        "kind": pl.String,
        "from": pl.Date,
        "to": pl.Date,
        "weight": pl.Float64,
        "first_seen": pl.Date,
        "last_seen": pl.Date,
    }
    assert panel.statuses.schema == {
        "provider": pl.String,
        "status": pl.String,
        "since": pl.Date,
        "until": pl.Date,
    }
    assert panel.truth is not None
    assert panel.truth.schema == {"provider": pl.String, "year": pl.Int32, "effect": pl.Float64}


def test_one_row_per_provider_and_year(panel: Panel) -> None:
    assert panel.outcomes.height == 400 * 9
    assert panel.outcomes.select("provider", "year").is_duplicated().sum() == 0
    assert panel.outcomes["year"].unique().sort().to_list() == list(range(2011, 2020))
    assert panel.providers["provider"].to_list()[:2] == ["S0001", "S0002"]
    assert panel.outcomes["pupils"].null_count() == 0
    share = panel.outcomes["score"].null_count() / panel.outcomes.height
    assert 0.004 < share < 0.018  # 1 % of 3,600, four standard errors either side
    assert not panel.outcomes["score"].is_nan().any()
    assert panel.truth is not None
    assert panel.truth["effect"].null_count() == 0


def test_memberships_are_sound(panel: Panel) -> None:
    m = panel.memberships
    assert set(m["kind"].unique()) == {"trust", "federation", "subject network"}
    assert m["from"].null_count() == 0
    assert m.filter(pl.col("to") <= pl.col("from")).height == 0
    assert m.filter(pl.col("to").is_not_null()).height > 0
    for kind, prefix in (("trust", "trust T"), ("federation", "federation F")):
        assert m.filter(pl.col("kind") == kind)["collaboration"].str.starts_with(prefix).all()
    # A school that moves between trusts is never in two of them at once, nor in none between.
    trust = m.filter(pl.col("kind") == "trust").sort("provider", "from")
    later = trust.with_columns(before=pl.col("to").shift(1).over("provider")).filter(
        pl.col("before").is_not_null()
    )
    assert later.height > 0
    assert (later["from"] - later["before"]).unique().to_list() == [dt.timedelta(days=1)]


def test_spells_equal_a_loop() -> None:
    rng = Streams(4).at("test").rng()
    held = rng.integers(-1, 3, (60, 8))
    held[0], held[1] = NONE, 2
    expected = []
    for i, row in enumerate(held.tolist()):
        t = 0
        while t < len(row):
            end = t
            while end < len(row) and row[end] == row[t]:
                end += 1
            if row[t] != NONE:
                expected.append((i, row[t], 2000 + t, NEVER if end == len(row) else 2000 + end))
            t = end
    got = list(zip(*(column.tolist() for column in spells(held, 2000)), strict=True))
    assert got == expected


@pytest.mark.parametrize(
    ("code", "day"),
    [(0, (2014, 9, 1)), (1, (2013, 12, 1)), (2, (2014, 1, 1)), (3, (2014, 4, 1))],
)
def test_a_beginning_falls_where_the_exposure_rule_puts_it(code: int, day: tuple[int, ...]) -> None:
    dates = begins(np.array([2015]), np.array([code]))
    assert dates.to_list() == [dt.date(*day)]
    assert first_year(dates, Exposure()).tolist() == [2015]


@pytest.mark.parametrize("arm", ["trust", "academy", "federation", "network"])
def test_the_crossing_finds_what_the_sector_did(panel: Panel, arm: str) -> None:
    state, history = run(SECTOR, Streams(7))
    study = sector_study().with_(hold=(), alongside=(), arm=arm, covariates=(), method=GroupTime())
    a = panel.arrays(study)
    assert a.provider.tolist() == [f"S{i:04d}" for i in range(1, 401)]
    years = list(history)
    first = {
        "trust": state["joined"],
        "academy": state["academy"],
        "federation": _first(np.stack([h["federation"] for h in history.values()]) != NONE, years),
        "network": _first(
            (np.stack([h["networks"] for h in history.values()]) != NONE).any(axis=2), years
        ),
    }[arm]
    assert np.array_equal(a.cohort, np.clip(first - 2011, 0, 9))
    if arm == "trust":
        effect = np.stack([history[y]["effect"] for y in range(2011, 2020)], axis=1)
        assert a.truth is not None
        assert np.array_equal(a.truth, effect)


def _first(on: np.ndarray, years: list[int]) -> np.ndarray:
    return np.where(on.any(axis=0), np.array(years)[on.argmax(axis=0)], NEVER)


def test_names_do_not_depend_on_how_many_there_are() -> None:
    few = simulate(SchoolSector(providers=3), Streams(1)).providers["provider"].to_list()
    many = simulate(SchoolSector(providers=10_001), Streams(1)).providers["provider"]
    assert few == many.to_list()[:3]
    assert many.n_unique() == 10_001
    assert many.to_list()[-1] == "S10001"


def test_the_source_names_sector_and_seed(panel: Panel) -> None:
    (source,) = panel.sources
    assert source.role == "simulated"
    assert source.name == "embedded sector, seed 7"
    assert source.rows == 3_600
    assert source.digest == SECTOR.digest(Streams(7))
    assert simulate(SECTOR, Streams(7)).digest == panel.digest
    assert simulate(SECTOR, Streams(8)).digest != panel.digest


def test_a_sector_of_one_school() -> None:
    panel = simulate(SchoolSector(providers=1, areas=1), Streams(1))
    assert panel.outcomes.height == 9
    assert panel.providers["rivals"].to_list() == [0.0]


def test_arm_kinds_match_the_question(panel: Panel) -> None:
    arms = sector_study().arms
    kinds = {k for arm in arms.values() for k in arm.kinds}
    assert kinds == set(panel.memberships["kind"].unique())
    assert arms["academy"] == Arm(status="academy", label="academy status")
