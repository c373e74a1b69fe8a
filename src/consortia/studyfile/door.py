"""The study file: TOML outside, frozen studies inside, one adapter at the door.

Everything wrong with a file is told at once, with the line, the key and the nearest known name.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, TypeAdapter, ValidationError

from consortia.errors import DataInvalid, Problem, did_you_mean, nearest
from consortia.specs import (
    STANDARD,
    Appraise,
    Arm,
    CheckSpec,
    Comparison,
    Competition,
    DataSpec,
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
from consortia.study import Study, label_of
from consortia.studyfile.lines import Path as KeyPath
from consortia.studyfile.lines import lines_of
from consortia.studyfile.wording import QUESTION, Sayer, say_error

UNSETTLED = "CHANGE THIS"
"""How a first study file marks what could not be guessed; refused until it is changed."""

_CLOSED = {"extra": "forbid"}


def _says(text: str) -> Any:
    """What an editor shows beside a key."""
    return Field(description=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """A study file as read: one Study for each combination in ``[each]``, and the data they use.

    ``folder`` is where the data files are, resolved; ``digest`` is the SHA-256 of
    the file's text (UTF-8, Unix line ends).
    """

    path: Path
    study: tuple[Study, ...]
    data: DataSpec
    folder: Path
    digest: str
    appraise: Appraise = Appraise()


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
    question: Annotated[
        str, _says("The question in words; {arm} and {outcome} are replaced by their labels.")
    ]
    data: Annotated[DataSpec, _says("Where the tables are and how their columns are read.")]
    outcomes: Annotated[dict[str, Outcome], _says("What is measured, by name of its column.")]
    arms: Annotated[dict[str, Arm], _says("What a provider can join or hold, by a name of yours.")]
    outcome: Annotated[str, _says("The outcome in question: a name under [outcomes].")] = ""
    arm: Annotated[str, _says("What is joined: a name under [arms].")] = ""
    hold: Annotated[
        tuple[str, ...], _says("Arms held fixed: like is compared with like, while it lasts.")
    ] = ()
    alongside: Annotated[
        tuple[str, ...], _says("Arms that come together with joining: counted, not held.")
    ] = ()
    comparison: Annotated[
        Comparison, _says("Whom joiners are compared with: who never joins, or not yet.")
    ] = "never"
    covariates: Annotated[
        tuple[str, ...], _says("Columns in which joiners and the others should be alike.")
    ] = ()
    each: Annotated[Each, _says("The same study once for each of these.")] = Each()
    where: Annotated[tuple[Where, ...], _says("Which providers take part.")] = ()
    window: Annotated[Window, _says("First and last year of results used.")] = Window()
    exposure: Annotated[
        Exposure, _says("From which date membership counts for the results of a year.")
    ] = Exposure()
    weights: Annotated[Weights, _says("How much a provider counts.")] = Weights()
    method: Annotated[
        MethodSpec, Field(discriminator="name", description="The method that answers.")
    ] = GroupTime()
    checks: Annotated[
        tuple[Annotated[CheckSpec, Field(discriminator="name")], ...],
        _says("What tries to overturn the answer."),
    ] = STANDARD
    inference: Annotated[Inference, _says("How uncertainty is computed.")] = Inference()
    competition: Annotated[
        Competition | None, _says("Rivals nearby as columns beside the outcomes.")
    ] = None
    shares: Annotated[
        ShareTerms, _says("Among what the differences between results are divided.")
    ] = ShareTerms()
    appraise: Annotated[
        Appraise, _says("Worlds with known truth on which the study is run beforehand.")
    ] = Appraise()
    levels: Annotated[
        Levels | None, _says("By what fact the effect is split, such as local competition.")
    ] = None


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
    say = Sayer(file=path.name, lines=lines, overridden=overridden)
    _unsettled(raw, (), say)
    _check_names(raw, say)
    door = _validated(raw, say)
    studies = _studies(door, say) if door is not None and not say.problems else ()
    if say.problems or door is None:
        raise DataInvalid(sorted(say.problems, key=lambda p: p.row or 0))
    folder = Path(data_folder) if data_folder is not None else path.parent / Path(door.data.folder)
    used = tuple(dict.fromkeys(s.outcome for s in studies))
    # What the study uses as a number must be one: the reader then says where it is not.
    sizes = (door.weights.column, door.competition.size if door.competition else "")
    data = replace(
        door.data,
        pupil_columns=()
        if not door.data.pupils
        else tuple(dict.fromkeys((*used, *door.data.pupil_columns))),
        numbers=tuple(dict.fromkeys((*door.data.numbers, *used))),
        weights=tuple(dict.fromkeys((*door.data.weights, *(name for name in sizes if name)))),
    )
    return StudyFile(
        path=path,
        study=studies,
        data=data,
        folder=folder,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        appraise=door.appraise,
    )


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


def _unsettled(value: object, path: KeyPath, say: Sayer) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _unsettled(inner, (*path, str(key)), say)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            _unsettled(inner, (*path, n), say)
    elif isinstance(value, str) and value.startswith(UNSETTLED):
        say.say(path, "this place still waits for your own words", "Fill it in", value)


def _validated(raw: dict[str, Any], say: Sayer) -> Door | None:
    try:
        # By way of JSON, where strict reading takes lists for tuples and nothing else for anything.
        return _DOOR.validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            say_error(dict(found), Door, raw, say)
    return None


# --- from one file to its studies ----------------------------------------------------------------


def _check_names(raw: dict[str, Any], say: Sayer) -> None:
    """Names that stand for something defined elsewhere in the file.

    Reads the raw file, so that these problems are told together with those of types and ranges;
    what has the wrong type is left to the adapter.
    """
    outcomes, arms = list(_table(raw, "outcomes")), list(_table(raw, "arms"))
    each, data = _table(raw, "each"), _table(raw, "data")
    for key, known in (("outcome", outcomes), ("arm", arms)):
        listed, single = _texts(each.get(key)), raw.get(key)
        for n, name in enumerate(listed):
            _defined(name, known, key, ("each", key, n), say)
        if isinstance(single, str) and single:
            _defined(single, known, key, (key,), say)
        elif key not in raw and not each.get(key):
            say.say((key,), f"the key {key!r} is missing", f"Name one of: {', '.join(known)}")
    held, beside = _texts(raw.get("hold")), _texts(raw.get("alongside"))
    for key, names in (("hold", held), ("alongside", beside)):
        for n, name in enumerate(names):
            _defined(name, arms, "arm", (key, n), say)
    for name in sorted(set(held) & set(beside)):
        say.say(
            ("alongside",), "an arm stands in both hold and alongside", "Keep one of the two", name
        )
    question = raw.get("question")
    for holder in re.findall(r"\{(\w*)\}", question) if isinstance(question, str) else ():
        if holder not in ("arm", "outcome"):
            say.say(
                ("question",),
                "unknown placeholder in the question",
                did_you_mean(holder, ["arm", "outcome"]),
                "{" + holder + "}",
            )
    if isinstance(question, str) and not question.strip():
        say.say(("question",), "the question is empty", QUESTION)
    if "data" in raw and not data.get("outcomes") and not data.get("pupils"):
        say.say(("data", "outcomes"), "no outcomes file is named", 'Write outcomes = "..."')
    if data.get("outcomes") and data.get("pupils"):
        say.say(
            ("data", "pupils"),
            "results are given twice, by provider and by pupil",
            "Keep outcomes or pupils; what else is known by provider and year goes into covariates",
        )
    _check_arms(raw, data, say)


def _check_arms(raw: dict[str, Any], data: dict[str, Any], say: Sayer) -> None:
    allowed = _texts(data.get("kinds"))
    for name, arm in _table(raw, "arms").items():
        if not isinstance(arm, dict):
            continue
        for key, file in (("kinds", "memberships"), ("status", "statuses")):
            if arm.get(key) and "data" in raw and not data.get(file):
                say.say(
                    ("arms", name, key),
                    f"the arm needs a {file} file and none is named",
                    f'Write {file} = "..." under [data]',
                )
        for n, kind in enumerate(_texts(arm.get("kinds"))):
            if allowed and kind not in allowed:
                say.say(
                    ("arms", name, "kinds", n),
                    "the kind is not listed in data.kinds",
                    did_you_mean(kind, allowed),
                    kind,
                )


def _table(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _defined(name: str, known: list[str], what: str, path: KeyPath, say: Sayer) -> None:
    if name not in known:
        say.say(path, f"the {what} is not defined under [{what}s]", did_you_mean(name, known), name)


def _studies(door: Door, say: Sayer) -> tuple[Study, ...]:
    outcomes = door.each.outcome or (door.outcome,)
    arms = door.each.arm or (door.arm,)
    studies: list[Study] = []
    for outcome, arm in product(outcomes, arms):
        try:
            studies.append(_study(door, outcome, arm))
        except ValueError as error:
            say.say(("question",), str(error), "Correct it")
    return tuple(studies)


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
        competition=door.competition,
        shares=door.shares,
        levels=door.levels,
    )
