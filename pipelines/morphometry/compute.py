"""Stages of regional tables: features, similarity networks, contrasts, combined cohorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry import similarity
from rt1t2_dask.morphometry.across import combine
from rt1t2_dask.morphometry.features import Features, gather, missing_table, outlier_table
from rt1t2_dask.morphometry.regions import desikan_places, is_left
from rt1t2_dask.morphometry.tables import (
    COLUMNS,
    joined,
    read_aparcstats2table,
    read_centroids,
    read_long,
    read_map,
    read_stats,
    read_wide,
)
from rt1t2_dask.morphometry.voxels import region_means
from rt1t2_dask.pipelines.contrasts.design_settings import from_settings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.morphometry.settings import (
    CorrelationSettings,
    FeatureSettings,
    NetworkSettings,
    RegionContrastSettings,
)
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.effect_sizes import regional
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.permutation.regional import max_t
from rt1t2_dask.transcriptome.genes import correlate_maps
from rt1t2_dask.transcriptome.spins import spin_orders

SIMILARITY, GLOBAL = "similarity", "global similarity"
MISSING, OUTLIERS, EFFECTS, ACROSS, CORRELATIONS = (
    "missing.tsv",
    "outliers.tsv",
    "effects.tsv",
    "across.tsv",
    "correlations.tsv",
)
CENTROIDS = "centroids"
_MEAN, _MEAN_OF_COMMON = "mean of all regions", "mean of the regions measured in everybody"
MORE, MAP, IMAGE = "more:", "map:", "image:"
DESIKAN = "desikan_killiany"

Float = NDArray[np.float64]


def make_features(inputs: Inputs) -> Made:
    """Read every table; lay out who has what, and list missing values and outliers."""
    settings = inputs.settings_as(FeatureSettings)
    rows = joined(_tables(inputs, settings.layout))
    data = gather(rows, settings.people, settings.features, settings.also)
    outlying = outlier_table(data, settings.outlier)
    missing = missing_table(data)
    values = data.values  # noqa: PD011 (not pandas)
    if settings.outliers == "leave_out":
        at = [list(data.regions).index(r) for r in outlying["region"]]
        of = [list(data.features).index(f) for f in outlying["feature"]]
        values[outlying["person"].to_numpy(int), at, of] = np.nan
    record = {
        "regions": list(data.regions),
        "features": list(data.features),
        "left_out": sorted(set(rows["region"]) - set(data.regions)),
        "missing": len(missing),
        "outliers": len(outlying),
    }
    arrays = xr.Dataset({"features": table("features", values)})
    return Made(arrays, record, {MISSING: tsv_file(missing), OUTLIERS: tsv_file(outlying)})


def _tables(inputs: Inputs, layout: str) -> list[pd.DataFrame]:
    found = []
    for role, file in sorted(inputs.task.each_file(), key=lambda one: one[0]):
        content = file.read()
        if role.startswith(IMAGE):
            _, feature, label = role.split(":")
            found.append(_averaged(inputs, content, feature, label))
        else:
            found.append(read_features(content, role, layout, file.path))
    return found


def read_features(content: bytes, role: str, layout: str, path: str) -> pd.DataFrame:
    """Read a table of regional features by its role in the study, as rows of a long table."""
    if role.startswith(MORE):
        return read_wide(content, role.removeprefix(MORE), path)
    if layout == "aparcstats2table":
        return read_aparcstats2table(content, path)
    if layout == "stats":
        _, label, side = role.split(":")
        return read_stats(content, label, side, path)
    return read_long(content, path)


def _averaged(inputs: Inputs, content: bytes, feature: str, label: str) -> pd.DataFrame:
    """Average one person's map over Desikan-Killiany, as rows of a long table."""
    means = region_means(
        from_bytes(content, f"{label} {feature}", kind="map"), inputs.asset(DESIKAN)
    )
    rows = [(label, region, feature, value) for region, value in means.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def is_image(path: str) -> bool:
    """Return whether a path is an image, not a table."""
    return path.endswith((".nii", ".nii.gz"))


def make_similarity(inputs: Inputs) -> Made:
    """Make the networks of a block of people."""
    settings = inputs.settings_as(NetworkSettings)
    record, every = inputs.record("features"), inputs.array("features", "features")
    chosen = [record["features"].index(name) for name in settings.profile]
    networks = similarity.networks(every[list(settings.rows)][:, :, chosen])
    regions = similarity.regional(networks)
    arrays: dict[str, NDArray[Any]] = {
        "similarity": networks.astype(np.float32),
        "regional_similarity": regions,
        "global_similarity": similarity.global_mean(regions),
    }
    return Made(xr.Dataset({n: table(n, v) for n, v in arrays.items()}))


def measured(inputs: Inputs, settings: RegionContrastSettings) -> tuple[Float, list[str]]:
    """Return one number a person and region, and the regions' names."""
    record = inputs.record("features")
    if settings.measure == SIMILARITY:
        blocks = range(len(inputs.parts("block")))
        values = [inputs.array("block", "regional_similarity", k) for k in blocks]
        return np.concatenate(values), list(record["regions"])
    every = inputs.array("features", "features")[list(settings.rows)]
    return every[:, :, record["features"].index(settings.measure)], list(record["regions"])


def make_contrast(inputs: Inputs) -> Made:
    """Test a contrast on every region, and on the global mean."""
    settings = inputs.settings_as(RegionContrastSettings)
    design, (values, names) = from_settings(settings.design), measured(inputs, settings)
    data = values[list(settings.members)]
    if settings.partners:
        data = data - values[list(settings.partners)]
    rows = _effects(data, design, settings)
    rows.insert(0, "region", names)
    rows["q_fdr"] = benjamini_hochberg(rows["p"])
    rows["p_fwe_max_t"] = _max_t(data, design, settings) if settings.n else np.nan
    whole = _effects(_means(data), design, settings)
    whole.insert(0, "region", _MEAN if np.isfinite(data).all() else _MEAN_OF_COMMON)
    single = design.q == 1
    arrays = {"region_t": rows["t"].to_numpy(), "region_dof": rows["dof"].to_numpy()}
    dataset = xr.Dataset({n: table(n, v) for n, v in arrays.items()})
    record = {"regions": names, "n": design.n, "statistic": "t" if single else "F"}
    return Made(dataset, record, {EFFECTS: tsv_file(pd.concat([rows, whole], ignore_index=True))})


def _means(data: Float) -> Float:
    """Average the regions measured in everybody, shape (person, 1)."""
    common = data[:, np.isfinite(data).all(axis=0)]
    return common.mean(axis=1, keepdims=True) if common.size else np.full((len(data), 1), np.nan)


def _effects(data: Float, design: Design, settings: RegionContrastSettings) -> pd.DataFrame:
    found = regional(data, design, np.ones(data.shape[1]), settings.variance, **settings.rules)
    return found.drop(columns="percent")


def _max_t(data: Float, design: Design, settings: RegionContrastSettings) -> Float:
    return max_t(
        data,
        design,
        settings.n,
        settings.seed,
        method=settings.method,
        variance=settings.variance,
        rules=settings.rules,
    )


def make_across(inputs: Inputs) -> Made:
    """Take independent cohorts together, region by region."""
    cohorts = range(len(inputs.parts("contrast")))
    t = np.array([inputs.array("contrast", "region_t", k) for k in cohorts])
    dof = np.array([inputs.array("contrast", "region_dof", k) for k in cohorts])
    records = [inputs.record("contrast", k) for k in cohorts]
    rows = combine(t, dof, [record["n"] for record in records])
    rows.insert(0, "region", records[0]["regions"])
    dataset = xr.Dataset({"region_t": table("region_t", rows["mean_t"].to_numpy())})
    return Made(dataset, {"regions": records[0]["regions"]}, {ACROSS: tsv_file(rows)})


def region_map(inputs: Inputs, name: str, parts: Sequence[str]) -> dict[str, float]:
    """Read one value a region of a map: of an earlier part, or of a file the user names.

    Parameters
    ----------
    parts : sequence of str
        The names of the parts under the role ``map``, in their order.
    """
    if file := inputs.file(f"{MAP}{name}"):
        if is_image(file.path):
            image = from_bytes(file.read(), file.path, kind="map")
            return region_means(image, inputs.asset(DESIKAN))
        return read_map(file.read(), file.path)
    k = list(parts).index(name)
    values = inputs.array("map", "region_t", k).tolist()
    return dict(zip(inputs.record("map", k)["regions"], values, strict=True))


def places(inputs: Inputs) -> Mapping[str, Sequence[float]]:
    """Return the regions' places on the sphere: the user's table, or Desikan-Killiany's."""
    file = inputs.file(CENTROIDS)
    if file is None:
        return desikan_places()
    return read_centroids(file.read(), f"source.centroids={file.path}")


def make_correlations(inputs: Inputs) -> Made:
    """Correlate pairs of maps over the regions both have, under spins of the first."""
    settings, known = inputs.settings_as(CorrelationSettings), places(inputs)
    names = dict.fromkeys(name for pair in settings.pairs for name in pair)
    maps = {name: region_map(inputs, name, settings.maps) for name in names}
    rows = [(a, b, *_correlation(settings, known, maps[a], maps[b])) for a, b in settings.pairs]
    columns = ["first", "second", "n_regions", "r", "p_spin", "rho", "p_spin_rho"]
    return Made(xr.Dataset(), {}, {CORRELATIONS: tsv_file(pd.DataFrame(rows, columns=columns))})


def _correlation(
    settings: CorrelationSettings,
    known: Mapping[str, Sequence[float]],
    first: Mapping[str, float],
    second: Mapping[str, float],
) -> tuple[int, float, float, float, float]:
    both = [
        r
        for r in first
        if r in second and r in known and np.isfinite(first[r]) and np.isfinite(second[r])
    ]
    if len(both) < settings.least:
        return len(both), np.nan, np.nan, np.nan, np.nan
    centres = np.array([known[r] for r in both])
    orders = spin_orders(centres, is_left(both), settings.n, settings.seed, settings.method)
    one, other = (np.array([m[r] for r in both]) for m in (first, second))
    found = correlate_maps(one, other, orders)
    return found.n, found.r, found.p, found.rho, found.p_rho


def features_of(data: xr.Dataset, record: Mapping[str, Any]) -> Features:
    """Read a part of stage `features`."""
    values = np.asarray(data["features"].to_numpy(), np.float64)
    return Features(values, tuple(record["regions"]), tuple(record["features"]))
