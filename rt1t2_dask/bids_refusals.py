"""What is said of a person whose image is missing, or cannot be told from others."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.bids_names import stem, suffix_of, told_apart
from rt1t2_dask.errors import SubjectError

# What may stand for a contrast where a pattern names it.
ALSO = {"T1w": ("UNIT1", "R1map", "T1map"), "T2w": ("T2map", "R2map")}
# Of these, what shows the contrast the other way round, and what to bring in its place.
REVERSED = {
    "T1map": ("T1w", "R1 = 1/T1 as *_R1map"),
    "R2map": ("T2w", "T2 = 1/R2 as *_T2map"),
}
IMAGES_SHOWN = 6
_OF_ONE_PERSON = ("sub-", "ses-")


def setting_of(suffix: str) -> str:
    """Return the setting that names an image."""
    return f"source.{suffix.lower()}"


def none_there(suffix: str, images: Sequence[str]) -> SubjectError:
    """No image has the suffix."""
    key = setting_of(suffix)
    kinds = [kind for kind in ALSO[suffix] if kind not in REVERSED]
    maps = [p for kind in kinds for p in images if suffix_of(p) == kind]
    if maps:
        return SubjectError(
            f"there is no *_{suffix}.nii.gz, but {told_apart(maps)}.",
            f"Name it if it is to be used: {key}=*_{suffix_of(maps[0])}.*",
        )
    here = f", only {told_apart(images)}" if 0 < len(images) <= IMAGES_SHOWN else ""
    return SubjectError(
        f"there is no *_{suffix}.nii.gz{here}.", "Add it, or exclude the person: cohort.exclude."
    )


def none_left(suffix: str, said: str, before: Sequence[str]) -> SubjectError:
    """No image is left by a rule."""
    key = setting_of(suffix)
    remedy = f"Correct that setting, or name the image with {key}."
    if said.startswith("leaving out"):
        remedy = f"Bring one without, or name it if it is right, as {key}={pattern_of(before[0])}."
    there = told_apart(before)
    return SubjectError(f"no {suffix} image is left by {said}; there are {there}.", remedy)


def several(suffix: str, fitting: Sequence[str]) -> SubjectError:
    """More than one image fits; alike names are told apart by their folders."""
    names = told_apart(fitting)
    example = _folder_pattern(fitting[0]) if "/" in names else "*_acq-mprage_*"
    return SubjectError(
        f"{len(fitting)} {suffix} images fit: {names}.",
        f"Choose with source.session, source.run (a number, first or last) or "
        f"{setting_of(suffix)} (a pattern such as {example}).",
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
            f"Bring {other}, and name it with {setting_of(contrast)}.",
        )


def pattern_of(path: str) -> str:
    """Give a pattern that fits everybody's image of that name."""
    words = [word for word in stem(path).split("_") if not word.startswith(_OF_ONE_PERSON)]
    return "*_" + "_".join(words) + ".*"


def _folder_pattern(path: str) -> str:
    folder = path.rpartition("/")[0].partition("/")[2]
    return f"*/{folder}/*" if folder else pattern_of(path)
