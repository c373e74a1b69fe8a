"""The Panel: one row per provider and year, with memberships, statuses and places beside it.

A simulated panel and a real one are the same type. This module holds the nouns; ``Panel.arrays``
is the one crossing from words to letters (its steps stand in crossing.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a table came from: role, name, rows, SHA-256 of its bytes, licence if stated."""

    role: str
    name: str
    rows: int
    digest: str
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something met while reading that is not wrong but must be known, with a count."""

    role: str
    what: str
    count: int
    column: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PupilSums:
    """Sums of products of pupil rows by group.

    ``frame`` has the columns ``by``, "rows" (count), "log_weight" and one column "a*b" per pair of
    ``columns`` ("1" first, ``outcome`` last), of values less ``shift``, times the weight.
    ``groups_suppressed`` and ``rows_suppressed`` were left out by disclosure control,
    ``small_cells`` of those groups because of a yes/no column; ``rows_incomplete`` lacked a value.
    ``digits``: significant digits that every sum was rounded to, 0 where none was.
    """

    frame: pl.DataFrame
    by: tuple[str, ...]
    columns: tuple[str, ...]
    outcome: str
    shift: Mapping[str, float]
    weight: str
    minimum: int
    minimum_cell: int
    groups_suppressed: int
    small_cells: int
    rows_suppressed: int
    rows_incomplete: int
    digits: int = 0

    def __repr__(self) -> str:
        rows = int(self.frame["rows"].sum())
        return (
            f"PupilSums of {rows:,} rows in {self.frame.height:,} groups by {', '.join(self.by)}\n"
            f"  suppressed: {self.groups_suppressed:,} groups, {self.rows_suppressed:,} rows; "
            f"incomplete: {self.rows_incomplete:,} rows"
        )

    def products(self) -> Floats:
        """(groups, m, m) sums of products of ``columns``, in the order of ``frame``."""
        m = len(self.columns)
        out = np.empty((self.frame.height, m, m))
        for i, a in enumerate(self.columns):
            for j, b in enumerate(self.columns[i:], start=i):
                out[:, i, j] = out[:, j, i] = self.frame[f"{a}*{b}"].to_numpy()
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Providers over years, with everything they hold.

    Frames (Polars), already validated; the doors in ``sources`` and ``world`` make them:

    * ``outcomes``: provider (String), year (Int32), then numeric columns (Float64, null = missing);
      one row per provider and year.
    * ``providers``: provider, then fixed facts (numbers or text). Places, where known, are the
      columns ``easting``/``northing`` (metres) or ``latitude``/``longitude`` (degrees).
    * ``memberships``: provider, collaboration, kind, from, to (Date; null = unknown start, open or
      unknown end), weight (Float64), first_seen, last_seen (Date; the snapshots that show it).
    * ``statuses``: provider, status, since, until (Date).
    * ``truth``: provider, year, effect; simulated panels only.
    * ``pupils``: sums of pupil rows by provider and year, where the study is one of pupils; then
      ``outcomes`` has their means, with the number of pupils in the column "pupils".
    * ``collaborations``: collaboration, name; where names are known beside the identifiers.
    """

    outcomes: pl.DataFrame
    providers: pl.DataFrame
    memberships: pl.DataFrame
    statuses: pl.DataFrame
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()
    truth: pl.DataFrame | None = None
    pupils: PupilSums | None = None
    collaborations: pl.DataFrame | None = None

    def __repr__(self) -> str:
        years = self.outcomes["year"]
        span = f"{years.min()}-{years.max()}" if self.outcomes.height else "no years"
        return (
            f"Panel({self.providers.height:,} providers, {self.outcomes.height:,} provider-years, "
            f"{span}\n      {self.memberships.height:,} memberships in "
            f"{self.memberships['collaboration'].n_unique():,} collaborations, "
            f"{self.statuses.height:,} statuses)"
        )

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the sources, in role order."""
        import hashlib

        text = "\n".join(f"{s.role}:{s.digest}" for s in sorted(self.sources, key=lambda s: s.role))
        return hashlib.sha256(text.encode()).hexdigest()

    def titles(self, collaborations: Sequence[str]) -> list[str]:
        """What people call them: the name where one is known, with the identifier behind it where
        several share it; the identifier where none is."""
        known = self.collaborations
        if known is None or not len(collaborations):
            return list(collaborations)
        asked = pl.DataFrame({"collaboration": pl.Series(collaborations, dtype=pl.String)})
        several = pl.col("name").is_duplicated() & pl.col("name").is_not_null()
        shown = (
            pl.when(several)
            .then(pl.format("{} ({})", "name", "collaboration"))
            .otherwise(pl.col("name"))
        )
        titled = known.select("collaboration", title=shown)
        found = asked.join(titled, on="collaboration", how="left", maintain_order="left")
        return found["title"].fill_null(found["collaboration"]).to_list()

    def arrays(self, study: Study) -> Arrays:
        """The letters of this study: Y, D, G and the rest. See crossing.cross."""
        from consortia.crossing import cross

        return cross(self, study)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """One line of the flow of providers: what happened, how many, why."""

    step: str
    providers: int
    provider_years: int
    why: str = ""
    kind: str = "drop"  # "start", "drop" (whole providers), "cells" (single years), "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Another arm beside the one in question: its label and first exposed year by provider.

    ``cohort`` (n,) in 0..T as in Arrays; ``on`` (n, T) whether it is held; ``dose`` (n, T) how
    much of it, None = binary.
    """

    name: str
    label: str
    cohort: Ints
    on: Bools
    dose: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """What providers belong to, year by year: collaborations of some kinds, or a fixed label.

    ``members`` (n T, levels) weight of each level for each cell (row i T + t is provider i in
    year t), as stated; a cell may have none, one or several. ``levels`` are their identifiers.
    """

    name: str
    label: str
    kind: Literal["collaboration", "label"]
    levels: tuple[str, ...]
    members: sparse.csr_array


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSums:
    """Pupil rows as sums by cell.

    ``products`` (g, m, m) of ``columns`` ("1" first) less ``shift``, weighted; ``counts`` (g,)
    pupils; ``log_weight`` (g,); ``place`` (n, T) says which of the g belongs to a cell, -1 none.
    """

    columns: tuple[str, ...]
    products: Floats
    counts: Ints
    log_weight: Floats
    shift: Mapping[str, float]
    place: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """A panel in letters: n providers, T years.

    * ``provider`` (n,) names; ``years`` (T,) calendar years, ascending (years without any data
      do not appear).
    * ``Y`` (n, T) outcome, NaN where missing, censored or not used.
    * ``W`` (n, T) weight of the cell, 0 where Y is NaN; ``w`` (n,) weight of the provider.
    * ``cohort`` (n,) index in ``years`` of the first exposed year; T = never in the window;
      0 = exposed from the first year, so that nothing is known from before.
    * ``D`` (n, T) whether exposed.
    * ``X`` (n, p) fixed covariates; ``Z`` (n, T, q) covariates by year; names beside them.
    * ``hold`` arms held fixed; ``alongside`` arms that are only counted.
    * ``stratum`` (n,) the regime (combination of held arms) within which a provider is compared.
    * ``incidence`` (n, C) sparse 0/1: which clusters a provider belongs to (overlap allowed).
    * ``truth`` (n, T) the known effect on exposed cells, simulated panels only.
    * ``regime`` (n, T) code of the vector of held arms in a year, into ``regime_names``; None =
      nothing is held.
    * ``on`` (n, T) whether the arm is held in the year (differs from D where it can be left); None
      = D. ``dose`` (n, T) how much of it; None = binary. ``moves`` (n,) further collaborations
      joined after the first; None = not counted.
    * ``rings`` (n, R) index in ``years`` of the first year in which others in each ring around the
      provider had joined; T = never, -1 = place not known; None where no method asked.
    * ``points`` (n, 2) or (n, 3) place in metres, NaN where not known; None where nobody asked.
    * ``groupings`` memberships and labels by cell, where the study asks for them as terms.
    * ``by`` (n, T) the column by whose levels the answer is split, NaN where not known; None where
      nobody asked.
    * ``sums`` the pupil rows behind the cells, in a study of pupils.
    """

    provider: NDArray[np.str_]
    years: Ints
    Y: Floats
    W: Floats
    w: Floats
    cohort: Ints
    D: Bools
    X: Floats
    Z: Floats
    X_names: tuple[str, ...]
    Z_names: tuple[str, ...]
    hold: tuple[Held, ...]
    alongside: tuple[Held, ...]
    stratum: Ints
    stratum_names: tuple[str, ...]
    incidence: sparse.csr_array
    cluster_name: str
    flow: tuple[FlowStep, ...]
    cautions: tuple[str, ...]
    truth: Floats | None = None
    regime: Ints | None = None
    regime_names: tuple[str, ...] = ("all",)
    on: Bools | None = None
    dose: Floats | None = None
    moves: Ints | None = None
    rings: Ints | None = None
    points: Floats | None = None
    groupings: tuple[Grouping, ...] = ()
    by: Floats | None = None
    sums: CellSums | None = None

    @property
    def n(self) -> int:
        return int(self.Y.shape[0])

    @property
    def T(self) -> int:
        return int(self.Y.shape[1])

    @property
    def held(self) -> Bools:
        """(n, T) whether the arm is held in the year: D, unless it can be left again."""
        return self.D if self.on is None else self.on

    @property
    def joiners(self) -> Bools:
        """(n,) providers first exposed inside the window, after its first year."""
        return (self.cohort > 0) & (self.cohort < self.T)

    def take(self, rows: Bools) -> Arrays:
        """The same letters for some of the providers; ``rows`` is (n,)."""

        def held(h: Held) -> Held:
            dose = None if h.dose is None else h.dose[rows]
            return replace(h, cohort=h.cohort[rows], on=h.on[rows], dose=dose)

        return replace(
            self,
            provider=self.provider[rows],
            Y=self.Y[rows],
            W=self.W[rows],
            w=self.w[rows],
            cohort=self.cohort[rows],
            D=self.D[rows],
            X=self.X[rows],
            Z=self.Z[rows],
            hold=tuple(held(h) for h in self.hold),
            alongside=tuple(held(h) for h in self.alongside),
            stratum=self.stratum[rows],
            incidence=sparse.csr_array(self.incidence[rows]),
            truth=None if self.truth is None else self.truth[rows],
            regime=None if self.regime is None else self.regime[rows],
            on=None if self.on is None else self.on[rows],
            dose=None if self.dose is None else self.dose[rows],
            moves=None if self.moves is None else self.moves[rows],
            rings=None if self.rings is None else self.rings[rows],
            points=None if self.points is None else self.points[rows],
            by=None if self.by is None else self.by[rows],
            groupings=tuple(
                replace(g, members=sparse.csr_array(g.members[np.repeat(rows, self.T)]))
                for g in self.groupings
            ),
            sums=None if self.sums is None else replace(self.sums, place=self.sums.place[rows]),
        )
