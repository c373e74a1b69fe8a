"""Direct effect, spill-over on neighbours and total for the area (Butts 2021)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.estimators.flow import flow
from consortia.maths import neighbours as algebra
from consortia.maths.influence import Influence
from consortia.maths.neighbours import Effects, Row
from consortia.panel import Arrays, FlowStep
from consortia.results import AREA, AreaReading, EffectKey, Fit
from consortia.specs import Neighbours
from consortia.study import Study

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def fit(arrays: Arrays, spec: Neighbours, study: Study, rng: np.random.Generator) -> Fit:
    """All effects of maths.neighbours in one Fit; the headline is the direct effect.

    ``arrays.rings`` (n, R) must hold the first year in which others in each ring had joined
    (nearby.rings_of). Raises NotIdentified where places are not known, or no member can be compared
    with a provider that is near no member. Takes no randomness.
    """
    rings = _rings(arrays, spec)
    found = _effects(arrays, spec, study, rings, arrays.Y)
    if not np.isfinite(found.theta[0]):
        raise NotIdentified(_why(arrays, spec, found))
    return Fit(
        method="neighbours",
        keys=tuple(_key(row) for row in found.rows),
        theta=found.theta,
        influence=Influence(psi=found.psi),
        n_treated=found.n_treated,
        n_control=found.n_control,
        cautions=tuple(_caution(found, k, spec) for k in range(len(found.rows))),
        headline=0,
        small_sample="clusters",
        flow=_flow(arrays, found),
        notes=_notes(arrays, spec, found),
    )


def truth(arrays: Arrays, spec: Neighbours, study: Study, fit: Fit) -> Floats:
    """The same averages of the known effects, of members and of neighbours; event times before
    exposure 0."""
    if arrays.truth is None:
        return np.full(fit.theta.size, np.nan)
    rings = _rings(arrays, spec)
    _, state = algebra.states(arrays.cohort, rings, arrays.T)
    known = np.where((state >= algebra.MEMBER) & np.isfinite(arrays.truth), arrays.truth, 0.0)
    known = np.where(np.isfinite(arrays.Y), known, np.nan)
    return _effects(arrays, spec, study, rings, known).theta


def area(effects: pl.DataFrame, spec: Neighbours, unit: str) -> AreaReading:
    """Direct effect, spill-over ring by ring and together, and the total for the area, from a table
    of effects (results.EFFECTS)."""
    row = _single(effects)
    places = [("members", "direct", "Members")]
    for r, (a, b) in enumerate(pairwise((0.0, *spec.rings))):
        reach = f"up to {b:g} km" if a == 0 else f"over {a:g} up to {b:g} km"
        places.append((f"ring-{r + 1}", f"spill-over-ring-{r + 1}", f"Neighbours {reach} away"))
    places += [
        (
            "neighbours",
            "spill-over-per-member",
            "All neighbours together, for each year of a member",
        ),
        ("area", "area-total", "The area as a whole, for each year of a member"),
    ]
    rows = [
        {
            "who": who,
            "label": label,
            "providers": found["n_treated"],
            **{name: found[name] for name in AREA if name in found},
        }
        for who, name, label in places
        if (found := row.get(name)) is not None
    ]
    return AreaReading(
        table=pl.DataFrame(rows, schema=AREA),
        lost_elsewhere=_lost_elsewhere(row["direct"], row["spill-over-per-member"]),
        sentence=reading(effects, unit),
    )


def reading(effects: pl.DataFrame, unit: str) -> str:
    """What members gain, what neighbours gain or lose, and what is left for the area, in one
    sentence from a table of effects (results.EFFECTS). A gain of members that neighbours lose is
    said to be that, as far as its interval allows."""
    row = _single(effects)
    direct, spill, area = row["direct"], row["spill-over-per-member"], row["area-total"]
    head = f"For each year of membership, members {_moved(direct['estimate'])} {unit}"
    if spill["estimate"] is None or area["estimate"] is None:
        return f"{head}; what neighbours gain or lose cannot be told."
    both = f"their neighbours together {_moved(spill['estimate'])}"
    total = f"the area as a whole {_moved(area['estimate'], 's')} ({_interval(area)})"
    words = f"{head}, {both}, {total}."
    share = _lost_elsewhere(direct, spill)
    if share is not None:
        side = "gain" if direct["estimate"] > 0 else "loss"
        other = "loss" if side == "gain" else "gain"
        return f"{words} Of the members' {side}, {share:.0%} is their neighbours' {other}."
    if not _clear(spill):
        return f"{words} The neighbours' part cannot be told from none ({_interval(spill)})."
    return words


def _single(effects: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The rows that are one number for all years, by estimand."""
    return {r["estimand"]: r for r in effects.filter(pl.col("event_time").is_null()).to_dicts()}


def _lost_elsewhere(direct: dict[str, Any], spill: dict[str, Any]) -> float | None:
    if not (_clear(direct) and _clear(spill) and direct["estimate"] * spill["estimate"] < 0):
        return None
    return -spill["estimate"] / direct["estimate"]


def _moved(value: float, s: str = "") -> str:
    return f"{'gain' if value >= 0 else 'lose'}{s} {abs(value):.2f}"


def _clear(row: dict[str, Any]) -> bool:
    return row["low"] is not None and (row["low"] > 0 or row["high"] < 0)


def _interval(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return "interval not known"
    return f"interval {row['low']:.2f} to {row['high']:.2f}"


def _rings(arrays: Arrays, spec: Neighbours) -> NDArray[np.int64]:
    if arrays.rings is None:
        raise NotIdentified("the places of the providers are not known")
    if arrays.rings.shape[1] != len(spec.rings):
        raise ValueError(f"{arrays.rings.shape[1]} rings given, {len(spec.rings)} asked for")
    return arrays.rings


def _effects(
    arrays: Arrays, spec: Neighbours, study: Study, rings: NDArray[np.int64], Y: Floats
) -> Effects:
    return algebra.effects(
        Y,
        arrays.w,
        arrays.cohort,
        rings,
        arrays.stratum,
        anticipation=spec.anticipation,
        comparison=study.comparison,
    )


def _key(row: Row) -> EffectKey:
    name: str = f"{row.kind}-ring-{row.ring}" if row.ring else row.kind
    if row.event_time is not None:
        name += "-dynamic"
    return EffectKey(estimand=name, event_time=row.event_time)


def _caution(found: Effects, k: int, spec: Neighbours) -> str:
    lost = int(found.lost[k])
    if not np.isfinite(found.theta[k]):
        return "not identified, because " + (
            "no provider that nothing has touched is seen in those years"
            if lost
            else "no provider is ever in that position and seen before it"
        )
    parts: list[str] = []
    if lost:
        parts.append(f"{lost:,} provider-years left out: nobody untouched to compare with")
    if found.n_treated[k] < spec.few:
        parts.append(f"fewer than {spec.few} treated")
    if found.n_control[k] < spec.few:
        parts.append(f"fewer than {spec.few} to compare with")
    return "; ".join(parts)


def _why(arrays: Arrays, spec: Neighbours, found: Effects) -> str:
    if found.unplaced.all():
        return "the place of no provider is known"
    if not arrays.joiners.any():
        return "nobody joins within the years studied"
    if found.clean == 0 and found.lost.any():
        return (
            f"every provider has joined or is within {spec.rings[-1]:g} km of one that has; "
            "smaller rings would leave some to compare with, if spill-over ends there"
        )
    return (
        "no member whose place is known is seen both before anything touched it and after joining"
    )


def _flow(arrays: Arrays, found: Effects) -> tuple[FlowStep, ...]:
    used: Bools = np.asarray(found.psi.any(axis=1))
    return flow(
        arrays,
        (
            ("place not known", found.unplaced, "cannot be said to be near or far"),
            (
                "touched from the first year on",
                found.early,
                "joined, or near one that had, before any year that could serve as the base year",
            ),
            ("cannot be compared", ~used, "no base year, or nobody to compare with"),
        ),
        "members, neighbours, and providers that nothing touched",
    )


def _notes(arrays: Arrays, spec: Neighbours, found: Effects) -> tuple[str, ...]:
    edges = (0.0, *spec.rings)
    names = [
        f"ring {r + 1}: " + (f"up to {b:g} km" if a == 0 else f"over {a:g} up to {b:g} km")
        for r, (a, b) in enumerate(pairwise(edges))
    ]
    notes = ["; ".join(names)]
    if spec.at_least > 1:
        notes.append(f"exposed where at least {spec.at_least} others in the ring have joined")
    if spec.earlier == "ignore":
        notes.append(
            "those that had joined by the first year are taken as part of the scenery: what they "
            "do to their neighbours is taken to be settled"
        )
    notes.append(
        f"{found.clean:,} providers that had not joined and were near no member serve as comparison"
    )
    hidden = int((found.unplaced & (arrays.cohort < arrays.T)).sum())
    if hidden:
        notes.append(
            f"{hidden:,} members have no known place: whoever is near one of them counts as "
            "near no member"
        )
    if arrays.X_names or arrays.Z_names:
        notes.append(f"{', '.join((*arrays.X_names, *arrays.Z_names))}: not used by this method")
    return tuple(notes)
