"""How a person's image is chosen in a BIDS dataset: the settings of ``source=bids``."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.bids.names import stem, suffix_of, told_apart

_OF_ONE_PERSON = ("sub-", "ses-")


class ByPattern:
    """Patterns of names, sessions and runs."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy where a map is there and no scan."""
        return f"Name it if it is to be used: {_setting(suffix)}=*_{suffix_of(path)}.*"

    def of_none_left(self, suffix: str, said: str, path: str) -> str:
        """Return the remedy where a rule leaves no image."""
        key = _setting(suffix)
        if said.startswith("leaving out"):
            return f"Bring one without, or name it if it is right, as {key}={_pattern_of(path)}."
        if said.startswith(f"{key}="):
            return "Correct that setting."
        return f"Correct that setting, or leave it out and name the image with {key}."

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy where several images fit."""
        if len({path.removesuffix(".gz") for path in paths}) == 1:
            whole = _pattern_of(paths[0]).removesuffix(".*")
            return f"Remove one of the two, or name it with {_setting(suffix)}={whole}.nii.gz."
        apart = "/" not in told_apart(paths)
        example = "*_acq-mprage_*" if apart else _folder_pattern(paths[0])
        return (
            "Choose with source.session, source.run (a number, first or last) or "
            f"{_setting(suffix)} (a pattern such as {example})."
        )


BY_PATTERN = ByPattern()


def _setting(suffix: str) -> str:
    return f"source.{suffix.lower()}"


def _pattern_of(path: str) -> str:
    """Return a pattern that fits everybody's image of that name."""
    words = [word for word in stem(path).split("_") if not word.startswith(_OF_ONE_PERSON)]
    return "*_" + "_".join(words) + ".*"


def _folder_pattern(path: str) -> str:
    folder = path.rpartition("/")[0].partition("/")[2]
    return f"*/{folder}/*" if folder else _pattern_of(path)
