"""What scanners leave at the border: real heads padded, faded, conformed; does the ratio move?

    python benchmarks/real_scans_borders.py FOLDER [--scans ../shared/scans]

Two real sessions, each in six states, through the whole image half (2 mm, no calibration). The raw
ratio of each state in template space is compared with that of the scan as it is, over the brain of
both: voxels of 2 mm, where a registration that ends 0.2 mm beside moves everything, and smoothed
with 10 mm, as contrasts see it. The last line is one JSON object: the largest median difference in
percent and the least correlation of either. Without the scans it says so and ends.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from real_scans_study import SESSIONS
from scipy import ndimage

from rt1t2_dask.command_line import command

CHOSEN = ("ms03b", "tcga")
CUBE_MM = 256.0
FADED_MM = 15.0
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
    print(json.dumps(compared(out)))


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


def compared(out: Path) -> dict[str, float]:
    """Compare every state with the plain scan; a state without a map counts as lost."""
    apart: dict[str, list[float]] = {"ratio": [], "smoothed": []}
    alike: dict[str, list[float]] = {"ratio": [], "smoothed": []}
    lost = 0
    for session in CHOSEN:
        for state in list(STATES)[1:]:
            labels = f"sub-{session}plain", f"sub-{session}{state}"
            for desc in apart:
                plain, other = (read(out, label, desc) for label in labels)
                if plain is None or other is None:
                    print(f"{session} {state}, {desc}: no map")
                    lost += 1
                    continue
                median, r = difference(plain, other)
                print(f"{session} {state}, {desc}: median {median:.2f} %, r {r:.4f}")
                apart[desc].append(median)
                alike[desc].append(r)
    return {
        "border_voxel_median": max(apart["ratio"]),
        "border_voxel_r": min(alike["ratio"]),
        "border_median": max(apart["smoothed"]),
        "border_r": min(alike["smoothed"]),
        "border_lost": lost,
    }


def difference(plain: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the median absolute difference in percent and the correlation."""
    both = np.isfinite(plain) & np.isfinite(other)
    median = 100 * float(np.median(np.abs(other[both] / plain[both] - 1)))
    return median, float(np.corrcoef(plain[both], other[both])[0, 1])


def read(out: Path, label: str, desc: str) -> np.ndarray | None:
    """Read a person's map in template space, ``ratio`` or ``smoothed``."""
    found = sorted((out / label / "anat").glob(f"*space-MNI*_desc-{desc}_T1wT2wratio.nii.gz"))
    return np.asarray(nib.load(found[0]).dataobj) if found else None


if __name__ == "__main__":
    main()
