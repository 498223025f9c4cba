"""Selection of receptor maps, and their regional means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.atlas import Atlas, grey_labels, on_grid
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.stats.parcels import parcel_coverage, parcel_means

#: One map per target, from the largest sample: the selection of van Grinsven et al. 2025.
THE_17 = (
    "5HT1a_WAY_HC36",
    "5HT1b_az_hc36_beliveau",
    "5HT2a_cimbi_hc29_beliveau",
    "5HT4_sb20_hc59_beliveau",
    "CB1_FMPEPd2_hc22_laurikainen",
    "D1_SCH23390_c11",
    "D2_fallypride_hc49_jaworska",
    "DAT_DATSPECT",
    "FDOPA_f18",
    "GABAa_flumazenil_hc16_norgaard",
    "KappaOp_LY2795050_hc10_ShokriKojori",
    "MU_CARFENTANIL_c11",
    "NAT_MRB_c11",
    "NMDA_ge179_29hc_galovic2021",
    "SERT_dasb_hc100_beliveau",
    "VAChT_feobv_hc18_aghourian",
    "mGluR5_abp_hc73_smart",
)
_GM_PRIOR = "gm_prior"
_NIFTI = (".nii", ".nii.gz")
_MIN_COVERAGE = 0.5


@dataclass(frozen=True)
class MapMeans:
    """Regional means of the chosen maps.

    Parameters
    ----------
    names : tuple of str
        The maps, in the order of the rows of ``values``.
    values : ndarray, shape (map, 119)
        In the unit of each map.
    gm_prior : ndarray, shape (119,)
        Mean grey-matter probability of each region, 0 to 1; NaN for other atlases without a prior.
    origin : mapping of str to str
        For each map, and ``gm_prior``: ``shipped means`` or ``map file``.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    gm_prior: NDArray[np.float64]
    origin: Mapping[str, str]


def select(choice: str | Sequence[str]) -> list[str]:
    """Return the names of ``receptors.maps``.

    Parameters
    ----------
    choice : "largest_sample", "all", or list of str
        In a list: names of shipped maps, or paths of the user's own NIfTI files.

    Raises
    ------
    UserError
        A name is neither; the message suggests the nearest known name.
    """
    known = shipped_names()
    if choice == "largest_sample":
        return list(THE_17)
    if choice == "all":
        return known
    names = [choice] if isinstance(choice, str) else list(choice)
    if not names or len(set(names)) < len(names):
        raise UserError(f"receptors.maps={names}: name at least one map, each only once.")
    for name in names:
        if name not in known and not name.endswith(_NIFTI):
            near = difflib.get_close_matches(name, known, 1, cutoff=0.0)[0]
            raise UserError(
                f"receptors.maps: {name!r} is neither a known map nor a .nii file; did you mean "
                f"{near}? Choose largest_sample, all, or a list."
            )
    return names


def receptor_of(name: str) -> str:
    """Return the target of a map: the text before the first underscore of its file name."""
    stem = Path(name).name
    for ending in (".nii.gz", ".nii"):
        stem = stem.removesuffix(ending)
    return stem.split("_")[0]


def shipped_names() -> list[str]:
    """Return the names of the 30 maps with shipped regional means."""
    return [column for column in _table().columns if column != _GM_PRIOR]


def shipped_means() -> pd.DataFrame:
    """Return the shipped regional means: the 119 labels by 30 maps and ``gm_prior``.

    Notes
    -----
    Computed by `rt1t2_dask.receptors.build_table`, each map on its own grid. ``gm_prior`` is the
    first class of SPM12's ``TPM.nii`` on its own 1.5 mm grid: JuSpace's covariate.
    """
    return _table().copy()


def means_from_map(volume: Volume, atlas: Atlas) -> NDArray[np.float64]:
    """Average a map over the atlas's grey regions, on the map's own grid, shape (region,)."""
    labels = on_grid(atlas, volume.grid)
    return parcel_means(volume.data, labels, atlas.grey)


def coverage_from_map(volume: Volume, atlas: Atlas) -> NDArray[np.float64]:
    """Return the fraction of each region's volume covered by the map.

    Returns
    -------
    ndarray, shape (region,)
        0 to about 1: measured volume on the map's grid over the region's volume in the atlas.
    """
    labels = on_grid(atlas, volume.grid)
    share = np.nan_to_num(parcel_coverage(volume.data, labels, atlas.grey))
    here = np.bincount(labels.ravel(), minlength=max(atlas.grey) + 1)[list(atlas.grey)]
    there = np.bincount(np.asarray(atlas.labels.data).ravel())[list(atlas.grey)]
    volumes = volume.grid.voxel_volume_mm3 / atlas.labels.grid.voxel_volume_mm3
    return np.asarray(share * here * volumes / there)


def gather(
    names: Sequence[str], found: Mapping[str, Volume], atlas: Atlas | None = None
) -> MapMeans:
    """Collect the chosen maps' means: from map files where found, else the shipped means.

    Parameters
    ----------
    names : sequence of str
        From `select`.
    found : mapping of str to Volume
        Map files found, by name; may include ``gm_prior``.
    atlas : Atlas, optional
        Required unless ``found`` is empty.

    Raises
    ------
    UserError
        A map was not found and has no shipped means, or a map file misses whole regions. A map
        file without a value in any region is NaN throughout.
    """
    rows = [_means(name, found, atlas) for name in names]
    prior = _prior(found, atlas)
    origin = {n: "map file" if n in found else "shipped means" for n in (*names, _GM_PRIOR)}
    return MapMeans(tuple(names), np.stack(rows), prior, origin)


def _prior(found: Mapping[str, Volume], atlas: Atlas | None) -> NDArray[np.float64]:
    if _GM_PRIOR not in found and atlas is not None and atlas.grey != grey_labels():
        return np.full(len(atlas.grey), np.nan)
    return _means(_GM_PRIOR, found, atlas)


def _means(name: str, found: Mapping[str, Volume], atlas: Atlas | None) -> NDArray[np.float64]:
    if name not in found:
        return _shipped_column(name, atlas)
    if atlas is None:
        raise UserError(f"{name}: averaging a map file over regions needs the atlas.")
    coverage = coverage_from_map(found[name], atlas)
    uncovered = np.flatnonzero(coverage < _MIN_COVERAGE)
    # A map without values is not tested; one that misses some regions is misaligned.
    if uncovered.size and (coverage.any() or name == _GM_PRIOR):
        regions = ", ".join(atlas.names[atlas.grey[i]] for i in uncovered[:3])
        raise UserError(
            f"{name} covers less than half of {uncovered.size} of {len(atlas.grey)} regions "
            f"({regions}): is it in MNI space? Choose other receptors.maps."
        )
    return means_from_map(found[name], atlas)


def _shipped_column(name: str, atlas: Atlas | None) -> NDArray[np.float64]:
    if name not in _table().columns:
        raise UserError(f"receptors.maps: {name} was not found.")
    if atlas is not None and atlas.grey != grey_labels():
        raise UserError(
            f"{name}: shipped means are for Neuromorphometrics; provide the map itself."
        )
    return _table()[name].to_numpy(dtype=np.float64)


@cache
def _table() -> pd.DataFrame:
    path = package_files("rt1t2_dask").joinpath("data", "pet_parcels.tsv")
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", index_col="index", dtype=np.float64).rename(index=int)
