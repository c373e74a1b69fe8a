"""What the two ways of computing ATT(g, t) hand over: estimates, influence, and who was used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortia.estimators.aggregation import Summary
from consortia.maths.influence import Influence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFits:
    """ATT of K cells.

    ``att`` (K,) NaN where not identified, 0 for references; ``because`` says why, "" otherwise;
    ``caution`` other remarks. ``treated`` and ``control`` (K, U) which units are used in a cell, a
    unit being a provider or a path of ``size`` (U,) providers. ``share`` (T + 1,) summed weight of
    each cohort's providers used in any cell that is not
    a reference.
    """

    att: Floats
    because: tuple[str, ...]
    caution: tuple[str, ...]
    treated: Bools
    control: Bools
    size: Ints
    share: Floats

    def counts(self, asked: Bools | None = None) -> tuple[Ints, Ints]:
        """Providers treated and compared, by cell (K,), or by row (R,) for ``asked`` (R, K)."""
        if asked is None:
            return self.treated @ self.size, self.control @ self.size
        out = np.zeros((2, asked.shape[0]), dtype=np.int64)
        for r, mine in enumerate(asked & np.isfinite(self.att)):
            for side, used in enumerate((self.treated, self.control)):
                out[side, r] = self.size @ used[mine].any(axis=0) if mine.any() else 0
        return out[0], out[1]


def join(Z: Floats, cell_columns: int, cohorts: Ints, summary: Summary) -> Influence:
    """Influence of all cells and summaries from ``Z`` (n, K + G): the cells' psi, then the used
    weight of each cohort in ``cohorts`` (G,)."""
    K, G, R = cell_columns, cohorts.size, summary.theta.size
    B = np.zeros((1, K + R, K + G))
    B[0, :K, :K] = np.eye(K)
    B[0, K:, :K] = summary.L
    B[0, K:, K:] = summary.H[:, cohorts]
    return Influence(Z=Z, path=np.zeros(Z.shape[0], dtype=np.int64), B=B)
