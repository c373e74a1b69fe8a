"""Structures that overlay: who is in which collaboration, and what holds whom at the same time.

Years are those of the outcomes; whether a membership counts in a year is decided by the same
exposure rule as in every answer (exposure.py), once per membership.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from consortia.arms import passes
from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.exposure import spans
from consortia.specs import Exposure, Where, Window

if TYPE_CHECKING:
    from consortia.panel import Panel
    from consortia.specs import Arm

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PAIRS = 20
"""How many of the most overlapping pairs of collaborations are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """Who was ever in which collaboration of an arm.

    ``names`` (C,) identifiers, ``titles`` (C,) what people call them; ``incidence`` (n, C) sparse
    0/1, overlap allowed; ``first`` (n,) the collaboration joined first (an unknown date counts as
    the day first seen), -1 for none.
    """

    names: tuple[str, ...]
    incidence: sparse.csr_array
    first: Ints
    titles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.titles:
            object.__setattr__(self, "titles", self.names)


def belonging(panel: Panel, arm: Arm, provider: NDArray[np.str_]) -> Belonging | None:
    """Belonging of the providers named ``provider`` (n,); None for an arm that is a status."""
    if arm.status:
        return None
    n = int(provider.size)
    index = pl.DataFrame({"provider": provider}).with_columns(row=pl.int_range(n, dtype=pl.Int64))
    links = (
        panel.memberships.filter(pl.col("kind").is_in(list(arm.kinds)))
        .with_columns(began=pl.coalesce("from", "first_seen"))
        .select("provider", "collaboration", "began")
        .join(index, on="provider", how="inner")
        .sort("row", "began", "collaboration", nulls_last=True)
        .unique(["row", "collaboration"], keep="first", maintain_order=True)
    )
    names = links["collaboration"].unique().sort()
    code = links["collaboration"].rank("dense").to_numpy().astype(np.int64) - 1
    row = links["row"].to_numpy()
    first = np.full(n, -1, dtype=np.int64)
    first[row[::-1]] = code[::-1]
    return Belonging(
        names=tuple(names.to_list()),
        titles=tuple(panel.titles(names.to_list())),
        incidence=sparse.csr_array(
            (np.ones(row.size), (row, code)), shape=(n, max(names.len(), 1) if n else 0)
        ),
        first=first,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What providers hold at the same time.

    ``names``, ``labels`` (K,) kinds of collaboration and statuses; ``years`` (T,);
    ``providers`` with results in any year. ``together`` (T, K, K) providers that hold both, the
    diagonal those that hold the one. ``jaccard`` (K, K) in the last year: both over either, NaN
    where neither is held. ``correlation`` (K, K) over providers and years; ``within`` (K, K) of
    what is left of them after provider and year effects, which is what a regression with such
    effects has to tell them apart by; NaN where one never changes.
    ``holdings`` (T, M) providers in 0, 1, ... M - 1 collaborations at once, the last: or more.
    ``sizes``: kind, collaboration, name (what people call it), members (last year); ``pairs``: the
    pairs of collaborations with most members in common in the last year: first, first_name,
    first_kind, second, second_name, second_kind, shared, first_members, second_members, jaccard.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    years: Ints
    providers: int
    together: Ints
    jaccard: Floats
    correlation: Floats
    within: Floats
    holdings: Ints
    sizes: pl.DataFrame
    pairs: pl.DataFrame

    def __repr__(self) -> str:
        return (
            f"Overlay({len(self.names)} kinds and statuses over {self.years.size} years,\n"
            f"        {self.sizes.height:,} collaborations, {self.providers:,} providers)"
        )


def overlay(
    panel: Panel,
    rule: Exposure,
    window: Window = Window(),
    most: int = 5,
    where: tuple[Where, ...] = (),
) -> Overlay:
    """Count who is in what with whom in every year of ``window``, among the providers that pass
    every ``where``; ``most``: see ``holdings``.

    Time and memory grow with memberships, and with the pairs of collaborations that share anybody,
    not with all pairs of collaborations. Raises DataInvalid for a column that is not there,
    NotIdentified where nobody passes.
    """
    inside = panel.outcomes
    if window.first is not None:
        inside = inside.filter(pl.col("year") >= window.first)
    if window.last is not None:
        inside = inside.filter(pl.col("year") <= window.last)
    years = inside["year"].unique().sort().to_numpy().astype(np.int64)
    index = (
        inside.select("provider").unique().sort("provider").with_row_index("row")
    ).with_columns(pl.col("row").cast(pl.Int64))
    index = _taking_part(panel, index, where)
    n, T = index.height, int(years.size)
    members = panel.memberships.join(index, on="provider", how="inner")
    on = _exposed(members, years, rule)
    status = panel.statuses.select(
        "provider",
        "status",
        pl.col("since").alias("from"),
        pl.col("until").alias("to"),
        pl.lit(None, dtype=pl.Date).alias("first_seen"),
        pl.lit(None, dtype=pl.Date).alias("last_seen"),
    ).join(index, on="provider", how="inner")
    status_on = _exposed(status, years, rule)

    kinds = members["kind"].unique().sort().to_list()
    statuses = status["status"].unique().sort().to_list()
    K = len(kinds) + len(statuses)
    H = np.zeros((n, T, K), dtype=np.bool_)
    for k, kind in enumerate(kinds):
        mine = (members["kind"] == kind).to_numpy()
        np.logical_or.at(H[:, :, k], members["row"].to_numpy()[mine], on[mine])
    for k, name in enumerate(statuses, start=len(kinds)):
        mine = (status["status"] == name).to_numpy()
        np.logical_or.at(H[:, :, k], status["row"].to_numpy()[mine], status_on[mine])

    together = np.einsum("itk,itl->tkl", H.astype(np.float64), H.astype(np.float64), optimize=True)
    last = together[-1]
    either = np.diag(last)[:, None] + np.diag(last)[None, :] - last
    jaccard = np.where(either > 0, last / np.maximum(either, 1), np.nan)
    flat = H.reshape(n * T, K).astype(np.float64)
    left = H - H.mean(axis=1, keepdims=True) - H.mean(axis=0) + H.mean(axis=(0, 1))
    held, sizes, pairs = _collaborations(members, on, n)
    sizes = sizes.insert_column(
        2, pl.Series("name", panel.titles(sizes["collaboration"].to_list()), dtype=pl.String)
    )
    for side in ("second", "first"):
        titles = panel.titles(pairs[side].to_list())
        pairs = pairs.insert_column(
            pairs.columns.index(side) + 1, pl.Series(f"{side}_name", titles, dtype=pl.String)
        )
    holdings = np.stack(
        [np.bincount(np.minimum(per, most), minlength=most + 1) for per in held.T]
    ) if T else np.zeros((0, most + 1), dtype=np.int64)  # fmt: skip
    return Overlay(
        names=(*kinds, *statuses),
        labels=(*kinds, *(f"{s} (status)" for s in statuses)),
        years=years,
        providers=n,
        together=np.rint(together).astype(np.int64),
        jaccard=jaccard,
        correlation=_correlation(flat - flat.mean(axis=0)),
        within=_correlation(left.reshape(n * T, K)),
        holdings=holdings.astype(np.int64),
        sizes=sizes,
        pairs=pairs,
    )


def _taking_part(panel: Panel, index: pl.DataFrame, where: tuple[Where, ...]) -> pl.DataFrame:
    """``index`` (provider, row) of those that pass, numbered anew."""
    fixed = [c for c in panel.providers.columns if c != "provider"]
    strange = [w.column for w in where if w.column not in fixed]
    if strange:
        raise DataInvalid(
            [
                Problem(
                    file="study", column="where", found=name, problem="column is not in the data",
                    remedy=did_you_mean(name, fixed),
                )
                for name in strange
            ]
        )  # fmt: skip
    for w in where:
        facts = index.join(panel.providers, on="provider", how="left", maintain_order="left")
        index = index.filter(passes(facts[w.column], w))
    if not index.height:
        raise NotIdentified("no provider passes the filters in where")
    return index.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))


def _exposed(spells: pl.DataFrame, years: Ints, rule: Exposure) -> Bools:
    """(rows, T) whether each spell counts in each year."""
    each = spells.select(
        pl.int_range(pl.len(), dtype=pl.Int64).cast(pl.String).alias("provider"),
        "from", "to", "first_seen", "last_seen",
    )  # fmt: skip
    places = (
        each.select("provider").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    )
    found = spans(each, places, rule)
    return (years[None, :] >= found.first[:, None]) & (years[None, :] < found.left[:, None])


def _correlation(x: Floats) -> Floats:
    S = x.T @ x
    size = np.sqrt(np.diag(S))
    # What never changes leaves rounding only.
    size[size <= 1e-9 * np.sqrt(max(x.shape[0], 1))] = np.nan
    return S / np.outer(size, size)


def _collaborations(
    members: pl.DataFrame, on: Bools, n: int
) -> tuple[Ints, pl.DataFrame, pl.DataFrame]:
    """Collaborations held at once by provider and year (n, T); sizes and pairs in the last year."""
    T = on.shape[1]
    row = members["row"].to_numpy()
    name = members["collaboration"]
    code = name.rank("dense").to_numpy().astype(np.int64) - 1 if name.len() else row
    C = int(code.max()) + 1 if code.size else 0
    held = np.zeros((n, T), dtype=np.int64)
    last = sparse.csr_array((n, C))
    for t in range(T):
        here = on[:, t]
        A = sparse.csr_array((np.ones(int(here.sum())), (row[here], code[here])), shape=(n, C))
        A.sum_duplicates()
        A.data[:] = 1.0
        held[:, t] = np.asarray(A.sum(axis=1)).reshape(-1)
        last = A
    facts = (
        members.with_columns(code=pl.Series(code))
        .group_by("code", "collaboration")
        .agg(pl.col("kind").unique().sort().str.join(", "))
        .sort("code")
    )
    size = np.asarray(last.sum(axis=0)).reshape(-1).astype(np.int64)
    sizes = facts.select("kind", "collaboration").with_columns(members=pl.Series(size))
    common = sparse.coo_array(sparse.triu(last.T @ last, k=1)) if C else sparse.coo_array((0, 0))
    a, b, shared = common.row, common.col, np.asarray(common.data)
    union = size[a] + size[b] - shared
    share = shared / np.maximum(union, 1)
    # Ties by size and then by name, so that the list is the same everywhere.
    best = np.lexsort((b, a, -share, -shared))[:PAIRS]
    kind, names = facts["kind"].to_numpy(), facts["collaboration"].to_numpy()
    a, b = a[best], b[best]
    pairs = pl.DataFrame(
        {
            "first": names[a].astype(np.str_),
            "first_kind": kind[a].astype(np.str_),
            "second": names[b].astype(np.str_),
            "second_kind": kind[b].astype(np.str_),
            "shared": shared[best].astype(np.int64),
            "first_members": size[a],
            "second_members": size[b],
            "jaccard": share[best],
        },
        schema={
            "first": pl.String, "first_kind": pl.String, "second": pl.String,
            "second_kind": pl.String, "shared": pl.Int64, "first_members": pl.Int64,
            "second_members": pl.Int64, "jaccard": pl.Float64,
        },
    )  # fmt: skip
    return (
        held,
        sizes.sort(["kind", "members", "collaboration"], descending=[False, True, False]),
        pairs,
    )
