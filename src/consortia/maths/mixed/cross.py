"""The cross-products of one model: statistics with memberships and terms put in.

Effects are numbered term by term, level by level, column by column; the term that is eliminated in
closed form (the largest whose Z'WZ is block-diagonal) stands first, and after it the terms that
are eliminated with it (``joint``).
"""

# The paper's letters are capitals.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from consortia.maths.influence import Floats, Ints
from consortia.maths.mixed import joint
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.statistics import Statistics, Table, check_terms, thin

SPARSE_FROM = 3_000
"""Number of effects beside the eliminated terms from which the sparse path is looked at."""
_SPARSE_FILL = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """``[Z X y]'W[Z X y]`` in blocks.

    ``eliminated`` are the terms that go in closed form, the largest first, ``order`` the rest.
    ``offset`` (by term) is the place of a term's first effect, ``levels`` its number of levels.
    Of the eliminated terms, ``N11`` (levels, c1, c1) if there is one, ``together`` if there are
    several (N11 is empty then); ``N12`` (q1, Q2), ``N22`` (Q2, Q2), ``R`` (q, p + 1), ``D``
    (p + 1, p + 1). ``store`` keeps work on Z'WZ that does not depend on the point, for all models
    that share it."""

    terms: tuple[Term, ...]
    eliminated: tuple[int, ...]
    order: tuple[int, ...]
    offset: tuple[int, ...]
    levels: tuple[int, ...]
    N11: Floats
    N12: Table
    N22: Table
    R: Floats
    D: Floats
    n: int
    p: int
    weight: float
    log_weight: float
    fixed: tuple[str, ...]
    shift: Floats
    one: int
    together: joint.Blocks | None = None
    store: dict[str, object] = field(default_factory=dict[str, object], repr=False)

    @property
    def q(self) -> int:
        return self.R.shape[0]

    @property
    def q1(self) -> int:
        """Number of eliminated effects."""
        return self.N12.shape[0]

    @property
    def first(self) -> int:
        """The eliminated term where there is one alone, else -1."""
        return self.eliminated[0] if len(self.eliminated) == 1 else -1

    @property
    def sparse(self) -> bool:
        """Whether the effects beside the eliminated term are kept sparse."""
        return not isinstance(self.N22, np.ndarray)

    def span(self, term: int) -> slice:
        """Where the effects of a term stand."""
        start = self.offset[term]
        return slice(start, start + self.levels[term] * self.terms[term].width)

    def diagonal(self, term: int) -> Floats:
        """Diagonal blocks (levels, c, c) of Z_k'WZ_k."""
        if term == self.first:
            return self.N11
        s, c, q = self.span(term), self.terms[term].width, self.levels[term]
        if term in self.eliminated:
            return self.within().diagonal()[s].reshape(-1, 1, 1)
        at = np.arange(q) * c + s.start - self.q1
        out = np.empty((q, c, c))
        for a in range(c):
            for b in range(c):
                out[:, a, b] = np.asarray(self.N22[at + a, at + b]).reshape(-1)
        return out

    def within(self) -> sparse.csr_array:
        """Z_E'WZ_E (q1, q1) of the eliminated terms."""
        if self.together is None:
            return own(self.N11)
        return self.together.matrix(list(self.together.inner))


def _levels(statistics: Statistics, term: Term) -> int:
    if term.members is None:
        return statistics.units[term.by].ZZ.shape[0]
    return int(term.members.shape[1])


def _spread(term: Term) -> sparse.csr_array | None:
    """Unit columns to level columns (units c, levels c), None for one's own level."""
    if term.members is None:
        return None
    members = sparse.csr_array(term.members).astype(np.float64)
    if term.width == 1:
        return members
    return sparse.csr_array(sparse.kron(members, sparse.eye_array(term.width), format="csr"))


def _at(columns: tuple[str, ...], term: Term, units: int) -> Ints:
    """Places of the columns of a term among all columns of all units of its code."""
    pick = np.array([columns.index(c) for c in term.columns])
    return (np.arange(units)[:, None] * len(columns) + pick).ravel()


def own(ZZ: Floats) -> sparse.csr_array:
    """Block-diagonal matrix (u c, u d) of blocks (u, c, d)."""
    u = ZZ.shape[0]
    at: Ints = np.arange(u, dtype=np.int64)
    ends: Ints = np.arange(u + 1, dtype=np.int64)
    return sparse.csr_array(sparse.bsr_array((ZZ, at, ends)))


def _block(statistics: Statistics, a: Term, b: Term) -> Table:
    """``Z_a'WZ_b`` (levels c, levels c)."""
    if a.by == b.by:
        unit = statistics.units[a.by]
        ia = [unit.columns.index(c) for c in a.columns]
        ib = [unit.columns.index(c) for c in b.columns]
        table: Table = own(np.ascontiguousarray(unit.ZZ[:, ia][:, :, ib]))
    else:
        flip = (a.by, b.by) not in statistics.pairs
        table = statistics.pairs[(b.by, a.by) if flip else (a.by, b.by)]
        if flip:
            table = table.T if isinstance(table, np.ndarray) else sparse.csr_array(table.T)
        ua, ub = statistics.units[a.by], statistics.units[b.by]
        if ua.columns != a.columns:
            table = table[_at(ua.columns, a, ua.ZZ.shape[0])]
        if ub.columns != b.columns:
            table = table[:, _at(ub.columns, b, ub.ZZ.shape[0])]
    left, right = _spread(a), _spread(b)
    if left is not None:
        table = (
            left.T @ table if isinstance(table, np.ndarray) else sparse.csr_array(left.T @ table)
        )
    if right is not None:
        table = table @ right
    return table if isinstance(table, np.ndarray) else sparse.csr_array(table)


def _right(statistics: Statistics, term: Term) -> Floats:
    """``Z_k'W[X y]`` (levels c, p + 1)."""
    unit = statistics.units[term.by]
    pick = [unit.columns.index(c) for c in term.columns]
    ZD = unit.ZD[:, pick].reshape(-1, unit.ZD.shape[2])
    spread = _spread(term)
    return ZD if spread is None else np.asarray(spread.T @ ZD)


def diagonal(cross: Cross, L: list[Floats]) -> Floats:
    """L (q,) where every term has one column."""
    out = np.empty(cross.q)
    for k, f in enumerate(L):
        out[cross.span(k)] = f[0, 0]
    return out


def assemble(statistics: Statistics, terms: tuple[Term, ...]) -> Cross:
    """Cross-products of a model. ValueError where the statistics lack what a term asks for."""
    check_terms(statistics, terms)
    levels = tuple(_levels(statistics, t) for t in terms)
    size = [q * t.width for q, t in zip(levels, terms, strict=True)]
    able = [k for k, t in enumerate(terms) if t.blockwise()]
    first = max(able, key=lambda k: size[k], default=-1)
    held: dict[tuple[int, int], Table] = {}

    def table(k: int, m: int) -> Table:
        """Z_k'WZ_m, made once."""
        if (k, m) not in held:
            held[k, m] = _block(statistics, terms[k], terms[m])
        return held[k, m]

    gone = joint.choose(terms, size, first, table) if first >= 0 else ()
    order = tuple(k for k in range(len(terms)) if k not in gone)
    offset = [0] * len(terms)
    place = 0
    for k in (*gone, *order):
        offset[k] = place
        place += size[k]
    q1 = sum(size[k] for k in gone)
    Q2 = place - q1
    R = np.empty((place, statistics.p + 1))
    for k, t in enumerate(terms):
        R[offset[k] : offset[k] + size[k]] = _right(statistics, t)
    together: joint.Blocks | None = None
    c1 = terms[first].width if first >= 0 else 1
    N11 = np.zeros((q1 // c1 if len(gone) == 1 else 0, c1, c1))
    if len(gone) == 1:
        N11[:] = _blocks(table(first, first), c1)
    elif gone:
        grid = [
            [_csr(table(k, m)) if i <= j else None for j, m in enumerate(gone)]
            for i, k in enumerate(gone)
        ]
        upper = sparse.csr_array(sparse.block_array(grid, format="csr"))
        strictly = sparse.triu(upper, 1)
        together = joint.blocks(sparse.csr_array(sparse.triu(upper) + strictly.T))
    big = Q2 > SPARSE_FROM
    parts = {(k, m): table(k, m) for i, k in enumerate(order) for m in order[i:]}
    N22: Table
    if big and sum(_count(t) for t in parts.values()) < _SPARSE_FILL * Q2 * Q2 / 2:
        grid = [
            [_csr(parts[k, m]) if (k, m) in parts else _csr(parts[m, k]).T for m in order]
            for k in order
        ]
        N22 = sparse.csr_array(sparse.block_array(grid, format="csr"))
    else:
        N22 = np.empty((Q2, Q2))
        for (k, m), t in parts.items():
            a, b = offset[k] - q1, offset[m] - q1
            block = t if isinstance(t, np.ndarray) else t.toarray()
            N22[a : a + size[k], b : b + size[m]] = block
            N22[b : b + size[m], a : a + size[k]] = block.T
    N12: Table = np.zeros((q1, Q2))
    if gone and order:
        wide = [thin(table(first, k)) for k in order] if len(gone) == 1 else []
        if wide and all(isinstance(t, np.ndarray) for t in wide):
            N12 = wide[0] if len(wide) == 1 else np.hstack([np.asarray(t) for t in wide])
        else:
            rows = [sparse.hstack([_csr(table(g, k)) for k in order], format="csr") for g in gone]
            N12 = sparse.csr_array(sparse.vstack(rows, format="csr"))
            if isinstance(N22, np.ndarray) and together is None:
                N12 = thin(N12)
    return Cross(
        terms=terms, eliminated=gone, order=order, offset=tuple(offset), levels=levels,
        N11=N11, N12=N12, N22=N22, R=R, D=statistics.D, n=statistics.n, p=statistics.p,
        weight=statistics.weight, log_weight=statistics.log_weight, fixed=statistics.fixed,
        shift=statistics.shift, one=statistics.one, together=together,
    )  # fmt: skip


def _csr(table: Table) -> sparse.csr_array:
    return sparse.csr_array(table)


def _count(table: Table) -> int:
    return int(np.count_nonzero(table)) if isinstance(table, np.ndarray) else int(table.nnz)


def _blocks(table: Table, c: int) -> Floats:
    """Diagonal blocks (q, c, c) of a block-diagonal matrix."""
    q = table.shape[0] // c
    at = np.arange(q) * c
    out = np.empty((q, c, c))
    for a in range(c):
        for b in range(c):
            out[:, a, b] = np.asarray(table[at + a, at + b]).reshape(-1)
    return out


def thicken(cross: Cross) -> Cross:
    """The same model with the dense Schur complement, for one on the sparse path."""
    if not cross.sparse:
        return cross
    return replace(cross, N22=sparse.csr_array(cross.N22).toarray(), store={})


def replace_y(cross: Cross, Ry: Floats, Dy: Floats) -> Cross:
    """The same model with another outcome: ``Ry`` (q,) = Z'Wy, ``Dy`` (p + 1,) = [X y]'Wy."""
    R, D = cross.R.copy(), cross.D.copy()
    R[:, -1] = Ry
    D[:, -1] = Dy
    D[-1, :] = Dy
    return replace(cross, R=R, D=D)


def unshift(cross: Cross) -> Cross:
    """The same model on the columns of X and y as they were given."""
    if not cross.shift.any():
        return cross
    T = np.eye(cross.p + 1)
    T[:, cross.one] += cross.shift
    return replace(
        cross, R=cross.R @ T.T, D=T @ cross.D @ T.T, shift=np.zeros(cross.p + 1)
    )  # fmt: skip


def hold(cross: Cross, column: int, value: float) -> Cross:
    """The model with the coefficient of one column of X held: y less value times the column.

    Takes a model without shift."""
    T = np.eye(cross.p + 1)
    T[-1, column] = -value
    keep = [j for j in range(cross.p + 1) if j != column]
    T = T[keep]
    return replace(
        cross, R=cross.R @ T.T, D=T @ cross.D @ T.T, p=cross.p - 1, shift=cross.shift[keep],
        fixed=tuple(f for j, f in enumerate(cross.fixed) if j != column), one=-1,
    )  # fmt: skip
