"""The rows for what the data do not show, and all of them in one evaluation."""

from pathlib import Path

import numpy as np
import pytest
from trials import made, noise

from consortia.evaluation import evaluate
from consortia.report import document, render_html
from consortia.sensitivity import CHECKS, hidden
from consortia.sources import read_panel
from consortia.specs import (
    GroupTime,
    Imputation,
    InfluentialProviders,
    LeeBounds,
    LocalProjection,
    Mixed,
    NegativeControl,
    Neighbours,
    NeverJoiners,
    Oster,
    PlaceboOutcome,
    RawGap,
    RegimeDid,
    RegressionToMean,
    Rosenbaum,
    SunAbraham,
    Survivors,
    Switchers,
    SyntheticDid,
    TwoWay,
    UnseenConfounder,
)  # fmt: skip
from consortia.streams import Streams
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[2]
KS2 = ROOT.parent / "shared" / "data" / "england_ks2"


def every(outcome: str, arm: str, draws: int = 19):
    return (
        UnseenConfounder(),
        Oster(controls=("prior-outcome",)),
        Rosenbaum(),
        RegressionToMean(),
        Survivors(),
        LeeBounds(),
        InfluentialProviders(),
        PlaceboOutcome(outcome=outcome),
        NeverJoiners(draws=draws),
        NegativeControl(arm=arm),
    )


def test_all_stand_in_the_table() -> None:
    assert set(hidden.ROWS) == {type(spec) for spec in every("a", "b")}
    assert all(CHECKS[spec] is row for spec, row in hidden.ROWS.items())


def test_all_at_once_with_danger_in_range() -> None:
    Y = noise(1, 300, 5)
    joined = np.where(np.arange(300) < 60, 2003, 0)
    joined[60:80] = 2004
    Y[:80, 3:] += 0.7
    Y[10:14, 4] = np.nan
    clubs = np.where(np.arange(300) % 4 == 0, 2002, 0)
    study, panel = made(Y, joined, other=noise(2, 300, 5), clubs=clubs)
    study = study.with_(checks=every("other", "club"))
    found = evaluate(study, panel)
    assert [f.check for f in found.findings] == [s.name for s in study.checks]
    for f in found.findings:
        danger = f.numbers.get("danger")
        assert danger is None or 0 <= danger <= 1
        assert f.sentence.endswith((".", ")"))
    shown = document(found)
    assert shown["charts"]["hidden_cause"]["points"]
    assert "contours" in render_html(shown)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        RawGap(), TwoWay(), GroupTime(anticipation=1), RegimeDid(), SunAbraham(), Imputation(),
        Switchers(), LocalProjection(), SyntheticDid(placebos=20), Neighbours(rings=(2.0, 5.0)),
        Mixed(), Mixed(within_between=True),
    ],
    ids=lambda m: m.name,
)  # fmt: skip
@pytest.mark.parametrize("changes", [{}, {"hold": ("club",)}, {"covariates": ("size", "other")}])
def test_every_check_reads_every_method(method, changes) -> None:
    """Gaps, early joiners, late entries: a finding with a sentence, never a crash."""
    rng = Streams(1).rng()
    n = 200
    Y = noise(1, n, 6)
    joined = np.where(np.arange(n) < 40, 2004, 0)
    joined[40:60], joined[60:65], joined[65:75] = 2005, 2002, 1990
    Y[:60, 4:] += 0.7
    Y[10:14, 4] = Y[100:105, 2] = Y[120, :3] = np.nan
    facts = {
        "easting": rng.uniform(0, 50_000, n).tolist(),
        "northing": rng.uniform(0, 50_000, n).tolist(),
        "size": rng.normal(size=n).tolist(),
    }
    clubs = np.where(np.arange(n) % 4 == 0, 2002, 0)
    study, panel = made(
        Y, joined, facts, other=noise(2, n, 6), clubs=clubs, method=method, **changes
    )
    found = evaluate(study.with_(checks=every("other", "club")), panel)
    assert found.estimate is None or len(found.findings) == 10
    for f in found.findings:
        danger = f.numbers.get("danger")
        assert danger is None or 0 <= danger <= 1
        assert f.sentence[-1] in ".)"


@pytest.mark.skipif(
    not KS2.is_dir(), reason="the key stage 2 panel is not beside the project (../shared/data)"
)
def test_key_stage_2_joiners_of_a_trust() -> None:
    """The numbers of docs: what a hidden cause, a bad year and like never-joiners would say."""
    file = read_study(ROOT / "examples" / "england-ks2" / "study.toml")
    panel = read_panel(file.data, file.folder)
    study = next(s for s in file.study if (s.outcome, s.arm) == ("maths_progress", "trust"))
    found = evaluate(study.with_(checks=every("writing_progress", "federation")), panel)
    by = {f.check: f for f in found.findings}
    assert by["unseen-confounder"].numbers["robustness_value"] == pytest.approx(0.0272, abs=5e-5)
    assert by["unseen-confounder"].verdict is False
    assert by["rosenbaum"].numbers["pairs"] == 2_015
    assert by["rosenbaum"].numbers["largest_gap_after_pairing"] < 0.01
    means = by["regression-to-mean"].numbers
    assert means["plain"] == pytest.approx(found.headline["estimate"], abs=1e-9)
    assert means["given_base"] == pytest.approx(-0.001, abs=5e-4)
    assert by["survivors"].verdict is None
    assert by["lee-bounds"].numbers["lost"] == 0
    assert by["influence"].verdict is True
    assert by["placebo-outcome"].numbers["estimate"] == pytest.approx(0.26, abs=0.01)
    assert by["never-joiners"].numbers["like_joiners"] == pytest.approx(0.21, abs=0.03)
    assert by["negative-control"].numbers["n_treated"] == 138
