"""Numbers of base R and ``sandwich``, made by scripts/witness/two_way.R and group_time.R on data
from formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from consortia.estimators.estimate import estimate
from consortia.panel import Arrays
from consortia.specs import Arm, GroupTime, Inference, Outcome, TwoWay
from consortia.study import Study


def make(Y, W, w, cohort, *, X=None, Z=None, incidence=None) -> Arrays:
    n, T = Y.shape
    X = np.empty((n, 0)) if X is None else X
    Z = np.empty((n, T, 0)) if Z is None else Z
    eye = sparse.csr_array(sparse.identity(n, format="csr"))
    return Arrays(
        provider=np.arange(n).astype(np.str_),
        years=np.arange(1, T + 1),
        Y=Y,
        W=W,
        w=w,
        cohort=cohort,
        D=np.arange(T) >= cohort[:, None],
        X=X,
        Z=Z,
        X_names=tuple("x" * X.shape[1]),
        Z_names=tuple("z" * Z.shape[2]),
        hold=(),
        alongside=(),
        stratum=np.zeros(n, dtype=np.int64),
        stratum_names=("all",),
        incidence=eye if incidence is None else incidence,
        cluster_name="provider",
        flow=(),
        cautions=(),
    )


def cells(*labels: np.ndarray) -> Arrays:
    """24 providers, 5 years, gaps, weights by year, a covariate by year."""
    i, t = np.arange(1, 25)[:, None], np.arange(1, 6)[None, :]
    there = (i * t) % 11 != 0
    Y = np.where(there, np.sin(3 * i + 2 * t) + 0.1 * t * (i % 7), np.nan)
    W = np.where(there, 1.0 + i % 5 + t % 3, 0.0)
    cohort = np.minimum(1 + i[:, 0] % 5, 5).astype(np.int64)
    blocks = [
        sparse.csr_array((np.ones(24), (np.arange(24), label)), shape=(24, int(label.max()) + 1))
        for label in labels
    ]
    incidence = sparse.csr_array(sparse.hstack(blocks, format="csr")) if blocks else None
    Z = np.cos(i * t)[:, :, None]
    return make(Y, W, W.mean(axis=1), cohort, Z=Z, incidence=incidence)


def study(method) -> Study:
    return Study(
        question="Did joining help?",
        outcome="y",
        arm="trust",
        outcomes={"y": Outcome()},
        arms={"trust": Arm(kinds=("trust",))},
        method=method,
        inference=Inference(draws=0, small_sample="none"),
    )


I = np.arange(1, 25)


@pytest.mark.parametrize(
    ("labels", "se"),
    [
        ((), 0.267228473481917),
        ((I % 6,), 0.324597884109243),
        ((I % 6, I // 4), 0.286394960583742),
    ],
    ids=["provider", "one label", "two labels"],
)
def test_two_way_and_its_clusters(labels, se) -> None:
    row = estimate(cells(*labels), study(TwoWay()), np.random.default_rng(0)).row()
    assert row["estimate"] == pytest.approx(-0.13951815660973, abs=1e-12)
    assert row["std_error"] == pytest.approx(se, abs=1e-12)


def test_doubly_robust_cell() -> None:
    i, t = np.arange(1, 61)[:, None], np.arange(1, 5)[None, :]
    x = np.sin(i)
    cohort = np.where((i[:, 0] * i[:, 0]) % 7 < 3, 2, 4).astype(np.int64)
    Y = np.cos(2 * i + 3 * t) + 0.5 * x * t + 0.2 * (t >= cohort[:, None] + 1)
    w = 1.0 + i[:, 0] % 4
    a = make(Y, np.repeat(w[:, None], 4, axis=1), w, cohort, X=x)
    e = estimate(a, study(GroupTime()), np.random.default_rng(0)).effects
    row = e.filter((e["estimand"] == "att(g,t)") & (e["year"] == 4)).row(0, named=True)
    assert row["estimate"] == pytest.approx(0.154136548924737, abs=1e-12)
    assert row["std_error"] == pytest.approx(0.0604620201080335, abs=1e-10)
