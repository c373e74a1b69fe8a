"""compare: paired by luck, judged against both outside options, the law asked first."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from small import asked, scenario

from consortia.compared import CHANGES, COLLEGES, MEMBERS, SERIES, Comparison
from consortia.comparison import asking, compare, evaluator_frames, handing, judging, sentences
from consortia.comparison.runs import NONE, Draws, among, each, luck_of, one_seed, run_arm, without
from consortia.errors import DataInvalid
from consortia.legal import Unlawful
from consortia.scenario import GroupAsked, RunsAsked, SectorAsked
from consortia.world.colleges.running import opening


def test_tables_have_their_schemas(whole: Comparison) -> None:
    for frame, schema in (
        (whole.changes, CHANGES),
        (whole.member_rows, MEMBERS),
        (whole.college_rows, COLLEGES),
        (whole.series, SERIES),
    ):
        assert dict(frame.schema) == schema
        assert frame.height
    assert [a.key for a in whole.answers] == ["shared-pool", "shared-pipeline", "no-poach"]
    assert [c.mechanism for c in whole.counted] == [NONE, "shared-pool", "shared-pipeline",
                                                    "no-poach"]  # fmt: skip
    assert whole.answer("no-poach").legal.counterfactual_only
    with pytest.raises(KeyError):
        whole.answer("no_poach")
    assert "not England" in whole.caution


def test_numbers_are_those_of_single_runs(whole: Comparison) -> None:
    """By hand: the engine run apart, seed by seed, gives the gain that the table says."""
    setting = asking.setting(whole.scenario)
    rows = setting.rows
    gains, apart = [], []
    for seed in range(3):
        streams = luck_of(7, seed)
        start = opening(setting.sector, streams)
        pool = setting.arms["shared-pool"]
        with_it = run_arm(setting, streams, pool, start).surplus()
        base = run_arm(setting, streams, (), start).surplus()
        gains.append((with_it - base)[rows])
        alone = run_arm(setting, streams, without(pool, setting.members[1]), start).surplus()
        apart.append((with_it - alone)[rows[1]])
    table = whole.member_rows.filter(pl.col("mechanism") == "shared-pool")
    np.testing.assert_allclose(table["gain"].to_numpy(), np.mean(gains, axis=0), atol=0.01)
    row = table.row(1, named=True)
    assert row["beside_leaving"] == pytest.approx(np.mean(apart), abs=0.01)
    assert row["free_ride"] == pytest.approx(max(0.0, -np.mean(apart)), abs=0.01)
    answer = whole.answer("shared-pool")
    assert answer.gain["estimate"] == pytest.approx(np.sum(gains) / 3, abs=0.05)


def test_members_and_others_add_up(whole: Comparison) -> None:
    for a in whole.answers:
        rows = whole.college_rows.filter(pl.col("mechanism") == a.key)
        ours = rows.filter("member")["gain"].sum()
        theirs = rows.filter(~pl.col("member"))["gain"].sum()
        assert a.gain["estimate"] == pytest.approx(ours, abs=0.5)
        assert a.others["estimate"] == pytest.approx(theirs, abs=0.5)
        members = whole.member_rows.filter(pl.col("mechanism") == a.key)
        paid = members["side_payment"]
        if a.moved is None:
            assert members["gain"].sum() < 0
            assert paid.null_count() == paid.len()
        else:
            assert paid.sum() == pytest.approx(0, abs=0.01)
            assert (members["gain"] + paid >= -0.01).all()


def test_accounting_of_staff(whole: Comparison) -> None:
    for c in whole.counted:
        assert c.exits == pytest.approx(c.exit_rate * c.staff, rel=0.1)
        assert c.share_inside == pytest.approx(c.moves / (c.moves + c.entries))
        assert c.chain == pytest.approx(1 / (1 - c.share_inside))
        assert f"{c.exits:,.0f}" in c.sentence
    base = whole.counted[0]
    assert f"{100 * base.moves / (base.moves + base.exits):.0f} because" in whole.sentence


def test_same_scenario_same_bits_on_one_and_two_processes() -> None:
    one = scenario(asked("transfer-fee", rate=0.1))
    two = scenario(
        asked("transfer-fee", rate=0.1), runs=RunsAsked(least=3, most=3, without_me=0, workers=2)
    )
    a, b = compare(one), compare(two)
    assert a.changes.equals(b.changes)
    assert a.college_rows.equals(b.college_rows)


@pytest.mark.parametrize(
    "nothing",
    [
        asked("transfer-fee", rate=0.0),
        asked("levy-grant", rate=0.0),
        asked("shared-pool", members=[]),
    ],
    ids=["fee", "levy", "nobody"],
)
def test_nothing_changes_nothing(nothing) -> None:
    found = compare(scenario(nothing))
    assert (found.changes["estimate"] == 0).all()
    assert (found.changes["reads"] == "none").all()
    assert found.answers[0].verdict == "cannot tell yet"


def test_red_mechanisms_and_terms_stop() -> None:
    with pytest.raises(Unlawful, match="counterfactual = true") as stopped:
        compare(scenario(asked("no-poach")))
    assert "Lawful ways" in str(stopped.value)
    with pytest.raises(Unlawful, match="cap on pay"):
        compare(scenario(agreement="There is a cap on starting salaries."))


def test_names_that_do_not_exist() -> None:
    for bad, why in (
        (scenario(asked("shared-pol")), "shared-pool"),
        (scenario(asked("shared-pipeline", trainee=3)), "trainees"),
        (scenario(group=GroupAsked(around="Colege 016")), "College 016"),
        (scenario(group=GroupAsked(size=99)), "Ask for fewer"),
        (scenario(asked("none")), "Name one of"),
    ):
        with pytest.raises(DataInvalid, match=why):
            asking.setting(bad)


def test_mechanisms_with_one_label_are_a_package() -> None:
    s = scenario(asked("levy-grant", "package"), asked("shared-pipeline", "package"))
    setting = asking.setting(s)
    assert [type(m).__name__ for m in setting.arms["package"]] == ["LevyGrant", "SharedPipeline"]
    rows = setting.mechanisms
    assert " and " in asking.title_of(setting.arms["package"], rows)
    assert judging.legal_of(setting.arms["package"], rows) in [
        rows[type(m)].legal for m in setting.arms["package"]
    ]


def test_group_is_the_nearest() -> None:
    setting = asking.setting(scenario())
    region = setting.sector.region
    km = region.between
    rows = setting.rows.tolist()
    rest = [i for i in range(region.n) if i not in rows]
    assert km[rows[0], rows].max() <= km[rows[0], rest].min()
    assert set(setting.groups["neighbours"]) <= set(setting.groups["others"])
    assert setting.groups["neighbours"].size == len(rows)
    assert among(setting.arms["shared-pool"], setting.members[:1]) == ()


def test_stops_when_narrow_enough() -> None:
    wide = compare(scenario(runs=RunsAsked(least=2, most=4, width=1e12, without_me=0)))
    assert wide.seeds == 2
    assert wide.narrow
    never = compare(scenario(runs=RunsAsked(least=2, most=4, width=1.0, without_me=0)))
    assert never.seeds == 4
    assert not never.narrow
    assert "most allowed" in never.stopped


def test_more_seeds_keep_those_drawn() -> None:
    setting = asking.setting(scenario())
    draws = Draws(setting=setting, root=7)
    said: list[int] = []
    arms = {NONE: (), **setting.arms}
    draws.reach(arms, 2, said.append)
    first = draws.of("shared-pool", "surplus")
    draws.reach(arms, 3, said.append)
    assert said == [1, 2, 3]
    np.testing.assert_array_equal(draws.of("shared-pool", "surplus", 2), first)
    again = one_seed(setting, 7, (2, {"shared-pool": setting.arms["shared-pool"]}))
    np.testing.assert_array_equal(
        again["shared-pool"].surplus, draws.of("shared-pool", "surplus")[2]
    )
    assert list(each(len, ["a", "bb"], 1)) == [1, 2]


def test_panel_for_an_evaluator(tmp_path) -> None:
    s = scenario(asked("shared-pool"), sector=SectorAsked(colleges=16, years=5, burn_in=3))
    handed = evaluator_frames(s)["shared-pool"]
    study = handing.write_handed(handed, tmp_path / "panel")
    from consortia.evaluation import evaluate
    from consortia.sources import read_panel
    from consortia.studyfile import read_study

    file = read_study(study)
    panel = read_panel(file.data, file.folder)
    found = evaluate(file.study[0], panel)
    assert found.estimate is not None
    # What is read back says what the simulated panel says, and the truth is not in it.
    direct = evaluate(handed.study, handed.panel)
    assert direct.estimate is not None
    assert found.estimate.row()["estimate"] == pytest.approx(direct.estimate.row()["estimate"])
    assert panel.truth is None
    assert (tmp_path / "panel" / "truth" / "members.csv").is_file()
    with pytest.raises(DataInvalid, match="two after"):
        evaluator_frames(scenario(sector=SectorAsked(colleges=16, years=3, burn_in=3)))


def test_words_follow_the_numbers() -> None:
    assert sentences.money(1_234_567) == "£1.2m"
    assert sentences.money(45_678) == "£46,000"
    assert sentences.money(2_345) == "£2,300"
    assert sentences.money(12) == "£12"
    assert sentences.signed(-2e6) == "−£2.0m"
    assert sentences.number(9) == "nine"
    facts = {"gain": {"low": 1.0, "high": 3.0}, "losing": 0, "unclear": 0, "would_leave": 0}
    assert sentences.verdict(facts, 4) == "every member gains"
    assert sentences.verdict({**facts, "losing": 2}, 4) == "the members gain together, not each"
    assert "rather leave" in sentences.verdict({**facts, "would_leave": 1}, 4)
    assert sentences.verdict({**facts, "gain": {"low": -1.0, "high": 3.0}}, 4) == "cannot tell yet"
    assert (
        sentences.verdict({**facts, "gain": {"low": -3.0, "high": -1.0}}, 4) == "the members lose"
    )
    assert judging.reads(1, 2, "less") == "worse"
    assert judging.reads(-2, -1, "less") == "better"
    assert judging.reads(-1, 1, "more") == "unclear"
    assert judging.reads(1, 2, "neither") == "changed"


def test_sponsors_exposure() -> None:
    setting = asking.setting(scenario(asked("dominant-assurance", threshold=3, bonus=1000.0)))
    assert judging.exposure(setting.arms["dominant-assurance"][0]) == 2000.0
    assert judging.exposure(object()) == 0.0
