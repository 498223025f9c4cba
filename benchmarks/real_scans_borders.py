"""What scanners leave at the border: real heads padded, faded, conformed; does the ratio move?

    python benchmarks/real_scans_borders.py FOLDER [--scans ../shared/scans]

Two real sessions, each in six states, through the whole image half (2 mm, no calibration). The raw
ratio of each state is compared with that of the scan as it is, over the brain of both: in T1w space
(``native``), in template space in voxels of 2 mm, where a registration that ends 0.2 mm beside
moves everything, and there smoothed with 10 mm, as contrasts see it. Beside the conformed state
stands what resampling alone does to its images. The last line is one JSON object: the largest
median difference in percent and the least correlation of each. Without the scans it says so and
ends.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scans.study import SESSIONS
from scipy import ndimage
from summary.figures import conclude

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume

CHOSEN = ("ms03b", "tcga")
CUBE_MM = 256.0
FADED_MM = 15.0
WHOLE = 0.99  # of a voxel's neighbours that were measured
COHORT = """name: border
participants: participants.tsv
group_column: group
groups: {all: A}
reference: all
contrasts: {}
covariates: []
exclude: []
"""

State = Callable[[nib.Nifti1Image], nib.Nifti1Image]


def _axis(image: nib.Nifti1Image) -> tuple[int, bool]:
    """Return the axis of the slices nearest to head to foot, and whether it begins below."""
    codes = nib.aff2axcodes(image.affine)
    axis = next(k for k, code in enumerate(codes) if code in "SI")
    return axis, codes[axis] == "S"


def _padded(image: nib.Nifti1Image, below: bool) -> nib.Nifti1Image:
    axis, from_below = _axis(image)
    first = below == from_below
    width = [(0, 0)] * 3
    width[axis] = (3, 0) if first else (0, 3)
    shift = np.zeros(3)
    shift[axis] = -3.0 if first else 0.0
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ shift
    return nib.Nifti1Image(np.pad(np.asarray(image.dataobj), width), affine)


def _faded(image: nib.Nifti1Image, slices: int | None = None) -> nib.Nifti1Image:
    axis, from_below = _axis(image)
    if slices is None:
        slices = round(FADED_MM / float(image.header.get_zooms()[axis]))
    factor = np.ones(image.shape[axis], np.float32)
    factor[:slices] = np.arange(slices) / max(slices, 1)
    shape = np.where(np.arange(3) == axis, -1, 1)
    data = image.get_fdata(dtype=np.float32) * (factor if from_below else factor[::-1]).reshape(
        shape
    )
    return nib.Nifti1Image(data, image.affine)


def _conformed(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Resample to a cube of 256 voxels of 1 mm about the middle, cubic spline."""
    middle = image.affine[:3, :3] @ ((np.array(image.shape) - 1) / 2) + image.affine[:3, 3]
    affine = np.eye(4)
    affine[:3, 3] = middle - (CUBE_MM - 1) / 2
    to_index = np.linalg.inv(image.affine) @ affine
    data = ndimage.affine_transform(
        image.get_fdata(dtype=np.float32),
        to_index[:3, :3],
        to_index[:3, 3],
        (256, 256, 256),
        order=3,
    )
    return nib.Nifti1Image(np.clip(data, 0, None).astype(np.float32), affine)


STATES: dict[str, State] = {
    "plain": lambda image: image,
    "below": lambda image: _padded(image, True),
    "above": lambda image: _padded(image, False),
    "lowest": lambda image: _faded(image, 1),
    "faded": _faded,
    "conformed": _conformed,
}


def main() -> None:
    """Run the study of all states and print how far each moves the ratio."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("folder", type=Path)
    here = Path(__file__).resolve().parents[1]
    asked.add_argument("--scans", type=Path, default=here.parent / "shared" / "scans")
    args = asked.parse_args()
    if not args.scans.is_dir():
        print(f"skipped: the scans are not at {args.scans}")
        print(json.dumps(None))
        return
    root = write(args.folder, args.scans)
    conf = args.folder / "conf" / "cohort"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "border.yaml").write_text(COHORT)
    out = args.folder / "out"
    code = command([
        "--config-dir", str(conf.parent), "+cohort=border", "source=bids", f"source.root={root}",
        "calibration=none", "template.voxel_mm=2", "level=participant",
        f"storage.url={args.folder / 'lake'}", f"output_dir={out}", "report.figures=false",
        "allow_failures=true", "overwrite=true",
    ])  # fmt: skip
    print(f"exit {code}")
    conclude("real_scans_borders", compared(out, root))


def write(folder: Path, scans: Path) -> Path:
    """Write every state of every session as a person of a BIDS dataset."""
    root, rows = folder / "bids", []
    for session in CHOSEN:
        for state, change in STATES.items():
            label = f"sub-{session}{state}"
            anat = root / label / "anat"
            anat.mkdir(parents=True, exist_ok=True)
            for file, suffix in zip(SESSIONS[session], ("T1w", "T2w"), strict=True):
                image = nib.load(scans / f"{file}.nii.gz")
                change(image).to_filename(anat / f"{label}_{suffix}.nii.gz")
            rows.append((label, "A"))
    known = {"Name": "states of real sessions", "BIDSVersion": "1.8.0"}
    (root / "dataset_description.json").write_text(json.dumps(known))
    table = pd.DataFrame(rows, columns=["participant_id", "group"])
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    return root


def compared(out: Path, root: Path) -> dict[str, float]:
    """Compare every state with the plain scan; a state without a map counts as lost."""
    seen: dict[str, list[tuple[float, float]]] = {desc: [] for desc in READ}
    lost = 0
    for session in CHOSEN:
        for state in list(STATES)[1:]:
            labels = f"sub-{session}plain", f"sub-{session}{state}"
            noise = resampling(root, *labels) if state == "conformed" else 0.0
            for desc, read in READ.items():
                plain, other = (read(out, label, labels[0]) for label in labels)
                if plain is None or other is None:
                    print(f"{session} {state}, {desc}: no map")
                    lost += 1
                    continue
                median, r = difference(plain, other)
                against = f", resampling both images {noise:.2f} %" if noise else ""
                print(f"{session} {state}, {desc}: median {median:.2f} %, r {r:.4f}{against}")
                seen[desc].append((median, r))
    worst = {
        desc: (max(m for m, _ in rows), min(r for _, r in rows)) for desc, rows in seen.items()
    }
    keys = {"ratio": "border_voxel", "smoothed": "border", "native": "border_native"}
    found = {f"{keys[d]}_median": median for d, (median, _) in worst.items()}
    return found | {f"{keys[d]}_r": r for d, (_, r) in worst.items()} | {"border_lost": lost}


def resampling(root: Path, plain: str, other: str) -> float:
    """Return the median percent by which resampling moves T1w and T2w where tissue is, together."""
    squares = []
    for suffix in ("T1w", "T2w"):
        first, second = (
            nib.load(root / label / "anat" / f"{label}_{suffix}.nii.gz") for label in (plain, other)
        )
        grid = Grid(first.shape, first.affine)
        known = first.get_fdata(dtype=np.float32)
        again = to_grid(Volume(second.get_fdata(dtype=np.float32), second.affine), grid, order=4)
        tissue = known > np.median(known[known > known.mean()]) / 2
        squares.append(np.median(np.abs(again.data[tissue] / known[tissue] - 1)) ** 2)
    return 100 * float(np.sqrt(sum(squares)))


def difference(plain: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the median absolute difference in percent and the correlation."""
    both = np.isfinite(plain) & np.isfinite(other)
    median = 100 * float(np.median(np.abs(other[both] / plain[both] - 1)))
    return median, float(np.corrcoef(plain[both], other[both])[0, 1])


def in_template(desc: str) -> Callable[[Path, str, str], np.ndarray | None]:
    """Read a person's map in template space, ``ratio`` or ``smoothed``."""

    def read(out: Path, label: str, plain: str) -> np.ndarray | None:
        found = sorted((out / label / "anat").glob(f"*space-MNI*_desc-{desc}_T1wT2wratio.nii.gz"))
        return np.asarray(nib.load(found[0]).dataobj) if found else None

    return read


def in_t1w_space(out: Path, label: str, plain: str) -> np.ndarray | None:
    """Read a person's ratio in T1w space, on the grid of the plain scan."""
    images = [
        out / name / "anat" / f"{name}_desc-ratio_T1wT2wratio.nii.gz" for name in (label, plain)
    ]
    if not all(image.exists() for image in images):
        return None
    own, wanted = (nib.load(image) for image in images)
    data = own.get_fdata(dtype=np.float32)
    there = np.isfinite(data) & (data != 0)
    grid = Grid(wanted.shape, wanted.affine)
    values = to_grid(Volume(np.where(there, data, 0), own.affine), grid, order=1).data
    share = to_grid(Volume(there.astype(np.float32), own.affine), grid, order=1).data
    return np.where(share > WHOLE, values, np.nan)


READ = {
    "native": in_t1w_space,
    "ratio": in_template("ratio"),
    "smoothed": in_template("smoothed"),
}


if __name__ == "__main__":
    main()
