"""A result of bench/methods.py as the page docs/bench-methods.md; figures come from the JSON."""

from __future__ import annotations

import math
from typing import Any

from methods_panel import FEW, PLACEBOS
from render import brief, cores

MAIN = "consortia"
TITLES = {
    "imputation": "Imputation (Borusyak, Jaravel & Spiess)",
    "sun-abraham": "Interaction-weighted event study (Sun & Abraham)",
    "local-projection": "Local projections (Dube, Girardi, Jordà & Taylor)",
    "switchers": "Switchers (de Chaisemartin & D'Haultfoeuille), three effects",
    "synthetic-jackknife": "Synthetic difference-in-differences, jackknife",
    "synthetic-placebo": f"Synthetic difference-in-differences, {PLACEBOS} placebos",
    "regime-did": "regime-did: one arm with another held as it was",
    "neighbours": "Neighbours: direct, spill-over and area effects, two rings",
}
NOTES = {
    "imputation": "consortia gives every cohort and year, event times, four averages and their "
    "standard errors, no small-sample factor. diff-diff and StatsPAI without a suffix give event "
    "times and the overall effect; *overall only* is the overall effect alone, less than "
    "consortia's work. The two-stage estimator (Gardner; pyfixest's did2s) has the same estimate "
    "and another standard error.",
    "sun-abraham": "consortia and pyfixest count clusters and regressors in the small-sample "
    "factor alike; consortia's table also holds every cohort and year and four averages. StatsPAI "
    "lets the cohorts' shares vary too, which moves its standard errors.",
    "local-projection": "Peers are asked for five years before and seven from joining on, without "
    "a pooled effect; consortia gives every year and the pooled effects. consortia counts the "
    "small-sample factor over all providers, the peers over those in each year's regression and "
    "with its regressors: that is the difference in standard errors.",
    "switchers": "Three effects, without placebos in the peers; consortia also gives the years "
    "before and the effect per exposed year. No small-sample factor in consortia. Why the standard "
    "errors differ was not traced.",
    "synthetic-jackknife": f"The panel's never-joiners (35 %) and {FEW} joiners of one year; "
    "the size is that of the panel before this choice. consortia solves for the weights exactly, "
    "the peers stop the Frank-Wolfe steps of the R package: that is the difference in estimates. "
    "consortia also gives the effect of each year, with its standard error.",
    "synthetic-placebo": "As above. Standard errors come from random stand-ins: another seed moves "
    "consortia's by about 4 %. consortia gives them for every year too.",
    "regime-did": "Half of the providers hold a status, from different years on; it is held fixed. "
    "No peer has this estimator.",
    "neighbours": "Direct effect, spill-over by ring, by event time and in total, clustered by "
    "provider. diff-diff's `SpilloverDiD` is the two-stage imputation form of the same question "
    "(one direct effect, one effect for each ring), another estimator, so that no digits are "
    "compared; it is the nearest that there is.",
}


def agreement(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every row against consortia over the effects that both have: largest absolute difference of
    estimates and largest relative one of standard errors."""
    ours = {(c["task"], c["n"]): c["table"] for c in cases if c["row"] == MAIN and "table" in c}
    out: list[dict[str, Any]] = []
    for c in cases:
        mine = ours.get((c["task"], c["n"]))
        if c["row"] == MAIN or mine is None or "table" not in c:
            continue
        both = [k for k, (_, s) in c["table"].items() if k in mine and math.isfinite(s) and s]
        if not both:
            continue
        errors = [abs(c["table"][k][1] / mine[k][1] - 1) for k in both]
        apart = [abs(c["table"][k][0] - mine[k][0]) for k in both]
        out.append(
            {
                "row": c["row"], "task": c["task"], "n": c["n"], "effects": len(both),
                "estimate": max(apart), "error": max(errors),
            }
        )  # fmt: skip
    return out


def _times(a: float, b: float) -> str:
    ratio = a / b
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def page(result: dict[str, Any]) -> str:
    m = result["machine"]
    out = [
        "# Bench of the other methods: speed and memory beside named peers",
        "",
        f"Made by `python bench/methods.py` on {result['date']}, every size in one run: "
        f"{cores(m)} shared with other work, {m['memory_gb']} GB, Python {m['python']}, "
        "one thread for every library. Median CPU seconds (user + system) / peak memory above what "
        "the process held with the data loaded; each case in a fresh process after a warm-up on "
        f"200 providers, at most {result['limit']:g} s and {result['memory_gb']} GB of address "
        "space. " + _sticks(result),
        "",
        "Balanced synthetic panels of ten years; 35 % never join, the rest in one of five years "
        "(`bench/staggered.py`). *consortia* starts from data frames of outcomes and dated "
        "membership spells and includes validation, the exposure rule, the crossing to arrays, the "
        "estimate and the table of effects; a peer starts from one long data frame with the year "
        "of joining already coded. *consortia, from arrays* is the estimate alone, as a check or a "
        "simulation repeats it, and no ratio is taken from it.",
        "",
        "diff-diff, StatsPAI, pyfixest and moderndid are measured where they have the "
        "method; differences and csdid have none of these, and synthdid 0.10.1 is for pandas 1.5 "
        "and stops with an error under the pandas of this run. – in a cell: not tried, because the "
        "size before took too long for it, or not measured in this run.",
        "",
        *_summary(result),
    ]
    cases = result["cases"]
    sizes = sorted({c["n"] for c in cases})
    for task, title in TITLES.items():
        here = [c for c in cases if c["task"] == task]
        if not here:
            continue
        heads = " | ".join(f"{n:,} | times consortia" for n in sizes)
        out += [f"## {title}", "", f"| | {heads} | effects compared | estimates differ by | "
                "standard errors differ by |", "|---" * (2 * len(sizes) + 4) + "|"]  # fmt: skip
        for row in dict.fromkeys(c["row"] for c in here):
            cells: list[str] = []
            for n in sizes:
                at = {c["row"]: c for c in here if c["n"] == n}
                c, ours = at.get(row, {}), at.get(MAIN, {})
                both = "cpu" in c and "cpu" in ours and not row.startswith(MAIN)
                cells += [brief(c) or "–", _times(c["cpu"], ours["cpu"]) if both else "–"]
            found = [a for a in result["agreement"] if a["task"] == task and a["row"] == row]
            last = max(found, key=lambda a: a["n"]) if found else None
            cells += (
                [f"{last['effects']} at {last['n']:,}", f"{last['estimate']:.0e}",
                 _relative(last["error"])] if last else ["–"] * 3
            )  # fmt: skip
            out.append(f"| {row} | {' | '.join(cells)} |")
        out += ["", NOTES[task], ""]
    listed = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return "\n".join([*out, "## Versions", "", listed + "."]).rstrip() + "\n"


def _relative(x: float) -> str:
    return f"{x:.1%}" if x >= 0.0005 else f"{x:.0e}"


def _sticks(result: dict[str, Any]) -> str:
    sticks = sorted(x for c in result["cases"] for x in c.get("yardstick", ()))
    if not sticks:
        return ""
    low, middle, high = (1000 * sticks[k] for k in (0, len(sticks) // 2, -1))
    return (
        f"A fixed piece of NumPy work, timed before and after every case, took {low:.0f} to "
        f"{high:.0f} ms (median {middle:.0f}): so far does other load move a figure."
    )


def _summary(result: dict[str, Any]) -> list[str]:
    """The fastest and the leanest peer of every task and size."""
    out = [
        "## In short",
        "",
        "| task | providers | fastest peer | consortia | times faster | leanest peer | "
        "consortia's memory |",
        "|---|---|---|---|---|---|---|",
    ]
    cases = result["cases"]
    behind: list[str] = []
    for task in TITLES:
        for n in sorted({c["n"] for c in cases}):
            at = {c["row"]: c for c in cases if (c["task"], c["n"]) == (task, n) and "cpu" in c}
            peers = [c for row, c in at.items() if not row.startswith(MAIN)]
            ours = at.get(MAIN)
            if ours is None:
                continue
            if not peers:
                alone = brief(ours).split(" / ")
                out.append(
                    f"| {task} | {n:,} | no peer measured | {alone[0]} | – | – | {alone[1]} |"
                )
                continue
            fast = min(peers, key=lambda c: c["cpu"])
            lean = min(peers, key=lambda c: c["memory"])
            if fast["cpu"] < ours["cpu"]:
                behind.append(f"{task} at {n:,} ({fast['row']})")
            out.append(
                f"| {task} | {n:,} | {fast['row']} {brief(fast).split(' / ')[0]} | "
                f"{brief(ours).split(' / ')[0]} | **{_times(fast['cpu'], ours['cpu'])}** | "
                f"{lean['row']} {lean['memory']:,.0f} MB | {ours['memory']:,.0f} MB |"
            )
    said = (
        "A peer is faster than consortia in: " + "; ".join(behind) + "."
        if behind
        else "No peer is faster in any row."
    )
    return [*out, "", "From data frame to table on both sides. " + said, ""]
