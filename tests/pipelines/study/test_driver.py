"""One driver for all kinds of study: what is driven, compared, recorded and planned anew."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest

from rt1t2_dask.cli.command_line import Job, _configure, _search_path, command
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.study.image_study import ImageStudy, ShareExport
from rt1t2_dask.pipelines.study.participants import ParticipantLevel
from rt1t2_dask.pipelines.study.run import _kind_of, run_study
from rt1t2_dask.pipelines.study.runs import record_run
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import open_store

QUICK = (
    *("permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none", "report.mosaics=0"),
    *("report.figures=false", "cluster=synchronous"),
)
EXPORT = ("share=export", "share.site=A", "share.minimum_people=5")


def configured(words):
    return _configure(Job(tuple(_search_path(words[1]) + words[2:])))


def test_people_alone_are_no_export(maps_study, maps_arguments):
    maps_study()
    asked = configured([*maps_arguments, *EXPORT, "level=participant", "labels=[sub-00]"])
    assert _kind_of(asked)[0] is ParticipantLevel
    assert _kind_of(configured([*maps_arguments, *EXPORT]))[0] is ShareExport


@pytest.mark.heavy
def test_an_export_is_not_compared_and_holds_nobody(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    taken = []
    assert run_study(configured([*maps_arguments, *QUICK, *EXPORT]), then=taken.append) == 0
    assert not taken and list((tmp_path / "out" / "share").glob("*.zip"))
    (root / "sub-03_T1wT2wratio.nii.gz").write_bytes(b"cut")
    words = [w for w in maps_arguments if not w.startswith("output_dir=")]
    other = tmp_path / "other"
    assert command([*words, *QUICK, *EXPORT, f"output_dir={other}"]) == 1
    assert {path.name for path in other.iterdir()} == {"failures.json", "failures.tsv"}


def test_people_alone_have_a_record_of_their_own(maps_study, maps_arguments, tmp_path):
    maps_study()
    lake, part = Lake(str(tmp_path / "lake")), Part("smooth", "0" * 32)
    for more in ([], ["level=participant"], ["level=participant", "labels=[sub-01]"]):
        record_run(lake, configured([*maps_arguments, *more]), [part])
    assert len(list((tmp_path / "lake" / "runs").rglob("*.json"))) == 3


@pytest.mark.usefixtures("lake_before")
def test_a_plan_without_somebody_plans_the_group_anew(maps_study, maps_arguments):
    maps_study()
    config = configured([*maps_arguments, *QUICK])
    with ExitStack() as stack:
        study = ImageStudy(config, open_store(config.output_dir), LazyCluster(config, stack))
        study.plan()
        study.images = replace(study.images, people=study.images.people[1:])
        assert study.make_people() == []
        done = study.make_group([])
    assert len(done.group.people) == 12
    made = {part for task in study.tasks() for part in (task.part, *task.sources)}
    assert all(done.lake.is_complete(part) for part in made)


@pytest.mark.heavy
def test_failures_may_be_allowed_in_the_same_folder(maps_study, maps_arguments):
    root, _ = maps_study()
    (root / "sub-03_T1wT2wratio.nii.gz").write_bytes(b"cut")
    assert command([*maps_arguments, *QUICK]) == 1
    assert command([*maps_arguments, *QUICK, "allow_failures=true"]) == 1
    assert open_store(configured(maps_arguments).output_dir).exists("report.html")
