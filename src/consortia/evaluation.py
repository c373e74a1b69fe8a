"""evaluate: one study, one panel, one Evaluation. The place where rooms meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from consortia.challenge import Challenge
from consortia.errors import NotIdentified
from consortia.estimators import METHODS
from consortia.estimators import shares as division
from consortia.estimators.by_collaboration import by_collaboration
from consortia.estimators.estimate import estimate as run_method
from consortia.estimators.estimate import trace, with_influence
from consortia.estimators.identification import identify
from consortia.estimators.levels import levels
from consortia.estimators.neighbours import area
from consortia.estimators.permuted import path_sums
from consortia.estimators.waterfall import contamination, waterfall
from consortia.panel import Arrays, FlowStep, Held, Panel
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
    Identification,
    Rung,
    Shares,
    Standing,
    Trial,
)
from consortia.sensitivity import CHECKS
from consortia.sensitivity.strength import strength
from consortia.sensitivity.threats import threats
from consortia.sensitivity.verdict import decide
from consortia.sources import competition
from consortia.specs import (
    GroupTime,
    Imputation,
    LocalProjection,
    MethodSpec,
    Mixed,
    Neighbours,
    RawGap,
    RegimeDid,
    SunAbraham,
    Switchers,
    SyntheticDid,
    TwoWay,
    anticipation_of,
    refusal,
)
from consortia.spread import spread
from consortia.streams import Streams
from consortia.structures import belonging
from consortia.study import Study, label_of, listed
from consortia.version import __version__

Progress = Callable[[str], None]
T = TypeVar("T")


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
    plain, nothing = _try(lambda: panel.arrays(study.with_(hold=(), alongside=_others(study))))
    if plain is not None and np.nanmin(plain.Y) == np.nanmax(plain.Y):
        plain, nothing = None, f"{study.outcome_label} is the same for everybody in every year"
    arrays, because = _try(lambda: panel.arrays(study)) if plain is not None else (None, nothing)

    say(f"estimating: {study.method.name}")
    estimate: Estimate | None = None
    psi: np.ndarray | None = None
    if arrays is not None:
        rng = streams.at("inference").rng()
        fitted, because = _try(lambda: with_influence(arrays, study, rng, bool(study.checks)))
        estimate, psi = fitted or (None, None)
    if estimate is not None and estimate.row()["estimate"] is None:
        because = str(estimate.row()["caution"]).removeprefix("not identified, because ")
        estimate = None

    sd, sd_source = spread(study, plain)
    ladder = _ladder(study, panel, plain, estimate, streams, say)
    findings: tuple[Finding, ...] = ()
    if arrays is not None and estimate is not None:
        findings = _challenge(study, panel, arrays, estimate, psi, sd, streams, say)
    coincidences = _coincidences(study, plain) if plain is not None else ()
    identification = None
    if plain is not None and _others(study):
        say("what can be told apart")
        identification = _identification(study, panel, streams)
    gap, weights = _gap(study, plain, estimate, streams, say)
    verdict = decide(study, estimate, sd, findings, because)
    challenge = Challenge()
    if arrays is not None and estimate is not None:
        found = threats(study, estimate, verdict, findings, coincidences, identification)
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
        ladder=ladder,
        findings=findings,
        coincidences=coincidences,
        verdict=verdict,
        flow=_flow(arrays, estimate),
        cautions=_cautions(arrays, estimate, coincidences, study),
        notes=panel.notes,
        sources=panel.sources,
        panel_digest=panel.digest,
        study_digest=study.digest,
        assumes=METHODS[type(study.method)].assumes,
        command=command,
        version=__version__,
        simulated=panel.truth is not None,
        identification=identification,
        gap=gap,
        contamination=weights,
        by_collaboration=each,
        shares=divided,
        shares_not_identified=why,
        challenge=challenge,
        by_level=split,
        by_level_not_identified=unsplit,
        area=_area(study, estimate),
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
    return _try(lambda: division.shares(used, study, streams.at("shares").rng()))


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


def _try(run: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return run(), ""
    except NotIdentified as error:
        return None, error.because


def _others(study: Study) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*study.hold, *study.alongside)))


def _ladder(
    study: Study,
    panel: Panel,
    plain: Arrays | None,
    estimate: Estimate | None,
    streams: Streams,
    say: Progress,
) -> tuple[Rung, ...]:
    """From the raw difference to the answer, and what holding the other arms would say."""
    if plain is None:
        return ()
    others = _others(study)
    alone = study.with_(hold=(), alongside=others)
    rungs: list[Rung] = []
    if not isinstance(study.method, RawGap):
        say("the raw difference")
        rungs.append(
            _rung(
                "raw-gap", "Members against the rest", plain, alone.with_(method=RawGap()), streams
            )
        )
    if not isinstance(study.method, RawGap | TwoWay):
        rungs.append(
            _rung(
                "two-way",
                "Each provider against itself (provider and year effects)",
                plain,
                alone.with_(method=TwoWay()),
                streams,
            )
        )
        if study.hold:
            rungs.append(
                _rung(
                    "not-held",
                    f"Joiners against {_rest(study)}, nothing else held",
                    plain,
                    alone,
                    streams,
                )
            )
    rungs.append(_as_rung("answer", f"The answer: {_answer_label(study)}", estimate))
    if study.alongside and not isinstance(study.method, RawGap):
        say("holding the other arms")
        labels = _held_as_was(study, study.alongside)
        held = study.with_(hold=others, alongside=())
        if isinstance(study.method, GroupTime):
            # Few are left, and cohorts of one or two of them must not count like those of forty.
            held = held.with_(method=_apart(study.method))
        arrays, because = _try(lambda: panel.arrays(held))
        rungs.append(
            Rung(
                name="held",
                label=f"With {labels}",
                estimate=None,
                low=None,
                high=None,
                n_treated=0,
                note=f"not identified, because {because}",
            )
            if arrays is None
            else _rung("held", f"With {labels}", arrays, held, streams)
        )
    return tuple(rungs)


def _rest(study: Study) -> str:
    return "never-joiners" if study.comparison == "never" else "those that have not joined yet"


def _answer_label(study: Study) -> str:
    if isinstance(study.method, RawGap):
        return "members against the rest"
    if isinstance(study.method, TwoWay):
        return "each provider against itself"
    if isinstance(study.method, Mixed):
        return (
            "each provider against itself, in a multilevel model"
            if study.method.within_between
            else "members against the rest, in a multilevel model"
        )
    back = 1 + anticipation_of(study.method)
    when = "the year" if back == 1 else f"{back} years"
    whom = _rest(study)
    match study.method:
        case Imputation():
            text = "joiners against what all years without joining lead one to expect"
        case SyntheticDid():
            text = "joiners against a weighted mixture of never-joiners, fitted before joining"
        case Switchers():
            text = "those that switch against those of the same standing that have not yet"
        case Neighbours():
            text = f"members against {whom} that are near no member, from {when} before"
        case LocalProjection():
            text = "joiners against those that have not joined yet, from the year before joining"
        case SunAbraham():
            text = "joiners against never-joiners, from the year before joining"
        case _:
            text = f"joiners against {whom}, from {when} before joining"
    if study.hold:
        text += f", {_held_as_was(study, study.hold)}"
    return text


def _held_as_was(study: Study, names: tuple[str, ...]) -> str:
    words = listed([label_of(study.arms[a], a) for a in names])
    return f"{words} held as {'it was' if len(names) == 1 else 'they were'}"


def _rung(name: str, label: str, arrays: Arrays, study: Study, streams: Streams) -> Rung:
    fitted, because = _try(lambda: run_method(arrays, study, streams.at("ladder", name).rng()))
    return _as_rung(name, label, fitted, because)


def _as_rung(name: str, label: str, estimate: Estimate | None, because: str = "") -> Rung:
    row = None if estimate is None else estimate.row()
    if row is None or row["estimate"] is None:
        caution = because or ("" if row is None else row["caution"])
        note = (
            caution
            if not caution or caution.startswith("not identified")
            else f"not identified, because {caution}"
        )
        return Rung(
            name=name, label=label, estimate=None, low=None, high=None, n_treated=None, note=note
        )
    return Rung(
        name=name,
        label=label,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        n_treated=row["n_treated"],
        note=row["caution"],
    )


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
    # Refits need no bands: 0 draws keep them cheap.
    quick = replace(study.inference, draws=0)

    def refit(changed: Arrays, asked: Study) -> Estimate:
        return run_method(
            changed,
            asked.with_(inference=quick),
            streams.at("refit").rng(),
        )

    facts = (
        pl.DataFrame({"provider": arrays.provider})
        .join(panel.providers, on="provider", how="left", maintain_order="left")
    )  # fmt: skip
    trial = Trial(
        arrays=arrays,
        study=study,
        facts=facts,
        estimate=estimate,
        refit=refit,
        cross=panel.arrays,
        sd=sd,
        belonging=belonging(panel, study.arms[study.arm], arrays.provider),
        path_sums=path_sums,
        trace=lambda changed, asked: trace(changed, asked, streams.at("inference").rng()),
        influence=lambda: psi,
    )
    out: list[Finding] = []
    for spec in study.checks:
        say(f"challenging: {spec.name}")
        # One thread: thousands of small products wait for one another otherwise.
        with threadpool_limits(limits=1, user_api="blas"):
            out.append(CHECKS[type(spec)].run(trial, spec, streams.at("check", spec.name).rng()))
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
        gap, _ = _try(lambda: waterfall(plain, quick, estimate, streams.at("gap").rng()))
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
        found, _ = _try(lambda: by_collaboration(arrays, method, study, who))
    return found


def _levels(
    study: Study, arrays: Arrays | None, streams: Streams, because: str
) -> tuple[ByLevel | None, str]:
    """The answer by level of a fact, or why there is none."""
    if arrays is None:
        return None, because
    # One thread, as for every estimate.
    with threadpool_limits(limits=1, user_api="blas"):
        return _try(lambda: levels(arrays, study, streams.at("levels").rng()))


def _area(study: Study, estimate: Estimate | None) -> AreaReading | None:
    """Who gains and who loses, where the method looks at neighbours."""
    if estimate is None or not isinstance(study.method, Neighbours):
        return None
    return area(estimate.effects, study.method, study.outcomes[study.outcome].unit)


def _coincidences(study: Study, arrays: Arrays) -> tuple[Coincidence, ...]:
    return tuple(_coincide(study, arrays, held) for held in arrays.alongside)


def _coincide(study: Study, arrays: Arrays, held: Held) -> Coincidence:
    """Counts among the joiners of the window: when did they take the other arm?"""
    T, g = arrays.T, arrays.cohort[arrays.joiners]
    h = held.cohort[arrays.joiners]
    same = int((h == g).sum())
    before = int((h < g).sum())
    after = int(((h > g) & (h < T)).sum())
    never = int((h == T).sum())
    n = int(g.size)
    tell = n - same
    arm = study.arm_label
    joined = "joined" if study.arms[study.arm].kinds else "took on"
    is_held = held.name in study.hold
    if n == 0:
        sentence = f"Nobody joins {arm} within the window."
    elif same == 0:
        sentence = (
            f"No joiner of {arm} took on {held.label} in the same year: the two can be told apart."
        )
    else:
        sentence = (
            f"{same:,} of {n:,} joiners took on {held.label} in the year they {joined} {arm}: for "
            "them the data cannot tell the two apart. "
        )
        others = f"Only {tell:,} can" if tell < same else f"The other {tell:,} can"
        if not tell:
            sentence = (
                f"All {n:,} joiners took on {held.label} in the year they {joined} {arm}: the data "
                "cannot tell the two apart"
            )
            sentence += "." if is_held else ", and the answer is about both together."
        elif is_held:
            sentence += f"{others}, and the answer rests on those of them that have a comparison."
        else:
            sentence += f"{others}; for the {same:,} the answer is about both together."
    return Coincidence(
        arm=held.name,
        label=held.label,
        joiners=n,
        same_year=same,
        before=before,
        after=after,
        never=never,
        sentence=sentence,
    )


def _identification(study: Study, panel: Panel, streams: Streams) -> Identification | None:
    """What can be told of the arm apart from those held, or from those alongside if none is."""
    spec = _apart(study.method)
    if refusal(spec, study.arms[study.arm], study.arm_label):
        return None
    quick = replace(study.inference, draws=0)
    apart = study.with_(
        method=spec, hold=study.hold or study.alongside, alongside=(), inference=quick
    )
    alone = apart.with_(hold=())
    arrays, _ = _try(lambda: panel.arrays(apart))
    if arrays is None:
        return None

    def error(asked: Study) -> float | None:
        # Held arms only censor, so that the same arrays serve without them.
        given = (
            arrays if asked.hold else replace(arrays, hold=(), regime=None, regime_names=("all",))
        )
        found, _ = _try(lambda: run_method(given, asked, streams.at("apart").rng()))
        return None if found is None else found.row()["std_error"]

    held, free = error(apart), error(alone)
    price = held / free if held and free else None
    return identify(arrays, spec, apart, price)


def _apart(method: MethodSpec) -> RegimeDid:
    """regime-did with the choices of the study's method, where it has them."""
    match method:
        case RegimeDid():
            return method
        case GroupTime():
            return RegimeDid(
                adjust=method.adjust,
                base=method.base,
                anticipation=method.anticipation,
                few=method.few,
            )
        case _:
            return RegimeDid()


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
