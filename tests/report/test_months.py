from __future__ import annotations

import pytest

from consortia.report.months import months, table

# The published table: months, smallest and largest effect size.
PUBLISHED = [
    (0, -0.01, 0.01),
    (1, 0.02, 0.09),
    (2, 0.10, 0.18),
    (3, 0.19, 0.26),
    (4, 0.27, 0.35),
    (5, 0.36, 0.44),
    (6, 0.45, 0.52),
    (7, 0.53, 0.61),
    (8, 0.62, 0.69),
    (9, 0.70, 0.78),
    (10, 0.79, 0.87),
    (11, 0.88, 0.95),
    (12, 0.96, 1.00),
]


@pytest.mark.parametrize(("count", "low", "high"), PUBLISHED)
def test_both_ends_of_every_row(count: int, low: float, high: float) -> None:
    assert months(low) == count
    assert months(high) == count
    assert months(-high) == -count


def test_effect_is_rounded_to_two_decimals_first() -> None:
    assert months(0.0949) == 1
    assert months(0.095) == 2
    assert months(0.0149) == 0
    assert months(-0.095) == -2


def test_beyond_the_table_is_not_guessed() -> None:
    assert months(1.004) == 12
    assert months(1.01) is None
    assert months(-1.2) is None


def test_table_says_what_it_is() -> None:
    t = table()
    assert "Toolkit" in t.name
    assert t.source
    assert t.status
    assert t.dated.startswith("20")
    assert [m for _, m in t.rows] == list(range(13))
