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


def staff():
    """1,000 employees of 141 firms, one to four each with weights that add to one."""
    rng = Streams(5).at("witness", "staff").rng()
    n, firms = 1_000, 141
    rows, cols, weights = [], [], []
    for i in range(n):
        m = int(rng.choice([1, 2, 3, 4], p=[0.55, 0.25, 0.15, 0.05]))
        rows += [i] * m
        cols += [int(c) for c in rng.choice(firms, m, replace=False)]
        weights += [float(w) for w in rng.dirichlet(np.ones(m))]
    W = sparse.csr_array((weights, (rows, cols)), shape=(n, firms))
    age = rng.uniform(-20, 25, n).round()
    sex, part = ((rng.random(n) < share).astype(float) for share in (0.45, 0.2))
    y = 3.0 + 0.011 * age - 0.2 * sex - 0.4 * part + 0.5 * rng.standard_normal(n)
    y += np.asarray(W @ (0.25 * rng.standard_normal(firms)))
    people = pl.DataFrame({"age": age, "sex": sex, "part": part, "y": y})
    return people, pl.DataFrame({"person": rows, "firm": cols, "weight": weights}), W


def trial() -> pl.DataFrame:
    """265 pupils of 22 schools, half of the schools treated."""
    rng = Streams(5).at("witness", "trial").rng()
    school = np.concatenate([np.arange(22), rng.integers(0, 22, 243)])
    treat, pre = (np.arange(22) % 2).astype(float)[school], rng.normal(2.5, 1.2, 265)
    y = 11 + 3 * treat + 1.8 * pre + 2.4 * rng.standard_normal(22)[school]
    y += 3.8 * rng.standard_normal(265)
    return pl.DataFrame({"school": school, "treat": treat, "pre": pre, "y": y})


def sites(edge: bool) -> pl.DataFrame:
    """Pupils of 54 schools, treated within schools, with an effect that varies by school; at the
    edge it varies exactly with the level of the school."""
    rng = Streams(5).at("witness", "sites", "edge" if edge else "inside").rng()
    n = 300 if edge else 540
    school = np.concatenate([np.arange(54), rng.integers(0, 54, n - 54)])
    treat, pre = (rng.random(n) < 0.5).astype(float), rng.standard_normal(n)
    u = rng.standard_normal((54, 2))
    slope = 0.4 * u[:, 0] if edge else 0.3 * u[:, 0] + 0.8 * u[:, 1]
    y = 0.4 * treat + 0.6 * pre + 0.6 * u[school, 0] + slope[school] * treat
    y += (1.5 if edge else 1.0) * rng.standard_normal(n)
    return pl.DataFrame({"school": school, "treat": treat, "pre": pre, "y": y})


def run_r(folder: Path) -> dict[str, np.ndarray]:
    pupils, members, _ = simulated()
    pupils.write_csv(folder / "pupils.csv")
    members.write_csv(folder / "memberships.csv")
    people, jobs, _ = staff()
    people.write_csv(folder / "staff.csv")
    jobs.write_csv(folder / "jobs.csv")
    trial().write_csv(folder / "trial.csv")
    for edge in (False, True):
        sites(edge).write_csv(folder / ("edge.csv" if edge else "sites.csv"))
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
    out |= scots(d)
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
    return out | trials()


def scots(d: pl.DataFrame) -> dict[str, np.ndarray]:
    """The other models of the Fife data: no covariate, by ML, and all three covariates."""
    out: dict[str, np.ndarray] = {}
    codes_of = {"primary": codes(d["primary"]), "second": codes(d["second"])}
    terms = (Term(name="primary", by="primary"), Term(name="second", by="second"))
    d = d.with_columns(girl=(pl.col("sex") == "F").cast(pl.Float64))
    for name, columns, reml in (
        ("scots-mean", (), True),
        ("scots-ml", ("girl",), False),
        ("scots-all", ("verbal", "girl", "social"), True),
    ):
        X = _columns(d, *columns).astype(float)
        got = fit(from_rows(X, d["attain"].to_numpy().astype(float), codes_of), terms, reml=reml)
        out[f"{name}.criterion"] = np.array([got.criterion])
        out[f"{name}.beta"], out[f"{name}.se"] = got.beta, got.se
        out[f"{name}.variances"] = got.components
        if name == "scots-mean":
            found = contrast(small_sample(got), np.ones(1), method="satterthwaite")
            out[f"{name}.df"] = np.array([found.df])
    return out


def _columns(d: pl.DataFrame, *names: str) -> np.ndarray:
    return np.column_stack([np.ones(d.height), *(d[c].to_numpy() for c in names)])


def trials() -> dict[str, np.ndarray]:
    """The designs of the teaching sets that cannot be had: staff, trial, sites."""
    out: dict[str, np.ndarray] = {}

    def note(name: str, got, kr: bool = True) -> None:
        out[f"{name}.criterion"] = np.array([got.criterion])
        out[f"{name}.beta"], out[f"{name}.se"] = got.beta, got.se
        if kr:
            small = small_sample(got)
            found = [contrast(small, row) for row in np.eye(got.beta.size)]
            out[f"{name}.kr_se"] = np.array([t.std_error for t in found])
            out[f"{name}.kr_df"] = np.array([t.df for t in found])
            out[f"{name}.se_components"] = standard_errors(small, "expected")

    d, _, W = staff()
    made = from_rows(
        _columns(d, "age", "sex", "part"), d["y"].to_numpy(), {"person": np.arange(d.height)}
    )
    got = fit(made, (Term(name="firm", by="person", members=W),))
    note("staff", got)
    out["staff.variances"] = got.components
    d = trial()
    made = from_rows(
        _columns(d, "treat", "pre"), d["y"].to_numpy(), {"s": d["school"].to_numpy()},
        fixed=("1", "treat", "pre"),
    )  # fmt: skip
    term = (Term(name="school", by="s"),)
    got = fit(made, term)
    note("trial", got)
    out["trial.variances"] = got.components
    small = small_sample(got)
    out["trial.df"] = np.array(
        [contrast(small, row, method="satterthwaite").df for row in np.eye(3)]
    )
    # lme4 profiles by ML whatever the fit was by.
    by_ml = fit(made, term, reml=False)
    out["trial.profile"] = np.array(
        [*deviation_interval(by_ml, "school"), *deviation_interval(by_ml, "residual"),
         *(v for c in ("1", "treat", "pre") for v in coefficient_interval(got, c))]
    )  # fmt: skip
    for name in ("sites", "edge"):
        d = sites(name == "edge")
        treat = d["treat"].to_numpy()
        made = from_rows(
            _columns(d, "treat", "pre"), d["y"].to_numpy(), {"s": d["school"].to_numpy()},
            random={"s": {"treat": treat}},
        )  # fmt: skip
        got = fit(made, (Term(name="school", by="s", columns=("1", "treat")),))
        note(name, got, kr=name == "sites")
        out[f"{name}.components"] = got.components
        out[f"{name}.singular"] = np.array([float(bool(got.singular))])
    return out


TOLERANCE = {"criterion": 1e-9, "profile": 1e-4, "df": 1e-4, "components": 2e-3}
"""Relative; all else 1e-4, because lme4 stops its search for variances at four to five digits, and
for those of slopes earlier still."""


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
