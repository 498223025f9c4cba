"""What two sites' files must have in common."""

from __future__ import annotations

from rt1t2_dask.config.study import Config

FORMAT = 2
"""From 2 on a file says on which scale its sums are."""


def comparable(config: Config) -> dict[str, object]:
    """Return what must be alike at all sites, for their maps to be one analysis."""
    return {
        "space": config.space,
        "fwhm_mm": config.smooth.fwhm_mm,
        "edge": config.smooth.edge,
        "calibration": config.calibration.kind,
        "lesion_fill": config.lesion.fill,
    }
