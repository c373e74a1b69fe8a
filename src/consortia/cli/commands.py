"""What the commands do: read, hand over, show. Imports stand inside so that --help stays quick."""

from __future__ import annotations

import json as jsonlib
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consortia.errors import DataInvalid, Problem, did_you_mean

if TYPE_CHECKING:
    from consortia.results import Evaluation

DEMO_PROVIDERS = 1200


def demo(seed: int, out: Path, json: bool, quiet: bool) -> None:
    with _progress(json or quiet, 1) as (step, done):
        step("simulating the sector")
        from consortia.evaluation import evaluate as run
        from consortia.report import document, write
        from consortia.streams import Streams
        from consortia.world import SchoolSector, sector_study, simulate

        panel = simulate(SchoolSector(providers=DEMO_PROVIDERS), Streams(seed))
        command = "consortia demo" + ("" if seed == 7 else f" --seed {seed}")
        evaluation = run(sector_study(), panel, command=command, progress=step)
        made = document(evaluation)
        written = write(made, out)
        done()
    if json:
        _print_json({"reports": [str(written.html), str(written.json)], "evaluations": [made]})
        return
    show(evaluation)
    print(f"\nReport: {written.html}")


def evaluate(
    study: Path,
    data: Path | None,
    out: Path,
    outcomes: list[str],
    arms: list[str],
    draws: int | None,
    json: bool,
    quiet: bool,
) -> None:
    from consortia.studyfile import read_study

    file = read_study(study, data_folder=data)
    studies = _chosen(file.study, outcomes, arms)
    if draws is not None:
        try:
            studies = [s.with_(inference=replace(s.inference, draws=draws)) for s in studies]
        except ValueError as error:
            raise DataInvalid(
                [
                    Problem(
                        column="--draws", found=str(draws), problem=str(error), remedy="Change it"
                    )
                ]
            ) from None
    evaluations: list[tuple[str, Evaluation]] = []
    with _progress(json or quiet, len(studies)) as (step, done):
        step("reading the data")
        from consortia.evaluation import evaluate as run
        from consortia.naming import check_names
        from consortia.report import document, write, write_index
        from consortia.sources import read_panel
        from consortia.sources.competition import made_for

        panel = read_panel(file.data, file.folder)
        _all_names(panel, studies, lambda p, s: check_names(p, s, made_for(s)))
        for one in studies:
            evaluations.append(
                (
                    f"{one.arm}-{one.outcome}".replace("_", "-").replace(" ", "-"),
                    run(one, panel, command=_command(study, data, one, draws), progress=step),
                )
            )
            done()
        # Only now, when everything has worked, is anything written.
        documents = [document(e) for _, e in evaluations]
        many = len(evaluations) > 1
        written = [
            write(made, out / name if many else out)
            for made, (name, _) in zip(documents, evaluations, strict=True)
        ]
        first = written[0].html
        if many:
            links = [f"{name}/report.html" for name, _ in evaluations]
            first = write_index(documents, links, out).html
    if json:
        _print_json(
            {
                "reports": [str(f) for w in written for f in (w.html, w.json)],
                "evaluations": documents,
            }
        )
        return
    for _, e in evaluations:
        show(e)
    print(f"\nReport: {first}")


def shares(
    study: Path,
    data: Path | None,
    out: Path,
    outcomes: list[str],
    terms: list[str],
    json: bool,
    quiet: bool,
) -> None:
    from consortia.studyfile import read_study

    file = read_study(study, data_folder=data)
    chosen = _chosen(file.study, outcomes, [])
    # Shares are of an outcome: the arm in question plays no part in them.
    studies = list({s.outcome: s for s in reversed(chosen)}.values())[::-1]
    if terms:
        try:
            studies = [s.with_(shares=replace(s.shares, terms=tuple(terms))) for s in studies]
        except ValueError as error:
            raise DataInvalid(
                [Problem(column="--term", problem=str(error), remedy="Name each once")]
            ) from None
    documents: list[dict[str, Any]] = []
    answers: list[Any] = []
    with _progress(json or quiet, len(studies)) as (step, done):
        step("reading the data")
        from consortia.errors import NotIdentified
        from consortia.evaluation import divide
        from consortia.naming import check_names
        from consortia.report import shares_document, write_shares
        from consortia.sources import read_panel

        panel = read_panel(file.data, file.folder)
        _all_names(panel, studies, check_names)
        for one in studies:
            step(f"dividing {one.outcome_label}")
            try:
                answer = divide(one, panel)
            except NotIdentified as error:
                raise DataInvalid(
                    [
                        Problem(
                            column="shares.terms",
                            problem=f"the shares are not identified, because {error.because}",
                            remedy="Name other terms",
                        )
                    ]
                ) from None
            answers.append((one, answer))
            command = ["consortia", "shares", str(study)]
            command += ["--data", str(data)] if data is not None else []
            command += ["--outcome", one.outcome]
            command += [p for t in terms for p in ("--term", t)]
            documents.append(shares_document(answer, one, shlex.join(command)))
            done()
        many = len(studies) > 1
        written = [
            write_shares(made, out / one.outcome.replace("_", "-") if many else out)
            for made, one in zip(documents, studies, strict=True)
        ]
    if json:
        _print_json(
            {"reports": [str(f) for w in written for f in (w.html, w.json)], "shares": documents}
        )
        return
    from consortia.cli.show import show_shares

    for (one, answer), w in zip(answers, written, strict=True):
        show_shares(one.outcome_label, answer)
        print(f"\nPage: {w.html}")


def check_data(study: Path, data: Path | None, json: bool) -> None:
    from consortia.sources import check_data as check
    from consortia.studyfile import read_study

    file = read_study(study, data_folder=data)
    summary = check(file.data, file.folder, file.study)
    if summary.problems:
        raise DataInvalid(summary.problems)
    if json:
        _print_json(summary.as_dict())
        return
    from consortia.cli.show import show_summary

    show_summary(summary)


def gather(folder: Path, phase: str, out: Path, missing: tuple[str, ...], json: bool) -> None:
    from consortia.sources.published import PHASES, write_gathered
    from consortia.sources.published import gather as run

    if phase not in PHASES:
        raise DataInvalid(
            [
                Problem(
                    column="--phase",
                    found=phase,
                    problem="no phase has this name",
                    remedy=did_you_mean(phase, PHASES),
                )
            ]
        )
    manifest = write_gathered(run(folder, phase, missing=missing), out)
    if json:
        _print_json(manifest)
        return
    from consortia.cli.show import show_gathered

    show_gathered(manifest, out)


def overlap(study: Path, data: Path | None, out: Path | None, json: bool) -> None:
    from consortia.errors import NotIdentified
    from consortia.report import overlap_document, write_overlap
    from consortia.report.words import sample
    from consortia.sources import read_panel
    from consortia.structures import overlay
    from consortia.studyfile import read_study

    file = read_study(study, data_folder=data)
    first = file.study[0]
    try:
        found = overlay(
            read_panel(file.data, file.folder), first.exposure, first.window, where=first.where
        )
    except NotIdentified as error:
        raise DataInvalid(
            [Problem(column="where", problem=error.because, remedy="Keep more of them")]
        ) from None
    parts = ["consortia", "overlap", str(study)]
    if data is not None:
        parts += ["--data", str(data)]
    made = overlap_document(
        found,
        title="Who is in what, with whom",
        command=shlex.join([*parts, "--out", "overlap"]),
        who=sample(first) if first.where else "",
    )
    written = None if out is None else write_overlap(made, out)
    if json:
        _print_json(made)
        return
    from consortia.cli.show import show_overlap

    show_overlap(made)
    if written is not None:
        print(f"\nPage: {written.html}")


def init(folder: Path, out: Path | None, force: bool, json: bool) -> None:
    from consortia.sources import inspect_folder
    from consortia.studyfile import init as write_template

    path = write_template(inspect_folder(folder), folder, out, force=force)
    if json:
        _print_json({"study": str(path)})
        return
    print(f"Study file: {path}")
    print(f"Read it, change what does not fit, then: consortia evaluate {shlex.quote(str(path))}")


def explain(name: str | None, json: bool) -> None:
    from consortia.estimators import METHODS
    from consortia.sensitivity import CHECKS

    methods = {m.name: m for m in METHODS.values()}
    checks = {c.name: c for c in CHECKS.values()}
    if name is None:
        if json:
            _print_json(
                {
                    "methods": {k: m.answers for k, m in methods.items()},
                    "checks": {k: c.asks for k, c in checks.items()},
                }
            )
            return
        from consortia.cli.show import show_list

        show_list(
            [("Methods", [(k, m.answers) for k, m in methods.items()]),
             ("Checks", [(k, c.asks) for k, c in checks.items()])]
        )  # fmt: skip
        return
    if name in methods:
        m = methods[name]
        fields = {
            "answers": m.answers,
            "assumes": m.assumes,
            "fails when": m.fails,
            "paper": m.paper,
        }
        spec = next(k for k, v in METHODS.items() if v.name == name)
    elif name in checks:
        c = checks[name]
        fields = {"asks": c.asks, "reads": c.reads, "paper": c.paper}
        spec = next(k for k, v in CHECKS.items() if v.name == name)
    else:
        raise DataInvalid(
            [
                Problem(
                    column="NAME",
                    found=name,
                    problem="no method or check has this name",
                    remedy=did_you_mean(name, [*methods, *checks]),
                )
            ]
        )
    options = _options_of(spec)
    if json:
        _print_json({"name": name, **fields, "options": options})
        return
    from consortia.cli.show import show_explanation

    show_explanation(name, fields, options)


def schema() -> None:
    from consortia.studyfile import json_schema

    _print_json(json_schema())


# --- shared by the commands ----------------------------------------------------------------------


def show(evaluation: Evaluation) -> None:
    from consortia.cli.show import show_evaluation

    show_evaluation(evaluation)


def _options_of(spec: type) -> dict[str, str]:
    from dataclasses import fields

    return {f.name: repr(f.default) for f in fields(spec) if f.name != "name"}


def _chosen(studies: tuple[Any, ...], outcomes: list[str], arms: list[str]) -> list[Any]:
    """The studies of the file that --outcome and --arm ask for; an unknown name is refused."""
    problems: list[Problem] = []
    for option, asked, known in (
        ("--outcome", outcomes, list(dict.fromkeys(s.outcome for s in studies))),
        ("--arm", arms, list(dict.fromkeys(s.arm for s in studies))),
    ):
        problems += [
            Problem(
                column=option,
                found=name,
                problem="the study file asks nothing about it",
                remedy=did_you_mean(name, known),
            )
            for name in asked
            if name not in known
        ]
    if problems:
        raise DataInvalid(problems)
    return [
        s
        for s in studies
        if (not outcomes or s.outcome in outcomes) and (not arms or s.arm in arms)
    ]


def _all_names(panel: Any, studies: list[Any], check_names: Callable[[Any, Any], None]) -> None:
    """Refuse misspelt names of every study before the first one is run."""
    problems: list[Problem] = []
    for one in studies:
        try:
            check_names(panel, one)
        except DataInvalid as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        raise DataInvalid(problems)


def _command(study: Path, data: Path | None, one: Any, draws: int | None) -> str:
    """The command that makes this report again, with file names as the user gave them."""
    parts = ["consortia", "evaluate", str(study)]
    if data is not None:
        parts += ["--data", str(data)]
    parts += ["--outcome", one.outcome, "--arm", one.arm]
    if draws is not None:
        parts += ["--draws", str(draws)]
    return shlex.join(parts)


def _print_json(value: Any) -> None:
    jsonlib.dump(value, sys.stdout, ensure_ascii=False, indent=1, allow_nan=False)
    sys.stdout.write("\n")


@contextmanager
def _progress(
    silent: bool, steps: int
) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """(say what is being done, one piece done): a bar on stderr, or nothing."""
    if silent:
        yield (lambda text: None), (lambda: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed} of {task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("starting", total=steps)
        yield (
            lambda text: bar.update(task, description=text),
            lambda: bar.advance(task),
        )
