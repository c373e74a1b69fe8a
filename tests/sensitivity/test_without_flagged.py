import polars as pl
import pytest

from consortia.errors import DataInvalid
from consortia.results import Trial
from consortia.sensitivity.without_flagged import flags, run
from consortia.specs import WithoutFlagged
from consortia.streams import Streams


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0, None], [True, False, False]),
        ([True, False, None], [True, False, False]),
        (["yes", "no", " TRUE "], [True, False, True]),
        ([0.5, 0.0, 2.0], [True, False, True]),
    ],
)
def test_flags(values, expected) -> None:
    assert flags(pl.Series(values)).tolist() == expected


def test_unknown_column_is_refused(make_study) -> None:
    trial = Trial(
        arrays=None,  # type: ignore[arg-type]
        study=make_study(),
        facts=pl.DataFrame({"provider": ["a"], "doubtful": [1]}),
        estimate=None,  # type: ignore[arg-type]
        refit=None,  # type: ignore[arg-type]
        cross=None,  # type: ignore[arg-type]
        influence=lambda: None,
        sd=1.0,
    )
    with pytest.raises(DataInvalid, match="Did you mean 'doubtful'"):
        run(trial, WithoutFlagged(column="doutful"), Streams(1).rng())
