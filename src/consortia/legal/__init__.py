"""What competition law has to say about a mechanism or about the terms of an agreement.

Not legal advice: a screen that errs on the side of stopping. It never says that something is safe.

>>> from consortia.legal import note, screen
>>> note("no-poach").level
'red'
>>> [hit.term for hit in screen("Members will not recruit each other's staff")]
['not-recruit']

The tables stand in ``notes.toml`` and ``terms.toml`` beside this file, each entry with its source
and the day on which it was read; they are part of the program and are read once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from consortia.errors import ConsortiaError, did_you_mean

Level = Literal["green", "green-amber", "amber", "red-amber", "red"]
LEVELS: tuple[Level, ...] = ("green", "green-amber", "amber", "red-amber", "red")
"""From least to most worrying."""

NOT_ADVICE = (
    "This is not legal advice. Whether a publicly funded college counts as an undertaking is "
    "arguable and must not be relied on, since colleges also trade. Take advice before you agree."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalNote:
    """What is known of one mechanism's lawfulness: ``level`` (LEVELS), why, who says so, where it
    holds and when it was read (ISO date). Raises ValueError for an unknown level or no source."""

    level: Level
    text: str
    sources: tuple[str, ...]
    jurisdiction: str
    as_of: str

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"unknown level {self.level!r}: {did_you_mean(self.level, LEVELS)}")
        if not self.sources:
            raise ValueError("a legal note names its source")

    @property
    def counterfactual_only(self) -> bool:
        """Whether the mechanism may be simulated only to see what it would do, never proposed."""
        return self.level == "red"

    @property
    def banner(self) -> str:
        """One line for the top of every output."""
        lead = {
            "red": "UNLAWFUL on the published view of the competition authority; shown only to see "
            "what it would do",
            "red-amber": "Doubtful in law: take advice before you discuss it with another employer",
            "amber": "Take legal advice on the terms",
            "green-amber": "Lawful in outline; the terms matter",
            "green": "No objection known in outline",
        }[self.level]
        return f"{lead}. {self.text} ({'; '.join(self.sources)}; {self.jurisdiction}, {self.as_of})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A kind of term that stops: what it looks like, why, who says so, what may be done instead."""

    name: str
    title: str
    reason: str
    source: str
    link: str
    as_of: str
    patterns: tuple[re.Pattern[str], ...]
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A term of this kind found: the words that gave it away and where they start (from 0)."""

    term: str
    words: str
    start: int


class Unlawful(ConsortiaError):
    """A hard stop: what is asked for is unlawful by object on the authority's published view.

    ``reasons``: one sentence each with its source; ``alternatives``: what may be done instead.
    """

    exit_code = 3

    def __init__(self, reasons: Iterable[str], alternatives: Iterable[str] = ()) -> None:
        self.reasons = tuple(reasons)
        self.alternatives = tuple(dict.fromkeys(alternatives))
        lines = ["stopped by the law screen:", *(f"- {r}" for r in self.reasons)]
        if self.alternatives:
            lines += ["Lawful ways to the same end:", *(f"- {a}" for a in self.alternatives)]
        super().__init__("\n".join([*lines, NOT_ADVICE]))


def notes() -> Mapping[str, LegalNote]:
    """The note of every mechanism, by its name."""
    return _tables()[0]


def terms() -> Mapping[str, Term]:
    """Every kind of term that stops, by its name."""
    return _tables()[1]


def note(mechanism: str) -> LegalNote:
    """The note of one mechanism. Raises KeyError, with the nearest name, where there is none."""
    known = notes()
    if mechanism not in known:
        raise KeyError(f"no legal note {mechanism!r}. {did_you_mean(mechanism, list(known))}")
    return known[mechanism]


def screen(text: str) -> tuple[Hit, ...]:
    """Terms found in the words of a proposed agreement, in the order in which they stand.

    Looks for words, and so finds what is said and not what is meant: no hit is no clearance. A
    sentence that denies ("there is no agreement not to recruit") is stopped as well; a person
    decides.
    """
    found = [
        Hit(term=term.name, words=match.group(0), start=match.start())
        for term in terms().values()
        for pattern in term.patterns
        for match in pattern.finditer(_plain(text))
    ]
    first: dict[str, Hit] = {}
    for hit in sorted(found, key=lambda h: (h.start, -len(h.words))):
        first.setdefault(hit.term, hit)
    return tuple(first.values())


def refuse(text: str) -> None:
    """Raise Unlawful where :func:`screen` finds anything, with reasons and lawful alternatives."""
    hits = screen(text)
    if hits:
        table = terms()
        raise Unlawful(
            (
                f"{table[h.term].title} ({h.words!r}): {table[h.term].reason} "
                f"Source: {table[h.term].source}, {table[h.term].link}"
                for h in hits
            ),
            (a for h in hits for a in table[h.term].alternatives),
        )


def allow(mechanism: str, legal: LegalNote, *, counterfactual: bool) -> None:
    """Raise Unlawful for a red mechanism unless it is asked for as a counterfactual."""
    if legal.counterfactual_only and not counterfactual:
        raise Unlawful(
            [
                f"{mechanism}: {legal.text} Source: {'; '.join(legal.sources)}. To see what it "
                "would do, without proposing it, set counterfactual = true"
            ],
            terms()["no-poach"].alternatives,
        )


def worst(levels: Iterable[Level]) -> Level:
    """The most worrying of several levels ("green" of none)."""
    return LEVELS[max((LEVELS.index(level) for level in levels), default=0)]


def _plain(text: str) -> str:
    # One character for one, so that places stay what they were.
    return text.translate({0x2019: "'", 0x2010: "-", 0x2011: "-", 0x2013: "-", 0xA0: " ", 10: " "})


@cache
def _tables() -> tuple[Mapping[str, LegalNote], Mapping[str, Term]]:
    here = files("consortia.legal")
    raw: dict[str, Any] = tomllib.loads((here / "notes.toml").read_text(encoding="utf-8"))
    noted = {
        name: LegalNote(
            level=row["level"],
            text=row["text"],
            sources=tuple(row["sources"]),
            jurisdiction=row.get("jurisdiction", raw["jurisdiction"]),
            as_of=row.get("as_of", raw["as_of"]),
        )
        for name, row in raw["mechanisms"].items()
    }
    said: dict[str, Any] = tomllib.loads((here / "terms.toml").read_text(encoding="utf-8"))
    lawful: dict[str, str] = said["alternatives"]
    kinds = {
        name: Term(
            name=name,
            title=row["title"],
            reason=row["reason"],
            source=row.get("source", said["source"]),
            link=row.get("link", said["link"]),
            as_of=row.get("as_of", said["as_of"]),
            patterns=tuple(re.compile(p, re.IGNORECASE) for p in row["patterns"]),
            alternatives=tuple(lawful[a] for a in row["alternatives"]),
        )
        for name, row in said["terms"].items()
    }
    return MappingProxyType(noted), MappingProxyType(kinds)
