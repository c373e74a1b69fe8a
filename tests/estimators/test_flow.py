"""Every provider is counted once, at the first step that leaves it out."""

import numpy as np

from conftest import build_arrays
from consortia.estimators.flow import early, flow
from consortia.panel import FlowStep


def test_first_step_that_fits_counts_and_the_rest_is_compared() -> None:
    Y = np.arange(15.0).reshape(5, 3)
    Y[1, 2] = Y[4, :2] = np.nan
    arrays = build_arrays(Y, np.array([0, 1, 2, 3, 3]))
    gaps = np.isnan(Y).any(axis=1)
    nobody = np.zeros(5, dtype=bool)
    steps = flow(
        arrays,
        (
            early(arrays),
            ("nobody", nobody, "never told"),
            ("not compared", arrays.cohort < 2, "seen too little"),
            ("with gaps", gaps, "a year is missing"),
        ),
        "all the others",
    )
    told = [(s.step, s.providers, s.provider_years, s.kind) for s in steps]
    # The second provider also has gaps, and is counted where it falls out first.
    assert told == [
        ("already joined before the first year", 1, 3, "drop"),
        ("not compared", 1, 2, "drop"),
        ("with gaps", 1, 1, "drop"),
        ("compared", 2, 6, "end"),
    ]
    assert steps[-1].why == "all the others"


def test_which_cells_count_can_be_said() -> None:
    arrays = build_arrays(np.ones((2, 3)), np.array([1, 3]))
    seen = np.array([[True, False, False], [True, True, False]])
    assert flow(arrays, (), "both", seen=seen) == (
        FlowStep(step="compared", providers=2, provider_years=3, why="both", kind="end"),
    )
