"""``consortia compare`` and ``consortia demo sector``: read, hand over, show."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consortia.cli.commands import _print_json, _progress
from consortia.errors import DataInvalid, Problem, did_you_mean

if TYPE_CHECKING:
    from consortia.compared import Comparison
    from consortia.scenario import Scenario

DEMOS = ("schools", "sector")


def compare(
    path: Path,
    out: Path,
    mechanism_file: Path | None,
    panel: Path | None,
    workers: int | None,
    seed: int | None,
    json: bool,
    quiet: bool,
) -> None:
    from consortia.studyfile import read_scenario

    file = read_scenario(path)
    scenario = file.scenario
    given: dict[str, Any] = {}
    if workers is not None:
        given["workers"] = workers
    if seed is not None:
        given["seed"] = seed
    if given:
        scenario = replace(scenario, runs=replace(scenario.runs, **given))
    parts = ["consortia", "compare", str(path)]
    for option, value in (
        ("--mechanism-file", mechanism_file), ("--panel", panel), ("--seed", seed),
    ):  # fmt: skip
        parts += [option, str(value)] if value is not None else []
    table = None
    if mechanism_file is not None:
        from consortia.world.colleges import load_mechanisms

        table = load_mechanisms(mechanism_file)
    _run(scenario, shlex.join(parts), file.digest, out, panel, file.folder, table, json, quiet)


def demo(what: str, seed: int, out: Path, json: bool, quiet: bool) -> None:
    if what != "sector":
        raise DataInvalid(
            [
                Problem(
                    column="demo",
                    found=what,
                    problem="there is no such demo",
                    remedy=did_you_mean(what, DEMOS),
                )
            ]
        )
    command = "consortia demo sector" + ("" if seed == 7 else f" --seed {seed}")
    folder = Path("consortia-out/demo-sector") if out == Path("consortia-out/demo") else out
    _run(demo_scenario(seed), command, "", folder, None, None, None, json, quiet)


def demo_scenario(seed: int) -> Scenario:
    """Five mechanisms for nine neighbouring colleges, small enough for well under a minute."""
    from consortia.scenario import (
        CoalitionsAsked,
        GroupAsked,
        MechanismAsked,
        RunsAsked,
        Scenario,
        SectorAsked,
        TippingAsked,
    )

    return Scenario(
        title="What could nine neighbouring colleges do together about teachers?",
        mechanisms=tuple(
            MechanismAsked(name=n)
            for n in ("shared-pool", "shared-pipeline", "levy-grant", "loose-network", "no-poach")
        ),
        sector=SectorAsked(colleges=32, years=8, burn_in=8),
        group=GroupAsked(size=9),
        runs=RunsAsked(seed=seed, least=10, most=10, without_me=3),
        coalitions=CoalitionsAsked(players=4, seeds=5, bootstrap=200),
        tipping=TippingAsked(mechanism="no-poach", seeds=4, years=15),
        counterfactual=True,
    )


def _run(
    scenario: Scenario,
    command: str,
    digest: str,
    out: Path,
    panel: Path | None,
    folder: Path | None,
    table: Any,
    json: bool,
    quiet: bool,
) -> None:
    with _progress(json or quiet, 1) as (step, done):
        step("reading the scenario")
        from consortia.comparison import compare as run
        from consortia.comparison import evaluator_frames
        from consortia.report import comparison_document, write_comparison

        found = run(scenario, folder=folder, table=table, command=command, progress=step)
        made = comparison_document(found, digest=digest)
        handed = {}
        if panel is not None:
            step("the panel an evaluator would see")
            handed = evaluator_frames(scenario, folder=folder, table=table)
        written = write_comparison(made, out)
        studies = {key: _hand_out(one, panel / key) for key, one in handed.items() if panel}
        done()
    if json:
        _print_json(
            {
                "reports": [str(written.html), str(written.json)],
                "panels": [str(p) for p in studies.values()],
                "comparison": made,
            }
        )
        return
    show(found)
    print(f"\nReport: {written.html}")
    for key, study in studies.items():
        print(f"Panel of {key}: consortia evaluate {shlex.quote(str(study))}")


def show(found: Comparison) -> None:
    """The answer on a terminal: caution and law first, then one line for each mechanism."""
    from rich.console import Console
    from rich.table import Table

    from consortia.comparison.sentences import signed

    console = Console(soft_wrap=True, highlight=False)
    console.print(found.caution, style="italic", markup=False)
    for a in found.answers:
        if a.legal.counterfactual_only:
            console.print(f"{a.title}: {a.legal.banner}", style="bold red", markup=False)
    console.print()
    console.print(found.sentence, style="bold", markup=False)
    console.print()
    console.print(found.counted[0].sentence, markup=False)
    console.print()
    table = Table(box=None, pad_edge=False)
    for head in ("", "Members gain a year", "Between", "Lose", "In words", "Law"):
        table.add_column(head, justify="left" if head in ("", "In words", "Law") else "right")
    for a in found.answers:
        table.add_row(
            a.title,
            signed(a.gain["estimate"]),
            f"{signed(a.gain['low'])} to {signed(a.gain['high'])}",
            f"{a.losing} of {len(found.members)}",
            a.verdict,
            a.legal.level,
        )
    console.print(table)
    for extra in (found.coalitions, found.hinge, found.tipping, found.ranking, found.factorial):
        if extra is not None:
            console.print()
            console.print(extra.sentence, markup=False)
    console.print()
    console.print(found.stopped, style="dim", markup=False)


def _hand_out(handed: Any, folder: Path) -> Path:
    """Write the tables, a study file that reads them, and the truth apart from them."""
    from consortia.comparison.handing import write_handed

    return write_handed(handed, folder)


if __name__ == "__main__":
    sys.exit("run: consortia compare")
