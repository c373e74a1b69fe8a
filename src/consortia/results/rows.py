"""Rows of the tables of methods and checks, and what a check is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.maths.permutation import PathSums
from consortia.panel import Arrays
from consortia.results.answer import Estimate, Finding, Fit
from consortia.structures import Belonging
from consortia.study import Study

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of METHODS. ``fit(arrays, spec, study, rng) -> Fit``. ``design``: what it can take out
    at best (DESIGN in sensitivity/strength.py).

    ``truth(arrays, spec, study, fit) -> (m,)``: the value each effect would take if the known
    effects of a simulated panel were all there is.
    """

    name: str
    fit: Callable[[Arrays, Any, Study, np.random.Generator], Fit]
    truth: Callable[[Arrays, Any, Study, Fit], Floats]
    answers: str
    assumes: str
    fails: str
    paper: str
    design: Literal[1, 2, 3, 4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a check may use: the arrays, the estimate in question, and a way to fit again.

    ``facts`` has the fixed facts of the providers, one row per row of ``arrays``.
    ``refit`` raises NotIdentified where nothing can be estimated; ``cross`` makes the arrays of
    another study of the same panel (another outcome, arm, window or rule of exposure), with the
    panel's own errors. ``belonging``: who is in which collaboration of the arm, None for a status.
    ``path_sums``: the headline of a study as sums by adoption path, so that permutations need no
    refitting; None where its method has no such form. ``trace``: the headline of a study and its
    influence (n,), None where the method has none; raises NotIdentified. ``influence`` (n,) of the
    headline; None where the method has none.
    """

    arrays: Arrays
    study: Study
    facts: pl.DataFrame
    estimate: Estimate
    refit: Callable[[Arrays, Study], Estimate]
    cross: Callable[[Study], Arrays]
    sd: float
    belonging: Belonging | None = None
    influence: Callable[[], Floats | None]
    path_sums: Callable[[Arrays, Study], PathSums | None] = lambda _arrays, _study: None
    trace: Callable[[Arrays, Study], tuple[float, Floats | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A row of CHECKS. ``run(trial, spec, rng) -> Finding``.

    ``settles``: what would settle it for good. ``failed``: why nothing may be put down to joining
    when the check fails; empty where failing lowers the strength of the evidence and no more.
    """

    name: str
    run: Callable[[Trial, Any, np.random.Generator], Finding]
    asks: str
    reads: str
    paper: str
    settles: str
    failed: str = ""
