"""``consortia pupil-sums``: what it writes, what it refuses, and the page that shows how."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from consortia.cli import sums
from consortia.cli.app import app
from consortia.sources.pupil_sums import pupil_sums, read_pupil_sums

run = CliRunner()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "questions" / "pupils-in-a-secure-setting.md"


@pytest.fixture
def rows(tmp_path: Path, monkeypatch) -> pl.DataFrame:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    n = 1_200
    school = rng.integers(0, 20, n)
    frame = pl.DataFrame(
        {
            "provider": [f"0{s}" for s in school],
            "year": 2020 + rng.integers(0, 2, n),
            "score": 50 + 10 * rng.standard_normal(n),
            "prior": 100 + 15 * rng.standard_normal(n),
            "fsm": (rng.random(n) < 0.2).astype(int),
        }
    )
    frame.write_csv("pupils.csv")
    frame.write_parquet("pupils.parquet")
    return frame


COMMAND = ["pupil-sums", "pupils.csv", "--outcome", "score", "--columns", "prior,fsm"]


def test_rows_of_either_kind_of_file_make_the_sums_of_the_frame(rows) -> None:
    want = pupil_sums(rows, by=("provider", "year"), outcome="score", columns=("prior", "fsm"))
    for file in ("pupils.csv", "pupils.parquet"):
        done = run.invoke(
            app, ["pupil-sums", file, *COMMAND[2:], "--out", "a.json", "--force", "--json"]
        )
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        got = read_pupil_sums("a.json")
        assert got.frame["provider"].to_list() == want.frame["provider"].to_list()
        for c in want.frame.columns[2:]:
            np.testing.assert_allclose(got.frame[c].to_numpy(), want.frame[c].to_numpy(), rtol=1e-9)
        assert told["groups"] == want.frame.height
        assert told["pupils"] + told["left_out"]["pupils_in_them"] == 1_200
        assert told["left_out"]["groups"] == want.groups_suppressed > 0
        assert told["rule"] == {"minimum": 10, "cell": 3, "digits": 0}
        assert told["smallest_group"] >= 10


def test_the_file_keeps_to_the_rule_asked_for(rows) -> None:
    done = run.invoke(app, [*COMMAND, "--minimum", "30", "--cell", "8", "-o", "sums.parquet", "-q"])
    assert done.exit_code == 0, done.output
    got = read_pupil_sums("sums.parquet")
    ones = got.frame["1*fsm"].to_numpy()
    assert got.frame["rows"].min() >= 30
    assert ones.min() >= 8
    assert (got.minimum, got.minimum_cell) == (30, 8)
    per = rows.group_by("provider", "year").agg(pl.len(), pl.col("fsm").sum())
    kept = per.filter((pl.col("len") >= 30) & (pl.col("fsm") >= 8))
    assert got.frame.height == kept.height
    assert f"in {kept.height:,} groups" in done.stdout
    assert "Nothing is rounded" in done.stdout


def test_rounding_is_to_the_digits_said_and_leaves_counts_alone(rows) -> None:
    for digits in ("0", "6"):
        run.invoke(app, [*COMMAND, "--digits", digits, "-o", f"{digits}.parquet", "-q"])
    plain, rounded = read_pupil_sums("0.parquet"), read_pupil_sums("6.parquet")
    assert (plain.digits, rounded.digits) == (0, 6)
    for c in ("rows", "1*1"):
        assert plain.frame[c].equals(rounded.frame[c])
    a, b = plain.frame["prior*score"].to_numpy(), rounded.frame["prior*score"].to_numpy()
    assert 0 < np.abs(b / a - 1).max() < 1e-5
    assert all(float(f"{v:.6g}") == v for v in b.tolist())


def test_options_that_cannot_be_are_refused_all_at_once(rows) -> None:
    Path("there.json").write_text("{}", encoding="utf-8")
    done = run.invoke(
        app,
        ["pupil-sums", "pupils.csv", "--outcome", "score", "--columns", "prior,score", "--rename",
         "provder=URN", "--digits", "2", "--out", "there.json", "--json"],
    )  # fmt: skip
    assert done.exit_code == 3
    problems = {p["column"]: p for p in json.loads(done.stdout)["error"]["problems"]}
    assert set(problems) == {"--out", "--columns", "--rename", "--digits"}
    assert "provider" in problems["--rename"]["remedy"]
    assert Path("there.json").read_text(encoding="utf-8") == "{}"
    done = run.invoke(app, [*COMMAND, "--out", "sums.csv", "--json"])
    assert json.loads(done.stdout)["error"]["problems"][0]["column"] == "--out"


def test_faults_of_the_file_are_told_with_the_way_out(rows) -> None:
    bad = rows.with_columns(pl.lit("SUPP").alias("prior"))
    bad[:1].with_columns(pl.lit("n/a").alias("prior")).write_csv("bad.csv")
    options = ["--outcome", "score", "--columns", "prior", "--out", "x.json", "--json"]
    found = _problems(["pupil-sums", "bad.csv", *options])
    assert (found[0]["file"], found[0]["column"], found[0]["found"]) == ("bad.csv", "prior", "n/a")
    done = run.invoke(
        app, ["pupil-sums", "bad.csv", *options, "--missing", "n/a", "--minimum", "1"]
    )
    assert "no group" in json.loads(done.stdout)["error"]["problems"][0]["problem"]
    found = _problems(
        ["pupil-sums", "pupils.csv", "--outcome", "scor", "--out", "x.json", "--json"]
    )
    assert "score" in found[0]["remedy"]
    rows.with_columns(pl.lit("2020/21").alias("year")).write_csv("year.csv")
    found = _problems(["pupil-sums", "year.csv", *options])
    assert (found[0]["column"], found[0]["found"]) == ("year", "2020/21")
    assert "none.csv" in _problems(["pupil-sums", "none.csv", *options])[0]["file"]
    assert not Path("x.json").exists()


def _problems(command: list[str]) -> list[dict]:
    done = run.invoke(app, command)
    assert done.exit_code == 3, done.output
    return json.loads(done.stdout)["error"]["problems"]


def test_what_is_told_is_what_is_in_the_file(rows) -> None:
    made = pupil_sums(rows, by=("provider", "year"), outcome="score", columns=("fsm",), digits=7)
    told = sums.told_of(made, Path("x.json"))
    assert told["columns"] == ["fsm"]
    assert told["rule"]["digits"] == 7
    assert told["left_out"]["of_them_small_cells"] == made.small_cells


def same(two: list[list[dict[str, object]]]) -> None:
    """The same model from other sums: they differ in the last digits, by the order of adding."""
    one, other = two
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        near = {k: pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for k, v in b.items()}
        assert a == near


def test_the_page_runs_and_sums_answer_as_rows_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    said = ""
    for kind, text in blocks:
        if kind == "python":
            exec(text, {})
        elif kind == "toml":
            name = text.splitlines()[0].removeprefix("# ")
            Path(name).write_text(text, encoding="utf-8")
        elif kind == "sh":
            for line in text.strip().splitlines():
                done = run.invoke(app, shlex.split(line)[1:])
                assert done.exit_code == 0, done.output
                said = done.stdout
        elif kind == "text":
            assert said == text
    study = Path("study.toml").read_text(encoding="utf-8")
    rows = (
        study.replace('"sums.parquet"', '"pupils.csv"')
        + '\n[data.columns.pupils]\nprovider = "URN"\n'
    )
    Path("rows.toml").write_text(rows, encoding="utf-8")
    answers = []
    for name in ("study.toml", "rows.toml"):
        done = run.invoke(app, ["evaluate", name, "--out", f"out-{name}", "--json"])
        assert done.exit_code == 0, done.output
        (made,) = json.loads(done.stdout)["evaluations"]
        answers.append(made["effects"])
    same(answers)
    values = []
    for name in ("study.toml", "rows.toml"):
        done = run.invoke(app, ["shares", name, "--out", f"out-{name}", "--json"])
        (made,) = json.loads(done.stdout)["shares"]
        values.append(made["shares"]["parts"])
    same(values)
