"""Published and full-digit figures: imputation (R ``didimputation``, ``did2s``), synthetic
difference-in-differences (R ``synthdid``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from consortia.estimators import imputation, sun_abraham, synthetic_did
from consortia.estimators.imputation import Imputation
from consortia.estimators.sun_abraham import SunAbraham
from consortia.estimators.synthetic_did import SyntheticDid, weights_of
from consortia.maths.inference import Inferred, infer
from consortia.maths.simplex import by_frank_wolfe
from consortia.maths.synthetic import gaps
from consortia.panel import Arrays
from consortia.results import Fit
from consortia.specs import Arm, Outcome
from consortia.study import Study

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "data" / "golden"
pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason="the golden data are not beside the project"
)
STUDY = Study(
    question="Did it help?", outcome="y", arm="law", outcomes={"y": Outcome()},
    arms={"law": Arm(kinds=("law",))},
)  # fmt: skip
RNG = np.random.default_rng(1)


def letters(
    names: np.ndarray, years: np.ndarray, Y: np.ndarray, cohort: np.ndarray,
    W: np.ndarray | None = None,
) -> Arrays:  # fmt: skip
    n, T = Y.shape
    W = np.ones((n, T)) if W is None else W
    return Arrays(
        provider=names.astype(np.str_), years=years.astype(np.int64), Y=Y, W=W, w=W.mean(axis=1),
        cohort=cohort.astype(np.int64), D=np.arange(T) >= cohort[:, None],
        X=np.empty((n, 0)), Z=np.empty((n, T, 0)), X_names=(), Z_names=(), hold=(), alongside=(),
        stratum=np.zeros(n, dtype=np.int64), stratum_names=("all",),
        incidence=sparse.csr_array(sparse.identity(n, format="csr")), cluster_name="provider",
        flow=(), cautions=(),
    )  # fmt: skip


def mpdta() -> Arrays:
    d = pl.read_csv(GOLDEN / "did_mpdta.csv.gz").sort("countyreal", "year")
    shape = (500, 5)
    first = d["first.treat"].to_numpy().reshape(shape)[:, 0]
    years = np.arange(2003, 2008)
    cohort = np.where(first == 0, 5, np.searchsorted(years, first))
    names = d["countyreal"].to_numpy().reshape(shape)[:, 0]
    return letters(names, years, d["lemp"].to_numpy().reshape(shape), cohort)


def castle(weights: str = "") -> Arrays:
    d = pl.read_csv(GOLDEN / "bacondecomp_castle.csv.gz", infer_schema_length=None)
    d = d.sort("sid", "year")
    n = d["sid"].n_unique()
    wide = {c: d[c].to_numpy().reshape(n, -1) for c in ("l_homicide", "post", "popwt", "year")}
    D = wide["post"] > 0
    cohort = np.where(D.any(axis=1), D.argmax(axis=1), D.shape[1])
    W = wide[weights].astype(float) if weights else None
    names = d["sid"].to_numpy().reshape(n, -1)[:, 0]
    return letters(names, wide["year"][0], wide["l_homicide"].astype(float), cohort, W)


def prop99() -> Arrays:
    d = pl.read_csv(GOLDEN / "synthdid_california_prop99.csv.gz").sort("State", "Year")
    shape = (39, 31)
    treated = d["treated"].to_numpy().reshape(shape).any(axis=1)
    names = d["State"].to_numpy().reshape(shape)[:, 0]
    Y = d["PacksPerCapita"].to_numpy().reshape(shape).astype(float)
    return letters(names, np.arange(1970, 2001), Y, np.where(treated, 19, 31))


def uncertain(fit: Fit, arrays: Arrays) -> Inferred:
    return infer(
        fit.theta, fit.influence, arrays.incidence, family=np.full(fit.theta.size, -1),
        small_sample="none", rng=RNG,
    )  # fmt: skip


def row(fit: Fit, estimand: str, event: int | None = None) -> int:
    return [(k.estimand, k.event_time) for k in fit.keys].index((estimand, event))


def test_mpdta_imputation() -> None:
    a = mpdta()
    fit = imputation.fit(a, Imputation(), STUDY, RNG)
    found = uncertain(fit, a)
    at = row(fit, "simple")
    assert fit.theta[at] == pytest.approx(-0.0477099182784, abs=1e-12)
    assert found.se[at] == pytest.approx(0.013222488650, abs=1e-10)
    wanted = [
        (-0.0310669271926, 0.0135772497), (-0.0522348567485, 0.0188124268),
        (-0.1360781144403, 0.0353419721), (-0.1047074715766, 0.0337658534),
    ]  # fmt: skip
    for e, (theta, se) in enumerate(wanted):
        at = row(fit, "dynamic", e)
        assert fit.theta[at] == pytest.approx(theta, abs=1e-12)
        assert found.se[at] == pytest.approx(se, abs=1e-8)


def test_castle_imputation() -> None:
    fit = imputation.fit(castle(), Imputation(), STUDY, RNG)
    assert fit.theta[row(fit, "simple")] == pytest.approx(0.0798015471714, abs=1e-12)
    by_population = imputation.fit(castle("popwt"), Imputation(), STUDY, RNG)
    assert by_population.theta[row(by_population, "simple")] == pytest.approx(
        0.0659367895, abs=1e-7
    )


@pytest.mark.parametrize("event", [None, 0, 3])
def test_leaving_one_out_is_wider(event: int | None) -> None:
    a = mpdta()
    name = "simple" if event is None else "dynamic"
    plain = imputation.fit(a, Imputation(), STUDY, RNG)
    left = imputation.fit(a, Imputation(residuals="leave-one-out"), STUDY, RNG)
    np.testing.assert_allclose(plain.theta, left.theta)
    at = row(plain, name, event)
    ratio = uncertain(left, a).se[at] / uncertain(plain, a).se[at]
    # The smallest cohort has 20 counties: residuals grow by at most 20/19.
    assert 1 < ratio < 20 / 19


def test_prop99_as_published() -> None:
    a = prop99()
    spec = SyntheticDid(weights="frank-wolfe", variance="placebo")
    fit = synthetic_did.fit(a, spec, STUDY, RNG)
    assert fit.theta[fit.headline] == pytest.approx(-15.6038278727, abs=1e-8)
    assert uncertain(fit, a).se[fit.headline] == pytest.approx(9.3709986527, abs=1e-8)
    (block,) = weights_of(a, spec)
    omega = dict(zip(a.provider[block.others].tolist(), block.found.omega, strict=True))
    assert omega["Nevada"] == pytest.approx(0.124489228, abs=1e-8)
    assert omega["New Hampshire"] == pytest.approx(0.105047579, abs=1e-8)
    assert omega["Connecticut"] == pytest.approx(0.0782872885, abs=1e-8)
    lam = dict(zip(a.years.tolist(), block.found.lam, strict=False))
    for year, value in ((1988, 0.427076318), (1986, 0.366470632), (1987, 0.206453051)):
        assert lam[year] == pytest.approx(value, abs=1e-8)
    # With equal weights it is difference in differences.
    C, mean = a.Y[block.others], a.Y[block.joiners].mean(axis=0)
    equal = np.full(19, 1 / 19)
    plain = (gaps(mean, equal) - gaps(C, equal).mean(axis=0))[19:].mean()
    assert plain == pytest.approx(-27.3491110836, abs=1e-9)
    # Synthetic control: no intercept, next to no regularisation, no weights on years.
    small = 1e-6 * block.found.noise
    sc = by_frank_wolfe(C[:, :19].T, mean[:19], small, 1e-5 * block.found.noise)
    assert (mean - sc @ C)[19:].mean() == pytest.approx(-19.6196634709, abs=1e-8)


def test_prop99_exact() -> None:
    """The minimum itself, which the published steps stop short of by 0.0016 packs."""
    a = prop99()
    fit = synthetic_did.fit(a, SyntheticDid(), STUDY, RNG)
    assert fit.theta[fit.headline] == pytest.approx(-15.6053979163, abs=1e-8)
    assert uncertain(fit, a).se[fit.headline] == pytest.approx(9.37118, abs=1e-5)
    exact = weights_of(a, SyntheticDid())[0]
    steps = weights_of(a, SyntheticDid(weights="frank-wolfe"))[0]
    C, mean = a.Y[exact.others][:, :19], a.Y[exact.joiners].mean(axis=0)[:19]

    def objective(omega: np.ndarray) -> float:
        gap = mean - omega @ C
        return float(((gap - gap.mean()) ** 2).mean() + exact.found.zeta**2 * omega @ omega)

    assert objective(exact.found.omega) < objective(steps.found.omega)


def test_mpdta_sun_abraham() -> None:
    """R ``fixest``: sunab, clustered by county, provider effects nested in clusters not counted."""
    a = mpdta()
    fit = sun_abraham.fit(a, SunAbraham(), STUDY, RNG)
    found = infer(
        fit.theta, fit.influence, a.incidence, family=np.full(fit.theta.size, -1),
        small_sample=fit.small_sample, dof_factor=fit.dof_factor, rng=RNG,
    )  # fmt: skip
    for name, event, theta, se in (
        ("simple", None, -0.039951275155, 0.011796277442),
        ("dynamic", -4, 0.00330635669, 0.0245550955),
        ("dynamic", -3, 0.0250218296, 0.0181543444),
        ("dynamic", -2, 0.024458745, 0.0142667922),
        ("dynamic", 0, -0.019931816789, 0.011857538964),
        ("dynamic", 1, -0.0509573671, 0.0168706784),
        ("dynamic", 2, -0.137258739, 0.036589476),
        ("dynamic", 3, -0.100811363, 0.0345042719),
    ):
        at = row(fit, name, event)
        assert fit.theta[at] == pytest.approx(theta, abs=1e-9)
        assert found.se[at] == pytest.approx(se, abs=1e-9)
