"""Published teaching sets, and lme4, lmerTest and pbkrtest.

The numbers of Exam were made with lme4 1.1-31 (random slope: also in the MLwiN tutorial, -2 log
likelihood 9357.2 and 9316.9); ScotsSec and Chem97 are read with R at test time. The overlapping
design is that of scripts/witness/mixed.py, its numbers from lme4 and pbkrtest 0.5.2, with rows of Z
replaced by membership weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.statistics import from_rows

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT.parent / "shared" / "data" / "golden" / "mlmRev_Exam.csv.gz"
sys.path.insert(0, str(ROOT / "scripts" / "witness"))
import mixed as witness  # noqa: E402


@pytest.fixture(scope="module")
def exam() -> pl.DataFrame:
    if not EXAM.is_file():
        pytest.skip("the Exam data are not beside the project")
    return pl.read_csv(EXAM)


def _exam(frame: pl.DataFrame, more: bool = False):
    lrt = frame["standLRT"].to_numpy()
    columns = [np.ones(frame.height), lrt]
    if more:
        columns += [
            (frame["sex"] == "M").to_numpy(),
            (frame["schgend"] == "boys").to_numpy(),
            (frame["schgend"] == "girls").to_numpy(),
        ]
    return from_rows(
        np.column_stack(columns).astype(float), frame["normexam"].to_numpy(),
        {"school": witness.codes(frame["school"])}, random={"school": {"lrt": lrt}},
    )  # fmt: skip


SCHOOL = (Term(name="school", by="school"),)


@pytest.mark.parametrize(
    ("reml", "criterion", "variances", "beta", "se"),
    [
        (True, 9368.765287, [0.0938390, 0.5658653], [0.0023228, 0.5633069], [0.0403544, 0.0124680]),
        (False, 9357.243201, [0.0921293, 0.565731], [0.0023908, 0.5633712], [0.0400227, 0.0124654]),
    ],
)  # fmt: skip
def test_exam_random_intercept(exam, reml, criterion, variances, beta, se) -> None:
    got = fit(_exam(exam), SCHOOL, reml=reml)
    assert got.criterion == pytest.approx(criterion, abs=1e-6)
    np.testing.assert_allclose(got.components, variances, atol=1e-7)
    np.testing.assert_allclose(got.beta, beta, atol=1e-7)
    np.testing.assert_allclose(got.se, se, atol=1e-7)


def test_exam_random_slope(exam) -> None:
    got = fit(_exam(exam), (Term(name="school", by="school", columns=("1", "lrt")),), reml=False)
    assert got.criterion == pytest.approx(9316.870965, abs=1e-6)
    # lme4 stops its search at four to five digits of a variance.
    np.testing.assert_allclose(
        got.components, [0.0904434, 0.0180403, 0.0145375, 0.5536571], rtol=2e-4
    )
    np.testing.assert_allclose(got.beta, [-0.0115052, 0.5567301], atol=1e-6)


def test_exam_degrees_of_freedom_of_schools(exam) -> None:
    got = fit(_exam(exam, more=True), SCHOOL)
    assert got.criterion == pytest.approx(9347.673462, abs=1e-6)
    np.testing.assert_allclose(got.components, [0.0858288, 0.5625339], atol=1e-7)
    found = contrast(small_sample(got), np.eye(5)[4], method="satterthwaite")
    assert found.estimate == pytest.approx(0.1589969, abs=1e-7)
    assert found.std_error == pytest.approx(0.0894031, abs=1e-7)
    assert found.df == pytest.approx(62.5238, abs=1e-4)


def test_overlapping_design_is_that_of_lme4_and_pbkrtest() -> None:
    pupils, _, W = witness.simulated()
    X = np.column_stack([np.ones(pupils.height), pupils["treat"], pupils["x"]])
    terms = (Term(name="school", by="s"), Term(name="network", by="s", members=W))
    made = from_rows(X, pupils["y"].to_numpy(), {"s": pupils["school"].to_numpy()})
    got = fit(made, terms)
    assert got.criterion == pytest.approx(1179.037947, abs=1e-6)
    np.testing.assert_allclose(
        got.components, [0.1496194088, 0.5038386121, 0.9664567494], rtol=2e-6
    )
    np.testing.assert_allclose(got.beta, [-0.01184043027, 0.07348378915, 0.4514385968], rtol=2e-6)
    small = small_sample(got)
    found = [contrast(small, np.eye(3)[j]) for j in range(3)]
    np.testing.assert_allclose(
        [t.std_error for t in found], [0.2692278939, 0.1972348486, 0.04972662693], rtol=1e-6
    )
    np.testing.assert_allclose(
        [t.df for t in found], [8.796722324, 34.83245463, 376.0157978], rtol=1e-6
    )
    assert contrast(small, np.eye(3)[1:]).df == pytest.approx(82.82855096, rel=1e-6)
    np.testing.assert_allclose(
        np.sqrt(np.diag(small.covariance("expected"))),
        [0.06543821799, 0.3065366237, 0.07209954251], rtol=2e-6,
    )  # fmt: skip
    again = from_rows(
        X, pupils["y"].to_numpy(), {"s": pupils["school"].to_numpy()},
        weights=pupils["w"].to_numpy(),
    )  # fmt: skip
    weighted = fit(again, terms)
    assert weighted.criterion == pytest.approx(1211.485008, abs=1e-6)
    np.testing.assert_allclose(
        weighted.components, [0.1536969399, 0.5446256953, 1.192875236], rtol=2e-6
    )


def test_employees_of_several_firms_are_those_of_lme4_and_pbkrtest() -> None:
    # In place of wage1, which cannot be had: memberships alone are random, one set for each row.
    d, _, W = witness.staff()
    X = np.column_stack([np.ones(d.height), d["age"], d["sex"], d["part"]])
    made = from_rows(X, d["y"].to_numpy(), {"person": np.arange(d.height)})
    got = fit(made, (Term(name="firm", by="person", members=W),))
    assert got.criterion == pytest.approx(1652.467117, abs=1e-6)
    np.testing.assert_allclose(got.components, [0.07478834, 0.26203375], rtol=1e-6)
    found = [contrast(small_sample(got), row) for row in np.eye(4)]
    np.testing.assert_allclose(
        [t.std_error for t in found],
        [0.03406042582, 0.001309007033, 0.03397211426, 0.04177228975], rtol=1e-7,
    )  # fmt: skip
    np.testing.assert_allclose(
        [t.df for t in found], [218.6262837, 942.4410061, 947.1328891, 946.0533343], rtol=1e-7
    )


def test_a_trial_of_22_schools_is_that_of_lmertest_and_pbkrtest() -> None:
    # In place of crtData, which cannot be had.
    d = witness.trial()
    X = np.column_stack([np.ones(d.height), d["treat"], d["pre"]])
    made = from_rows(X, d["y"].to_numpy(), {"s": d["school"].to_numpy()})
    got = fit(made, (Term(name="school", by="s"),))
    assert got.criterion == pytest.approx(1494.541136, abs=1e-6)
    small = small_sample(got)
    one = contrast(small, np.eye(3)[1])
    assert one.std_error == pytest.approx(1.276581406, rel=1e-7)
    assert one.df == pytest.approx(19.98091806, rel=1e-7)
    two = contrast(small, np.eye(3)[1], method="satterthwaite")
    assert two.df == pytest.approx(20.78866575, rel=1e-6)


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> tuple[dict, dict]:
    why = witness.ready()
    if why:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("witness")
    theirs = witness.run_r(folder)
    return theirs, witness.run_ours(folder)


@pytest.mark.slow
def test_everything_that_r_says_live(live) -> None:
    theirs, ours = live
    for name, value in theirs.items():
        limit = witness.TOLERANCE.get(name.split(".")[1], 1e-4)
        far = np.max(np.abs(ours[name] - value) / np.maximum(np.abs(value), 1e-3))
        assert far < limit, name


@pytest.mark.slow
def test_crossed_schools_and_areas_to_the_digits_published(live) -> None:
    _, ours = live
    assert ours["scots.criterion"][0] == pytest.approx(17127.91141, abs=1e-5)
    np.testing.assert_allclose(
        ours["scots.variances"], [1.1096294, 0.3696506, 8.0551122], rtol=5e-5
    )
    np.testing.assert_allclose(ours["scots.beta"], [5.2551549, 0.4985150], atol=1e-6)
    assert ours["scots.df"][1] == pytest.approx(3342.025, abs=1e-3)
    for name, criterion, variances, beta in (
        ("scots-mean", 17150.75891, [1.1300276, 0.3722108, 8.1106856], [5.5017284]),
        ("scots-ml", 17123.47076, [1.1043053, 0.3456884, 8.0534373], [5.2573737, 0.4986153]),
        (
            "scots-all", 14800.04843, [0.2172126, 0.0061458, 4.1903846],
            [5.7150926, 0.1563608, 0.1431754, 0.0283675],
        ),
    ):  # fmt: skip
        assert ours[f"{name}.criterion"][0] == pytest.approx(criterion, abs=1e-5)
        # lme4's variances are good to four or five digits only, a small one to fewer.
        np.testing.assert_allclose(ours[f"{name}.variances"], variances, rtol=2e-4, atol=1e-5)
        np.testing.assert_allclose(ours[f"{name}.beta"], beta, atol=1e-6)
    assert ours["scots-mean.se"][0] == pytest.approx(0.1786785, abs=1e-5)
    assert ours["scots-mean.df"][0] == pytest.approx(22.9216, abs=2e-3)
    assert ours["chem.criterion"][0] == pytest.approx(141696.9881, abs=1e-4)
    np.testing.assert_allclose(ours["chem.variances"], [1.1662023, 0.0147657, 5.1542015], rtol=1e-5)
    np.testing.assert_allclose(ours["chem.beta"], [5.6354543, 2.4725569], atol=1e-6)
