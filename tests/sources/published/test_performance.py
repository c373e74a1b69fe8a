"""Performance tables: years, rows that are no school, codes, final before provisional."""

import polars as pl
import pytest

from consortia.panel import Source
from consortia.sources.findings import Findings, Table
from consortia.sources.published.layouts import BREAKS, LAYOUTS, OUTCOMES, PHASES, recognise
from consortia.sources.published.performance import joined_by_year, read_yearly, year_of


def table(**columns: list[str | None]) -> Table:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return Table(
        role="t.csv",
        name="t.csv",
        frame=frame,
        line=pl.Series("line", range(2, frame.height + 2), dtype=pl.Int64),
        source=Source(role="t.csv", name="t.csv", rows=frame.height, digest=""),
    )


@pytest.mark.parametrize(
    ("path", "year"),
    [
        ("england_ks4final_2019.csv.gz", 2019),
        ("2018-2019/england_ks4final.csv", 2019),
        ("Performancetables_2018-19/england_ks4final.csv", 2019),
        ("2016_2017_ks4.csv", 2017),
        ("2018-2019/ks4_2017.csv", 2019),
        ("download 2020-07/england_ks4.csv", 2020),
        ("england_ks4final.csv", None),
        ("order 120190/ks4.csv", None),
    ],
)
def test_year_of(path: str, year: int | None) -> None:
    assert year_of(path) == year


def test_every_layout_recognises_itself_and_no_other() -> None:
    for layout in LAYOUTS:
        assert recognise([*layout.needs, "something else"]) is layout
    assert recognise(["URN", "SCHNAME"]) is None
    for phase in PHASES:
        measures = {c for lay in LAYOUTS if lay.phase == phase for c in lay.numbers}
        assert set(OUTCOMES[phase]) <= measures
        for _, column, what in BREAKS[phase]:
            assert what.endswith(".")
            assert column in measures or any(m.endswith(column) for m in measures)


OWN = next(lay for lay in LAYOUTS if lay.name == "key stage 4 results, department's layout")


def test_rows_of_authorities_and_codes_are_counted() -> None:
    findings = Findings()
    read = read_yearly(
        table(
            RECTYPE=["1", "2", "4", "7"],
            URN=["100001", "100002", None, "NAT"],
            P8MEA=["0.5", "SUPP", "0.1", "0"],
            ATT8SCR=["50.5", "NE", "46", "46"],
        ),
        OWN,
        "ks4_2019.csv",
        findings,
    )
    assert read is not None
    assert not findings.problems
    assert read.frame["urn"].to_list() == ["100001", "100002"]
    assert read.frame["progress_8"].to_list() == [0.5, None]
    assert read.frame["special"].to_list() == [False, True]
    notes = {(n.column, n.what, n.found): n.count for n in findings.notes}
    assert notes[("RECTYPE", "rows of authorities and the nation, left out", "")] == 2
    assert notes[("P8MEA", "read as missing", "SUPP")] == 1
    assert notes[("ATT8SCR", "read as missing", "NE")] == 1


def test_every_problem_at_once_with_its_place() -> None:
    findings = Findings()
    read_yearly(
        table(
            RECTYPE=["1", "1", "1", "1"],
            URN=["100001", "1O0002", "100001", "100004"],
            P8MEA=["0.5", "0.1", "0.6", "abc"],
            ATT8SCR=["50.5", "1", "50.5", "4,5"],
        ),
        OWN,
        "ks4_2019.csv",
        findings,
    )
    told = {(p.row, p.column, p.problem, p.found) for p in findings.problems}
    assert told == {
        (3, "URN", "not a school's number (URN)", "1O0002"),
        (4, "URN", "the school has two rows that differ", "100001"),
        (5, "P8MEA", "not a number", "abc"),
        (5, "ATT8SCR", "not a number", "4,5"),
    }
    assert {p.file for p in findings.problems} == {"t.csv"}


@pytest.mark.parametrize(
    ("years", "path", "problem"),
    [
        (["2017", "2018"], "ks4.csv", "the file holds more than one year"),
        (["2017", "2017"], "ks4_2018.csv", "the year in the file is not the one in its name"),
        (
            ["2016/17", "2017"],
            "ks4.csv",
            "the year is an academic year and not the year of the results",
        ),
    ],
)
def test_years_that_contradict(years: list[str], path: str, problem: str) -> None:
    plain = next(lay for lay in LAYOUTS if lay.name == "key stage 4 results, plain layout")
    findings = Findings()
    given = {
        "URN": ["100001", "100002"],
        "Progress 8": ["0", "0"],
        "Attainment 8": ["40", "40"],
        "Academic Year": years,
    }
    read_yearly(table(**given), plain, path, findings)
    assert problem in {p.problem for p in findings.problems}


def test_final_decides_and_provisional_only_adds_columns() -> None:
    findings = Findings()
    final = read_yearly(
        table(RECTYPE=["1", "1"], URN=["100001", "100002"], P8MEA=["0.5", "SUPP"],
              ATT8SCR=["50", "45"]),
        OWN, "ks4final_2019.csv", findings,
    )  # fmt: skip
    early = read_yearly(
        table(RECTYPE=["1", "1", "1"], URN=["100002", "100001", "100003"],
              P8MEA=["0.4", "0.6", "0"], ATT8SCR=["45", "50", "40"], TPUP=["80", "90", "10"]),
        OWN, "ks4provisional_2019.csv", findings,
    )  # fmt: skip
    assert final is not None
    assert early is not None
    for order in ([final, early], [early, final]):
        made = joined_by_year(order, findings)
        assert made["urn"].to_list() == ["100001", "100002"]
        assert made["progress_8"].to_list() == [0.5, None]
        assert made["pupils"].to_list() == [90.0, 80.0]
        assert made.columns == ["urn", "year", "progress_8", "attainment_8", "pupils"]
    assert not findings.problems
    joined_by_year([final, final], findings)
    assert [p.problem for p in findings.problems] == ["another file has the results of 2019 too"]
