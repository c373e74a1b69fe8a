"""Structures that overlay, as one JSON-ready document; its page is rendered from it alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from consortia.report.charts import bars, heat
from consortia.report.tables import clean
from consortia.structures import Overlay
from consortia.study import capital
from consortia.version import __version__

SIZES = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, None))
"""Members of a collaboration, from and to."""


def overlap_document(
    found: Overlay, *, title: str, command: str = "", who: str = ""
) -> dict[str, Any]:
    """Who is in what with whom: ``kinds`` and ``years``; ``together`` one record for each year and
    pair of kinds; ``between`` one record for each pair (shares, Jaccard, correlations in the last
    year and over all); ``memberships`` per provider; ``sizes`` of collaborations; ``pairs`` that
    share most members; every collaboration in ``collaborations``. ``who``: which providers take
    part, in words (all of them without)."""
    labels = list(found.labels)
    K, T = len(labels), int(found.years.size)
    last = found.together[-1]
    alone = np.diag(last)
    share = [[None if not alone[i] else last[i, j] / alone[i] for j in range(K)] for i in range(K)]
    between = [
        {
            "first": labels[i],
            "second": labels[j],
            "both": int(last[i, j]),
            "first_members": int(alone[i]),
            "second_members": int(alone[j]),
            "jaccard": _number(found.jaccard[i, j]),
            "correlation": _number(found.correlation[i, j]),
            "within": _number(found.within[i, j]),
        }
        for i in range(K)
        for j in range(i + 1, K)
    ]
    between.sort(key=lambda r: -(r["jaccard"] or 0))
    year = int(found.years[-1])
    sizes = _sizes(found)
    most = found.holdings.shape[1] - 1
    holdings = [
        {"label": f"{m} or more" if m == most else _count(m), **{
            str(int(y)): int(found.holdings[t, m]) for t, y in enumerate(found.years)
        }}
        for m in range(most + 1)
    ]  # fmt: skip
    made = {
        "schema_version": "1.0",
        "generator": {"name": "consortia", "version": __version__},
        "title": title,
        "command": command,
        "sentence": _sentence(found, between),
        "who": who,
        "providers": found.providers,
        "collaborations_count": found.sizes.height,
        "year": year,
        "years": found.years.tolist(),
        "kinds": [
            {"label": labels[k], **{str(int(y)): int(found.together[t, k, k])
                                    for t, y in enumerate(found.years)}}
            for k in range(K)
        ],
        "kind_columns": [{"name": "label", "label": "Kind", "rule": "text"}, *_years(found)],
        "together": [
            {"year": int(found.years[t]), "first": labels[i], "second": labels[j],
             "both": int(found.together[t, i, j])}
            for t in range(T) for i in range(K) for j in range(i + 1, K)
        ],
        "between": between,
        "between_columns": [
            {"name": "first", "label": "One", "rule": "text"},
            {"name": "second", "label": "The other", "rule": "text"},
            {"name": "both", "label": "Hold both", "rule": "count"},
            {"name": "jaccard", "label": "Both of either", "rule": "percent"},
            {"name": "correlation", "label": "Correlation", "rule": "signed:2"},
            {"name": "within", "label": "Correlation of changes", "rule": "signed:2"},
        ],
        "memberships": holdings,
        "membership_columns": [
            {"name": "label", "label": "Collaborations at once", "rule": "text"}, *_years(found)
        ],
        "sizes": sizes,
        "size_columns": [
            {"name": "kind", "label": "Kind", "rule": "text"},
            {"name": "collaborations", "label": "How many", "rule": "count"},
            {"name": "median", "label": "Median members", "rule": "general"},
            {"name": "largest", "label": "Largest", "rule": "count"},
            {"name": "members", "label": "Memberships", "rule": "count"},
        ],
        "pairs": found.pairs.to_dicts(),
        "pair_columns": [
            {"name": "first_name", "label": "One", "rule": "text"},
            {"name": "first_kind", "label": "Its kind", "rule": "text"},
            {"name": "first_members", "label": "Its members", "rule": "count"},
            {"name": "second_name", "label": "The other", "rule": "text"},
            {"name": "second_kind", "label": "Its kind", "rule": "text"},
            {"name": "second_members", "label": "Its members", "rule": "count"},
            {"name": "shared", "label": "In both", "rule": "count"},
            {"name": "jaccard", "label": "Both of either", "rule": "percent"},
        ],
        "collaborations": found.sizes.to_dicts(),
        "charts": {
            "heat": heat.data(
                labels,
                share,
                title=f"Of those in one kind, the share that is also in another, {year}",
                said="A square of shares: rows are the kind that providers are in, columns what "
                "else they hold at the same time. The tables below give the counts.",
            ),
            "sizes": bars.data(
                _distribution(found), title=f"Sizes of collaborations, {year}",
                unit="collaborations by number of members",
            ),
            "memberships": bars.data(
                [(r["label"], r[str(year)]) for r in holdings],
                title=f"Collaborations that a provider is in at once, {year}",
                unit="providers",
            ),
        },
    }  # fmt: skip
    return clean(made)


def _years(found: Overlay) -> list[dict[str, str]]:
    return [{"name": str(int(y)), "label": str(int(y)), "rule": "count"} for y in found.years]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _count(m: int) -> str:
    return ("none", "one", "two", "three", "four")[m] if m < 5 else str(m)


def _sizes(found: Overlay) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for (kind,), rows in found.sizes.group_by(["kind"], maintain_order=True):
        members = rows["members"].to_numpy()
        members = members[members > 0]
        out.append(
            {
                "kind": kind,
                "collaborations": int(members.size),
                "median": float(np.median(members)) if members.size else None,
                "largest": int(members.max()) if members.size else None,
                "members": int(members.sum()),
            }
        )
    return out


def _distribution(found: Overlay) -> list[tuple[str, int]]:
    members = found.sizes["members"].to_numpy()
    out: list[tuple[str, int]] = []
    for low, high in SIZES:
        here = (members >= low) & (members <= (high or np.inf))
        name = (
            f"{low} and more" if high is None else str(low) if low == high else f"{low} to {high}"
        )
        out.append((name, int(here.sum())))
    return out


def _sentence(found: Overlay, between: list[dict[str, Any]]) -> str:
    year = int(found.years[-1])
    several = int(found.holdings[-1, 2:].sum())
    text = (
        f"In {year}, {several:,} of {found.providers:,} providers are in two or more "
        "collaborations at once."
    )
    close = [r for r in between if r["jaccard"] is not None]
    if close and close[0]["both"]:
        r = close[0]
        text += (
            f" The two that overlay most are {r['first']} and {r['second']}: {r['both']:,} hold "
            f"both, {r['jaccard']:.0%} of those that hold either."
        )
    moved = [r for r in between if r["within"] is not None and abs(r["within"]) >= 0.5]
    if moved:
        r = max(moved, key=lambda r: abs(r["within"]))
        text += (
            f" {capital(r['first'])} and {r['second']} also come and go "
            f"together (correlation of changes {r['within']:.2f}): few providers can tell the "
            "effect of one from that of the other."
        )
    return text
