"""Cortical regions: canonical names and sphere coordinates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]
HEMISPHERE = re.compile(r"^(?:ctx[-_.])?(lh|rh|l|r|left|right)[-_. ]+", re.IGNORECASE)
PART = re.compile(r"_part\d+$")
LIMBIC = (
    "caudalanteriorcingulate", "entorhinal", "insula", "isthmuscingulate", "medialorbitofrontal",
    "parahippocampal", "posteriorcingulate", "rostralanteriorcingulate", "temporalpole",
)  # fmt: skip
"""The insula and limbic cortex among Desikan-Killiany regions (our list)."""
SUBCORTEX = (
    "thalamusproper", "caudate", "putamen", "pallidum", "accumbensarea", "hippocampus", "amygdala",
)  # fmt: skip
"""Subcortical regions of the volumetric atlas, a hemisphere's in the order of its labels."""
_NO_CORTEX = frozenset(
    {"", "l", "r", "unknown", "corpuscallosum", "medialwall", "bg", "background"}
)


def canonical(name: str) -> str:
    """Write a region's name as ``lh_insula``; names without a hemisphere stay as they are.

    ``L_insula``, ``lh.insula``, ``ctx-lh-insula`` and ``left insula`` are one region.
    """
    text = name.strip()
    match = HEMISPHERE.match(text)
    if match is None:
        return text
    return f"{match[1][0].lower()}h_{text[match.end() :]}"


def is_cortex(name: str) -> bool:
    """Return whether a canonical name is a region, not the medial wall or unknown."""
    plain = re.sub(r"^[lr]h_|_roi$|[^a-z0-9+]", "", name.lower())
    return plain not in _NO_CORTEX and not plain.startswith("background+")


def is_left(names: Sequence[str]) -> NDArray[np.bool_]:
    """Return which regions are in the left hemisphere."""
    return np.array([name.startswith("lh_") for name in names], bool)


def parent(name: str) -> str:
    """Return the Desikan-Killiany region that a part of DK-308 belongs to."""
    return PART.sub("", name)


def average_parts(values: Float, names: Sequence[str]) -> tuple[Float, list[str]]:
    """Average a map over the parts of each Desikan-Killiany region.

    Parameters
    ----------
    values : ndarray, shape (region, ...)
        NaN parts are left out.
    names : sequence of str
        Such as ``lh_insula_part1``.

    Returns
    -------
    values : ndarray, shape (parent, ...)
    names : list of str
        In order of first appearance.
    """
    parents = list(dict.fromkeys(parent(name) for name in names))
    rows = np.full((len(parents), *values.shape[1:]), np.nan)
    own = np.array([parent(name) for name in names])
    for k, name in enumerate(parents):
        part = values[own == name]
        known = np.isfinite(part)
        total, count = np.where(known, part, 0.0).sum(axis=0), known.sum(axis=0)
        rows[k] = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return rows, parents


def sphere_centroids(
    names: Sequence[str], given: Mapping[str, Sequence[float]] | None = None
) -> Float | None:
    """Return sphere coordinates, shape (region, 3); None if a region is unknown.

    Parameters
    ----------
    names : sequence of str
        Canonical.
    given : mapping of str to (x, y, z), optional
        User-supplied; by default the shipped ones of Desikan-Killiany on fsaverage.
    """
    known = desikan_places() if given is None else {canonical(k): v for k, v in given.items()}
    if any(name not in known for name in names):
        return None
    return np.array([known[name] for name in names], np.float64)


def desikan_names() -> list[str]:
    """Return the 68 Desikan-Killiany names, left before right, in FreeSurfer's order."""
    return list(desikan_places())


def desikan_places() -> dict[str, Sequence[float]]:
    """Return the sphere coordinates of each cortical Desikan-Killiany region."""
    rows = _desikan_rows()
    places = rows[["x", "y", "z"]].to_numpy(np.float64).tolist()
    return dict(zip(map(str, rows["region"]), places, strict=True))


@cache
def _desikan_rows() -> pd.DataFrame:
    with files("rt1t2_dask").joinpath("data", "dk_sphere.tsv").open() as file:
        return pd.read_csv(file, sep="\t")


def desikan_labels() -> dict[str, int]:
    """Return the label of each cortical region in the volumetric atlas, left before right."""
    rows = _desikan_rows()
    return dict(zip(rows["region"], rows["label"].astype(int).tolist(), strict=True))


def subcortex_labels() -> dict[str, int]:
    """Return the label of each subcortical region: after those of its hemisphere's cortex."""
    cortex = desikan_labels()
    return {
        f"{side}_{name}": max(v for n, v in cortex.items() if n.startswith(side)) + k
        for side in ("lh", "rh")
        for k, name in enumerate(SUBCORTEX, 1)
    }
