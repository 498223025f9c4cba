"""The typed settings of the cortex as a surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rt1t2_dask.config.model import Model

if TYPE_CHECKING:
    from rt1t2_dask.config.study import Config


FSLR, DESIKAN = "fsLR32k", "desikan_killiany"
HEMI = "{hemi}"


class Surface(Model):
    """The cortex as a surface: whose surfaces, and what is computed on them."""

    kind: Literal["none", "smriprep", "freesurfer", "simulated"] = "none"
    root: Annotated[str, Field(min_length=1)] | None = None
    mesh: Literal["fsaverage5", "fsLR32k"] = "fsaverage5"
    regions: Annotated[str, Field(min_length=1)] = DESIKAN
    fwhm_mm: Annotated[float, Field(ge=0, le=40)] = 10.0
    extent_mm2: Annotated[float, Field(ge=0)] = 300.0
    depths: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    purity: Annotated[float, Field(ge=0, le=16)] = 8.0
    curvature: bool = False


def surfaces_have_their_scans(config: Config) -> None:
    """Refuse surfaces where there are no scans in whose space they lie."""
    kind, source = config.surface.kind, config.source
    if kind == "none":
        return
    if source.ready_made or config.regional:
        raise ValueError(
            f"surface={kind} needs scans, in whose space the surfaces lie; source={source.kind} "
            "has none: set surface=none"
        )
    if (kind == "simulated") != (source.kind == "simulated"):
        raise ValueError(
            f"surface={kind} does not fit source={source.kind}: simulated surfaces are those of "
            "simulated heads; set surface=none, simulated, smriprep or freesurfer accordingly"
        )
    if config.site.model == "combat":
        raise ValueError(
            f"surface={kind} with site.model=combat: ComBat is for maps of voxels; set "
            "site.model=covariate, or surface=none"
        )
    if config.level != "study" or config.cohort.sites or config.share.kind != "none":
        raise ValueError(
            f"surface={kind} compares the people of one study; set surface=none with level="
            f"{config.level}, cohort.sites or share={config.share.kind}"
        )
    if kind == "simulated" and config.source.sessions:
        raise ValueError(
            f"surface=simulated with sessions {', '.join(config.source.sessions)}: simulated "
            "surfaces are of one session; set surface=none"
        )
    _roots_are_known(config)
    _regions_are_files(config.surface.regions)


def _regions_are_files(path: str) -> None:
    pair = path.endswith((".annot", ".label.gii"))
    if path == DESIKAN or (path.endswith(".dlabel.nii") and HEMI not in path):
        return
    if pair and HEMI in path:
        return
    wanted = (
        f"write {HEMI} for the hemisphere (lh and rh, or L and R)"
        if pair
        else (
            f"name desikan_killiany, a pair such as {HEMI}.my.annot or {HEMI}.my.label.gii, or a "
            ".dlabel.nii"
        )
    )
    raise ValueError(f"surface.regions={path}: {wanted}")


def _roots_are_known(config: Config) -> None:
    kind, root = config.surface.kind, config.surface.root
    if kind == "freesurfer" and root is None:
        raise ValueError("surface=freesurfer needs surface.root=SUBJECTS_DIR")
    if kind == "smriprep" and root is None and config.source.kind != "derivatives":
        raise ValueError(
            f"surface=smriprep with source={config.source.kind} needs surface.root=DIR, the "
            "derivatives of sMRIPrep or fMRIPrep"
        )
