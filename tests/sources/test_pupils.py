"""A study of pupils: rows, sums of rows and the plain fit of all rows say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.estimators import mixed
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.statistics import from_rows
from consortia.sources import read_panel
from consortia.sources.pupil_sums import pupil_sums, write_pupil_sums
from consortia.sources.pupils import outcomes_of
from consortia.specs import Arm, DataSpec, Mixed, Outcome, TwoWay
from consortia.study import Study

SPEC = DataSpec(pupils="pupils.parquet", memberships="memberships.csv",
                pupil_columns=("score", "prior", "fsm"))  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    n, J = 3_000, 30
    school = rng.integers(0, J, n)
    year = 2017 + rng.integers(0, 3, n)
    prior = 100 + 15 * rng.standard_normal(n)
    fsm = (rng.random(n) < 0.3).astype(float)
    member = (school % 3 == 0) & (year >= 2018)
    score = 20 + 0.5 * prior - 4 * fsm + 2 * member + 3 * rng.standard_normal(J)[school]
    score = score + 9 * rng.standard_normal(n)
    frame = pl.DataFrame(
        {"provider": [f"0{s}" for s in school], "year": year, "score": score, "prior": prior,
         "fsm": fsm}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "pupils.parquet")
    frame.write_csv(tmp_path / "pupils.csv")
    lines = [f"0{s},T{s % 2},trust,2017-09-01" for s in range(0, J, 3)]
    (tmp_path / "memberships.csv").write_text(
        "\n".join(["provider,collaboration,kind,from", *lines]) + "\n", encoding="utf-8"
    )
    return tmp_path


def study(**more) -> Study:
    return Study(
        question="Did it help?", outcome="score", arm="trust", outcomes={"score": Outcome()},
        arms={"trust": Arm(kinds=("trust",))}, covariates=("prior", "fsm"),
        **({"method": Mixed(terms=("provider", "trust"))} | more),
    )  # fmt: skip


def test_the_fit_of_sums_is_the_fit_of_pupils(folder: Path) -> None:
    panel = read_panel(SPEC, folder)
    one = study()
    arrays = panel.arrays(one)
    got = mixed.fit(arrays, one.method, one, np.random.default_rng(1))
    rows = pl.read_parquet(folder / "pupils.parquet")
    code = {p: k for k, p in enumerate(arrays.provider)}
    school = np.array([code[p] for p in rows["provider"]])
    year = rows["year"].to_numpy()
    D = arrays.D[school, year - 2017].astype(float)
    X = np.column_stack(
        [np.ones(rows.height), year == 2018, year == 2019, rows["prior"], rows["fsm"], D]
    ).astype(float)
    trust = np.array([int(p) % 2 for p in rows["provider"]])
    member = D > 0
    from scipy import sparse

    levels = sparse.csr_array(
        (np.ones(member.sum()), (np.flatnonzero(member), trust[member])), shape=(rows.height, 2)
    )
    made = from_rows(X, rows["score"].to_numpy(), {"i": school, "row": np.arange(rows.height)})
    want = fit(made, (Term(name="i", by="i"), Term(name="t", by="row", members=levels)))
    assert got.theta[0] == pytest.approx(want.beta[-1], rel=1e-7)
    assert "3,000 pupils" in got.notes[0]


@pytest.mark.parametrize("name", ["pupils.csv", "sums.parquet", "sums.json"])
def test_rows_and_sums_in_any_form_are_the_same_panel(folder: Path, name: str) -> None:
    rows = pl.read_parquet(folder / "pupils.parquet")
    sums = pupil_sums(rows, by=("provider", "year"), outcome="score", columns=("prior", "fsm"),
                      minimum=1, minimum_cell=1)  # fmt: skip
    if name.startswith("sums"):
        write_pupil_sums(sums, folder / name)
    from dataclasses import replace

    a = read_panel(SPEC, folder)
    b = read_panel(replace(SPEC, pupils=name), folder)
    assert a.outcomes["provider"].to_list() == b.outcomes["provider"].to_list()
    for column in ("pupils", "score", "prior", "fsm"):
        assert b.outcomes[column].to_numpy() == pytest.approx(a.outcomes[column].to_numpy())
    assert a.sources[-1].role == "pupils"


def test_means_serve_the_other_methods(folder: Path) -> None:
    panel = read_panel(SPEC, folder)
    rows = pl.read_parquet(folder / "pupils.parquet")
    want = rows.group_by("provider", "year").agg(
        pl.len().alias("n"), pl.col("score").mean().alias("mean")
    ).sort("provider", "year")  # fmt: skip
    assert panel.pupils is not None
    got = outcomes_of(panel.pupils)
    assert got["pupils"].to_list() == want["n"].to_list()
    assert got["score"].to_numpy() == pytest.approx(want["mean"].to_numpy())
    arrays = panel.arrays(study(method=TwoWay(), checks=()))
    assert arrays.sums is None
    assert arrays.Z_names == ("prior", "fsm")


def test_small_groups_are_left_out_and_counted(folder: Path) -> None:
    from dataclasses import replace

    panel = read_panel(replace(SPEC, pupil_minimum=35), folder)
    told = {n.what: n.count for n in panel.notes}
    rows = pl.read_parquet(folder / "pupils.parquet").group_by("provider", "year").len()
    small = rows.filter(pl.col("len") < 35)
    assert told["groups by provider and year with too few pupils, left out"] == small.height > 0
    assert told["pupils of these groups, left out"] == small["len"].sum()


def test_what_is_wrong_is_told(folder: Path) -> None:
    from dataclasses import replace

    for spec, problem in (
        (replace(SPEC, pupils="pupil.parquet"), "does not exist"),
        (replace(SPEC, pupil_columns=("score", "prio")), "column not found"),
    ):
        with pytest.raises(DataInvalid, match=problem):
            read_panel(spec, folder)
