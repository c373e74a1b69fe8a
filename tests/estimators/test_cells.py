"""What the two roads to ATT(g, t) hand over (consortia.estimators.by_moments and
consortia.estimators.by_cells)."""

from __future__ import annotations

import numpy as np

from consortia.estimators import by_cells, by_moments
from consortia.estimators.aggregation import summarise
from consortia.estimators.cells import CellFits, columns_for, unions
from consortia.estimators.design import design
from consortia.specs import GroupTime


def test_unions_and_counts() -> None:
    bits = np.packbits(np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1]], dtype=bool), axis=1)
    both = unions(bits, np.array([[True, True, False], [False, False, True], [False] * 3]))
    assert np.unpackbits(both, axis=1, count=3).tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
    fits = CellFits(
        att=np.array([1.0, np.nan, 2.0]),
        because=("", "lost", ""),
        caution=("", "", ""),
        treated=bits,
        control=bits,
        size=np.array([5, 7, 11]),
        share=np.zeros(2),
    )
    assert fits.counts()[0].tolist() == [5, 7, 16]
    # A row counts a unit once, and only in cells that are identified.
    assert fits.counts(np.array([[True, True, True], [False, True, False]]))[0].tolist() == [16, 0]


def test_columns_hold_only_the_cells_of_a_cohort() -> None:
    years = np.arange(2001, 2005)
    cohort = np.array([1, 1, 2, 4, 4, 4, 0])
    plan = design(years, np.array([1, 2, 4]), GroupTime(), "not-yet")
    room = columns_for(cohort, plan.cells, np.array([True] * 6 + [False]))
    assert set(room.rows) == {1, 2, 4}
    assert room.psi[4].shape == (3, 6 + 1)  # every cell but the two references, and the weight
    # Cohort 2003 has its own three, and stands by for 2002's joiners in 2002 alone.
    named = [(plan.cells[k].g, plan.cells[k].t) for k in room.which[2]]
    assert named == [(1, 1), (2, 0), (2, 2), (2, 3)]


def test_both_roads_agree_on_a_balanced_panel(rng) -> None:
    n, T = 60, 5
    years = np.arange(2001, 2001 + T)
    cohort = rng.choice([1, 2, 3, T], n)
    Y, w = rng.normal(size=(n, T)), rng.uniform(1, 3, n)
    nothing = np.zeros(n, dtype=np.int64)
    for comparison in ("never", "not-yet"):
        plan = design(years, np.unique(cohort), GroupTime(), comparison)
        fast, B, path, of_cohort, M = by_moments.fit_cells(
            Y, w, cohort, nothing, plan.cells, np.array([0])
        )
        slow, columns = by_cells.fit_cells(
            Y, w, cohort, nothing, np.empty((n, 0)), np.empty((n, T, 0)), plan.cells, "regression"
        )
        np.testing.assert_allclose(fast.att, slow.att, atol=1e-12)
        np.testing.assert_allclose(fast.share, slow.share, atol=1e-12)
        summary = summarise(plan.cells, fast.att, fast.share, years)
        one = by_moments.influence(Y, w, fast, B, path, of_cohort, M, summary)
        two = columns.join(summary, len(plan.cells))
        np.testing.assert_allclose(one.dense(), two.dense(), atol=1e-12)
        np.testing.assert_allclose(one.gram(), two.gram(), atol=1e-12)
        assert fast.counts(summary.asked)[0].tolist() == slow.counts(summary.asked)[0].tolist()
        assert fast.counts(summary.asked)[1].tolist() == slow.counts(summary.asked)[1].tolist()
        assert (one.touched() == two.touched()).all()
