"""Every broken input gives its clear message, exit code 3, no traceback and no file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cases import CASES, Case
from typer.testing import CliRunner
from valid import write_valid

from consortia.cli.app import app
from consortia.errors import DataInvalid, Problem
from consortia.naming import check_names
from consortia.sources import read_panel
from consortia.studyfile import read_study

SRC = Path(__file__).resolve().parents[2] / "src"


def told(study: Path) -> tuple[Problem, ...]:
    """The problems that reading meets, as the command line meets them."""
    try:
        file = read_study(study)
        panel = read_panel(file.data, file.folder)
        for one in file.study:
            check_names(panel, one)
    except DataInvalid as error:
        return error.problems
    return ()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def matches(p: Problem, case: Case) -> bool:
    return (
        p.file == case.file
        and p.row == case.row
        and p.column == case.column
        and case.found in p.found
        and case.says in p.problem
        and case.remedy in p.remedy
    )


def test_there_are_enough_cases_and_each_is_another() -> None:
    assert len(CASES) >= 20
    assert len({c.name for c in CASES}) == len(CASES)


def test_the_unbroken_files_pass(tmp_path: Path) -> None:
    study = write_valid(tmp_path)
    file = read_study(study)
    panel = read_panel(file.data, file.folder)
    assert panel.outcomes.height == 70
    result = CliRunner().invoke(app, ["evaluate", str(study), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_reading_tells_file_row_column_value_and_remedy(case: Case, tmp_path: Path) -> None:
    study = write_valid(tmp_path)
    case.harm(tmp_path)
    problems = told(study)
    assert any(matches(p, case) for p in problems), "\n".join(map(str, problems))
    if case.only:
        assert len(problems) == 1, "\n".join(map(str, problems))
    for p in problems:
        assert p.remedy
        assert str(tmp_path) not in str(p)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_command_line_refuses_it_cleanly(case: Case, tmp_path: Path) -> None:
    study = write_valid(tmp_path)
    case.harm(tmp_path)
    before = tree(tmp_path)
    out = tmp_path / "out"
    plain = CliRunner().invoke(app, ["evaluate", str(study), "--out", str(out)])
    assert plain.exit_code == 3, plain.output
    assert isinstance(plain.exception, SystemExit)
    assert plain.stdout == ""
    assert "Traceback" not in plain.stderr
    assert case.says in plain.stderr
    assert case.remedy in plain.stderr
    if case.row is not None:
        assert f"row {case.row}" in plain.stderr
    document = CliRunner().invoke(app, ["evaluate", str(study), "--out", str(out), "--json"])
    assert document.exit_code == 3
    error = json.loads(document.stdout)["error"]
    assert error["kind"] == "data-invalid"
    assert any(
        p["file"] == case.file
        and p["row"] == case.row
        and p["column"] == case.column
        and case.says in p["problem"]
        for p in error["problems"]
    )
    assert tree(tmp_path) == before
    assert not out.exists()


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """Harm in every file: one run tells them all."""
    study = write_valid(tmp_path)
    names = ["duplicate provider-year", "unknown code among numbers", "provider twice",
             "latitude out of range", "spell ends before it starts", "31 November", "unknown kind",
             "unknown status"]  # fmt: skip
    # Rows are added last, so that cells are changed on the lines that the cases name.
    chosen = sorted((c for c in CASES if c.name in names), key=lambda c: c.row or 0)
    for case in chosen:
        case.harm(tmp_path)
    problems = told(study)
    assert len(chosen) == len(names) == len(problems)
    for case in chosen:
        assert any(matches(p, case) for p in problems), case.name


def test_as_a_program_of_its_own(tmp_path: Path) -> None:
    """Through the operating system: messages on stderr, JSON on stdout, nothing else."""
    study = write_valid(tmp_path)
    next(c for c in CASES if c.name == "no such day").harm(tmp_path)
    before = tree(tmp_path)
    command = [sys.executable, "-m", "consortia", "evaluate", study.name, "--out", "out"]
    where = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(SRC)}}
    plain = subprocess.run(command, capture_output=True, text=True, check=False, **where)
    assert plain.returncode == 3
    assert plain.stdout == ""
    assert "memberships.csv, row 4, column joined: no such day (found '2017-02-30')" in plain.stderr
    assert "Traceback" not in plain.stderr
    document = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, check=False, **where
    )
    assert document.returncode == 3
    assert json.loads(document.stdout)["error"]["problems"][0]["row"] == 4
    assert tree(tmp_path) == before


def test_check_data_refuses_the_same_way(tmp_path: Path) -> None:
    study = write_valid(tmp_path)
    next(c for c in CASES if c.name == "unknown kind").harm(tmp_path)
    result = CliRunner().invoke(app, ["check-data", str(study)])
    assert result.exit_code == 3
    assert "unknown kind" in result.stderr
