"""check-data's counts, on a panel small enough to count by hand."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl

from consortia.sources import check_data, summarise
from consortia.sources.summary import in_words
from consortia.specs import Arm, Competition, DataSpec, Exposure, Levels, Outcome
from consortia.study import Study

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


PLACED = "provider,easting,northing,phase\na,0,0,primary\nb,3000,0,primary\nc,4000,0,all\n"


def ask(**changes) -> Study:
    fields = {
        "question": "Did it help?",
        "outcome": "score",
        "arm": "trust",
        "outcomes": {"score": Outcome()},
        "arms": {"trust": Arm(kinds=("trust",)), "academy": Arm(status="academy")},
        "competition": Competition(radius_km=3.5),
    }
    return Study(**(fields | changes))


def test_columns_of_competition_are_made_and_spread_out(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "p.csv").write_text(PLACED)
    spec = replace(SPEC, providers="p.csv")
    s = check_data(spec, tmp_path, [ask(), ask(arm="academy")])
    assert s.problems == ()
    # What does not depend on the arm is told once.
    assert [(r["column"], r["arm"]) for r in s.competition] == [
        (c, "trust") for c in Competition().columns(Arm(kinds=("trust",)))
    ]
    # In 2016 b has a and c within 3.5 km; in 2017 c has no results.
    rivals = s.competition[0]
    assert (rivals["known"], rivals["lowest"], rivals["highest"]) == (5, 1.0, 2.0)
    assert "rivals" in {r["column"] for r in s.columns}
    assert any(title == "Competition nearby" for title, _ in s.tables())


def test_everything_wrong_with_the_studies_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "p.csv").write_text(PLACED)
    (tmp_path / "o.csv").write_text(OUTCOMES.replace("SUPP", "good"))
    spec = replace(SPEC, providers="p.csv", numbers=("score",))
    wrong = [
        ask(competition=Competition(within="phse", size="pupil"), levels=Levels(by="pressur")),
        ask(arm="academy", levels=Levels(by="phase")),
    ]
    told = check_data(spec, tmp_path, wrong).problems
    assert {p.column for p in told} == {
        "score", "competition.within", "competition.size", "levels.by",
    }  # fmt: skip
    levels = [p for p in told if p.column == "levels.by"]
    assert "pressure" in levels[0].remedy
    assert "is text" in levels[1].problem


def test_a_radius_in_which_nobody_has_a_rival_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "p.csv").write_text(PLACED)
    spec = replace(SPEC, providers="p.csv")
    (told,) = check_data(spec, tmp_path, [ask(competition=Competition(radius_km=0.5))]).problems
    assert told.column == "competition.radius_km"
    assert "nobody has a rival" in told.problem
    far = Competition(radius_km=2.0, within="phase")
    (told,) = check_data(spec, tmp_path, [ask(competition=far)]).problems
    assert "the same phase" in told.problem


def test_places_that_are_nowhere_are_told_before_anything_is_made(tmp_path: Path) -> None:
    write(tmp_path)
    told = check_data(SPEC, tmp_path, [ask()]).problems
    assert {p.column for p in told} == {"competition.radius_km"}
