"""Provider and year effects, one coefficient for being a member."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consortia.errors import NotIdentified
from consortia.maths import absorption
from consortia.maths.influence import Influence
from consortia.maths.paths import moments, path_codes
from consortia.panel import Arrays, FlowStep
from consortia.results import EffectKey, Fit
from consortia.specs import TwoWay
from consortia.study import Study

Floats = NDArray[np.float64]


def fit(arrays: Arrays, spec: TwoWay, study: Study, rng: np.random.Generator) -> Fit:
    """Least squares of the outcome on exposure, held arms and covariates by year, with provider and
    year effects. Fixed covariates are absorbed by the provider effects.

    Raises NotIdentified when exposure cannot be told apart from the rest. Takes no randomness.
    """
    notes: list[str] = []
    if arrays.X_names:
        notes.append(f"{', '.join(arrays.X_names)}: fixed, so absorbed by the provider effects")
    plain = not arrays.hold and arrays.Z.shape[2] == 0 and arrays.on is None and arrays.dose is None
    W, caution = (arrays.W, "") if plain else _with_covariates(arrays)
    fast = _balanced(arrays) if plain else None
    if fast is not None:
        beta, influence, N, n, periods, parts, kept = fast
    else:
        beta, influence, N, n, periods, parts, kept, lost = _general(arrays, W)
        caution = "; ".join(filter(None, (caution, lost)))
    nested, counted = dof_factors(N, kept, n, periods, parts)
    notes.append(
        f"standard error: (N-1)/(N-K) counts K = {kept + periods - parts + 1:,} coefficients, "
        "provider effects nested in clusters left out; counting them too would multiply the "
        f"standard error by {np.sqrt(counted / nested):.6g}"
    )
    seen = W > 0
    exposed = (arrays.held & seen).any(axis=1)
    switches = exposed & (~arrays.held & seen).any(axis=1)
    if arrays.dose is not None:
        notes.append(
            "the effect is that of one unit more of the dose, taken to be the same for each"
        )
    several = seen.sum(axis=1) > 1
    return Fit(
        method="two-way",
        keys=(EffectKey(estimand="two-way"),),
        theta=np.array([beta]),
        influence=influence,
        n_treated=np.array([int((switches & several).sum())]),
        n_control=np.array([int((~switches & several).sum())]),
        cautions=(caution,),
        headline=0,
        small_sample="regression",
        dof_factor=nested,
        flow=_flow(seen, several),
        notes=tuple(notes),
    )


def dof_factors(N: int, p: int, n: int, periods: int, parts: int = 1) -> tuple[float, float]:
    """(N-1)/(N-K) with provider effects not counted (nested in the clusters), and with all counted.

    N cells, p regressors, n providers, ``periods`` years, ``parts`` connected components.
    """

    def factor(K: int) -> float:
        return (N - 1) / (N - K) if N > K else float("nan")

    return factor(p + periods - parts + 1), factor(p + n + periods - parts)


def _with_covariates(arrays: Arrays) -> tuple[Floats, str]:
    """Cell weights without the cells that lack a covariate, and how many those are."""
    gaps = (arrays.W > 0) & ~np.isfinite(arrays.Z).all(axis=2)
    if not gaps.any():
        return arrays.W, ""
    left_out = f"{int(gaps.sum()):,} provider-years without covariates left out"
    return np.where(gaps, 0.0, arrays.W), left_out


def _flow(seen: NDArray[np.bool_], several: NDArray[np.bool_]) -> tuple[FlowStep, ...]:
    single = seen.any(axis=1) & ~several
    steps = [
        FlowStep(
            step="compared with their own past",
            providers=int(several.sum()),
            provider_years=int(seen[several].sum()),
            why="every provider with two years or more",
            kind="end",
        )
    ]
    if single.any():
        step = FlowStep(
            step="seen in a single year",
            providers=int(single.sum()),
            provider_years=int(single.sum()),
            why="no other year of its own to compare with",
        )
        steps.insert(0, step)
    return tuple(steps)


def _balanced(
    arrays: Arrays,
) -> tuple[float, Influence, int, int, int, int, int] | None:
    """From cohort moments: without gaps, and with one weight per provider, exposure less its
    provider and year means depends on the cohort alone."""
    Y, W, w = arrays.Y, arrays.W, arrays.w
    n, T = Y.shape
    if not np.isfinite(Y.sum()) or T < 2:
        return None
    w = W[:, 0]
    if not (w > 0).all() or any(not np.array_equal(W[:, t], w) for t in range(1, T)):
        return None
    path, cohort, _ = path_codes(arrays.cohort, np.zeros(n, dtype=np.int64), T)
    weight = None if (w == w[0]).all() else w
    M = moments(Y, weight, path, cohort.size)
    D = (np.arange(T) >= cohort[:, None]).astype(np.float64)
    share = M.weight / M.weight.sum()
    year = share @ D
    X = D - D.mean(axis=1, keepdims=True) - year + year.mean()
    total = float(M.weight @ (X**2).sum(axis=1))
    if total <= 1e-10 * max(float(M.weight @ D.sum(axis=1)), 1e-300):
        raise NotIdentified(_SAME)
    beta = float(M.weight @ (X * M.mean).sum(axis=1)) / total
    # Rows of X sum to zero, so that provider effects fall out of a provider's score.
    level = share @ (M.mean - beta * D)
    B = np.empty((cohort.size, 1, T + 1))
    B[:, 0, :T] = X / total
    B[:, 0, T] = (X * (M.mean - level - beta * D)).sum(axis=1) / total
    influence = Influence(
        Z=Y, path=path, B=B, centre=M.mean, scale=weight, moments=M.cross,
        order=(M.order, M.starts),
    )  # fmt: skip
    return beta, influence, n * T, n, T, 1, 1


_SAME = (
    "exposure moves with the provider and year effects alone: everybody seen joins in the same "
    "year, or nobody is seen both before and after joining"
)


def _general(arrays: Arrays, W: Floats) -> tuple[float, Influence, int, int, int, int, int, str]:
    Y, Z = arrays.Y, arrays.Z
    names = [f"{held.label} (held)" for held in arrays.hold] + list(arrays.Z_names)
    caution: list[str] = []
    p = len(names) + 1
    middle = _middle(Z, W)

    def columns(start: int, stop: int) -> Floats:
        out = np.empty((stop - start, Y.shape[1], p))
        out[:, :, : p - 1] = _others(arrays, middle, start, stop)
        out[:, :, p - 1] = (arrays.held if arrays.dose is None else arrays.dose)[start:stop]
        return out

    found = absorption.absorb(Y, W, columns, p)
    keep, lost = absorption.independent(found.A, found.raw)
    if p - 1 in lost:
        raise NotIdentified(_why_collinear(found, names))
    for j in lost:
        what = "does not vary" if found.raw[j] <= 0 else "is collinear with the other columns"
        caution.append(f"{names[j]} {what} within providers and is left out")
    kept = np.array(keep, dtype=np.int64)
    inverse = np.linalg.inv(found.A[np.ix_(kept, kept)])
    beta = inverse @ found.b[kept]
    score = absorption.scores(Y, W, columns, p, found, kept, beta)
    # The scores sum to zero at the solution; what rounding left over is one more Newton step.
    beta = beta + inverse @ score.sum(axis=0)
    influence = Influence(psi=score @ inverse[:, -1:])
    return (
        float(beta[-1]),
        influence,
        found.cells,
        found.providers,
        found.periods,
        found.parts,
        kept.size,
        "; ".join(caution),
    )


def beside_exposure(arrays: Arrays) -> tuple[Floats, Floats]:
    """Cell weights (n, T) of the regression, and its columns beside exposure (n, T, h + q)."""
    W, _ = _with_covariates(arrays)
    return W, _others(arrays, _middle(arrays.Z, W), 0, arrays.n)


def _middle(Z: Floats, W: Floats) -> Floats:
    # About the mean: a covariate such as a year number would lose its digits otherwise.
    used = (W > 0).astype(np.float64)
    total = np.einsum("it,itq->q", used, np.where(used[:, :, None] > 0, Z, 0.0))
    return total / max(used.sum(), 1.0)


def _others(arrays: Arrays, middle: Floats, start: int, stop: int) -> Floats:
    """Held arms and covariates by year of some providers."""
    h = len(arrays.hold)
    out = np.empty((stop - start, arrays.T, h + middle.size))
    for j, held in enumerate(arrays.hold):
        out[:, :, j] = (held.on if held.dose is None else held.dose)[start:stop]
    out[:, :, h:] = arrays.Z[start:stop] - middle
    return out


def _why_collinear(found: absorption.Absorbed, names: list[str]) -> str:
    """Which column exposure cannot be told apart from."""
    last = len(names)
    if found.raw[last] <= 0 or found.A[last, last] <= 1e-10 * found.raw[last]:
        return _SAME
    for j, name in enumerate(names):
        pair = np.array([j, last])
        if absorption.independent(found.A[np.ix_(pair, pair)], found.raw[pair])[1] == [1]:
            return f"exposure cannot be told apart from {name}: the two move together exactly"
    return f"exposure cannot be told apart from {', '.join(names)} taken together"


def truth(arrays: Arrays, spec: TwoWay, study: Study, fit: Fit) -> Floats:
    """Weighted mean of the known effect over exposed cells: what a reader takes the number for.

    Not the coefficient that the known effects would give, whose weights may be negative.
    """
    if arrays.truth is None:
        return np.full(1, np.nan)
    W = np.where(arrays.held & np.isfinite(arrays.truth), arrays.W, 0.0)
    total = W.sum()
    effect = np.where(W > 0, np.nan_to_num(arrays.truth), 0.0)
    return np.array([np.einsum("it,it->", W, effect) / total if total > 0 else np.nan])
