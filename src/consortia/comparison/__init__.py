"""compare: one world, many mechanisms, under the same luck.

>>> from consortia.comparison import compare
>>> answer = compare(scenario)

The accounting of vacancies first; then what each mechanism changes for learners, colleges, staff
and the public purse, who gains and who loses, whether members would stay, and whether it is lawful.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import MEMBERS, Comparison, MechanismAnswer
from consortia.comparison import judging, sentences
from consortia.comparison.asking import setting as _setting
from consortia.comparison.asking import title_of
from consortia.comparison.runs import NONE, Draws, Setting, Specs, luck_of, run_arm, without
from consortia.errors import DataInvalid, Problem
from consortia.scenario import Scenario
from consortia.version import __version__
from consortia.world.colleges.calibration import target_table
from consortia.world.colleges.frames import Handed, evaluator_panel
from consortia.world.colleges.loops import LOOPS
from consortia.world.colleges.mechanisms import Mechanism
from consortia.world.colleges.region import CAUTION, Region
from consortia.world.colleges.running import opening
from consortia.world.colleges.schedule import SCHEDULE

__all__ = ["compare", "evaluator_frames"]

NOTES = (
    "A college's surplus counts the pay of posts that are filled and the agency cover of empty "
    "ones; an empty post that is not covered spares its pay, and learners pay in quality. Filling "
    "posts can cost a college money and still be what its learners need: read surplus and "
    "achievement together, or say in the scenario what a learner who achieves counts for "
    "(value_of_achiever).",
    "What nobody knows (how many look for posts elsewhere, what recruiting costs) is assumed; the "
    "order of mechanisms at the ends of its range says whether that matters.",
    "Signs are hypotheses of this model, not findings about any real college.",
)
"""Said under every comparison."""
BEFORE = 2
"""Years before joining in the panel that an evaluator is handed."""

Progress = Callable[[str], None]


def _silent(step: str) -> None:
    return None


def compare(
    scenario: Scenario,
    *,
    folder: Path | None = None,
    table: Mapping[type, Mechanism] | None = None,
    region: Region | None = None,
    command: str = "",
    progress: Progress = _silent,
) -> Comparison:
    """Answer a scenario.

    ``folder``: where the scenario's files are; ``table``: mechanisms of a user's file beside those
    shipped; ``region`` instead of the scenario's; ``progress`` is told each step.

    Raises Unlawful for what the law screen stops, DataInvalid for names that do not exist.
    """
    setting = _setting(scenario, folder=folder, table=table, region=region)
    draws = _drawn(setting, scenario, progress)
    level = scenario.runs.level
    looked = scenario.runs.without_me
    if looked:
        progress("the others join without each")
        arms: dict[str, Specs] = {NONE: (), **setting.arms}
        for key, specs in setting.arms.items():
            for college in setting.members:
                arms[judging.without_key(key, college)] = without(specs, college)
        draws.reach(arms, looked, lambda k: progress(f"the others join without each: luck {k}"))
    progress("judging")
    frames: list[pl.DataFrame] = []
    answers: list[MechanismAnswer] = []
    for key in setting.arms:
        rows, found = judging.members(draws, key, level, looked)
        frames.append(rows)
        answers.append(judging.answer(draws, key, rows, found, level))
    rows_of = setting.mechanisms
    counts = [judging.counted(draws, NONE, "nothing shared")]
    counts += [judging.counted(draws, k, title_of(s, rows_of)) for k, s in setting.arms.items()]
    sector = setting.sector
    rule = scenario.runs.rule
    missing = rule.wanted(_watched(draws))
    seeds = len(draws.arms[NONE])
    hung = None
    if scenario.runs.hinge:
        from consortia.comparison.hinge import hinge

        hung = hinge(setting, scenario, draws, progress)
    widest = _widest(answers)
    made = Comparison(
        scenario=scenario,
        members=setting.members,
        caution=CAUTION,
        sentence=sentences.opening(
            answers,
            counts[0],
            len(setting.members),
            int(setting.groups["others"].size),
            value=setting.value_of_achiever,
            hung={} if hung is None else hung.sentences,
        ),
        hinge=hung,
        counted=tuple(counts),
        answers=tuple(answers),
        changes=judging.changes(draws, level),
        member_rows=pl.concat(frames) if frames else pl.DataFrame(schema=MEMBERS),
        college_rows=judging.colleges(draws, level),
        series=judging.series(draws, level),
        schedule=tuple(
            {"name": s.name, "reads": s.reads, "writes": s.writes, "hooks": s.hooks, "does": s.does}
            for s in SCHEDULE
        ),
        loops=tuple(
            {
                "name": x.name,
                "sign": x.sign,
                "does": x.does,
                "through": ", ".join(x.through).replace("_", " "),
            }
            for x in LOOPS
        ),
        targets=_targets(setting, scenario),
        seeds=seeds,
        stopped=_stopped(scenario, seeds, widest),
        narrow=missing == 0 and (rule.width is None or widest <= rule.width),
        colleges=sector.region.n,
        years=(sector.first, sector.first + sector.years - 1),
        notes=NOTES,
        command=command,
        version=__version__,
    )
    return _beside(made, setting, draws, progress)


def _beside(made: Comparison, setting: Setting, draws: Draws, progress: Progress) -> Comparison:
    """What the scenario asks for beside the comparison itself."""
    asked = made.scenario
    extra: dict[str, Any] = {}
    if asked.coalitions is not None:
        from consortia.comparison.coalitions import coalitions

        key = asked.coalitions.mechanism or _best(made)
        extra["coalitions"] = coalitions(setting, asked, key, progress)
    if asked.sensitivity is not None:
        from consortia.comparison.ranking import ranking

        extra["ranking"] = ranking(setting, asked, progress)
    from consortia.comparison.unravelling import asked_or_due, unravelling

    tip = asked_or_due(setting, asked)
    if tip is not None:
        extra["tipping"] = unravelling(setting, asked, tip, progress)
    if asked.factorial is not None:
        from consortia.comparison.factorial import factorial

        key = asked.factorial.mechanism or _best(made)
        extra["factorial"] = factorial(setting, asked, key, progress)
    if asked.candidates is not None:
        from consortia.comparison.candidates import candidates

        key = asked.candidates.mechanism or _best(made)
        extra["candidates"] = candidates(setting, asked, key, progress)
    return replace(made, **extra) if extra else made


def _targets(setting: Setting, scenario: Scenario) -> tuple[Mapping[str, Any], ...]:
    """What the model was made to meet, and what one run without mechanisms shows of it."""
    history = run_arm(setting, luck_of(scenario.runs.seed, 0), (), None)
    return tuple(
        {
            "name": t.does,
            "wanted": t.wanted,
            "low": t.low,
            "high": t.high,
            "got": t.got,
            "source": t.source,
        }
        for t in target_table(history)
    )


def _best(made: Comparison) -> str:
    """The lawful mechanism that gains the members most, or the first."""
    lawful = [a for a in made.answers if not a.legal.counterfactual_only] or list(made.answers)
    return max(lawful, key=lambda a: a.gain["estimate"]).key


def _drawn(setting: Setting, scenario: Scenario, progress: Progress) -> Draws:
    runs = scenario.runs
    draws = Draws(setting=setting, root=runs.seed, workers=runs.workers)
    arms: dict[str, Specs] = {NONE: (), **setting.arms}
    seeds = runs.rule.least
    while True:
        draws.reach(arms, seeds, lambda k: progress(f"luck {k}: every mechanism in the same years"))
        more = runs.rule.wanted(_watched(draws))
        if not more:
            return draws
        seeds += more


def _watched(draws: Draws) -> Any:
    """What the stopping rule watches: the members' gain under each mechanism (R, mechanisms)."""
    rows = draws.setting.rows
    base = draws.of(NONE, "worth")[:, rows].sum(axis=1)
    return np.stack(
        [
            draws.of(k, "worth")[:, rows].sum(axis=1) - base[: len(draws.arms[k])]
            for k in draws.setting.arms
        ],
        axis=1,
    )


def _widest(answers: list[MechanismAnswer]) -> float:
    return max(a.gain["high"] - a.gain["estimate"] for a in answers)


def _stopped(scenario: Scenario, seeds: int, widest: float) -> str:
    runs = scenario.runs
    got = f"the widest interval of what the members gain is ±{sentences.money(widest)} a year"
    if not runs.width:
        return f"{seeds} seeds, as asked; {got}."
    asked = f"±{sentences.money(runs.width)}"
    if widest <= runs.width:
        return f"Stopped at {seeds} seeds (at least {runs.least}): {got}, {asked} was asked."
    return (
        f"Stopped at the most allowed, {seeds} seeds: {got}, wider than the {asked} asked. Allow "
        "more seeds, or ask for less."
    )


def evaluator_frames(
    scenario: Scenario,
    *,
    folder: Path | None = None,
    table: Mapping[type, Mechanism] | None = None,
    region: Region | None = None,
) -> dict[str, Handed]:
    """The panel that an evaluator of each mechanism would see, truth kept aside, by mechanism.

    Seed 0 of the comparison; the mechanism begins in the third year, so that two lie before it.
    Raises DataInvalid where there are too few years.
    """
    setting = _setting(scenario, folder=folder, table=table, region=region)
    if setting.sector.years <= BEFORE + 1:
        raise DataInvalid(
            [
                Problem(
                    column="sector.years",
                    problem=f"an evaluator needs {BEFORE} years before joining and two after",
                    remedy="Ask for more years",
                    found=str(setting.sector.years),
                )
            ]
        )
    streams = luck_of(scenario.runs.seed, 0)
    start = opening(setting.sector, streams)
    return {
        key: evaluator_panel(
            setting.sector,
            streams,
            [replace(s, first=max(s.first, BEFORE)) for s in specs],
            start=start,
            counterfactual=setting.counterfactual,
            table=setting.mechanisms,
        )
        for key, specs in setting.arms.items()
    }
