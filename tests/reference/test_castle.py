"""Castle-doctrine laws and homicide (R ``bacondecomp``, data set ``castle``); figures of R
``fixest``, clustered by state, provider effects nested in the clusters not counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from consortia.errors import NotIdentified
from consortia.estimators.estimate import estimate
from consortia.panel import Arrays
from consortia.specs import Arm, Inference, Outcome, TwoWay
from consortia.study import Study

FILE = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "golden" / "bacondecomp_castle.csv.gz"
)
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the golden data are not beside the project"
)


def arrays(weights: str = "", shuffle: bool = False, covariate: str = "") -> Arrays:
    d = pl.read_csv(FILE, infer_schema_length=None).sort("sid", "year")
    n = d["sid"].n_unique()
    T = d.height // n
    wide = {c: d[c].to_numpy().reshape(n, T) for c in ("l_homicide", "post", "popwt", "year")}
    D = wide["post"] > 0
    assert (np.diff(D.astype(int), axis=1) >= 0).all()
    cohort = np.where(D.any(axis=1), D.argmax(axis=1), T).astype(np.int64)
    W = wide[weights].astype(float) if weights else np.ones((n, T))
    Z = d[covariate].to_numpy().reshape(n, T, 1).astype(float) if covariate else np.empty((n, T, 0))
    return Arrays(
        provider=d["sid"].to_numpy().reshape(n, T)[:, 0].astype(np.str_),
        years=wide["year"][0].astype(np.int64),
        Y=wide["l_homicide"].astype(float),
        W=W,
        w=W.mean(axis=1),
        cohort=cohort,
        D=D,
        X=np.empty((n, 0)),
        Z=Z,
        X_names=(),
        Z_names=(covariate,) if covariate else (),
        hold=(),
        alongside=(),
        stratum=np.zeros(n, dtype=np.int64),
        stratum_names=("all",),
        incidence=sparse.csr_array(sparse.identity(n, format="csr")),
        cluster_name="sid",
        flow=(),
        cautions=(),
    )


def answer(a: Arrays) -> tuple[float, float]:
    study = Study(
        question="Did the laws raise homicide?",
        outcome="l_homicide",
        arm="law",
        outcomes={"l_homicide": Outcome()},
        arms={"law": Arm(status="law")},
        method=TwoWay(),
        inference=Inference(draws=0),
    )
    row = estimate(a, study, np.random.default_rng(0)).row()
    return row["estimate"], row["std_error"]


def test_unweighted() -> None:
    assert answer(arrays()) == pytest.approx((0.0818116169306, 0.058874218079), abs=1e-11)


def test_weighted_by_population() -> None:
    assert answer(arrays("popwt")) == pytest.approx((0.0594441496, 0.0275695574), abs=1e-10)


def test_general_road_gives_the_same() -> None:
    # A covariate that is a sum of provider and year effects is left out, by the slow road.
    a = arrays(covariate="year")
    assert answer(a) == pytest.approx((0.0818116169306, 0.058874218079), abs=1e-11)


def test_covariate_equal_to_the_law_is_refused() -> None:
    with pytest.raises(NotIdentified, match="post"):
        answer(arrays(covariate="post"))
