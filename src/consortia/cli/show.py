"""What people see on the terminal: the answer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from consortia.results import Evaluation, Shares

STANDS = {
    "overturns": "DOES NOT STAND",
    "close": "barely stands",
    "open": "not known",
    "holds": "stands",
}


def _console() -> Console:
    # Without a terminal (a file, a pipe) nothing says how wide: tables then take what they need.
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=140)


def show_evaluation(e: Evaluation) -> None:
    console = _console()
    console.print()
    console.print(e.title, style="bold", markup=False)
    console.print(f"  {e.verdict.words.upper()}. {e.verdict.sentence}", markup=False)
    unit = e.study.outcomes[e.study.outcome].unit
    row = e.headline
    if row is not None:
        level = e.study.inference.level
        console.print(
            f"  Effect on {e.study.outcome_label}: {row['estimate']:+.2f} {unit} "
            f"({level:.0%} interval {row['low']:+.2f} to {row['high']:+.2f}); "
            f"{row['estimate'] / e.sd:+.3f} standard deviations.",
            markup=False,
        )
        if row.get("truth") is not None:
            console.print(
                f"  The sector is simulated: the true effect is {row['truth']:+.2f}.", markup=False
            )
    table = Table(box=None, padding=(0, 2, 0, 2), show_edge=False)
    table.add_column("From the raw difference to the answer")
    table.add_column(unit, justify="right")
    table.add_column("interval", justify="right")
    for rung in e.ladder:
        if rung.estimate is None or rung.low is None or rung.high is None:
            table.add_row(rung.label, "-", rung.note)
        else:
            table.add_row(
                rung.label, f"{rung.estimate:+.2f}", f"{rung.low:+.2f} to {rung.high:+.2f}"
            )
    console.print(table)
    strength = e.challenge.strength
    if strength is not None:
        console.print(
            f"  Strength of the evidence: {strength.rating} of 5, not higher because "
            f"{strength.reason}.",
            markup=False,
        )
    if e.challenge.threats:
        console.print("  What could overturn this, most dangerous first:", markup=False)
    for threat in e.challenge.threats:
        console.print(f"  [{STANDS[threat.standing]}] {threat.sentence}", markup=False)
    _show_apart(console, e, unit)
    for caution in e.cautions:
        console.print(f"  ! {caution}", markup=False)


def _show_apart(console: Console, e: Evaluation, unit: str) -> None:
    """What the data can tell apart, who else gains or loses, and where it differs: a line each,
    and a table where there are several numbers."""
    told = e.identification
    if told is not None:
        console.print(f"  Told apart: {told.sentence}", markup=False)
        for more in (told.speaks_for, told.silent_on):
            if more:
                console.print(f"    {more}", markup=False)
    if e.area is not None:
        console.print(f"  Neighbours: {e.area.sentence}", markup=False)
        _show_effects(console, "Who gains and who loses", unit, e.area.table)
    if e.by_level is not None:
        console.print(f"  By level: {e.by_level.sentence}", markup=False)
        title = f"Where {e.by_level.label} is"
        _show_effects(console, title, unit, e.by_level.table)
    elif e.by_level_not_identified:
        console.print(
            f"  By level: not identified, because {e.by_level_not_identified}.", markup=False
        )


def _show_effects(console: Console, title: str, unit: str, rows: pl.DataFrame) -> None:
    """label, estimate with its interval, and what to be careful about."""
    table = Table(box=None, padding=(0, 2, 0, 2), show_edge=False)
    table.add_column(title)
    table.add_column(unit, justify="right")
    table.add_column("interval", justify="right")
    table.add_column("")
    for row in rows.iter_rows(named=True):
        known = row["estimate"] is not None
        bounds = f"{row['low']:+.2f} to {row['high']:+.2f}" if row["low"] is not None else "-"
        table.add_row(
            row["label"], f"{row['estimate']:+.2f}" if known else "-", bounds, row["caution"] or ""
        )
    console.print(table)


def bare(label: str) -> str:
    """A label without its article, for tables."""
    return label.removeprefix("a ").removeprefix("an ")


def show_shares(outcome: str, shares: Shares) -> None:
    console = _console()
    console.print()
    console.print(f"Where the differences in {outcome} lie", style="bold", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 2), show_edge=False)
    table.add_column("")
    for column in ("how many", "SD", "share", "interval", "main membership only"):
        table.add_column(column, justify="right")
    for row in shares.parts.iter_rows(named=True):
        known = row["low"] is not None and row["high"] is not None
        table.add_row(
            bare(row["label"]),
            "" if row["levels"] is None else f"{row['levels']:,}",
            f"{row['sd']:.3g}",
            f"{row['share']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}" if known else "-",
            "" if row["alone"] is None else f"{row['alone']:.1%}",
        )
    console.print(table)
    console.print(f"  {shares.rows:,} {shares.rows_of}, {shares.providers:,} providers.")
    for s in shares.standings:
        console.print(
            f"  {bare(s.label)}: {s.named('above'):,} stand out above, "
            f"{s.named('below'):,} below, of {s.table.height:,}.",
            markup=False,
        )
    for caution in shares.cautions:
        console.print(f"  ! {caution}", markup=False)


def show_list(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
    console = _console()
    for title, rows in groups:
        console.print(title, style="bold")
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name, what in rows:
            table.add_row(name, what)
        console.print(table)
    console.print("consortia explain NAME tells more.")


def show_explanation(name: str, fields: dict[str, str], options: dict[str, str]) -> None:
    console = Console(highlight=False)
    console.print(name, style="bold")
    for title, text in fields.items():
        console.print(f"\n{title}", style="bold")
        console.print(text, markup=False)
    if options:
        console.print("\noptions in the study file", style="bold")
        for option, default in options.items():
            console.print(f"  {option} = {default}", markup=False)


def show_gathered(manifest: dict[str, Any], out: Any) -> None:
    console = _console()
    tables = [{"file": t["file"], "rows": t["rows"]} for t in manifest["tables"]]
    notes = [
        {"count": n["count"], "where": n["role"], "column": n["column"], "what": n["what"],
         "found": n["found"]}
        for n in manifest["notes"]
    ]  # fmt: skip
    # Measures down and years across: there are many measures and few years.
    years = [
        {"column": c, **{str(y["year"]): y[c] for y in manifest["years"]}}
        for c in manifest["years"][0]
        if c != "year"
    ]
    _show_rows(
        console,
        [
            ("Read", [{"file": s["name"], "as": s["role"], "rows": s["rows"]}
                      for s in manifest["sources"]]),
            ("Notes", notes),
            ("Definitions that change", manifest["breaks"]),
            ("Known values", years),
            ("Memberships", manifest["memberships"]),
            ("Written", tables),
        ],
    )  # fmt: skip
    console.print(f"In {out}, with manifest.json. Next: consortia init {out}", markup=False)


def show_summary(summary: Any) -> None:
    console = _console()
    _show_rows(console, summary.tables())
    console.print("No problems found.", style="green")


def _show_rows(console: Console, titled: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> None:
    for title, rows in titled:
        console.print(title, style="bold")
        if not rows:
            console.print("  none")
            continue
        table = Table(box=None, padding=(0, 2))
        for column in rows[0]:
            numeric = isinstance(rows[0][column], int | float)
            table.add_column(column, justify="right" if numeric else "left")
        for row in rows:
            table.add_row(
                *(
                    f"{v:,}" if isinstance(v, int) and k != "year" else str(v)
                    for k, v in row.items()
                )
            )
        console.print(table)


def show_overlap(made: dict[str, Any]) -> None:
    """The overlay's document: what is said, then kinds by year, pairs of kinds, most shared."""
    from consortia.report.numerals import shown

    console = _console()
    console.print()
    console.print(made["title"], style="bold", markup=False)
    console.print(f"  {made['sentence']}", markup=False)
    if made["who"]:
        console.print(f"  {made['who']}", markup=False)
    tables = (
        ("kind_columns", made["kinds"]),
        ("between_columns", [r for r in made["between"] if r["both"]]),
        ("membership_columns", made["memberships"]),
        ("size_columns", made["sizes"]),
        ("pair_columns", made["pairs"][:10]),
    )
    for columns, rows in tables:
        if not rows:
            continue
        table = Table(box=None, padding=(0, 2, 0, 2), show_edge=False)
        for column in made[columns]:
            table.add_column(
                column["label"], justify="left" if column["rule"] == "text" else "right"
            )
        for row in rows:
            table.add_row(
                *(
                    str(row[c["name"]]) if c["rule"] == "text" else shown(row[c["name"]], c["rule"])
                    for c in made[columns]
                )
            )
        console.print()
        console.print(table)
