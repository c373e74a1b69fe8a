"""How often an estimator is right: diagnosands of a design, with their Monte Carlo errors.

One entry per simulated world: ``estimate``, ``std_error``, ``low``, ``high`` and the true effect
(W,). Sources: Blair, Cooper, Coppock & Humphreys (2019), "Declaring and diagnosing research
designs" (bias, RMSE, coverage, power as means over worlds); Gelman & Carlin (2014), "Beyond power
calculations" (wrong sign and exaggeration); Morris, White & Crowther (2019), "Using simulation
studies to evaluate statistical methods" (Monte Carlo errors); Bloom (1995) (minimum detectable
effect as a multiple of the standard error).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number and its Monte Carlo standard error; NaN where it is not defined."""

    value: float
    mc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosands:
    """What ``diagnose`` finds; every field in the unit of the estimates, or a share.

    ``detectable``: true effect that would be found significant with ``power_wanted``, were the
    errors of these worlds added to it; ``detectable_plain``: the multiple (2.8 at 95 % and 80 %) of
    the spread of the estimates. ``wrong_sign`` and ``exaggeration`` are among significant estimates
    and NaN where the true effect is zero.
    """

    worlds: int
    truth: float
    estimate: float
    bias: Measure
    rmse: Measure
    spread: Measure
    std_error: Measure
    coverage: Measure
    power: Measure
    detectable: Measure
    detectable_plain: float
    wrong_sign: Measure
    exaggeration: Measure


NOTHING = Measure(value=float("nan"), mc=float("nan"))


def diagnose(
    estimate: Floats,
    std_error: Floats,
    low: Floats,
    high: Floats,
    truth: Floats,
    *,
    level: float = 0.95,
    power_wanted: float = 0.8,
) -> Diagnosands:
    """Diagnosands over W worlds, two at least. Raises ValueError for fewer."""
    W = estimate.size
    if W < 2:
        raise ValueError("a diagnosis needs two worlds at least")
    error = estimate - truth
    centre = float(truth.mean())
    found = (low > 0) | (high < 0)
    spread = float(error.std(ddof=1))
    squared = error**2
    rmse = float(np.sqrt(squared.mean()))
    return Diagnosands(
        worlds=W,
        truth=centre,
        estimate=float(estimate.mean()),
        bias=mean(error),
        # Delta method on the root of a mean.
        rmse=Measure(value=rmse, mc=mean(squared).mc / (2 * rmse) if rmse > 0 else 0.0),
        spread=Measure(value=spread, mc=spread / np.sqrt(2 * (W - 1))),
        std_error=mean(std_error),
        coverage=share((low <= truth) & (truth <= high)),
        power=share(found),
        detectable=detectable(error, low - estimate, high - estimate, power_wanted),
        detectable_plain=multiple(level, power_wanted) * spread,
        wrong_sign=_wrong_sign(estimate, truth, found),
        exaggeration=_exaggeration(estimate, truth, found),
    )


def mean(x: Floats) -> Measure:
    """Mean of (W,) and its standard error; NaN error for one value."""
    if not x.size:
        return NOTHING
    mc = float(x.std(ddof=1) / np.sqrt(x.size)) if x.size > 1 else float("nan")
    return Measure(value=float(x.mean()), mc=mc)


def share(x: Bools) -> Measure:
    """Share of (W,) that is True, with its binomial standard error."""
    if not x.size:
        return NOTHING
    p = float(x.mean())
    return Measure(value=p, mc=float(np.sqrt(p * (1 - p) / x.size)))


def multiple(level: float, power: float) -> float:
    """Of a standard error, so large an effect is found with ``power`` (2.80 for 0.95 and 0.8)."""
    return float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power))


def detectable(error: Floats, below: Floats, above: Floats, power: float) -> Measure:
    """Smallest effect d >= 0 from which on the share of worlds in which an interval
    ``d + error + [below, above]`` leaves out zero is at least ``power``.

    Its Monte Carlo error spans the order statistics one binomial standard error off. It holds where
    the effect does not change the errors; zero where bias alone makes so many significant.
    """
    # Found to be positive at d iff d > -(error + below); to be negative iff d < -(error + above).
    enough = np.sort(-(error + below))
    W = enough.size
    slack = np.sqrt(power * (1 - power) / W)

    def at(p: float) -> float:
        d = max(float(np.quantile(enough, min(max(p, 0.0), 1.0), method="higher")), 0.0)
        # With enough significant the wrong way round, a smaller effect is "found" as well; what is
        # asked is that the effect itself is found.
        return d

    value = at(power)
    return Measure(value=value, mc=(at(power + slack) - at(power - slack)) / 2)


def _wrong_sign(estimate: Floats, truth: Floats, found: Bools) -> Measure:
    """Type S: among significant estimates, the share with the other sign than the true effect."""
    use = found & (truth != 0)
    return share(np.sign(estimate[use]) != np.sign(truth[use]))


def _exaggeration(estimate: Floats, truth: Floats, found: Bools) -> Measure:
    """Type M: among significant estimates, mean of |estimate| over the mean true |effect|."""
    use = found & (truth != 0)
    if not use.any():
        return NOTHING
    return mean(np.abs(estimate[use]) / np.abs(truth[use]).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Power, type S and type M of a normal estimate with known standard error."""

    power: float
    wrong_sign: float
    exaggeration: float


def known(effect: float, std_error: float, level: float = 0.95) -> Known:
    """In closed form, for effect > 0: Gelman & Carlin's retrodesign without simulation
    (Lu, Qiu & Deng 2019). Raises ValueError for an effect or standard error not above zero."""
    if not (effect > 0 and std_error > 0):
        raise ValueError("effect and standard error must be above zero")
    z, d = float(stats.norm.ppf(0.5 + level / 2)), effect / std_error
    up, down = float(stats.norm.sf(z - d)), float(stats.norm.cdf(-z - d))
    power = up + down
    density = float(stats.norm.pdf(z - d) + stats.norm.pdf(-z - d))
    size = (density + d * (up - down)) / power
    return Known(power=power, wrong_sign=down / power, exaggeration=size / d)


def effect_for(power: float, std_error: float, level: float = 0.95) -> float:
    """The effect that ``known`` gives this power: bisection on both tails."""
    top = 2 * multiple(level, power) * std_error
    return float(
        optimize.brentq(lambda d: known(d, std_error, level).power - power, 1e-9 * top, top)
    )
