"""Who shares a cluster with whom, as an incidence matrix: collaborations overlap."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.arms import memberships_of
from consortia.errors import NotIdentified
from consortia.nearby import markets_of
from consortia.panel import Ints, Panel
from consortia.study import Study


def clusters(panel: Panel, study: Study, index: pl.DataFrame) -> sparse.csr_array:
    n = index.height
    rule = study.inference.cluster
    if rule == "provider":
        alone = np.arange(n + 1, dtype=np.int32)
        return sparse.csr_array((np.ones(n), alone[:-1], alone), shape=(n, n))
    if rule == "collaboration":
        arm = study.arms[study.arm]
        if not arm.kinds:
            what = "a status" if arm.status else "a column"
            raise NotIdentified(
                f"{study.arm_label} is {what}, so that there are no collaborations to cluster by"
            )
        links = (
            memberships_of(arm, panel)
            .select("provider", "collaboration")
            .unique()
            .join(index, on="provider", how="inner")
        )
        codes = links["collaboration"].rank("dense").to_numpy().astype(np.int64) - 1
        return _incidence(links["row"].to_numpy().astype(np.int64), codes, n)
    if rule == "market":
        names = index["provider"].to_numpy().astype(np.str_)
        return _incidence(np.arange(n), markets_of(panel, names, study.inference.market_km), n)
    column = index.join(panel.providers, on="provider", how="left", maintain_order="left")[rule]
    known = column.is_not_null().to_numpy()
    codes = column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    return _incidence(np.flatnonzero(known), codes[known], n)


def _incidence(i: NDArray[np.integer], codes: Ints, n: int) -> sparse.csr_array:
    """n x C incidence; providers in no cluster get one of their own."""
    alone = np.setdiff1d(np.arange(n), i)
    top = int(codes.max()) + 1 if codes.size else 0
    rows = np.concatenate([i, alone])
    columns = np.concatenate([codes, top + np.arange(alone.size)])
    return sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=(n, top + alone.size))


def compact(incidence: sparse.csr_array) -> sparse.csr_array:
    """Without the clusters that nobody in the sample belongs to."""
    columns, codes = np.unique(incidence.indices, return_inverse=True)
    return sparse.csr_array(
        (np.ones(codes.size), codes, incidence.indptr), shape=(incidence.shape[0], columns.size)
    )
