"""Oster's delta and adjusted effect, against worlds whose unseen index is known."""

import numpy as np
import pytest

from consortia.maths.proportional_selection import adjusted, delta_for, pair
from consortia.streams import Streams


def world(seed: int, delta: float):
    """Moments of X, W1 and Y where Y = beta X + W1 + W2 + noise, with selection ``delta``."""
    rng = Streams(seed).at("oster").rng()
    beta = float(rng.normal())
    s1, s2, noise = rng.uniform(0.3, 2.0, size=3)
    c1 = 0.5 * float(rng.normal())
    c2 = delta * c1 * s2 / s1
    x = 1 + c1**2 / s1 + c2**2 / s2 + float(rng.uniform(0, 2))
    C = np.array([[x, c1, c2], [c1, s1, 0.0], [c2, 0.0, s2]])
    g = np.array([beta, 1.0, 1.0])
    y = C @ g
    total = float(g @ y + noise)
    A = np.array([[x, c1, y[0]], [c1, s1, y[1]], [y[0], y[1], total]])
    return beta, A, (total - noise) / total


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("delta", [1.0, 0.4, 1.7, -0.6])
def test_the_true_effect_and_the_true_delta_come_back(seed: int, delta: float) -> None:
    beta, A, rmax = world(seed, delta)
    p = pair(A)
    found = adjusted(p, rmax, delta)
    assert np.abs(found - beta).min() == pytest.approx(0.0, abs=1e-7)
    assert delta_for(p, rmax, beta) == pytest.approx(delta, rel=1e-6)


def test_the_root_to_report_is_the_true_one_where_selection_is_mild() -> None:
    """Assumption 3 and nearness pick the truth in most worlds of equal selection."""
    right = 0
    for seed in range(200):
        beta, A, rmax = world(1000 + seed, 1.0)
        right += abs(adjusted(pair(A), rmax)[0] - beta) < 1e-7
    assert right >= 190


def test_regressions_are_the_plain_ones() -> None:
    rng = Streams(3).at("rows").rng()
    z = rng.normal(size=(300, 2))
    x = z @ [0.5, 1.0] + rng.normal(size=300)
    y = x + z @ [1.0, -1.0] + rng.normal(size=300)
    M = np.column_stack([x, z, y])
    M = M - M.mean(axis=0)
    p = pair(M.T @ M)
    for columns, beta, r2 in ((M[:, :1], p.beta0, p.r2_0), (M[:, :3], p.beta1, p.r2_1)):
        b = np.linalg.lstsq(columns, M[:, 3], rcond=None)[0]
        rest = M[:, 3] - columns @ b
        assert beta == pytest.approx(b[0], abs=1e-12)
        assert r2 == pytest.approx(1 - rest @ rest / (M[:, 3] @ M[:, 3]), abs=1e-12)


def test_what_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="have to vary"):
        pair(np.zeros((3, 3)))
    A = np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]])
    with pytest.raises(ValueError, match="explain the exposure wholly"):
        pair(A)
