"""Three sites that hand on sums: their files together against one analysis of the images."""

from __future__ import annotations

import json
import zipfile

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from described_tables import undescribed
from three_sites import NAMES, Parts, words

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.upkeep import gc, referenced


def asked(base, out, *more):
    return words(base, "placed", out, "share.minimum_people=3", *more)


def export(base, site, out, *more):
    lake = f"storage.url={base / 'lake'}"
    return asked(base, out, "share=export", f"share.site={site}", lake, *more)


@pytest.fixture(scope="module")
def files(three):
    for site in NAMES:
        assert command(export(three, site, "exported")) == 0
    return [three / f"exported/share/three_site-{site}_share.zarr.zip" for site in NAMES]


@pytest.fixture(scope="module")
def joint(three, files):
    listed = ",".join(map(str, files))
    assert command(asked(three, "joint", "share=combine", f"files=[{listed}]")) == 0
    return three / "joint"


def test_t_and_tables_are_those_of_pooled_images(three, joint):
    images = Parts(three, "placed", "contrast.variance=equal")
    wanted = images.map("stat_t")
    found = nib.load(joint / "group/contrast-patVsHc_stat-t_statmap.nii.gz").get_fdata()
    both = np.isfinite(found)
    missed = np.isfinite(wanted) & ~both
    assert both.sum() > 5000
    assert 0 < missed.sum() <= 64
    np.testing.assert_allclose(found[both], wanted[both], atol=1e-5)
    own = images.lake.record(images.contrasts["patVsHc"].contrast.part)
    tables = [pd.read_csv(joint / f"group/contrast-patVsHc_{n}.tsv", sep="\t")
              for n in ("clusters", "parcels")]  # fmt: skip
    assert (tables[0]["sign"] == "negative").any()
    assert tables[1]["t"].notna().sum() > 100
    provenance = json.loads((joint / "provenance.json").read_text())
    assert provenance["state"] == "complete"
    assert set(provenance["files"]) == set(NAMES)
    assert own["n"] == 36
    sites = pd.read_csv(joint / "group/sites.tsv", sep="\t")
    assert sites["pat"].tolist() == [6, 6, 6]


def test_the_joint_contrast_opens_with_the_maps_of_the_folder(joint):
    maps = open_study(joint).contrasts["patVsHc"].maps
    written = {p.name.split("stat-")[1].split("_")[0] for p in (joint / "group").glob("*.nii.gz")}
    assert written <= set(maps)
    found = nib.load(joint / "group/contrast-patVsHc_stat-t_statmap.nii.gz").get_fdata()
    np.testing.assert_allclose(maps.t.to_numpy().transpose(2, 1, 0), found, rtol=1e-6)


def test_garbage_collection_leaves_what_sums_gave(three, joint):
    lake = Lake(f"{three}/lake")
    made = {part for part in referenced(lake) if part.stage in ("pooled", "clusters")}
    assert len(made) == 2
    assert not made & set(gc(lake, older_than_s=-1, dry_run=True).parts)


def test_the_file_opens_with_plain_xarray_and_names_nobody(three, files):
    with xr.open_zarr(zarr.storage.ZipStore(files[0], mode="r"), consolidated=False) as arrays:
        assert arrays["share_cross"].shape[:2] == (2, 2)
        assert arrays.attrs["minimum_people"] == 3
    text = files[0].with_name("three_site-north_share.txt").read_text()
    assert "data protection officer" in text
    with zipfile.ZipFile(files[0]) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist()) + text.encode()
    labels = pd.read_csv(three / "data/north/participants.tsv", sep="\t")["participant_id"]
    assert not [label for label in labels if label.encode() in held]
    parts = [path for path in (three / "lake/parts").glob("share*/**/*") if path.is_file()]
    stages = {path.relative_to(three / "lake/parts").parts[0] for path in parts}
    assert {"share", "share_block", "share_cells", "share_differences", "share_patterns"} == stages
    kept = b"".join(path.read_bytes() for path in parts)
    assert not [label for label in labels if label.encode() in kept]


def said(capsys, arguments):
    capsys.readouterr()
    assert command(arguments) == 2
    text = capsys.readouterr().err.strip().removeprefix("rt1t2-dask: ").splitlines()
    return text[-1]


def test_an_export_that_differs_by_one_person_is_refused(three, files, capsys):
    fewer = ["+cohort.exclude=[n01]", "cohort.covariates=[]"]
    again = export(three, "north", "again", *fewer)
    assert "an earlier export of this site and this one together distinguish" in said(capsys, again)
    assert command(export(three, "north", "same")) == 0
    same = three / "same/share/three_site-north_share.zarr.zip"
    assert same.read_bytes() == files[0].read_bytes()


def test_one_folder_with_a_site_column_gives_the_same_file(three, files):
    one = [w.replace("+cohort=placed", "+cohort=one") for w in export(three, "north", "column")]
    assert command(one) == 0
    found = three / "column/share/three_site-north_share.zarr.zip"
    assert found.read_bytes() == files[0].read_bytes()


def changed(file, to, **about):
    """Copy a site's file with other words about itself; None takes one out."""
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(to, "w") as new:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "zarr.json":
                whole = json.loads(content)
                said = whole["attributes"] | about
                whole["attributes"] = {k: v for k, v in said.items() if v is not None}
                content = json.dumps(whole).encode()
            new.writestr(name, content)
    return to


def test_sums_of_logs_and_of_ratios_are_never_added(three, files, capsys, tmp_path):
    def words_of(*paths):
        listed = ",".join(map(str, paths))
        return asked(three, "mixed", "share=combine", f"files=[{listed}]", "dry_run=true")

    def combined(*paths):
        return said(capsys, words_of(*paths))

    log = changed(files[1], tmp_path / "log.zip", scale="log")
    assert command(words_of(changed(files[0], tmp_path / "too.zip", scale="log"), log)) == 0
    signed = changed(files[0], tmp_path / "signed.zip", scale="signed")
    assert command(words_of(signed, files[1])) == 0
    assert "site north of the ratio itself" in combined(signed, log)
    for listed in ((log, files[0], files[2]), (files[2], log)):
        found = combined(*listed)
        assert "site south shares sums of the log ratio, site " in found
        assert ("site north of the ratio itself" in found) == (files[0] in listed)
        assert "calibration=none at every site" in found
    old = changed(files[1], tmp_path / "old.zip", scale=None, format=1)
    assert "has format 1, this version reads 2; export it again" in combined(old, files[0])
    assert not (three / "mixed").exists()


def test_what_cannot_be_exported_or_combined_is_one_line(three, files, capsys, tmp_path):
    def combined(*paths, more=()):
        listed = ",".join(map(str, paths))
        return said(capsys, asked(three, "bad", "share=combine", f"files=[{listed}]", *more))

    assert "needs share.site=NAME" in said(capsys, asked(three, "x", "share=export"))
    assert "not one of cohort.sites: north" in said(capsys, export(three, "east", "x"))
    assert "share.site=2 is not one of cohort.sites" in said(capsys, export(three, "2", "x"))
    assert "both of site north" in combined(files[0], files[0])
    assert "at least two sites" in combined(files[0])
    assert "no such file" in combined(tmp_path / "none.zip", files[1])
    (tmp_path / "bad.zarr.zip").write_bytes(b"no zip")
    assert "bad.zarr.zip is damaged or not a file of share=export" in combined(
        tmp_path / "bad.zarr.zip", files[0]
    )
    smooth = ["smooth.fwhm_mm=6"]
    assert "fwhm_mm=0.0, this study has 6" in combined(*files, more=smooth)
    other = ["contrast.variance=spm_unequal"]
    assert "variance=spm_unequal needs people" in combined(*files, more=other)
    other = ["cohort.covariates=[age,sex]"]
    assert "site north shares no covariate sex; it shares age" in combined(*files, more=other)
    five = export(three, "north", "x", "share.minimum_people=5")
    assert "group pat: with age" in said(capsys, five)


def test_every_table_is_described(joint):
    assert undescribed(joint) == []
