"""The ratio by depth: spheres whose ratio is linear in the share of volume, weights, intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_meshes import icosphere
from scipy import stats

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.surface.depths import sample_depths
from rt1t2_dask.surface.profile import depth_means, group_profiles

WHITE_MM, PIAL_MM = 24.0, 28.0
DEPTHS = (0.15, 0.3, 0.5, 0.7, 0.85)


def shells(slope: float, voxel_mm: float = 0.75) -> Volume:
    """A ratio of 1.5 + slope * share, the share of the shell's volume below, exact for spheres."""
    n = int(2 * (PIAL_MM + 4) / voxel_mm)
    affine = np.diag([voxel_mm] * 3 + [1.0])
    affine[:3, 3] = -voxel_mm * (n - 1) / 2
    place = affine[0, 3] + voxel_mm * np.arange(n)
    radius = np.sqrt(sum(axis**2 for axis in np.meshgrid(place, place, place, indexing="ij")))
    share = (radius**3 - WHITE_MM**3) / (PIAL_MM**3 - WHITE_MM**3)
    return Volume(1.5 + slope * share, affine)


@pytest.mark.parametrize("slope", [-0.6, 0.4])
def test_a_ratio_linear_in_depth_gives_a_line_of_that_slope(slope):
    white, pial = icosphere(3, WHITE_MM), icosphere(3, PIAL_MM)
    values = sample_depths(shells(slope), white, pial, DEPTHS)
    middle = white.moved((white.vertices + pial.vertices) / 2)
    means, known = depth_means(values, middle.vertex_areas, np.ones(len(white.vertices), bool))
    line = stats.linregress(DEPTHS, means)
    assert line.slope == pytest.approx(slope, rel=0.02)
    assert line.intercept == pytest.approx(1.5, abs=0.01)
    assert line.rvalue**2 > 0.999
    assert (known == len(white.vertices)).all()


@given(st.integers(0, 2**32 - 1))
def test_vertices_weigh_by_area_and_the_unknown_and_the_medial_wall_do_not_count(seed):
    rng = np.random.default_rng(seed)
    values, areas = rng.normal(1.5, 0.2, (3, 40)), rng.uniform(0.5, 3, 40)
    cortex = rng.random(40) < 0.8
    values[rng.random((3, 40)) < 0.2] = np.nan
    values[2] = np.nan
    means, known = depth_means(values, areas, cortex)
    for row, mean, n in zip(values[:2], means, known, strict=False):
        used = cortex & ~np.isnan(row)
        assert n == used.sum()
        assert mean == pytest.approx(np.average(row[used], weights=areas[used]), rel=1e-12)
    assert np.isnan(means[2]) and known[2] == 0


def test_intervals_are_those_of_students_t():
    rng = np.random.default_rng(3)
    people = {"a": rng.normal(1.5, 0.1, (6, 2)), "b": rng.normal(1.3, 0.1, (1, 2))}
    rows = pd.DataFrame(
        [
            {"group": name, "depth": depth, "mean_ratio": value}
            for name, own in people.items()
            for person in own
            for depth, value in zip((0.8, 0.2), person, strict=True)
        ]
    )
    found = group_profiles(rows).set_index(["group", "depth"])
    for k, depth in enumerate((0.8, 0.2)):
        own = people["a"][:, k]
        low, high = stats.t.interval(0.95, 5, own.mean(), stats.sem(own))
        assert found.loc[("a", depth)].tolist() == pytest.approx([6, own.mean(), low, high])
    assert found.loc[("b", 0.2), "n"] == 1
    assert np.isnan(found.loc[("b", 0.2), "low"])
    assert group_profiles(rows)["depth"].tolist() == [0.2, 0.8, 0.2, 0.8]
