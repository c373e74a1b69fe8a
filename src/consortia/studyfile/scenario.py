"""The scenario file of ``consortia compare``: TOML outside, one frozen Scenario inside.

Unknown keys are refused with the nearest known name and the line. What a mechanism's own parameters
are called is known to the mechanisms and checked where they are looked up.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from consortia.errors import DataInvalid, Problem, did_you_mean, nearest
from consortia.scenario import (
    CandidatesAsked,
    CoalitionsAsked,
    FactorialAsked,
    GroupAsked,
    MechanismAsked,
    RunsAsked,
    Scenario,
    SectorAsked,
    SensitivityAsked,
    TippingAsked,
)
from consortia.studyfile.lines import lines_of
from consortia.studyfile.wording import Sayer

PARTS: Mapping[str, type] = MappingProxyType(
    {
        "sector": SectorAsked,
        "group": GroupAsked,
        "runs": RunsAsked,
        "coalitions": CoalitionsAsked,
        "sensitivity": SensitivityAsked,
        "tipping": TippingAsked,
        "factorial": FactorialAsked,
        "candidates": CandidatesAsked,
    }
)
PLAIN: Mapping[str, type] = MappingProxyType(
    {"title": str, "counterfactual": bool, "agreement": str}
)
KEYS = (*PLAIN, "mechanisms", "parameters", *PARTS)
_KINDS = {
    "str": "text in quotation marks",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple[str, ...]": 'a list of texts, ["..."]',
    "tuple[float, ...]": "a list of numbers, [0.5, 1, 2]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A scenario as read; files it names are relative to ``folder``; ``digest``: SHA-256 of its
    text."""

    path: Path
    scenario: Scenario
    folder: Path
    digest: str


def read_scenario(path: str | Path) -> ScenarioFile:
    """The scenario file at ``path``. Raises DataInvalid with every problem found."""
    path = Path(path)
    text = _text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataInvalid(
            [
                Problem(
                    file=path.name,
                    problem=f"the scenario file is not valid TOML: {str(error).lower()}",
                    remedy="Text needs quotation marks, lists square brackets, and every key "
                    "stands once",
                )
            ]
        ) from None
    say = Sayer(file=path.name, lines=lines_of(text), overridden=set())
    made = _scenario(raw, say)
    if say.problems or made is None:
        raise DataInvalid(sorted(say.problems, key=lambda p: p.row or 0))
    return ScenarioFile(
        path=path,
        scenario=made,
        folder=path.parent,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        problem, remedy = "the scenario file is not UTF-8 text", "Save it as UTF-8"
    except OSError:
        folder = path.parent
        there = sorted(p.name for p in folder.glob("*.toml")) if folder.is_dir() else []
        close = nearest(path.name, there)
        problem = "the scenario file does not exist or cannot be opened"
        remedy = f"Did you mean {close!r}?" if close else "examples/sector/scenario.toml is one"
    raise DataInvalid([Problem(file=path.name, problem=problem, remedy=remedy)])


def _scenario(raw: dict[str, Any], say: Sayer) -> Scenario | None:
    for key in raw:
        if key not in KEYS:
            say.say((key,), f"unknown key {key!r}", did_you_mean(key, KEYS))
    given: dict[str, Any] = {}
    for key, kind in PLAIN.items():
        if key in raw:
            if type(raw[key]) is kind:
                given[key] = raw[key]
            else:
                say.say((key,), f"must be {_KINDS[kind.__name__]}", "Correct it", raw[key])
    for key, layout in PARTS.items():
        if key in raw:
            extra = {"parameters": _parameters(raw, say)} if key == "sector" else {}
            part = _part(key, layout, raw[key], say, extra)
            if part is not None:
                given[key] = part
    if "sector" not in raw and "parameters" in raw:
        given["sector"] = SectorAsked(parameters=_parameters(raw, say))
    given["mechanisms"] = _mechanisms(raw, say)
    if say.problems:
        return None
    try:
        return Scenario(**given)
    except ValueError as error:
        say.say(("mechanisms",), str(error), "Correct it")
        return None


def _part(key: str, layout: type, table: Any, say: Sayer, extra: dict[str, Any]) -> Any:
    if not isinstance(table, dict):
        say.say((key,), "must be a table", f"Write its keys below [{key}]", table)
        return None
    known = {f.name: str(f.type) for f in fields(layout) if f.name not in extra}
    given: dict[str, Any] = {}
    for name, value in table.items():
        if name == "parameters" and key == "sector":
            say.say((key, name), "parameters stand by themselves", "Write [parameters.staff]")
        elif name not in known:
            say.say((key, name), f"unknown key {name!r}", did_you_mean(name, list(known)))
        elif (read := _value(value, known[name])) is MISSING:
            say.say((key, name), f"must be {_KINDS[known[name]]}", "Correct it", value)
        else:
            given[name] = read
    try:
        return layout(**given, **extra)
    except ValueError as error:
        say.say((key,), str(error), "Correct it")
        return None


def _value(value: Any, kind: str) -> Any:
    """The value as the field has it, or MISSING where it is of another kind."""
    if kind == "tuple[str, ...]":
        ok = isinstance(value, list) and all(isinstance(v, str) for v in value)
        return tuple(value) if ok else MISSING
    if kind == "tuple[float, ...]":
        numbers = [_value(v, "float") for v in value] if isinstance(value, list) else [MISSING]
        return MISSING if MISSING in numbers else tuple(numbers)
    if kind == "float":
        ok = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if ok else MISSING
    wanted = {"str": str, "int": int, "bool": bool}[kind]
    return value if type(value) is wanted else MISSING


def _parameters(raw: dict[str, Any], say: Sayer) -> Mapping[str, float]:
    """Numbers of the sector by dotted name, from [parameters.<group>]."""
    found: dict[str, float] = {}
    tables = raw.get("parameters", {})
    if not isinstance(tables, dict):
        say.say(("parameters",), "must be a table", "Write [parameters.staff]", tables)
        return MappingProxyType(found)
    for group, table in tables.items():
        if not isinstance(table, dict):
            say.say(("parameters", group), "must be a table", "Write [parameters.staff]", table)
            continue
        for name, value in table.items():
            number = _value(value, "float")
            if number is MISSING:
                say.say(("parameters", group, name), "must be a number", "Correct it", value)
            elif f"{group}.{name}" not in found:
                found[f"{group}.{name}"] = number
    return MappingProxyType(found)


def _mechanisms(raw: dict[str, Any], say: Sayer) -> tuple[MechanismAsked, ...]:
    listed = raw.get("mechanisms")
    if not isinstance(listed, list) or not all(isinstance(m, dict) for m in listed) or not listed:
        say.say(
            ("mechanisms",),
            "no mechanism is named",
            'Write [[mechanisms]] and below it name = "shared-pool"',
        )
        return ()
    found: list[MechanismAsked] = []
    for n, table in enumerate(listed):
        for key in ("name", "label"):
            if not isinstance(table.get(key, ""), str):
                say.say(("mechanisms", n, key), "must be text in quotation marks", "Correct it")
        if not table.get("name"):
            say.say(("mechanisms", n), "the mechanism has no name", 'Write name = "..."')
            continue
        rest = {k: v for k, v in table.items() if k not in ("name", "label")}
        found.append(
            MechanismAsked(
                name=str(table["name"]),
                label=str(table.get("label", "")),
                parameters=MappingProxyType(rest),
            )
        )
    return tuple(found)
