"""The choices a study makes, as frozen values: methods, checks, inference, exposure.

Every class is a plain stdlib dataclass with a ``name`` or literal fields, so that one Pydantic
adapter at the door (studyfile/door.py) reads them from TOML and refuses what it does not know.
Ranges are checked on construction.
"""

from __future__ import annotations

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
from consortia.specs.checks import (
    CheckSpec,
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
    "Aggregation",
    "Arm",
    "CheckSpec",
    "Comparison",
    "Competition",
    "DataSpec",
    "Exposure",
    "Found",
    "GroupTime",
    "Imputation",
    "Inference",
    "LeaveOneOut",
    "Levels",
    "LocalProjection",
    "MemberWeights",
    "MethodSpec",
    "Mixed",
    "Neighbours",
    "Outcome",
    "PlaceboDate",
    "PreTrend",
    "RawGap",
    "RegimeDid",
    "Renames",
    "ShareTerms",
    "SunAbraham",
    "Switchers",
    "SyntheticDid",
    "TwoWay",
    "Weights",
    "Where",
    "Window",
    "WithoutFlagged",
    "anticipation_of",
    "refusal",
]
