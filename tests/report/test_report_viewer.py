"""The viewer's data: what the browser unpacks is what the map holds."""

from __future__ import annotations

import base64
import gzip
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from fake_report import fake_contrast, fake_t_map, fake_template
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.layers import Layer, MapWords, map_layer, pack
from rt1t2_dask.report.viewer import STEP_MM, Anatomy, anatomy, viewer


@pytest.fixture(scope="module")
def brain() -> Anatomy:
    return anatomy(fake_template())


def unpack(text: str, bits: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Codes as the page's script gets them: sums of differences, low bytes first."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(text)), dtype=np.uint8)
    planes = planes.reshape(bits // 8, -1).astype(np.int64)
    steps = sum(plane << (8 * k) for k, plane in enumerate(planes))
    codes: NDArray[np.int64] = np.cumsum(steps) % 2**bits
    return codes.reshape(shape[::-1]).T


def values(layer: Layer, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """What the viewer reads: NaN where not measured."""
    told = layer.settings
    codes = unpack(layer.packed.base64, told["bits"], shape)
    return np.where(codes > 0, told["low"] + (codes - 1) * told["step"], np.nan)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_x_runs_fastest_and_bytes_repeat(kind: type[np.unsignedinteger]) -> None:
    codes = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (4, 5, 6)).astype(kind)
    packed = pack(codes).base64
    found = unpack(packed, 8 * np.dtype(kind).itemsize, codes.shape)
    np.testing.assert_array_equal(found, codes)
    assert packed == pack(codes.copy()).base64


def test_t_is_kept_to_a_hundredth_at_its_place(brain: Anatomy) -> None:
    t_map = fake_t_map()
    view = viewer(fake_contrast(t_map), brain, simulated=True)
    shown = values(view.layers[0], brain.shape)
    index = np.stack(np.meshgrid(*map(np.arange, brain.shape), indexing="ij"), axis=-1)
    world = brain.box.low + STEP_MM * index
    voxel = (world - t_map.affine[:3, 3]) / 4
    tie = np.any(np.isclose(voxel % 1, 0.5), axis=-1)
    nearest = np.floor(voxel + 0.5).astype(int)
    inside = np.all((nearest >= 0) & (nearest < t_map.data.shape), axis=-1) & ~tie
    expected = t_map.data[tuple(nearest[inside].T)]
    found = shown[inside]
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    measured = np.isfinite(expected)
    assert measured.sum() > 1000
    np.testing.assert_allclose(found[measured], expected[measured], atol=0.00501)


@pytest.mark.parametrize("low", [-3.0, 0.0, 0.7])
def test_a_map_is_kept_to_half_a_step_of_its_range(low: float) -> None:
    image = np.linspace(low, 2.2, 60).reshape(3, 4, 5)
    image[1, 2, 3] = np.nan
    layer = map_layer(image, MapWords("x", "X", "x"))
    told, largest = layer.settings, float(np.nanmax(np.abs(image)))
    assert told["signed"] is (low < 0)
    assert told["largest"] == largest
    assert told["step"] == pytest.approx(largest / (127 if low < 0 else 254))
    found = values(layer, image.shape)
    np.testing.assert_allclose(found, image, atol=0.501 * told["step"])
    assert np.isnan(found[1, 2, 3])


def test_the_maps_of_the_run_can_be_chosen(brain: Anatomy) -> None:
    t_map = fake_t_map()
    maps = {name: t_map.with_data(np.abs(t_map.data)) for name in ("fwe", "d", "effect")}
    contrast = replace(fake_contrast(t_map), maps=maps)
    offered = [layer.settings for layer in viewer(contrast, brain, simulated=False).layers]
    assert [told["map"] for told in offered] == ["t", "effect", "g", "fwe"]
    assert [told["height"] for told in offered] == [3.42, 0, 0, pytest.approx(-math.log10(0.05))]
    assert all(told["words"] and told["symbol"] for told in offered)
    assert json.loads(json.dumps(offered)) == offered
    pairs = viewer(replace(contrast, paired=True), brain, simulated=False)
    assert [layer.settings["map"] for layer in pairs.layers][2] == "dz"
    assert anatomy(fake_template(), t_map).mean is not None


def test_it_starts_at_the_first_cluster_and_knows_the_threshold(brain: Anatomy) -> None:
    contrast = fake_contrast(fake_t_map())
    view = viewer(contrast, brain, simulated=False)
    first = contrast.clusters.iloc[0]
    assert view.settings["start"] == [first[f"peak_{axis}_mm"] for axis in "xyz"]
    assert view.layers[0].settings["height"] == 3.42
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
    told = view.layers[0].settings
    assert np.isnan(values(view.layers[0], brain.shape)).all()
    assert told["largest"] > told["height"]
    nothing = map_layer(np.full((2, 2, 2), np.nan), MapWords("x", "X", "x"))
    assert np.isnan(values(nothing, (2, 2, 2))).all()
