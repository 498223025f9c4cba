"""One simulated person: T1w, T2w, lesion mask and the truth behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Affine, Grid, Volume
from rt1t2_dask.simulate import lesions as strokes
from rt1t2_dask.simulate.biology import draw_biology
from rt1t2_dask.simulate.effects import Effect, to_index
from rt1t2_dask.simulate.fluid import draw_sulci, draw_wall_mm
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.intensities import WHITE
from rt1t2_dask.simulate.layers import draw_shells
from rt1t2_dask.simulate.pose import TrueWarp, draw_offset, draw_warp
from rt1t2_dask.simulate.render import Place, Tissue, carried, render, shape_of
from rt1t2_dask.simulate.scanner import COMMON, Scanner, scan
from rt1t2_dask.simulate.slices import Slices

Points = NDArray[np.float64]
Image = NDArray[np.float32]
Seed = int | Sequence[int]

_LEVEL = {"t1w": 500.0, "t2w": 300.0}


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
    slice_mm: float | None = None,
) -> SimulatedPerson:
    """Simulate one person's T1w and T2w.

    Parameters
    ----------
    head : HeadModel
        From `build_head`.
    seed : int or sequence of int
        Entropy of this person; nothing else decides what is drawn.
    voxel_mm : float
        Voxel size of both scans (in the slice's plane where `slice_mm` is given), 1 to 6.
    effects : sequence of Effect
        Planted in template space; T1w and T2w share each change by its square root.
    n_lesions : int
        Small strokes; 0 gives no lesion mask.
    keep_clear : sequence of Effect
        Lesions keep away from these as from `effects`.
    scanner : Scanner
        Where both are scanned.
    slice_mm : float, optional
        Thickness of axial 2-D slices of both scans, at least `voxel_mm`, at most 6; None is
        isotropic voxels.

    Raises
    ------
    ValueError
        Voxel size outside 1 to 6 mm, or slices thinner than it or above 6 mm.
    """
    if not 1 <= voxel_mm <= 6:
        raise ValueError(f"voxel_mm must lie in 1 to 6, got {voxel_mm}")
    slices = Slices.of(voxel_mm, slice_mm)
    rngs = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(8)]
    t1_grid, t2_grid = (slices.fine_grid(head.grid, shift) for shift in (0.0, voxel_mm / 3))
    shape = shape_of(head)
    warp = draw_warp(rngs[0], t1_grid, shape.swelling, draw_wall_mm(rngs[7]))
    offset = draw_offset(rngs[1])
    tissue = Tissue(
        draw_biology(rngs[2], t1_grid), draw_sulci(rngs[7], t1_grid), draw_shells(rngs[6], t1_grid)
    )
    lesions = strokes.draw_lesions(rngs[3], head, n_lesions, (*effects, *keep_clear))
    t1_place = Place(warp.on_grid(t1_grid).astype(np.float32), tissue)
    t2_place = carried(t1_place, to_index(_through(offset, t2_grid), t1_grid.affine))
    images, changes = {}, {}
    for contrast, place in (("t1w", t1_place), ("t2w", t2_place)):
        rendered = render(head, place, contrast, voxel_mm, effects)
        image = strokes.add(rendered.image, contrast, place.template_mm, lesions)
        images[contrast], changes[contrast] = slices.averaged(image), rendered.change
    scans = {
        contrast: scan(
            images[contrast],
            slices.thick_grid(grid),
            white=WHITE[contrast],
            level=_LEVEL[contrast] * getattr(scanner, f"gain_{contrast}"),
            rng=rng,
            gamma=getattr(scanner, f"gamma_{contrast}"),
            scanner=scanner,
        )
        for contrast, grid, rng in (("t1w", t1_grid, rngs[4]), ("t2w", t2_grid, rngs[5]))
    }
    seen = slices.thick_grid(t1_grid)
    mask = slices.averaged(strokes.share_at(t1_place.template_mm, lesions)) > 0.5
    truth = Truth(
        warp,
        t1_place.template_mm if slices.layers == 1 else warp.on_grid(seen).astype(np.float32),
        offset,
        Volume(slices.averaged(changes["t1w"]), seen.affine),
        lesions,
    )
    return SimulatedPerson(
        **scans, lesion=Volume(mask, seen.affine) if n_lesions else None, truth=truth, seed=seed
    )


def _through(affine: Affine, grid: Grid) -> Points:
    world = grid.world().astype(np.float64)
    return np.asarray(np.einsum("xyzj,ij->xyzi", world, affine[:3, :3]) + affine[:3, 3])
