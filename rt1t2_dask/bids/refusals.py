"""What is said of a person whose image is missing, or cannot be told from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rt1t2_dask.bids.names import suffix_of, told_apart
from rt1t2_dask.errors import SubjectError

# What may stand for a contrast where a pattern names it.
ALSO = {"T1w": ("UNIT1", "R1map", "T1map"), "T2w": ("T2map", "R2map")}
# Of these, what shows the contrast the other way round, and what to bring in its place.
REVERSED = {
    "T1map": ("T1w", "R1 = 1/T1 as *_R1map"),
    "R2map": ("T2w", "T2 = 1/R2 as *_T2map"),
}
IMAGES_SHOWN = 6


class Remedies(Protocol):
    """What a source lets a person do about an image; each source has settings of its own."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy where a map is there and no scan."""

    def of_none_left(self, suffix: str, said: str, path: str) -> str:
        """Return the remedy where a rule leaves no image."""

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy where several images fit."""


def none_there(suffix: str, images: Sequence[str], remedies: Remedies) -> SubjectError:
    """No image has the suffix."""
    kinds = [kind for kind in ALSO[suffix] if kind not in REVERSED]
    maps = [p for kind in kinds for p in images if suffix_of(p) == kind]
    if maps:
        return SubjectError(
            f"there is no *_{suffix}.nii.gz, but {told_apart(maps)}.",
            remedies.of_map(suffix, maps[0]),
        )
    here = f", only {told_apart(images)}" if 0 < len(images) <= IMAGES_SHOWN else ""
    return SubjectError(
        f"there is no *_{suffix}.nii.gz{here}.", "Add it, or exclude the person: cohort.exclude."
    )


def none_left(suffix: str, said: str, before: Sequence[str], remedies: Remedies) -> SubjectError:
    """No image is left by a rule."""
    return SubjectError(
        f"no {suffix} image is left by {said}; there are {told_apart(before)}.",
        remedies.of_none_left(suffix, said, before[0]),
    )


def several(suffix: str, fitting: Sequence[str], remedies: Remedies) -> SubjectError:
    """More than one image fits; alike names are told apart by their folders."""
    return SubjectError(
        f"{len(fitting)} {suffix} images fit: {told_apart(fitting)}.",
        remedies.of_several(suffix, fitting),
    )


def require_way_round(path: str) -> None:
    """Refuse a map that is dark where the contrast is bright: the ratio would be inverted.

    Raises
    ------
    SubjectError
    """
    if suffix_of(path) in REVERSED:
        contrast, other = REVERSED[suffix_of(path)]
        raise SubjectError(
            f"{told_apart([path])} is bright where a {contrast} is dark: the ratio would be the "
            "wrong way round.",
            f"Bring {other}, and name it in its place.",
        )
