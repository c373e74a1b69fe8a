"""County teen employment and the minimum wage (R ``did``, data set ``mpdta``).

Published: README and vignette of R ``did``; full digits: R ``did`` (analytic standard errors, no
small-sample factor) and R ``fixest``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from consortia.estimators.estimate import estimate
from consortia.panel import Arrays
from consortia.specs import Arm, GroupTime, Inference, Outcome, TwoWay
from consortia.study import Study

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "golden" / "did_mpdta.csv.gz"
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the golden data are not beside the project"
)


def arrays(covariate: bool = False) -> Arrays:
    d = pl.read_csv(FILE).sort("countyreal", "year")
    n, T = d["countyreal"].n_unique(), 5
    assert d.height == n * T == 2500
    Y = d["lemp"].to_numpy().reshape(n, T)
    first = d["first.treat"].to_numpy().reshape(n, T)[:, 0]
    years = np.arange(2003, 2008)
    # first.treat = 0 stands for never.
    cohort = np.where(first == 0, T, np.searchsorted(years, first)).astype(np.int64)
    x = d["lpop"].to_numpy().reshape(n, T)[:, :1]
    return Arrays(
        provider=d["countyreal"].to_numpy().reshape(n, T)[:, 0].astype(np.str_),
        years=years,
        Y=Y,
        W=np.ones_like(Y),
        w=np.ones(n),
        cohort=cohort,
        D=np.arange(T) >= cohort[:, None],
        X=x if covariate else np.empty((n, 0)),
        Z=np.empty((n, T, 0)),
        X_names=("lpop",) if covariate else (),
        Z_names=(),
        hold=(),
        alongside=(),
        stratum=np.zeros(n, dtype=np.int64),
        stratum_names=("all",),
        incidence=sparse.csr_array(sparse.identity(n, format="csr")),
        cluster_name="provider",
        flow=(),
        cautions=(),
    )


def table(spec, covariate: bool = False, **inference) -> pl.DataFrame:
    study = Study(
        question="Did the minimum wage lower teen employment?",
        outcome="lemp",
        arm="minimum",
        outcomes={"lemp": Outcome()},
        arms={"minimum": Arm(status="minimum")},
        method=spec,
        inference=Inference(draws=0, **inference),
    )
    return estimate(arrays(covariate), study, np.random.default_rng(0)).effects


def pick(effects: pl.DataFrame, estimand: str, **where) -> tuple[float, float]:
    rows = effects.filter(pl.col("estimand") == estimand)
    for name, value in where.items():
        rows = rows.filter(pl.col(name) == value)
    assert rows.height == 1
    return rows["estimate"][0], rows["std_error"][0]


CELLS = {
    (2004, 2004): -0.0105032462,
    (2004, 2005): -0.0704231581,
    (2004, 2006): -0.1372587389,
    (2004, 2007): -0.1008113631,
    (2006, 2006): -0.0045946070,
    (2006, 2007): -0.0412244715,
    (2007, 2007): -0.0260544107,
}
OVERALL = {
    "simple": (-0.039951275, 0.012034013, 1e-9),
    "dynamic-overall": (-0.0772398215, 0.0199649891, 1e-10),
    "group-overall": (-0.0310182822, 0.0124460593, 1e-10),
    "calendar-overall": (-0.0417004321, 0.0159718519, 1e-10),
}


@pytest.mark.parametrize("base", ["universal", "varying"])
@pytest.mark.parametrize("adjust", ["regression", "weighting", "doubly-robust"])
def test_cells(base, adjust) -> None:
    e = table(GroupTime(base=base, adjust=adjust), small_sample="none")
    for (g, t), value in CELLS.items():
        assert pick(e, "att(g,t)", cohort=g, year=t)[0] == pytest.approx(value, abs=1e-10)


def test_overalls_and_their_standard_errors() -> None:
    e = table(GroupTime(), small_sample="none")
    for name, (value, se, tolerance) in OVERALL.items():
        found = pick(e, name)
        assert found == pytest.approx((value, se), abs=tolerance), name


def test_figures_of_the_published_page() -> None:
    e = table(GroupTime())
    rounded = {
        **{
            ("dynamic", "event_time", k): v
            for k, v in enumerate([-0.0199, -0.0510, -0.1373, -0.1008])
        },
        ("group", "cohort", 2004): -0.0797,
        ("group", "cohort", 2006): -0.0229,
        ("group", "cohort", 2007): -0.0261,
        ("att(g,t)", "cohort", 2004, "year", 2005): -0.0704,
    }
    for key, value in rounded.items():
        where = dict(zip(key[1::2], key[2::2], strict=True))
        assert round(pick(e, key[0], **where)[0], 4) == value, key
    for name, value in [
        ("simple", -0.0400), ("dynamic-overall", -0.0772), ("group-overall", -0.0310),
    ]:  # fmt: skip
        assert round(pick(e, name)[0], 4) == value


def test_doubly_robust_with_log_population() -> None:
    e = table(GroupTime(), covariate=True, small_sample="none")
    # The reference stops its logit earlier, at a relative change of 1e-8.
    assert pick(e, "simple") == pytest.approx((-0.041751772, 0.011502840), abs=3e-9)
    assert pick(e, "dynamic-overall") == pytest.approx((-0.0803539498, 0.0189575572), abs=1e-8)
    for k, value in enumerate([-0.0210603598, -0.0530032043, -0.1404483368, -0.1069038981]):
        assert pick(e, "dynamic", event_time=k)[0] == pytest.approx(value, abs=1e-8)


def test_two_way_under_both_conventions() -> None:
    e = table(TwoWay())
    assert pick(e, "two-way")[0] == pytest.approx(-0.036548936674, abs=1e-12)
    assert pick(e, "two-way")[1] == pytest.approx(0.013265155429, abs=1e-12)
    from consortia.estimators.two_way import dof_factors

    nested, counted = dof_factors(2500, 1, 500, 5)
    all_counted = pick(e, "two-way")[1] * np.sqrt(counted / nested)
    assert all_counted == pytest.approx(0.014831638021, abs=1e-12)
