"""Witness: the mixed model by n x n matrices, formula by formula, with nothing clever in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from consortia.maths.mixed.model import Term, basis, components, factors
from consortia.maths.mixed.statistics import Statistics, from_rows


@dataclass
class Rows:
    """A small design with everything needed to build V."""

    X: np.ndarray
    y: np.ndarray
    codes: dict[str, np.ndarray]
    units: dict[str, int]
    random: dict[str, dict[str, np.ndarray]]
    weights: np.ndarray | None
    terms: tuple[Term, ...]

    def statistics(self, **changes) -> Statistics:
        return from_rows(
            self.X, self.y, self.codes, units=self.units, random=self.random,
            weights=self.weights, **changes,
        )  # fmt: skip

    def Z(self, term: Term) -> np.ndarray:
        """(n, levels, c)"""
        code = self.codes[term.by]
        A = np.eye(self.units[term.by]) if term.members is None else term.members.toarray()
        n = self.y.size
        z = np.column_stack(
            [np.ones(n) if c == "1" else self.random[term.by][c] for c in term.columns]
        )
        return A[code][:, :, None] * z[:, None, :]

    def V_of(self, term: Term, Sigma: np.ndarray) -> np.ndarray:
        Z = self.Z(term)
        return np.einsum("ija,ab,kjb->ik", Z, Sigma, Z)

    def W_inverse(self) -> np.ndarray:
        return np.eye(self.y.size) if self.weights is None else np.diag(1 / self.weights)


def criterion(rows: Rows, theta: np.ndarray, reml: bool):
    """-2 log (restricted) likelihood with s2 profiled out; beta; its covariance; s2."""
    V = rows.W_inverse()
    for term, L in zip(rows.terms, factors(np.asarray(theta, float), rows.terms), strict=True):
        V = V + rows.V_of(term, L @ L.T)
    n, p = rows.X.shape
    Vi = np.linalg.inv(V)
    XVX = rows.X.T @ Vi @ rows.X
    beta = np.linalg.solve(XVX, rows.X.T @ Vi @ rows.y)
    e = rows.y - rows.X @ beta
    m = n - p if reml else n
    s2 = float(e @ Vi @ e) / m
    d = np.linalg.slogdet(V)[1] + m * (1 + np.log(2 * np.pi * s2))
    if reml:
        d += np.linalg.slogdet(XVX)[1]
    return float(d), beta, s2 * np.linalg.inv(XVX), s2


def information(rows: Rows, Sigma: list[np.ndarray], s2: float):
    """V_i, V^-1, P, and expected, observed and average information of the components."""
    V = s2 * rows.W_inverse()
    for term, S in zip(rows.terms, Sigma, strict=True):
        V = V + rows.V_of(term, S)
    Vi = np.linalg.inv(V)
    X = rows.X
    Phi = np.linalg.inv(X.T @ Vi @ X)
    P = Vi - Vi @ X @ Phi @ X.T @ Vi
    parts = []
    for c in components(rows.terms):
        if c.term < 0:
            parts.append(rows.W_inverse())
        else:
            term = rows.terms[c.term]
            parts.append(rows.V_of(term, basis(c, term.width)))
    m = len(parts)
    expected, average = np.empty((m, m)), np.empty((m, m))
    Py = P @ rows.y
    for i in range(m):
        for j in range(m):
            expected[i, j] = np.trace(P @ parts[i] @ P @ parts[j]) / 2
            average[i, j] = Py @ parts[i] @ P @ parts[j] @ Py / 2
    return parts, Vi, Phi, expected, average


def kenward_roger(rows: Rows, Sigma: list[np.ndarray], s2: float):
    """Adjusted covariance (p, p) by the formulas of the 1997 paper."""
    parts, Vi, Phi, expected, _ = information(rows, Sigma, s2)
    X, m = rows.X, len(parts)
    W = np.linalg.pinv(expected, hermitian=True, rcond=1e-12)
    P = [-X.T @ Vi @ V @ Vi @ X for V in parts]
    U = np.zeros_like(Phi)
    for i in range(m):
        for j in range(m):
            Q = X.T @ Vi @ parts[i] @ Vi @ parts[j] @ Vi @ X
            U += W[i, j] * (Q - P[i] @ Phi @ P[j])
    return Phi + 2 * Phi @ U @ Phi, P, W


def design(
    seed: int, *, slopes: bool, multiple: bool, weights: bool, crossed: bool,
    diagonal: bool = False, n: int = 60, spread: float = 0.6,
) -> Rows:  # fmt: skip
    """A random small design; every example is a function of its arguments."""
    rng = np.random.default_rng(seed)
    u, v = int(rng.integers(6, 11)), int(rng.integers(4, 8))
    a, b = rng.integers(0, u, n), rng.integers(0, v, n)
    x = rng.standard_normal(n)
    X = np.column_stack([np.ones(n), x, (rng.random(u) < 0.5).astype(float)[a] + 0.01 * x**2])
    terms = [
        Term(
            name="school", by="a", columns=("1", "x") if slopes else ("1",),
            covariance="diagonal" if diagonal else "full",
        )
    ]  # fmt: skip
    y = X @ [1.0, 0.5, 0.2] + rng.standard_normal(n) + spread * rng.standard_normal(u)[a]
    if slopes:
        y += 0.4 * rng.standard_normal(u)[a] * x
    if crossed:
        terms.append(Term(name="area", by="b"))
        y += spread * rng.standard_normal(v)[b]
    if multiple:
        h = 5
        members = rng.random((u, h)) * (rng.random((u, h)) < 0.5)
        total = members.sum(axis=1, keepdims=True)
        members = np.divide(members, total, out=np.zeros_like(members), where=total > 0)
        terms.append(Term(name="network", by="a", members=sparse.csr_array(members)))
        y += spread * (members @ rng.standard_normal(h))[a]
    w = rng.uniform(0.5, 3, n) if weights else None
    return Rows(
        X=X, y=y, codes={"a": a, "b": b}, units={"a": u, "b": v}, random={"a": {"x": x}},
        weights=w, terms=tuple(terms),
    )  # fmt: skip
