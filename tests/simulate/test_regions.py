"""Simulated regional features carry what they are said to carry."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rt1t2_dask.morphometry.regions import LIMBIC, desikan_names, sphere_centroids
from rt1t2_dask.morphometry.similarity import networks, regional
from rt1t2_dask.simulate.regions import simulate_features

N = 120


def test_similarity_rises_in_every_planted_region():
    """Small to medium effects, insula included; without them, none."""
    names = desikan_names()
    centres = sphere_centroids(names)
    assert centres is not None
    people = pd.DataFrame({"participant_id": range(2 * N), "age": 50.0, "sex": "F"})
    planted = np.array([name.split("_", 1)[1] in LIMBIC for name in names])

    def effect(patients: int) -> np.ndarray:
        affected = [k < patients for k in range(2 * N)]
        values = simulate_features(people, affected, names, centres, 0)[:, :, :5]
        found = regional(networks(values))
        return (found[:N].mean(axis=0) - found[N:].mean(axis=0)) / found.std(axis=0)

    g = effect(N)
    assert g[planted].min() > -0.05
    assert 0.25 < g[planted].mean() < 0.65
    assert g[[k for k, name in enumerate(names) if name.endswith("insula")]].min() > 0.3
    assert np.abs(effect(0)).max() < 0.5
