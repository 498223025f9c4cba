"""A known change put into the T1w of real scans, and what comes back in the maps."""

from __future__ import annotations

import nibabel as nib
import numpy as np
from scans.study import SESSIONS, Study
from scipy import ndimage

from rt1t2_dask import assets
from rt1t2_dask.images.brain.tissue import GREY, WHITE
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.registration.inverse import read_at
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.names import ATLAS

PLANTED = -0.09
THALAMUS = (59, 60)
PLACES = ("parenchyma", "thalamus")
DEFAULT = "eb_gain"
SMALLEST = 20  # voxels of a region after its rim is left out


def planted_errors(study: Study, kinds: list[str]) -> dict[str, float]:
    """Plant -9 % in the whole parenchyma and in the thalamus alone; return the worst error."""
    worst = dict.fromkeys(kinds, 0.0)
    for place in PLACES:
        _write(study, place)
        for kind in kinds:
            study.run(kind, place)
            changes = {
                s: _change(study, kind, place, s) for s in SESSIONS if _both(study, kind, place, s)
            }
            said = ", ".join(f"{s} {100 * c:.1f}" for s, c in changes.items())
            print(f"planted {100 * PLANTED:.0f} % in {place}, {kind}: {said}", flush=True)
            errors = [abs(c - PLANTED) for c in changes.values()]
            worst[kind] = max([worst[kind], *errors])
    print("worst error, points:", {kind: round(100 * e, 2) for kind, e in worst.items()})
    return {"planted_error": 100 * worst.get(DEFAULT, np.nan)}


def _both(study: Study, kind: str, place: str, session: str) -> bool:
    label = f"sub-{session}"
    return all((study.out(kind, name) / label).is_dir() for name in ("as_scanned", place))


def _write(study: Study, place: str) -> None:
    """Write the dataset with the change in every T1w, on the T1w's own grid."""
    root = study.folder / "bids" / place
    if (root / "participants.tsv").exists():
        return
    plain = study.dataset()
    for session in SESSIONS:
        anat = root / f"sub-{session}" / "anat"
        anat.mkdir(parents=True, exist_ok=True)
        name = f"sub-{session}/anat/sub-{session}_T1w.nii.gz"
        image = nib.load(plain / name)
        grid = Volume(np.asanyarray(image.dataobj), image.affine).grid
        share = to_grid(_where(study, place, session), grid, order=1).data
        changed = image.get_fdata() * (1 + PLANTED * np.clip(share, 0, 1))
        nib.Nifti1Image(changed.astype(np.float32), image.affine).to_filename(root / name)
        other = name.replace("T1w", "T2w")
        (root / other).write_bytes((plain / other).read_bytes())
    study.describe(root)


def _where(study: Study, place: str, session: str) -> Volume:
    """Return the share of each voxel that is changed, on the working grid of the T1w."""
    parts = study.parts("none", session)
    tissue = to_volume(study.lake.read(parts["tissue"])["tissue"])
    parenchyma = np.isin(tissue.data, (GREY, WHITE))
    if place == "parenchyma":
        return tissue.with_data(parenchyma.astype(np.float32))
    atlas = from_bytes(assets.read(assets.resolve(ATLAS)), "atlas.nii.gz")
    thalamus = Volume(np.isin(atlas.data, THALAMUS).astype(np.float32), atlas.affine)
    found = study.lake.read(parts["normalise"])
    field = to_volume(found["displacement"])
    x, y, z = field.data.shape[:3]
    warp = Warp(found["affine"].to_numpy(), field.data, Grid((x, y, z), field.affine))
    brain = to_volume(study.lake.read(parts["brain"])["brain"]).data.astype(bool)
    share = np.zeros(brain.shape, np.float32)
    share[brain] = read_at([thalamus], warp, tissue.grid, brain)[0]
    return tissue.with_data(share)


def _change(study: Study, kind: str, place: str, session: str) -> float:
    """Compare the mean ratio in T1w space, away from the region's rim, with the scan as it was."""
    where = _where(study, place, session)
    inside = where.data > 0.99
    inner = ndimage.binary_erosion(inside)
    inside = inner if inner.sum() >= SMALLEST else inside
    before, after = (_ratio(study, kind, name, session) for name in ("as_scanned", place))
    known = inside & np.isfinite(before) & np.isfinite(after)
    return float(after[known].mean() / before[known].mean() - 1)


def _ratio(study: Study, kind: str, name: str, session: str) -> np.ndarray:
    path = f"sub-{session}/anat/sub-{session}_desc-ratio_T1wT2wratio.nii.gz"
    values = nib.load(study.out(kind, name) / path).get_fdata()
    return (1 + values) / (1 - values) if kind == "gm_median" else values
