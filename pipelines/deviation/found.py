"""What is found in one person's map: clusters, shares of deviant voxels, random-field p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.stats.clusters.components import ClusterMap, Sign, find
from rt1t2_dask.stats.clusters.random_field import SearchVolume, peak_p_fwe
from rt1t2_dask.stats.scores import at_dof, t_to_z

Float = NDArray[np.float64]
SIGNS: Final[tuple[Sign, Sign]] = ("positive", "negative")


class Limits(Protocol):
    """Height, as one-sided p of each sign, and extent of clusters."""

    @property
    def p(self) -> float:
        """Height."""

    @property
    def extent_mm3(self) -> float:
        """Extent."""


@dataclass(frozen=True)
class Found:
    """One person's modified t.

    Parameters
    ----------
    t, dof : Volume
        NaN where not compared.
    nominal : float
        Degrees of freedom where nobody is missing.
    z : ndarray, shape (x, y, z)
    volume : SearchVolume
        Where the person was compared.
    """

    t: Volume
    dof: Volume
    nominal: float
    z: Float
    volume: SearchVolume

    @classmethod
    def of(
        cls,
        t: NDArray[np.float32],
        dof: NDArray[np.float32],
        mask: NDArray[np.bool_],
        grid: Grid,
        nominal: float,
        fwhm: Float,
    ) -> Found:
        """Put values of the mask's voxels on the grid."""
        image, freedom = scattered(t, mask, grid), scattered(dof, mask, grid)
        z = np.full(image.data.shape, np.nan)
        there = np.isfinite(image.data)
        z[there] = t_to_z(image.data[there], freedom.data[there])
        return cls(image, freedom, nominal, z, SearchVolume.of(there, fwhm, nominal))

    @property
    def voxels(self) -> int:
        """How many voxels were compared."""
        return self.volume.voxels

    @property
    def place(self) -> tuple[int, int, int]:
        """The voxel of the largest |z|."""
        flat = int(np.nanargmax(np.abs(self.z)))
        x, y, z = np.unravel_index(flat, self.z.shape)
        return int(x), int(y), int(z)

    def rft_p(self, t: ArrayLike, sides: int = 2) -> Float:
        """Return random-field FWE p of t at the nominal degrees of freedom, of one or two sides."""
        return np.minimum(1.0, sides * peak_p_fwe(t, self.volume))

    def at_nominal(self) -> Float:
        """Return t at the nominal degrees of freedom, at equal p."""
        return at_dof(self.t.data, self.dof.data, self.nominal)


def clusters_of(found: Found, limits: Limits) -> list[ClusterMap]:
    """Find the clusters of both signs."""
    return [
        find(
            found.t.data,
            found.t.affine,
            found.dof.data,
            sign=sign,
            p=limits.p,
            extent_mm3=limits.extent_mm3,
            nominal_dof=found.nominal,
        )
        for sign in SIGNS
    ]


def beyond(found: Found, p: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return 1 where z is above, and where it is below, the height of a one-sided p; else 0.

    NaN where the person was not compared.
    """
    height = -special.ndtri(p)
    there = np.isfinite(found.z)
    higher, lower = (
        np.where(there, np.nan_to_num(side * found.z) > height, np.nan).astype(np.float32)
        for side in (1, -1)
    )
    return higher, lower


def shares_beyond(found: Found, p: float) -> tuple[float, float]:
    """Return the shares of voxels above and below the height of a one-sided p."""
    higher, lower = (float(np.nanmean(own)) for own in beyond(found, p))
    return higher, lower
