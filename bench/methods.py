"""The other methods beside named peers, in one run: ``python bench/methods.py``.

Imputation, Sun & Abraham, local projections, switchers, synthetic DiD; regime-did and neighbours,
which have no peer that does the same. Every case runs in a fresh process with one thread, so many
CPU seconds and so much memory, and is measured as bench/one.py says. A full run writes
bench/results/methods-<date>.json and docs/bench-methods.md.

    --only TEXT          only cases whose row, task or size contains TEXT (repeatable)
    --limit SECONDS      CPU seconds a single run may take (60)
    --out FILE           write the result there (after every case), not into bench/results and docs
    --resume FILE        keep the cases of an earlier result and measure what it lacks
    --render FILE        write the page from an earlier result and measure nothing

The peers of requirements-challenge.txt must be installed in the environment that runs this.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import methods_page
import methods_panel
import one
from methods_peers import PEERS
from one import ROOT
from render import brief
from run import machine

OURS = {
    "consortia": methods_panel.from_frames,
    "consortia, from arrays": methods_panel.from_arrays,
}
SIZES = (1_000, 20_000, 200_000)
MEMORY_GB = 12
"""Address space that a case may ask for."""


def prepare(row: str, task: str, n: int) -> tuple[Any, Any, str]:
    """The work, how its result is read, and the package that does it."""
    panel = methods_panel.panel_of(task, n)
    if row in OURS:
        return OURS[row](panel, task), methods_panel.read_ours, ""
    package, frame_of, work, read = PEERS[task][row]
    frame = frame_of(panel)
    return lambda: work(frame), read, package


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """One case, in the process that it has for itself."""
    row, task = case["row"], case["task"]
    small, _, _ = prepare(row, task, one.WARM_UP)
    work, read, package = prepare(row, task, case["n"])
    one.allow(case["limit"])
    small()

    def look(result: Any) -> dict[str, Any]:
        return {"table": read(result), "convention": str(getattr(result, "convention", ""))}

    return {
        **one.timed(work, case["limit"], look),
        "versions": {x: version(x) for x in ["numpy", "scipy", "pandas", package] if x},
    }


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """The case in a fresh process, with so much memory."""
    found = one.alone([__file__, "--one", json.dumps(case)], case["limit"])
    if found.get("failed") == one.NO_MEMORY:
        return {"failed": f"more than {MEMORY_GB} GB"}
    return found


def hopeless(before: dict[str, Any] | None, case: dict[str, Any]) -> dict[str, Any] | None:
    """Sizes ascend: what was too much for one is too much for the next, and what would take half as
    long again as the limit if time grew with the number of providers is not tried."""
    if before is None:
        return None
    if "cpu" not in before:
        return {k: before[k] for k in ("over", "failed", "skipped") if k in before}
    if before["cpu"] * case["n"] / before["n"] > 1.5 * case["limit"]:
        return {"skipped": "too slow at the size before"}
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description="The other methods beside named peers.")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--render", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    target = ROOT / "docs" / "bench-methods.md"
    if given.one:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_GB * 10**9, MEMORY_GB * 10**9))
        one.answer(given.one, measure)
        return
    if given.render:
        target.write_text(methods_page.page(json.loads(given.render.read_text())))
        return
    wanted = [
        {"row": row, "task": task, "n": n, "limit": given.limit}
        for n in SIZES
        for task, peers in PEERS.items()
        for row in (*OURS, *peers)
        if not given.only or any(t in row or t in task or t == str(n) for t in given.only)
    ]
    earlier = json.loads(given.resume.read_text()) if given.resume else {}
    kept = {(c["row"], c["task"], c["n"]): c for c in earlier.get("cases", ())}
    agreement: list[dict[str, Any]] = list(earlier.get("agreement", ()))
    versions: dict[str, str] = dict(earlier.get("versions", {}))
    cases: list[dict[str, Any]] = []
    last: dict[tuple[str, str], dict[str, Any]] = {}
    result: dict[str, Any] = {}
    for k, case in enumerate(wanted, start=1):
        at = case["row"], case["task"]
        found = kept.get((*at, case["n"])) or hopeless(last.get(at), case) or run_case(case)
        versions.update(found.pop("versions", {}))
        last[at] = {**{n: case[n] for n in ("row", "task", "n")}, **found}
        cases.append(last[at])
        said = f"{case['task']:20} {case['n']:>7,} {case['row']:34} {brief(found)}"
        print(f"{k:>3}/{len(wanted)} {said}", file=sys.stderr, flush=True)
        result = {
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "limit": given.limit,
            "memory_gb": MEMORY_GB,
            "versions": dict(sorted(versions.items(), key=lambda kv: kv[0].lower())),
            "agreement": agreement + methods_page.agreement(cases),
            "cases": [{k: v for k, v in c.items() if k != "table"} for c in cases],
        }
        if given.out:
            given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    written = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if not given.out and not given.only:
        folder = Path(__file__).parent / "results"
        folder.mkdir(exist_ok=True)
        (folder / f"methods-{result['date']}.json").write_text(written)
        target.write_text(methods_page.page(result))
    print(methods_page.page(result))


if __name__ == "__main__":
    main()
