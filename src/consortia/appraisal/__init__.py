"""appraise: one study, many worlds, one Diagnosis; and the exam that every method sits."""

from __future__ import annotations

from consortia.appraisal.appraising import Progress, appraise

__all__ = ["Progress", "appraise"]
