"""Images that are not single-file NIfTI, by extension, and how to convert them."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.bids.names import NIFTI
from rt1t2_dask.errors import SubjectError

_NIBABEL_READS = ("hdr", "img", "mgh", "mgz", "mnc", "hdr.gz", "img.gz", "nii.bz2", "nii.zst")
_OTHERS = ("nrrd", "nhdr", "seg.nrrd", "mha", "mhd", "dcm", "nii.xz", "nii.zip", "zip", "mif")
_IMAGES = (*_NIBABEL_READS, *_OTHERS, "nii", "nii.gz")
OR_EXCLUDE = "or leave the subject out with cohort.exclude."


def ending_of(path: str) -> str:
    """Return the extension from the first dot of a file's name, such as ``nii.gz``."""
    return path.rsplit("/", 1)[-1].partition(".")[2]


def in_other_formats(paths: Sequence[str]) -> list[str]:
    """Keep images in other formats without a NIfTI image of the same name."""
    there = {_bare(path) for path in paths if path.endswith(NIFTI)}
    return [
        path
        for path in sorted(paths)
        if ending_of(path).lower() in _IMAGES
        and not path.endswith(NIFTI)
        and not path.rsplit("/", 1)[-1].startswith(".")
        and _bare(path) not in there
    ]


def in_another_format(path: str, text: str = "") -> SubjectError:
    """Return the error for an image that must be converted; `text` is its prefix."""
    wanted = f"{_bare(path).rsplit('/', 1)[-1]}.nii.gz"
    reads = ending_of(path).lower() in _NIBABEL_READS
    how = f"nib-convert {path} {wanted}" if reads else f"it must become {wanted}"
    return SubjectError(
        f"{text}{path} is not a single-file NIfTI image.", f"Convert it ({how}), {OR_EXCLUDE}"
    )


def _bare(path: str) -> str:
    return path.removesuffix(f".{ending_of(path)}")
