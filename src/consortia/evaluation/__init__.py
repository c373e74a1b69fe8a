"""evaluate: one study, one panel, one Evaluation. The place where rooms meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from consortia.challenge import Challenge
from consortia.errors import attempt
from consortia.estimators import METHODS
from consortia.estimators import shares as division
from consortia.estimators.by_collaboration import by_collaboration
from consortia.estimators.estimate import with_influence
from consortia.estimators.levels import levels
from consortia.estimators.neighbours import area
from consortia.estimators.trial import trial
from consortia.estimators.waterfall import contamination, waterfall
from consortia.evaluation.apart import coincidences, identification
from consortia.evaluation.ladder import ladder
from consortia.panel import Arrays, FlowStep, Panel
from consortia.results import (
    AreaReading,
    ByCollaboration,
    ByLevel,
    Coincidence,
    Contamination,
    Estimate,
    Evaluation,
    Finding,
    Gap,
    Shares,
    Standing,
)
from consortia.sensitivity import CHECKS
from consortia.sensitivity.strength import strength
from consortia.sensitivity.threats import threats
from consortia.sensitivity.verdict import decide, withheld
from consortia.sources import competition
from consortia.specs import GroupTime, Neighbours, RawGap
from consortia.spread import spread
from consortia.streams import Streams
from consortia.structures import belonging
from consortia.study import Study
from consortia.version import __version__

Progress = Callable[[str], None]
R = TypeVar("R", ByCollaboration, ByLevel, AreaReading)


def evaluate(
    study: Study,
    panel: Panel,
    *,
    command: str = "",
    progress: Progress | None = None,
) -> Evaluation:
    """Answer ``study`` from ``panel``, challenge the answer, and say it in words.

    Raises DataInvalid when the study names what the panel does not have. A question that the data
    cannot answer is an Evaluation without an estimate, whose ``not_identified`` says why.
    ``progress`` is called with a few words before each step; ``command`` is what the report names
    as the way to reproduce it.
    """
    say = progress or _silent
    streams = Streams(study.inference.seed)
    say("reading the panel")
    panel = competition.for_study(panel, study)
    plain, nothing = attempt(lambda: panel.arrays(study.with_(hold=(), alongside=study.others)))
    if plain is not None and np.nanmin(plain.Y) == np.nanmax(plain.Y):
        plain, nothing = None, f"{study.outcome_label} is the same for everybody in every year"
    arrays, because = attempt(lambda: panel.arrays(study)) if plain is not None else (None, nothing)

    say(f"estimating: {study.method.name}")
    estimate: Estimate | None = None
    psi: np.ndarray | None = None
    if arrays is not None:
        rng = streams.at("inference").rng()
        fitted, because = attempt(lambda: with_influence(arrays, study, rng, bool(study.checks)))
        estimate, psi = fitted or (None, None)
    if estimate is not None and estimate.row()["estimate"] is None:
        because = str(estimate.row()["caution"]).removeprefix("not identified, because ")
        estimate = None

    sd, sd_source = spread(study, plain)
    rungs = ladder(study, panel, plain, estimate, streams, say)
    findings: tuple[Finding, ...] = ()
    if arrays is not None and estimate is not None:
        findings = _challenge(study, panel, arrays, estimate, psi, sd, streams, say)
    beside = coincidences(study, plain) if plain is not None else ()
    apart = None
    if plain is not None and study.others:
        say("what can be told apart")
        apart = identification(study, panel, streams)
    gap, weights = _gap(study, plain, estimate, streams, say)
    verdict = decide(study, estimate, sd, findings, because)
    challenge = Challenge()
    if arrays is not None and estimate is not None:
        found = threats(study, estimate, verdict, findings, beside, apart)
        design = METHODS[type(study.method)].design
        challenge = Challenge(
            threats=found,
            strength=strength(study, plain or arrays, estimate, sd, design, found),
        )
    each = _by_collaboration(study, panel, arrays, estimate, say)
    split: ByLevel | None = None
    unsplit = ""
    if study.levels is not None:
        say(f"by level of {study.levels.title}")
        split, unsplit = _levels(study, arrays, streams, because)
    nearby = _area(study, estimate)
    if failed := withheld(findings):
        each, split, nearby = (
            _guarded(each, failed),
            _guarded(split, failed),
            _guarded(nearby, failed),
        )
    divided: Shares | None = None
    why = ""
    if division.asks(study):
        say("where the differences lie")
        divided, why = _shares(study, plain, arrays, streams, because or nothing)
        divided = None if divided is None else _with_names(divided, panel)
    say("writing it down")
    return Evaluation(
        study=study,
        title=study.question,
        estimate=estimate,
        not_identified="" if estimate is not None else because,
        sd=sd,
        sd_source=sd_source,
        ladder=rungs,
        findings=findings,
        coincidences=beside,
        verdict=verdict,
        flow=_flow(arrays, estimate),
        cautions=_cautions(arrays, estimate, beside, study),
        notes=panel.notes,
        sources=panel.sources,
        panel_digest=panel.digest,
        study_digest=study.digest,
        assumes=METHODS[type(study.method)].assumes,
        command=command,
        version=__version__,
        simulated=panel.truth is not None,
        identification=apart,
        gap=gap,
        contamination=weights,
        by_collaboration=each,
        shares=divided,
        shares_not_identified=why,
        challenge=challenge,
        by_level=split,
        by_level_not_identified=unsplit,
        area=nearby,
    )


def divide(study: Study, panel: Panel) -> Shares:
    """Only the shares of ``study``: where the differences lie, and which collaborations stand out.

    Raises DataInvalid when the study names what the panel does not have, NotIdentified where the
    terms cannot be told apart.
    """
    arrays = panel.arrays(study.with_(hold=(), alongside=()))
    found = division.shares(arrays, study, Streams(study.inference.seed).at("shares").rng())
    return _with_names(found, panel)


def _shares(
    study: Study, plain: Arrays | None, arrays: Arrays | None, streams: Streams, because: str
) -> tuple[Shares | None, str]:
    # Terms of their own are asked of every result; those of the method of the answer's.
    used = plain if study.shares.terms else arrays
    if used is None:
        return None, because
    return attempt(lambda: division.shares(used, study, streams.at("shares").rng()))


def _with_names(shares: Shares, panel: Panel) -> Shares:
    """The standings with the names of collaborations where they are known."""

    def named(standing: Standing) -> Standing:
        titles = panel.titles(standing.table["level"].to_list())
        return replace(
            standing, table=standing.table.with_columns(name=pl.Series(titles, dtype=pl.String))
        )

    if panel.collaborations is None:
        return shares
    # Only collaborations have names; a place is called by its own column.
    return replace(
        shares,
        standings=tuple(named(s) if s.collaborations else s for s in shares.standings),
    )


def _silent(step: str) -> None:
    return None


def _challenge(
    study: Study,
    panel: Panel,
    arrays: Arrays,
    estimate: Estimate,
    psi: np.ndarray | None,
    sd: float,
    streams: Streams,
    say: Progress,
) -> tuple[Finding, ...]:
    made = trial(study, panel, arrays, estimate, psi, sd=sd, streams=streams)
    out: list[Finding] = []
    for spec in study.checks:
        say(f"challenging: {spec.name}")
        # One thread: thousands of small products wait for one another otherwise.
        with threadpool_limits(limits=1, user_api="blas"):
            out.append(CHECKS[type(spec)].run(made, spec, streams.at("check", spec.name).rng()))
    return tuple(out)


def _gap(
    study: Study, plain: Arrays | None, estimate: Estimate | None, streams: Streams, say: Progress
) -> tuple[Gap | None, Contamination | None]:
    """What the raw difference is made of; nothing where the raw difference is the answer."""
    if plain is None or isinstance(study.method, RawGap):
        return None, None
    say("what the raw difference is made of")
    quick = study.with_(inference=replace(study.inference, draws=0))
    # One thread: sums in another order would change the last digits from machine to machine.
    with threadpool_limits(limits=1, user_api="blas"):
        gap, _ = attempt(lambda: waterfall(plain, quick, estimate, streams.at("gap").rng()))
        return gap, contamination(plain, study)


def _by_collaboration(
    study: Study,
    panel: Panel,
    arrays: Arrays | None,
    estimate: Estimate | None,
    say: Progress,
) -> ByCollaboration | None:
    """One collaboration at a time, where the method compares each joiner with its comparison."""
    method = study.method
    if arrays is None or estimate is None or not isinstance(method, GroupTime):
        return None
    who = belonging(panel, study.arms[study.arm], arrays.provider)
    if who is None:
        return None
    say("one collaboration at a time")
    with threadpool_limits(limits=1, user_api="blas"):
        found, _ = attempt(lambda: by_collaboration(arrays, method, study, who))
    return found


def _levels(
    study: Study, arrays: Arrays | None, streams: Streams, because: str
) -> tuple[ByLevel | None, str]:
    """The answer by level of a fact, or why there is none."""
    if arrays is None:
        return None, because
    # One thread, as for every estimate.
    with threadpool_limits(limits=1, user_api="blas"):
        return attempt(lambda: levels(arrays, study, streams.at("levels").rng()))


def _guarded(reading: R | None, failed: str) -> R | None:
    """What rests on the comparison of the answer falls with it: the sentence says so."""
    if reading is None:
        return None
    return replace(reading, sentence=f"{reading.sentence} But {failed}")


def _area(study: Study, estimate: Estimate | None) -> AreaReading | None:
    """Who gains and who loses, where the method looks at neighbours."""
    if estimate is None or not isinstance(study.method, Neighbours):
        return None
    return area(estimate.effects, study.method, study.outcomes[study.outcome].unit)


def _flow(arrays: Arrays | None, estimate: Estimate | None) -> tuple[FlowStep, ...]:
    if arrays is None:
        return ()
    steps = (*arrays.flow, *(estimate.flow if estimate else ()))
    if estimate is None:
        return steps
    row = estimate.row()
    return (
        *steps,
        FlowStep(
            step="joiners in the answer",
            providers=int(row["n_treated"]),
            provider_years=0,
            why="members in a year studied"
            if estimate.effects["estimand"].to_list() == ["mixed"]
            else "joined within the window, with a year before joining",
            kind="end",
        ),
        FlowStep(
            step="comparison in the answer",
            providers=int(row["n_control"]),
            provider_years=0,
            why="compared with them",
            kind="end",
        ),
    )


def _cautions(
    arrays: Arrays | None,
    estimate: Estimate | None,
    coincidences: tuple[Coincidence, ...],
    study: Study,
) -> tuple[str, ...]:
    out: list[str] = []
    for c in coincidences:
        if c.same_year and (c.same_year >= 0.1 * c.joiners) and c.arm not in study.hold:
            out.append(c.sentence)
    if arrays is not None:
        out.extend(arrays.cautions)
    if estimate is not None:
        caution = estimate.row()["caution"]
        if caution:
            out.append(caution)
        out.extend(estimate.notes)
    return tuple(dict.fromkeys(out))
