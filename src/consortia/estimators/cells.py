"""What the two ways of computing ATT(g, t) hand over: estimates, influence, and who was used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.aggregation import Summary
from consortia.estimators.design import Cell
from consortia.maths.influence import Influence, Part

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFits:
    """ATT of K cells.

    ``att`` (K,) NaN where not identified, 0 for references; ``because`` says why, "" otherwise;
    ``caution`` other remarks. ``treated`` and ``control`` (K, U / 8) which units are used in a
    cell, as packed bits, a unit being a provider or a path of ``size`` (U,) providers (None = one
    each). ``share`` (G,) summed weight of the providers of each group that cells are averaged by:
    a cohort's providers used in any cell that is not a reference, unless the method says otherwise.
    """

    att: Floats
    because: tuple[str, ...]
    caution: tuple[str, ...]
    treated: Bits
    control: Bits
    size: Ints | None
    share: Floats

    def counts(self, asked: Bools | None = None) -> tuple[Ints, Ints]:
        """Providers treated and compared, by cell (K,), or by row (R,) for ``asked`` (R, K)."""
        if asked is None:
            return self._count(self.treated), self._count(self.control)
        mine = asked & np.isfinite(self.att)
        return self._count(unions(self.treated, mine)), self._count(unions(self.control, mine))

    def _count(self, bits: Bits) -> Ints:
        if self.size is None:
            return np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
        return np.unpackbits(bits, axis=1, count=self.size.size) @ self.size


def unions(bits: Bits, rows: Bools) -> Bits:
    """Units in any of the cells that a row (R, K) names: (R, U / 8)."""
    out = np.zeros((rows.shape[0], bits.shape[1]), dtype=np.uint8)
    for r, mine in enumerate(rows):
        np.bitwise_or.reduce(bits[mine], axis=0, out=out[r])
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Influence on cells, by block of providers (a cohort, or those of a cohort that ever hold the
    same regimes): the providers of a block have columns only for the cells in which they may be
    treated or compared.

    ``label`` (n,) the block of a provider, ``cohort[c]`` the cohort of block c; ``rows[c]`` (r,)
    its providers; ``place`` (n,) where a provider stands in its ``rows``; ``which[c]`` (k,) the
    cells and ``groups[c]`` (q,) the groups whose share they enter; ``psi[c]`` (r, k + q), the last
    q columns being their weight in those shares. ``spot[c]`` (K,) the column of a cell, -1 none.
    """

    label: Ints
    cohort: dict[int, int]
    rows: dict[int, Ints]
    place: Ints
    which: dict[int, Ints]
    groups: dict[int, Ints]
    psi: dict[int, Floats]
    spot: dict[int, Ints]

    def join(self, summary: Summary, K: int) -> Influence:
        """Influence on the K cells and then their summaries."""
        parts: list[Part] = []
        for c, cells in self.which.items():
            B = np.zeros((K + summary.theta.size, cells.size + self.groups[c].size))
            B[cells, np.arange(cells.size)] = 1.0
            B[K:, : cells.size] = summary.L[:, cells]
            B[K:, cells.size :] = summary.H[:, self.groups[c]]
            parts.append(Part(rows=self.rows[c], Z=self.psi[c], B=B))
        return Influence(parts=tuple(parts), n_providers=self.place.size)


def columns_for(
    cohort: Ints,
    cells: tuple[Cell, ...],
    ready: Bools,
    regime: Ints | None = None,
    groups: tuple[tuple[int, ...], ...] | None = None,
) -> Columns:
    """Room for the influence of the providers that are ``ready`` (n,).

    With ``regime`` (n, T) a block holds the providers of a cohort that ever hold the same regimes.
    ``groups`` (K): the groups whose share the treated of a cell enter; None = their cohort.
    """
    label, of_cohort, holds = _blocks(cohort, regime)
    rows: dict[int, Ints] = {}
    which: dict[int, Ints] = {}
    members: dict[int, Ints] = {}
    psi: dict[int, Floats] = {}
    spot: dict[int, Ints] = {}
    place = np.zeros(cohort.size, dtype=np.int64)
    every = np.array(list(of_cohort.values()), dtype=np.int64)
    compares = np.array([cell.compares(every) for cell in cells]).reshape(len(cells), every.size)
    for at, (c, g) in enumerate(of_cohort.items()):
        mine = [
            k
            for k, cell in enumerate(cells)
            if not cell.reference
            and (cell.g == g or compares[k, at])
            and (cell.regime < 0 or cell.regime in holds[c])
        ]
        here = np.flatnonzero(ready & (label == c))
        if mine and here.size:
            rows[c], which[c] = here, np.array(mine, dtype=np.int64)
            own = {g} if groups is None else {q for k in mine if cells[k].g == g for q in groups[k]}
            members[c] = np.array(sorted(own), dtype=np.int64)
            place[here] = np.arange(here.size)
            psi[c] = np.zeros((here.size, len(mine) + len(own)))
            spot[c] = np.full(len(cells), -1, dtype=np.int64)
            spot[c][mine] = np.arange(len(mine))
    return Columns(
        label=label,
        cohort=of_cohort,
        rows=rows,
        place=place,
        which=which,
        groups=members,
        psi=psi,
        spot=spot,
    )


def _blocks(
    cohort: Ints, regime: Ints | None
) -> tuple[Ints, dict[int, int], dict[int, frozenset[int]]]:
    """Block of each provider, cohort of each block, regimes that its providers ever hold."""
    if regime is None:
        present = np.flatnonzero(np.bincount(cohort)).tolist()
        return cohort, {c: c for c in present}, {c: frozenset() for c in present}
    held = np.sort(regime, axis=1)
    held[:, 1:][held[:, 1:] == held[:, :-1]] = -1
    key = np.column_stack([cohort, np.sort(held, axis=1)])
    sets, label = np.unique(key, axis=0, return_inverse=True)
    label = label.reshape(-1).astype(np.int64)
    return (
        label,
        {c: int(row[0]) for c, row in enumerate(sets)},
        {c: frozenset(int(r) for r in row[1:] if r >= 0) for c, row in enumerate(sets)},
    )
