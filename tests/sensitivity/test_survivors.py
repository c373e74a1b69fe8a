"""Those that left counted as the worst of those that stayed, against filling the table by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from trials import made, noise, trial_of

from consortia.evaluation import evaluate
from consortia.sensitivity.survivors import run
from consortia.specs import Survivors
from consortia.streams import Streams

RNG = Streams(1).rng()


def left(share: float, n: int = 400, effect: float = 1.0):
    Y = noise(1, n, 3)
    joined = np.where(np.arange(n) < n // 2, 2002, 0)
    Y[: n // 2, 1:] += effect
    out = Streams(3).rng().permutation(n // 2)[: int(share * n / 2)]
    Y[out, 2] = np.nan
    return Y, joined, out


def test_it_is_the_answer_on_the_filled_table() -> None:
    Y, joined, out = left(0.2)
    study, panel = made(Y, joined)
    found = run(trial_of(study, panel), Survivors(), RNG)
    D = joined > 0
    relative = []
    usual = {}
    for t in (1, 2):
        change = Y[:, t] - Y[:, 0]
        usual[t] = change[~D].mean()
        relative += (change[D] - usual[t])[np.isfinite(change[D])].tolist()
    relative = np.sort(relative)
    k = relative.size / 4
    whole = int(k)
    worst = (relative[:whole].sum() + (k - whole) * relative[whole]) / k
    assert found.numbers["worst_change"] == pytest.approx(worst, abs=1e-12)
    again = Y.copy()
    again[out, 2] = Y[out, 0] + usual[2] + worst
    expected = evaluate(study.with_(checks=()), made(again, joined)[1]).headline
    row = found.table.row(0, named=True)
    assert row["estimate"] == pytest.approx(expected["estimate"], abs=1e-10)
    assert row["low"] == pytest.approx(expected["low"], abs=1e-9)
    assert (row["providers"], row["provider_years"]) == (40, 40)
    assert found.numbers["missing_joiners"] == 40


def test_verdicts_and_both_sides() -> None:
    Y, joined, _ = left(0.4, effect=0.6)
    Y[300:330, 2] = np.nan
    found = run(trial_of(*made(Y, joined)), Survivors(), RNG)
    assert found.verdict is False
    assert "rests on who lasted" in found.sentence
    assert found.table.height == 2
    one, both = found.table["estimate"].to_list()
    # The comparison's missing count as badly too, which gives some of it back.
    assert one < both
    Y, joined, _ = left(0.02, effect=2.0)
    small = run(trial_of(*made(Y, joined)), Survivors(), RNG)
    assert small.verdict is True
    assert small.numbers["danger"] < 0.2


def test_files_without_gaps_say_nothing_about_survivors() -> None:
    Y, joined, _ = left(0.0)
    found = run(trial_of(*made(Y, joined)), Survivors(), RNG)
    assert found.verdict is None
    assert found.numbers["danger"] is None
    assert "closed providers and dissolved collaborations" in found.sentence


def test_years_after_leaving_the_collaboration_count_too() -> None:
    Y, joined, _ = left(0.0)
    study, panel = made(Y, joined)
    ends = [f"p{i:04d}" for i in range(30)]
    panel = replace(
        panel,
        memberships=panel.memberships.with_columns(
            to=pl.when(pl.col("provider").is_in(ends))
            .then(pl.date(2002, 8, 31))
            .otherwise(pl.col("to"))
        ),
    )
    found = run(trial_of(study, panel), Survivors(), RNG)
    assert found.numbers["left_collaboration"] == 30
    row = found.table.row(0, named=True)
    assert "left the collaboration" in row["as_bad_as_the_worst"]
    assert row["provider_years"] == 30
    assert run(trial_of(study, panel), Survivors(leavers=False), RNG).table.height == 0


def test_share_is_checked() -> None:
    with pytest.raises(ValueError, match="share must lie"):
        Survivors(share=0.0)
