"""Terms eliminated together give what n x n matrices give; they are chosen by what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import Rows, criterion, information, kenward_roger
from scipy import sparse

from consortia.maths.mixed import joint
from consortia.maths.mixed.cross import assemble
from consortia.maths.mixed.degrees import small_sample
from consortia.maths.mixed.dense import solve
from consortia.maths.mixed.effects import effects
from consortia.maths.mixed.effects import joint as together
from consortia.maths.mixed.model import Term, factors
from consortia.maths.mixed.reml import at, begin, derivatives, fit
from consortia.maths.mixed.simulate import draw, root
from consortia.maths.mixed.statistics import from_rows
from consortia.streams import Streams

CLASS, SCHOOL, NETWORK, AREA = range(4)


def nested(seed: int = 1, n: int = 90, weights: bool = True) -> Rows:
    """Classes in schools, networks of schools that overlap, and areas that cross all of it."""
    rng = np.random.default_rng(seed)
    classes, schools, networks, areas = 24, 9, 6, 4
    at_school = rng.integers(0, schools, classes)
    code = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    area = rng.integers(0, areas, n)
    members = np.zeros((classes, networks))
    own = rng.integers(0, networks, schools)
    # School 0 is in two networks, the last in none.
    members[np.arange(classes), own[at_school]] = 1.0
    members[at_school == 0] = 0.0
    members[np.ix_(at_school == 0, [0, 1])] = [0.7, 0.3]
    members[at_school == schools - 1] = 0.0
    x = rng.standard_normal(n)
    X = np.column_stack([np.ones(n), x, (np.arange(classes) % 2).astype(float)[code]])
    y = X @ [1.0, 0.5, 0.2] + rng.standard_normal(n) + 0.8 * rng.standard_normal(classes)[code]
    y += 0.8 * rng.standard_normal(schools)[at_school[code]]
    y += 0.8 * (members @ rng.standard_normal(networks))[code] + rng.standard_normal(areas)[area]
    nest = sparse.csr_array(
        (np.ones(classes), (np.arange(classes), at_school)), shape=(classes, schools)
    )
    return Rows(
        X=X, y=y, codes={"class": code, "area": area}, units={"class": classes, "area": areas},
        random={}, weights=rng.uniform(0.5, 3, n) if weights else None,
        terms=(
            Term(name="class", by="class"),
            Term(name="school", by="class", members=nest),
            Term(name="network", by="class", members=sparse.csr_array(members)),
            Term(name="area", by="area"),
        ),
    )  # fmt: skip


@pytest.fixture(
    params=[(CLASS, SCHOOL), (CLASS, SCHOOL, NETWORK), (CLASS, NETWORK, AREA, SCHOOL)],
    ids=["nested", "overlapping", "everything"],
)
def gone(request, monkeypatch) -> tuple[int, ...]:
    monkeypatch.setattr(joint, "choose", lambda *_: request.param)
    return request.param


@pytest.mark.parametrize("zero", [None, CLASS, SCHOOL])
def test_products_with_the_inverse(gone, zero) -> None:
    rows = nested()
    cross = assemble(rows.statistics(shift=np.zeros(4)), rows.terms)
    assert cross.eliminated == gone
    theta = np.array([0.7, 0.5, 0.9, 0.4])
    if zero is not None:
        theta[zero] = 0.0
    L = factors(theta, rows.terms)
    solved = solve(cross, L)
    V = rows.W_inverse()
    for t, f in zip(rows.terms, L, strict=True):
        V = V + rows.V_of(t, f @ f.T)
    Vi = np.linalg.inv(V)
    order = sorted(range(4), key=lambda k: cross.offset[k])
    Z = np.hstack([rows.Z(rows.terms[k])[:, :, 0] for k in order])
    F = Z.T @ Vi @ Z
    Xy = np.column_stack([rows.X, rows.y])
    logdet = np.linalg.slogdet(V)[1] + np.log(rows.weights).sum()
    assert solved.logdet == pytest.approx(logdet, abs=1e-9)
    np.testing.assert_allclose(solved.A, Xy.T @ Vi @ Xy, rtol=1e-9)
    np.testing.assert_allclose(solved.H, Z.T @ Vi @ Xy, atol=1e-9)
    g = np.random.default_rng(0).standard_normal((cross.q, 3))
    np.testing.assert_allclose(solved.times(g), F @ g, atol=1e-9)
    for k in range(4):
        s = cross.span(k)
        np.testing.assert_allclose(solved.blocks(k).ravel(), np.diag(F)[s], atol=1e-9)
        np.testing.assert_allclose(solved.trace(k), np.trace(F[s, s]), atol=1e-8)
        np.testing.assert_allclose(solved.full(k), F[s, s], atol=1e-9)
        NZ = Z[:, s].T @ np.diag(rows.weights) @ Z[:, s]
        np.testing.assert_allclose(cross.diagonal(k).ravel(), np.diag(NZ), atol=1e-9)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("reml", [False, True])
def test_criterion_gradient_and_optimum_are_those_of_n_by_n_matrices(gone, reml, weights) -> None:
    rows = nested(seed=2, weights=weights)
    cross = assemble(rows.statistics(), rows.terms)
    theta = np.array([0.7, 0.5, 0.9, 0.4])
    slope = derivatives(at(cross, factors(theta, rows.terms), reml), reml).gradient
    for k in range(4):
        h = 1e-5 * np.eye(4)[k]
        two = criterion(rows, theta + h, reml)[0] - criterion(rows, theta - h, reml)[0]
        assert slope[k] == pytest.approx(two / 2e-5, abs=1e-5)
    got = fit(rows.statistics(), rows.terms, reml=reml)
    assert got.converged
    found, beta, vcov, s2 = criterion(rows, got.theta, reml)
    assert got.criterion == pytest.approx(found, abs=1e-8)
    np.testing.assert_allclose(got.beta, beta, atol=1e-8)
    np.testing.assert_allclose(got.vcov, vcov, atol=1e-8)
    assert got.s2 == pytest.approx(s2, rel=1e-9)
    lower = [criterion(rows, got.theta + d, reml)[0] for d in 1e-3 * np.vstack([np.eye(4)] * 2)]
    assert min(lower) >= got.criterion - 1e-9


def test_small_sample_inference_is_that_of_n_by_n_matrices(gone) -> None:
    rows = nested(seed=3)
    got = fit(rows.statistics(), rows.terms)
    assert not got.singular
    small = small_sample(got)
    _, _, Phi, expected, average = information(rows, got.Sigma, got.s2)
    np.testing.assert_allclose(small.expected, expected, rtol=1e-7)
    np.testing.assert_allclose(small.average, average, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(small.Phi, Phi, rtol=1e-7, atol=1e-10)
    Phi_A, P, _ = kenward_roger(rows, got.Sigma, got.s2)
    np.testing.assert_allclose(small.Phi_A, Phi_A, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(small.P, P, rtol=1e-6, atol=1e-8 * np.abs(P).max())


def test_predicted_effects_are_those_of_n_by_n_matrices(gone) -> None:
    rows = nested(seed=3)
    got = fit(rows.statistics(), rows.terms)
    _, Vi, Phi, _, _ = information(rows, got.Sigma, got.s2)
    P = Vi - Vi @ rows.X @ Phi @ rows.X.T @ Vi
    for k, t in enumerate(rows.terms):
        Z, v = rows.Z(t)[:, :, 0], got.Sigma[k][0, 0]
        found = effects(got, t.name)
        np.testing.assert_allclose(found.u[:, 0], v * Z.T @ P @ rows.y, atol=1e-8)
        spread = v * np.eye(Z.shape[1]) - v * Z.T @ P @ Z * v
        np.testing.assert_allclose(together(got, t.name), spread, atol=1e-8)
        np.testing.assert_allclose(found.comparative[:, 0, 0], np.diag(spread), atol=1e-8)


def test_start_does_not_depend_on_what_is_eliminated(gone, monkeypatch) -> None:
    rows = nested(seed=4)
    many = begin(assemble(rows.statistics(), rows.terms))
    monkeypatch.undo()
    cross = assemble(rows.statistics(), rows.terms)
    assert cross.together is None
    np.testing.assert_allclose(many, begin(cross), rtol=1e-9)


def test_drawn_outcomes_have_the_moments_of_the_model(gone) -> None:
    rows = nested(seed=5)
    cross = assemble(rows.statistics(shift=np.zeros(4)), rows.terms)
    made = root(cross)
    order = sorted(range(4), key=lambda k: cross.offset[k])
    Z = np.hstack([rows.Z(rows.terms[k])[:, :, 0] for k in order])
    ZX = np.hstack([Z, rows.X])
    C = ZX.T @ np.diag(rows.weights) @ ZX
    # Schools are sums of their classes: the root has to know what is left after them, that is none.
    assert int(made.held.sum()) + made.rest.shape[1] == np.linalg.matrix_rank(C)
    rng = Streams(3).at("joint").rng()
    Sigma = [np.array([[v]]) for v in (0.5, 0.3, 0.8, 0.4)]
    draws = [draw(made, np.zeros(3), Sigma, 0.7, rng) for _ in range(2_000)]
    got = np.array([np.concatenate([d.R[:, -1], d.D[:, -1]]) for d in draws])
    V = 0.7 * rows.W_inverse() + sum(
        rows.V_of(t, S) for t, S in zip(rows.terms, Sigma, strict=True)
    )
    W = np.diag(rows.weights)
    cov = ZX.T @ W @ V @ W @ ZX
    scale = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    used = np.diag(cov) > 1e-9
    far = (np.abs(np.cov(got[:, :-1].T) - cov) / np.maximum(scale, 1e-9))[np.ix_(used, used)]
    assert far.max() < 0.14
    assert got[:, -1].mean() == pytest.approx(np.trace(W @ V), rel=0.05)


def _sector(moves: float, schools: int = 2_000, years: int = 3):
    """Provider-years, providers, trusts of about four schools, and areas."""
    rng = np.random.default_rng(6)
    cell = np.arange(schools * years)
    provider = cell // years
    trust = rng.integers(0, schools // 4, schools)[provider]
    moved = rng.random(cell.size) < moves
    trust[moved] = rng.integers(0, schools // 4, int(moved.sum()))
    area = rng.integers(0, 50, schools)[provider]

    def to(code: np.ndarray) -> sparse.csr_array:
        return sparse.csr_array((np.ones(cell.size), (cell, code)))

    terms = (
        Term(name="provider-year", by="cell"),
        Term(name="provider", by="cell", members=to(provider)),
        Term(name="trust", by="cell", members=to(trust)),
        Term(name="area", by="cell", members=to(area)),
    )
    rows = np.repeat(cell, 4)
    y = rng.standard_normal(rows.size) + rng.standard_normal(schools)[provider[rows]]
    y += 0.5 * rng.standard_normal(cell.size)[rows]
    made = from_rows(np.ones((rows.size, 1)), y, {"cell": rows})
    return made, terms


def test_providers_go_with_their_years_and_trusts_that_nobody_leaves_go_too() -> None:
    cross = assemble(*_sector(moves=0.0))
    assert cross.eliminated == (0, 1, 2)
    assert cross.q - cross.q1 == 50
    assert cross.together is not None
    assert sum(p.size for p in cross.together.places) == cross.q1


def test_trusts_that_exchange_schools_everywhere_stay_in_the_dense_part() -> None:
    assert assemble(*_sector(moves=0.5)).eliminated == (0, 1)


def test_a_small_rest_is_left_as_it_is() -> None:
    made, terms = _sector(moves=0.0)
    assert assemble(made, (terms[0], terms[3])).eliminated == (0,)


def test_result_is_the_same_with_and_without_joint_elimination(monkeypatch) -> None:
    made, terms = _sector(moves=0.02, schools=400)
    monkeypatch.setattr(joint, "JOINT_FROM", 10)
    one = fit(made, terms)
    assert len(one.cross.eliminated) > 1
    monkeypatch.setattr(joint, "JOINT_FROM", 10**9)
    two = fit(made, terms)
    assert two.cross.eliminated == (0,)
    assert one.criterion == pytest.approx(two.criterion, abs=1e-7)
    np.testing.assert_allclose(one.components, two.components, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(one.beta, two.beta, atol=1e-8)
