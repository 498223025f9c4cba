"""The cortex as a surface: sampling, common meshes and smoothing against what is known.

``python -m benchmarks.surface [--quick]``. Errors are relative; the ribbons are simulated, the
spheres are fsaverage5's as nilearn's package brings them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.spatial.transform import Rotation
from summary.figures import conclude
from surfaces.ribbons import Ribbon, even_sphere, grid_round

from rt1t2_dask import assets
from rt1t2_dask.morphometry.surface import SURFACES, Hemisphere, hemisphere
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.resample import area_corrected, resampled
from rt1t2_dask.surface.ribbon import ribbon_weights, sample_ribbon
from rt1t2_dask.surface.smooth import smoother

Float = NDArray[np.float64]
RADIUS, VERTICES, DEGREES = 100.0, 10_242, 8
SEED = 1  # the weights' exponent was set on seed 0
THICKNESSES_MM, WIDTHS_MM = (2.0, 3.0, 4.0), (4.0, 6.0, 10.0, 15.0)


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="one ribbon of few vertices")
    quick = parser.parse_args().quick
    found = sampling((3.0,), 2_562) if quick else sampling(THICKNESSES_MM, VERTICES)
    conclude("surface", found | resampling() | smoothing())


def sampling(thicknesses: tuple[float, ...], n: int) -> dict[str, float]:
    """Sample folded ribbons at 1 mm voxels, turned grids; mean |error| over vertices.

    ``sampling_error`` is of T1w over T2w with partial volume, the mean over all ribbons;
    ``_worst`` its largest of one ribbon, ``_hcp`` with HCP's weights alone, ``_field`` of an image
    that has grey matter everywhere.
    """
    errors = np.array([one_ribbon(Ribbon(mm, SEED), n) for mm in thicknesses])
    named = ("sampling_error", "sampling_error_hcp", "sampling_error_field")
    found = dict(zip(named, map(float, errors[:, :3].mean(axis=0)), strict=True))
    for mm, row in zip(thicknesses, errors, strict=True):
        print(f"{mm} mm: {row[0]:.4f}, as HCP {row[1]:.4f}, field alone {row[2]:.5f}", flush=True)
    worst = float(errors[:, 0].max())
    return found | {"sampling_error_worst": worst, "sampling_cpu_s": float(errors[:, 3].max())}


def one_ribbon(ribbon: Ribbon, n: int) -> tuple[float, float, float, float]:
    """Return the three errors of a ribbon, and CPU seconds of weights and sampling."""
    white, pial = ribbon.surfaces(even_sphere(n))
    grid = grid_round(pial)
    ribbon_weights(white, pial, grid)  # compiled before it is timed
    start = time.process_time()
    weights = ribbon_weights(white, pial, grid)
    spent = time.process_time() - start
    field, scanned = ribbon.images(grid, np.unique(weights.matrix.indices))
    start = time.process_time()
    default = sample_ribbon(weights, scanned)
    spent += time.process_time() - start
    others = sample_ribbon(weights, scanned, purity=0), sample_ribbon(weights, field, purity=0)
    true = ribbon.means(white, pial, 6)
    one, two, three = (float(np.nanmean(np.abs(v / true - 1))) for v in (default, *others))
    return one, two, three, spent


def resampling() -> dict[str, float]:
    """Bring spherical harmonics up to degree 8 to other spheres, area-corrected.

    The error is the mean |difference| over vertices and harmonics, by target vertex areas, over
    the mean |harmonic|. ``resample_error`` is onto fsaverage5's sphere turned at random;
    ``_coarser`` from it to 2,562 even vertices, ``_finer`` to 32,492.
    """
    sphere = round_sphere(fsaverage5().sphere, fsaverage5().faces)
    turn = Rotation.random(rng=7)
    targets = {
        "resample_error": sphere.moved(turn.apply(sphere.vertices)),
        "resample_error_coarser": even_sphere(2_562),
        "resample_error_finer": even_sphere(32_492),
    }
    return {name: resample_error(sphere, target) for name, target in targets.items()}


def resample_error(source: Mesh, target: Mesh) -> float:
    """Return the relative error of all harmonics from one sphere to another."""
    weights = area_corrected(source, target, source.vertex_areas, target.vertex_areas)
    given, true = harmonics(source.vertices), harmonics(target.vertices)
    off = np.abs(resampled(weights, given) - true)
    areas = target.vertex_areas
    return float((off @ areas).sum() / (np.abs(true) @ areas).sum())


def smoothing() -> dict[str, float]:
    """Smooth harmonics of degree 1 to 8 on fsaverage5's sphere; error of FWHM from their decay.

    A harmonic of degree l decays by exp(-l (l + 1) t / R^2), t = sigma^2 / 2. The largest
    relative error over widths of 4 to 15 mm and all harmonics.
    """
    sphere = round_sphere(fsaverage5().sphere, fsaverage5().faces)
    waves = harmonics(sphere.vertices)[1:]
    degrees = np.repeat(np.arange(1, DEGREES + 1), 2 * np.arange(1, DEGREES + 1) + 1)
    weighted = waves * sphere.vertex_areas
    worst = 0.0
    for width in WIDTHS_MM:
        smooth = smoother(sphere, width)(waves)
        decay = (weighted * smooth).sum(axis=1) / (weighted * waves).sum(axis=1)
        variance = -2 * np.log(decay) * RADIUS**2 / (degrees * (degrees + 1))
        error = np.sqrt(8 * np.log(2) * variance) / width - 1
        print(f"FWHM {width} mm: {error.min():+.4f} to {error.max():+.4f}", flush=True)
        worst = max(worst, float(np.abs(error).max()))
    return {"fwhm_error": worst}


def harmonics(places: Float) -> Float:
    """Return all real spherical harmonics up to degree 8, shape (harmonic, place)."""
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    polar, angle = np.arccos(np.clip(unit[:, 2], -1, 1)), np.arctan2(unit[:, 1], unit[:, 0])
    rows = []
    for degree in range(DEGREES + 1):
        for order in range(-degree, degree + 1):
            wave = special.sph_harm_y(degree, abs(order), polar, angle)
            rows.append(wave.imag if order < 0 else wave.real)
    return np.array(rows)


def round_sphere(vertices: Float, faces: NDArray[np.intp]) -> Mesh:
    """Return a sphere whose vertices all lie at radius 100."""
    return Mesh(RADIUS * vertices / np.linalg.norm(vertices, axis=1, keepdims=True), faces)


def fsaverage5() -> Hemisphere:
    """Return the left hemisphere."""
    named = {name: assets.resolve(f"fsaverage5_{name}_left") for name in SURFACES}
    return hemisphere({name: assets.read(asset) for name, asset in named.items()})


if __name__ == "__main__":
    main()
