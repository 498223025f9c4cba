"""Simulated regional features of the cortex, with a planted change of similarity.

Each person is a smooth pattern over the cortex plus noise and effects of age and sex. In those with
the effect, regions of the insula and limbic cortex move towards the common profile of regions,
which raises their similarity with the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.morphometry.regions import LIMBIC
from rt1t2_dask.morphometry.similarity import networks, regional

Float = NDArray[np.float64]
TYPICAL: Mapping[str, tuple[float, float]] = {
    "volume": (6500.0, 2600.0),
    "area": (2500.0, 950.0),
    "thickness": (2.6, 0.22),
    "meancurv": (0.13, 0.014),
    "gauscurv": (0.027, 0.006),
    "foldind": (32.0, 14.0),
    "curvind": (3.2, 1.3),
}
"""Mean over regions and spread between regions, typical of FreeSurfer (our choice)."""
SMOOTH = 0.6
PERSONAL = 0.55
SHIFT = 0.12
LEAST_SHARE = 0.5
AGE_PER_YEAR = {"thickness": -0.03, "volume": -0.02}
MALE = {"volume": 0.25, "area": 0.3}
MEAN_AGE = 50.0
PATTERNS = 3
LOWEST = 0.05


def simulate_features(
    people: pd.DataFrame,
    affected: Sequence[bool],
    regions: Sequence[str],
    centroids: Float,
    seed: int,
) -> Float:
    """Simulate everybody's features.

    Parameters
    ----------
    people : DataFrame
        participant_id, age (years), sex (M, F).
    affected : sequence of bool
        People with the planted increase in insula and limbic cortex.
    regions : sequence of str
        Canonical names.
    centroids : ndarray, shape (region, 3)
        On the sphere.
    seed : int

    Returns
    -------
    ndarray, shape (person, region, feature)
        Features in the order of `TYPICAL`, all positive. A person's numbers depend on the seed
        and their label alone.
    """
    typical, common, target = _profiles(regions, centroids, seed)
    rows = [
        _person(typical, common, target, row, bool(own), seed)
        for (_, row), own in zip(people.iterrows(), affected, strict=True)
    ]
    return _in_units(np.stack(rows))


def planted_change(regions: Sequence[str], centroids: Float, seed: int) -> Float:
    """Return the change of regional similarity that was planted, shape (region,).

    In someone without noise, of mean age, over all features of `TYPICAL`. Positive in insula and
    limbic cortex, negative where similarity falls because other regions moved.

    Parameters
    ----------
    regions, centroids, seed
        As in `simulate_features`.
    """
    typical, common, target = _profiles(regions, centroids, seed)
    found = regional(networks(_in_units(np.stack([typical, _shifted(typical, common, target)]))))
    return np.asarray(found[1] - found[0])


def _profiles(
    regions: Sequence[str], centroids: Float, seed: int
) -> tuple[Float, Float, NDArray[np.bool_]]:
    """Return everybody's pattern, the common profile, and which regions move towards it."""
    typical = _typical_pattern(centroids, [r.startswith("lh_") for r in regions], seed)
    common = _common_profile(typical)
    target = np.array([region.split("_", 1)[1] in LIMBIC for region in regions])
    return _turned_towards(typical, target, common), common, target


def _in_units(z: Float) -> Float:
    """Convert z of features, last axis, to their units."""
    mean, spread = np.array(list(TYPICAL.values())).T
    return np.asarray(np.maximum(mean + spread * z, LOWEST * mean))


def _shifted(pattern: Float, common: Float, target: NDArray[np.bool_]) -> Float:
    """Move the targets towards the common profile."""
    moved = (1 - SHIFT) * pattern + SHIFT * common
    return np.asarray(np.where(target[:, None], moved, pattern))


def _typical_pattern(centroids: Float, left: Sequence[bool], seed: int) -> Float:
    """Return the common pattern, symmetric over hemispheres, (region, feature)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    unit = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    unit = unit * np.where(np.asarray(left)[:, None], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    near = np.exp(-((unit[:, None] - unit[None]) ** 2).sum(axis=2) / (2 * SMOOTH**2))
    root = np.linalg.cholesky(near + 0.05 * np.eye(len(unit)))
    fields = root @ rng.standard_normal((len(unit), PATTERNS))
    loadings = rng.standard_normal((PATTERNS, len(TYPICAL)))
    pattern = fields @ loadings + 0.7 * rng.standard_normal((len(unit), len(TYPICAL)))
    return np.asarray((pattern - pattern.mean(axis=0)) / pattern.std(axis=0))


def _common_profile(pattern: Float) -> Float:
    """Return the mean direction of all regions' profiles, scaled as a profile, (feature,)."""
    centred = pattern - pattern.mean(axis=1, keepdims=True)
    mean = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean) * np.sqrt(len(mean)))


def _turned_towards(pattern: Float, target: NDArray[np.bool_], common: Float) -> Float:
    """Flip the targets' typical profiles to the side of the common one, (region, feature).

    A region with an opposite profile would lose similarity: the planted increase would be a
    decrease.
    """
    along = common / np.linalg.norm(common)
    share = (pattern - pattern.mean(axis=1, keepdims=True)) @ along
    wanted = np.where(target, np.maximum(np.abs(share), LEAST_SHARE), share)
    turned = pattern + (wanted - share)[:, None] * along
    return np.asarray((turned - turned.mean(axis=0)) / turned.std(axis=0))


def _person(
    typical: Float, common: Float, target: NDArray[np.bool_], row: pd.Series, own: bool, seed: int
) -> Float:
    label = [ord(letter) for letter in str(row["participant_id"])]
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, *label)))
    z = typical + PERSONAL * rng.standard_normal(typical.shape)
    if own:
        z = _shifted(z, common, target)
    size = 0.5 * rng.standard_normal()
    for k, name in enumerate(TYPICAL):
        z[:, k] += AGE_PER_YEAR.get(name, 0.0) * (float(row["age"]) - MEAN_AGE)
        z[:, k] += MALE.get(name, 0.0) * (row["sex"] == "M")
        z[:, k] += size * (name in ("volume", "area"))
    return np.asarray(z)


def aparc_table(
    values: Float, people: Sequence[str], regions: Sequence[str], side: str, feature: str
) -> bytes:
    """Write one measure of one hemisphere like ``aparcstats2table``.

    Parameters
    ----------
    values : ndarray, shape (person, region)
        Of all regions; those of the hemisphere are written.
    """
    own = [k for k, name in enumerate(regions) if name.startswith(f"{side}_")]
    columns = [f"{regions[k]}_{feature}" for k in own]
    table = pd.DataFrame(values[:, own], columns=columns)
    table.insert(0, f"{side}.aparc.{feature}", list(people))
    text = table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.6g")
    return str(text).encode()
