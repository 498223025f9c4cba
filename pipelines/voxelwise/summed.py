"""Sums over people as arrays of the lake, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.stats.clusters.neighbours import NeighbourSums
from rt1t2_dask.stats.glm.sufficient import Sums, add

Float = NDArray[np.float64]
SAMPLED = ("gram", "cross", "squares", "products")


@dataclass(frozen=True)
class Summed:
    """Sums of some people at every voxel of a mask.

    Parameters
    ----------
    groups : sequence of Sums
    baseline : ndarray, shape (2, voxel), optional
        Sum and number of the values whose mean effects are a share of.
    sampled : NeighbourSums, optional
        Of the rows whose residuals tell the smoothness.
    """

    groups: Sequence[Sums]
    baseline: Float | None = None
    sampled: NeighbourSums | None = None

    def plus(self, other: Summed) -> Summed:
        """Add other people."""
        baseline = self.baseline
        if baseline is not None and other.baseline is not None:
            baseline = baseline + other.baseline
        if self.sampled is not None and other.sampled is not None:
            self.sampled.add(other.sampled)
        groups = [add(a, b) for a, b in zip(self.groups, other.groups, strict=True)]
        return Summed(groups, baseline, self.sampled)

    def to_arrays(self) -> dict[str, xr.DataArray]:
        """Return the sums as arrays of the lake."""
        sets = [len(own.grams) for own in self.groups]
        values = {
            "sums_grams": np.concatenate([own.grams for own in self.groups]),
            "sums_counts": np.concatenate([own.counts for own in self.groups]),
            "sums_group": np.repeat(np.arange(len(sets)), sets),
            "sums_set": np.stack([own.pattern for own in self.groups]).astype(np.int32),
            "sums_cross": np.stack([own.cross for own in self.groups]),
            "sums_squares": np.stack([own.squares for own in self.groups]),
        }
        if self.baseline is not None:
            values["sums_baseline"] = self.baseline
        if self.sampled is not None:
            values |= {f"sampled_{name}": getattr(self.sampled, name) for name in SAMPLED}
        return {name: table(name, own) for name, own in values.items()}

    @classmethod
    def read(cls, dataset: xr.Dataset) -> Summed:
        """Read the sums back."""
        arrays = {str(n): a.to_numpy() for n, a in dataset.items() if n != "sums_inside"}
        found = []
        for k in range(len(arrays["sums_cross"])):
            own = arrays["sums_group"] == k
            found.append(
                Sums(
                    arrays["sums_grams"][own],
                    arrays["sums_set"][k].astype(np.int64),
                    arrays["sums_cross"][k],
                    arrays["sums_squares"][k],
                    arrays["sums_counts"][own],
                )
            )
        if "sampled_gram" not in arrays:
            return cls(found)
        sampled = NeighbourSums(*(arrays[f"sampled_{name}"] for name in SAMPLED))
        return cls(found, arrays["sums_baseline"], sampled)
