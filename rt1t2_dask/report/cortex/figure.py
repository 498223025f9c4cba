"""A map of the cortex's vertices on the inflated surface, clusters outlined."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from rt1t2_dask.morphometry.surface import Hemisphere
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.surface_figure import VIEWS, draw_view, painted

Float = NDArray[np.float64]


def on_vertices(
    values: Mapping[str, Float],
    meshes: Mapping[str, Hemisphere],
    outlined: Mapping[str, NDArray[np.bool_]],
    label: str,
    caption: str,
    simulated: bool,
    *,
    surface: str = "Inflated fsaverage5",
) -> Picture:
    """Draw a map, lateral and medial views of both hemispheres.

    Parameters
    ----------
    values : mapping of {"left", "right"} to ndarray, shape (vertex,)
        Grey where NaN.
    meshes : mapping of {"left", "right"} to Hemisphere
    outlined : mapping of {"left", "right"} to ndarray of bool, shape (vertex,)
        Clusters.
    label : str
        Of the colour bar.
    caption : str
    simulated : bool
    surface : str
        What the meshes are of.
    """
    scale = _scale(np.concatenate([values["left"], values["right"]]))
    with house_style():
        figure = new_figure(7.5, 2.5, simulated)
        body, foot = stacked(figure, [1.8, 0.7])
        for axes, seen in zip(body.subplots(1, 4), VIEWS, strict=True):
            mesh = meshes[seen[0]]
            draw_view(axes, mesh, seen, painted(mesh, values[seen[0]], scale), outlined[seen[0]])
        bar = foot.add_subplot(foot.add_gridspec(1, 3, width_ratios=[1, 2, 1])[1])
        foot.colorbar(ScalarMappable(*scale), cax=bar, orientation="horizontal")
        bar.set_xlabel(label)
    words = f"{surface}; {label}; from {scale[0].vmin:.3g} to {scale[0].vmax:.3g}."
    return Picture(figure, f"Cortex, four views. {words}", f"{caption} {words}")


def _scale(values: Float) -> tuple[Normalize, mpl.colors.Colormap]:
    """Return a scale round 0 that reaches the largest value."""
    known = np.abs(values[np.isfinite(values)])
    limit = float(known.max(initial=0.0)) or 1.0
    return Normalize(-limit, limit), mpl.colormaps["RdBu_r"]
