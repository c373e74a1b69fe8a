"""What the law says about each mechanism. Not legal advice; the note travels with every result."""

from __future__ import annotations

from typing import Literal

from consortia.legal import LegalNote

CMA = "CMA, Competing for talent (9 September 2025)"
_WHERE = "United Kingdom"
_AS_OF = "2026-06"


def note(level: Literal["red", "amber", "green"], text: str, *sources: str) -> LegalNote:
    """A note under UK law as read in June 2026."""
    return LegalNote(
        level=level, text=text, sources=sources or (CMA,), jurisdiction=_WHERE, as_of=_AS_OF
    )


NOTHING = note("green", "Nothing is agreed.", "none needed")
NO_POACH = note(
    "red",
    "Employers that agree not to hire each other's staff, or to ask each other first, restrict "
    "competition by object; it need not be written, mutual or acted on. Lawful "
    "alternatives: a levy "
    "and grant, a shared trainee pipeline, a pool that applicants choose to enter.",
)
TRANSFER_FEE = note(
    "amber",
    "A fee between employers deters hiring and stands close to an agreement not to "
    "hire: take advice "
    "before anything is said among members.",
)
LEVY = note(
    "green",
    "No rule on hiring or pay, open to all. Do not share pay plans or single vacancies on the way.",
)
PIPELINE = note(
    "green",
    "No rule on hiring between members. A trainee's bond is a matter of employment "
    "law (restraint of "
    "trade): keep it short and in proportion.",
)
POOL = note(
    "green",
    "Applicants opt in and rank freely; no exclusivity, no pay data, results open to all members.",
)
CAMPAIGN = note("green", "Joint advertising of the sector that leaves every offer open.")
OUTCOMES = note(
    "amber",
    "Sharing money by results is open to question where it divides learners or courses among "
    "members: do not agree who teaches whom.",
)
PLEDGE = note(
    "green", "A pledge that binds only if enough pledge, on terms that everyone can read."
)
FEDERATION = note(
    "amber",
    "One pay scale is wage-fixing among separate employers: it needs a single "
    "employer or collective "
    "bargaining. Sharing control may be a merger.",
    CMA,
    "Enterprise Act 2002, Part 3",
)
MERGER = note(
    "amber",
    "Merger control by the CMA and the process of the Department for Education apply.",
    "Enterprise Act 2002, Part 3",
)
NETWORK = note("green", "Sharing practice; no pay plans, no single vacancies, no learners.")
