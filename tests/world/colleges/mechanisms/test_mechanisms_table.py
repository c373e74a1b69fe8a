"""The table of mechanisms: complete rows, doors, law, and a user's own file."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

from consortia.errors import DataInvalid
from consortia.legal import notes
from consortia.streams import Streams
from consortia.world.colleges import CollegeSector, embedded_region, opening, run
from consortia.world.colleges.mechanisms import (
    MECHANISMS,
    Merger,
    NoPoach,
    SharedPipeline,
    TransferFee,
    Unlawful,
    leaving,
    load_mechanisms,
    mechanism,
    names,
    parameter_names,
    terms,
    with_members,
)

PAGE = Path(__file__).resolve().parents[4] / "docs" / "methods" / "mechanisms.md"
SECTOR = CollegeSector(region=embedded_region(20), years=3, burn_in=2)
FIVE = SECTOR.region.neighbours("College 003", 5)


@pytest.mark.parametrize("spec", MECHANISMS, ids=lambda s: MECHANISMS[s].name)
def test_every_row_is_complete_and_on_the_page(spec: type) -> None:
    row = MECHANISMS[spec]
    fields = {f.name: f for f in dataclasses.fields(spec)}
    assert fields["name"].default == row.name
    assert {"members", "first"} <= set(fields)
    assert spec.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for name in ("title", "does", "who", "entry", "exit", "enforcement"):
        assert getattr(row, name), name
    note = row.legal
    assert note.text
    assert note.sources
    assert note.jurisdiction == "United Kingdom"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", note.as_of)
    text = PAGE.read_text(encoding="utf-8")
    assert f"| `{row.name}` | {row.does} | {note.level} |" in text
    for key in parameter_names(row.name):
        if key not in ("members", "first"):
            assert f"`{key}`" in text, key


def test_the_law_table_is_that_of_the_screen() -> None:
    level = {row.name: row.legal.level for row in MECHANISMS.values()}
    assert [n for n, v in level.items() if v == "red"] == ["no-poach"]
    careful = {n for n, v in level.items() if v in ("amber", "red-amber")}
    assert careful == {"transfer-fee", "pooled-outcome-fund", "federation", "merger"}
    assert {row.legal for row in MECHANISMS.values()} <= set(notes().values())


def test_what_must_not_be_agreed_stops_with_a_reason_and_a_source() -> None:
    with pytest.raises(Unlawful) as said:
        run(SECTOR, Streams(1), [NoPoach(members=FIVE)])
    text = str(said.value)
    for part in ("by object", "CMA", "counterfactual = true", "Lawful ways to the same end"):
        assert part in text
    h = run(SECTOR, Streams(1), [NoPoach(members=FIVE)], counterfactual=True)
    assert h.legal[0][1].level == "red"


def test_doors() -> None:
    spec = mechanism("transfer-fee", members=list(FIVE), rate=math.inf)
    assert spec == TransferFee(members=FIVE, rate=math.inf)
    with pytest.raises(DataInvalid, match="Did you mean 'transfer-fee'"):
        mechanism("transfer_fee")
    with pytest.raises(DataInvalid, match="Did you mean 'rate'"):
        mechanism("transfer-fee", rates=0.1)
    with pytest.raises(DataInvalid, match="zero or more"):
        mechanism("transfer-fee", rate=-0.1)
    with pytest.raises(DataInvalid, match="no such base"):
        mechanism("levy-grant", base="profit")
    for name, key, bad in (
        ("shared-pipeline", "trainees", -1),
        ("shared-pool", "rule", "lottery"),
        ("joint-campaign", "spill_over", 2.0),
        ("pooled-outcome-fund", "metric", "grades"),
        ("loose-network", "cost", -1.0),
        ("merger", "one_off", 2.0),
        ("assurance", "threshold", 0),
        ("dominant-assurance", "bonus", -1.0),
    ):
        with pytest.raises(DataInvalid):
            mechanism(name, **{key: bad})


def test_who_is_in_it_can_change() -> None:
    spec = SharedPipeline(members=FIVE)
    assert leaving(spec, FIVE[0]).members == FIVE[1:]
    assert with_members(spec, []).members == ()
    with pytest.raises(DataInvalid, match="no such college"):
        terms([with_members(spec, ["Nowhere"])], SECTOR.region)


def test_mechanisms_compose_and_are_labelled() -> None:
    pair = [SharedPipeline(members=FIVE), SharedPipeline(members=FIVE[:2], trainees=1)]
    h = run(SECTOR, Streams(1), pair)
    assert list(h.joined) == ["shared-pipeline", "shared-pipeline 2"]
    assert h.by_college["trainees"].sum() == 3 * (5 * 4 + 2 * 1)
    assert "fund: shared-pipeline 2" in h.balances


def test_money_of_a_levy_is_spent_on_trainees_to_the_penny() -> None:
    spec = mechanism("levy-grant", members=FIVE, rate=0.01)
    h = run(SECTOR, Streams(1), [spec])
    paid = -h.flows["levy"].sum(axis=0)
    granted = h.flows["grant"].sum(axis=0)
    assert np.array_equal(h.balances["fund: levy-grant"], np.cumsum(paid - granted))
    assert (h.balances["fund: levy-grant"] < 1_200_000).all()  # less than one trainee is left
    assert np.array_equal(granted, h.by_college["trainees"].sum(axis=0) * 1_200_000)
    assert np.array_equal(h.flows["grant"], -h.flows["training"])
    start = opening(SECTOR, Streams(1))
    bill = start.state["paybill"]
    rows = SECTOR.region.select(FIVE)
    assert np.array_equal(-h.flows["levy"][rows, 0] > 0, np.ones(5, dtype=bool))
    assert -h.flows["levy"][:, 0].sum() == pytest.approx(0.01 * bill[rows].sum(), rel=0.1)


@pytest.mark.parametrize("base", ["paybill", "income", "surplus"])
def test_bases_of_a_levy(base: str) -> None:
    h = run(SECTOR, Streams(1), [mechanism("levy-grant", members=FIVE, rate=0.02, base=base)])
    assert (h.flows["levy"] <= 0).all()
    paid = -h.flows["levy"][SECTOR.region.select(FIVE)]
    if base == "income":
        income = h.by_college["income"][SECTOR.region.select(FIVE)] * 100
        assert np.allclose(paid[:, 1], 0.02 * income[:, 1], atol=1)
    if base == "surplus":
        surplus = h.by_college["surplus"][SECTOR.region.select(FIVE)] * 100
        assert np.allclose(paid[:, 1:], 0.02 * np.maximum(surplus[:, :-1], 0), atol=1)


def test_a_pipeline_binds_and_stays_inside() -> None:
    sector = dataclasses.replace(SECTOR, years=5)
    h = run(sector, Streams(1), [SharedPipeline(members=FIVE, trainees=6, bond=3)])
    base = run(sector, Streams(1))
    more = (h.by_college["entered"] - base.by_college["entered"])[:, 2:].sum(axis=1)
    rows = SECTOR.region.select(FIVE)
    assert more[rows].sum() > 0
    assert more[rows].sum() > more.sum() - more[rows].sum()


def test_a_federation_pays_alike() -> None:
    h = run(SECTOR, Streams(1), [mechanism("federation", members=FIVE)])
    pay = h.by_college["log_pay"][SECTOR.region.select(FIVE)]
    assert np.allclose(pay, pay[:1])
    assert isinstance(mechanism("merger"), Merger)


def test_the_outcome_fund_pays_out_what_was_paid_in() -> None:
    for metric in ("achievement", "filled"):
        h = run(SECTOR, Streams(1), [mechanism("pooled-outcome-fund", members=FIVE, metric=metric)])
        flow = h.flows["outcome fund"]
        assert (flow.sum(axis=0) == 0).all()
        assert np.abs(flow[SECTOR.region.select(FIVE)]).sum() > 0
        assert (h.balances["fund: pooled-outcome-fund"] == 0).all()


def test_a_campaign_spills_over() -> None:
    spec = mechanism("joint-campaign", members=FIVE, spill_over=1.0, reach=1e4, power=0.2)
    all_gain = run(SECTOR, Streams(1), [spec])
    base = run(SECTOR, Streams(1))
    # Everybody's appeal rises alike: fewer go elsewhere.
    assert all_gain.mean("outside") < base.mean("outside")
    own = run(SECTOR, Streams(1), [dataclasses.replace(spec, spill_over=0.0)])
    rows = SECTOR.region.select(FIVE)
    gain = own.mean("learners") - base.mean("learners")
    assert gain[rows].sum() > 0 > np.delete(gain, rows).sum()


def own_example() -> str:
    """The example of the page."""
    return PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def test_a_mechanism_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text(own_example(), encoding="utf-8")
    table = load_mechanisms(file)
    (name,) = set(names(table)) - set(names())
    spec = mechanism(name, table=table, members=FIVE)
    h = run(SECTOR, Streams(1), [spec], table=table)
    base = run(SECTOR, Streams(1))
    assert not np.array_equal(
        h.by_college["staff"], base.by_college["staff"]
    ) or not np.array_equal(h.by_college["surplus"], base.by_college["surplus"])
    assert name in h.joined


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no mechanisms"),
        ("MECHANISMS = {int: 3}", "not a spec and its row"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "my.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataInvalid, match=said):
        load_mechanisms(file)


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    taken = re.sub(r'(name=)"[\w-]+"', r'\1"shared-pool"', own_example())
    file.write_text(taken, encoding="utf-8")
    with pytest.raises(DataInvalid, match="taken"):
        load_mechanisms(file)
