"""Choose a person's T1w, T2w and masks by BIDS file names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from rt1t2_dask.bids.formats import in_another_format, in_other_formats
from rt1t2_dask.bids.labels import require_own
from rt1t2_dask.bids.marks import SaysAgent, beside, unlike
from rt1t2_dask.bids.masks import (
    BRAIN_MASK,
    Choice,
    is_doubtful,
    is_in_own_space,
    is_lesion,
    mask_of,
    of_scan,
)
from rt1t2_dask.bids.names import entities, images_of, session_of, suffix_of
from rt1t2_dask.bids.refusals import (
    ALSO,
    Remedies,
    none_left,
    none_there,
    require_way_round,
    several,
)
from rt1t2_dask.bids.remedies import BY_PATTERN
from rt1t2_dask.errors import SubjectError

__all__ = ["Choice", "Scans", "Wanted", "scans", "the_one"]

Run = int | Literal["first", "last"]
ENDS = ("first", "last")
ALTHOUGH = "matched by its pattern although marked"


@dataclass(frozen=True)
class Wanted:
    """Selection rules where a person has several images.

    Parameters
    ----------
    session : str, optional
        Label of the session, without ``ses-``; ``first`` or ``last`` of those with both scans.
    run : int or {"first", "last"}, optional
        Number of the run, or first or last.
    t1w, t2w : str, optional
        File name pattern (``*`` and ``?``), as ``*_acq-mprage_*``.
    asked : str
        The setting that chose the session, if not its label.
    remedies : Remedies
        Those of the source.
    """

    session: str | None = None
    run: Run | None = None
    t1w: str | None = None
    t2w: str | None = None
    asked: str = ""
    remedies: Remedies = BY_PATTERN


@dataclass(frozen=True)
class Scans:
    """The files of one person, relative to the dataset; masks may be absent.

    Parameters
    ----------
    passed : tuple of str
        Possible lesion masks that are not used: of another session or run, specified elsewhere, or
        named by a disease alone or without a label.
    """

    t1w: Choice
    t2w: Choice
    lesion: Choice | None
    brain_mask: Choice | None
    passed: tuple[str, ...] = ()


def _nothing(path: str) -> str:
    return ""


def scans(
    paths: Sequence[str],
    derived: Sequence[str],
    wanted: Wanted,
    agent: SaysAgent = _nothing,
    given: Collection[str] = (),
) -> Scans:
    """Choose a person's T1w, T2w, lesion mask and brain mask.

    Parameters
    ----------
    paths : sequence of str
        All files of the person in the dataset, relative to it.
    derived : sequence of str
        Those in its ``derivatives/*/``: lesion masks are searched here too.
    wanted : Wanted
    agent : callable
        Returns what an image's sidecars state about contrast agent.
    given : collection of {"lesion", "brain_mask"}
        Masks that are specified elsewhere.

    Raises
    ------
    SubjectError
        An image is missing or another person's, several match, T1w and T2w are of different
        sessions, or a mask is in another space or format.
    """
    images = images_of(paths)
    require_own(p for p in (*images, *images_of(derived)) if _is_read(p))
    wanted = in_session(images, wanted)
    t1w = the_one(images, "T1w", wanted, wanted.t1w, agent)
    t2w = the_one(images, "T2w", wanted, wanted.t2w, agent)
    if not (wanted.t1w and wanted.t2w):
        _require_one_session(t1w.path, t2w.path)
    masks = [p for p in (*images, *images_of(derived)) if is_lesion(p) or is_doubtful(p)]
    lesions = [p for p in masks if is_lesion(p)]
    folder = t1w.path.rpartition("/")[0]
    brains = [p for p in images if BRAIN_MASK.search(p) and p.rpartition("/")[0] == folder]
    require_nifti_masks([*paths, *derived], t1w.path, given)
    lesion = None if "lesion" in given else mask_of(t1w.path, lesions, "lesion")
    brain = None if "brain_mask" in given else mask_of(t1w.path, brains, "brain_mask")
    read = lesion.path if lesion else None
    passed = tuple(p for p in masks if is_in_own_space(p) and p != read)
    return Scans(t1w, t2w, lesion, brain, passed)


def _is_read(path: str) -> bool:
    """Return whether an image is of a kind that is read."""
    kinds = {kind for contrast, others in ALSO.items() for kind in (contrast, *others)}
    return suffix_of(path) in kinds or is_lesion(path) or bool(BRAIN_MASK.search(path))


def require_nifti_masks(paths: Sequence[str], t1w: str, given: Collection[str]) -> None:
    """Refuse masks of a T1w in a format that is not read.

    Parameters
    ----------
    given : collection of {"lesion", "brain_mask"}
        Masks that are specified elsewhere.

    Raises
    ------
    SubjectError
    """
    others = [p for p in in_other_formats(paths) if is_in_own_space(p) and of_scan(p, t1w)]
    lesions = [p for p in others if is_lesion(p) and "lesion" not in given]
    folder = t1w.rpartition("/")[0]
    brains = [p for p in others if BRAIN_MASK.search(p) and p.rpartition("/")[0] == folder]
    unread = lesions or ([] if "brain_mask" in given else brains)
    if unread:
        raise in_another_format(unread[0])


def in_session(images: Sequence[str], wanted: Wanted) -> Wanted:
    """Replace ``first`` and ``last`` by a person's session label.

    Raises
    ------
    SubjectError
        The session labels have no order.
    """
    word = wanted.session
    if word not in ENDS:
        return wanted
    of = {kind: {session_of(p) for p in images if suffix_of(p) == kind} for kind in ALSO}
    labels = {label for own in of.values() for label in own if label is not None}
    if word in labels:
        return wanted
    if not labels:
        return replace(wanted, session=None)
    both = [label for label in labels if all(label in own for own in of.values())] or [*labels]
    if len({re.sub(r"\d+", "", label) for label in both}) > 1:
        raise SubjectError(
            f"source.session={word}: the labels of sessions {', '.join(sorted(both))} have no "
            f"order.",
            "Give each person's session in a column of the participants table: "
            "source.session={column}.",
        )
    label = sorted(both, key=lambda own: (_numbers(own), own))[0 if word == "first" else -1]
    return replace(wanted, session=label, asked=f"source.session={word} (ses-{label})")


def _numbers(label: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", label))


def the_one(
    images: Sequence[str],
    suffix: str,
    wanted: Wanted,
    pattern: str | None = None,
    agent: SaysAgent = _nothing,
) -> Choice:
    """Choose the image of a contrast.

    Raises
    ------
    SubjectError
        No image matches, or several do.
    """
    fitting = _candidates(images, suffix, pattern)
    if not fitting:
        raise none_there(suffix, images, wanted.remedies)
    total, reasons = len(fitting), []
    for rule in _rules(suffix, wanted, pattern, agent):
        kept, reason = rule(fitting)
        if not kept:
            raise none_left(suffix, reason, fitting, wanted.remedies)
        if len(kept) < len(fitting):
            reasons.append(reason)
        fitting = kept
    if len(fitting) > 1:
        raise several(suffix, fitting, wanted.remedies)
    require_way_round(fitting[0])
    mark = unlike(fitting[0], suffix) or _by_sidecar(agent(fitting[0]))
    if mark:
        reasons.append(f"{ALTHOUGH} {mark}")
    return Choice(fitting[0], f"1 of {total}: {', '.join(reasons)}" if reasons else "the only one")


def _candidates(images: Sequence[str], suffix: str, pattern: str | None) -> list[str]:
    """List images by suffix; a pattern that matches none of them may name a map."""
    own = [p for p in images if suffix_of(p) == suffix]
    if pattern is None or any(_matches(p, pattern) for p in own):
        return own
    maps = [p for p in images if suffix_of(p) in ALSO[suffix]]
    return maps if any(_matches(p, pattern) for p in maps) else own


Rule = Callable[[list[str]], tuple[list[str], str]]
"""A selection rule: its name and the images it keeps."""


def _rules(suffix: str, wanted: Wanted, pattern: str | None, agent: SaysAgent) -> list[Rule]:
    rules: list[Rule] = []
    if wanted.session is not None:
        session, asked = wanted.session, wanted.asked or f"source.session={wanted.session}"
        rules.append(lambda ps: ([p for p in ps if session_of(p) == session], asked))
    if pattern is not None:
        key = f"source.{suffix.lower()}={pattern}"
        rules.append(lambda ps: ([p for p in ps if _matches(p, pattern)], key))
    else:
        rules.append(lambda ps: _without(ps, {p: unlike(p, suffix) for p in ps}))
        rules.append(lambda ps: _without(ps, {p: _by_sidecar(agent(p)) for p in ps}))
        rules.append(_plainest)
    if wanted.run is not None:
        run = wanted.run
        rules.append(lambda ps: (_runs(ps, run), f"source.run={run}"))
    return rules


def _by_sidecar(reason: str) -> str:
    return reason and f"contrast agent ({reason} in the sidecar)"


def _without(paths: list[str], marks: dict[str, str]) -> tuple[list[str], str]:
    reason = ", ".join(dict.fromkeys(mark for mark in marks.values() if mark))
    return [p for p in paths if not marks[p]], f"leaving out {reason}"


def _plainest(paths: list[str]) -> tuple[list[str], str]:
    """Leave out single echoes and derived images if there are others."""
    marks = {p: beside(p) for p in paths}
    return (paths, "") if all(marks.values()) else _without(paths, marks)


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rsplit("/", 1)[-1], pattern)


def _runs(paths: list[str], run: Run) -> list[str]:
    if not any("run" in entities(p) for p in paths):
        return paths
    numbers = {p: _number(entities(p).get("run", "")) for p in paths}
    if not isinstance(run, int) and numbers:
        run = min(numbers.values()) if run == "first" else max(numbers.values())
    return [p for p in paths if numbers[p] == run]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _require_one_session(t1w: str, t2w: str) -> None:
    first, second = session_of(t1w), session_of(t2w)
    if first != second:
        raise SubjectError(
            f"the T1w is of session {first}, the T2w of session {second}.",
            "Choose with source.session, or set both source.t1w and source.t2w.",
        )
