"""The waterfall from the raw difference to the answer, and what a regression with several arms
would average: the evaluation's page-one account of what members bring with them."""

from __future__ import annotations

import numpy as np
import polars as pl

from consortia.errors import NotIdentified
from consortia.estimators.decomposition import gap, loosened
from consortia.estimators.estimate import with_uncertainty
from consortia.maths.contamination import weigh
from consortia.panel import Arrays
from consortia.results import Contamination, Estimate, Gap, GapPart
from consortia.study import Study, listed


def waterfall(
    arrays: Arrays, study: Study, answer: Estimate | None, rng: np.random.Generator
) -> Gap:
    """Raw difference, parts, what is left, and the step from there to the study's own answer.

    ``arrays`` of the study with its held arms alongside (decomposition.loosened). Raises
    NotIdentified where the full model cannot tell the arm from the rest.
    """
    free = loosened(study)
    pieces, fit = gap(arrays, free)
    found = with_uncertainty(fit, arrays, free, rng)
    labels = {
        "raw": "Members against the rest",
        "providers": "What members differed in all along",
        "years": "What changed for everybody",
        "full": "Left with all of these taken out",
    }
    parts: list[GapPart] = []
    for piece, row in zip(pieces, found.effects.iter_rows(named=True), strict=True):
        name = piece.estimand.removeprefix("gap:").removeprefix("gap-")
        parts.append(
            GapPart(
                name=name,
                label=labels.get(name, piece.label[:1].upper() + piece.label[1:]),
                kind="total" if name in ("raw", "full") else "part",
                estimate=row["estimate"],
                std_error=row["std_error"],
                low=row["low"],
                high=row["high"],
                caution=row["caution"],
            )
        )
    left = parts[-1].estimate
    head = None if answer is None else answer.row()
    if head is not None and study.method.name != "two-way":
        parts += [
            GapPart(
                name="method",
                label="The answer’s own comparison and weights on joiners and years",
                kind="method",
                estimate=left - head["estimate"],
                std_error=None,
                low=None,
                high=None,
            ),
            GapPart(
                name="answer",
                label="The answer",
                kind="answer",
                estimate=head["estimate"],
                std_error=head["std_error"],
                low=head["low"],
                high=head["high"],
                caution=head["caution"],
            ),
        ]
    return Gap(
        parts=tuple(parts),
        sentence=_sentence(parts, study),
        convention=found.convention,
        notes=tuple(dict.fromkeys((*fit.notes, *found.notes))),
    )


def _sentence(parts: list[GapPart], study: Study) -> str:
    digits = _digits(parts[0])
    unit = study.outcomes[study.outcome].unit
    raw = parts[0].estimate
    side = "above" if raw > 0 else "below"
    carried = sorted(
        (p for p in parts if p.kind == "part"), key=lambda p: abs(p.estimate), reverse=True
    )
    own = ("providers", "years")
    said = [
        f"{_signed(p.estimate, digits)} {'is' if p.name in own else 'goes with'} "
        f"{_lower(p.label)}{_doubt(p)}"
        for p in carried
    ]
    left = next(p for p in parts if p.name == "full")
    text = (
        f"In all years together members lie {abs(raw):.{digits}f} {unit} {side} the rest. Of these "
        f"{_signed(raw, digits)}, {listed(said)}; {_signed(left.estimate, digits)} is left"
        f"{_doubt(left)}."
    )
    answer = next((p for p in parts if p.kind == "answer"), None)
    if answer is not None:
        text += (
            f" The answer is {_signed(answer.estimate, digits)}: it compares joiners with "
            f"{'never-joiners' if study.comparison == 'never' else 'those not joined yet'} only, "
            "and weighs them and their years differently."
        )
    return text


def _digits(part: GapPart) -> int:
    se = part.std_error
    return 2 if not se else int(min(4, max(0, np.ceil(np.log10(5 / se)))))


def _doubt(part: GapPart) -> str:
    if part.caution:
        return ""
    if part.low is not None and part.high is not None and part.low <= 0 <= part.high:
        return " (which cannot be told from zero)"
    return ""


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def _lower(text: str) -> str:
    # An abbreviation keeps its capitals.
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def contamination(arrays: Arrays, study: Study) -> Contamination | None:
    """Weights of the two-way regression with the arm and all others; None without others, or
    where they cannot be told apart."""
    others = (*arrays.hold, *arrays.alongside)
    if not others:
        return None
    labels = [study.arm_label, *(held.label for held in others)]
    try:
        found = weigh(arrays.W, [arrays.D, *(held.on for held in others)])
    except NotIdentified:
        return None
    K = len(labels)
    table = pl.DataFrame(
        [
            {
                "coefficient": labels[j],
                "effects_of": labels[k],
                "total": float(round(found.total[j, k], 9)) + 0.0,
                "positive": float(found.positive[j, k]),
                "negative": float(found.negative[j, k]),
                "cells": int(found.cells[j, k]),
                "below": int(found.below[j, k]),
            }
            for j in range(K)
            for k in range(K)
        ]
    )
    own = found.negative_share[0]
    moved = found.contamination[0]
    worst = int(np.argmax(moved))
    sentence = (
        f"One regression with {listed(labels)} together is not used for the answer. In its "
        f"coefficient of {labels[0]}, {own:.0%} of the member provider-years count with the wrong "
        f"sign, and effects of {labels[worst]} come in: were they 1 higher in the years with "
        f"positive weight, the coefficient would be {moved[worst]:.2f} higher although joining "
        f"{labels[0]} did nothing more."
    )
    return Contamination(table=table, sentence=sentence)
