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
from consortia.sources.competition import with_competition
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


def test_the_base_year_is_drawn_as_that() -> None:
    """Its caution says more where cells are left out; it is zero by construction all the same."""
    picture = document(answers()["trust"])["charts"]["event_study"]
    base = next(p for p in picture["points"] if p["event_time"] == -1)
    assert base["reference"]
    assert sum(p["reference"] for p in picture["points"]) == 1


def test_does_what_autonomy_does_depend_on_competition() -> None:
    file = read_study(ROOT / "examples" / "england-ks2" / "competition.toml", DATA)
    study = next(s for s in file.study if (s.arm, s.outcome) == ("academy", "maths_progress"))
    found = evaluate(study, read_panel(file.data, file.folder))
    split = found.by_level
    assert split.table["label"].to_list()[-1] == "highest less lowest"
    assert split.table["n_treated"][:3].sum() == found.headline["n_treated"] == 1947
    # Levels are thirds of those seen before joining: academies of 2016 and earlier are left out.
    assert split.notes[0] == "2,428 providers without a known level before joining left out"
    sizes = split.table["providers"][:3]
    assert max(sizes) - min(sizes) <= 2
    # Each level by hand: mean over cohorts and years of differences in weighted means.
    Y, w, _, academy = frames()
    pairs = with_competition(
        read_panel(file.data, file.folder), study.competition, study.arms["trust"]
    ).outcomes.sort("provider", "year")
    pressure = pairs["pressure"].cast(pl.Float64).to_numpy().reshape(Y.shape)[:, 0]
    after = academy > 2016
    edges = np.quantile(pressure[after & np.isfinite(pressure)], [1 / 3, 2 / 3])
    high = after & (pressure > edges[1])
    total, weight = 0.0, 0.0
    for g in (2017, 2018, 2019):
        b = g - 1 - 2016
        each, joiners = [], high & (academy == g)
        used = np.zeros(Y.shape[0], dtype=bool)
        for t in range(g - 2016, 4):
            change = Y[:, t] - Y[:, b]
            ok = np.isfinite(change) & high
            mine, rest = ok & (academy == g), ok & (academy > 2019)
            each.append(
                np.average(change[mine], weights=w[mine])
                - np.average(change[rest], weights=w[rest])
            )
            used |= mine
        total += w[joiners & used].sum() * np.mean(each)
        weight += w[joiners & used].sum()
    assert split.table["estimate"][2] == pytest.approx(total / weight, abs=1e-9)
    assert split.table["above"][2] == pytest.approx(edges[1])


def test_trusts_are_called_by_their_names() -> None:
    rows = evaluate_plain().by_collaboration.table
    assert (rows["name"] != rows["collaboration"]).all()


@cache
def evaluate_plain() -> Evaluation:
    file = read_study(ROOT / "examples" / "england-ks2" / "study.toml", DATA)
    study = next(s for s in file.study if (s.arm, s.outcome) == ("trust", "maths_progress"))
    return evaluate(study.with_(checks=()), read_panel(file.data, file.folder))
