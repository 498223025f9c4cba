"""Two ellipsoids as a cortex, with maps of a contrast whose values are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from rt1t2_dask.morphometry.surface import Hemisphere
from rt1t2_dask.report.cortex.mesh_view import ContrastMaps, MeshMaps
from rt1t2_dask.report.cortex.section import CortexShown, cortex_section
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.stats.mesh.cluster_types import Regions

VERTICES = 1500
HALF_MM = np.array([28.0, 85.0, 50.0])


def hemisphere(x: float) -> Hemisphere:
    """An ellipsoid of evenly spread vertices, faces outward, sulci where it waves."""
    k = np.arange(VERTICES) + 0.5
    z, turn = 1 - 2 * k / VERTICES, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z**2)
    unit = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    places = unit * HALF_MM + [x, -15.0, 10.0]
    faces = np.asarray(ConvexHull(unit).simplices, np.intp)
    a, b, c = (unit[faces[:, corner]] for corner in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Hemisphere(places, places, unit, faces, np.sin(places[:, 1] / 4))


def meshes() -> dict[str, Hemisphere]:
    return {"left": hemisphere(-32.0), "right": hemisphere(32.0)}


def t_values() -> NDArray[np.float64]:
    """t of both: high in front of the left, low behind on the right, missing below."""
    both = [own.inflated for own in meshes().values()]
    left, right = (own[:, 1] + 15 for own in both)
    t = np.concatenate([left / 14, np.minimum(0, right / 14)])
    t[np.concatenate([own[:, 2] < -36 for own in both])] = np.nan
    return t


def contrast(name: str = "pspVsHc") -> ContrastMaps:
    t = t_values()
    high, low = np.nan_to_num(t) > 3.42, np.nan_to_num(t) < -3.42
    peaks = [int(np.nanargmax(t)), int(np.nanargmin(t))]
    table = pd.DataFrame({
        "cluster": [1, 2], "sign": ["positive", "negative"], "hemisphere": ["left", "right"],
        "vertices": [high.sum(), low.sum()], "area_mm2": [900.0, 700.0], "peak_t": t[peaks],
        "peak_vertex": [peaks[0], peaks[1] - VERTICES], "region": ["lh_front", ""],
    })  # fmt: skip
    maps = {"t": t, "effect": 0.05 * t, "hedges_g": t / 3, "p_fwe": np.abs(t) / 2}
    return ContrastMaps(name, "t", 3.42, maps, high + 2 * low, table)


def maps(contrasts: int = 1) -> MeshMaps:
    names = ["pspVsHc", "psVsHc", "pspVsPs"][:contrasts]
    labels = np.where(np.arange(2 * VERTICES) % VERTICES < VERTICES // 2, 7, 0)
    mean = 1.4 + 0.1 * np.tanh(np.nan_to_num(t_values()))
    regions = Regions(labels, {7: "lh_upper"})
    return MeshMaps(meshes(), [contrast(n) for n in names], {"Mean ratio": mean}, regions)


def section(**more: Any) -> Section:
    """The section of the page without figures."""
    people = pd.DataFrame({"median_ratio": [1.4], "median_thickness_mm": [2.5], "missing": [0.01]})
    searched = {"vertices": 2700, "area_mm2": 181_200.0, "fwhm_mm": 12.3, "resels": [2, 0.0, 87.6]}
    told: dict[str, Any] = {
        "kind": "simulated", "fwhm_mm": 10.0, "purity": 8.0, "extent_mm2": 300.0, "p": 0.001,
        "people": people, "clusters": {"pspVsHc": contrast().table}, "permuted": {},
        "searched": {"pspVsHc": searched}, "depths": pd.DataFrame(), "pictures": {},
    }  # fmt: skip
    return cortex_section(CortexShown(**told | more))
