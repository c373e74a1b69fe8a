"""A study: one question, asked in a way that can be dated before it is answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from consortia.errors import did_you_mean
from consortia.specs import (
    STANDARD,
    Arm,
    CheckSpec,
    Comparison,
    Competition,
    Exposure,
    GroupTime,
    Inference,
    Levels,
    MethodSpec,
    Outcome,
    ShareTerms,
    Weights,
    Where,
    Window,
)


class Verb(NamedTuple):
    plain: str
    going: str
    past: str


JOIN = Verb("join", "joining", "joined")
TAKE_ON = Verb("take on", "taking on", "took on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Everything that decides an answer, apart from the data.

    ``arm``, ``hold`` and ``alongside`` are names in ``arms``; ``outcome`` is a name in
    ``outcomes``. Arms in ``hold`` are held fixed (compared only between providers that hold the
    same of them, and only while they keep them); arms in ``alongside`` are not held, but the report
    counts how often they come on the same day and what holding them would say.
    ``competition`` adds its columns to the outcomes before anything is estimated (evaluation),
    so that they can be covariates. ``levels`` asks for the answer by level of a fact as well.

    Raises ValueError for a name that is not defined, with the nearest known one.
    """

    question: str
    outcome: str
    arm: str
    outcomes: dict[str, Outcome]
    arms: dict[str, Arm]
    hold: tuple[str, ...] = ()
    alongside: tuple[str, ...] = ()
    comparison: Comparison = "never"
    covariates: tuple[str, ...] = ()
    where: tuple[Where, ...] = ()
    window: Window = Window()
    exposure: Exposure = Exposure()
    weights: Weights = Weights()
    method: MethodSpec = GroupTime()
    checks: tuple[CheckSpec, ...] = STANDARD
    inference: Inference = Inference()
    competition: Competition | None = None
    shares: ShareTerms = ShareTerms()
    levels: Levels | None = None

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("question must be put in words")
        if self.outcome not in self.outcomes:
            raise ValueError(
                f"outcome {self.outcome!r} is not defined. "
                + did_you_mean(self.outcome, list(self.outcomes))
            )
        for role, names in (
            ("arm", (self.arm,)),
            ("hold", self.hold),
            ("alongside", self.alongside),
        ):
            for name in names:
                if name not in self.arms:
                    raise ValueError(
                        f"{role} {name!r} is not defined. " + did_you_mean(name, list(self.arms))
                    )
        for role, names in (("hold", self.hold), ("alongside", self.alongside)):
            if self.arm in names:
                raise ValueError(f"the arm {self.arm!r} cannot also stand in {role}")
        both = set(self.hold) & set(self.alongside)
        if both:
            raise ValueError(f"{sorted(both)} cannot stand in both hold and alongside")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form: the same question has the same digest on any machine."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    @property
    def arm_label(self) -> str:
        return label_of(self.arms[self.arm], self.arm)

    @property
    def verb(self) -> Verb:
        """What providers do with the arm: collaborations are joined, all else is taken on."""
        return JOIN if self.arms[self.arm].kinds else TAKE_ON

    @property
    def step(self) -> str:
        """What the effect is that of: joining, or one unit more of a dose."""
        match self.arms[self.arm].dose:
            case "":
                return f"{self.verb.going} {self.arm_label}"
            case "value":
                return f"one unit more of {self.arm_label}"
            case dose:
                unit = {"years": "year", "size": "member", "memberships": "membership"}[dose]
                return f"one more {unit} of {self.arm_label}"

    @property
    def outcome_label(self) -> str:
        return self.outcomes[self.outcome].label or self.outcome.replace("_", " ")

    @property
    def others(self) -> tuple[str, ...]:
        """The arms beside the one in question, held and then alongside."""
        return tuple(dict.fromkeys((*self.hold, *self.alongside)))

    def with_(self, **changes: object) -> Study:
        """A copy with some fields changed, checked again."""
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]


def label_of(arm: Arm, name: str) -> str:
    return arm.label or name.replace("_", " ")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(words: Sequence[str], joined: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + f" {joined} " + words[-1]


def canonical(study: Study) -> str:
    """Sorted-key JSON without spaces; only the outcome and the arms that the question uses."""
    form = asdict(study)
    form["outcomes"] = {study.outcome: form["outcomes"][study.outcome]}
    used = {study.arm, *study.hold, *study.alongside}
    terms = {*form["shares"]["terms"], *form["method"].get("terms", ())}
    # Left out where unused, so that a study asked before a key existed keeps its digest.
    plain = asdict(Arm(status="any"))
    always = ("kinds", "status", "label")
    form["arms"] = {
        name: {k: v for k, v in arm.items() if k in always or v != plain[k]}
        for name, arm in form["arms"].items()
        if name in used or name in terms
    }
    if not study.shares.terms:
        del form["shares"]
    for key in ("competition", "levels"):
        if form[key] is None:
            del form[key]
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
