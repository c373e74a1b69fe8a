"""Several terms eliminated at once: a provider and its years, a federation and its few schools.

The largest term goes in closed form because its Z'WZ is block-diagonal. Where a second term is
nested in it or it in a second one, or where both meet in small groups only, Z_E'WZ_E of the terms
together still falls apart into small blocks: the connected components of the graph in which two
effects are tied when they share rows. Blocks of one size are inverted together. What is left for
the dense Schur complement shrinks by the sizes of all the terms that went.

Which terms go is decided once, from the pattern, by counting operations: a term is taken as long
as the larger blocks cost less than the smaller Schur complement saves."""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from consortia.maths.influence import Floats, Ints
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.statistics import Table

JOINT_FROM = 500
"""Effects beside the largest term from which it is worth while to look for a second one."""
_CELLS = 5_000_000
"""Numbers in the blocks of all eliminated terms together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Z_E'WZ_E by connected components. ``places`` holds, by size s, the effects (m, s) of each
    component; ``inner`` the blocks (m, s, s). ``order`` brings the blocks, laid end to end, into
    the order of ``indptr``, ``indices`` (rows of a sparse matrix)."""

    places: tuple[Ints, ...]
    inner: tuple[Floats, ...]
    order: Ints
    indptr: Ints
    indices: Ints

    def matrix(self, blocks: list[Floats]) -> sparse.csr_array:
        """A block matrix (q1, q1) from its blocks (m, s, s) by size."""
        data = np.concatenate([b.ravel() for b in blocks])[self.order]
        q = self.indptr.size - 1
        return sparse.csr_array((data, self.indices, self.indptr), shape=(q, q))


@dataclass(frozen=True, slots=True, kw_only=True)
class Eliminated:
    """With V1 = W^-1 + Z_E O Z_E': ``logdet`` of W V1, ``J`` = (I + N O)^-1, ``B`` = J N =
    Z_E'V1^-1Z_E, ``T`` = O J; all (q1, q1)."""

    logdet: float
    J: sparse.csr_array
    B: sparse.csr_array
    T: sparse.csr_array


def choose(
    terms: tuple[Term, ...], size: list[int], first: int, block: Callable[[int, int], Table]
) -> tuple[int, ...]:
    """The terms to eliminate, ``first`` before the others. ``block(k, m)`` gives Z_k'WZ_m."""
    rest = sum(size) - size[first]
    if rest <= JOINT_FROM or terms[first].width > 1:
        return (first,)
    taken, cost = [first], float(size[first])
    tied: dict[tuple[int, int], sparse.csr_array] = {}
    for k in sorted(range(len(terms)), key=lambda k: (-size[k], k)):
        if k == first or terms[k].width > 1:
            continue
        tables = {(m, k): block(m, k) for m in (*taken, k)}
        if any(isinstance(t, np.ndarray) for t in tables.values()):
            continue
        trial = [*taken, k]
        found = tied | {key: sparse.csr_array(t) for key, t in tables.items()}
        per = np.bincount(_components(found, trial, size)).astype(np.float64)
        more = 4 * float((per**3).sum())
        saved = 4 * (float(rest) ** 3 - float(rest - size[k]) ** 3)
        if (per**2).sum() <= _CELLS and more - cost < saved:
            taken, tied, cost, rest = trial, found, more, rest - size[k]
        if rest <= 1:
            break
    return tuple(taken)


def _components(
    tied: dict[tuple[int, int], sparse.csr_array], taken: list[int], size: list[int]
) -> Ints:
    grid = [
        [tied.get((a, b)) if a != b else _pattern(tied.get((a, a)), size[a]) for b in taken]
        for a in taken
    ]
    graph = sparse.block_array(grid, format="csr")
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], dtype=np.int64)


def _pattern(table: sparse.csr_array | None, q: int) -> sparse.csr_array:
    return sparse.csr_array((q, q)) if table is None else table


def blocks(N: sparse.csr_array) -> Blocks:
    """Z_E'WZ_E (q1, q1) by connected components."""
    q = N.shape[0]
    label = np.asarray(csgraph.connected_components(N, directed=False)[1], dtype=np.int64)
    count = np.bincount(label)
    by_label = np.argsort(label, kind="stable").astype(np.int64)
    start = np.concatenate([[0], np.cumsum(count)])
    within = np.empty(q, dtype=np.int64)
    within[by_label] = np.arange(q) - np.repeat(start[:-1], count)
    N = sparse.csr_array(N)
    row = np.repeat(np.arange(q), np.diff(N.indptr))
    places: list[Ints] = []
    inner: list[Floats] = []
    for s in np.unique(count):
        mine = np.flatnonzero(count == s)
        at: Ints = by_label[start[mine][:, None] + np.arange(s)]
        block = np.zeros((mine.size, int(s), int(s)))
        number = np.full(count.size, -1, dtype=np.int64)
        number[mine] = np.arange(mine.size)
        here = number[label[row]] >= 0
        r, c = row[here], N.indices[here]
        np.add.at(block, (number[label[r]], within[r], within[c]), N.data[here])
        places.append(at)
        inner.append(block)
    rows = np.concatenate([np.repeat(p, p.shape[1], axis=1).ravel() for p in places])
    cols = np.concatenate([np.tile(p, (1, p.shape[1])).ravel() for p in places])
    order = np.lexsort((cols, rows)).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=q))]).astype(np.int64)
    return Blocks(
        places=tuple(places), inner=tuple(inner), order=order, indptr=indptr,
        indices=cols[order].astype(np.int64),
    )  # fmt: skip


def eliminate(made: Blocks, l: Floats) -> Eliminated:
    """The elimination at relative factors l (q1,), one number for each effect."""
    J: list[Floats] = []
    B: list[Floats] = []
    T: list[Floats] = []
    logdet = 0.0
    for at, N in zip(made.places, made.inner, strict=True):
        o = l[at] ** 2
        d = N * o[:, None, :]
        d[:, np.arange(N.shape[1]), np.arange(N.shape[1])] += 1.0
        if N.shape[1] == 1:
            j: Floats = 1.0 / d
            logdet += float(np.log(d).sum())
        else:
            sign, size = np.linalg.slogdet(d)
            if not (sign > 0).all():
                raise np.linalg.LinAlgError("the covariance is not positive definite")
            logdet += float(size.sum())
            j = np.asarray(np.linalg.inv(d), dtype=np.float64)
        J.append(j)
        b, t = j @ N, o[:, :, None] * j
        B.append((b + b.transpose(0, 2, 1)) / 2)
        T.append((t + t.transpose(0, 2, 1)) / 2)
    return Eliminated(logdet=logdet, J=made.matrix(J), B=made.matrix(B), T=made.matrix(T))


def roots(made: Blocks, rank: float) -> tuple[sparse.csr_array, sparse.csr_array, Floats]:
    """``half`` with half half' = N, the pseudo-inverse of N, and which columns of ``half`` (q1,)
    are not zero; eigenvalues below ``rank`` times the largest of a block count as zero."""
    half: list[Floats] = []
    inverse: list[Floats] = []
    held = np.zeros(made.indptr.size - 1)
    for at, N in zip(made.places, made.inner, strict=True):
        size = np.sqrt(np.maximum(np.einsum("jaa->ja", N), 0.0))
        size = np.where(size > 0, size, 1.0)
        values, vectors = np.linalg.eigh(N / (size[:, :, None] * size[:, None, :]))
        top = np.maximum(values.max(axis=1, initial=0.0, keepdims=True), 1e-300)
        keep = values > rank * top
        safe = np.where(keep, values, 1.0)
        # N = S V d V'S: with a = S V sqrt(d) e, a generalised inverse is S^-1 V d^-1 V'S^-1.
        left = size[:, :, None] * vectors
        right = vectors / size[:, :, None]
        half.append(left * np.sqrt(np.where(keep, values, 0.0))[:, None, :])
        inverse.append(
            (right * np.where(keep, 1.0 / safe, 0.0)[:, None, :]) @ right.transpose(0, 2, 1)
        )
        held[at] = keep
    return made.matrix(half), made.matrix(inverse), held
