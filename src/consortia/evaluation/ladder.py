"""From the raw difference to the answer, rung by rung, and what holding other arms would say."""

from __future__ import annotations

from collections.abc import Callable

from consortia.errors import attempt
from consortia.estimators.estimate import estimate as run_method
from consortia.evaluation.apart import regimes_for
from consortia.panel import Arrays, Panel
from consortia.results import Estimate, Rung
from consortia.specs import (
    GroupTime,
    Imputation,
    LocalProjection,
    Mixed,
    Neighbours,
    RawGap,
    SunAbraham,
    Switchers,
    SyntheticDid,
    TwoWay,
    anticipation_of,
)
from consortia.streams import Streams
from consortia.study import Study, label_of, listed


def ladder(
    study: Study,
    panel: Panel,
    plain: Arrays | None,
    estimate: Estimate | None,
    streams: Streams,
    say: Callable[[str], None],
) -> tuple[Rung, ...]:
    """From the raw difference to the answer, and what holding the other arms would say."""
    if plain is None:
        return ()
    others = study.others
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
            held = held.with_(method=regimes_for(study.method))
        arrays, because = attempt(lambda: panel.arrays(held))
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
    fitted, because = attempt(lambda: run_method(arrays, study, streams.at("ladder", name).rng()))
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
