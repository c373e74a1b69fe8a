"""Candidate groups: colleges that share learners, each gain as a run of its own says."""

from __future__ import annotations

import numpy as np
import pytest
from small import scenario

from consortia.comparison import asking
from consortia.comparison.candidates import candidates, closeness
from consortia.comparison.runs import luck_of, run_arm
from consortia.scenario import CandidatesAsked
from consortia.world.colleges.mechanisms import with_members


def test_groups_share_learners_and_gains_are_those_of_runs() -> None:
    s = scenario(candidates=CandidatesAsked(size=4, seeds=2))
    setting = asking.setting(s)
    found = candidates(setting, s, "shared-pool", lambda step: None)
    assert found.table.height >= 2
    assert found.table["members"].is_between(2, 4).all()
    assert found.table["gain_each"].is_sorted(descending=True)
    row = found.table.row(0, named=True)
    members = row["colleges"].split(", ")
    rows = setting.sector.region.select(members)
    (spec,) = setting.arms["shared-pool"]
    gains = []
    for seed in range(2):
        streams = luck_of(7, seed)
        with_it = run_arm(setting, streams, (with_members(spec, members),), None).surplus()
        gains.append((with_it - run_arm(setting, streams, (), None).surplus())[rows].sum())
    assert row["gain"] == pytest.approx(np.mean(gains), abs=0.05)
    # Nearer colleges share more learners.
    close = closeness(setting, 7)
    np.testing.assert_allclose(close, close.T)
    km = setting.sector.region.between
    upper = np.triu_indices(km.shape[0], 1)
    assert np.corrcoef(close[upper], km[upper])[0, 1] < 0
