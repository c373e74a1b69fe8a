"""What the data can tell apart: the arm in question from the others."""

from __future__ import annotations

from dataclasses import replace

from consortia.errors import attempt
from consortia.estimators.estimate import estimate as run_method
from consortia.estimators.identification import identify
from consortia.panel import Arrays, Held, Panel
from consortia.results import Coincidence, Identification
from consortia.specs import GroupTime, MethodSpec, RegimeDid, refusal
from consortia.streams import Streams
from consortia.study import Study


def coincidences(study: Study, arrays: Arrays) -> tuple[Coincidence, ...]:
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
    joined = study.verb.past
    is_held = held.name in study.hold
    if n == 0:
        sentence = f"Nobody joins {arm} within the window."
    elif same == 0:
        sentence = (
            f"No joiner of {arm} took on {held.label} in the same year: the two can be told apart."
        )
    elif tell == 0:
        sentence = (
            f"All {n:,} joiners took on {held.label} in the year they {joined} {arm}: the data "
            "cannot tell the two apart"
        )
        sentence += "." if is_held else ", and the answer is about both together."
    else:
        sentence = (
            f"{same:,} of {n:,} joiners took on {held.label} in the year they {joined} {arm}: for "
            "them the data cannot tell the two apart. "
        )
        others = f"Only {tell:,} can" if tell < same else f"The other {tell:,} can"
        if is_held:
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


def identification(study: Study, panel: Panel, streams: Streams) -> Identification | None:
    """What can be told of the arm apart from those held, or from those alongside if none is."""
    spec = regimes_for(study.method)
    if refusal(spec, study.arms[study.arm], study.arm_label):
        return None
    quick = replace(study.inference, draws=0)
    apart = study.with_(
        method=spec, hold=study.hold or study.alongside, alongside=(), inference=quick
    )
    alone = apart.with_(hold=())
    arrays, _ = attempt(lambda: panel.arrays(apart))
    if arrays is None:
        return None

    def error(asked: Study) -> float | None:
        # Held arms only censor, so that the same arrays serve without them.
        given = (
            arrays if asked.hold else replace(arrays, hold=(), regime=None, regime_names=("all",))
        )
        found, _ = attempt(lambda: run_method(given, asked, streams.at("apart").rng()))
        return None if found is None else found.row()["std_error"]

    held, free = error(apart), error(alone)
    price = held / free if held and free else None
    return identify(arrays, spec, apart, price)


def regimes_for(method: MethodSpec) -> RegimeDid:
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
