"""Intervals from the profile likelihood: where twice the log-likelihood falls by chi2(1).

For a standard deviation the criterion is minimised over all else with that deviation held; for a
coefficient y less its part is fitted by ML (Bates et al. 2015, section 5.1). The root is found by
secants in the signed root of the fall, which is nearly a straight line.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from consortia.errors import NotIdentified
from consortia.maths.influence import Floats
from consortia.maths.mixed.cross import Cross, hold, unshift
from consortia.maths.mixed.model import components, elements, factors
from consortia.maths.mixed.reml import (
    Fit,
    Point,
    at,
    derivatives,
    fit_cross,
    newton,
)
from consortia.maths.mixed.threads import one_thread


def deviation_interval(fit: Fit, name: str, *, level: float = 0.95) -> tuple[float, float]:
    """Interval for the standard deviation of a component, by the criterion of the fit.

    ``name`` as in ``model.components``; 0 below where the data allow a variance of zero.
    ValueError for a term with correlated columns (use the bootstrap)."""
    found = components(fit.terms)
    names = [c.name for c in found]
    place = names.index(name)
    chosen = found[place]
    if chosen.term >= 0:
        term = fit.terms[chosen.term]
        if not chosen.is_variance or (term.width > 1 and term.covariance == "full"):
            raise ValueError(
                f"{name!r} belongs to a term with correlated columns: use the bootstrap"
            )
    best = float(np.sqrt(fit.components[place]))
    cut = float(np.sqrt(stats.chi2.ppf(level, 1)))

    def zeta(value: float) -> float:
        if chosen.term < 0:
            fall = _residual(fit, value)
        else:
            fall = _held(fit, place, value)
        return float(np.sqrt(max(fall - fit.criterion, 0.0)))

    with one_thread():
        scale = 0.3 * best if best > 0 else float(np.sqrt(fit.s2)) * 0.05
        high = _root(zeta, best, scale, cut, up=True)
        low = 0.0
        if best > 0 and (chosen.term < 0 or zeta(0.0) > cut):
            low = _root(zeta, best, scale, cut, up=False)
    return low, high


def coefficient_interval(fit: Fit, column: str, *, level: float = 0.95) -> tuple[float, float]:
    """Interval for a coefficient by the profile of the ML criterion."""
    cross = unshift(fit.cross)
    j = cross.fixed.index(column) if column in cross.fixed else -1
    if j < 0:
        raise ValueError(f"no column {column!r} in {cross.fixed}")
    with one_thread():
        top = fit if not fit.reml else fit_cross(cross, reml=False, start=_lifted(fit))
        cut = float(np.sqrt(stats.chi2.ppf(level, 1)))
        start = {"theta": _lifted(top)}

        def zeta(value: float) -> float:
            again = fit_cross(hold(cross, j, value), reml=False, start=start["theta"])
            start["theta"] = _lifted(again)
            return float(np.sqrt(max(again.criterion - top.criterion, 0.0)))

        best, se = float(top.beta[j]), float(top.se[j])
        return (
            _root(zeta, best, se * cut, cut, up=False, open_below=True),
            _root(zeta, best, se * cut, cut, up=True),
        )


def _lifted(fit: Fit) -> Floats:
    diagonal = np.array([e.row == e.column for e in elements(fit.terms)])
    return np.where(diagonal & (fit.theta == 0), 0.1, fit.theta)


def _root(
    zeta: Callable[[float], float], best: float, scale: float, cut: float, *, up: bool,
    open_below: bool = False,
) -> float:  # fmt: skip
    """Where zeta reaches the cut: bracketed first, then regula falsi (Illinois) to 1e-7."""
    sign = 1.0 if up else -1.0
    inner, inner_z = best, 0.0
    step = scale
    outer, outer_z = best, 0.0
    for _ in range(60):
        outer = inner + sign * step
        if not up and not open_below and outer <= 0:
            outer = inner / 2
        outer_z = zeta(outer)
        if outer_z >= cut:
            break
        inner, inner_z = outer, outer_z
        step *= 1.5
    else:
        raise NotIdentified("the likelihood stays flat: no bound was found")
    a, fa, b, fb = inner, inner_z - cut, outer, outer_z - cut
    for _ in range(60):
        x = b - fb * (b - a) / (fb - fa)
        fx = zeta(x) - cut
        if abs(fx) < 1e-8 or abs(b - a) < 1e-10 * max(abs(a), abs(b)):
            return x
        if fx * fb < 0:
            a, fa = b, fb
        else:
            fa /= 2
        b, fb = x, fx
    return b


def _free_criterion(point: Point, reml: bool, tau: float) -> float:
    """The criterion with s2 = exp(tau) as given, not profiled."""
    m = point.dof
    profiled = m * (1 + np.log(2 * np.pi * point.s2))
    return float(
        point.criterion - profiled + m * (np.log(2 * np.pi) + tau) + point.yPy / np.exp(tau)
    )


def _residual(fit: Fit, value: float) -> float:
    """Lowest criterion with the residual deviation held."""
    if value <= 0:
        return np.inf
    tau = 2 * np.log(value)

    def where(x: Floats) -> tuple[Floats, float, Floats, Floats]:
        t = x.size
        return x, tau, np.vstack([np.eye(t), np.zeros(t)]), np.zeros((t, t))

    # From the fit every time: a start from the value before could sit at a variance of zero.
    return _lowest(fit.cross, fit.reml, _lifted(fit), where)


def _held(fit: Fit, place: int, value: float) -> float:
    """Lowest criterion with the standard deviation of one component held."""
    theta = _lifted(fit)
    others = np.arange(theta.size) != place

    def where(x: Floats) -> tuple[Floats, float, Floats, Floats]:
        tau = float(x[-1])
        full = np.empty(theta.size)
        full[others] = x[:-1]
        full[place] = value * np.exp(-tau / 2)
        J = np.zeros((theta.size + 1, x.size))
        J[np.flatnonzero(others), np.arange(x.size - 1)] = 1.0
        J[place, -1] = -full[place] / 2
        J[-1, -1] = 1.0
        second = np.zeros((x.size, x.size))
        second[-1, -1] = full[place] / 4
        return full, tau, J, second

    start = np.append(theta[others], np.log(fit.s2))
    return _lowest(fit.cross, fit.reml, start, where, place)


def _lowest(
    cross: Cross,
    reml: bool,
    x: Floats,
    where: Callable[[Floats], tuple[Floats, float, Floats, Floats]],
    place: int = 0,
) -> float:
    """Lowest criterion by Newton steps in x; ``where`` gives (theta, log s2), their Jacobian in x
    and the second derivative of theta[place]."""

    def look(x: Floats) -> tuple[Point, float]:
        theta, tau, _, _ = where(x)
        point = at(cross, factors(theta, cross.terms), reml)
        return point, _free_criterion(point, reml, tau)

    point, lowest = look(x)
    for _ in range(60):
        _, tau, J, second = where(x)
        g, H = _full(point, reml, tau)
        step, fall = newton(J.T @ g, J.T @ H @ J + g[place] * second)
        if fall < 1e-12:
            break
        length = 1.0
        while length > 1e-6:
            try:
                trial, value = look(x + length * step)
            except np.linalg.LinAlgError:
                value, trial = np.inf, point
            if value <= lowest + 1e-10 * abs(lowest):
                break
            length /= 2
        else:
            break
        x, point, lowest = x + length * step, trial, value
    return lowest


def _full(point: Point, reml: bool, tau: float) -> tuple[Floats, Floats]:
    """Gradient and average-information Hessian in (theta, log s2), s2 = exp(tau) as given."""
    slopes = derivatives(point, reml, s2=float(np.exp(tau)))
    t = slopes.gradient.size
    ratio = point.yPy / np.exp(tau)
    g = np.append(slopes.gradient, point.dof - ratio)
    H = np.empty((t + 1, t + 1))
    H[:t, :t] = slopes.hessian
    H[:t, t] = H[t, :t] = slopes.seen
    H[t, t] = ratio
    return g, H
