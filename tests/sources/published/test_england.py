"""The published files of England, held to a panel made by other hands and to the department's own
figures for the nation and for trusts."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from consortia.sources import read_panel
from consortia.sources.published import Gathered, gather, write_gathered
from consortia.studyfile import read_study

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data"
RAW, TIDY = SHARED / "raw", SHARED / "england_ks2"

pytestmark = pytest.mark.skipif(
    not RAW.is_dir() or not TIDY.is_dir(),
    reason="the published files are not beside the project (../shared/data)",
)


def text(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


@pytest.fixture(scope="module")
def ks2() -> Gathered:
    return gather(RAW, "ks2")


@pytest.fixture(scope="module")
def ks4() -> Gathered:
    return gather(RAW, "ks4")


def test_every_result_of_the_tidy_panel(ks2: Gathered) -> None:
    tidy = text(TIDY / "outcomes.csv.gz").with_columns(pl.col("year").cast(pl.Int32))
    measures = [c for c in tidy.columns if c not in ("provider", "year")]
    assert len(measures) == 7
    both = tidy.with_columns(pl.col(measures).cast(pl.Float64)).join(
        ks2.outcomes, on=["provider", "year"], suffix="_ours"
    )
    assert both.height == tidy.height == 56_184
    differ = both.filter(
        pl.any_horizontal(~pl.col(c).eq_missing(pl.col(f"{c}_ours")) for c in measures)
    )
    # One link joins two schools that both had results in 2016 and 2017: the tidy panel mixes them.
    assert differ.select("provider", "year").sort("year").rows() == [
        ("106429", 2016), ("106429", 2017),
    ]  # fmt: skip


def test_every_membership_of_the_tidy_panel(ks2: Gathered) -> None:
    tidy = text(TIDY / "memberships.csv.gz").with_columns(
        joined=pl.col("joined").replace("1900-01-01", None).str.to_date()
    )
    ours = ks2.memberships.join(tidy.select("provider").unique(), on="provider", how="semi")
    columns = ["provider", "collaboration", "kind", "joined", "first_seen", "last_seen"]
    same = tidy.join(ours, on=columns, how="semi", nulls_equal=True)
    assert same.height == tidy.height == ours.height == 11_673
    assert ours["joined"].null_count() == 35
    assert tidy.filter(pl.col("last_seen") == "2017-01").height == 960


def test_statuses_differ_only_where_results_know_better(ks2: Gathered) -> None:
    tidy = text(TIDY / "statuses.csv.gz").with_columns(pl.col("since").str.to_date())
    everyone = text(TIDY / "providers.csv.gz")
    ours = ks2.statuses.join(everyone, on="provider", how="semi")
    both = tidy.join(ours, on="provider", suffix="_ours")
    assert both.height == tidy.height == 5_584
    same = both.filter(pl.col("since").eq_missing(pl.col("since_ours")))
    assert same.height == 5_541
    # The 43 others are academies in the tables of 2019 and joined their first known trust later.
    other = both.filter(~pl.col("since").eq_missing(pl.col("since_ours")))
    assert other.filter(pl.col("since") > date(2019, 12, 31)).height == 43
    flagged = ks2.providers.filter(pl.col("earlier_trust_unseen") == 1)
    assert other.join(flagged, on="provider", how="semi").height == 43


def test_ambiguous_dates_are_those_of_the_tidy_panel(ks2: Gathered) -> None:
    tidy = text(TIDY / "providers.csv.gz")
    both = tidy.join(ks2.providers, on="provider", suffix="_ours")
    assert both.height == 14_046
    told = pl.col("trust_date_ambiguous").cast(pl.Int8)
    assert both.filter(told == pl.col("trust_date_ambiguous_ours")).height == 14_046
    for place in ("latitude", "longitude"):
        away = (both[place].cast(pl.Float64) - both[f"{place}_ours"].cast(pl.Float64)).abs()
        assert away.max() < 1e-9


def test_key_stage_4_makes_the_figures_of_areas_and_the_nation(ks4: Gathered) -> None:
    """The department's own rows of 2019: the nation's state-funded pupils, and each authority's.

    Results of small special schools are withheld and pupil referral units are not in the table:
    1.6% of pupils, with low results, of whom the published means know and ours do not.
    """
    table = text(RAW / "performance" / "england_ks4provisional_2019.csv.gz")
    numbers = pl.col("TPUP", "ATT8SCR", "P8PUP", "P8MEA").cast(pl.Float64, strict=False)
    nation = table.filter(pl.col("RECTYPE") == "7").with_columns(numbers).row(0, named=True)
    areas = table.filter(pl.col("RECTYPE") == "4").with_columns(numbers).drop_nulls("P8MEA")
    independent = ks4.providers.filter(
        pl.col("establishment_type").is_in(["IND", "INDSPEC", "NMSS"])
        | pl.col("sector").is_in(["independent", "college"])
    )
    state = (
        ks4.outcomes.filter(pl.col("year") == 2019)
        .join(independent, on="provider", how="anti")
        .join(ks4.providers.select("provider", "local_authority"), on="provider")
    )
    known = state.drop_nulls(["attainment_8", "pupils"])
    points, pupils = (known["attainment_8"] * known["pupils"]).sum(), known["pupils"].sum()
    assert 0.98 < pupils / nation["TPUP"] < 1
    # The pupils we do not know have between no point at all and what the others have.
    assert points / nation["TPUP"] - 0.05 <= nation["ATT8SCR"] <= points / pupils
    weight = pl.col("progress_8_pupils")
    ours = (
        state.drop_nulls(["progress_8", "progress_8_pupils"])
        .group_by("local_authority")
        .agg(ours=(pl.col("progress_8") * weight).sum() / weight.sum(), known=weight.sum())
    )
    both = areas.join(ours, left_on="LEA", right_on="local_authority")
    assert both.height == areas.height >= 150
    assert (both["known"] <= both["P8PUP"]).mean() > 0.9
    away = (both["ours"] - both["P8MEA"]).abs()
    assert both.select(pl.corr("ours", "P8MEA")).item() > 0.98
    assert away.median() < 0.03


def trusts(phase: str) -> pl.DataFrame:
    """The department's trusts of 2019, one row for each school it counts in them."""
    return (
        text(RAW / "performance" / f"england_{phase}-mats-performance_2019.csv.gz")
        .with_columns(urn=pl.col("SCHOOL-URNS").str.split(","))
        .explode("urn")
        .with_columns(pl.col("urn").str.strip_chars())
    )


@pytest.mark.parametrize(
    ("phase", "schools", "members"), [("ks2", 1_789, 1_789), ("ks4", 581, 580)]
)
def test_schools_of_the_departments_trusts_are_members(
    phase: str, schools: int, members: int, request: pytest.FixtureRequest
) -> None:
    made: Gathered = request.getfixturevalue(phase)
    listed = trusts(phase).join(made.identifiers, on="urn", how="left")
    assert listed.height == schools
    assert listed["provider"].null_count() == 0
    held = listed.join(
        made.memberships.filter(pl.col("kind").is_in(["multi-academy trust", "sponsor"])),
        left_on=["provider", "UID"],
        right_on=["provider", "collaboration"],
        how="semi",
    )
    assert held.height == members


def test_progress_8_of_trusts(ks4: Gathered) -> None:
    """The department weights schools by pupils and by full years in the trust, three to five."""
    held = ks4.memberships.filter(pl.col("kind").is_in(["multi-academy trust", "sponsor"]))
    years = pl.sum_horizontal(
        (pl.col("joined") <= pl.date(y, 9, 12)).cast(pl.Int32) for y in (2014, 2015)
    )
    rows = (
        trusts("ks4")
        .join(ks4.identifiers, on="urn")
        .join(held, left_on=["provider", "UID"], right_on=["provider", "collaboration"], how="left")
        .with_columns(years=(3 + years).fill_null(3))
        .join(ks4.outcomes.filter(pl.col("year") == 2019), on="provider")
    )
    assert (
        rows["pupils"].sum()
        == 87_346
        == sum(
            text(RAW / "performance" / "england_ks4-mats-performance_2019.csv.gz")["TPUP"].cast(
                pl.Int64
            )
        )
    )
    known = rows.drop_nulls(["progress_8", "progress_8_pupils"])
    weight = pl.col("progress_8_pupils") * pl.col("years")
    made = known.group_by("UID").agg(
        ours=(pl.col("progress_8") * weight).sum() / weight.sum(),
        theirs=pl.col("P8SCORE_ADJ_WGTAVG").first().cast(pl.Float64),
    )
    away = (made["ours"] - made["theirs"]).abs()
    assert made.height == 102
    assert made.select(pl.corr("ours", "theirs")).item() > 0.997
    assert away.median() < 0.006
    # The others are trusts of three or four schools, for which the department counts other years.
    assert (away < 0.05).sum() >= 98
    assert away.max() < 0.15


def test_key_stage_4_counts(ks4: Gathered) -> None:
    assert ks4.outcomes.height == 21_454
    assert ks4.providers.height == 5_635
    assert ks4.providers.filter(pl.col("sector") == "mainstream").height == 3_292
    spread = (
        ks4.outcomes.join(ks4.providers.filter(pl.col("sector") == "mainstream"), on="provider")
        .group_by("year")
        .agg(pl.col("progress_8").std())
        .sort("year")["progress_8"]
        .to_list()
    )
    # The break of 2017 that the manifest tells: a unit is another thing in 2016.
    assert [round(s, 2) for s in spread] == [0.36, 0.44, 0.47, 0.47]


def test_the_example_reads_what_was_gathered(ks4: Gathered, tmp_path: Path) -> None:
    write_gathered(ks4, tmp_path)
    file = read_study(ROOT / "examples" / "england-ks4" / "study.toml", data_folder=tmp_path)
    panel = read_panel(file.data, file.folder)
    assert [(s.outcome, s.arm) for s in file.study] == [
        ("progress_8", "trust"), ("attainment_8", "trust"),
    ]  # fmt: skip
    flow = {step.step: step.providers for step in panel.arrays(file.study[0]).flow}
    assert flow["in the outcomes file"] == 5_635
    assert flow["outside the study (sector)"] == 5_635 - 3_292
