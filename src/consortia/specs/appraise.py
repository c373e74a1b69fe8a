"""How a study is appraised: on which worlds, with which true effects and hidden differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from consortia.specs.ranges import CLOSED, need


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What no file shows and makes joiners different, in the outcome's standard deviations.

    ``trend``: joiners would have gained so much more a year than the others anyway. ``dip``: how
    far below their own level they were in the last year before joining, gone the year after.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    trend: float = 0.0
    dip: float = 0.0

    def __post_init__(self) -> None:
        need(abs(self.trend) <= 5 and abs(self.dip) <= 5, "trend and dip must lie within -5 and 5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraise:
    """The worlds on which a study is run before its answer is believed.

    ``world``: "calibrated" to the study's own data, or the embedded "sector". ``adoption``: who
    joins when is "kept" as it was, or whole histories of joining are "redrawn" at random among
    providers with the same values of the columns in ``strata``.

    ``effects``: true effects in the outcome's unit from the first exposed year on (none named: zero
    and the smallest worthwhile one), ``growth`` more in each further year, times a factor of the
    provider's own with mean 1 and standard deviation ``spread``. ``hidden`` differences come on top
    and are no effect.

    ``checks``: run the study's checks in every world too, so that the words counted are those of
    the report, which a failed check withholds.

    ``methods``: names beside the study's own, or "all". ``providers`` and ``years``: sizes for
    which the diagnosis is repeated (none named: as they are). ``power``: the share of worlds in
    which an effect has to be found for it to count as detectable.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    worlds: int = 200
    world: Literal["calibrated", "sector"] = "calibrated"
    adoption: Literal["kept", "redrawn"] = "kept"
    strata: tuple[str, ...] = ()
    effects: tuple[float, ...] = ()
    growth: float = 0.0
    spread: float = 0.0
    hidden: Hidden = Hidden()
    methods: tuple[str, ...] = ()
    providers: tuple[int, ...] = ()
    years: tuple[int, ...] = ()
    checks: bool = False
    power: float = 0.8
    seed: int = 1

    def __post_init__(self) -> None:
        need(2 <= self.worlds <= 1_000_000, "worlds must lie between 2 and 1,000,000")
        need(self.spread >= 0, "spread must be zero or more")
        need(all(n >= 4 for n in self.providers), "providers must be 4 or more")
        need(all(2 <= t <= 100 for t in self.years), "years must lie between 2 and 100")
        need(0.05 < self.power < 1, "power must lie between 0.05 and 1, for example 0.8")
        need(self.seed >= 0, "seed must be zero or more")
        need(
            not self.strata or self.adoption == "redrawn",
            "strata belong to adoption = 'redrawn'",
        )
        for name, values in (
            ("effects", self.effects), ("methods", self.methods),
            ("providers", self.providers), ("years", self.years), ("strata", self.strata),
        ):  # fmt: skip
            need(len(set(values)) == len(values), f"{name} must be different from one another")
