"""The commands as their users call them: exit codes, streams, JSON, messages."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consortia.cli import commands
from consortia.cli.app import app
from consortia.estimators import METHODS

run = CliRunner()
YEARS = range(2014, 2020)


@pytest.fixture
def school_files(tmp_path: Path) -> Path:
    """A small sector in files, 24 schools; a third joins, half of those on becoming an academy."""
    outcomes, members, statuses, providers = [], [], [], []
    for k in range(24):
        name = f"{100 + k}"
        joined = {0: 2016, 1: 2017}.get(k % 6)
        providers.append(f"{name},{'N' if k % 2 else 'S'},{k % 5 / 10}")
        for y in YEARS:
            effect = 1.5 if joined and y > joined else 0.0
            # A deterministic wobble instead of noise, so that every run is the same run.
            outcomes.append(f"{name},{y},{20 + k},{(k * 7 % 11) + (k * y % 5) / 5 + effect:.2f}")
        if joined:
            members.append(f"{name},T{k % 3},trust,{joined}-09-01")
            if k % 12 < 2:
                statuses.append(f"{name},academy,{joined}-09-01")
    folder = tmp_path / "data"
    folder.mkdir()
    for file, header, rows in (
        ("outcomes.csv", "provider,year,pupils,score", outcomes),
        ("providers.csv", "provider,area,poor", providers),
        ("memberships.csv", "provider,collaboration,kind,from", members),
        ("statuses.csv", "provider,status,since", statuses),
    ):
        (folder / file).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_init_then_evaluate(school_files: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    made = run.invoke(app, ["init", str(school_files), "--out", str(study)])
    assert made.exit_code == 0, made.output
    text = study.read_text(encoding="utf-8")
    assert text.count("#") > 10
    out = tmp_path / "out"
    answered = run.invoke(app, ["evaluate", str(study), "--out", str(out), "-q"])
    assert answered.exit_code == 0, answered.output
    assert "Report: " in answered.stdout
    assert list(out.rglob("report.html"))
    # It never writes over a study that somebody may have edited.
    again = run.invoke(app, ["init", str(school_files), "--out", str(study)])
    assert again.exit_code == 3
    assert study.read_text(encoding="utf-8") == text
    assert (
        run.invoke(app, ["init", str(school_files), "--out", str(study), "--force"]).exit_code == 0
    )


@pytest.fixture
def study(school_files: Path, tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(
        """
question = "Did joining a trust help?"
outcome = "score"
arm = "trust"
alongside = ["academy"]

[data]
folder = "data"
outcomes = "outcomes.csv"
providers = "providers.csv"
memberships = "memberships.csv"
statuses = "statuses.csv"

[outcomes.score]
label = "the score"
unit = "points"
worthwhile = 0.5

[arms.trust]
kinds = ["trust"]
label = "a trust"

[arms.academy]
status = "academy"
label = "academy status"
""",
        encoding="utf-8",
    )
    return path


def test_json_alone_on_stdout_progress_on_stderr(study: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["evaluate", str(study), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert len(answer["evaluations"]) == 1
    assert all(Path(p).is_file() for p in answer["reports"])
    on_disk = json.loads((tmp_path / "o" / "report.json").read_text(encoding="utf-8"))
    assert on_disk == answer["evaluations"][0]


def test_the_command_in_the_report_makes_the_same_report(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    run.invoke(app, ["evaluate", str(study), "--out", str(out), "-q"])
    first = (out / "report.json").read_text(encoding="utf-8")
    command = json.loads(first)["reproduce"]["command"]
    assert command.startswith("consortia evaluate ")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "consortia",
            *command.split()[1:],
            "--out",
            str(tmp_path / "p"),
            "-q",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p" / "report.json").read_text(encoding="utf-8") == first


def test_check_data(study: Path) -> None:
    shown = run.invoke(app, ["check-data", str(study)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("No problems found") == 1
    counted = json.loads(run.invoke(app, ["check-data", str(study), "--json"]).stdout)
    assert counted["providers"] == 24


def test_explain_lists_and_explains_every_row() -> None:
    listed = json.loads(run.invoke(app, ["explain", "--json"]).stdout)
    assert {"raw-gap", "two-way", "group-time"} <= set(listed["methods"])
    assert {"pre-trend", "placebo-date"} <= set(listed["checks"])
    for name in [*listed["methods"], *listed["checks"]]:
        told = run.invoke(app, ["explain", name])
        assert told.exit_code == 0
        assert name in told.stdout
    one = json.loads(run.invoke(app, ["explain", "group-time", "--json"]).stdout)
    assert one["assumes"]
    assert "anticipation" in one["options"]


def test_misspelt_names_are_refused_with_the_nearest() -> None:
    told = run.invoke(app, ["explain", "group-tim"])
    assert told.exit_code == 3
    assert "Did you mean 'group-time'" in told.stderr
    assert told.stdout == ""


def test_unknown_outcome_or_arm_is_refused(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    for option, value in (("--outcome", "scor"), ("--arm", "trsut"), ("--draws", "7")):
        done = run.invoke(app, ["evaluate", str(study), option, value, "--out", str(out)])
        assert done.exit_code == 3, (option, done.output)
        assert not out.exists()


def test_usage_faults_exit_2(study: Path) -> None:
    assert run.invoke(app, ["evaluate"]).exit_code == 2
    assert run.invoke(app, ["evaluate", str(study), "--nonsense"]).exit_code == 2
    assert run.invoke(app, ["nonsense"]).exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX paths")
def test_a_folder_that_cannot_be_used_exits_2(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "taken"
    file.write_text("x", encoding="utf-8")
    done = run.invoke(app, ["evaluate", str(study), "--out", str(file), "-q"])
    assert done.exit_code == 2
    assert "Cannot write" in done.stderr
    assert "Traceback" not in done.output


def test_a_question_without_an_answer_is_answered_so(study: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.toml"
    late.write_text(
        study.read_text(encoding="utf-8") + "\n[window]\nfirst = 2018\n", encoding="utf-8"
    )
    done = run.invoke(app, ["evaluate", str(late), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)["evaluations"][0]
    assert answer["answer"]["words"] == "not identified"
    assert "because" in answer["answer"]["sentence"]
    assert "before the first year" in answer["not_identified"]


def test_schema_describes_the_study_file() -> None:
    schema = json.loads(run.invoke(app, ["schema"]).stdout)
    assert {"question", "data", "method", "inference"} <= set(schema["properties"])


def test_version() -> None:
    from consortia import __version__

    assert run.invoke(app, ["--version"]).stdout.strip() == __version__


def test_demo_ends_with_the_path_of_a_report(tmp_path: Path, monkeypatch) -> None:
    # A smaller sector than the demo's: what is tested is the command.
    monkeypatch.setattr(commands, "DEMO_PROVIDERS", 300)
    out = tmp_path / "demo"
    done = run.invoke(app, ["demo", "--out", str(out), "-q"])
    assert done.exit_code == 0, done.output
    last = done.stdout.strip().splitlines()[-1]
    assert last == f"Report: {out / 'report.html'}"
    assert (out / "report.html").stat().st_size > 10_000
    told = run.invoke(app, ["demo", "--seed", "8", "--out", str(out), "--json"])
    document = json.loads(told.stdout)["evaluations"][0]
    assert document["simulated"]
    assert document["reproduce"]["command"] == "consortia demo --seed 8"


def test_progress_goes_to_stderr_only(study: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["evaluate", str(study), "--out", str(tmp_path / "o")])
    assert done.exit_code == 0
    assert "challenging" not in done.stdout


@pytest.fixture
def placed(study: Path, school_files: Path) -> Path:
    """The same schools with places, four to a village, and a study that asks for competition."""
    file = school_files / "providers.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [f"{line},{k // 4 * 20_000},{k % 4 * 500}" for k, line in enumerate(lines[1:])]
    file.write_text("\n".join([lines[0] + ",easting,northing", *rows]) + "\n", encoding="utf-8")
    text = study.read_text(encoding="utf-8").replace(
        'arm = "trust"', 'arm = "trust"\ncovariates = ["pressure"]', 1
    )
    study.write_text(
        text + '\n[competition]\nradius_km = 1.0\nsize = "pupils"\n'
        '[method]\nname = "group-time"\nadjust = "regression"\n',
        encoding="utf-8",
    )
    return study


def test_competition_from_the_study_file(placed: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["evaluate", str(placed), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    (answer,) = json.loads(done.stdout)["evaluations"]
    assert answer["identified"]
    assert "alike in pressure" in json.dumps(answer)
    looked = run.invoke(app, ["check-data", str(placed), "--json"])
    assert looked.exit_code == 0, looked.output
    columns = {c["column"]: c for c in json.loads(looked.stdout)["columns"]}
    assert columns["pressure"] == {"column": "pressure", "known": 144, "missing": 0}
    assert {"rivals", "concentration", "rivals_joined", "rivals_together"} <= set(columns)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('size = "pupils"', 'size = "pupil"', "pupils"),
        ('["pressure"]', '["presure"]', "pressure"),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "check-data"])
def test_misspelt_competition_is_refused(
    placed: Path, tmp_path: Path, command: str, old: str, new: str, says: str
) -> None:
    placed.write_text(placed.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    more = ["--out", str(tmp_path / "o")] if command == "evaluate" else []
    done = run.invoke(app, [command, str(placed), *more])
    assert done.exit_code == 3
    assert f"Did you mean '{says}'" in " ".join(done.output.split())


def test_competition_without_places_is_refused(placed: Path, school_files: Path) -> None:
    file = school_files / "providers.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("easting", "x").replace("northing", "y"), encoding="utf-8")
    done = run.invoke(app, ["check-data", str(placed)])
    assert done.exit_code == 3
    assert "easting and northing" in " ".join(done.output.split())


@pytest.mark.parametrize("spec", METHODS, ids=lambda s: s.__name__)
def test_every_method_is_explained(spec) -> None:
    row = METHODS[spec]
    done = run.invoke(app, ["explain", row.name, "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["assumes"] == row.assumes
    assert set(told["options"]) == {f.name for f in fields(spec)} - {"name"}


def test_overlap(study: Path, tmp_path: Path) -> None:
    shown = run.invoke(app, ["overlap", str(study), "--out", str(tmp_path / "o")])
    assert shown.exit_code == 0, shown.output
    assert "Who is in what, with whom" in shown.stdout
    made = json.loads((tmp_path / "o" / "overlap.json").read_text(encoding="utf-8"))
    # Every sixth and every seventh of 24 schools joined; half of those became academies.
    assert [k["2019"] for k in made["kinds"]] == [8, 4]
    assert (tmp_path / "o" / "overlap.html").is_file()
    alone = run.invoke(app, ["overlap", str(study), "--json"])
    assert json.loads(alone.stdout)["between"] == made["between"]


def test_overlap_of_those_that_take_part(study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    study.write_text(text + '\n[[where]]\ncolumn = "area"\nkeep = ["N"]\n', encoding="utf-8")
    made = json.loads(run.invoke(app, ["overlap", str(study), "--json"]).stdout)
    # The joiners of 2017 are in the north, those of 2016 in the south.
    assert (made["providers"], [k["2019"] for k in made["kinds"]]) == (12, [4, 2])
    assert made["who"] == "Providers whose area is N."
    assert made["who"] in run.invoke(app, ["overlap", str(study)]).stdout
    study.write_text(text + '\n[[where]]\ncolumn = "area"\nkeep = ["X"]\n', encoding="utf-8")
    refused = run.invoke(app, ["overlap", str(study)])
    assert refused.exit_code == 3
    assert "no provider passes" in refused.output


def test_shares(school_files: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    assert run.invoke(app, ["init", str(school_files), "--out", str(study)]).exit_code == 0
    out = tmp_path / "shares"
    args = ["shares", str(study), "--outcome", "score", "--out", str(out)]
    done = run.invoke(app, [*args, "--term", "provider", "--term", "trust", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    (made,) = said["shares"]
    assert {p["term"] for p in made["shares"]["parts"]} == {"provider", "trust", "residual"}
    assert json.loads((out / "shares.json").read_text(encoding="utf-8")) == made
    assert "<svg" in (out / "shares.html").read_text(encoding="utf-8")
    plain = run.invoke(app, [*args, "--term", "provider", "--term", "area"])
    assert plain.exit_code == 0
    assert "provider" in plain.stdout
    wrong = run.invoke(app, [*args, "--term", "truts"])
    assert wrong.exit_code == 3
    assert "trust" in wrong.output
