"""Sample an image on the cortical ribbon, as the Human Connectome Project does.

Each vertex has a polyhedron: its triangles on the white surface, the same on the pial surface, and
what lies between. A voxel counts by its share of that polyhedron (Connectome Workbench,
``-volume-to-surface-mapping -ribbon-constrained``; Glasser et al. 2013, NeuroImage 80:105-124).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.surface.mesh import Mesh, check_pair, thickness
from rt1t2_dask.surface.ribbon_kernels import polyhedra

Float = NDArray[np.float64]

OUTLIER_SD: Final = 4.0
"""Voxels further from the mean of their neighbourhood are left out (vessels, dura)."""
NEIGHBOURHOOD_MM: Final = 5 / np.sqrt(8 * np.log(2))
"""Standard deviation of the neighbourhood: HCP's myelin maps use an FWHM of 5 mm."""
LEAST_KNOWN: Final = 0.5
PURITY: Final = 8.0
"""Set on folded ribbons of 2, 3 and 4 mm at 1 mm voxels, 1.4 mm edges, T1w over T2w with partial
volume: mean relative error .049, .035, .028 at 0 (HCP's weights), .018, .010, .008 at 4, .010,
.005, .004 at 8, .006, .003, .002 at 16. The price is noise: at 8 a vertex's mean is worth 9, 17
and 24 voxels in place of 17, 24 and 32. Where both surfaces lie 0.3 mm too deep in a ribbon of
3 mm the error is .056 at 0 and .032 at 8."""
FARTHEST_MM: Final = 25.0
"""White and pial further apart are of two spaces or two people: cortex is at most 5 mm thick."""


@dataclass(frozen=True, eq=False)
class RibbonWeights:
    """How much of each vertex's polyhedron lies in each voxel, for many images.

    Parameters
    ----------
    matrix : csr_matrix, shape (vertex, voxel)
        mm^3; voxels of ``grid`` in C order.
    volumes : ndarray, shape (vertex,)
        mm^3 of each polyhedron, what lies outside the image included.
    grid : Grid
    neighbourhood : csr_matrix, shape (vertex, vertex)
        One step along the edges: the average of a vertex and its neighbours.
    steps : int
        Steps that spread by `NEIGHBOURHOOD_MM`.
    """

    matrix: sparse.csr_matrix
    volumes: Float
    grid: Grid
    neighbourhood: sparse.csr_matrix
    steps: int

    @property
    def shares(self) -> Float:
        """Share of each stored voxel that lies in the ribbon, 0 to 1, shape (stored,)."""
        columns = self.matrix.indices
        # A prism belongs to the polyhedra of its three vertices.
        total = np.bincount(columns, self.matrix.data / 3, minlength=self.matrix.shape[1])
        return np.asarray(np.minimum(total[columns] / self.grid.voxel_volume_mm3, 1.0))


def ribbon_weights(white: Mesh, pial: Mesh, grid: Grid, per_voxel: float = 4.0) -> RibbonWeights:
    """Return the weights of voxels for each vertex.

    Parameters
    ----------
    white, pial : Mesh
        Scanner RAS+ mm, vertices corresponding; one hemisphere or both joined.
    grid : Grid
        Of the images to be sampled, affine to the same mm.
    per_voxel : float
        Prisms are cut into pieces whose edges are shorter than a voxel over this; each piece
        counts for the voxel of its centre. Workbench cuts voxels into 3 along each axis.

    Raises
    ------
    SubjectError
        The surfaces do not correspond, are further apart than any cortex, or lie outside the
        image.
    """
    check_pair(white, pial)
    _check_gap(white, pial)
    to_voxel = np.linalg.inv(np.asarray(grid.affine, np.float64))
    inner, outer = (m.vertices @ to_voxel[:3, :3].T + to_voxel[:3, 3] for m in (white, pial))
    indptr, incident = _incident(white)
    shape = np.asarray(grid.shape, np.int64)
    rows, voxels, sizes, whole = polyhedra(
        inner, outer, white.faces.astype(np.int64), indptr, incident, shape, float(per_voxel)
    )
    if not len(voxels):
        raise SubjectError(
            "The surfaces lie outside the image.", "Are both in one space, scanner RAS+ mm?"
        )
    mm3 = grid.voxel_volume_mm3
    size = (len(white.vertices), int(np.prod(grid.shape)))
    matrix = sparse.csr_matrix((sizes * mm3, voxels, rows), shape=size)
    neighbourhood, steps = _neighbourhood(white.moved((white.vertices + pial.vertices) / 2))
    return RibbonWeights(matrix, whole * mm3, grid, neighbourhood, steps)


def sample_ribbon(
    weights: RibbonWeights,
    values: NDArray[Any],
    outlier_sd: float = OUTLIER_SD,
    purity: float = PURITY,
) -> Float:
    """Return the mean of an image over each vertex's polyhedron, shape (vertex,).

    Parameters
    ----------
    weights : RibbonWeights
    values : ndarray, shape (x, y, z)
        Of the image; NaN where not measured or in a lesion.
    outlier_sd : float
        Voxels further than this many standard deviations from the mean of their vertex's
        neighbourhood are left out; ``inf`` leaves none out.
    purity : float
        The weight is multiplied by the voxel's share in the ribbon to this power, which lowers
        what white matter and CSF bring into voxels at the borders (partial volume). 0 weights
        voxels as HCP does.

    Returns
    -------
    ndarray
        NaN where less than half of a polyhedron is known and no outlier.

    Raises
    ------
    SubjectError
        The image has another shape than the weights' grid.
    """
    if np.shape(values) != weights.grid.shape:
        raise SubjectError(
            f"The image has shape {np.shape(values)}, the weights are for {weights.grid.shape}."
        )
    columns, volume = weights.matrix.indices, weights.matrix.data
    found = np.asarray(values).reshape(-1)[columns].astype(np.float64)
    rows = np.repeat(np.arange(len(weights.volumes)), np.diff(weights.matrix.indptr))
    known = np.isfinite(found)
    kept = known & _ordinary(weights, rows, np.where(known, found, 0.0), known, outlier_sd)
    weight = np.where(kept, volume, 0.0)
    enough = _total(rows, weight, weights) >= LEAST_KNOWN * weights.volumes
    weight *= weights.shares**purity
    whole = _total(rows, weight, weights)
    total = _total(rows, weight * np.where(kept, found, 0.0), weights)
    good = enough & (whole > 0)
    return np.where(good, total / np.where(good, whole, 1.0), np.nan)


def _ordinary(
    weights: RibbonWeights,
    rows: NDArray[np.intp],
    found: Float,
    known: NDArray[np.bool_],
    outlier_sd: float,
) -> NDArray[np.bool_]:
    """Return whether each value is near the mean of its vertex's neighbourhood."""
    if np.isinf(outlier_sd):
        return np.ones(len(found), bool)
    weight = np.where(known, weights.matrix.data, 0.0)
    # Centred, so that the difference of squares loses no digits.
    centre = float(np.average(found, weights=weight)) if weight.any() else 0.0
    moved = found - centre
    moments = np.stack([_total(rows, weight * moved**k, weights) for k in range(3)], axis=1)
    for _ in range(weights.steps):
        moments = weights.neighbourhood @ moments
    total = np.where(moments[:, 0] > 0, moments[:, 0], 1.0)
    mean = moments[:, 1] / total
    spread = np.sqrt(np.maximum(moments[:, 2] / total - mean**2, 0.0))
    # Rounding must not make outliers of a constant image.
    limit = outlier_sd * spread + 1e-6 * abs(centre)
    return np.asarray(np.abs(moved - mean[rows]) <= limit[rows])


def _total(rows: NDArray[np.intp], values: Float, weights: RibbonWeights) -> Float:
    return np.asarray(np.bincount(rows, values, minlength=len(weights.volumes)), np.float64)


def _incident(mesh: Mesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the faces of each vertex as row pointers and faces."""
    corners = mesh.faces.ravel()
    counts = np.bincount(corners, minlength=len(mesh.vertices))
    order = np.argsort(corners, kind="stable")
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int64) // 3


def _neighbourhood(middle: Mesh) -> tuple[sparse.csr_matrix, int]:
    """Return one step of averaging, and how many spread by the neighbourhood's deviation.

    A step from a vertex with d neighbours spreads by d / (d + 1) of the squared edge over both
    directions.
    """
    near = middle.adjacency.astype(np.float64) + sparse.identity(len(middle.vertices))
    degree = np.asarray(near.sum(axis=1)).ravel()
    step = (1 - 1 / degree.mean()) * float(np.mean(middle.edge_mm**2)) / 2
    steps = max(1, round(NEIGHBOURHOOD_MM**2 / step)) if step > 0 else 1
    return sparse.csr_matrix(sparse.diags(1 / degree) @ near), steps


def _check_gap(white: Mesh, pial: Mesh) -> None:
    gap = thickness(white, pial).max(initial=0.0)
    if gap > FARTHEST_MM:
        raise SubjectError(
            f"White and pial surface lie up to {gap:.0f} mm apart; cortex is at most 5 mm thick.",
            "Are both of one person and in one space?",
        )
