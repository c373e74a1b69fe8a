"""The schedule: a table that can be printed, steps that keep to what they declare, draws by slot."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import special

from consortia.streams import Streams
from consortia.world import schedule
from consortia.world.schedule import NEVER, NONE, SCHEDULE, as_text, draws, run
from consortia.world.sector import Autonomy, Competition, SchoolSector, Selection

SECTOR = SchoolSector(providers=600)
BY_NAME = {step.name: step for step in SCHEDULE}


@pytest.fixture(scope="module")
def sector():
    return run(SECTOR, Streams(7))


def test_it_prints_as_a_table() -> None:
    lines = as_text().splitlines()
    assert len(lines) == len(SCHEDULE) + 1
    assert lines[0].split()[:3] == ["when", "step", "draws"]
    for line, step in zip(lines[1:], SCHEDULE, strict=True):
        assert line.startswith(step.when)
        assert step.name in line
        assert line.endswith(step.does)


def test_every_step_reads_only_what_was_written_before_it() -> None:
    written: set[str] = set()
    for step in SCHEDULE:
        assert set(step.reads) <= written, step.name
        written |= set(step.writes)
    assert len(BY_NAME) == len(SCHEDULE)
    order = [s.when for s in SCHEDULE]
    assert order == sorted(order)  # "start" before "year"


def test_no_step_changes_what_it_reads() -> None:
    state, _ = run(SECTOR, Streams(7))
    for step in SCHEDULE:
        before = {name: state[name].copy() for name in step.reads}
        step.run(SECTOR, 2015, draws(SECTOR, Streams(7), step, 2015), *(state[r] for r in step.reads))
        for name in step.reads:
            assert np.array_equal(state[name], before[name], equal_nan=True), (step.name, name)


def test_each_decision_of_each_year_has_its_own_stream() -> None:
    seen: dict[bytes, str] = {}
    for step in SCHEDULE:
        for year in (2015, 2016) if step.when == "year" else (0,):
            if step.draws:
                key = draws(SECTOR, Streams(7), step, year)[0, 0].tobytes()
                assert key not in seen, (step.name, year, seen.get(key))
                seen[key] = f"{step.name} {year}"
    assert len(seen) > 20


def test_draws_of_a_step_come_from_its_name_alone() -> None:
    expected = Streams(7).at("world", "join", 2019).rng().random((600, 5))
    assert np.array_equal(draws(SECTOR, Streams(7), BY_NAME["join"], 2019), expected)


def test_one_more_provider_changes_nobody_elses_draw() -> None:
    more = replace(SECTOR, providers=601)
    for step in SCHEDULE:
        for year in SECTOR.simulated if step.when == "year" else (0,):
            few, many = (draws(s, Streams(7), step, year) for s in (SECTOR, more))
            if step.by == "provider":
                assert many.shape[0] == few.shape[0] + 1
                assert np.array_equal(few, many[:-1]), (step.name, year)
            else:
                assert np.array_equal(few, many), (step.name, year)


def test_one_more_provider_changes_nobody_elses_story_without_competition() -> None:
    alone = replace(SECTOR, competition=Competition(effect=0.0))
    few = run(alone, Streams(7))[1]
    many = run(replace(alone, providers=601), Streams(7))[1]
    for year, kept in few.items():
        for name, values in kept.items():
            assert np.array_equal(values, many[year][name][:600], equal_nan=True), (year, name)


def test_a_rival_does_change_the_results_of_its_neighbours() -> None:
    # The other side of the test above: with competition, somebody may notice number 601.
    crowded = replace(SECTOR, competition=Competition(radius=50_000.0, most=599))
    few = run(crowded, Streams(7))[1][2015]["score"]
    many = run(replace(crowded, providers=601), Streams(7))[1][2015]["score"][:600]
    assert not np.array_equal(few, many, equal_nan=True)


def test_neighbours_equal_brute_force() -> None:
    rng = Streams(1).at("test").rng()
    east, north = rng.integers(0, 12_000, (2, 150)).astype(float)
    east[10:14], north[10:14] = 100.0, 100.0  # several at one place
    spec = SchoolSector(providers=150, competition=Competition(radius=2_000.0, most=5))
    rival, rivals = schedule.neighbours(spec, 0, np.empty((150, 0)), east, north)
    distance = np.hypot(east[:, None] - east, north[:, None] - north)
    np.fill_diagonal(distance, np.inf)
    assert rival.shape == (150, 5)
    for i in range(150):
        mine = rival[i][rival[i] < 150]
        within = np.sort(distance[i][distance[i] < 2_000.0])[:5]
        assert i not in mine
        assert len(set(mine.tolist())) == mine.size == rivals[i]
        assert np.allclose(np.sort(distance[i, mine]), within)
    assert rivals.max() == 5
    assert rivals.min() < 5


def test_competition_counts_rivals_and_academies_among_them() -> None:
    spec = SchoolSector(providers=3, competition=Competition(autonomous=0.5))
    rival = np.array([[1, 2], [0, 3], [3, 3]])  # 3 = nobody
    felt, share = schedule.compete(
        spec,
        2015,
        np.empty((3, 0)),
        rival,
        np.array([2.0, 1.0, 0.0]),
        np.array([NEVER, 2015, 2016]),
        np.array([NEVER, 2014, NEVER]),
    )
    assert felt.tolist() == [2.5, 1.0, 0.0]
    assert share.tolist() == [0.5, 0.0, 0.0]


def test_only_those_sounded_out_join_and_join_once(sector) -> None:
    state, _ = sector
    joined = state["joined"] < NEVER
    assert np.array_equal(state["joined"][joined], state["turn"][joined])
    assert joined.any()
    assert ((state["turn"] < NEVER) & ~joined).any()


def test_nobody_joins_when_nobody_is_sounded_out() -> None:
    state, history = run(replace(SECTOR, selection=Selection(sounded=0.0)), Streams(7))
    assert (state["joined"] == NEVER).all()
    assert all((h["trust"] == NONE).all() and not h["effect"].any() for h in history.values())


def test_acceptance_follows_the_stated_chance() -> None:
    """A school accepts iff its uniform number lies below the logit of the docstring."""
    n = 200
    spec = SchoolSector(providers=n)
    rng = Streams(2).at("test").rng()
    u, noise, poor = rng.standard_normal((3, n))
    U = rng.random((n, 5))
    never, zero = np.full(n, NEVER), np.zeros(n, dtype=np.int64)
    disadvantage = 22 + 14 * poor
    out = schedule.join(
        spec, 2015, U, np.full(n, 2015), noise, u, disadvantage, zero,
        never, zero, np.full(n, NONE), never, zero,
    )  # fmt: skip
    s = spec.selection
    typical = np.sqrt(10.0**2 / 45 + 1)
    logit = s.level - s.leadership * u - s.dip * noise / typical + s.disadvantage * poor
    expected = U[:, 0] < 1 / (1 + np.exp(-logit))
    joined, month, trust, academy, academy_month = out
    assert np.array_equal(joined == 2015, expected)
    same_day = expected & (U[:, 2] >= s.associate)
    assert np.array_equal(academy == 2015, same_day)
    assert np.array_equal(academy_month[same_day], month[same_day])
    assert (trust[expected] >= 0).all()
    assert (trust[~expected] == NONE).all()
    assert set(month[expected].tolist()) == {0, 1, 2, 3}


def test_an_academy_that_joins_keeps_the_date_of_its_status() -> None:
    one = np.array([1])
    out = schedule.join(
        SchoolSector(providers=1), 2015, np.array([[0.0, 0.5, 0.9, 0.0, 0.5]]), np.array([2015]),
        np.zeros(1), np.zeros(1), np.zeros(1), 0 * one, NEVER * one, 0 * one, NONE * one,
        np.array([2009]), 0 * one,
    )  # fmt: skip
    assert [v.tolist() for v in out] == [[2015], [2], [2], [2009], [0]]


def test_benefit_grows_to_its_ceiling_and_scales_with_the_school() -> None:
    spec = SchoolSector()  # 0.6 + 0.4 a year for four years
    joined = np.array([2010, 2015, 2019, 2020, NEVER])
    got = [
        schedule.benefit(spec, year, np.empty((5, 0)), joined, np.array([1.0, 1, 2, 1, 1]))[0].tolist()
        for year in (2015, 2017, 2019)
    ]
    assert got[0] == pytest.approx([2.2, 0.6, 0, 0, 0])
    assert got[1] == pytest.approx([2.2, 1.4, 0, 0, 0])
    assert got[2] == pytest.approx([2.2, 2.2, 1.2, 0, 0])


def test_trusts_are_local_or_work_everywhere() -> None:
    spec = SchoolSector(areas=3, trusts_per_area=4)
    u = (np.arange(8_000) + 0.5) / 8_000
    which = schedule._which_trust(spec, np.full(8_000, 1), u)
    counts = np.bincount(which, minlength=16)
    assert counts[4:8].tolist() == [1750] * 4
    assert counts[12:16].tolist() == [250] * 4
    assert counts.sum() == 8_000


def test_normal_is_the_inverse_distribution_and_never_infinite() -> None:
    assert np.isfinite(schedule.normal(np.array([0.0, 1 - 2.0**-53]))).all()
    assert schedule.normal(np.array([0.975]))[0] == pytest.approx(1.959964, abs=1e-6)


def test_noise_is_larger_in_small_schools_and_does_not_last(sector) -> None:
    state, history = sector
    noise = np.stack([h["noise"] for h in history.values()])
    small = state["size"] < np.quantile(state["size"], 0.25)
    large = state["size"] > np.quantile(state["size"], 0.75)
    assert noise[:, small].std() > 1.3 * noise[:, large].std()
    expected = schedule.spread_of_noise(SECTOR, np.stack([h["pupils"] for h in history.values()]))
    z = noise / expected
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)
    lagged = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(z)]
    assert abs(np.mean(lagged)) < 4 / np.sqrt(z.size)


def test_well_led_schools_are_academies_alone_more_often(sector) -> None:
    state, _ = sector
    early = state["academy"] < SECTOR.simulated.start
    gap = state["leadership"][early].mean() - state["leadership"][~early].mean()
    assert gap > 0.2
    # E[u | academy at the start] - E[u | not] under the stated logit, by quadrature.
    u = special.ndtri((np.arange(20_000) + 0.5) / 20_000)
    a = Autonomy()
    p = special.expit(special.logit(a.at_start) + a.leadership * u)
    truth = (u * p).sum() / p.sum() - (u * (1 - p)).sum() / (1 - p).sum()
    assert gap == pytest.approx(truth, abs=4 * np.sqrt(1 / early.sum() + 1 / (~early).sum()))


def test_networks_overlap_and_are_left_and_federations_are_one_at_a_time(sector) -> None:
    _, history = sector
    nets = np.stack([h["networks"] for h in history.values()])
    assert ((nets != NONE).sum(axis=2) >= 2).any()
    assert ((nets[:-1] != NONE) & (nets[1:] == NONE)).any()
    federations = np.stack([h["federation"] for h in history.values()])
    held = federations != NONE
    assert (held[:-1] & ~held[1:]).any()
    both = held[:-1] & held[1:]
    assert (federations[:-1][both] == federations[1:][both]).all()
