from __future__ import annotations

import math

import pytest
import reading
from hypothesis import given
from hypothesis import strategies as st

from consortia.report.numerals import decimals, rounded, shown, ticks


@pytest.mark.parametrize(
    ("value", "rule", "text"),
    [
        (1234567, "count", "1,234,567"),
        (2019, "year", "2019"),
        (0.125, "signed:2", "+0.13"),
        (-0.125, "signed:2", "−0.13"),
        (-0.004, "signed:2", "0.00"),
        (-0.004, "fixed:2", "0.00"),
        (1.005, "fixed:2", "1.01"),
        (0.95, "percent:0", "95%"),
        (0.975, "percent:1", "97.5%"),
        (0.994, "chance", "over 99%"),
        (1.0, "chance", "over 99%"),
        (0.004, "chance", "under 1%"),
        (0.505, "chance", "51%"),
        (0.0004, "p", "<0.001"),
        (0.0123, "p", "0.012"),
        (1.77345, "general", "1.773"),
        (123456.7, "general", "123,457"),
        (83, "general", "83"),
        (0.0000123, "general", "1.230e−05"),
        (None, "signed:2", "–"),
    ],
)
def test_rules(value: float | None, rule: str, text: str) -> None:
    assert shown(value, rule) == text


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match="no rule 'roman'"):
        shown(1.0, "roman")


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_what_is_read_is_what_was_meant(value: float, digits: int) -> None:
    for rule in (f"signed:{digits}", f"fixed:{digits}", "general"):
        read = reading.read_back(shown(value, rule), rule)
        assert read is not None
        assert abs(read[0] - value) <= read[1] + 1e-9 * abs(value)


@given(st.floats(-1e3, 1e3))
def test_half_goes_away_from_zero(value: float) -> None:
    assert rounded(-value, 2) == -rounded(value, 2)


def test_half_goes_away_from_zero_where_binary_would_not() -> None:
    # 0.285 is below 0.285 in binary; readers of the JSON see 0.285.
    assert str(rounded(0.285, 2)) == "0.29"
    assert f"{0.285:.2f}" == "0.28"


@pytest.mark.parametrize(
    ("se", "expected"),
    [(0.15, 2), (0.08, 2), (0.04, 3), (0.5, 1), (6.0, 0), (1e-9, 4), (None, 2), (math.nan, 2)],
)
def test_decimals_follow_the_standard_error(se: float | None, expected: int) -> None:
    assert decimals(se) == expected


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_ticks_cover_at_nice_steps(low: float, width: float) -> None:
    found, digits = ticks(low, low + width)
    assert found[0] <= low + 1e-9 * max(1, abs(low))
    assert found[-1] >= low + width - 1e-6 * width - 1e-9 * max(1, abs(low))
    assert 3 <= len(found) <= 9
    step = found[1] - found[0]
    lead = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(lead - nice) for nice in (1, 2, 5)) < 1e-3
    for value in found:
        assert float(f"{value:.{digits}f}") == pytest.approx(value, abs=1e-9 * max(1, abs(value)))


def test_ticks_refuse_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        ticks(0.0, math.inf)
    assert len(ticks(2.0, 2.0)[0]) >= 2
