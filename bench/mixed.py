"""Mixed models beside lme4, pbkrtest, glmmTMB, GPBoost, lme-python and statsmodels.

``python bench/mixed.py`` writes docs/bench-mixed.md. Every measurement runs in a fresh process
with one BLAS thread, data loaded and a small warm-up done; CPU seconds are user + system of the
work itself (from rows in memory to estimates), memory the highest resident size during it less the
size just before. Tools that are not installed are named and left out; a tool that does not finish
at one size, or needs more than a third of its limit, is not asked for more rows of the same case.

Model: ``y ~ treat + pre + fem + fsm + (1 | school) + (1 | network)``; 2,000 schools and 500
networks (200 and 50 at 3,000 rows). full: network drawn pupil by pupil; sparse: a school touches
at most eight; mm: each school belongs to one to four networks with weights that add to one."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "bench-mixed.md"
SIZES = (3_000, 30_000, 300_000, 1_000_000)
CASES = ("full", "sparse", "mm")
LIMIT = {"lme4": 400, "pbkrtest": 400}
"""CPU seconds that a tool is given for one case."""
OTHERS = 60
WALL = 3_600
TOO_SLOW = 1 / 3
"""Share of its limit that a tool may need if it is to be asked for more rows."""
MEMORY = 12 * 10**9
PEERS = ("lme4", "GPBoost", "lme-python", "glmmTMB", "statsmodels")
LAST = ("mm", 1_000_000)
"""What lme4 may not finish is asked for at the end of the run."""
CONTAINS = {
    "lme4": "fit with its check of gradient and Hessian, standard errors",
    "GPBoost": "fit by maximum likelihood (it has no REML), no standard errors",
    "lme-python": "fit and coefficients",
    "glmmTMB": "fit and standard errors of coefficients",
    "statsmodels": "fit and standard errors; both factors are variance components of one group",
    "pbkrtest": "lme4's fit and the Kenward-Roger covariance and degrees of freedom of treat",
    "consortia": "the pass over the rows, fit, standard errors",
    "consortia sums": "the fit alone, from sums per school and pair of school and network",
    "consortia kr": "the pass, the fit, all that Kenward-Roger needs, and treat",
}
FLOORS = {30_000: (2, 5), 300_000: (15, 40), 1_000_000: (50, 180)}
"""Times faster than lme4 in each case: what it must be at least, and what is aimed at."""
LABEL = {
    "consortia": "consortia (fit)",
    "consortia sums": "consortia (fit from sums per school)",
    "consortia kr": "consortia (fit, Kenward-Roger)",
}


def size(n: int) -> tuple[int, int]:
    return (200, 50) if n <= 3_000 else (2_000, 500)


def data(case: str, n: int, folder: Path) -> None:
    """Writes the columns of one case as raw binary."""
    import numpy as np

    from consortia.streams import Streams

    rng = Streams(7).at("bench", "mixed", case, n).rng()
    J, K = size(n)
    school = rng.integers(0, J, n)
    treat = (rng.random(J) < 0.5).astype(float)[school]
    pre = rng.standard_normal(n)
    fem, fsm = ((rng.random(n) < s).astype(float) for s in (0.5, 0.2))
    network_effect = 0.25 * rng.standard_normal(K)
    y = 0.2 * treat + 0.6 * pre + 0.1 * fem - 0.3 * fsm
    y += 0.4 * rng.standard_normal(J)[school] + 0.75 * rng.standard_normal(n)
    network = np.zeros(n, dtype=np.int64)
    if case == "mm":
        rows, cols, weights = [], [], []
        for j in range(J):
            m = int(rng.integers(1, 5))
            rows += [j] * m
            cols += list(rng.choice(K, m, replace=False))
            weights += list(rng.dirichlet(np.ones(m)))
        per = np.zeros(J)
        np.add.at(per, rows, np.array(weights) * network_effect[cols])
        y += per[school]
        np.array(rows, dtype=np.int32).tofile(folder / "mm_school")
        np.array(cols, dtype=np.int32).tofile(folder / "mm_network")
        np.array(weights).tofile(folder / "mm_weight")
    else:
        network = (
            rng.integers(0, K, n)
            if case == "full"
            else (rng.integers(0, K, J)[school] + rng.integers(0, 8, n)) % K
        )
        y += network_effect[network]
    for name, column in (("y", y), ("treat", treat), ("pre", pre), ("fem", fem), ("fsm", fsm)):
        column.astype(np.float64).tofile(folder / name)
    school.astype(np.int32).tofile(folder / "school")
    network.astype(np.int32).tofile(folder / "network")


def load(folder: Path):
    import numpy as np

    X = np.column_stack([np.fromfile(folder / c) for c in ("treat", "pre", "fem", "fsm")])
    X = np.column_stack([np.ones(X.shape[0]), X])
    codes = {
        c: np.fromfile(folder / c, dtype=np.int32).astype(np.int64) for c in ("school", "network")
    }
    return X, np.fromfile(folder / "y"), codes


def ours(tool: str, case: str, n: int, folder: Path):
    import numpy as np
    from scipy import sparse

    from consortia.maths.mixed.degrees import contrast, small_sample
    from consortia.maths.mixed.model import Term
    from consortia.maths.mixed.reml import fit
    from consortia.maths.mixed.statistics import from_rows

    X, y, codes = load(folder)
    J, K = size(n)
    members = None
    if case == "mm":
        members = sparse.csr_array(
            (np.fromfile(folder / "mm_weight"),
             (np.fromfile(folder / "mm_school", dtype=np.int32),
              np.fromfile(folder / "mm_network", dtype=np.int32))),
            shape=(J, K),
        )  # fmt: skip
        codes.pop("network")
        network = Term(name="network", by="school", members=members)
    else:
        network = Term(name="network", by="network")
    terms = (Term(name="school", by="school"), network)
    units = {"school": J, "network": K}

    def work(rows: slice):
        made = from_rows(X[rows], y[rows], {k: c[rows] for k, c in codes.items()}, units=units)
        return after(made)

    def after(made):
        got = fit(made, terms)
        out = {"treat": got.beta[1], "se": got.se[1], "criterion": got.criterion, "df": None}
        if tool == "consortia kr":
            found = contrast(small_sample(got), np.eye(5)[1])
            out.update(se=found.std_error, df=found.df)
        return out

    work(slice(0, 3_000))
    if tool == "consortia sums":
        made = from_rows(X, y, codes, units=units)
        return lambda: after(made)
    return lambda: work(slice(None))


def peer(tool: str, n: int, folder: Path):
    import numpy as np

    X, y, codes = load(folder)
    if tool == "GPBoost":
        import gpboost as gpb

        def work(rows: slice):
            groups = np.column_stack([codes["school"][rows], codes["network"][rows]])
            model = gpb.GPModel(group_data=groups, likelihood="gaussian", num_parallel_threads=1)
            model.fit(y=y[rows], X=X[rows])
            coef = np.asarray(model.get_coef()).ravel()
            return {"treat": coef[1], "se": None, "criterion": None, "df": None}

        work(slice(0, 1_000))
        return lambda: work(slice(None))
    if tool == "lme-python":
        import lme_python
        import polars as pl

        frame = pl.DataFrame(
            {"y": y, **{c: X[:, j + 1] for j, c in enumerate(("treat", "pre", "fem", "fsm"))},
             **{k: [f"{k}{v}" for v in c] for k, c in codes.items()}}
        )  # fmt: skip
        text = "y ~ treat + pre + fem + fsm + (1 | school) + (1 | network)"

        def run(part):
            got = lme_python.lmer(text, part)
            return {
                "treat": float(np.asarray(got.coefficients)[1]),
                "se": None,
                "criterion": None,
                "df": None,
            }

        run(frame.head(1_000))
        return lambda: run(frame)
    import statsmodels.api as sm

    def slow():
        import pandas as pd

        frame = pd.DataFrame(X[:, 1:], columns=["treat", "pre", "fem", "fsm"])
        frame = frame.assign(y=y, one=1, **codes)
        got = sm.MixedLM.from_formula(
            "y ~ treat + pre + fem + fsm", frame, groups="one", re_formula="0",
            vc_formula={"school": "0 + C(school)", "network": "0 + C(network)"},
        ).fit(reml=True)  # fmt: skip
        return {
            "treat": float(got.params["treat"]),
            "se": float(got.bse["treat"]),
            "criterion": -2 * float(got.llf),
            "df": None,
        }

    return slow


def status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(name)


def one(tool: str, case: str, n: int, folder: Path) -> None:
    """Measures in this process and prints JSON."""
    import gc

    run = ours(tool, case, n, folder) if tool.startswith("consortia") else peer(tool, n, folder)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    used = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    out = run()
    wall = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    out.update(cpu=cpu, wall=wall, memory=status("VmHWM") - before, total=status("VmHWM"))
    names = {"GPBoost": "gpboost", "lme-python": "lme-python"}
    try:
        out["version"] = version(names.get(tool, tool.split()[0]))
    except PackageNotFoundError:
        out["version"] = ""
    print(json.dumps({k: float(v) if isinstance(v, (int, float)) or hasattr(v, "dtype") else v
                      for k, v in out.items()}))  # fmt: skip


def call(tool: str, case: str, n: int, folder: Path, limit: int, wall: float) -> dict | str:
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
           "MKL_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # fmt: skip
    J, K = size(n)
    if tool in ("lme4", "glmmTMB", "pbkrtest"):
        rscript = shutil.which("Rscript")
        if rscript is None:
            return "R is not installed"
        command = [rscript, str(HERE / "mixed.R"), tool, case, str(folder), str(n), str(J), str(K)]
    else:
        command = [sys.executable, str(Path(__file__)), "--one", tool, case, str(n), str(folder)]

    def bounds() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=env, timeout=wall, check=False,
            preexec_fn=bounds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not finished after {wall:.0f} s of wall time"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"not finished after {limit} CPU seconds"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["failed"])[-1]
        return last[:120]
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=4, metavar=("TOOL", "CASE", "N", "FOLDER"))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--limit", type=int, default=OTHERS)
    parser.add_argument("--pbkrtest", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--minutes", type=float, default=WALL / 60, help="of the whole run")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    if options.one:
        tool, case, n, folder = options.one
        one(tool, case, int(n), Path(folder))
        return
    results: dict[tuple[str, str, int], dict | str] = {}
    # What the floors are about first, what may run into a limit last.
    mine = ("consortia", "consortia sums", "consortia kr")
    rounds: list[tuple[str, int, tuple[str, ...]]] = [
        (case, n, mine if (case, n) == LAST else (*mine, "lme4"))
        for n in options.sizes
        for case in CASES
    ]
    if options.pbkrtest and 3_000 in options.sizes:
        rounds.append(("sparse", 3_000, ("pbkrtest",)))
    rounds += [
        (case, n, (tool,))
        for tool in PEERS[1:]
        for case in CASES
        if case != "mm"
        for n in options.sizes
    ]
    if LAST[1] in options.sizes:
        rounds.append((*LAST, ("lme4",)))
    stopped: dict[tuple[str, str], str] = {}
    for case, n, tools in rounds:
        asked = [t for t in tools if (t, case) not in stopped]
        for tool in tools:
            if tool not in asked:
                results[tool, case, n] = f"not asked: {stopped[tool, case]}"
        if not asked:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            data(case, n, folder)
            for tool in asked:
                limit = LIMIT.get(tool, options.limit)
                left = deadline - time.monotonic()
                if left < 1:
                    results[tool, case, n] = "not asked: the time of the whole run was up"
                    continue
                got = results[tool, case, n] = call(
                    tool, case, n, folder, limit, min(left, WALL)
                )  # fmt: skip
                if isinstance(got, str):
                    stopped[tool, case] = f"it did not finish at {n:,} rows"
                elif got["cpu"] > TOO_SLOW * limit:
                    stopped[tool, case] = f"it took {got['cpu']:.0f} CPU seconds at {n:,} rows"
                print(tool, case, n, got, flush=True)
        PAGE.write_text(page(results), encoding="utf-8")


def page(results: dict[tuple[str, str, int], dict | str]) -> str:
    tools = list(dict.fromkeys(t for t, _, _ in results))
    versions = {
        t: r["version"]
        for (t, _, _), r in results.items()
        if isinstance(r, dict) and r.get("version")
    }
    lines = [
        "# Mixed models: speed and memory beside named peers",
        "",
        "Written by `python bench/mixed.py`, all in one run; only ratios carry over.",
        *(__doc__ or "").split("\n\n", 1)[1].strip().replace("``", "`").splitlines(),
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, one thread used. Versions: "
        + ", ".join(f"{t} {v}" for t, v in sorted(versions.items()) if " " not in t)
        + ".",
        "",
        "## CPU seconds (and MB beyond the data)",
        "",
        "| case | rows | " + " | ".join(LABEL.get(t, t) for t in tools) + " | lme4 / consortia |",
        "|---|---:|" + "---:|" * (len(tools) + 1),
    ]
    keys = sorted({(c, n) for _, c, n in results}, key=lambda k: (k[1], CASES.index(k[0])))
    notes: list[str] = []
    for case, n in keys:
        cells = []
        for t in tools:
            r = results.get((t, case, n))
            if r is None:
                cells.append("")
            elif isinstance(r, str):
                cells.append("–")
                notes.append(f"* {t}, {case}, {n:,} rows: {r}")
            else:
                cells.append(f"{r['cpu']:.3f} ({max(0.0, r['memory']):.0f})")
        a, b = results.get(("lme4", case, n)), results.get(("consortia", case, n))
        ratio = f"{a['cpu'] / b['cpu']:.0f}" if isinstance(a, dict) and isinstance(b, dict) else ""
        lines.append(f"| {case} | {n:,} | " + " | ".join(cells) + f" | {ratio} |")
    lines += ["", "What a time contains:", ""]
    lines += [f"* {LABEL.get(t, t)}: {CONTAINS[t]}" for t in tools if t in CONTAINS]
    lines += ["", "## What was aimed at", "", *aims(results)]
    lines += ["", "## Agreement", "",
              "| case | rows | tool | treat | standard error | criterion | degrees of freedom |",
              "|---|---:|---|---:|---:|---:|---:|"]  # fmt: skip
    for (t, case, n), r in results.items():
        if isinstance(r, str) or t == "consortia sums":
            continue
        cells = [f"{r[k]:.{d}f}" if r.get(k) is not None else ""
                 for k, d in (("treat", 7), ("se", 8), ("criterion", 6), ("df", 4))]  # fmt: skip
        lines.append(f"| {case} | {n:,} | {LABEL.get(t, t)} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "GPBoost fits by maximum likelihood (it has no REML), so its numbers differ a little. lme4",
        "and pbkrtest take multiple membership by replacing rows of Z; the other tools cannot.",
        "Tools take turns within one run, so other work on the machine may fall on one and not on",
        "another; lme4 with multiple membership at 1,000,000 rows comes last, apart from its case.",
    ]
    if notes:
        lines += ["", "## Not measured", "", *dict.fromkeys(notes)]
    return "\n".join(lines) + "\n"


def aims(results: dict[tuple[str, str, int], dict | str]) -> list[str]:
    """What was to be reached, and what was."""
    lines = ["| what | at least | goal | measured | |", "|---|---:|---:|---:|---|"]

    def row(what: str, floor: str, goal: str, got: str, met: bool, well: bool) -> None:
        word = "goal" if well else "floor" if met else "NOT MET"
        lines.append(f"| {what} | {floor} | {goal} | {got} | {word} |")

    for n, (floor, goal) in FLOORS.items():
        for case in CASES:
            a, b = results.get(("lme4", case, n)), results.get(("consortia", case, n))
            if isinstance(a, dict) and isinstance(b, dict):
                times = a["cpu"] / b["cpu"]
                row(f"{case}, {n:,} rows: times lme4", f"{floor}", f"{goal}", f"{times:.0f}",
                    times >= floor, times >= goal)  # fmt: skip
    a, b = (
        results.get(("pbkrtest", "sparse", 3_000)),
        results.get(("consortia kr", "sparse", 3_000)),
    )
    if isinstance(a, dict) and isinstance(b, dict):
        times = a["cpu"] / b["cpu"]
        row("Kenward-Roger, 3,000 rows: times pbkrtest", "1,000", "", f"{times:,.0f}",
            times >= 1_000, False)  # fmt: skip
    b = results.get(("consortia kr", "mm", 1_000_000))
    if isinstance(b, dict):
        row("Kenward-Roger, mm, 1,000,000 rows: CPU seconds", "3", "", f"{b['cpu']:.2f}",
            b["cpu"] < 3, False)  # fmt: skip
        row("the same: highest resident memory with the data, MB", "500", "", f"{b['total']:.0f}",
            b["total"] < 500, False)  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
