"""Maps that the page turns, from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.morphometry.surface import Hemisphere
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.surface.clusters import LABELS, ClusterSettings
from rt1t2_dask.pipelines.surface.person_stages import SURFACE_SMOOTH
from rt1t2_dask.pipelines.surface.plan import SurfaceContrast
from rt1t2_dask.pipelines.surface.regions import cluster_regions
from rt1t2_dask.pipelines.surface.sample import SMOOTHED
from rt1t2_dask.pipelines.surface.template import mesh_words
from rt1t2_dask.report.cortex.mesh_view import ContrastMaps, MeshMaps
from rt1t2_dask.storage.parts import Lake

FITTED = ("t", "effect", "hedges_g")
TESTED = ("p_fwe", "p_fwe_tfce")
EVERYBODY = "Mean ratio of everybody, smoothed"


def mesh_maps(
    lake: Lake,
    plans: Sequence[PersonPlan],
    contrasts: Mapping[str, SurfaceContrast],
    clusters: Mapping[str, pd.DataFrame],
    meshes: Mapping[str, Hemisphere],
) -> MeshMaps | None:
    """Collect the maps of every contrast and the mean ratio of everybody and of each group.

    None where there is no contrast.
    """
    if not contrasts:
        return None
    found = [_contrast(lake, name, own, clusters[name]) for name, own in contrasts.items()]
    some = next(iter(contrasts.values()))
    mesh = some.clusters.settings_as(ClusterSettings).mesh
    regions = cluster_regions(some.clusters, mesh)
    return MeshMaps(
        meshes, found, _means(lake, plans), regions, surface=f"Inflated {mesh_words(mesh)}"
    )


def _contrast(lake: Lake, name: str, plan: SurfaceContrast, table: pd.DataFrame) -> ContrastMaps:
    fitted = lake.read(plan.contrast.part)
    maps = {n: fitted[f"surface_{n}"].to_numpy() for n in FITTED if f"surface_{n}" in fitted}
    if plan.permute is not None:
        tested = lake.read(plan.permute.part)
        maps |= {n: tested[f"surface_{n}"].to_numpy() for n in TESTED if f"surface_{n}" in tested}
    told = plan.contrast.settings_as(ContrastSettings)
    return ContrastMaps(
        name,
        "F" if lake.record(plan.contrast.part)["numerator"] else "t",
        lake.record(plan.clusters.part)["height"],
        maps,
        lake.read(plan.clusters.part)[LABELS].to_numpy(),
        table,
        told.scale,
        bool(plan.contrast.parents.get("partner")),
    )


def _means(lake: Lake, plans: Sequence[PersonPlan]) -> dict[str, NDArray[np.floating[Any]]]:
    groups = dict.fromkeys(plan.person.group for plan in plans)
    found = {EVERYBODY: _mean(lake, plans)}
    for group in groups if len(groups) > 1 else ():
        own = [plan for plan in plans if plan.person.group == group]
        found[f"Mean ratio of {group} (n = {len(own)}), smoothed"] = _mean(lake, own)
    return found


def _mean(lake: Lake, plans: Iterable[PersonPlan]) -> NDArray[np.floating[Any]]:
    """Return the mean over those measured at each vertex, one person in memory at a time."""
    total, count = np.zeros(1), np.zeros(1)
    for plan in plans:
        values = lake.read(plan.part(SURFACE_SMOOTH))[SMOOTHED].to_numpy() * factor_of(plan)
        total = total + np.nan_to_num(values.astype(np.float64))
        count = count + np.isfinite(values)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.asarray(mean, np.float64)
