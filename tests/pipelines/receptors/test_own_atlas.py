"""The receptor analysis over the user's own regions."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask import assets, atlas
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images import nifti

LAST = 500
ATLAS = "receptors.atlas={{image: {0}/own.nii.gz, table: {0}/own.tsv}}"


@pytest.fixture
def own(tmp_path, maps_study):
    """Write a study without contrasts, an own map, and the 119 regions under turned numbers."""
    maps_study()
    cohort = tmp_path / "studies" / "cohort" / "small.yaml"
    cohort.write_text(cohort.read_text().replace("{patVsHc: [pat, hc]}", "{}"))
    asset = assets.resolve("neuromorphometrics")
    volume = nifti.from_bytes(assets.read(asset), asset.path.name)
    labels = np.asarray(volume.data).astype(np.int32)
    grey = np.isin(labels, atlas.grey_labels())
    turned = np.where(grey, LAST - labels, 0).astype(np.int16)
    nib.Nifti1Image(turned, volume.affine).to_filename(tmp_path / "own.nii.gz")
    names = atlas.regions().loc[list(atlas.grey_labels()), "name"]
    rows = pd.DataFrame({"index": LAST - names.index, "name": names.to_numpy()})
    rows.to_csv(tmp_path / "own.tsv", sep="\t", index=False)
    values = np.random.default_rng(3).gamma(2, size=labels.shape).astype(np.float32)
    values += np.indices(labels.shape)[1] / 50
    nib.Nifti1Image(values, volume.affine).to_filename(tmp_path / "NAT_own.nii.gz")
    return ATLAS.format(tmp_path)


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_the_same_regions_under_other_numbers_give_the_same_correlations(
    own, maps_arguments, tmp_path
):
    words = [f"receptors.maps=[{tmp_path}/NAT_own.nii.gz]", "receptors.adjust_gm=false"]
    words += ["permute.n=0", "report.mosaics=0"]
    assert command([*maps_arguments, *words]) == 0
    read = lambda: pd.read_csv(tmp_path / "out" / "group" / "receptors.tsv", sep="\t")  # noqa: E731
    plain = read()
    assert command([*maps_arguments, *words, own, "overwrite=true"]) == 0
    found = read()
    same = ["mean_fisher_z", "p_permutation", "ci_low", "n_regions"]
    np.testing.assert_allclose(found[same], plain[same], rtol=1e-6)
    assert found["p_spatial"].between(0, 1).all()
    places = pd.read_csv(tmp_path / "out" / "group" / "receptors_regions.tsv", sep="\t")
    names = atlas.regions()["name"]
    assert places["name"].tolist() == names[LAST - places["region"]].tolist()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "which its spatial null takes as one structure" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["receptors.maps=[{0}/NAT_own.nii.gz]"], "set receptors.gm_prior"),
        (["receptors.maps=[{0}/NAT_own.nii.gz]", "few"], "has 5 regions"),
        (["receptors.maps=[{0}/NAT_own.nii.gz]", "unnamed"], "labels without a name"),
    ],
)
def test_an_atlas_that_does_not_fit_is_refused_before_any_work(
    own, maps_arguments, tmp_path, capsys, words, said
):
    rows = pd.read_csv(tmp_path / "own.tsv", sep="\t")
    kept = {"few": 5, "unnamed": 100}.get(words[-1], len(rows))
    if words[-1] == "few":
        image = nib.load(tmp_path / "own.nii.gz")
        labels = np.asarray(image.dataobj)
        few = np.where(np.isin(labels, rows["index"][:kept]), labels, 0)
        nib.Nifti1Image(few, image.affine).to_filename(tmp_path / "own.nii.gz")
    rows.iloc[:kept].to_csv(tmp_path / "own.tsv", sep="\t", index=False)
    assert command([*maps_arguments, words[0].format(tmp_path), own]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "lake" / "parts" / "map").exists()
