"""Brain mask by deepbet: a neural network, with its weights in the package; an extra."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.brain import deepbet_child
from rt1t2_dask.images.child import register, write_image
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.scratch import scratch

TIMEOUT_S = 900.0
_INSTALL = "install rt1t2-dask[deepbet] (it installs torch, 5 GB), or choose brain.method=template."


def installed_version() -> str:
    """Return the version of deepbet.

    Raises
    ------
    UserError
        It, or its weights, are not installed.
    """
    try:
        found = distribution("deepbet")
    except PackageNotFoundError:
        raise UserError(f"brain.method=deepbet needs the package deepbet: {_INSTALL}") from None
    lacking = [
        name for name in deepbet_child.WEIGHTS if not Path(str(found.locate_file(name))).exists()
    ]
    if lacking:
        raise UserError(f"deepbet is installed without its weights ({lacking[0]}): {_INSTALL}")
    return found.version


def extract(t1w: Volume, timeout_s: float = TIMEOUT_S) -> NDArray[np.bool_]:
    """Find the brain in a T1w of the whole head, on its own grid.

    Parameters
    ----------
    t1w : Volume
        Finite; any voxel size. deepbet reorients it to the nearest axes of its header only: the
        network was not trained on heads oblique to them.
    timeout_s : float
        Timeout, wall seconds.

    Returns
    -------
    ndarray of bool, shape of the image
        Brain with its ventricles and the fluid of its sulci.

    Raises
    ------
    SubjectError
        deepbet failed, timed out or found no brain.

    Notes
    -----
    deepbet 1.0 (Fisch et al. 2024, Comput Biol Med 179:108845), on the processor and one thread,
    where it is repeatable to the bit.
    """
    with scratch("deepbet") as folder:
        write_image(t1w, folder / "t1w.nii")
        register(deepbet_child.__name__, [], folder, timeout_s, "Brain extraction by deepbet")
        mask = nib.Nifti1Image.from_bytes((folder / "mask.nii").read_bytes())
        found = np.asarray(mask.dataobj) > 0
    if not found.any():
        raise SubjectError(
            "deepbet found no brain.", "Check the T1w, or choose brain.method=template."
        )
    return found
