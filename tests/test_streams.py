"""A stream is its name: no order, no neighbours, no workers."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from consortia.streams import Streams

GOLDEN = [0.9157263300991481, 0.7393537890377604, 0.0544075275890018]
GOLDEN_KEYED = [0.9128390838661631, 0.8056057727574171]
GOLDEN_SEED = 2235278947598999241


def test_same_path_same_numbers_whatever_was_drawn_before() -> None:
    streams = Streams(7)
    first = streams.at("world", "join", 2019).rng().random(5)
    streams.at("world", "luck", 2019).rng().random(1_000)
    streams.rng().random(3)
    again = Streams(7).at("world").at("join").at(2019).rng().random(5)
    assert np.array_equal(first, again)


def test_numbers_never_move() -> None:
    # Made once with NumPy's Philox under this key; a change of the construction changes worlds.
    got = Streams(7).at("world", "join", 2019).rng().random(3)
    assert got.tolist() == GOLDEN
    assert Streams(7).at("inference").seed() == GOLDEN_SEED


@pytest.mark.parametrize(
    "other",
    [
        Streams(8).at("a", 1),
        Streams(7).at("a", 2),
        Streams(7).at("a", "1"),
        Streams(7).at("a"),
        Streams(7).at("a1"),
        Streams(7).at(1, "a"),
        Streams(7).at("a", 1, ""),
    ],
    ids=lambda s: repr((s.root, s.path)),
)
def test_another_name_is_another_stream(other: Streams) -> None:
    mine = Streams(7).at("a", 1)
    assert mine.seed() != other.seed()
    assert not np.array_equal(mine.rng().random(4), other.rng().random(4))


def test_one_more_slot_changes_nobody_elses_draw() -> None:
    stream = Streams(3).at("x")
    assert np.array_equal(stream.rng().random((601, 5))[:600], stream.rng().random((600, 5)))


def test_streams_of_neighbouring_names_are_independent_and_uniform() -> None:
    U = np.stack([Streams(1).at("world", "luck", year).rng().random(2_000) for year in range(30)])
    assert stats.kstest(U.ravel(), "uniform").pvalue > 0.001
    r = np.corrcoef(U)[np.triu_indices(30, 1)]
    assert np.abs(r).max() < 5 / np.sqrt(2_000)
    # Sum of squared correlations: chi-squared with as many degrees of freedom as pairs.
    assert 0.001 < stats.chi2.sf(2_000 * (r**2).sum(), r.size) < 0.999


def test_a_worker_gets_the_same_numbers() -> None:
    code = (
        "from consortia.streams import Streams\n"
        "print(Streams(5).at('a', 2).rng().random(3).tolist())"
    )
    here = str(Streams(5).at("a", 2).rng().random(3).tolist())
    for seed in ("0", "1"):
        there = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(p for p in sys.path if p)},
        ).stdout.strip()
        assert there == here


def test_seed_is_an_integer_for_other_libraries() -> None:
    seed = Streams(0).at("x").seed()
    assert isinstance(seed, int)
    assert 0 <= seed < 2**63


def test_a_root_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        Streams(-1)


def test_names_cannot_run_together() -> None:
    with pytest.raises(ValueError, match="separator"):
        Streams(1).at("a\x1fstr:b")


def test_keyed_numbers_never_move() -> None:
    got = Streams(7).at("world", "taste", 3).keyed().uniform([1, 2], [5, 5])
    assert got.tolist() == GOLDEN_KEYED


def test_a_person_keeps_their_luck_in_any_company() -> None:
    keyed = Streams(3).at("x").keyed()
    ids = Streams(1).rng().integers(0, 2**63, 500)
    order = Streams(2).rng().permutation(500)
    assert np.array_equal(keyed.uniform(ids)[order], keyed.uniform(ids[order]))
    table = keyed.uniform(ids[:, None], np.arange(9))
    assert table.shape == (500, 9)
    assert np.array_equal(table[7, 4:5], keyed.uniform(ids[7:8], np.array([4])))
    # Order of identities matters, and so does the stream.
    assert not np.array_equal(keyed.uniform([1], [2]), keyed.uniform([2], [1]))
    assert not np.array_equal(keyed.uniform([1]), Streams(3).at("y").keyed().uniform([1]))


@pytest.mark.parametrize("kind", ["small ids", "hashed ids", "pairs", "high half", "low half"])
def test_keyed_numbers_are_uniform(kind: str) -> None:
    keyed = Streams(11).at("uniform").keyed()
    ids = np.arange(40_000)
    hashed = Streams(4).at("ids").keyed().word(ids)
    U = {
        "small ids": keyed.uniform(ids),
        "hashed ids": keyed.uniform(hashed),
        "pairs": keyed.uniform(np.arange(400)[:, None], np.arange(100)).ravel(),
        "high half": keyed.two_uniforms(ids)[0],
        "low half": keyed.two_uniforms(ids)[1],
    }[kind]
    assert ((U > 0) & (U < 1)).all()
    assert stats.kstest(U, "uniform").pvalue > 0.001
    # Neighbouring identities know nothing of each other: serial pairs fill the square evenly.
    cells = np.histogram2d(U[:-1], U[1:], bins=16, range=[[0, 1], [0, 1]])[0]
    assert 0.001 < stats.chi2.sf(((cells - cells.mean()) ** 2 / cells.mean()).sum(), 255) < 0.999


def test_keyed_numbers_of_different_decisions_years_and_roots_are_independent() -> None:
    ids = np.arange(3_000)
    U = [
        Streams(root).at("d", decision, year).keyed().uniform(ids)
        for root in (1, 2, 3)
        for decision in ("leave", "taste")
        for year in range(5)
    ]
    U += [Streams(1).at("p").keyed().uniform(ids, np.full(ids.size, j)) for j in range(10)]
    U += list(Streams(1).at("halves").keyed().two_uniforms(ids))
    U = np.stack(U)
    r = np.corrcoef(U)[np.triu_indices(len(U), 1)]
    assert np.abs(r).max() < 5 / np.sqrt(3_000)
    assert 0.001 < stats.chi2.sf(3_000 * (r**2).sum(), r.size) < 0.999


def test_every_bit_of_a_word_depends_on_every_bit_of_an_identity() -> None:
    """Avalanche: one flipped bit turns half of the 64, wherever it is."""
    keyed = Streams(5).at("bits").keyed()
    ids = Streams(6).rng().integers(0, 2**63, 2_000).astype(np.uint64)
    before = keyed.word(ids)
    for bit in range(64):
        turned = keyed.word(ids ^ np.uint64(1 << bit)) ^ before
        share = np.unpackbits(turned.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
        assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(2_000)
