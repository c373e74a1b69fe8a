"""What comes out: fits, effect tables, findings, evaluations. Results never import the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consortia.challenge import Challenge
from consortia.panel import FlowStep, Note, Source
from consortia.results.answer import (
    EFFECTS,
    EffectKey,
    Estimand,
    Estimate,
    Finding,
    Fit,
    Rung,
    Verdict,
)
from consortia.results.beside import (
    AREA,
    CONTRASTS,
    LEVELS,
    AreaReading,
    ByCollaboration,
    ByLevel,
    Coincidence,
    Contamination,
    Gap,
    GapPart,
    Identification,
)
from consortia.results.rows import (
    Check,
    Method,
    Trial,
)
from consortia.results.shares import (
    PARTS,
    STANDINGS,
    Shares,
    Standing,
)
from consortia.study import Study

__all__ = [
    "AREA",
    "CONTRASTS",
    "EFFECTS",
    "LEVELS",
    "PARTS",
    "STANDINGS",
    "AreaReading",
    "ByCollaboration",
    "ByLevel",
    "Check",
    "Coincidence",
    "Contamination",
    "EffectKey",
    "Estimand",
    "Estimate",
    "Evaluation",
    "Finding",
    "Fit",
    "Gap",
    "GapPart",
    "Identification",
    "Method",
    "Rung",
    "Shares",
    "Standing",
    "Trial",
    "Verdict",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One study, one panel, answered; everything that the report shows is in here."""

    study: Study
    title: str
    estimate: Estimate | None
    not_identified: str
    sd: float
    sd_source: str
    ladder: tuple[Rung, ...]
    findings: tuple[Finding, ...]
    coincidences: tuple[Coincidence, ...]
    verdict: Verdict
    flow: tuple[FlowStep, ...]
    cautions: tuple[str, ...]
    notes: tuple[Note, ...]
    sources: tuple[Source, ...]
    panel_digest: str
    study_digest: str
    assumes: str
    command: str
    version: str
    simulated: bool = False
    identification: Identification | None = None
    gap: Gap | None = None
    contamination: Contamination | None = None
    by_collaboration: ByCollaboration | None = None
    shares: Shares | None = None
    shares_not_identified: str = ""
    challenge: Challenge = Challenge()
    by_level: ByLevel | None = None
    by_level_not_identified: str = ""
    area: AreaReading | None = None

    @property
    def headline(self) -> dict[str, Any] | None:
        return None if self.estimate is None else self.estimate.row()

    def __repr__(self) -> str:
        asked = f"{self.study.arm} on {self.study.outcome}"
        return f"Evaluation({asked}:\n           {self.verdict.words})"
