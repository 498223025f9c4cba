"""The viewer's data: what the browser unpacks is what the map holds."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace

import numpy as np
import pytest
from fake_report import fake_contrast, fake_t_map, fake_template
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.viewer import NOT_MEASURED, STEP_MM, T_SCALE, Anatomy, anatomy, pack, viewer


@pytest.fixture(scope="module")
def brain() -> Anatomy:
    return anatomy(fake_template())


def unpack(text: str, kind: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    raw = np.frombuffer(gzip.decompress(base64.b64decode(text)), dtype=kind)
    return raw.reshape(shape[::-1]).T.astype(np.float64)


def test_x_runs_fastest_and_bytes_repeat() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    packed = pack(values).base64
    raw = np.frombuffer(gzip.decompress(base64.b64decode(packed)), dtype="<i2")
    x, y, z = 1, 2, 3
    assert raw[x + 2 * (y + 3 * z)] == values[x, y, z]
    assert packed == pack(values.copy()).base64


def test_t_is_kept_to_a_hundredth_at_its_place(brain: Anatomy) -> None:
    t_map = fake_t_map()
    view = viewer(fake_contrast(t_map), brain, simulated=True)
    shown = unpack(view.packed.base64, "<i2", brain.shape)
    index = np.stack(np.meshgrid(*map(np.arange, brain.shape), indexing="ij"), axis=-1)
    world = brain.box.low + STEP_MM * index
    voxel = (world - t_map.affine[:3, 3]) / 4
    tie = np.any(np.isclose(voxel % 1, 0.5), axis=-1)
    nearest = np.floor(voxel + 0.5).astype(int)
    inside = np.all((nearest >= 0) & (nearest < t_map.data.shape), axis=-1) & ~tie
    expected = t_map.data[tuple(nearest[inside].T)]
    found = shown[inside]
    np.testing.assert_array_equal(found == NOT_MEASURED, ~np.isfinite(expected))
    measured = np.isfinite(expected)
    assert measured.sum() > 1000
    np.testing.assert_allclose(found[measured] / T_SCALE, expected[measured], atol=0.00501)


def test_it_starts_at_the_first_cluster_and_knows_the_threshold(brain: Anatomy) -> None:
    contrast = fake_contrast(fake_t_map())
    view = viewer(contrast, brain, simulated=False)
    first = contrast.clusters.iloc[0]
    assert view.settings["start"] == [first[f"peak_{axis}_mm"] for axis in "xyz"]
    assert view.settings["u"] == 3.42
    assert view.settings["mark"] == ""
    assert len(view.clusters) == len(contrast.clusters)


def test_without_clusters_it_starts_at_the_largest_t(brain: Anatomy) -> None:
    t_map = fake_t_map(bumps=((10.0, -20.0, 12.0, 3.0, 6.0),))
    contrast = fake_contrast(t_map)
    assert contrast.clusters.empty
    start = viewer(contrast, brain, simulated=False).settings["start"]
    voxel = np.unravel_index(int(np.nanargmax(np.abs(t_map.data))), t_map.data.shape)
    peak = (t_map.affine @ [*voxel, 1])[:3]
    assert np.abs(np.array(start) - peak).max() <= STEP_MM


def test_a_map_without_values_is_shown_empty(brain: Anatomy) -> None:
    empty = Volume(np.full((4, 4, 4), np.nan), np.eye(4))
    contrast = replace(fake_contrast(fake_t_map(bumps=())), t_map=empty)
    view = viewer(contrast, brain, simulated=False)
    assert (unpack(view.packed.base64, "<i2", brain.shape) == NOT_MEASURED).all()
    assert view.settings["largest"] > view.settings["u"]
