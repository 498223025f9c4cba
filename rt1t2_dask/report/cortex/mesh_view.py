"""Maps of the cortex packed for the page, on the inflated surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.morphometry.surface import Hemisphere
from rt1t2_dask.report.cortex.mesh_parts import Bits, MeshView, bits
from rt1t2_dask.report.figures.picture import SIMULATED_MARK
from rt1t2_dask.report.figures.scene import COLD, HOT
from rt1t2_dask.report.layers import Layer, MapWords, map_layer, statistic_layer
from rt1t2_dask.report.numbers import decimal
from rt1t2_dask.report.viewer import FURTHER, HEIGHTS, UNITS
from rt1t2_dask.stats.mesh.cluster_types import Regions

Float = NDArray[np.floating[Any]]
STEP_MM = 0.05
"""Places are rounded to a fiftieth of fsaverage5's edges: nothing of it is seen."""

GREYS = 15
"""Steps of grey from gyrus to sulcus; the page's script knows their number."""

RING_MM = 5.0
"""Radius of the ring round a chosen vertex: it holds its neighbours on fsaverage5."""

LOW_SHARE = 2.0
"""Percent of the vertices below the height with which a mean map starts: its values are far from 0,
and colours that began there would show little of it."""

ORDER = {"effect": "effect", "hedges_g": "d", "p_fwe": "fwe", "p_fwe_tfce": "tfce"}
"""Maps beside the statistic, by the names that the volume's viewer gives them."""

HINT = "Point at the cortex to read a value."


@dataclass(frozen=True)
class ContrastMaps:
    """Maps of a contrast on the vertices of both hemispheres, left before right.

    Parameters
    ----------
    name : str
    statistic : {"t", "F"}
    height : float
        The cluster-forming threshold.
    maps : mapping of str to ndarray, shape (vertex,)
        ``t`` first, then those of `ORDER`; p as -log10 p. NaN where not measured.
    clusters : ndarray of int, shape (vertex,)
        0 outside.
    table : DataFrame
        The table of the clusters.
    scale : {"ratio", "log", "signed"}
    paired : bool
        Whether the effect size is d_z.
    """

    name: str
    statistic: str
    height: float
    maps: Mapping[str, Float]
    clusters: NDArray[np.integer[Any]]
    table: pd.DataFrame
    scale: str = "ratio"
    paired: bool = False


@dataclass(frozen=True)
class MeshMaps:
    """What the page turns.

    Parameters
    ----------
    meshes : mapping of {"left", "right"} to Hemisphere
    contrasts : sequence of ContrastMaps
    means : mapping of str to ndarray, shape (vertex,)
        Mean ratio by words.
    regions : Regions or None
    surface : str
        What the surface is, in words.
    """

    meshes: Mapping[str, Hemisphere]
    contrasts: Sequence[ContrastMaps]
    means: Mapping[str, Float] = field(default_factory=dict)
    regions: Regions | None = None
    surface: str = "Inflated fsaverage5"


def mesh_view(shown: MeshMaps, simulated: bool) -> MeshView:
    """Pack the surface once, and every map of every contrast.

    Parameters
    ----------
    shown : MeshMaps
    simulated : bool
        Marks the picture as simulated.
    """
    parts: dict[str, Bits] = {}
    sides, first = [], 0
    for side, mesh in shown.meshes.items():
        own, settings = _hemisphere(side, mesh)
        parts |= own
        sides.append(settings | {"first": first})
        first += settings["vertices"]
    names, region = _regions(shown.regions)
    layers = [layer for k, own in enumerate(shown.contrasts) for layer in _layers(own, k)]
    settings = {
        "sides": sides,
        "hot": HOT,
        "cold": COLD,
        "mark": SIMULATED_MARK if simulated else "",
        "regions": names,
        "ring": RING_MM,
        "hint": HINT,
    }
    return MeshView(
        shown.surface,
        settings,
        parts | region,
        (*_titled(layers, shown.contrasts), *(_mean(n, own) for n, own in shown.means.items())),
        tuple(bits(own.clusters) for own in shown.contrasts),
        _peaks(shown.contrasts, layers),
    )


def _hemisphere(side: str, mesh: Hemisphere) -> tuple[dict[str, Bits], dict[str, Any]]:
    low = mesh.inflated.min(axis=0)
    places = np.round((mesh.inflated - low) / STEP_MM)
    deep = float(np.quantile(np.abs(mesh.sulci), 0.95)) or 1.0
    greys = np.round(GREYS * np.clip(mesh.sulci / deep + 1, 0, 2) / 2)
    parts = {"places": places, "faces": mesh.faces.T, "sulci": greys}
    settings = {"side": side, "vertices": len(places), "low": low.tolist(), "step": STEP_MM}
    return {f"{side}-{name}": bits(own) for name, own in parts.items()}, settings


def _regions(regions: Regions | None) -> tuple[list[str], dict[str, Bits]]:
    """Return the names, empty outside all regions, and the index of each vertex's."""
    if regions is None:
        return [], {}
    labels, index = np.unique(regions.labels, return_inverse=True)
    names = [regions.names.get(int(label), "") for label in labels]
    return names, {"regions": bits(index.reshape(-1))}


def _layers(own: ContrastMaps, number: int) -> list[Layer]:
    """Pack the maps of a contrast, the statistic first."""
    name = own.statistic
    values = {key: np.asarray(each, np.float64) for key, each in own.maps.items()}
    words = MapWords(name, f"Test statistic: {name}", name)
    further = {"effect": MapWords("effect", "Effect: estimate", "effect", UNITS[own.scale])}
    further |= FURTHER
    if own.paired:
        further["d"] = MapWords("dz", "Effect size: d_z", "d_z", "SD of the differences")
    made = [statistic_layer(values["t"], words, name == "t", own.height)]
    made += [
        map_layer(values[key], further[known], HEIGHTS.get(known, 0.0))
        for key, known in ORDER.items()
        if key in values
    ]
    return [_told(layer, contrast=number) for layer in made]


def _titled(layers: Sequence[Layer], contrasts: Sequence[ContrastMaps]) -> list[Layer]:
    """Name the contrast of each map where there are several."""
    several = len(contrasts) > 1
    return [
        _told(layer, of=contrasts[layer.settings["contrast"]].name if several else "")
        for layer in layers
    ]


def _mean(title: str, values: Float) -> Layer:
    known = values[np.isfinite(values)]
    height = float(np.percentile(known, LOW_SHARE)) if known.size else 0.0
    layer = map_layer(np.asarray(values, np.float64), MapWords("mean", title, "mean ratio"))
    return _told(layer, contrast=-1, of="", height=max(height, 0.0))


def _told(layer: Layer, **more: Any) -> Layer:
    return Layer(layer.packed, layer.settings | more)


def _peaks(
    contrasts: Sequence[ContrastMaps], layers: Sequence[Layer]
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the peaks of all clusters in words, and where they are."""
    several, found = len(contrasts) > 1, []
    of = [layer.settings["contrast"] for layer in layers]
    for number, own in enumerate(contrasts):
        for row in own.table.to_dict("records"):
            region = row["region"] if isinstance(row["region"], str) and row["region"] else ""
            where = f"{region}, " if region else ""
            words = f"{row['cluster']}: {row['hemisphere']}, {where}{own.statistic} = "
            words = f"{own.name * several}{': ' * several}{words}{decimal(row['peak_t'])}"
            at = {"side": row["hemisphere"], "vertex": int(row["peak_vertex"])}
            found.append((words, {"map": of.index(number)} | at))
    return tuple(found)
