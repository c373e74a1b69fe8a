"""One place where errors become messages and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from consortia.errors import ConsortiaError, DataInvalid, NotIdentified, Problem

SHOWN = 20
"""Problems of one kind that are printed; ``--json`` has all."""


@contextmanager
def guarded(as_json: bool) -> Iterator[None]:
    """Turn the input's faults into their exit code, with every problem; leave others alone."""
    try:
        yield
    except DataInvalid as error:
        if as_json:
            _emit("data-invalid", str(error).splitlines()[0], error.problems)
        else:
            _print(error.problems)
        raise typer.Exit(error.exit_code) from None
    except NotIdentified as error:
        if as_json:
            _emit("not-identified", str(error), ())
        else:
            print(f"Not identified, because {error.because}.", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        # Reading turns file faults into DataInvalid; what is left is a folder that cannot be used.
        message = f"{error.filename or 'the output folder'}: {error.strerror or error}"
        if as_json:
            _emit("cannot-write", message, ())
        else:
            print(f"Cannot write. {message}. Choose another folder with --out.", file=sys.stderr)
        raise typer.Exit(2) from None
    except ConsortiaError as error:
        if as_json:
            _emit("error", str(error), ())
        else:
            print(str(error), file=sys.stderr)
        raise typer.Exit(error.exit_code) from None


def _emit(kind: str, message: str, problems: tuple[Problem, ...]) -> None:
    records = [
        {name: getattr(p, name) for name in ("file", "row", "column", "found", "problem", "remedy")}
        for p in problems
    ]
    print(
        json.dumps(
            {"error": {"kind": kind, "message": message, "problems": records}}, ensure_ascii=False
        )
    )


def _print(problems: tuple[Problem, ...]) -> None:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    n = len(problems)
    console.print(
        f"{'1 problem' if n == 1 else f'{n:,} problems'} in the input. Nothing was written.",
        style="bold red",
        markup=False,
    )
    kinds: dict[tuple[str, str, str], list[Problem]] = {}
    for p in problems:
        kinds.setdefault((p.file, p.column, p.problem), []).append(p)
    for same in kinds.values():
        for p in same[:SHOWN]:
            console.print(f"  {p}", markup=False)
        if len(same) > SHOWN:
            console.print(
                f"  and {len(same) - SHOWN:,} more of this kind (--json lists all)", markup=False
            )
