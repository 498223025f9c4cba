"""Any pose: heads turned any way and moved up to 200 mm, whole, cropped, or a slab of 40 %.

A pose counts as found when, over the brain in view, it lies within `NEAR_MM` of the pose found for
the same head upright and whole; the upright pose counts when its mask alone, with no deformation,
has Dice 0.8 with the truth. The best wrong pose tells whether the gate that refuses is right.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from heads.brain import corrected, dice
from heads.label_heads import LabelHead, build
from heads.label_scanner import slab
from heads.template_head import template_head
from scipy.spatial.transform import Rotation

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import mask as stage
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import about, compose, inverse, move, translation
from rt1t2_dask.images.volume import Affine, Array, Grid, Volume

NEAR_MM = 8.0
UPRIGHT_DICE = 0.8
FARTHEST_MM = 200.0
FIELD_MM, VOXEL_MM = 300.0, 2.0

View = Callable[[Volume, Affine], Volume]


def run(people: int) -> dict[str, float]:
    """Five poses a person."""
    errors: list[float] = []
    for person in range(1, people + 1):
        head = build(person)
        t1w = corrected(head)
        upright = _located(t1w)
        errors += [_error_of(head, t1w, upright, view, person, k) for k, view in enumerate(VIEWS)]
    found = sum(error <= NEAR_MM for error in errors)
    print(f"found {found} of {len(errors)}; worst of the found {_worst(errors):.1f} mm")
    return {"poses_found": found, "poses_tried": len(errors)}


def _worst(errors: list[float]) -> float:
    return max((e for e in errors if e <= NEAR_MM), default=float("nan"))


def _error_of(
    head: LabelHead, t1w: Volume, upright: Affine | None, view: View, person: int, k: int
) -> float:
    placed = drawn(head.labels, person, k)
    seen = view(t1w, placed)
    start = time.process_time()
    found = _located(seen)
    seconds = time.process_time() - start
    error = np.inf
    if found is not None and upright is not None and _upright(head, t1w, upright):
        error = _apart(head, seen, compose(upright, placed), found)
    print(f"person {person}, {_name(k)}: {error:.1f} mm, {seconds:.1f} CPU s", flush=True)
    return error


def _located(t1w: Volume) -> Affine | None:
    found = stage.register(t1w, template_head().t1w, template_head().brain)
    try:
        found.check()
    except SubjectError as error:
        print(f"  refused: {error.reason}")
        return None
    return found.pose.matrix


def _upright(head: LabelHead, t1w: Volume, pose: Affine) -> bool:
    brain = template_head().brain
    share = brain.with_data(brain.data.astype(np.float32))
    carried = to_grid(share, t1w.grid, rigid=inverse(pose), order=1).data > 0.5
    return dice(carried, head.brain) >= UPRIGHT_DICE


def _apart(head: LabelHead, seen: Volume, truth: Affine, found: Affine) -> float:
    """Give the mean distance in mm over the part of the brain in view."""
    brain = template_head().brain
    points = move(brain.affine, np.argwhere(brain.data)[::50])
    index = move(inverse(seen.affine), move(truth, points))
    inside = ((index > 0) & (index < np.array(seen.data.shape) - 1)).all(axis=1)
    apart: Array = move(found, points[inside]) - move(truth, points[inside])
    return float(np.linalg.norm(apart, axis=1).mean())


def drawn(scan: Volume, person: int, k: int) -> Affine:
    """Draw any rotation about a scan's middle and a shift of up to 200 mm."""
    rng = np.random.default_rng([person, k, 12])
    turn = np.eye(4)
    turn[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    way = rng.standard_normal(3)
    shift = way / np.linalg.norm(way) * rng.uniform(0, FARTHEST_MM)
    return compose(about(turn, _middle(scan)), translation(shift))


def _middle(volume: Volume) -> Array:
    return move(volume.affine, (np.array(volume.data.shape) - 1) / 2)


def turned(t1w: Volume, placed: Affine) -> Volume:
    """Scan the turned head in a cube along the scanner's axes."""
    count = round(FIELD_MM / VOXEL_MM)
    affine = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
    centre = move(placed, _middle(t1w))
    affine[:3, 3] = centre - VOXEL_MM * (count - 1) / 2
    grid = Grid((count, count, count), affine)
    return to_grid(t1w, grid, rigid=inverse(placed), order=1)


def _cut(low: float, high: float) -> View:
    """Scan part of the head in a field of view that is turned with it."""

    def view(t1w: Volume, placed: Affine) -> Volume:
        part = slab(t1w, low, high)
        return Volume(part.data, placed @ part.affine)

    return view


VIEWS: tuple[View, ...] = (turned, turned, _cut(0.5, 0.9), _cut(0.45, 1.0), _cut(0.0, 0.8))


def _name(k: int) -> str:
    return ("whole", "whole", "slab of 40 %", "bottom cropped", "top cropped")[k]
