"""The specification curve: 200 specifications, 20 outcomes in 10 windows of years, two-way.

consortia starts from data frames and includes reading, the study's own answer and its report of the
check, without the joint test; pyfixest fits the same 200 coefficients from one long data frame,
either one call for each (as a user's loop does) or one call for each window with all outcomes.
What is compared are the 200 t-values, in the order of windows and outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from staggered import Staggered, long_frame, spell_frames, staggered

OUTCOMES = tuple(f"y{k:02}" for k in range(20))
WINDOWS = tuple(product((2010, 2011), range(2015, 2020)))
TITLES = {"curve": "Specification curve: 200 specifications, two-way with standard errors"}
NOTES = {
    "curve": "20 outcomes in 10 windows of years. consortia: from data frames of outcomes and "
    "dated membership spells, with the study's own answer and the check's finding (`draws = 0`). "
    "pyfixest: from one long data frame; *by window* gives all outcomes of a window to one call, "
    "which demeans the exposure once. The difference is the largest of the 200 t-values."
}
TASKS = ("curve",)
SIZES = ("1000", "20000")
WARM_UP = "200"
PACKAGES = {"pyfixest": "pyfixest", "pyfixest by window": "pyfixest"}


def outcomes_of(panel: Staggered) -> dict[str, np.ndarray]:
    """(n T,) each: the outcome of the panel with more noise of its own."""
    rng = np.random.default_rng([6, panel.first.size])
    flat = panel.Y.ravel()
    return {name: flat + rng.standard_normal(flat.size) for name in OUTCOMES}


def consortia(panel: Staggered) -> Callable[[], Any]:
    from consortia.evaluation import evaluate
    from consortia.sources import panel_from_frames
    from consortia.specs import Arm, Inference, Outcome, SpecificationCurve, TwoWay, Window
    from consortia.study import Study

    results, _, memberships = spell_frames(panel)
    results = results.drop(columns="y").assign(**outcomes_of(panel))
    curve = SpecificationCurve(
        outcomes=OUTCOMES, windows=tuple(Window(first=a, last=b) for a, b in WINDOWS), draws=0
    )
    study = Study(
        question="Does joining help?",
        outcome=OUTCOMES[0],
        arm="partnership",
        outcomes={name: Outcome(unit="points") for name in OUTCOMES},
        arms={"partnership": Arm(kinds=("partnership",))},
        method=TwoWay(),
        checks=(curve,),
        inference=Inference(draws=0),
    )
    return lambda: evaluate(study, panel_from_frames(results, memberships=memberships))


def _long(panel: Staggered) -> pd.DataFrame:
    return long_frame(panel).assign(**outcomes_of(panel))


def pyfixest_each(panel: Staggered) -> Callable[[], Any]:
    import pyfixest

    frame = _long(panel)

    def work() -> list[Any]:
        found: list[Any] = []
        for a, b in WINDOWS:
            part = frame[frame["year"].between(a, b)]
            for name in OUTCOMES:
                fit = pyfixest.feols(f"{name} ~ d | unit + year", part, vcov={"CRV1": "unit"})
                found.append(float(fit.tidy()["t value"].iloc[0]))
        return found

    return work


def pyfixest_window(panel: Staggered) -> Callable[[], Any]:
    import pyfixest

    frame = _long(panel)

    def work() -> list[Any]:
        found: list[Any] = []
        for a, b in WINDOWS:
            part = frame[frame["year"].between(a, b)]
            fits = pyfixest.feols(
                f"{' + '.join(OUTCOMES)} ~ d | unit + year", part, vcov={"CRV1": "unit"}
            )
            found += [float(f.tidy()["t value"].iloc[0]) for f in fits.to_list()]
        return found

    return work


MAKE: dict[str, Callable[[Staggered], Callable[[], Any]]] = {
    "consortia": consortia,
    "pyfixest": pyfixest_each,
    "pyfixest by window": pyfixest_window,
}
ROWS = tuple(MAKE)


def prepare(row: str, task: str, size: str) -> Callable[[], Any]:
    return MAKE[row](staggered(int(size)))


def read(row: str, result: Any) -> list[tuple[float]]:
    """The t-values by window and outcome."""
    if row != "consortia":
        return [(t,) for t in result]
    table = result.findings[0].table
    by = {
        (r["outcome"], r["window"]): r["estimate"] / r["std_error"]
        for r in table.iter_rows(named=True)
    }
    return [(by[name, f"{a} to {b}"],) for a, b in WINDOWS for name in OUTCOMES]
