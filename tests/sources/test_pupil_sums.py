"""Sums per provider: exact, safe to release, bounded in memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.statistics import from_rows
from consortia.sources.pupil_sums import (
    pupil_sums,
    read_pupil_sums,
    statistics,
    write_pupil_sums,
)


def pupils(n: int = 4_000, schools: int = 40, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    school = rng.integers(0, schools, n)
    year = 2020 + rng.integers(0, 3, n)
    prior = 100 + 15 * rng.standard_normal(n)
    fsm = (rng.random(n) < 0.3).astype(np.int8)
    effect = 3 * rng.standard_normal(schools)
    score = 50 + 0.5 * prior - 4 * fsm + effect[school] + 9 * rng.standard_normal(n)
    return pl.DataFrame(
        {
            "school": [f"S{s:03}" for s in school], "year": year, "prior": prior, "fsm": fsm,
            "score": score, "w": rng.uniform(0.5, 2, n),
        }
    )  # fmt: skip


@pytest.mark.parametrize("weight", ["", "w"])
def test_a_fit_from_sums_is_the_fit_from_rows(weight) -> None:
    frame = pupils()
    sums = pupil_sums(
        frame, by=("school", "year"), outcome="score", columns=("prior", "fsm"), weight=weight,
        minimum=1, minimum_cell=1,
    )  # fmt: skip
    made, names = statistics(sums, random={"school": ("prior",)})
    assert sums.groups_suppressed == 0
    assert len(names["school"]) == 40
    place = {s: k for k, s in enumerate(names["school"])}
    code = np.array([place[s] for s in frame["school"].to_list()])
    prior = frame["prior"].to_numpy()
    rows = from_rows(
        np.column_stack([np.ones(frame.height), prior, frame["fsm"].to_numpy()]),
        frame["score"].to_numpy(), {"school": code, "year": frame["year"].to_numpy() - 2020},
        fixed=("1", "prior", "fsm"), random={"school": {"prior": prior}},
        weights=frame[weight].to_numpy() if weight else None,
    )  # fmt: skip
    for terms in (
        (Term(name="school", by="school"), Term(name="year", by="year")),
        (Term(name="school", by="school", columns=("1", "prior")),),
    ):
        a, b = fit(made, terms), fit(rows, terms)
        assert a.criterion == pytest.approx(b.criterion, abs=1e-6)
        np.testing.assert_allclose(a.beta, b.beta, rtol=1e-5)
        np.testing.assert_allclose(a.se[1:], b.se[1:], rtol=1e-4)


@pytest.mark.parametrize("name", ["sums.parquet", "sums.json"])
def test_a_file_brings_back_what_was_written(tmp_path: Path, name) -> None:
    sums = pupil_sums(pupils(), by=("school",), outcome="score", columns=("prior", "fsm"))
    write_pupil_sums(sums, tmp_path / name)
    again = read_pupil_sums(tmp_path / name)
    assert again.frame.equals(sums.frame) or again.frame.to_dict(
        as_series=False
    ) == sums.frame.to_dict(as_series=False)
    for field in ("by", "columns", "outcome", "shift", "minimum", "groups_suppressed"):
        assert getattr(again, field) == getattr(sums, field)


def test_small_groups_and_small_cells_are_left_out_and_counted() -> None:
    frame = pl.DataFrame(
        {
            "school": ["big"] * 20 + ["few"] * 9 + ["one"] * 20 + ["all"] * 20,
            "fsm": [1] * 10 + [0] * 10 + [0] * 9 + [1] + [0] * 19 + [0] * 20,
            "score": np.arange(69.0),
        }
    )
    sums = pupil_sums(frame, by=("school",), outcome="score", columns=("fsm",))
    assert sums.frame["school"].to_list() == ["all", "big"]
    assert sums.groups_suppressed == 2
    assert sums.small_cells == 1
    assert sums.rows_suppressed == 29
    assert sums.frame["1*fsm"].to_list() == [0.0, 10.0]


def test_a_file_holds_no_row_and_no_suppressed_group(tmp_path: Path) -> None:
    frame = pupils(500, schools=60)
    sums = pupil_sums(frame, by=("school",), outcome="score", columns=("prior",))
    write_pupil_sums(sums, tmp_path / "sums.json")
    text = (tmp_path / "sums.json").read_text(encoding="utf-8")
    gone = set(frame["school"].to_list()) - set(sums.frame["school"].to_list())
    assert gone
    assert not any(g in text for g in gone)
    assert sums.frame["rows"].min() >= 10
    assert sums.frame["rows"].sum() + sums.rows_suppressed == 500


def test_incomplete_rows_are_counted() -> None:
    frame = pupils(400, schools=4).with_columns(
        pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise(pl.col("prior")).alias("prior"),
        pl.when(pl.int_range(pl.len()) == 9).then(np.nan).otherwise(pl.col("score")).alias("score"),
    )
    sums = pupil_sums(frame, by=("school",), outcome="score", columns=("prior",))
    assert sums.rows_incomplete == 8
    assert sums.frame["rows"].sum() == 392


def test_wrong_columns_and_files_are_named_all_at_once(tmp_path: Path) -> None:
    frame = pupils(100).with_columns(pl.lit("a").alias("text"))
    with pytest.raises(DataInvalid) as caught:
        pupil_sums(frame, by=("shool",), outcome="score", columns=("text", "prior"))
    assert len(caught.value.problems) == 2
    assert "school" in str(caught.value)
    with pytest.raises(DataInvalid, match="large enough"):
        pupil_sums(frame, by=("school",), outcome="score", columns=("prior",), minimum=1000)
    (tmp_path / "x.json").write_text(json.dumps({"a": 1}), encoding="utf-8")
    for name in ("x.json", "none.parquet"):
        with pytest.raises(DataInvalid, match="not a file of pupil sums"):
            read_pupil_sums(tmp_path / name)


def test_parquet_is_read_out_of_core(tmp_path: Path) -> None:
    frame = pupils(3_000)
    for k in range(3):
        frame.slice(k * 1000, 1000).write_parquet(tmp_path / f"part{k}.parquet")
    whole = pupil_sums(frame, by=("school",), outcome="score", columns=("prior", "fsm"))
    parts = pupil_sums(
        tmp_path / "*.parquet", by=("school",), outcome="score", columns=("prior", "fsm"),
        shift=whole.shift,
    )  # fmt: skip
    for c in whole.frame.columns[1:]:
        np.testing.assert_allclose(parts.frame[c].to_numpy(), whole.frame[c].to_numpy(), rtol=1e-9)
