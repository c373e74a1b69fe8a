"""Competition and place as columns of the panel, by provider and year.

The columns can then be covariates, parts of the decomposition, or what an effect is split by. All
are about others within reach, of the same ``within`` where that is set, that have results that
year.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from consortia.arms import memberships_of
from consortia.errors import NotIdentified, did_you_mean
from consortia.exposure import first_years
from consortia.maths import competition as algebra
from consortia.maths.competition import Ties
from consortia.maths.places import Near
from consortia.naming import check_names
from consortia.nearby import cohort_of, everyone, pairs_of
from consortia.panel import Note, Panel
from consortia.specs import Arm, Competition, Exposure
from consortia.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


COLUMNS = {
    "rivals": "others within reach",
    "pressure": "places at others within reach, the nearer the more, as a multiple of one's own",
    "concentration": "Herfindahl index of enrolment within reach, everyone on their own",
    "owned_concentration": "the same with the members of one collaboration as one",
    "rivals_joined": "share of the rivals that have joined (0 without rivals)",
    "rivals_together": "share of the rivals in a collaboration with it (0 without rivals)",
}
"""The columns made, and what each is."""


def with_competition(
    panel: Panel,
    spec: Competition,
    arm: Arm | None = None,
    rule: Exposure | None = None,
    pairs: Near | None = None,
) -> Panel:
    """The panel with COLUMNS beside its outcomes; the last three only with an ``arm`` of
    collaborations. ``pairs``, by row of nearby.everyone, replaces distance (travel times).

    Values are missing where the provider's place is not known. Raises NotIdentified where places,
    ``size`` or ``within`` are not there, ValueError where a column would be overwritten.
    """
    rule = rule or Exposure()
    taken = [c for c in spec.columns(arm) if c in panel.outcomes.columns]
    if taken:
        raise ValueError(f"the outcomes already have {', '.join(taken)}")
    index = everyone(panel)
    years = panel.outcomes["year"].unique().sort().to_numpy().astype(np.int64)
    if pairs is None:
        pairs = pairs_of(panel, index, spec.radius_km, spec.within)
    elif pairs.n != index.height:
        raise ValueError(f"pairs are of {pairs.n} providers, the panel has {index.height}")
    i, t = _cells(panel, index, years)
    size, filled = _size(panel, spec, i, t, (index.height, years.size))
    found = {
        "rivals": algebra.rivals(pairs, size),
        "pressure": algebra.pressure(pairs, size, spec.kernel),
        "concentration": algebra.herfindahl(pairs, size),
    }
    if arm is not None:
        cohort = cohort_of(panel, index, arm, rule, years)
        on = np.arange(years.size) >= cohort[:, None]
        links = _ties(panel, index, arm, rule, years)
        shared = algebra.shared_years(pairs, links)
        alone = found["rivals"] == 0
        found["owned_concentration"] = algebra.herfindahl(pairs, size, _owner(links))
        joined = algebra.share_on(pairs, on, size)
        together = algebra.share_tied(pairs, shared, size)
        found["rivals_joined"] = np.where(alone, 0.0, joined)
        found["rivals_together"] = np.where(alone, 0.0, together)
    columns = {
        name: pl.Series(values=values[i, t]).fill_nan(None) for name, values in found.items()
    }
    notes = [
        Note(role="places", what="providers without a place: no competition known",
             count=int((~pairs.known).sum())),
        Note(role="outcomes", what="enrolment missing, taken from the provider's nearest year",
             count=filled, column=spec.size),
    ]  # fmt: skip
    return replace(
        panel,
        outcomes=panel.outcomes.with_columns(**columns),
        notes=(*panel.notes, *(note for note in notes if note.count)),
    )


def for_study(panel: Panel, study: Study) -> Panel:
    """The panel with the columns that the study's ``competition`` asks for, if it does.

    Raises DataInvalid where the study names what the panel does not have.
    """
    if study.competition is None:
        return panel
    check_names(panel, study, made_for(study))
    arm = study.arms[study.arm]
    return with_competition(panel, study.competition, arm if arm.kinds else None, study.exposure)


def made_for(study: Study) -> tuple[str, ...]:
    """Names of the columns that :func:`for_study` adds."""
    return () if study.competition is None else study.competition.columns(study.arms[study.arm])


def _cells(panel: Panel, index: pl.DataFrame, years: Ints) -> tuple[Ints, Ints]:
    rows = panel.outcomes.select("provider").join(
        index, on="provider", how="left", maintain_order="left"
    )["row"]
    t = np.searchsorted(years, panel.outcomes["year"].to_numpy().astype(np.int64))
    return rows.to_numpy(), t


def _size(
    panel: Panel, spec: Competition, i: Ints, t: Ints, shape: tuple[int, int]
) -> tuple[Floats, int]:
    """Enrolment (n, T) on cells with a row in the outcomes file, NaN elsewhere; cells filled in.

    A cell without enrolment takes the nearest year of the provider, the earlier of two as near;
    a provider without any counts with the median.
    """
    out = np.full(shape, np.nan)
    if not spec.size:
        out[i, t] = 1.0
        return out, 0
    if spec.size not in panel.outcomes.columns:
        raise NotIdentified(
            f"the outcomes have no column {spec.size!r}. "
            + did_you_mean(spec.size, panel.outcomes.columns)
        )
    given = panel.outcomes[spec.size].cast(pl.Float64).to_numpy()
    known = np.full(shape, np.nan)
    known[i, t] = np.where(given > 0, given, np.nan)
    have = np.isfinite(known)
    if not have.any():
        raise NotIdentified(f"{spec.size} is missing throughout")
    best = known.copy()
    for lag in range(1, shape[1]):
        before, after = best[:, lag:], best[:, :-lag]
        before[:] = np.where(np.isfinite(before), before, known[:, :-lag])
        after[:] = np.where(np.isfinite(after), after, known[:, lag:])
    best = np.where(np.isfinite(best), best, np.median(known[have]))
    out[i, t] = best[i, t]
    return out, int((~have[i, t]).sum())


def _ties(panel: Panel, index: pl.DataFrame, arm: Arm, rule: Exposure, years: Ints) -> Ties:
    """Memberships of the arm as years, by the exposure rule; unknown starts as the rule says."""
    rows = memberships_of(arm, panel).join(index, on="provider", how="inner")
    if rule.unknown_from == "ignore":
        rows = rows.filter(pl.col("from").is_not_null())
    code = rows["collaboration"].rank("dense").to_numpy().astype(np.int64) - 1
    first, left = first_years(rows, rule)
    return algebra.ties(
        rows["row"].to_numpy(),
        code,
        np.searchsorted(years, first),
        np.searchsorted(years, left),
        index.height,
        int(code.max(initial=0)) + 1,
        years.size,
    )


def _owner(links: Ties) -> Ints:
    """Collaboration (n, T) a provider is in each year, the first by name if several; -1 none."""
    out = np.full((links.n, links.T), -1, dtype=np.int64)
    # Backwards, because of several writes to one place the last one stays.
    row, code = np.divmod(links.key[::-1], links.C)
    for t in range(links.T):
        on = links.years[::-1] >> np.uint64(t) & np.uint64(1) == 1
        out[row[on], t] = code[on]
    return out
