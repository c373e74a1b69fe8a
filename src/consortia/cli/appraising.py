"""The command ``appraise``: read, hand over, show. Imports stand inside so that --help is quick."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consortia.errors import DataInvalid, Problem

if TYPE_CHECKING:
    from consortia.appraisal import Progress
    from consortia.diagnosis import Diagnosis

INTERRUPTED = 130
"""Exit code of a run that was stopped, as shells have it."""


def command(
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY]", help="A study file; none runs the embedded sector's own study."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", help="Folder of the data, instead of the study file's."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for appraisal.html and appraisal.json.")
    ] = Path("consortia-out/appraisal"),
    worlds: Annotated[int | None, typer.Option(help="How many worlds.")] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Another method beside the study's own; 'all' for every one."),
    ] = None,
    effect: Annotated[
        list[float] | None, typer.Option(help="A true effect, in the outcome's unit; repeatable.")
    ] = None,
    providers: Annotated[
        str | None, typer.Option(help="Numbers of providers, such as 200,400,800.")
    ] = None,
    years: Annotated[str | None, typer.Option(help="Numbers of years, such as 5,8.")] = None,
    world: Annotated[
        str | None, typer.Option(help="'calibrated' to the data, or the embedded 'sector'.")
    ] = None,
    adoption: Annotated[
        str | None, typer.Option(help="Who joins when: 'kept' as it was, or 'redrawn'.")
    ] = None,
    trend: Annotated[
        float | None,
        typer.Option(help="Hidden: what joiners gain a year anyway, in standard deviations."),
    ] = None,
    dip: Annotated[
        float | None,
        typer.Option(help="Hidden: how low they are the year before, in standard deviations."),
    ] = None,
    checks: Annotated[
        bool | None,
        typer.Option("--checks/--no-checks", help="Run the study's checks in every world too."),
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Which outcome, where the study file asks of several.")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="Which arm, likewise.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Other worlds.")] = None,
    workers: Annotated[
        int, typer.Option(help="Processes; -1 for one on each core. Numbers stay the same.")
    ] = -1,
    resume: Annotated[
        Path | None,
        typer.Option(help="A file that keeps finished worlds, and goes on where it stopped."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """How often would a study be right? Run it on worlds whose truth is known."""
    from consortia.cli.guard import guarded

    with guarded(json):
        settings = {
            "worlds": worlds, "methods": tuple(method or ()), "effects": tuple(effect or ()),
            "providers": _numbers("--providers", providers), "years": _numbers("--years", years),
            "world": world, "adoption": adoption, "seed": seed, "checks": checks,
        }  # fmt: skip
        hidden = {"trend": trend, "dip": dip}
        stopped = run(
            study, data, out, outcome, arm, settings, hidden, workers, resume, json, quiet
        )
    if stopped:
        raise typer.Exit(INTERRUPTED)


def run(
    study: Path | None,
    data: Path | None,
    out: Path,
    outcome: str | None,
    arm: str | None,
    settings: dict[str, Any],
    hidden: dict[str, float | None],
    workers: int,
    resume: Path | None,
    json: bool,
    quiet: bool,
) -> bool:
    """Whether it was stopped before its end."""
    from consortia.appraisal import appraise
    from consortia.report import appraisal_document, write_appraisal

    with _progress(json or quiet) as progress:
        one, panel, spec = _asked(study, data, outcome, arm, settings, hidden)
        found = appraise(
            one, panel, spec, workers=_workers(workers), resume=resume, progress=progress,
            keep=True,
        )  # fmt: skip
    made = None
    if found.table.height:
        made = appraisal_document(found, _command(study, data, outcome, arm, settings, hidden))
    written = None if made is None else write_appraisal(made, out)
    if json:
        from consortia.cli.commands import _print_json

        pages = [] if written is None else [str(written.html), str(written.json)]
        _print_json({"reports": pages, "appraisal": made})
    else:
        show(found)
        if written is not None:
            print(f"\nPage: {written.html}")
    return found.interrupted


def _asked(
    study: Path | None,
    data: Path | None,
    outcome: str | None,
    arm: str | None,
    settings: dict[str, Any],
    hidden: dict[str, float | None],
) -> tuple[Any, Any, Any]:
    """Study, panel and settings; the panel is read only where worlds are calibrated to it."""
    from consortia.specs import Appraise

    if study is None:
        return None, None, _settled(Appraise(world="sector"), settings, hidden)
    from consortia.cli.commands import _all_names, _chosen
    from consortia.naming import check_names
    from consortia.sources import read_panel
    from consortia.sources.competition import made_for
    from consortia.studyfile import read_study

    file = read_study(study, data_folder=data)
    spec = _settled(file.appraise, settings, hidden)
    chosen = _chosen(file.study, [outcome] if outcome else [], [arm] if arm else [])
    if len(chosen) > 1:
        raise DataInvalid(
            [
                Problem(
                    file=study.name,
                    column="each",
                    problem=f"the study file asks {len(chosen)} questions, and one is appraised "
                    "at a time",
                    remedy="Name one with --outcome and --arm: "
                    + "; ".join(f"--outcome {s.outcome} --arm {s.arm}" for s in chosen),
                )
            ]
        )
    one = chosen[0]
    if spec.world == "sector":
        return one, None, spec
    panel = read_panel(file.data, file.folder)
    _all_names(panel, [one], lambda p, s: check_names(p, s, made_for(s)))
    return one, panel, spec


def _settled(spec: Any, settings: dict[str, Any], hidden: dict[str, float | None]) -> Any:
    """The settings of the file with those of the command line in their place."""
    from typing import get_args, get_type_hints

    problems: list[Problem] = []
    for name in ("world", "adoption"):
        known = get_args(get_type_hints(type(spec))[name])
        if settings[name] is not None and settings[name] not in known:
            problems.append(
                Problem(
                    column=f"--{name}", found=str(settings[name]), problem="this is not known",
                    remedy=f"Known: {', '.join(known)}",
                )
            )  # fmt: skip
    if problems:
        raise DataInvalid(problems)
    given = {k: v for k, v in settings.items() if v not in (None, ())}
    inner = {k: v for k, v in hidden.items() if v is not None}
    try:
        return replace(spec, **given, hidden=replace(spec.hidden, **inner))
    except ValueError as error:
        raise DataInvalid(
            [Problem(column="appraise", problem=str(error), remedy="Change it")]
        ) from None


def _numbers(option: str, text: str | None) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        return tuple(int(part) for part in text.replace(" ", "").split(","))
    except ValueError:
        raise DataInvalid(
            [
                Problem(
                    column=option,
                    found=text,
                    problem="these are not whole numbers",
                    remedy="Write them with commas between, such as 200,400,800",
                )
            ]
        ) from None


def _workers(asked: int) -> int:
    """One where the library for more is not there and nobody insists."""
    from importlib.util import find_spec

    return 1 if asked == -1 and find_spec("joblib") is None else asked


def _command(
    study: Path | None,
    data: Path | None,
    outcome: str | None,
    arm: str | None,
    settings: dict[str, Any],
    hidden: dict[str, float | None],
) -> str:
    """The command that makes this page again; numbers do not depend on the rest."""
    parts = ["consortia", "appraise"]
    parts += [str(study)] if study is not None else []
    for option, value in (("--data", data), ("--outcome", outcome), ("--arm", arm)):
        parts += [option, str(value)] if value is not None else []
    for name, option in (("methods", "--method"), ("effects", "--effect")):
        parts += [p for v in settings[name] for p in (option, str(v))]
    for name in ("providers", "years"):
        if settings[name]:
            parts += [f"--{name}", ",".join(map(str, settings[name]))]
    for name, value in {
        "worlds": settings["worlds"], "world": settings["world"],
        "adoption": settings["adoption"], **hidden, "seed": settings["seed"],
    }.items():  # fmt: skip
        parts += [f"--{name}", str(value)] if value is not None else []
    if settings["checks"] is not None:
        parts += ["--checks" if settings["checks"] else "--no-checks"]
    return shlex.join(parts)


def show(found: Diagnosis) -> None:
    """The answer in words, then a table for each size and effect."""
    from rich.table import Table

    from consortia.cli.show import _console
    from consortia.report.appraisal import sentences

    console = _console()
    console.print()
    console.print("How often would it be right?", style="bold")
    console.print(f"  {found.title}", markup=False)
    for sentence in sentences(found):
        console.print(f"  {sentence}", markup=False)
    console.print(f"  Run on {found.world}.", markup=False)
    if found.interrupted:
        console.print("  ! stopped before all worlds were finished", markup=False)
    heads = (
        "bias", "RMSE", "coverage", "power", "spread", "mean SE", "detectable", "wrong sign",
        "times too large", "says helps", "wrongly", "check fails", "refuses",
    )  # fmt: skip
    for (providers, years, effect), rows in found.table.group_by(
        ["providers", "years", "effect"], maintain_order=True
    ):
        table = Table(box=None, padding=(0, 1, 0, 2), show_edge=False)
        table.add_column("method", no_wrap=True, min_width=16)
        for head in heads:
            table.add_column(head, justify="right")
        for r in rows.iter_rows(named=True):
            table.add_row(
                r["method"], _text(r["bias"], "+.3f"), _text(r["rmse"], ".3f"),
                _text(r["coverage"], ".1%"), _text(r["power"], ".1%"), _text(r["sd"], ".3f"),
                _text(r["std_error"], ".3f"), _text(r["detectable"], ".2f"),
                _text(r["wrong_sign"], ".1%"), _text(r["exaggeration"], ".1f"),
                _text(r["helps"], ".1%"), _text(r["false_helps"], ".1%"),
                _text(r["failed"], ".1%"),
                _text(r["refused"], ".1%"),
            )  # fmt: skip
        console.print()
        console.print(f"  {providers:,} providers, {years} years, true effect {effect:g}")
        console.print(table)
    for note in found.notes:
        console.print(f"  {note}", markup=False)


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


@contextmanager
def _progress(silent: bool) -> Iterator[Progress]:
    """Answers done of those to be done: a bar on stderr, or nothing."""
    if silent:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} answers"), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("making worlds", total=1)
        yield lambda done, total: bar.update(task, completed=done, total=max(total, 1))
