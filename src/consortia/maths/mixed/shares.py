"""How the variance divides, and how sure one can be: standard errors, shares, bootstrap, tests.

A share is that of the variance of an average row: with multiple membership a row carries only
``sum of squared weights`` of a collaboration's variance, so shares are taken of
``tr(Z_k (I x Sigma_k) Z_k')`` per row, which for one full membership each is the variance itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from consortia.maths.influence import Floats
from consortia.maths.mixed.degrees import (
    Information,
    SmallSample,
    average_covariance,
    small_sample,
)
from consortia.maths.mixed.model import basis, components, elements
from consortia.maths.mixed.reml import Fit, fit_cross, search
from consortia.maths.mixed.simulate import draw, root
from consortia.maths.mixed.threads import one_thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Share of a term (or of the residual) in the variance of an average row, with an interval."""

    name: str
    variance: float
    share: float
    std_error: float
    low: float
    high: float


def standard_errors(small: SmallSample, kind: Information = "average") -> Floats:
    """Standard errors (m,) of the components."""
    return np.sqrt(np.maximum(np.diag(small.covariance(kind)), 0.0))


def per_row(fit: Fit) -> Floats:
    """M (K + 1, m): variance per row of each term (residual last) = M @ components."""
    found = components(fit.terms)
    M = np.zeros((len(fit.terms) + 1, len(found)))
    for k in range(len(fit.terms)):
        mean: Floats = fit.cross.diagonal(k).sum(axis=0) / fit.cross.weight
        for i, c in enumerate(found):
            if c.term == k:
                M[k, i] = float(np.vdot(mean, basis(c, fit.terms[k].width)))
    M[-1, -1] = fit.cross.n / fit.cross.weight
    return M


def partition(
    fit: Fit, small: SmallSample | None = None, *, level: float = 0.95
) -> tuple[Part, ...]:
    """Shares by the delta method with the average information: on the logit scale, or, for a
    share of zero or one, on the plain scale cut there. A share within two standard errors of zero
    has a long interval: the bootstrap says more. ``small`` where it is there already."""
    named = zip(components(fit.terms), fit.components.tolist(), strict=True)
    if small is None and any(c.is_variance and value <= 0 for c, value in named):
        small = small_sample(fit)
    M = per_row(fit)
    variance = M @ fit.components
    total = float(variance.sum())
    share = variance / total
    slope = (M - np.outer(share, M.sum(axis=0))) / total
    kind: Information = "average"
    if (
        small is not None
        and small.expected is not None
        and (np.diag(small.average) < 1e-6 * np.diag(small.expected)).any()
    ):
        # A variance of zero can leave nothing of its own in the average information.
        kind = "expected"
    known = average_covariance(fit) if small is None else small.covariance(kind)
    V = slope @ known @ slope.T
    se = np.sqrt(np.maximum(np.diag(V), 0.0))
    z = float(stats.norm.ppf(0.5 + level / 2))
    names = [*(t.name for t in fit.terms), "residual"]
    out: list[Part] = []
    for k, name in enumerate(names):
        s, e = float(share[k]), float(se[k])
        if not 0 < s < 1 or e == 0:
            low, high = max(0.0, s - z * e), min(1.0, s + z * e)
        else:
            centre, half = float(np.log(s / (1 - s))), z * e / (s * (1 - s))
            # The logistic function, in the form that cannot overflow.
            low = 0.5 * (1 + float(np.tanh((centre - half) / 2)))
            high = 0.5 * (1 + float(np.tanh((centre + half) / 2)))
        out.append(
            Part(
                name=name,
                variance=float(variance[k]),
                share=s,
                std_error=e,
                low=low,
                high=high,
            )
        )
    return tuple(out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Refits to drawn outcomes: ``components`` (b, m), ``beta`` (b, p), ``shares`` (b, K + 1);
    ``failed`` counts searches that did not settle (they are kept)."""

    components: Floats
    beta: Floats
    shares: Floats
    failed: int

    def intervals(self, what: str, level: float = 0.95) -> Floats:
        """Percentile intervals (2, ...) of "components", "beta" or "shares"."""
        values = {"components": self.components, "beta": self.beta, "shares": self.shares}[what]
        return np.quantile(values, [0.5 - level / 2, 0.5 + level / 2], axis=0)


def bootstrap(fit: Fit, draws: int, rng: np.random.Generator) -> Draws:
    """Parametric bootstrap from the cross-products. ValueError on the sparse path."""
    if draws < 1:
        raise ValueError("a bootstrap needs one draw or more")
    with one_thread():
        made = root(fit.cross)
        theta = _inside(fit)
        M = per_row(fit)
        m, p = len(fit.components), fit.cross.p
        found = np.empty((draws, m))
        beta = np.empty((draws, p))
        failed = 0
        for b in range(draws):
            new = draw(made, fit.point.beta, fit.Sigma, fit.s2, rng)
            again = fit_cross(new, reml=fit.reml, start=theta)
            found[b], beta[b] = again.components, again.beta
            failed += not again.converged
    rows = found @ M.T
    return Draws(
        components=found, beta=beta, shares=rows / rows.sum(axis=1, keepdims=True), failed=failed
    )


def _inside(fit: Fit) -> Floats:
    """Parameters to start from: those of the fit, with variances of zero lifted off it."""
    diagonal = np.array([e.row == e.column for e in elements(fit.terms)])
    return np.where(diagonal & (fit.theta == 0), 0.1, fit.theta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Likelihood-ratio test of fewer against more components. ``reference`` says of what."""

    statistic: float
    p_value: float
    reference: str


def boundary_test(small: Fit, large: Fit) -> Compared:
    """Test of one variance (with its covariances) by the mixture that holds on the boundary.

    One more variance: half chi2(0), half chi2(1); one more random column with c covariances: half
    chi2(c), half chi2(c + 1) (Self & Liang 1987, case 5; Stram & Lee 1994). Exact only as levels
    grow in number; the other variances are taken to lie inside. ValueError for other comparisons
    and for REML fits with different columns of X."""
    if small.reml != large.reml or small.cross.n != large.cross.n:
        raise ValueError("both fits must be of the same rows and by the same criterion")
    if small.reml and small.cross.fixed != large.cross.fixed:
        raise ValueError("REML fits can only be compared with the same columns of X")
    before = {t.name: t for t in small.terms}
    after = {t.name: t for t in large.terms}
    added = [t for name, t in after.items() if name not in before]
    grown = [t for name, t in after.items() if name in before and t.columns != before[name].columns]
    if set(before) - set(after) or len(added) + len(grown) != 1:
        raise ValueError("the larger fit must have exactly one term or column more")
    term = (added + grown)[0]
    was = before[term.name].width if grown else 0
    if term.width != was + 1:
        raise ValueError("more than one variance at once: use bootstrap_test")
    c = was if term.covariance == "full" else 0
    statistic = max(0.0, small.criterion - large.criterion)
    p = 0.5 * float(stats.chi2.sf(statistic, c + 1))
    if c:
        p += 0.5 * float(stats.chi2.sf(statistic, c))
    elif statistic <= 0:
        p = 1.0
    return Compared(statistic=statistic, p_value=p, reference=f"half chi2({c}), half chi2({c + 1})")


def bootstrap_test(large: Fit, term: str, draws: int, rng: np.random.Generator) -> Compared:
    """Test of a whole term against nothing, referred to draws from the model without it."""
    place = [t.name for t in large.terms].index(term)
    free = np.array([e.term != place for e in elements(large.terms)])
    start = np.where(free, _inside(large), 0.0)
    if not free.any():
        raise ValueError("the only term cannot be taken out")
    with one_thread():
        null = search(large.cross, start, large.reml, 100, free=free)
        statistic = max(0.0, null.point.criterion - large.criterion)
        made = root(large.cross)
        Sigma = [null.point.s2 * f @ f.T for f in null.point.solved.L]
        more = 0
        for _ in range(draws):
            new = draw(made, null.point.beta, Sigma, null.point.s2, rng)
            without = search(new, start, large.reml, 100, free=free)
            with_it = fit_cross(new, reml=large.reml, start=_inside(large))
            more += without.point.criterion - with_it.criterion >= statistic
    return Compared(
        statistic=statistic, p_value=(1 + more) / (1 + draws),
        reference=f"{draws:,} draws without {term}",
    )  # fmt: skip
