"""Methods against known truth: naive ones miss it, the right comparison covers it.

The loop is that of scripts/simulation/coverage.py, which also writes docs/methods/coverage.md.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "simulation" / "coverage.py"
WORLDS, PROVIDERS = 200, 1_200
RIGHT = (
    "group-time, right",
    "group-time, right, never-joiners",
    "group-time, right, regression",
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_of_methods", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_ten_worlds(script: ModuleType) -> None:
    """The smoke version: what is far apart shows in ten worlds already."""
    lines = script.many_worlds(
        10, script.sectors(PROVIDERS)["as it is"], ("raw-gap", "two-way", *RIGHT[:1])
    )
    right = lines["group-time, right"]
    assert lines["raw-gap"].coverage <= 0.2
    assert lines["raw-gap"].mean < 0 < lines["raw-gap"].truth
    assert lines["two-way"].coverage <= 0.5
    assert right.coverage >= 0.7  # 0.95 falls below in one run of a thousand
    assert abs(right.bias) < 4 * right.bias_mc
    assert right.power >= 0.9


def test_table_and_page_say_the_numbers(script: ModuleType) -> None:
    sectors = script.sectors(300)
    lines = script.many_worlds(3, sectors["as it is"], ("raw-gap",))
    nothing = script.many_worlds(2, sectors["joining does nothing"], ("two-way",))
    text = script.page(lines, {"joining does nothing": nothing}, 300)
    line, other = lines["raw-gap"], nothing["two-way"]
    assert f"| joining does nothing | two-way | 0.00 | {other.mean:.2f} |" in text
    assert f"| raw-gap | {line.truth:.2f} | {line.mean:.2f} |" in text
    assert "3 worlds" in text
    assert line.rmse**2 == pytest.approx(line.bias**2 + line.spread**2 * 2 / 3)


def test_worlds_do_not_depend_on_workers(script: ModuleType) -> None:
    sector = script.sectors(200)["as it is"]
    rows = [script.one_world(seed, sector, ("two-way",)) for seed in (10_001, 10_000)]
    again = [script.one_world(seed, sector, ("two-way",)) for seed in (10_000, 10_001)]
    assert np.array_equal(rows[0], again[1])
    assert np.array_equal(rows[1], again[0])


@pytest.mark.slow
def test_two_hundred_worlds(script: ModuleType) -> None:
    """One test, so that the worlds are made once however many workers share the tests."""
    sectors = script.sectors(PROVIDERS)
    lines = script.many_worlds(WORLDS, sectors["as it is"])
    for name in ("raw-gap", "two-way", "group-time, nothing else"):
        assert lines[name].coverage < 0.5, name
        assert abs(lines[name].bias) > 20 * lines[name].bias_mc, name
    assert lines["raw-gap"].mean < 0 < lines["raw-gap"].truth
    assert lines["two-way"].bias > 0.2
    # Each right choice is needed.
    for name in (
        "group-time, autonomy not held",
        "group-time, base year in the dip",
        "group-time, no covariates",
    ):
        assert lines[name].coverage < 0.85, name
        assert lines[name].bias > 0.15, name
    for name in RIGHT:
        line = lines[name]
        assert abs(line.coverage - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / WORLDS), name
        assert abs(line.bias) <= 0.25 * line.spread, name
        # Standard errors are the spread of the sampling; four errors of a standard deviation.
        assert line.std_error == pytest.approx(line.spread, rel=4 / np.sqrt(2 * WORLDS)), name
        assert line.power > 0.95, name
    # Where joining does nothing, naive methods find something, the right one does not.
    names = ("raw-gap", "two-way", "group-time, right")
    nothing = script.many_worlds(WORLDS, sectors["joining does nothing"], names)
    size = nothing["group-time, right"].power
    assert abs(size - 0.05) <= 3 * np.sqrt(0.95 * 0.05 / WORLDS)
    assert nothing["two-way"].power > 0.95
    assert nothing["raw-gap"].power > 0.95
