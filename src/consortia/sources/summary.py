"""What the data hold before any question is answered: counts that show a misreading at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from consortia.errors import DataInvalid, NotIdentified, Problem
from consortia.exposure import NEVER_YEAR, Spans, spans, spells_of
from consortia.naming import check_names
from consortia.panel import Note, Panel, Source
from consortia.sources.competition import COLUMNS, for_study, made_for
from consortia.sources.findings import Findings
from consortia.sources.panels import read_leniently
from consortia.specs import Arm, DataSpec, Exposure
from consortia.study import Study

Rows = tuple[dict[str, Any], ...]

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """Counts of a set of files as read; tables are tuples of rows with the same keys.

    ``years``: year, providers, then known values of each column. ``columns``: column, known,
    missing. ``memberships``: one row per kind. ``exposure``: one row per kind and status with the
    providers exposed in each year, those that join within the years, those that never do (by the
    exposure rule). ``overlaps``: providers exposed to two of them in the same year.
    ``competition``: the columns of [competition], and how their values spread (thirds are the
    levels of [levels]).
    """

    problems: tuple[Problem, ...]
    notes: tuple[Note, ...]
    sources: tuple[Source, ...]
    providers: int
    years: Rows
    columns: Rows
    memberships: Rows
    exposure: Rows
    overlaps: Rows
    rule: str
    competition: Rows = ()

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)

    def tables(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Title and rows of each table, in reading order, for printing."""
        files = [
            {"file": s.name, "role": s.role, "rows": s.rows, "sha256": s.digest[:12]}
            for s in self.sources
        ]
        notes = [
            {
                "count": n.count,
                "where": n.role,
                "column": n.column,
                "what": n.what,
                "found": n.found,
            }
            for n in self.notes
        ]
        return [
            ("Files", files),
            (f"Years ({self.providers:,} providers; known values)", list(self.years)),
            ("Missing values", list(self.columns)),
            ("Memberships", list(self.memberships)),
            (f"Providers exposed in each year ({self.rule})", list(self.exposure)),
            ("Held in the same year", list(self.overlaps)),
            *([("Competition nearby", list(self.competition))] if self.competition else []),
            ("Met while reading", notes),
        ]


def check_data(
    data: DataSpec, folder: str | Path = ".", studies: Sequence[Study] = ()
) -> DataSummary:
    """Read the files and count what they hold; problems are in the summary and nothing is raised.

    The exposure rule is that of the first study, or the default without one.
    """
    findings = Findings()
    panel = read_leniently(data, Path(folder), findings)
    rule = studies[0].exposure if studies else Exposure()
    if panel is None:
        return DataSummary(
            problems=tuple(findings.problems), notes=tuple(findings.notes), sources=(), providers=0,
            years=(), columns=(), memberships=(), exposure=(), overlaps=(), rule=in_words(rule),
        )  # fmt: skip
    problems = list(findings.problems)
    # What the studies name is told together with what is wrong in the files.
    for study in studies:
        try:
            check_names(panel, study, made_for(study))
        except DataInvalid as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        return summarise(panel, rule, tuple(problems))
    rivalry, made, wrong = _competition(panel, studies)
    # Columns of competition are counted like those of the files, for the first arm in question.
    summary = summarise(made or panel, rule, tuple(wrong))
    return replace(summary, competition=tuple(rivalry))


def _competition(
    panel: Panel, studies: Sequence[Study]
) -> tuple[list[dict[str, Any]], Panel | None, list[Problem]]:
    """The columns of [competition] for each arm that asks: their spread, the panel with those of
    the first, and what is wrong with them."""
    rows: list[dict[str, Any]] = []
    first: Panel | None = None
    problems: list[Problem] = []
    asked = {(s.competition, s.arm if s.arms[s.arm].kinds else ""): s for s in reversed(studies)}
    for (spec, arm), study in reversed(asked.items()):
        if spec is None:
            continue
        try:
            made = for_study(panel, study)
        except NotIdentified as error:
            problems.append(
                Problem(
                    file="study", column="competition", problem=error.because,
                    remedy="Correct [competition], or leave it out",
                )
            )  # fmt: skip
            continue
        first = first or made
        if made.outcomes["rivals"].max() in (0, None):
            problems.append(
                Problem(
                    file="study", column="competition.radius_km", found=f"{spec.radius_km:g}",
                    problem="nobody has a rival within this distance"
                    + (f" that has the same {spec.within}" if spec.within else ""),
                    remedy="Choose a larger one, or look whether places are in metres",
                )
            )  # fmt: skip
            continue
        rows += [_spread(made.outcomes[name], name, arm) for name in made_for(study)]
    # The columns that do not depend on the arm are the same for all.
    once: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        once.setdefault(tuple(v for k, v in row.items() if k != "arm"), row)
    return list(once.values()), first, problems


def _spread(values: pl.Series, name: str, arm: str) -> dict[str, Any]:
    known = values.drop_nulls()

    def at(q: float) -> float | None:
        found = known.quantile(q, "linear")
        return None if found is None else round(float(found), 3)

    return {
        "column": name,
        "arm": arm,
        "what": COLUMNS[name],
        "known": known.len(),
        "missing": values.null_count(),
        "lowest": at(0.0),
        "a third up to": at(1 / 3),
        "two thirds up to": at(2 / 3),
        "highest": at(1.0),
    }


def summarise(
    panel: Panel, rule: Exposure | None = None, problems: tuple[Problem, ...] = ()
) -> DataSummary:
    """The summary of a panel that is already read."""
    rule = rule or Exposure()
    outcomes = panel.outcomes
    values = [c for c in outcomes.columns if c not in ("provider", "year")]
    index = (
        outcomes.select("provider").unique().sort("provider").with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
    )  # fmt: skip
    years = outcomes["year"].unique().sort().to_numpy().astype(np.int64)
    by_year = (
        outcomes.group_by("year")
        .agg(pl.len().alias("providers"), *[pl.col(c).count() for c in values])
        .sort("year")
    )
    known = outcomes.select(pl.col(c).count() for c in values)
    columns = [
        {"column": c, "known": known[c][0], "missing": outcomes.height - known[c][0]}
        for c in values
    ]
    arms = {
        name: Arm(kinds=(name,))
        for name in panel.memberships["kind"].unique().drop_nulls().sort().to_list()
    }
    for name in panel.statuses["status"].unique().drop_nulls().sort().to_list():
        arms[name if name not in arms else f"{name} (status)"] = Arm(status=name)
    spans_of = {
        name: spans(spells_of(arm, panel.memberships, panel.statuses), index, rule)
        for name, arm in arms.items()
    }
    return DataSummary(
        problems=problems,
        notes=panel.notes,
        sources=panel.sources,
        providers=index.height,
        years=tuple(by_year.to_dicts()),
        columns=tuple(columns),
        memberships=tuple(_kinds(panel, index)),
        exposure=tuple(_exposed(name, span, years) for name, span in spans_of.items()),
        overlaps=tuple(_overlaps(spans_of, years)),
        rule=in_words(rule),
    )


def in_words(rule: Exposure) -> str:
    """The exposure rule in a few words."""
    day = f"{int(rule.cutoff[3:])} {_MONTHS[int(rule.cutoff[:2]) - 1]}"
    year = "of the same year" if rule.calendar_year else "of the year before the results"
    return f"joined on or before {day} {year}"


def _kinds(panel: Panel, index: pl.DataFrame) -> list[dict[str, Any]]:
    ours = panel.memberships.join(index, on="provider", how="semi")
    counted = (
        ours.group_by("kind")
        .agg(
            pl.len().alias("memberships"),
            pl.col("collaboration").n_unique().alias("collaborations"),
            pl.col("provider").n_unique().alias("providers"),
            pl.col("from").null_count().alias("start unknown"),
            pl.col("to").count().alias("ended"),
        )
        .sort("memberships", "kind", descending=[True, False])
    )
    return counted.to_dicts()


def _exposed(name: str, span: Spans, years: np.ndarray) -> dict[str, Any]:
    row: dict[str, Any] = {"held": name}
    for year in years.tolist():
        row[str(year)] = int((span.first <= year).sum())
    row["join"] = int(((span.first > years[0]) & (span.first <= years[-1])).sum())
    row["later"] = int(((span.first > years[-1]) & (span.first < NEVER_YEAR)).sum())
    row["never"] = int((span.first >= NEVER_YEAR).sum())
    return row


def _overlaps(spans_of: dict[str, Spans], years: np.ndarray) -> list[dict[str, Any]]:
    """Pairs held in the last year, and how often the two began in the same year of exposure."""
    last = years[-1]
    rows: list[dict[str, Any]] = []
    for (a, x), (b, y) in combinations(spans_of.items(), 2):
        both = (x.first <= last) & (y.first <= last)
        joined = both & (x.first > years[0])
        if both.any():
            rows.append(
                {
                    "held": a,
                    "and": b,
                    f"both in {last}": int(both.sum()),
                    "of them began in the same year": int((joined & (x.first == y.first)).sum()),
                }
            )
    return sorted(rows, key=lambda r: -r[f"both in {last}"])
