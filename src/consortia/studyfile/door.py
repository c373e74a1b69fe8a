"""The study file: TOML outside, frozen studies inside, one adapter at the door.

Everything wrong with a file is told at once, with the line, the key and the nearest known name.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from consortia.errors import DataInvalid, Problem, did_you_mean, nearest
from consortia.specs import (
    Arm,
    CheckSpec,
    Comparison,
    DataSpec,
    Exposure,
    GroupTime,
    Inference,
    MethodSpec,
    Outcome,
    PlaceboDate,
    PreTrend,
    Weights,
    Where,
    Window,
)
from consortia.study import Study, label_of
from consortia.studyfile.lines import Path as KeyPath
from consortia.studyfile.lines import line_at, lines_of

_CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A study file as read: one Study for each combination in ``[each]``, and the data they use.

    ``folder`` is where the data files are, resolved; ``digest`` is the SHA-256 of the file's bytes.
    """

    path: Path
    studies: tuple[Study, ...]
    data: DataSpec
    folder: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """The same study once for each of these outcomes and arms."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    outcome: tuple[str, ...] = ()
    arm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A study file's layout; every key that may stand in it."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED
    question: str
    data: DataSpec
    outcomes: dict[str, Outcome]
    arms: dict[str, Arm]
    outcome: str = ""
    arm: str = ""
    hold: tuple[str, ...] = ()
    alongside: tuple[str, ...] = ()
    comparison: Comparison = "never"
    covariates: tuple[str, ...] = ()
    each: Each = Each()
    where: tuple[Where, ...] = ()
    window: Window = Window()
    exposure: Exposure = Exposure()
    weights: Weights = Weights()
    method: Annotated[MethodSpec, Field(discriminator="name")] = GroupTime()
    checks: tuple[Annotated[CheckSpec, Field(discriminator="name")], ...] = field(
        default=(PreTrend(), PlaceboDate())
    )
    inference: Inference = Inference()


_DOOR: TypeAdapter[Door] = TypeAdapter(Door)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the study file, for editors that complete and check TOML."""
    schema = _DOOR.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "consortia study file"
    return schema


def read_study(
    path: str | Path,
    data_folder: str | Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> StudyFile:
    """The study file at ``path``.

    ``data_folder`` replaces data.folder (and is relative to the working directory, not to the
    file). ``overrides`` sets single keys before anything is checked, by dotted name:
    ``{"inference.draws": 0}``. Raises DataInvalid with every problem found.
    """
    path = Path(path)
    raw, text = _read_toml(path)
    lines = lines_of(text)
    overridden = _override(raw, overrides or {})
    say = _Sayer(file=path.name, lines=lines, overridden=overridden)
    door = _validated(raw, say)
    studies = _studies(door, say) if door is not None else ()
    if say.problems or door is None:
        raise DataInvalid(say.problems)
    folder = Path(data_folder) if data_folder is not None else path.parent / Path(door.data.folder)
    used = tuple(dict.fromkeys(s.outcome for s in studies))
    # What the study uses as a number must be one: the reader then says where it is not.
    data = replace(
        door.data,
        numbers=tuple(dict.fromkeys((*door.data.numbers, *used))),
        weights=tuple(
            dict.fromkeys(
                (*door.data.weights, *([door.weights.column] if door.weights.column else []))
            )
        ),
    )
    return StudyFile(
        path=path,
        studies=studies,
        data=data,
        folder=folder,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


@dataclass(slots=True)
class _Sayer:
    """Collects problems and finds the line of each key."""

    file: str
    lines: dict[KeyPath, int]
    overridden: set[KeyPath]
    problems: list[Problem] = field(default_factory=list[Problem])

    def say(self, path: KeyPath, problem: str, remedy: str, found: object = "") -> None:
        given = any(path[: len(o)] == o for o in self.overridden)
        self.problems.append(
            Problem(
                file="command line" if given else self.file,
                row=None if given else line_at(self.lines, path),
                column=_dotted(path),
                found=_shown(found),
                problem=problem,
                remedy=remedy,
            )
        )


def _dotted(path: KeyPath) -> str:
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else ("." if out else "") + part
    return out


def _shown(found: object) -> str:
    if isinstance(found, str):
        return found
    return json.dumps(found, default=str, ensure_ascii=False)[:80]


def _read_toml(path: Path) -> tuple[dict[str, Any], str]:
    def refuse(problem: str, remedy: str, row: int | None = None, found: str = "") -> DataInvalid:
        return DataInvalid(
            [Problem(file=path.name, row=row, problem=problem, remedy=remedy, found=found)]
        )

    if path.is_dir():
        raise refuse("this is a folder and not a study file", "Name the study file in it")
    try:
        stored = path.read_bytes()
    except OSError:
        there = (
            sorted(p.name for p in path.parent.iterdir() if p.suffix == ".toml")
            if path.parent.is_dir()
            else []
        )
        close = nearest(path.name, there)
        hint = f"Did you mean {close!r}? " if close else ""
        raise refuse(
            "the study file does not exist or cannot be opened",
            f"{hint}'consortia init' writes one for your own files",
        ) from None
    try:
        text = stored.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise refuse(
            "the study file is not UTF-8 text",
            "Save it as UTF-8",
            row=stored[: error.start].count(b"\n") + 1,
            found=f"byte 0x{stored[error.start]:02x}",
        ) from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r"\(at line (\d+), column (\d+)\)", message)
        row = int(at.group(1)) if at else text.count("\n") + 1
        broken = text.split("\n")[row - 1].strip() if row <= text.count("\n") + 1 else ""
        raise refuse(
            "the study file is not valid TOML: " + re.sub(r"\s*\(at .*\)$", "", message).lower(),
            "Text needs quotation marks, lists square brackets, and every key stands once",
            row=row,
            found=broken[:80],
        ) from None


def _override(raw: dict[str, Any], overrides: Mapping[str, object]) -> set[KeyPath]:
    done: set[KeyPath] = set()
    for dotted, value in overrides.items():
        parts = dotted.split(".")
        table = raw
        for part in parts[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[parts[-1]] = value
        done.add(tuple(parts))
    return done


# --- the adapter's errors in plain words ---------------------------------------------------------

_WANTED = {
    "string_type": ("must be text", "Put it in quotation marks"),
    "int_type": ("must be a whole number", "Write it without quotation marks and decimals"),
    "int_from_float": ("must be a whole number", "Write it without decimals"),
    "float_type": ("must be a number", "Write it without quotation marks"),
    "bool_type": ("must be true or false", "Write true or false without quotation marks"),
    "tuple_type": ("must be a list", 'Write it in square brackets: ["..."]'),
    "list_type": ("must be a list", 'Write it in square brackets: ["..."]'),
    "dict_type": ("must be a table", "Write its keys below a header in square brackets"),
    "dataclass_type": ("must be a table", "Write its keys below a header in square brackets"),
    "finite_number": ("must be a finite number", "Write a number"),
}


def _validated(raw: dict[str, Any], say: _Sayer) -> Door | None:
    try:
        # By way of JSON, where strict reading takes lists for tuples and nothing else for anything.
        return _DOOR.validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            _say_error(dict(found), raw, say)
    return None


def _say_error(error: dict[str, Any], raw: dict[str, Any], say: _Sayer) -> None:
    path = _without_tags(error["loc"], raw)
    kind = error["type"]
    given = error.get("input")
    key = str(path[-1]) if path else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        say.say(path, f"unknown key {key!r}", did_you_mean(key, _known_keys(path[:-1], raw)))
    elif kind in ("missing", "missing_argument"):
        say.say(path, f"the key {key!r} is missing", _MISSING_REMEDY.get(_dotted(path), "Add it"))
    elif kind == "union_tag_not_found":
        known = _names(Door, path, raw)
        say.say(path, "the key 'name' is missing", f'Add name = "...". Known: {", ".join(known)}')
    elif kind == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        what = "method" if path[:1] == ("method",) else "check"
        say.say((*path, "name"), f"unknown {what}", did_you_mean(tag, _names(Door, path, raw)), tag)
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        say.say(path, "not one of the known values", did_you_mean(str(given), known), given)
    elif kind == "value_error":
        reason = str(error["ctx"]["error"])
        first = re.split(r"[\s.]", reason)[0]
        inside = (*path, first) if isinstance(given, dict) and first in given else path
        say.say(
            inside,
            reason,
            "Correct it",
            given.get(first, "") if isinstance(given, dict) and first in given else "",
        )
    else:
        wanted, remedy = _WANTED.get(kind, (str(error.get("msg", kind)).lower(), "Correct it"))
        say.say(path, wanted, remedy, given)


_MISSING_REMEDY = {
    "question": 'Put the question in words: question = "Does joining ... raise ...?"',
    "data": "Add a table [data] with folder and outcomes",
    "outcomes": "Describe at least one outcome: [outcomes.name_of_the_column]",
    "arms": 'Say what is evaluated: [arms.name] with kinds = ["..."] or status = "..."',
}


def _without_tags(loc: Sequence[str | int], raw: object) -> KeyPath:
    """The adapter's location without the tags of unions that it puts in."""
    out: list[str | int] = []
    here: Any = raw
    for n, part in enumerate(loc):
        last = n == len(loc) - 1
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif isinstance(here, dict) and here.get("name") == part and not last:
            continue
        elif isinstance(here, dict) and here.get("name") == part and last:
            continue
        out.append(part)
    return tuple(out)


def _type_at(path: KeyPath, raw: object) -> Any:
    """The type that the layout wants at a path, with unions settled by the name given there."""
    here: Any = Door
    value: Any = raw
    for part in path:
        origin = get_origin(here)
        if is_dataclass(here) and isinstance(part, str):
            here = get_type_hints(here, include_extras=False).get(part)
        elif origin in (dict, tuple):
            here = get_args(here)[1 if origin is dict else 0]
        else:
            return None
        if get_origin(here) is Annotated:
            here = get_args(here)[0]
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            value = None
        options = (
            [o for o in get_args(here) if is_dataclass(o)] if get_origin(here) is not dict else []
        )
        if options and get_origin(here) is not tuple:
            name = value.get("name") if isinstance(value, dict) else None
            here = next((o for o in options if _name_of(o) == name), here)
    return here


def _name_of(option: Any) -> str:
    return next(str(f.default) for f in fields(option) if f.name == "name")


def _names(door: type, path: KeyPath, raw: object) -> list[str]:
    here = _type_at(path, raw)
    return [_name_of(o) for o in get_args(here) if is_dataclass(o)]


def _known_keys(path: KeyPath, raw: object) -> list[str]:
    here = _type_at(path, raw)
    if here is None or not is_dataclass(here):
        return []
    return [f.name for f in fields(here)]


# --- from one file to its studies ----------------------------------------------------------------


def _studies(door: Door, say: _Sayer) -> tuple[Study, ...]:
    before = len(say.problems)
    outcomes = door.each.outcome or ((door.outcome,) if door.outcome else ())
    arms = door.each.arm or ((door.arm,) if door.arm else ())
    for key, names, known in (
        ("outcome", outcomes, list(door.outcomes)),
        ("arm", arms, list(door.arms)),
    ):
        if not names:
            say.say((key,), f"the key {key!r} is missing", f"Name one of: {', '.join(known)}")
        listed: tuple[str, ...] = getattr(door.each, key)
        for n, name in enumerate(names):
            path: KeyPath = ("each", key, n) if listed else (key,)
            _defined(name, known, key, path, say)
        single: str = getattr(door, key)
        if listed and single and single not in listed:
            _defined(single, known, key, (key,), say)
    for key in ("hold", "alongside"):
        for n, name in enumerate(getattr(door, key)):
            _defined(name, list(door.arms), "arm", (key, n), say)
    for name in sorted(set(door.hold) & set(door.alongside)):
        say.say(
            ("alongside",), "an arm stands in both hold and alongside", "Keep one of the two", name
        )
    for holder in re.findall(r"\{(\w*)\}", door.question):
        if holder not in ("arm", "outcome"):
            say.say(
                ("question",),
                "unknown placeholder in the question",
                did_you_mean(holder, ["arm", "outcome"]),
                "{" + holder + "}",
            )
    _data_names(door, say)
    if len(say.problems) > before:
        return ()
    studies: list[Study] = []
    for outcome, arm in product(outcomes, arms):
        try:
            studies.append(_study(door, outcome, arm))
        except ValueError as error:
            say.say(("question",), str(error), "Correct it")
    return tuple(studies)


def _defined(name: str, known: list[str], what: str, path: KeyPath, say: _Sayer) -> None:
    if name not in known:
        say.say(
            path, f"{what} {name!r} is not defined under [{what}s]", did_you_mean(name, known), name
        )


def _data_names(door: Door, say: _Sayer) -> None:
    if not door.data.outcomes:
        say.say(("data", "outcomes"), "no outcomes file is named", 'Write outcomes = "..."')
    for name, arm in door.arms.items():
        if arm.kinds and not door.data.memberships:
            say.say(
                ("arms", name, "kinds"),
                "an arm is made of kinds of collaboration and no memberships file is named",
                'Write memberships = "..." under [data]',
            )
        if arm.status and not door.data.statuses:
            say.say(
                ("arms", name, "status"),
                "an arm is made of a status and no statuses file is named",
                'Write statuses = "..." under [data]',
            )
        for n, kind in enumerate(arm.kinds):
            if door.data.kinds and kind not in door.data.kinds:
                say.say(
                    ("arms", name, "kinds", n),
                    "the kind is not listed in data.kinds",
                    did_you_mean(kind, door.data.kinds),
                    kind,
                )


def _study(door: Door, outcome: str, arm: str) -> Study:
    """One study. The arm in question is dropped from hold and alongside, so that one list serves
    every arm of [each]: with each.arm = ["trust", "federation"] and alongside = ["trust",
    "federation", "academy"] each arm has the others alongside."""
    label = door.outcomes[outcome].label or outcome.replace("_", " ")
    question = door.question.replace("{arm}", label_of(door.arms[arm], arm)).replace(
        "{outcome}", label
    )
    return Study(
        question=question,
        outcome=outcome,
        arm=arm,
        outcomes=door.outcomes,
        arms=door.arms,
        hold=tuple(a for a in door.hold if a != arm),
        alongside=tuple(a for a in door.alongside if a != arm),
        comparison=door.comparison,
        covariates=door.covariates,
        where=door.where,
        window=door.window,
        exposure=door.exposure,
        weights=door.weights,
        method=door.method,
        checks=door.checks,
        inference=door.inference,
    )
