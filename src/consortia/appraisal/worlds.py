"""One world: made, asked by every method, answered. Runs in the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from consortia.appraisal.designs import Design, Plan, plain_crossing, sector_of
from consortia.errors import NotIdentified
from consortia.estimators.estimate import with_influence
from consortia.estimators.trial import trial
from consortia.panel import Arrays, Panel
from consortia.results import Estimate, Finding
from consortia.sensitivity import CHECKS
from consortia.sensitivity.thresholds import chance_above, in_words
from consortia.sensitivity.verdict import decide
from consortia.streams import Streams
from consortia.study import Study
from consortia.world import simulate
from consortia.world.calibrated import effects, factors, hidden, untreated
from consortia.world.replicas import redrawn, replica, sample, until

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Run = tuple[Any, ...]
"""A row of diagnosis.RUNS."""

Challenge = Callable[[Study, Arrays, Estimate, Floats | None], tuple[Finding, ...]]
"""Findings of the checks on an answer, given its arrays and its influence (n,)."""

Todo = tuple[int, tuple[tuple[float, str], ...]]
"""A world's number, and the effects and methods that are still to be run on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """A panel crossed once for several worlds: ``base`` plain (n rows), ``source`` (n,) whose
    results each row is like; for each study its arrays and where their rows and years are in
    ``base``, or why it refuses."""

    panel: Panel
    outcome: str
    base: Arrays
    source: Ints
    by: tuple[tuple[Arrays, Ints, Ints] | str, ...]


@dataclass(slots=True)
class Bench:
    """A plan at work: with what is the same for all worlds of the design that is being run."""

    plan: Plan
    fixed: dict[Design, Crossed] = field(default_factory=dict[Design, Crossed])


def streams_of(plan: Plan, world: int) -> Streams:
    """The streams of a world: its number alone decides, not who runs it or what ran before."""
    return Streams(plan.spec.seed).at("appraise", plan.spec.world, world)


def answers(bench: Bench, design: Design, todo: Sequence[Todo]) -> list[Run]:
    """Rows of RUNS for some worlds of one design."""
    out: list[Run] = []
    with threadpool_limits(limits=1, user_api="blas"):
        for world, pairs in todo:
            if bench.plan.spec.world == "sector":
                out += _on_sector(bench.plan, design, world, pairs)
            else:
                out += _on_calibrated(bench, design, world, pairs)
    return out


# --- calibrated ----------------------------------------------------------------------------------


def _on_calibrated(
    bench: Bench, design: Design, world: int, pairs: Iterable[tuple[float, str]]
) -> list[Run]:
    plan = bench.plan
    streams = streams_of(plan, world)
    try:
        crossed = _crossed(bench, design, streams)
    except NotIdentified as error:
        return [_refused(design, effect, world, name, error.because) for effect, name in pairs]
    Y, unit = outcomes(plan, crossed, streams)
    names = [study.method.name for study in plan.studies]
    out: list[Run] = []
    for effect, name in pairs:
        k = names.index(name)
        found = crossed.by[k]
        if isinstance(found, str):
            out.append(_refused(design, effect, world, name, found))
            continue
        truth = unit(effect)
        asked = _filled(found, Y, truth)
        challenge = _challenged(
            plan, crossed.panel, lambda s, t=truth: _again(crossed, s, Y, t), streams
        )
        out.append(
            answer(
                design,
                effect,
                world,
                plan.studies[k],
                lambda _, made=asked: made,
                streams,
                plan.worthwhile,
                challenge,
            )
        )
    return out


def _filled(found: tuple[Arrays, Ints, Ints], Y: Floats, truth: Floats) -> Arrays:
    """A crossing with the results of a world. Missing and censored cells stay what they are: both
    depend on dates and gaps, not on results."""
    arrays, rows, columns = found
    here = np.ix_(rows, columns)
    made = np.where(np.isfinite(arrays.Y), (Y + truth)[here], np.nan)
    return replace(arrays, Y=made, truth=truth[here], sums=None)


def _again(crossed: Crossed, study: Study, Y: Floats, truth: Floats) -> Arrays:
    """Another study of the same world, as a check may ask for."""
    if study.outcome != crossed.outcome:
        raise NotIdentified("worlds are made of one outcome")
    found = _cross(crossed.panel, study, crossed.base)
    if isinstance(found, str):
        raise NotIdentified(found)
    return _filled(found, Y, truth)


def outcomes(
    plan: Plan, crossed: Crossed, streams: Streams
) -> tuple[Floats, Callable[[float], Floats]]:
    """Results (n, T) without an effect, and a function from the chosen effect to the truth."""
    assert plan.process is not None
    spec, base = plan.spec, crossed.base
    Y = untreated(plan.process, crossed.source, base.years, base.incidence, streams)
    h = spec.hidden
    Y = Y + hidden(base.cohort, base.years, h.trend * plan.sd, h.dip * plan.sd)
    factor = factors(spec.spread, base.n, streams)

    def unit(effect: float) -> Floats:
        growth = spec.growth if effect else 0.0
        return effects(base.held, base.cohort, base.years, effect, growth, factor)

    return Y, unit


def _crossed(bench: Bench, design: Design, streams: Streams) -> Crossed:
    plan = bench.plan
    assert plan.base is not None
    n = plan.base.n
    fixed = plan.spec.adoption == "kept" and design.providers % n == 0
    if fixed and design in bench.fixed:
        return bench.fixed[design]
    index, copy = sample(n, design.providers, streams)
    joins = index
    if plan.spec.adoption == "redrawn":
        joins = index[redrawn([c[index] for c in plan.strata], index.size, streams)]
    made = cross_all(plan, index, joins, copy, design.years)
    if fixed:
        bench.fixed = {design: made}
    return made


def cross_all(plan: Plan, index: Ints, joins: Ints, copy: Ints, years: int) -> Crossed:
    """Crossings of the panel that has provider ``index`` (m,) with the joining of ``joins``."""
    assert plan.base is not None
    assert plan.panel is not None
    names = plan.base.provider
    same = copy.max(initial=0) == 0 and np.array_equal(index, joins) and index.size == plan.base.n
    panel = plan.panel
    if not same:
        panel = replica(panel, names[index].tolist(), names[joins].tolist(), copy)
    first, last = int(plan.base.years[0]), int(plan.base.years[-1])
    asked = first + years - 1
    window = plan.studies[0].window
    if asked != last:
        panel = until(panel, first, asked)
        window = replace(window, first=None, last=None)
    base = panel.arrays(plain_crossing(plan.studies[0].with_(window=window)))
    at = {p: i for i, p in enumerate(names.tolist())}
    source = np.array([at[_original(p, at)] for p in base.provider.tolist()], dtype=np.int64)
    return Crossed(
        panel=panel,
        outcome=plan.studies[0].outcome,
        base=base,
        source=source,
        by=tuple(_cross(panel, study.with_(window=window), base) for study in plan.studies),
    )


def _original(name: str, known: dict[str, int]) -> str:
    return name if name in known else name.rpartition(" (copy ")[0]


def _cross(panel: Panel, study: Study, base: Arrays) -> tuple[Arrays, Ints, Ints] | str:
    try:
        arrays = panel.arrays(study)
    except NotIdentified as error:
        return error.because
    at = {p: i for i, p in enumerate(base.provider.tolist())}
    rows = np.array([at[p] for p in arrays.provider.tolist()], dtype=np.int64)
    return arrays, rows, np.searchsorted(base.years, arrays.years).astype(np.int64)


# --- the embedded sector -------------------------------------------------------------------------


def _on_sector(
    plan: Plan, design: Design, world: int, pairs: Iterable[tuple[float, str]]
) -> list[Run]:
    streams = streams_of(plan, world)
    names = [study.method.name for study in plan.studies]
    out: list[Run] = []
    panels: dict[float, Panel] = {}
    for effect, name in pairs:
        if effect not in panels:
            panels[effect] = simulate(sector_of(design, plan.spec, effect), streams)
        study, panel = plan.studies[names.index(name)], panels[effect]
        out.append(
            answer(
                design, effect, world, study, panel.arrays, streams, plan.worthwhile,
                _challenged(plan, panel, panel.arrays, streams),
            )
        )  # fmt: skip
    return out


# --- answers -------------------------------------------------------------------------------------


def answer(
    design: Design, effect: float, world: int, study: Study, cross: Callable[[Study], Arrays],
    streams: Streams, worthwhile: float,
    challenge: Challenge | None = None,
) -> Run:  # fmt: skip
    """A row of RUNS: the study asked of arrays that know their truth, then challenged if asked."""
    name = study.method.name
    try:
        arrays = cross(study)
        rng = streams.at("fit", name).rng()
        found, psi = with_influence(arrays, study, rng, wanted=challenge is not None)
    except NotIdentified as error:
        return _refused(design, effect, world, name, error.because)
    row = found.row()
    known = [row[c] for c in ("estimate", "std_error", "low", "high", "truth")]
    if any(v is None for v in known):
        why = str(row["caution"]).removeprefix("not identified, because ")
        return _refused(design, effect, world, name, why or "it has no standard error")
    failed: str | None = None
    if challenge is None:
        value, se = known[:2]
        words = in_words(
            chance_above(0.0, value, se, found.dof), chance_above(worthwhile, value, se, found.dof)
        )
    else:
        findings = challenge(study, arrays, found, psi)
        failed = ", ".join(f.check for f in findings if f.verdict is False)
        asked = study.outcomes[study.outcome]
        stated = {study.outcome: replace(asked, worthwhile=worthwhile)}
        words = decide(study.with_(outcomes=stated), found, 1.0, findings, "").words
    return (
        design.providers, design.years, effect, world, name, *known, row["n_treated"], words,
        failed, None,
    )  # fmt: skip


def _challenged(
    plan: Plan, panel: Panel, cross: Callable[[Study], Arrays], streams: Streams
) -> Challenge | None:
    """What runs the study's checks on a world; None where they are not asked for."""
    if not plan.spec.checks:
        return None

    def challenge(
        study: Study, arrays: Arrays, found: Estimate, psi: Floats | None
    ) -> tuple[Finding, ...]:
        made = trial(study, panel, arrays, found, psi, sd=plan.sd, streams=streams, cross=cross)
        return tuple(
            CHECKS[type(c)].run(made, c, streams.at("check", study.method.name, c.name).rng())
            for c in plan.checks
        )

    return challenge


def _refused(design: Design, effect: float, world: int, name: str, because: str) -> Run:
    nothing = (None,) * 8
    return (design.providers, design.years, effect, world, name, *nothing, because)
