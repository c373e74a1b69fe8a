"""Arrays built by hand, and group-time effects by loops over providers: plain definitions only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from consortia.panel import Arrays, Held
from consortia.specs import Arm, GroupTime, Inference, Outcome
from consortia.study import Study


def build_arrays(
    Y: np.ndarray,
    cohort: np.ndarray,
    *,
    years: np.ndarray | None = None,
    w: np.ndarray | None = None,
    W: np.ndarray | None = None,
    X: np.ndarray | None = None,
    Z: np.ndarray | None = None,
    hold: tuple[Held, ...] = (),
    stratum: np.ndarray | None = None,
    incidence: sparse.csr_array | None = None,
    cluster_name: str = "provider",
    truth: np.ndarray | None = None,
) -> Arrays:
    n, T = Y.shape
    w = np.ones(n) if w is None else w
    W = np.broadcast_to(w[:, None], Y.shape) if W is None else W
    cohort = np.asarray(cohort, dtype=np.int64)
    stratum = np.zeros(n, dtype=np.int64) if stratum is None else stratum.astype(np.int64)
    X = np.empty((n, 0)) if X is None else X
    Z = np.empty((n, T, 0)) if Z is None else Z
    return Arrays(
        provider=np.array([f"p{i}" for i in range(n)]),
        years=np.arange(2001, 2001 + T) if years is None else years,
        Y=Y,
        W=np.where(np.isfinite(Y), W, 0.0),
        w=w,
        cohort=cohort,
        D=np.arange(T)[None, :] >= cohort[:, None],
        X=X,
        Z=Z,
        X_names=tuple(f"x{j}" for j in range(X.shape[1])),
        Z_names=tuple(f"z{j}" for j in range(Z.shape[2])),
        hold=hold,
        alongside=(),
        stratum=stratum,
        stratum_names=tuple(f"s{s}" for s in range(int(stratum.max()) + 1)),
        incidence=sparse.csr_array(sparse.identity(n, format="csr"))
        if incidence is None
        else incidence,
        cluster_name=cluster_name,
        flow=(),
        cautions=(),
        truth=truth,
    )


def build_study(method: Any = None, inference: Inference | None = None, **changes: Any) -> Study:
    return Study(
        question="Did joining help?",
        outcome="score",
        arm="trust",
        outcomes={"score": Outcome()},
        arms={"trust": Arm(kinds=("trust",)), "academy": Arm(status="academy")},
        method=GroupTime() if method is None else method,
        inference=inference or Inference(draws=0, small_sample="none"),
        **changes,
    )


def logit(D: np.ndarray, w: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Fitted odds by Newton's method from zero, on the raw covariates."""
    beta = np.zeros(X.shape[1])
    for _ in range(200):
        p = 1 / (1 + np.exp(-X @ beta))
        H = (X.T * (w * p * (1 - p))) @ X
        step = np.linalg.solve(H, X.T @ (w * (D - p)))
        beta = beta + step
        if np.abs(step).max() < 1e-12:
            break
    return np.exp(X @ beta)


def brute_cell(
    a: Arrays, w: np.ndarray, spec: GroupTime, comparison: str, g: int, t: int
) -> tuple[float, set[int], set[int], bool]:
    """ATT(g, t), who is treated, who is compared with, and whether the cell is a reference."""
    years = a.years
    before = [s for s in range(a.T) if years[s] + spec.anticipation < years[g]]
    base = before[-1]
    if spec.base == "varying" and t < g:
        base = t - 1
    mine, theirs = [], []
    seen = np.isfinite(a.Y[:, t]) & np.isfinite(a.Y[:, base])
    seen &= np.isfinite(a.Z[:, base]).all(axis=1)
    for i in np.flatnonzero(seen).tolist():
        c = int(a.cohort[i])
        if c == g:
            mine.append(i)
        elif c == a.T or (
            comparison == "not-yet" and years[c] > years[max(t, base)] + spec.anticipation
        ):
            theirs.append(i)
    alike = {a.stratum[i] for i in mine} & {a.stratum[i] for i in theirs}
    mine = [i for i in mine if a.stratum[i] in alike]
    theirs = [i for i in theirs if a.stratum[i] in alike]
    if not mine or not theirs:
        return np.nan, set(), set(), t == base
    if t == base:
        return 0.0, set(mine), set(theirs), True
    rows = np.array(mine + theirs)
    D = np.array([1.0] * len(mine) + [0.0] * len(theirs))
    v = w[rows]
    change = a.Y[rows, t] - a.Y[rows, base]
    strata = sorted(alike)[1:]
    X = np.array(
        [[1.0, *(float(a.stratum[i] == s) for s in strata), *a.X[i], *a.Z[i, base]] for i in rows]
    )
    weight = np.where(D == 1, 0.0, v)
    fitted = np.zeros(rows.size)
    if spec.adjust != "weighting":
        root = np.sqrt(weight)
        fitted = X @ np.linalg.lstsq(root[:, None] * X, root * change, rcond=None)[0]
    if spec.adjust != "regression":
        weight = weight * logit(D, v, X)
    left = change - fitted
    att = np.average(left, weights=v * D) - np.average(left, weights=weight)
    return float(att), set(mine), set(theirs), False


def brute_force(
    a: Arrays, spec: GroupTime, comparison: str, w: np.ndarray | None = None
) -> dict[tuple[Any, ...], float]:
    """Every estimand by definition: {(estimand, cohort, year, event time): value}."""
    w = a.w if w is None else w
    T, years = a.T, a.years
    att: dict[tuple[int, int], float] = {}
    reference: set[tuple[int, int]] = set()
    used: dict[int, set[int]] = {}
    for g in sorted(set(a.cohort.tolist())):
        if not 0 < g < T or years[0] + spec.anticipation >= years[g]:
            continue
        used[g] = set()
        for t in range(T):
            if spec.base == "varying" and t == 0:
                continue
            value, mine, _, zero = brute_cell(a, w, spec, comparison, g, t)
            att[g, t] = value
            if zero:
                reference.add((g, t))
            elif np.isfinite(value):
                used[g] |= mine
    share = {g: sum(w[i] for i in used[g]) for g in used}

    def mean(pairs: list[tuple[int, int]], weights: str = "share") -> float:
        pairs = [p for p in pairs if np.isfinite(att[p]) and share[p[0]] > 0]
        if not pairs:
            return np.nan
        by = [share[g] if weights == "share" else 1.0 for g, _ in pairs]
        return float(np.average([att[p] for p in pairs], weights=by))

    out: dict[tuple[Any, ...], float] = {}
    for (g, t), value in att.items():
        out["att(g,t)", years[g], years[t], years[t] - years[g]] = value
    post = [p for p in att if p[1] >= p[0]]
    out["simple", None, None, None] = mean(post)
    by_group = {g: mean([p for p in post if p[0] == g], "even") for g in used}
    for g, value in by_group.items():
        out["group", years[g], None, None] = value
    found = [g for g in by_group if np.isfinite(by_group[g])]
    out["group-overall", None, None, None] = (
        np.average([by_group[g] for g in found], weights=[share[g] for g in found])
        if found
        else np.nan
    )
    by_year = {t: mean([p for p in post if p[1] == t]) for t in sorted({p[1] for p in post})}
    for t, value in by_year.items():
        out["calendar", None, years[t], None] = value
    out["calendar-overall", None, None, None] = _plain_mean(by_year.values())
    by_event: dict[int, float] = {}
    for e in sorted({int(years[t] - years[g]) for g, t in att}):
        here = [p for p in att if years[p[1]] - years[p[0]] == e]
        real = [p for p in here if p not in reference]
        by_event[e] = mean(real or here)
        out["dynamic", None, None, e] = by_event[e]
    out["dynamic-overall", None, None, None] = _plain_mean(
        [v for e, v in by_event.items() if e >= 0]
    )
    return out


def _plain_mean(values: Any) -> float:
    found = [v for v in values if np.isfinite(v)]
    return float(np.mean(found)) if found else np.nan


def weight_derivative(
    f: Callable[[np.ndarray], np.ndarray], w: np.ndarray, step: float = 1e-5
) -> np.ndarray:
    """w_i d theta / d w_i by central differences: the influence of each provider, by definition."""
    rows = []
    for i in range(w.size):
        up, down = w.copy(), w.copy()
        up[i] *= 1 + step
        down[i] *= 1 - step
        rows.append((f(up) - f(down)) / (2 * step))
    return np.array(rows)


@pytest.fixture(scope="session")
def arrays_of() -> Callable[..., Arrays]:
    return build_arrays


@pytest.fixture(scope="session")
def study_of() -> Callable[..., Study]:
    return build_study


@pytest.fixture(scope="session")
def brute() -> Callable[..., dict[tuple[Any, ...], float]]:
    return brute_force


@pytest.fixture(scope="session")
def influence_by_definition() -> Callable[..., np.ndarray]:
    return weight_derivative


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
