"""What the data can tell apart, counted by hand and against the estimator itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consortia.estimators import regime_did
from consortia.estimators.adjustment import overlap
from consortia.estimators.identification import identify, inflations
from consortia.panel import Held
from consortia.specs import RegimeDid


def held(on: np.ndarray) -> Held:
    T = on.shape[1]
    cohort = np.where(on.any(axis=1), on.argmax(axis=1), T)
    return Held(name="academy", label="academy status", cohort=cohort, on=on)


@pytest.fixture
def arrays(arrays_of):
    """Ten joiners in 2003: 6 take academy status on the day, 3 had it, 1 joins without; 8 never
    join: 4 with it, 4 without, one of which takes it in 2003."""
    cohort = np.repeat([2, 4], [10, 8])
    on = np.zeros((18, 4), dtype=bool)
    on[:6, 2:] = True
    on[6:9] = True
    on[10:14] = True
    on[14, 2:] = True
    Y = np.random.default_rng(1).normal(size=(18, 4))
    names = ("without academy status", "with academy status")
    a = arrays_of(Y, cohort, hold=(held(on),))
    return replace(a, regime=on.astype(np.int64), regime_names=names)


def test_counts_by_hand(arrays, study_of) -> None:
    found = identify(arrays, RegimeDid(), study_of(RegimeDid()), price=2.5)
    assert (found.joiners, found.identified) == (10, 4)
    assert found.share == pytest.approx(0.4)
    rows = {r["regime"]: r for r in found.table.iter_rows(named=True)}
    out = rows["without academy status"]
    assert (out["joiners"], out["keep"], out["compared"], out["comparison"]) == (7, 1, 1, 3)
    inside = rows["with academy status"]
    assert (inside["joiners"], inside["keep"], inside["compared"], inside["comparison"]) == (
        3, 3, 3, 4,
    )  # fmt: skip
    assert inside["years"] == 2
    assert inside["overlap"] is None
    assert "4 of 10 joiners (40%)" in found.sentence
    assert "2.5 times the standard error" in found.sentence
    assert "3 with academy status and 1 without academy status" in found.speaks_for
    assert found.silent_on.startswith("It says nothing about 6 without academy status")


def test_counts_are_those_of_the_estimator(arrays, study_of) -> None:
    found = identify(arrays, RegimeDid(), study_of(RegimeDid()))
    fit = regime_did.fit(arrays, RegimeDid(), study_of(RegimeDid()), np.random.default_rng(0))
    assert found.identified == fit.n_treated[fit.headline]
    assert found.table["comparison"].sum() == fit.n_control[fit.headline]


def test_nobody_outside_and_nobody_left_are_told_apart(arrays, study_of) -> None:
    gone = arrays.take(~((arrays.cohort == 4) & (arrays.regime[:, 0] == 1)))
    found = identify(gone, RegimeDid(), study_of(RegimeDid()))
    why = {r["regime"]: r["why"] for r in found.table.iter_rows(named=True)}
    assert why["with academy status"] == "nobody outside holds the same all along"
    same_day = arrays.take((arrays.cohort == 4) | (np.arange(18) < 6))
    found = identify(same_day, RegimeDid(), study_of(RegimeDid()))
    assert found.identified == 0
    assert found.table["why"].to_list() == [
        "academy status changed for every one of them by the year of joining"
    ]
    assert found.sentence.startswith("None of the 6 joiners tells")
    assert found.speaks_for == ""


def test_inflation_is_that_of_a_regression_on_dummies(arrays) -> None:
    value, correlations = inflations(arrays)
    n, T = arrays.Y.shape
    fixed = np.column_stack(
        [np.kron(np.eye(n), np.ones((T, 1))), np.kron(np.ones((n, 1)), np.eye(T))]
    )

    def rest(x: np.ndarray) -> np.ndarray:
        x = x.ravel().astype(float)
        return x - fixed @ np.linalg.lstsq(fixed, x, rcond=None)[0]

    d, h = rest(arrays.D), rest(arrays.hold[0].on)
    r = d @ h / np.sqrt((d @ d) * (h @ h))
    assert correlations == pytest.approx([r])
    assert value == pytest.approx(1 / (1 - r**2))
    always = replace(arrays, hold=(held(arrays.D),))
    assert inflations(always)[0] == np.inf


def test_overlap_is_the_share_within_the_range_of_the_comparison(arrays, study_of) -> None:
    D = np.array([True, True, True, False, False, False, False])
    x = np.array([0.0, 1.0, 9.0, -1.0, 2.0, 3.0, 0.5])
    assert overlap(D, np.ones(7), np.column_stack([np.ones(7), x])) == pytest.approx(2 / 3)
    X = np.random.default_rng(3).normal(size=(18, 1))
    found = identify(replace(arrays, X=X, X_names=("x",)), RegimeDid(), study_of(RegimeDid()))
    assert found.table["overlap"].drop_nulls().is_between(0, 1).all()
    assert found.table["overlap"].drop_nulls().len() >= 1


def test_a_cohort_without_a_year_before_is_named(arrays_of, study_of) -> None:
    cohort = np.repeat([1, 2, 4], [3, 3, 6])
    a = arrays_of(np.random.default_rng(0).normal(size=(12, 4)), cohort)
    spec = RegimeDid(anticipation=1)
    found = identify(a, spec, study_of(spec))
    assert found.table.filter(found.table["cohort"] == 2002)["why"].to_list() == [
        "no year before joining to compare with"
    ]
    assert found.identified == 3


def test_nobody_outside_is_not_the_same_as_one_number(arrays, study_of) -> None:
    lone = arrays.take((arrays.cohort == 2) & (np.arange(18) >= 6))
    found = identify(lone, RegimeDid(), study_of(RegimeDid(), comparison="not-yet"))
    assert found.identified == 0
    assert "nobody outside holds the same" in found.sentence
    assert "single number" not in found.sentence


def test_an_arm_that_all_or_none_hold_is_nothing_to_tell_apart(arrays, study_of) -> None:
    for on in (np.ones((18, 4), dtype=bool), np.zeros((18, 4), dtype=bool)):
        idle = replace(arrays, hold=(held(on),), regime=on.astype(np.int64) * 0)
        said = identify(idle, RegimeDid(), study_of(RegimeDid())).sentence
        assert "Academy status is the same for all providers" in said
    said = identify(arrays, RegimeDid(), study_of(RegimeDid())).sentence
    assert "the same for all providers" not in said


def test_dozens_of_groups_are_not_all_told(arrays_of, study_of) -> None:
    units = np.repeat(np.arange(12), 3)[:, None] * np.ones((1, 4), dtype=np.int64)
    cohort = np.tile([2, 2, 4], 12)
    many = replace(
        arrays_of(np.random.default_rng(2).normal(size=(36, 4)), cohort, hold=(held(units > 0),)),
        regime=units,
        regime_names=tuple(f"with size ({k})" for k in range(12)),
    )
    said = identify(many, RegimeDid(), study_of(RegimeDid())).speaks_for
    assert said.endswith("and 7 smaller groups.")
    assert said.count("with size") == 5
