"""CR2 and Satterthwaite degrees of freedom: R's clubSandwich, and formulas on dense matrices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_within import dense, panel

from consortia.maths.cr2 import cr2
from consortia.maths.within import within

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture(scope="module")
def small():
    frame = pl.read_csv(REFERENCE / "few_clusters.csv", null_values="NA")

    def wide(name: str) -> np.ndarray:
        values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return values.reshape(36, 4)

    return {name: wide(name) for name in ("y", "d", "z", "w", "cluster")}


@pytest.mark.parametrize("case", ["balanced", "gaps", "covariate", "weighted"])
def test_as_clubsandwich(small, case) -> None:
    """tests/reference/few_clusters.json, made by scripts/witness/few_clusters.R."""
    expected = json.loads((REFERENCE / "few_clusters.json").read_text())[case]
    W = np.isfinite(small["y"]).astype(float)
    if case == "balanced":
        W *= np.isfinite(small["y"]).all(axis=1)[:, None]
    if case == "weighted":
        W *= small["w"]
    X = small["d"][:, :, None]
    if case == "covariate":
        X = np.stack([small["z"], small["d"]], axis=2)
    fit = within(small["y"], W, X)
    found = cr2(fit, small["cluster"][:, 0].astype(np.int64), 8)
    assert fit.beta == pytest.approx(expected["estimate"], rel=1e-10)
    assert found.std_error == pytest.approx(expected["std_error"], rel=1e-10)
    assert found.dof == pytest.approx(expected["dof"], rel=1e-10)
    assert found.clusters == 8


def brute(Y, W, X, label):
    cells, y, w, i = dense(Y, W, X)
    p = X.shape[2]
    root = np.sqrt(w)
    U, y = root[:, None] * cells, root * y
    pinv = np.linalg.pinv(U)
    H = U @ pinv
    e = y - H @ y
    own = label[i]
    left = np.eye(y.size) - H
    P, total = [], 0.0
    for g in np.unique(own):
        at = own == g
        values, vectors = np.linalg.eigh(left[np.ix_(at, at)])
        keep = values > 1e-9
        A = (vectors[:, keep] / np.sqrt(values[keep])) @ vectors[:, keep].T
        a = A @ pinv[p - 1, at]
        total += (a @ e[at]) ** 2
        P.append(left[at].T @ a)
    G = np.array(P) @ np.array(P).T
    # Effective number of clusters by the definition, errors independent.
    others = np.delete(U, p - 1, axis=1)
    x = U[:, p - 1] - others @ np.linalg.pinv(others) @ U[:, p - 1]
    gamma = np.array([(x[own == g] ** 2).sum() for g in np.unique(own)])
    effective = gamma.size / (1 + np.mean((gamma / gamma.mean() - 1) ** 2))
    return np.sqrt(total), np.trace(G) ** 2 / (G * G).sum(), effective


@given(seed=st.integers(0, 10_000), p=st.integers(1, 2), C=st.integers(3, 24))
@settings(max_examples=25)
def test_as_dense_matrices(seed, p, C) -> None:
    Y, W, X = panel(seed, p=p)
    label = np.random.default_rng(seed).integers(0, C, 24)
    fit = within(Y, W, X)
    assume(fit is not None)
    found = cr2(fit, label, C)
    se, dof, effective = brute(Y, W, X, label)
    assert found.std_error == pytest.approx(se, rel=1e-6)
    assert found.dof == pytest.approx(dof, rel=1e-6)
    assert found.effective == pytest.approx(effective, rel=1e-8)
