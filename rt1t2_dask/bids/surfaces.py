"""File names of cortical surfaces: sMRIPrep and fMRIPrep derivatives, and FreeSurfer subjects."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.bids.names import distinct_names, entities
from rt1t2_dask.errors import SubjectError

HEMISPHERES: Mapping[str, str] = {"left": "L", "right": "R"}
KINDS = ("white", "pial", "sphere")
SMRIPREP: Mapping[str, tuple[str, ...]] = {
    "white": ("white.surf.gii", "smoothwm.surf.gii"),
    "pial": ("pial.surf.gii",),
    "sphere": ("desc-reg_sphere.surf.gii",),
}
"""Ends of names, the later ones of sMRIPrep before 0.10."""
FSLR_SPHERE = "fslr_sphere"
"""Kind of a sphere registered to fsLR itself, where sMRIPrep made one."""
FSLR_NAMES = ("space-fsLR_desc-msmsulc_sphere.surf.gii", "space-fsLR_desc-reg_sphere.surf.gii")
FREESURFER: Mapping[str, str] = {"white": "white", "pial": "pial", "sphere": "sphere.reg"}
GEOMETRY = "mri/orig.mgz"


def role_of(kind: str, hemisphere: str) -> str:
    """Return the role of a surface among a person's files, such as ``pial_left``."""
    return f"{kind}_{hemisphere}"


ROLES = tuple(role_of(kind, side) for side in HEMISPHERES for kind in KINDS)
FSLR_ROLES = tuple(role_of(FSLR_SPHERE, side) for side in HEMISPHERES)


def smriprep_surfaces(
    paths: Sequence[str], session: str | None = None, *, fslr: bool = False
) -> dict[str, Choice]:
    """Choose a person's surfaces among the derivatives of sMRIPrep or fMRIPrep, by role.

    Parameters
    ----------
    paths : sequence of str
        All files of the person.
    session : str, optional
        Label of the session; names without one fit any.
    fslr : bool
        Look for spheres registered to fsLR too, by multimodal surface matching before others;
        both hemispheres or none.

    Raises
    ------
    SubjectError
        A surface is missing, or several have its name.
    """
    there = [p for p in paths if entities(p).get("ses") in (None, session) or session is None]
    found = {role_of(kind, side): _of(there, side, kind) for side in HEMISPHERES for kind in KINDS}
    _require_all(found, "Run sMRIPrep or fMRIPrep with surfaces (without --fs-no-reconall)")
    if fslr:
        found |= _fslr_spheres(there)
    return {role: Choice(path, "of the derivatives") for role, path in found.items() if path}


def freesurfer_surfaces(paths: Collection[str], folder: str) -> dict[str, Choice]:
    """Choose the surfaces of a subject of a SUBJECTS_DIR, by role, and its ``orig.mgz``.

    Parameters
    ----------
    paths : collection of str
        All files of the subject.
    folder : str
        The subject's, such as ``sub-01``.

    Raises
    ------
    SubjectError
        A surface is missing.
    """
    wanted = {
        role_of(kind, side): f"{folder}/surf/{side[0]}h.{FREESURFER[kind]}"
        for side in HEMISPHERES
        for kind in KINDS
    }
    wanted["orig"] = f"{folder}/{GEOMETRY}"
    found = {role: path if path in paths else None for role, path in wanted.items()}
    _require_all(found, "Run recon-all to its end")
    return {role: Choice(path, "of FreeSurfer") for role, path in found.items() if path}


def _of(paths: Sequence[str], side: str, kind: str) -> str | None:
    for end in SMRIPREP[kind]:
        matching = [p for p in paths if _matches(p, HEMISPHERES[side], end)]
        found = _only(matching, f"{kind} surface")
        if found:
            return found
    return None


def _fslr_spheres(paths: Sequence[str]) -> dict[str, str | None]:
    for end in FSLR_NAMES:
        found = {
            role_of(FSLR_SPHERE, side): _only(
                [p for p in paths if p.endswith(f"_hemi-{short}_{end}")], "sphere of fsLR"
            )
            for side, short in HEMISPHERES.items()
        }
        if all(found.values()):
            return found
    return {}


def _only(found: Sequence[str], kind: str) -> str | None:
    if len(found) > 1:
        raise SubjectError(
            f"{len(found)} files match as {kind}: {distinct_names(found)}.",
            "Set source.session, or leave the subject out with cohort.exclude.",
        )
    return found[0] if found else None


def _matches(path: str, hemisphere: str, end: str) -> bool:
    name = path.rpartition("/")[2]
    plain = re.search(r"_(space|den|res)-", name) is None
    return plain and f"_hemi-{hemisphere}_" in name and name.endswith(f"_{end}")


def _require_all(found: Mapping[str, str | None], remedy: str) -> None:
    lacking = [role.replace("_", " of the ") for role, path in found.items() if path is None]
    if lacking:
        raise SubjectError(
            f"there is no surface {', '.join(lacking)}.",
            f"{remedy}, or leave the subject out with cohort.exclude.",
        )
