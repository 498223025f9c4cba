"""Memory of image parts is foretold from the sizes, shown, and refused with numbers."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.config.study import Config, parse
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.engine.resources import IDLE_BYTES, Shapes
from rt1t2_dask.pipelines.engine.work import trim_heap
from rt1t2_dask.pipelines.images.stages import FIELD, OUTPUT, SCANS
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.describe import gigabytes
from rt1t2_dask.pipelines.study.memory import require_room, require_room_for
from rt1t2_dask.pipelines.study.shapes import shapes_of, shapes_of_grids

# Peaks in MB above an idle worker, children included, of one simulated person with scans and
# output of 4, 2 and 1 mm (benchmarks/lakes/memory.py).
MEASURED = {
    "template": (292, 352, 312),
    "head": (179, 179, 180),
    "ingest": (47, 73, 237),
    "coregister": (50, 184, 370),
    "bias": (70, 198, 544),
    "brain": (373, 469, 1012),
    "normalise": (582, 763, 1064),
    "tissue": (261, 324, 655),
    "landmarks": (149, 238, 1418),
    "calibrate": (19, 20, 10),
    "ratio": (48, 201, 661),
    "quality": (199, 348, 485),
    "smooth": (159, 194, 337),
    "parcels": (127, 154, 291),
}
MEASURED_ON = {
    4: Shapes({SCANS: 393_984, FIELD: 135_551, OUTPUT: 135_551}),
    2: Shapes({SCANS: 3_095_296, FIELD: 1_084_411, OUTPUT: 1_084_411}),
    1: Shapes({SCANS: 24_762_368, FIELD: 1_084_411, OUTPUT: 8_675_289}),
}


def configured(*overrides: str) -> Config:
    with initialize_config_module("rt1t2_dask.conf", version_base="1.3"):
        tree = OmegaConf.to_container(compose("config", ["+cohort=psp", *overrides]), resolve=True)
    return parse(tree)


@pytest.mark.parametrize("stage", MEASURED)
def test_what_was_measured_is_less_than_foretold(stage):
    for shapes, measured in zip(MEASURED_ON.values(), MEASURED[stage], strict=True):
        foretold = stage_named(stage).memory(shapes) - IDLE_BYTES
        assert 1e6 * measured <= foretold
    assert 1e6 * max(MEASURED[stage]) > 0.6 * foretold


def test_a_millimetre_fits_a_default_worker_and_no_smaller_one():
    require_room(configured("source.voxel_mm=1", "cluster.memory_gb=3"))
    with pytest.raises(UserError, match=r"landmarks takes 2\.\d GB for scans of 33.6 million"):
        require_room(configured("source.voxel_mm=1", "cluster.memory_gb=2"))


def test_the_refusal_names_the_settings_and_the_plan_shows_it(capsys, tmp_path):
    words = ["+cohort=psp", "cluster.memory_gb=0.6", f"source.root={tmp_path / 'none'}"]
    words += [f"storage.url={tmp_path / 'lake'}", f"output_dir={tmp_path / 'out'}"]
    for mode in ("dry_run=true", "check=true"):
        assert command([*words, mode]) == 2
        said = capsys.readouterr()
        text = " ".join((said.err + said.out).split())
        assert "more than cluster.memory_gb=0.6; raise it or take a larger source.voxel_mm" in text
    assert list(tmp_path.iterdir()) == []


def test_sizes_come_from_headers_where_there_are_any():
    config = configured("source=bids", "source.root=x")
    t1w = Grid((200, 256, 256), np.diag([1.0, 0.5, 0.5, 1.0]))
    t2w = Grid((200, 200, 30), np.diag([1.0, 1.0, 5.0, 1.0]))
    found = shapes_of_grids(config, {"t1w": t1w, "t2w": t2w}).voxels
    assert found[SCANS] == 200 * 256 * 256 + 200 * 200 * 30
    assert found[OUTPUT] == shapes_of(config).voxels[OUTPUT]
    of_map = shapes_of_grids(config, {"map": t2w})
    assert of_map.voxels == {OUTPUT: 200 * 200 * 30}
    assert of_map.voxel_mm[OUTPUT] == pytest.approx((197 * 233 * 189 / (200 * 200 * 30)) ** (1 / 3))


def test_a_person_whose_scans_are_too_large_for_a_worker_is_refused_alone():
    scans = xr.Dataset({name: ("z", np.zeros(10**6, bool)) for name in ("t1w", "t2w")})
    require_room_for("ingest", scans, None)
    require_room_for("ingest", scans, 3.0)
    with pytest.raises(SubjectError, match=r"2\.0 million voxels, more than a worker's 0\.5 GB"):
        require_room_for("ingest", scans, 0.5)


def test_relabelings_need_more_for_more_people_and_finer_maps_but_never_all_memory():
    stage, two = "permute_observed", configured("template.voxel_mm=2")
    few, many = (gigabytes(stage, two, n) for n in (40, 400))
    assert few < many < 3
    assert gigabytes(stage, configured("template.voxel_mm=1"), 50_000) < 3
    assert gigabytes("permute_batch", two, 40) == few


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_between_parts_goes_back_to_the_system():
    """Scattered survivors keep small blocks in the process until it is asked to trim."""
    small = [np.ones(2000) for _ in range(20_000)]
    kept = small[::50]
    del small
    before = resident()
    trim_heap()
    assert resident() < before - 200e6
    assert sum(map(len, kept)) == 400 * 2000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
