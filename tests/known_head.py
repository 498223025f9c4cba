"""SIMULATED heads whose pose, deformation, bias field and lesion are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import nilearn
import numpy as np
from scipy import ndimage

from rt1t2_dask.images.resample import template_grid, to_grid
from rt1t2_dask.images.transform import about, compose, move, rotation, translation
from rt1t2_dask.images.volume import Affine, Array, Grid, Volume

T1_LEVELS = {"csf": 25.0, "grey": 75.0, "white": 105.0, "bone": 12.0, "soft": 90.0}
T2_LEVELS = {"csf": 220.0, "grey": 105.0, "white": 70.0, "bone": 15.0, "soft": 60.0}


@dataclass(frozen=True)
class KnownHead:
    t1w: Volume
    t2w: Volume
    brain: Volume
    white: Volume
    lesion: Volume
    template_point: Array  # (x, y, z, 3): where each T1w voxel lies in the template, mm
    t1_to_t2: Affine
    t1_bias: Array
    clean_t1w: Volume

    def template_error_mm(self, template_points: Array, subject_points: Array) -> Array:
        """Distance in template space between where points are and where they should be."""
        index = move(np.linalg.inv(self.t1w.affine), subject_points).T
        found = [
            ndimage.map_coordinates(self.template_point[..., axis], index, order=1, mode="nearest")
            for axis in range(3)
        ]
        return np.linalg.norm(np.stack(found, axis=-1) - template_points, axis=-1)


def icbm(name: str) -> Volume:
    folder = Path(nilearn.__file__).parent / "datasets" / "data"
    image = nib.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz")
    return Volume(image.get_fdata(dtype=np.float32), image.affine)


@lru_cache(maxsize=2)
def template(voxel_mm: float) -> dict[str, Volume]:
    """The ICBM brain within simple shells: CSF, bone and scalp; fractions and intensities."""
    fine = {name: icbm(name) for name in ("t1", "gm", "wm")}
    grid = _padded(template_grid(fine["t1"].grid, voxel_mm), round(30 / voxel_mm))
    t1, grey, white = (to_grid(fine[n], grid, order=1).data / 255 for n in ("t1", "gm", "wm"))
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1 > 0.05, iterations=2))
    away = ndimage.distance_transform_edt(~brain) * voxel_mm
    csf = np.clip(1 - grey - white, 0, 1) * brain + ((away > 0) & (away <= 4))
    bone = (away > 4) & (away <= 10)
    soft = ((away > 10) & (away <= 17)) | ((away > 4) & (_below(grid, -75.0)) & (away < 40))
    bone &= ~soft
    tissue = {"csf": csf, "grey": grey, "white": white, "bone": bone, "soft": soft}

    def paint(levels: dict[str, float]) -> Volume:
        mixed = sum(levels[k] * v.astype(np.float32) for k, v in tissue.items())
        return Volume(ndimage.gaussian_filter(mixed, 1.0 / voxel_mm), grid.affine)

    return {
        "t1w": paint(T1_LEVELS),
        "t2w": paint(T2_LEVELS),
        "brain": Volume(brain, grid.affine),
        "white": Volume(white.astype(np.float32), grid.affine),
        "t1_brain": Volume((paint(T1_LEVELS).data * brain).astype(np.float32), grid.affine),
    }


def make_head(
    seed: int,
    voxel_mm: float,
    *,
    lesion_radius_mm: float = 0.0,
    tilt_degrees: float = 8.0,
    t2_voxel_mm: tuple[float, float, float] | None = None,
) -> KnownHead:
    rng = np.random.default_rng(seed)
    model = template(1.0 if voxel_mm < 1.5 else 2.0)
    shape = tuple(round(n / voxel_mm) for n in (200, 244, 224))
    grid = Grid(shape, _corner_affine((voxel_mm,) * 3, (-98.0, -134.0, -104.0)))
    world = grid.world().astype(np.float64)
    pose = compose(
        rotation(tuple(rng.uniform(-tilt_degrees, tilt_degrees, 3))),
        np.diag([*rng.uniform(0.93, 1.07, 3), 1.0]),
        translation(rng.uniform(-6, 6, 3)),
    )
    where = move(pose, world) + _smooth_field(shape, voxel_mm, rng, 18, 6.0)
    where += _smooth_field(shape, voxel_mm, rng, 9, 2.0)

    def pull(name: str, points: Array) -> Array:
        volume = model[name]
        index = np.moveaxis(move(np.linalg.inv(volume.affine), points), -1, 0)
        return ndimage.map_coordinates(volume.data.astype(np.float32), index, order=1)

    t1, t2, brain = (pull(name, where) for name in ("t1w", "t2w", "brain"))
    lesion = np.linalg.norm(where - np.array([-28.0, -18.0, 24.0]), axis=-1) < lesion_radius_mm
    soft_edge = ndimage.gaussian_filter(lesion.astype(np.float32), 1.0 / voxel_mm)
    t1 = t1 * (1 - soft_edge) + 30 * soft_edge
    t2 = t2 * (1 - soft_edge) + 200 * soft_edge
    bias = np.exp(0.25 * _unit_field(shape, voxel_mm, rng, 45))
    t1_to_t2 = about(
        compose(rotation(tuple(rng.uniform(-5, 5, 3))), translation(rng.uniform(-5, 5, 3))),
        move(grid.affine, (np.array(shape) - 1) / 2),
    )
    t2w = _second_scan(Volume(t2, grid.affine), t1_to_t2, t2_voxel_mm or (voxel_mm,) * 3, rng)
    return KnownHead(
        t1w=Volume(_rice(t1 * bias, 3.0, rng), grid.affine),
        t2w=t2w,
        brain=Volume(brain > 0.5, grid.affine),
        white=Volume(pull("white", where) > 0.95, grid.affine),
        lesion=Volume(lesion, grid.affine),
        template_point=where.astype(np.float32),
        t1_to_t2=t1_to_t2,
        t1_bias=bias,
        clean_t1w=Volume(t1.astype(np.float32), grid.affine),
    )


def _second_scan(
    t2: Volume, t1_to_t2: Affine, voxel: tuple[float, ...], rng: np.random.Generator
) -> Volume:
    extent = np.array(t2.data.shape) * t2.grid.voxel_mm
    shape = tuple(int(n) for n in np.round(extent / voxel))
    grid = Grid(shape, _corner_affine(voxel, t2.affine[:3, 3]))
    thick = np.where(np.array(voxel) > 1.5 * t2.grid.voxel_mm, voxel / t2.grid.voxel_mm / 2.355, 0)
    slab = Volume(ndimage.gaussian_filter(t2.data, thick), t2.affine)
    moved = to_grid(slab, grid, rigid=np.linalg.inv(t1_to_t2), order=1).data
    bias = np.exp(0.25 * _unit_field(shape, float(np.mean(voxel)), rng, 45))
    return Volume(_rice(moved * bias, 4.0, rng), grid.affine)


def _rice(image: Array, sigma: float, rng: np.random.Generator) -> Array:
    real = image + rng.normal(0, sigma, image.shape)
    return np.hypot(real, rng.normal(0, sigma, image.shape)).astype(np.float32)


def _unit_field(shape: Array, voxel_mm: float, rng: np.random.Generator, sigma_mm: float) -> Array:
    coarse_mm = sigma_mm / 3
    small = [int(np.ceil(n * voxel_mm / coarse_mm)) + 4 for n in shape]
    field = ndimage.gaussian_filter(rng.standard_normal(small), 3.0, mode="wrap")
    index = np.meshgrid(*[np.arange(n) * voxel_mm / coarse_mm + 1.5 for n in shape], indexing="ij")
    fine = ndimage.map_coordinates(field, index, order=3)
    return fine / np.abs(fine).max()


def _smooth_field(
    shape: Array, voxel_mm: float, rng: np.random.Generator, sigma_mm: float, amplitude_mm: float
) -> Array:
    parts = [_unit_field(shape, voxel_mm, rng, sigma_mm) for _ in range(3)]
    return amplitude_mm * np.stack(parts, axis=-1)


def _corner_affine(voxel: tuple[float, ...], corner: Array) -> Affine:
    return compose(np.diag([*voxel, 1.0]), translation(np.asarray(corner)))


def _padded(grid: Grid, voxels: int) -> Grid:
    affine = grid.affine @ translation((-voxels,) * 3)
    return Grid(tuple(n + 2 * voxels for n in grid.shape), affine)


def _below(grid: Grid, z_mm: float) -> Array:
    z = grid.affine[2, 3] + grid.affine[2, 2] * np.arange(grid.shape[2])
    return np.broadcast_to(z < z_mm, grid.shape)
