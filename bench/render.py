"""A result of the bench as the page docs/bench.md; every figure comes from the JSON."""

from __future__ import annotations

from typing import Any

TITLES = {
    "two-way": "Two-way: provider and year effects, clustered by provider",
    "group-time": "Group-time: every ATT(g,t), event times and the overall effect, analytic",
    "group-time-draws": "The same with 999 multiplier draws and uniform bands",
    "doubly-robust": "Group-time, doubly robust with one covariate, analytic",
}
OURS, ARRAYS = "consortia, from frames", "consortia, from arrays"
BOUND, BOUND_FRAME = "bound, from arrays", "bound, from frame"


def cores(machine: dict[str, Any]) -> str:
    """How many cores the bench was given, which may be fewer than there are."""
    n = machine["cores"]
    return f"{n} core{'' if n == 1 else 's'}"


def brief(found: dict[str, Any]) -> str:
    """One cell: seconds / MB, or why there are none."""
    if "cpu" in found:
        return f"{_seconds(found['cpu'])} s / {_mb(found['memory'])}"
    if "over" in found:
        return f"> {found['over']:g} s"
    if "failed" in found:
        return "failed: " + found["failed"]
    return "–" if "skipped" in found else ""


def _seconds(x: float) -> str:
    return (
        f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 1 else f"{x:.3f}" if x >= 0.01 else f"{x:.4f}"
    )


def _mb(x: float) -> str:
    return f"{x:,.0f} MB"


def _times(a: float, b: float) -> str:
    ratio = a / b
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def _over(case: dict[str, Any], bound: dict[str, Any]) -> str:
    return _times(case["cpu"], bound["cpu"]) if "cpu" in case and "cpu" in bound else "–"


def page(result: dict[str, Any]) -> str:
    """The whole page as Markdown."""
    out = [*_head(result), *_summary(result)]
    for task, title in TITLES.items():
        out += _task(result, task, title)
    out += [*_agreement(result), *_ks2(result), *_recorded(result), *_versions(result)]
    return "\n".join(out).rstrip() + "\n"


def _head(result: dict[str, Any]) -> list[str]:
    m = result["machine"]
    return [
        "# Bench: speed and memory beside named peers",
        "",
        f"Measured on {result['date']} in one run (`make bench`), on {cores(m)} with "
        f"{m['memory_gb']} GB, {m['system']}, Python {m['python']}; one thread for every library. "
        "Made by `bench/run.py`; the figures are in `bench/results/`.",
        "",
        "**What is measured.** CPU seconds (user + system) of the work itself, after imports, "
        "loading and a warm-up on 200 providers, median of three runs (nine under 0.1 s, one over "
        "5 s), and the highest memory during the first run above what the process held with the "
        "data loaded. Every case has a process of its own. " + _steadiness(result),
        "",
        "**The data.** Balanced synthetic panels, ten years, sorted by provider and year; 35 % "
        "never join, the rest in one of five years (`bench/staggered.py`).",
        "",
        "**Where each starts.** A peer: a pandas data frame, one row per provider and year, with "
        "the year of joining already coded; it ends with its own tables. *consortia, from frames*: "
        "pandas data frames of outcomes and of dated membership spells; it includes validation, "
        "the exposure rule, the crossing to arrays, the estimate and the table of effects (with "
        "`group` and `calendar` aggregates, which the peers were not asked for). *consortia, from "
        "arrays*: the estimate alone, as a check or a simulation repeats it. *bound*: the same "
        "sums in plain NumPy without checks, tables or the general case (`bench/bound.py`), from "
        "arrays and from a long frame; its uniform bands come from Gaussian draws, which need the "
        "covariance alone and cost nothing in the number of providers. It is a "
        "yardstick and not a law: other code for the same sums can be faster. **The ratio quoted "
        "is from data frame to table on both sides.**",
        "",
    ]


def _steadiness(result: dict[str, Any]) -> str:
    sticks = sorted(x for c in result["cases"] for x in c.get("yardstick", ()))
    if not sticks:
        return ""
    again = sum("again" in c for c in result["cases"])
    low, middle, high = (1000 * sticks[k] for k in (0, len(sticks) // 2, -1))
    return (
        "A fixed piece of NumPy work, timed before and after every case, took between "
        f"{low:.0f} and {high:.0f} ms (median {middle:.0f}): that is how far other load on the "
        "machine moves a figure. Cases in which it was disturbed were measured again, whatever "
        f"their figure, and the calmer attempt is shown ({again} replaced)."
    )


def _index(result: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, Any]]:
    return {(c["row"], c["task"], c["n"]): c for c in result["cases"]}


def _sizes(result: dict[str, Any]) -> list[int]:
    return sorted({c["n"] for c in result["cases"]})


def _peers(result: dict[str, Any]) -> list[str]:
    rows = dict.fromkeys(c["row"] for c in result["cases"])
    return [r for r in rows if not r.startswith(("consortia", "bound"))]


def _best(result: dict[str, Any], task: str, n: int, what: str) -> tuple[str, float] | None:
    cases = _index(result)
    found = [
        (cases[row, task, n][what], row)
        for row in _peers(result)
        if what in cases.get((row, task, n), {})
    ]
    return None if not found else (min(found)[1], min(found)[0])


def _summary(result: dict[str, Any]) -> list[str]:
    cases = _index(result)
    lines: list[str] = []
    for task in TITLES:
        for n in _sizes(result):
            ours, best = cases.get((OURS, task, n), {}), _best(result, task, n, "cpu")
            least = _best(result, task, n, "memory")
            if "cpu" not in ours or best is None or least is None:
                continue
            bound = cases.get((BOUND_FRAME, task, n), {})
            core, core_bound = cases.get((ARRAYS, task, n), {}), cases.get((BOUND, task, n), {})
            lines.append(
                f"| {task} | {n:,} | {best[0]} {_seconds(best[1])} s | {_seconds(ours['cpu'])} s | "
                f"**{_times(best[1], ours['cpu'])}**{_tie(ours, cases[best[0], task, n])} | "
                f"{_over(ours, bound)} | "
                f"{_over(core, core_bound)} | "
                f"{least[0]} {_mb(least[1])} | {_mb(ours['memory'])} |"
            )
    if not lines:
        return []
    return [
        "## In short",
        "",
        "| task | providers | fastest peer | consortia, from frames | times faster than the peer | "
        "times the bound (from frame) | estimate alone, times the bound (arrays) | "
        "leanest peer | consortia's memory |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
        "",
        "Below 1 in *times faster* means that the peer is faster. ≈: the runs of the two overlap, "
        "so that this run does not tell which is faster.",
        "",
    ]


def _tie(a: dict[str, Any], b: dict[str, Any]) -> str:
    overlap = min(a["runs"]) <= max(b["runs"]) and min(b["runs"]) <= max(a["runs"])
    return " ≈" if overlap else ""


def _task(result: dict[str, Any], task: str, title: str) -> list[str]:
    cases, sizes = _index(result), _sizes(result)
    rows = list(dict.fromkeys(c["row"] for c in result["cases"] if c["task"] == task))
    if not rows:
        return []
    out = [f"## {title}", "", "CPU seconds / peak memory above the data.", ""]
    out.append(
        "| | " + " | ".join(f"{n:,}" for n in sizes) + f" | times the bound at {sizes[-1]:,} |"
    )
    out.append("|---" * (len(sizes) + 2) + "|")
    bottom = cases.get((BOUND, task, sizes[-1]), {})
    why: list[str] = []
    for row in rows:
        here = [cases.get((row, task, n), {}) for n in sizes]
        if all("skipped" in c for c in here):
            if "Gaussian" not in row:
                why.append(f"{row}: {here[0]['skipped']}")
            continue
        last = here[-1]
        ratio = _over(last, bottom)
        out.append(f"| {row} | " + " | ".join(brief(c) for c in here) + f" | {ratio} |")
    out.append("")
    if task == "group-time-draws":
        out += [
            "All peers and the rows *consortia, from ...* draw Rademacher weights for every "
            "provider: the same job, and the one that the ratio is taken from. *consortia "
            "Gaussian* (its default) and the "
            "bound draw from the normal distribution that Gaussian weights give exactly: bands of "
            "the same kind for much less work, which no peer offers.",
            "",
        ]
    if why:
        out += ["Not here: " + "; ".join(why) + ".", ""]
    return out


AGREE = 1e-6
"""Largest difference at which two libraries did the same job."""

REASONS = {
    (
        "diff-diff",
        "doubly-robust",
    ): "it divides the comparison part by the number of treated providers "
    "and not by the sum of the weights, which differs by less the larger the panel; with that "
    "divisor the bound gives its estimates to 1e-16 (why its standard errors differ was not "
    "traced)",
    (
        "differences",
        "group-time-draws",
    ): "with a universal base its bands come out empty (NaN): the "
    "reference year, whose draws are all zero, enters the maximum as 0/0",
}


def _agreement(result: dict[str, Any]) -> list[str]:
    if not result["agreement"]:
        return []
    out = [
        "## The same job?",
        "",
        "Largest difference from the bound over all effects, in the run above: estimates "
        "(absolute) and standard errors (relative), at the largest size at which both were "
        "measured. With draws the peers' standard errors are those of a bootstrap and differ by "
        "simulation; *band* is the critical value of the uniform band over event times. consortia "
        "is asked for group-time errors without a small-sample factor, as the peers compute them; "
        "by default it multiplies their variance by C/(C-1).",
        "",
        "| task | row | providers | effects | estimates | standard errors | band | "
        "small-sample convention of the standard error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for a in result["agreement"]:
        last[a["task"], a["row"]] = a
    for (task, row), a in last.items():
        if row.startswith("bound"):
            continue
        convention = result["conventions"].get(f"{row} | {task}", "")
        band = f"{a['critical']:.3f}" if a["critical"] else ""
        out.append(
            f"| {task} | {row} | {a['n']:,} | {a['effects']} | {a['estimate']:.0e} | "
            f"{a['error']:.0e} | {band} | {convention} |"
        )
        if (row, task) in REASONS:
            notes.append(f"* {row}, {task}: {REASONS[row, task]}.")
        elif a["estimate"] > AGREE or (task != "group-time-draws" and a["error"] > AGREE):
            notes.append(f"* {row}, {task}: differs by more than {AGREE:g}; reason not known.")
    return [*out, "", *notes, ""]


def _ks2(result: dict[str, Any]) -> list[str]:
    k = result["ks2"]
    if not k:
        return []
    out = ["## The whole command on the England key stage 2 panel", ""]
    if "skipped" in k:
        return [*out, f"Not measured: {k['skipped']}.", ""]
    return [
        *out,
        "`consortia evaluate examples/england-ks2/study.toml`, one outcome and arm "
        f"({k['study']}): "
        "reading and checking the files, the answer, the ladder, the checks, the report "
        f"({k['written_mb']:.1f} MB of HTML and JSON). Median of three, one thread.",
        "",
        "| CPU | wall | highest memory of the process | of it: starting Python with the imports |",
        "|---|---|---|---|",
        f"| {k['cpu']:.2f} s | {k['wall']:.2f} s | {k['peak_mb']:.0f} MB | "
        f"{k['imports_cpu']:.2f} s, {k['imports_mb']:.0f} MB |",
        "",
    ]


def _recorded(result: dict[str, Any]) -> list[str]:
    sizes = sorted({int(n) for r in result["recorded"] for n in r["sizes"]})
    out = [
        "## R, recorded earlier (not in this run)",
        "",
        "Measured before on two shared cores, where pyfixest 0.60 took 1.84 s for the two-way case "
        "at 200,000 providers and diff-diff 3.13 took 1.09, 4.44 and 2.09 s for the group-time "
        "cases (analytic, draws, doubly robust): compare through those, not directly.",
        "",
        "| task | | " + " | ".join(f"{n:,}" for n in sizes) + " |",
        "|---|---" + "|---" * len(sizes) + "|",
    ]
    for r in result["recorded"]:
        cells = [r["sizes"][str(n)] for n in sizes]
        shown = " | ".join(f"{_seconds(s)} s / {_mb(mb)}" for s, mb in cells)
        out.append(f"| {r['task']} | {r['row']} | {shown} |")
    return [*out, ""]


def _versions(result: dict[str, Any]) -> list[str]:
    listed = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return ["## Versions", "", listed + ".", ""]
