"""Ranges of the checks of what the data do not show."""

import pytest

from consortia.specs import hidden


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        (hidden.UnseenConfounder, {"times": ()}, "one strength at least"),
        (hidden.UnseenConfounder, {"times": (1.0, 101.0)}, "between 0 and 100"),
        (hidden.Oster, {"rmax": 1.0}, "rmax must lie"),
        (hidden.Rosenbaum, {"size": 0.5}, "size must lie"),
        (hidden.RegressionToMean, {"years": 21}, "years must lie"),
        (hidden.Survivors, {"share": 1.0}, "share must lie"),
        (hidden.InfluentialProviders, {"top": 0.5}, "top must lie"),
        (hidden.InfluentialProviders, {"few": 0}, "few must be"),
        (hidden.InfluentialProviders, {"small": 0.0}, "small must lie"),
        (hidden.PlaceboOutcome, {}, "must name one of the study's outcomes"),
        (hidden.PlaceboOutcome, {"outcome": "x", "size": 0.0}, "size must lie"),
        (hidden.NeverJoiners, {"draws": 18}, "draws must lie"),
        (hidden.NeverJoiners, {"nearest": 0}, "nearest must lie"),
        (hidden.NegativeControl, {}, "must name one of the study's arms"),
        (hidden.NegativeControl, {"arm": "x", "size": 0.6}, "size must lie"),
    ],
)
def test_out_of_range_is_refused(spec, fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        spec(**fields)


def test_names_are_their_own() -> None:
    names = [c.name for c in (hidden.Oster(), hidden.LeeBounds(), hidden.Survivors())]
    assert names == ["oster", "lee-bounds", "survivors"]
