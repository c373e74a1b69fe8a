"""Who is in what with whom: counted again by loops over providers and dates."""

import datetime as dt
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from consortia.errors import DataInvalid, NotIdentified
from consortia.specs import Arm, Exposure, Where, Window
from consortia.streams import Streams
from consortia.structures import belonging, overlay

YEARS = range(2014, 2019)
KINDS = ("club", "trust")


@pytest.fixture
def tangle(make_panel):
    """40 providers, 12 collaborations of two kinds, spells that begin and end, one status."""
    rng = Streams(11).rng()
    names = [f"p{i:02}" for i in range(40)]
    joins, statuses = [], []
    for p in names:
        for c in rng.choice(12, size=int(rng.integers(0, 4)), replace=False).tolist():
            start = int(rng.integers(2011, 2019))
            end = start + int(rng.integers(1, 5)) if rng.random() < 0.4 else None
            month = int(rng.integers(1, 13))
            joins.append(
                (p, f"c{c:02}", KINDS[c % 2], f"{start}-{month:02}-15", end and f"{end}-01-10")
            )
        if rng.random() < 0.5:
            statuses.append((p, "academy", f"{int(rng.integers(2012, 2019))}-02-01"))
    panel = make_panel({(p, y): 0.0 for p in names for y in YEARS}, joins, statuses)
    return panel, joins, statuses


def counts(start: str, end: str | None, year: int) -> bool:
    """Joined by 30 September before the results of ``year``, and still a member then."""
    day = dt.date(year - 1, 9, 30)
    return dt.date.fromisoformat(start) <= day and (end is None or dt.date.fromisoformat(end) > day)


def test_counts_by_loops(tangle) -> None:
    panel, joins, statuses = tangle
    found = overlay(panel, Exposure())
    assert found.names == ("club", "trust", "academy")
    held = {
        (name, y): {p for p, _, k, a, b in joins if k == name and counts(a, b, y)}
        for name in KINDS
        for y in YEARS
    } | {("academy", y): {p for p, _, d in statuses if counts(d, None, y)} for y in YEARS}
    for t, y in enumerate(YEARS):
        for i, a in enumerate(found.names):
            for j, b in enumerate(found.names):
                assert found.together[t, i, j] == len(held[a, y] & held[b, y])
    for i, a in enumerate(found.names):
        for j, b in enumerate(found.names):
            either = held[a, 2018] | held[b, 2018]
            assert found.jaccard[i, j] == len(held[a, 2018] & held[b, 2018]) / len(either)
    for t, y in enumerate(YEARS):
        per = Counter(p for p, _, _, a, b in joins if counts(a, b, y))
        for m in range(6):
            assert found.holdings[t, m] == sum(
                min(per[p], 5) == m for p in panel.providers["provider"]
            )


def test_correlations_by_numpy_and_by_regression_on_dummies(tangle) -> None:
    panel, joins, statuses = tangle
    found = overlay(panel, Exposure())
    names = panel.providers["provider"].to_list()
    columns = []
    for name in found.names:
        spells = (
            [(p, d, None) for p, _, d in statuses]
            if name == "academy"
            else [(p, a, b) for p, _, k, a, b in joins if k == name]
        )
        columns.append(
            [
                float(any(q == p and counts(a, b, y) for q, a, b in spells))
                for p in names
                for y in YEARS
            ]
        )
    H = np.array(columns)
    np.testing.assert_allclose(found.correlation, np.corrcoef(H), atol=1e-12)
    n, T = len(names), len(YEARS)
    dummies = np.hstack([np.kron(np.eye(n), np.ones((T, 1))), np.kron(np.ones((n, 1)), np.eye(T))])
    left = H.T - dummies @ np.linalg.lstsq(dummies, H.T, rcond=None)[0]
    np.testing.assert_allclose(found.within, np.corrcoef(left.T), atol=1e-9)


def test_pairs_and_sizes_by_loops(tangle) -> None:
    panel, joins, _ = tangle
    found = overlay(panel, Exposure())
    members = {}
    for p, c, _, a, b in joins:
        members.setdefault(c, set())
        if counts(a, b, 2018):
            members[c].add(p)
    assert dict(zip(found.sizes["collaboration"], found.sizes["members"], strict=True)) == {
        c: len(who) for c, who in members.items()
    }
    shared = {
        (a, b): len(members[a] & members[b])
        for a in members
        for b in members
        if a < b and members[a] & members[b]
    }
    best = sorted(shared.values(), reverse=True)[:20]
    assert found.pairs["shared"].to_list() == best
    for row in found.pairs.iter_rows(named=True):
        a, b = row["first"], row["second"]
        assert row["shared"] == shared[min(a, b), max(a, b)]
        assert row["jaccard"] == pytest.approx(row["shared"] / len(members[a] | members[b]))


def test_window_and_nothing_to_count(tangle, make_panel) -> None:
    panel, _, _ = tangle
    assert overlay(panel, Exposure(), Window(first=2015, last=2017)).years.tolist() == [
        2015, 2016, 2017,
    ]  # fmt: skip
    bare = overlay(make_panel({("a", 2015): 1.0, ("a", 2016): 1.0}), Exposure())
    assert bare.names == ()
    assert bare.holdings.tolist() == [[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert bare.pairs.height == bare.sizes.height == 0
    assert "0 collaborations" in repr(bare)


def test_a_kind_that_never_changes_has_no_correlation_of_changes(make_panel) -> None:
    y = {(p, t): 0.0 for p in "abc" for t in (2015, 2016, 2017)}
    found = overlay(
        make_panel(y, [("a", "T", "trust", "2010-09-01"), ("b", "C", "club", "2015-09-01")]),
        Exposure(),
    )
    assert np.isnan(found.within[1]).all()
    assert found.within[0, 0] == pytest.approx(1)


def test_belonging_takes_the_collaboration_joined_first(make_panel) -> None:
    panel = make_panel(
        {(p, 2015): 1.0 for p in "abcd"},
        [
            ("a", "Z", "trust", "2012-09-01"),
            ("a", "M", "trust", "2014-09-01"),
            ("b", "M", "trust", "2013-09-01"),
            ("b", "M", "trust", "2015-09-01"),
            ("c", "K", "club", "2013-09-01"),
            ("d", "Z", "trust", None),
            ("d", "M", "trust", "2014-09-01"),
        ],
    )
    found = belonging(panel, Arm(kinds=("trust",)), np.array(["d", "c", "b", "a"]))
    assert found.names == ("M", "Z")
    assert found.incidence.toarray().tolist() == [[1, 1], [0, 0], [1, 0], [1, 1]]
    assert found.first.tolist() == [0, -1, 0, 1], "a known date goes before an unknown one"
    assert belonging(panel, Arm(status="academy"), np.array(["a"])) is None


def test_only_those_that_pass_the_filters_take_part(tangle) -> None:
    panel, joins, statuses = tangle
    odd = [p for p in panel.providers["provider"] if int(p[1:]) % 2]
    facts = panel.providers.with_columns(
        odd=pl.col("provider").is_in(odd).cast(pl.Int64), late=pl.col("provider") > "p20"
    )
    panel = replace(panel, providers=facts)
    where = (Where(column="odd", keep=("1",)), Where(column="late", drop=("true",)))
    kept = {p for p in odd if p <= "p20"}
    found = overlay(panel, Exposure(), where=where)
    assert found.providers == len(kept)
    held = {p for p, _, k, a, b in joins if k == "trust" and counts(a, b, 2018)} & kept
    assert found.together[-1, 1, 1] == len(held)
    assert found.together[-1, 2, 2] == len(
        {p for p, _, d in statuses if counts(d, None, 2018)} & kept
    )
    with pytest.raises(DataInvalid, match="odd"):
        overlay(panel, Exposure(), where=(Where(column="od", keep=("1",)),))
    with pytest.raises(NotIdentified, match="no provider passes"):
        overlay(panel, Exposure(), where=(Where(column="odd", keep=("7",)),))
