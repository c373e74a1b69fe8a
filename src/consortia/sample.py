"""What falls out on the way from a panel to its letters, each with its count and its reason."""

from __future__ import annotations

# The paper's letters are upper case and not constants.
# pyright: reportConstantRedefinition=false
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from consortia.arms import column
from consortia.errors import NotIdentified
from consortia.exposure import BEFORE, NEVER_YEAR, Spans
from consortia.panel import Bools, Floats, FlowStep, Ints, Panel
from consortia.specs import anticipation_of
from consortia.study import Study, label_of


@dataclass(slots=True)
class Ledger:
    """Counts what falls out, in order."""

    steps: list[FlowStep] = field(default_factory=list[FlowStep])
    cautions: list[str] = field(default_factory=list[str])

    def add(self, step: str, providers: int, cells: int, why: str, kind: str = "drop") -> None:
        if providers or cells or kind in ("start", "end"):
            self.steps.append(
                FlowStep(
                    step=step,
                    providers=int(providers),
                    provider_years=int(cells),
                    why=why,
                    kind=kind,
                )
            )


def sample(panel: Panel, study: Study, names: pl.Series, code: Ints, ledger: Ledger) -> Bools:
    """Which of the named providers take part, after each ``where`` in turn."""
    kept = np.ones(names.len(), dtype=bool)
    if not study.where:
        return kept
    facts = names.to_frame("provider").join(
        panel.providers, on="provider", how="left", maintain_order="left"
    )
    for where in study.where:
        text = facts[where.column].cast(pl.String)
        listed = text.is_in(list(where.keep or where.drop)).fill_null(False).to_numpy()
        rule = listed if where.keep else ~listed
        gone = kept & ~rule
        what = f"keep {', '.join(where.keep)}" if where.keep else f"drop {', '.join(where.drop)}"
        ledger.add(
            f"outside the study ({where.column})",
            int(gone.sum()),
            int(gone[code].sum()),
            f"where: {what}",
        )
        kept &= rule
    return kept


def window(
    study: Study, rows: pl.DataFrame, i: Ints, ledger: Ledger
) -> tuple[Ints, pl.DataFrame, Ints]:
    first, last = study.window.first, study.window.last
    year = rows["year"].to_numpy()
    inside = np.ones(year.size, dtype=bool)
    if first is not None:
        inside &= year >= first
    if last is not None:
        inside &= year <= last
    if not inside.all():
        ledger.add(
            "outside the window",
            0,
            int((~inside).sum()),
            f"years {first or 'first'} to {last or 'last'} are studied",
            "cells",
        )
        rows, i = rows.filter(pl.Series(inside)), i[inside]
    year = rows["year"].to_numpy().astype(np.int64)
    low = int(year.min()) if year.size else 0
    years = np.flatnonzero(np.bincount(year - low)) + low
    if years.size < 2:
        raise NotIdentified("fewer than two years of results lie in the window")
    return years, rows, i


def exposed(span: Spans, years: Ints) -> tuple[Ints, Bools]:
    """Cohort index (n,) and exposure (n, T): exposed in every year from the first exposed one."""
    cohort = np.searchsorted(years, span.first, side="left").astype(np.int64)
    return cohort, np.arange(years.size)[None, :] >= cohort[:, None]


def exposure_rules(
    study: Study, span: Spans, years: Ints, Y: Floats, cohort: Ints, ledger: Ledger
) -> None:
    """Blank the cells that the exposure rule leaves out (in place) and count what is doubtful."""
    arm = study.arm_label
    joiner = (cohort > 0) & (cohort < years.size)
    if study.exposure.partial == "missing":
        partly = (years[None, :] == span.partial[:, None]) & np.isfinite(Y)
        Y[partly] = np.nan
        ledger.add(
            "joined during the year",
            0,
            int(partly.sum()),
            "the year of joining after the cut-off is left out (exposure.partial = missing)",
            "cells",
        )
    if (span.left <= years[-1]).any():
        _leavers(study, span, years, Y, cohort, ledger)
    # A comparison provider that joins soon after the window is touched too: leaving its last years
    # in would favour providers on their way in over those that had reason to stay out.
    ahead = anticipation_of(study.method)
    soon = (span.first > years[-1]) & (span.first <= years[-1] + ahead)
    if soon.any():
        touched = soon[:, None] & (years[None, :] >= span.first[:, None] - ahead) & np.isfinite(Y)
        Y[touched] = np.nan
        ledger.add(
            f"joins {arm} just after the window",
            0,
            int(touched.sum()),
            "years that joining already touches (method.anticipation) are left out of the "
            "comparison",
            "cells",
        )
    lost = span.unseen & joiner
    if lost.any():
        ledger.cautions.append(
            f"{int(lost.sum()):,} joiners are no longer seen in {arm} in the latest "
            "snapshot; when they left is unknown and they are kept as joiners"
        )
    unknown = span.unknown & (span.first <= BEFORE)
    if unknown.any():
        ledger.cautions.append(
            f"{int(unknown.sum()):,} providers joined {arm} at an unknown date and count as "
            "members from before the first year"
        )
    ignored = span.unknown & (span.first >= NEVER_YEAR)
    if ignored.any():
        ledger.cautions.append(
            f"{int(ignored.sum()):,} providers whose date of joining {arm} is unknown count as "
            "not joined"
        )


def _leavers(
    study: Study, span: Spans, years: Ints, Y: Floats, cohort: Ints, ledger: Ledger
) -> None:
    arm = study.arm_label
    after = (years[None, :] >= span.left[:, None]) & np.isfinite(Y)
    leavers = after.any(axis=1) & (cohort < years.size)
    joiners = leavers & (cohort > 0)
    if study.exposure.leavers == "censor":
        gone = after & leavers[:, None]
        Y[gone] = np.nan
        ledger.add(
            f"left {arm}",
            0,
            int(gone.sum()),
            "years after leaving are left out (exposure.leavers = censor)",
            "cells",
        )
    elif joiners.any() and not study.arms[study.arm].reversible:
        ledger.cautions.append(
            f"{int(joiners.sum()):,} joiners left {arm} within the window and are "
            "kept as joiners: the answer is about joining, not about staying"
        )


def moved(study: Study, moves: Ints, cohort: Ints, T: int, ledger: Ledger) -> None:
    movers = (moves > 0) & (cohort > 0) & (cohort < T)
    if movers.any():
        ledger.cautions.append(
            f"{int(movers.sum()):,} joiners later joined a further collaboration of the same kind "
            f"({int(moves[movers].sum()):,} times in all): the answer is about the first one"
        )


def unknown_columns(
    study: Study, panel: Panel, index: pl.DataFrame, years: Ints, Y: Floats, ledger: Ledger
) -> None:
    """Say how often an arm made of a column has no value, and what that is taken to be."""
    for name in (study.arm, *study.hold, *study.alongside):
        arm = study.arms[name]
        if not arm.exposure:
            continue
        blank = np.isnan(column(panel, arm.exposure, index, years)) & np.isfinite(Y)
        if blank.any():
            ledger.cautions.append(
                f"{arm.exposure} is not known in {int(blank.sum()):,} of "
                f"{int(np.isfinite(Y).sum()):,} provider-years, which count as without "
                f"{label_of(arm, name)}"
            )
