"""The atlas: its labels, its names, and the way it is moved to other grids."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask import assets, atlas
from rt1t2_dask.errors import UserError
from rt1t2_dask.images import nifti
from rt1t2_dask.images.volume import Grid, Volume

NOT_GREY = {4, 11, 35, 40, 41, 44, 45, 46, 49, 50, 51, 52, 61, 62, 63, 64, 69}


def packaged(monkeypatch) -> atlas.Atlas:
    monkeypatch.delenv("RT1T2_ASSETS", raising=False)
    content = assets.read(assets.resolve("neuromorphometrics"))
    return atlas.neuromorphometrics(nifti.from_bytes(content, "atlas", kind="map"))


def shared_folder() -> Path:
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    if not first or not (Path(first) / "atlas").is_dir():
        pytest.skip("RT1T2_ASSETS names no folder with atlas/")
    return Path(first)


def test_136_labels_of_which_119_are_grey(monkeypatch):
    found = packaged(monkeypatch)
    present = set(np.unique(found.labels.data).tolist()) - {0}
    assert present == set(found.names)
    assert len(present) == 136
    assert set(found.grey) == present - NOT_GREY
    assert len(found.grey) == 119
    assert found.grey == atlas.grey_labels() == tuple(sorted(found.grey))


def test_names_are_readable(monkeypatch):
    names = packaged(monkeypatch).names
    assert names[60] == "Left Thalamus Proper"
    assert names[37] == "Left Caudate"
    assert names[204] == "Right triangular part of the inferior frontal gyrus"
    assert names[109] == "Left calcarine cortex"
    assert len(set(names.values())) == 136


def test_the_region_table_agrees_with_the_image(monkeypatch):
    labels = packaged(monkeypatch).labels
    table = atlas.regions()
    for index in (60, 39, 207):
        voxels = np.argwhere(labels.data == index)
        centre = labels.affine[:3, :3] @ voxels.mean(axis=0) + labels.affine[:3, 3]
        np.testing.assert_allclose(table.loc[index, ["x_mm", "y_mm", "z_mm"]], centre, atol=6e-4)
        assert table.loc[index, "volume_mm3"] == pytest.approx(len(voxels) * 1.5**3, abs=1e-3)


def test_sides_and_structures_are_what_the_places_say():
    table = atlas.regions()
    assert (table.loc[table.hemisphere == "left", "x_mm"] < 0).all()
    assert (table.loc[table.hemisphere == "right", "x_mm"] > 0).all()
    grey = table[table.grey]
    assert grey.structure.value_counts().to_dict() == {
        "cortex": 98,
        "subcortex": 16,
        "cerebellum": 5,
    }
    assert (table.loc[~table.grey, "structure"] == "other").all()


def test_dseg_has_the_columns_of_bids():
    table = atlas.dseg()
    assert list(table.columns) == ["index", "name", "abbreviation"]
    assert len(table) == 136
    assert not table.isna().any().any()


def test_another_label_image_is_refused(monkeypatch):
    found = packaged(monkeypatch)
    wrong = np.where(found.labels.data == 60, 9, found.labels.data)
    with pytest.raises(UserError, match=r"without a name \[9\].*without a voxel \[60\]"):
        atlas.neuromorphometrics(found.labels.with_data(wrong))
    with pytest.raises(UserError, match="interpolated"):
        atlas.neuromorphometrics(found.labels.with_data(wrong + 0.4))


@pytest.mark.assets
def test_the_packaged_crop_is_the_whole_atlas(monkeypatch):
    folder = shared_folder()
    whole_bytes = (folder / "atlas" / "labels_Neuromorphometrics.nii.gz").read_bytes()
    whole = atlas.neuromorphometrics(nifti.from_bytes(whole_bytes, "atlas", kind="map"))
    crop = packaged(monkeypatch)
    assert crop.labels.data.shape != whole.labels.data.shape
    np.testing.assert_array_equal(atlas.on_grid(crop, whole.labels.grid), whole.labels.data)
    for voxel in (1.0, 2.0, 3.0):
        affine = np.diag([-voxel, voxel, voxel, 1.0])
        affine[:3, 3] = 97, -133, -71
        grid = Grid((int(195 / voxel), int(231 / voxel), int(187 / voxel)), affine)
        np.testing.assert_array_equal(atlas.on_grid(crop, grid), atlas.on_grid(whole, grid))


def small_atlas(rng) -> atlas.Atlas:
    labels = rng.integers(0, 5, size=(7, 8, 9))
    labels[0, 0, :4] = [1, 2, 3, 4]
    affine = np.diag([-1.5, 1.5, 1.5, 1.0])
    affine[:3, 3] = 4.5, -6.0, -6.0
    return atlas.custom(Volume(labels, affine), {k: str(k) for k in range(1, 5)})


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.0]),
    st.tuples(*[st.integers(-8, 8)] * 3),
    st.booleans(),
)
def test_moved_labels_follow_juspace_rule_voxel_by_voxel(seed, voxel, corner, flipped):
    found = small_atlas(np.random.default_rng(seed))
    affine = np.diag([-voxel if flipped else voxel, voxel, voxel, 1.0])
    affine[:3, 3] = corner
    grid = Grid((6, 5, 4), affine)
    moved = atlas.on_grid(found, grid)
    inverse = np.linalg.inv(found.labels.affine)
    for index in np.ndindex(grid.shape):
        place = inverse @ affine @ [*index, 1.0]
        source = [int(np.floor(round(x, 6) + 0.5)) for x in place[:3]]
        inside = all(0 <= s < n for s, n in zip(source, found.labels.data.shape, strict=True))
        assert moved[index] == (found.labels.data[tuple(source)] if inside else 0)


def test_a_half_way_place_goes_up():
    labels = Volume(np.arange(1, 5).reshape(4, 1, 1), np.eye(4))
    found = atlas.custom(labels, {k: str(k) for k in range(1, 5)})
    affine = np.eye(4)
    affine[0, 3] = 0.5
    assert atlas.on_grid(found, Grid((4, 1, 1), affine)).ravel().tolist() == [2, 3, 4, 0]
