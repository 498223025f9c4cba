"""Draw the pictures of docs/scans.md: one simulated head, whole and with faults.

python docs/site/pictures.py

Masks and the place of each image are the simulation's own truth, so that nothing but the named
fault is wrong. SIMULATED: no real person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.report.figures.mosaic import Strip, mosaic, of, palette
from rt1t2_dask.report.figures.planes import box_round
from rt1t2_dask.report.figures.thumbnail import thumbnail
from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.person import SimulatedPerson
from rt1t2_dask.simulate.scanner import Scanner

OUT = Path(__file__).resolve().parents[1] / "pictures"
SEED, LABEL, VOXEL_MM = 5, "sub-01", 2.0
DPI, WIDTH_PX = 96, 1008
TURNED, FIELD, KEPT = 35.0, 0.45, 0.25

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scan:
    """What a mosaic shows, all on the T1w grid."""

    t1w: Volume
    t2w: Volume
    brain: Array
    white: Array
    ratio: Array | None = None

    def shown_ratio(self) -> Array:
        """Return T1w over T2w within the brain mask."""
        inside = (self.brain > 0.5) & (self.t2w.data > 1)
        made = np.divide(self.t1w.data, self.t2w.data, where=inside, out=np.zeros_like(self.brain))
        found = made if self.ratio is None else self.ratio
        return np.where(inside, found, np.nan)


def scanned() -> Scan:
    """Simulate a head as it is after correction: no bias field, the T2w on the T1w."""
    head = template_head()
    person = simulate_participant(
        head,
        LABEL,
        GroupSpec("HC", 1, 60, 10, 0),
        seed=SEED,
        voxel_mm=VOXEL_MM,
        effects=(),
        scanner=Scanner(bias_sd=0.0, gain_sd=0.0),
    )
    brain, white = (_of_template(head, person, data) for data in (head.brain, head.white))
    return Scan(person.t1w, _on_t1w(person), brain, white)


def _of_template(head: HeadModel, person: SimulatedPerson, data: NDArray[np.generic]) -> Array:
    """Carry a map of the template to the T1w."""
    points = person.truth.template_mm.reshape(-1, 3)
    index = np.linalg.inv(head.grid.affine) @ np.c_[points, np.ones(len(points))].T
    values = ndimage.map_coordinates(data.astype(np.float32), index[:3], order=1)
    return values.reshape(person.t1w.data.shape).astype(np.float64)


def _on_t1w(person: SimulatedPerson) -> Volume:
    """Resample the T2w by the true rigid map."""
    t1w, t2w = person.t1w, person.t2w
    to_t2w = np.linalg.inv(t2w.affine) @ np.linalg.inv(person.truth.t2w_to_t1w) @ t1w.affine
    moved = ndimage.affine_transform(
        t2w.data.astype(np.float64), to_t2w, output_shape=t1w.data.shape, order=3
    )
    return t1w.with_data(moved)


def swapped(scan: Scan) -> Scan:
    """Exchange the two contrasts."""
    return replace(scan, t1w=scan.t2w, t2w=scan.t1w)


def mirrored(scan: Scan) -> Scan:
    """Exchange left and right of the T2w."""
    return replace(scan, t2w=scan.t2w.with_data(scan.t2w.data[::-1]))


def turned(scan: Scan) -> Scan:
    """Turn the outlines, as where another pose was taken for the right one."""
    brain, white = (
        ndimage.rotate(mask, TURNED, axes=(1, 2), reshape=False, order=1)
        for mask in (scan.brain, scan.white)
    )
    return replace(scan, brain=brain, white=white)


def shaded(scan: Scan) -> Scan:
    """Brighten one side of the T1w, as a field that was left."""
    ramp = np.linspace(1 - FIELD, 1 + FIELD, scan.brain.shape[0])[:, None, None]
    return replace(scan, t1w=scan.t1w.with_data(scan.t1w.data * ramp))


def halved(scan: Scan) -> Scan:
    """Lose the lower half of the brain mask."""
    rows = np.flatnonzero((scan.brain > 0.5).any((0, 1)))
    kept = np.arange(scan.brain.shape[2]) > rows.mean()
    return replace(scan, brain=scan.brain * kept, white=scan.white * kept)


def flattened(scan: Scan) -> Scan:
    """Draw the ratio towards its middle, as a calibration can."""
    ratio = scan.shown_ratio()
    middle = np.nanmedian(ratio)
    return replace(scan, ratio=middle + KEPT * (ratio - middle))


T1W, T2W, RATIO = "T1w", "T2w, on the T1w", "T1w/T2w ratio"
# What is wrong, how it comes about, and the rows in which it is seen.
FAULTS: dict[str, tuple[str, Callable[[Scan], Scan], tuple[str, ...]]] = {
    "good": ("", lambda scan: scan, (T1W, T2W, RATIO)),
    "swapped": ("T1w and T2w are swapped", swapped, (T1W, RATIO)),
    "mirrored": ("the T2w is left-right flipped", mirrored, (T2W, RATIO)),
    "pose": ("the template is in a wrong pose", turned, (T1W, RATIO)),
    "field": ("a bias field was left", shaded, (T1W, RATIO)),
    "mask": ("half of the brain mask is missing", halved, (T1W, RATIO)),
    "flat": ("the ratio is flattened", flattened, (RATIO,)),
}


def picture(scan: Scan, flag: str, rows: tuple[str, ...], box_of: Array, limits: Array) -> bytes:
    """Draw one mosaic as PNG.

    Parameters
    ----------
    flag : str
        What is wrong; empty for nothing.
    rows : tuple of str
        Titles of what is shown.
    box_of : ndarray of float, shape (x, y, z)
        Mask whose box is shown.
    limits : ndarray of float, shape (2,)
        Ratios beyond which nothing is told apart: the same in all pictures.
    """
    here = scan.t1w.with_data
    outlines = {"brain mask": of(here(scan.brain)), "white matter": of(here(scan.white))}
    box = box_round(box_of > 0.5, scan.t1w.affine, margin_mm=12.0)
    ratio = here(np.clip(scan.shown_ratio(), *limits))
    strips = {
        T1W: Strip(T1W, box, of(scan.t1w), outlines),
        T2W: Strip(T2W, box, of(scan.t2w), outlines),
        RATIO: Strip(RATIO, box, of(ratio, 0), {}, RATIO),
    }
    drawn = mosaic([strips[row] for row in rows], simulated=True, title=LABEL, flag=flag)
    return thumbnail(drawn.pixels(DPI), WIDTH_PX, palette())


def main() -> None:
    """Draw all pictures."""
    OUT.mkdir(exist_ok=True)
    whole = scanned()
    limits = np.nanpercentile(whole.shown_ratio(), (1, 99))
    for name, (flag, spoil, rows) in FAULTS.items():
        path = OUT / f"scan_{name}.png"
        path.write_bytes(picture(spoil(whole), flag, rows, whole.brain, limits))
        print(f"{path.name} {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
