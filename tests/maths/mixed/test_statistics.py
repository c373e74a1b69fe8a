"""Sums per group, chunks and rows say the same."""

from __future__ import annotations

import numpy as np
import pytest
from by_rows import design
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import consortia.maths.mixed.statistics
from consortia.maths.mixed.cross import assemble
from consortia.maths.mixed.model import Term, factors
from consortia.maths.mixed.reml import at
from consortia.maths.mixed.statistics import from_products, from_rows, merge, thin


def _same(a, b) -> None:
    assert (a.n, a.fixed, list(a.units), a.one) == (b.n, b.fixed, list(b.units), b.one)
    np.testing.assert_allclose(a.D, b.D, atol=1e-9)
    for k, u in a.units.items():
        assert u.columns == b.units[k].columns
        np.testing.assert_allclose(u.ZZ, b.units[k].ZZ, atol=1e-9)
        np.testing.assert_allclose(u.ZD, b.units[k].ZD, atol=1e-9)
    for k, t in a.pairs.items():
        np.testing.assert_allclose(_dense(t), _dense(b.pairs[k]), atol=1e-9)


def _dense(table) -> np.ndarray:
    return table.toarray() if sparse.issparse(table) else table


@given(seed=st.integers(0, 1000), weights=st.booleans(), cut=st.integers(1, 59))
def test_chunks_add_up(seed, weights, cut) -> None:
    rows = design(seed, slopes=True, multiple=False, weights=weights, crossed=True)
    whole = rows.statistics()
    parts = []
    for s in (slice(0, cut), slice(cut, None)):
        parts.append(
            from_rows(
                rows.X[s],
                rows.y[s],
                {k: c[s] for k, c in rows.codes.items()},
                units=rows.units,
                random={"a": {"x": rows.random["a"]["x"][s]}},
                shift=whole.shift,
                weights=None if rows.weights is None else rows.weights[s],
            )
        )
    _same(merge(parts), whole)


@given(seed=st.integers(0, 1000), weights=st.booleans(), shifted=st.booleans())
def test_sums_per_group_are_as_good_as_rows(seed, weights, shifted) -> None:
    rows = design(seed, slopes=True, multiple=False, weights=weights, crossed=True)
    n = rows.y.size
    w = np.ones(n) if rows.weights is None else rows.weights
    group = rows.codes["a"] * rows.units["b"] + rows.codes["b"]
    keys, code = np.unique(group, return_inverse=True)
    names = ("1", "x", "x2", "y")
    shift = {"x": 0.7, "y": -2.0} if shifted else {}
    V = np.column_stack([rows.X, rows.y]) - [shift.get(c, 0.0) for c in names]
    products = np.zeros((keys.size, 4, 4))
    np.add.at(products, code, w[:, None, None] * V[:, :, None] * V[:, None, :])
    got = from_products(
        products, np.bincount(code), names, fixed=("1", "x", "x2"), outcome="y", shift=shift,
        codes={"a": keys // rows.units["b"], "b": keys % rows.units["b"]}, units=rows.units,
        random={"a": ("x",)}, log_weight=float(np.log(w).sum()),
    )  # fmt: skip
    want = rows.statistics(fixed=("1", "x", "x2"))
    # At one point, since two searches may stop a hair apart where the likelihood is flat.
    L = factors(np.array([0.8, 0.1, 0.5, 0.7]), rows.terms)
    a, b = at(assemble(got, rows.terms), L, True), at(assemble(want, rows.terms), L, True)
    assert got.n == want.n
    assert got.weight == pytest.approx(want.weight)
    assert a.criterion == pytest.approx(b.criterion, abs=1e-7)
    np.testing.assert_allclose(a.beta[1:], b.beta[1:], rtol=1e-7, atol=1e-10)


def test_rows_of_weight_zero_are_left_out() -> None:
    rows = design(2, slopes=True, multiple=False, weights=True, crossed=True)
    w = rows.weights.copy()
    w[::5] = 0
    keep = w > 0
    got = from_rows(rows.X, rows.y, rows.codes, units=rows.units, random=rows.random, weights=w)
    want = from_rows(
        rows.X[keep], rows.y[keep], {k: c[keep] for k, c in rows.codes.items()}, weights=w[keep],
        units=rows.units, random={"a": {"x": rows.random["a"]["x"][keep]}},
    )  # fmt: skip
    _same(got, want)
    assert got.n == keep.sum()


def test_a_large_table_of_pairs_is_the_small_one() -> None:
    rng = np.random.default_rng(0)
    n = 200
    a, b = rng.integers(0, 900, n), rng.integers(0, 800, n)
    got = from_rows(np.ones((n, 1)), rng.random(n), {"a": a, "b": b}, units={"a": 900, "b": 800})
    want = np.zeros((900, 800))
    np.add.at(want, (a, b), 1)
    assert sparse.issparse(got.pairs["a", "b"])
    np.testing.assert_array_equal(_dense(got.pairs["a", "b"]), want)
    assert isinstance(thin(sparse.csr_array(np.ones((3, 3)))), np.ndarray)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.full(4, np.nan)}, "finite"),
        ({"y": np.ones(3)}, "shape"),
        ({"codes": {"g": np.array([0, 1, 2, -1])}}, "between"),
        ({"weights": np.array([1.0, -1, 1, 1])}, "not negative"),
        ({"shift": np.ones(2)}, "shift"),
    ],
)
def test_bad_rows_are_refused(change, message) -> None:
    given_ = {"X": np.ones((4, 1)), "y": np.arange(4.0), "codes": {"g": np.array([0, 0, 1, 1])}}
    given_.update(change)
    X, y, codes = given_.pop("X"), given_.pop("y"), given_.pop("codes")
    with pytest.raises(ValueError, match=message):
        from_rows(X, y, codes, **given_)


def test_merge_refuses_what_does_not_belong_together() -> None:
    a = from_rows(np.ones((4, 1)), np.arange(4.0), {"g": np.array([0, 0, 1, 1])})
    b = from_rows(np.ones((4, 1)), np.arange(4.0) + 9, {"g": np.array([0, 0, 1, 1])})
    with pytest.raises(ValueError, match="shift"):
        merge([a, b])
    with pytest.raises(ValueError, match="nothing"):
        merge([])
    with pytest.raises(ValueError, match="columns"):
        Term(name="t", by="g", columns=())


def test_rows_in_pieces_make_the_sums_of_all_rows(monkeypatch) -> None:
    rng = np.random.default_rng(8)
    n = 500
    X = np.column_stack([np.ones(n), rng.normal(2020, 1, n)])
    code, z = rng.integers(0, 7, n), rng.standard_normal(n)
    options = {
        "codes": {"g": code}, "random": {"g": {"z": z}}, "weights": rng.uniform(0.5, 2, n),
        "shift": np.array([0.0, 2020.0, 0.5]),
    }  # fmt: skip
    y = rng.standard_normal(n)
    whole = from_rows(X, y, **options)
    monkeypatch.setattr(consortia.maths.mixed.statistics, "_ROWS", 64)
    pieces = from_rows(X, y, **options)
    np.testing.assert_allclose(pieces.D, whole.D, rtol=1e-12)
    np.testing.assert_allclose(pieces.units["g"].ZZ, whole.units["g"].ZZ, rtol=1e-12)
    np.testing.assert_allclose(pieces.units["g"].ZD, whole.units["g"].ZD, rtol=1e-9, atol=1e-10)
    V = np.column_stack([X, y]) - options["shift"]
    np.testing.assert_allclose(whole.D, V.T @ (V * options["weights"][:, None]), rtol=1e-10)
    z[300] = np.nan
    with pytest.raises(ValueError, match="finite"):
        from_rows(X, y, **options)


def test_no_rows_are_an_empty_table() -> None:
    made = from_rows(np.ones((0, 1)), np.ones(0), {"g": np.zeros(0, dtype=np.int64)})
    assert made.n == 0
    assert made.units["g"].ZZ.shape == (0, 1, 1)
