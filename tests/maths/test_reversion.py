"""What comes back by itself, in worlds where it is known: (1 - rho) of the dip."""

import numpy as np
import pytest

from consortia.maths.reversion import share_returning
from consortia.streams import Streams


def results(rho: float, n: int, T: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A level of each provider's own, and chance around it that lasts (AR(1), variance 1)."""
    rng = Streams(seed).at("ar").rng()
    level = 0.5 * rng.normal(size=n)
    e = np.empty((n, T))
    e[:, 0] = rng.normal(size=n)
    for t in range(1, T):
        e[:, t] = rho * e[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return level[:, None] + e, e


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_those_picked_for_a_bad_year_come_back_as_foretold(rho: float) -> None:
    Y, e = results(rho, 40_000, 6, 1)
    picked = e[:, 3] + 0.5 * Streams(1).at("pick").rng().normal(size=e.shape[0]) < -1.2
    rest = ~picked
    base, before, after = Y[:, 3], Y[:, :3].mean(axis=1), Y[:, 4:].mean(axis=1)
    dip = (base - before)[picked].mean() - (base - before)[rest].mean()
    back = (after - base)[picked].mean() - (after - base)[rest].mean()
    # Among all, since the rest are picked as well (for not having had a bad year).
    share = share_returning(base, before, after, np.ones(base.size))
    assert share is not None
    assert dip < -0.5
    assert -share * dip == pytest.approx(back, abs=0.05)
    # The formula: (1 - rho) of the dip from the level, averaged over the years after.
    lasting = np.mean([rho, rho**2])
    deep = e[picked, 3].mean() - e[rest, 3].mean()
    assert back == pytest.approx(-(1 - lasting) * deep, abs=0.04)
    theory = (1 - lasting) / (1 - np.mean([rho, rho**2, rho**3]))
    assert share == pytest.approx(theory, abs=0.03)


def test_levels_alone_do_not_come_back() -> None:
    level = np.linspace(-1, 1, 50)
    assert share_returning(level, level, level, np.ones(50)) is None
