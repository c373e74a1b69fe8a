"""Snapshots of groups: dates in three shapes, earliest joining, what is not seen."""

from datetime import date

import polars as pl
import pytest

from consortia.panel import Source
from consortia.sources.findings import Findings, Table
from consortia.sources.published.chains import Links
from consortia.sources.published.groups import (
    flags,
    memberships,
    month_of,
    read_closings,
    read_snapshot,
    statuses,
)

LINKS = Links(
    after={"100": "200", "110": "210"},
    opened={("100", "200"): date(2015, 4, 1), ("110", "210"): date(2021, 1, 1)},
)
OURS = pl.DataFrame({"provider": ["200", "210", "300", "400", "500"]})
NOBODY = pl.DataFrame(schema={"urn": pl.String, "by": pl.Date})


def table(rows: list[tuple[str, str, str, str]]) -> Table:
    frame = pl.DataFrame(
        rows, schema=["URN", "Group UID", "Group Type", "Joined date"], orient="row"
    )
    return Table(
        role="g.csv",
        name="g.csv",
        frame=frame,
        line=pl.Series("line", range(2, frame.height + 2), dtype=pl.Int64),
        source=Source(role="g.csv", name="g.csv", rows=frame.height, digest=""),
    )


@pytest.mark.parametrize(
    ("path", "month"),
    [
        ("grouplinks_2017-01.csv.gz", "2017-01"),
        ("gias/2017-01/allgroups_20220722.csv", "2022-07"),
        ("links201701.csv", "2017-01"),
        ("links_2022_07.csv", "2022-07"),
        ("links_2019.csv", ""),
        ("links.csv", ""),
    ],
)
def test_month_of(path: str, month: str) -> None:
    assert month_of(path) == month


@pytest.fixture
def two() -> tuple[list, Findings]:
    findings = Findings()
    early = read_snapshot(
        table(
            [
                ("100", "1", "Multi-academy trust", "01-09-2014"),
                ("300", "7", "Single-academy trust", "01/09/2013"),
                ("400", "1", "Multi-academy trust", "2016-09-01"),
                ("400", "9", "Children's Centres Group", "rubbish"),
            ]
        ),
        "links_2017-01.csv",
        findings,
    )
    late = read_snapshot(
        table(
            [
                ("200", "1", "Multi-academy trust", "2015-04-01"),
                ("300", "2", "Multi-academy trust", "2013-09-01"),
                ("400", "2", "Multi-academy trust", "2019-02-01"),
                ("210", "2", "Multi-academy trust", "2022-03-01"),
                ("500", "5", "Federation", "1900-01-01"),
                ("999", "5", "Federation", "2018-01-01"),
            ]
        ),
        "links_2022-07.csv",
        findings,
    )
    assert not findings.problems
    return [late, early], findings


def test_earliest_joining_over_snapshots_and_numbers(two) -> None:
    snapshots, findings = two
    made = memberships(snapshots, [], LINKS, OURS, findings)
    rows = {(r["provider"], r["collaboration"]): r for r in made.iter_rows(named=True)}
    assert len(rows) == made.height == 7
    mine = rows[("200", "1")]
    assert mine["joined"] == date(2014, 9, 1)
    assert (mine["first_seen"], mine["last_seen"]) == ("2017-01", "2022-07")
    left = rows[("400", "1")]
    assert (left["first_seen"], left["last_seen"]) == ("2017-01", "2017-01")
    assert rows[("500", "5")]["joined"] is None
    notes = {n.what: n.count for n in findings.notes}
    assert notes["of schools without results of this phase, left out"] == 1
    assert notes["more than one day of joining told, the earliest used"] == 1
    assert notes["groups of this type, not used"] == 1
    gone = next(n for n in findings.notes if n.what.startswith("seen in an earlier snapshot"))
    assert gone.count == 2


def test_closed_groups_carry_their_day(two) -> None:
    snapshots, findings = two
    closing = table([("x", "1", "y", "z")])
    frame = pl.DataFrame({"Group UID": ["1", "2"], "Closed Date": ["31/08/2018", None]})
    closing = Table(
        role="c", name="c", frame=frame, line=pl.Series("line", [2, 3]), source=closing.source
    )
    made = memberships(snapshots, [read_closings(closing, findings)], LINKS, OURS, findings)
    told = dict(made.select("collaboration", "closed").unique().iter_rows())
    assert told["1"] == date(2018, 8, 31)
    assert told["2"] is None


def test_academy_since_the_first_trust_unless_it_was_one_before(two) -> None:
    snapshots, findings = two
    made = memberships(snapshots, [], LINKS, OURS, findings)
    plain = dict(statuses(made, NOBODY, LINKS, findings).select("provider", "since").iter_rows())
    assert plain == {
        "200": date(2014, 9, 1),
        "210": date(2022, 3, 1),
        "300": date(2013, 9, 1),
        "400": date(2016, 9, 1),
    }
    # A table of 2021 calls 210 an academy: its first known trust, of 2022, was not its first.
    known = pl.DataFrame({"urn": ["210", "200"], "by": [date(2021, 12, 31), date(2019, 12, 31)]})
    told = dict(statuses(made, known, LINKS, findings).select("provider", "since").iter_rows())
    assert told == {**plain, "210": date(2021, 1, 1)}
    # A table of 2020 does too: then even the day of its number is too late, and nothing is known.
    known = known.with_columns(by=pl.date(2020, 12, 31))
    told = dict(statuses(made, known, LINKS, findings).select("provider", "since").iter_rows())
    assert told["210"] is None


def test_flags(two) -> None:
    snapshots, findings = two
    made = memberships(snapshots, [], LINKS, OURS, findings)
    known = pl.DataFrame({"urn": ["210", "200"], "by": [date(2021, 12, 31), date(2019, 12, 31)]})
    told = {r["provider"]: r for r in flags(snapshots, made, known, LINKS).iter_rows(named=True)}
    assert {p for p, r in told.items() if r["trust_date_ambiguous"]} == {"300"}
    assert {p for p, r in told.items() if r["changed_trust"]} == {"400"}
    assert {p for p, r in told.items() if r["earlier_trust_unseen"]} == {"210"}


def test_a_snapshot_without_a_month_and_a_bad_date_are_problems() -> None:
    findings = Findings()
    rows = [("100", "1", "Multi-academy trust", "01-13-2016")]
    assert read_snapshot(table(rows), "links.csv", findings) is None
    read_snapshot(table(rows), "links_2017-01.csv", findings)
    assert [(p.row, p.column, p.problem) for p in findings.problems] == [
        (None, "", "the name of the file does not say of which month it is"),
        (2, "Joined date", "no such day"),
    ]
