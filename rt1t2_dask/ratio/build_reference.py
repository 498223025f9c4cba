"""Compute the reference landmarks: python -m rt1t2_dask.ratio.build_reference TEMPLATE_DIR."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.classes import LANDMARK_CLASSES, Mask, external_classes
from rt1t2_dask.ratio.landmarks import (
    BRAIN_PROBABILITIES,
    CONTRASTS,
    PROBABILITIES,
    UNIT,
    Values,
    in_percent,
    measure,
)
from rt1t2_dask.ratio.reference import FILE_NAME

T1W, T2W = "MNI152_T1_2mm.nii.gz", "MNI152_T2_2mm.nii.gz"
BRAIN = "MNI152_T1_1mm_brain_mask.nii.gz"
_DIGITS = 3


def build(template_dir: Path) -> dict[str, Any]:
    """Compute the content of the shipped file from the template heads.

    Parameters
    ----------
    template_dir : Path
        Holds `T1W`, `T2W` (one space, 2 mm) and `BRAIN` (1 mm, same space).

    Returns
    -------
    dict
        What `reference.load_reference` reads: quantiles of classes and brain, stripe, source.
    """
    t1w, t2w, mask = (_read(template_dir / name) for name in (T1W, T2W, BRAIN))
    brain = _on_grid(mask, t1w)
    found = in_percent(measure(t1w, t2w, brain, external_classes(t1w, t2w, brain)))
    return {
        "simulated": False,
        "unit": f"{UNIT:g} = median over the brain mask",
        "probabilities": PROBABILITIES.tolist(),
        "quantiles": {
            contrast: {name: _rounded(found.quantiles(contrast, name)) for name in LANDMARK_CLASSES}
            for contrast in CONTRASTS
        },
        "brain_probabilities": BRAIN_PROBABILITIES.tolist(),
        "brain": dict(zip(CONTRASTS, map(_rounded, found.brain), strict=True)),
        "stripe": dict(zip(CONTRASTS, map(_rounded, found.stripe), strict=True)),
        "voxels": dict(zip(LANDMARK_CLASSES, found.voxels.tolist(), strict=True)),
        "source": _source(template_dir),
    }


def main() -> None:
    """Write the file into the package's data folder."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = Path(__file__).parent.parent / "data" / FILE_NAME
    target.write_text(json.dumps(build(Path(sys.argv[1])), indent=1) + "\n")


def _read(path: Path) -> Volume:
    return from_bytes(path.read_bytes(), path.name)


def _on_grid(mask: Volume, like: Volume) -> Mask:
    """Read a mask at another grid's voxel centres."""
    to_mask = np.linalg.inv(mask.affine)
    index = like.grid.world() @ to_mask[:3, :3].T + to_mask[:3, 3]
    values = map_coordinates(mask.data.astype(np.float32), np.moveaxis(index, -1, 0), order=1)
    return np.asarray(values > 0.5)


def _rounded(values: Values) -> list[float]:
    return [round(float(v), _DIGITS) for v in values]


def _source(template_dir: Path) -> dict[str, Any]:
    files = {
        name: hashlib.sha256((template_dir / name).read_bytes()).hexdigest()
        for name in (T1W, T2W, BRAIN)
    }
    return {
        "files_sha256": files,
        "what": "MNI152 average T1-weighted and T2-weighted heads as distributed with FSL",
        "citation": "Grabner et al. 2006, MICCAI, LNCS 4191:58-66 (non-linear 6th generation "
        "MNI152); Jenkinson et al. 2012, NeuroImage 62:782-790 (FSL)",
        "licence": "see CALIBRATION_REFERENCE_LICENSE.txt",
    }


if __name__ == "__main__":
    main()
