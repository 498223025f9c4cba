"""Files from sMRIPrep or fMRIPrep derivatives, and from the raw scans."""

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
from rt1t2_dask.pipelines.engine.not_here import why_missing
from rt1t2_dask.pipelines.engine.places import joined
from rt1t2_dask.pipelines.people.agents import agents
from rt1t2_dask.storage.stores import open_store

RAW = "t2w_raw"
_BRING = "or leave the subject out with cohort.exclude."


class InRaw:
    """Remedies for a raw T2w, which only sessions can choose."""

    def of_map(self, suffix: str, path: str) -> str:
        """Return the remedy for a map without a scan."""
        return f"Add the {suffix} to source.raw, {_BRING}"

    def of_none_left(self, suffix: str, text: str, path: str) -> str:
        """Return the remedy where a rule excludes all images."""
        if text.startswith("leaving out"):
            return f"Add a {suffix} without agent to source.raw, {_BRING}"
        return f"Correct that setting, {_BRING}"

    def of_several(self, suffix: str, paths: Sequence[str]) -> str:
        """Return the remedy for several matching images."""
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
        Whether the transform to the template is from the derivatives (``normalise=derivatives``).
    given : collection of {"lesion", "brain_mask"}
        Masks that are specified elsewhere.

    Raises
    ------
    SubjectError
        The T1w, the T2w or a required transform is missing.
    """
    wanted = Wanted(session=source.one_session, remedies=InRaw())
    store = open_store(source.root, options)
    paths = list(store.list(label))
    found = preprocessed(paths, wanted, source.space, given)
    text = agents(store, [*store.children(""), *paths])
    for scan in (found.t1w, found.t2w):
        _require_no_agent(scan, text)
    t2w = {"t2w": found.t2w} if found.t2w else {RAW: _raw_t2w(source, label, wanted, options)}
    choices: dict[str, Choice | None] = {
        "t1w": found.t1w,
        **t2w,
        "brain_mask": found.brain_mask,
        "lesion": found.lesion,
        **{f"{name}_share": choice for name, choice in found.tissues.items()},
    }
    return choices | (_transform(found, source.space) if needs_transform else {})


def _require_no_agent(scan: Choice | None, text: SaysAgent) -> None:
    if scan is not None and (agent := text(scan.path)):
        raise SubjectError(
            f"{scan.path} was acquired after contrast agent ({agent} in the sidecar).",
            f"Preprocess a scan without agent, correct the sidecar, {_BRING}",
        )


def _transform(found: Preprocessed, space: str) -> dict[str, Choice | None]:
    if found.transform is None and found.inverse_transform is None:
        raise SubjectError(
            f"there is no *_from-T1w_to-{space}_mode-image_xfm.h5; {_there_are(found.spaces)}.",
            "Set source.space to an available adult MNI space, or register here: normalise=lncc.",
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
            "Set source.raw to the dataset of raw scans, or leave the subject out with "
            "cohort.exclude.",
        )
    store = open_store(source.raw, options)
    paths, top = list(store.list(label)), store.children("")
    if not top:
        raise SubjectError(
            f"source.raw={source.raw}, where the T2w is searched, is empty or missing.",
            f"Correct source.raw, {_BRING}",
        )
    text = agents(store, [*top, *paths])
    with why_missing(store, label):
        chosen = the_one(images_of(paths), "T2w", wanted, agent=text)
    path = joined(source.raw, chosen.path)
    return replace(chosen, path=path, reason=f"raw, in source.raw: {chosen.reason}")
