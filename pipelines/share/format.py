"""Requirements for combining sites' files."""

from __future__ import annotations

from rt1t2_dask.config.study import Config

FORMAT = 2
"""From version 2 on, files state the scale of their sums."""


def comparable(config: Config) -> dict[str, object]:
    """Return the settings that must be equal at all sites."""
    return {
        "space": config.space,
        "fwhm_mm": config.smooth.fwhm_mm,
        "edge": config.smooth.edge,
        "calibration": config.calibration.kind,
        "lesion_fill": config.lesion.fill,
    }
