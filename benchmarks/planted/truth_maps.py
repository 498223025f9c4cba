"""Smoothed ratio maps of simulated people, read through their true deformation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.resample import template_grid
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import (
    GroupSpec,
    paper_effects,
    participant_ids,
    simulate_participant,
)
from rt1t2_dask.simulate.effects import Effect, to_index
from rt1t2_dask.simulate.pose import TrueWarp
from rt1t2_dask.simulate.scanner import Scanner

FWHM_MM = 10.0
CLEAN = Scanner(gain_sd=0.0, bias_sd=0.0)
STEPS = 5  # of the fixed point; each shrinks the error about fivefold


@cache
def target(voxel_mm: float) -> tuple[Grid, np.ndarray]:
    """Return the template's grid at this voxel size and its brain."""
    head = template_head()
    stride = np.argwhere(head.brain)
    low, high = stride.min(axis=0), stride.max(axis=0) + 1
    affine = head.grid.affine.copy()
    affine[:3, 3] += low
    x, y, z = (int(n) for n in high - low)
    grid = template_grid(Grid((x, y, z), affine), voxel_mm)
    index = to_index(grid.world().astype(np.float64), head.grid.affine)
    at = np.moveaxis(index, -1, 0)
    inside = np.asarray(map_coordinates(head.brain.astype(np.float32), at, order=1) > 0.5)
    return grid, inside


def inverse(warp: TrueWarp, points: np.ndarray) -> np.ndarray:
    """T1w positions of template points, shape (n, 3), by fixed point."""
    back = np.linalg.inv(warp.affine)
    found = points @ back[:3, :3].T + back[:3, 3]
    for _ in range(STEPS):
        missed = points - warp.subject_to_template(found)
        found = found + missed @ back[:3, :3].T
    return found


def ratio_map(label: str, spec: GroupSpec, seed: int, voxel_mm: float) -> Volume:
    """Ratio of one person's noisy scans on the template grid, smoothed; NaN outside the brain."""
    head = template_head()
    grid, inside = target(voxel_mm)
    person = simulate_participant(
        head, label, spec, seed=seed, voxel_mm=voxel_mm, effects=paper_effects(head), scanner=CLEAN
    )
    t1_mm = inverse(person.truth.warp, grid.world()[inside].astype(np.float64))
    to_t2 = np.linalg.inv(person.truth.t2w_to_t1w)
    t2_mm = t1_mm @ to_t2[:3, :3].T + to_t2[:3, 3]
    read = [
        map_coordinates(
            scan.data.astype(np.float32), to_index(mm, scan.affine).T, order=3, mode="nearest"
        )
        for scan, mm in ((person.t1w, t1_mm), (person.t2w, t2_mm))
    ]
    values = np.full(grid.shape, np.nan, np.float32)
    values[inside] = read[0] / np.maximum(read[1], 1)
    if person.lesion is not None:
        at = to_index(t1_mm, person.lesion.affine).T
        values[inside] = np.where(
            map_coordinates(person.lesion.data.astype(np.float32), at, order=1) > 0.1,
            np.nan,
            values[inside],
        )
    return smooth(Volume(values, grid.affine), FWHM_MM, "normalised", inside)


def maps(spec: GroupSpec, seed: int, voxel_mm: float) -> np.ndarray:
    """Smoothed maps of one group over the brain's voxels, shape (person, voxel)."""
    inside = target(voxel_mm)[1]
    return np.stack(
        [ratio_map(p, spec, seed, voxel_mm).data[inside] for p in participant_ids(spec)]
    )


def spread(null: np.ndarray, effects: Sequence[Effect], voxel_mm: float) -> dict[str, float]:
    """Between-person SD of the smoothed ratio in % of its mean, at each effect and in the brain."""
    grid, inside = target(voxel_mm)
    cv = np.full(grid.shape, np.nan)
    cv[inside] = 100 * np.std(null, axis=0, ddof=1) / np.mean(null, axis=0)
    world = grid.world()
    at = {
        f"{e.name} {e.centre_mm}": cv[np.linalg.norm(world - e.centre_mm, axis=-1) < 5]
        for e in effects
    }
    return {name: round(float(np.nanmedian(v)), 2) for name, v in (at | {"brain": cv}).items()}
