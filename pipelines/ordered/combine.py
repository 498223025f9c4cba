"""Stage `ordered`: where every neighbouring pair of ordered groups differs in one direction."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import neuromorphometrics, on_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.regional import TABLE as EFFECTS
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.stats.clusters.cluster_table import annotate, table
from rt1t2_dask.stats.clusters.components import ClusterMap, find
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.order.neighbours import (
    SIGNS,
    Direction,
    directions_of,
    largest_p,
    smallest,
)
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.scores import at_dof

TABLE, REGIONS = "ordered.tsv", "ordered_regions.tsv"
FAMILY_WISE = {"max_t": "ordered_fwe", "tfce": "ordered_fwe_tfce", "extent": "ordered_fwe_extent"}
"""Maps of family-wise p by the statistic that was permuted."""
ALPHA = 0.05
GEOMETRY = (
    *("cluster", "sign", "voxels", "volume_mm3", "peak_t"),
    *("peak_x_mm", "peak_y_mm", "peak_z_mm", "region", "regions"),
)
Float = NDArray[np.float64]


class OrderedSettings(StageSettings):
    """The groups in their order, the direction asked for, and how clusters are formed.

    Parameters
    ----------
    groups : tuple of str
    direction : {"rising", "falling", "either"}
    p, extent_mm3 : float
        The height, as p, that every neighbour's t is above, and the extent.
    forming_p : float
        The height of the permuted clusters.
    space : str
    """

    groups: tuple[str, ...]
    direction: Direction
    p: float
    extent_mm3: float
    forming_p: float
    space: str

    @property
    def neighbours(self) -> tuple[str, ...]:
        """Name each neighbouring difference, for columns."""
        return tuple(f"{after}_minus_{before}" for before, after in pairwise(self.groups))


def make(inputs: Inputs) -> Made:
    """Take the neighbours together at every voxel and in every region."""
    settings = inputs.settings_as(OrderedSettings)
    dof = float(inputs.record("neighbour")["dof"])
    like = inputs.volume("neighbour", "stat_t")
    t = np.stack([_t(inputs, k, dof) for k in range(len(settings.neighbours))])
    least = smallest(t, settings.direction)
    family_wise = {
        name: largest_p(p, t, settings.direction)
        for name, p in _component_p(inputs, settings, dof).items()
    }
    found = {d: _found(least, like, settings, d, dof) for d in directions_of(settings.direction)}
    rows = _clusters(inputs, list(found.values()), like, t, family_wise)
    maps = {"ordered_t": least} | {
        FAMILY_WISE[name]: np.asarray(-np.log10(p)) for name, p in family_wise.items()
    }
    arrays = {
        name: to_array(name, like.with_data(values.astype(np.float32)), space=settings.space)
        for name, values in maps.items()
    }
    numbered = like.with_data(_numbered(list(found.values())))
    arrays["clusters"] = to_array("clusters", numbered, space=settings.space)
    files = {TABLE: tsv_file(rows), REGIONS: tsv_file(_regions(inputs, settings))}
    over = {d: int(own.sizes.sum()) for d, own in found.items()}
    record = {"height": next(iter(found.values())).height, "over_height": over}
    return Made(xr.Dataset(arrays), record | _counts(t, least, family_wise), files)


def _t(inputs: Inputs, k: int, dof: float) -> Float:
    """Return a neighbour's t; where degrees of freedom differ, that of equal p at the design's."""
    own, freedom = (inputs.volume("neighbour", name, k).data for name in ("stat_t", "stat_dof"))
    return at_dof(own, freedom, dof)


def _component_p(inputs: Inputs, settings: OrderedSettings, dof: float) -> dict[str, Float]:
    """Return the family-wise p of every neighbour, by statistic, shape (neighbour, x, y, z)."""
    found: dict[str, list[Float]] = {}
    for k in range(len(inputs.parts("permute"))):
        permuted = inputs.dataset("permute", k)
        for name, array in (("max_t", "fwe"), ("tfce", "fwe_tfce")):
            if array in permuted:
                own = inputs.volume("permute", array, k).data.astype(np.float64)
                found.setdefault(name, []).append(10.0**-own)
        if "null_extent" in permuted:
            null = inputs.array("permute", "null_extent", k)
            found.setdefault("extent", []).append(_extent_p(inputs, settings, k, dof, null))
    return {name: np.stack(own) for name, own in found.items()}


def _extent_p(
    inputs: Inputs, settings: OrderedSettings, k: int, dof: float, null: NDArray[Any]
) -> Float:
    """Return the p of the cluster of each voxel, of any extent; 1 outside clusters."""
    like = inputs.volume("neighbour", "stat_t", k)
    freedom = inputs.volume("neighbour", "stat_dof", k).data
    p = np.where(np.isnan(like.data), np.nan, 1.0)
    for sign in SIGNS.values():
        how: dict[str, Any] = {"p": settings.forming_p, "nominal_dof": dof}
        labels = find(like.data, like.affine, freedom, sign=sign, **how).labels
        sizes = np.bincount(labels.ravel())
        p = np.where(labels > 0, p_fwe(sizes, null)[labels], p)
    return p


def _found(
    least: Float, like: Volume, settings: OrderedSettings, direction: str, dof: float
) -> ClusterMap:
    """Find clusters of voxels where every neighbour is above the height in one direction."""
    return find(
        least,
        like.affine,
        dof,
        sign=SIGNS[direction],
        p=settings.p,
        extent_mm3=settings.extent_mm3,
        nominal_dof=dof,
    )


def _clusters(
    inputs: Inputs, found: list[ClusterMap], like: Volume, t: Float, p: Mapping[str, Float]
) -> pd.DataFrame:
    """Table clusters with every neighbour's t at the peak, and the smallest p of their voxels."""
    settings = inputs.settings_as(OrderedSettings)
    atlas = neuromorphometrics(inputs.asset(ATLAS))
    labels = on_grid(atlas, like.grid)
    notes = [annotate(own, labels, atlas.names, like.grid) for own in found]
    rows = table(found, None, notes)[list(GEOMETRY)]
    peaks = [cluster.peak.voxel for own in found for cluster in own.clusters]
    for name, own in zip(settings.neighbours, t, strict=True):
        rows[f"t_{name}"] = np.array([own[peak] for peak in peaks], np.float64)
    for name, values in p.items():
        rows[f"p_fwe_{name}"] = [
            float(np.nanmin(values[own.labels == cluster.label]))
            for own in found
            for cluster in own.clusters
        ]
    return rows


def _numbered(found: list[ClusterMap]) -> NDArray[np.int32]:
    numbered = np.zeros_like(found[0].labels)
    before = 0
    for own in found:
        numbered[own.labels > 0] = own.labels[own.labels > 0] + before
        before += len(own.clusters)
    return numbered


def _regions(inputs: Inputs, settings: OrderedSettings) -> pd.DataFrame:
    """Table every region: each neighbour's difference, and p of all together."""
    each = [
        pd.read_csv(io.BytesIO(inputs.lake.file(part, EFFECTS)), sep="\t")
        for part in inputs.parts("regions")
    ]
    rows = each[0][["region", "name"]].copy()
    t, p, corrected = (np.stack([own[c] for own in each]) for c in ("t", "p", "p_fwe_max_t"))
    for name, own in zip(settings.neighbours, each, strict=True):
        for column in ("estimate", "percent", "t", "p"):
            rows[f"{column}_{name}"] = own[column]
    rows["p_all_neighbours"] = largest_p(p, t, settings.direction)
    rows["q_all_neighbours"] = benjamini_hochberg(rows["p_all_neighbours"])
    rows["p_fwe_all_neighbours"] = largest_p(corrected, t, settings.direction)
    return rows


def _counts(t: Float, least: Float, p: Mapping[str, Float]) -> dict[str, Any]:
    """Return numbers of voxels: tested, with neighbours of one sign, significant."""
    return {
        "voxels": int(np.isfinite(least).sum()),
        "alike": int(((t > 0).all(axis=0) | (t < 0).all(axis=0)).sum()),
        "voxels_fwe": {name: int((values <= ALPHA).sum()) for name, values in p.items()},
    }
