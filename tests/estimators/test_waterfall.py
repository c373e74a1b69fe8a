"""The waterfall adds up, ends at the answer, and says what it shows."""

import numpy as np
import pytest
from test_decomposition import sector  # noqa: F401

from consortia.estimators.decomposition import loosened
from consortia.estimators.estimate import estimate
from consortia.estimators.waterfall import contamination, waterfall
from consortia.maths.contamination import residuals
from consortia.specs import GroupTime, TwoWay
from consortia.streams import Streams


@pytest.fixture
def asked(sector):  # noqa: F811
    panel, study = sector[0], sector[1]
    study = study.with_(method=GroupTime(), hold=(), alongside=("academy",))
    return panel.arrays(loosened(study)), study


def test_it_adds_up_to_the_answer(asked) -> None:
    arrays, study = asked
    answer = estimate(arrays, study, Streams(1).rng())
    found = waterfall(arrays, study, answer, Streams(1).rng())
    by = {p.name: p for p in found.parts}
    assert [p.name for p in found.parts] == [
        "raw", "providers", "years", "academy", "size", "full", "method", "answer",
    ]  # fmt: skip
    parts = sum(by[k].estimate for k in ("providers", "years", "academy", "size"))
    assert by["raw"].estimate - parts == pytest.approx(by["full"].estimate, abs=1e-10)
    assert by["full"].estimate - by["method"].estimate == answer.row()["estimate"]
    assert by["method"].std_error is None
    assert f"{abs(by['raw'].estimate):.2f}"[:3] in found.sentence
    assert "goes with academy" in found.sentence


def test_ends_are_those_of_the_methods(asked) -> None:
    arrays, study = asked
    found = waterfall(arrays, study.with_(method=TwoWay()), None, Streams(1).rng())
    assert found.parts[-1].name == "full", "two-way is where the waterfall ends"
    assert [p.kind for p in found.parts].count("answer") == 0


def test_contamination_table_and_sentence(asked) -> None:
    arrays, study = asked
    found = contamination(arrays, study)
    rows = {(r["coefficient"], r["effects_of"]): r for r in found.table.iter_rows(named=True)}
    weights = residuals(arrays.W, [arrays.D, arrays.alongside[0].on])
    mine = weights[:, :, 0] * arrays.alongside[0].on
    row = rows["trust", "academy"]
    assert row["positive"] == pytest.approx(np.maximum(mine, 0).sum())
    assert row["total"] == 0
    assert rows["trust", "trust"]["total"] == 1
    assert f"would be {row['positive']:.2f} higher" in found.sentence
    assert contamination(arrays, study.with_(alongside=())) is not None
    from dataclasses import replace

    assert contamination(replace(arrays, alongside=(), hold=()), study) is None
