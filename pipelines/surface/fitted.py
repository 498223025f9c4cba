"""fsaverage5 fitted to the ribbon of the ICBM152 template."""

from __future__ import annotations

from functools import cache

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.images.names import GREY, WHITE
from rt1t2_dask.pipelines.surface.template import SIDES, fsaverage
from rt1t2_dask.surface.fit import Cortex, fit_cortex


@cache
def fitted_cortex() -> dict[str, Cortex]:
    """Return white and pial surface of both hemispheres in MNI152 mm; once per process."""
    shares = tissue_shares()
    found = {}
    for side in SIDES:
        own = fsaverage(side)
        found[side], _ = fit_cortex(own.white, own.pial, *shares)
    return found


@cache
def tissue_shares() -> tuple[Volume, Volume]:
    """Return the template's shares of grey and of white matter, 0 to 1."""
    grey, white = (_share(name) for name in (GREY, WHITE))
    return grey, white


def _share(name: str) -> Volume:
    volume = from_bytes(assets.read(assets.resolve(name)), name)
    return volume.with_data(volume.data / max(float(volume.data.max()), 1.0))
