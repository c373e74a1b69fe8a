"""The standing exam: every method on every named difficulty, and what each of them teaches."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from consortia.appraisal.designs import Design, by_methods
from consortia.appraisal.tables import diagnoses
from consortia.appraisal.worlds import Run, answer
from consortia.diagnosis import RUNS
from consortia.specs import SyntheticDid
from consortia.streams import Streams
from consortia.study import Study, capital
from consortia.world.difficulties import DIFFICULTIES, Difficulty, exam_study, world

WORTHWHILE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One difficulty's results: DIAGNOSES by method, and of the repair where there is one."""

    name: str
    difficulty: Difficulty
    table: pl.DataFrame
    repaired: dict[str, object] | None


def sit(worlds: int, *, seed: int = 1, workers: int | None = None) -> tuple[Paper, ...]:
    """All methods on all difficulties, ``worlds`` worlds each; numbers do not depend on workers."""
    todo = [
        (name, tuple(range(start, min(start + 5, worlds))), seed)
        for name in DIFFICULTIES
        for start in range(0, worlds, 5)
    ]
    rows: dict[str, list[Run]] = {name: [] for name in DIFFICULTIES}
    for (name, _, _), found in zip(todo, _run(todo, workers), strict=True):
        rows[name] += found
    return tuple(_paper(name, rows[name]) for name in DIFFICULTIES)


def _run(todo: list[tuple[str, tuple[int, ...], int]], workers: int | None) -> Iterator[list[Run]]:
    if workers in (None, 1):
        for item in todo:
            yield on_worlds(*item)
        return
    joblib = importlib.import_module("joblib")
    yield from joblib.Parallel(n_jobs=workers, return_as="generator")(
        joblib.delayed(on_worlds)(*item) for item in todo
    )


def questions() -> dict[str, Study]:
    """The exam's question by every method; the slowest with a quicker variance."""
    asked = by_methods(exam_study(), ("all",))
    out = {study.method.name: study for study in asked}
    quick = SyntheticDid(variance="jackknife")
    out[quick.name] = out[quick.name].with_(method=quick)
    return out


def on_worlds(name: str, numbers: tuple[int, ...], seed: int) -> list[Run]:
    """RUNS of every method, and of the repair under the name "repair", on some worlds."""
    difficulty = DIFFICULTIES[name]
    studies: dict[str, Study] = questions()
    if difficulty.repair is not None:
        studies["repair"] = difficulty.repair(studies["group-time"])
    spec = difficulty.sector
    size = Design(providers=spec.providers, years=len(spec.years))
    out: list[Run] = []
    for k in numbers:
        streams = Streams(seed).at("exam", k)
        made = world(difficulty, streams)
        for called, study in studies.items():
            row = answer(size, spec.trust.first, k, study, made.arrays, streams, WORTHWHILE)
            truth = spec.trust.first if difficulty.as_chosen and row[13] is None else row[9]
            out.append((*row[:4], called, *row[5:9], truth, *row[10:]))
    return out


def _paper(name: str, rows: list[Run]) -> Paper:
    runs = pl.DataFrame(rows, schema=RUNS, orient="row")
    methods = [*questions(), "repair"]
    table = diagnoses(runs, methods, worthwhile=WORTHWHILE, level=0.95, power=0.8)
    repair = table.filter(pl.col("method") == "repair").to_dicts()
    return Paper(
        name=name,
        difficulty=DIFFICULTIES[name],
        table=table.filter(pl.col("method") != "repair"),
        repaired=repair[0] if repair else None,
    )


def page(papers: tuple[Paper, ...], worlds: int, seed: int) -> str:
    """docs/exam.md."""
    spec = papers[0].difficulty.sector
    methods = papers[0].table["method"].to_list()
    error = (0.95 * 0.05 / worlds) ** 0.5
    parts = [
        f"""# The standing exam

Every method on {len(papers)} small sectors whose truth is known, of {spec.providers} schools and
{len(spec.years)} years, {worlds} worlds each (seed {seed}), in points. Made by `make exam`. All
methods are asked the same plain question, with nothing held and no covariates; on knowing of a
difficulty one would ask another, which is the last line of a table. Joining is worth one point
unless said otherwise. Bias and coverage are given with the Monte Carlo error of so few worlds; that
of a coverage of 0.95 is {error:.3f}. See [how it works](methods/appraise.md); `consortia appraise`
runs your own study in this way.

## Bias at a glance

Average error; in bold where it is more than half of the effect, in brackets where chance in the
number of worlds may explain it.
""",
        _glance(papers, methods),
        """
## Coverage at a glance

Share of 95 % intervals that hold the truth; in bold below 0.8.
""",
        _glance(papers, methods, coverage=True),
    ]
    for paper in papers:
        parts.append(_section(paper))
    return "\n".join(parts) + "\n"


def _glance(papers: tuple[Paper, ...], methods: list[str], coverage: bool = False) -> str:
    lines = [
        "| difficulty | " + " | ".join(methods) + " |",
        "|---|" + "---:|" * len(methods),
    ]
    for paper in papers:
        by = {r["method"]: r for r in paper.table.iter_rows(named=True)}
        cells = [_cell(by[m], coverage) for m in methods]
        lines.append(f"| [{paper.difficulty.label}](#{paper.name}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Mapping[str, object], coverage: bool) -> str:
    value = row["coverage" if coverage else "bias"]
    if not isinstance(value, float):
        return "refuses"
    if coverage:
        return f"**{value:.2f}**" if value < 0.8 else f"{value:.2f}"
    truth, mc = row["truth"], row["bias_mc"]
    assert isinstance(truth, float)
    assert isinstance(mc, float)
    if abs(value) <= 2 * mc:
        return f"({value:+.2f})"
    return f"**{value:+.2f}**" if abs(value) > 0.5 * abs(truth) else f"{value:+.2f}"


def _section(paper: Paper) -> str:
    d = paper.difficulty
    rows = [(r["method"], r) for r in paper.table.iter_rows(named=True)]
    if paper.repaired is not None:
        rows.append((f"*{d.repaired}*", paper.repaired))
    lines = [
        f'\n<a id="{paper.name}"></a>\n\n## {capital(d.label)}\n',
        f"{d.does}\n\n{d.teaches}\n",
        "| method | true effect | bias (MC error) | RMSE | coverage (MC error) | mean SE "
        "| spread | refuses |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, r in rows:
        if r["bias"] is None:
            lines.append(f"| {name} | – | – | – | – | – | – | {r['refused']:.0%} |")
            continue
        lines.append(
            f"| {name} | {r['truth']:.2f} | {r['bias']:+.2f} ({r['bias_mc']:.2f}) "
            f"| {r['rmse']:.2f} | {r['coverage']:.2f} ({r['coverage_mc']:.2f}) "
            f"| {r['std_error']:.2f} | {r['sd']:.2f} | {r['refused']:.0%} |"
        )
    return "\n".join(lines)
