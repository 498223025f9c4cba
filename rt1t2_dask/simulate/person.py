"""One simulated person: T1w, T2w, lesion mask and ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Affine, Grid, Volume
from rt1t2_dask.simulate import lesions as strokes
from rt1t2_dask.simulate.biology import draw_biology
from rt1t2_dask.simulate.effects import Effect, to_index
from rt1t2_dask.simulate.fluid import draw_sulci, draw_wall_mm, widened
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.intensities import WHITE
from rt1t2_dask.simulate.lattice import SmoothField
from rt1t2_dask.simulate.layers import draw_shells
from rt1t2_dask.simulate.pose import TrueWarp, draw_offset, draw_warp
from rt1t2_dask.simulate.render import Place, Tissue, carried, render, shape_of
from rt1t2_dask.simulate.scanner import COMMON, Scanner, draw_coil, scan
from rt1t2_dask.simulate.session import changed, spawn_key
from rt1t2_dask.simulate.slices import Slices

Points = NDArray[np.float64]
Image = NDArray[np.float32]
Seed = int | Sequence[int]

_LEVEL = {"t1w": 500.0, "t2w": 300.0}
_HALF = 0.5
_STREAMS = (
    *("warp", "offset", "biology", "lesions", "t1w", "t2w", "shells", "fluid", "coil"),
    *("pose", "change"),
)
_OF_SESSION = ("offset", "t1w", "t2w", "coil", "pose", "change")
"""Streams that differ between the sessions of a person."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of a simulated person.

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
    """Simulated scans and their ground truth; never of a patient."""

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
    session: str = "",
    atrophy_mm: float = 0.0,
) -> SimulatedPerson:
    """Simulate one person's T1w and T2w.

    Parameters
    ----------
    head : HeadModel
        From `build_head`.
    seed : int or sequence of int
        Entropy of this person; decides everything that is drawn.
    voxel_mm : float
        Voxel size of both scans (in the slice's plane where `slice_mm` is given), 1 to 6.
    effects : sequence of Effect
        Planted in template space; T1w and T2w share each change by its square root.
    n_lesions : int
        Small strokes; 0 gives no lesion mask.
    keep_clear : sequence of Effect
        Lesions avoid these as they do `effects`.
    scanner : Scanner
        Scanner of both images.
    slice_mm : float, optional
        Thickness of axial 2-D slices of both scans, at least `voxel_mm`, at most 6; None is
        isotropic voxels.
    session : str
        Label of one of several sessions: the same head and tissue in another pose, with a small
        change, and other gain, bias field and noise. Empty for the only one.

    atrophy_mm : float
        Loss of tissue without any change of what is left: as `GroupSpec`.

    Raises
    ------
    ValueError
        Voxel size outside 1 to 6 mm, or slices thinner than it or above 6 mm.
    """
    if not 1 <= voxel_mm <= 6:
        raise ValueError(f"voxel_mm must lie in 1 to 6, got {voxel_mm}")
    slices = Slices.of(voxel_mm, slice_mm)
    t1_grid, t2_grid = (slices.fine_grid(head.grid, shift) for shift in (0.0, voxel_mm / 3))
    drawn = _draw(head, seed, t1_grid, n_lesions, (*effects, *keep_clear), session, atrophy_mm)
    first = Place(drawn.warp.on_grid(t1_grid).astype(np.float32), drawn.tissue)
    t1_place = carried(first, _index(drawn.pose, t1_grid, t1_grid)) if session else first
    t2_place = carried(first, _index(drawn.pose @ drawn.offset, t2_grid, t1_grid))
    seen = slices.thick_grid(t1_grid)
    coil = draw_coil(_rng(seed, "coil", session), t1_grid, scanner)
    scans, changes = {}, {}
    for contrast, place, grid in (
        ("t1w", t1_place, seen),
        ("t2w", t2_place, slices.thick_grid(t2_grid)),
    ):
        rendered = render(head, place, contrast, voxel_mm, effects)
        image = strokes.add(rendered.image, contrast, place.template_mm, drawn.lesions)
        scans[contrast] = _scan(
            slices.averaged(image), grid, contrast, (seed, session), coil, scanner
        )
        changes[contrast] = slices.averaged(rendered.change)
    mask = slices.averaged(strokes.share_at(t1_place.template_mm, drawn.lesions)) > _HALF
    isotropic = slices.layers == 1
    warp = replace(drawn.warp, moved=drawn.pose) if session else drawn.warp
    truth = Truth(
        warp,
        t1_place.template_mm if isotropic else warp.on_grid(seen).astype(np.float32),
        drawn.offset,
        Volume(changes["t1w"], seen.affine),
        drawn.lesions,
    )
    lesion = Volume(mask, seen.affine) if n_lesions else None
    return SimulatedPerson(**scans, lesion=lesion, truth=truth, seed=seed)


def person_warp(
    head: HeadModel,
    seed: Seed,
    voxel_mm: float,
    slice_mm: float | None = None,
    atrophy_mm: float = 0.0,
) -> TrueWarp:
    """Return the true map of `simulate_person` alone, which takes the same arguments."""
    return _warp(head, seed, Slices.of(voxel_mm, slice_mm).fine_grid(head.grid, 0.0), atrophy_mm)


def _warp(head: HeadModel, seed: Seed, grid: Grid, atrophy_mm: float) -> TrueWarp:
    wall_mm = draw_wall_mm(_rng(seed, "fluid")) + atrophy_mm
    return draw_warp(_rng(seed, "warp"), grid, shape_of(head).swelling, wall_mm)


@dataclass(frozen=True)
class _Drawn:
    """Everything drawn at random for a person, apart from scanner effects."""

    warp: TrueWarp
    pose: Affine
    offset: Affine
    tissue: Tissue
    lesions: tuple[strokes.Lesion, ...]


def _draw(
    head: HeadModel,
    seed: Seed,
    grid: Grid,
    n_lesions: int,
    clear_of: Sequence[Effect],
    session: str,
    atrophy_mm: float,
) -> _Drawn:
    fluid = _rng(seed, "fluid")
    draw_wall_mm(fluid)  # sulci are drawn after the wall, which `_warp` draws
    biology = draw_biology(_rng(seed, "biology"), grid)
    return _Drawn(
        _warp(head, seed, grid, atrophy_mm),
        draw_offset(_rng(seed, "pose", session)) if session else np.eye(4),
        draw_offset(_rng(seed, "offset", session)),
        Tissue(
            changed(biology, _rng(seed, "change", session), grid) if session else biology,
            widened(draw_sulci(fluid, grid), atrophy_mm),
            draw_shells(_rng(seed, "shells"), grid),
        ),
        strokes.draw_lesions(_rng(seed, "lesions"), head, n_lesions, clear_of),
    )


def _scan(
    image: Image,
    grid: Grid,
    contrast: str,
    of: tuple[Seed, str],
    coil: SmoothField,
    scanner: Scanner,
) -> Volume:
    return scan(
        image,
        grid,
        white=WHITE[contrast],
        level=_LEVEL[contrast] * getattr(scanner, f"gain_{contrast}"),
        rng=_rng(of[0], contrast, of[1]),
        coil=coil,
        gamma=getattr(scanner, f"gamma_{contrast}"),
        scanner=scanner,
    )


def _rng(seed: Seed, what: str, session: str = "") -> np.random.Generator:
    """Return an independent random stream for each quantity, and of some for each session."""
    own = spawn_key(session) if what in _OF_SESSION else ()
    key = (_STREAMS.index(what), *own)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _index(affine: Affine, grid: Grid, among: Grid) -> Points:
    """Return the voxels of a grid, moved in the world, as voxel indices of another."""
    return to_index(_through(affine, grid), among.affine)


def _through(affine: Affine, grid: Grid) -> Points:
    world = grid.world().astype(np.float64)
    return np.asarray(np.einsum("xyzj,ij->xyzi", world, affine[:3, :3]) + affine[:3, 3])
