"""Which maps, their shipped means, and the table that leaves the house."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rt1t2_dask import assets, atlas
from rt1t2_dask.errors import UserError
from rt1t2_dask.images import nifti
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.receptors import build_table, maps
from rt1t2_dask.receptors.colocalisation import colocalise
from rt1t2_dask.receptors.table import COLUMNS, table
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

DATA = files("rt1t2_dask") / "data"


@pytest.fixture(scope="module")
def shared() -> Path:
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    if not first or not (Path(first) / "pet").is_dir():
        pytest.skip("RT1T2_ASSETS names no folder with pet/")
    return Path(first)


@pytest.fixture(scope="module")
def neuromorphometrics() -> atlas.Atlas:
    content = assets.read(assets.resolve("neuromorphometrics"))
    return atlas.neuromorphometrics(nifti.from_bytes(content, "atlas", kind="map"))


def load(path: Path) -> Volume:
    return nifti.from_bytes(path.read_bytes(), path.name, kind="map")


def test_the_seventeen_have_one_map_a_receptor():
    assert len(maps.THE_17) == len({maps.receptor_of(name) for name in maps.THE_17}) == 17
    assert set(maps.THE_17) <= set(maps.shipped_names())
    assert len(maps.shipped_names()) == 30


def test_selection():
    assert maps.select("largest_sample") == list(maps.THE_17)
    assert maps.select("all") == maps.shipped_names()
    assert maps.select(["DAT_DATSPECT", "my/own_map.nii.gz"]) == [
        "DAT_DATSPECT",
        "my/own_map.nii.gz",
    ]
    assert maps.receptor_of("my/own_map.nii.gz") == "own"
    with pytest.raises(UserError, match="did you mean DAT_DATSPECT"):
        maps.select(["DAT_DATSCAN"])
    with pytest.raises(UserError, match="only once"):
        maps.select(["DAT_DATSPECT", "DAT_DATSPECT"])


def test_shipped_means_have_every_region_of_every_map():
    means = maps.shipped_means()
    assert tuple(means.index) == atlas.grey_labels()
    assert np.isfinite(means.to_numpy()).all()
    assert means["gm_prior"].between(0, 1).all()


def test_every_map_keeps_its_source_and_terms():
    sources = json.loads((DATA / "pet_sources.json").read_text())
    assert [entry["map"] for entry in sources["maps"]] == maps.shipped_names()
    for entry in [*sources["maps"], sources["gm_prior"]]:
        assert len(entry["sha256"]) == 64
        assert entry["citation"]
        assert entry["licence"]
    assert "CC BY-NC-SA" in (DATA / "PET_LICENSE.txt").read_text()


@pytest.mark.assets
def test_the_shipped_tables_are_what_the_assets_give(shared, tmp_path):
    (tmp_path / "pet_sources.json").write_bytes((DATA / "pet_sources.json").read_bytes())
    build_table.build(shared, tmp_path)
    for name in ("pet_sources.json", "pet_parcels.tsv", "neuromorphometrics.tsv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


@pytest.mark.assets
def test_parcel_means_of_maps_and_subjects_equal_juspace(shared, neuromorphometrics):
    reference = shared.parent / "reference" / "juspace"
    if not reference.is_dir():
        pytest.skip("no reference/juspace beside RT1T2_ASSETS")
    read = lambda name: np.loadtxt(reference / "out" / f"{name}.csv", delimiter=",")  # noqa: E731
    order = (reference / "out" / "pet_order.txt").read_text().split()
    for name, expected in list(zip(order, read("data_PET"), strict=True))[::4]:
        found = maps.means_from_map(load(shared / "pet" / f"{name}.nii.gz"), neuromorphometrics)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    means = maps.shipped_means()
    np.testing.assert_allclose(means[order].to_numpy().T, read("data_PET"), rtol=1e-6, atol=1e-6)
    for case, image, table_name, row in (
        ("clean", "pat05", "D1", 4),
        ("clean", "con10", "D2", 9),
        ("nan", "pat03nan", "D1", 2),
        ("nan", "con02nan", "D2", 1),
    ):
        volume = load(reference / "inputs" / f"{image}.nii.gz")
        found = maps.means_from_map(volume, neuromorphometrics)
        np.testing.assert_allclose(found, read(f"{case}_{table_name}")[row], atol=1e-6)


def test_a_map_file_is_used_when_it_is_found(neuromorphometrics):
    labels = neuromorphometrics.labels
    ramp = np.arange(labels.data.shape[2], dtype=np.float64)
    volume = labels.with_data(np.broadcast_to(ramp, labels.data.shape))
    names = ["DAT_DATSPECT", "own.nii"]
    found = maps.gather(names, {"own.nii": volume}, neuromorphometrics)
    assert found.origin == {
        "DAT_DATSPECT": "shipped means",
        "own.nii": "map file",
        "gm_prior": "shipped means",
    }
    thalamus = neuromorphometrics.grey.index(60)
    expected = np.argwhere(labels.data == 60)[:, 2].mean()
    assert found.values[1, thalamus] == pytest.approx(expected)
    np.testing.assert_array_equal(found.values[0], maps.shipped_means()["DAT_DATSPECT"])


def test_a_map_that_misses_regions_is_refused(neuromorphometrics):
    affine = neuromorphometrics.labels.affine
    top = affine.copy()
    top[:3, 3] += affine[:3, 2] * 60
    data = np.ones(neuromorphometrics.labels.data.shape)
    whole = maps.coverage_from_map(Volume(data, affine), neuromorphometrics)
    np.testing.assert_allclose(whole, 1)
    with pytest.raises(UserError, match=r"covers less than half of \d+ of 119 regions"):
        maps.gather(["own.nii"], {"own.nii": Volume(data, top)}, neuromorphometrics)
    with pytest.raises(UserError, match="was not found"):
        maps.gather(["own.nii"], {}, neuromorphometrics)
    nothing = Volume(np.full_like(data, np.nan), affine)
    found = maps.gather(["own.nii", "DAT_DATSPECT"], {"own.nii": nothing}, neuromorphometrics)
    assert np.isnan(found.values).all(axis=1).tolist() == [True, False]
    with pytest.raises(UserError, match="gm_prior covers less than half of 119"):
        maps.gather(["DAT_DATSPECT"], {"gm_prior": nothing}, neuromorphometrics)


def test_the_table_has_the_contracts_columns_and_one_family():
    rng = np.random.default_rng(0)
    names = list(maps.THE_17)
    means = maps.gather(names, {})
    controls = rng.normal(size=(9, 119))
    results = {
        group: colocalise(
            rng.normal(size=(n, 119)), controls, means.values, means.gm_prior, n_permutations=99
        )
        for group, n in (("psp", 6), ("psps2", 5))
    }
    frame = table(results, names)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 34
    assert frame["receptor"].tolist()[:2] == ["5HT1a", "5HT1b"]
    np.testing.assert_array_equal(frame["q_fdr"], benjamini_hochberg(frame["p_permutation"]))
    assert frame[["p_spatial", "p_conjunction", "q_conjunction"]].isna().all().all()
    spatial = {group: rng.uniform(size=17) for group in results}
    spatial["psp"][3] = np.nan
    both = table(results, names, spatial)
    p = both[["p_permutation", "p_spatial"]].to_numpy()
    tested = ~np.isnan(p).any(axis=1)
    assert tested.sum() == 33
    expected = stats.false_discovery_control(p[tested].max(axis=1))
    np.testing.assert_allclose(both.loc[tested, "q_conjunction"], expected)
    assert np.isnan(both["q_conjunction"][3])
    assert (frame["n_permutations"] == 99).all()
    assert (frame["n_regions"] == 119).all()
    assert len(table({}, names)) == 0


def test_the_papers_q_values_are_benjamini_hochberg_over_34():
    """Van Grinsven et al. 2025, Table 3: q .0017, .002266, .00255, .00272, .002833.

    With p = k/10001, rank r of 34 gives q = 34 k / (10001 r): two p of 1/10001 give .0017, and so
    on up to six; the other receptors' p are not significant.
    """
    steps = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
    printed = (0.0017, 0.002266, 0.00255, 0.00272, 0.002833)
    for (k, rank), q in zip(steps.items(), printed, strict=True):
        assert 34 * k / 10001 / rank == pytest.approx(q, abs=1e-6)
    p = np.concatenate([[1, 1, 2, 3, 4, 5], np.linspace(2000, 10001, 28)]) / 10001
    q = benjamini_hochberg(p)[:6]
    np.testing.assert_allclose(q, [printed[0], *printed], atol=1e-6)
