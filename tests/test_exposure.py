"""The exposure rule, read off by hand and against a plain loop over dates."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortia.exposure import BEFORE, NEVER_YEAR, spans, spells_of
from consortia.specs import Arm, Exposure

SPELLS = {
    "provider": pl.String,
    "from": pl.Date,
    "to": pl.Date,
    "first_seen": pl.Date,
    "last_seen": pl.Date,
}


def one(*rows: tuple, rule: Exposure | None = None, providers: int = 1):
    frame = pl.DataFrame([("p0", *r) for r in rows], schema=SPELLS, orient="row")
    index = pl.DataFrame({"provider": [f"p{k}" for k in range(providers)]}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    return spans(frame, index, rule or Exposure())


def d(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("joined", "first"),
    [
        ("2016-09-30", 2017),  # on the cut-off: the results of summer 2017 are exposed
        ("2016-10-01", 2018),
        ("2016-09-01", 2017),
        ("2017-01-01", 2018),
        ("2017-08-31", 2018),
        ("2017-09-30", 2018),
    ],
)
def test_the_thirtieth_of_september_decides(joined: str, first: int) -> None:
    assert one((d(joined), None, None, None)).first[0] == first


def test_partial_years() -> None:
    row = (d("2016-11-01"), None, None, None)
    assert one(row).first[0] == 2018
    assert one(row, rule=Exposure(partial="exposed")).first[0] == 2017
    missing = one(row, rule=Exposure(partial="missing"))
    assert (missing.first[0], missing.partial[0]) == (2018, 2017)
    # In the first month the year is whole: nothing partial before it.
    whole = one((d("2016-09-15"), None, None, None), rule=Exposure(partial="missing"))
    assert (whole.first[0], whole.partial[0]) == (2017, NEVER_YEAR)
    assert (
        one((d("2016-09-15"), None, None, None), rule=Exposure(partial="exposed")).first[0] == 2017
    )


def test_first_join_over_several_spells_and_snapshots() -> None:
    found = one(
        (d("2018-09-01"), None, d("2022-07-01"), d("2022-07-01")),
        (d("2016-09-01"), None, d("2017-01-01"), d("2017-01-01")),
    )
    assert found.first[0] == 2017
    assert not found.unseen[0]
    lost = one(
        (d("2016-09-01"), None, d("2017-01-01"), d("2017-01-01")),
        providers=1,
    )
    assert not lost.unseen[0]  # the latest snapshot of the file is the one that shows it


def test_unknown_start() -> None:
    row = (None, None, d("2022-07-01"), d("2022-07-01"))
    assert one(row).first[0] == BEFORE
    assert one(row).unknown[0]
    assert one(row, rule=Exposure(unknown_from="first-seen")).first[0] == 2023
    assert one(row, rule=Exposure(unknown_from="ignore")).first[0] == NEVER_YEAR
    blank = (None, None, None, None)
    assert one(blank, rule=Exposure(unknown_from="first-seen")).first[0] == BEFORE


def test_leaving_needs_every_spell_to_end() -> None:
    a = (d("2014-09-01"), d("2016-07-31"), None, None)
    assert one(a).left[0] == 2017
    assert one(a, (d("2015-09-01"), None, None, None)).left[0] == NEVER_YEAR


def test_providers_without_a_spell() -> None:
    found = one((d("2016-09-01"), None, None, None), providers=3)
    assert found.first.tolist() == [2017, NEVER_YEAR, NEVER_YEAR]


def test_calendar_years() -> None:
    rule = Exposure(cutoff="03-31", year_starts="01-01", calendar_year=True)
    assert one((d("2016-03-31"), None, None, None), rule=rule).first[0] == 2016
    assert one((d("2016-04-01"), None, None, None), rule=rule).first[0] == 2017


@given(
    st.lists(st.dates(dt.date(2000, 1, 1), dt.date(2030, 12, 31)), min_size=1, max_size=4),
    st.sampled_from(["09-30", "10-15", "12-31"]),
)
def test_against_a_plain_loop(dates: list[dt.date], cutoff: str) -> None:
    rule = Exposure(cutoff=cutoff)
    month, date = int(cutoff[:2]), int(cutoff[3:])
    expected = next(
        y for y in range(1990, 2040) if any(f <= dt.date(y - 1, month, date) for f in dates)
    )
    assert one(*[(f, None, None, None) for f in dates], rule=rule).first[0] == expected


def test_spells_of_a_status() -> None:
    statuses = pl.DataFrame(
        {"provider": ["a", "b"], "status": ["academy", "other"], "since": [d("2016-09-01")] * 2},
        schema_overrides={"since": pl.Date},
    ).with_columns(until=pl.lit(None, dtype=pl.Date))
    found = spells_of(Arm(status="academy"), pl.DataFrame(), statuses)
    assert found["provider"].to_list() == ["a"]
    assert np.array_equal(found.columns, ["provider", "from", "to", "first_seen", "last_seen"])
