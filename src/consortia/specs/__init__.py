"""The choices a study makes, as frozen values: methods, checks, inference, exposure.

Every class is a plain stdlib dataclass with a ``name`` or literal fields, so that one Pydantic
adapter at the door (studyfile/door.py) reads them from TOML and refuses what it does not know.
Ranges are checked on construction.
"""

from __future__ import annotations

from consortia.specs.appraise import Appraise, Hidden
from consortia.specs.arms import (
    Arm,
    Comparison,
    Competition,
    Exposure,
    Outcome,
    Weights,
    Where,
    Window,
)
from consortia.specs.chance import (
    FewClusters,
    Multiplicity,
    Randomisation,
    SpecificationCurve,
    WildBootstrap,
)
from consortia.specs.checks import (
    STANDARD,
    CheckSpec,
    HonestTrends,
    LeaveOneOut,
    PlaceboDate,
    PreTrend,
    WithoutFlagged,
)
from consortia.specs.data import (
    MISSING_CODES,
    ROLES,
    DataSpec,
    Found,
    Renames,
)
from consortia.specs.hidden import (
    InfluentialProviders,
    LeeBounds,
    NegativeControl,
    NeverJoiners,
    Oster,
    PlaceboOutcome,
    RegressionToMean,
    Rosenbaum,
    Survivors,
    UnseenConfounder,
)
from consortia.specs.inference import (
    Inference,
    MemberWeights,
    ShareTerms,
)
from consortia.specs.levels import Levels
from consortia.specs.methods import (
    Aggregation,
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

__all__ = [
    "MISSING_CODES",
    "ROLES",
    "STANDARD",
    "Aggregation",
    "Appraise",
    "Arm",
    "CheckSpec",
    "Comparison",
    "Competition",
    "DataSpec",
    "Exposure",
    "FewClusters",
    "Found",
    "GroupTime",
    "Hidden",
    "HonestTrends",
    "Imputation",
    "Inference",
    "InfluentialProviders",
    "LeaveOneOut",
    "LeeBounds",
    "Levels",
    "LocalProjection",
    "MemberWeights",
    "MethodSpec",
    "Mixed",
    "Multiplicity",
    "NegativeControl",
    "Neighbours",
    "NeverJoiners",
    "Oster",
    "Outcome",
    "PlaceboDate",
    "PlaceboOutcome",
    "PreTrend",
    "Randomisation",
    "RawGap",
    "RegimeDid",
    "RegressionToMean",
    "Renames",
    "Rosenbaum",
    "ShareTerms",
    "SpecificationCurve",
    "SunAbraham",
    "Survivors",
    "Switchers",
    "SyntheticDid",
    "TwoWay",
    "UnseenConfounder",
    "Weights",
    "Where",
    "WildBootstrap",
    "Window",
    "WithoutFlagged",
    "anticipation_of",
    "refusal",
]
