"""One simulated person: T1w, T2w, lesion mask and the truth behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from rt1t2_dask.images.volume import Affine, Grid, Volume
from rt1t2_dask.simulate import lesions as strokes
from rt1t2_dask.simulate.effects import Effect, change_at, to_index
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.intensities import WHITE_T1W, WHITE_T2W
from rt1t2_dask.simulate.lattice import random_field
from rt1t2_dask.simulate.pose import TrueWarp, draw_offset, draw_warp
from rt1t2_dask.simulate.scanner import COMMON, Scanner, scan

Points = NDArray[np.float64]
Image = NDArray[np.float32]
Seed = int | Sequence[int]

_BIOLOGY_SPACING_MM, _BIOLOGY_SD = 24.0, 0.03
_GLOBAL_SD = 0.015
_T1W_LEVEL, _T2W_LEVEL = 500.0, 300.0
_BOX_SD = 12**-0.5


@dataclass(frozen=True)
class Truth:
    """What no scanner would tell.

    Parameters
    ----------
    warp : TrueWarp
        T1w world to template; `warp.subject_to_template(points)` is exact anywhere.
    template_mm : ndarray of float32, shape (x, y, z, 3)
        The same at every voxel of the T1w.
    t2w_to_t1w : ndarray, shape (4, 4)
        Rigid map from T2w world to T1w world, mm.
    ratio_change : Volume
        Fraction by which this person's ratio differs from the template's (biology and planted
        effects), on the T1w grid.
    lesions : tuple of Lesion
        In template space.
    """

    warp: TrueWarp
    template_mm: Image
    t2w_to_t1w: Affine
    ratio_change: Volume
    lesions: tuple[strokes.Lesion, ...]

    def subject_to_template(self, points: Points) -> Points:
        """Map T1w world points in mm, shape (n, 3), to template mm."""
        return self.warp.subject_to_template(points)


@dataclass(frozen=True)
class SimulatedPerson:
    """Scans as a scanner would give them, and the truth; always simulated, never a patient."""

    t1w: Volume
    t2w: Volume
    lesion: Volume | None
    truth: Truth
    seed: Seed


def simulate_person(
    head: HeadModel,
    *,
    seed: Seed,
    voxel_mm: float,
    effects: Sequence[Effect] = (),
    n_lesions: int = 0,
    keep_clear: Sequence[Effect] = (),
    scanner: Scanner = COMMON,
) -> SimulatedPerson:
    """Simulate one person's T1w and T2w.

    Parameters
    ----------
    head : HeadModel
        From `build_head`.
    seed : int or sequence of int
        Entropy of this person; nothing else decides what is drawn.
    voxel_mm : float
        Isotropic voxel size of both scans, 1 to 6.
    effects : sequence of Effect
        Planted in template space; T1w and T2w share each change by its square root.
    n_lesions : int
        Small strokes; 0 gives no lesion mask.
    keep_clear : sequence of Effect
        Lesions keep away from these as from `effects`.
    scanner : Scanner
        Where both are scanned.

    Raises
    ------
    ValueError
        Voxel size outside 1 to 6 mm.
    """
    if not 1 <= voxel_mm <= 6:
        raise ValueError(f"voxel_mm must lie in 1 to 6, got {voxel_mm}")
    warp_rng, offset_rng, biology_rng, lesion_rng, t1_rng, t2_rng = (
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(6)
    )
    t1_grid = _scan_grid(head.grid, voxel_mm, shift=0.0)
    t2_grid = _scan_grid(head.grid, voxel_mm, shift=voxel_mm / 3)
    warp, offset = draw_warp(warp_rng, t1_grid), draw_offset(offset_rng)
    lesions = strokes.draw_lesions(lesion_rng, head, n_lesions, (*effects, *keep_clear))
    biology = _biology(biology_rng, t1_grid)
    template_mm = warp.on_grid(t1_grid)
    t1_place = _Place(template_mm, biology)
    t2_place = _carried(t1_place, to_index(_through(offset, t2_grid), t1_grid.affine))
    model = _blurred(head, voxel_mm)
    change = model.ratio_change(t1_place, effects)
    t1w = model.t1w_at(t1_place, change, lesions)
    t2w = model.t2w_at(t2_place, model.ratio_change(t2_place, effects), lesions)
    mask = Volume(strokes.share_at(template_mm, lesions) > 0.5, t1_grid.affine)
    truth = Truth(
        warp,
        template_mm.astype(np.float32),
        offset,
        Volume(change.astype(np.float32), t1_grid.affine),
        lesions,
    )
    t1_level, t2_level = _T1W_LEVEL * scanner.gain_t1w, _T2W_LEVEL * scanner.gain_t2w
    return SimulatedPerson(
        t1w=scan(
            t1w,
            t1_grid,
            white=WHITE_T1W,
            level=t1_level,
            rng=t1_rng,
            gamma=scanner.gamma_t1w,
            scanner=scanner,
        ),
        t2w=scan(
            t2w,
            t2_grid,
            white=WHITE_T2W,
            level=t2_level,
            rng=t2_rng,
            gamma=scanner.gamma_t2w,
            scanner=scanner,
        ),
        lesion=mask if n_lesions else None,
        truth=truth,
        seed=seed,
    )


@dataclass(frozen=True)
class _Place:
    """Where the voxels of a scan lie in the template, and the person's biology there."""

    template_mm: Points
    biology: NDArray[np.float64]


@dataclass(frozen=True)
class _BlurredHead:
    """The head as voxels of one size see it."""

    affine: Affine
    t1w: Image
    t2w: Image
    tissue: Image

    def sample(self, image: Image, place: _Place) -> Image:
        index = np.moveaxis(to_index(place.template_mm, self.affine), -1, 0)
        return np.asarray(map_coordinates(image, index, order=1, output=np.float32))

    def ratio_change(self, place: _Place, effects: Sequence[Effect]) -> NDArray[np.float64]:
        whole = (1 + place.biology) * (1 + change_at(place.template_mm, effects))
        return np.asarray(self.sample(self.tissue, place) * (whole - 1))

    def t1w_at(
        self, place: _Place, change: NDArray[np.float64], lesions: Sequence[strokes.Lesion]
    ) -> Image:
        share = strokes.share_at(place.template_mm, lesions)
        healthy = self.sample(self.t1w, place) * np.sqrt(1 + change)
        return (healthy * (1 - share) + strokes.T1W * share).astype(np.float32)

    def t2w_at(
        self, place: _Place, change: NDArray[np.float64], lesions: Sequence[strokes.Lesion]
    ) -> Image:
        share = strokes.share_at(place.template_mm, lesions)
        healthy = self.sample(self.t2w, place) / np.sqrt(1 + change)
        return (healthy * (1 - share) + strokes.T2W * share).astype(np.float32)


@lru_cache(maxsize=1)
def _blurred(head: HeadModel, voxel_mm: float) -> _BlurredHead:
    """Average the 1 mm head over voxels of `voxel_mm` (a Gaussian of the box's variance)."""
    sigma = _BOX_SD * np.sqrt(max(voxel_mm**2 - 1, 0))
    tissue = np.where(head.brain, head.tissue, 0).astype(np.float32)
    blurred = (gaussian_filter(i, sigma, truncate=3) for i in (head.t1w, head.t2w, tissue))
    t1w, t2w, tissue = blurred
    return _BlurredHead(head.grid.affine, t1w, t2w, tissue)


def _scan_grid(head: Grid, voxel_mm: float, shift: float) -> Grid:
    """Cover the head's box with scanner voxels, its corner moved by `shift` mm."""
    x, y, z = (int(n) for n in np.ceil(np.array(head.shape) / voxel_mm))
    affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    affine[:3, 3] = head.affine[:3, 3] + shift
    return Grid((x, y, z), affine)


def _biology(rng: np.random.Generator, grid: Grid) -> NDArray[np.float64]:
    """Smooth variation of the ratio between healthy people, as a fraction."""
    field = random_field(rng, grid, spacing_mm=_BIOLOGY_SPACING_MM, sd=_BIOLOGY_SD)
    return np.asarray(rng.normal(0, _GLOBAL_SD) + field.on_grid(grid)[0])


def _through(affine: Affine, grid: Grid) -> Points:
    world = grid.world().astype(np.float64)
    return np.asarray(np.einsum("xyzj,ij->xyzi", world, affine[:3, :3]) + affine[:3, 3])


def _carried(place: _Place, index: Points) -> _Place:
    """Read a place's smooth values at other voxels (linear: both vary over 20 mm and more)."""
    at = np.moveaxis(index, -1, 0)
    read = [
        map_coordinates(values, at, order=1, mode="nearest")
        for values in (*np.moveaxis(place.template_mm, -1, 0), place.biology)
    ]
    return _Place(np.stack(read[:3], axis=-1), read[3])
