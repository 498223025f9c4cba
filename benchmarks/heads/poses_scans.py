"""Scans for `poses_trials.py`: real heads seen otherwise, and SIMULATED things that are no head."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from heads.label_heads import build
from heads.label_scanner import slab
from heads.poses import drawn, turned
from scipy import ndimage

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.transform import translation
from rt1t2_dask.images.volume import Affine, Array, Volume

SCANS = Path(__file__).resolve().parents[3] / "shared" / "scans"
REAL = {
    "ms01a": ("open_ms/patient01/study1_T1W.nii.gz", "open_ms/patient01/study1_T2W.nii.gz"),
    "ms01b": ("open_ms/patient01/study2_T1W.nii.gz", "open_ms/patient01/study2_T2W.nii.gz"),
    "ms03b": ("open_ms/patient03/study2_T1W.nii.gz", "open_ms/patient03/study2_T2W.nii.gz"),
    "ms04a": ("open_ms/patient04/study1_T1W.nii.gz", "open_ms/patient04/study1_T2W.nii.gz"),
    "ms12a": ("open_ms/patient12/study1_T1W.nii.gz", "open_ms/patient12/study1_T2W.nii.gz"),
    "tcga": ("tcga_lgg/T1w.nii.gz", "tcga_lgg/T2w.nii.gz"),
}
PAINTED = 10
VOXEL_MM = 2.0

Pair = tuple[Volume, Volume]
View = Callable[[Volume, np.random.Generator], Volume]


@lru_cache(maxsize=2)
def pair(name: str) -> Pair:
    """Give T1w and T2w of a real head (as `REAL`) or a painted one (``label3``), at 2 mm."""
    if name in REAL:
        found = [from_bytes((SCANS / file).read_bytes(), file) for file in REAL[name]]
    else:
        head = build(int(name.removeprefix("label")))
        found = [head.t1w, head.t2w]
    return regrid(found[0], VOXEL_MM), regrid(found[1], VOXEL_MM)


def as_is(scan: Volume, rng: np.random.Generator) -> Volume:
    """Leave a scan as it is."""
    del rng
    return scan


def turned_anyhow(scan: Volume, rng: np.random.Generator) -> Volume:
    """Turn a head by any angle and move it by up to 200 mm, seen in a cube of 300 mm."""
    return turned(scan, drawn(scan, int(rng.integers(1 << 30)), 0))


def nodded(scan: Volume, rng: np.random.Generator) -> Volume:
    """Tell another pose by up to 200 mm and any angle in the header alone."""
    return Volume(scan.data, drawn(scan, int(rng.integers(1 << 30)), 1) @ scan.affine)


def cut_below(scan: Volume, rng: np.random.Generator) -> Volume:
    """Take 5 to 15 % of the field of view away at the neck."""
    return slab(scan, float(rng.uniform(0.05, 0.15)), 1.0)


def cut_above(scan: Volume, rng: np.random.Generator) -> Volume:
    """Take 3 to 10 % of the field of view away at the crown."""
    return slab(scan, 0.0, 1.0 - float(rng.uniform(0.03, 0.1)))


def cut_aside(scan: Volume, rng: np.random.Generator) -> Volume:
    """Take up to 8 % away at the face and at one side."""
    front = slab(scan, 0.0, 1.0 - float(rng.uniform(0.02, 0.08)), axis=1)
    return slab(front, float(rng.uniform(0.02, 0.08)), 1.0, axis=0)


def flipped(scan: Volume, rng: np.random.Generator) -> Volume:
    """Store the axes in another order and direction, with the affine that goes with it."""
    order = rng.permutation(3)
    data, matrix = np.transpose(scan.data, order), scan.affine.copy()
    matrix[:3, :3] = scan.affine[:3, :3][:, order]
    for axis in np.flatnonzero(rng.random(3) < 0.5):
        data = np.flip(data, axis)
        matrix[:3, 3] += matrix[:3, axis] * (data.shape[axis] - 1)
        matrix[:3, axis] *= -1
    return Volume(np.ascontiguousarray(data), matrix)


def scaled(scan: Volume, rng: np.random.Generator) -> Volume:
    """Make a head 12 % smaller to larger, and its intensities 1e-5 to 1e5 of what they were."""
    size = np.diag([*np.full(3, rng.uniform(0.88, 1.12)), 1.0])
    return Volume((scan.data * 10 ** rng.uniform(-5, 5)).astype(np.float32), size @ scan.affine)


def padded(scan: Volume, rng: np.random.Generator) -> Volume:
    """Add 3 to 20 slices of zeros on every side, another number on each."""
    wide = rng.integers(3, 21, (3, 2))
    return Volume(np.pad(scan.data, wide), scan.affine @ translation(-wide[:, 0]))


def next_to_nothing(scan: Volume, rng: np.random.Generator) -> Volume:
    """Keep the lowest fifth or the uppermost twelfth of a head: no brain to speak of."""
    at = _lowest_top(scan)
    low, high = (0.0, 0.2) if rng.random() < 0.5 else (at - 0.08, at)
    return slab(scan, low, high)


def _lowest_top(scan: Volume) -> float:
    """Give where the head ends above, as a share of the field of view."""
    lit = (scan.data > 0.3 * np.percentile(scan.data, 98)).mean(axis=(0, 1)) > 0.01
    return float(np.flatnonzero(lit)[-1] + 1) / len(lit)


WHOLE: dict[str, View] = {
    "as is": as_is, "turned": turned_anyhow, "header turned": nodded, "cut below": cut_below,
    "cut above": cut_above, "cut aside": cut_aside, "axes flipped": flipped, "scaled": scaled,
    "padded": padded,
}  # fmt: skip


def sphere(rng: np.random.Generator) -> Volume:
    """Give a phantom: a bright ball or ellipsoid, shaded by the coil."""
    where = _cube()
    radii = rng.uniform(55, 100, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(60, 100))
    inside = np.linalg.norm(where / radii, axis=-1) < 1
    return _scan(inside * 100.0, where, rng)


def cylinder(rng: np.random.Generator) -> Volume:
    """Give a phantom: a cylinder of water with rods of other intensities."""
    where = _cube()
    radius, half = rng.uniform(60, 105), rng.uniform(50, 100)
    image = 80.0 * _rod(where, np.zeros(2), radius, half)
    for _ in range(int(rng.integers(4, 16))):
        middle = rng.uniform(-0.7, 0.7, 2) * radius
        rod = _rod(where, middle, rng.uniform(5, 20), rng.uniform(0.4, 1.0) * half)
        image[rod] = rng.uniform(0, 160)
    return _scan(image, where, rng)


def knee(rng: np.random.Generator) -> Volume:
    """Give a knee of sorts: a leg of muscle and fat, two bones with dark rims, a joint."""
    where = _cube()
    sway = rng.uniform(-12, 12, 2)
    leg = _rod(where, np.zeros(2), rng.uniform(55, 75), 110)
    muscle = _rod(where, np.zeros(2), rng.uniform(40, 52), 110)
    image = 130.0 * leg
    image[muscle] = 55.0 + 12 * _texture(where.shape[:3], rng)[muscle]
    for sign in (-1, 1):
        for side in (-1, 1):
            middle = np.array([side * rng.uniform(16, 24) + sway[0], sway[1], sign * 34.0])
            _bone(image, where - middle, rng.uniform(0.8, 1.1, 3) * (26, 30, 30))
        shaft = _rod(where, sway, 17, 200) & (sign * where[..., 2] > 45)
        image[shaft] = 120
    return _scan(image, where, rng)


def snow(rng: np.random.Generator) -> Volume:
    """Give smooth noise all over the field of view."""
    where = _cube()
    return _scan(80.0 + 40 * _texture(where.shape[:3], rng, rng.uniform(2, 8)), where, rng)


THINGS = {"sphere": sphere, "cylinder": cylinder, "knee": knee, "snow": snow}


def _cube(half_mm: float = 125.0) -> Array:
    axis = np.arange(-half_mm, half_mm, 2.5)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def _rod(where: Array, middle: Array, radius: float, half: float) -> Array:
    across = np.linalg.norm(where[..., :2] - middle, axis=-1) < radius
    return np.asarray(across & (np.abs(where[..., 2]) < half))


def _bone(image: Array, where: Array, radii: Array) -> None:
    depth = np.linalg.norm(where / radii, axis=-1)
    image[depth < 1] = 10
    image[depth < 0.88] = 120


def _texture(shape: tuple[int, ...], rng: np.random.Generator, sigma: float = 2.0) -> Array:
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
    return np.asarray(field / field.std())


def _scan(image: Array, where: Array, rng: np.random.Generator) -> Volume:
    shade = np.exp(where @ rng.uniform(-0.003, 0.003, 3))
    blurred = ndimage.gaussian_filter(image * shade, 0.6)
    noise = rng.standard_normal((2, *image.shape)) * 2.5
    affine: Affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = where[0, 0, 0]
    return Volume(np.hypot(blurred + noise[0], noise[1]).astype(np.float32), affine)
