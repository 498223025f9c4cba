"""Derivatives of sMRIPrep or fMRIPrep: what is there, and what must come from the raw scans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rt1t2_dask.bids.derivatives import Preprocessed, choose, preprocessed
from rt1t2_dask.bids.files import Choice, Wanted, the_one
from rt1t2_dask.bids.marks import SaysAgent
from rt1t2_dask.bids.names import images_of
from rt1t2_dask.config.study import DerivativesSource
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.engine.places import joined
from rt1t2_dask.pipelines.people.agents import agents
from rt1t2_dask.pipelines.people.not_here import why_missing
from rt1t2_dask.storage.stores import open_store

RAW = "t2w_raw"
_BRING = "or exclude the person: cohort.exclude."


class InRaw:
    """What is done about a raw T2w: sessions are the only setting that chooses it."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy where a map is there and no scan."""
        return f"Add the {suffix} to source.raw, {_BRING}"

    def of_none_left(self, suffix: str, said: str, path: str) -> str:
        """Return the remedy where a rule leaves no image."""
        if said.startswith("leaving out"):
            return f"Add a {suffix} without to source.raw, {_BRING}"
        return f"Correct that setting, {_BRING}"

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy where several images fit."""
        return choose(paths)


def derived_choices(
    source: DerivativesSource,
    label: str,
    options: Mapping[str, Any],
    *,
    needs_transform: bool,
    given: Collection[str] = (),
) -> dict[str, Choice | None]:
    """Choose a person's files by role.

    Parameters
    ----------
    needs_transform : bool
        Whether the way to the template is taken from the derivatives (``normalise=derivatives``).
    given : collection of {"lesion", "brain_mask"}
        Masks that are named elsewhere, and not looked for.

    Raises
    ------
    SubjectError
        The T1w, the T2w or a transform that is needed is nowhere.
    """
    wanted = Wanted(session=source.session, remedies=InRaw())
    store = open_store(source.root, options)
    paths = list(store.list(label))
    found = preprocessed(paths, wanted, source.space, given)
    said = agents(store, [*store.children(""), *paths])
    for scan in (found.t1w, found.t2w):
        _require_no_agent(scan, said)
    t2w = {"t2w": found.t2w} if found.t2w else {RAW: _raw_t2w(source, label, wanted, options)}
    choices: dict[str, Choice | None] = {
        "t1w": found.t1w,
        **t2w,
        "brain_mask": found.brain_mask,
        "lesion": found.lesion,
        **{f"{name}_share": choice for name, choice in found.tissues.items()},
    }
    return choices | (_transform(found, source.space) if needs_transform else {})


def _require_no_agent(scan: Choice | None, said: SaysAgent) -> None:
    if scan is not None and (agent := said(scan.path)):
        raise SubjectError(
            f"{scan.path} was made after contrast agent ({agent} in the sidecar).",
            f"Preprocess a scan without, correct the sidecar, {_BRING}",
        )


def _transform(found: Preprocessed, space: str) -> dict[str, Choice | None]:
    if found.transform is None and found.inverse_transform is None:
        raise SubjectError(
            f"there is no *_from-T1w_to-{space}_mode-image_xfm.h5; {_there_are(found.spaces)}.",
            "Set source.space to an adult MNI space that is there, or register here: "
            "normalise=greedy.",
        )
    if found.transform is not None:
        return {"transform": found.transform}
    return {"inverse_transform": found.inverse_transform}


def _there_are(spaces: tuple[str, ...]) -> str:
    return f"there are {', '.join(spaces)}" if spaces else "there is none to another space"


def _raw_t2w(
    source: DerivativesSource, label: str, wanted: Wanted, options: Mapping[str, Any]
) -> Choice:
    if source.raw is None:
        raise SubjectError(
            "there is no *_desc-preproc_T2w.nii.gz in T1w space.",
            "Name the dataset of raw scans with source.raw, or exclude the person: cohort.exclude.",
        )
    store = open_store(source.raw, options)
    paths, top = list(store.list(label)), store.children("")
    if not top:
        raise SubjectError(
            f"source.raw={source.raw}: nothing is there, and the T2w is looked for in it.",
            f"Correct source.raw, {_BRING}",
        )
    said = agents(store, [*top, *paths])
    with why_missing(store, label):
        chosen = the_one(images_of(paths), "T2w", wanted, agent=said)
    path = joined(source.raw, chosen.path)
    return replace(chosen, path=path, reason=f"raw, in source.raw: {chosen.reason}")
