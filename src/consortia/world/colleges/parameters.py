"""Every number the sector of colleges rests on: value, unit, range, source, year and confidence.

The numbers stand in params/*.toml and nowhere else; the page docs/methods/sector-parameters.md and
the sweeps are made from the same files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

from consortia.errors import DataInvalid, Problem, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Read from params/staff.toml, where every number has its unit, range and source."""

    learners_per_post: float
    exit_first: float
    exit_second: float
    exit_later: float
    exit_scale: float
    exit_pay: float
    search: float
    threshold: float
    taste: float
    travel: float
    applicants: float
    applications: int
    accept: float
    accept_pay: float
    adjust: float
    premium_sixth_form: float
    pay_spread: float
    pay_response: float
    pay_revert: float
    pay_band: float
    specific_years: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Read from params/subjects.toml, where every number has its unit, range and source."""

    general_construction: float
    general_engineering: float
    general_digital: float
    general_health: float
    general_other: float
    sixth_form_construction: int
    sixth_form_engineering: float
    sixth_form_digital: float
    sixth_form_health: float
    sixth_form_other: float
    applicant_construction: float
    applicant_engineering: float
    applicant_digital: float
    applicant_health: float
    applicant_other: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learners:
    """Read from params/learners.toml, where every number has its unit, range and source."""

    choices: int
    decay: float
    quality: float
    outside: float
    stay: float
    cohort: int
    reach: float
    headroom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Read from params/money.toml, where every number has its unit, range and source."""

    rate: float
    uplift: float
    other_general: float
    other_sixth_form: float
    salary: float
    on_cost: float
    margin: float
    margin_spread: float
    running_follows: float
    hire_cost: float
    cover_share: float
    cover_premium: float
    train_cost: float
    train_years: int
    additional: float
    rescue_level: float
    rescue_years: int
    rescue_cut: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Read from params/outcomes.toml, where every number has its unit, range and source."""

    persistence: float
    vacancies: float
    covered: float
    newcomers: float
    usual_vacancies: float
    usual_newcomers: float
    level: float
    leadership: float
    quality: float
    deprivation: float
    noise: float
    rivalry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Read from params/trust.toml, where every number has its unit, range and source."""

    start: float
    gain: float
    loss: float
    detection: float
    delta: float
    leave: float
    slip: float
    distress: float


GROUPS: Mapping[str, type] = {
    "staff": Staff,
    "subjects": Subjects,
    "learners": Learners,
    "money": Money,
    "outcomes": Outcomes,
    "trust": Trust,
}
SUBJECTS = ("construction", "engineering", "digital", "health", "other")

UNKNOWN = (
    "staff.search",
    "staff.threshold",
    "staff.taste",
    "staff.applicants",
    "money.hire_cost",
    "money.cover_share",
    "money.cover_premium",
    "money.additional",
    "learners.decay",
    "learners.quality",
    "outcomes.covered",
    "outcomes.newcomers",
)
"""What nobody knows and much may hang on: a ranking of mechanisms is swept over these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number: ``name`` is "group.key"; ``confidence`` H (read in the named source), M
    (second-hand or derived) or L (assumed)."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    source: str
    year: int
    confidence: Literal["H", "M", "L"]
    does: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The two ends of a parameter's range, and the value between them."""

    name: str
    low: float
    value: float
    high: float
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """All numbers of the sector, by group."""

    staff: Staff
    subjects: Subjects
    learners: Learners
    money: Money
    outcomes: Outcomes
    trust: Trust

    def get(self, name: str) -> float:
        """The value of "group.key".

        Raises DataInvalid for a name there is not.
        """
        known = tuple(p.name for p in described())
        if name not in known:
            raise DataInvalid([_unknown(name, known)])
        group, key = name.split(".")
        return getattr(getattr(self, group), key)

    def with_values(self, values: Mapping[str, float], *, wide: bool = False) -> Parameters:
        """The same with other values; ``wide`` lets them leave the stated range.

        Raises DataInvalid, with every problem, for unknown names and values out of range.
        """
        table = {p.name: p for p in described()}
        problems: list[Problem] = []
        changed: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            row = table.get(name)
            if row is None:
                problems.append(_unknown(name, tuple(table)))
                continue
            if not wide and not row.low <= value <= row.high:
                problems.append(
                    Problem(
                        problem=f"{name} lies outside its range",
                        remedy=f"Choose {row.low:g} to {row.high:g} ({row.unit}).",
                        column=name,
                        found=f"{value:g}",
                    )
                )
                continue
            group, key = name.split(".")
            whole = isinstance(getattr(getattr(self, group), key), int)
            changed.setdefault(group, {})[key] = round(value) if whole else float(value)
        if problems:
            raise DataInvalid(problems)
        return replace(self, **{g: replace(getattr(self, g), **new) for g, new in changed.items()})


def _unknown(name: str, known: Sequence[str]) -> Problem:
    return Problem(
        problem="there is no such parameter of the sector",
        remedy=did_you_mean(name, known),
        column=name,
    )


def _table(group: str) -> dict[str, dict[str, Any]]:
    text = resources.files("consortia.world.colleges").joinpath("params", f"{group}.toml")
    return tomllib.loads(text.read_text(encoding="utf-8"))


def _rows(group: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name=f"{group}.{key}", **row) for key, row in _table(group).items())


@cache
def described() -> tuple[Parameter, ...]:
    """Every parameter with its source, in the order of the files."""
    return tuple(row for group in GROUPS for row in _rows(group))


@cache
def targets() -> tuple[Parameter, ...]:
    """What the default sector is fitted to; names are "targets.key"."""
    return _rows("targets")


@cache
def parameters() -> Parameters:
    """The default sector, as the files have it."""
    groups: dict[str, Any] = {}
    for group, kind in GROUPS.items():
        table = _table(group)
        groups[group] = kind(**{f.name: table[f.name]["value"] for f in fields(kind)})
    return Parameters(**groups)


def sweeps(names: Sequence[str] | None = None) -> tuple[Sweep, ...]:
    """Both ends of the named parameters' ranges; by default of those nobody knows."""
    table = {p.name: p for p in described()}
    wanted = UNKNOWN if names is None else tuple(names)
    missing = [_unknown(n, tuple(table)) for n in wanted if n not in table]
    if missing:
        raise DataInvalid(missing)
    return tuple(
        Sweep(name=p.name, low=p.low, value=p.value, high=p.high, confidence=p.confidence)
        for p in (table[n] for n in wanted)
    )


def as_page() -> str:
    """The page docs/methods/sector-parameters.md."""
    lines = [
        "# Parameters of the sector of colleges",
        "",
        "Made from the parameter files by `scripts/sector_parameters.py`.",
        "Confidence: H = read in the named source, M = second-hand or derived, L = assumed.",
        "The sector is invented and is not England: sources say where a magnitude comes from.",
    ]
    for group in (*GROUPS, "targets"):
        lines += [
            "",
            f"## {group}",
            "",
            "| parameter | value | unit | range | confidence | is | source |",
            "|---|---:|---|---|---|---|---|",
        ]
        lines += [
            f"| `{p.name}` | {p.value:g} | {p.unit} | {p.low:g} to {p.high:g} | {p.confidence} "
            f"| {p.does} | {p.source} ({p.year}) |"
            for p in _rows(group)
        ]
    return "\n".join(lines) + "\n"
