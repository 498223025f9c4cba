"""Error of the deformation field at a lesion's rim, where the truth is known.

A label head (SIMULATED) is deformed by a known field and given a stroke; its own undeformed,
healthy self is the template. Rim: within 8 mm of the lesion.
"""

from __future__ import annotations

import numpy as np
from heads.label_heads import LabelHead, Lesion, build
from scipy import ndimage

from rt1t2_dask.images.registration.normalise import to_template
from rt1t2_dask.images.transform import Warp, inverse, move
from rt1t2_dask.images.volume import Array, Volume
from rt1t2_dask.simulate.lattice import random_field

RIM_MM = 8.0
FIELD_MM = ((40.0, 4.0), (20.0, 1.0))
VOXEL_MM = 1.0
PEOPLE = 3
FILLS = ("mask", "unmasked", "median_wm", "enantiomorphic")


def run(people: int) -> dict[str, float]:
    """Measure the rim with and without masking, over at most `PEOPLE` people."""
    rows = []
    for person in range(1, min(people, PEOPLE) + 1):
        rows.append(errors(person, *FILLS))
        print(
            f"person {person}:", {fill: round(mm, 2) for fill, mm in rows[-1].items()}, flush=True
        )
    means = {fill: float(np.mean([row[fill] for row in rows])) for fill in FILLS}
    print("rim of a lesion, mm:", {fill: round(value, 2) for fill, value in means.items()})
    return {"rim_mm": means["mask"], "rim_unmasked_mm": means["unmasked"]}


def errors(person: int, *fills: str) -> dict[str, float]:
    """Give the mean error in mm at the rim, by what the registration saw of the lesion.

    Parameters
    ----------
    fills : str
        ``mask``, ``median_wm``, ``enantiomorphic`` or ``unmasked``.
    """
    healthy = build(person, voxel_mm=VOXEL_MM)
    known = deformation(healthy, person)
    hurt = build(person, voxel_mm=VOXEL_MM, deformation=known, lesion=Lesion(), seed=1)
    assert hurt.lesion is not None
    template = healthy.t1w.with_data(np.where(healthy.brain, healthy.t1w.data, 0))
    white = healthy.t1w.with_data(healthy.wm.astype(np.float32))
    lesion, brain = (hurt.t1w.with_data(mask) for mask in (hurt.lesion, hurt.brain))
    found = {}
    for fill in fills:
        warp = to_template(
            hurt.t1w,
            brain,
            template,
            None if fill == "unmasked" else lesion,
            fill="mask" if fill == "unmasked" else fill,  # type: ignore[arg-type]
            white=white,
        )
        found[fill] = rim_error(warp, known, lesion, healthy)
    return found


def deformation(head: LabelHead, seed: int) -> Warp:
    """Draw a smooth field: new label mm to label mm."""
    rng = np.random.default_rng([seed, 77])
    grid = head.labels.grid
    field: Array = np.zeros((3, *grid.shape))
    for spacing_mm, sd in FIELD_MM:
        field += random_field(rng, grid, spacing_mm=spacing_mm, sd=sd, components=3).on_grid(grid)
    return Warp(np.eye(4), np.moveaxis(field, 0, -1).astype(np.float32), grid)


def rim_error(warp: Warp, known: Warp, lesion: Volume, healthy: LabelHead) -> float:
    """Follow template points to the scan and back by the truth: how far from home they end."""
    points = move(healthy.labels.affine, np.argwhere(healthy.gm | healthy.wm)[::5])
    there = warp.points(points)
    away = ndimage.distance_transform_edt(~lesion.data, sampling=lesion.grid.voxel_mm)
    index = move(inverse(lesion.affine), there).T
    distance = ndimage.map_coordinates(away, index, order=1, mode="nearest")
    rim = (distance > 0) & (distance <= RIM_MM)
    home = known.points(there[rim])
    return float(np.linalg.norm(home - points[rim], axis=1).mean())
