"""What a mixed model consists of: terms, their covariances, and the parameters of the search.

``y = X beta + sum_k Z_k u_k + e`` with ``u_kj ~ N(0, Sigma_k)`` for every level j of term k and
``e ~ N(0, s2 / w)``. A row belongs to one unit of the term's code; a unit belongs to one level
(its own) or to several with weights (multiple membership; Browne, Goldstein & Rasbash 2001).

The search runs over the relative Cholesky factors ``L_k`` with ``Sigma_k = s2 L_k L_k'`` (Bates,
Maechler, Bolker & Walker 2015, section 2), because a component at zero is then an ordinary point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from consortia.maths.influence import Floats, Ints

Covariance = Literal["full", "diagonal"]
ONE = "1"
"""Name of the column of ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One random term.

    ``by`` names the code that says which unit a row belongs to. ``columns`` are the random columns
    ("1" is the intercept). ``members`` (units, levels) holds the weight of each level for each
    unit; None: every unit is its own level. A unit without any weight takes no part in the term."""

    name: str
    by: str
    columns: tuple[str, ...] = (ONE,)
    covariance: Covariance = "full"
    members: sparse.csr_array | None = None

    def __post_init__(self) -> None:
        if not self.columns or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"term {self.name!r} needs one or more different columns")
        if self.members is not None and not np.isfinite(self.members.data).all():
            raise ValueError(f"term {self.name!r} has membership weights that are not finite")

    @property
    def width(self) -> int:
        """Number of random columns c."""
        return len(self.columns)

    def blockwise(self) -> bool:
        """Whether every unit has at most one level, so that Z'WZ is block-diagonal."""
        return self.members is None or bool(np.diff(self.members.indptr).max(initial=0) <= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One parameter: row and column of the Cholesky factor of one term."""

    term: int
    row: int
    column: int


def elements(terms: tuple[Term, ...]) -> tuple[Element, ...]:
    """The parameters in order: term by term, lower triangle by columns (or the diagonal)."""
    return tuple(
        Element(term=k, row=a, column=b)
        for k, term in enumerate(terms)
        for b in range(term.width)
        for a in range(b, term.width)
        if a == b or term.covariance == "full"
    )


def factors(theta: Floats, terms: tuple[Term, ...]) -> list[Floats]:
    """Lower-triangular L_k (c, c) of each term from the parameters."""
    L = [np.zeros((t.width, t.width)) for t in terms]
    for value, e in zip(theta, elements(terms), strict=True):
        L[e.term][e.row, e.column] = value
    return L


def parameters(L: list[Floats], terms: tuple[Term, ...]) -> Floats:
    """Parameters from the factors; the signs of columns are made positive on the diagonal."""
    flipped = [f * np.where(np.diag(f) < 0, -1.0, 1.0) for f in L]
    return np.array([flipped[e.term][e.row, e.column] for e in elements(terms)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One variance or covariance: element (row, column) of Sigma of a term; term -1 is s2."""

    term: int
    row: int
    column: int
    name: str

    @property
    def is_variance(self) -> bool:
        return self.row == self.column


def components(terms: tuple[Term, ...]) -> tuple[Component, ...]:
    """Variances and covariances in the order of ``elements``, the residual variance last."""
    out: list[Component] = []
    for e in elements(terms):
        t = terms[e.term]
        a, b = t.columns[e.column], t.columns[e.row]
        inner = a if a == b else f"{a}, {b}"
        name = t.name if t.columns == (ONE,) else f"{t.name} ({inner})"
        out.append(Component(term=e.term, row=e.row, column=e.column, name=name))
    return (*out, Component(term=-1, row=0, column=0, name="residual"))


def basis(component: Component, width: int) -> Floats:
    """Derivative (c, c) of Sigma with respect to one of its elements."""
    E = np.zeros((width, width))
    E[component.row, component.column] = 1.0
    E[component.column, component.row] = 1.0
    return E


def check_codes(code: Ints, n: int, units: int, name: str) -> Ints:
    """The code as 64-bit integers from 0 to units - 1; ValueError otherwise."""
    if code.shape != (n,):
        raise ValueError(f"code {name!r} has shape {code.shape}, expected ({n},)")
    if n and (int(code.min()) < 0 or int(code.max()) >= units):
        raise ValueError(f"code {name!r} must lie between 0 and {units - 1}")
    return code.astype(np.int64, copy=False)
