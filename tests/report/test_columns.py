from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl

from consortia.report import document
from consortia.report.tables import clean, column_of
from consortia.results import Evaluation


def test_single_numbers_share_a_table_with_the_headline_kind_first(
    make: Callable[[str], Evaluation],
) -> None:
    made = document(make("plain"))
    first = made["effect_tables"][0]
    assert first["estimand"] == "averages"
    assert [made["effects"][i]["estimand"] for i in first["rows"]] == [
        "group-overall", "simple", "dynamic-overall", "calendar-overall",
    ]  # fmt: skip
    assert first["columns"][0]["name"] == "title"
    dynamic = made["effect_tables"][1]
    assert dynamic["columns"][0] == {
        "name": "event_time",
        "label": "Years since joining",
        "rule": "fixed:0",
    }
    assert "truth" not in [c["name"] for c in dynamic["columns"]], "no column without a value"
    assert dynamic["n_rows"] == len(dynamic["rows"]) == 8


def test_columns_that_are_not_known_are_written_by_their_type() -> None:
    rules = {"effect": "signed:2", "plain": "fixed:2", "sd": "signed:3"}
    assert column_of("std_error", rules, pl.Float64())["rule"] == "fixed:3"
    assert column_of("first_year", rules, pl.Int32()) == {
        "name": "first_year",
        "label": "First year",
        "rule": "year",
    }
    assert column_of("spells", rules, pl.Int64())["rule"] == "count"
    assert column_of("share", rules, pl.Float64())["rule"] == "general"
    assert column_of("why", rules, pl.String())["rule"] == "text"


def test_findings_keep_their_tables(make: Callable[[str], Evaluation]) -> None:
    _, placebo, flagged = document(make("plain"))["findings"]
    assert [c["name"] for c in placebo["columns"]] == [
        "estimate", "flag", "why", "weighted_share", "started",
    ]  # fmt: skip
    assert placebo["rows"] == [
        {
            "estimate": 0.0213,
            "flag": "yes",
            "why": "a reason",
            "weighted_share": 0.123456,
            "started": "2017-09-01",
        }
    ]
    assert flagged["rows"] == []
    assert flagged["verdict"] is False


def test_clean() -> None:
    assert clean(
        {
            "nan": np.nan,
            "inf": float("inf"),
            "i": np.int64(3),
            "f": np.float64(0.5),
            "b": np.bool_(True),
            "d": dt.date(2020, 1, 2),
            "s": pl.Series([1.0, None]),
            "a": np.array([1, 2]),
            "o": Ellipsis,
        }
    ) == {
        "nan": None,
        "inf": None,
        "i": 3,
        "f": 0.5,
        "b": True,
        "d": "2020-01-02",
        "s": [1.0, None],
        "a": [1, 2],
        "o": "Ellipsis",
    }
