"""The section on the cortex as a surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask.report.cortex.depths import in_words
from rt1t2_dask.report.cortex.mesh_parts import MeshView
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.numbers import decimal, thousands
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import from_frame
from rt1t2_dask.report.sections.tables import stopped_early

ROWS = 12
ANCHOR = "cortex"
MADE_BY = {
    "smriprep": "sMRIPrep's surfaces",
    "freesurfer": "FreeSurfer's surfaces",
    "simulated": "simulated: template surfaces, deformed by the known maps",
}


@dataclass(frozen=True)
class CortexShown:
    """What the page shows of the cortex.

    Parameters
    ----------
    kind : str
        Whose surfaces.
    fwhm_mm, purity, extent_mm2, p : float
        Smoothing, weight of voxels at the border, smallest cluster, cluster-forming threshold.
    people : DataFrame
        A row a person: missing share, median ratio and thickness.
    clusters : mapping of str to DataFrame
        By contrast.
    permuted : mapping of str to mapping
        What the permutation test of each contrast says, where there is one.
    searched : mapping of str to mapping
        Of each contrast ``vertices``, ``area_mm2``, ``fwhm_mm`` and ``resels`` (None where noise
        is not smooth).
    depths : DataFrame
        Everybody's mean by depth; empty where no depths were asked for.
    pictures : mapping of str to Picture
    mesh : MeshView or None
        The maps to turn.
    on : str
        The common mesh.
    """

    kind: str
    fwhm_mm: float
    purity: float
    extent_mm2: float
    p: float
    people: pd.DataFrame
    clusters: Mapping[str, pd.DataFrame]
    permuted: Mapping[str, Mapping[str, Any]]
    searched: Mapping[str, Mapping[str, Any]]
    depths: pd.DataFrame
    pictures: Mapping[str, Picture]
    mesh: MeshView | None = None
    on: str = "fsaverage5"


def cortex_section(shown: CortexShown) -> Section:
    """Return the section."""
    return Section(
        ANCHOR,
        "Cortex as a surface",
        sentences=(
            _people(shown),
            *((in_words(shown.depths),) if len(shown.depths) else ()),
            *(_contrast(n, own, shown) for n, own in shown.clusters.items()),
        ),
        tables=tuple(
            from_frame(own.head(ROWS), f"{name}: clusters on the cortex", _more(name, own))
            for name, own in shown.clusters.items()
            if len(own)
        ),
        pictures=shown.pictures,
        methods=(_methods(shown),),
        limits=(LIMIT,),
        cites=("glasser2011", *DEPTHS_BY * bool(len(shown.depths)), "hagler2006", "smith2009"),
        reading=(Reading("p on the cortex", READING),) if shown.permuted else (),
        mesh=shown.mesh,
    )


DEPTHS_BY = ("waehnert2014",)
LIMIT = (
    "On the cortex a ratio is that of voxels which lie partly in white matter or CSF, whatever "
    "their weights: thin cortex, and surfaces that lie 0.3 mm off, change it by some percent."
)
READING = (
    "Corrected for all vertices of both hemispheres by relabeling; for vertices, and for cluster "
    "area, mass and TFCE, each on its own."
)


def _people(shown: CortexShown) -> str:
    rows = shown.people
    return (
        f"The ratio between white and pial surface of {len(rows)} people on {shown.on} "
        f"({MADE_BY[shown.kind]}): median {decimal(float(rows['median_ratio'].median()))}, "
        f"thickness {decimal(float(rows['median_thickness_mm'].median()))} mm; up to "
        f"{100 * float(rows['missing'].max()):.1f} % of a person's cortex is missing."
    )


def _contrast(name: str, rows: pd.DataFrame, shown: CortexShown) -> str:
    said = f"{name}: {len(rows)} clusters of at least {thousands(round(shown.extent_mm2))} mm² at "
    said += f"p < {shown.p:g}, one-sided for each sign, not corrected. "
    said += _searched(shown.searched[name])
    permuted = shown.permuted.get(name)
    if not permuted:
        return said
    least = ", ".join(f"{WORDS.get(n, n)} {p:.4f}" for n, p in permuted["p"].items())
    said += f" Smallest family-wise p of {permuted['n']} relabelings: {least}."
    return " ".join((said, *stopped_early(permuted)))


def _searched(found: Mapping[str, Any]) -> str:
    said = f"Searched: {thousands(found['vertices'])} vertices of both hemispheres, "
    said += f"{thousands(found['area_mm2'] / 100)} cm²"
    if found["fwhm_mm"] is None:
        return f"{said}; the smoothness of the residuals is not known."
    said += f"; smoothness of the residuals {decimal(found['fwhm_mm'], 1)} mm FWHM"
    if found["resels"] is None:
        return f"{said}."
    return f"{said}, {decimal(found['resels'][2], 1)} resels."


WORDS = {"max_t": "vertex", "extent": "area", "mass": "mass", "tfce": "TFCE"}


def _more(name: str, rows: pd.DataFrame) -> tuple[str, ...]:
    return (f"All {len(rows)}: group/contrast-{name}_surface.tsv.",) if len(rows) > ROWS else ()


def _methods(shown: CortexShown) -> str:
    return (
        f"On the cortex the ratio was averaged between white and pial surface "
        f"({MADE_BY[shown.kind]}), voxels weighted by the volume they share with the ribbon"
        f"{_pure(shown.purity)} and those beyond 4 standard deviations of their surroundings left "
        "out (Glasser and Van Essen 2011), "
        f"carried to {shown.on} by area-corrected barycentric interpolation on the registration "
        f"sphere and smoothed along the midthickness by a heat kernel, FWHM {shown.fwhm_mm:g} mm. "
        "Contrasts are those of the volume, at each vertex of both hemispheres as one search; "
        "cluster area and mass weigh vertices by their area, TFCE takes E 1 and H 2 "
        "(Smith and Nichols 2009). Smoothness is that of the residuals over neighbouring vertices "
        f"(Hagler et al. 2006).{_depths(shown.depths)}"
    )


def _depths(rows: pd.DataFrame) -> str:
    if not len(rows):
        return ""
    depths = ", ".join(f"{depth:g}" for depth in dict.fromkeys(rows["depth"]))
    return (
        f" The ratio was also sampled at depths {depths} (shares of the cortex's volume from white "
        "to pial surface; Waehnert et al. 2014), and averaged over the cortex, vertices weighted "
        "by their area."
    )


def _pure(purity: float) -> str:
    return f", and by their share in it to the power {purity:g}," if purity else ""
