"""What is wrong with a study file, in words that help: place, fault, nearest known name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from consortia.errors import Problem, did_you_mean
from consortia.studyfile.lines import Path as KeyPath
from consortia.studyfile.lines import line_at


@dataclass(slots=True)
class Sayer:
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


QUESTION = 'Put it in words: question = "Does joining ... raise ...?"'

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


def say_error(error: dict[str, Any], layout: type, raw: dict[str, Any], say: Sayer) -> None:
    path = _without_tags(error["loc"], raw)
    kind = error["type"]
    given = error.get("input")
    key = str(path[-1]) if path else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        say.say(
            path, f"unknown key {key!r}", did_you_mean(key, _known_keys(layout, path[:-1], raw))
        )
    elif kind in ("missing", "missing_argument"):
        say.say(path, f"the key {key!r} is missing", _MISSING_REMEDY.get(_dotted(path), "Add it"))
    elif kind == "union_tag_not_found":
        known = _names(layout, path, raw)
        say.say(path, "the key 'name' is missing", f'Add name = "...". Known: {", ".join(known)}')
    elif kind == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        what = "method" if path[:1] == ("method",) else "check"
        say.say(
            (*path, "name"), f"unknown {what}", did_you_mean(tag, _names(layout, path, raw)), tag
        )
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
    "question": QUESTION,
    "data": "Add a table [data] with folder and outcomes",
    "outcomes": "Describe at least one outcome: [outcomes.name_of_the_column]",
    "arms": 'Say what is evaluated: [arms.name] with kinds = ["..."] or status = "..."',
}


def _without_tags(loc: Sequence[str | int], raw: object) -> KeyPath:
    """The adapter's location without the tags of unions that it puts in."""
    out: list[str | int] = []
    here: Any = raw
    for part in loc:
        inside = _inside(here, part)
        if inside is None and isinstance(here, dict) and here.get("name") == part:
            continue
        here = inside
        out.append(part)
    return tuple(out)


def _inside(value: Any, part: str | int) -> Any:
    """The value below a key or an index, or None."""
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _type_at(layout: type, path: KeyPath, raw: object) -> Any:
    """The type that the layout wants at a path, with unions settled by the name given there."""
    here: Any = layout
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
        value = _inside(value, part)
        options = (
            [o for o in get_args(here) if is_dataclass(o)] if get_origin(here) is not dict else []
        )
        if options and get_origin(here) is not tuple:
            name = value.get("name") if isinstance(value, dict) else None
            # An optional table has one option and no name.
            known = [o for o in options if len(options) == 1 or _name_of(o) == name]
            here = known[0] if known else here
    return here


def _name_of(option: Any) -> str:
    return next(str(f.default) for f in fields(option) if f.name == "name")


def _names(layout: type, path: KeyPath, raw: object) -> list[str]:
    here = _type_at(layout, path, raw)
    return [_name_of(o) for o in get_args(here) if is_dataclass(o)]


def _known_keys(layout: type, path: KeyPath, raw: object) -> list[str]:
    here = _type_at(layout, path, raw)
    if here is None or not is_dataclass(here):
        return []
    return [f.name for f in fields(here)]
