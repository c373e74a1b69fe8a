"""Names of covariates, columns and the past."""

import numpy as np
import pytest
from trials import made, noise, trial_of

from consortia.errors import DataInvalid
from consortia.sensitivity.changes import changes
from consortia.sensitivity.columns import PRIOR, held_columns, named


@pytest.fixture(scope="module")
def trial():
    joined = np.zeros(60, dtype=int)
    joined[:20] = 2003
    facts = {
        "size": [float(i % 7) if i % 11 else None for i in range(60)],
        "region": [["north", "south", "west"][i % 3] for i in range(60)],
    }
    return trial_of(*made(noise(1, 60, 4), joined, facts, covariates=("region",)))


def test_each_name_gives_its_columns(trial) -> None:
    (c,) = changes(trial)
    size, region, past, both = named(trial, ("size", "region", PRIOR, "size + region"), "x")
    a = trial.arrays
    index = [int(p[1:]) for p in a.provider[c.rows]]
    known = np.array([float(i % 7) if i % 11 else np.nan for i in index])
    filled = np.where(np.isfinite(known), known, np.nanmean(known))
    assert size.of(c)[:, 0] == pytest.approx(filled)
    assert not size.held
    assert region.held
    assert held_columns(a, "region") == ([0, 1], [])
    assert region.of(c).shape[1] == 2
    assert past.of(c)[:, 0] == pytest.approx(c.before)
    assert past.label == "score before joining"
    assert both.of(c).shape[1] == 3
    assert both.label == "size and region together"
    assert not both.held


def test_levels_that_only_joiners_have_are_no_column(trial) -> None:
    (c,) = changes(trial)
    plain = trial_of(
        *made(
            noise(1, 60, 4),
            np.array([2003] * 20 + [0] * 40),
            {"region": [["north", "south", "only"][2 if i == 3 else i % 2] for i in range(60)]},
        )
    )
    (d,) = changes(plain)
    (region,) = named(plain, ("region",), "x")
    assert region.of(d).shape[1] == 1
    assert c.rows.size == d.rows.size


def test_unknown_names_are_refused_together(trial) -> None:
    with pytest.raises(DataInvalid, match="Did you mean 'region'") as error:
        named(trial, ("regio", "size + nothing"), "checks.x")
    assert len(error.value.problems) == 2
