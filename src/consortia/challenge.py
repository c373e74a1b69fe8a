"""What could overturn an answer, and how strong the evidence behind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Standing = Literal["overturns", "close", "open", "holds"]
"""overturns: the answer does not survive; close: it nearly does not; open: these data cannot say;
holds: the answer survives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One thing that could overturn the answer.

    ``check``: name of the check it comes from, or of the fact about the data. ``danger`` in [0, 1]:
    1 = overturned, 0 = far from it. ``settles``: what would settle it.
    """

    check: str
    title: str
    standing: Standing
    danger: float
    sentence: str
    settles: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One line of the rating, 0 to 5; ``value`` None where it has no number."""

    name: str
    value: float | None
    rating: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How strong the evidence is, by a grid fixed beforehand (sensitivity/strength.py).

    ``initial`` is the lowest of ``criteria``, ``lowered`` what the threats take off it, ``rating``
    what is left. ``reason``: the one reason why it is not higher. ``maryland``: level of the
    Maryland Scientific Methods Scale, 1 to 5.
    """

    rating: int
    initial: int
    lowered: int
    reason: str
    criteria: tuple[Criterion, ...]
    maryland: int
    maryland_reason: str
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Threats, most dangerous first; ``strength`` is None where there is no answer to rate."""

    threats: tuple[Threat, ...] = ()
    strength: Strength | None = None
