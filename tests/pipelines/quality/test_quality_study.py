"""Quality in a whole study: flags are told, and people are left out on request."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from rt1t2_dask.atlas import dseg
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.pipelines.calibration.plan import PersonGain
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.quality.table import quality_table


def hollow(root, label: str) -> None:
    """Take the front half of one person's map away."""
    import nibabel as nib

    path = root / f"{label}_T1wT2wratio.nii.gz"
    image = nib.load(path)
    data = image.get_fdata(dtype="float32")
    data[:, data.shape[1] // 2 :] = float("nan")
    nib.Nifti1Image(data, image.affine).to_filename(path)


def rows_of_desk(out) -> dict[str, str]:
    """Everybody on the quality desk, whose pages are there, and their states."""
    page = (out / "quality.html").read_text()
    found = dict(re.findall(r'<tr data-label="([^"]+)" data-state="([^"]+)">', page))
    assert all((out / f"{label}.html").exists() for label in found)
    return found


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
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
    assert "People beyond a quality limit" in page
    assert ("quality.action=exclude" in page) is (action == "exclude")
    pictures = sorted(path.parent.parent.name for path in out.glob("sub-*/figures/*.png"))
    assert len(pictures) == 2
    assert rows_of_desk(out)["sub-02"] == ("flagged" if action == "flag" else "excluded")
    assert "sub-02" in pictures
    for path in out.glob("sub-*/figures/*.png"):
        assert path.stat().st_size < 200_000
        Image.open(path).verify()


@pytest.mark.usefixtures("lake_before")
def test_quality_is_judged_where_there_is_no_group(maps_study, maps_arguments, tmp_path, caplog):
    """People one by one: a flag, a row and exit code 0; another person's run keeps the row."""
    root, _ = maps_study()
    hollow(root, "sub-02")
    words = [*maps_arguments, "report.mosaics=0", "level=participant"]
    for label, flagged in (("sub-02", True), ("sub-04", False)):
        caplog.clear()
        assert command([*words, f"labels=[{label}]"]) == 0
        assert ("1 of 1 people are beyond a quality limit" in caplog.text) is flagged
        assert "sub-0" not in caplog.text
    path = tmp_path / "out" / "group" / "quality.tsv"
    quality = pd.read_csv(path, sep="\t", na_values="n/a").set_index("participant_id")
    assert quality.index.tolist() == ["sub-02", "sub-04"]
    assert "regions_under_half" in quality["flag"]["sub-02"]
    assert pd.isna(quality["flag"]["sub-04"])
    assert rows_of_desk(tmp_path / "out") == {"sub-02": "flagged", "sub-04": "in limits"}
    before = path.read_bytes()
    assert command([*words, "labels=[sub-02]"]) == 0
    assert path.read_bytes() == before
    looser = [*words, "quality.limits.regions_under_half=[null,119]", "labels=[sub-02]"]
    assert command(looser) == 0
    again = pd.read_csv(path, sep="\t", na_values="n/a").set_index("participant_id")
    assert again["flag"].isna().all()
    assert again.drop(columns="flag").equals(quality.drop(columns="flag"))


@pytest.mark.usefixtures("lake_before")
def test_a_failure_of_one_leaves_the_quality_of_the_others(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    (root / "sub-03_T1wT2wratio.nii.gz").write_bytes(b"not an image")
    assert command(maps_arguments) == 1
    quality = pd.read_csv(tmp_path / "out" / "group" / "quality.tsv", sep="\t")
    assert len(quality) == 12
    assert "sub-03" not in quality["participant_id"].tolist()
    states = rows_of_desk(tmp_path / "out")
    assert len(states) == 13
    assert [label for label, state in states.items() if state == "failed"] == ["sub-03"]
    assert "not a readable NIfTI image" in (tmp_path / "out" / "sub-03.html").read_text()


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_half_a_map_leaves_regions_out_everywhere(maps_study, maps_arguments, tmp_path):
    """n/a in the table of regions; one row fewer in contrasts; receptors and z go on."""
    root, _ = maps_study()
    hollow(root, "sub-02")
    words = [*maps_arguments, "report.mosaics=0", "receptors.spatial=none"]
    assert command(words) == 0
    group = tmp_path / "out" / "group"
    parcels = pd.read_csv(group / "parcels.tsv", sep="\t", na_values="n/a")
    own = parcels.set_index("participant_id").isna()
    lost = own.loc["sub-02"]
    assert 10 < lost.sum() < 110
    assert not own.drop(index="sub-02").to_numpy().any()
    quality = pd.read_csv(group / "quality.tsv", sep="\t").set_index("participant_id")
    assert quality["regions_under_half"]["sub-02"] == lost.sum()
    tested = pd.read_csv(group / "contrast-patVsHc_parcels.tsv", sep="\t").set_index("region")
    n = tested["n"]
    assert {12, 13} == set(n)
    assert (n == 12).sum() == lost.sum()
    assert tested[["p", "q_fdr", "p_fwe_max_t"]].notna().all().all()
    receptors = pd.read_csv(group / "receptors.tsv", sep="\t", na_values="n/a")
    assert receptors["mean_fisher_z"].notna().all()
    assert (receptors["n_regions"] == 119 - lost.sum()).all()


@pytest.mark.usefixtures("lake_before")
def test_nobody_left_is_an_error_of_one_line(maps_study, maps_arguments, capsys):
    maps_study()
    words = [*maps_arguments, "quality.action=exclude", "quality.limits.regions_under_half=[1,2]"]
    assert command(words) == 1
    assert "quality.action=exclude excludes everybody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("quality.limits.brain_ml=[3,2]", "3 is above 2"),
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


@pytest.mark.parametrize("limits", [(4.0, 5.0), (4.0, None), (None, None)])
def test_whatever_is_a_ratio_carries_the_gain(limits):
    index = dseg()["index"].to_numpy()[:3]
    regions = xr.Dataset({"region": ("region", index), "coverage": ("region", np.ones(3))})

    def person(limit, factor):
        numbers = {"ratio_white": 2.0, "ratio_grey": 1.5, "ratio_white_grey": 4 / 3}
        parts = {"ratio": {"ratio_limit": limit}, "quality": numbers, "parcels": regions}
        tasks = {stage: SimpleNamespace(part=part) for stage, part in parts.items()}
        gain = PersonGain(factor, 0.1, "P1", True, False)
        return PersonPlan(Person("sub-01", "pat"), tasks, {}, gain)

    lake = SimpleNamespace(record=lambda part: part, read=lambda part: part)
    config = SimpleNamespace(quality=SimpleNamespace(pairs=dict, action="flag"))
    plans = [person(limit, factor) for limit, factor in zip(limits, (0.5, 2.0), strict=True)]
    found = quality_table(lake, config, plans)
    assert found["ratio_white"].tolist() == [1.0, 4.0]
    assert found["ratio_grey"].tolist() == [0.75, 3.0]
    assert found["ratio_white_grey"].tolist() == [4 / 3, 4 / 3]
    wanted = [np.nan if k is None else k * f for k, f in zip(limits, (0.5, 2.0), strict=True)]
    np.testing.assert_array_equal(found["ratio_limit"].astype(float), wanted)
