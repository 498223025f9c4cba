"""Voxel size and position in a DICOM file, classic or enhanced."""

from __future__ import annotations

from typing import Any

import numpy as np

# dcm2niix puts 1 mm, or axial slices, in place of what is not there.
_GEOMETRY = {
    "PixelSpacing": "PixelMeasuresSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
}


def normal(found: Any) -> tuple[float, ...]:
    """Return the normal of a slice in the patient's axes; empty for a file of many slices."""
    axes = [float(v) for v in found.get("ImageOrientationPatient") or []]
    return tuple(float(v) for v in np.cross(axes[:3], axes[3:])) if len(axes) == 6 else ()


def position(found: Any) -> float | None:
    """Return a slice's position along its normal in mm; None for a file of many slices."""
    place, across = found.get("ImagePositionPatient"), normal(found)
    if not place or not across:
        return None
    return float(np.array(across) @ np.array([float(v) for v in place]))


def missing(found: Any) -> tuple[str, ...]:
    """Return the attributes of voxel size and position that a file lacks."""
    return tuple(
        name for name, of in _GEOMETRY.items() if not (found.get(name) or group(found, of))
    )


def group(found: Any, name: str) -> Any:
    """Return a functional group of an enhanced image: shared by all frames, else the first's."""
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in found.get(sequence) or []:
            groups = item.get(name) or []
            if len(groups):
                return groups[0]
            break
    return {}
