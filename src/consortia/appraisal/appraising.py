"""The study run on worlds whose truth is known, before its answer is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.appraisal import running
from consortia.appraisal.designs import (
    SECTOR_PROVIDERS,
    SECTOR_YEARS,
    Design,
    Plan,
    by_methods,
    observed,
    on_sector,
    plain_crossing,
    sector_of,
)
from consortia.appraisal.finished import Finished, finished
from consortia.appraisal.tables import diagnoses, runs_table
from consortia.appraisal.worlds import Crossed, outcomes, streams_of
from consortia.diagnosis import MOMENTS, Diagnosis
from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.panel import Arrays, Panel
from consortia.sensitivity.thresholds import DEFAULT_WORTHWHILE_SD
from consortia.sources import competition
from consortia.specs import Appraise
from consortia.spread import spread
from consortia.study import Study
from consortia.version import __version__
from consortia.world.calibrated import calibrate
from consortia.world.likeness import MOMENTS as LABELS
from consortia.world.likeness import moments

Progress = Callable[[int, int], None]
FITTED_ON = 20
"""Worlds beside which the data are put."""


def appraise(
    study: Study | None = None,
    panel: Panel | None = None,
    spec: Appraise | None = None,
    *,
    workers: int | None = None,
    resume: str | Path | None = None,
    progress: Progress | None = None,
    keep: bool = False,
) -> Diagnosis:
    """How often would ``study`` be right? Run it on worlds with known truth.

    Worlds are calibrated to ``panel``, or are embedded sectors (``spec.world = "sector"``), which
    need neither panel nor study. ``workers`` as in running.run; numbers do not depend on it.
    ``resume``: a file in which finished worlds are kept and from which a run goes on. ``progress``
    is called with the answers done and to be done. ``keep``: a KeyboardInterrupt gives the
    diagnosis of what is finished instead of being passed on.

    Raises DataInvalid for names that are not known and a resume file of another study,
    NotIdentified where there is nothing to calibrate on.
    """
    spec = spec or Appraise(world="calibrated" if panel is not None else "sector")
    plan, notes = (
        _calibrated(study, panel, spec) if spec.world == "calibrated" else _sector(study, spec)
    )
    interrupted = False
    with finished(None if resume is None else Path(resume), plan.digest) as kept:
        todo = running.chunks(plan, kept.have(), workers)
        try:
            _run(plan, todo, kept, workers, progress)
        except KeyboardInterrupt:
            if not keep:
                raise
            interrupted = True
        rows = _asked(plan, kept)
    runs = runs_table(rows)
    level = plan.studies[0].inference.level
    return Diagnosis(
        study=plan.studies[0] if study is None or spec.world == "sector" else study,
        title=plan.studies[0].question,
        world=_world(plan),
        truth=_truth(plan),
        runs=runs,
        table=diagnoses(
            runs, [s.method.name for s in plan.studies],
            worthwhile=plan.worthwhile, level=level, power=spec.power,
        ),
        fit=_fit(plan),
        parameters={} if plan.process is None else plan.process.parameters(),
        worthwhile=plan.worthwhile,
        sd=plan.sd,
        level=level,
        power=spec.power,
        seed=spec.seed,
        world_digest=plan.digest,
        version=__version__,
        interrupted=interrupted,
        notes=notes,
    )  # fmt: skip


def _run(
    plan: Plan,
    todo: list[running.Chunk],
    kept: Finished,
    workers: int | None,
    progress: Progress | None,
) -> None:
    total = sum(len(pairs) for _, worlds in todo for _, pairs in worlds)
    done = 0
    if progress is not None:
        progress(0, total)
    for rows in running.run(plan, todo, workers):
        kept.add(rows)
        done += len(rows)
        if progress is not None:
            progress(done, total)


def _asked(plan: Plan, kept: Finished) -> list[tuple]:
    """The answers of this run, without others that the file may hold, in an order of their own."""
    place = {study.method.name: k for k, study in enumerate(plan.studies)}
    designs = {(d.providers, d.years) for d in plan.designs}
    rows = [
        row
        for row in kept.rows
        if row[:2] in designs
        and row[2] in plan.effects
        and row[3] < plan.spec.worlds
        and row[4] in place
    ]
    return sorted(rows, key=lambda r: (*r[:4], place[r[4]]))


# --- plans ---------------------------------------------------------------------------------------


def _worthwhile(study: Study, sd: float) -> float:
    stated = study.outcomes[study.outcome].worthwhile
    return stated if stated is not None else DEFAULT_WORTHWHILE_SD * sd


def _sector(study: Study | None, spec: Appraise) -> tuple[Plan, tuple[str, ...]]:
    asked = on_sector(study)
    if spec.hidden.trend or spec.hidden.dip or spec.adoption == "redrawn":
        raise DataInvalid(
            [
                Problem(
                    column="appraise",
                    problem="hidden differences and redrawn joining belong to calibrated worlds",
                    remedy="The embedded sector has its own: see the exam",
                )
            ]
        )
    sd = asked.outcomes[asked.outcome].sd or 1.0
    worthwhile = _worthwhile(asked, sd)
    notes = (
        "The embedded sector is invented: what it says about methods carries over, what it says "
        "about numbers of providers does so only where yours are alike.",
    )
    plan = Plan(
        studies=by_methods(asked, spec.methods),
        spec=replace(spec, effects=spec.effects or (0.0, worthwhile)),
        worthwhile=worthwhile,
        sd=sd,
        size=Design(providers=SECTOR_PROVIDERS, years=SECTOR_YEARS),
        checks=asked.checks if spec.checks else (),
    )
    for design in plan.designs:
        try:
            sector_of(design, plan.spec, 0.0)
        except ValueError as error:
            raise DataInvalid(
                [Problem(column="appraise", problem=str(error), remedy="Change the size")]
            ) from None
    return plan, notes


def _calibrated(
    study: Study | None, panel: Panel | None, spec: Appraise
) -> tuple[Plan, tuple[str, ...]]:
    if study is None or panel is None:
        raise DataInvalid(
            [
                Problem(
                    column="appraise.world",
                    problem="calibrated worlds need a study and its data",
                    remedy="Give both, or set world = 'sector'",
                )
            ]
        )
    notes: list[str] = []
    if panel.pupils is not None:
        panel = replace(panel, pupils=None)
        notes.append(
            "Worlds are made of providers' means; what varies among pupils is their noise."
        )
    panel = competition.for_study(panel, study)
    studies = by_methods(study, spec.methods)
    for one in studies:
        # Misspelt names are told at once; what cannot be answered is counted, world by world.
        try:
            panel.arrays(one)
        except NotIdentified:
            continue
    base = panel.arrays(plain_crossing(study))
    sd, _ = spread(study, base)
    worthwhile = _worthwhile(study, sd)
    process = calibrate(observed(base, study))
    years = int(base.years[-1] - base.years[0]) + 1
    plan = Plan(
        studies=studies,
        spec=replace(spec, effects=spec.effects or (0.0, worthwhile)),
        worthwhile=worthwhile,
        sd=sd,
        size=Design(providers=base.n, years=years),
        checks=study.checks if spec.checks else (),
        panel=_taking_part(panel, base),
        process=process,
        base=base,
        strata=_strata(panel, base, spec.strata),
    )
    return plan, tuple(notes)


def _taking_part(panel: Panel, base: Arrays) -> Panel:
    return replace(
        panel,
        outcomes=panel.outcomes.filter(pl.col("provider").is_in(base.provider.tolist())),
        truth=None,
    )


def _strata(panel: Panel, base: Arrays, names: tuple[str, ...]) -> tuple[NDArray[np.int64], ...]:
    facts = pl.DataFrame({"provider": base.provider.tolist()}).join(
        panel.providers, on="provider", how="left", maintain_order="left"
    )
    known = [c for c in facts.columns if c != "provider"]
    unknown = [n for n in names if n not in known]
    if unknown:
        raise DataInvalid(
            Problem(
                column="appraise.strata", found=n, problem="column is not in the providers file",
                remedy=did_you_mean(n, known),
            )
            for n in unknown
        )  # fmt: skip
    return tuple(
        facts[n].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
        for n in names
    )


# --- how like the data, and what is said ---------------------------------------------------------


def _fit(plan: Plan) -> pl.DataFrame:
    """MOMENTS of the data beside those of worlds without effect and hidden differences."""
    if plan.base is None or plan.process is None:
        return pl.DataFrame(schema=MOMENTS)
    base = plan.base
    seen = observed(base, plan.studies[0])
    data = moments(base.Y, seen)
    plain = replace(plan, spec=replace(plan.spec, hidden=type(plan.spec.hidden)()))
    source = np.arange(base.n, dtype=np.int64)
    assert plan.panel is not None
    crossed = Crossed(
        panel=plan.panel, outcome=plan.studies[0].outcome, base=base, source=source, by=()
    )
    drawn: list[dict[str, float]] = []
    for k in range(FITTED_ON):
        Y, _ = outcomes(plain, crossed, streams_of(plan, k))
        drawn.append(moments(np.where(np.isfinite(base.Y), Y, np.nan), seen))
    rows = []
    for name, value in data.items():
        if not np.isfinite(value):
            continue
        x = np.array([d[name] for d in drawn])
        low, high = np.quantile(x, [0.05, 0.95])
        rows.append((name, LABELS[name], value, float(x.mean()), float(low), float(high)))
    return pl.DataFrame(rows, schema=MOMENTS, orient="row")


def _world(plan: Plan) -> str:
    if plan.base is None:
        return "the embedded sector"
    kept = (
        "who joins when as it was"
        if plan.spec.adoption == "kept"
        else "who joins when drawn anew"
        + (f" within {' and '.join(plan.spec.strata)}" if plan.spec.strata else "")
    )
    return f"worlds like the data: {plan.base.n:,} providers, {plan.base.T} years, {kept}"


def _truth(plan: Plan) -> str:
    spec, study = plan.spec, plan.studies[0]
    unit = study.outcomes[study.outcome].unit
    text = f"the chosen effect in {unit} from the first exposed year on"
    if spec.growth:
        text += f", {spec.growth:+g} {unit} in each further year (where there is an effect)"
    if spec.spread:
        text += f", times a factor of the provider's own with standard deviation {spec.spread:g}"
    h = spec.hidden
    told = [
        f"a trend of {h.trend:+g} standard deviations a year" if h.trend else "",
        f"a dip of {h.dip:g} standard deviations in the last year before joining" if h.dip else "",
    ]
    if any(told):
        text += "; joiners also have " + " and ".join(t for t in told if t) + ", which is no effect"
    return text
