"""What is run: the study by each method, at each size, on which kind of world."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.estimators import METHODS
from consortia.panel import Arrays, Panel
from consortia.specs import Appraise, CheckSpec, Inference, MethodSpec, TwoWay, anticipation_of
from consortia.study import Study
from consortia.version import __version__
from consortia.world import SchoolSector, sector_study
from consortia.world.calibrated import Observed, Process

Ints = NDArray[np.int64]

SECTOR_PROVIDERS, SECTOR_YEARS = 1_200, 9
"""Of the embedded sector where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A size: number of providers and of calendar years."""

    providers: int
    years: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a worker needs: small enough to be sent once, and says all about a world.

    ``studies``: the question by each method, the study's own first; ``checks`` those that are run.
    On calibrated worlds ``panel`` holds the providers that take part, ``base`` is its plain
    crossing, ``strata`` codes (n,) of each column; on the sector they are None and empty.
    """

    studies: tuple[Study, ...]
    spec: Appraise
    worthwhile: float
    sd: float
    size: Design
    checks: tuple[CheckSpec, ...] = ()
    panel: Panel | None = None
    process: Process | None = None
    base: Arrays | None = None
    strata: tuple[Ints, ...] = ()

    @property
    def designs(self) -> tuple[Design, ...]:
        """Every size asked for; the sizes as they are where none is named."""
        return tuple(
            Design(providers=n, years=t)
            for n in (self.spec.providers or (self.size.providers,))
            for t in (self.spec.years or (self.size.years,))
        )

    @property
    def effects(self) -> tuple[float, ...]:
        return self.spec.effects

    @property
    def digest(self) -> str:
        """SHA-256 of the question and of what decides a world: two plans with the same digest give
        the same answer for the same design, effect, method and number of the world."""
        asked = self.studies[0].with_(checks=self.checks)
        parts: list[str | bytes] = [__version__, asked.digest]
        # What only says which worlds, sizes, effects and methods are run is no part of a world.
        kept = {
            k: v
            for k, v in asdict(self.spec).items()
            if k not in ("worlds", "effects", "methods", "providers", "years", "power")
        }
        parts.append(json.dumps(kept, sort_keys=True))
        parts.append(f"{self.worthwhile!r} {self.sd!r}")
        if self.panel is not None:
            parts.append(self.panel.digest)
        if self.base is not None:
            for letter in (self.base.Y, self.base.w, self.base.cohort, self.base.D, self.base.X):
                parts.append(np.ascontiguousarray(letter).tobytes())
            parts.append("\n".join(self.base.provider.tolist()))
        found = hashlib.sha256()
        for part in parts:
            found.update(part if isinstance(part, bytes) else part.encode())
            found.update(b"\x1f")
        return found.hexdigest()


def by_methods(study: Study, names: tuple[str, ...]) -> tuple[Study, ...]:
    """The study by its own method, then by each named one ("all" for every method); options of the
    others are their defaults, but for the anticipation that the study allows for.

    Raises DataInvalid for an unknown name.
    """
    known = {row.name: spec for spec, row in METHODS.items()}
    wanted = list(known) if "all" in names else list(names)
    unknown = [n for n in wanted if n not in known]
    if unknown:
        raise DataInvalid(
            Problem(
                column="methods", found=name, problem="no method has this name",
                remedy=did_you_mean(name, [*known, "all"]),
            )
            for name in unknown
        )  # fmt: skip
    plain = study.with_(checks=(), inference=replace(study.inference, draws=0))
    out = {study.method.name: plain}
    ahead = anticipation_of(study.method)
    for name in wanted:
        if name in out:
            continue
        spec: MethodSpec = known[name]()
        if ahead and any(f.name == "anticipation" for f in fields(spec)):
            spec = replace(spec, anticipation=ahead)  # pyright: ignore[reportCallIssue]
        out[name] = plain.with_(method=spec)
    return tuple(out.values())


def plain_crossing(study: Study) -> Study:
    """The study with nothing that blanks results: who is exposed when, and what is seen."""
    rule = study.exposure
    return study.with_(
        hold=(), alongside=(), covariates=(), method=TwoWay(), checks=(), competition=None,
        exposure=replace(
            rule, leavers="keep", partial="exposed" if rule.partial == "exposed" else "unexposed"
        ),
    )  # fmt: skip


def observed(base: Arrays, study: Study) -> Observed:
    """What calibration sees of a plain crossing."""
    size = None
    if study.weights.column:
        size = np.where(base.W > 0, base.W, np.nan)
    return Observed(
        years=base.years, Y=base.Y, on=base.held, cohort=base.cohort, size=size,
        incidence=base.incidence,
    )  # fmt: skip


def on_sector(study: Study | None) -> Study:
    """The study's rules (method, comparison, exposure, inference, whether anything is held or
    adjusted for) asked of the embedded sector; its own study where none is given."""
    own = sector_study()
    if study is None:
        return own
    return own.with_(
        method=study.method, comparison=study.comparison, inference=_plain_clusters(study),
        hold=own.hold if study.hold else (), alongside=own.alongside if study.alongside else (),
        covariates=own.covariates if study.covariates else (),
    )  # fmt: skip


def _plain_clusters(study: Study) -> Inference:
    known = ("provider", "collaboration", "market", "local_authority")
    cluster = study.inference.cluster
    return replace(study.inference, cluster=cluster if cluster in known else "local_authority")


def sector_of(design: Design, spec: Appraise, effect: float) -> SchoolSector:
    """The embedded sector at this size, where joining a trust has this effect."""
    whole = SchoolSector()
    rounds = design.years + whole.years_before + whole.years_after
    return replace(
        whole,
        providers=design.providers,
        last=whole.first + design.years - 1,
        areas=max(2, min(30, design.providers // 40)),
        selection=replace(whole.selection, sounded=min(whole.selection.sounded, 1 / rounds)),
        trust=replace(whole.trust, first=effect, growth=spec.growth, spread=spec.spread),
    )
