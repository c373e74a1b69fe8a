"""From draws to tables: changes, members, colleges, years, and one answer for each mechanism."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from consortia.compared import (
    CHANGES,
    COLLEGES,
    MEMBERS,
    SERIES,
    Counted,
    MechanismAnswer,
)
from consortia.comparison import sentences
from consortia.comparison.asking import title_of
from consortia.comparison.runs import (
    BY_GROUP,
    BY_SECTOR,
    DRAWN,
    GROUPS,
    NONE,
    Draws,
    Floats,
    Setting,
    Specs,
)
from consortia.legal import LegalNote, worst
from consortia.maths.games.stability import patience, side_payments
from consortia.maths.markets.turnover import chain_multiplier
from consortia.maths.stopping import Mean, paired, variance_ratio
from consortia.world.colleges.history import METRICS

_OTHERS = GROUPS.index("others")


def counted(draws: Draws, key: str, title: str) -> Counted:
    """The accounting of vacancies of one arm."""
    of = dict(zip(BY_SECTOR, draws.of(key, "sector").mean(axis=0).tolist(), strict=True))
    hires = of["moves"] + of["entries"]
    inside = of["moves"] / hires if hires > 0 else 0.0
    spells = sum(
        float(draws.of(key, "group")[:, BY_GROUP.index("spells"), g].mean())
        for g in (GROUPS.index("members"), _OTHERS)
        if draws.setting.groups[GROUPS[g]].size
    )
    found: dict[str, float] = {
        "posts": of["posts_total"],
        "staff": of["staff_total"],
        "exits": of["exits_total"],
        "entries": of["entries"],
        "moves": of["moves"],
        "spells": spells,
        "vacancy_rate": of["sector_vacancy_rate"],
        "exit_rate": of["exit_rate"],
        "move_rate": of["move_rate"],
        "share_inside": inside,
        "chain": chain_multiplier(min(inside, 0.999)),
    }
    return Counted(mechanism=key, **found, sentence=sentences.counted(found, title))


def changes(draws: Draws, level: float) -> pl.DataFrame:
    """CHANGES of every arm but the first."""
    rows: list[dict[str, Any]] = []
    group0, sector0 = draws.of(NONE, "group"), draws.of(NONE, "sector")
    for key in _keys(draws.setting):
        n = len(draws.arms[key])
        by_group = paired(draws.of(key, "group") - group0[:n], level)
        by_sector = paired(draws.of(key, "sector") - sector0[:n], level)
        for m, name in enumerate(BY_GROUP):
            for g, of in enumerate(GROUPS):
                if draws.setting.groups[of].size:
                    base = float(group0[:n, m, g].mean())
                    rows.append(_change(key, name, of, base, by_group, (m, g)))
        for m, name in enumerate(BY_SECTOR):
            base = float(sector0[:n, m].mean())
            rows.append(_change(key, name, "sector", base, by_sector, (m,)))
    return pl.DataFrame(rows, schema=CHANGES)


def _change(
    key: str, name: str, of: str, base: float, found: Mean, at: tuple[int, ...]
) -> dict[str, Any]:
    metric = METRICS[name]
    estimate, low, high = (float(x[at]) for x in (found.estimate, found.low, found.high))
    return {
        "mechanism": key, "metric": name, "does": metric.does, "who": metric.who, "of": of,
        "unit": metric.unit, "better": metric.better, "without": base, "estimate": estimate,
        "std_error": float(found.std_error[at]), "low": low, "high": high,
        "reads": reads(low, high, metric.better),
    }  # fmt: skip


def reads(low: float, high: float, better: str) -> str:
    """better, worse or changed where the interval does not hold zero; none where nothing moved."""
    if low == high == 0:
        return "none"
    if low <= 0 <= high:
        return "unclear"
    if better == "neither":
        return "changed"
    return "better" if (low > 0) == (better == "more") else "worse"


def colleges(draws: Draws, level: float) -> pl.DataFrame:
    region = draws.setting.sector.region
    inside = np.zeros(region.n, dtype=bool)
    inside[draws.setting.rows] = True
    frames: list[pl.DataFrame] = []
    for key in _keys(draws.setting):
        found = paired(_gain(draws, key), level)
        # To the penny: anything finer is the order of sums.
        gain, low, high = (np.round(x, 2) + 0.0 for x in (found.estimate, found.low, found.high))
        frames.append(
            pl.DataFrame(
                {
                    "mechanism": [key] * region.n,
                    "college": region.college.tolist(),
                    "member": inside,
                    "easting": region.easting,
                    "northing": region.northing,
                    "gain": gain,
                    "low": low,
                    "high": high,
                    "reads": [
                        {"better": "gains", "worse": "loses"}.get(reads(a, b, "more"), "unclear")
                        for a, b in zip(low.tolist(), high.tolist(), strict=True)
                    ],
                },
                schema=COLLEGES,
            )
        )
    return pl.concat(frames)


def members(draws: Draws, key: str, level: float, seeds: int) -> tuple[pl.DataFrame, Any]:
    """MEMBERS of one mechanism, and the patience it takes (None without runs without each)."""
    setting = draws.setting
    rows = setting.rows
    gain = _gain(draws, key)[:, rows]
    found = paired(gain, level)
    vacancies = (draws.of(key, "vacancies") - draws.of(NONE, "vacancies", len(gain)))[:, rows]
    sides = side_payments(found.estimate)
    out: list[dict[str, Any]] = []
    leaving: Mean | None = None
    patient = None
    if seeds:
        apart = np.stack(
            [
                draws.of(without_key(key, college), "worth", seeds)[:, row]
                for college, row in zip(setting.members, rows.tolist(), strict=True)
            ],
            axis=1,
        )
        with_all = draws.of(key, "worth", seeds)[:, rows]
        nobody = draws.of(NONE, "worth", seeds)[:, rows]
        leaving = paired(with_all - apart, level)
        spill = (apart - nobody).mean(axis=0)
        trust = draws.of(key, "trust")
        seen = trust[np.isfinite(trust)]
        patient = patience(
            -leaving.estimate,
            (with_all - nobody).mean(axis=0),
            detection=setting.sector.parameters.trust.detection,
            trust=float(np.clip(seen.mean(), 0, 1)) if seen.size else 1.0,
        )
    for i, college in enumerate(setting.members):
        row: dict[str, Any] = dict.fromkeys(MEMBERS)
        row |= {
            "mechanism": key,
            "college": college,
            "gain": float(found.estimate[i]),
            "low": float(found.low[i]),
            "high": float(found.high[i]),
            "p_gain": float(found.p_positive[i]),
            "vacancies": float(vacancies[:, i].mean()),
            "stays": "not looked at",
            "side_payment": None if sides is None else float(sides.payment[i]),
        }
        if leaving is not None and patient is not None:
            low, high = float(leaving.low[i]), float(leaving.high[i])
            row |= {
                "beside_leaving": float(leaving.estimate[i]),
                "leaving_low": low,
                "leaving_high": high,
                "free_ride": max(0.0, -float(leaving.estimate[i])),
                "spill_over": float(spill[i]),
                "patience": float(patient.each[i]),
                "stays": "yes" if low > 0 else "no" if high < 0 else "unclear",
            }
        out.append(row)
    return pl.DataFrame(out, schema=MEMBERS), (sides, patient)


def series(draws: Draws, level: float) -> pl.DataFrame:
    sector = draws.setting.sector
    frames: list[pl.DataFrame] = []
    base = draws.of(NONE, "series")
    for key in _keys(draws.setting):
        n = len(draws.arms[key])
        found = paired(draws.of(key, "series") - base[:n], level)
        for m, metric in enumerate(DRAWN):
            for g, of in enumerate(GROUPS):
                if not draws.setting.groups[of].size:
                    continue
                frames.append(
                    pl.DataFrame(
                        {
                            "mechanism": [key] * sector.years,
                            "metric": [metric] * sector.years,
                            "of": [of] * sector.years,
                            "year": range(sector.first, sector.first + sector.years),
                            "estimate": found.estimate[m, g],
                            "low": found.low[m, g],
                            "high": found.high[m, g],
                        },
                        schema=SERIES,
                    )
                )
    return pl.concat(frames)


def answer(
    draws: Draws, key: str, table: pl.DataFrame, found: Any, level: float
) -> MechanismAnswer:
    """One mechanism judged, from its rows of MEMBERS."""
    setting = draws.setting
    specs, rows = setting.arms[key], setting.mechanisms
    sides, patient = found
    group = draws.of(key, "group")
    base = draws.of(NONE, "group", len(group))
    with_it, without_it = (
        draws.of(k, "worth", len(group))[:, setting.rows].sum(axis=1) for k in (key, NONE)
    )
    ours = paired(with_it - without_it, level)
    theirs = (
        paired(_gain(draws, key)[:, setting.groups["others"]].sum(axis=1), level)
        if setting.groups["others"].size
        else paired(np.zeros(len(group)), level)
    )
    row = [rows[type(s)] for s in specs]
    gain, others = _interval(ours), _interval(theirs)
    losing = int((table["high"] < 0).sum())
    unclear = int(((table["low"] <= 0) & (table["high"] >= 0)).sum())
    leave = None if patient is None else int((table["stays"] == "no").sum())
    k = BY_SECTOR.index("sponsor")
    sponsor = float(draws.of(key, "sector")[:, k].mean())
    inside = draws.of(key, "inside")
    money, more = (
        paired(
            (draws.of(key, what) - draws.of(NONE, what, len(group)))[:, setting.rows].sum(axis=1),
            level,
        )
        for what in ("surplus", "achievers")
    )
    figures = {
        name: _interval(
            paired(
                group[:, BY_GROUP.index(name), 0] - base[:, BY_GROUP.index(name), 0],
                level,
            )
        )
        for name in ("vacancy_rate", "achievement")
    }
    facts: dict[str, Any] = {
        "gain": gain,
        "others": others,
        "empty": figures["vacancy_rate"],
        "achievement": figures["achievement"],
        "achievers": _interval(more),
        "per_achiever": _price(money, more),
        "losing": losing,
        "unclear": unclear,
        "moved": None if sides is None else sides.moved,
        "would_leave": leave,
        "together": None if patient is None else patient.together,
        "alone": None if patient is None else patient.alone,
        "exposure": sum(exposure(s) for s in specs),
        "sponsor": sponsor,
    }
    title = title_of(specs, rows)
    verdict = sentences.verdict(facts, len(setting.members))
    return MechanismAnswer(
        key=key,
        name="+".join(r.name for r in row),
        title=title,
        does="; ".join(r.does for r in row),
        entry="; ".join(dict.fromkeys(r.entry for r in row)),
        exit="; ".join(dict.fromkeys(r.exit for r in row)),
        enforcement="; ".join(dict.fromkeys(r.enforcement for r in row)),
        legal=legal_of(specs, rows),
        **facts,
        pairing=float(variance_ratio(with_it, without_it)),
        members_in=float(np.nanmean(inside)) if np.isfinite(inside).any() else 1.0,
        sentence=sentences.mechanism(title, facts, setting, verdict),
        verdict=verdict,
    )


def _price(money: Mean, more: Mean) -> float | None:
    """Pounds of surplus given up for each further learner who achieves, where both are clear."""
    if float(money.high) < 0 and float(more.low) > 0:
        return -float(money.estimate) / float(more.estimate)
    return None


def exposure(spec: Any) -> float:
    """The most a sponsor may have to pay: a bonus to one fewer than are needed."""
    bonus = float(getattr(spec, "bonus", 0.0))
    needed = int(getattr(spec, "threshold", 0) or 0)
    return bonus * max(needed - 1, 0)


def legal_of(specs: Specs, rows: Mapping[type, Any]) -> LegalNote:
    """The most worrying note of the mechanisms of one arm."""
    found: list[LegalNote] = [rows[type(s)].legal for s in specs]
    level = worst(note.level for note in found)
    return next(note for note in found if note.level == level)


def without_key(key: str, college: str) -> str:
    return f"{key}\x1fwithout\x1f{college}"


def _interval(m: Mean) -> dict[str, float]:
    return {
        "estimate": float(m.estimate),
        "std_error": float(m.std_error),
        "low": float(m.low),
        "high": float(m.high),
        "p_positive": float(m.p_positive),
    }


def _gain(draws: Draws, key: str) -> Floats:
    with_it = draws.of(key, "worth")
    return with_it - draws.of(NONE, "worth", len(with_it))


def _keys(setting: Setting) -> list[str]:
    return list(setting.arms)
