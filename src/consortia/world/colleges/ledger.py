"""Double-entry books in whole pence: what one account gains another loses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Pence = NDArray[np.int64]
Words = NDArray[np.uint64]

OUTSIDE = ("treasury", "staff", "agency", "suppliers", "customers", "sponsor")
"""Accounts beside the colleges; every mechanism adds a fund of its own, "fund: <label>"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """``pence`` from ``account`` into the colleges, (n,); negative = out of them.

    With ``to`` the money goes from ``account`` to that account instead, and ``pence`` is (1,).
    """

    flow: str
    account: str
    pence: Pence
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """``cash`` (n,) pence of the colleges and ``accounts`` pence of everybody else; all of it sums
    to zero at every moment."""

    cash: Pence
    accounts: Mapping[str, int]

    @property
    def total(self) -> int:
        return int(self.cash.sum()) + sum(self.accounts.values())


def post(books: Books, postings: Iterable[Posting]) -> Books:
    """The books after these postings.

    Raises ValueError where pence are not whole numbers or a fund would be overdrawn.
    """
    cash, accounts = books.cash.copy(), dict(books.accounts)
    for p in postings:
        if p.pence.dtype != np.int64:
            raise ValueError(f"{p.flow}: money is counted in whole pence")
        amount = int(p.pence.sum())
        accounts[p.account] = accounts.get(p.account, 0) - amount
        if p.to:
            accounts[p.to] = accounts.get(p.to, 0) + amount
        else:
            cash = cash + p.pence
        for name in (p.account, p.to):
            if name.startswith("fund: ") and accounts[name] < 0:
                raise ValueError(f"{p.flow}: {name} would be overdrawn by {-accounts[name]} pence")
    return Books(cash=cash, accounts=accounts)


def pence(pounds: ArrayLike) -> Pence:
    """Whole pence, to the nearest."""
    return np.rint(np.asarray(pounds, dtype=np.float64) * 100).astype(np.int64)


def split(total: int, weight: Floats, key: Words) -> Pence:
    """(n,) whole pence (or posts, or people) that sum to ``total``, in proportion to ``weight``.

    Largest remainders; ties go by key and not by place in the list. Nothing to nobody: with no
    weight at all the answer is all zeros.
    """
    weight = np.maximum(weight, 0.0)
    # Summed in the order of keys: the same bits however the colleges are listed.
    sum_of = float(weight[np.argsort(key)].sum())
    if total <= 0 or sum_of <= 0:
        return np.zeros(weight.size, dtype=np.int64)
    exact = total * (weight / sum_of)
    out = np.floor(exact).astype(np.int64)
    left = total - int(out.sum())
    order = np.lexsort((key, out - exact))
    if left > 0:
        out[order[:left]] += 1
    elif left < 0:
        # Rounding of very large totals: take back where there is something to take.
        for row in order[::-1]:
            taken = min(int(out[row]), -left)
            out[row] -= taken
            left += taken
            if left == 0:
                break
    return out
