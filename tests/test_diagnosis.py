"""The schemas of what an appraisal finds."""

from consortia.diagnosis import DIAGNOSES, RUNS


def test_every_diagnosand_has_its_monte_carlo_error() -> None:
    for name in ("bias", "rmse", "coverage", "power", "wrong_sign", "exaggeration", "helps"):
        assert {name, f"{name}_mc"} <= set(DIAGNOSES)
    assert set(RUNS) & set(DIAGNOSES) >= {"providers", "years", "effect", "method", "truth"}
