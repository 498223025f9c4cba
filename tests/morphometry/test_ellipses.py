"""Regions as ellipses on the sphere, for pictures without an atlas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry import surface
from rt1t2_dask.morphometry.ellipses import (
    COVARIANCE,
    MEAN,
    RIDGE,
    _shipped,
    describe,
    likeliest,
    vertex_regions,
)
from rt1t2_dask.morphometry.regions import desikan_labels, desikan_names, desikan_places


@pytest.fixture(scope="module", params=["left", "right"])
def side(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def mesh(side) -> surface.Hemisphere:
    wanted = {n: assets.resolve(f"fsaverage5_{n}_{side}") for n in surface.SURFACES}
    return surface.hemisphere({name: assets.read(asset) for name, asset in wanted.items()})


def names_of(side: str) -> list[str]:
    return [name for name in desikan_names() if name.startswith(f"{side[0]}h_")]


def test_every_region_is_drawn_about_as_large_as_it_is(mesh, side):
    """The table's shares are those of FreeSurfer's annotation; the ellipses keep them."""
    names = names_of(side)
    found = vertex_regions(mesh.sphere, f"{side[0]}h", names)
    drawn = np.array([np.mean(found == k) for k in range(len(names))])
    share = _shipped().set_index("region")["share"][names].to_numpy(float)
    assert drawn.min() > 0
    assert np.abs(drawn - share).max() < 0.012
    assert 0.07 < np.mean(found == -1) < 0.13


def test_centres_are_where_spins_have_them(mesh, side):
    """Two tables, made from two atlases, tell the same places."""
    shipped = _shipped().set_index("region")
    for name in names_of(side):
        own = shipped.loc[name, list(MEAN)].to_numpy(float)
        other = np.array(desikan_places()[name])
        cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
        assert np.degrees(np.arccos(cosine)) < 16, name


def test_most_vertices_have_the_region_of_the_atlas(mesh, side):
    """The atlas's projection is one more approximation: 86 and 84 % of the annotation."""
    asset = assets.find("desikan_killiany")
    if asset is None:
        pytest.skip("the atlas is not installed")
    atlas = from_bytes(assets.read(asset), "atlas", kind="map")
    names = names_of(side)
    labels = [desikan_labels()[name] for name in names]
    found = vertex_regions(mesh.sphere, f"{side[0]}h", names)
    projected = surface.vertex_regions(mesh, atlas, labels)
    assert np.mean(found == projected) > 0.75


def test_the_likeliest_region_is_that_of_normal_densities():
    rng = np.random.default_rng(0)
    sphere = rng.standard_normal((400, 3))
    unit = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    regions = np.argmax(unit @ rng.standard_normal((3, 4)), axis=1)
    table = describe(sphere, regions, list("abcd"))
    scores = []
    for _, row in table.iterrows():
        xx, xy, xz, yy, yz, zz = row[list(COVARIANCE)].to_numpy(float)
        covariance = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) + RIDGE * np.eye(3)
        normal = stats.multivariate_normal(row[list(MEAN)].to_numpy(float), covariance)
        scores.append(row["share"] * normal.pdf(unit))
    found = likeliest(7.5 * sphere, table)
    np.testing.assert_array_equal(found, np.argmax(scores, axis=0))
    assert np.mean(found == regions) > 0.85
    assert table["share"].sum() == pytest.approx(1)
