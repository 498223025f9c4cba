"""Compute the reference quantiles: python -m rt1t2_dask.ratio.build_reference TEMPLATE_DIR."""

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
from rt1t2_dask.ratio.calibrate import quantiles
from rt1t2_dask.ratio.classes import CLASS_NAMES, Mask, external_classes
from rt1t2_dask.ratio.reference import FILE_NAME, QUANTILES

T1W, T2W = "MNI152_T1_2mm.nii.gz", "MNI152_T2_2mm.nii.gz"
BRAIN = "MNI152_T1_1mm_brain_mask.nii.gz"
_UNIT = 100.0
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
        Probabilities, quantiles by contrast and class, voxels of each class, source.
    """
    t1w, t2w, mask = (_read(template_dir / name) for name in (T1W, T2W, BRAIN))
    brain = _on_grid(mask, t1w)
    classes = external_classes(t1w, t2w, brain)
    return {
        "simulated": False,
        "unit": f"{_UNIT:g} = median over the brain mask",
        "probabilities": list(QUANTILES),
        "quantiles": {
            "t1w": _by_class(t1w, classes, brain),
            "t2w": _by_class(t2w, classes, brain),
        },
        "voxels": {name: int(classes[name].sum()) for name in CLASS_NAMES},
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


def _by_class(image: Volume, classes: dict[str, Mask], brain: Mask) -> dict[str, list[float]]:
    scale = _UNIT / np.median(image.data[brain])
    return {
        name: [round(float(v), _DIGITS) for v in quantiles(image.data[classes[name]] * scale)]
        for name in CLASS_NAMES
    }


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
