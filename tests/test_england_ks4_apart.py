"""Trust, academy status and federation told apart on English secondary schools, from the published
tables to the sentences of the report."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest

from consortia.evaluation import evaluate
from consortia.report import document, render_html
from consortia.results import Evaluation
from consortia.sources import read_panel
from consortia.sources.published import gather, write_gathered
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[1]
RAW = ROOT.parent / "shared" / "data" / "raw"
pytestmark = pytest.mark.skipif(
    not RAW.is_dir(), reason="the published tables are not here (../shared/data/raw)"
)
YEARS = (2016, 2017, 2018, 2019)
NEVER = 9999


@cache
def everything() -> tuple[dict[str, Evaluation], dict[str, np.ndarray]]:
    """The three answers, and the same tables read plainly, one row per mainstream school."""
    with TemporaryDirectory() as folder:
        write_gathered(gather(RAW, "ks4"), Path(folder))
        file = read_study(ROOT / "examples" / "england-ks4" / "apart.toml", folder)
        panel = read_panel(file.data, file.folder)
        answers = {s.arm: evaluate(s, panel) for s in file.study}
        read = {
            name: pl.read_csv(Path(folder) / f"{name}.csv.gz", infer_schema_length=None)
            for name in ("outcomes", "providers", "memberships", "statuses")
        }
    facts = read["providers"].filter(pl.col("sector") == "mainstream")
    schools = facts["provider"].sort().to_list()
    place = {s: i for i, s in enumerate(schools)}
    Y, pupils = np.full((2, len(schools), 4), np.nan)
    for s, year, score, count in (
        read["outcomes"].select("provider", "year", "progress_8", "pupils").iter_rows()
    ):
        if s in place and year in YEARS:
            Y[place[s], year - 2016] = np.nan if score is None else score
            pupils[place[s], year - 2016] = count or np.nan

    def first(rows: pl.DataFrame) -> np.ndarray:
        out = np.full(len(schools), NEVER)
        for s, day in rows.iter_rows():
            if s not in place:
                continue
            # A day that nobody knows counts as before all years.
            year = 0 if day is None else int(day[:4]) + (1 if day[5:] <= "09-30" else 2)
            out[place[s]] = min(out[place[s]], year)
        return out

    kinds = read["memberships"]
    known = np.isfinite(pupils)
    weight = np.where(known, pupils, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    held = {
        "Y": Y,
        "w": weight,
        "trust": first(
            kinds.filter(pl.col("kind") == "multi-academy trust").select("provider", "joined")
        ),
        "federation": first(
            kinds.filter(pl.col("kind") == "federation").select("provider", "joined")
        ),
        "academy": first(
            read["statuses"].filter(pl.col("status") == "academy").select("provider", "since")
        ),
    }
    return answers, held


def by_hand(arm: str, others: tuple[str, ...]) -> tuple[float, int, int]:
    """Mean over joiners' years of their change less that of never-joiners of the same regime that
    keep it; joiners compared, and all joiners."""
    _, held = everything()
    Y, w, start = held["Y"], held["w"], held[arm]
    ok = (w > 0) & np.isfinite(Y).any(axis=1)
    total = weight = 0.0
    compared = np.zeros(start.size, dtype=bool)
    for g in (2017, 2018, 2019):
        b = g - 1
        for t in range(g, 2020):
            change = Y[:, t - 2016] - Y[:, b - 2016]
            use = ok & np.isfinite(change)
            for bits in range(2 ** len(others)):
                alike = use.copy()
                for k, name in enumerate(others):
                    # Nothing is given up in these data: held by the base year, or not by then.
                    alike &= held[name] <= b if bits >> k & 1 else held[name] > max(t, g)
                mine, rest = alike & (start == g), alike & (start > 2019)
                if not mine.any() or not rest.any():
                    continue
                gap = np.average(change[mine], weights=w[mine]) - np.average(
                    change[rest], weights=w[rest]
                )
                total, weight = total + w[mine].sum() * gap, weight + w[mine].sum()
                compared |= mine
    joiners = ok & (start > 2016) & (start <= 2019)
    return total / weight, int(compared.sum()), int(joiners.sum())


@pytest.mark.parametrize(
    ("arm", "others"),
    [
        ("trust", ("academy",)),
        ("academy", ("trust",)),
        ("federation", ("academy", "trust")),
    ],
)
def test_each_answer_and_its_counts_are_those_by_hand(arm: str, others: tuple[str, ...]) -> None:
    found = everything()[0][arm]
    effect, compared, joiners = by_hand(arm, others)
    assert found.headline["estimate"] == pytest.approx(effect, abs=1e-9)
    told = found.identification
    assert (told.identified, told.joiners) == (compared, joiners)
    assert found.headline["n_treated"] == compared
    assert told.sentence.startswith(f"{compared:,} of {joiners:,} joiners")


def test_the_sentences_are_right_about_each() -> None:
    answers, _ = everything()
    trust, academy, federation = (
        answers[arm].identification for arm in ("trust", "academy", "federation")
    )
    assert (
        "116 of 470 joiners (25%) tell a multi-academy trust apart from academy" in trust.sentence
    )
    assert trust.speaks_for.endswith("116 with academy status.")
    assert "353 without academy status (academy status changed" in trust.silent_on
    assert 1.7 < trust.price < 2.1
    assert "9 of 374 joiners (2%) tell academy status apart" in academy.sentence
    assert academy.price > 4
    assert federation.sentence.startswith("8 of 9 joiners (89%)")
    assert "costs next to no precision" in federation.sentence
    words = {arm: found.verdict.words for arm, found in answers.items()}
    assert words["academy"] == "cannot tell yet"
    # A worthwhile effect of a trust on Progress 8 lies outside the interval.
    assert answers["trust"].headline["high"] < 0.1
    assert words["trust"] == "probably no worthwhile use"


def test_nothing_is_claimed_beyond_the_design() -> None:
    for found in everything()[0].values():
        made = document(found)
        page = render_html(made)
        assert made["identification"]["sentence"] in page
        assert "Nobody drew lots for joining" in page
        if made["headline"]["n_treated"] < 30:
            assert any("single joiner" in c for c in made["cautions"])
