"""Stage `surface_pet`: means of the receptor maps over the regions of the cortex."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.receptors.correlations import PET, density
from rt1t2_dask.pipelines.surface.fitted import fitted_cortex, tissue_shares
from rt1t2_dask.pipelines.surface.regional.means import chosen, vertex_areas
from rt1t2_dask.pipelines.surface.regions import BOTH, ROLES
from rt1t2_dask.pipelines.surface.template import FSAVERAGE5, SIDES, by_side, middles, template
from rt1t2_dask.surface.depths import sample_depths
from rt1t2_dask.surface.parcellation import region_centres, region_means
from rt1t2_dask.surface.resample import barycentric, resampled

Float = NDArray[np.float64]
DEPTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Fifths of the cortex's volume: PET voxels of 1.5 to 3 mm tell no more."""
PURITY = 8.0
"""Depths count by the template's share of grey matter to this power, as voxels of the ratio do
(surface.purity): at the white surface 42 % of the template is white matter."""


class SurfacePetSettings(StageSettings):
    """The receptor maps that were found, by name, and the common mesh."""

    maps: tuple[str, ...]
    mesh: str


def make(inputs: Inputs) -> Made:
    """Sample each map between white and pial surface of the template, and average over regions."""
    told = inputs.settings_as(SurfacePetSettings)
    regions, areas = chosen(inputs, told.mesh), vertex_areas(told.mesh)
    maps = _maps(inputs)
    on_mesh = np.stack([on_vertices(maps[name], told.mesh) for name in told.maps])
    grey = on_vertices(tissue_shares()[0], told.mesh, purity=0.0)
    places = np.concatenate([own.vertices for own in middles(told.mesh)])
    arrays = {
        "pet": region_means(on_mesh, areas, regions)[0],
        "gm_prior": region_means(grey, areas, regions)[0],
        "region_mm": region_centres(places, areas, regions),
    }
    names = {str(label): name for label, name in regions.names.items()}
    record = {"maps": list(told.maps), "regions": names}
    dataset = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(dataset, record)


def on_vertices(volume: Volume, mesh: str, *, purity: float = PURITY) -> Float:
    """Return a map in MNI152 mm on both hemispheres, mean over depths, shape (vertex,).

    Parameters
    ----------
    volume : Volume
        Trilinear; NaN where not measured.
    mesh : str
        Sampled on fsaverage5 as fitted to the template's ribbon, then carried to the mesh.
    purity : float
        Power of the share of grey matter that depths are weighted by.
    """
    halves = []
    for side in SIDES:
        mean = _mean(_sampled(volume, side), _grey(side) ** purity)
        halves.append(np.where(template(side).cortex, mean, np.nan))
    values = np.concatenate(halves)
    if mesh == FSAVERAGE5:
        return values
    parts = by_side(values).items()
    return np.concatenate([resampled(_way(s, mesh), v, template(s, mesh).cortex) for s, v in parts])


@cache
def _way(side: str, mesh: str) -> sparse.csr_matrix:
    return barycentric(template(side).sphere, template(side, mesh).sphere)


def _sampled(volume: Volume, side: str) -> Float:
    cortex = fitted_cortex()[side]
    return sample_depths(volume, cortex.white, cortex.pial, DEPTHS)


@cache
def _grey(side: str) -> Float:
    """Return the template's share of grey matter by depth, shape (depth, vertex)."""
    rows = _sampled(tissue_shares()[0], side)
    return np.asarray(np.clip(np.nan_to_num(rows), 0, 1), np.float64)


def _mean(rows: Float, weights: Float) -> Float:
    """Average over the depths that are known."""
    weights = np.where(np.isfinite(rows), weights, 0.0)
    whole = weights.sum(axis=0)
    total = (weights * np.nan_to_num(rows)).sum(axis=0)
    out = np.full(len(whole), np.nan)
    np.divide(total, whole, out=out, where=whole > 0)
    return out


def _maps(inputs: Inputs) -> Mapping[str, Volume]:
    assets = (name for name in inputs.task.assets if name.startswith(PET))
    found = {name.removeprefix(PET): inputs.asset(name) for name in assets}
    own = {r: f for r, f in inputs.task.each_file() if r not in (BOTH, *ROLES)}
    return found | {role: density(file.read(), role) for role, file in own.items()}
