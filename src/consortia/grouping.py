"""Which collaborations and places each provider belongs to in each year, for random effects.

A spell counts from the first year that its start exposes until the first that its end does, by the
same rule as exposure (exposure.py); a spell whose start is unknown follows the rule's
``unknown_from``. Collaborations are never merged: a provider in three of one kind has three levels.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse

from consortia.exposure import first_years
from consortia.panel import CellSums, Grouping, Ints, Panel, PupilSums
from consortia.specs import Exposure, Mixed
from consortia.study import Study, label_of

CELLS = ("provider", "provider-year", "year")
"""Terms that need no data beside the outcomes."""


def default_terms(study: Study) -> tuple[str, ...]:
    """Providers, and the collaborations of the arm in question."""
    return ("provider",) if study.arms[study.arm].status else ("provider", study.arm)


def asked(study: Study) -> tuple[str, ...]:
    """Every term that the method or the shares of a study ask for, each once."""
    terms: tuple[str, ...] = study.shares.terms
    if isinstance(study.method, Mixed):
        terms = (*(study.method.terms or default_terms(study)), *terms)
    return tuple(dict.fromkeys(terms))


def known_terms(panel: Panel, study: Study) -> list[str]:
    """Names that a term may have."""
    arms = [name for name, arm in study.arms.items() if arm.kinds]
    kinds = panel.memberships["kind"].unique().drop_nulls().sort().to_list()
    facts = [c for c in panel.providers.columns if c != "provider"]
    return list(dict.fromkeys((*CELLS, *arms, *kinds, *facts)))


def groupings(panel: Panel, study: Study, index: pl.DataFrame, years: Ints) -> tuple[Grouping, ...]:
    """One Grouping for each term that is a kind of collaboration or a column of the providers.

    ``index`` (provider, row). A name is looked for among arms, then kinds, then columns.
    """
    kinds = set(panel.memberships["kind"].unique().drop_nulls().to_list())
    out: list[Grouping] = []
    for name in asked(study):
        if name in CELLS:
            continue
        arm = study.arms.get(name)
        if arm is not None and arm.kinds:
            out.append(
                _collaborations(panel, study.exposure, name, label_of(arm, name), arm.kinds, index,
                                years)
            )  # fmt: skip
        elif name in kinds:
            out.append(_collaborations(panel, study.exposure, name, name, (name,), index, years))
        else:
            out.append(_label(panel, name, index, years.size))
    return tuple(out)


def _collaborations(
    panel: Panel, rule: Exposure, name: str, label: str, kinds: tuple[str, ...],
    index: pl.DataFrame, years: Ints,
) -> Grouping:  # fmt: skip
    spells = panel.memberships.filter(pl.col("kind").is_in(list(kinds))).join(
        index, on="provider", how="inner"
    )
    first, left = first_years(spells, rule)
    inside = (first[:, None] <= years) & (years < left[:, None])
    spell, t = np.nonzero(inside)
    levels = spells["collaboration"].unique().sort()
    place = pl.DataFrame({"collaboration": levels}).with_columns(
        level=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    level = (
        spells.join(place, on="collaboration", how="left", maintain_order="left")["level"]
        .to_numpy()
        .astype(np.int64)
    )
    weight = spells["weight"].fill_null(1.0).to_numpy()
    cells = spells["row"].to_numpy().astype(np.int64)[spell] * years.size + t
    # One membership told twice (by two snapshots, say) is one membership.
    once = (
        pl.DataFrame({"cell": cells, "level": level[spell], "weight": weight[spell]})
        .filter(pl.col("weight") > 0)
        .group_by("cell", "level")
        .agg(pl.col("weight").max())
        .sort("cell", "level")
    )
    shape = (index.height * years.size, levels.len())
    members = sparse.csr_array(
        (once["weight"].to_numpy(), (once["cell"].to_numpy(), once["level"].to_numpy())),
        shape=shape,
    )
    return Grouping(
        name=name, label=label, kind="collaboration", levels=tuple(levels.to_list()),
        members=members,
    )  # fmt: skip


def _label(panel: Panel, name: str, index: pl.DataFrame, T: int) -> Grouping:
    column = (
        index.join(panel.providers, on="provider", how="left", maintain_order="left")[name]
        .cast(pl.String)
    )  # fmt: skip
    levels = column.drop_nulls().unique().sort()
    place = {v: k for k, v in enumerate(levels.to_list())}
    code = np.array([place.get(v, -1) for v in column.to_list()], dtype=np.int64)
    cell = np.repeat(code, T)
    rows = np.flatnonzero(cell >= 0)
    members = sparse.csr_array(
        (np.ones(rows.size), (rows, cell[rows])), shape=(cell.size, levels.len())
    )
    return Grouping(
        name=name, label=name.replace("_", " "), kind="label", levels=tuple(levels.to_list()),
        members=members,
    )  # fmt: skip


def cell_sums(sums: PupilSums, index: pl.DataFrame, years: Ints) -> CellSums:
    """The pupil rows of the study's cells."""
    frame = sums.frame.select("provider", "year").with_row_index("group")
    placed = frame.join(index, on="provider", how="inner").filter(
        pl.col("year").is_in(years.tolist())
    )
    place = np.full((index.height, years.size), -1, dtype=np.int64)
    t = np.searchsorted(years, placed["year"].to_numpy().astype(np.int64))
    place[placed["row"].to_numpy(), t] = placed["group"].to_numpy().astype(np.int64)
    return CellSums(
        columns=sums.columns, products=sums.products(),
        counts=sums.frame["rows"].to_numpy().astype(np.int64),
        log_weight=sums.frame["log_weight"].to_numpy().astype(np.float64), shift=sums.shift,
        place=place,
    )  # fmt: skip
