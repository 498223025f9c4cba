"""Check that the slices of a DICOM series make a complete image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom.series import Contrast, Series

UNEVEN = 1.5


def check_whole(series: Series, contrast: Contrast) -> None:
    """Refuse a series with missing, duplicate, unplaced or oblique slices.

    Raises
    ------
    SubjectError
    """
    fault = _fault(series)
    if fault:
        raise SubjectError(
            f"{contrast}: {series.name} {fault}.",
            "Export the series again, choose another with "
            f"source.{contrast.lower()}_series, or leave the subject out with cohort.exclude.",
        )


def _fault(series: Series) -> str:
    if series.missing:
        return f"has files without {', '.join(series.missing)}, which give voxel size or position"
    return "has slices of several orientations" if series.tilted else _uneven(series.positions_mm)


def _uneven(positions_mm: Sequence[float]) -> str:
    """Describe what is wrong with the slice positions; empty where nothing is."""
    steps = np.diff(positions_mm)
    if steps.size == 0:
        return ""
    step = float(np.median(steps))
    if steps.min() < 0.5 * step or step == 0:
        return "has two slices at one position"
    if steps.max() > UNEVEN * step:
        return f"is missing slices: steps of {step:.3g} mm and one of {steps.max():.3g} mm"
    return ""
