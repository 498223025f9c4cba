"""What a contrast on vertices searched: vertices, area, smoothness of the noise, resels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.pipelines.surface.template import middles, search_mesh
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.noise import standardised_residuals
from rt1t2_dask.stats.mesh.neighbourhood import neighbourhood
from rt1t2_dask.stats.mesh.smoothness import fwhm_mm, surface_resels

SEARCH = ("vertices", "area_mm2", "fwhm_mm", "resels")


def searched(
    data: NDArray[np.float32],
    design: Design,
    group_variance: dict[str, float] | None,
    tested: NDArray[np.bool_],
    common: str = "fsaverage5",
) -> dict[str, Any]:
    """Describe a search over both hemispheres, by the names in `SEARCH`.

    Parameters
    ----------
    data : ndarray, shape (row, vertex)
    design : Design
    group_variance : dict or None
        As in :func:`rt1t2_dask.stats.glm.fit.fit`.
    tested : ndarray of bool, shape (vertex,)
        Vertices with a statistic.
    common : str
        The common mesh.

    Returns
    -------
    dict
        ``fwhm_mm`` is that of residuals where nobody is missing, None where there is none;
        ``resels`` in 0, 1 and 2 dimensions, None where noise is not smooth.
    """
    mesh = search_mesh(common)
    places = np.concatenate([own.vertices for own in middles(common)])
    inside = mesh.inside & tested
    complete = inside & np.isfinite(data).all(axis=0)
    space, fwhm = neighbourhood(mesh, complete), None
    if len(space.indices):
        residuals = standardised_residuals(data[:, complete], design, group_variance=group_variance)
        fwhm = fwhm_mm(residuals, space, places[complete], design.dof, design.n)
    resels = surface_resels(mesh.faces, places, inside, fwhm).tolist() if fwhm else None
    area = float(np.asarray(mesh.areas)[inside].sum())
    values = (int(inside.sum()), area, fwhm, resels)
    return dict(zip(SEARCH, values, strict=True))
