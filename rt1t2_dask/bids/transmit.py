"""Transmit maps (B1+) by their BIDS names."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.bids.names import distinct_names, images_of, session_of, suffix_of
from rt1t2_dask.errors import SubjectError

SUFFIX = "TB1map"


def transmit_map(paths: Sequence[str], session: str | None = None) -> Choice:
    """Choose the transmit map among a person's files.

    Parameters
    ----------
    paths : sequence of str
        All files of the person.
    session : str, optional
        Label of the session whose map is wanted, without ``ses-``; those without one fit too.

    Raises
    ------
    SubjectError
        There is none, or there are several.
    """
    found = [path for path in images_of(paths) if suffix_of(path) == SUFFIX]
    if session is not None and session not in ("first", "last"):
        found = [path for path in found if session_of(path) in (None, session)]
    if not found:
        raise SubjectError(
            "there is no transmit map (*_TB1map.nii.gz).",
            "Add it, set transmit.image, or leave the subject out with cohort.exclude.",
        )
    if len(found) > 1:
        raise SubjectError(
            f"{len(found)} transmit maps match: {distinct_names(found)}.",
            "Keep one, or set transmit.image.",
        )
    return Choice(found[0], "by its BIDS name")
