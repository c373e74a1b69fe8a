"""The published tables this package knows: by which columns each is recognised, and what they mean.

Files are recognised by their header and not by their name, since downloads are renamed. The
school performance tables of the Department for Education come in two layouts: the department's own
(codes such as P8MEA, RECTYPE in front) and a plain one with words and the column "Academic Year".
Get Information about Schools (GIAS) publishes groups, the schools in them, and links between
schools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Phase = Literal["ks2", "ks4", "ks5"]
PHASES: tuple[Phase, ...] = ("ks2", "ks4", "ks5")

Role = Literal["results", "covariates", "authorities", "groups", "group-links", "school-links"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of published table.

    ``needs`` are the columns that tell it from every other; ``numbers`` and ``facts`` give the
    published column of each column we write (absent ones are left out); ``phase`` is empty where
    the table serves every phase.
    """

    name: str
    role: Role
    needs: tuple[str, ...]
    phase: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


_OWN_FACTS = MappingProxyType(
    {
        "name": "SCHNAME",
        "local_authority": "LEA",
        "postcode": "PCODE",
        "latitude": "LATITUDE",
        "longitude": "LONGITUDE",
        "phase": "PHASE",
        "school_type": "SCHTYPE",
        "establishment_type": "NFTYPE",
        "gender": "GENDER",
        "religion": "RELIGION",
        "grammar": "GRAMMAR",
    }
)

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="key stage 2 results, department's layout",
        role="results",
        phase="ks2",
        needs=("RECTYPE", "URN", "READPROG", "WRITPROG", "MATPROG"),
        numbers={
            "pupils": "TELIG",
            "reading_progress": "READPROG",
            "writing_progress": "WRITPROG",
            "maths_progress": "MATPROG",
            "reading_scaled_score": "READ_AVERAGE",
            "maths_scaled_score": "MAT_AVERAGE",
            "percent_expected_standard": "PTRWM_EXP",
        },
        facts=_OWN_FACTS,
    ),
    Layout(
        name="key stage 2 results, plain layout",
        role="results",
        phase="ks2",
        needs=("URN", "Academic Year", "Reading Progress", "Writing Progress", "Maths Progress"),
        numbers={
            "pupils": "KS2 Pupils",
            "reading_progress": "Reading Progress",
            "writing_progress": "Writing Progress",
            "maths_progress": "Maths Progress",
            "reading_scaled_score": "Reading Score",
            "maths_scaled_score": "Maths Score",
            "percent_expected_standard": "Overall Meet Std",
        },
    ),
    Layout(
        name="key stage 4 results, department's layout",
        role="results",
        phase="ks4",
        needs=("RECTYPE", "URN", "P8MEA", "ATT8SCR"),
        numbers={
            "pupils": "TPUP",
            "progress_8_pupils": "P8PUP",
            "progress_8": "P8MEA",
            "progress_8_unadjusted": "P8MEA_ORIG",
            "progress_8_low": "P8CILOW",
            "progress_8_high": "P8CIUPP",
            "attainment_8": "ATT8SCR",
            "percent_grade_5_english_maths": "PTL2BASICS_95",
            "percent_entering_ebacc": "PTEBACC_E_PTQ_EE",
            "ebacc_points": "EBACCAPS",
        },
        facts=_OWN_FACTS,
    ),
    Layout(
        name="key stage 4 results, plain layout",
        role="results",
        phase="ks4",
        needs=("URN", "Academic Year", "Progress 8", "Attainment 8"),
        numbers={
            "pupils": "KS4 Pupils",
            "progress_8": "Progress 8",
            "attainment_8": "Attainment 8",
            "percent_grade_5_english_maths": "Eng Maths Grade 5",
            "percent_entering_ebacc": "Entering EBacc",
            "ebacc_points": "EBacc Avg Score",
        },
    ),
    Layout(
        name="key stage 5 results, department's layout",
        role="results",
        phase="ks5",
        needs=("RECTYPE", "URN", "VA_INS_ALEV", "TALLPPE_ALEV_1618"),
        numbers={
            "pupils": "TPUP1618",
            "a_level_value_added": "VA_INS_ALEV",
            "a_level_points": "TALLPPE_ALEV_1618",
        },
        facts=_OWN_FACTS,
    ),
    Layout(
        name="key stage 5 results, plain layout",
        role="results",
        phase="ks5",
        needs=("URN", "Academic Year", "Avg A-level Points"),
        numbers={"pupils": "KS5 Pupils", "a_level_points": "Avg A-level Points"},
    ),
    Layout(
        name="school census",
        role="covariates",
        needs=("URN", "NOR", "PNUMEAL", "PNUMFSMEVER"),
        numbers={
            "headcount": "NOR",
            "percent_girls": "PNORG",
            "percent_english_additional": "PNUMEAL",
            "percent_free_meals_ever": "PNUMFSMEVER",
            "percent_special_needs_support": "PSENELK",
            "percent_education_health_plan": "PSENELSE",
        },
        facts={"local_authority": "LA"},
    ),
    Layout(
        name="absence",
        role="covariates",
        needs=("URN", "PERCTOT", "PPERSABS10"),
        numbers={"percent_absence": "PERCTOT", "percent_persistent_absence": "PPERSABS10"},
        facts={"local_authority": "LA"},
    ),
    Layout(
        name="school workforce",
        role="covariates",
        needs=("URN", "Total Number of Teachers (Full-Time Equivalent)"),
        numbers={
            "teachers": "Total Number of Teachers (Full-Time Equivalent)",
            "pupils_per_teacher": "Pupil:     Teacher Ratio",
            "teacher_salary": "Mean Gross FTE Salary of All Teachers (£s)",
        },
        facts={"local_authority": "LA Number"},
    ),
    Layout(
        name="local authorities and regions",
        role="authorities",
        needs=("LEA", "LA Name", "REGION", "REGION NAME"),
    ),
    Layout(
        name="schools in groups, 2022 layout",
        role="group-links",
        needs=("URN", "Group UID", "Group Type", "Joined date"),
    ),
    Layout(
        name="academies in groups, 2017 layout",
        role="group-links",
        needs=("URN", "Linked UID", "Group Type", "Joined date"),
    ),
    Layout(
        name="groups",
        role="groups",
        needs=("Group UID", "Group Name", "Group Type", "Closed Date"),
    ),
    Layout(
        name="links between schools",
        role="school-links",
        needs=("URN", "LinkURN", "LinkType"),
    ),
)

OUTCOMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ks2": ("reading_progress", "writing_progress", "maths_progress"),
        "ks4": ("progress_8", "attainment_8"),
        "ks5": ("a_level_points", "a_level_value_added"),
    }
)
"""Columns of which a school must have one in a year to have results of its own in that year."""

BREAKS: Mapping[str, tuple[tuple[int, str, str], ...]] = MappingProxyType(
    {
        "ks2": (
            (2016, "progress", "First year of the scaled scores: nothing earlier compares."),
            (2018, "writing_progress", "Teachers assess writing by a new framework from 2018 on."),
        ),
        "ks4": (
            (
                2017,
                "attainment_8",
                "English and mathematics graded 9 to 1, other points changed: 2016 and 2017 do not "
                "compare in level.",
            ),
            (
                2018,
                "attainment_8",
                "Twenty more subjects graded 9 to 1: levels of 2017 and 2018 compare with care.",
            ),
            (
                2017,
                "progress_8",
                "Mean 0 in each year by construction, but the unit is a grade on the old scale in "
                "2016 and on the changing one from 2017 on: schools spread a quarter wider.",
            ),
            (
                2018,
                "progress_8",
                "From 2018 on very negative scores of single pupils are limited; the department's "
                "layout has the score without the limit as progress_8_unadjusted.",
            ),
            (
                2017,
                "percent_grade_5_english_maths",
                "Grade 5 exists from 2017 on; the column of 2016 has grade C or better.",
            ),
            (2018, "ebacc_points", "First published in 2018."),
        ),
        "ks5": (
            (2016, "a_level_points", "New scale of points per entry: nothing earlier compares."),
        ),
    }
)
"""By phase: (first year of the new definition, columns, what changed)."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "multi-academy trust": "multi-academy trust",
        "single-academy trust": "single-academy trust",
        "secure single-academy trust": "single-academy trust",
        "school sponsor": "sponsor",
        "federation": "federation",
        "trust": "co-operative or foundation trust",
        "umbrella trust": "umbrella trust",
    }
)
"""Type of a GIAS group (case folded) to kind of membership; other types are counted, not used."""

ACADEMY_KINDS = ("multi-academy trust", "single-academy trust")
"""Every academy is in one of these, and no other school is."""


def recognise(header: list[str]) -> Layout | None:
    """The layout whose columns all stand in ``header``; None where none does."""
    there = set(header)
    return next((layout for layout in LAYOUTS if there.issuperset(layout.needs)), None)
