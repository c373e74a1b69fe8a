"""From a scenario to what runs: names looked up, members found, the law asked first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from consortia import legal
from consortia.comparison.runs import NONE, Setting, Specs
from consortia.errors import DataInvalid, Problem, nearest
from consortia.scenario import GroupAsked, MechanismAsked, Scenario
from consortia.world.colleges.mechanisms import MECHANISMS, Mechanism, mechanism
from consortia.world.colleges.parameters import parameters
from consortia.world.colleges.region import Region, embedded_region
from consortia.world.colleges.sector import CollegeSector


def setting(
    scenario: Scenario,
    *,
    folder: Path | None = None,
    table: Mapping[type, Mechanism] | None = None,
    region: Region | None = None,
) -> Setting:
    """What runs for every seed of a scenario.

    Raises Unlawful for words of an agreement that the law screen stops, or a red mechanism
    without ``counterfactual``; DataInvalid for names that do not exist, with the nearest.
    """
    legal.refuse(scenario.agreement)
    rows = MECHANISMS if table is None else table
    place = region if region is not None else _region(scenario, folder)
    members = _members(scenario.group, place)
    arms: dict[str, Specs] = {}
    for asked in scenario.mechanisms:
        if asked.name == NONE:
            continue
        spec = _looked_up(asked, members, rows)
        row = rows[type(spec)]
        legal.allow(row.name, row.legal, counterfactual=scenario.counterfactual)
        arms[asked.key] = (*arms.get(asked.key, ()), spec)
    if not arms:
        raise DataInvalid(
            [Problem(column="mechanisms", problem="nothing is compared with having nothing shared",
                     remedy=f"Name one of: {', '.join(r.name for r in rows.values())}")]
        )  # fmt: skip
    asked_of = scenario.sector
    numbers = parameters()
    if asked_of.parameters:
        numbers = numbers.with_values(dict(asked_of.parameters))
    inside = place.select(members)
    return Setting(
        sector=CollegeSector(
            region=place,
            parameters=numbers,
            years=asked_of.years,
            burn_in=asked_of.burn_in,
            competition=asked_of.competition,
            autonomy=asked_of.autonomy,
        ),
        members=members,
        groups=_groups(place, inside),
        arms=arms,
        counterfactual=scenario.counterfactual,
        table=table,
        value_of_achiever=scenario.group.value_of_achiever,
    )


def _looked_up(
    asked: MechanismAsked, members: tuple[str, ...], rows: Mapping[type, Mechanism]
) -> Any:
    """The spec of a mechanism asked for; its problems say which one they belong to."""
    try:
        return mechanism(asked.name, table=rows, **{"members": members, **dict(asked.parameters)})
    except DataInvalid as error:
        at = f"mechanisms.{asked.key}"
        raise DataInvalid(
            replace(p, column=f"{at}.{p.column}" if p.column else at) for p in error.problems
        ) from None


def _region(scenario: Scenario, folder: Path | None) -> Region:
    asked = scenario.sector
    if asked.region:
        from consortia.world.colleges.region_file import read_region

        path = Path(asked.region)
        return read_region(path if folder is None else folder / path)
    return embedded_region(asked.colleges)


def _members(group: GroupAsked, region: Region) -> tuple[str, ...]:
    known = region.college.tolist()
    if group.members:
        region.select(group.members)
        return group.members
    if group.around and group.around not in known:
        raise DataInvalid(
            [Problem(column="group.around", found=group.around,
                     problem="no such college in the region",
                     remedy=_close(group.around, known))]
        )  # fmt: skip
    if group.size > region.n:
        raise DataInvalid(
            [Problem(column="group.size", found=str(group.size),
                     problem=f"the region has {region.n} colleges", remedy="Ask for fewer")]
        )  # fmt: skip
    centre = known.index(group.around) if group.around else int(np.argmax(region.learners))
    near = np.argsort(region.between[centre], kind="stable")[: group.size]
    return tuple(known[k] for k in near.tolist())


def _close(name: str, known: list[str]) -> str:
    """The nearest college; the list of all would be long."""
    close = nearest(name, known)
    return f"Did you mean {close!r}?" if close else f"The first is {known[0]!r}"


def _groups(region: Region, inside: Any) -> dict[str, Any]:
    outside = np.setdiff1d(np.arange(region.n), inside)
    far = region.between[np.ix_(outside, inside)].min(axis=1, initial=np.inf)
    near = np.sort(outside[np.argsort(far, kind="stable")[: inside.size]])
    return {"members": inside, "neighbours": near, "others": outside}


def title_of(specs: Specs, rows: Mapping[type, Mechanism]) -> str:
    """The mechanisms of one arm in words."""
    return " and ".join(rows[type(s)].title for s in specs)
