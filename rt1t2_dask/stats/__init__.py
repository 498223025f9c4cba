"""Statistics on arrays and on xarray: a group contrast in two lines.

>>> import numpy as np
>>> from rt1t2_dask.stats import contrast, permutation_test, two_sample
>>> rng = np.random.default_rng(0)
>>> maps = rng.normal(1.5, 0.1, size=(29, 1000))  # people x voxels
>>> maps[:11, :50] -= 0.2                          # patients are lower in 50 voxels
>>> design = two_sample(["psp"] * 11 + ["hc"] * 18, "psp", "hc")
>>> result = contrast(maps, design)
>>> result["t"].shape, bool(result["t"][:50].mean() < -3)
((1000,), True)

>>> tested = permutation_test(maps, design, n=199)
>>> float(tested["p_fwe"].min()), int((tested["p_fwe"][50:] < 0.05).sum())
(0.005, 0)

Maps of vertices are tested on their ``SearchMesh``: ``permutation_test(maps, design,
statistics=["tfce"], mesh=SearchMesh.joined([left, right]))``, then ``mesh_clusters``.

Given an ``xarray.DataArray`` with people along its first dimension, the maps keep their
dimensions and coordinates. Other designs: ``one_sample``, ``paired``, ``anova``,
``ordered``, ``regression``, ``from_formula``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rt1t2_dask.stats.api import contrast
    from rt1t2_dask.stats.design import Design, two_sample
    from rt1t2_dask.stats.designs import anova, one_sample, ordered, paired, regression
    from rt1t2_dask.stats.formula import from_formula
    from rt1t2_dask.stats.mesh.clusters import mesh_clusters
    from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh
    from rt1t2_dask.stats.mesh.table import mesh_table
    from rt1t2_dask.stats.permutation_api import permutation_test

__all__ = [
    "Design",
    "SearchMesh",
    "anova",
    "contrast",
    "from_formula",
    "mesh_clusters",
    "mesh_table",
    "one_sample",
    "ordered",
    "paired",
    "permutation_test",
    "regression",
    "two_sample",
]

_HOMES = {
    "api": ("contrast",),
    "design": ("Design", "two_sample"),
    "designs": ("anova", "one_sample", "ordered", "paired", "regression"),
    "formula": ("from_formula",),
    "mesh.clusters": ("mesh_clusters",),
    "mesh.neighbourhood": ("SearchMesh",),
    "mesh.table": ("mesh_table",),
    "permutation_api": ("permutation_test",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: workers on images need none of them."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
