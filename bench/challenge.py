"""Checks of the answer beside named peers, in one run: ``python bench/challenge.py``.

Each module of CHALLENGES brings tasks of one kind: TASKS, SIZES, ROWS (consortia first), PACKAGES,
TITLES, NOTES, WARM_UP, ``prepare(row, task, size)`` and ``read(row, result)``. Every case runs in a
fresh process with one thread and is measured as bench/one.py says. A full run writes
bench/results/challenge-<date>.json and docs/bench-challenge.md.

    --only TEXT          only cases whose row, task or size contains TEXT (repeatable)
    --limit SECONDS      CPU seconds a single run may take (120)
    --out FILE           write the result there, and not into bench/results and docs
    --render FILE        write the page from an earlier result and measure nothing

The peers of requirements-challenge.txt must be installed in the environment that runs this.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.util
import json
import math
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import one
from one import ROOT
from render import brief, cores
from run import machine

CHALLENGES = ("challenge_honest", "challenge_design", "challenge_curve")
"""Modules of tasks; one that is not there is left out."""


def challenges() -> list[ModuleType]:
    return [importlib.import_module(n) for n in CHALLENGES if importlib.util.find_spec(n)]


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """One case, in the process that it has for itself."""
    kind = importlib.import_module(case["module"])
    row, task, size = case["row"], case["task"], case["size"]
    small = kind.prepare(row, task, kind.WARM_UP)
    work = kind.prepare(row, task, size)
    if small is None or work is None:
        return {"skipped": "not the same work, or its data are not here"}
    one.allow(case["limit"])
    small()
    names = ["numpy", "scipy", kind.PACKAGES.get(row, "")]
    return {
        **one.timed(work, case["limit"], lambda result: {"read": kind.read(row, result)}),
        "versions": {n: version(n) for n in names if n},
    }


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """The case in a fresh process."""
    return one.alone([__file__, "--one", json.dumps(case)], case["limit"])


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    m = result["machine"]
    out = [
        "# Bench of checks: speed and memory beside named peers",
        "",
        f"Made by `python bench/challenge.py` on {result['date']}: {cores(m)} shared with "
        f"other work, {m['memory_gb']} GB, Python {m['python']}, one thread, median CPU seconds / "
        "peak memory above the data, each case in a fresh process after a small warm-up. *Times "
        "consortia* is of CPU seconds; more than 1 means that the peer is slower.",
        "",
    ]
    for kind in challenges():
        for task in kind.TASKS:
            here = [c for c in result["cases"] if c["task"] == task]
            if not here:
                continue
            sizes = list(dict.fromkeys(c["size"] for c in here))
            out += [f"## {kind.TITLES[task]}", ""]
            heads = [f"{s} | times consortia | differs by" for s in sizes]
            out += [f"| | {' | '.join(heads)} |", "|---" * (3 * len(sizes) + 1) + "|"]
            for row in dict.fromkeys(c["row"] for c in here if "skipped" not in c):
                cells = []
                for size in sizes:
                    found = {c["row"]: c for c in here if c["size"] == size}
                    c, ours = found.get(row, {}), found.get("consortia", {})
                    ratio = apart = "–"
                    if "cpu" in c and "cpu" in ours and row != "consortia":
                        times = c["cpu"] / ours["cpu"]
                        ratio = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
                        apart = difference(c["read"], ours["read"])
                    cells.append(f"{brief(c)} | {ratio} | {apart}")
                out.append(f"| {row} | {' | '.join(cells)} |")
            out += ["", kind.NOTES.get(task, ""), ""]
    listed = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return "\n".join([*out, "## Versions", "", listed + "."]).rstrip() + "\n"


def difference(theirs: list[Any], ours: list[Any]) -> str:
    """Largest absolute difference of what both read, missing or infinite ends apart."""
    a = [x for pair in theirs for x in pair]
    b = [x for pair in ours for x in pair]
    both = [abs(x - y) for x, y in zip(a, b, strict=False)
            if x is not None and math.isfinite(x) and math.isfinite(y)]  # fmt: skip
    return f"{max(both):.1g}" if both else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description="Checks beside named peers.")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--render", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    target = ROOT / "docs" / "bench-challenge.md"
    if given.one:
        one.answer(given.one, measure)
        return
    if given.render:
        target.write_text(page(json.loads(given.render.read_text())))
        return
    wanted = [
        {"module": kind.__name__, "row": row, "task": task, "size": size, "limit": given.limit}
        for kind in challenges()
        for task in kind.TASKS
        for size in kind.SIZES
        for row in kind.ROWS
        if not given.only or any(t in row or t in task or t == size for t in given.only)
    ]
    cases: list[dict[str, Any]] = []
    too_slow: set[tuple[str, str]] = set()
    for k, case in enumerate(wanted, start=1):
        # Sizes ascend: what takes too long for one takes longer for the next.
        slow = (case["row"], case["task"]) in too_slow
        found = {"over": given.limit} if slow else run_case(case)
        if "over" in found:
            too_slow.add((case["row"], case["task"]))
        cases.append({**{n: case[n] for n in ("row", "task", "size")}, **found})
        said = f"{case['task']:18} {case['size']:>9} {case['row']:12} {brief(found)}"
        print(f"{k:>3}/{len(wanted)} {said}", file=sys.stderr)
    versions: dict[str, str] = {}
    for c in cases:
        versions.update(c.pop("versions", {}))
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "limit": given.limit,
        "versions": dict(sorted(versions.items(), key=lambda kv: kv[0].lower())),
        "cases": cases,
    }
    written = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if given.out:
        given.out.write_text(written)
    elif not given.only:
        folder = Path(__file__).parent / "results"
        folder.mkdir(exist_ok=True)
        (folder / f"challenge-{result['date']}.json").write_text(written)
        target.write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
