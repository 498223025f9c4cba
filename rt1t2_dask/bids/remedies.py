"""Remedies for ``source=bids``: patterns, sessions and runs."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.bids.names import distinct_names, stem, suffix_of

_OF_ONE_PERSON = ("sub-", "ses-")


class ByPattern:
    """Remedies by name patterns, sessions and runs."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy for a map without a scan."""
        return f"To use it, set {_setting(suffix)}=*_{suffix_of(path)}.*"

    def of_none_left(self, suffix: str, text: str, path: str) -> str:
        """Return the remedy where a rule excludes all images."""
        key = _setting(suffix)
        if text.startswith("leaving out"):
            return f"Add an image without it; if this one is meant, set {key}={_pattern_of(path)}."
        if text.startswith(f"{key}="):
            return "Correct that setting."
        return f"Correct that setting, or remove it and set {key}."

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy for several matching images."""
        if len({path.removesuffix(".gz") for path in paths}) == 1:
            whole = _pattern_of(paths[0]).removesuffix(".*")
            return f"Remove one of the two, or set {_setting(suffix)}={whole}.nii.gz."
        apart = "/" not in distinct_names(paths)
        example = "*_acq-mprage_*" if apart else _folder_pattern(paths[0])
        return (
            "Choose with source.session, source.run (a number, first or last) or "
            f"{_setting(suffix)} (a pattern such as {example})."
        )


BY_PATTERN = ByPattern()


def _setting(suffix: str) -> str:
    return f"source.{suffix.lower()}"


def _pattern_of(path: str) -> str:
    """Return a pattern that matches each person's image of that name."""
    words = [word for word in stem(path).split("_") if not word.startswith(_OF_ONE_PERSON)]
    return "*_" + "_".join(words) + ".*"


def _folder_pattern(path: str) -> str:
    folder = path.rpartition("/")[0].partition("/")[2]
    return f"*/{folder}/*" if folder else _pattern_of(path)
