"""Trust, academy status and federation told apart on the English primary schools."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from consortia.evaluation import evaluate
from consortia.report import document
from consortia.results import Evaluation
from consortia.sources import read_panel
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "england_ks2"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the key stage 2 files are not in ../shared/data"
)


@cache
def answers() -> dict[str, Evaluation]:
    file = read_study(ROOT / "examples" / "england-ks2" / "apart.toml", DATA)
    panel = read_panel(file.data, file.folder)
    studies = [s for s in file.study if s.outcome == "maths_progress"]
    return {s.arm: evaluate(s, panel) for s in studies}


@cache
def frames() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Maths (n, 4), pupils (n,), first year in a trust, first year as an academy, read plainly."""
    read = {
        name: pl.read_csv(DATA / f"{name}.csv.gz")
        for name in ("outcomes", "memberships", "statuses")
    }
    wide = read["outcomes"].sort("provider", "year")
    n = wide["provider"].n_unique()
    schools = wide["provider"].to_numpy().reshape(n, 4)[:, 0].tolist()
    Y = wide["maths_progress"].to_numpy().reshape(n, 4).astype(float)
    pupils = wide["pupils"].cast(pl.Float64).to_numpy().reshape(n, 4)

    def first(rows: list[tuple[str, str]]) -> np.ndarray:
        found: dict[str, int] = {}
        for school, day in rows:
            year, rest = int(day[:4]), day[5:]
            exposed = year + 1 if rest <= "09-30" else year + 2
            found[school] = min(exposed, found.get(school, 9999))
        return np.array([found.get(s, 9999) for s in schools])

    trusts = read["memberships"].filter(pl.col("kind") == "multi-academy trust")
    academies = read["statuses"].filter(pl.col("status") == "academy")
    return (
        Y,
        np.nanmean(pupils, axis=1),
        first(list(zip(trusts["provider"], trusts["joined"], strict=True))),
        first(list(zip(academies["provider"], academies["since"], strict=True))),
    )


def test_83_of_2015_joiners_tell_a_trust_from_academy_status() -> None:
    found = answers()["trust"]
    told = found.identification
    assert (told.joiners, told.identified) == (2015, 83)
    assert found.estimate.row()["n_treated"] == 83
    assert "83 of 2,015 joiners (4%)" in told.sentence
    assert 4.5 < told.price < 5.2
    assert told.speaks_for.endswith("83 with academy status.")
    assert told.silent_on.startswith("It says nothing about 1,932 without academy status")
    assert found.verdict.words == "cannot tell yet"


def test_the_trust_effect_is_the_one_computed_by_hand() -> None:
    Y, w, trust, academy = frames()
    years = np.arange(2016, 2020)
    total, weight = 0.0, 0.0
    for g in (2017, 2018, 2019):
        b = g - 1 - 2016
        for t in range(g - 2016, 4):
            # Academies already in the base year: the status is never lost in these data.
            alike = (academy <= years[b]) & np.isfinite(Y[:, t] - Y[:, b])
            change = Y[:, t] - Y[:, b]
            mine, rest = alike & (trust == g), alike & (trust > 2019)
            gap = np.average(change[mine], weights=w[mine]) - np.average(
                change[rest], weights=w[rest]
            )
            total, weight = total + w[mine].sum() * gap, weight + w[mine].sum()
    assert answers()["trust"].headline["estimate"] == pytest.approx(total / weight, abs=1e-9)


def test_academy_status_without_a_trust_rests_on_fifteen() -> None:
    told = answers()["academy"].identification
    assert told.identified == 15
    assert told.inflation == pytest.approx(answers()["trust"].identification.inflation)
    assert told.inflation > 10


def test_a_federation_is_told_apart_and_loses_nothing() -> None:
    found = answers()["federation"]
    assert found.identification.identified == found.identification.joiners == 138
    assert found.identification.price == pytest.approx(1.0, abs=0.02)
    assert found.headline["low"] < 0 < found.headline["high"]


def test_the_report_says_it() -> None:
    told = document(answers()["trust"])["identification"]
    assert told["identified"] == 83
    assert [r["why"] for r in told["rows"] if r["exists"] == "no"] == [
        "academy status changed for every one of them by the year of joining"
    ] * 3
