"""Scans and masks of a person in a BIDS dataset or its derivatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rt1t2_dask.bids import files as bids_files
from rt1t2_dask.bids.files import ENDS, Scans, Wanted, in_session
from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.bids.names import images_of, session_of, suffix_of
from rt1t2_dask.config.study import BidsSource, Config, DerivativesSource
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.people.agents import agents
from rt1t2_dask.pipelines.people.derivatives import derived_choices
from rt1t2_dask.pipelines.people.kinds import SESSION
from rt1t2_dask.storage.stores import Store, open_store

Row = Mapping[str, Any]
MASKS = ("lesion", "brain_mask")


def wanted_session(session: str | None, row: Row) -> str | None:
    """Return a person's session: the setting, or their cell of its column."""
    if SESSION not in row:
        return session
    value = row[SESSION]
    return value.removeprefix("ses-") if isinstance(value, str) else None


def _require_session(
    setting: str | None, session: str | None, row: Row, paths: Sequence[str]
) -> None:
    """Refuse a person with several sessions but none in the column of sessions."""
    there = sorted({own for p in images_of(paths) if (own := session_of(p)) is not None})
    if SESSION in row and session is None and len(there) > 1:
        raise SubjectError(
            f"source.session={setting} is n/a, but there are sessions {', '.join(there)}.",
            "Fill in the person's session in the participants table, or leave the subject out with "
            "cohort.exclude.",
        )


def _named(session: str | tuple[str, ...] | None) -> str:
    return f"[{', '.join(session)}]" if isinstance(session, tuple) else str(session)


def bids_scans(
    source: BidsSource, store: Store, row: Row, top: Collection[str], given: Collection[str]
) -> Scans:
    """Choose a person's scans and masks in a BIDS dataset.

    Parameters
    ----------
    top : collection of str
        Top-level names of the dataset, including sidecars.
    given : collection of str
        Masks that are specified elsewhere.

    Raises
    ------
    SubjectError
        An image is missing, or the choice is ambiguous.
    """
    label = row["participant_id"]
    session = wanted_session(source.one_session, row)
    asked = f"source.session={_named(source.session)} (ses-{session})" if SESSION in row else ""
    wanted = Wanted(session, source.run, source.t1w, source.t2w, asked)
    paths = list(store.list(f"{label}/"))
    _require_session(source.one_session, session, row, paths)
    text = agents(store, [*top, *paths])
    return bids_files.scans(paths, _derived(store, label), wanted, text, given)


def _derived(store: Store, label: str) -> list[str]:
    """List a person's files in ``derivatives/`` and its datasets.

    Files without person folders are matched by name.
    """
    top = _folders(store, "derivatives/")
    folders = [*top, *(part for folder in top for part in _folders(store, folder))]
    own = [
        path for folder in ("derivatives/", *folders) for path in store.list(f"{folder}{label}/")
    ]
    flat = [
        f"{folder}{name}"
        for folder in folders
        for name in store.children(folder)
        if name.startswith(f"{label}_") and not name.endswith("/")
    ]
    return [*own, *sorted(flat)]


def _folders(store: Store, place: str) -> list[str]:
    """List the folders in a place, without those of people."""
    names = store.children(place.rstrip("/"))
    return sorted(f"{place}{n}" for n in names if n.endswith("/") and not n.startswith("sub-"))


def derivatives(
    config: Config, source: DerivativesSource, store: Store, row: Row, given: Collection[str]
) -> dict[str, Choice | None]:
    """Choose the sMRIPrep or fMRIPrep derivatives of a person, by role; raises SubjectError."""
    label, options = row["participant_id"], config.storage.options()
    session = wanted_session(source.one_session, row)
    _require_session(source.one_session, session, row, list(store.list(label)))
    if session in ENDS:
        raw = [] if source.raw is None else list(open_store(source.raw, options).list(label))
        session = _end(session, images_of(list(store.list(label))), images_of(raw))
    own = source.model_copy(update={"session": session})
    needed = config.precomputed_transform
    return derived_choices(own, label, options, needs_transform=needed, given=given)


def _end(session: str | None, images: Sequence[str], raw: Sequence[str]) -> str | None:
    """Return the first or last session of the derivatives, else of the raw scans."""
    own = in_session(images, Wanted(session)).session
    return own or in_session([p for p in raw if suffix_of(p) == "T2w"], Wanted(session)).session
