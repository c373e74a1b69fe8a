"""Where the tables are, how they are read, and what looking through them found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from consortia.specs.ranges import CLOSED, need

ROLES = (
    "outcomes", "providers", "memberships", "statuses", "places", "covariates", "collaborations",
)  # fmt: skip
"""What a table can be to a panel; the names of the files in [data] and of the tables in notes."""

MISSING_CODES = (
    "", "NA", "N/A", "#N/A", "NaN", "null", "none", "nil", "missing", "not available",
    "SUPP", "SUPPRESSED", "NE", "NP", "LOWCOV", "NEW", "SP", "DNS",
    "x", "c", "z", "low", "u", "k", ":", "-", ".", "..", "...", "*", "~",
)  # fmt: skip
"""Codes that publishers of education statistics write where a number is withheld or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """What a column is called in the file, by the name consortia uses: ``from = "joined"``."""

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    providers: dict[str, str] = field(default_factory=dict[str, str])
    memberships: dict[str, str] = field(default_factory=dict[str, str])
    statuses: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[str, str] = field(default_factory=dict[str, str])
    covariates: dict[str, str] = field(default_factory=dict[str, str])
    collaborations: dict[str, str] = field(default_factory=dict[str, str])
    pupils: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Where the tables are and how their columns are to be read.

    ``folder`` is relative to the study file; the file names are relative to the folder; only
    ``outcomes`` (or ``pupils``) is required. ``kinds`` and ``status_names`` list what may stand in
    the columns
    kind and status (empty: anything). ``default_kind`` is the kind of every membership where the
    file has no column for it. Codes in ``missing_codes`` stand for a missing number (case does
    not matter), dates in ``unknown_dates`` for an unknown date; both are counted.

    ``numbers`` must hold numbers (anything else is a problem, not text); ``weights`` must not be
    negative; ``text`` is never read as a number; ``ignore`` is not read.

    ``collaborations`` has the names that people know them by, beside the identifiers of the
    memberships (which may have a column ``name`` instead).

    ``pupils`` stands in for ``outcomes``: a file with one row per pupil (provider, year, numbers),
    or the sums of such rows. ``pupil_columns`` are the numbers used beside the outcomes,
    ``pupil_weight`` the column of weights. Groups by provider and year of fewer than
    ``pupil_minimum`` pupils, or with fewer than ``pupil_cell`` of either value of a yes/no column,
    are left out.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = CLOSED
    folder: str = "."
    outcomes: str = ""
    providers: str = ""
    memberships: str = ""
    statuses: str = ""
    places: str = ""
    covariates: str = ""
    collaborations: str = ""
    pupils: str = ""
    pupil_columns: tuple[str, ...] = ()
    pupil_weight: str = ""
    pupil_minimum: int = 1
    pupil_cell: int = 1
    licence: str = ""
    columns: Renames = Renames()
    kinds: tuple[str, ...] = ()
    status_names: tuple[str, ...] = ()
    default_kind: str = "collaboration"
    missing_codes: tuple[str, ...] = MISSING_CODES
    unknown_dates: tuple[str, ...] = ("1900-01-01",)
    numbers: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        need(
            self.pupil_minimum >= 1 and self.pupil_cell >= 1,
            "pupil_minimum and pupil_cell must be 1 or more",
        )
        for day in self.unknown_dates:
            need(
                bool(re.match(r"^\d{4}-\d\d-\d\d$", day)),
                f"unknown_dates must be dates such as '1900-01-01', not {day!r}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What looking through a folder of files found: enough to write a first study file.

    ``data`` has the guessed roles and renames; ``outcomes`` the numeric columns that could be an
    outcome, ``weights`` those that look like counts of learners; ``kinds`` and ``statuses`` with
    their number of rows; ``flags`` columns of the providers file that hold only 0 and 1;
    ``groups`` columns of the providers file with few distinct values (to cluster by);
    ``open`` what could not be guessed, in words.
    """

    data: DataSpec
    years: tuple[int, ...] = ()
    outcomes: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    statuses: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
