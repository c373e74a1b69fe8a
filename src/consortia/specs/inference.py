"""How uncertainty is computed, and among what differences are divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from consortia.specs.ranges import CLOSED, need

MemberWeights = Literal["sum-to-one", "as-stated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """How uncertainty is computed.

    ``cluster``: "provider", "collaboration" (of the arm; overlapping memberships count in each),
    "market" (local markets of ``market_km`` around one provider each, nearby.markets_of), or the
    name of a column of the providers file such as "local_authority".
    ``spatial_km``: instead of clusters, providers this near may depend on one another
    (estimators/spatial.py); then no bands and no small-sample rule.
    ``multiplier``: of the bootstrap behind uniform bands; Gaussian draws are exact given the data
    and cost nothing per provider, the others resample cluster sums.
    ``small_sample``: "auto" takes the convention of the method (named in every result).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    cluster: str = "provider"
    level: float = 0.95
    small_sample: Literal["auto", "none", "clusters", "regression"] = "auto"
    multiplier: Literal["gaussian", "rademacher", "mammen", "webb"] = "gaussian"
    draws: int = 999
    seed: int = 1
    market_km: float = 10.0
    spatial_km: float | None = None

    def __post_init__(self) -> None:
        need(0.5 <= self.level < 1, "level must lie between 0.5 and 1, for example 0.95")
        need(
            self.draws == 0 or 99 <= self.draws <= 100_000, "draws must be 0 or from 99 to 100,000"
        )
        need(self.seed >= 0, "seed must be zero or more")
        need(bool(self.cluster), "cluster must be 'provider', 'collaboration' or a column")
        need(0 < self.market_km <= 500, "market_km must be above zero and no more than 500")
        need(
            self.spatial_km is None or 0 < self.spatial_km <= 2000,
            "spatial_km must be above zero and no more than 2,000",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTerms:
    """Where the differences lie: the terms among which the variance is divided, as in Mixed.

    Empty ``terms``: nothing is asked. Exposure is not in this model, so that what members have in
    common stays with the collaborations. ``rate``: of collaborations named as standing out, the
    share expected to be named wrongly. ``draws``: of the parametric bootstrap behind the intervals
    of shares (0: by the delta method).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    terms: tuple[str, ...] = ()
    year: Literal["fixed", "random"] = "fixed"
    reml: bool = True
    member_weights: MemberWeights = "sum-to-one"
    rate: float = 0.05
    draws: int = 0

    def __post_init__(self) -> None:
        need(len(set(self.terms)) == len(self.terms), "terms must be different from one another")
        need(0 < self.rate < 0.5, "rate must lie between 0 and 0.5")
        need(self.draws == 0 or 99 <= self.draws <= 10_000, "draws must be 0 or 99 to 10,000")
