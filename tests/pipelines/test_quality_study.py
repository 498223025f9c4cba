"""Quality in a whole study: flags are told, and people are left out on request."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

from rt1t2_dask.command_line import command


def hollow(root, label: str) -> None:
    """Take the front half of one person's map away."""
    import nibabel as nib

    path = root / f"{label}_T1wT2wratio.nii.gz"
    image = nib.load(path)
    data = image.get_fdata(dtype="float32")
    data[:, data.shape[1] // 2 :] = float("nan")
    nib.Nifti1Image(data, image.affine).to_filename(path)


@pytest.mark.parametrize("action", ["flag", "exclude"])
def test_a_person_beyond_a_limit_is_told_and_left_out_on_request(
    maps_study, maps_arguments, tmp_path, caplog, action
):
    root, _ = maps_study()
    hollow(root, "sub-02")
    words = [*maps_arguments, f"quality.action={action}", "report.mosaics=2", "permute.n=0"]
    assert command([*words, "receptors.n_permutations=0", "receptors.spatial=none"]) == 0
    out = tmp_path / "out"
    quality = pd.read_csv(out / "group" / "quality.tsv", sep="\t", na_values="n/a")
    flagged = quality[quality["flag"].notna()]
    assert flagged["participant_id"].tolist() == ["sub-02"]
    assert "regions_under_half" in flagged["flag"].item()
    assert flagged["used"].item() == ("yes" if action == "flag" else "no")
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t")
    assert ("sub-02" in parcels["participant_id"].tolist()) is (action == "flag")
    assert (out / "sub-02" / "anat").is_dir()
    assert "1 of 13 people are beyond a quality limit (regions_under_half 1)" in caplog.text
    assert "sub-02" not in caplog.text
    page = (out / "report.html").read_text()
    assert "People beyond a limit of quality" in page
    assert ("quality.action=exclude" in page) is (action == "exclude")
    pictures = sorted(path.parent.parent.name for path in out.glob("sub-*/figures/*.png"))
    assert len(pictures) == 2
    assert "sub-02" in pictures
    for path in out.glob("sub-*/figures/*.png"):
        assert path.stat().st_size < 200_000
        Image.open(path).verify()


def test_nobody_left_is_an_error_of_one_line(maps_study, maps_arguments, capsys):
    maps_study()
    words = [*maps_arguments, "quality.action=exclude", "quality.limits.regions_under_half=[1,2]"]
    assert command(words) == 1
    assert "quality.action=exclude leaves nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("quality.limits.brain_ml=[3,2]", "3 is over 2"),
        (
            "quality.limits.brain_litres=[1,2]",
            "there is no such setting; did you mean quality.limits.brain_ml?",
        ),
        ("quality.action=forget", "quality.action"),
    ],
)
def test_a_wrong_limit_is_one_line(maps_study, maps_arguments, capsys, setting, said):
    maps_study()
    assert command([*maps_arguments, setting]) == 2
    assert said in capsys.readouterr().err
