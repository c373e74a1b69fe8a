"""Every method from a study to its report, on the embedded sector and on real English schools."""

from pathlib import Path

import numpy as np
import pytest

from consortia.estimators import METHODS
from consortia.evaluation import evaluate
from consortia.report import document
from consortia.sources import read_panel
from consortia.sources.competition import with_competition
from consortia.specs import (
    Competition,
    GroupTime,
    Imputation,
    Inference,
    LocalProjection,
    Neighbours,
    SunAbraham,
    Switchers,
    SyntheticDid,
)
from consortia.streams import Streams
from consortia.studyfile import read_study
from consortia.world import SchoolSector, sector_study, simulate

ROOT = Path(__file__).resolve().parents[1]
KS2 = ROOT.parent / "shared" / "data" / "england_ks2"
QUICK = {SyntheticDid: SyntheticDid(placebos=20), Imputation: Imputation(alongside="joint")}


@pytest.fixture(scope="module")
def sector():
    return simulate(SchoolSector(providers=400), Streams(3))


@pytest.fixture(scope="module")
def ks2():
    if not KS2.is_dir():
        pytest.skip("the key stage 2 panel is not beside the project (../shared/data)")
    file = read_study(ROOT / "examples" / "england-ks2" / "study.toml")
    study = next(s for s in file.study if (s.outcome, s.arm) == ("maths_progress", "trust"))
    return study.with_(inference=Inference(draws=0)), read_panel(file.data, file.folder)


def _in_words(made) -> None:
    """Every row and table of the report has a title and a meaning, not the name of an estimand."""
    for row in made["effects"]:
        assert row["title"] != row["estimand"]
    for table in made["effect_tables"]:
        assert table["title"] != table["estimand"]
        assert table["meaning"].lower().rstrip(".") != table["estimand"]


@pytest.mark.parametrize("spec", METHODS, ids=lambda s: s.__name__)
def test_on_the_sector(sector, spec) -> None:
    study = sector_study().with_(
        method=QUICK.get(spec, spec()), hold=(), inference=Inference(draws=0)
    )
    found = evaluate(study, sector)
    row = found.headline
    assert row is not None, found.not_identified
    assert row["std_error"] > 0
    assert row["low"] < row["estimate"] < row["high"]
    assert found.estimate.method == study.method.name
    assert found.assumes == METHODS[spec].assumes
    assert {f.check for f in found.findings} == {c.name for c in study.checks}
    made = document(found)
    _in_words(made)
    assert made["headline"]["estimate"] == row["estimate"]
    answers = [r.label for r in found.ladder if r.name == "answer"]
    assert len(answers) == 1


def test_methods_meet_where_they_are_the_same_estimator(ks2) -> None:
    """No gaps, no covariates: Sun & Abraham is group-time with the never-joined; local projections
    weighted by joiners and switchers (nobody leaves) are group-time with the not-yet-joined."""
    study, panel = ks2

    def effects(method, comparison, estimand):
        found = evaluate(study.with_(method=method, comparison=comparison, checks=()), panel)
        rows = found.estimate.effects
        rows = rows.filter((rows["estimand"] == estimand) & (rows["event_time"] >= 0))
        return rows.sort("event_time")["estimate"].to_numpy()

    never = effects(GroupTime(), "never", "dynamic")
    np.testing.assert_allclose(effects(SunAbraham(), "never", "dynamic"), never, atol=1e-10)
    yet = effects(GroupTime(), "not-yet", "dynamic")
    projected = effects(LocalProjection(weights="joiners"), "never", "dynamic")
    np.testing.assert_allclose(projected, yet, atol=1e-10)
    np.testing.assert_allclose(effects(Switchers(), "never", "dynamic"), yet, atol=1e-10)
    assert np.abs(yet - never).max() > 1e-4


@pytest.mark.parametrize("spec", METHODS, ids=lambda s: s.__name__)
def test_on_english_schools(ks2, spec) -> None:
    study, panel = ks2
    found = evaluate(study.with_(method=spec(), checks=()), panel)
    assert found.headline is not None, found.not_identified
    assert 0 < found.headline["std_error"] < 0.2
    made = document(found)
    _in_words(made)
    # Trusts are large: what is left untouched by any member nearby is a small part of England.
    if spec is Neighbours:
        assert found.headline["n_treated"] < 1_000
        assert {"On members", "On neighbours in ring 1"} <= {r["title"] for r in made["effects"]}
        assert made["charts"]["event_study"] is not None


def test_spatial_errors_and_markets_change_the_error_alone(ks2) -> None:
    study, panel = ks2
    by = {
        name: evaluate(study.with_(inference=rule, checks=()), panel)
        for name, rule in {
            "alone": Inference(draws=0),
            "market": Inference(draws=0, cluster="market", market_km=5.0),
            "near": Inference(draws=0, spatial_km=20.0),
            "nobody": Inference(draws=0, spatial_km=1e-6, small_sample="none"),
        }.items()
    }
    row = {name: e.headline for name, e in by.items()}
    assert len({round(r["estimate"], 9) for r in row.values()}) == 1
    assert by["market"].estimate.n_clusters < by["alone"].estimate.n_clusters
    # With nobody within reach the sum over pairs is the sum over providers, apart from schools that
    # share a building.
    assert row["nobody"]["std_error"] == pytest.approx(row["alone"]["std_error"], rel=0.01)
    assert row["near"]["std_error"] != pytest.approx(row["nobody"]["std_error"], rel=1e-6)
    assert "within 20 km" in by["near"].estimate.convention
    assert "within 20 km" in document(by["near"])["inference"]["clusters"]
    assert "local market" in document(by["market"])["inference"]["clusters"]


def test_competition_is_a_covariate_like_any_other(sector) -> None:
    asked = Competition(radius_km=4.0, size="pupils")
    study = sector_study().with_(covariates=("pressure",), inference=Inference(draws=0), checks=())
    own = evaluate(study.with_(competition=asked), sector)
    arm = study.arms[study.arm]
    given = evaluate(study, with_competition(sector, asked, arm, study.exposure))
    assert own.headline["estimate"] == given.headline["estimate"]
    assert (
        own.headline["estimate"]
        != evaluate(study.with_(covariates=()), sector).headline["estimate"]
    )
