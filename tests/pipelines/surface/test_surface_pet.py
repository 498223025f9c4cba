"""PET on the cortex against PET in the volume, over the same regions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.morphometry.voxels import region_means as volume_means
from rt1t2_dask.pipelines.surface.fitted import tissue_shares
from rt1t2_dask.pipelines.surface.regional.means import vertex_areas
from rt1t2_dask.pipelines.surface.regional.pet import on_vertices
from rt1t2_dask.pipelines.surface.regions import desikan
from rt1t2_dask.pipelines.surface.template import middles
from rt1t2_dask.surface.parcellation import region_means

pytestmark = pytest.mark.assets
MESH = "fsaverage5"
LEAST = 0.85
"""Spearman's correlation over 30 maps was 0.88 in the median (Pearson 0.92); maps that hardly
differ over the cortex, such as those of mGluR5, reach less."""
MAPS = ("5HT1a_WAY_HC36", "MU_CARFENTANIL_c11", "SERT_dasb_hc100_beliveau", "D1_SCH23390_c11")


@pytest.fixture(scope="module", autouse=True)
def atlas():
    if assets.find("desikan_killiany") is None:
        pytest.skip("the Desikan-Killiany volume is not among RT1T2_ASSETS")
    return from_bytes(assets.read(assets.resolve("desikan_killiany")), "atlas", kind="map")


def on_regions(volume: Volume) -> dict[str, float]:
    regions = desikan(MESH)
    means = region_means(on_vertices(volume, MESH), vertex_areas(MESH), regions)[0]
    return dict(zip(regions.names.values(), means, strict=True))


def test_a_field_of_places_comes_back_at_the_places():
    """A volume whose value is its place: the regional means are the regions' centres."""
    grid = tissue_shares()[0].grid
    places = np.concatenate([own.vertices for own in middles(MESH)])
    regions, areas = desikan(MESH), vertex_areas(MESH)
    for axis in range(3):
        field = Volume(grid.world()[..., axis].astype(np.float32), grid.affine)
        found = np.array(list(on_regions(field).values()))
        centres = region_means(places[:, axis], areas, regions)[0]
        # The fitted surfaces lie up to some mm from fsaverage's own.
        assert np.abs(found - centres).max() < 4
        assert np.corrcoef(found, centres)[0, 1] > 0.995


def test_vertices_lie_in_grey_matter():
    grey = on_vertices(tissue_shares()[0], MESH, purity=0.0)
    assert np.nanmedian(grey) > 0.7
    assert np.nanmean(grey > 0.5) > 0.8
    assert np.nanmedian(on_vertices(tissue_shares()[0], MESH)) > 0.8


@pytest.mark.parametrize("name", MAPS)
def test_regional_means_follow_those_of_the_volume(name, atlas):
    asset = assets.find(f"pet:{name}")
    if asset is None:
        pytest.skip(f"{name} is not among RT1T2_ASSETS")
    volume = from_bytes(assets.read(asset), name, kind="map")
    surface, there = on_regions(volume), volume_means(volume, atlas)
    both = [region for region in surface if region in there and np.isfinite(surface[region])]
    assert len(both) >= 66
    pairs = np.array([[surface[region], there[region]] for region in both])
    assert stats.spearmanr(pairs).statistic > LEAST
