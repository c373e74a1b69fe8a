"""Each difficulty does what it says, and its known effect is what the twins differ by."""

import numpy as np
import polars as pl
import pytest

from consortia.streams import Streams
from consortia.world.difficulties import DIFFICULTIES, PLAIN, without_effect, world

NAMES = list(DIFFICULTIES)


def joined(name: str, k: int = 0):
    """Both twins' scores and the known effect, side by side."""
    streams = Streams(1).at(k)
    with_it, without = (
        world(d, streams) for d in (DIFFICULTIES[name], without_effect(DIFFICULTIES[name]))
    )
    assert with_it.truth is not None
    keys = ["provider", "year"]
    return with_it, (
        with_it.outcomes.join(without.outcomes, on=keys, suffix="_twin")
        .join(with_it.truth, on=keys)
        .with_columns(gain=pl.col("score") - pl.col("score_twin"))
    )


@pytest.mark.parametrize("name", NAMES)
def test_truth_is_the_difference_of_the_twins(name: str) -> None:
    _, both = joined(name)
    known = both.drop_nulls("gain")
    assert known.height > 2000
    early = name == "anticipation"
    # A year before joining half of the gain is there; it is no part of the effect of joining.
    here = known.filter(pl.col("effect") != 0) if early else known
    np.testing.assert_allclose(here["gain"], here["effect"], atol=1e-9)
    assert (known["effect"] != 0).any()
    if early:
        before = known.filter((pl.col("effect") == 0) & (pl.col("gain").abs() > 1e-9))
        np.testing.assert_allclose(before["gain"], 0.5 * PLAIN.trust.first, atol=1e-9)
        assert before.height > 50


@pytest.mark.parametrize("name", [n for n in NAMES if n != "none"])
def test_it_is_not_the_plain_sector(name: str) -> None:
    streams = Streams(1).at(0)
    plain, hard = world(DIFFICULTIES["none"], streams), world(DIFFICULTIES[name], streams)
    same = plain.outcomes.equals(hard.outcomes) and plain.memberships.equals(hard.memberships)
    assert not same
    assert DIFFICULTIES[name].does
    assert DIFFICULTIES[name].teaches
    assert bool(DIFFICULTIES[name].repair) == bool(DIFFICULTIES[name].repaired)


def test_a_change_leaves_what_it_is_given_alone() -> None:
    from consortia.world.schedule import run

    for name in NAMES:
        d = DIFFICULTIES[name]
        streams = Streams(3)
        state, history = run(d.sector, streams)
        before = {y: {k: v.copy() for k, v in h.items()} for y, h in history.items()}
        for change in d.changes:
            change(d.sector, streams, state, history)
        for y, h in history.items():
            for k, v in h.items():
                np.testing.assert_array_equal(v, before[y][k])


def spells(name: str, k: int = 0) -> pl.DataFrame:
    frame = world(DIFFICULTIES[name], Streams(1).at(k)).memberships
    return frame.filter(pl.col("kind") == "trust")


def test_wrong_dates_move_a_share_by_a_year_and_no_more() -> None:
    right = spells("none").group_by("provider").agg(pl.col("from").min())
    wrong = spells("wrong-dates").group_by("provider").agg(pl.col("from").min())
    both = right.join(wrong, on="provider", suffix="_wrong").with_columns(
        off=pl.col("from_wrong").dt.year() - pl.col("from").dt.year()
    )
    # Those that open the simulated years in a trust cannot be recorded before them.
    assert set(both["off"].unique()) <= {-1, 0, 1}
    assert 0.15 < (both["off"] != 0).mean() < 0.4


def test_leavers_leave_and_closed_schools_stay_closed() -> None:
    assert spells("leavers")["to"].is_not_null().sum() > 20
    assert spells("none")["to"].is_not_null().sum() == 0
    frame = world(DIFFICULTIES["closures"], Streams(1).at(0)).outcomes.sort("provider", "year")
    by = frame.group_by("provider", maintain_order=True).agg(pl.col("score").is_null())
    shut = [g for g in by["score"].to_list() if all(g[-2:])]
    assert len(shut) > 20


def test_few_large_collaborations_are_few() -> None:
    assert spells("few-large")["collaboration"].n_unique() <= 6
    assert spells("none")["collaboration"].n_unique() > 15
