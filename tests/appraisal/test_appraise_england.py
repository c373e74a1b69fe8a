"""Worlds like English primary schools, whose noise is known from elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from consortia.appraisal import appraise
from consortia.sources import read_panel
from consortia.specs import Appraise
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[2]
KS2 = ROOT.parent / "shared" / "data" / "england_ks2"


@pytest.fixture(scope="module")
def found():
    if not KS2.is_dir():
        pytest.skip("the key stage 2 panel is not beside the project (../shared/data)")
    file = read_study(ROOT / "examples" / "england-ks2" / "study.toml")
    study = next(s for s in file.study if (s.outcome, s.arm) == ("maths_progress", "trust"))
    panel = read_panel(file.data, file.folder)
    return appraise(study, panel, Appraise(worlds=12, effects=(0.0,)))


def test_a_pupils_spread_is_what_the_study_file_reckons(found) -> None:
    """The slope of half the squared change on one over pupils, reckoned by hand in the example's
    study file, puts a pupil's standard deviation at 6.4 to 6.9 points."""
    assert 6.4 <= found.parameters["sd_per_learner"] <= 6.9


def test_worlds_are_like_the_schools(found) -> None:
    fit = {r["moment"]: r for r in found.fit.to_dicts()}
    for name in ("between", "within", "change", "change_far", "change_small", "change_large"):
        assert fit[name]["worlds"] == pytest.approx(fit[name]["data"], rel=0.03), name
    assert fit["gap"]["low"] < fit["gap"]["data"] < fit["gap"]["high"]


def test_standard_errors_are_the_spread_of_answers(found) -> None:
    row = found.row("group-time", effect=0.0)
    assert row["joiners"] > 1500
    # Twelve worlds: a standard deviation is known to a fifth.
    assert np.log(row["std_error"] / row["sd"]) == pytest.approx(0, abs=0.7)
    assert abs(row["bias"]) < 4 * row["bias_mc"]
