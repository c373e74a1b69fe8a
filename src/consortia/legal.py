"""What the law says about a collective mechanism, as a value that travels with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalNote:
    """Not legal advice: ``level`` red (unlawful on the published view of the authority: only as a
    counterfactual), amber (take advice first) or green; ``as_of`` is when the sources were read."""

    level: Literal["red", "amber", "green"]
    text: str
    sources: tuple[str, ...]
    jurisdiction: str
    as_of: str
