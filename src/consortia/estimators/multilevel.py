"""From cells to a mixed model: columns, random terms and sums, for providers' rows and for pupils'.

Every term is a membership of cells (provider x year), also those that nobody would call so: a
provider's own effect is a membership of one level. Then pupils, who share all memberships of their
provider and year, enter by the sums of their cell alone.
"""

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from consortia.errors import NotIdentified
from consortia.maths.absorption import independent
from consortia.maths.mixed.model import ONE, Term
from consortia.maths.mixed.statistics import Statistics, from_products, from_rows
from consortia.panel import Arrays, CellSums
from consortia.specs import MemberWeights
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CELL = "cell"
EXPOSED, PROVIDER_MEAN = "exposed", "exposed (mean of the provider)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomTerm:
    """A random term: the engine's ``term``, its words and its ``levels``.

    ``members`` (cells, levels) are the weights; ``several``: cells with more than one level.
    """

    term: Term
    label: str
    kind: str
    levels: tuple[str, ...]
    members: sparse.csr_array
    several: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A model ready to be fitted. ``cells`` (N,) are the rows i T + t of the panel that take part;
    ``rows`` counts pupils or provider-years; ``held`` says what is held equal."""

    statistics: Statistics
    terms: tuple[RandomTerm, ...]
    cells: Ints
    rows: int
    pupils: bool
    held: tuple[str, ...]
    cautions: tuple[str, ...]

    @property
    def random(self) -> tuple[Term, ...]:
        """The terms as the engine takes them."""
        return tuple(t.term for t in self.terms)


def design(
    arrays: Arrays, study: Study, terms: tuple[str, ...], *, year: str,
    member_weights: MemberWeights, exposure: bool, within_between: bool = False,
) -> Design:  # fmt: skip
    """Columns and terms of a model. With ``exposure`` the last column is being exposed, and held
    arms are columns; with ``within_between`` provider means stand beside all that changes by year.

    Raises NotIdentified where exposure cannot be told apart from the other columns, where two terms
    cannot be told apart, or where nothing is left to divide.
    """
    T, cautions = arrays.T, list[str]()
    pupils = arrays.sums
    yearly = [
        (name, arrays.Z[:, :, q].ravel())
        for q, name in enumerate(arrays.Z_names)
        if pupils is None or name not in pupils.columns
    ]
    inner = [] if pupils is None else [n for n in arrays.Z_names if n in pupils.columns]
    used = arrays.W.ravel() > 0
    if pupils is not None:
        used &= pupils.place.ravel() >= 0
    known = np.ones(used.size, dtype=bool)
    for _, value in yearly:
        known &= np.isfinite(value)
    if (used & ~known).any():
        cautions.append(
            f"{int((used & ~known).sum()):,} provider-years without covariates left out"
        )
        used &= known
    cells = np.flatnonzero(used)
    if cells.size < 3:
        raise NotIdentified("fewer than three provider-years can be used")
    provider, when = cells // T, cells % T
    random = _terms(arrays, study, terms, cells, member_weights, pupils is not None, cautions)
    fixed: list[tuple[str, Floats]] = []
    if year == "fixed" and not any(t.term.name == "year" for t in random):
        fixed += [
            (f"year {arrays.years[t]}", (when == t).astype(float)) for t in np.unique(when)[1:]
        ]
    elif not any(t.term.name == "year" for t in random):
        random.append(_years(arrays, when))
    fixed += [(name, arrays.X[provider, k]) for k, name in enumerate(arrays.X_names)]
    moving = [(name, value[cells]) for name, value in yearly]
    if exposure:
        moving += [(f"{h.label} (held)", h.on.ravel()[cells].astype(float)) for h in arrays.hold]
        moving.append((EXPOSED, arrays.D.ravel()[cells].astype(float)))
    sums = None if pupils is None else _Sums.of(pupils, pupils.place.ravel()[cells], inner, study)
    if within_between:
        weight = arrays.W.ravel()[cells] if sums is None else sums.products[:, 0, 0]
        total = np.bincount(provider, weights=weight, minlength=arrays.n)

        def mean(weighted: Floats) -> Floats:
            added = np.bincount(provider, weights=weighted, minlength=arrays.n)
            return (added / np.where(total > 0, total, 1.0))[provider]

        # Years too: in a panel with gaps the provider's own mix of years goes with its effect.
        beside = [
            (PROVIDER_MEAN if n == EXPOSED else f"{n} (mean of the provider)", mean(v * weight))
            for n, v in [*[f for f in fixed if f[0].startswith("year ")], *moving]
        ]
        if sums is not None:
            beside += [
                (f"{n} (mean of the provider)", mean(sums.products[:, 0, 1 + k]))
                for k, n in enumerate(inner)
            ]
        fixed += [b for b in beside if b[0] != PROVIDER_MEAN]
        moving = moving[:-1] + [b for b in beside if b[0] == PROVIDER_MEAN] + moving[-1:]
    columns = [*fixed, *moving]
    if sums is None:
        made = _from_rows(arrays, cells, columns, cautions)
    else:
        made = sums.statistics(columns, cautions)
    if exposure and EXPOSED not in made.fixed:
        raise NotIdentified(
            "exposure moves with the other columns of the model exactly: with "
            + ", ".join(n for n, _ in columns[:-1])
        )
    return Design(
        statistics=made, terms=tuple(random), cells=cells,
        rows=made.n, pupils=pupils is not None, cautions=tuple(cautions),
        held=_held(arrays, made.fixed, within_between),
    )  # fmt: skip


def _held(arrays: Arrays, fixed: tuple[str, ...], means: bool) -> tuple[str, ...]:
    out = ["the year of results"] if any(f.startswith("year ") for f in fixed) else []
    out += [f.replace("_", " ") for f in fixed if f in (*arrays.X_names, *arrays.Z_names)]
    out += [h.label for h in arrays.hold if f"{h.label} (held)" in fixed]
    if means:
        out.append("each provider's own means")
    return tuple(out)


# --- random terms --------------------------------------------------------------------------------


def _terms(
    arrays: Arrays, study: Study, names: tuple[str, ...], cells: Ints, weights: MemberWeights,
    pupils: bool, cautions: list[str],
) -> list[RandomTerm]:  # fmt: skip
    provider, when = cells // arrays.T, cells % arrays.T
    by_name = {g.name: g for g in arrays.groupings}
    out: list[RandomTerm] = []
    for name in names:
        if name == "year":
            made = _years(arrays, when)
        elif name == "provider":
            made = _own("provider", "provider", arrays.provider, provider)
        elif name == "provider-year":
            if not pupils and np.ptp(arrays.W.ravel()[cells]) == 0:
                raise NotIdentified(
                    "the term provider-year cannot be told apart from the residual: without "
                    "pupils' rows and without weights there is one result for each"
                )
            labels = np.array(
                [f"{p} {y}" for p, y in zip(arrays.provider[provider], arrays.years[when],
                                            strict=True)]
            )  # fmt: skip
            made = RandomTerm(
                term=Term(name=name, by=CELL), label="provider in one year", kind="cell",
                levels=tuple(labels.tolist()), several=0,
                members=sparse.csr_array(sparse.identity(cells.size, format="csr")),
            )  # fmt: skip
        else:
            group = by_name[name]
            made = _members(
                name, group.label, group.kind, np.array(group.levels, dtype=object),
                sparse.csr_array(group.members[cells]), weights,
            )  # fmt: skip
        if len(made.levels) < 2:
            cautions.append(f"{made.label}: fewer than two of them, left out of the model")
            continue
        for other in out:
            if _same(made.members, other.members):
                raise NotIdentified(
                    f"{made.label} and {other.label} divide the providers in the same way: their "
                    "shares cannot be told apart"
                )
        out.append(made)
    if not out:
        raise NotIdentified("no term has two levels or more")
    return out


def _years(arrays: Arrays, when: Ints) -> RandomTerm:
    return _own("year", "year of results", arrays.years.astype(str), when)


def _own(name: str, label: str, names: NDArray[np.str_], code: Ints) -> RandomTerm:
    members = sparse.csr_array(
        (np.ones(code.size), (np.arange(code.size), code)), shape=(code.size, names.size)
    )
    return _members(name, label, name, np.asarray(names, dtype=object), members, "as-stated")


def _members(
    name: str, label: str, kind: str, levels: NDArray[np.object_], members: sparse.csr_array,
    weights: MemberWeights,
) -> RandomTerm:  # fmt: skip
    """A term of memberships without levels that nobody of the cells belongs to."""
    total = np.asarray(members.sum(axis=1)).ravel()
    if weights == "sum-to-one":
        scale = 1 / np.where(total > 0, total, 1.0)
        members = sparse.csr_array(sparse.diags_array(scale) @ members)
    kept = np.unique(members.indices)
    members = sparse.csr_array(members[:, kept])
    return RandomTerm(
        term=Term(name=name, by=CELL, members=members), label=label, kind=kind,
        levels=tuple(str(v) for v in levels[kept]), members=members,
        several=int((np.diff(members.indptr) > 1).sum()),
    )  # fmt: skip


def _same(a: sparse.csr_array, b: sparse.csr_array) -> bool:
    """Whether two terms put every cell into the same class."""
    one = np.diff(a.indptr), np.diff(b.indptr)
    if a.shape[1] != b.shape[1] or (one[0] != 1).any() or (one[1] != 1).any():
        return False
    return (sparse.csr_array(a.T) @ b).nnz == a.shape[1]


def main_only(term: RandomTerm) -> RandomTerm:
    """The term if only each cell's main membership were known: the largest weight, the first of
    equals, counted in full."""
    m = term.members
    rows = np.repeat(np.arange(m.shape[0]), np.diff(m.indptr))
    order = np.lexsort((m.indices, -m.data, rows))
    first = order[np.unique(rows[order], return_index=True)[1]]
    main = sparse.csr_array((np.ones(first.size), (rows[first], m.indices[first])), shape=m.shape)
    return _members(
        term.term.name,
        term.label,
        term.kind,
        np.array(term.levels, dtype=object),
        main,
        "as-stated",
    )


# --- fixed columns -------------------------------------------------------------------------------


def _kept(total: Floats, names: list[str], cautions: list[str]) -> list[int]:
    """Columns (1 first) that those before them do not explain, from X'WX."""
    mean = total[0] / total[0, 0]
    A = total - np.outer(mean, total[0])
    keep, lost = independent(A[1:, 1:], np.diag(total)[1:])
    for j in lost:
        if names[j + 1] != EXPOSED and "mean of the provider" not in names[j + 1]:
            cautions.append(f"{names[j + 1]} is explained by the other columns and is left out")
    return [0, *(j + 1 for j in keep)]


def _from_rows(
    arrays: Arrays, cells: Ints, columns: list[tuple[str, Floats]], cautions: list[str]
) -> Statistics:
    X = np.column_stack([np.ones(cells.size), *(v for _, v in columns)])
    names = [ONE, *(n for n, _ in columns)]
    w = arrays.W.ravel()[cells]
    kept = _kept(X.T @ (w[:, None] * X), names, cautions)
    return from_rows(
        X[:, kept], arrays.Y.ravel()[cells], {CELL: np.arange(cells.size)},
        units={CELL: cells.size}, fixed=tuple(names[j] for j in kept),
        weights=None if np.ptp(w) == 0 and w[0] == 1 else w,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums of pupils' columns by cell: 1, ``inner`` covariates, the outcome, less ``shift``."""

    products: Floats
    counts: Ints
    log_weight: float
    inner: list[str]
    shift: dict[str, float]
    outcome: str

    @staticmethod
    def of(sums: CellSums, place: Ints, inner: list[str], study: Study) -> _Sums:
        at = [0, *(sums.columns.index(c) for c in (*inner, study.outcome))]
        shift = {c: float(sums.shift.get(c, 0.0)) for c in (*inner, study.outcome)}
        return _Sums(
            products=sums.products[np.ix_(place, np.array(at), np.array(at))],
            counts=sums.counts[place],
            log_weight=float(sums.log_weight[place].sum()), inner=inner, shift=shift,
            outcome=study.outcome,
        )  # fmt: skip

    def statistics(self, columns: list[tuple[str, Floats]], cautions: list[str]) -> Statistics:
        """Statistics with the cells' own columns beside those of the pupils."""
        g, h = self.products.shape[0], len(self.inner)
        names = [ONE, *self.inner, *(n for n, _ in columns)]
        # Row k of a cell's matrix writes design column k in columns of its pupils.
        pick = np.zeros((g, len(names) + 1, h + 2))
        pick[:, range(h + 1), range(h + 1)] = 1.0
        for k, (_, value) in enumerate(columns):
            pick[:, h + 1 + k, 0] = value
        pick[:, -1, -1] = 1.0
        centre = np.eye(h + 2)
        total = self.products.sum(axis=0)
        middle = total[0] / total[0, 0]
        # About the middle, and told so as a shift: sums of squares keep their digits.
        centre[1:, 0] = -middle[1:]
        every = [*self.inner, self.outcome]
        shift = {c: self.shift[c] + m for c, m in zip(every, middle[1:].tolist(), strict=True)}
        made = pick @ (centre @ self.products @ centre.T) @ pick.transpose(0, 2, 1)
        kept = _kept(made.sum(axis=0)[:-1, :-1], names, cautions)
        use = [*kept, len(names)]
        return from_products(
            made[np.ix_(range(g), use, use)], self.counts,
            (*(names[j] for j in kept), self.outcome), fixed=tuple(names[j] for j in kept),
            outcome=self.outcome, codes={CELL: np.arange(g)}, units={CELL: g},
            shift=shift, log_weight=self.log_weight,
        )  # fmt: skip
