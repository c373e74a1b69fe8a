"""The table of mechanisms: spec, row, hooks; and the doors to it."""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consortia.errors import DataInvalid, Problem, did_you_mean
from consortia.legal import LegalNote, Unlawful, allow, note
from consortia.world.colleges.mechanisms import joined_up, learning, pledges, staffing
from consortia.world.colleges.mechanisms.joined_up import Federation, Merger
from consortia.world.colleges.mechanisms.learning import (
    JointCampaign,
    LooseNetwork,
    PooledOutcomeFund,
)
from consortia.world.colleges.mechanisms.pledges import Assurance, DominantAssurance
from consortia.world.colleges.mechanisms.rule import (
    Accounts,
    Hooks,
    Invited,
    Mechanism,
    MechanismSpec,
    Offers,
    Term,
)
from consortia.world.colleges.mechanisms.staffing import (
    LevyGrant,
    NoPoach,
    SharedPipeline,
    SharedPool,
    TransferFee,
)
from consortia.world.colleges.region import Region

__all__ = [
    "MECHANISMS",
    "Accounts",
    "Assurance",
    "DominantAssurance",
    "Federation",
    "Hooks",
    "Invited",
    "JointCampaign",
    "LegalNote",
    "LevyGrant",
    "LooseNetwork",
    "Mechanism",
    "MechanismSpec",
    "Merger",
    "NoPoach",
    "Nothing",
    "Offers",
    "PooledOutcomeFund",
    "SharedPipeline",
    "SharedPool",
    "Term",
    "TransferFee",
    "Unlawful",
    "leaving",
    "load_mechanisms",
    "mechanism",
    "names",
    "parameter_names",
    "terms",
    "with_members",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Everybody for themselves: the market as it is."""

    members: tuple[str, ...] = ()
    first: int = 0
    name: Literal["none"] = "none"


_ANY = "any college of the region"
_CLUSTER = "colleges near each other"
_LISTED = "all that are listed, in the first year"
_FREELY = "when trust in the others is gone"
_NEVER = "none"

MECHANISMS: Mapping[type, Mechanism] = MappingProxyType(
    {
        Nothing: Mechanism(
            name="none",
            title="nothing shared",
            does="the market as it is",
            who=_ANY,
            entry="nobody",
            exit=_NEVER,
            enforcement="none",
            legal=note("none"),
            hooks=Hooks(),
        ),
        NoPoach: Mechanism(
            name="no-poach",
            title="a no-poach compact",
            does="members do not hire each other's staff",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract, or trust with detection",
            legal=note("no-poach"),
            hooks=Hooks(eligible=staffing.not_eligible),
        ),
        TransferFee: Mechanism(
            name="transfer-fee",
            title="a transfer fee",
            does="a member that hires another's teacher pays it a share of a year's pay",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract, or trust with detection",
            legal=note("transfer-fee"),
            hooks=Hooks(offer_cost=staffing.fee_cost, on_move=staffing.fee_paid),
        ),
        LevyGrant: Mechanism(
            name="levy-grant",
            title="a training levy",
            does="members pay a levy, which pays for trainees where posts are empty",
            who=_ANY,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract",
            legal=note("levy-grant"),
            hooks=Hooks(levy=staffing.levy_due, trainees=staffing.levy_trainees),
        ),
        SharedPipeline: Mechanism(
            name="shared-pipeline",
            title="a shared trainee pipeline",
            does="members train together and place the trainees among themselves, with a bond",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract",
            legal=note("shared-pipeline"),
            hooks=Hooks(
                levy=staffing.pipeline_levy,
                trainees=staffing.pipeline_trainees,
                pledged_trainees=True,
            ),
        ),
        SharedPool: Mechanism(
            name="shared-pool",
            title="a shared recruitment pool",
            does="applicants whom one member turns away are matched to the empty posts of others",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract",
            legal=note("shared-pool"),
            hooks=Hooks(pools=True),
        ),
        JointCampaign: Mechanism(
            name="joint-campaign",
            title="a joint campaign",
            does="members advertise together; colleges near them gain too",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract",
            legal=note("joint-campaign"),
            hooks=Hooks(appeal=learning.campaign_appeal, costs=learning.campaign_costs),
        ),
        PooledOutcomeFund: Mechanism(
            name="pooled-outcome-fund",
            title="pooled money for outcomes",
            does="members pool a share of income and pay it out by results",
            who=_ANY,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="contract",
            legal=note("pooled-outcome-fund"),
            hooks=Hooks(fund=learning.outcome_fund),
        ),
        Assurance: Mechanism(
            name="assurance",
            title="a pledge that binds if enough pledge",
            does="colleges pledge for shared trainees and pay only if enough do",
            who=_CLUSTER,
            entry="by pledge, every year",
            exit="by not pledging",
            enforcement="contract",
            legal=note("assurance"),
            hooks=Hooks(
                joins=pledges.pledges,
                levy=pledges.pledge_levy,
                trainees=pledges.pledge_trainees,
                pledged_trainees=True,
            ),
        ),
        DominantAssurance: Mechanism(
            name="dominant-assurance",
            title="a pledge with a bonus if too few pledge",
            does="the same, and a sponsor pays those who pledged if it fails",
            who=_CLUSTER,
            entry="by pledge, every year",
            exit="by not pledging",
            enforcement="contract",
            legal=note("dominant-assurance"),
            hooks=Hooks(
                joins=pledges.pledges,
                levy=pledges.pledge_levy,
                trainees=pledges.pledge_trainees,
                bonus=pledges.pledge_bonus,
                pledged_trainees=True,
            ),
        ),
        Federation: Mechanism(
            name="federation",
            title="a federation",
            does="members pay alike and recruit together",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_NEVER,
            enforcement="contract",
            legal=note("federation"),
            hooks=Hooks(pools=True, pay=joined_up.shared_pay),
            leaves=False,
        ),
        Merger: Mechanism(
            name="merger",
            title="a merger",
            does="members become one college on several sites",
            who=_CLUSTER,
            entry=_LISTED,
            exit=_NEVER,
            enforcement="one legal body",
            legal=note("merger"),
            hooks=Hooks(pools=True, pay=joined_up.shared_pay, costs=joined_up.merger_costs),
            leaves=False,
        ),
        LooseNetwork: Mechanism(
            name="loose-network",
            title="a loose network",
            does="members share ideas and then do their own thing",
            who=_ANY,
            entry=_LISTED,
            exit=_FREELY,
            enforcement="none",
            legal=note("loose-network"),
            hooks=Hooks(costs=learning.network_costs, gain=learning.network_gain),
        ),
    }
)
"""Spec -> row, in the order in which they are listed to users."""


def names(table: Mapping[type, Mechanism] = MECHANISMS) -> Mapping[str, type]:
    """Kebab-case name -> spec."""
    return {row.name: spec for spec, row in table.items()}


def parameter_names(name: str, table: Mapping[type, Mechanism] = MECHANISMS) -> tuple[str, ...]:
    """What can be set of a mechanism, its members and first year included."""
    return tuple(f.name for f in fields(_spec(name, table)) if f.name != "name")


def _spec(name: str, table: Mapping[type, Mechanism]) -> Any:
    known = names(table)
    if name not in known:
        raise DataInvalid(
            [
                Problem(
                    problem="there is no such mechanism",
                    remedy=did_you_mean(name, tuple(known)),
                    found=name,
                )
            ]
        )
    return known[name]


def mechanism(
    name: str, /, *, table: Mapping[type, Mechanism] = MECHANISMS, **parameters: Any
) -> Any:
    """The spec of this name with these parameters; lists are read as tuples.

    Raises DataInvalid for an unknown name or parameter (with the nearest) or a value out of range.
    """
    spec, known = _spec(name, table), parameter_names(name, table)
    problems = [
        Problem(
            problem=f"{name} has no such parameter",
            remedy=did_you_mean(key, known),
            column=key,
        )
        for key in parameters
        if key not in known
    ]
    if problems:
        raise DataInvalid(problems)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    try:
        return spec(**values)
    except (ValueError, TypeError) as wrong:
        raise DataInvalid(
            [Problem(problem=str(wrong), remedy=f"Correct the parameters of {name}.")]
        ) from wrong


def load_mechanisms(path: Path) -> Mapping[type, Mechanism]:
    """The table with the rows of a Python file beside the shipped ones.

    The file defines ``MECHANISMS``, a dict from frozen spec to row, as this module does. It is run:
    read it first. Raises DataInvalid where there is no such dict, a row has no legal note, or a
    name is taken.
    """
    rows = runpy.run_path(str(path)).get("MECHANISMS")
    problems: list[Problem] = []
    if not isinstance(rows, Mapping) or not rows:
        problems.append(
            Problem(
                problem="the file defines no mechanisms",
                remedy="Define MECHANISMS, a dict from your spec to its row.",
                file=path.name,
            )
        )
        raise DataInvalid(problems)
    taken = set(names())
    for spec, row in rows.items():
        if not is_dataclass(spec) or not isinstance(row, Mechanism):
            problems.append(
                Problem(
                    problem="not a spec and its row",
                    remedy="The key is a frozen dataclass, the value a Mechanism.",
                    file=path.name,
                    found=str(spec),
                )
            )
            continue
        lacks = {"name", "members", "first"} - {f.name for f in fields(spec)}
        if lacks:
            problems.append(
                Problem(
                    problem=f"the spec of {row.name} lacks {', '.join(sorted(lacks))}",
                    remedy="Add these fields with defaults.",
                    file=path.name,
                )
            )
        if row.name in taken:
            problems.append(
                Problem(
                    problem="the name of the mechanism is taken",
                    remedy="Choose another name.",
                    file=path.name,
                    found=row.name,
                )
            )
    if problems:
        raise DataInvalid(problems)
    return {**MECHANISMS, **rows}


def with_members(spec: Any, members: Sequence[str]) -> Any:
    """The same mechanism among these colleges."""
    return replace(spec, members=tuple(members))


def leaving(spec: Any, college: str) -> Any:
    """The same mechanism, which the others join without this college."""
    return replace(spec, members=tuple(m for m in spec.members if m != college))


def terms(
    specs: Sequence[MechanismSpec],
    region: Region,
    *,
    counterfactual: bool = False,
    table: Mapping[type, Mechanism] = MECHANISMS,
    since: Sequence[NDArray[np.int64] | None] = (),
) -> tuple[Term, ...]:
    """Specs as they enter a run: labelled, looked up, members turned into rows.

    ``since`` has for each spec the year index from which each college is in, (n,), or None where
    that is the spec's ``first`` for all.

    Raises Unlawful for one whose note is red, unless ``counterfactual``; DataInvalid for members
    that the region does not have.
    """
    out: list[Term] = []
    count: dict[str, int] = {}
    begins = [*since, *[None] * (len(specs) - len(since))]
    for spec, begin in zip(specs, begins, strict=True):
        row = table[type(spec)]
        allow(row.title, row.legal, counterfactual=counterfactual)
        count[row.name] = count.get(row.name, 0) + 1
        label = row.name if count[row.name] == 1 else f"{row.name} {count[row.name]}"
        invited = np.zeros(region.n, dtype=np.bool_)
        invited[region.select(spec.members)] = True
        first = np.full(region.n, spec.first, dtype=np.int64)
        out.append(
            Term(
                label=label,
                spec=spec,
                row=row,
                invited=invited,
                since=first if begin is None else np.maximum(first, begin),
            )
        )
    return tuple(out)
