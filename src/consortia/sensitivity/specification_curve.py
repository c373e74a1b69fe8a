"""The answer under every combination of choices that the study lists (Simonsohn, Simmons & Nelson
2020): which of them could have been made, and what each would have said.

Choices that leave the crossing of the panel as it is share it, and all share the draws of the joint
test (joint_test.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from dataclasses import asdict, dataclass, fields

import numpy as np
import polars as pl
from scipy import stats

from consortia.errors import DataInvalid, NotIdentified, Problem, did_you_mean
from consortia.panel import Arrays
from consortia.results import Finding, Trial
from consortia.sensitivity.joint_test import Joint, Member, joint, p_values
from consortia.sensitivity.strata import codes_of
from consortia.sensitivity.thresholds import DEFAULT_WORTHWHILE_SD
from consortia.specs import (
    Exposure,
    MethodSpec,
    SpecificationCurve,
    Weights,
    Window,
    anticipation_of,
)
from consortia.study import Study, label_of

TITLE = "The answer under other choices"
SAME = 0.90
"""Share of specifications with the sign of the answer from which on they say the same."""
SPLIT = 0.75
"""Share below which the answer hangs on the choices made."""
_NUMBERS = {
    "estimate": pl.Float64, "std_error": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "p_value": pl.Float64, "past_worthwhile": pl.Boolean, "n_treated": pl.Int64,
    "chosen": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    study: Study
    words: dict[str, str]
    key: Hashable


def run(trial: Trial, spec: SpecificationCurve, rng: np.random.Generator) -> Finding:
    """Verdict True: at least nine in ten specifications have the sign of the answer and the curve
    as a whole is not one that chance would draw; False: fewer than three in four have its sign, or
    the answer was clear and chance draws such curves; None: in between.

    Raises DataInvalid for names that are not there or more than ``most`` combinations.
    """
    choices, varied = combinations(trial, spec)
    crossings: dict[Hashable, Arrays | str] = {}
    spreads: dict[Hashable, float] = {}
    rows: list[dict[str, object]] = []
    fitted: list[tuple[_Choice, Arrays]] = []
    several = len(spec.outcomes) > 1
    for choice in choices:
        made: dict[str, object] = {**choice.words, "why": "", "chosen": choice.study == trial.study}
        found = crossings.get(choice.key)
        if found is None:
            try:
                found = trial.cross(choice.study)
            except NotIdentified as error:
                found = error.because
            crossings[choice.key] = found
        try:
            if isinstance(found, str):
                raise NotIdentified(found)
            row = trial.refit(found, choice.study).row()
            if row["estimate"] is None or row["std_error"] is None:
                raise NotIdentified(str(row["caution"]) or "it has no standard error")
        except NotIdentified as error:
            rows.append(made | {"why": error.because, "estimate": None})
            continue
        scale = 1.0
        if several:
            if choice.key not in spreads:
                spreads[choice.key] = _spread(choice.study, found)
            scale = spreads[choice.key]
        made |= {k: float(row[k]) / scale for k in ("estimate", "std_error", "low", "high")}
        worthwhile = _worthwhile(choice.study, trial, found) / scale
        made |= {
            "p_value": float(row["p_value"]),
            "past_worthwhile": float(str(made["estimate"])) >= worthwhile,
            "n_treated": int(row["n_treated"]),
        }
        rows.append(made | {"_scale": scale})
        fitted.append((choice, found))
    told = [r for r in rows if r["estimate"] is not None]
    if len(told) < 2:
        return _untold(rows, varied)
    tested = _joint(trial, spec, fitted, [float(str(r["_scale"])) for r in told], rng)
    return _finding(trial, spec, rows, told, varied, tested, several)


def combinations(trial: Trial, spec: SpecificationCurve) -> tuple[list[_Choice], list[str]]:
    """Every study that the lists make, and which of the choices vary."""
    study = trial.study
    problems = [
        Problem(
            file="study",
            column=f"checks.specification-curve.{key}",
            found=name,
            problem=f"is not defined under [{key}]",
            remedy=did_you_mean(name, list(known)),
        )
        for key, names, known in (
            ("outcomes", spec.outcomes, study.outcomes),
            ("arms", spec.arms, study.arms),
            ("arms", [a for held in spec.hold for a in held], study.arms),
        )
        for name in names
        if name not in known
    ]
    lists: dict[str, list[tuple[object, str]]] = {
        "outcome": [
            (o, study.outcomes[o].label or o) for o in spec.outcomes or (study.outcome,)
            if o in study.outcomes
        ],
        "arm": [
            (a, label_of(study.arms[a], a)) for a in spec.arms or (study.arm,) if a in study.arms
        ],
        "comparison": [(c, c) for c in spec.comparisons or (study.comparison,)],
        "window": [(w, _window(w)) for w in spec.windows or (study.window,)],
        "exposure": [(e, _differs(e)) for e in spec.exposures or (study.exposure,)],
        "weights": [
            (Weights(column=c, by=study.weights.by), c.replace("_", " ") or "all alike")
            for c in spec.weights
        ]
        or [(study.weights, study.weights.column.replace("_", " ") or "all alike")],
        "covariates": [
            (c, ", ".join(c).replace("_", " ") or "none")
            for c in spec.covariates or (study.covariates,)
        ],
        "hold": [
            (h, ", ".join(label_of(study.arms[a], a) for a in h if a in study.arms) or "none")
            for h in spec.hold or (study.hold,)
        ],
        "method": [(m, _method(m)) for m in spec.methods or (study.method,)],
    }  # fmt: skip
    total = int(np.prod([len(v) for v in lists.values()]))
    if total > spec.most:
        problems.append(
            Problem(
                file="study",
                column="checks.specification-curve",
                found=f"{total:,} combinations",
                problem=f"more than most = {spec.most:,}",
                remedy="List fewer choices, or raise most",
            )
        )
    if problems:
        raise DataInvalid(problems)
    varied = [name for name, values in lists.items() if len(values) > 1]
    out: list[_Choice] = []
    for picked in itertools.product(*lists.values()):
        change = dict(zip(lists, (value for value, _ in picked), strict=True))
        words = dict(zip(lists, (word for _, word in picked), strict=True))
        held = change["hold"]
        assert isinstance(held, tuple)
        change["hold"] = tuple(a for a in held if a != change["arm"])
        change["alongside"] = tuple(
            a for a in study.alongside if a != change["arm"] and a not in change["hold"]
        )
        asked = study.with_(**change)
        out.append(
            _Choice(study=asked, words={k: words[k] for k in varied}, key=crossing_key(asked))
        )
    return out, varied


def crossing_key(study: Study) -> Hashable:
    """What the crossing of the panel depends on: studies with one key share their arrays."""
    method = study.method
    # Only these leave their other settings out of the crossing; comparison is a matter of fitting.
    plain = method.name in ("raw-gap", "group-time", "imputation", "sun-abraham", "synthetic-did")
    return (
        study.outcome, study.arm, study.hold, study.alongside, study.covariates, study.window,
        study.exposure, study.weights, anticipation_of(method), None if plain else method,
    )  # fmt: skip


def _window(window: Window) -> str:
    if window.first is None and window.last is None:
        return "all years"
    if window.last is None:
        return f"from {window.first}"
    return f"to {window.last}" if window.first is None else f"{window.first} to {window.last}"


def _differs(exposure: Exposure) -> str:
    """The rule in words: what differs from the default."""
    usual = asdict(Exposure())
    changed = [f"{k.replace('_', ' ')} {v}" for k, v in asdict(exposure).items() if v != usual[k]]
    return ", ".join(changed) or "usual rule"


def _method(method: MethodSpec) -> str:
    """Name of the method and the settings that differ from its defaults."""
    changed = [
        f"{f.name.replace('_', ' ')} {getattr(method, f.name)}"
        for f in fields(method)
        if f.name != "name" and getattr(method, f.name) != f.default
    ]
    return ", ".join([method.name, *changed])


def _spread(study: Study, arrays: Arrays) -> float:
    """Standard deviation that makes outcomes comparable: stated, or between the comparison in the
    first year."""
    stated = study.outcomes[study.outcome].sd
    if stated is not None:
        return stated
    rest = arrays.cohort == arrays.T
    Y = arrays.Y[rest if rest.sum() > 2 else slice(None)]
    seen = np.isfinite(Y).sum(axis=0) > 2
    first = int(np.argmax(seen))
    return float(np.nanstd(Y[:, first])) or 1.0


def _worthwhile(study: Study, trial: Trial, arrays: Arrays) -> float:
    stated = study.outcomes[study.outcome].worthwhile
    if stated is not None:
        return stated
    sd = trial.sd if study.outcome == trial.study.outcome else _spread(study, arrays)
    return DEFAULT_WORTHWHILE_SD * sd


def _joint(
    trial: Trial,
    spec: SpecificationCurve,
    fitted: list[tuple[_Choice, Arrays]],
    scales: list[float],
    rng: np.random.Generator,
) -> tuple[Joint, int] | None:
    """The joint test over the specifications whose headline is made of sums by path."""
    if not spec.draws:
        return None
    everybody = np.unique(np.concatenate([a.provider for _, a in fitted]))
    columns = ["provider", *[c for c in trial.facts.columns if c != "provider"]]
    # Facts of providers that only other specifications use are not in the trial: they stay put.
    facts = pl.DataFrame({"provider": everybody}).join(
        trial.facts.select(columns), on="provider", how="left", maintain_order="left"
    )
    within = codes_of(facts, spec.within, "checks.specification-curve.within")
    members: list[Member] = []
    scale: list[float] = []
    for (choice, arrays), size in zip(fitted, scales, strict=True):
        sums = trial.path_sums(arrays, choice.study)
        if sums is None:
            continue
        place = np.searchsorted(everybody, arrays.provider[sums.rows])
        members.append(Member(sums=sums, place=place, movable=(arrays.cohort > 0)[sums.rows]))
        scale.append(size)
    if len(members) < 2:
        return None
    curve = joint(members, within, spec.draws, rng)
    critical = float(stats.norm.isf(spec.size / 2))
    return p_values(curve, np.array(scale), critical), len(members)


def _finding(
    trial: Trial,
    spec: SpecificationCurve,
    rows: list[dict[str, object]],
    told: list[dict[str, object]],
    varied: list[str],
    tested: tuple[Joint, int] | None,
    several: bool,
) -> Finding:
    row = trial.estimate.row()
    effects = np.array([float(str(r["estimate"])) for r in told])
    p = np.array([float(str(r["p_value"])) for r in told])
    sign = np.sign(float(row["estimate"]))
    same = float((np.sign(effects) == sign).mean())
    clear = float(((p < spec.size) & (np.sign(effects) == sign)).mean())
    past = float(np.mean([bool(r["past_worthwhile"]) for r in told]))
    refused = [r for r in rows if r["estimate"] is None]
    median = float(np.median(effects))
    believed = float(row["p_value"]) < spec.size
    joint_p = None if tested is None else tested[0].median
    if same < SPLIT or (believed and joint_p is not None and joint_p >= spec.size):
        verdict: bool | None = False
    elif same >= SAME and joint_p is not None and joint_p < spec.size:
        verdict = True
    else:
        verdict = None
    unit = "standard deviations" if several else trial.study.outcomes[trial.study.outcome].unit
    sentence = (
        f"Of {len(told):,} ways to ask the same question, {same:.0%} have the sign of the answer, "
        f"{clear:.0%} are clear of zero with it and {past:.0%} lie past the smallest worthwhile "
        f"effect; they run from {effects.min():.2f} to {effects.max():.2f} {unit}, median "
        f"{median:.2f}."
    )
    if tested is not None:
        found, members = tested
        among = "" if members == len(told) else f" (of the {members:,} that can be dealt out)"
        sentence += (
            f" With the dates of joining dealt out by lot, {100 * found.median:.2g} % of curves"
            f"{among} have a median as far from zero."
        )
    if refused:
        sentence += f" {len(refused):,} could not be answered."
    told.sort(key=lambda r: float(str(r["estimate"])))
    schema = {
        "place": pl.Int64,
        **_NUMBERS,
        **dict.fromkeys(varied, pl.String),
        "why": pl.String,
    }
    table = pl.DataFrame(
        [
            {k: r.get(k) for k in schema if k != "place"}
            | {"place": place if r["estimate"] is not None else None}
            for place, r in enumerate([*told, *refused], start=1)
        ],
        schema=schema,
    )
    return Finding(
        check="specification-curve",
        title=TITLE,
        verdict=verdict,
        sentence=sentence,
        table=table,
        numbers={
            "specifications": len(told),
            "refused": len(refused),
            "median": median,
            "lowest": float(effects.min()),
            "highest": float(effects.max()),
            "share_same_sign": same,
            "share_clear": clear,
            "share_past_worthwhile": past,
            "p_median": joint_p,
            "p_same_sign": None if tested is None else tested[0].same_sign,
            "p_share_clear": None if tested is None else tested[0].significant,
            "p_mean_z": None if tested is None else tested[0].mean_z,
            "tested": 0 if tested is None else tested[1],
            "draws": 0 if tested is None else tested[0].draws,
            "danger": min(1.0, 2 * (1 - same)),
        },
    )


def _untold(rows: list[dict[str, object]], varied: list[str]) -> Finding:
    schema = {**dict.fromkeys(varied, pl.String), "why": pl.String}
    return Finding(
        check="specification-curve",
        title=TITLE,
        verdict=None,
        sentence=f"Of {len(rows):,} ways to ask the same question fewer than two can be answered.",
        table=pl.DataFrame([{k: r.get(k) for k in schema} for r in rows], schema=schema),
        numbers={"specifications": 0, "refused": len(rows)},
    )
