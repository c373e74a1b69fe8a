"""consortia appraise as its users call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consortia.cli import appraising
from consortia.cli.app import app
from consortia.streams import Streams
from consortia.world import SchoolSector, simulate

run = CliRunner()

STUDY = """
question = "Did joining a trust help?"
outcome = "score"
arm = "trust"

[data]
folder = "data"
outcomes = "outcomes.csv"
providers = "providers.csv"
memberships = "memberships.csv"

[outcomes.score]
unit = "points"
worthwhile = 0.5

[arms.trust]
kinds = ["trust"]
label = "a trust"

[appraise]
worlds = 3
effects = [0.0, 0.6]

[appraise.hidden]
trend = 0.01
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    panel = simulate(SchoolSector(providers=80, areas=3), Streams(2))
    folder = tmp_path / "data"
    folder.mkdir()
    panel.outcomes.write_csv(folder / "outcomes.csv")
    panel.providers.write_csv(folder / "providers.csv")
    trusts = panel.memberships.filter(panel.memberships["kind"] == "trust")
    trusts.select("provider", "collaboration", "kind", "from", "to").write_csv(
        folder / "memberships.csv"
    )
    path = tmp_path / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def call(*arguments: str):
    return run.invoke(app, ["appraise", *arguments, "--workers", "1"])


def test_json_and_page(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call(str(study), "--json", "--out", str(out), "--method", "two-way")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert all(Path(p).is_file() for p in answer["reports"])
    made = json.loads((out / "appraisal.json").read_text(encoding="utf-8"))
    assert made == answer["appraisal"]
    # What the study file says, and what the command line adds.
    assert [g["effect"] for g in made["groups"]] == [0.0, 0.6]
    assert made["worlds"] == 3
    assert "a trend of +0.01" in made["truth"]
    assert {r["method"] for r in made["groups"][0]["rows"]} == {"group-time", "two-way"}
    assert made["command"] == f"consortia appraise {study} --method two-way"


def test_terminal_and_settings(study: Path, tmp_path: Path) -> None:
    done = call(
        str(study), "--out", str(tmp_path / "o"), "--worlds", "2", "--effect", "0.4",
        "--providers", "40,80", "--years", "8", "--adoption", "redrawn", "--seed", "3", "-q",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "How often would it be right?" in done.stdout
    assert "40 providers, 8 years, true effect 0.4" in done.stdout
    assert "Page: " in done.stdout
    made = json.loads((tmp_path / "o" / "appraisal.json").read_text(encoding="utf-8"))
    assert made["seed"] == 3
    assert "drawn anew" in made["world"]


def test_no_study_is_the_embedded_sector(tmp_path: Path) -> None:
    done = call("--worlds", "2", "--providers", "150", "--out", str(tmp_path), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["appraisal"]["world"] == "the embedded sector"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--method", "tow-way"), "Did you mean 'two-way'"),
        (("--world", "real"), "Known: calibrated, sector"),
        (("--adoption", "random"), "Known: kept, redrawn"),
        (("--worlds", "1"), "worlds must lie between 2"),
        (("--providers", "many"), "not whole numbers"),
        (("--outcome", "scor"), "Did you mean 'score'"),
        (("--years", "400"), "years must lie between"),
    ],
)
def test_mistakes_exit_3_and_write_nothing(
    study: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "none"
    done = call(str(study), "--out", str(out), *options)
    assert done.exit_code == 3
    assert says in done.stderr
    assert not out.exists()


def test_resume_refuses_another_study(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "worlds.jsonl"
    first = call(str(study), "--out", str(tmp_path / "a"), "--resume", str(file))
    assert first.exit_code == 0, first.output
    again = call(str(study), "--out", str(tmp_path / "b"), "--resume", str(file), "--json")
    assert again.exit_code == 0
    one, two = ((tmp_path / k / "appraisal.json").read_text(encoding="utf-8") for k in ("a", "b"))
    assert one == two
    other = call(str(study), "--resume", str(file), "--seed", "9", "--out", str(tmp_path / "c"))
    assert other.exit_code == 3
    assert "another study" in other.stderr


def test_several_questions_are_asked_one_at_a_time(study: Path) -> None:
    text = study.read_text(encoding="utf-8").replace(
        'arm = "trust"\n\n[data]', '[each]\narm = ["trust", "other"]\n\n[data]'
    )
    study.write_text(text + '\n[arms.other]\nkinds = ["trust"]\n', encoding="utf-8")
    done = call(str(study))
    assert done.exit_code == 3
    assert "--outcome score --arm other" in done.stderr
    assert appraising.INTERRUPTED == 130


def test_a_stop_shows_what_is_finished(study: Path, tmp_path: Path, monkeypatch) -> None:
    from consortia.appraisal import running

    real = running.run

    def stops(plan, todo, workers):
        for k, rows in enumerate(real(plan, todo, workers)):
            if k == 2:
                raise KeyboardInterrupt
            yield rows

    monkeypatch.setattr(running, "run", stops)
    done = call(str(study), "--out", str(tmp_path / "o"), "--worlds", "9", "-q")
    assert done.exit_code == 130
    assert "stopped before all worlds were finished" in done.stdout
    page = (tmp_path / "o" / "appraisal.html").read_text(encoding="utf-8")
    assert "The run was stopped" in page
