"""From the folder to the tables and back in as a panel; writing all or nothing."""

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consortia.cli.app import app
from consortia.errors import DataInvalid
from consortia.sources import read_panel
from consortia.sources.published import gather, writing
from consortia.specs import DataSpec, Renames

run = CliRunner()


def test_one_school_keeps_one_name(raw: Path) -> None:
    made = gather(raw, "ks4")
    scores = {(p, y): v for p, y, v in made.outcomes.select(
        "provider", "year", "progress_8").iter_rows()}  # fmt: skip
    assert scores == {
        ("100001", 2017): 0.10, ("100001", 2018): 0.11, ("100001", 2019): 0.12,
        ("140002", 2017): -0.20, ("140002", 2018): -0.10, ("140002", 2019): 0.00,
        ("100003", 2017): 0.00, ("100004", 2017): 0.30,
        ("140005", 2018): 0.05, ("140005", 2019): None,
        ("140006", 2017): 0.50, ("140006", 2018): 0.51, ("140006", 2019): 0.52,
        ("100009", 2017): None, ("100009", 2018): None, ("100009", 2019): None,
    }  # fmt: skip
    pupils = dict(made.outcomes.filter(year=2019).select("provider", "pupils").iter_rows())
    assert pupils == {"100001": 102, "140002": 82, "140005": None, "140006": 122, "100009": None}
    named = dict(made.identifiers.iter_rows())
    assert named["100002"] == named["140002"] == "140002"
    assert named["100006"] == "140006"
    assert named["100003"] == "100003"
    notes = {n.what: n.count for n in made.notes}
    assert notes["second row of a school in the year of its change of number, left out"] == 1
    assert notes["links of schools merged into one, not followed"] == 2
    assert [b[0] for b in made.breaks] == [2017, 2018, 2017, 2018, 2017, 2018]


def test_groups_statuses_and_facts(raw: Path) -> None:
    made = gather(raw, "ks4")
    members = {(p, c): (k, j) for p, c, k, j in made.memberships.select(
        "provider", "collaboration", "kind", "joined").iter_rows()}  # fmt: skip
    assert members == {
        ("140002", "501"): ("multi-academy trust", date(2017, 9, 1)),
        ("140002", "600"): ("sponsor", date(2018, 1, 15)),
        ("140005", "500"): ("multi-academy trust", date(2016, 9, 1)),
        ("140005", "502"): ("multi-academy trust", date(2020, 2, 1)),
        ("140006", "501"): ("multi-academy trust", date(2021, 4, 1)),
        ("100001", "700"): ("federation", None),
    }
    assert dict(made.statuses.select("provider", "since").iter_rows()) == {
        "140002": date(2017, 9, 1), "140005": date(2016, 9, 1), "140006": date(2021, 4, 1),
    }  # fmt: skip
    facts = {r["provider"]: r for r in made.providers.iter_rows(named=True)}
    assert facts["140002"]["local_authority"] == "201"
    assert facts["140002"]["region"] == "North"
    assert facts["140005"]["phase"] == "All-through"
    assert {p: r["sector"] for p, r in facts.items()} == {
        "100001": "mainstream", "140002": "mainstream", "140005": "mainstream",
        "140006": "mainstream", "100009": "special", "100003": None, "100004": None,
    }  # fmt: skip
    assert facts["140005"]["changed_trust"] == 1
    assert made.covariates.select("provider", "year", "headcount").rows() == [
        ("100001", 2019, 900.0), ("140002", 2019, None),
    ]  # fmt: skip


def test_linked_schools_that_both_have_results_are_kept_apart(raw: Path, change: Callable) -> None:
    change("performance/ks4_2018.csv.gz", "100002,,,,2018", "100002,20,0.7,51,2018")
    made = gather(raw, "ks4")
    named = dict(made.identifiers.iter_rows())
    assert named["100002"] == "100002"
    scores = made.outcomes.filter(year=2018).select("provider", "progress_8").rows()
    assert ("100002", 0.7) in scores
    assert ("140002", -0.1) in scores
    assert any(n.what.startswith("both schools have results") and n.count == 1 for n in made.notes)


def test_what_is_written_is_read_back(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = gather(raw, "ks4")
    manifest = writing.write_gathered(made, out)
    spec = DataSpec(
        outcomes="outcomes.csv.gz",
        providers="providers.csv.gz",
        memberships="memberships.csv.gz",
        statuses="statuses.csv.gz",
        text=("local_authority",),
        columns=Renames(memberships={"from": "joined"}),
    )
    panel = read_panel(spec, out)
    assert panel.outcomes.select("provider", "year", "progress_8").equals(
        made.outcomes.select("provider", "year", "progress_8")
    )
    assert panel.memberships.height == made.memberships.height
    assert set(panel.statuses["since"]) == set(made.statuses["since"])
    assert json.loads((out / "manifest.json").read_text()) == manifest
    assert {s["name"] for s in manifest["sources"]} >= {"performance/ks4_2017.csv.gz"}
    # The same input gives the same bytes, and a second run leaves nothing beside them.
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    writing.write_gathered(gather(raw, "ks4"), out)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_a_failure_while_writing_changes_nothing(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "outcomes.csv.gz").write_bytes(b"old")
    made = gather(raw, "ks4")
    real, calls = writing.os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        writing.write_gathered(made, out)
    assert [p.name for p in out.iterdir()] == ["outcomes.csv.gz"]
    assert (out / "outcomes.csv.gz").read_bytes() == b"old"


def test_problems_of_all_files_at_once(raw: Path, change: Callable) -> None:
    change("performance/ks4_2017.csv.gz", "0.10", "o.10")
    change("gias/group_links_2022-07.csv.gz", "2021-04-01", "2021-02-30")
    with pytest.raises(DataInvalid) as caught:
        gather(raw, "ks4")
    assert {(p.file, p.row, p.column, p.found) for p in caught.value.problems} == {
        ("ks4_2017.csv.gz", 2, "Progress 8", "o.10"),
        ("group_links_2022-07.csv.gz", 5, "Joined date", "2021-02-30"),
    }


def test_a_new_code_for_missing_is_named(raw: Path, change: Callable) -> None:
    change("performance/ks4_2017.csv.gz", "0.10", "HIDDEN")
    with pytest.raises(DataInvalid, match="name it with --missing"):
        gather(raw, "ks4")
    made = gather(raw, "ks4", missing=("HIDDEN",))
    assert ("Progress 8", "HIDDEN", 1) in {(n.column, n.found, n.count) for n in made.notes}


def test_two_files_of_one_kind_are_a_problem(raw: Path) -> None:
    copy = raw / "gias" / "copy_of_group_links_2022-07.csv.gz"
    copy.write_bytes((raw / "gias" / "group_links_2022-07.csv.gz").read_bytes())
    again = raw / "performance" / "again_ks4_2017.csv.gz"
    again.write_bytes((raw / "performance" / "ks4_2017.csv.gz").read_bytes())
    with pytest.raises(DataInvalid, match="groups of 2022-07 too"):
        gather(raw, "ks4")
    copy.unlink()
    with pytest.raises(DataInvalid, match="results of 2017 too"):
        gather(raw, "ks4")


def test_results_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "ks4_2017.csv").write_text(
        "URN,Academic Year,Progress 8,Attainment 8\n100001,2017,0.1,50\n", encoding="utf-8"
    )
    made = gather(tmp_path, "ks4")
    assert made.outcomes.height == 1
    assert made.memberships.height == made.statuses.height == made.covariates.height == 0
    manifest = writing.write_gathered(made, tmp_path / "out")
    assert [t["file"] for t in manifest["tables"]] == [
        "outcomes.csv.gz", "providers.csv.gz", "identifiers.csv.gz",
    ]  # fmt: skip


def test_nothing_to_gather(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="holds no results of ks2"):
        gather(raw, "ks2")
    with pytest.raises(DataInvalid, match="does not exist"):
        gather(tmp_path / "nowhere", "ks4")
    with pytest.raises(ValueError, match="Did you mean 'ks4'"):
        gather(raw, "k4")


def test_command(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = run.invoke(app, ["gather", str(raw), "--phase", "ks4", "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert "outcomes.csv.gz" in made.stdout
    told = run.invoke(app, ["gather", str(raw), "--phase", "ks4", "--out", str(out), "--json"])
    assert json.loads(told.stdout)["phase"] == "ks4"
    wrong = run.invoke(app, ["gather", str(raw), "--phase", "ks7", "--out", str(out), "--json"])
    assert wrong.exit_code == 3
    assert json.loads(wrong.stdout)["error"]["problems"][0]["column"] == "--phase"
    (raw / "performance" / "ks4_2017.csv.gz").write_bytes(
        gzip.compress(b"URN,Academic Year,Progress 8,Attainment 8\n1,2017,?,50\n")
    )
    broken = run.invoke(app, ["gather", str(raw), "--phase", "ks4", "--out", str(tmp_path / "no")])
    assert broken.exit_code == 3
    assert not (tmp_path / "no").exists()
