"""A whole comparison of the small sector."""

from __future__ import annotations

import pytest
from small import asked, scenario

from consortia.compared import Comparison
from consortia.comparison import compare
from consortia.scenario import CoalitionsAsked, FactorialAsked, RunsAsked, SensitivityAsked


@pytest.fixture(scope="session")
def whole() -> Comparison:
    """Everything a scenario can ask for."""
    return compare(
        scenario(
            asked("shared-pool"),
            asked("shared-pipeline", trainees=2),
            asked("no-poach"),
            counterfactual=True,
            runs=RunsAsked(least=3, most=3, without_me=3),
            coalitions=CoalitionsAsked(mechanism="shared-pool", players=3, seeds=3, bootstrap=40),
            sensitivity=SensitivityAsked(parameters=("staff.search",), seeds=2),
            factorial=FactorialAsked(mechanism="shared-pool", seeds=2),
        ),
        command="consortia compare small.toml",
    )
