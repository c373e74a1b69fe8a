"""The same numbers by any number of workers, after any stop, on any backend."""

import json
from pathlib import Path

import pytest

from consortia.appraisal import appraise
from consortia.appraisal.finished import finished
from consortia.appraisal.running import chunks
from consortia.errors import DataInvalid
from consortia.specs import Appraise

SPEC = Appraise(worlds=6, methods=("two-way",), providers=(80, 160))


@pytest.fixture(scope="module")
def alone(small):
    return appraise(*small, SPEC, workers=1)


def test_two_workers_say_the_same(small, alone) -> None:
    pytest.importorskip("joblib")
    both = appraise(*small, SPEC, workers=2)
    assert both.runs.equals(alone.runs)
    assert both.table.equals(alone.table)


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_says_the_same(small, alone) -> None:
    joblib = pytest.importorskip("joblib")
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        found = appraise(*small, SPEC)
    assert found.runs.equals(alone.runs)


def test_one_world_does_not_depend_on_how_many(small, alone) -> None:
    from dataclasses import replace

    fewer = appraise(*small, replace(SPEC, worlds=2, providers=(80,), methods=()))
    same = alone.runs.filter(
        (alone.runs["world"] < 2) & (alone.runs["providers"] == 80)
        & (alone.runs["method"] == "group-time")
    )  # fmt: skip
    assert fewer.runs.equals(same)


def test_stop_and_go_on(small, alone, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "worlds.jsonl"

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        appraise(*small, SPEC, resume=file, progress=stop)
    kept = file.read_text(encoding="utf-8").splitlines()
    assert 1 < len(kept) < alone.runs.height
    # Cut off in the middle of a line, as a machine that is switched off leaves it.
    with file.open("a", encoding="utf-8") as out:
        out.write('[160, 9, 0.0, 5, "group-t')
    totals: list[int] = []
    again = appraise(*small, SPEC, resume=file, progress=lambda done, total: totals.append(total))
    assert totals[0] == alone.runs.height - (len(kept) - 1)
    assert again.runs.equals(alone.runs)
    assert again.table.equals(alone.table)
    # All is there: nothing is run, and more worlds or methods only add to it.
    done: list[int] = []
    appraise(*small, SPEC, resume=file, progress=lambda d, total: done.append(total))
    assert done == [0]
    assert len(file.read_text(encoding="utf-8").splitlines()) == alone.runs.height + 1


def test_what_is_finished_is_kept_on_a_stop(small) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    found = appraise(*small, SPEC, progress=stop, keep=True)
    assert found.interrupted
    assert 0 < found.runs.height < 48


def test_a_file_of_another_study_is_refused(small, tmp_path: Path) -> None:
    study, panel = small
    file = tmp_path / "worlds.jsonl"
    appraise(study, panel, Appraise(worlds=2), resume=file)
    before = file.read_bytes()
    for other, spec in (
        (study.with_(comparison="never"), Appraise(worlds=2)),
        (study, Appraise(worlds=2, seed=2)),
        (study, Appraise(worlds=2, growth=0.1)),
    ):
        with pytest.raises(DataInvalid, match="another study, other data or other settings"):
            appraise(other, panel, spec, resume=file)
    assert file.read_bytes() == before
    file.write_text("provider,year\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match="not a file of finished worlds"):
        appraise(study, panel, Appraise(worlds=2), resume=file)
    head = json.loads(before.splitlines()[0])
    file.write_text(json.dumps(head) + "\n{}\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match="row 2"):
        finished(file, head["digest"]).__enter__()


def test_every_design_comes_early(small) -> None:
    from consortia.appraisal.appraising import _calibrated

    plan, _ = _calibrated(*small, SPEC)
    cut = chunks(plan, set(), 1)
    first = {design for design, _ in cut[:2]}
    assert len(first) == 2
    assert sum(len(pairs) for _, worlds in cut for _, pairs in worlds) == 2 * 6 * 2 * 2
