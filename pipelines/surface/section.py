"""What the report shows of the cortex, from its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.morphometry.surface import Hemisphere
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.surface.clusters import LABELS
from rt1t2_dask.pipelines.surface.plan import SurfaceContrast
from rt1t2_dask.pipelines.surface.shown import mesh_maps
from rt1t2_dask.pipelines.surface.template import SIDES, by_side, mesh_words, shown_hemisphere
from rt1t2_dask.report.cortex.depths import depth_figure
from rt1t2_dask.report.cortex.figure import on_vertices
from rt1t2_dask.report.cortex.mesh_view import mesh_view
from rt1t2_dask.report.cortex.section import ANCHOR, CortexShown, cortex_section
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.storage.parts import Lake


@dataclass(frozen=True)
class Found:
    """Tables of the cortex: people; clusters and permutation tests by contrast; depths."""

    people: pd.DataFrame
    clusters: Mapping[str, pd.DataFrame]
    permuted: Mapping[str, Mapping[str, Any]]
    depths: pd.DataFrame


def surface_section(
    lake: Lake,
    config: Config,
    plans: Sequence[PersonPlan],
    contrasts: Mapping[str, SurfaceContrast],
    found: Found,
) -> Section:
    """Return the section of the report."""
    asked, drawn = config.surface, config.report.figures
    meshes = {side: shown_hemisphere(side, asked.mesh) for side in SIDES}
    turned = mesh_maps(lake, plans, contrasts, found.clusters, meshes) if drawn else None
    return cortex_section(
        CortexShown(
            kind=asked.kind,
            on=mesh_words(asked.mesh),
            fwhm_mm=asked.fwhm_mm,
            purity=asked.purity,
            extent_mm2=asked.extent_mm2,
            p=config.contrast.p,
            people=found.people,
            clusters=found.clusters,
            permuted=found.permuted,
            searched={name: lake.record(own.contrast.part) for name, own in contrasts.items()},
            depths=found.depths,
            pictures=_pictures(lake, contrasts, meshes, found.depths, config) if drawn else {},
            mesh=None if turned is None else mesh_view(turned, config.simulated),
        )
    )


def _pictures(
    lake: Lake,
    contrasts: Mapping[str, SurfaceContrast],
    meshes: Mapping[str, Hemisphere],
    depths: pd.DataFrame,
    config: Config,
) -> dict[str, Picture]:
    found = {}
    for name, own in contrasts.items():
        fitted = lake.read(own.contrast.part)
        labels = lake.read(own.clusters.part)[LABELS].to_numpy()
        found[f"{ANCHOR}_{name}"] = on_vertices(
            by_side(fitted["surface_t"].to_numpy().astype(np.float64)),
            meshes,
            by_side(labels > 0),
            "F" if lake.record(own.contrast.part)["numerator"] else "t",
            f"{name}: contrast on the cortex; clusters outlined.",
            config.simulated,
            surface=f"Inflated {mesh_words(config.surface.mesh)}",
        )
    if len(depths):
        found[f"{ANCHOR}_depths"] = depth_figure(depths, config.simulated)
    return found
