"""Every name that a study uses stands for something in the data; all that do not, at once."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.grouping import asked, known_terms
from consortia.nearby import placed
from consortia.panel import Panel
from consortia.specs import Neighbours
from consortia.study import Study


def check_names(panel: Panel, study: Study, made: tuple[str, ...] = ()) -> None:
    """Every column, kind and status that the study names exists; all problems at once.

    ``made``: columns that are yet to be added to the outcomes (those of competition).
    """
    problems: list[Problem] = []
    numeric = [c for c in (*panel.outcomes.columns, *made) if c not in ("provider", "year")]
    fixed = [c for c in panel.providers.columns if c != "provider"]
    kinds = panel.memberships["kind"].unique().drop_nulls().sort().to_list()
    statuses = panel.statuses["status"].unique().drop_nulls().sort().to_list()

    def need(name: str, known: list[str], what: str, key: str) -> None:
        if name not in known:
            problems.append(
                Problem(
                    file="study",
                    column=key,
                    found=name,
                    problem=f"{what} is not in the data",
                    remedy=did_you_mean(name, known),
                )
            )

    need(study.outcome, numeric, "outcome column", "outcome")
    if study.weights.column:
        need(study.weights.column, numeric, "weight column", "weights.column")
    for name in study.covariates:
        need(name, [*numeric, *fixed], "covariate column", "covariates")
    for where in study.where:
        need(where.column, fixed, "column", "where")
        if where.column in fixed:
            values = _values(panel.providers, where.column)
            for value in (*where.keep, *where.drop):
                need(value, values, f"value of {where.column}", "where")
    for name in asked(study):
        key = "shares.terms" if name in study.shares.terms else "method.terms"
        need(name, known_terms(panel, study), "term", key)
    if study.inference.cluster not in ("provider", "collaboration", "market"):
        need(
            study.inference.cluster,
            ["provider", "collaboration", "market", *fixed],
            "column",
            "inference.cluster",
        )
    for name in (study.arm, *study.hold, *study.alongside):
        arm = study.arms[name]
        for kind in arm.kinds:
            need(kind, kinds, "kind of collaboration", f"arms.{name}.kinds")
        if arm.status:
            need(arm.status, statuses, "status", f"arms.{name}.status")
        if arm.exposure:
            need(arm.exposure, numeric, "exposure column", f"arms.{name}.exposure")
        for where in arm.only:
            known = [*fixed, *(c for c in panel.memberships.columns if c != "provider")]
            need(where.column, known, "column", f"arms.{name}.only")
            if where.column in known:
                ours = where.column in panel.memberships.columns
                values = _values(panel.memberships if ours else panel.providers, where.column)
                for value in (*where.keep, *where.drop):
                    need(value, values, f"value of {where.column}", f"arms.{name}.only")
    if study.levels is not None:
        text = [c for c in fixed if not (panel.providers[c].dtype.is_numeric()
                                         or panel.providers[c].dtype == pl.Boolean)]  # fmt: skip
        if study.levels.by in text and study.levels.by not in numeric:
            problems.append(
                Problem(
                    file="study", column="levels.by", found=study.levels.by,
                    problem="levels go by a number, and this column of the providers is text",
                    remedy="Name a column of numbers, or use [[where]] for one group at a time",
                )
            )  # fmt: skip
        else:
            known = [*numeric, *(c for c in fixed if c not in text)]
            need(study.levels.by, known, "column", "levels.by")
    problems += _places(panel, study, made, need)
    if problems:
        raise DataInvalid(problems)


def _values(table: pl.DataFrame, column: str) -> list[str]:
    """The values of a column as text, as filters compare them."""
    return table[column].cast(pl.String).unique().drop_nulls().sort().to_list()


def _places(
    panel: Panel,
    study: Study,
    made: tuple[str, ...],
    need: Callable[[str, list[str], str, str], None],
) -> list[Problem]:
    """What asks for places, and the columns that it names."""
    asks: list[str] = []
    fixed = [c for c in panel.providers.columns if c != "provider"]
    if isinstance(study.method, Neighbours):
        asks.append("method.rings")
        if study.method.within:
            need(study.method.within, fixed, "column", "method.within")
    if study.inference.cluster == "market":
        asks.append("inference.cluster")
    if study.inference.spatial_km is not None:
        asks.append("inference.spatial_km")
    problems: list[Problem] = []
    if study.competition is not None:
        asks.append("competition.radius_km")
        if study.competition.within:
            need(study.competition.within, fixed, "column", "competition.within")
        if study.competition.size:
            known = [c for c in panel.outcomes.columns if c not in ("provider", "year")]
            need(study.competition.size, known, "outcome column", "competition.size")
        problems += [
            Problem(
                file="outcomes",
                column=name,
                problem="this column would be overwritten by [competition]",
                remedy="Rename it under [data.columns.outcomes], or leave out [competition]",
            )
            for name in made
            if name in panel.outcomes.columns
        ]
    if not placed(panel):
        problems += [
            Problem(
                file="study",
                column=key,
                problem="the places of the providers are not known",
                remedy="Give the providers file easting and northing, or latitude and longitude",
            )
            for key in asks
        ]
    return problems
