"""T2w to T1w: target error in the brain on label heads, raw images as the pipeline gets them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from heads.label_heads import LabelHead, build
from heads.label_scanner import Size, slab
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.registration.coregister import rigid
from rt1t2_dask.images.transform import about, compose, inverse, move, translation
from rt1t2_dask.images.volume import Affine, Volume

MOVED_DEG, MOVED_MM = 5.0, 5.0
SLAB = (0.5, 0.9)
FAR_MM = (80.0, -60.0, 80.0)
THICK: Size = (1.0, 1.0, 5.0)


def run(people: int) -> dict[str, float]:
    """Measure isotropic and thick T2w, whole, as a slab, and as a slab far away."""

    iso = _errors("1 x 1 x 1 mm", people, 1.0, lambda t2w: t2w)
    thick = _errors("1 x 1 x 5 mm", people, THICK, lambda t2w: t2w)
    slabs = _errors("1 x 1 x 5 mm, slab of 40 %", people, THICK, lambda t2w: slab(t2w, *SLAB))
    _errors("1 x 1 x 5 mm, slab, origin 128 mm off", people, THICK, _far_slab, FAR_MM)
    both = float(np.mean([*thick, *slabs]))
    return {"rigid_iso_mm": float(np.mean(iso)), "rigid_5mm_mm": both}


def _far_slab(t2w: Volume) -> Volume:
    cut = slab(t2w, *SLAB)
    return Volume(cut.data, translation(FAR_MM) @ cut.affine)


def _errors(
    name: str,
    people: int,
    t2w_voxel_mm: Size,
    seen: Callable[[Volume], Volume],
    moved_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> list[float]:
    errors, seconds = [], []
    for person in range(1, people + 1):
        head = build(person, t2w_voxel_mm=t2w_voxel_mm, t2w_rigid=drawn(person))
        start = time.process_time()
        found = rigid(head.t1w, seen(head.t2w)).matrix
        seconds.append(time.process_time() - start)
        errors.append(target_error_mm(head, compose(found, inverse(translation(moved_mm)))))
    each = " ".join(f"{e:.2f}" for e in errors)
    cpu = np.mean(seconds)
    print(
        f"{name}: mean {np.mean(errors):.3f} mm, worst {max(errors):.3f} ({each}); {cpu:.1f} CPU s"
    )
    return errors


def drawn(person: int) -> Affine:
    """Draw how a head moved between the scans: up to 5 degrees and 5 mm on each axis."""
    rng = np.random.default_rng([person, 11])
    turn = np.eye(4)
    degrees = rng.uniform(-MOVED_DEG, MOVED_DEG, 3)
    turn[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    return compose(about(turn, np.zeros(3)), translation(rng.uniform(-MOVED_MM, MOVED_MM, 3)))


def target_error_mm(head: LabelHead, t1w_to_t2w: Affine) -> float:
    """Give the mean distance over the brain between where points go and where they should."""
    points = head.points(head.brain)
    apart = move(t1w_to_t2w, points) - move(head.t1w_to_t2w, points)
    return float(np.linalg.norm(apart, axis=1).mean())
