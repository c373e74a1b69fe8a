"""The commands. Results go to stdout, everything else to stderr; ``--json`` makes stdout one JSON
document. Exit codes: 0 ok, 1 fault of the program, 2 usage, 3 data invalid."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from consortia.cli import appraising, commands, comparing
from consortia.cli.guard import guarded

app = typer.Typer(
    name="consortia",
    help="Does working together work? Evaluate collaborations of schools and colleges.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for the reports; made if it is not there.")
]
StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A study file (consortia init writes one).")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", "-d", help="Folder of the data, instead of the study file's."),
]


def _version(show: bool) -> None:
    if show:
        from consortia.version import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    what: Annotated[
        str,
        typer.Argument(help="schools: did joining help? sector: which mechanism would help?"),
    ] = "schools",
    seed: Annotated[int, typer.Option(min=0, help="Another simulated sector.")] = 7,
    out: Out = Path("consortia-out/demo"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a collaboration in the embedded sector, where the truth is known."""
    with guarded(json):
        if what == "schools":
            commands.demo(seed, out, json, quiet)
        else:
            comparing.demo(what, seed, out, json, quiet)


@app.command("compare")
def compare_mechanisms(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (TOML).")],
    out: Out = Path("consortia-out/compare"),
    mechanism_file: Annotated[
        Path | None,
        typer.Option(help="A Python file that adds mechanisms; it is run, so read it first."),
    ] = None,
    panel: Annotated[
        Path | None,
        typer.Option(help="Folder for the panel an evaluator of each mechanism would see."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes to run on.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another luck.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Which mechanism would help? Try them in a simulated sector before anyone signs."""
    with guarded(json):
        comparing.compare(scenario, out, mechanism_file, panel, workers, seed, json, quiet)


@app.command()
def evaluate(
    study: StudyPath,
    data: Data = None,
    out: Out = Path("consortia-out"),
    outcome: Annotated[
        list[str] | None, typer.Option(help="Only these outcomes of the study file.")
    ] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only these arms.")] = None,
    draws: Annotated[
        int | None, typer.Option(help="Bootstrap draws for the uniform bands (0: none).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Did joining help? Answer a study file from its data and write the report."""
    with guarded(json):
        commands.evaluate(study, data, out, outcome or [], arm or [], draws, json, quiet)


app.command("appraise")(appraising.command)


@app.command()
def shares(
    study: StudyPath,
    data: Data = None,
    out: Out = Path("consortia-out/shares"),
    outcome: Annotated[
        list[str] | None, typer.Option(help="Only these outcomes of the study file.")
    ] = None,
    term: Annotated[
        list[str] | None,
        typer.Option(help="Divide among these, instead of [shares] in the study file."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Where do the differences lie: with collaborations, providers, areas or years?"""
    with guarded(json):
        commands.shares(study, data, out, outcome or [], term or [], json, quiet)


@app.command("check-data")
def check_data(study: StudyPath, data: Data = None, json: Json = False) -> None:
    """Read the data, say everything that is wrong with them, and count what is there."""
    with guarded(json):
        commands.check_data(study, data, json)


@app.command()
def gather(
    folder: Annotated[
        Path,
        typer.Argument(metavar="RAW_FOLDER", help="Folder with published tables, as downloaded."),
    ],
    phase: Annotated[str, typer.Option(help="Key stage of the results: ks2, ks4 or ks5.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tidy tables.")],
    missing: Annotated[
        list[str] | None,
        typer.Option(help="A code for a withheld number, beside SUPP, NE, LOWCOV and the like."),
    ] = None,
    json: Json = False,
) -> None:
    """Make outcomes, providers, memberships and statuses from published tables of schools."""
    with guarded(json):
        commands.gather(folder, phase, out, tuple(missing or ()), json)


@app.command("pupil-sums")
def pupil_sums(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Pupil rows: CSV or Parquet (also a folder or 'part*.parquet')."
        ),
    ],
    outcome: Annotated[str, typer.Option(help="The outcome's column.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File of sums: .parquet, or .json to read by eye.")
    ],
    columns: Annotated[
        str, typer.Option(help="Other numbers to keep, with commas: prior attainment, yes/no.")
    ] = "",
    by: Annotated[
        str, typer.Option(help="Columns that say which group a pupil belongs to.")
    ] = "provider,year",
    weight: Annotated[str, typer.Option(help="Column of weights.")] = "",
    rename: Annotated[
        list[str] | None,
        typer.Option(help="Our name = the file's name of a column: provider=SCHOOL_URN."),
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="A code for a missing number in a CSV file.")
    ] = None,
    minimum: Annotated[
        int, typer.Option(min=1, help="Groups of fewer pupils are left out and counted.")
    ] = 10,
    cell: Annotated[
        int,
        typer.Option(min=1, help="So are groups with fewer pupils on one side of a yes/no column."),
    ] = 3,
    digits: Annotated[
        int, typer.Option(min=0, help="Significant digits of sums; 0 rounds nothing.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sums by provider and year from pupil rows, to take out of a secure setting."""
    with guarded(json):
        from consortia.cli.sums import make

        make(
            file, out, by=by, outcome=outcome, columns=columns, weight=weight,
            rename=rename or [], missing=missing or [], minimum=minimum, cell=cell,
            digits=digits, force=force, json=json, quiet=quiet,
        )  # fmt: skip


@app.command()
def overlap(
    study: StudyPath,
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for overlap.html and overlap.json.")
    ] = None,
    json: Json = False,
) -> None:
    """Who is in what with whom, over time: which structures overlay which."""
    with guarded(json):
        commands.overlap(study, data, out, json)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder with your files (CSV, CSV.gz, Parquet).")
    ] = Path("."),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write a commented study file for your own files."""
    with guarded(json):
        commands.init(folder, out, force, json)


@app.command()
def explain(
    name: Annotated[str | None, typer.Argument(help="A method or check; none lists all.")] = None,
    json: Json = False,
) -> None:
    """What a method or check answers, what it assumes, and when it fails."""
    with guarded(json):
        commands.explain(name, json)


@app.command()
def schema() -> None:
    """The JSON Schema of the study file."""
    with guarded(True):
        commands.schema()


def main() -> None:
    app()


if __name__ == "__main__":
    sys.exit(main())
