"""What each table must hold, and what can be wrong with it on its own."""

from __future__ import annotations

import polars as pl

from consortia.errors import did_you_mean, nearest
from consortia.sources.findings import Findings, Table
from consortia.sources.keys import coded, identifiers, once, sorted_once
from consortia.sources.values import as_number, codes_mask, count_codes, dates, numeric, years
from consortia.specs import DataSpec

MEMBERSHIPS = {
    "provider": pl.String, "collaboration": pl.String, "kind": pl.String, "from": pl.Date,
    "to": pl.Date, "weight": pl.Float64, "first_seen": pl.Date, "last_seen": pl.Date,
}  # fmt: skip
STATUSES = {"provider": pl.String, "status": pl.String, "since": pl.Date, "until": pl.Date}
REQUIRED = {
    "outcomes": ("provider", "year"),
    "providers": ("provider",),
    "memberships": ("provider", "collaboration", "from"),
    "statuses": ("provider", "status", "since"),
    "places": ("provider",),
    "covariates": ("provider",),
    "collaborations": ("collaboration", "name"),
}
OPTIONAL = {
    "memberships": ("kind", "to", "weight", "first_seen", "last_seen", "name"),
    "statuses": ("until",),
    "places": ("easting", "northing", "latitude", "longitude"),
    "covariates": ("year",),
}
PLACES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "easting": (0.0, 10_000_000.0),
    "northing": (0.0, 10_000_000.0),
}


def named(table: Table, spec: DataSpec, findings: Findings) -> Table | None:
    """The table with the names of consortia for its columns, or None where a required one is
    missing.

    A rename counts first, then the exact name, then a name that differs in case only.
    """
    renames: dict[str, str] = getattr(spec.columns, table.role)
    there = [c for c in table.frame.columns if c not in spec.ignore]
    required, optional = REQUIRED[table.role], OPTIONAL.get(table.role, ())
    closed = table.role in ("memberships", "statuses", "places", "collaborations")
    source: dict[str, str] = {}
    sound = True
    for name, called in renames.items():
        if closed and name not in (*required, *optional):
            sound = False
            findings.whole(
                table.name,
                f"data.columns.{table.role} renames a column that {table.role} do not have",
                did_you_mean(name, (*required, *optional)),
                column=called,
                found=name,
            )
        elif called not in there:
            sound = False
            findings.whole(
                table.name,
                f"the column named for {name!r} in data.columns.{table.role} is not in the file",
                _columns_remedy(called, there),
                column=called,
            )
        else:
            source[name] = called
    folded = {c.casefold().replace(" ", "_"): c for c in reversed(there)}
    for name in (*required, *optional):
        if name in source:
            continue
        if name in there and name not in source.values():
            source[name] = name
        elif name in folded and folded[name] not in source.values():
            source[name] = folded[name]
        elif name in required and name not in renames:
            if name == "from" and "first_seen" in there:
                continue
            sound = False
            findings.whole(
                table.name,
                f"the column {name!r} is missing",
                _columns_remedy(name, there)
                + f". If it has another name, write it under [data.columns.{table.role}] as "
                + f'{name} = "..."',
                column=name,
            )
    if not sound:
        return None
    taken = {called: name for name, called in source.items()}
    # A column that stands in the way of a renamed one makes room.
    frame = table.frame.select(
        pl.col(c).alias(taken.get(c, c)) for c in there if c in taken or c not in source
    )
    return Table(
        role=table.role,
        name=table.name,
        frame=frame,
        line=table.line,
        source=table.source,
        called={name: called for name, called in source.items() if name != called},
    )


def _columns_remedy(name: str, there: list[str]) -> str:
    close = nearest(name, there)
    listed = ", ".join(there[:15]) + (f" and {len(there) - 15} more" if len(there) > 15 else "")
    return (f"Did you mean {close!r}? " if close else "") + f"The file has: {listed}"


def outcomes(table: Table, spec: DataSpec, findings: Findings) -> pl.DataFrame:
    """provider, year and every numeric column; one row per provider and year."""
    provider = coded(table, "provider", findings)
    year = years(table, "year", findings)
    frame: dict[str, pl.Series] = {}
    for column in table.frame.columns:
        if column not in ("provider", "year", *spec.text):
            values = _value(table, column, spec, findings)
            if values is not None:
                frame[column] = values
    _needed(table, spec, ["provider", "year", *frame], findings)
    return once(table, provider, year, frame, findings)


def _value(table: Table, column: str, spec: DataSpec, findings: Findings) -> pl.Series | None:
    must = column in spec.numbers or column in spec.weights
    values = numeric(table, column, findings, spec.missing_codes, must=must)
    if values is None:
        shown = table.called.get(column, column)
        findings.note(table.role, "column of text, not read as an outcome", 1, column=shown)
        if must:
            findings.whole(
                table.name,
                "the column does not hold numbers",
                "Name a column of numbers in the study",
                column=shown,
            )
        return None
    if column in spec.weights:
        findings.wrong(
            table,
            column,
            (values < 0).fill_null(False),
            "the weight is below zero",
            "Weights are counts such as pupils: correct it, or leave it empty",
        )
    return values


def _needed(table: Table, spec: DataSpec, there: list[str], findings: Findings) -> None:
    for column in dict.fromkeys((*spec.numbers, *spec.weights)):
        if column not in there and column not in table.frame.columns and not spec.covariates:
            findings.whole(
                table.name,
                f"the column {column!r}, which the study uses, is missing",
                _columns_remedy(column, [c for c in there if c not in ("provider", "year")]),
                column=column,
            )


def facts(table: Table, spec: DataSpec, findings: Findings) -> pl.DataFrame:
    """Fixed facts of providers: provider, then whole numbers, numbers or text; one row each."""
    provider = coded(table, "provider", findings)
    frame: dict[str, pl.Series] = {}
    for column in table.frame.columns:
        if column == "provider":
            continue
        if column in PLACES:
            values = numeric(table, column, findings, spec.missing_codes, must=True)
            if values is None:
                findings.whole(
                    table.name,
                    "the column does not hold numbers",
                    "Write degrees or metres as numbers",
                    column=table.called.get(column, column),
                )
                continue
            frame[column] = values
        else:
            frame[column] = _fact(table, column, spec, findings)
    _places(table, frame, findings)
    return once(table, provider, None, frame, findings)


def _fact(table: Table, column: str, spec: DataSpec, findings: Findings) -> pl.Series:
    """Numbers where every value is one; text otherwise (codes with leading zeros stay text)."""
    values = table.frame[column]
    must = column in spec.numbers or column in spec.weights
    if column in spec.text:
        return values.cast(pl.String)
    if values.dtype != pl.String:
        if values.dtype == pl.Boolean:
            return values.cast(pl.Int64)
        if values.dtype.is_integer():
            return values.cast(pl.Int64)
        read = numeric(table, column, findings, spec.missing_codes, must=must)
        return values.cast(pl.String) if read is None else _whole(read)
    coded = codes_mask(values, spec.missing_codes)
    numbers, _, _ = as_number(values.set(coded, None))
    others = values.is_not_null() & ~coded & numbers.is_null()
    if must:
        read = numeric(table, column, findings, spec.missing_codes, must=True)
        return values if read is None else _whole(read)
    if others.any() or numbers.null_count() == numbers.len():
        share = int(others.sum()) / max(1, int((values.is_not_null() & ~coded).sum()))
        if 0 < share < 0.05:
            findings.note(
                table.role,
                "column read as text because of values that are not numbers",
                int(others.sum()),
                column=table.called.get(column, column),
                found=str(values.filter(others)[0]),
            )
        return values
    if values.str.contains(r"^0\d").any():
        return values
    count_codes(table, column, values, coded, findings)
    return _whole(numbers)


def _whole(numbers: pl.Series) -> pl.Series:
    known = numbers.drop_nulls()
    if known.len() and (known == known.floor()).all() and (known.abs() < 2**53).all():
        return numbers.cast(pl.Int64)
    return numbers


def _places(table: Table, frame: dict[str, pl.Series], findings: Findings) -> None:
    for pair in (("latitude", "longitude"), ("easting", "northing")):
        present = [c for c in pair if c in frame]
        if len(present) == 1:
            other = pair[1 - pair.index(present[0])]
            findings.whole(
                table.name,
                f"a place needs both {pair[0]} and {pair[1]}",
                f"Add the column {other!r}, or add {present[0]!r} to data.ignore",
                column=table.called.get(present[0], present[0]),
            )
        if len(present) < 2:
            continue
        a, b = frame[pair[0]], frame[pair[1]]
        for column, mine, other in ((pair[0], a, b), (pair[1], b, a)):
            findings.wrong(
                table,
                column,
                mine.is_null() & other.is_not_null(),
                f"half a place: {pair[0]} or {pair[1]} is missing",
                "Give both, or leave both empty",
            )
            low, high = PLACES[column]
            findings.wrong(
                table,
                column,
                (mine < low) | (mine > high),
                f"{column} lies outside {low:g} to {high:,.0f}",
                "Correct it; look whether two columns were exchanged",
            )
        known = a.drop_nulls()
        if pair[0] == "easting" and known.len() and (known.abs() <= 180).all():
            findings.whole(
                table.name,
                "easting and northing are in metres and these look like degrees",
                "Call the columns longitude and latitude",
                column=table.called.get("easting", "easting"),
            )


def memberships(table: Table, spec: DataSpec, findings: Findings) -> pl.DataFrame:
    """The columns of MEMBERSHIPS, one row per spell; and those that data.text names, as text."""
    have = set(table.frame.columns)
    n = table.frame.height
    frame: dict[str, pl.Series] = {
        "provider": identifiers(table, "provider", findings),
        "collaboration": identifiers(table, "collaboration", findings),
    }
    if "kind" in have:
        frame["kind"] = identifiers(table, "kind", findings)
        _listed(table, "kind", frame["kind"], spec.kinds, "data.kinds", findings)
    else:
        frame["kind"] = _same(spec.default_kind, pl.String, n)
        findings.note(
            "memberships", "no column kind; every membership takes the same", n,
            column="kind", found=spec.default_kind,
        )  # fmt: skip
    for column in ("from", "to", "first_seen", "last_seen"):
        frame[column] = _day(table, column, spec, findings, snapshot=column.endswith("seen"))
    frame["weight"] = _membership_weight(table, spec, findings)
    # Facts of a membership (how formal it is, its phase) that an arm may be filtered by.
    own = {c: table.frame[c].cast(pl.String)
           for c in spec.text if c in have and c not in MEMBERSHIPS}  # fmt: skip
    result = pl.DataFrame({**{c: frame[c].cast(t) for c, t in MEMBERSHIPS.items()}, **own})
    _order(table, result, "from", "to", "the membership ends before it starts", findings)
    _order(table, result, "first_seen", "last_seen", "last seen before it was first seen", findings)
    findings.note(
        "memberships", "start unknown", result["from"].null_count(),
        column=table.called.get("from", "from"),
    )  # fmt: skip
    result = _known(result, "provider", "collaboration")
    again, overlapping = 0, 0
    if _twice(result, ["provider", "collaboration", "kind"]):
        kept = result.unique(keep="first", maintain_order=True)
        again, overlapping = result.height - kept.height, _overlap(kept)
        result = kept
    findings.note("memberships", "the same row again, read once", again)
    findings.note("memberships", "overlaps another spell in the same collaboration", overlapping)
    if result["last_seen"].null_count() < result.height:
        late = (result["from"] > result["last_seen"]).fill_null(False)
        findings.note(
            "memberships", "starts after the last snapshot that shows it", int(late.sum()),
            column=table.called.get("from", "from"),
        )  # fmt: skip
    return result


def _same(value: str | float | None, dtype: type[pl.DataType], n: int) -> pl.Series:
    """A column with the same value in each of ``n`` rows."""
    return pl.Series([value], dtype=dtype).new_from_index(0, n)


def _known(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """The rows in which every one of the columns is known."""
    some = [c for c in columns if frame[c].null_count()]
    return frame.drop_nulls(some) if some else frame


def _twice(frame: pl.DataFrame, key: list[str]) -> bool:
    """Whether any key comes more than once; most often the first column alone tells."""
    return frame[key[0]].n_unique() < frame.height and bool(
        frame.select(pl.struct(key).is_duplicated().any()).item()
    )


def collaborations(
    listed: Table | None, members: Table | None, findings: Findings
) -> pl.DataFrame | None:
    """collaboration, name: from a file of collaborations, and where that has none from the column
    name of the memberships, of several the last. None where no name is known."""
    frames: list[pl.DataFrame] = []
    if listed is not None:
        ids = identifiers(listed, "collaboration", findings)
        name = listed.frame["name"].cast(pl.String).str.strip_chars()
        frame = sorted_once(listed, pl.DataFrame({"collaboration": ids, "name": name}),
                      ["collaboration"], findings)  # fmt: skip
        frames.append(frame)
    if members is not None and "name" in members.frame.columns:
        # What is wrong with the identifiers has been told with the memberships.
        ids = identifiers(members, "collaboration", Findings())
        name = members.frame["name"].cast(pl.String).str.strip_chars()
        rows = pl.DataFrame({"collaboration": ids, "name": name}).unique(
            keep="last", maintain_order=True
        )
        rows = rows.filter(pl.col("name").fill_null("") != "").drop_nulls()
        findings.note(
            "memberships", "collaborations with several names, the last one used",
            rows.height - rows["collaboration"].n_unique(),
            column=members.called.get("name", "name"),
        )  # fmt: skip
        frames.append(rows.unique("collaboration", keep="last", maintain_order=True))
    every = pl.concat(frames) if frames else pl.DataFrame()
    if not every.height:
        return None
    every = every.filter(pl.col("name").fill_null("") != "").drop_nulls()
    return every.unique("collaboration", keep="first", maintain_order=True).sort("collaboration")


def _overlap(spells: pl.DataFrame) -> int:
    """Spells that begin before an earlier one of the same provider, collaboration and kind ends."""
    key = ["provider", "collaboration", "kind"]
    ends = pl.col("to").fill_null(pl.date(9999, 12, 31))
    return int(
        spells.filter(pl.struct(key).is_duplicated())
        .sort(*key, "from", nulls_last=False)
        .select((pl.col("from") <= ends.cum_max().shift(1).over(key)).fill_null(False).sum())
        .item()
    )


def _membership_weight(table: Table, spec: DataSpec, findings: Findings) -> pl.Series:
    if "weight" not in table.frame.columns:
        return _same(1.0, pl.Float64, table.frame.height)
    weight = numeric(table, "weight", findings, spec.missing_codes, must=True)
    if weight is None:
        return _same(1.0, pl.Float64, table.frame.height)
    findings.wrong(
        table,
        "weight",
        (weight <= 0).fill_null(False),
        "the weight of a membership is not above zero",
        "Write the share or the strength of the membership, for example 1; remove the row if there "
        "is none",
    )
    return weight.fill_null(1.0)


def statuses(table: Table, spec: DataSpec, findings: Findings) -> pl.DataFrame:
    """The columns of STATUSES, one row per spell."""
    frame = {
        "provider": identifiers(table, "provider", findings),
        "status": identifiers(table, "status", findings),
        "since": _day(table, "since", spec, findings),
        "until": _day(table, "until", spec, findings),
    }
    _listed(table, "status", frame["status"], spec.status_names, "data.status_names", findings)
    result = pl.DataFrame({c: frame[c].cast(t) for c, t in STATUSES.items()})
    _order(table, result, "since", "until", "the status ends before it starts", findings)
    findings.note(
        "statuses", "start unknown", result["since"].null_count(),
        column=table.called.get("since", "since"),
    )  # fmt: skip
    result = _known(result, "provider", "status")
    if _twice(result, ["provider", "status"]):
        result = result.unique(keep="first", maintain_order=True)
    return result


def _day(
    table: Table, column: str, spec: DataSpec, findings: Findings, *, snapshot: bool = False
) -> pl.Series:
    if column not in table.frame.columns:
        return _same(None, pl.Date, table.frame.height)
    return dates(
        table,
        column,
        findings,
        unknown=spec.unknown_dates,
        codes=spec.missing_codes,
        month_is_enough=snapshot,
    )


def _order(
    table: Table, frame: pl.DataFrame, first: str, last: str, problem: str, findings: Findings
) -> None:
    if first not in table.frame.columns or last not in table.frame.columns:
        return
    backwards = (frame[last] < frame[first]).fill_null(False)
    findings.wrong(
        table,
        last,
        backwards,
        problem,
        f"Exchange or correct {table.called.get(first, first)} and {table.called.get(last, last)}",
        found=frame[first].cast(pl.String) + " to " + frame[last].cast(pl.String),
    )


def _listed(
    table: Table,
    column: str,
    values: pl.Series,
    allowed: tuple[str, ...],
    key: str,
    findings: Findings,
) -> None:
    if not allowed:
        return
    strange = values.is_not_null() & ~values.is_in(list(allowed))
    for name in values.filter(strange).unique().sort().to_list():
        findings.wrong(
            table,
            column,
            (values == name).fill_null(False),
            f"unknown {column}",
            did_you_mean(name, allowed) + f". Or add it to {key}",
        )
