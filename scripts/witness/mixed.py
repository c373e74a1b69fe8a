"""Mixed models beside lme4, lmerTest and pbkrtest, live: prints both and their distance.

Needs Rscript with lme4, lmerTest, pbkrtest and mlmRev (Debian: r-cran-lmertest, r-cran-pbkrtest,
r-cran-mlmrev); says so and stops where they are not there. ``python scripts/witness/mixed.py``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.effects import effects
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.profile import coefficient_interval, deviation_interval
from consortia.maths.mixed.reml import fit
from consortia.maths.mixed.shares import standard_errors
from consortia.maths.mixed.statistics import from_rows
from consortia.streams import Streams

HERE = Path(__file__).resolve().parent
NEEDS = "lme4 lmerTest pbkrtest mlmRev"


def ready() -> str:
    """Why R cannot be asked, or ''."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return "Rscript is not installed"
    test = "; ".join(f"stopifnot(requireNamespace('{p}', quietly = TRUE))" for p in NEEDS.split())
    done = subprocess.run([rscript, "-e", test], capture_output=True, check=False)
    return "" if done.returncode == 0 else f"R lacks one of {NEEDS}"


def simulated():
    """A small overlapping design: columns of pupils, and memberships of schools."""
    rng = Streams(5).at("witness", "mixed").rng()
    J, K, n = 40, 9, 400
    rows, cols, weights = [], [], []
    for j in range(J):
        m = int(rng.integers(1, 4))
        rows += [j] * m
        cols += [int(c) for c in rng.choice(K, m, replace=False)]
        weights += [float(w) for w in rng.dirichlet(np.ones(m))]
    W = sparse.csr_array((weights, (rows, cols)), shape=(J, K))
    school = np.concatenate([np.arange(J), rng.integers(0, J, n - J)])
    treat = (np.arange(J) % 2).astype(float)[school]
    x = rng.standard_normal(n)
    y = 0.3 * treat + 0.5 * x + 0.5 * rng.standard_normal(J)[school] + rng.standard_normal(n)
    y += np.asarray(W @ (0.8 * rng.standard_normal(K)))[school]
    w = rng.uniform(0.5, 2.0, n)
    pupils = pl.DataFrame({"school": school, "treat": treat, "x": x, "y": y, "w": w})
    members = pl.DataFrame({"school": rows, "network": cols, "weight": weights})
    return pupils, members, W


def run_r(folder: Path) -> dict[str, np.ndarray]:
    pupils, members, _ = simulated()
    pupils.write_csv(folder / "pupils.csv")
    members.write_csv(folder / "memberships.csv")
    done = subprocess.run(
        [str(shutil.which("Rscript")), str(HERE / "mixed.R"), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    lines = [line.split() for line in done.stdout.splitlines() if "." in line]
    return {name: np.array([float(v) for v in values]) for name, *values in lines}


def codes(column: pl.Series) -> np.ndarray:
    """Codes in the order of R's factors made from text that are numbers or words."""
    order = {v: k for k, v in enumerate(column.unique(maintain_order=True).to_list())}
    return np.array([order[v] for v in column.to_list()], dtype=np.int64)


def run_ours(folder: Path) -> dict[str, np.ndarray]:
    out: dict[str, np.ndarray] = {}

    def note(name: str, got) -> None:
        out[f"{name}.criterion"] = np.array([got.criterion])
        out[f"{name}.beta"], out[f"{name}.se"] = got.beta, got.se

    d = pl.read_csv(folder / "ScotsSec.csv", infer_schema_length=None)
    X = np.column_stack([np.ones(d.height), (d["sex"] == "F").to_numpy()]).astype(float)
    made = from_rows(
        X, d["attain"].to_numpy().astype(float),
        {"primary": codes(d["primary"]), "second": codes(d["second"])},
    )  # fmt: skip
    got = fit(made, (Term(name="primary", by="primary"), Term(name="second", by="second")))
    note("scots", got)
    small = small_sample(got)
    out["scots.variances"] = got.components
    out["scots.df"] = np.array(
        [contrast(small, np.eye(2)[j], method="satterthwaite").df for j in range(2)]
    )
    d = pl.read_csv(folder / "Chem97.csv", infer_schema_length=None)
    X = np.column_stack([np.ones(d.height), d["gcsecnt"].to_numpy()])
    made = from_rows(
        X, d["score"].to_numpy().astype(float),
        {"school": codes(d["school"]), "lea": codes(d["lea"])},
    )  # fmt: skip
    got = fit(made, (Term(name="school", by="school"), Term(name="lea", by="lea")))
    note("chem", got)
    out["chem.variances"] = got.components
    d = pl.read_csv(folder / "Exam.csv", infer_schema_length=None)
    lrt = d["standLRT"].to_numpy()
    made = from_rows(
        np.column_stack([np.ones(d.height), lrt]), d["normexam"].to_numpy(),
        {"school": codes(d["school"])}, random={"school": {"lrt": lrt}}, fixed=("1", "lrt"),
    )  # fmt: skip
    got = fit(made, (Term(name="school", by="school", columns=("1", "lrt")),), reml=False)
    note("exam", got)
    out["exam.variances"] = got.components
    out["exam.u"] = effects(got, "school").u[0]
    got = fit(made, (Term(name="school", by="school"),), reml=False)
    out["exam.profile"] = np.array(
        [*deviation_interval(got, "school"), *deviation_interval(got, "residual"),
         *coefficient_interval(got, "1"), *coefficient_interval(got, "lrt")]
    )  # fmt: skip
    pupils, _, W = simulated()
    one = np.ones(pupils.height)
    X = np.column_stack([one, pupils["treat"].to_numpy(), pupils["x"].to_numpy()])
    terms = (Term(name="school", by="s"), Term(name="network", by="s", members=W))
    for name, w in (("mm", None), ("weighted", pupils["w"].to_numpy())):
        made = from_rows(X, pupils["y"].to_numpy(), {"s": pupils["school"].to_numpy()}, weights=w)
        got = fit(made, terms)
        note(name, got)
        out[f"{name}.variances"] = got.components
        out[f"{name}.u"] = np.array([effects(got, t.name).u[0, 0] for t in terms])
        if w is None:
            small = small_sample(got)
            found = [contrast(small, np.eye(3)[j]) for j in range(3)]
            out["mm.kr_se"] = np.array([t.std_error for t in found])
            out["mm.kr_df"] = np.array([t.df for t in found])
            out["mm.kr_joint_df"] = np.array([contrast(small, np.eye(3)[1:]).df])
            out["mm.se_components"] = standard_errors(small, "expected")
    return out


TOLERANCE = {"criterion": 1e-9, "profile": 1e-4, "df": 1e-4}
"""Relative; all else 1e-4, because lme4 stops its search for variances at four to five digits."""


def main() -> int:
    why = ready()
    if why:
        print(f"{why}: nothing was compared")
        return 0
    with tempfile.TemporaryDirectory() as place:
        theirs = run_r(Path(place))
        ours = run_ours(Path(place))
    bad = 0
    for name, value in theirs.items():
        mine = ours[name]
        far = float(np.max(np.abs(mine - value) / np.maximum(np.abs(value), 1e-3)))
        wrong = far > TOLERANCE.get(name.split(".")[1], 1e-4)
        bad += wrong
        print(f"{'!' if wrong else ' '} {name}: relative distance {far:.1e}")
        print("    R   ", " ".join(f"{v:.10g}" for v in value))
        print("    ours", " ".join(f"{v:.10g}" for v in mine))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
