"""Stage `pooled`: a contrast over all sites from their shared sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import neuromorphometrics
from rt1t2_dask.pipelines.contrasts.regional import parcel_columns
from rt1t2_dask.pipelines.contrasts.stat_maps import NAMES, ONE_WEIGHT
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.share.files import SiteFile, opened
from rt1t2_dask.pipelines.voxelwise.maps import scattered
from rt1t2_dask.sites.joint import Joint, Wanted, build, joint_sums
from rt1t2_dask.sites.pooled import Pooled, pooled_fwhm, pooled_test
from rt1t2_dask.sites.shared import products_of
from rt1t2_dask.stats.clusters.neighbours import neighbour_index
from rt1t2_dask.stats.clusters.smoothness import resel_counts
from rt1t2_dask.stats.glm.effect_sizes import Kind, table_of_result
from rt1t2_dask.stats.glm.sufficient import Sums, add
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.scale import Scale

Float = NDArray[np.float64]
TABLE = "parcels.tsv"


class PooledSettings(StageSettings):
    """The contrast of all sites' people, and the least number of a group at a voxel."""

    groups: tuple[str, ...]
    covariates: tuple[str, ...]
    contrast: tuple[tuple[float, ...], ...]
    sites: bool
    reference: str
    min_group_n: int
    min_group_share: float
    space: str


def wanted_from(settings: PooledSettings) -> Wanted:
    """Read the contrast from a stage's settings."""
    weights = np.asarray(settings.contrast, np.float64)
    return Wanted(settings.groups, settings.covariates, weights, settings.sites)


def make(inputs: Inputs) -> Made:
    """Test the contrast of all sites' people, at voxels and in regions."""
    settings = inputs.settings_as(PooledSettings)
    files = [opened(file) for file in inputs.files("site")]
    wanted = wanted_from(settings)
    joint = build([one.grams() for one in files], wanted)
    pooled = _tested(settings, files, joint, wanted, "share_")
    inside, grid = files[0].inside(), files[0].grid()
    fwhm = _smoothness(files, joint, wanted, pooled, inside)
    maps = {
        NAMES[name]: getattr(pooled.result, name)
        for name in NAMES
        if joint.model.contrast.shape[1] == 1 or name not in ONE_WEIGHT
    }
    maps["stat_mean"] = _baseline(files, wanted, settings.reference, "share_")
    arrays = {n: scattered(values, inside, grid) for n, values in maps.items()}
    dataset = xr.Dataset({n: to_array(n, v, space=settings.space) for n, v in arrays.items()})
    tested = inside.copy()
    tested[inside] = np.isfinite(pooled.result.t)
    q = joint.model.contrast.shape[1]
    record = {
        "n": joint.n,
        "dof": joint.dof,
        "numerator": q if q > 1 else None,
        "fwhm_voxels": fwhm.tolist(),
        "resels": resel_counts(tested, fwhm).tolist(),
        "voxels": int(tested.sum()),
        "voxels_with_missing": int((np.isfinite(pooled.result.t) & ~pooled.complete).sum()),
        "group_variance": None,
        "design_columns": list(joint.names),
        "sites": {s: dict(zip(wanted.groups, n, strict=True)) for s, n in joint.counts.items()},
    }  # fmt: skip
    return Made(dataset, record, {TABLE: _regions(inputs, files, joint, wanted)})


def _sums(one: SiteFile, joint: Joint, wanted: Wanted, prefix: str) -> Sums:
    """Read a site's sums in the joint model's columns; missing groups add nothing."""
    known, arrays = list(one.about["groups"]), one.arrays
    cross, squares = (
        np.stack([
            arrays[prefix + name][known.index(group)].to_numpy()
            if group in known else np.zeros(arrays[prefix + name].shape[1:])
            for group in wanted.groups
        ])
        for name in ("cross", "squares")
    )  # fmt: skip
    present = np.asarray(arrays[f"{prefix}present"].to_numpy(), bool)
    return joint_sums(one.grams(), joint, wanted, present, cross, squares)


def _total(files: Sequence[SiteFile], joint: Joint, wanted: Wanted, prefix: str) -> Sums:
    """Add the sites one by one, so that memory does not depend on their number."""
    total: Sums | None = None
    for one in files:
        if not set(one.about["groups"]) & set(wanted.groups):
            continue
        sums = _sums(one, joint, wanted, prefix)
        total = sums if total is None else add(total, sums)
    assert total is not None
    return total


def _tested(
    settings: PooledSettings, files: Sequence[SiteFile], joint: Joint, wanted: Wanted, prefix: str
) -> Pooled:
    return pooled_test(
        [_total(files, joint, wanted, prefix)],
        joint.model,
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
    )


def _smoothness(
    files: Sequence[SiteFile],
    joint: Joint,
    wanted: Wanted,
    pooled: Pooled,
    inside: NDArray[np.bool_],
) -> Float:
    """Estimate the smoothness of the pooled residuals from the sites' neighbour differences."""
    differences = np.zeros((6, int(inside.sum())))
    for one in files:
        known = list(one.about["groups"])
        for group in set(known) & set(wanted.groups):
            differences += one.arrays["share_differences"][known.index(group)].to_numpy()
    products = products_of(differences, pooled.fit.total, neighbour_index(inside))
    return pooled_fwhm(pooled, products, inside, joint.dof)


def _baseline(files: Sequence[SiteFile], wanted: Wanted, reference: str, prefix: str) -> Float:
    """Return the mean of the reference group, else of all people in the contrast."""
    groups = (reference,) if reference in wanted.groups else wanted.groups
    total, people = np.zeros(1), np.zeros(1)
    for one in files:
        known, cells = list(one.about["groups"]), list(one.about["cells"])
        counts = one.grams().grams[:, 0, 0]
        present = one.arrays[f"{prefix}present"]
        for group in groups:
            if group in known:
                total = total + one.arrays[f"{prefix}cross"][known.index(group), 0].to_numpy()
        for k, group in enumerate(cells):
            if group in groups:
                people = people + counts[k] * present[k].to_numpy().astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / people)


def _regions(inputs: Inputs, files: Sequence[SiteFile], joint: Joint, wanted: Wanted) -> bytes:
    """Test the contrast on regional means; columns as the regional table of images."""
    settings = inputs.settings_as(PooledSettings)
    pooled = _tested(settings, files, joint, wanted, "share_region_")
    baseline = _baseline(files, wanted, settings.reference, "share_region_")
    kind: Kind = "partial_r" if len(wanted.contrast) > len(wanted.groups) else "g"
    q = joint.model.contrast.shape[1]
    rows = table_of_result(pooled.result, baseline, q, _scale(files), kind)
    region = files[0].arrays["region"].to_numpy()
    names = neuromorphometrics(inputs.asset(ATLAS)).names
    rows["region"], rows["name"] = region, [names[int(label)] for label in region]
    rows["q_fdr"], rows["p_fwe_max_t"] = benjamini_hochberg(rows["p"]), np.nan
    return tsv_file(parcel_columns(rows))


def _scale(files: Sequence[SiteFile]) -> Scale:
    """Return the scale of all sites' maps: signed if any site's are."""
    scales = {one.scale for one in files}
    return scales.pop() if len(scales) == 1 else Scale.SIGNED
