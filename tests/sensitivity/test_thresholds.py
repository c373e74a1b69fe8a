"""Words by fixed thresholds."""

import pytest
from scipy import stats

from consortia.sensitivity.thresholds import chance_above, in_words, providers_needed


@pytest.mark.parametrize(
    ("p_positive", "p_worthwhile", "words"),
    [
        (0.90, 0.50, "probably helps"),
        (0.899, 0.50, "cannot tell yet"),
        (0.99, 0.49, "cannot tell yet"),
        (0.99, 0.10, "probably no worthwhile use"),
        (0.10, 0.01, "probably harms"),
        (0.11, 0.01, "probably no worthwhile use"),
        (0.50, 0.30, "cannot tell yet"),
    ],
)
def test_thresholds(p_positive: float, p_worthwhile: float, words: str) -> None:
    assert in_words(p_positive, p_worthwhile) == words


def test_chances() -> None:
    assert chance_above(0.0, 1.96, 1.0, 0) == pytest.approx(0.975, abs=1e-3)
    assert chance_above(0.5, 0.5, 1.0, 7) == pytest.approx(0.5)
    assert chance_above(0.0, 2.0, 1.0, 3) == pytest.approx(stats.t.cdf(2.0, 3))
    assert chance_above(0.0, 2.0, 0.0, 0) == 1.0


def test_providers_needed_is_the_textbook_formula() -> None:
    # Minimum detectable effect at 80 % power and 5 % size is 2.80 standard errors.
    assert providers_needed(0.1, 0.28, 0.95) == pytest.approx(1.0, abs=0.01)
    assert providers_needed(0.2, 0.28, 0.95) == pytest.approx(4.0, abs=0.03)
