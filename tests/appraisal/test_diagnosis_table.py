"""From answers to diagnosands: what cannot be computed is null, and nothing is lost."""

import pytest

from consortia.appraisal.tables import diagnoses, runs_table

NONE = (None,) * 8


def answer(world: int, method: str, estimate: float, truth: float, words: str) -> tuple:
    return (
        10, 5, truth, world, method, estimate, 1.0, estimate - 2, estimate + 2, truth, 4, words,
        None, None,
    )  # fmt: skip


def test_refusals_and_wrong_words() -> None:
    rows = [
        answer(0, "two-way", 3.0, 1.0, "probably helps"),
        answer(1, "two-way", -3.0, 1.0, "probably harms"),
        answer(2, "two-way", 0.0, 1.0, "cannot tell yet"),
        (10, 5, 1.0, 3, "two-way", *NONE, "nobody joins"),
        (10, 5, 1.0, 0, "raw-gap", *NONE, "nobody joins"),
        answer(1, "raw-gap", 2.5, 1.0, "probably helps"),
    ]
    runs = runs_table(rows)
    for worthwhile, wrong in ((0.5, ("false_useless", 1 / 3)), (2.0, ("false_helps", 1 / 3))):
        table = diagnoses(
            runs, ["two-way", "raw-gap"], worthwhile=worthwhile, level=0.95, power=0.8
        )
        assert table["method"].to_list() == ["two-way", "raw-gap"]
        two, raw = table.to_dicts()
        assert two["worlds"] == 4
        assert two["refused"] == 0.25
        assert two["because"] == "nobody joins"
        assert two[wrong[0]] == pytest.approx(wrong[1])
        assert two["wrong_sign"] == 0.5
        assert two["undecided"] == pytest.approx(1 / 3)
        assert two["joiners"] == 4
        # One answer is no distribution.
        assert raw["refused"] == 0.5
        assert raw["bias"] is None
    assert two["false_useless"] is None


def test_a_truth_a_rounding_below_worthwhile_is_worthwhile() -> None:
    rows = [answer(k, "two-way", 3.0, 0.5 - 1e-16, "probably helps") for k in range(3)]
    table = diagnoses(runs_table(rows), ["two-way"], worthwhile=0.5, level=0.95, power=0.8)
    assert table["false_helps"][0] is None
