"""One small sector for all: 16 colleges, 4 of whom might join."""

from __future__ import annotations

from types import MappingProxyType

from consortia.scenario import (
    GroupAsked,
    MechanismAsked,
    RunsAsked,
    Scenario,
    SectorAsked,
)

SMALL = SectorAsked(colleges=16, years=4, burn_in=3)
GROUP = GroupAsked(size=4)


def asked(name: str, label: str = "", **parameters: object) -> MechanismAsked:
    return MechanismAsked(name=name, label=label, parameters=MappingProxyType(parameters))


def scenario(*mechanisms: MechanismAsked, **changes: object) -> Scenario:
    base: dict[str, object] = {
        "mechanisms": mechanisms or (asked("shared-pool"),),
        "sector": SMALL,
        "group": GROUP,
        "runs": RunsAsked(least=3, most=3, without_me=0),
    }
    return Scenario(**{**base, **changes})  # type: ignore[arg-type]
