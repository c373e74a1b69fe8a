"""How often intervals of the mixed model hold the truth, with 8, 20 and 80 overlapping
collaborations.

Writes docs/methods/mixed-coverage.md. Schools belong to one to three collaborations with weights
that add to one; half of the collaborations run the programme, and a school's exposure is the
weight of its memberships in them. Outcomes are drawn as cross-products from the model itself
(simulate.draw), so what is examined is the inference, not the model."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse, stats

from consortia.maths.mixed.cross import assemble, replace_y
from consortia.maths.mixed.degrees import contrast, small_sample
from consortia.maths.mixed.effects import effects, ranks, stand_out
from consortia.maths.mixed.model import Term
from consortia.maths.mixed.profile import deviation_interval
from consortia.maths.mixed.reml import fit_cross
from consortia.maths.mixed.shares import bootstrap, boundary_test, partition
from consortia.maths.mixed.simulate import draw, root
from consortia.maths.mixed.statistics import from_rows
from consortia.streams import Streams

PAGE = Path(__file__).resolve().parents[2] / "docs" / "methods" / "mixed-coverage.md"
TRUTH = {"collaboration": 0.06, "school": 0.09, "residual": 0.85}
BETA = np.array([0.0, 0.10, 0.05, 0.60])
Z = float(stats.norm.ppf(0.975))
REPEATS, PROFILED, BOOTSTRAPPED, DRAWS, TESTED = 400, 120, 40, 99, 120


def build(C: int):
    rng = Streams(20261122).at("mixed-coverage", C).rng()
    schools, pupils = 5 * C, 15
    rows, cols, weights = [], [], []
    for j in range(schools):
        m = int(rng.integers(1, 4))
        rows += [j] * m
        cols += list(rng.choice(C, m, replace=False))
        weights += list(rng.dirichlet(np.ones(m)))
    W = sparse.csr_array((weights, (rows, cols)), shape=(schools, C))
    code = np.repeat(np.arange(schools), pupils)
    exposure = np.asarray(W @ (np.arange(C) % 2))[code]
    X = np.column_stack(
        [np.ones(code.size), exposure, rng.standard_normal(schools)[code],
         rng.standard_normal(code.size)]
    )  # fmt: skip
    y = rng.standard_normal(code.size)
    statistics = from_rows(X, y, {"school": code}, fixed=("1", "exposure", "school x", "pupil x"))
    multiple = Term(name="collaboration", by="school", members=W)
    largest = np.asarray(W.argmax(axis=1)).ravel()
    single = sparse.csr_array((np.ones(schools), (np.arange(schools), largest)), shape=(schools, C))
    naive = Term(name="collaboration", by="school", members=single)
    school = Term(name="school", by="school")
    return statistics, (school, multiple), (school, naive)


def run(C: int) -> dict[str, float]:
    statistics, terms, naive_terms = build(C)
    cross, naive_cross = assemble(statistics, terms), assemble(statistics, naive_terms)
    made = root(cross)
    Sigma = [np.array([[TRUTH["school"]]]), np.array([[TRUTH["collaboration"]]])]
    beta = BETA.copy()
    beta[0] += float(cross.shift[:-1] @ beta)
    hits: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        hits.setdefault(name, []).append(float(value))

    share = TRUTH["collaboration"] * per_row_share(cross) / total_row(cross)
    for r in range(REPEATS):
        rng = Streams(20261122).at("mixed-coverage", C, r).rng()
        drawn = draw(made, beta, Sigma, TRUTH["residual"], rng)
        got = fit_cross(drawn)
        small = small_sample(got)
        for j, name in ((1, "exposure"), (2, "school x"), (3, "pupil x")):
            c = np.eye(4)[j]
            for method in ("kenward-roger", "satterthwaite"):
                low, high = contrast(small, c, method=method).interval()
                note(f"{name} {method}", low <= BETA[j] <= high)
            note(f"{name} normal", abs(got.beta[j] - BETA[j]) <= Z * got.se[j])
        part = {p.name: p for p in partition(got, small)}["collaboration"]
        note("collaboration at zero", part.share == 0)
        note("share delta", part.low <= share <= part.high)
        note("collaboration variance", got.components[1])
        other = fit_cross(replace_terms(naive_cross, drawn))
        note("collaboration variance, one membership only", other.components[1])
        note(
            "exposure normal, one membership only",
            abs(other.beta[1] - BETA[1]) <= Z * other.se[1],
        )
        if r < PROFILED:
            low, high = deviation_interval(got, "collaboration")
            note("collaboration deviation profile", low <= TRUTH["collaboration"] ** 0.5 <= high)
            low, high = deviation_interval(got, "school")
            note("school deviation profile", low <= TRUTH["school"] ** 0.5 <= high)
        if r < BOOTSTRAPPED and C <= 20:
            low, high = bootstrap(got, DRAWS, rng).intervals("shares")
            note("share bootstrap", low[1] <= share <= high[1])
        if r < TESTED:
            tests(cross, made, beta, C, r, note)
    return {k: float(np.mean(v)) for k, v in hits.items()}


def tests(cross, made, beta, C: int, r: int, note) -> None:
    """Boundary test without an effect of collaborations; predicted effects, ranks and who stands
    out where their effects are drawn beforehand and known."""
    rng = Streams(20261122).at("mixed-coverage", C, r, "tests").rng()
    none = [np.array([[TRUTH["school"]]]), np.array([[0.0]])]
    drawn = draw(made, beta, none, TRUTH["residual"], rng)
    large = fit_cross(drawn)
    schools = drawn.levels[0]
    alone = hold_to_first(drawn)
    found = boundary_test(fit_cross(alone), large)
    note("boundary test rejects what is not there (5%)", found.p_value <= 0.05)
    note("the same by plain chi-squared of one", stats.chi2.sf(found.statistic, 1) <= 0.05)
    u = np.concatenate(
        [
            TRUTH["school"] ** 0.5 * rng.standard_normal(schools),
            TRUTH["collaboration"] ** 0.5 * rng.standard_normal(C),
        ]
    )
    got = fit_cross(with_effects(made, beta, u, rng))
    guess = effects(got, "collaboration")
    truth = u[schools:]
    out = stand_out(guess, rate=0.05)
    named = out.above | out.below
    if named.any():
        note("named as standing out, wrong sign", np.mean((out.above[named]) != (truth[named] > 0)))
    note("named as standing out, share of all", named.mean())
    if got.components[1] > 0:
        order = ranks(got, guess, rng, draws=400)
        rank = stats.rankdata(-truth)
        note("rank interval", np.mean((order.low <= rank) & (rank <= order.high)))
        note(
            "predicted effect, comparative",
            np.mean(np.abs(guess.u[:, 0] - truth) <= Z * guess.se()),
        )


def hold_to_first(cross):
    """The model without its second term."""
    q = cross.levels[0]
    return replace(
        cross, terms=cross.terms[:1], order=(), offset=cross.offset[:1], levels=cross.levels[:1],
        N12=np.zeros((q, 0)), N22=np.zeros((0, 0)), R=cross.R[:q], store={},
    )  # fmt: skip


def with_effects(made, beta, u, rng):
    """An outcome with the effects u (q,) given and errors drawn."""
    cross = made.cross
    base = draw(made, beta, [np.zeros((1, 1))] * 2, TRUTH["residual"], rng)
    N = sparse.block_array([[cross.within(), cross.N12], [cross.N12.T, cross.N22]], format="csr")
    Nu, p = N @ u, cross.p
    Dy = base.D[:, -1].copy()
    Dy[:p] += cross.R[:, :p].T @ u
    Dy[p] += 2 * float(u @ base.R[:, -1]) + float(u @ Nu)
    return replace_y(cross, base.R[:, -1] + Nu, Dy)


def per_row_share(cross) -> float:
    return float(cross.diagonal(1).sum() / cross.weight)


def total_row(cross) -> float:
    return TRUTH["school"] + TRUTH["collaboration"] * per_row_share(cross) + TRUTH["residual"]


def replace_terms(naive, drawn):
    """The one-membership model with the drawn outcome: its sums by school are those of the
    other."""
    schools = drawn.R[: drawn.q1, -1]
    single = naive.terms[1].members.T @ schools
    return replace_y(naive, np.concatenate([schools, single]), drawn.D[:, -1])


def main() -> None:
    started = time.process_time()
    sizes = (8, 20, 80)
    columns = {C: run(C) for C in sizes}
    names: list[str] = []
    for C in sizes:
        names += [k for k in columns[C] if k not in names]
    lines = [
        "# Coverage of the mixed model's intervals",
        "",
        "Written by `scripts/simulation/mixed_coverage.py`. Schools (five per collaboration, 15",
        "pupils each) belong to one to three collaborations; half of the collaborations run a",
        "programme, and exposure is a school's weight in them. Truth: variances "
        + ", ".join(f"{k} {v}" for k, v in TRUTH.items())
        + ".",
        f"{REPEATS:,} drawn outcomes per column ({TESTED} for profiles, tests and effects,",
        f"{BOOTSTRAPPED} with"
        f" {DRAWS} draws each for the bootstrap): a share of 0.95 has a Monte Carlo error of",
        f"{(0.95 * 0.05 / REPEATS) ** 0.5:.3f}, {(0.95 * 0.05 / PROFILED) ** 0.5:.3f} and "
        f"{(0.95 * 0.05 / BOOTSTRAPPED) ** 0.5:.3f}. They are meant to hold it in 0.95.",
        "",
        "| what | " + " | ".join(f"{C} collaborations" for C in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for name in names:
        cells = [f"{columns[C][name]:.3f}" if name in columns[C] else "" for C in sizes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "How to read it. Few collaborations mean few degrees of freedom for what is decided by",
        "collaboration: normal intervals for exposure are too short, Kenward–Roger ones are not.",
        "Delta intervals of a share err on the long side with few collaborations. Percentile",
        "intervals of the bootstrap are short there. Profile intervals hold. Pretending that every",
        "school has one collaboration moves variance from collaborations to schools. The boundary",
        "test stays below its 5% with few collaborations, plain chi-squared more so. Predicted",
        "effects take the components as known: with eight collaborations their intervals are",
        "short, with eighty they nearly hold. Of those named as standing out about the 5% that",
        "were asked for, or fewer, have the other sign.",
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    print(f"{time.process_time() - started:.0f} CPU seconds")


if __name__ == "__main__":
    main()
