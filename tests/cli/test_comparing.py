"""The commands compare and demo sector: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consortia.cli.app import app
from consortia.cli.comparing import demo_scenario

SCENARIO = """
counterfactual = {red}
[sector]
colleges = 14
years = 5
burn_in = 3
[group]
size = 3
[[mechanisms]]
name = "{name}"
[runs]
least = 2
most = 2
without_me = 0
"""


def run(*args: str):
    return CliRunner().invoke(app, list(args))


def write(tmp_path: Path, name: str = "shared-pool", red: str = "false") -> str:
    path = tmp_path / "s.toml"
    path.write_text(SCENARIO.format(name=name, red=red), encoding="utf-8")
    return str(path)


def test_compare_writes_page_json_and_panel(tmp_path: Path) -> None:
    out, panel = tmp_path / "out", tmp_path / "panel"
    done = run("compare", write(tmp_path), "--out", str(out), "--panel", str(panel), "-q")
    assert done.exit_code == 0, done.output
    assert "not England" in done.output
    assert (out / "comparison.html").is_file()
    assert json.loads((out / "comparison.json").read_text())["seeds"] == 2
    assert (panel / "shared-pool" / "study.toml").is_file()
    assert (panel / "shared-pool" / "truth" / "members.csv").is_file()


def test_json_is_one_document(tmp_path: Path) -> None:
    done = run("compare", write(tmp_path), "--out", str(tmp_path / "o"), "--json", "--seed", "8")
    assert done.exit_code == 0
    made = json.loads(done.stdout)
    assert made["comparison"]["answers"][0]["key"] == "shared-pool"
    assert "--seed 8" in made["comparison"]["command"]


def test_red_stops_and_counterfactual_carries_the_banner(tmp_path: Path) -> None:
    stopped = run("compare", write(tmp_path, "no-poach"), "--out", str(tmp_path / "o"))
    assert stopped.exit_code == 3
    assert "counterfactual = true" in stopped.output
    assert not (tmp_path / "o").exists()
    shown = run("compare", write(tmp_path, "no-poach", "true"), "--out", str(tmp_path / "o"), "-q")
    assert shown.exit_code == 0
    assert "UNLAWFUL" in shown.output
    assert "UNLAWFUL" in (tmp_path / "o" / "comparison.html").read_text()


def test_misspelt_names(tmp_path: Path) -> None:
    done = run("compare", write(tmp_path, "shared-pol"), "--out", str(tmp_path / "o"))
    assert done.exit_code == 3
    assert "shared-pool" in done.output
    assert run("demo", "sectr").exit_code == 3


def test_demo_asks_for_five_mechanisms_and_nine_colleges() -> None:
    s = demo_scenario(3)
    assert len(s.mechanisms) == 5
    assert s.group.size == 9
    assert s.runs.seed == 3


@pytest.mark.slow
def test_demo_sector(tmp_path: Path) -> None:
    done = run("demo", "sector", "--out", str(tmp_path), "-q")
    assert done.exit_code == 0, done.output
    assert "Of 100 vacancies" in done.output
