"""The mixed model as a method: dense REML by brute force, lme4 where R is, two-way as limit."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, sparse

from consortia.errors import NotIdentified
from consortia.estimators import mixed, two_way
from consortia.estimators.estimate import estimate
from consortia.estimators.multilevel import design, main_only
from consortia.estimators.shares import shares
from consortia.panel import Grouping
from consortia.specs import Inference, Mixed, ShareTerms, TwoWay


def small(arrays_of, seed=3, n=24, T=4, gaps=0.1, K=5, weighted=True):
    """A panel in which providers belong to one or two of K collaborations, year by year."""
    rng = np.random.default_rng(seed)
    cohort = rng.integers(0, T + 2, n).clip(0, T)
    members = np.zeros((n * T, K))
    for i in range(n):
        mine = rng.choice(K, 1 + i % 2, replace=False)
        for t in range(int(cohort[i]), T):
            members[i * T + t, mine] = rng.uniform(0.5, 2, mine.size)
    shared = members / np.where(members.sum(1) > 0, members.sum(1), 1)[:, None]
    w = rng.uniform(10, 60, n) if weighted else np.ones(n)
    Y = rng.normal(size=n)[:, None] + (shared @ rng.normal(size=K)).reshape(n, T)
    Y = (
        Y
        + 0.4 * (np.arange(T) >= cohort[:, None])
        + rng.normal(size=(n, T)) * 4 / np.sqrt(w)[:, None]
    )
    Y[rng.random((n, T)) < gaps] = np.nan
    a = arrays_of(Y, cohort, w=w)
    group = Grouping(
        name="trust", label="a trust", kind="collaboration",
        levels=tuple(f"T{k}" for k in range(K)), members=sparse.csr_array(members),
    )  # fmt: skip
    return replace(a, groupings=(group,)), shared


def dense(a, shared, reml=True):
    """beta, standard error and variances (provider, trust, residual), the criterion maximised."""
    cells = np.flatnonzero(a.W.ravel() > 0)
    i, t = cells // a.T, cells % a.T
    y, w = a.Y.ravel()[cells], a.W.ravel()[cells]
    X = np.column_stack([np.eye(a.T)[t], a.D[i, t].astype(float)])
    Z = [np.eye(a.n)[i], shared[cells]]

    def parts(log):
        V = np.diag(np.exp(log[2]) / w) + sum(
            np.exp(v) * z @ z.T for v, z in zip(log, Z, strict=False)
        )
        Vi = np.linalg.inv(V)
        A = X.T @ Vi @ X
        beta = np.linalg.solve(A, X.T @ Vi @ y)
        r = y - X @ beta
        value = np.linalg.slogdet(V)[1] + r @ Vi @ r + reml * np.linalg.slogdet(A)[1]
        return value, beta, A

    best = optimize.minimize(
        lambda p: parts(p)[0], np.log([1.0, 1.0, 16.0]), method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )  # fmt: skip
    _, beta, A = parts(best.x)
    return beta[-1], np.sqrt(np.linalg.inv(A)[-1, -1]), np.exp(best.x)


@pytest.mark.parametrize("reml", [True, False])
def test_effect_error_and_variances_against_brute_force(arrays_of, study_of, rng, reml) -> None:
    a, shared = small(arrays_of)
    spec = Mixed(terms=("provider", "trust"), reml=reml, dof="normal")
    got = mixed.fit(a, spec, study_of(spec), rng)
    beta, se, variances = dense(a, shared, reml)
    assert got.theta[0] == pytest.approx(beta, abs=1e-5)
    assert np.sqrt(got.covariance[0, 0]) == pytest.approx(se, rel=1e-5)
    divided = shares(a, study_of(spec), rng)
    # The residual's is that of an average row: its precision is the mean weight.
    w = a.W[a.W > 0]
    per_row = np.append(variances[:2], variances[2] / w.mean())
    assert divided.parts["sd"].to_numpy() ** 2 == pytest.approx(per_row, rel=1e-4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_within_providers_is_two_way(arrays_of, study_of, rng, seed) -> None:
    """With provider means of exposure and years beside them, and providers alone at random, the
    effect is that of provider and year effects, whatever the variances (Mundlak 1978)."""
    a, _ = small(arrays_of, seed=seed, gaps=0.2)
    spec = Mixed(terms=("provider",), within_between=True)
    got = mixed.fit(a, spec, study_of(spec), rng)
    want = two_way.fit(a, TwoWay(), study_of(TwoWay()), rng)
    assert got.theta[0] == pytest.approx(want.theta[0], abs=1e-8)
    assert got.theta[1] - got.theta[0] == pytest.approx(got.theta[2])
    assert [k.estimand for k in got.keys] == ["mixed", "mixed-between", "mixed-difference"]
    plain = mixed.fit(a, Mixed(terms=("provider",)), study_of(), rng)
    assert plain.theta[0] != pytest.approx(want.theta[0], abs=1e-4)


def test_intervals_use_the_models_degrees_of_freedom(arrays_of, study_of, rng) -> None:
    a, _ = small(arrays_of)
    rows = {}
    for dof in ("kenward-roger", "satterthwaite", "normal"):
        spec = Mixed(terms=("provider", "trust"), dof=dof)
        rows[dof] = estimate(a, study_of(spec, Inference(draws=0)), rng)
    width = {k: e.row()["high"] - e.row()["low"] for k, e in rows.items()}
    assert width["kenward-roger"] > width["satterthwaite"] > width["normal"]
    assert rows["normal"].critical == pytest.approx(1.959963985)
    assert rows["normal"].dof == 0
    assert 2 < rows["kenward-roger"].dof < 80
    assert rows["kenward-roger"].n_clusters == 0
    assert "Kenward-Roger degrees of freedom" in rows["kenward-roger"].convention


LME4 = """
d <- read.csv(file("stdin")); suppressMessages({library(lme4); library(pbkrtest)})
d$y <- d$y; m <- lmer(y ~ factor(t) + x + (1 | i) + (1 | g), d, weights = w,
  control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12)))
u <- lmer(y ~ factor(t) + x + (1 | i) + (1 | g), d,
  control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12)))
L <- c(0, 0, 0, 0, 1)
cat(fixef(m)["x"], sqrt(vcov(m)["x", "x"]), fixef(u)["x"], sqrt((t(L) %*% vcovAdj(u) %*% L)[1]),
    get_Lb_ddf(u, L), sep = "\\n")
"""


def test_lme4_and_pbkrtest_say_the_same(arrays_of, study_of, rng) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")
    a, _ = small(arrays_of, seed=8, n=40, gaps=0.1, K=6)
    area = np.arange(40) % 7
    members = np.zeros((160, 7))
    members[np.arange(160), np.repeat(area, 4)] = 1
    a = replace(
        a, groupings=(Grouping(name="area", label="area", kind="label",
                               levels=tuple("abcdefg"), members=sparse.csr_array(members)),),
    )  # fmt: skip
    cells = np.flatnonzero(a.W.ravel() > 0)
    lines = ["y,x,t,i,g,w"] + [
        f"{a.Y.ravel()[c]!r},{int(a.D.ravel()[c])},{c % 4},{c // 4},{area[c // 4]},"
        f"{a.W.ravel()[c]!r}".replace("np.float64(", "").replace(")", "")
        for c in cells.tolist()
    ]  # fmt: skip
    done = subprocess.run(
        ["Rscript", "-e", LME4], input="\n".join(lines), text=True, capture_output=True, check=False
    )
    if done.returncode and "there is no package" in done.stderr:
        pytest.skip("R lacks lme4 or pbkrtest")
    assert done.returncode == 0, done.stderr
    weighted, w_se, plain, kr_se, kr_df = map(float, done.stdout.split())
    spec = Mixed(terms=("provider", "area"), dof="normal")
    got = mixed.fit(a, spec, study_of(spec), rng)
    assert got.theta[0] == pytest.approx(weighted, rel=1e-4)
    assert np.sqrt(got.covariance[0, 0]) == pytest.approx(w_se, rel=1e-4)
    flat = replace(a, W=(a.W > 0).astype(float), w=np.ones(40))
    got = mixed.fit(flat, Mixed(terms=("provider", "area")), study_of(), rng)
    assert got.theta[0] == pytest.approx(plain, rel=1e-4)
    assert np.sqrt(got.covariance[0, 0]) == pytest.approx(kr_se, rel=1e-4)
    assert got.dof[0] == pytest.approx(kr_df, rel=1e-3)


def test_what_cannot_be_told_apart_is_said(arrays_of, study_of, rng) -> None:
    a, _ = small(arrays_of, weighted=False)
    with pytest.raises(NotIdentified, match="provider-year cannot be told apart"):
        mixed.fit(a, Mixed(terms=("provider", "provider-year")), study_of(), rng)
    same = np.repeat(np.eye(a.n), a.T, axis=0)
    twin = Grouping(name="twin", label="twin", kind="label",
                    levels=tuple(map(str, range(a.n))), members=sparse.csr_array(same))  # fmt: skip
    with pytest.raises(NotIdentified, match="twin and provider divide"):
        mixed.fit(replace(a, groupings=(twin,)), Mixed(terms=("provider", "twin")), study_of(), rng)
    all_in = replace(a, D=np.ones_like(a.D))
    with pytest.raises(NotIdentified, match="exposure moves with"):
        mixed.fit(all_in, Mixed(terms=("provider",)), study_of(), rng)


def test_main_membership_is_the_largest_the_first_of_equals(arrays_of, study_of) -> None:
    a, _ = small(arrays_of, gaps=0.0)
    made = design(a, study_of(), ("trust",), year="fixed", member_weights="sum-to-one",
                  exposure=False)  # fmt: skip
    term = made.terms[0]
    single = main_only(term)
    assert term.several > 0
    assert single.several == 0
    M, S = term.members.toarray(), single.members.toarray()
    has = M.sum(axis=1) > 0
    assert M[has].sum(axis=1) == pytest.approx(1.0)
    assert S[has].sum(axis=1) == pytest.approx(1.0)
    names = np.array(term.levels)[M[has].argmax(axis=1)]
    assert (np.array(single.levels)[S[has].argmax(axis=1)] == names).all()


def test_shares_add_up_and_tell_what_overlap_does(arrays_of, study_of, rng) -> None:
    a, shared = small(arrays_of, n=60, K=8)
    study = study_of(shares=ShareTerms(terms=("provider", "trust", "year"), draws=99))
    got = shares(a, study, rng)
    assert got.parts["share"].sum() == pytest.approx(1.0)
    assert got.parts["alone"].sum() == pytest.approx(1.0)
    trust = got.part("trust")
    # The share of an average row: variance times the mean of the summed squared weights.
    cells = np.flatnonzero(a.W.ravel() > 0)
    w = a.W.ravel()[cells]
    mean = (w * (shared[cells] ** 2).sum(axis=1)).sum() / w.sum()
    assert trust["variance"] == pytest.approx(trust["sd"] ** 2 * mean)
    assert got.several == int(((shared[cells] > 0).sum(axis=1) > 1).sum())
    assert "bootstrap" in got.intervals
    assert not got.exposure
    assert got.held == (), "years are random here"
    fixed = shares(a, study_of(shares=ShareTerms(terms=("provider",))), rng)
    assert fixed.held == ("the year of results",)
    (standing,) = got.standings
    t = standing.table
    assert t["effect"].is_sorted(descending=True)
    assert set(t["stands_out"]) <= {"above", "below", ""}
