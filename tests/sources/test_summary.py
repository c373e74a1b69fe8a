"""check-data's counts, on a panel small enough to count by hand."""

import json
from pathlib import Path

import polars as pl

from consortia.sources import check_data, summarise
from consortia.sources.summary import in_words
from consortia.specs import DataSpec, Exposure

OUTCOMES = """provider,year,score
a,2016,1
a,2017,2
b,2016,3
b,2017,SUPP
c,2016,5
"""
MEMBERS = """provider,collaboration,kind,from,to
a,T,trust,2016-09-30,
b,T,trust,2016-10-01,
c,U,trust,,
c,N,network,2010-09-01,2012-08-31
zz,N,network,2010-09-01,
"""
STATUSES = """provider,status,since
a,academy,2016-09-01
b,academy,2014-09-01
"""
SPEC = DataSpec(outcomes="o.csv", memberships="m.csv", statuses="s.csv")


def write(folder: Path) -> None:
    (folder / "o.csv").write_text(OUTCOMES)
    (folder / "m.csv").write_text(MEMBERS)
    (folder / "s.csv").write_text(STATUSES)


def test_counts(tmp_path: Path) -> None:
    write(tmp_path)
    s = check_data(SPEC, tmp_path)
    assert s.problems == ()
    assert s.providers == 3
    assert s.years == (
        {"year": 2016, "providers": 3, "score": 3},
        {"year": 2017, "providers": 2, "score": 1},
    )
    assert s.columns == ({"column": "score", "known": 4, "missing": 1},)
    assert s.memberships == (
        {"kind": "trust", "memberships": 3, "collaborations": 2, "providers": 3,
         "start unknown": 1, "ended": 0},
        {"kind": "network", "memberships": 1, "collaborations": 1, "providers": 1,
         "start unknown": 0, "ended": 1},
    )  # fmt: skip
    # a joined on the last day that counts for 2017, b one day later; c at an unknown date.
    assert s.exposure == (
        {"held": "network", "2016": 1, "2017": 1, "join": 0, "later": 0, "never": 2},
        {"held": "trust", "2016": 1, "2017": 2, "join": 1, "later": 1, "never": 0},
        {"held": "academy", "2016": 1, "2017": 2, "join": 1, "later": 0, "never": 1},
    )
    pairs = {(r["held"], r["and"]): (r["both in 2017"], r["of them began in the same year"])
             for r in s.overlaps}  # fmt: skip
    assert pairs == {("network", "trust"): (1, 0), ("trust", "academy"): (1, 1)}


def test_the_rule_changes_the_counts(tmp_path: Path) -> None:
    write(tmp_path)
    panel_rule = Exposure(cutoff="10-31")
    from consortia.sources import read_panel

    s = summarise(read_panel(SPEC, tmp_path), panel_rule)
    assert next(r for r in s.exposure if r["held"] == "trust")["2017"] == 3
    assert s.rule == "joined on or before 31 October of the year before the results"
    assert in_words(Exposure(cutoff="03-01", year_starts="01-01", calendar_year=True)) == (
        "joined on or before 1 March of the same year"
    )


def test_problems_are_in_the_summary_and_the_rest_is_counted(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "m.csv").write_text(MEMBERS.replace("2016-10-01", "soon"))
    s = check_data(SPEC, tmp_path)
    assert len(s.problems) == 1
    assert s.providers == 3
    (tmp_path / "o.csv").write_text("")
    s = check_data(SPEC, tmp_path)
    assert s.providers == 0
    assert [p.file for p in s.problems] == ["o.csv", "m.csv"]


def test_json_and_tables_hold_the_same(tmp_path: Path) -> None:
    write(tmp_path)
    s = check_data(SPEC, tmp_path)
    document = json.loads(json.dumps(s.as_dict()))
    assert document["exposure"] == [dict(r) for r in s.exposure]
    tables = dict(s.tables())
    assert tables["Memberships"] == list(s.memberships)
    for rows in tables.values():
        assert len({tuple(r) for r in rows}) <= 1, "rows of a table have the same columns"
    assert any(r["found"] == "SUPP" for r in tables["Met while reading"])


def test_a_kind_and_a_status_of_the_same_name(make_panel) -> None:
    panel = make_panel(
        {("a", 2016): 1.0, ("a", 2017): 1.0},
        joins=[("a", "T", "academy", "2010-09-01")],
        statuses=[("a", "academy", "2016-09-01")],
    )
    held = {r["held"]: r["2016"] for r in summarise(panel).exposure}
    assert held == {"academy": 1, "academy (status)": 0}
    assert isinstance(panel.outcomes, pl.DataFrame)
