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
    each). ``share`` (T + 1,) summed weight of each cohort's providers used in any cell that is not
    a reference.
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
    """Influence on cells, by cohort: the providers of a cohort have columns only for the cells in
    which they are treated or compared.

    ``rows[c]`` (r,) providers of cohort c; ``place`` (n,) where a provider stands in its ``rows``;
    ``which[c]`` (k,) the cells; ``psi[c]`` (r, k + 1), the last column being the weight if used.
    """

    rows: dict[int, Ints]
    place: Ints
    which: dict[int, Ints]
    psi: dict[int, Floats]

    def join(self, summary: Summary, K: int) -> Influence:
        """Influence on the K cells and then their summaries."""
        parts: list[Part] = []
        for c, cells in self.which.items():
            B = np.zeros((K + summary.theta.size, cells.size + 1))
            B[cells, np.arange(cells.size)] = 1.0
            B[K:, :-1] = summary.L[:, cells]
            B[K:, -1] = summary.H[:, c]
            parts.append(Part(rows=self.rows[c], Z=self.psi[c], B=B))
        return Influence(parts=tuple(parts), n_providers=self.place.size)


def columns_for(cohort: Ints, cells: tuple[Cell, ...], ready: Bools) -> Columns:
    """Room for the influence of the providers that are ``ready`` (n,)."""
    rows: dict[int, Ints] = {}
    which: dict[int, Ints] = {}
    psi: dict[int, Floats] = {}
    place = np.zeros(cohort.size, dtype=np.int64)
    for c in np.flatnonzero(np.bincount(cohort)).tolist():
        mine = [
            k
            for k, cell in enumerate(cells)
            if not cell.reference and (cell.g == c or bool(cell.compares(np.array([c]))[0]))
        ]
        here = np.flatnonzero(ready & (cohort == c))
        if mine and here.size:
            rows[c], which[c] = here, np.array(mine, dtype=np.int64)
            place[here] = np.arange(here.size)
            psi[c] = np.zeros((here.size, len(mine) + 1))
    return Columns(rows=rows, place=place, which=which, psi=psi)
