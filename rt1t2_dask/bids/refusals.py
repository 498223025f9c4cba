"""Errors for missing or ambiguous images of a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rt1t2_dask.bids.names import distinct_names, suffix_of
from rt1t2_dask.errors import SubjectError

# Maps that can replace a contrast if set by a pattern.
ALSO = {"T1w": ("UNIT1", "R1map", "T1map"), "T2w": ("T2map", "R2map")}
# Maps with inverted contrast, and their replacement.
REVERSED = {
    "T1map": ("T1w", "R1 = 1/T1 as *_R1map"),
    "R2map": ("T2w", "T2 = 1/R2 as *_T2map"),
}
IMAGES_SHOWN = 6


class Remedies(Protocol):
    """Remedies for an image; each source has its own settings."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy for a map without a scan."""

    def of_none_left(self, suffix: str, text: str, path: str) -> str:
        """Return the remedy where a rule excludes all images."""

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy for several matching images."""


def none_there(suffix: str, images: Sequence[str], remedies: Remedies) -> SubjectError:
    """Return the error for no image with the suffix."""
    kinds = [kind for kind in ALSO[suffix] if kind not in REVERSED]
    maps = [p for kind in kinds for p in images if suffix_of(p) == kind]
    if maps:
        return SubjectError(
            f"there is no *_{suffix}.nii.gz, but {distinct_names(maps)}.",
            remedies.of_map(suffix, maps[0]),
        )
    here = f", only {distinct_names(images)}" if 0 < len(images) <= IMAGES_SHOWN else ""
    return SubjectError(
        f"there is no *_{suffix}.nii.gz{here}.",
        "Add it, or leave the subject out with cohort.exclude.",
    )


def none_left(suffix: str, text: str, before: Sequence[str], remedies: Remedies) -> SubjectError:
    """Return the error for a rule that excludes all images."""
    return SubjectError(
        f"no {suffix} image is left by {text}; found {distinct_names(before)}.",
        remedies.of_none_left(suffix, text, before[0]),
    )


def several(suffix: str, fitting: Sequence[str], remedies: Remedies) -> SubjectError:
    """Return the error for several matching images; equal names are shown with folders."""
    return SubjectError(
        f"{len(fitting)} {suffix} images match: {distinct_names(fitting)}.",
        remedies.of_several(suffix, fitting),
    )


def require_way_round(path: str) -> None:
    """Refuse a map with inverted contrast: the ratio would be inverted.

    Raises
    ------
    SubjectError
    """
    if suffix_of(path) in REVERSED:
        contrast, other = REVERSED[suffix_of(path)]
        raise SubjectError(
            f"{distinct_names([path])} is bright where a {contrast} is dark: the ratio would be "
            f"inverted.",
            f"Use {other} instead.",
        )
