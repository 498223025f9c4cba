"""What the report shows of the cortex, from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.surface.clusters import LABELS
from rt1t2_dask.pipelines.surface.plan import SurfaceContrast
from rt1t2_dask.pipelines.surface.template import SIDES, by_side, drawn
from rt1t2_dask.report.cortex.figure import on_vertices
from rt1t2_dask.report.cortex.section import ANCHOR, CortexShown, cortex_section
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.storage.parts import Lake


def surface_section(
    lake: Lake,
    config: Config,
    contrasts: Mapping[str, SurfaceContrast],
    people: pd.DataFrame,
    clusters: Mapping[str, pd.DataFrame],
    permuted: Mapping[str, Mapping[str, Any]],
) -> Section:
    """Return the section of the report."""
    asked = config.surface
    return cortex_section(
        CortexShown(
            kind=asked.kind,
            fwhm_mm=asked.fwhm_mm,
            purity=asked.purity,
            extent_mm2=asked.extent_mm2,
            p=config.contrast.p,
            people=people,
            clusters=clusters,
            permuted=permuted,
            pictures=_pictures(lake, contrasts, config) if config.report.figures else {},
        )
    )


def _pictures(
    lake: Lake, contrasts: Mapping[str, SurfaceContrast], config: Config
) -> dict[str, Picture]:
    meshes = {side: drawn(side, config.surface.mesh) for side in SIDES}
    found = {}
    for name, own in contrasts.items():
        statistic = lake.read(own.contrast.part)["surface_t"].to_numpy().astype(np.float64)
        labels = lake.read(own.clusters.part)[LABELS].to_numpy()
        found[f"{ANCHOR}_{name}"] = on_vertices(
            by_side(statistic),
            meshes,
            by_side(labels > 0),
            "t",
            f"{name}: contrast on the cortex; clusters outlined.",
            config.simulated,
        )
    return found
